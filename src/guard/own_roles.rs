//! The roles that organizations made, compiled and kept for as long as they stay what they are.

use std::collections::HashMap;
use std::sync::Arc;

use moka::future::Cache;

use super::actions::role_ref;
use super::{Denied, Facts, FactsError, Resource, Slice};
use crate::domain::{CustomRole, HeldRole, OrganizationId, Roles};
use crate::pdp::{Entity, EntityRef, FactSet, Overlay, Pdp, PolicyVersion, RolePolicy};

/// The roles that one organization made, as one state of them has it.
#[derive(Debug)]
pub(super) struct OwnRoles {
    pub(super) overlay: Arc<Overlay>,
    pub(super) roles: Roles,
    entities: HashMap<EntityRef, Entity>,
}

impl OwnRoles {
    fn compile(pdp: &Pdp, organization: OrganizationId, roles: Roles) -> Result<Self, crate::pdp::Error> {
        let place = Resource::Organization(organization).entity();
        let policies: Vec<_> = roles
            .iter()
            .map(|role| RolePolicy {
                id: format!("role.{}", role.id),
                why: format!("Whoever holds the role `{}` has what it lists.", role.name),
                role: role_ref(organization, role.id),
                organization: place.clone(),
                actions: role.permissions.clone(),
            })
            .collect();
        let entity = |role: &CustomRole| {
            let above = role.inherits_from.map(|above| role_ref(organization, above));
            let parents = above.into_iter().chain([place.clone()]).collect();
            Entity { uid: role_ref(organization, role.id), attributes: Vec::new(), parents }
        };
        let entities = roles.iter().map(entity).map(|entity| (entity.uid.clone(), entity)).collect();
        Ok(Self { overlay: Arc::new(pdp.overlay(&policies)?), roles, entities })
    }

    /// The least first, by how many permissions they list.
    pub(super) fn by_what_they_give(&self) -> Vec<HeldRole> {
        let mut roles: Vec<_> = self.roles.iter().collect();
        let listed = |role: &CustomRole| self.roles.gift(role.id.into()).map(|gift| gift.permissions.len());
        roles.sort_by_cached_key(|role| (listed(role), role.name.clone()));
        roles.iter().map(|role| HeldRole::new(role.id.into(), Some(role.name.clone()))).collect()
    }

    /// Adds what this one, which is there, is in.
    pub(super) fn add_above(&self, entities: &mut FactSet, one: &EntityRef) {
        let named = entities.get(one).map(|entity| entity.parents.clone());
        self.add_to(entities, named.unwrap_or_default());
    }

    /// Adds the roles that are named, and all that they inherit from, of those there are.
    pub(super) fn add_to(&self, entities: &mut FactSet, named: Vec<EntityRef>) {
        let mut next = named;
        while let Some(role) = next.pop() {
            let Some(entity) = self.entities.get(&role) else { continue };
            if !entities.contains(&role) {
                next.extend(entity.parents.iter().cloned());
                entities.push(entity.clone());
            }
        }
    }
}

/// How many roles are kept compiled, an organization without any counting as one: some 5 KiB each.
const KEPT: u64 = 20_000;

type Key = (PolicyVersion, OrganizationId, i64);

/// Compiled roles by the state they are in: whoever reads a newer state with the facts asks for another entry, so
/// nothing here needs to be invalidated.
#[derive(Debug, Clone)]
pub(super) struct Kept(Cache<Key, Arc<OwnRoles>>);

impl Kept {
    pub(super) fn new() -> Self {
        let weight = |_: &Key, own: &Arc<OwnRoles>| u32::try_from(own.roles.len() + 1).unwrap_or(u32::MAX);
        Self(Cache::builder().max_capacity(KEPT).weigher(weight).build())
    }

    /// The own roles of the organization that the facts are about.
    ///
    /// # Errors
    /// [`Denied::Facts`] if they cannot be read, [`Denied::Undecided`] if they cannot be compiled: without them more
    /// would be refused, but a refusal that is none of the policies' would be a riddle.
    pub(super) async fn of(
        &self,
        slice: &Slice,
        pdp: &Pdp,
        facts: &dyn Facts,
    ) -> Result<Option<Arc<OwnRoles>>, Denied> {
        let Some((organization, revision)) = slice.own_roles else { return Ok(None) };
        let compile = async {
            // They may be newer than the facts by now; then they are what a question a moment later is answered by.
            let roles = facts.own_roles(organization).await?;
            OwnRoles::compile(pdp, organization, roles)
                .map(Arc::new)
                .map_err(|error| Denied::Undecided(Box::new(error)))
        };
        let key = (pdp.version(), organization, revision);
        if let Some(found) = self.0.get(&key).await {
            return Ok(Some(found));
        }
        let found = Box::pin(self.0.try_get_with(key, compile)).await;
        found.map(Some).map_err(|error| match &*error {
            Denied::Facts(_) => Denied::Facts(FactsError(Box::new(error))),
            _ => Denied::Undecided(Box::new(error)),
        })
    }
}
