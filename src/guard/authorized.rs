//! The permit, and the one function that makes it.

use std::borrow::Cow;
use std::sync::Arc;

use super::actions::{Context, role_ref};
use super::grants::Given;
use super::own_roles::{Kept, OwnRoles};
use super::record::{DecisionId, Recorder};
use super::{Action, Denied, Facts, OWN_TYPES, Party, Principal, Resource, Slice, UserPrincipal};
use crate::domain::{Clock, Gift, Micros, OrganizationId, Random, RoleRef, SystemRole};
use crate::pdp::{Decision, Entity, EntityRef, Overlay, Pdp, Question, Value};

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
    facts: Vec<Entity>,
    own: Option<Arc<OwnRoles>>,
    register: Option<i64>,
    grants: Option<i64>,
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

    /// What was known of the object when it was decided, for questions that rest on the same.
    pub(super) fn facts(&self) -> &[Entity] {
        &self.facts
    }

    /// The roles that the object's organization made, likewise.
    pub(super) fn own_roles(&self) -> Option<&Arc<OwnRoles>> {
        self.own.as_ref()
    }

    /// How often the register of the organization's things had been changed when this was decided: what was read later,
    /// and is kept under this count, is never older than the count.
    #[must_use]
    pub fn register(&self) -> Option<i64> {
        self.register
    }

    /// How often the roles on the organization's single things had been changed, likewise; nothing if there never was one.
    #[must_use]
    pub fn grants(&self) -> Option<i64> {
        self.grants
    }

    /// The object of the action itself, as the decision knew it.
    #[must_use]
    pub fn object(&self) -> Option<&Entity> {
        let uid = self.action.resource().entity();
        self.facts.iter().find(|entity| entity.uid == uid)
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

/// What a question rests on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) slice: &'a Slice,
    pub(super) own: Option<&'a OwnRoles>,
    /// Roles on what the object is in.
    pub(super) given: &'a [Given],
}

/// Whether a permission is held, and which decision settled it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    pub allowed: bool,
    /// The one that said no, or the last that said yes.
    pub decision: DecisionId,
}

/// Asks Cedar, and turns its allow into a permit.
#[derive(Debug, Clone)]
pub struct Guard {
    pdp: Arc<Pdp>,
    facts: Arc<dyn Facts>,
    recorder: Arc<dyn Recorder>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    kept: Kept,
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
        Self { pdp, facts, recorder, clock, random, kept: Kept::new() }
    }

    /// For the other files of this folder.
    pub(super) fn pdp(&self) -> &Pdp {
        &self.pdp
    }

    /// For work that outlives a borrow.
    pub(super) fn shared_pdp(&self) -> &Arc<Pdp> {
        &self.pdp
    }

    pub(super) fn facts(&self) -> &dyn Facts {
        &*self.facts
    }

    pub(super) fn kept(&self) -> &Kept {
        &self.kept
    }

    pub(super) fn recorder(&self) -> &dyn Recorder {
        &*self.recorder
    }

    /// The present, and the name of a decision that is made now.
    pub(super) fn stamp(&self) -> (Micros, DecisionId) {
        let now = self.clock.now();
        (now, DecisionId::from(self.random.uuid(now)))
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
        let own = self.kept.of(&slice, &self.pdp, &*self.facts).await?;
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
        Ok(Authorized {
            action,
            caller,
            decision,
            seen: slice.version,
            facts: slice.entities,
            own,
            register: slice.register,
            grants: slice.grants.map(|(_, revision)| revision),
        })
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
        self.holds_with(caller, permission, resource, &Context::new()).await
    }

    /// The same, where the permission has a context.
    pub(super) async fn holds_with(
        &self,
        caller: &Principal,
        permission: &str,
        resource: Resource,
        context: &Context,
    ) -> Result<bool, Denied> {
        Ok(self.ask_with(caller, permission, resource, context).await?.allowed)
    }

    /// [`Guard::holds`], with the decision that settled it.
    ///
    /// # Errors
    /// If the facts cannot be read, or no decision can be made.
    pub async fn ask(
        &self,
        caller: &Principal,
        permission: &str,
        resource: Resource,
    ) -> Result<Held, Denied> {
        self.ask_with(caller, permission, resource, &Context::new()).await
    }

    async fn ask_with(
        &self,
        caller: &Principal,
        permission: &str,
        resource: Resource,
        context: &Context,
    ) -> Result<Held, Denied> {
        let slice = self.facts.about(&caller.party, &resource).await?;
        let own = self.kept.of(&slice, &self.pdp, &*self.facts).await?;
        let given = self.given(caller, &slice, &resource).await?;
        let known = Known { slice: &slice, own: own.as_deref(), given: &given };
        let mut answer = Held { allowed: false, decision: DecisionId::default() };
        for link in caller.links() {
            // What the schema no longer knows nobody holds.
            if !self.is_about(permission, &resource) {
                let asked = question(link, permission.to_owned().into(), context.clone(), &resource, known);
                let decision = self.deny(&caller.origin.request_id, &asked, "not-applicable").await;
                return Ok(Held { allowed: false, decision });
            }
            answer = self.held(caller, link, permission, context, &resource, known).await?;
            if !answer.allowed {
                return Ok(answer);
            }
        }
        if slice.exists {
            return Ok(answer);
        }
        let asked = question(&caller.party, permission.to_owned().into(), context.clone(), &resource, known);
        let decision = self.deny(&caller.origin.request_id, &asked, "not-found").await;
        Ok(Held { allowed: false, decision })
    }

    /// Whether the caller, with every link, holds all that a role of the organization would give.
    ///
    /// # Errors
    /// As [`Guard::holds`].
    pub async fn holds_gift(
        &self,
        caller: &Principal,
        organization: OrganizationId,
        gift: &Gift<'_>,
    ) -> Result<bool, Denied> {
        let slice = self.facts.about(&caller.party, &Resource::Organization(organization)).await?;
        let own = self.kept.of(&slice, &self.pdp, &*self.facts).await?;
        let known = Known { slice: &slice, own: own.as_deref(), given: &[] };
        for link in caller.links() {
            if !self.has_gift(caller, link, organization, gift, known).await? {
                return Ok(false);
            }
        }
        Ok(slice.exists)
    }

    /// Whether every link of the caller holds a role, or every permission of it.
    async fn holds_role(
        &self,
        caller: &Principal,
        organization: OrganizationId,
        role: RoleRef,
        known: Known<'_>,
    ) -> Result<bool, Denied> {
        let name = role_ref(organization, role);
        let nothing = crate::domain::Roles::default();
        let roles = known.own.map_or(&nothing, |own| &own.roles);
        let Some(gift) = roles.gift(role) else { return Ok(false) };
        for link in caller.links() {
            let held =
                is_in(link, &name, known) || self.has_gift(caller, link, organization, &gift, known).await?;
            if !held {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn has_gift(
        &self,
        caller: &Principal,
        link: &Party,
        organization: OrganizationId,
        gift: &Gift<'_>,
        known: Known<'_>,
    ) -> Result<bool, Denied> {
        let place = Resource::Organization(organization);
        if !self.has(caller, link, &gift.permissions, &place, known).await? {
            return Ok(false);
        }
        let Some(system) = gift.system else { return Ok(true) };
        if is_in(link, &role_ref(organization, system), known) {
            return Ok(true);
        }
        let given = self.given_by_policies(organization, system, known);
        let given: Vec<&str> = given.iter().map(String::as_str).collect();
        self.has(caller, link, &given, &place, known).await
    }

    /// The permissions that the policies give to whoever is in one of the platform's roles and nothing else. The files
    /// are the operator's, so what a role gives is asked of them, not of a list.
    fn given_by_policies(
        &self,
        organization: OrganizationId,
        role: SystemRole,
        Known { slice, own, .. }: Known<'_>,
    ) -> Vec<String> {
        let place = Resource::Organization(organization);
        let mut permissions = self.pdp.permissions();
        permissions.retain(|permission| self.is_about(permission, &place));
        let slice = Slice { roles: vec![role_ref(organization, role)], ..slice.clone() };
        let known = Known { slice: &slice, own, given: &[] };
        // If there could be nobody, everything would have to be held.
        if let Some(somebody) = UserPrincipal::nobody_in_particular() {
            let somebody = Party::User(Box::new(somebody));
            permissions.retain(|permission| {
                let asked = question(&somebody, permission.clone().into(), Context::new(), &place, known);
                self.could_allow(&asked, None)
            });
        }
        permissions
    }

    /// Whether one link has each of these on `resource`.
    pub(super) async fn has(
        &self,
        caller: &Principal,
        link: &Party,
        permissions: &[&str],
        resource: &Resource,
        known: Known<'_>,
    ) -> Result<bool, Denied> {
        let (who, what) = (link.uid().kind, resource.entity().kind);
        for permission in permissions {
            // What the schema does not know, or not of such a caller, they do not hold.
            if !self.pdp.applies(permission, &who, &what) {
                return Ok(false);
            }
            if !self.held(caller, link, permission, &Context::new(), resource, known).await?.allowed {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether a credential can be granted this text.
    #[must_use]
    pub fn is_scope(&self, permission: &str) -> bool {
        self.pdp.is_scope(permission)
    }

    /// Whether the schema has a permission of this name.
    #[must_use]
    pub fn is_permission(&self, permission: &str) -> bool {
        self.pdp.is_permission(permission)
    }

    /// Whether a permission can be held on this kind of object.
    #[must_use]
    pub fn is_about(&self, permission: &str, resource: &Resource) -> bool {
        self.pdp.applies(permission, "User", &resource.entity().kind)
    }

    /// Whether a permission can be held on a product's things of this type.
    #[must_use]
    pub fn is_about_things(&self, permission: &str, kind: &str) -> bool {
        !OWN_TYPES.contains(&kind)
            && self.is_askable(permission)
            && self.pdp.applies(permission, "User", kind)
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
                    self.pdp.decide_with(&asked, overlay).is_ok_and(|decision| decision.allowed)
                }),
            };
        if visible { Denied::Forbidden { codes: codes(false), decision } } else { Denied::NotFound }
    }

    /// One link's decision, told to the recorder.
    pub(super) async fn decide(
        &self,
        caller: &Principal,
        link: &Party,
        action: impl Into<Cow<'static, str>>,
        context: Context,
        resource: &Resource,
        known: Known<'_>,
    ) -> Result<(DecisionId, Decision), Denied> {
        let question = question(link, action.into(), context, resource, known);
        self.decided(caller, &question, known.own.map(|own| &*own.overlay)).await
    }

    /// The answer to a whole question, told to the recorder.
    pub(super) async fn decided(
        &self,
        caller: &Principal,
        question: &Question,
        overlay: Option<&Overlay>,
    ) -> Result<(DecisionId, Decision), Denied> {
        let made = self.pdp.decide_with(question, overlay);
        let made = made.map_err(|error| Denied::Undecided(Box::new(error)))?;
        let id = self.tell_of(&caller.origin.request_id, None, question, &made).await;
        Ok((id, made))
    }
}

pub(super) fn question(
    link: &Party,
    action: Cow<'static, str>,
    context: Context,
    resource: &Resource,
    Known { slice, own, given }: Known<'_>,
) -> Question {
    let mut principal = link.entity(&slice.roles);
    let given = given.iter().filter(|it| it.holder == principal.uid);
    principal.parents.extend(given.map(|it| it.role.clone()));
    let uid = principal.uid.clone();
    let mut entities: Vec<Entity> = Vec::with_capacity(slice.entities.len() + 1);
    // The link's own entity last: where a slice holds the same one as a bare resource, this is the full one.
    entities.extend(slice.entities.iter().filter(|entity| entity.uid != uid).cloned());
    if let Some(own) = own {
        let named = context.iter().filter_map(|(_, value)| match value {
            Value::Entity(entity) => Some(entity),
            _ => None,
        });
        own.add_to(&mut entities, principal.parents.iter().chain(named).cloned().collect());
    }
    entities.push(principal);
    Question { principal: uid, action, resource: resource.entity(), context, entities }
}

/// Whether a link is in a role, by itself or through roles that include it.
fn is_in(link: &Party, role: &EntityRef, Known { slice, own, .. }: Known<'_>) -> bool {
    let mut entities = slice.entities.clone();
    let mut next = link.entity(&slice.roles).parents;
    if let Some(own) = own {
        own.add_to(&mut entities, next.clone());
    }
    let mut seen: Vec<EntityRef> = Vec::new();
    while let Some(one) = next.pop() {
        if one == *role {
            return true;
        }
        if !seen.contains(&one) {
            next.extend(entities.iter().filter(|it| it.uid == one).flat_map(|it| it.parents.iter().cloned()));
            seen.push(one);
        }
    }
    false
}
