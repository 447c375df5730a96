//! Runs the policy tests, files in the format of Cedar's own `cedar run-tests`.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use cedar_policy::{Context, Entities, EntityUid, Request, Schema};
use serde::Deserialize;

use super::load::Snapshot;
use super::problem::{LoadError, Problem};

/// How the tests went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestReport {
    /// How many cases were run.
    pub cases: usize,
    pub failures: Vec<TestFailure>,
}

/// A case that did not come out as its author expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestFailure {
    pub file: PathBuf,
    pub name: String,
    pub expected: String,
    pub got: String,
}

impl fmt::Display for TestFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {}\n  expected {}\n  got      {}",
            self.file.display(),
            self.name,
            self.expected,
            self.got
        )
    }
}

impl fmt::Display for TestReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.failures.iter().try_for_each(|failure| writeln!(f, "{failure}"))?;
        write!(f, "{} of {} policy tests passed", self.cases - self.failures.len(), self.cases)
    }
}

#[derive(Deserialize)]
struct Case {
    #[serde(default)]
    name: String,
    request: AskedAs,
    /// The entities themselves, or the name of a file beside this one.
    entities: serde_json::Value,
    decision: Expected,
    reason: BTreeSet<String>,
    num_errors: usize,
}

#[derive(Deserialize)]
struct AskedAs {
    principal: String,
    action: String,
    resource: String,
    #[serde(default)]
    context: serde_json::Value,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Expected {
    Allow,
    Deny,
}

/// Loads the policies and runs every `*.json` of `tests_dir` whose name does not begin with `entities`; with a
/// filter, only cases whose name contains it. Stricter than Cedar's own runner: the reasons must be exactly those
/// listed, so a case that passes here passes there.
///
/// # Errors
/// As `Pdp::load`; also when a test file cannot be read or is not in the format.
pub fn run_tests(
    policies_dir: &Path,
    tests_dir: &Path,
    filter: Option<&str>,
) -> Result<TestReport, LoadError> {
    let snapshot = Snapshot::read(policies_dir)?;
    let mut shared = HashMap::new();
    let mut report = TestReport { cases: 0, failures: Vec::new() };
    for file in test_files(tests_dir)? {
        let text = read(&file)?;
        let cases: Vec<Case> = serde_json::from_str(&text).map_err(|error| not_a_test(&file, &error))?;
        for case in cases.into_iter().filter(|case| filter.is_none_or(|part| case.name.contains(part))) {
            report.cases += 1;
            let expected = shown(case.decision, &case.reason, case.num_errors);
            let got = match outcome(&snapshot, &case, tests_dir, &mut shared) {
                Ok((decision, reasons, errors)) => shown(decision, &reasons, errors),
                Err(error) => format!("no answer: {error}"),
            };
            if got != expected {
                report.failures.push(TestFailure { file: file.clone(), name: case.name, expected, got });
            }
        }
    }
    Ok(report)
}

fn test_files(dir: &Path) -> Result<Vec<PathBuf>, LoadError> {
    let unreadable = |source| LoadError::Unreadable { path: dir.to_owned(), source };
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let shared = path.file_stem().is_some_and(|stem| stem.to_string_lossy().starts_with("entities"));
        if path.extension().is_some_and(|it| it == "json") && !shared {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn read(path: &Path) -> Result<String, LoadError> {
    fs::read_to_string(path).map_err(|source| LoadError::Unreadable { path: path.to_owned(), source })
}

fn not_a_test(file: &Path, error: &serde_json::Error) -> LoadError {
    let (line, column) = (error.line().max(1), error.column().max(1));
    LoadError::Refused(vec![Problem { file: file.to_owned(), line, column, message: error.to_string() }])
}

fn shown(decision: Expected, reasons: &BTreeSet<String>, errors: usize) -> String {
    let mut text = match decision {
        Expected::Allow => "allow".to_owned(),
        Expected::Deny => "deny".to_owned(),
    };
    if !reasons.is_empty() {
        text.push_str(" by ");
        text.push_str(&reasons.iter().map(String::as_str).collect::<Vec<_>>().join(", "));
    }
    if errors > 0 {
        text.push_str(&format!(" with {errors} evaluation errors"));
    }
    text
}

type Outcome = (Expected, BTreeSet<String>, usize);

fn outcome(
    snapshot: &Snapshot,
    case: &Case,
    dir: &Path,
    shared: &mut HashMap<String, Entities>,
) -> Result<Outcome, String> {
    let schema = &snapshot.words.schema;
    let uid = |text: &str| text.parse::<EntityUid>().map_err(|error| format!("`{text}`: {error}"));
    let action = uid(&case.request.action)?;
    let context = match &case.request.context {
        serde_json::Value::Null => Context::empty(),
        given => Context::from_json_value(given.clone(), Some((schema, &action))).map_err(said)?,
    };
    let request = Request::new(
        uid(&case.request.principal)?,
        action,
        uid(&case.request.resource)?,
        context,
        Some(schema),
    )
    .map_err(said)?;
    let inline;
    let entities = match case.entities.as_str() {
        // A name, never a way out of the folder.
        Some(name) if name.contains(['/', '\\']) => return Err(format!("`{name}` is not beside the test")),
        Some(name) => match shared.entry(name.to_owned()) {
            std::collections::hash_map::Entry::Occupied(known) => &*known.into_mut(),
            std::collections::hash_map::Entry::Vacant(free) => {
                let text =
                    fs::read_to_string(dir.join(name)).map_err(|error| format!("`{name}`: {error}"))?;
                &*free.insert(from_json(&text, schema).map_err(|error| format!("`{name}`: {error}"))?)
            }
        },
        None => {
            inline = Entities::from_json_value(case.entities.clone(), Some(schema)).map_err(said)?;
            &inline
        }
    };
    let answer = snapshot.index.ask(&request, entities);
    let decision = if answer.allowed { Expected::Allow } else { Expected::Deny };
    Ok((decision, answer.reasons.iter().map(ToString::to_string).collect(), answer.errors.len()))
}

fn from_json(text: &str, schema: &Schema) -> Result<Entities, String> {
    Entities::from_json_str(text, Some(schema)).map_err(said)
}

/// An error with its causes on one line.
fn said(error: impl std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}
