//! A scope is a permission as a credential carries it. For each permission of the schema there is one policy, made at
//! load, so that a scope `project:*` is plain Cedar and nobody can forget to write one.

use std::collections::{BTreeSet, HashMap};

use cedar_policy::{Entities, EntityUid, Policy, PolicyId, PolicySet, Schema};

use super::decision::{Determining, PolicyText};
use super::load::is_operation;
use super::policy_files::About;

/// The file that the generated policies are said to stand in.
const FILE: &str = "(generated)";
/// Permissions that no credential is granted: what is open to all, what only people do, what only we do.
const NEVER: [&str; 3] = ["public", "human", "system"];

/// Adds `scope.<permission>` for each permission under which something applies to a `Credential`; the permissions it
/// did so for, in order.
///
/// # Errors
/// Cedar's text, or a clash with an `@id` of the files.
pub(super) fn add_scopes(
    schema: &Schema,
    policies: &mut PolicySet,
    about: &mut HashMap<PolicyId, About>,
) -> Result<Vec<String>, String> {
    let groups = schema.action_entities().map_err(|error| error.to_string())?;
    let mut made = Vec::new();
    for permission in permissions(schema, &groups) {
        let id = format!("scope.{permission}");
        let key = PolicyId::new(&id);
        let quoted = permission.escape_debug();
        let text = format!(
            r#"permit (principal is Credential in Scope::"{quoted}", action in Action::"{quoted}", resource);"#
        );
        let policy = Policy::parse(Some(key.clone()), text).map_err(|error| error.to_string())?;
        policies.add(policy).map_err(|error| error.to_string())?;
        let why = format!("The credential was granted `{permission}`.");
        about.insert(
            key,
            About {
                determining: Determining { id: id.clone(), code: None, about_principal: false },
                text: PolicyText { id, why, file: FILE.to_owned(), line: 1 },
            },
        );
        made.push(permission);
    }
    Ok(made)
}

fn permissions(schema: &Schema, groups: &Entities) -> BTreeSet<String> {
    let for_credentials = |action: &EntityUid| {
        schema
            .principals_for_action(action)
            .into_iter()
            .flatten()
            .any(|principal| principal.to_string() == "Credential")
    };
    let mut found = BTreeSet::new();
    for action in schema.actions().filter(|action| for_credentials(action)) {
        let above = groups.ancestors(action).into_iter().flatten();
        let named = above.chain([action]).map(|uid| uid.id().unescaped().to_owned());
        found.extend(named.filter(|name| !is_operation(name) && !NEVER.contains(&name.as_str())));
    }
    found
}
