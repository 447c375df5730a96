//! Who asks, and where from.

use std::net::IpAddr;

use super::actions::role_ref;
use super::{PluginPrincipal, Resource};
use crate::domain::{
    AgentId, Email, Micros, Network, OrganizationId, RoleRef, SessionId, SystemRole, UserId,
};
use crate::pdp::{Entity, EntityRef, Value};

/// Who asks: one party, and the links that the question came through.
///
/// Rights intersect: Cedar is asked once for the party and once for each link, and all must be allowed.
#[derive(Debug, Clone)]
pub struct Principal {
    /// In whose name the request is made.
    pub party: Party,
    /// What stands between the party and the request, nearest first: an agent that acts on behalf of a person, then
    /// the credential that the request was made with. A person who is signed in has none.
    pub through: Vec<Party>,
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
    /// A program that works for an organization.
    Agent(Box<AgentPrincipal>),
    /// An organization as such; its keys act as this.
    Service(OrganizationId),
    /// What a request was made with, where that is less than its owner. Only ever a link.
    Credential(Box<CredentialPrincipal>),
    /// A plugin, for itself.
    Plugin(Box<PluginPrincipal>),
}

/// What policies may know of an agent.
#[derive(Debug, Clone)]
pub struct AgentPrincipal {
    pub id: AgentId,
    pub organization: OrganizationId,
    pub role: RoleRef,
    pub suspended: bool,
    /// The product's id of the one project it works in.
    pub project: Option<String>,
    /// The product's id of the one task it may touch.
    pub task: Option<String>,
}

/// What kind of credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialKind {
    /// An API key.
    Key,
    /// A short token of an agent's, for one task.
    Task,
    /// A token of an agent on behalf of a person.
    Delegation,
    /// An access token of another issuer's.
    Foreign,
}

impl CredentialKind {
    /// As policies know it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Task => "task",
            Self::Delegation => "delegation",
            Self::Foreign => "foreign",
        }
    }
}

/// What policies may know of a key or a derived token.
#[derive(Debug, Clone)]
pub struct CredentialPrincipal {
    /// Of the key or the delegation; of a foreign token, made of its text.
    pub id: uuid::Uuid,
    pub kind: CredentialKind,
    /// The permissions it was granted, wildcards unexpanded.
    pub scopes: Vec<String>,
    /// It reaches nothing outside.
    pub organization: Option<OrganizationId>,
    pub project: Option<String>,
    pub task: Option<String>,
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
    /// The sign-in this request rests on; none if it was made with a key.
    pub session: Option<SessionId>,
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

impl UserPrincipal {
    /// Somebody with an account in order, whom no policy names: what such a person may do, they may by a role.
    pub(super) fn nobody_in_particular() -> Option<Self> {
        Some(Self {
            id: UserId::from(uuid::Uuid::nil()),
            email: "nobody@in-particular.invalid".parse().ok()?,
            email_verified: true,
            waitlisted: false,
            rejected: false,
            suspended: false,
            deleting: false,
            super_admin: false,
            session: None,
            signed_in_at: Micros::new(0),
        })
    }
}

impl Principal {
    #[must_use]
    pub fn system(name: &'static str, request_id: String) -> Self {
        Self::of(Party::System(name), Origin { request_id, ..Origin::default() })
    }

    /// A party that asks for itself.
    #[must_use]
    pub const fn of(party: Party, origin: Origin) -> Self {
        Self { party, through: Vec::new(), origin }
    }

    /// The party and every link, in the order they are asked: the credential first, because what it lacks is the same
    /// whatever the object and tells nothing of it.
    pub(super) fn links(&self) -> impl Iterator<Item = &Party> {
        self.through.iter().rev().chain([&self.party])
    }

    /// The Cedar names of what stands between the party and the request, for the audit trail.
    #[must_use]
    pub fn links_told(&self) -> Vec<String> {
        self.through.iter().map(|link| link.uid().to_string()).collect()
    }

    /// The agent that acts here, for itself or on behalf of a person.
    #[must_use]
    pub fn agent(&self) -> Option<&AgentPrincipal> {
        self.links().find_map(|link| match link {
            Party::Agent(agent) => Some(&**agent),
            _ => None,
        })
    }

    /// What the request was made with, if that is less than its owner.
    #[must_use]
    pub fn credential(&self) -> Option<&CredentialPrincipal> {
        self.links().find_map(|link| match link {
            Party::Credential(credential) => Some(&**credential),
            _ => None,
        })
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
            Party::Anonymous
            | Party::System(_)
            | Party::Agent(_)
            | Party::Service(_)
            | Party::Credential(_)
            | Party::Plugin(_) => None,
        }
    }

    /// The one organization that the caller belongs to whatever it asks: of a key or a token that is bound to one, of
    /// an agent, of a service. A person may belong to many.
    #[must_use]
    pub fn organization(&self) -> Option<OrganizationId> {
        self.links().find_map(|link| match link {
            Party::Credential(credential) => credential.organization,
            Party::Agent(agent) => Some(agent.organization),
            Party::Service(organization) => Some(*organization),
            Party::Anonymous | Party::User(_) | Party::System(_) | Party::Plugin(_) => None,
        })
    }

    /// The Cedar text of the party, such as `User::"…"`.
    #[must_use]
    pub fn uid(&self) -> EntityRef {
        self.party.uid()
    }
}

impl Party {
    /// The Cedar name.
    #[must_use]
    pub fn uid(&self) -> EntityRef {
        match self {
            Self::Anonymous => EntityRef::new("Anonymous", "anonymous"),
            Self::User(user) => EntityRef::new("User", user.id.to_string()),
            Self::System(name) => EntityRef::new("System", *name),
            Self::Agent(agent) => EntityRef::new("Agent", agent.id.to_string()),
            Self::Service(organization) => EntityRef::new("Service", organization.to_string()),
            Self::Credential(credential) => EntityRef::new("Credential", credential.id.to_string()),
            Self::Plugin(plugin) => plugin.uid(),
        }
    }

    /// The Cedar entity of a party that carries its own roles, for a question about it.
    #[must_use]
    pub fn as_subject(&self) -> Entity {
        self.entity(&[])
    }

    /// The Cedar entity. `roles` are what the party holds where the object lives; only a person's are stored there,
    /// the others carry their own.
    pub(super) fn entity(&self, roles: &[EntityRef]) -> Entity {
        let (attributes, parents) = match self {
            Self::Anonymous | Self::System(_) => (Vec::new(), Vec::new()),
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
                (attributes, roles.to_vec())
            }
            Self::Agent(agent) => return agent.entity(),
            Self::Plugin(plugin) => (plugin.attributes(), Vec::new()),
            Self::Service(organization) => {
                (bounds(Some(*organization), None, None), vec![role_ref(*organization, SystemRole::Admin)])
            }
            Self::Credential(it) => {
                let mut attributes = bounds(it.organization, it.project.as_deref(), it.task.as_deref());
                attributes.push(("kind".into(), Value::Text(it.kind.name().to_owned())));
                let scopes = it.scopes.iter().map(|scope| EntityRef::new("Scope", scope.as_str()));
                (attributes, scopes.collect())
            }
        };
        Entity { uid: self.uid(), attributes, parents }
    }
}

impl AgentPrincipal {
    /// The Cedar entity, the same whether the agent asks or is asked about.
    #[must_use]
    pub fn entity(&self) -> Entity {
        let mut attributes = bounds(Some(self.organization), self.project.as_deref(), self.task.as_deref());
        attributes.push(("suspended".into(), Value::Bool(self.suspended)));
        let project = self.project.as_deref().map(|id| EntityRef::new("Project", id));
        let parents = [role_ref(self.organization, self.role)].into_iter().chain(project).collect();
        Entity { uid: EntityRef::new("Agent", self.id.to_string()), attributes, parents }
    }
}

fn bounds(
    organization: Option<OrganizationId>,
    project: Option<&str>,
    task: Option<&str>,
) -> Vec<(std::borrow::Cow<'static, str>, Value)> {
    let organization = organization.map(|id| Resource::Organization(id).entity());
    [
        ("organization", organization),
        ("project", project.map(|id| EntityRef::new("Project", id))),
        ("task", task.map(|id| EntityRef::new("Task", id))),
    ]
    .into_iter()
    .filter_map(|(name, entity)| Some((name.into(), Value::Entity(entity?))))
    .collect()
}
