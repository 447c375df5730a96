//! What the floors below refuse, in the words of this one.

use std::time::Duration;

use super::{Denied, Error};
use crate::crypto::HashingError;
use crate::domain::Invalid;
use crate::guard;
use crate::store;

const SOON: Duration = Duration::from_secs(1);

impl From<guard::Denied> for Error {
    fn from(denied: guard::Denied) -> Self {
        match denied {
            guard::Denied::Unauthenticated => Self::Unauthenticated { code: "not-signed-in" },
            guard::Denied::NotFound => Self::NotFound,
            // The one field that a role is named in. That there is none and that it is another's look the same.
            guard::Denied::Forbidden { codes, .. } if codes == ["foreign-role"] => {
                Self::Invalid(vec![unknown_role().at("role_id")])
            }
            guard::Denied::Forbidden { codes, decision } => {
                Self::Denied(Denied { codes, decision: Some(decision.into()) })
            }
            guard::Denied::Undecided(source) => Self::Bug { context: "no decision could be made", source },
            guard::Denied::Facts(source) => {
                tracing::warn!(error = ?source, "facts could not be read");
                Self::Unavailable { retry_after: SOON }
            }
        }
    }
}

/// A name that another role of the organization has, in whatever case.
pub(super) fn role_name_taken() -> Error {
    let detail = "another role of the organization already has this name".to_owned();
    Error::Conflict { code: "role-name-taken", detail }
}

/// A role that is not one of the organization's.
pub(super) fn unknown_role() -> Invalid {
    Invalid::new("unknown-role", "there is no such role; see `list_roles`")
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        let conflict = |code, detail: &str| Self::Conflict { code, detail: detail.to_owned() };
        match error {
            store::Error::NotFound => Self::NotFound,
            store::Error::Changed => conflict(
                "changed-meanwhile",
                "somebody else changed this at the same moment; read it again and retry",
            ),
            store::Error::Conflict(store::Conflict::EmailTaken) => {
                conflict("email-taken", "this address already has an account")
            }
            store::Error::Conflict(store::Conflict::SlugTaken) => {
                conflict("slug-taken", "another organization already has this slug")
            }
            store::Error::Conflict(store::Conflict::RoleNameTaken) => role_name_taken(),
            store::Error::Conflict(store::Conflict::AlreadyGranted) => {
                conflict("already-granted", "they have this role on this thing already; take it away first")
            }
            store::Error::Conflict(store::Conflict::AlreadyMember) => {
                conflict("already-a-member", "this person already belongs to the organization")
            }
            store::Error::Conflict(store::Conflict::IdentityTaken) => {
                conflict("identity-taken", "this account of the provider belongs to another account here")
            }
            store::Error::Conflict(store::Conflict::DomainTaken) => {
                conflict("domain-taken", "another organization has this domain")
            }
            store::Error::Conflict(store::Conflict::TooMany) => {
                conflict("too-many", "there is no room for another: take one away first")
            }
            store::Error::Unavailable(source) => {
                tracing::warn!(error = ?source, "the database does not answer");
                Self::Unavailable { retry_after: SOON }
            }
            error @ (store::Error::Conflict(store::Conflict::Other)
            | store::Error::Corrupt { .. }
            | store::Error::Database(_)) => {
                Self::Bug { context: "the store failed", source: Box::new(error) }
            }
        }
    }
}

impl From<HashingError> for Error {
    fn from(error: HashingError) -> Self {
        match error {
            HashingError::Busy { retry_after } => Self::TooMany { code: "too-many-passwords", retry_after },
            error => Self::Bug { context: "a password could not be hashed", source: Box::new(error) },
        }
    }
}
