//! Roles on single things: in which questions they count.
//!
//! Whoever was given a role on a thing is in the role in questions about the thing and about what is in it, as Cedar's
//! `in` has it, and in no others. So no policy needs to say where a grant holds.

use std::sync::Arc;

use super::{Denied, Guard, OWN_TYPES, Party, Principal, Resource, Slice};
use crate::domain::{GrantHolder, Micros};
use crate::pdp::{EntityRef, FactSet};

/// A role that somebody was given on one thing.
#[derive(Debug, Clone)]
pub struct GivenRole {
    pub role: EntityRef,
    pub on: EntityRef,
    /// It gives nothing from then on.
    pub expires_at: Option<Micros>,
}

impl GivenRole {
    #[must_use]
    pub fn holds_at(&self, now: Micros) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }

    /// Whether it lasts as long as something that ends then, if ever.
    pub(super) fn outlasts(&self, end: Option<Micros>) -> bool {
        self.expires_at.is_none_or(|own| end.is_some_and(|end| end <= own))
    }
}

/// A role that one link of a caller has in one question.
#[derive(Debug, Clone)]
pub(super) struct Given {
    pub(super) holder: EntityRef,
    pub(super) role: EntityRef,
}

/// A thing and all that it is in, as far as these tell. Of two entities with one name the first counts.
pub(super) fn around(entities: &[&FactSet], thing: &EntityRef) -> Vec<EntityRef> {
    let mut found = vec![thing.clone()];
    let mut next = 0;
    while let Some(one) = found.get(next).cloned() {
        next += 1;
        let above = entities.iter().find_map(|facts| facts.get(&one));
        for parent in above.into_iter().flat_map(|entity| &entity.parents) {
            if !found.contains(parent) {
                found.push(parent.clone());
            }
        }
    }
    found
}

/// Of what somebody was given, the roles that count in a question about a thing; each once, in one order.
pub(super) fn roles_on(given: &[GivenRole], entities: &[&FactSet], thing: &EntityRef) -> Vec<EntityRef> {
    if given.is_empty() {
        return Vec::new();
    }
    let around = around(entities, thing);
    let there = given.iter().filter(|it| around.contains(&it.on));
    let mut roles: Vec<EntityRef> = there.map(|it| it.role.clone()).collect();
    roles.sort_unstable();
    roles.dedup();
    roles
}

/// Puts somebody, who is there, into more roles.
pub(super) fn enter(entities: &mut FactSet, who: &EntityRef, roles: Vec<EntityRef>) {
    if !roles.is_empty()
        && let Some(entity) = entities.get_mut(who)
    {
        entity.parents.extend(roles);
    }
}

impl Guard {
    /// What the caller's links were given on what the object is in.
    pub(super) async fn given(
        &self,
        caller: &Principal,
        slice: &Slice,
        resource: &Resource,
    ) -> Result<Vec<Given>, Denied> {
        let around = around(&[&slice.entities], &resource.entity());
        // The organization itself, and most of what is Palisade's, is in no thing of a product's.
        if around.iter().all(|it| OWN_TYPES.contains(&it.kind.as_ref())) {
            return Ok(Vec::new());
        }
        let (now, _) = self.stamp();
        self.given_where(caller, slice, |it| it.holds_at(now) && around.contains(&it.on)).await
    }

    /// What the caller's links were given in the organization that the facts are of, as far as it counts.
    pub(super) async fn given_where(
        &self,
        caller: &Principal,
        slice: &Slice,
        counts: impl Fn(&GivenRole) -> bool,
    ) -> Result<Vec<Given>, Denied> {
        let Some((organization, revision)) = slice.grants else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for link in caller.links() {
            let holder = match link {
                Party::User(user) => GrantHolder::User(user.id),
                Party::Agent(agent) => GrantHolder::Agent(agent.id),
                Party::Anonymous
                | Party::System(_)
                | Party::Service(_)
                | Party::Credential(_)
                | Party::Plugin(_) => continue,
            };
            let all: Arc<[GivenRole]> = self.facts().grants(organization, revision, holder).await?;
            let those = all.iter().filter(|it| counts(it));
            found.extend(those.map(|it| Given { holder: link.uid(), role: it.role.clone() }));
        }
        Ok(found)
    }
}
