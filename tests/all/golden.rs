//! Files under `tests/snapshots` that only people change.

use std::fs;

use crate::support::root;

/// Holds `found` against `tests/snapshots/<name>`, whose lines that begin with `#` or are empty are for readers. If they
/// differ, `found` is left in `target/golden`; nothing writes the snapshot itself.
#[track_caller]
pub fn compare(name: &str, what: &str, found: &[String]) {
    let path = root().join("tests/snapshots").join(name);
    let golden = fs::read_to_string(path).unwrap_or_default();
    let is_comment = |line: &&str| line.starts_with('#') || line.is_empty();
    let expected: Vec<&str> = golden.lines().filter(|line| !is_comment(line)).collect();
    let told: Vec<&str> = found.iter().map(String::as_str).filter(|line| !is_comment(line)).collect();
    if told == expected {
        return;
    }
    let folder = root().join("target/golden");
    fs::create_dir_all(&folder).expect("target can be written");
    let lines = golden.lines().take_while(is_comment).chain(found.iter().map(String::as_str));
    let whole: String = lines.flat_map(|line| [line, "\n"]).collect();
    fs::write(folder.join(name), whole).expect("target can be written");
    let first = told.iter().zip(&expected).position(|(a, b)| a != b);
    let at = first.unwrap_or_else(|| told.len().min(expected.len()));
    let (is, was) = (told.get(at).unwrap_or(&"(nothing)"), expected.get(at).unwrap_or(&"(nothing)"));
    panic!(
        "{what} is not what tests/snapshots/{name} says.\n is: {is}\nwas: {was}\n\
         Compare: diff tests/snapshots/{name} target/golden/{name}\n\
         If every difference is meant, copy the file over by hand; a second person reads it."
    );
}
