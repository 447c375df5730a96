//! `/api/v1/organizations/{id}/roles`.

use poem_openapi::param::{Path, Query};
use poem_openapi::types::MaybeUndefined;
use poem_openapi::{Object, OpenApi};
use time::OffsetDateTime;
use uuid::Uuid;

use super::Chapter;
use super::auth::patched;
use super::body::Body;
use super::caller::Caller;
use super::problem::Problem;
use super::reply::{ApiResult, Created, Message};
use super::views::role;
use crate::app;
use crate::domain::{Description, Invalid, Line, Micros, NewRole, RoleName, RolePatch, RoleRef};
use crate::guard::actions::{CreateRole, DeleteRole, ListRoles, UpdateRole};

pub(super) struct RolesApi;

/// What making a role takes.
#[derive(Object)]
struct CreateRoleRequest {
    /// 1 to 100 characters; no other role of the organization is called so, in whatever case.
    name: String,
    /// At most 1,000 characters.
    description: Option<String>,
    /// Such as `task:read` or `task:*`; no more than the caller holds.
    #[oai(validator(max_items = 100))]
    permissions: Option<Vec<String>>,
    /// The role whose every permission this one has too: one of `list_roles`, never the owner's.
    inherits_from: Option<Uuid>,
    /// The organization of the path, as older clients send it.
    organization_id: Option<Uuid>,
}

/// A change to a role; what is left out stays, `null` clears.
#[derive(Object)]
struct UpdateRoleRequest {
    /// 1 to 100 characters.
    name: Option<String>,
    /// At most 1,000 characters.
    #[oai(nullable)]
    description: MaybeUndefined<String>,
    /// All of them anew; what is added to them the caller must hold.
    #[oai(validator(max_items = 100))]
    permissions: Option<Vec<String>>,
    /// The role whose every permission this one has too.
    #[oai(nullable)]
    inherits_from: MaybeUndefined<Uuid>,
}

/// A role that an organization can give.
#[derive(Object)]
#[oai(skip_serializing_if_is_none, rename = "Role")]
struct RoleView {
    id: Uuid,
    /// Absent: the platform's own, the same everywhere.
    organization_id: Option<Uuid>,
    name: String,
    description: String,
    /// What it adds to the role it inherits from, wildcards unexpanded.
    permissions: Vec<String>,
    is_system: bool,
    /// The role whose every permission this one has too.
    inherits_from: Option<Uuid>,
    /// Absent for the platform's own.
    created_at: Option<OffsetDateTime>,
    /// Absent for the platform's own.
    updated_at: Option<OffsetDateTime>,
}

impl From<app::Role> for RoleView {
    fn from(it: app::Role) -> Self {
        Self {
            id: it.id.into(),
            organization_id: it.organization.map(Uuid::from),
            name: it.name,
            description: it.description,
            permissions: it.permissions,
            is_system: it.organization.is_none(),
            inherits_from: it.includes.map(Uuid::from),
            created_at: it.created_at.map(Micros::to_datetime),
            updated_at: it.updated_at.map(Micros::to_datetime),
        }
    }
}

fn name(text: &str) -> Result<RoleName, Problem> {
    Line::parse(text).map_err(|invalid| Problem::invalid(vec![invalid.at("name")]))
}

/// Absent, or a text that is empty as the old clients send it.
fn description(text: Option<String>) -> Result<Option<Description>, Problem> {
    let given = text.filter(|text| !text.trim().is_empty());
    let parsed = given.map(|text| Line::parse(&text)).transpose();
    parsed.map_err(|invalid| Problem::invalid(vec![invalid.at("description")]))
}

impl CreateRoleRequest {
    fn parsed(self, organization: Uuid) -> Result<NewRole, Problem> {
        if self.organization_id.is_some_and(|named| named != organization) {
            let other = Invalid::new("another-organization", "this is not the organization of the path");
            return Err(Problem::invalid(vec![other.at("organization_id")]));
        }
        Ok(NewRole {
            name: name(&self.name)?,
            description: description(self.description)?,
            permissions: self.permissions.unwrap_or_default(),
            inherits_from: self.inherits_from.map(role),
        })
    }
}

impl TryFrom<UpdateRoleRequest> for RolePatch {
    type Error = Problem;

    fn try_from(body: UpdateRoleRequest) -> Result<Self, Problem> {
        Ok(Self {
            name: body.name.map(|text| name(&text)).transpose()?,
            description: patched(body.description, description)?,
            permissions: body.permissions,
            inherits_from: match body.inherits_from {
                MaybeUndefined::Undefined => None,
                MaybeUndefined::Null => Some(None),
                MaybeUndefined::Value(id) => Some(Some(role(id))),
            },
        })
    }
}

#[OpenApi(prefix_path = "/api/v1/organizations", tag = "Chapter::Organizations")]
impl RolesApi {
    /// List the roles that an organization can give
    #[oai(path = "/:organization_id/roles", method = "get", operation_id = "list_roles")]
    async fn list(
        &self,
        caller: Caller,
        organization_id: Path<Uuid>,
        /// Whether to list the platform's own roles too.
        include_system: Query<Option<bool>>,
        /// Whether to list the platform's roles on one thing too; see `create_grant`.
        include_project: Query<Option<bool>>,
    ) -> ApiResult<ListRoles, Vec<RoleView>> {
        let ok = caller.authorize(ListRoles { organization: organization_id.0.into() }).await?;
        let roles = caller.app().list_roles(ok).await?;
        let (system, project) = (include_system.0.unwrap_or(true), include_project.0.unwrap_or(false));
        let wanted = |role: &app::Role| match RoleRef::from(role.id) {
            RoleRef::System(_) => system,
            RoleRef::Project(_) => project,
            RoleRef::Custom(_) => true,
        };
        Ok(roles.map(|roles| roles.into_iter().filter(wanted).map(RoleView::from).collect()).into())
    }

    /// Make a role
    ///
    /// Of no more than the caller holds: neither what it lists nor what it inherits.
    #[oai(path = "/:organization_id/roles", method = "post", operation_id = "create_role")]
    async fn create(
        &self,
        caller: Caller,
        organization_id: Path<Uuid>,
        body: Body<CreateRoleRequest>,
    ) -> Created<CreateRole, RoleView> {
        let ok = caller.authorize(CreateRole { organization: organization_id.0.into() }).await?;
        let made = caller.app().create_role(ok, body.0.parsed(organization_id.0)?).await?;
        Ok(made.map(RoleView::from).into())
    }

    /// Change a role
    ///
    /// At once, for everybody who holds it or a role that inherits from it.
    #[oai(path = "/:organization_id/roles/:role_id", method = "patch", operation_id = "update_role")]
    async fn update(
        &self,
        caller: Caller,
        organization_id: Path<Uuid>,
        role_id: Path<Uuid>,
        body: Body<UpdateRoleRequest>,
    ) -> ApiResult<UpdateRole, RoleView> {
        let (organization, role) = (organization_id.0.into(), role_id.0.into());
        let ok = caller.authorize(UpdateRole { organization, role }).await?;
        let changed = caller.app().update_role(ok, body.0.try_into()?).await?;
        Ok(changed.map(RoleView::from).into())
    }

    /// Delete a role
    ///
    /// Refused while somebody holds it, unless they are to get another.
    #[oai(path = "/:organization_id/roles/:role_id", method = "delete", operation_id = "delete_role")]
    async fn delete(
        &self,
        caller: Caller,
        organization_id: Path<Uuid>,
        role_id: Path<Uuid>,
        /// The role that whoever holds this one gets: one of `list_roles`, never the owner's.
        reassign_to: Query<Option<Uuid>>,
    ) -> ApiResult<DeleteRole, Message> {
        let (organization, id) = (organization_id.0.into(), role_id.0.into());
        let ok = caller.authorize(DeleteRole { organization, role: id }).await?;
        let done = caller.app().delete_role(ok, reassign_to.0.map(role)).await?;
        Ok(done.map(|()| Message::new("the role is deleted")).into())
    }
}
