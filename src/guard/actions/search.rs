//! Decisions as a service: who may, to what, and what.

use super::Asks;
use crate::domain::OrganizationId;
use crate::guard::Resource;

actions! {
    /// Ask who may do something to a thing.
    SearchSubjects { organization: OrganizationId } on |a| Resource::Organization(a.organization);
    /// Ask to which things somebody may do something.
    SearchResources { organization: OrganizationId } on |a| Resource::Organization(a.organization);
    /// Ask what somebody may do to a thing.
    SearchActions { organization: OrganizationId } on |a| Resource::Organization(a.organization);
}

/// The actions that let somebody ask about many at once.
pub trait Searches: Asks {}

macro_rules! searches {
    ($($action:ty),*) => {$(
        impl Asks for $action {
            fn organization(&self) -> OrganizationId {
                self.organization
            }
        }
        impl Searches for $action {}
    )*};
}
searches!(SearchSubjects, SearchResources, SearchActions);
