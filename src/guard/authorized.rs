//! The permit, and the one function that makes it.

use std::sync::Arc;

use super::record::{DecisionId, Record, Recorder};
use super::{Action, Denied, Facts, Principal, Resource, Slice};
use crate::domain::{Clock, Random};
use crate::pdp::{Decision, Entity, Pdp, Question};

/// Proof that Cedar allowed `A` to this caller on the object `A` names, a moment ago.
///
/// Not `Clone`, without a public constructor, and bound to the caller's borrow. Whoever reads or writes
/// tenant data takes one, and takes the object's id from [`Authorized::action`], never from an argument.
#[must_use]
#[derive(Debug)]
pub struct Authorized<'c, A: Action> {
    action: A,
    caller: &'c Principal,
    decision: DecisionId,
    seen: Option<i64>,
}

impl<'c, A: Action> Authorized<'c, A> {
    #[must_use]
    pub fn action(&self) -> &A {
        &self.action
    }

    #[must_use]
    pub fn caller(&self) -> &'c Principal {
        self.caller
    }

    #[must_use]
    pub fn decision(&self) -> DecisionId {
        self.decision
    }

    /// The version of the object's row that the decision rested on. A write says `WHERE version = ?`
    /// with it, so that a fact that changed in between makes the write fail instead of pass.
    #[must_use]
    pub fn seen(&self) -> Option<i64> {
        self.seen
    }

    /// Ends the permit: `value` may leave through a reply to this action.
    pub fn release<T>(self, value: T) -> Released<A, T> {
        Released { value, action: std::marker::PhantomData }
    }
}

/// A value on its way out under the permit of `A`. A reply can be built from nothing else.
#[must_use]
pub struct Released<A: Action, T> {
    value: T,
    action: std::marker::PhantomData<fn() -> A>,
}

impl<A: Action, T> Released<A, T> {
    pub fn map<U>(self, with: impl FnOnce(T) -> U) -> Released<A, U> {
        Released { value: with(self.value), action: self.action }
    }

    /// For `api/reply.rs`, the end of the way.
    pub(crate) fn into_inner(self) -> T {
        self.value
    }
}

impl<A: Action, T> std::fmt::Debug for Released<A, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Released<{}>", A::NAME)
    }
}

/// Asks Cedar, and turns its allow into a permit.
#[derive(Debug)]
pub struct Guard {
    pdp: Arc<Pdp>,
    facts: Arc<dyn Facts>,
    recorder: Arc<dyn Recorder>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl Guard {
    #[must_use]
    pub fn new(
        pdp: Arc<Pdp>,
        facts: Arc<dyn Facts>,
        recorder: Arc<dyn Recorder>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Self {
        Self { pdp, facts, recorder, clock, random }
    }

    /// Asks whether `caller` may do `action`.
    ///
    /// # Errors
    /// [`Denied`], which already tells what the caller may learn: an object they may not read is
    /// [`Denied::NotFound`], whether it exists or not.
    pub async fn authorize<'c, A: Action>(
        &self,
        caller: &'c Principal,
        action: A,
    ) -> Result<Authorized<'c, A>, Denied> {
        let resource = action.resource();
        let slice = self.facts.about(caller, &resource).await?;
        let question = question(caller, A::NAME, action.context(), &resource, &slice);
        let (decision, made) = self.decide(caller, &question)?;
        if !made.allowed {
            return Err(self.refusal(caller, &resource, &slice, &made));
        }
        if !slice.exists {
            return Err(Denied::NotFound);
        }
        Ok(Authorized { action, caller, decision, seen: slice.version })
    }

    /// What a denied caller may learn.
    fn refusal(&self, caller: &Principal, resource: &Resource, slice: &Slice, made: &Decision) -> Denied {
        if caller.is_anonymous() {
            return Denied::Unauthenticated;
        }
        let codes = |about_principal: bool| -> Vec<String> {
            made.determining
                .iter()
                .filter(|policy| policy.about_principal || !about_principal)
                .filter_map(|policy| policy.code.clone())
                .collect()
        };
        // What is true of the caller whatever the object: telling it gives nothing away about the object.
        let about_caller = codes(true);
        if !about_caller.is_empty() {
            return Denied::Forbidden { codes: about_caller };
        }
        let visible = slice.exists
            && match resource.shown_by() {
                None => true,
                Some((action, shown)) => {
                    let asked = question(caller, action, Vec::new(), &shown, slice);
                    self.pdp.decide(&asked).is_ok_and(|decision| decision.allowed)
                }
            };
        if visible { Denied::Forbidden { codes: codes(false) } } else { Denied::NotFound }
    }

    fn decide(&self, caller: &Principal, question: &Question) -> Result<(DecisionId, Decision), Denied> {
        let now = self.clock.now();
        let id = DecisionId::from(self.random.uuid(now));
        let made = self.pdp.decide(question).map_err(|error| Denied::Undecided(Box::new(error)))?;
        self.recorder.record(&Record {
            id,
            at: now,
            request_id: &caller.origin.request_id,
            principal: &question.principal,
            action: &question.action,
            resource: &question.resource,
            decision: &made,
        });
        Ok((id, made))
    }
}

fn question(
    caller: &Principal,
    action: &'static str,
    context: super::actions::Context,
    resource: &Resource,
    slice: &Slice,
) -> Question {
    let principal = caller.party.entity(&slice.roles);
    let uid = principal.uid.clone();
    let mut entities: Vec<Entity> = Vec::with_capacity(slice.entities.len() + 1);
    // The caller's own entity last: where a slice holds the same user as a bare resource, theirs is the full one.
    entities.extend(slice.entities.iter().filter(|entity| entity.uid != uid).cloned());
    entities.push(principal);
    Question { principal: uid, action: action.into(), resource: resource.entity(), context, entities }
}
