//! The policy files: parsed, held to the house rules, validated.

use std::collections::{BTreeSet, HashMap, HashSet};

use cedar_policy::{Effect, Policy, PolicyId, PolicySet, Schema, ValidationMode, Validator};
use serde_json::Value;

use super::decision::{Determining, PolicyText};
use super::problem::{Problem, Source};

/// What a policy's annotations say of it.
#[derive(Debug)]
pub(super) struct About {
    pub(super) determining: Determining,
    pub(super) text: PolicyText,
}

/// Parses each file and holds each policy to the house rules: a unique `@id`, a `@why`, and a `@code` on a forbid.
pub(super) fn read_policies(
    files: &[Source],
    problems: &mut Vec<Problem>,
) -> (PolicySet, HashMap<PolicyId, About>) {
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
pub(super) fn validate(
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
        // Every policy has a file; if one had not, its mistake would still stop the load.
        let Some(file) = file.or(files.first()) else { continue };
        let problem = file.diagnosed(error);
        // The same mistake is found once for each kind of request the policy matches.
        if seen.insert((problem.line, problem.column, problem.message.clone())) {
            problems.push(problem);
        }
    }
}

/// The actions that a condition compares with a group by name (`Action::"edit" in Action::"all"`), not through the
/// request's `action`. The groups of these must be at hand whatever is asked.
pub(super) fn actions_asked_about(policies: &PolicySet) -> Result<BTreeSet<String>, String> {
    fn walk(json: &Value, left_of_in: bool, found: &mut BTreeSet<String>) {
        match json {
            Value::Array(items) => items.iter().for_each(|item| walk(item, left_of_in, found)),
            Value::Object(node) => {
                let named = node.get("__entity").and_then(|it| it.get("id")).and_then(Value::as_str);
                found.extend(named.filter(|_| left_of_in).map(str::to_owned));
                for (key, inner) in node {
                    match inner.get("left").filter(|_| key == "in") {
                        Some(left) => {
                            walk(left, true, found);
                            inner.get("right").into_iter().for_each(|right| walk(right, left_of_in, found));
                        }
                        None => walk(inner, left_of_in, found),
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut found = BTreeSet::new();
    for policy in policies.policies() {
        let json = policy.to_json().map_err(|error| error.to_string())?;
        json.get("conditions").into_iter().for_each(|conditions| walk(conditions, false, &mut found));
    }
    Ok(found)
}
