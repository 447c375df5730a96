//! The short list of what is read before there is a principal, or to start at all.
//!
//! Nothing else in `store` lacks a permit. `tests/all/guard/unguarded.txt` names each function here and may only shrink.

use uuid::Uuid;

use super::sql::{Sql as _, args};
use super::{Error, Store, users};
use crate::domain::{InvitationId, Micros, OrganizationId, SessionId, TokenHash, UserId};
use crate::guard::UserPrincipal;

impl Store {
    /// Who stands behind a live session. Without a permit, because the answer *is* the principal.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn session_principal_unguarded(
        &self,
        session: SessionId,
        now: Micros,
    ) -> Result<Option<UserPrincipal>, Error> {
        let mut db = self;
        let row = db
            .optional(
                "SELECT users.id, users.email, users.email_verified_at, users.suspended_at, users.super_admin, \
                 users.waitlist_status, users.deletion_due_at, sessions.created_at FROM sessions JOIN users ON users.id = sessions.user_id \
                 WHERE sessions.id = $1 AND sessions.revoked_at IS NULL AND sessions.expires_at > $2",
                args![Uuid::from(session), now],
            )
            .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(UserPrincipal {
            id: row.get::<UserId>("id")?,
            email: users::email(&row, "email")?,
            email_verified: row.get::<Option<Micros>>("email_verified_at")?.is_some(),
            waitlisted: row.get::<String>("waitlist_status")? == "pending",
            rejected: row.get::<String>("waitlist_status")? == "rejected",
            suspended: row.get::<Option<Micros>>("suspended_at")?.is_some(),
            deleting: row.get::<Option<Micros>>("deletion_due_at")?.is_some(),
            super_admin: row.get("super_admin")?,
            session,
            signed_in_at: row.get("created_at")?,
        }))
    }

    /// Which invitation a token stands for. Without a permit, because the permit to accept it names it.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn invitation_of_token_unguarded(
        &self,
        token: TokenHash,
    ) -> Result<Option<(OrganizationId, InvitationId)>, Error> {
        let mut db = self;
        let row = db
            .optional("SELECT id, organization_id FROM invitations WHERE token_hash = $1", args![token])
            .await?;
        row.map(|row| Ok((row.get("organization_id")?, row.get("id")?))).transpose()
    }
}
