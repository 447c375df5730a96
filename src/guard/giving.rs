//! Who may give which role: nobody passes on what they do not have.

use super::actions::{Context, role_ref};
use super::asking::{Known, about, question};
use super::grants::{Given, around};
use super::{Denied, GivenRole, Guard, Party, Principal, Resource, Slice, UserPrincipal};
use crate::domain::{Gift, Micros, OrganizationId, RoleRef, Roles, SystemRole};
use crate::pdp::{EntityRef, FactSet};

impl Guard {
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
        let slice = self.facts().about(&caller.party, &Resource::Organization(organization)).await?;
        let own = self.kept().of(&slice, self.pdp(), self.facts()).await?;
        let known = Known { slice: &slice, own: own.as_deref(), given: &[] };
        for link in caller.links() {
            if !self.has_gift(caller, link, organization, gift, known).await? {
                return Ok(false);
            }
        }
        Ok(slice.exists)
    }

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
        thing: &FactSet,
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
        let without = Slice { roles: Vec::new(), ..Slice::clone(&slice) };
        let theirs = Known { slice: &without, own: own.as_deref(), given: &roles };
        let overlay = own.as_deref().map(|own| &*own.overlay);
        for permission in self.pdp().permissions() {
            for (on, entities) in [(&place.entity(), &FactSet::default()), (&object, thing)] {
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

    /// Whether every link of the caller holds a role, or every permission of it.
    pub(super) async fn holds_role(
        &self,
        caller: &Principal,
        organization: OrganizationId,
        role: RoleRef,
        known: Known<'_>,
    ) -> Result<bool, Denied> {
        let name = role_ref(organization, role);
        let nothing = Roles::default();
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
        let mut permissions = self.pdp().permissions();
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
