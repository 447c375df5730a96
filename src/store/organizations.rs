//! Organizations.

use uuid::Uuid;

use super::sql::{Row, Sql as _, args};
use super::{Error, Store, Tx, users};
use crate::domain::{
    Email, HeldRole, Line, MembershipId, Micros, NewOrganization, Organization, OrganizationId,
    OrganizationPatch, OwnOrganization, RoleId, RoleRef, SystemRole, UserId,
};
use crate::guard::Authorized;
use crate::guard::actions::{
    ArchiveOrganization, CreateOrganization, GetOrganization, ListOrganizations, UpdateOrganization,
};

macro_rules! select_organizations {
    ($rest:literal) => {
        concat!(
            "SELECT id, name, slug, description, billing_email, owner_id, max_concurrent_agents, ",
            "max_agent_runtime_hours, archived_at, created_at, updated_at, version FROM organizations ",
            $rest
        )
    };
}

fn organization(row: &Row) -> Result<Organization, Error> {
    let billing_email = match row.get::<Option<String>>("billing_email")? {
        Some(_) => Some(users::email(row, "billing_email")?),
        None => None,
    };
    Ok(Organization {
        id: row.get("id")?,
        name: row.get("name")?,
        slug: row.get("slug")?,
        description: row.get("description")?,
        billing_email,
        owner: row.get("owner_id")?,
        max_concurrent_agents: row.get("max_concurrent_agents")?,
        max_agent_runtime_hours: row.get("max_agent_runtime_hours")?,
        archived_at: row.get("archived_at")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

impl Store {
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn get_organization(
        &self,
        ok: &Authorized<'_, GetOrganization>,
    ) -> Result<Organization, Error> {
        let mut db = self;
        let id = Uuid::from(ok.action().organization);
        organization(&db.one(select_organizations!("WHERE id = $1"), args![id]).await?)
    }

    /// The organizations that the permit's person belongs to, by name.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn list_organizations(
        &self,
        ok: &Authorized<'_, ListOrganizations>,
    ) -> Result<Vec<OwnOrganization>, Error> {
        let mut db = self;
        let rows = db
            .all(
                "SELECT organizations.id, name, slug, role_id, archived_at, \
                 (SELECT roles.name FROM roles WHERE roles.id = role_id) AS role_name FROM memberships \
                 JOIN organizations ON organizations.id = memberships.organization_id \
                 WHERE memberships.user_id = $1 ORDER BY name, organizations.id",
                args![Uuid::from(ok.action().user)],
            )
            .await?;
        rows.iter().map(own_organization).collect()
    }
}

pub(super) fn own_organization(row: &Row) -> Result<OwnOrganization, Error> {
    Ok(OwnOrganization {
        id: row.get("id")?,
        name: row.get("name")?,
        slug: row.get("slug")?,
        role: held_role(row)?,
        archived: row.get::<Option<Micros>>("archived_at")?.is_some(),
    })
}

/// The role of a row's `role_id`.
pub(super) fn role(row: &Row) -> Result<RoleRef, Error> {
    Ok(row.get::<RoleId>("role_id")?.into())
}

/// The same with its name, where the row has the name of the organization's own role as `role_name`.
pub(super) fn held_role(row: &Row) -> Result<HeldRole, Error> {
    Ok(HeldRole::new(role(row)?, row.get("role_name")?))
}

impl Tx {
    /// Founds an organization with its first owner.
    ///
    /// # Errors
    /// [`Conflict::SlugTaken`](super::Conflict::SlugTaken).
    pub async fn insert_organization(
        &mut self,
        _ok: &Authorized<'_, CreateOrganization>,
        (id, membership): (OrganizationId, MembershipId),
        owner: UserId,
        new: &NewOrganization,
        now: Micros,
    ) -> Result<Organization, Error> {
        self.run(
            "INSERT INTO organizations (id, name, slug, description, billing_email, owner_id, settings, \
             max_concurrent_agents, max_agent_runtime_hours, archived_at, created_at, updated_at, version) \
             VALUES ($1, $2, $3, $4, $5, $6, '{}', 5, 100, NULL, $7, $7, 1)",
            args![
                Uuid::from(id),
                new.name.as_str(),
                new.slug.as_str(),
                new.description.as_ref().map(Line::as_str),
                new.billing_email.as_ref().map(Email::as_str),
                Uuid::from(owner),
                now,
            ],
        )
        .await?;
        self.insert_membership((membership, id), owner, SystemRole::Owner.into(), None, now).await?;
        organization(&self.one(select_organizations!("WHERE id = $1"), args![Uuid::from(id)]).await?)
    }

    /// # Errors
    /// [`Error::Changed`] if the row is not the one the decision saw.
    pub async fn update_organization(
        &mut self,
        ok: &Authorized<'_, UpdateOrganization>,
        patch: OrganizationPatch,
        now: Micros,
    ) -> Result<Organization, Error> {
        let id = Uuid::from(ok.action().organization);
        let mut kept = organization(&self.one(select_organizations!("WHERE id = $1"), args![id]).await?)?;
        if let Some(name) = patch.name {
            kept.name = name.into_string();
        }
        if let Some(description) = patch.description {
            kept.description = description.map(Line::into_string);
        }
        if let Some(billing_email) = patch.billing_email {
            kept.billing_email = billing_email;
        }
        kept.max_concurrent_agents = patch.max_concurrent_agents.unwrap_or(kept.max_concurrent_agents);
        kept.max_agent_runtime_hours = patch.max_agent_runtime_hours.unwrap_or(kept.max_agent_runtime_hours);
        kept.updated_at = now;
        let changed = self
            .run(
                "UPDATE organizations SET name = $2, description = $3, billing_email = $4, max_concurrent_agents = $5, \
                 max_agent_runtime_hours = $6, updated_at = $7, version = version + 1 WHERE id = $1 AND version = $8",
                args![
                    id,
                    kept.name.as_str(),
                    kept.description.as_deref(),
                    kept.billing_email.as_ref().map(Email::as_str),
                    kept.max_concurrent_agents,
                    kept.max_agent_runtime_hours,
                    now,
                    ok.seen(),
                ],
            )
            .await?;
        if changed == 1 { Ok(kept) } else { Err(Error::Changed) }
    }

    /// # Errors
    /// [`Error::Changed`] if the row is not the one the decision saw.
    pub async fn archive_organization(
        &mut self,
        ok: &Authorized<'_, ArchiveOrganization>,
        now: Micros,
    ) -> Result<(), Error> {
        let changed = self
            .run(
                "UPDATE organizations SET archived_at = $2, updated_at = $2, version = version + 1 \
                 WHERE id = $1 AND version = $3 AND archived_at IS NULL",
                args![Uuid::from(ok.action().organization), now, ok.seen()],
            )
            .await?;
        if changed != 1 {
            return Err(Error::Changed);
        }
        // What plugins kept about it is of no use any more, and nobody would ever clean it up.
        let space = ok.action().organization.to_string();
        self.run("DELETE FROM plugin_entries WHERE space = $1", args![space]).await?;
        Ok(())
    }

    /// Makes this transaction the only one that changes who belongs to the organization, until it ends.
    pub(super) async fn hold_organization(&mut self, id: OrganizationId) -> Result<(), Error> {
        // Changes nothing, and takes the row's lock until the end of the transaction.
        let held = self
            .run("UPDATE organizations SET version = version WHERE id = $1", args![Uuid::from(id)])
            .await?;
        if held == 1 { Ok(()) } else { Err(Error::NotFound) }
    }
}
