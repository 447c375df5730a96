//! The roles an organization can give: the platform's, and those it makes for itself.

use serde_json::json;

use super::refusals::{role_name_taken, unknown_role};
use super::{App, Error};
use crate::domain::{
    CustomRole, FieldError, Gift, Invalid, Line, Micros, NewRole, OrganizationId, ProjectRole, RoleId,
    RolePatch, RoleRef, Roles, SystemRole,
};
use crate::guard::actions::{CreateRole, DeleteRole, ListRoles, UpdateRole};
use crate::guard::{Action, Authorized, Released, Resource};

/// A role as it is shown.
#[derive(Debug, Clone)]
pub struct Role {
    pub id: RoleId,
    /// `None`: the platform's own, the same everywhere.
    pub organization: Option<OrganizationId>,
    pub name: String,
    pub description: String,
    /// What it adds to the role it includes, wildcards unexpanded.
    pub permissions: Vec<String>,
    pub includes: Option<RoleId>,
    /// When, if the organization made it.
    pub created_at: Option<Micros>,
    pub updated_at: Option<Micros>,
}

impl From<SystemRole> for Role {
    fn from(role: SystemRole) -> Self {
        Self {
            id: role.id(),
            organization: None,
            name: role.name().to_owned(),
            description: role.description().to_owned(),
            permissions: role.permissions().iter().map(|&it| it.to_owned()).collect(),
            includes: role.includes().map(SystemRole::id),
            created_at: None,
            updated_at: None,
        }
    }
}

impl From<ProjectRole> for Role {
    fn from(role: ProjectRole) -> Self {
        Self {
            id: role.id(),
            organization: None,
            name: role.name().to_owned(),
            description: role.description().to_owned(),
            permissions: role.permissions().iter().map(|&it| it.to_owned()).collect(),
            includes: None,
            created_at: None,
            updated_at: None,
        }
    }
}

impl From<CustomRole> for Role {
    fn from(role: CustomRole) -> Self {
        Self {
            id: role.id,
            organization: Some(role.organization),
            name: role.name,
            description: role.description.unwrap_or_default(),
            permissions: role.permissions,
            includes: role.inherits_from.map(RoleRef::id),
            created_at: Some(role.created_at),
            updated_at: Some(role.updated_at),
        }
    }
}

impl App {
    /// The platform's roles in an organization, its own by name, and the platform's on one thing.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn list_roles(
        &self,
        ok: Authorized<'_, ListRoles>,
    ) -> Result<Released<ListRoles, Vec<Role>>, Error> {
        let own = self.store.list_own_roles(&ok).await?;
        let mut own: Vec<Role> = own.iter().cloned().map(Role::from).collect();
        own.sort_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
        let system = SystemRole::ALL.into_iter().map(Role::from);
        let project = ProjectRole::ALL.into_iter().map(Role::from);
        Ok(ok.release(system.chain(own).chain(project).collect()))
    }

    /// Makes a role, of no more than the caller holds.
    ///
    /// # Errors
    /// [`Error::Invalid`]; [`Error::Denied`] `role-not-held`; [`Error::Conflict`] `role-name-taken`, `too-many-roles`
    /// or `changed-meanwhile`.
    pub async fn create_role(
        &self,
        ok: Authorized<'_, CreateRole>,
        new: NewRole,
    ) -> Result<Released<CreateRole, Role>, Error> {
        let CreateRole { organization } = *ok.action();
        let mut roles = self.store.list_own_roles(&ok).await?;
        if roles.len() >= Roles::MAX {
            let detail = format!("an organization has at most {} roles of its own", Roles::MAX);
            return Err(Error::Conflict { code: "too-many-roles", detail });
        }
        let now = self.now();
        let role = CustomRole {
            id: self.fresh(),
            organization,
            name: new.name.into_string(),
            description: new.description.map(Line::into_string),
            permissions: self.known_permissions(organization, new.permissions)?,
            inherits_from: new.inherits_from,
            created_at: now,
            updated_at: now,
        };
        check_name(&role.name)?;
        check_line(&mut roles, &role)?;
        let all = roles.gift(role.id.into()).unwrap_or_default();
        self.check_held(&ok, organization, &all).await?;
        let mut tx = self.store.begin().await?;
        tx.begin_roles(&ok).await?;
        tx.insert_role(&ok, &role).await?;
        self.note(&mut tx, &ok, told(&role)).await?;
        tx.commit().await?;
        Ok(ok.release(role.into()))
    }

    /// Changes a role for everybody who holds it; by no more than the caller holds.
    ///
    /// # Errors
    /// [`Error::NotFound`]; as [`App::create_role`]; [`Error::Conflict`] `system-role`.
    pub async fn update_role(
        &self,
        ok: Authorized<'_, UpdateRole>,
        patch: RolePatch,
    ) -> Result<Released<UpdateRole, Role>, Error> {
        let UpdateRole { organization, role: id } = *ok.action();
        let mut roles = self.store.list_own_roles(&ok).await?;
        let mut role = own(&roles, id)?;
        let before = roles.clone();
        if let Some(name) = patch.name {
            role.name = name.into_string();
            check_name(&role.name)?;
        }
        if let Some(description) = patch.description {
            role.description = description.map(Line::into_string);
        }
        if let Some(permissions) = patch.permissions {
            role.permissions = self.known_permissions(organization, permissions)?;
        }
        role.inherits_from = patch.inherits_from.unwrap_or(role.inherits_from);
        role.updated_at = self.now();
        check_line(&mut roles, &role)?;
        // What it gave already is nobody's to grant again.
        let had = before.gift(id.into()).unwrap_or_default();
        let added = roles.gift(id.into()).unwrap_or_default().beyond(&had);
        self.check_held(&ok, organization, &added).await?;
        let mut tx = self.store.begin().await?;
        tx.begin_roles(&ok).await?;
        tx.update_role(&ok, &role).await?;
        self.note(&mut tx, &ok, told(&role)).await?;
        tx.commit().await?;
        Ok(ok.release(role.into()))
    }

    /// Deletes a role. Whoever holds it gets the role `reassign_to`, if one is named.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] at `reassign_to`; [`Error::Denied`] `role-not-held`;
    /// [`Error::Conflict`] `role-in-use`, `role-inherited`, `system-role` or `changed-meanwhile`.
    pub async fn delete_role(
        &self,
        ok: Authorized<'_, DeleteRole>,
        reassign_to: Option<RoleRef>,
    ) -> Result<Released<DeleteRole, ()>, Error> {
        let DeleteRole { organization, role: id } = *ok.action();
        let roles = self.store.list_own_roles(&ok).await?;
        let role = own(&roles, id)?;
        if let Some(below) = roles.iter().find(|below| below.inherits_from == Some(id.into())) {
            let detail = format!("the role `{}` inherits from this one; change that first", below.name);
            return Err(Error::Conflict { code: "role-inherited", detail });
        }
        if let Some(to) = reassign_to {
            check_reassignment(&roles, id, to)?;
            let all = roles.gift(to).unwrap_or_default();
            self.check_held(&ok, organization, &all).await?;
        }
        let now = self.now();
        let mut tx = self.store.begin().await?;
        tx.begin_roles(&ok).await?;
        let used = tx.count_role_use(&ok, now).await?;
        match reassign_to {
            _ if used.is_none() => {}
            Some(RoleRef::System(_)) if used.grants > 0 => {
                let whole =
                    "it is held on single things, and this role is one in the organization as a whole";
                return Err(Error::Invalid(vec![Invalid::new("not-grantable", whole).at("reassign_to")]));
            }
            Some(to) => tx.reassign_role(&ok, to, now).await?,
            None => {
                let detail = format!(
                    "held by {} members and {} agents, offered in {} invitations, given on {} things; name another role \
                     in `reassign_to`",
                    used.members, used.agents, used.invitations, used.grants
                );
                return Err(Error::Conflict { code: "role-in-use", detail });
            }
        }
        tx.delete_role(&ok).await?;
        let details = json!({
            "role": role.id.to_string(), "name": role.name, "reassigned_to": reassign_to.map(|to| to.id().to_string()),
            "members": used.members, "invitations": used.invitations, "agents": used.agents, "grants": used.grants,
        });
        self.note(&mut tx, &ok, details).await?;
        tx.commit().await?;
        Ok(ok.release(()))
    }

    /// The permissions, sorted and each once, if each is one that can be held on an organization.
    fn known_permissions(
        &self,
        organization: OrganizationId,
        mut permissions: Vec<String>,
    ) -> Result<Vec<String>, Error> {
        if permissions.len() > Roles::MAX_PERMISSIONS {
            let message = format!("a role lists at most {} permissions", Roles::MAX_PERMISSIONS);
            return Err(Error::Invalid(vec![Invalid::new("too-many", message).at("permissions")]));
        }
        let place = Resource::Organization(organization);
        let known = |it: &str| self.guard.is_permission(it) && self.guard.is_about(it, &place);
        let wrong = |(n, _): (usize, &String)| {
            let message =
                "a permission is such as `task:read` or `task:*`, and can be held in an organization";
            Invalid::new("unknown-permission", message).at(format!("permissions.{n}"))
        };
        let unknown: Vec<FieldError> =
            permissions.iter().enumerate().filter(|(_, it)| !known(it)).map(wrong).collect();
        if !unknown.is_empty() {
            return Err(Error::Invalid(unknown));
        }
        permissions.sort_unstable();
        permissions.dedup();
        Ok(permissions)
    }

    /// Nobody grants what they do not hold; nor does a key, or an agent, for somebody who does.
    async fn check_held<A: Action>(
        &self,
        ok: &Authorized<'_, A>,
        organization: OrganizationId,
        gift: &Gift<'_>,
    ) -> Result<(), Error> {
        if self.guard.holds_gift(ok.caller(), organization, gift).await? {
            return Ok(());
        }
        Err(self.refuse_permitted(ok, "role-not-held").await)
    }
}

fn told(role: &CustomRole) -> serde_json::Value {
    json!({
        "role": role.id.to_string(), "name": role.name, "permissions": role.permissions,
        "inherits_from": role.inherits_from.map(|above| above.id().to_string()),
    })
}

/// One of the organization's own roles.
fn own(roles: &Roles, id: RoleId) -> Result<CustomRole, Error> {
    if !matches!(RoleRef::from(id), RoleRef::Custom(_)) {
        let detail = "this role is the platform's, the same in every organization".to_owned();
        return Err(Error::Conflict { code: "system-role", detail });
    }
    roles.get(id).cloned().ok_or(Error::NotFound)
}

/// Clients know the platform's roles by name, so no other role is called the same.
fn check_name(name: &str) -> Result<(), Error> {
    let system = SystemRole::ALL.into_iter().map(SystemRole::name);
    let mut platforms = system.chain(ProjectRole::ALL.into_iter().map(ProjectRole::name));
    let taken = platforms.any(|platforms| platforms == name.to_lowercase());
    if taken { Err(role_name_taken()) } else { Ok(()) }
}

/// Puts the role among the others, if then every line of inheritance has an end, and none leads to the owners.
fn check_line(roles: &mut Roles, role: &CustomRole) -> Result<(), Error> {
    let wrong = |invalid: Invalid| Err(Error::Invalid(vec![invalid.at("inherits_from")]));
    let Some(above) = role.inherits_from else {
        roles.put(role.clone());
        return Ok(());
    };
    match above {
        // An owner is more than permissions: protected, counted, a person.
        RoleRef::System(SystemRole::Owner) => {
            return wrong(Invalid::new("owner-not-inherited", "no role inherits from the owner's"));
        }
        RoleRef::Custom(id) if id != role.id && roles.get(id).is_none() => return wrong(unknown_role()),
        // Of one thing only: in the organization as a whole it would be something else.
        RoleRef::Project(_) => return wrong(unknown_role()),
        RoleRef::System(_) | RoleRef::Custom(_) => {}
    }
    if above == role.id.into() || roles.line(above).is_some_and(|line| line.contains(&role.id.into())) {
        return wrong(Invalid::new("role-cycle", "a role does not inherit from itself, however far around"));
    }
    roles.put(role.clone());
    if roles.iter().any(|role| roles.line(role.id.into()).is_none()) {
        let message = format!("at most {} roles stand in one line of inheritance", Roles::MAX_DEPTH);
        return wrong(Invalid::new("too-deep", message));
    }
    Ok(())
}

/// Whether the holders of one role can be given another.
fn check_reassignment(roles: &Roles, from: RoleId, to: RoleRef) -> Result<(), Error> {
    let wrong = |invalid: Invalid| Err(Error::Invalid(vec![invalid.at("reassign_to")]));
    match to {
        // Owners are made one by one, by owners.
        RoleRef::System(SystemRole::Owner) => {
            wrong(Invalid::new("owner-not-assigned", "nobody becomes an owner this way"))
        }
        RoleRef::Project(_) => wrong(unknown_role()),
        RoleRef::Custom(id) if id == from || roles.get(id).is_none() => wrong(unknown_role()),
        RoleRef::System(_) | RoleRef::Custom(_) => Ok(()),
    }
}
