//! The register of the products' things.

use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::sql::{Row, Sql as _, args};
use super::{Error, Store, Tx};
use crate::domain::{Micros, OrganizationId, RegisteredResource, ResourceRef};
use crate::guard::actions::{DeleteResource, GetResource, ListResources, LoadResources, PutResource};
use crate::guard::{Action, Authorized, FittingResource};

/// How far up a thing's parents go at most, and how many things a decision about one may have to know.
pub(super) const DEEPEST: i64 = 16;

macro_rules! select_resources {
    ($rest:literal) => {
        concat!(
            "SELECT organization_id, type, id, attributes, parents, created_at, updated_at, version FROM resources ",
            $rest
        )
    };
}

/// Whether a thing with the name `$2`, `$3` is among the ancestors of `$4`, `$5`, itself included, or they reach too
/// high.
const ABOVE: &str = "WITH RECURSIVE above (type, id, depth) AS ( \
       SELECT type, id, CAST(1 AS BIGINT) FROM resources WHERE organization_id = $1 AND type = $4 AND id = $5 \
       UNION SELECT target_type, target_id, depth + 1 FROM above JOIN resource_relations ON \
         organization_id = $1 AND resource_relations.type = above.type AND resource_relations.id = above.id \
         AND parent WHERE depth <= $6 \
     ) SELECT CAST(MAX(CASE WHEN type = $2 AND id = $3 THEN 1 ELSE 0 END) AS BIGINT) AS cycle, MAX(depth) AS depth \
     FROM above";

/// The actions that change the register.
pub trait WritesResources: Action {
    fn organization(&self) -> OrganizationId;
}
macro_rules! writes {
    ($($action:ty),*) => {$(
        impl WritesResources for $action {
            fn organization(&self) -> OrganizationId {
                self.organization
            }
        }
    )*};
}
writes!(PutResource, LoadResources, DeleteResource);

/// Why a thing cannot be kept although it fits the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Misplaced {
    /// The parent with this number is not registered.
    NoParent(usize),
    /// What this field refers to is not registered.
    NoReference(String),
    /// The thing would be in itself, by way of this parent.
    Cycle(usize),
    /// By way of this parent it would be in more things, one in another, than a decision follows.
    TooDeep(usize),
}

impl Store {
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn get_resource(
        &self,
        ok: &Authorized<'_, GetResource>,
        name: &ResourceRef,
    ) -> Result<RegisteredResource, Error> {
        let mut db = self;
        let args = args![Uuid::from(ok.action().organization), name.kind(), name.id()];
        let row =
            db.one(select_resources!("WHERE organization_id = $1 AND type = $2 AND id = $3"), args).await?;
        resource(&row)
    }

    /// The things of one type, by id.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn list_resources(
        &self,
        ok: &Authorized<'_, ListResources>,
        kind: &str,
        after: &str,
        limit: i64,
    ) -> Result<Vec<RegisteredResource>, Error> {
        let mut db = self;
        let args = args![Uuid::from(ok.action().organization), kind, after, limit];
        let rows = db
            .all(
                select_resources!(
                    "WHERE organization_id = $1 AND type = $2 AND id > $3 ORDER BY id LIMIT $4"
                ),
                args,
            )
            .await?;
        rows.iter().map(resource).collect()
    }
}

impl Tx {
    /// Makes this transaction the only one that changes the register, until it ends: two at once could each be right
    /// and together make a circle.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the organization has gone.
    pub async fn hold_resources<A: WritesResources>(&mut self, ok: &Authorized<'_, A>) -> Result<(), Error> {
        // The same statement tells everybody that what they know of the register is old.
        let held = self
            .run(
                "UPDATE organizations SET register_revision = register_revision + 1 WHERE id = $1",
                args![Uuid::from(ok.action().organization())],
            )
            .await?;
        if held == 1 { Ok(()) } else { Err(Error::NotFound) }
    }

    /// Registers a thing, or replaces what is registered of it. Hold the register first.
    ///
    /// # Errors
    /// [`Error::Changed`] if it is not the version that was to be replaced.
    pub async fn put_resource<A: WritesResources>(
        &mut self,
        ok: &Authorized<'_, A>,
        it: &FittingResource,
        now: Micros,
    ) -> Result<Result<RegisteredResource, Misplaced>, Error> {
        let organization = Uuid::from(ok.action().organization());
        let (kind, id) = (it.name().kind(), it.name().id());
        let known = self.resource_version(organization, it.name()).await?;
        if it.replaces().is_some_and(|expected| expected != known.unwrap_or(0)) {
            return Err(Error::Changed);
        }
        for (n, parent) in it.parents().iter().enumerate() {
            if self.resource_version(organization, parent).await?.is_none() {
                return Ok(Err(Misplaced::NoParent(n)));
            }
            let args = args![organization, kind, id, parent.kind(), parent.id(), DEEPEST];
            let above = self.one(ABOVE, args).await?;
            if above.get::<i64>("cycle")? != 0 {
                return Ok(Err(Misplaced::Cycle(n)));
            }
            if above.get::<i64>("depth")? > DEEPEST {
                return Ok(Err(Misplaced::TooDeep(n)));
            }
        }
        for (field, target) in it.references() {
            if target != it.name() && self.resource_version(organization, target).await?.is_none() {
                return Ok(Err(Misplaced::NoReference(field.clone())));
            }
        }
        let attributes = it.entity().attributes.iter().filter(|(key, _)| key != "organization");
        let attributes: Map<String, Json> =
            attributes.map(|(key, value)| (key.to_string(), value.to_marked_json())).collect();
        let parents: Json =
            it.parents().iter().map(|parent| Json::from([parent.kind(), parent.id()])).collect();
        self.run(
            "INSERT INTO resources (organization_id, type, id, attributes, parents, created_at, updated_at, version) \
             VALUES ($1, $2, $3, $4, $5, $6, $6, 1) ON CONFLICT (organization_id, type, id) DO UPDATE \
             SET attributes = $4, parents = $5, updated_at = $6, version = resources.version + 1",
            args![organization, kind, id, Json::from(attributes).to_string(), parents.to_string(), now],
        )
        .await?;
        if known.is_some() {
            self.run(
                "DELETE FROM resource_relations WHERE organization_id = $1 AND type = $2 AND id = $3",
                args![organization, kind, id],
            )
            .await?;
        }
        let parents = it.parents().iter().map(|target| (true, target));
        let references = it.references().iter().map(|(_, target)| (false, target));
        for (parent, target) in parents.chain(references) {
            self.run(
                "INSERT INTO resource_relations (organization_id, type, id, parent, target_type, target_id) \
                 VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
                args![organization, kind, id, parent, target.kind(), target.id()],
            )
            .await?;
        }
        let args = args![organization, kind, id];
        let row =
            self.one(select_resources!("WHERE organization_id = $1 AND type = $2 AND id = $3"), args).await?;
        Ok(Ok(resource(&row)?))
    }

    /// Strikes a thing off. How many others are in it or refer to it, if any: then nothing happened. Hold the register
    /// first.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Changed`] if it is not the version that was meant.
    pub async fn delete_resource(
        &mut self,
        ok: &Authorized<'_, DeleteResource>,
        name: &ResourceRef,
        version: Option<i64>,
    ) -> Result<i64, Error> {
        let organization = Uuid::from(ok.action().organization);
        let known = self.resource_version(organization, name).await?.ok_or(Error::NotFound)?;
        if version.is_some_and(|expected| expected != known) {
            return Err(Error::Changed);
        }
        let row = self
            .one(
                "SELECT COUNT(*) AS others FROM resource_relations WHERE organization_id = $1 AND target_type = $2 \
                 AND target_id = $3 AND NOT (type = $2 AND id = $3)",
                args![organization, name.kind(), name.id()],
            )
            .await?;
        let others = row.get("others")?;
        if others == 0 {
            self.drop_grants_on(ok.action().organization, name).await?;
            for statement in [
                "DELETE FROM resource_relations WHERE organization_id = $1 AND type = $2 AND id = $3",
                "DELETE FROM resources WHERE organization_id = $1 AND type = $2 AND id = $3",
            ] {
                self.run(statement, args![organization, name.kind(), name.id()]).await?;
            }
        }
        Ok(others)
    }

    async fn resource_version(
        &mut self,
        organization: Uuid,
        name: &ResourceRef,
    ) -> Result<Option<i64>, Error> {
        let row = self
            .optional(
                "SELECT version FROM resources WHERE organization_id = $1 AND type = $2 AND id = $3",
                args![organization, name.kind(), name.id()],
            )
            .await?;
        row.map(|row| row.get("version")).transpose()
    }
}

fn resource(row: &Row) -> Result<RegisteredResource, Error> {
    Ok(RegisteredResource {
        organization: row.get("organization_id")?,
        name: name(row)?,
        attributes: row.parse("attributes", |text| serde_json::from_str(text).ok())?,
        parents: parents(row)?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        version: row.get("version")?,
    })
}

pub(super) fn name(row: &Row) -> Result<ResourceRef, Error> {
    let (kind, id): (String, String) = (row.get("type")?, row.get("id")?);
    ResourceRef::parse(&kind, &id)
        .map_err(|(_, invalid)| Error::Corrupt { column: "id", source: invalid.into() })
}

pub(super) fn parents(row: &Row) -> Result<Vec<ResourceRef>, Error> {
    row.parse("parents", |text| {
        let pairs: Vec<(String, String)> = serde_json::from_str(text).ok()?;
        pairs.iter().map(|(kind, id)| ResourceRef::parse(kind, id).ok()).collect()
    })
}
