//! The roles every organization has from its first day.

use uuid::Uuid;

use super::RoleId;

/// A role that the platform defines. What each may do stands in `policies/organization_roles.cedar`;
/// [`SystemRole::permissions`] repeats it for people to read, and a test holds the two together.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SystemRole {
    Owner,
    Admin,
    Member,
    Viewer,
    AgentExecutor,
}

impl SystemRole {
    pub const ALL: [Self; 5] = [Self::Owner, Self::Admin, Self::Member, Self::Viewer, Self::AgentExecutor];

    /// The name in the API and in Cedar, `Role::"<organization>/<name>"`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Member => "member",
            Self::Viewer => "viewer",
            Self::AgentExecutor => "agent_executor",
        }
    }

    /// The same id in every installation and for every organization.
    #[must_use]
    pub fn id(self) -> RoleId {
        let last = match self {
            Self::Owner => 1,
            Self::Admin => 2,
            Self::Member => 3,
            Self::Viewer => 4,
            Self::AgentExecutor => 5,
        };
        RoleId::from(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + last))
    }

    #[must_use]
    pub fn from_id(id: RoleId) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.id() == id)
    }

    /// The role whose every right this one has too.
    #[must_use]
    pub const fn includes(self) -> Option<Self> {
        match self {
            Self::Owner => Some(Self::Admin),
            Self::Admin => Some(Self::Member),
            Self::Member => Some(Self::Viewer),
            Self::Viewer | Self::AgentExecutor => None,
        }
    }

    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::Owner => {
                "Everything, including billing, the owners themselves and archiving the organization"
            }
            Self::Admin => "Members, settings and all projects; never billing, never an owner",
            Self::Member => "Works on projects, documents, tickets and tasks",
            Self::Viewer => "Reads projects and dashboards",
            Self::AgentExecutor => "What a working agent needs and nothing of the organization itself",
        }
    }

    /// What the role adds to the one it [includes](Self::includes), wildcards unexpanded.
    #[must_use]
    pub const fn permissions(self) -> &'static [&'static str] {
        match self {
            Self::Owner => &[
                "org:*",
                "project:*",
                "document:*",
                "ticket:*",
                "task:*",
                "agent:*",
                "spec:*",
                "dashboard:*",
            ],
            Self::Admin => &[
                "org:write",
                "org:members:*",
                "org:settings:*",
                "org:audit:read",
                "org:keys:*",
                "org:roles:*",
                "project:*",
                "document:*",
                "ticket:*",
                "task:*",
            ],
            Self::Member => &[
                "org:members:read",
                "project:write",
                "document:write",
                "ticket:write",
                "task:write",
                "task:complete:execute",
                "spec:create",
                "spec:read",
            ],
            Self::Viewer => &[
                "org:read",
                "project:read",
                "document:read",
                "ticket:read",
                "task:read",
                "agent:read",
                "dashboard:read",
                "connection:use",
            ],
            Self::AgentExecutor => &[
                "project:read",
                "project:git:write",
                "document:read",
                "document:write",
                "ticket:read",
                "ticket:write",
                "task:read",
                "task:write",
                "task:complete:execute",
                "connection:use",
            ],
        }
    }
}
