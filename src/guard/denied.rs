//! The answer no, as much of it as the caller may learn.

use super::{DecisionId, FactsError};

/// Why there is no permit.
#[derive(Debug, thiserror::Error)]
pub enum Denied {
    /// Nobody is signed in and the action is not open to everybody. The client sees 401.
    #[error("not signed in")]
    Unauthenticated,
    /// The object does not exist, or the caller may not know that it does. The client sees 404.
    #[error("not found")]
    NotFound,
    /// What stops the caller is true of the caller alone, whatever the object; or they may see the object but not do
    /// this. The client sees 403 with the codes of the policies that forbade it; none means that no policy permits it; and the id
    /// of the decision.
    #[error("forbidden: {}", codes.join(", "))]
    Forbidden { codes: Vec<String>, decision: DecisionId },
    /// No decision could be made, so none was: fails closed. The client sees 500.
    #[error("no decision could be made")]
    Undecided(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The facts could not be read in time. The client sees 503.
    #[error("the facts could not be read")]
    Facts(#[from] FactsError),
}
