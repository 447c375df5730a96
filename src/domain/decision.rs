//! A decision as the log keeps it.

use serde_json::Value;
use uuid::Uuid;

use super::{Micros, OrganizationId};

/// One decision, complete enough to be made again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedDecision {
    pub id: Uuid,
    pub at: Micros,
    /// The organization that the object is, or lives in.
    pub organization: Option<OrganizationId>,
    /// Who, as Cedar writes it: `User::"…"`. A request made with a key has a decision of its own for the key.
    pub principal: String,
    /// The Cedar action.
    pub action: String,
    /// To what.
    pub resource: String,
    pub allowed: bool,
    /// The ids of the policies that brought it about, sorted.
    pub policies: Vec<String>,
    pub errors: Vec<String>,
    /// Of the policies it was made by.
    pub policy_version: String,
    pub request_id: String,
    /// A JSON object.
    pub context: Value,
    /// All that the policies could look at, in Cedar's JSON; null where it was not asked for.
    pub entities: Value,
}

/// Which decisions to list; `None` does not restrict.
#[derive(Debug, Clone, Default)]
pub struct DecisionFilter {
    pub principal: Option<String>,
    pub action: Option<String>,
    pub resource: Option<String>,
    /// One of those that brought it about.
    pub policy: Option<String>,
    pub allowed: Option<bool>,
    /// At or after.
    pub since: Option<Micros>,
    /// Before.
    pub until: Option<Micros>,
    /// Only decisions before this one: the last of the page before.
    pub before: Option<Uuid>,
    pub limit: i64,
}
