//! One type per kind of id, so that a user's id cannot be passed where an organization's is meant.
//!
//! All are UUIDv7 (RFC 9562 section 5.7): they sort by creation time, which keeps indexes dense and
//! lists in order. They are written as plain UUID text, as the clients of the old system expect.

use std::fmt;

use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Uuid);

        impl $name {
            /// Reads the canonical text form, as a token's claim carries it.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Uuid::parse_str(text).ok().map(Self)
            }
        }
        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
    )*};
}

ids! {
    /// A person with an account.
    UserId,
    /// A tenant.
    OrganizationId,
    /// One person's (later: agent's) place in one organization.
    MembershipId,
    /// A named set of permissions.
    RoleId,
    /// A provider of an organization's.
    ProviderId,
    /// A role that somebody has on one thing.
    GrantId,
    /// An offer of a membership, sent by mail.
    InvitationId,
    /// One sign-in: the family that all its refresh tokens belong to.
    SessionId,
    /// A program that works for an organization.
    AgentId,
    /// A long-lived secret of a person, an agent or an organization, or a token for one task.
    ApiKeyId,
    /// A token that an agent got on behalf of a person.
    DelegationId,
    /// A person's account at a provider.
    IdentityId,
    /// One mail on its way out.
    MessageId,
}
