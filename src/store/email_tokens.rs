//! Single-use tokens that were sent by mail.

use std::time::Duration;

use uuid::Uuid;

use super::sql::{Row, Sql as _, args};
use super::{Error, Tx};
use crate::domain::{Email, Micros, TokenHash, UserId};
use crate::guard::actions::{
    ChangeEmail, ConfirmEmailChange, FinishSignIn, ForgotPassword, LinkIdentity, Register,
    ResendVerification, ResetPassword, VerifyEmail,
};
use crate::guard::{Action, Authorized};

/// What a token is good for; it is good for nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    VerifyEmail,
    ResetPassword,
    ChangeEmail,
}

impl Purpose {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify-email",
            Self::ResetPassword => "reset-password",
            Self::ChangeEmail => "change-email",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        [Self::VerifyEmail, Self::ResetPassword, Self::ChangeEmail].into_iter().find(|it| it.as_str() == text)
    }
}

/// What a fresh token is bound to.
#[derive(Debug, Clone, Copy)]
pub struct Bound<'b> {
    pub purpose: Purpose,
    pub user: UserId,
    /// Where the token is sent.
    pub email: &'b Email,
    /// The stored password hash of now: once it changes, the token is worthless. `None` if that does not matter.
    pub password_hash: Option<&'b str>,
}

/// The actions that send a token by mail.
pub trait SendsTokens: Action {}
impl SendsTokens for Register {}
impl SendsTokens for ResendVerification {}
impl SendsTokens for ForgotPassword {}
impl SendsTokens for ChangeEmail {}

/// The actions that prove an address, be it by a letter or by a provider's word.
pub trait ProvesAddress: Action {}
impl<A: SpendsTokens> ProvesAddress for A {}
impl ProvesAddress for LinkIdentity {}
impl ProvesAddress for FinishSignIn {}

/// The actions that take such a token; whoever has it has the address, so each proves one.
pub trait SpendsTokens: Action {
    const PURPOSE: Purpose;
}
impl SpendsTokens for VerifyEmail {
    const PURPOSE: Purpose = Purpose::VerifyEmail;
}
impl SpendsTokens for ResetPassword {
    const PURPOSE: Purpose = Purpose::ResetPassword;
}
impl SpendsTokens for ConfirmEmailChange {
    const PURPOSE: Purpose = Purpose::ChangeEmail;
}

/// Whom a live token was sent to.
#[derive(Debug)]
pub(super) struct Spent {
    pub user: UserId,
    pub email: Email,
    /// SHA-256 of the password hash that must still stand, if any.
    pub bound_to: Option<Vec<u8>>,
}

pub(super) fn spent(row: &Row) -> Result<Spent, Error> {
    Ok(Spent {
        user: row.get("user_id")?,
        email: super::users::email(row, "email")?,
        bound_to: row.get("bound_to")?,
    })
}

impl Spent {
    /// Whether the password is the one that stood when the token was sent.
    pub(super) fn still_bound(&self, password_hash: Option<&str>) -> bool {
        let standing = TokenHash::of(password_hash.unwrap_or_default());
        self.bound_to.as_deref().is_none_or(|bound| bound == standing.as_bytes())
    }
}

impl Tx {
    /// Keeps a fresh token and makes the person's older ones of its purpose worthless.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn insert_email_token<A: SendsTokens>(
        &mut self,
        _ok: &Authorized<'_, A>,
        bound: Bound<'_>,
        token: TokenHash,
        lifetime: Duration,
        now: Micros,
    ) -> Result<(), Error> {
        let user = Uuid::from(bound.user);
        let purpose = bound.purpose.as_str();
        self.run(
            "UPDATE email_tokens SET used_at = $3 WHERE user_id = $1 AND purpose = $2 AND used_at IS NULL",
            args![user, purpose, now],
        )
        .await?;
        self.run(
            "INSERT INTO email_tokens (token_hash, purpose, user_id, email, created_at, expires_at, used_at, bound_to) \
             VALUES ($1, $2, $3, $4, $5, $6, NULL, $7)",
            args![
                token,
                purpose,
                user,
                bound.email.as_str(),
                now,
                now + lifetime,
                bound.password_hash.map(|hash| TokenHash::of(hash).as_bytes().to_vec()),
            ],
        )
        .await?;
        Ok(())
    }

    /// How many tokens of a purpose were sent to a person since `since`.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn count_email_tokens<A: SendsTokens>(
        &mut self,
        _ok: &Authorized<'_, A>,
        (purpose, user): (Purpose, UserId),
        since: Micros,
    ) -> Result<i64, Error> {
        let row = self
            .one(
                "SELECT COUNT(*) AS total FROM email_tokens \
                 WHERE user_id = $1 AND purpose = $2 AND created_at > $3",
                args![Uuid::from(user), purpose.as_str(), since],
            )
            .await?;
        row.get("total")
    }

    /// Spends a token, in one statement: of any number of parallel calls one gets it.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such token of this purpose, or it was used or is over.
    pub(super) async fn spend_email_token<A: SpendsTokens>(
        &mut self,
        _ok: &Authorized<'_, A>,
        token: TokenHash,
        now: Micros,
    ) -> Result<Spent, Error> {
        let row = self
            .one(
                "UPDATE email_tokens SET used_at = $3 \
                 WHERE token_hash = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > $3 \
                 RETURNING user_id, email, bound_to",
                args![token, A::PURPOSE.as_str(), now],
            )
            .await?;
        spent(&row)
    }

    /// Makes the tokens worthless that could change how a person signs in. One that only proves an address stays.
    pub(super) async fn void_email_tokens(&mut self, user: UserId, now: Micros) -> Result<(), Error> {
        self.run(
            "UPDATE email_tokens SET used_at = $2 WHERE user_id = $1 AND purpose <> $3 AND used_at IS NULL",
            args![Uuid::from(user), now, Purpose::VerifyEmail.as_str()],
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
        ok: &Authorized<'_, VerifyEmail>,
        token: TokenHash,
        now: Micros,
    ) -> Result<UserId, Error> {
        let Spent { user, email, .. } = self.spend_email_token(ok, token, now).await?;
        let proved = self
            .run(
                "UPDATE users SET email_verified_at = COALESCE(email_verified_at, $3), updated_at = $3 \
                 WHERE id = $1 AND email = $2",
                args![Uuid::from(user), email.as_str(), now],
            )
            .await?;
        if proved == 1 { Ok(user) } else { Err(Error::NotFound) }
    }
}
