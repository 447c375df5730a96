//! Roles on single things.

use std::borrow::Cow;
use std::sync::Arc;

use moka::sync::Cache;
use serde_json::json;
use uuid::Uuid;

use super::organizations::held_role;
use super::search::{Candidate, Lists};
use super::sql::{Row, Sql as _, args};
use super::{Error, Store, Tx};
use crate::domain::{
    AgentId, Grant, GrantFilter, GrantHolder, GrantId, MAX_GRANTS, Micros, OrganizationId, Page, ResourceRef,
    RoleId, RoleRef, UserId,
};
use crate::guard::actions::{Asks, CreateGrant, DeleteGrant, GetGrant, ListGrants, Searches, role_ref};
use crate::guard::{Authorized, GivenRole};
use crate::pdp::EntityRef;

macro_rules! select_grants {
    ($rest:literal) => {
        concat!(
            "SELECT id, organization_id, holder_id, is_agent, role_id, resource_type, resource_id, granted_by, created_at, ",
            "expires_at, (SELECT roles.name FROM roles WHERE roles.id = role_id) AS role_name FROM grants ",
            $rest
        )
    };
}

/// What those with ids from `$2` to `$3`, hold at `$4` on any of the things `$5` (pairs of type and id).
macro_rules! given_on {
    ($things:literal) => {
        concat!(
            "WITH things (type, id) AS (",
            $things,
            ") SELECT holder_id, role_id FROM things JOIN grants ON organization_id = $1 AND resource_type = things.type \
             AND resource_id = things.id WHERE holder_id >= $2 AND holder_id <= $3 \
             AND (expires_at IS NULL OR expires_at > $4)"
        )
    };
}
const GIVEN_ON: Lists = Lists {
    sqlite: given_on!("SELECT value ->> 0, value ->> 1 FROM json_each($5)"),
    postgres: given_on!(
        "SELECT (pair ->> 0) COLLATE \"C\", (pair ->> 1) COLLATE \"C\" FROM jsonb_array_elements(CAST($5 AS jsonb)) AS pair"
    ),
};

/// How many grants are kept ready in memory, somebody without any counting as one.
const KEPT: u64 = 200_000;

type Key = (OrganizationId, i64, Uuid);

/// What somebody was given in an organization, each under the count of changes: a change makes all of the
/// organization's unreachable, since the count comes with the facts of each question. What has an end is
/// held against the clock when it is asked about.
#[derive(Debug, Clone)]
pub(super) struct KnownGrants(Cache<Key, Arc<[GivenRole]>>);

impl Default for KnownGrants {
    fn default() -> Self {
        let weight = |_: &Key, given: &Arc<[GivenRole]>| u32::try_from(given.len() + 1).unwrap_or(u32::MAX);
        Self(Cache::builder().max_capacity(KEPT).weigher(weight).build())
    }
}

fn on(row: &Row) -> Result<ResourceRef, Error> {
    let (kind, id): (String, String) = (row.get("resource_type")?, row.get("resource_id")?);
    ResourceRef::parse(&kind, &id)
        .map_err(|(_, invalid)| Error::Corrupt { column: "resource_id", source: invalid.into() })
}

fn grant(row: &Row) -> Result<Grant, Error> {
    let holder: Uuid = row.get("holder_id")?;
    Ok(Grant {
        id: row.get("id")?,
        organization: row.get("organization_id")?,
        holder: if row.get("is_agent")? {
            GrantHolder::Agent(AgentId::from(holder))
        } else {
            GrantHolder::User(UserId::from(holder))
        },
        role: held_role(row)?,
        on: on(row)?,
        granted_by: row.get::<Option<Uuid>>("granted_by")?.map(UserId::from),
        created_at: row.get("created_at")?,
        expires_at: row.get("expires_at")?,
    })
}

/// Why a role cannot be given on a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ungrantable {
    /// Whoever would hold it does not belong to the organization.
    NoHolder,
    /// The thing is not registered.
    NoResource,
    /// They hold as many as anybody may.
    TooMany,
}

impl Store {
    /// What holds now, in the order it was given.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn list_grants(
        &self,
        ok: &Authorized<'_, ListGrants>,
        filter: &GrantFilter,
        page: Page,
        now: Micros,
    ) -> Result<Vec<Grant>, Error> {
        let mut db = self;
        let rows = db
            .all(
                select_grants!(
                    "WHERE organization_id = $1 AND id > $2 AND (expires_at IS NULL OR expires_at > $3) \
                     AND ($4 OR holder_id = $5) AND ($6 OR (resource_type = $7 AND resource_id = $8)) \
                     ORDER BY id LIMIT $9"
                ),
                args![
                    Uuid::from(ok.action().organization),
                    page.after.unwrap_or_default(),
                    now,
                    filter.holder.is_none(),
                    filter.holder.map(GrantHolder::id).unwrap_or_default(),
                    filter.on.is_none(),
                    filter.on.as_ref().map_or("", ResourceRef::kind),
                    filter.on.as_ref().map_or("", ResourceRef::id),
                    page.limit,
                ],
            )
            .await?;
        rows.iter().map(grant).collect()
    }

    /// # Errors
    /// [`Error::NotFound`], also when it is over.
    pub async fn get_grant(&self, ok: &Authorized<'_, GetGrant>, now: Micros) -> Result<Grant, Error> {
        let GetGrant { organization, grant: id } = *ok.action();
        let mut db = self;
        let args = args![Uuid::from(id), Uuid::from(organization), now];
        let those = select_grants!(
            "WHERE id = $1 AND organization_id = $2 AND (expires_at IS NULL OR expires_at > $3)"
        );
        grant(&db.one(those, args).await?)
    }

    /// What somebody of the permit's organization holds on single things at this time.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn given_roles<A: Asks>(
        &self,
        ok: &Authorized<'_, A>,
        holder: GrantHolder,
        now: Micros,
    ) -> Result<Vec<GivenRole>, Error> {
        let Some(revision) = ok.grants() else { return Ok(Vec::new()) };
        let known = self.known_grants(ok.action().organization(), revision, holder).await?;
        Ok(known.iter().filter(|it| it.holds_at(now)).cloned().collect())
    }

    pub(super) async fn known_grants(
        &self,
        organization: OrganizationId,
        revision: i64,
        holder: GrantHolder,
    ) -> Result<Arc<[GivenRole]>, Error> {
        let key = (organization, revision, holder.id());
        if let Some(known) = self.grants.0.get(&key) {
            return Ok(known);
        }
        let mut db = self;
        let rows = db
            .all(
                "SELECT role_id, resource_type, resource_id, expires_at FROM grants \
                 WHERE organization_id = $1 AND holder_id = $2",
                args![Uuid::from(organization), holder.id()],
            )
            .await?;
        let given = |row: &Row| {
            let on = on(row)?;
            Ok(GivenRole {
                role: role_ref(organization, RoleRef::from(row.get::<RoleId>("role_id")?)),
                on: EntityRef::new(Cow::from(on.kind().to_owned()), on.id()),
                expires_at: row.get("expires_at")?,
            })
        };
        let known: Arc<[GivenRole]> = rows.iter().map(given).collect::<Result<Vec<_>, Error>>()?.into();
        self.grants.0.insert(key, Arc::clone(&known));
        Ok(known)
    }

    /// Puts each of these people or agents, who stand by id, into the roles that they hold at this time on any of
    /// the things.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn enter_given_roles<A: Searches>(
        &self,
        ok: &Authorized<'_, A>,
        candidates: &mut [Candidate],
        things: &[EntityRef],
        now: Micros,
    ) -> Result<(), Error> {
        let id = |it: &Candidate| Uuid::parse_str(&it.name.id).unwrap_or_default();
        let (Some(first), Some(last)) = (candidates.first().map(id), candidates.last().map(id)) else {
            return Ok(());
        };
        if ok.grants().is_none() {
            return Ok(());
        }
        let organization = ok.action().organization();
        let things: Vec<_> = things.iter().map(|uid| json!([uid.kind, uid.id])).collect();
        let mut db = self;
        let args = args![Uuid::from(organization), first, last, now, json!(things).to_string()];
        for row in db.all(self.spell(&GIVEN_ON), args).await? {
            let (holder, role): (Uuid, RoleId) = (row.get("holder_id")?, row.get("role_id")?);
            let holder = holder.to_string();
            let role = role_ref(organization, RoleRef::from(role));
            let candidate = candidates.iter_mut().find(|it| it.name.id == holder);
            if let Some(entity) = candidate.and_then(|it| it.entities.get_mut(&it.name))
                && !entity.parents.contains(&role)
            {
                entity.parents.push(role);
            }
        }
        Ok(())
    }
}

impl Tx {
    /// Gives a role on a thing.
    ///
    /// # Errors
    /// [`Conflict::AlreadyGranted`](super::Conflict::AlreadyGranted); [`Error::Changed`] if the role is gone.
    pub async fn insert_grant(
        &mut self,
        ok: &Authorized<'_, CreateGrant>,
        id: GrantId,
        (holder, on): (GrantHolder, &ResourceRef),
        expires_at: Option<Micros>,
        now: Micros,
    ) -> Result<Result<Grant, Ungrantable>, Error> {
        let CreateGrant { organization, role } = *ok.action();
        self.hold_role(organization, role).await?;
        let place = Uuid::from(organization);
        let belongs = match holder {
            GrantHolder::User(_) => "SELECT id FROM memberships WHERE organization_id = $1 AND user_id = $2",
            GrantHolder::Agent(_) => {
                "SELECT id FROM agents WHERE organization_id = $1 AND id = $2 AND terminated_at IS NULL"
            }
        };
        if self.optional(belongs, args![place, holder.id()]).await?.is_none() {
            return Ok(Err(Ungrantable::NoHolder));
        }
        let registered = "SELECT version FROM resources WHERE organization_id = $1 AND type = $2 AND id = $3";
        if self.optional(registered, args![place, on.kind(), on.id()]).await?.is_none() {
            return Ok(Err(Ungrantable::NoResource));
        }
        // What is over may be given again, and does not count.
        self.run(
            "DELETE FROM grants WHERE organization_id = $1 AND holder_id = $2 AND expires_at <= $3",
            args![place, holder.id(), now],
        )
        .await?;
        let held = "SELECT COUNT(*) AS held FROM grants WHERE organization_id = $1 AND holder_id = $2";
        if self.one(held, args![place, holder.id()]).await?.get::<i64>("held")? >= MAX_GRANTS {
            return Ok(Err(Ungrantable::TooMany));
        }
        self.run(
            "INSERT INTO grants (id, organization_id, holder_id, is_agent, role_id, resource_type, resource_id, granted_by, \
             created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            args![
                Uuid::from(id),
                place,
                holder.id(),
                matches!(holder, GrantHolder::Agent(_)),
                Uuid::from(role.id()),
                on.kind(),
                on.id(),
                ok.caller().user().map(|by| Uuid::from(by.id)),
                now,
                expires_at,
            ],
        )
        .await?;
        self.run(
            "UPDATE organizations SET grants_revision = grants_revision + 1 WHERE id = $1",
            args![place],
        )
        .await?;
        Ok(Ok(grant(&self.one(select_grants!("WHERE id = $1"), args![Uuid::from(id)]).await?)?))
    }

    /// # Errors
    /// [`Error::NotFound`].
    pub async fn delete_grant(&mut self, ok: &Authorized<'_, DeleteGrant>) -> Result<Grant, Error> {
        let DeleteGrant { organization, grant: id } = *ok.action();
        self.hold_grants(organization).await?;
        let args = || args![Uuid::from(id), Uuid::from(organization)];
        let found = self.one(select_grants!("WHERE id = $1 AND organization_id = $2"), args()).await?;
        self.run("DELETE FROM grants WHERE id = $1 AND organization_id = $2", args()).await?;
        grant(&found)
    }

    /// Before grants are taken away: lets nobody else change them until the transaction ends, and tells everybody that
    /// what they know of them is old. Where there never was one, nobody needs to know.
    async fn hold_grants(&mut self, organization: OrganizationId) -> Result<(), Error> {
        self.run(
            "UPDATE organizations SET grants_revision = CASE WHEN grants_revision > 0 THEN grants_revision + 1 ELSE 0 END \
             WHERE id = $1",
            args![Uuid::from(organization)],
        )
        .await?;
        Ok(())
    }

    /// Whoever leaves an organization takes nothing along.
    pub(super) async fn drop_grants(
        &mut self,
        organization: OrganizationId,
        holder: GrantHolder,
    ) -> Result<(), Error> {
        self.hold_grants(organization).await?;
        let args = args![Uuid::from(organization), holder.id()];
        self.run("DELETE FROM grants WHERE organization_id = $1 AND holder_id = $2", args).await?;
        Ok(())
    }

    /// Takes from a person what they were given anywhere; before they leave.
    pub(super) async fn drop_all_grants(&mut self, user: UserId) -> Result<(), Error> {
        for statement in [
            "UPDATE organizations SET grants_revision = CASE WHEN grants_revision > 0 THEN grants_revision + 1 ELSE 0 END \
             WHERE id IN (SELECT organization_id FROM memberships WHERE user_id = $1)",
            "DELETE FROM grants WHERE holder_id = $1",
        ] {
            self.run(statement, args![Uuid::from(user)]).await?;
        }
        Ok(())
    }

    /// What is struck off takes the roles on it along.
    pub(super) async fn drop_grants_on(
        &mut self,
        organization: OrganizationId,
        thing: &ResourceRef,
    ) -> Result<(), Error> {
        self.hold_grants(organization).await?;
        let those =
            "DELETE FROM grants WHERE organization_id = $1 AND resource_type = $2 AND resource_id = $3";
        self.run(those, args![Uuid::from(organization), thing.kind(), thing.id()]).await?;
        Ok(())
    }

    /// Takes a role away from everything that it was given on.
    pub(super) async fn drop_grants_of_role(
        &mut self,
        organization: OrganizationId,
        role: RoleId,
    ) -> Result<(), Error> {
        self.hold_grants(organization).await?;
        let those = "DELETE FROM grants WHERE organization_id = $1 AND role_id = $2";
        self.run(those, args![Uuid::from(organization), Uuid::from(role)]).await?;
        Ok(())
    }

    /// Puts another role in the place of one, on everything that it was given on.
    pub(super) async fn reassign_grants(
        &mut self,
        organization: OrganizationId,
        from: RoleId,
        to: RoleRef,
    ) -> Result<(), Error> {
        self.hold_grants(organization).await?;
        let args = || args![Uuid::from(organization), Uuid::from(from), Uuid::from(to.id())];
        for statement in [
            // Whoever has the other role there too, for no shorter, would have it twice.
            "DELETE FROM grants WHERE organization_id = $1 AND role_id = $2 AND EXISTS \
             (SELECT 1 FROM grants AS other WHERE other.organization_id = $1 AND other.role_id = $3 \
              AND other.holder_id = grants.holder_id AND other.resource_type = grants.resource_type \
              AND other.resource_id = grants.resource_id AND (other.expires_at IS NULL \
              OR other.expires_at >= grants.expires_at))",
            "DELETE FROM grants WHERE organization_id = $1 AND role_id = $3 AND EXISTS \
             (SELECT 1 FROM grants AS other WHERE other.organization_id = $1 AND other.role_id = $2 \
              AND other.holder_id = grants.holder_id AND other.resource_type = grants.resource_type \
              AND other.resource_id = grants.resource_id)",
            "UPDATE grants SET role_id = $3 WHERE organization_id = $1 AND role_id = $2",
        ] {
            self.run(statement, args()).await?;
        }
        Ok(())
    }
}
