//! API keys: long-lived secrets of people, agents and organizations.

use super::{AgentId, ApiKeyId, Line, Micros, OrganizationId, UserId};

pub type KeyName = Line<255>;

/// What becomes of a person's own keys when something that proves them changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnKeys {
    Ended,
    Kept,
}

/// Whom a key acts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyOwner {
    User(UserId),
    /// The organization's own service.
    Organization(OrganizationId),
    Agent(OrganizationId, AgentId),
}

/// What making a key takes.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    pub name: KeyName,
    /// Permissions, wildcards unexpanded. A key without any may do nothing.
    pub scopes: Vec<String>,
    /// `None`: until it is revoked.
    pub expires_in_days: Option<u16>,
}

impl NewApiKey {
    /// A year.
    pub const MAX_DAYS: u16 = 365;
    pub const MAX_SCOPES: usize = 64;
}

/// A key as it may be shown: never the secret.
#[derive(Debug, Clone)]
pub struct ApiKey {
    pub id: ApiKeyId,
    pub owner: KeyOwner,
    pub name: String,
    /// How the key's text begins; it tells keys apart and opens nothing.
    pub prefix: String,
    pub scopes: Vec<String>,
    pub created_at: Micros,
    pub expires_at: Option<Micros>,
    pub last_used_at: Option<Micros>,
    pub revoked_at: Option<Micros>,
}

impl ApiKey {
    /// Whether it opens anything at the instant `now`.
    #[must_use]
    pub fn is_active(&self, now: Micros) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}
