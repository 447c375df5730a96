//! The roles that an organization makes for itself.

use crate::domain::{OrganizationId, RoleId};
use crate::guard::Resource;

actions! {
    /// Make a role.
    CreateRole { organization: OrganizationId } on |a| Resource::Organization(a.organization);
    /// Change a role, for everybody who holds it.
    UpdateRole { organization: OrganizationId, role: RoleId } on |a| Resource::Organization(a.organization);
    /// Delete a role that nobody holds, or whose holders get another.
    DeleteRole { organization: OrganizationId, role: RoleId } on |a| Resource::Organization(a.organization);
}
