//! Which policies can matter to a request, found without looking at the others.
//!
//! Cedar evaluates every policy of a set for every request, some 1 to 2 µs each. Here they are sorted once, at load,
//! by what their scope names. A policy whose scope is false gives neither decision, reason nor error, so leaving it
//! out changes nothing; `index/property.rs` holds the two against each other on random sets.

#[cfg(test)]
mod property;

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use cedar_policy::{
    ActionConstraint, AuthorizationError, Authorizer, Decision, Entities, EntityTypeName, EntityUid, Policy,
    PolicyId, PolicySet, PolicySetError, PrincipalConstraint, Request, ResourceConstraint, Schema,
};

/// Cedar's answer, in a fixed order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) allowed: bool,
    pub(super) reasons: Vec<PolicyId>,
    pub(super) errors: Vec<(PolicyId, String)>,
}

/// The policies of one snapshot, ready to be asked.
#[derive(Debug)]
pub(super) struct Index {
    authorizer: Authorizer,
    actions: HashMap<EntityUid, OneAction>,
    /// For an action that was not in the schema: everything.
    all: PolicySet,
}

/// The policies whose scope one action satisfies.
#[derive(Debug, Default)]
struct OneAction {
    /// Policies that name no entity, by the types of principal and resource: one lookup, one set.
    by_type: HashMap<EntityTypeName, HashMap<EntityTypeName, Arc<PolicySet>>>,
    /// The same policies for types that the schema does not apply the action to.
    any_type: Arc<PolicySet>,
    /// Policies that name an entity (`==` or `in`) as principal, resource or both.
    by_name: HashMap<Option<EntityUid>, HashMap<Option<EntityUid>, Arc<PolicySet>>>,
}

/// Sets by the policies in them. Actions of one permission mostly share theirs, and a set holds its policies' texts:
/// one for each action and pair of types would be most of an idle server's memory.
#[derive(Debug, Default)]
struct Sets(HashMap<Vec<PolicyId>, Arc<PolicySet>>);

impl Sets {
    /// The one set of these policies; they come in the same order each time.
    fn of(&mut self, policies: &[&Policy]) -> Result<Arc<PolicySet>, Box<PolicySetError>> {
        let ids = policies.iter().map(|policy| policy.id().clone()).collect();
        match self.0.entry(ids) {
            Entry::Occupied(known) => Ok(Arc::clone(known.get())),
            Entry::Vacant(free) => {
                let set = PolicySet::from_policies(policies.iter().map(|policy| (*policy).clone()))?;
                Ok(Arc::clone(free.insert(Arc::new(set))))
            }
        }
    }
}

impl Index {
    /// # Errors
    /// Cedar's text. Never half an index: a forbid that is not found is a hole.
    pub(super) fn build(policies: &PolicySet, schema: &Schema) -> Result<Self, String> {
        let groups = schema.action_entities().map_err(|error| error.to_string())?;
        let mut sets = Sets::default();
        let mut actions = HashMap::new();
        for action in schema.actions() {
            let matching: Vec<&Policy> =
                policies.policies().filter(|policy| action_matches(policy, action, &groups)).collect();
            let one =
                OneAction::build(&matching, action, schema, &mut sets).map_err(|error| error.to_string())?;
            actions.insert(action.clone(), one);
        }
        Ok(Self { authorizer: Authorizer::new(), actions, all: policies.clone() })
    }

    /// Every policy there is.
    pub(super) fn policies(&self) -> &PolicySet {
        &self.all
    }

    /// The same answer as the plain authorizer over all policies.
    pub(super) fn ask(&self, request: &Request, entities: &Entities) -> Answer {
        let mut sum = Sum::default();
        self.ask_into(request, entities, &mut sum);
        sum.answer()
    }

    /// The same, to be put together with what other policies say.
    pub(super) fn ask_into(&self, request: &Request, entities: &Entities, sum: &mut Sum) {
        let mut add = |set: &PolicySet| sum.add(&self.authorizer.is_authorized(request, set, entities));
        match (request.principal(), request.action().and_then(|a| self.actions.get(a)), request.resource()) {
            (Some(principal), Some(action), Some(resource)) => {
                let typed = action
                    .by_type
                    .get(principal.type_name())
                    .and_then(|resources| resources.get(resource.type_name()))
                    .unwrap_or(&action.any_type);
                if !typed.is_empty() {
                    add(typed);
                }
                if !action.by_name.is_empty() {
                    for who in names(principal, entities) {
                        let Some(by_resource) = action.by_name.get(&who) else { continue };
                        for what in names(resource, entities) {
                            by_resource.get(&what).into_iter().for_each(|set| add(set));
                        }
                    }
                }
            }
            _ => add(&self.all),
        }
    }
}

impl Index {
    /// Every policy whose scope can hold for this principal and action and some resource of the type; all others are
    /// false whatever the resource.
    pub(super) fn that_can_match(
        &self,
        principal: &EntityUid,
        action: &EntityUid,
        resource: &EntityTypeName,
        entities: &Entities,
    ) -> Result<PolicySet, Box<PolicySetError>> {
        let Some(action) = self.actions.get(action) else { return Ok(self.all.clone()) };
        let typed = action.by_type.get(principal.type_name()).and_then(|resources| resources.get(resource));
        let mut sets = vec![typed.unwrap_or(&action.any_type)];
        for who in names(principal, entities) {
            sets.extend(action.by_name.get(&who).into_iter().flat_map(HashMap::values));
        }
        let policies = sets.iter().flat_map(|set| set.policies()).cloned();
        PolicySet::from_policies(policies).map_err(Box::from)
    }
}

impl OneAction {
    fn build(
        policies: &[&Policy],
        action: &EntityUid,
        schema: &Schema,
        sets: &mut Sets,
    ) -> Result<Self, Box<PolicySetError>> {
        let mut typed = Vec::new();
        let mut named: HashMap<_, HashMap<_, Vec<&Policy>>> = HashMap::new();
        for policy in policies {
            let names = (principal_name(policy), resource_name(policy));
            if names == (None, None) {
                typed.push(*policy);
            } else {
                named.entry(names.0).or_default().entry(names.1).or_default().push(policy);
            }
        }
        let mut this = Self { any_type: sets.of(&typed)?, ..Self::default() };
        for (principal, resources) in named {
            let by_resource = this.by_name.entry(principal).or_default();
            for (resource, policies) in resources {
                by_resource.insert(resource, sets.of(&policies)?);
            }
        }
        for principal in schema.principals_for_action(action).into_iter().flatten() {
            for resource in schema.resources_for_action(action).into_iter().flatten() {
                let fits = |policy: &&Policy| {
                    principal_type(policy).is_none_or(|kind| kind == *principal)
                        && resource_type(policy).is_none_or(|kind| kind == *resource)
                };
                let fitting: Vec<_> = typed.iter().copied().filter(fits).collect();
                let set = sets.of(&fitting)?;
                this.by_type.entry(principal.clone()).or_default().insert(resource.clone(), set);
            }
        }
        Ok(this)
    }
}

/// Under which names a policy about this entity can stand: none, its own, its ancestors'.
fn names<'a>(uid: &'a EntityUid, entities: &'a Entities) -> impl Iterator<Item = Option<EntityUid>> + 'a {
    let ancestors = entities.ancestors(uid).into_iter().flatten().filter(move |ancestor| *ancestor != uid);
    [None, Some(uid.clone())].into_iter().chain(ancestors.cloned().map(Some))
}

fn action_matches(policy: &Policy, action: &EntityUid, groups: &Entities) -> bool {
    match policy.action_constraint() {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(named) => named == *action,
        ActionConstraint::In(named) => {
            named.iter().any(|group| group == action || groups.is_ancestor_of(group, action))
        }
    }
}

fn principal_name(policy: &Policy) -> Option<EntityUid> {
    match policy.principal_constraint() {
        PrincipalConstraint::Any | PrincipalConstraint::Is(_) => None,
        PrincipalConstraint::In(uid) | PrincipalConstraint::Eq(uid) | PrincipalConstraint::IsIn(_, uid) => {
            Some(uid)
        }
    }
}

fn resource_name(policy: &Policy) -> Option<EntityUid> {
    match policy.resource_constraint() {
        ResourceConstraint::Any | ResourceConstraint::Is(_) => None,
        ResourceConstraint::In(uid) | ResourceConstraint::Eq(uid) | ResourceConstraint::IsIn(_, uid) => {
            Some(uid)
        }
    }
}

fn principal_type(policy: &Policy) -> Option<EntityTypeName> {
    match policy.principal_constraint() {
        PrincipalConstraint::Is(kind) | PrincipalConstraint::IsIn(kind, _) => Some(kind),
        PrincipalConstraint::Any | PrincipalConstraint::In(_) | PrincipalConstraint::Eq(_) => None,
    }
}

fn resource_type(policy: &Policy) -> Option<EntityTypeName> {
    match policy.resource_constraint() {
        ResourceConstraint::Is(kind) | ResourceConstraint::IsIn(kind, _) => Some(kind),
        ResourceConstraint::Any | ResourceConstraint::In(_) | ResourceConstraint::Eq(_) => None,
    }
}

/// Answers of several sets put together as one set would have answered: a forbid wins, else a permit, else no.
#[derive(Debug, Default)]
pub(super) struct Sum {
    permits: Vec<PolicyId>,
    forbids: Vec<PolicyId>,
    errors: BTreeMap<PolicyId, String>,
}

impl Sum {
    pub(super) fn add(&mut self, response: &cedar_policy::Response) {
        let reasons = response.diagnostics().reason().cloned();
        match response.decision() {
            Decision::Allow => self.permits.extend(reasons),
            Decision::Deny => self.forbids.extend(reasons),
        }
        for AuthorizationError::PolicyEvaluationError(error) in response.diagnostics().errors() {
            self.errors.insert(error.policy_id().clone(), error.inner().to_string());
        }
    }

    pub(super) fn answer(self) -> Answer {
        let allowed = self.forbids.is_empty() && !self.permits.is_empty();
        let mut reasons = if allowed { self.permits } else { self.forbids };
        reasons.sort_unstable();
        Answer { allowed, reasons, errors: self.errors.into_iter().collect() }
    }
}
