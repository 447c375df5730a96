//! The roles an organization can give.

use super::{App, Error};
use crate::domain::{OrganizationId, RoleId, SystemRole};
use crate::guard::actions::ListRoles;
use crate::guard::{Authorized, Released};

/// A role as it is shown.
#[derive(Debug, Clone)]
pub struct Role {
    pub id: RoleId,
    /// `None`: the platform's own, the same everywhere.
    pub organization: Option<OrganizationId>,
    pub name: &'static str,
    pub description: &'static str,
    /// What it adds to the role it includes, wildcards unexpanded.
    pub permissions: Vec<&'static str>,
    pub includes: Option<RoleId>,
}

impl App {
    /// # Errors
    /// None today; custom roles will be read from the store.
    #[expect(clippy::unused_async, reason = "the other use cases are awaited too")]
    pub async fn list_roles(
        &self,
        ok: Authorized<'_, ListRoles>,
    ) -> Result<Released<ListRoles, Vec<Role>>, Error> {
        Ok(ok.release(SystemRole::ALL.into_iter().map(shown).collect()))
    }
}

fn shown(role: SystemRole) -> Role {
    Role {
        id: role.id(),
        organization: None,
        name: role.name(),
        description: role.description(),
        permissions: role.permissions().to_vec(),
        includes: role.includes().map(SystemRole::id),
    }
}
