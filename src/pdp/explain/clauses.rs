//! A policy's conditions taken apart: what stands between its top-level `&&`s.

use std::str::FromStr as _;

use cedar_policy::{Expression, Policy};
use serde_json::{Value as Json, json};

/// One clause that must be true for the policy to hold.
#[derive(Debug)]
pub(super) struct Clause {
    /// As Cedar text.
    pub(super) text: String,
    pub(super) expression: Expression,
    /// What it looks at: variables and attributes, as text and ready to be evaluated.
    pub(super) looks_at: Vec<(String, Expression)>,
}

/// A policy with this one's scope and no conditions, `in` of principal and resource left out: whoever merely lacks the
/// group is not somebody else. It becomes the first clause instead.
pub(super) fn scope(policy: &Json) -> Option<Policy> {
    let part = |name: &str| -> Option<Json> {
        let constraint = policy.get(name)?;
        let operator = constraint.get("op")?.as_str()?;
        Some(match (operator, constraint.get("entity_type")) {
            ("in", _) => json!({ "op": "All" }),
            ("is", Some(kind)) => json!({ "op": "is", "entity_type": kind }),
            _ => constraint.clone(),
        })
    };
    let bare = json!({
        "effect": "permit",
        "principal": part("principal")?,
        "action": policy.get("action")?,
        "resource": part("resource")?,
        "conditions": [],
    });
    Policy::from_json(None, bare).ok()
}

/// Every clause in the order Cedar evaluates them: groups of the scope, then the conditions.
pub(super) fn clauses(policy: &Json) -> Option<Vec<Clause>> {
    let mut bodies = Vec::new();
    for part in ["principal", "resource"] {
        let constraint = policy.get(part)?;
        let group = constraint.get("entity").filter(|_| constraint.get("op").is_some_and(|op| op == "in"));
        let group = group.or_else(|| constraint.get("in")?.get("entity"));
        if let Some(group) = group {
            let variable = json!({ "Var": part });
            bodies.push(json!({ "in": { "left": variable, "right": { "Value": { "__entity": group } } } }));
        }
    }
    for condition in policy.get("conditions")?.as_array()? {
        let unless = condition.get("kind")?.as_str()? == "unless";
        flatten(condition.get("body")?, unless, &mut bodies);
    }
    bodies.iter().map(clause).collect()
}

/// `a && b` is two clauses; so is the negation of `a || b`.
fn flatten(body: &Json, negated: bool, to: &mut Vec<Json>) {
    let sides = |name: &str| {
        let node = body.get(name)?;
        Some((node.get("left")?, node.get("right")?))
    };
    let split = if negated { sides("||") } else { sides("&&") };
    if let Some((left, right)) = split {
        flatten(left, negated, to);
        flatten(right, negated, to);
    } else if let Some(inner) = body.get("!").and_then(|node| node.get("arg")) {
        flatten(inner, !negated, to);
    } else if negated {
        to.push(json!({ "!": { "arg": body } }));
    } else {
        to.push(body.clone());
    }
}

fn clause(body: &Json) -> Option<Clause> {
    let text = text(body)?;
    let expression = Expression::from_str(&text).ok()?;
    let mut looks_at = Vec::new();
    walk(body, &mut looks_at);
    Some(Clause { text, expression, looks_at })
}

/// Cedar writes only whole policies as text; so this is one, and its condition is cut out.
fn text(body: &Json) -> Option<String> {
    let all = json!({ "op": "All" });
    let whole = json!({
        "effect": "permit", "principal": all, "action": all, "resource": all,
        "conditions": [{ "kind": "when", "body": body }],
    });
    let whole = Policy::from_json(None, whole).ok()?.to_string();
    let (_, rest) = whole.split_once("when")?;
    let inner = rest.trim_start().strip_prefix('{')?.trim_end().strip_suffix(';')?.trim_end();
    Some(inner.strip_suffix('}')?.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Collects the outermost attribute paths, and variables that stand alone.
fn walk(node: &Json, to: &mut Vec<(String, Expression)>) {
    if is_path(node) {
        if let Some(text) = text(node)
            && !to.iter().any(|(known, _)| *known == text)
            && let Ok(expression) = Expression::from_str(&text)
        {
            to.push((text, expression));
        }
        return;
    }
    match node {
        Json::Array(items) => items.iter().for_each(|item| walk(item, to)),
        Json::Object(object) => object.values().for_each(|inner| walk(inner, to)),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

/// `principal`, `resource.organization.admins`.
fn is_path(node: &Json) -> bool {
    if let Some(variable) = node.get("Var") {
        return variable.is_string();
    }
    node.get(".").and_then(|access| access.get("left")).is_some_and(is_path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(policy: &str) -> Vec<String> {
        let policy = Policy::parse(None, policy).unwrap();
        clauses(&policy.to_json().unwrap()).unwrap().into_iter().map(|clause| clause.text).collect()
    }

    #[test]
    fn a_condition_is_taken_apart_at_its_top_level() {
        let found = of(r#"permit (principal is User in Role::"a", action, resource in Folder::"b")
            when { principal.on && (resource.size > 1 || resource.free) }
            unless { resource.locked || !principal.known };"#);
        assert_eq!(
            found,
            [
                r#"principal in Role::"a""#,
                r#"resource in Folder::"b""#,
                "principal.on",
                "resource.size > 1 || resource.free",
                "!resource.locked",
                "principal.known",
            ]
            .map(|text| of(&format!("permit (principal, action, resource) when {{ {text} }};")).concat())
        );
        assert_eq!(found.len(), 6);
    }

    #[test]
    fn a_clause_names_what_it_looks_at() {
        let policy = r#"permit (principal, action, resource)
            when { principal in resource.organization.admins || context has x && context.x == 1 };"#;
        let policy = Policy::parse(None, policy).unwrap();
        let found = clauses(&policy.to_json().unwrap()).unwrap();
        let mut looks_at: Vec<_> = found[0].looks_at.iter().map(|(text, _)| text.as_str()).collect();
        looks_at.sort_unstable();
        assert_eq!(looks_at.len(), 4, "{looks_at:?}");
        assert!(looks_at.iter().any(|text| text.contains("organization")), "{looks_at:?}");
    }
}
