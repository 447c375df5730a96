//! Passwords: proving the current one, and setting another.

use uuid::Uuid;

use super::email_tokens::spent;
use super::known_networks::ChecksPassword;
use super::sql::{Sql as _, args};
use super::users::{Account, account, select_users};
use super::{Error, Purpose, Store, Tx};
use crate::domain::{Micros, OwnKeys, TokenHash, UserId};
use crate::guard::Authorized;
use crate::guard::actions::{ChangeEmail, ChangePassword, DeleteMe, ResetPassword};

/// The actions that ask for the current password.
pub trait ProvesPassword: ChecksPassword {
    fn user(&self) -> UserId;
}
impl ProvesPassword for ChangePassword {
    fn user(&self) -> UserId {
        self.user
    }
}
impl ProvesPassword for ChangeEmail {
    fn user(&self) -> UserId {
        self.user
    }
}
impl ProvesPassword for DeleteMe {
    fn user(&self) -> UserId {
        self.user
    }
}

impl Store {
    /// The account whose password is to be proved.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn get_proving_account<A: ProvesPassword>(
        &self,
        ok: &Authorized<'_, A>,
    ) -> Result<Account, Error> {
        let mut db = self;
        account(&db.one(select_users!("WHERE id = $1"), args![Uuid::from(ok.action().user())]).await?)
    }

    /// Whose password a token may reset: it is neither used nor over, the account still has the address it was sent to
    /// and the password of then. The token is not spent by this.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn find_resettable(
        &self,
        _ok: &Authorized<'_, ResetPassword>,
        token: TokenHash,
        now: Micros,
    ) -> Result<Option<Account>, Error> {
        let mut db = self;
        let row = db
            .optional(
                "SELECT user_id, email, bound_to FROM email_tokens \
                 WHERE token_hash = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > $3",
                args![token, Purpose::ResetPassword.as_str(), now],
            )
            .await?;
        let Some(row) = row else { return Ok(None) };
        let sent = spent(&row)?;
        let row = db
            .optional(
                select_users!("WHERE id = $1 AND email = $2"),
                args![Uuid::from(sent.user), sent.email.as_str()],
            )
            .await?;
        let found = row.as_ref().map(account).transpose()?;
        Ok(found.filter(|account| sent.still_bound(account.password_hash.as_deref())))
    }
}

impl Tx {
    /// Spends a reset token and sets the password of `account`, as [`Store::find_resettable`] found it. Who got the
    /// letter has proved the address with it. Every session ends, every other token that was sent is worthless, and the
    /// person's own API keys end: how many.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the token or the account is not as it was found any more.
    pub async fn reset_password(
        &mut self,
        ok: &Authorized<'_, ResetPassword>,
        token: TokenHash,
        account: &Account,
        password_hash: &str,
        now: Micros,
    ) -> Result<u64, Error> {
        let sent = self.spend_email_token(ok, token, now).await?;
        let user = account.user.id;
        if sent.user != user || !sent.still_bound(account.password_hash.as_deref()) {
            return Err(Error::NotFound);
        }
        self.set_password(account, password_hash, now).await?;
        self.run(
            "UPDATE users SET email_verified_at = COALESCE(email_verified_at, $2) WHERE id = $1",
            args![Uuid::from(user), now],
        )
        .await?;
        self.void_email_tokens(user, now).await?;
        self.end_sessions(user, None, now).await?;
        self.end_keys_of(user, OwnKeys::Ended, now).await
    }

    /// Sets the password of `account`, whose current one was proved. Every session but the caller's ends, and every
    /// token that was sent is worthless; so are the person's own API keys unless they are to be kept: how many ended.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the password is not the proved one any more.
    pub async fn change_password(
        &mut self,
        ok: &Authorized<'_, ChangePassword>,
        account: &Account,
        password_hash: &str,
        keys: OwnKeys,
        now: Micros,
    ) -> Result<u64, Error> {
        let ChangePassword { user, session } = *ok.action();
        self.set_password(account, password_hash, now).await?;
        self.void_email_tokens(user, now).await?;
        self.end_sessions(user, session, now).await?;
        self.end_keys_of(user, keys, now).await
    }

    async fn set_password(&mut self, account: &Account, to: &str, now: Micros) -> Result<(), Error> {
        let changed = self
            .run(
                "UPDATE users SET password_hash = $2, updated_at = $4 \
                 WHERE id = $1 AND email = $5 AND COALESCE(password_hash, '') = $3",
                args![
                    Uuid::from(account.user.id),
                    to,
                    account.password_hash.as_deref().unwrap_or_default(),
                    now,
                    account.user.email.as_str(),
                ],
            )
            .await?;
        if changed == 1 { Ok(()) } else { Err(Error::NotFound) }
    }
}
