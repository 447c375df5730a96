//! Who holds what on a single thing: nobody passes on what they do not have.

use super::actions::{Context, role_ref};
use super::authorized::{Known, question};
use super::grants::{Given, around};
use super::record::DecisionId;
use super::{Denied, GivenRole, Guard, Held, Party, Principal, Resource, Slice, UserPrincipal};
use crate::domain::{Micros, OrganizationId, RoleRef, Roles};
use crate::pdp::{Entity, EntityRef, Overlay, Question};

impl Guard {
    /// Whether the caller, with every link, has all that a role would give on a thing and on what is in it, for as long
    /// as it would. `thing` is it first, then what it is in.
    ///
    /// What is in the thing is not known, so what the role gives is asked for in the organization as a whole, of the
    /// caller as they are on the thing; and then once more on the thing itself, where more may be forbidden. What they
    /// have on it by its attributes is theirs alone.
    ///
    /// # Errors
    /// If the facts cannot be read, or no decision can be made.
    pub async fn holds_on(
        &self,
        caller: &Principal,
        (organization, role): (OrganizationId, RoleRef),
        thing: &[Entity],
        until: Option<Micros>,
    ) -> Result<bool, Denied> {
        let Some(object) = thing.first().map(|entity| entity.uid.clone()) else { return Ok(false) };
        let place = Resource::Organization(organization);
        let slice = self.facts().about(&caller.party, &place).await?;
        let own = self.kept().of(&slice, self.pdp(), self.facts()).await?;
        let around = around(&[&slice.entities, thing], &object);
        let lasts = |it: &GivenRole| it.outlasts(until) && around.contains(&it.on);
        let given = self.given_where(caller, &slice, lasts).await?;
        let known = Known { slice: &slice, own: own.as_deref(), given: &given };

        let none = Roles::default();
        let Some(gift) = own.as_deref().map_or(&none, |own| &own.roles).gift(role) else { return Ok(false) };
        for link in caller.links() {
            if !self.has(caller, link, &gift.permissions, &place, known).await? {
                return Ok(false);
            }
        }
        // The files may give a role more than it lists, and the roles of the platform all they have.
        let Some(somebody) = UserPrincipal::nobody_in_particular() else { return Ok(false) };
        let somebody = Party::User(Box::new(somebody));
        let roles = [Given { holder: somebody.uid(), role: role_ref(organization, role) }];
        let without = Slice { roles: Vec::new(), ..slice.clone() };
        let theirs = Known { slice: &without, own: own.as_deref(), given: &roles };
        let overlay = own.as_deref().map(|own| &*own.overlay);
        for permission in self.pdp().permissions() {
            for (on, entities) in [(&place.entity(), &[][..]), (&object, thing)] {
                let asked = |link: &Party, known: Known<'_>| {
                    about(
                        question(link, permission.clone().into(), Context::new(), &place, known),
                        on,
                        entities,
                    )
                };
                let would = || self.could_allow(&asked(&somebody, theirs), overlay);
                if !self.pdp().applies(&permission, "User", &on.kind) || !would() {
                    continue;
                }
                for link in caller.links() {
                    // Where the schema has no such question about such a caller, the one about the whole counts.
                    let askable = self.pdp().applies(&permission, &link.uid().kind, &on.kind);
                    if (askable || *on != object) && !self.allows(&asked(link, known), overlay) {
                        return Ok(false);
                    }
                }
            }
        }
        Ok(slice.exists)
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
        thing: &[Entity],
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
}

impl Guard {
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

    /// Whether the answer is yes, whatever the context if one is needed.
    fn allows(&self, asked: &Question, overlay: Option<&Overlay>) -> bool {
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

/// The same question about something else, of which more is known.
fn about(mut question: Question, on: &EntityRef, entities: &[Entity]) -> Question {
    question.resource = on.clone();
    for entity in entities {
        if !question.entities.iter().any(|known| known.uid == entity.uid) {
            question.entities.push(entity.clone());
        }
    }
    question
}
