//! Everything that is kept about a person, for the person.

use serde_json::Value;

use super::{Micros, OwnOrganization, Session, User};

/// A copy of one's data (GDPR article 15 and 20).
#[derive(Debug)]
pub struct AccountExport {
    pub exported_at: Micros,
    pub user: User,
    pub organizations: Vec<OwnOrganization>,
    /// All that are kept, those that are over too.
    pub sessions: Vec<Session>,
    pub devices: Vec<KnownDevice>,
    /// What the person did, newest first, up to a bound.
    pub events: Vec<OwnEvent>,
}

/// From where an account was signed in to.
#[derive(Debug)]
pub struct KnownDevice {
    pub device: String,
    pub network: String,
    pub first_seen_at: Micros,
    pub last_seen_at: Micros,
}

/// Something the person did.
#[derive(Debug)]
pub struct OwnEvent {
    pub action: String,
    /// The Cedar text of the object, such as `User::"…"`.
    pub resource: String,
    pub ip: Option<String>,
    pub details: Value,
    pub at: Micros,
}
