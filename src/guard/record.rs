//! Each decision is told to a recorder: the log, or whoever wants to watch.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use uuid::Uuid;

use crate::domain::{Micros, OrganizationId};
use crate::pdp::{Decision, EntityRef, Question, Value};

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
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    pub id: DecisionId,
    pub at: Micros,
    pub request_id: &'a str,
    /// Whose product asked; none if it is a question of our own.
    pub asked_in: Option<OrganizationId>,
    pub question: &'a Question,
    pub decision: &'a Arc<Decision>,
}

/// [`Record`], kept for later.
#[derive(Debug, Clone)]
pub struct Recorded {
    pub id: DecisionId,
    pub at: Micros,
    pub request_id: String,
    pub asked_in: Option<OrganizationId>,
    pub question: Question,
    pub decision: Arc<Decision>,
}

/// What administers nothing, by the first word of its name or the whole: what only reads, and how people come in. A
/// word that is missing here is taken for administration, so that the log rather holds too much.
const NO_ADMINISTRATION: [&str; 19] = [
    "Get",
    "List",
    "Search",
    "Find",
    "Check",
    "Evaluate",
    "Evaluations",
    "Explain",
    "Export",
    "Verify",
    "Introspect",
    "Discover",
    "Forward",
    "Login",
    "Register",
    "RefreshSession",
    "ResendVerification",
    "ForgotPassword",
    "ResetPassword",
];

impl Record<'_> {
    /// Whether this let somebody change something of an organization's or of the platform's.
    #[must_use]
    pub fn is_administrative(&self) -> bool {
        let Question { principal, action, resource, .. } = self.question;
        let operation = action.chars().next().is_some_and(|first| first.is_ascii_uppercase());
        let harmless = NO_ADMINISTRATION.iter().any(|word| {
            let rest = action.strip_prefix(word);
            rest.is_some_and(|rest| rest.chars().next().is_none_or(|next| next.is_ascii_uppercase()))
        });
        let somebody = principal.kind != "Anonymous" && !self.is_own_work();
        // What people do with their own account is no administration; with a key, its owner is asked too.
        let own = resource.kind == "User" && (resource == principal || principal.kind == "Credential");
        operation && !harmless && somebody && !own
    }

    /// Whether one of the platform's own workers asked.
    #[must_use]
    pub fn is_own_work(&self) -> bool {
        let principal = &self.question.principal;
        principal.kind == "System" && principal.id != "cli"
    }

    #[must_use]
    pub fn to_recorded(&self) -> Recorded {
        Recorded {
            id: self.id,
            at: self.at,
            request_id: self.request_id.to_owned(),
            asked_in: self.asked_in,
            question: self.question.clone(),
            decision: Arc::clone(self.decision),
        }
    }
}

impl Recorded {
    /// The organization whose product asked; else the one that the object is, or lives in, if any.
    #[must_use]
    pub fn organization(&self) -> Option<OrganizationId> {
        if self.asked_in.is_some() {
            return self.asked_in;
        }
        let object = self.question.entities.get(&self.question.resource)?;
        let organization = object.attributes.iter().find(|(name, _)| name == "organization");
        match organization {
            Some((_, Value::Entity(EntityRef { kind, id }))) if kind == "Organization" => {
                id.parse::<Uuid>().ok().map(OrganizationId::from)
            }
            _ => None,
        }
    }
}

/// When a request may go on: there is room for its record.
pub type Turn = BoxFuture<'static, ()>;

/// Told of every decision, on the request's path: must not block.
pub trait Recorder: Send + Sync + fmt::Debug {
    /// A turn is waited for before the decision is acted on; for what must not get lost when too much waits already.
    fn record(&self, record: &Record<'_>) -> Option<Turn>;
}

/// Writes decisions to the log under the target `decision`: whom Palisade refused at `info`; whom it let pass, and what it
/// told products that asked, at `debug`.
#[derive(Debug, Clone, Copy, Default)]
pub struct DecisionLog;

impl Recorder for DecisionLog {
    fn record(&self, record: &Record<'_>) -> Option<Turn> {
        let Record { id, request_id, asked_in, question, decision, .. } = record;
        let Question { principal, action, resource, .. } = question;
        let action = action.as_ref();
        let policies: Vec<&str> = decision.determining.iter().map(|policy| policy.id.as_str()).collect();
        let (allowed, errors) = (decision.allowed, &decision.errors);
        if allowed || asked_in.is_some() {
            tracing::debug!(target: "decision", %id, request_id, %principal, action, %resource, allowed, ?policies, ?errors);
        } else {
            tracing::info!(target: "decision", %id, request_id, %principal, action, %resource, allowed, ?policies, ?errors);
        }
        None
    }
}
