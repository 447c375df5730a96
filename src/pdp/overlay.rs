//! Policies beside those of the folder: the roles that one organization made.
//!
//! They are asked together with the snapshot's and answered as if all stood in one set, so a forbid of the folder still
//! wins; they themselves only permit. Each is made from ids as data, never by putting texts together.

#[cfg(test)]
mod property;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use cedar_policy::{ActionConstraint, Authorizer, Entities, EntityUid, Policy, PolicyId, PolicySet, Request};
use serde_json::json;

use super::decision::{Determining, Error, PolicyText};
use super::index::Sum;
use super::policy_files::About;
use super::question::EntityRef;
use super::words::Words;

/// What such policies are said to stand in.
const PLACE: &str = "(a role)";

/// One role: whoever is in it may do these actions to what belongs to the organization.
#[derive(Debug, Clone)]
pub struct RolePolicy {
    /// `role.<role id>`.
    pub id: String,
    /// One sentence.
    pub why: String,
    pub role: EntityRef,
    pub organization: EntityRef,
    /// Actions or groups of them. One that the schema does not know, or no longer, permits nothing.
    pub actions: Vec<String>,
}

/// The policies of some roles, ready to be asked beside the snapshot.
#[derive(Debug, Default)]
pub struct Overlay {
    number: u64,
    by_role: HashMap<EntityUid, PolicySet>,
    about: HashMap<PolicyId, About>,
}

impl Overlay {
    pub(super) fn build(words: &Words, roles: &[RolePolicy]) -> Result<Self, Error> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let mut this = Self { number: NEXT.fetch_add(1, Ordering::Relaxed), ..Self::default() };
        for role in roles {
            let policy = policy(words, role)?;
            let (key, id) = (policy.id().clone(), role.id.clone());
            this.by_role.entry(words.uid(&role.role)?).or_default().add(policy).map_err(bad)?;
            let determining = Determining { id: id.clone(), code: None, about_principal: false };
            let text = PolicyText { id, why: role.why.clone(), file: PLACE.to_owned(), line: 1 };
            this.about.insert(key, About { determining, text });
        }
        Ok(this)
    }

    /// Of every overlay another, as long as the program runs.
    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    /// Adds what these policies say. Only those of roles that the principal is in are looked at.
    pub(super) fn ask_into(&self, request: &Request, entities: &Entities, sum: &mut Sum) {
        let Some(principal) = request.principal().filter(|_| !self.by_role.is_empty()) else { return };
        let above = entities.ancestors(principal).into_iter().flatten().filter(|it| *it != principal);
        for set in above.chain([principal]).filter_map(|name| self.by_role.get(name)) {
            sum.add(&Authorizer::new().is_authorized(request, set, entities));
        }
    }

    /// The policies of roles that the principal is in, but for those that permit nothing: Cedar takes an empty list of
    /// actions for a mistake where it looks at types.
    pub(super) fn of(&self, principal: &EntityUid, entities: &Entities) -> Vec<Policy> {
        let above = entities.ancestors(principal).into_iter().flatten().filter(|it| *it != principal);
        let sets = above.chain([principal]).filter_map(|name| self.by_role.get(name));
        let permits = |policy: &&Policy| match policy.action_constraint() {
            ActionConstraint::In(actions) => !actions.is_empty(),
            ActionConstraint::Any | ActionConstraint::Eq(_) => true,
        };
        sets.flat_map(PolicySet::policies).filter(permits).cloned().collect()
    }

    /// Whether the principal is in any of the roles.
    pub(super) fn concerns(&self, principal: &EntityUid, entities: &Entities) -> bool {
        let mut above = entities.ancestors(principal).into_iter().flatten();
        above.any(|name| self.by_role.contains_key(name))
    }

    pub(super) fn about(&self, id: &PolicyId) -> Option<&About> {
        self.about.get(id)
    }

    /// What a policy is for.
    #[must_use]
    pub fn describe(&self, policy_id: &str) -> Option<PolicyText> {
        self.about.get(&PolicyId::new(policy_id)).map(|about| about.text.clone())
    }
}

/// `permit (principal in <role>, action in [<actions>], resource)
/// when { resource has organization && resource.organization == <organization> }`, in Cedar's JSON form.
fn policy(words: &Words, role: &RolePolicy) -> Result<Policy, Error> {
    let entity = |it: &EntityRef| json!({ "type": it.kind, "id": it.id });
    let actions = role.actions.iter().filter(|action| words.knows(action));
    let actions: Vec<_> = actions.map(|action| json!({ "type": "Action", "id": action })).collect();
    let resource = json!({ "Var": "resource" });
    let organization = json!({ "Value": { "__entity": entity(&role.organization) } });
    let policy = json!({
        "effect": "permit",
        "principal": { "op": "in", "entity": entity(&role.role) },
        "action": { "op": "in", "entities": actions },
        "resource": { "op": "All" },
        "conditions": [{ "kind": "when", "body": { "&&": {
            // What belongs to nobody is no matter of a role.
            "left": { "has": { "left": resource, "attr": "organization" } },
            "right": { "==": {
                "left": { ".": { "left": resource, "attr": "organization" } },
                "right": organization,
            } },
        } } }],
        "annotations": { "id": role.id, "why": role.why },
    });
    Policy::from_json(Some(PolicyId::new(&role.id)), policy).map_err(bad)
}

fn bad(error: impl std::error::Error) -> Error {
    Error::BadQuestion(error.to_string())
}
