//! Roles that somebody is given on one thing and what is in it.

use uuid::Uuid;

use super::{AgentId, GrantId, HeldRole, Micros, OrganizationId, ResourceRef, RoleId, UserId};

/// A role that the platform defines for one thing, such as a project. What each may do stands in
/// `policies/project_roles.cedar`; [`ProjectRole::permissions`] repeats it for people to read and for the rule that
/// nobody gives what they do not hold, and a test holds the two together.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ProjectRole {
    Owner,
    Maintainer,
    Contributor,
    Viewer,
}

impl ProjectRole {
    pub const ALL: [Self; 4] = [Self::Owner, Self::Maintainer, Self::Contributor, Self::Viewer];

    /// The name in the API and in Cedar, `Role::"<name>"`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Owner => "project-owner",
            Self::Maintainer => "project-maintainer",
            Self::Contributor => "project-contributor",
            Self::Viewer => "project-viewer",
        }
    }

    /// The same id in every installation and for every organization.
    #[must_use]
    pub fn id(self) -> RoleId {
        let last = match self {
            Self::Owner => 1,
            Self::Maintainer => 2,
            Self::Contributor => 3,
            Self::Viewer => 4,
        };
        RoleId::from(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0100 + last))
    }

    #[must_use]
    pub fn from_id(id: RoleId) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.id() == id)
    }

    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::Owner => "The whole project and everything in it",
            Self::Maintainer => "The project, its people and everything in it; not deleting it",
            Self::Contributor => "Reads and writes what is in the project",
            Self::Viewer => "Reads the project and what is in it",
        }
    }

    /// Wildcards unexpanded.
    #[must_use]
    pub const fn permissions(self) -> &'static [&'static str] {
        match self {
            Self::Owner => &["project:*", "document:*", "ticket:*", "task:*"],
            Self::Maintainer => &[
                "project:read",
                "project:write",
                "project:git:write",
                "project:members:read",
                "project:members:add",
                "project:members:remove",
                "document:*",
                "ticket:*",
                "task:*",
            ],
            Self::Contributor => &[
                "project:read",
                "project:git:write",
                "document:read",
                "document:write",
                "ticket:read",
                "ticket:write",
                "task:read",
                "task:write",
            ],
            Self::Viewer => &["project:read", "document:read", "ticket:read", "task:read"],
        }
    }
}

/// Who holds a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantHolder {
    User(UserId),
    Agent(AgentId),
}

impl GrantHolder {
    /// Ids of people and agents never clash, so one column holds both.
    #[must_use]
    pub fn id(self) -> Uuid {
        match self {
            Self::User(id) => id.into(),
            Self::Agent(id) => id.into(),
        }
    }
}

/// A role on one registered thing and everything in it.
#[derive(Debug, Clone)]
pub struct Grant {
    pub id: GrantId,
    pub organization: OrganizationId,
    pub holder: GrantHolder,
    pub role: HeldRole,
    pub on: ResourceRef,
    pub granted_by: Option<UserId>,
    pub created_at: Micros,
    /// It gives nothing from then on.
    pub expires_at: Option<Micros>,
}

/// How many grants one person or agent holds at most in an organization: each decision about them looks at all.
pub const MAX_GRANTS: i64 = 500;

/// Which grants to list.
#[derive(Debug, Clone, Default)]
pub struct GrantFilter {
    pub holder: Option<GrantHolder>,
    pub on: Option<ResourceRef>,
}
