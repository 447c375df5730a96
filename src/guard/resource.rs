//! What an action is done to.

use crate::domain::{AgentId, InvitationId, MembershipId, OrganizationId, UserId};
use crate::pdp::EntityRef;

/// The object of an action, by its ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    Platform,
    User(UserId),
    Organization(OrganizationId),
    /// A membership is looked for in its organization only: one of another is not found.
    Membership(OrganizationId, MembershipId),
    /// An invitation, looked for in its organization only.
    Invitation(OrganizationId, InvitationId),
    /// An agent, looked for in its organization only.
    Agent(OrganizationId, AgentId),
}

impl Resource {
    #[must_use]
    pub fn entity(&self) -> EntityRef {
        match self {
            Self::Platform => EntityRef::new("Platform", "palisade"),
            Self::User(id) => EntityRef::new("User", id.to_string()),
            Self::Organization(id) => EntityRef::new("Organization", id.to_string()),
            Self::Membership(_, id) => EntityRef::new("Membership", id.to_string()),
            Self::Invitation(_, id) => EntityRef::new("Invitation", id.to_string()),
            Self::Agent(_, id) => EntityRef::new("Agent", id.to_string()),
        }
    }

    /// The question whose allow means that a caller may know that this object exists;
    /// `None` if everybody knows.
    pub(super) fn shown_by(&self) -> Option<(&'static str, Self)> {
        match self {
            Self::Platform => None,
            Self::User(_) => Some(("GetMe", *self)),
            Self::Organization(_) => Some(("GetOrganization", *self)),
            Self::Membership(organization, _) => Some(("ListMembers", Self::Organization(*organization))),
            Self::Invitation(organization, _) => Some(("ListInvitations", Self::Organization(*organization))),
            Self::Agent(organization, _) => Some(("ListAgents", Self::Organization(*organization))),
        }
    }
}
