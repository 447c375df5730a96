//! `palisade plugin new`: a project that builds and tests with two commands.

use std::fs;
use std::path::Path;

use super::parts::{JS, Part, RUST, RUST_LOCK, WIT};
use super::worlds::{WORLDS, World, find};
use super::{Language, Outcome};

macro_rules! template {
    ($name:literal) => {
        include_str!(concat!("../../../plugins/templates/", $name))
    };
}

#[expect(clippy::print_stdout, reason = "this is the command line")]
pub(super) fn make(folder: &Path, language: Language, world: &str) -> Outcome {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    if !is_id(&name) {
        return Err(
            format!("`{name}` is not a plugin id: use a-z, 0-9 and -, and begin with a letter").into()
        );
    }
    let world = find(world).ok_or_else(|| {
        let names: Vec<_> = WORLDS.iter().map(|world| world.name).collect();
        format!("there is no world `{world}`; there are {}", names.join(", "))
    })?;
    if folder.try_exists()? {
        return Err(format!("`{}` is there already", folder.display()).into());
    }
    let mut files = common();
    match language {
        Language::Rust => rust(&mut files, world),
        Language::Js => js(&mut files, world),
        Language::Python => python(&mut files, world),
    }
    for (path, text) in files {
        write(&folder.join(path), &filled(&text, &name, language, world))?;
    }
    // Python's tool makes the types of a project itself.
    let parts: &[&[Part]] = match language {
        Language::Rust => &[WIT, RUST],
        Language::Js => &[WIT, JS],
        Language::Python => &[WIT],
    };
    for part in parts.iter().copied().flatten() {
        write(&folder.join("palisade").join(part.path), part.text)?;
    }
    println!("{} is a plugin in {language}, asked at `{}`; now:", folder.display(), world.hook);
    println!("  cd {}\n  palisade plugin build\n  {}", folder.display(), language.test());
    Ok(())
}

type Files = Vec<(&'static str, String)>;

fn common() -> Files {
    vec![
        ("manifest.toml", template!("manifest.template").to_owned()),
        ("config.schema.json", template!("config.schema.json").to_owned()),
        ("README.md", template!("README.md").to_owned()),
        (".gitignore", template!("gitignore").to_owned()),
        ("input.json", "{{input}}".to_owned()),
    ]
}

fn rust(files: &mut Files, world: &World) {
    let mut pieces = world.rust.split("---\n");
    let (uses, methods) = (pieces.next().unwrap_or_default(), pieces.next().unwrap_or_default());
    let mut text =
        template!("rust/lib.rs").replace("{{uses}}\n", uses.trim_start()).replace("{{methods}}", methods);
    if uses.contains("serde_json::json") {
        // Sorted, as the formatter has it.
        text = text.replace(
            "use serde_json::json;\nuse serde::Deserialize;",
            "use serde::Deserialize;\nuse serde_json::json;",
        );
    }
    if let Some(records) = pieces.next() {
        text = text.replace("impl Plugin for", &format!("{}\nimpl Plugin for", records.trim_start()));
    }
    files.push(("src/lib.rs", text));
    files.push(("Cargo.toml", template!("rust/Cargo.toml").to_owned()));
    files.push(("Cargo.lock", RUST_LOCK.to_owned()));
    files.push(("rustfmt.toml", template!("rust/rustfmt.toml").to_owned()));
}

fn js(files: &mut Files, world: &World) {
    let (imports, exports) = world.js.split_once("---\n").unwrap_or_default();
    let text = template!("js/plugin.js").replace("{{imports}}", imports).replace("{{exports}}\n", exports);
    // What sends texts over HTTP needs them as bytes.
    let used: Vec<_> = ["toBytes", "toText"].into_iter().filter(|name| exports.contains(name)).collect();
    let more = if used.is_empty() {
        String::new()
    } else {
        files.push(("src/utf8.js", template!("js/utf8.js").to_owned()));
        files.push(("test/utf8.test.js", template!("js/utf8.test.js").to_owned()));
        format!("import {{ {} }} from './utf8.js';\n", used.join(", "))
    };
    let text = text.replace("{{more}}", &more);
    files.push(("src/plugin.js", text));
    files.push(("src/settings.js", template!("js/settings.js").to_owned()));
    files.push(("test/settings.test.js", template!("js/settings.test.js").to_owned()));
    files.push(("package.json", template!("js/package.json").to_owned()));
    files.push(("package-lock.json", template!("js/package-lock.json").to_owned()));
    files.push(("jsconfig.json", template!("js/jsconfig.json").to_owned()));
}

fn python(files: &mut Files, world: &World) {
    let (imports, exports) = world.python.split_once("---\n").unwrap_or_default();
    let text =
        template!("python/plugin.py").replace("{{imports}}\n", imports).replace("{{exports}}\n", exports);
    files.push(("plugin.py", text));
    files.push(("settings.py", template!("python/settings.py").to_owned()));
    files.push(("test_settings.py", template!("python/test_settings.py").to_owned()));
    files.push(("requirements.txt", template!("python/requirements.txt").to_owned()));
}

fn filled(text: &str, name: &str, language: Language, world: &World) -> String {
    text.replace("{{input}}", world.input)
        .replace("{{capabilities}}\n", world.capabilities)
        .replace("{{name}}", name)
        .replace("{{type}}", &pascal(name))
        .replace("{{world}}", world.name)
        .replace("{{hook}}", world.hook)
        .replace("{{trait}}", world.rust_trait)
        .replace("{{class}}", world.python_class)
        .replace("{{test}}", language.test())
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text)
}

/// As the host has it; the name is a crate's too, so it begins with a letter and is no keyword in one piece.
fn is_id(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('-')
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && name != "sdk"
        && name != "componentize"
}

/// `front-door` is `FrontDoor`. What the SDK exports under such a name is in the way of nothing: it ends in `Plugin`.
fn pascal(name: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str())
    };
    name.split('-').filter_map(word).collect::<String>() + "Plugin"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_world_makes_a_project_in_each_language_with_nothing_left_to_fill_in() {
        let place = tempfile::tempdir().unwrap();
        for world in &WORLDS {
            for language in [Language::Rust, Language::Js, Language::Python] {
                let folder = place.path().join(format!("{}-{language}", world.name));
                make(&folder, language, world.name).unwrap();
                for file in ["manifest.toml", "config.schema.json", "README.md", "input.json", ".gitignore"] {
                    let text = fs::read_to_string(folder.join(file)).unwrap();
                    assert!(!text.contains("{{"), "{file} of {}: {text}", folder.display());
                }
                let code = ["src/lib.rs", "src/plugin.js", "plugin.py"].map(|file| folder.join(file));
                let code = code.iter().find(|file| file.exists()).unwrap();
                assert!(!fs::read_to_string(code).unwrap().contains("{{"), "{}", code.display());
                serde_json::from_str::<serde_json::Value>(world.input).unwrap();
                // As strictly as a server reads it, schema included.
                assert!(crate::plugins::ManifestView::read(&folder).unwrap().config_schema.is_some());
            }
        }
    }

    #[test]
    fn a_folder_that_is_there_is_left_alone() {
        let place = tempfile::tempdir().unwrap();
        assert!(make(place.path(), Language::Rust, "login-hook").is_err());
        let taken = place.path().join("door");
        fs::create_dir(&taken).unwrap();
        let told = make(&taken, Language::Rust, "login-hook").unwrap_err().to_string();
        assert!(told.contains("there already"), "{told}");
    }

    #[test]
    fn a_name_is_an_id_and_a_world_is_known() {
        let place = tempfile::tempdir().unwrap();
        for bad in ["Door", "1door", "door-", "front door", "sdk"] {
            assert!(make(&place.path().join(bad), Language::Js, "login-hook").is_err(), "{bad}");
        }
        let told = make(&place.path().join("door"), Language::Js, "logout-hook").unwrap_err().to_string();
        assert!(told.contains("login-hook"), "{told}");
    }

    /// The list of parts is written by hand; a file that joins the SDK must join it.
    #[test]
    fn a_project_carries_all_of_the_sdk() {
        let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).join("plugins");
        for (folder, parts) in
            [("sdk/src", RUST), ("wit/palisade-plugin@0.2.0", WIT), ("sdk-js/interfaces", JS)]
        {
            let there = fs::read_dir(plugins.join(folder)).unwrap().count();
            let carried = parts.iter().filter(|part| part.path.starts_with(folder)).count();
            assert_eq!(there, carried, "{folder}");
        }
    }
}
