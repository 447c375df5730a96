//! Who holds what on a single thing: nobody passes on what they do not have.

use super::actions::{Context, role_ref};
use super::authorized::{Known, question};
use super::grants::{Given, around};
use super::{Denied, GivenRole, Guard, Party, Principal, Resource, Slice, UserPrincipal};
use crate::domain::{Micros, OrganizationId, RoleRef, Roles};
use crate::pdp::{Entity, EntityRef, Question};

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
        let allows =
            |question: Question| self.pdp().decide_with(&question, overlay).is_ok_and(|it| it.allowed);
        for permission in self.pdp().permissions() {
            for (on, entities) in [(&place.entity(), &[][..]), (&object, thing)] {
                let asked = |link: &Party, known: Known<'_>| {
                    about(
                        question(link, permission.clone().into(), Context::new(), &place, known),
                        on,
                        entities,
                    )
                };
                if !self.pdp().applies(&permission, "User", &on.kind) || !allows(asked(&somebody, theirs)) {
                    continue;
                }
                for link in caller.links() {
                    // Where the schema has no such question about such a caller, the one about the whole counts.
                    let askable = self.pdp().applies(&permission, &link.uid().kind, &on.kind);
                    if (askable || *on != object) && !allows(asked(link, known)) {
                        return Ok(false);
                    }
                }
            }
        }
        Ok(slice.exists)
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
