//! What can go wrong in a use case, told by what the caller can do about it.

use std::time::Duration;

use uuid::Uuid;

use crate::domain::FieldError;

/// Why a use case did not do its work. `api::problem` is the only place that turns it into HTTP.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// When the input breaks a rule that only the use case knows.
    /// The client sees 422 with each field, its code and its sentence.
    #[error("the input is not valid")]
    Invalid(Vec<FieldError>),

    /// When there is no credential, or it is wrong, expired, used or revoked.
    /// The client sees 401 with `code` and a `WWW-Authenticate` challenge (RFC 6750 section 3).
    #[error("not authenticated: {code}")]
    Unauthenticated { code: &'static str },

    /// When the policies say no and the caller may know that the object exists.
    /// The client sees 403 with the first code of the forbids, or `not-permitted`.
    #[error("denied: {}", .0.code())]
    Denied(Denied),

    /// When a plugin turned a registration away.
    /// The client sees 403 with the plugin's code as `plugin:<plugin>/<code>` and its sentence; 422 if it names a field.
    #[error("refused: {code}")]
    Refused { code: String, detail: String, field: Option<String> },

    /// When the object is missing, foreign, or hidden from the caller: these look the same.
    /// The client sees 404 with nothing that tells which.
    #[error("not found")]
    NotFound,

    /// When the request was right but the state is not, such as a name already taken.
    /// The client sees 409 with `code` and `detail`, which must hold nothing secret.
    #[error("conflict: {code}")]
    Conflict { code: &'static str, detail: String },

    /// When the caller asks too often.
    /// The client sees 429 with `code` and `Retry-After` in whole seconds, at least 1.
    #[error("too many requests: {code}")]
    TooMany { code: &'static str, retry_after: Duration },

    /// When something we need is overloaded or away, and asking again later may help.
    /// The client sees 503 with `Retry-After` in whole seconds, at least 1.
    #[error("unavailable")]
    Unavailable { retry_after: Duration },

    /// When we are wrong: a broken row, a failed statement, an impossible state.
    /// The client sees 500 with a fixed sentence; `context` and the chain of `source` go to the log only.
    #[error("{context}")]
    Bug { context: &'static str, source: Box<dyn std::error::Error + Send + Sync> },
}

impl Error {
    /// Whether the same request may succeed later without a change. No wildcard arm: a new kind must choose.
    #[must_use]
    pub const fn retryable(&self) -> bool {
        match self {
            Self::TooMany { .. } | Self::Unavailable { .. } => true,
            Self::Invalid(_)
            | Self::Unauthenticated { .. }
            | Self::Denied(_)
            | Self::Refused { .. }
            | Self::NotFound
            | Self::Conflict { .. }
            | Self::Bug { .. } => false,
        }
    }
}

/// A refusal the caller may see.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Denied {
    /// The `@code`s of the forbids that decided, in the order of their policies; empty when no permit matched.
    pub codes: Vec<String>,
    /// By which an administrator finds it in the log.
    pub decision: Option<Uuid>,
}

impl Denied {
    /// The first code, or `not-permitted`.
    #[must_use]
    pub fn code(&self) -> &str {
        self.codes.first().map_or("not-permitted", String::as_str)
    }
}
