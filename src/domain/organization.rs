//! Organizations, who belongs to them, and who was asked to.

use super::{Email, HeldRole, InvitationId, Line, MembershipId, Micros, OrganizationId, Slug, UserId};

/// A tenant.
#[derive(Debug, Clone)]
pub struct Organization {
    pub id: OrganizationId,
    pub name: String,
    pub slug: String,
    pub description: Option<String>,
    pub billing_email: Option<Email>,
    /// Who founded it. Rights come from memberships, never from this.
    pub owner: UserId,
    pub max_concurrent_agents: i64,
    pub max_agent_runtime_hours: i64,
    pub archived_at: Option<Micros>,
    pub created_at: Micros,
    pub updated_at: Micros,
}

/// What founding an organization takes.
#[derive(Debug, Clone)]
pub struct NewOrganization {
    pub name: OrganizationName,
    pub slug: Slug,
    pub description: Option<Description>,
    pub billing_email: Option<Email>,
}

/// A change to an organization. `None` leaves a field, `Some(None)` clears it.
#[derive(Debug, Clone, Default)]
pub struct OrganizationPatch {
    pub name: Option<OrganizationName>,
    pub description: Option<Option<Description>>,
    pub billing_email: Option<Option<Email>>,
    /// 1 to 100.
    pub max_concurrent_agents: Option<i64>,
    /// 0 to 8760, a year.
    pub max_agent_runtime_hours: Option<i64>,
}

pub type OrganizationName = Line<255>;
pub type Description = Line<1000>;

/// One of the organizations a person belongs to.
#[derive(Debug, Clone)]
pub struct OwnOrganization {
    pub id: OrganizationId,
    pub name: String,
    pub slug: String,
    pub role: HeldRole,
    pub archived: bool,
}

/// A membership with what a list of people shows of the person.
#[derive(Debug, Clone)]
pub struct Member {
    pub id: MembershipId,
    pub organization: OrganizationId,
    pub user: UserId,
    pub role: HeldRole,
    pub email: Email,
    pub full_name: Option<String>,
    pub avatar_url: Option<String>,
    pub joined_at: Micros,
}

/// An offer of a membership.
#[derive(Debug, Clone)]
pub struct Invitation {
    pub id: InvitationId,
    pub organization: OrganizationId,
    pub email: Email,
    pub role: HeldRole,
    pub invited_by: UserId,
    pub created_at: Micros,
    pub expires_at: Micros,
}

/// A slice of a list ordered by id: at most `limit` rows after the row `after`.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    pub after: Option<uuid::Uuid>,
    pub limit: i64,
}

impl Page {
    pub const MAX: i64 = 500;
}
