//! Roles on one thing.

use super::{Asks, role_ref};
use crate::domain::{GrantId, OrganizationId, RoleRef};
use crate::guard::Resource;
use crate::pdp::Value;

actions! {
    /// Give a role on one thing and what is in it. Whether the giver holds it there is asked with the thing at hand.
    CreateGrant { organization: OrganizationId, role: RoleRef }
        on |a| Resource::Organization(a.organization),
        with |a| vec![("role".into(), Value::Entity(role_ref(a.organization, a.role)))];
    /// List who has which role on what.
    ListGrants { organization: OrganizationId } on |a| Resource::Organization(a.organization);
    /// Read of one.
    GetGrant { organization: OrganizationId, grant: GrantId } on |a| Resource::Organization(a.organization);
    /// Take such a role away.
    DeleteGrant { organization: OrganizationId, grant: GrantId } on |a| Resource::Organization(a.organization);
}

/// Whoever gives a role on a thing rests on what is known of it.
impl Asks for CreateGrant {
    fn organization(&self) -> OrganizationId {
        self.organization
    }
}
