//! The floors of `src/lib.rs`: who may import whom, and who owns which crate. Change the tables with the house.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::root;

/// Each folder or file of `src`, and what of ours it may import. Nothing stands on its own floor but 6, where the
/// command line reads the configuration and sets up the log.
const FLOORS: [(&str, &[&str]); 12] = [
    ("domain", &[]),
    ("pdp", &["domain"]),
    ("guard", &["domain", "pdp"]),
    ("store", &["domain", "guard", "pdp"]),
    ("crypto", &["domain"]),
    ("plugins", &["domain"]),
    ("outbound", &["domain"]),
    ("app", &["domain", "guard", "store", "crypto", "plugins", "outbound"]),
    ("api", &["domain", "guard", "app"]),
    ("config", &["domain", "crypto"]),
    ("telemetry", &["domain", "config"]),
    (
        "cli",
        &[
            "domain",
            "pdp",
            "guard",
            "store",
            "crypto",
            "plugins",
            "outbound",
            "app",
            "api",
            "config",
            "telemetry",
        ],
    ),
];

/// Crates that one floor keeps to itself, and the files elsewhere that may name them too.
const OWNED: [(&str, &[&str]); 25] = [
    ("cedar_policy", &["pdp/"]),
    ("sqlx", &["store/"]),
    ("jsonwebtoken", &["crypto/"]),
    ("argon2", &["crypto/"]),
    ("aws_lc_rs", &["crypto/"]),
    ("wasmtime", &["plugins/"]),
    ("wasmparser", &["plugins/"]),
    ("jsonschema", &["plugins/"]),
    ("lettre", &["outbound/"]),
    ("oauth2", &["outbound/"]),
    ("hickory_resolver", &["outbound/"]),
    ("psl", &["domain/"]),
    ("reqwest", &["outbound/", "cli/demo"]),
    ("poem", &["api/", "cli/serve", "cli/demo"]),
    ("poem_openapi", &["api/", "cli/serve"]),
    ("prometheus_client", &["api/metrics"]),
    ("tonic", &["api/ext_authz"]),
    ("tonic_prost", &["api/ext_authz"]),
    ("prost", &["api/ext_authz"]),
    ("clap", &["cli/"]),
    ("figment", &["config/"]),
    ("mail_parser", &["outbound/"]),
    ("mimalloc", &["main.rs"]),
    ("libmimalloc_sys", &["main.rs"]),
    ("rustix", &["main.rs"]),
];

/// Words that only some floors or files may say.
const WORDS: [(&str, &[&str]); 3] = [
    ("std::env", &["config/"]),
    ("Route::new()", &["api/"]),
    ("unsafe {", &["plugins/compiled.rs", "main.rs"]),
];

#[test]
fn a_floor_imports_only_what_the_table_allows() {
    let mut faults = Vec::new();
    for Source { path, code } in sources() {
        let floor = floor_of(&path);
        let Some((_, allowed)) = FLOORS.iter().find(|(name, _)| *name == floor) else {
            if !["lib.rs", "main.rs"].contains(&path.as_str()) {
                faults.push(format!("src/{path}: `{floor}` is not in the table of floors"));
            }
            continue;
        };
        for module in modules_named(&code) {
            if module != floor && !allowed.contains(&module.as_str()) {
                faults.push(format!("src/{path}: `{floor}` may not import `{module}`"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_table_knows_no_folder_that_is_gone_and_never_looks_up() {
    for (at, (floor, allowed)) in FLOORS.iter().enumerate() {
        let source = root().join("src").join(floor);
        assert!(source.is_dir() || source.with_extension("rs").is_file(), "there is no src/{floor}");
        let below: Vec<_> = FLOORS[..at].iter().map(|(name, _)| *name).collect();
        assert!(allowed.iter().all(|name| below.contains(name)), "{floor} looks up or at itself");
    }
}

#[test]
fn a_crate_with_an_owner_is_named_by_nobody_else() {
    let mut faults = Vec::new();
    for Source { path, code } in sources() {
        for (name, owners) in OWNED {
            if names_crate(&code, name) && !owners.iter().any(|owner| path.starts_with(owner)) {
                faults.push(format!("src/{path} names `{name}`, which belongs to {}", owners.join(", ")));
            }
        }
        for (word, owners) in WORDS {
            // A program's own tests may make a route to try something on.
            let tests = path.ends_with("tests.rs") || code.contains("#[cfg(test)]");
            if code.contains(word) && !owners.iter().any(|owner| path.starts_with(owner)) && !tests {
                faults.push(format!("src/{path} says `{word}`, which belongs to {}", owners.join(", ")));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_floor_begins_with_what_it_owns_imports_never_does_and_what_to_read_next() {
    for (floor, _) in FLOORS {
        let path = root().join("src").join(floor).join("mod.rs");
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let head: String = text
            .lines()
            .map_while(|line| line.strip_prefix("//!"))
            .map(|line| format!("{} ", line.trim()))
            .collect();
        for words in ["Owns: ", "ay import: ", "Must never: ", "Read next: "] {
            assert!(head.contains(words), "src/{floor}/mod.rs does not say `{words}`: {head}");
        }
        let first = text.lines().next().unwrap_or_default();
        assert!(first.starts_with("//! "), "src/{floor}/mod.rs does not begin with what it is");
    }
}

struct Source {
    /// Below `src`, such as `guard/mod.rs`.
    path: String,
    /// Without comments: a doc link upwards is no import.
    code: String,
}

fn sources() -> Vec<Source> {
    let base = root().join("src");
    let mut found = Vec::new();
    walk(&base, &mut found);
    assert!(found.len() > 50, "src is where it was");
    found
        .iter()
        .map(|file| {
            let text = fs::read_to_string(file).expect("a source file is text");
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            let path = file.strip_prefix(&base).expect("it lies in src").display().to_string();
            Source { path, code: code.collect::<Vec<_>>().join("\n") }
        })
        .collect()
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            walk(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// `guard` of `guard/mod.rs`, `telemetry` of `telemetry.rs`.
fn floor_of(path: &str) -> &str {
    let first = path.split('/').next().unwrap_or(path);
    if path == "lib.rs" || path == "main.rs" { first } else { first.trim_end_matches(".rs") }
}

/// The modules of `crate::a::…` and `crate::{a::…, b}`.
fn modules_named(code: &str) -> BTreeSet<String> {
    let word = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
    };
    let mut named = BTreeSet::new();
    for (at, start) in code.match_indices("crate::") {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_') {
            continue;
        }
        let rest = &code[at + start.len()..];
        match rest.strip_prefix('{') {
            None => {
                named.insert(word(rest));
            }
            Some(list) => named.extend(top_level(list).iter().map(|item| word(item))),
        }
    }
    // `crate::Name` is an item of the crate's root, of which there is none.
    named.remove("");
    named
}

/// The items of a `{…}` list, up to its end.
fn top_level(list: &str) -> Vec<String> {
    let (mut depth, mut items) = (0, vec![String::new()]);
    for c in list.chars() {
        match c {
            '}' if depth == 0 => break,
            ',' if depth == 0 => items.push(String::new()),
            _ => {
                depth += i32::from(c == '{') - i32::from(c == '}');
                items.last_mut().expect("there is one").push(c);
            }
        }
    }
    items
}

/// Whether the code says `name::…` or `use name`, as a crate and not as the end of a longer path or word.
fn names_crate(code: &str, name: &str) -> bool {
    code.match_indices(name).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = &code[at + name.len()..];
        let inside = before.is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '.' | '"'));
        let whole_path = code[..at].ends_with(" ::") || code[..at].ends_with("(::");
        (!inside || whole_path) && (after.starts_with("::") || after.starts_with(';'))
    })
}

#[test]
fn imports_are_read_in_every_spelling() {
    let code = "use crate::{app::{self, App}, store};\nlet x = crate::guard::Guard::new(); mycrate::no";
    let named: Vec<_> = modules_named(code).into_iter().collect();
    assert_eq!(named, ["app", "guard", "store"]);
    assert!(names_crate("use sqlx::Row;", "sqlx") && names_crate("let _: sqlx::Error;", "sqlx"));
    assert!(!names_crate("use crate::plugins::wasmtime_words;", "wasmtime"));
    assert!(!names_crate("store::sqlx_error", "sqlx") && !names_crate("crate::poem::x", "poem"));
}
