//! What can go wrong with a row.

/// A write met a row that is already there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conflict {
    EmailTaken,
    SlugTaken,
    AlreadyMember,
    IdentityTaken,
    RoleNameTaken,
    AlreadyGranted,
    DomainTaken,
    /// There is no room for another.
    TooMany,
    Other,
}

/// Why the store could not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such row, or not where it was looked for. The client sees 404.
    #[error("no such row")]
    NotFound,
    /// The row is not the one the decision was about any more. The client sees 409 and may try again.
    #[error("the row changed meanwhile")]
    Changed,
    /// A unique index refused the write. The client sees 409 with a code of its own.
    #[error("conflict: {0:?}")]
    Conflict(Conflict),
    /// A stored value cannot be read. The client sees 500.
    #[error("column `{column}` cannot be read")]
    Corrupt { column: &'static str, source: Box<dyn std::error::Error + Send + Sync> },
    /// No connection in time, or the database is gone. The client sees 503 and may try again.
    #[error("the database does not answer")]
    Unavailable(#[source] sqlx::Error),
    /// Anything else the database says. The client sees 500.
    #[error("the database refused a statement")]
    Database(#[source] sqlx::Error),
}

/// The names of unique indexes, and how SQLite tells of each: by table and columns.
const UNIQUE: [(&str, &str, Conflict); 7] = [
    ("users_email_key", "users.email", Conflict::EmailTaken),
    ("organizations_slug_key", "organizations.slug", Conflict::SlugTaken),
    ("memberships_user_key", "memberships.user_id, memberships.organization_id", Conflict::AlreadyMember),
    (
        "identities_subject_key",
        "identities.provider, identities.issuer, identities.subject",
        Conflict::IdentityTaken,
    ),
    ("roles_name_key", "roles.organization_id, roles.name_key", Conflict::RoleNameTaken),
    ("grants_key", "grants.resource_id, grants.role_id", Conflict::AlreadyGranted),
    ("organization_domains_confirmed_key", "organization_domains.domain", Conflict::DomainTaken),
];

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::Io(_)
            | sqlx::Error::WorkerCrashed => Self::Unavailable(error),
            sqlx::Error::Database(refusal) if refusal.is_unique_violation() => {
                let told = refusal.constraint().unwrap_or_else(|| refusal.message());
                let known = UNIQUE.iter().find(|(name, columns, _)| told == *name || told.ends_with(columns));
                Self::Conflict(known.map_or(Conflict::Other, |(_, _, conflict)| *conflict))
            }
            _ => Self::Database(error),
        }
    }
}
