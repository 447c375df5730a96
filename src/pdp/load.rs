//! From a folder of files to policies that can be trusted, or to a list of all that is wrong with them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::Path;

use cedar_policy::{Effect, Policy, PolicyId, PolicySet, Schema, SchemaFragment, ValidationMode, Validator};

use super::decision::{Determining, PolicyText, PolicyVersion};
use super::index::Index;
use super::problem::{LoadError, Problem, Source, first_offset, sentence};
use super::words::Words;

/// One version of the policies, complete and checked.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) words: Words,
    pub(super) index: Index,
    pub(super) about: HashMap<PolicyId, About>,
    /// PascalCase actions with the permission each belongs to, in order.
    pub(super) operations: BTreeMap<String, Option<String>>,
    /// Lower-case actions, in order.
    pub(super) permissions: Vec<String>,
    pub(super) version: PolicyVersion,
}

/// What a policy's annotations say of it.
#[derive(Debug)]
pub(super) struct About {
    pub(super) determining: Determining,
    pub(super) text: PolicyText,
}

impl Snapshot {
    /// Reads every `*.cedarschema` and `*.cedar` of the folder (not of folders in it).
    pub(super) fn read(dir: &Path) -> Result<Self, LoadError> {
        let schemas = sources(dir, "cedarschema")?;
        let files = sources(dir, "cedar")?;
        let version =
            PolicyVersion::of(schemas.iter().chain(&files).map(|s| (s.name.as_str(), s.text.as_str())));
        let mut problems = Vec::new();
        let schema = read_schema(dir, &schemas, &mut problems);
        let (policies, about) = read_policies(&files, &mut problems);
        if let Some((schema, _)) = &schema {
            validate(schema, &policies, &about, &files, &mut problems);
        }
        if files.is_empty() {
            problems.push(whole(dir, "no `*.cedar` file here, so nothing would be allowed"));
        }
        let Some((schema, operations)) = schema.filter(|_| problems.is_empty()) else {
            problems.sort();
            problems.dedup();
            return Err(LoadError::Refused(problems));
        };
        let index = Index::build(&policies, &schema)
            .map_err(|error| LoadError::Refused(vec![whole(dir, &error.to_string())]))?;
        let permissions = schema
            .actions()
            .map(|action| action.id().unescaped())
            .filter(|name| !is_operation(name))
            .map(str::to_owned)
            .collect::<std::collections::BTreeSet<_>>();
        Ok(Self {
            words: Words::new(schema),
            index,
            about,
            operations,
            permissions: permissions.into_iter().collect(),
            version,
        })
    }
}

fn is_operation(action: &str) -> bool {
    action.starts_with(|first: char| first.is_ascii_uppercase())
}

/// A problem of the folder as a whole.
fn whole(dir: &Path, message: &str) -> Problem {
    Problem { file: dir.to_owned(), line: 1, column: 1, message: message.to_owned() }
}

/// The files of one kind, by name.
fn sources(dir: &Path, extension: &str) -> Result<Vec<Source>, LoadError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source| LoadError::Unreadable { path, source }
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(unreadable(dir))? {
        let path = entry.map_err(unreadable(dir))?.path();
        if path.extension().is_some_and(|it| it == extension) && path.is_file() {
            let text = fs::read_to_string(&path).map_err(unreadable(&path))?;
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            found.push(Source { path, name, text });
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

type Operations = BTreeMap<String, Option<String>>;

/// The schema files together are one schema: each may use the others' types.
fn read_schema(dir: &Path, files: &[Source], problems: &mut Vec<Problem>) -> Option<(Schema, Operations)> {
    if files.is_empty() {
        problems.push(whole(dir, "no `*.cedarschema` file here"));
        return None;
    }
    // Each alone first, so that a brace left open is reported in its own file.
    let before = problems.len();
    for file in files {
        if let Err(error) = SchemaFragment::from_cedarschema_str(&file.text) {
            problems.push(file.diagnosed(&error));
        }
    }
    if problems.len() > before {
        return None;
    }
    // Then as one text, so that an error between files still has a place in one of them.
    let joined = files.iter().map(|file| file.text.as_str()).collect::<Vec<_>>().join("\n");
    let mut report = |error: &dyn miette::Diagnostic| {
        problems.push(place_in(files, first_offset(error).unwrap_or(0), sentence(error)));
    };
    let fragment = match SchemaFragment::from_cedarschema_str(&joined) {
        Ok((fragment, warnings)) => {
            warnings.for_each(|warning| report(&warning));
            fragment
        }
        Err(error) => {
            report(&error);
            return None;
        }
    };
    let operations = operations(&fragment);
    match Schema::from_schema_fragments([fragment]) {
        Ok(schema) => Some((schema, operations)),
        Err(error) => {
            report(&error);
            None
        }
    }
}

/// Where an offset into the joined text lies.
fn place_in(files: &[Source], mut offset: usize, message: String) -> Problem {
    let mut files = files.iter().peekable();
    while let Some(file) = files.next() {
        if offset <= file.text.len() || files.peek().is_none() {
            return file.problem(offset, message);
        }
        offset -= file.text.len() + 1;
    }
    Problem { file: "".into(), line: 1, column: 1, message }
}

/// Cedar keeps only the closure of the action groups; the schema's own text still has each action's direct one.
fn operations(fragment: &SchemaFragment) -> Operations {
    let json = fragment.clone().to_json_value().unwrap_or_default();
    let actions = json.get("").and_then(|namespace| namespace.get("actions")).and_then(|it| it.as_object());
    let group = |action: &serde_json::Value| {
        Some(action.get("memberOf")?.as_array()?.first()?.get("id")?.as_str()?.to_owned())
    };
    actions
        .into_iter()
        .flatten()
        .filter(|(name, _)| is_operation(name))
        .map(|(name, action)| (name.clone(), group(action)))
        .collect()
}

/// Parses each file and holds each policy to the house rules: a unique `@id`, a `@why`, and a `@code` on a forbid.
fn read_policies(files: &[Source], problems: &mut Vec<Problem>) -> (PolicySet, HashMap<PolicyId, About>) {
    let mut policies = PolicySet::new();
    let mut about: HashMap<PolicyId, About> = HashMap::new();
    for file in files {
        let parsed: PolicySet = match file.text.parse() {
            Ok(parsed) => parsed,
            Err(errors) => {
                problems.extend(cedar_policy::ParseErrors::iter(&errors).map(|error| file.diagnosed(error)));
                continue;
            }
        };
        if let Some(template) = parsed.templates().next() {
            let offset = file.text.find(&template.to_string()).unwrap_or(0);
            problems.push(file.problem(offset, "templates are not supported: write the policy out"));
        }
        for (offset, policy) in in_order(&parsed, &file.text) {
            let mut wrong = |message: &str| problems.push(file.problem(offset, message));
            let why = said(&policy, "why");
            let code = said(&policy, "code");
            if why.is_none() {
                wrong("the policy has no `@why(\"…\")`: say in one sentence what it is for");
            }
            if policy.effect() == Effect::Forbid && code.is_none() {
                wrong("the forbid has no `@code(\"…\")`: a client needs a stable word for the refusal");
            }
            let about_principal = match policy.annotation("about") {
                None => false,
                Some("principal") => true,
                Some(_) => {
                    wrong("the only `@about` there is is `@about(\"principal\")`");
                    false
                }
            };
            let Some(id) = said(&policy, "id") else {
                wrong("the policy has no `@id(\"<file>.<rule>\")`");
                continue;
            };
            let key = PolicyId::new(&id);
            if let Some(first) = about.get(&key) {
                let (other, line) = (&first.text.file, first.text.line);
                wrong(&format!("the id `{id}` is taken by the policy at {other}:{line}"));
                continue;
            }
            if let Err(error) = policies.add(policy.new_id(key.clone())) {
                wrong(&error.to_string());
                continue;
            }
            let text = PolicyText {
                id: id.clone(),
                why: why.unwrap_or_default(),
                file: file.name.clone(),
                line: file.place(offset).0,
            };
            about.insert(key, About { determining: Determining { id, code, about_principal }, text });
        }
    }
    (policies, about)
}

/// An annotation that says something.
fn said(policy: &Policy, key: &str) -> Option<String> {
    policy.annotation(key).map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// The policies of one file with the offset of each. Cedar names them `policy0`, `policy1`, … as they come.
fn in_order(parsed: &PolicySet, text: &str) -> Vec<(usize, Policy)> {
    let count = parsed.num_of_policies() + parsed.num_of_templates();
    let mut from = 0;
    let mut found = Vec::new();
    for policy in (0..count).filter_map(|n| parsed.policy(&PolicyId::new(format!("policy{n}")))) {
        // Cedar shows a parsed policy as it was written.
        let written = policy.to_string();
        let offset =
            text.get(from..).and_then(|rest| rest.find(written.as_str())).map_or(from, |at| from + at);
        from = offset + written.len();
        found.push((offset, policy.clone()));
    }
    found
}

/// Strict validation; a warning counts as an error, for it means a policy that does not do what its author thinks.
fn validate(
    schema: &Schema,
    policies: &PolicySet,
    about: &HashMap<PolicyId, About>,
    files: &[Source],
    problems: &mut Vec<Problem>,
) {
    let result = Validator::new(schema.clone()).validate(policies, ValidationMode::Strict);
    let mut seen = HashSet::new();
    let errors = result.validation_errors().map(|e| (e.policy_id(), e as &dyn miette::Diagnostic));
    let warnings = result.validation_warnings().map(|w| (w.policy_id(), w as &dyn miette::Diagnostic));
    for (id, error) in errors.chain(warnings) {
        let file = about.get(id).and_then(|about| files.iter().find(|file| file.name == about.text.file));
        let Some(file) = file else { continue };
        let problem = file.diagnosed(error);
        // The same mistake is found once for each kind of request the policy matches.
        if seen.insert((problem.line, problem.column, problem.message.clone())) {
            problems.push(problem);
        }
    }
}
