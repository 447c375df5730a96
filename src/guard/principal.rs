//! Who asks, and where from.

use std::net::IpAddr;

use crate::domain::{Email, Micros, Network, SessionId, UserId};
use crate::pdp::{Entity, EntityRef, Value};

/// The one who asks.
#[derive(Debug, Clone)]
pub struct Principal {
    pub party: Party,
    pub origin: Origin,
}

/// What kind of party asks. Each kind is a Cedar entity type.
#[derive(Debug, Clone)]
pub enum Party {
    /// No credential was sent.
    Anonymous,
    /// A person, signed in.
    User(Box<UserPrincipal>),
    /// The platform itself: `cli` (whoever holds the machine) or a background job.
    System(&'static str),
}

/// What policies may know of a person. All of it is set by administrators or by the platform.
#[derive(Debug, Clone)]
pub struct UserPrincipal {
    pub id: UserId,
    pub email: Email,
    pub email_verified: bool,
    pub waitlisted: bool,
    pub rejected: bool,
    pub suspended: bool,
    /// Asked to be deleted, and can still think again.
    pub deleting: bool,
    pub super_admin: bool,
    /// The sign-in this request rests on.
    pub session: SessionId,
    pub signed_in_at: Micros,
}

/// Where a request came from. Nothing here is a fact for a policy.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    pub request_id: String,
    pub ip: Option<IpAddr>,
    /// At most 256 characters.
    pub user_agent: Option<String>,
}

impl Origin {
    /// Whom limits count.
    #[must_use]
    pub fn network(&self) -> Network {
        self.ip.map_or(Network::UNKNOWN, Network::of)
    }
}

impl Principal {
    #[must_use]
    pub fn system(name: &'static str, request_id: String) -> Self {
        Self { party: Party::System(name), origin: Origin { request_id, ..Origin::default() } }
    }

    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        matches!(self.party, Party::Anonymous)
    }

    /// The person, if it is one.
    #[must_use]
    pub fn user(&self) -> Option<&UserPrincipal> {
        match &self.party {
            Party::User(user) => Some(user),
            Party::Anonymous | Party::System(_) => None,
        }
    }

    /// The Cedar text of the party, such as `User::"…"`.
    #[must_use]
    pub fn uid(&self) -> EntityRef {
        self.party.uid()
    }
}

impl Party {
    fn uid(&self) -> EntityRef {
        match self {
            Self::Anonymous => EntityRef::new("Anonymous", "anonymous"),
            Self::User(user) => EntityRef::new("User", user.id.to_string()),
            Self::System(name) => EntityRef::new("System", *name),
        }
    }

    /// The Cedar entity, a member of `roles`.
    pub(super) fn entity(&self, roles: &[EntityRef]) -> Entity {
        let attributes = match self {
            Self::Anonymous | Self::System(_) => Vec::new(),
            Self::User(user) => {
                let mut attributes = vec![
                    ("email".into(), Value::Text(user.email.to_string())),
                    ("email_verified".into(), Value::Bool(user.email_verified)),
                    ("waitlisted".into(), Value::Bool(user.waitlisted)),
                    ("suspended".into(), Value::Bool(user.suspended)),
                    ("super_admin".into(), Value::Bool(user.super_admin)),
                ];
                // Absent unless true, as the schema has it.
                if user.rejected {
                    attributes.push(("rejected".into(), Value::Bool(true)));
                }
                if user.deleting {
                    attributes.push(("deleting".into(), Value::Bool(true)));
                }
                attributes
            }
        };
        let parents = match self {
            Self::User(_) => roles.to_vec(),
            Self::Anonymous | Self::System(_) => Vec::new(),
        };
        Entity { uid: self.uid(), attributes, parents }
    }
}
