//! Everything that is kept about a person, for the person.

use super::{ApiKey, Event, Identity, Micros, OwnOrganization, Session, User};

/// A copy of one's data (GDPR article 15 and 20).
#[derive(Debug)]
pub struct AccountExport {
    pub exported_at: Micros,
    pub user: User,
    pub organizations: Vec<OwnOrganization>,
    /// All that are kept, those that are over too.
    pub sessions: Vec<Session>,
    pub devices: Vec<KnownDevice>,
    /// The person's own, never a secret.
    pub api_keys: Vec<ApiKey>,
    /// The person's accounts at providers.
    pub identities: Vec<Identity>,
    /// What the person did and what was done to the account, newest first, up to a bound.
    pub events: Vec<Event>,
}

/// From where an account was signed in to.
#[derive(Debug)]
pub struct KnownDevice {
    pub device: String,
    pub network: String,
    pub first_seen_at: Micros,
    pub last_seen_at: Micros,
}
