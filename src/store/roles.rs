//! Roles that an organization makes for itself.

use uuid::Uuid;

use super::sql::{Row, Sql, args};
use super::{Error, Store, Tx};
use crate::domain::{CustomRole, Micros, OrganizationId, RoleId, RoleRef, Roles};
use crate::guard::actions::{CreateRole, DeleteRole, ListRoles, UpdateRole};
use crate::guard::{Action, Authorized};

macro_rules! select_roles {
    ($rest:literal) => {
        concat!(
            "SELECT id, organization_id, name, description, permissions, inherits_from, created_at, updated_at FROM roles ",
            $rest
        )
    };
}

fn role(row: &Row) -> Result<CustomRole, Error> {
    Ok(CustomRole {
        id: row.get("id")?,
        organization: row.get("organization_id")?,
        name: row.get("name")?,
        description: row.get("description")?,
        permissions: row.parse("permissions", |text| serde_json::from_str(text).ok())?,
        inherits_from: row.get::<Option<Uuid>>("inherits_from")?.map(|id| RoleId::from(id).into()),
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

/// The actions on the roles of an organization.
pub trait OnRoles: Action {
    fn organization(&self) -> OrganizationId;
}
macro_rules! on_roles {
    ($($action:ty),*) => {$(
        impl OnRoles for $action {
            fn organization(&self) -> OrganizationId {
                self.organization
            }
        }
    )*};
}
on_roles!(ListRoles, CreateRole, UpdateRole, DeleteRole);

/// Who holds a role, or would.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoleUse {
    pub members: i64,
    /// Open ones.
    pub invitations: i64,
    /// Those not terminated.
    pub agents: i64,
    /// Those not over.
    pub grants: i64,
}

impl RoleUse {
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.members == 0 && self.invitations == 0 && self.agents == 0 && self.grants == 0
    }
}

impl Store {
    pub(super) async fn roles_of(&self, organization: OrganizationId) -> Result<Roles, Error> {
        let mut db = self;
        let rows =
            db.all(select_roles!("WHERE organization_id = $1"), args![Uuid::from(organization)]).await?;
        rows.iter().map(role).collect()
    }

    /// The organization's own roles.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn list_own_roles<A: OnRoles>(&self, ok: &Authorized<'_, A>) -> Result<Roles, Error> {
        self.roles_of(ok.action().organization()).await
    }
}

impl Tx {
    /// Lets nobody else change the organization's roles until the transaction ends. What was concluded from them holds if
    /// they were read after the permit was given.
    ///
    /// # Errors
    /// [`Error::Changed`] if the organization or its roles changed since the decision.
    pub async fn begin_roles<A: OnRoles>(&mut self, ok: &Authorized<'_, A>) -> Result<(), Error> {
        let touched = self
            .run(
                "UPDATE organizations SET roles_revision = roles_revision + 1, version = version + 1 \
                 WHERE id = $1 AND version = $2",
                args![Uuid::from(ok.action().organization()), ok.seen()],
            )
            .await?;
        if touched == 1 { Ok(()) } else { Err(Error::Changed) }
    }

    /// # Errors
    /// [`Conflict::RoleNameTaken`](super::Conflict::RoleNameTaken).
    pub async fn insert_role(
        &mut self,
        ok: &Authorized<'_, CreateRole>,
        role: &CustomRole,
    ) -> Result<(), Error> {
        self.run(
            "INSERT INTO roles (id, organization_id, name, name_key, description, permissions, inherits_from, created_at, \
             updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)",
            args![
                Uuid::from(role.id),
                Uuid::from(ok.action().organization),
                role.name.as_str(),
                role.name.to_lowercase(),
                role.description.as_deref(),
                serde_json::json!(role.permissions).to_string(),
                role.inherits_from.map(|above| Uuid::from(above.id())),
                role.created_at,
            ],
        )
        .await?;
        Ok(())
    }

    /// # Errors
    /// [`Conflict::RoleNameTaken`](super::Conflict::RoleNameTaken); [`Error::NotFound`].
    pub async fn update_role(
        &mut self,
        ok: &Authorized<'_, UpdateRole>,
        role: &CustomRole,
    ) -> Result<(), Error> {
        let changed = self
            .run(
                "UPDATE roles SET name = $3, name_key = $4, description = $5, permissions = $6, inherits_from = $7, \
                 updated_at = $8 WHERE id = $1 AND organization_id = $2",
                args![
                    Uuid::from(ok.action().role),
                    Uuid::from(ok.action().organization),
                    role.name.as_str(),
                    role.name.to_lowercase(),
                    role.description.as_deref(),
                    serde_json::json!(role.permissions).to_string(),
                    role.inherits_from.map(|above| Uuid::from(above.id())),
                    role.updated_at,
                ],
            )
            .await?;
        if changed == 1 { Ok(()) } else { Err(Error::NotFound) }
    }

    /// Who holds the role that is to be deleted, or would.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn count_role_use(
        &mut self,
        ok: &Authorized<'_, DeleteRole>,
        now: Micros,
    ) -> Result<RoleUse, Error> {
        let DeleteRole { organization, role } = *ok.action();
        let row = self
            .one(
                "SELECT (SELECT COUNT(*) FROM memberships WHERE organization_id = $1 AND role_id = $2) AS members, \
                 (SELECT COUNT(*) FROM invitations WHERE organization_id = $1 AND role_id = $2 \
                  AND accepted_at IS NULL AND revoked_at IS NULL AND expires_at > $3) AS invitations, \
                 (SELECT COUNT(*) FROM agents WHERE organization_id = $1 AND role_id = $2 \
                  AND terminated_at IS NULL) AS agents, \
                 (SELECT COUNT(*) FROM grants WHERE organization_id = $1 AND role_id = $2 \
                  AND (expires_at IS NULL OR expires_at > $3)) AS grants",
                args![Uuid::from(organization), Uuid::from(role), now],
            )
            .await?;
        Ok(RoleUse {
            members: row.get("members")?,
            invitations: row.get("invitations")?,
            agents: row.get("agents")?,
            grants: row.get("grants")?,
        })
    }

    /// Gives everybody who holds the role that is to be deleted, or would, another one. What is over keeps it.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn reassign_role(
        &mut self,
        ok: &Authorized<'_, DeleteRole>,
        to: RoleRef,
        now: Micros,
    ) -> Result<(), Error> {
        let DeleteRole { organization, role } = *ok.action();
        for statement in [
            "UPDATE memberships SET role_id = $3, updated_at = $4, version = version + 1 \
             WHERE organization_id = $1 AND role_id = $2",
            "UPDATE invitations SET role_id = $3 WHERE organization_id = $1 AND role_id = $2 \
             AND accepted_at IS NULL AND revoked_at IS NULL AND expires_at > $4",
            "UPDATE agents SET role_id = $3, updated_at = $4, version = version + 1 \
             WHERE organization_id = $1 AND role_id = $2 AND terminated_at IS NULL",
        ] {
            let args = args![Uuid::from(organization), Uuid::from(role), Uuid::from(to.id()), now];
            self.run(statement, args).await?;
        }
        self.reassign_grants(organization, role, to).await
    }

    /// # Errors
    /// [`Error::NotFound`].
    pub async fn delete_role(&mut self, ok: &Authorized<'_, DeleteRole>) -> Result<(), Error> {
        let DeleteRole { organization, role } = *ok.action();
        self.drop_grants_of_role(organization, role).await?;
        let deleted = self
            .run(
                "DELETE FROM roles WHERE id = $1 AND organization_id = $2",
                args![Uuid::from(role), Uuid::from(organization)],
            )
            .await?;
        if deleted == 1 { Ok(()) } else { Err(Error::NotFound) }
    }

    /// Before a role is given: lets nobody delete it, or change who belongs to the organization, until the transaction
    /// ends. The name of the organization's own.
    ///
    /// # Errors
    /// [`Error::Changed`] if the role was deleted since the decision.
    pub(super) async fn hold_role(
        &mut self,
        organization: OrganizationId,
        role: RoleRef,
    ) -> Result<Option<String>, Error> {
        self.hold_organization(organization).await?;
        let RoleRef::Custom(id) = role else { return Ok(None) };
        let found = self
            .optional(
                "SELECT name FROM roles WHERE id = $1 AND organization_id = $2",
                args![Uuid::from(id), Uuid::from(organization)],
            )
            .await?;
        found.ok_or(Error::Changed)?.get("name").map(Some)
    }
}
