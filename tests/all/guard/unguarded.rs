//! Functions of the store that need no permit are few, say so in their names, and are listed.

use std::fs;

use crate::support::root;

/// What is about the database and not about anybody's rows.
const INFRASTRUCTURE: [&str; 6] = ["open", "begin", "ping", "close", "commit", "statements"];

#[test]
fn the_store_lets_nobody_in_without_a_permit_but_the_listed() {
    let mut unguarded = Vec::new();
    let mut guarded = 0;
    for entry in fs::read_dir(root().join("src/store")).expect("src/store can be read") {
        let path = entry.expect("src/store can be read").path();
        let text = fs::read_to_string(&path).expect("a source file is text");
        for signature in public_functions(&text) {
            let name = signature.split(['(', '<']).next().unwrap_or_default().trim().to_owned();
            if signature.contains("Authorized<") {
                guarded += 1;
            } else if !INFRASTRUCTURE.contains(&name.as_str()) {
                assert!(
                    name.ends_with("_unguarded"),
                    "{}: `{name}` takes no `Authorized`: let it take one, or let its name end in `_unguarded`",
                    path.display()
                );
                assert!(
                    path.ends_with("unguarded.rs"),
                    "{}: `{name}` belongs in unguarded.rs",
                    path.display()
                );
                unguarded.push(name);
            }
        }
    }
    assert!(
        guarded > 20,
        "only {guarded} functions of the store were found: is it written in another way now?"
    );
    unguarded.sort();
    let listed =
        fs::read_to_string(root().join("tests/snapshots/unguarded.txt")).expect("the list can be read");
    let listed: Vec<&str> = listed.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(
        unguarded, listed,
        "left: the store's; right: tests/snapshots/unguarded.txt, which may only shrink without a second reader"
    );
}

/// From the name to the body of each `pub` or `pub(crate)` function; `pub(super)` stays in the store.
fn public_functions(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for opening in ["pub async fn ", "pub fn ", "pub(crate) async fn ", "pub(crate) fn "] {
        for (at, _) in text.match_indices(opening) {
            let rest = &text[at + opening.len()..];
            let signature = rest.split(" {\n").next().unwrap_or(rest);
            // Without `async` only what has rows' types could read: a constant or a getter cannot.
            if opening.contains("async") || signature.contains("Future") {
                found.push(signature.to_owned());
            }
        }
    }
    found
}

#[test]
fn signatures_are_found_over_several_lines() {
    let text = "pub async fn a(\n    &self,\n    ok: &Authorized<'_, X>,\n) -> Y {\n}\npub(super) async fn no() {\n}\npub(crate) async fn b() {\n";
    let found = public_functions(text);
    assert_eq!(found.len(), 2);
    assert!(found[0].contains("Authorized<") && found[1].starts_with("b("));
}
