//! The permit, and the one function that makes it.

use std::borrow::Cow;
use std::sync::Arc;

use super::actions::Context;
use super::record::{DecisionId, Record, Recorder};
use super::{Action, Denied, Facts, Party, Principal, Resource, Slice};
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

    /// The same value as the answer to an action that is permitted beside this one.
    pub fn under<B: Action>(self, ok: Authorized<'_, B>) -> Released<B, T> {
        ok.release(self.value)
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

/// The word of RFC 6750 section 3.1, spelled as our codes are.
const INSUFFICIENT_SCOPE: &str = "insufficient-scope";

/// Asks Cedar, and turns its allow into a permit.
#[derive(Debug, Clone)]
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
        let slice = self.facts.about(&caller.party, &resource).await?;
        let mut decision = None;
        for link in caller.links() {
            let (id, made) = self.decide(caller, link, A::NAME, action.context(), &resource, &slice)?;
            if !made.allowed {
                return Err(self.refusal(caller, link, &resource, &slice, &made));
            }
            // The party is asked last: the permit is known by the decision about it.
            decision = Some(id);
        }
        let decision = decision.filter(|_| slice.exists).ok_or(Denied::NotFound)?;
        Ok(Authorized { action, caller, decision, seen: slice.version })
    }

    /// Whether the caller, with every link, holds a whole permission such as `project:*` on `resource`: its own party,
    /// an organization or the platform. Nobody grants what they do not hold.
    ///
    /// # Errors
    /// If the facts cannot be read, or no decision can be made.
    pub async fn holds(
        &self,
        caller: &Principal,
        permission: &str,
        resource: Resource,
    ) -> Result<bool, Denied> {
        let slice = self.facts.about(&caller.party, &resource).await?;
        for link in caller.links() {
            let (_, made) =
                self.decide(caller, link, permission.to_owned(), Context::new(), &resource, &slice)?;
            if !made.allowed {
                return Ok(false);
            }
        }
        Ok(slice.exists)
    }

    /// Whether a credential can be granted this text.
    #[must_use]
    pub fn is_scope(&self, permission: &str) -> bool {
        self.pdp.is_scope(permission)
    }

    /// Whether a permission can be held on this kind of object.
    #[must_use]
    pub fn is_about(&self, permission: &str, resource: &Resource) -> bool {
        self.pdp.applies(permission, "User", &resource.entity().kind)
    }

    /// What a denied caller may learn of the refusal of one link.
    fn refusal(
        &self,
        caller: &Principal,
        link: &Party,
        resource: &Resource,
        slice: &Slice,
        made: &Decision,
    ) -> Denied {
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
        // Which actions a credential's scopes cover does not depend on the object either.
        if matches!(link, Party::Credential(_)) && made.determining.is_empty() && made.errors.is_empty() {
            return Denied::Forbidden { codes: vec![INSUFFICIENT_SCOPE.to_owned()] };
        }
        let visible = slice.exists
            && match resource.shown_by() {
                None => true,
                Some((action, shown)) => caller.links().all(|link| {
                    let asked = question(link, action.into(), Context::new(), &shown, slice);
                    self.pdp.decide(&asked).is_ok_and(|decision| decision.allowed)
                }),
            };
        if visible { Denied::Forbidden { codes: codes(false) } } else { Denied::NotFound }
    }

    /// One link's decision.
    fn decide(
        &self,
        caller: &Principal,
        link: &Party,
        action: impl Into<Cow<'static, str>>,
        context: Context,
        resource: &Resource,
        slice: &Slice,
    ) -> Result<(DecisionId, Decision), Denied> {
        self.decided(caller, &question(link, action.into(), context, resource, slice))
    }

    /// The answer to a whole question, told to the recorder.
    pub(super) fn decided(
        &self,
        caller: &Principal,
        question: &Question,
    ) -> Result<(DecisionId, Decision), Denied> {
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
    link: &Party,
    action: Cow<'static, str>,
    context: Context,
    resource: &Resource,
    slice: &Slice,
) -> Question {
    let principal = link.entity(&slice.roles);
    let uid = principal.uid.clone();
    let mut entities: Vec<Entity> = Vec::with_capacity(slice.entities.len() + 1);
    // The link's own entity last: where a slice holds the same one as a bare resource, this is the full one.
    entities.extend(slice.entities.iter().filter(|entity| entity.uid != uid).cloned());
    entities.push(principal);
    Question { principal: uid, action, resource: resource.entity(), context, entities }
}
