//! What the loader refuses, and how it says so.

use std::fs;

use palisade::pdp::{EntityRef, FactSet, LoadError, Pdp, Question, run_tests};
use tempfile::TempDir;

const SCHEMA: &str = "entity User { admin: Bool };\nentity Thing;\n\
    action Look, Touch appliesTo { principal: User, resource: Thing };\n";
const GOOD: &str = "@id(\"a.look\")\n@why(\"Anyone looks.\")\n\
    permit (principal, action == Action::\"Look\", resource);\n";

fn folder(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

/// The refusal of a folder with one policy file beside a good schema, with the folder's path taken out.
fn refusal(policy: &str) -> String {
    refused(&[("schema.cedarschema", SCHEMA), ("a.cedar", policy)])
}

fn refused(files: &[(&str, &str)]) -> String {
    let dir = folder(files);
    let error = Pdp::load(dir.path()).unwrap_err();
    error
        .to_string()
        .replace(&format!("{}/", dir.path().display()), "")
        .replace(&dir.path().display().to_string(), ".")
}

#[test]
fn a_good_folder_loads() {
    let dir = folder(&[("schema.cedarschema", SCHEMA), ("a.cedar", GOOD)]);
    assert_eq!(Pdp::load(dir.path()).unwrap().operations(), ["Look", "Touch"]);
}

#[test]
fn a_syntax_error_is_shown_with_file_line_and_column() {
    let text =
        refusal("// first line\n@id(\"a.look\")\n@why(\"Anyone.\")\npermit (principal, action resource);\n");
    assert!(text.starts_with("a.cedar:4:27: "), "{text}");
}

#[test]
fn an_unclosed_policy_is_refused_in_its_own_file() {
    let text = refusal("@id(\"a.look\")\n@why(\"Anyone.\")\npermit (principal, action, resource)\n");
    assert!(text.starts_with("a.cedar:"), "{text}");
}

#[test]
fn a_type_error_is_shown_with_file_line_and_column() {
    let text = refusal(
        "@id(\"a.look\")\n@why(\"Admins.\")\npermit (principal is User, action, resource)\nwhen { principal.admin > 3 };\n",
    );
    assert!(text.starts_with("a.cedar:4:8: "), "{text}");
}

#[test]
fn an_unknown_attribute_is_refused_at_its_place() {
    let text = refusal(
        "@id(\"a.look\")\n@why(\"Admins.\")\npermit (principal is User, action, resource)\nwhen { principal.addmin };\n",
    );
    assert!(text.starts_with("a.cedar:4:8: ") && text.contains("addmin"), "{text}");
    assert_eq!(text.lines().count(), 1, "the same mistake is told once: {text}");
}

#[test]
fn an_unknown_action_is_refused() {
    let text =
        refusal("@id(\"a.x\")\n@why(\"Any.\")\npermit (principal, action == Action::\"Lok\", resource);\n");
    assert!(text.contains("a.cedar:3:") && text.contains("Lok"), "{text}");
}

#[test]
fn a_policy_that_can_never_apply_is_refused_though_it_is_only_a_warning() {
    let text =
        refusal("@id(\"a.x\")\n@why(\"Any.\")\npermit (principal, action, resource)\nwhen { false };\n");
    assert!(text.starts_with("a.cedar:"), "{text}");
}

#[test]
fn a_missing_id_is_refused_at_the_policy() {
    let text = refusal(&format!("{GOOD}\n@why(\"No name.\")\npermit (principal, action, resource);\n"));
    assert!(text.starts_with("a.cedar:5:1: ") && text.contains("@id"), "{text}");
}

#[test]
fn an_id_used_twice_is_refused_and_the_first_is_named() {
    let second = format!("\n{GOOD}");
    let text = refused(&[("schema.cedarschema", SCHEMA), ("a.cedar", GOOD), ("b.cedar", &second)]);
    assert!(text.starts_with("b.cedar:2:1: ") && text.contains("a.cedar:1"), "{text}");
}

#[test]
fn a_missing_reason_is_refused() {
    let text = refusal("@id(\"a.x\")\npermit (principal, action, resource);\n");
    assert!(text.starts_with("a.cedar:1:1: ") && text.contains("@why"), "{text}");
}

#[test]
fn an_empty_annotation_counts_as_missing() {
    let text = refusal("@id(\"\")\n@why(\" \")\npermit (principal, action, resource);\n");
    assert!(text.contains("@id") && text.contains("@why"), "{text}");
}

#[test]
fn a_forbid_without_a_code_is_refused() {
    let text = refusal("@id(\"a.x\")\n@why(\"No.\")\nforbid (principal, action, resource);\n");
    assert!(text.starts_with("a.cedar:1:1: ") && text.contains("@code"), "{text}");
}

#[test]
fn a_template_is_refused() {
    let text = refusal("@id(\"a.x\")\n@why(\"Any.\")\npermit (principal == ?principal, action, resource);\n");
    assert!(text.contains("template"), "{text}");
}

#[test]
fn every_problem_of_every_file_is_listed() {
    let text = refused(&[
        ("schema.cedarschema", SCHEMA),
        ("a.cedar", "permit (principal, action, resource);\n"),
        ("b.cedar", "permit (principal action, resource);\n"),
    ]);
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(lines[0].starts_with("a.cedar:1:1: ") && lines[2].starts_with("b.cedar:1:19: "), "{text}");
}

#[test]
fn a_schema_syntax_error_is_shown_in_its_own_file() {
    let text = refused(&[
        ("a.cedar", GOOD),
        ("a.cedarschema", SCHEMA),
        ("b.cedarschema", "entity A;\nentity {};\n"),
    ]);
    assert!(text.starts_with("b.cedarschema:2:8: "), "{text}");
}

#[test]
fn an_unknown_type_in_a_later_schema_file_is_shown_in_that_file() {
    let text = refused(&[
        ("a.cedar", GOOD),
        ("a.cedarschema", SCHEMA),
        ("b.cedarschema", "entity Other;\nentity A in [Nowhere];\n"),
    ]);
    assert!(text.contains("Nowhere") && text.starts_with("b.cedarschema:2:"), "{text}");
}

#[test]
fn schema_files_may_use_each_others_types() {
    let dir = folder(&[
        ("schema.cedarschema", SCHEMA),
        ("a.cedarschema", "action Take appliesTo { principal: User, resource: Thing };"),
        ("a.cedar", GOOD),
    ]);
    assert_eq!(Pdp::load(dir.path()).unwrap().operations(), ["Look", "Take", "Touch"]);
}

#[test]
fn a_condition_may_ask_about_an_action_that_is_not_the_one_requested() {
    let grouped = "entity User;\nentity Thing;\naction All;\naction Other in [All];\n\
        action Look in [All] appliesTo { principal: User, resource: Thing };\n";
    let look = Question {
        principal: EntityRef::new("User", "a"),
        action: "Look".into(),
        resource: EntityRef::new("Thing", "t"),
        context: vec![],
        entities: FactSet::default(),
    };
    for (condition, expected) in [
        ("Action::\"Other\" in Action::\"All\"", true),
        ("(if principal == principal then Action::\"Other\" else action) in Action::\"All\"", true),
        ("action in Action::\"Other\" || [action].contains(Action::\"Other\")", false),
    ] {
        let policy = format!(
            "@id(\"a.x\")\n@why(\"Any.\")\npermit (principal, action, resource)\nwhen {{ {condition} }};\n"
        );
        let dir = folder(&[("schema.cedarschema", grouped), ("a.cedar", &policy)]);
        let answer = Pdp::load(dir.path()).map(|pdp| pdp.decide(&look).unwrap().allowed);
        // The validator may know better and refuse what can never hold.
        assert_eq!(answer.unwrap_or(false), expected, "{condition}");
    }
}

#[test]
fn a_folder_without_schema_or_policies_is_refused() {
    assert!(refused(&[("a.cedar", GOOD)]).contains("cedarschema"));
    assert!(refused(&[("schema.cedarschema", SCHEMA)]).contains("*.cedar"));
    let dir = folder(&[]);
    let error = Pdp::load(&dir.path().join("missing")).err().unwrap();
    assert!(matches!(error, LoadError::Unreadable { .. }), "{error}");
}

#[test]
fn a_bad_reload_keeps_the_old_policies_in_force() {
    let dir = folder(&[("schema.cedarschema", SCHEMA), ("a.cedar", GOOD)]);
    let pdp = Pdp::load(dir.path()).unwrap();
    let look = Question {
        principal: EntityRef::new("User", "a"),
        action: "Look".into(),
        resource: EntityRef::new("Thing", "t"),
        context: vec![],
        entities: FactSet::default(),
    };
    let before = pdp.version();
    assert!(pdp.decide(&look).unwrap().allowed);

    fs::write(dir.path().join("a.cedar"), "permit (").unwrap();
    pdp.reload(dir.path()).unwrap_err();
    assert_eq!(pdp.version(), before);
    assert!(pdp.decide(&look).unwrap().allowed);

    fs::write(dir.path().join("a.cedar"), GOOD.replace("Look", "Touch")).unwrap();
    pdp.reload(dir.path()).unwrap();
    assert_ne!(pdp.version(), before);
    assert!(!pdp.decide(&look).unwrap().allowed);
}

#[test]
fn the_version_depends_on_nothing_but_the_files() {
    let files = [("schema.cedarschema", SCHEMA), ("a.cedar", GOOD)];
    let (one, two) = (folder(&files), folder(&files));
    let version = Pdp::load(one.path()).unwrap().version();
    assert_eq!(version, Pdp::load(two.path()).unwrap().version());
    assert_eq!(version.to_string().len(), 12);
    fs::rename(two.path().join("a.cedar"), two.path().join("b.cedar")).unwrap();
    assert_ne!(version, Pdp::load(two.path()).unwrap().version());
}

#[test]
fn a_failing_policy_test_is_reported_with_what_was_expected_and_what_came() {
    let dir = folder(&[("schema.cedarschema", SCHEMA), ("a.cedar", GOOD)]);
    let case = |name: &str, decision: &str, reason: &str| {
        format!(
            r#"{{"name":"{name}","request":{{"principal":"User::\"a\"","action":"Action::\"Look\"","resource":"Thing::\"t\"","context":{{}}}},
               "entities":[],"decision":"{decision}","reason":[{reason}],"num_errors":0}}"#
        )
    };
    let tests = folder(&[(
        "t.json",
        &format!(
            "[{},{},{}]",
            case("right", "allow", "\"a.look\""),
            case("wrong decision", "deny", ""),
            case("wrong reason", "allow", "\"a.other\"")
        ),
    )]);
    let report = run_tests(dir.path(), tests.path(), None).unwrap();
    assert_eq!(report.cases, 3);
    let failures: Vec<_> =
        report.failures.iter().map(|f| (f.name.as_str(), f.expected.as_str(), f.got.as_str())).collect();
    assert_eq!(
        failures,
        [
            ("wrong decision", "deny", "allow by a.look"),
            ("wrong reason", "allow by a.other", "allow by a.look")
        ]
    );
    assert!(report.to_string().ends_with("1 of 3 policy tests passed"), "{report}");
}

#[test]
fn a_test_file_that_is_not_one_is_refused_at_its_place() {
    let dir = folder(&[("schema.cedarschema", SCHEMA), ("a.cedar", GOOD)]);
    let tests = folder(&[("t.json", "[\n  {\"nam\": 1}\n]")]);
    let error = run_tests(dir.path(), tests.path(), None).unwrap_err().to_string();
    assert!(error.contains("t.json:2:"), "{error}");
}
