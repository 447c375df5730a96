//! Single-use tokens that were sent by mail.

use std::time::Duration;

use uuid::Uuid;

use super::sql::{Sql as _, args};
use super::users::MakesAccounts;
use super::{Error, Tx};
use crate::domain::{Email, Micros, TokenHash, UserId};
use crate::guard::Authorized;
use crate::guard::actions::VerifyEmail;

/// What a token is good for; it is good for nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    VerifyEmail,
}

impl Purpose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify-email",
        }
    }
}

impl Tx {
    /// Keeps a fresh token and makes the person's older ones of its purpose worthless.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn insert_email_token<A: MakesAccounts>(
        &mut self,
        _ok: &Authorized<'_, A>,
        (purpose, user, email): (Purpose, UserId, &Email),
        token: TokenHash,
        lifetime: Duration,
        now: Micros,
    ) -> Result<(), Error> {
        let user = Uuid::from(user);
        self.run(
            "UPDATE email_tokens SET used_at = $3 WHERE user_id = $1 AND purpose = $2 AND used_at IS NULL",
            args![user, purpose.as_str(), now],
        )
        .await?;
        self.run(
            "INSERT INTO email_tokens (token_hash, purpose, user_id, email, created_at, expires_at, used_at) \
             VALUES ($1, $2, $3, $4, $5, $6, NULL)",
            args![token, purpose.as_str(), user, email.as_str(), now, now + lifetime],
        )
        .await?;
        Ok(())
    }

    /// Spends a verification token: the address it was sent to counts as proved if it is still the account's.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such token, or it was used, is over, or its address is not the account's any more.
    pub async fn verify_email(
        &mut self,
        _ok: &Authorized<'_, VerifyEmail>,
        token: TokenHash,
        now: Micros,
    ) -> Result<UserId, Error> {
        let row = self
            .one(
                "UPDATE email_tokens SET used_at = $3 \
                 WHERE token_hash = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > $3 \
                 RETURNING user_id, email",
                args![token, Purpose::VerifyEmail.as_str(), now],
            )
            .await?;
        let user: UserId = row.get("user_id")?;
        let proved = self
            .run(
                "UPDATE users SET email_verified_at = COALESCE(email_verified_at, $3), updated_at = $3 \
                 WHERE id = $1 AND email = $2",
                args![Uuid::from(user), row.get::<String>("email")?, now],
            )
            .await?;
        if proved == 1 { Ok(user) } else { Err(Error::NotFound) }
    }
}
