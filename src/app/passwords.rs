//! Passwords: proving the current one, changing it, and resetting one that was forgotten.

use serde_json::json;

use super::hooks::with_findings;
use super::sign_in::signed_in;
use super::{App, Error, letter};
use crate::crypto::Verified;
use crate::domain::{Email, Invalid, OwnKeys, Password, Secret};
use crate::guard::actions::{ChangePassword, ResetPassword};
use crate::guard::{Authorized, Released};
use crate::outbound::{Letter, Template};
use crate::plugins::PasswordOccasion;
use crate::store::{self, Account, ProvesPassword};

impl App {
    /// Sets a new password with the token of a letter. Who has the letter has the address: it counts as proved. Every
    /// session ends, and every API key of the person's own: whoever had the account may have made one.
    ///
    /// # Errors
    /// [`Error::Conflict`] `token-invalid` if the token is unknown, used, over or older than the password;
    /// [`Error::Invalid`] on the password, which leaves the token as it was; [`Error::Denied`] if the person may not.
    pub async fn reset_password(
        &self,
        ok: Authorized<'_, ResetPassword>,
        token: &Secret,
        new_password: &Secret,
    ) -> Result<Released<ResetPassword, ()>, Error> {
        let now = self.now();
        let Some(account) = self.store.find_resettable(&ok, token.hash(), now).await? else {
            self.note_failure(&ok, None, "token-invalid").await?;
            return Err(token_invalid());
        };
        // Whether this person may is asked as this person.
        let person = signed_in(&account.user, self.fresh(), now, ok.caller());
        let ok_person = self.guard.authorize(&person, ResetPassword {}).await?;
        let password = choose(new_password, &account.user.email)?;
        let about = (&account.user.email, account.user.full_name.as_deref());
        let findings = self
            .password_passes(
                &ok_person,
                PasswordOccasion::Reset,
                about,
                new_password.expose(),
                "new_password",
            )
            .await?;
        let password_hash = self.hasher.hash(password).await?;

        let mut tx = self.store.begin().await?;
        let keys = match tx.reset_password(&ok_person, token.hash(), &account, &password_hash, now).await {
            Err(store::Error::NotFound) => return Err(token_invalid()),
            ended => ended?,
        };
        self.open_proved_registration(&mut tx, &ok_person, account.user.id).await?;
        self.enqueue(&mut tx, &ok_person, self.password_changed(&account, keys)).await?;
        self.note(&mut tx, &ok_person, with_findings(json!({ "keys_revoked": keys }), &findings)).await?;
        tx.commit().await?;
        self.mail_waits.notify_one();
        self.review_waits.notify_one();
        Ok(ok.release(()))
    }

    /// Sets a new password for a person who knows the current one. Every session but the caller's ends, and every API
    /// key of the person's own, unless they are to be kept.
    ///
    /// # Errors
    /// [`Error::Invalid`] `wrong-password` on `current_password`, or on `new_password`; [`Error::TooMany`] after wrong
    /// ones; [`Error::Conflict`] `changed-meanwhile`.
    pub async fn change_password(
        &self,
        ok: Authorized<'_, ChangePassword>,
        current_password: &Secret,
        new_password: &Secret,
        keys: OwnKeys,
    ) -> Result<Released<ChangePassword, ()>, Error> {
        let account = self.prove_password(&ok, current_password).await?;
        let password = choose(new_password, &account.user.email)?;
        if current_password.expose() == new_password.expose() {
            let same = Invalid::new("same-password", "the new password is the current one");
            return Err(Error::Invalid(vec![same.at("new_password")]));
        }
        let about = (&account.user.email, account.user.full_name.as_deref());
        let findings = self
            .password_passes(&ok, PasswordOccasion::Change, about, new_password.expose(), "new_password")
            .await?;
        let password_hash = self.hasher.hash(password).await?;

        let mut tx = self.store.begin().await?;
        let keys = match tx.change_password(&ok, &account, &password_hash, keys, self.now()).await {
            Err(store::Error::NotFound) => return Err(store::Error::Changed.into()),
            ended => ended?,
        };
        self.enqueue(&mut tx, &ok, self.password_changed(&account, keys)).await?;
        self.note(&mut tx, &ok, with_findings(json!({ "keys_revoked": keys }), &findings)).await?;
        tx.commit().await?;
        self.mail_waits.notify_one();
        Ok(ok.release(()))
    }

    /// The caller's account, if `current_password` is its password.
    ///
    /// # Errors
    /// [`Error::Invalid`] `wrong-password` on `current_password`; also for an account without a password, whose owner
    /// can set one with a letter. [`Error::TooMany`] `too-many-attempts` after wrong ones, here or at sign-in.
    pub(super) async fn prove_password<A: ProvesPassword>(
        &self,
        ok: &Authorized<'_, A>,
        current_password: &Secret,
    ) -> Result<Account, Error> {
        let wrong = || {
            let wrong = Invalid::new("wrong-password", "this is not the account's password");
            Error::Invalid(vec![wrong.at("current_password")])
        };
        let account = self.store.get_proving_account(ok).await?;
        let attempt = Password::attempt(current_password.expose()).ok_or_else(wrong)?;
        self.begin_attempt(ok, &account.user.email).await?;
        let verified = self.hasher.verify(account.password_hash.as_deref(), attempt).await;
        self.end_attempt(ok, &account.user.email, &verified);
        match verified? {
            Verified::Match { .. } => Ok(account),
            Verified::NoMatch => {
                self.note_failure(ok, None, "wrong-password").await?;
                Err(wrong())
            }
        }
    }

    fn password_changed(&self, account: &Account, keys: u64) -> Letter {
        let link = [("link", self.page("/reset-password"))];
        with_keys_ended(letter(Template::PasswordChanged, &account.user, link), keys)
    }
}

/// Says in a letter how many API keys ended, if any did.
pub(super) fn with_keys_ended(mut letter: Letter, keys: u64) -> Letter {
    if keys > 0 {
        letter.values.insert("keys".to_owned(), keys.to_string());
    }
    letter
}

fn choose(new_password: &Secret, email: &Email) -> Result<Password, Error> {
    Password::choose(new_password.expose(), email)
        .map_err(|invalid| Error::Invalid(vec![invalid.at("new_password")]))
}

pub(super) fn token_invalid() -> Error {
    Error::Conflict {
        code: "token-invalid",
        detail: "this link was used, is too old or was never sent; ask for a new one".to_owned(),
    }
}
