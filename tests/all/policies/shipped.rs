//! The shipped policies hold their tests and the house's conventions.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use palisade::pdp::{Pdp, run_tests};

fn policies() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("policies")
}

fn cedar_files() -> Vec<(String, String)> {
    fs::read_dir(policies())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "cedar"))
        .map(|path| {
            (path.file_stem().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(path).unwrap())
        })
        .collect()
}

/// The texts of `@name("…")` in a file.
fn annotations<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let start = format!("@{name}(\"");
    text.lines().filter_map(|line| line.strip_prefix(start.as_str())?.strip_suffix("\")")).collect()
}

fn is_kebab(text: &str) -> bool {
    !text.is_empty()
        && text.split('-').all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase()))
}

#[test]
fn every_policy_test_passes() {
    let report =
        run_tests(&policies(), &policies().join("tests"), None).unwrap_or_else(|error| panic!("\n{error}"));
    assert!(report.failures.is_empty(), "\n{report}");
    assert!(report.cases > 300, "only {} cases were found", report.cases);
}

#[test]
fn every_policy_is_named_after_its_file() {
    let pdp = Pdp::load(&policies()).unwrap();
    let mut ids = BTreeSet::new();
    for (file, text) in cedar_files() {
        for id in annotations(&text, "id") {
            let rule = id
                .strip_prefix(&format!("{file}."))
                .unwrap_or_else(|| panic!("`{id}` stands in {file}.cedar"));
            assert!(is_kebab(rule), "`{id}`: the rule is not in kebab case");
            assert!(ids.insert(id.to_owned()), "`{id}` is there twice");
            let told = pdp.describe(id).unwrap();
            assert_eq!(told.file, format!("{file}.cedar"));
            let line = text.lines().nth(told.line - 1).unwrap();
            assert!(line.contains(id), "`{id}` is said to be at line {} of {file}.cedar: {line}", told.line);
        }
        assert_eq!(
            annotations(&text, "id").len(),
            text.lines().filter(|l| l.starts_with("permit") || l.starts_with("forbid")).count(),
            "{file}.cedar: one `@id(…)` a policy, each on a line of its own"
        );
    }
    assert!(!ids.is_empty());
}

#[test]
fn every_reason_is_a_sentence_and_every_code_a_word() {
    for (file, text) in cedar_files() {
        for why in annotations(&text, "why") {
            assert!(why.ends_with('.') && why.starts_with(char::is_uppercase), "{file}.cedar: {why}");
        }
        for code in annotations(&text, "code") {
            assert!(is_kebab(code), "{file}.cedar: {code}");
        }
    }
}

#[test]
fn all_forbids_stand_in_the_guardrails_and_nothing_else_does() {
    for (file, text) in cedar_files() {
        let forbids = text.lines().filter(|line| line.starts_with("forbid")).count();
        let permits = text.lines().filter(|line| line.starts_with("permit")).count();
        if file == "guardrails" {
            assert_eq!(permits, 0, "a permit in guardrails.cedar");
            assert_eq!(annotations(&text, "code").len(), forbids);
        } else {
            assert_eq!(forbids, 0, "a forbid in {file}.cedar");
        }
    }
}

#[test]
fn every_operation_belongs_to_one_permission() {
    let pdp = Pdp::load(&policies()).unwrap();
    let permissions: BTreeSet<_> = pdp.permissions().into_iter().collect();
    let operations = pdp.operations();
    assert!(operations.contains(&"GetOrganization".to_owned()), "{operations:?}");
    for operation in operations {
        let permission =
            pdp.permission_of(&operation).unwrap_or_else(|| panic!("{operation} has no permission"));
        assert!(permissions.contains(&permission), "{operation}: {permission}");
    }
    assert_eq!(pdp.permission_of("GetOrganization").as_deref(), Some("org:read"));
    assert_eq!(pdp.permission_of("CreateInvitation").as_deref(), Some("org:members:invite"));
    assert_eq!(pdp.permission_of("org:read"), None);
}

#[test]
fn every_policy_decides_at_least_one_test() {
    let pdp = Pdp::load(&policies()).unwrap();
    let mut tests = String::new();
    for entry in fs::read_dir(policies().join("tests")).unwrap() {
        tests.push_str(&fs::read_to_string(entry.unwrap().path()).unwrap());
    }
    for (_, text) in cedar_files() {
        for id in annotations(&text, "id") {
            assert!(pdp.describe(id).is_some());
            assert!(tests.contains(&format!("\"{id}\"")), "no policy test expects `{id}`");
        }
    }
}

#[test]
fn a_filter_runs_only_the_cases_it_names() {
    let tests = policies().join("tests");
    let all = run_tests(&policies(), &tests, None).unwrap().cases;
    let some = run_tests(&policies(), &tests, Some("owner")).unwrap().cases;
    assert!(0 < some && some < all, "{some} of {all}");
    assert_eq!(run_tests(&policies(), &tests, Some("no case is called this")).unwrap().cases, 0);
}

/// The first column of the table under a heading of docs/policies.md.
fn documented_codes() -> BTreeSet<String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/policies.md")).unwrap();
    let (_, section) = text.split_once("## What nobody may do").expect("the page has the section");
    let rows = section.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
    let cells = rows.take_while(|line| line.starts_with('|')).filter_map(|line| line.split('`').nth(1));
    cells.map(str::to_owned).collect()
}

#[test]
fn every_code_of_a_forbid_is_in_the_document_and_the_reverse() {
    let files = cedar_files();
    let codes: BTreeSet<_> =
        files.iter().flat_map(|(_, text)| annotations(text, "code")).map(str::to_owned).collect();
    assert_eq!(codes, documented_codes(), "the codes of policies/*.cedar, and those of docs/policies.md");
}
