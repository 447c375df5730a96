//! What a decision knows of a product's things: the thing itself, everything it is in, and what they refer to.

use std::borrow::Cow;

use moka::sync::Cache;
use uuid::Uuid;

use super::resources::{DEEPEST, name, parents};
use super::sql::{Row, Sql as _, args};
use super::{Error, Store};
use crate::domain::{OrganizationId, ResourceRef};
use crate::guard::actions::{Asks, ForwardAuth};
use crate::guard::{Authorized, Resource};
use crate::pdp::{Entity, EntityRef, FactSet, Value};

/// How many things one decision may rest on.
pub(super) const MOST: i64 = 1_000;
/// How many references in a row a policy can follow: `resource.team.lead` is two.
pub(super) const HOPS: i64 = 2;

/// Parents as far as they go; references of attributes as often as [`HOPS`] says. One row more than there may be, and
/// one step more, so that what is too much is noticed rather than left out: a parent that is left out could be the
/// one that a forbid names.
const REACHED: &str = "WITH RECURSIVE reached (type, id, depth, hops) AS ( \
       SELECT type, id, CAST(0 AS BIGINT), CAST(0 AS BIGINT) FROM resources \
         WHERE organization_id = $1 AND type = $2 AND id = $3 \
       UNION SELECT target_type, target_id, depth + 1, CASE WHEN parent THEN hops ELSE hops + 1 END \
       FROM reached JOIN resource_relations ON organization_id = $1 AND resource_relations.type = reached.type \
         AND resource_relations.id = reached.id WHERE depth <= $4 AND (parent OR hops < $5) \
     ), known (type, id, depth) AS (SELECT type, id, MIN(depth) FROM reached GROUP BY type, id) \
     SELECT resources.type, resources.id, attributes, parents, version, depth FROM known \
     JOIN resources ON organization_id = $1 AND resources.type = known.type AND resources.id = known.id \
     ORDER BY depth, resources.type, resources.id LIMIT $6";

/// How many things are kept ready in memory, those that others are in counted with each.
const KEPT: u64 = 200_000;

type Key = (OrganizationId, i64, ResourceRef);

/// What was read of the register, each under the register's revision: a change of it makes all of the organization's
/// unreachable, since the revision comes with the facts of each question.
#[derive(Debug, Clone)]
pub(super) struct KnownResources(Cache<Key, Option<ResourceFacts>>);

impl Default for KnownResources {
    fn default() -> Self {
        let weight = |_: &Key, facts: &Option<ResourceFacts>| {
            u32::try_from(facts.as_ref().map_or(1, |facts| facts.entities.len())).unwrap_or(u32::MAX)
        };
        Self(Cache::builder().max_capacity(KEPT).weigher(weight).build())
    }
}

/// A registered thing as decisions know it.
#[derive(Debug, Clone)]
pub struct ResourceFacts {
    /// The thing first, then what it is in and refers to; never the organization's own entities.
    pub entities: FactSet,
    /// The version of the thing's row.
    pub version: i64,
}

impl Store {
    /// What a decision about a thing of the permit's organization rests on; nothing if it is not registered there.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if it is in more things, or in things deeper, than a decision can rest on.
    pub async fn resource_facts<A: Asks>(
        &self,
        ok: &Authorized<'_, A>,
        thing: &ResourceRef,
    ) -> Result<Option<ResourceFacts>, Error> {
        let organization = ok.action().organization();
        let Some(revision) = ok.register() else {
            return Box::pin(self.resource_entities(organization, thing)).await;
        };
        let key = (organization, revision, thing.clone());
        if let Some(known) = self.resources.0.get(&key) {
            return Ok(known);
        }
        let facts = Box::pin(self.resource_entities(organization, thing)).await?;
        self.resources.0.insert(key, facts.clone());
        Ok(facts)
    }

    /// What the question of a request in front of another service rests on; nothing if the thing is not registered there.
    ///
    /// # Errors
    /// As [`Store::resource_facts`].
    pub async fn door_facts(
        &self,
        _ok: &Authorized<'_, ForwardAuth>,
        organization: OrganizationId,
        thing: &ResourceRef,
    ) -> Result<Option<ResourceFacts>, Error> {
        self.resource_entities(organization, thing).await
    }

    /// Nothing if it is not registered in this organization.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if it is in more things, or in things deeper, than a decision can rest on.
    pub(super) async fn resource_entities(
        &self,
        organization: OrganizationId,
        thing: &ResourceRef,
    ) -> Result<Option<ResourceFacts>, Error> {
        let mut db = self;
        let args = args![Uuid::from(organization), thing.kind(), thing.id(), DEEPEST + HOPS, HOPS, MOST + 1];
        let rows = db.all(REACHED, args).await?;
        let Some(first) = rows.first() else { return Ok(None) };
        if i64::try_from(rows.len()).unwrap_or(i64::MAX) > MOST {
            return Err(too_many());
        }
        let version = first.get("version")?;
        let mut entities = Vec::with_capacity(rows.len());
        for row in &rows {
            if row.get::<i64>("depth")? > DEEPEST + HOPS {
                return Err(too_deep());
            }
            entities.push(read_entity(organization, row)?);
        }
        Ok(Some(ResourceFacts { entities: entities.into(), version }))
    }
}

/// A row as an entity.
pub(super) fn read_entity(organization: OrganizationId, row: &Row) -> Result<Entity, Error> {
    let mut attributes = row.parse("attributes", |text| {
        let json: serde_json::Value = serde_json::from_str(text).ok()?;
        Value::pairs_from_marked_json(json.as_object()?)
    })?;
    let owner = Resource::Organization(organization).entity();
    attributes.push(("organization".into(), Value::Entity(owner)));
    let parents = parents(row)?.iter().map(uid).collect();
    Ok(Entity { uid: uid(&name(row)?), attributes, parents })
}

pub(super) fn too_many() -> Error {
    let source = "a decision about this thing would rest on too many others".into();
    Error::Corrupt { column: "parents", source }
}

pub(super) fn too_deep() -> Error {
    let source = "a decision about this thing would follow too many steps".into();
    Error::Corrupt { column: "parents", source }
}

pub(super) fn uid(name: &ResourceRef) -> EntityRef {
    EntityRef::new(Cow::from(name.kind().to_owned()), name.id())
}
