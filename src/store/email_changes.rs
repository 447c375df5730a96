//! An account's move to another address.

use uuid::Uuid;

use super::email_tokens::Spent;
use super::sql::{Sql as _, args};
use super::users::{select_users, user};
use super::{Error, Tx};
use crate::domain::{Email, Micros, OwnKeys, TokenHash, User};
use crate::guard::Authorized;
use crate::guard::actions::ConfirmEmailChange;

/// An account that has moved.
#[derive(Debug)]
pub struct Moved {
    /// As it is now.
    pub user: User,
    pub old_email: Email,
    /// API keys of the person's own that ended with it.
    pub keys_ended: u64,
}

impl Tx {
    /// Spends a token and moves the account to the address it was sent to, which counts as proved. Every session but
    /// the caller's ends, every other token that was sent is worthless, and the person's keys end unless kept.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such token, or it was used, is over, is another person's or older than the
    /// password; [`Conflict::EmailTaken`](super::Conflict::EmailTaken).
    pub async fn confirm_email_change(
        &mut self,
        ok: &Authorized<'_, ConfirmEmailChange>,
        token: TokenHash,
        keys: OwnKeys,
        now: Micros,
    ) -> Result<Moved, Error> {
        let ConfirmEmailChange { user: id, session } = *ok.action();
        let sent: Spent = self.spend_email_token(ok, token, now).await?;
        if sent.user != id {
            return Err(Error::NotFound);
        }
        let row = self.one(select_users!("WHERE id = $1"), args![Uuid::from(id)]).await?;
        if !sent.still_bound(row.get::<Option<String>>("password_hash")?.as_deref()) {
            return Err(Error::NotFound);
        }
        let before = user(&row)?;
        let moved = self
            .run(
                "UPDATE users SET email = $2, email_verified_at = $3, updated_at = $3 WHERE id = $1 AND email = $4",
                args![Uuid::from(id), sent.email.as_str(), now, before.email.as_str()],
            )
            .await?;
        if moved != 1 {
            return Err(Error::NotFound);
        }
        self.void_email_tokens(id, now).await?;
        self.end_sessions(id, session, now).await?;
        let keys_ended = self.end_keys_of(id, keys, now).await?;
        let after =
            User { email: sent.email, email_verified_at: Some(now), updated_at: now, ..before.clone() };
        Ok(Moved { user: after, old_email: before.email, keys_ended })
    }
}
