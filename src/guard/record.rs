//! Each decision is told to a recorder: the log, or whoever wants to watch.

use std::fmt;

use uuid::Uuid;

use crate::domain::Micros;
use crate::pdp::{Decision, EntityRef};

/// Names one decision in logs and events.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct DecisionId(Uuid);

impl From<Uuid> for DecisionId {
    fn from(id: Uuid) -> Self {
        Self(id)
    }
}

impl From<DecisionId> for Uuid {
    fn from(id: DecisionId) -> Self {
        id.0
    }
}

impl fmt::Display for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One decision as it was made.
#[derive(Debug)]
pub struct Record<'a> {
    pub id: DecisionId,
    pub at: Micros,
    pub request_id: &'a str,
    pub principal: &'a EntityRef,
    pub action: &'a str,
    pub resource: &'a EntityRef,
    pub decision: &'a Decision,
}

/// Told of every decision, on the request's path: must not block.
pub trait Recorder: Send + Sync + fmt::Debug {
    fn record(&self, record: &Record<'_>);
}

/// Writes decisions to the log under the target `decision`: denials at `info`, the rest at `debug`.
#[derive(Debug, Clone, Copy, Default)]
pub struct DecisionLog;

impl Recorder for DecisionLog {
    fn record(&self, record: &Record<'_>) {
        let Record { id, request_id, principal, action, resource, decision, .. } = record;
        let policies: Vec<&str> = decision.determining.iter().map(|policy| policy.id.as_str()).collect();
        if decision.allowed {
            tracing::debug!(target: "decision", %id, request_id, %principal, action, %resource, allowed = true, ?policies);
        } else {
            tracing::info!(target: "decision", %id, request_id, %principal, action, %resource, allowed = false, ?policies, errors = ?decision.errors);
        }
    }
}
