//! The register of a product's own things.

use crate::domain::OrganizationId;
use crate::guard::Resource;

actions! {
    /// Register a thing of the product's, or say anew what is true of it.
    PutResource { organization: OrganizationId } on |a| Resource::Organization(a.organization);
    /// Read what is registered of a thing.
    GetResource { organization: OrganizationId } on |a| Resource::Organization(a.organization);
    /// List the things of a type.
    ListResources { organization: OrganizationId } on |a| Resource::Organization(a.organization);
    /// Strike a thing off.
    DeleteResource { organization: OrganizationId } on |a| Resource::Organization(a.organization);
    /// Register many at once, or none.
    LoadResources { organization: OrganizationId } on |a| Resource::Organization(a.organization);
}
