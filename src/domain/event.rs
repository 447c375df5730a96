//! What happened, as it is told to those who may know.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Micros, OrganizationId};

/// One entry of the audit trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// 1, 2, 3, …
    pub seq: i64,
    pub at: Micros,
    /// The Cedar action.
    pub action: String,
    /// Who, as Cedar writes it: `User::"…"`.
    pub principal: String,
    /// To what.
    pub resource: String,
    pub organization: Option<OrganizationId>,
    /// Why it failed, a stable word; none if it was done.
    pub failure: Option<String>,
    /// The decision that allowed it.
    pub decision: Uuid,
    pub request_id: String,
    pub ip: Option<String>,
    pub user_agent: Option<String>,
    pub details: Map<String, Value>,
}

/// Which events to list; `None` does not restrict.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    pub action: Option<String>,
    pub principal: Option<String>,
    /// At or after.
    pub since: Option<Micros>,
    /// Before.
    pub until: Option<Micros>,
    /// Failed ones only, or those that were done only.
    pub failed: Option<bool>,
    /// Only events before this one: the last of the page before.
    pub before: Option<i64>,
    pub limit: i64,
}
