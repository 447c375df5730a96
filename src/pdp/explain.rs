//! Why: the policies that decided, and for each permit that nearly did, the first clause that was false.
//!
//! Slow beside a decision, and it tells facts: only for those whom a policy lets ask.

mod clauses;

use std::sync::Arc;

use cedar_policy::{Effect, Entities, Policy, PolicyId, PolicySet, Request};

use self::clauses::{Clause, clauses, scope};
use super::decision::{Decision, Error, PolicyText};
use super::engine::Pdp;
use super::load::Snapshot;
use super::overlay::Overlay;
use super::policy_files::About;
use super::question::{EntityRef, Question};

/// How many near misses are told at most, and how many values of a clause.
const MOST: usize = 20;

/// A policy with what it is for and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainedPolicy {
    pub text: PolicyText,
    /// Of a forbid.
    pub code: Option<String>,
}

/// A permit about this action and these types that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NearMiss {
    pub policy: ExplainedPolicy,
    /// The first clause that was false, as Cedar text.
    pub clause: String,
    /// What the clause looked at, each as Cedar text: `resource.public` and `false`.
    pub values: Vec<(String, String)>,
    /// The clause could not be evaluated: why.
    pub error: Option<String>,
    /// Every thing that the policy names, actions aside.
    pub names: Vec<EntityRef>,
}

/// A decision and why.
#[derive(Debug, Clone)]
pub struct Explanation {
    pub decision: Arc<Decision>,
    /// The policies that brought it about, by id.
    pub determining: Vec<ExplainedPolicy>,
    /// On a deny, the permits that might have allowed it, by id.
    pub near_misses: Vec<NearMiss>,
}

impl Pdp {
    /// Answers as [`Pdp::decide`] does, and says why.
    ///
    /// # Errors
    /// As `decide`.
    pub fn explain(&self, question: &Question, overlay: Option<&Overlay>) -> Result<Explanation, Error> {
        let decision = self.decide_with(question, overlay)?;
        let snapshot = self.current();
        let determining = decision.determining.iter();
        let about = |id| snapshot.about.get(&id).or_else(|| overlay?.about(&id)).map(explained);
        let determining = determining.filter_map(|it| about(PolicyId::new(&it.id))).collect();
        let mut near_misses = Vec::new();
        if !decision.allowed
            && let Some((request, entities)) = snapshot.words.ask(question)?
        {
            near_misses = snapshot
                .index
                .policies()
                .policies()
                .filter(|policy| policy.effect() == Effect::Permit)
                .filter_map(|policy| near_miss(&snapshot, policy, &request, &entities))
                .collect();
            near_misses.sort_by(|a, b| a.policy.text.id.cmp(&b.policy.text.id));
            near_misses.truncate(MOST);
        }
        Ok(Explanation { decision, determining, near_misses })
    }
}

fn explained(about: &About) -> ExplainedPolicy {
    ExplainedPolicy { text: about.text.clone(), code: about.determining.code.clone() }
}

/// Nothing if the permit is about something else altogether: another action, other types, somebody else by name.
fn near_miss(
    snapshot: &Snapshot,
    policy: &Policy,
    request: &Request,
    entities: &Entities,
) -> Option<NearMiss> {
    let json = policy.to_json().ok()?;
    if !holds(&scope(&json)?, request, entities) {
        return None;
    }
    let text = explained(snapshot.about.get(policy.id())?);
    for clause in clauses(&json)? {
        let Clause { text: clause, expression, looks_at } = clause;
        let error = match cedar_policy::eval_expression(request, entities, &expression) {
            Ok(cedar_policy::EvalResult::Bool(true)) => continue,
            Ok(_) => None,
            Err(error) => Some(error.to_string()),
        };
        let value = |(text, expression): (String, _)| {
            let value = cedar_policy::eval_expression(request, entities, &expression).ok()?;
            Some((text, value.to_string()))
        };
        let values = looks_at.into_iter().take(MOST).filter_map(value).collect();
        return Some(NearMiss { policy: text, clause, values, error, names: names(policy) });
    }
    None
}

fn names(policy: &Policy) -> Vec<EntityRef> {
    let names = policy.entity_literals().into_iter().filter(|uid| uid.type_name().basename() != "Action");
    names.map(|uid| EntityRef::new(uid.type_name().to_string(), uid.id().unescaped())).collect()
}

/// Whether a policy of this scope alone, without conditions, is about the request.
fn holds(scope: &Policy, request: &Request, entities: &Entities) -> bool {
    let Ok(set) = PolicySet::from_policies([scope.clone()]) else { return false };
    let answer = cedar_policy::Authorizer::new().is_authorized(request, &set, entities);
    answer.decision() == cedar_policy::Decision::Allow
}
