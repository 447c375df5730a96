//! The permit, and the one function that makes it.

use std::sync::Arc;

use super::actions::Context;
use super::asking::{Known, question};
use super::own_roles::OwnRoles;
use super::record::DecisionId;
use super::{Action, Denied, Guard, Party, Principal, Resource, Slice};
use crate::pdp::{Decision, Entity, FactSet};

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
    slice: Arc<Slice>,
    own: Option<Arc<OwnRoles>>,
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
        self.slice.version
    }

    /// What was known of the object when it was decided, for questions that rest on the same.
    pub(super) fn facts(&self) -> &FactSet {
        &self.slice.entities
    }

    /// The roles that the object's organization made, likewise.
    pub(super) fn own_roles(&self) -> Option<&Arc<OwnRoles>> {
        self.own.as_ref()
    }

    /// How often the register of the organization's things had been changed when this was decided: what was read later,
    /// and is kept under this count, is never older than the count.
    #[must_use]
    pub fn register(&self) -> Option<i64> {
        self.slice.register
    }

    /// How often the roles on the organization's single things had been changed, likewise; nothing if there never was one.
    #[must_use]
    pub fn grants(&self) -> Option<i64> {
        self.slice.grants.map(|(_, revision)| revision)
    }

    /// The object of the action itself, as the decision knew it.
    #[must_use]
    pub fn object(&self) -> Option<&Entity> {
        self.slice.entities.get(&self.action.resource().entity())
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
/// Nobody gives a role of which they do not hold every permission.
const ROLE_NOT_HELD: &str = "role-not-held";

impl Guard {
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
        let slice = self.facts().about(&caller.party, &resource).await?;
        let own = self.kept().of(&slice, self.pdp(), self.facts()).await?;
        let given = self.given(caller, &slice, &resource).await?;
        let known = Known { slice: &slice, own: own.as_deref(), given: &given };
        let mut decision = None;
        for link in caller.links() {
            let (id, made) = self.decide(caller, link, A::NAME, action.context(), &resource, known).await?;
            if !made.allowed {
                return Err(self.refusal(caller, link, &resource, known, (id, &made)));
            }
            // The party is asked last: the permit is known by the decision about it.
            decision = Some(id);
        }
        let decision = decision.filter(|_| slice.exists).ok_or(Denied::NotFound)?;
        if let Some((organization, role)) = action.gives()
            && !self.holds_role(caller, organization, role, known).await?
        {
            // The action itself was allowed, and what is missing is in the log beside it: this is what came of both.
            let asked = question(&caller.party, A::NAME.into(), action.context(), &resource, known);
            let decision = self.deny(&caller.origin.request_id, &asked, ROLE_NOT_HELD).await;
            return Err(Denied::Forbidden { codes: vec![ROLE_NOT_HELD.to_owned()], decision });
        }
        Ok(Authorized { action, caller, decision, slice, own })
    }

    /// What a denied caller may learn of the refusal of one link.
    fn refusal(
        &self,
        caller: &Principal,
        link: &Party,
        resource: &Resource,
        known: Known<'_>,
        (decision, made): (DecisionId, &Decision),
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
            return Denied::Forbidden { codes: about_caller, decision };
        }
        // Which actions a credential's scopes cover does not depend on the object either.
        if matches!(link, Party::Credential(_)) && made.determining.is_empty() && made.errors.is_empty() {
            return Denied::Forbidden { codes: vec![INSUFFICIENT_SCOPE.to_owned()], decision };
        }
        let visible = known.slice.exists
            && match resource.shown_by() {
                None => true,
                Some((action, shown)) => caller.links().all(|link| {
                    // What is given on a thing shows nothing of the organization.
                    let known = Known { given: &[], ..known };
                    let asked = question(link, action.into(), Context::new(), &shown, known);
                    let overlay = known.own.map(|own| &*own.overlay);
                    self.pdp().decide_with(&asked, overlay).is_ok_and(|decision| decision.allowed)
                }),
            };
        if visible { Denied::Forbidden { codes: codes(false), decision } } else { Denied::NotFound }
    }
}
