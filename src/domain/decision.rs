//! A decision as the log keeps it.

use serde_json::Value;
use uuid::Uuid;

use super::{Micros, OrganizationId};

/// One decision, complete enough to be made again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedDecision {
    pub id: Uuid,
    pub at: Micros,
    /// The organization whose product asked, else the one that the object is, or lives in.
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
    /// What went wrong while evaluating, one sentence each; one word where it was refused beside the policies.
    pub errors: Vec<String>,
    /// Of the policies it was made by.
    pub policy_version: String,
    pub request_id: String,
    /// A JSON object.
    pub context: Value,
    /// All that the policies could look at, in Cedar's JSON; null where it was not asked for.
    pub entities: Value,
}

impl LoggedDecision {
    /// Whether no policy was asked: what was wrong is told by one word.
    #[must_use]
    pub fn is_beside_policies(&self) -> bool {
        let word = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
        !self.allowed && self.policies.is_empty() && matches!(&*self.errors, [one] if word(one))
    }
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
