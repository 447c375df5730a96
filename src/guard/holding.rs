//! Who holds which permission, on what they are asked about as a whole or on a single thing.

use super::actions::Context;
use super::asking::{Known, about, question};
use super::grants::around;
use super::record::DecisionId;
use super::{Denied, GivenRole, Guard, OWN_TYPES, Party, Principal, Resource};
use crate::domain::OrganizationId;
use crate::pdp::{FactSet, Overlay, Question};

/// Whether a permission is held, and which decision settled it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    pub allowed: bool,
    /// The one that said no, or the last that said yes.
    pub decision: DecisionId,
}

impl Guard {
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
        let slice = self.facts().about(&caller.party, &resource).await?;
        let own = self.kept().of(&slice, self.pdp(), self.facts()).await?;
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

    /// Whether the caller, with every link, may do something to a product's thing. `thing` is it first, then what it is in.
    ///
    /// # Errors
    /// If the facts of the caller cannot be read.
    pub async fn ask_on(
        &self,
        caller: &Principal,
        permission: &str,
        organization: OrganizationId,
        thing: &FactSet,
    ) -> Result<Held, Denied> {
        let place = Resource::Organization(organization);
        let object = thing.first().map_or_else(|| place.entity(), |entity| entity.uid.clone());
        let slice = self.facts().about(&caller.party, &place).await?;
        let own = self.kept().of(&slice, self.pdp(), self.facts()).await?;
        let around = around(&[&slice.entities, thing], &object);
        let (now, _) = self.stamp();
        let counts = |it: &GivenRole| it.holds_at(now) && around.contains(&it.on);
        let given = self.given_where(caller, &slice, counts).await?;
        let known = Known { slice: &slice, own: own.as_deref(), given: &given };
        let overlay = own.as_deref().map(|own| &*own.overlay);
        let request_id = &caller.origin.request_id;
        let mut answer = Held { allowed: false, decision: DecisionId::default() };
        for link in caller.links() {
            let asked = question(link, permission.to_owned().into(), Context::new(), &place, known);
            let asked = about(asked, &object, thing);
            let refused = if !self.pdp().applies(permission, &asked.principal.kind, &object.kind) {
                Some("not-applicable")
            } else if self.pdp().needs_context(permission) {
                Some("needs-context")
            } else {
                None
            };
            if let Some(code) = refused {
                let decision = self.deny(request_id, &asked, code).await;
                return Ok(Held { allowed: false, decision });
            }
            answer = match self.pdp().decide_with(&asked, overlay) {
                Ok(made) => {
                    let decision = self.tell_of(request_id, None, &asked, &made).await;
                    Held { allowed: made.allowed, decision }
                }
                Err(error) => {
                    tracing::warn!(%error, "a question about a product's thing could not be decided");
                    let decision = self.deny(request_id, &asked, "facts-do-not-fit").await;
                    Held { allowed: false, decision }
                }
            };
            if !answer.allowed {
                return Ok(answer);
            }
        }
        Ok(answer)
    }

    /// Whether the caller, with every link, has a permission on anything of the organization: in it as a whole, or by a
    /// role on a single thing.
    ///
    /// # Errors
    /// If the facts cannot be read, or no decision can be made.
    pub async fn holds_somewhere(
        &self,
        caller: &Principal,
        permission: &str,
        organization: OrganizationId,
    ) -> Result<bool, Denied> {
        let place = Resource::Organization(organization);
        let slice = self.facts().about(&caller.party, &place).await?;
        let own = self.kept().of(&slice, self.pdp(), self.facts()).await?;
        let (now, _) = self.stamp();
        let given = self.given_where(caller, &slice, |it| it.holds_at(now)).await?;
        let known = Known { slice: &slice, own: own.as_deref(), given: &given };
        for link in caller.links() {
            if !self.has(caller, link, &[permission], &place, known).await? {
                return Ok(false);
            }
        }
        Ok(slice.exists)
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
            if !self.pdp().applies(permission, &who, &what) {
                return Ok(false);
            }
            if !self.held(caller, link, permission, &Context::new(), resource, known).await?.allowed {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// One link's decision whether it holds a permission. One whose questions need a context, which is not there when
    /// somebody asks who holds it, is held by whoever gets a yes whatever the context.
    pub(super) async fn held(
        &self,
        caller: &Principal,
        link: &Party,
        permission: &str,
        context: &Context,
        resource: &Resource,
        known: Known<'_>,
    ) -> Result<Held, Denied> {
        let permission = permission.to_owned();
        if !context.is_empty() || !self.pdp().needs_context(&permission) {
            let made = self.decide(caller, link, permission, context.clone(), resource, known).await?;
            return Ok(Held { allowed: made.1.allowed, decision: made.0 });
        }
        let asked = question(link, permission.into(), Context::new(), resource, known);
        let overlay = known.own.map(|own| &*own.overlay);
        let bounds = self.pdp().whatever_the_context(&asked, overlay);
        if bounds.map_err(|error| Denied::Undecided(Box::new(error)))?.always {
            // Nobody could decide it again from a record, for want of the context.
            return Ok(Held { allowed: true, decision: self.stamp().1 });
        }
        let decision = self.deny(&caller.origin.request_id, &asked, "needs-context").await;
        Ok(Held { allowed: false, decision })
    }

    /// Whether a credential can be granted this text.
    #[must_use]
    pub fn is_scope(&self, permission: &str) -> bool {
        self.pdp().is_scope(permission)
    }

    /// Whether the schema has a permission of this name.
    #[must_use]
    pub fn is_permission(&self, permission: &str) -> bool {
        self.pdp().is_permission(permission)
    }

    /// Whether a permission can be held on this kind of object.
    #[must_use]
    pub fn is_about(&self, permission: &str, resource: &Resource) -> bool {
        self.pdp().applies(permission, "User", &resource.entity().kind)
    }

    /// Whether a permission can be held on a product's things of this type.
    #[must_use]
    pub fn is_about_things(&self, permission: &str, kind: &str) -> bool {
        !OWN_TYPES.contains(&kind)
            && self.is_askable(permission)
            && self.pdp().applies(permission, "User", kind)
    }

    /// Whether the answer is yes, whatever the context if one is needed.
    pub(super) fn allows(&self, asked: &Question, overlay: Option<&Overlay>) -> bool {
        if self.pdp().needs_context(&asked.action) {
            return self.pdp().whatever_the_context(asked, overlay).is_ok_and(|bounds| bounds.always);
        }
        self.pdp().decide_with(asked, overlay).is_ok_and(|made| made.allowed)
    }

    /// Whether the answer is yes, or may be with some context if one is needed: what a role gives must be held by
    /// whoever gives the role, so in doubt it gives.
    pub(super) fn could_allow(&self, asked: &Question, overlay: Option<&Overlay>) -> bool {
        if self.pdp().needs_context(&asked.action) {
            return self.pdp().whatever_the_context(asked, overlay).map_or(true, |bounds| bounds.ever);
        }
        self.pdp().decide_with(asked, overlay).is_ok_and(|made| made.allowed)
    }
}
