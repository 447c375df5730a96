//! Watches the decisions that the server makes.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::guard::{Record, Recorder, Turn};

/// A decision as plain words.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) principal: String,
    pub(super) action: String,
    pub(super) resource: String,
    pub(super) allowed: bool,
    /// The ids of the policies that brought it about, sorted.
    pub(super) policies: Vec<String>,
}

/// Keeps every decision by the id of the request it was made for.
#[derive(Debug, Default)]
pub(super) struct Witness(Mutex<HashMap<String, Vec<Seen>>>);

impl Witness {
    /// What was decided for a request, oldest first.
    pub(super) fn of(&self, request_id: &str) -> Vec<Seen> {
        self.0.lock().get(request_id).cloned().unwrap_or_default()
    }
}

impl Recorder for Witness {
    fn record(&self, record: &Record<'_>) -> Option<Turn> {
        let seen = Seen {
            principal: record.question.principal.to_string(),
            action: record.question.action.to_string(),
            resource: record.question.resource.to_string(),
            allowed: record.decision.allowed,
            policies: record.decision.determining.iter().map(|policy| policy.id.clone()).collect(),
        };
        self.0.lock().entry(record.request_id.to_owned()).or_default().push(seen);
        None
    }
}
