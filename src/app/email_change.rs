//! Moving an account to another address: the old one is told and stays until the new one is proved.

use serde_json::json;

use super::passwords::{token_invalid, with_keys_ended};
use super::{App, Error, letter};
use crate::domain::{Email, Invalid, OwnKeys, Secret, User, Waitlist};
use crate::guard::actions::{ChangeEmail, ConfirmEmailChange};
use crate::guard::{Authorized, Released};
use crate::outbound::{Letter, Template};
use crate::store::{self, Bound, Moved, Purpose};

impl App {
    /// Sends a token to the new address and word of it to the old one. An address that has an account already gets the
    /// same answer; its owner is told by mail, and nothing changes.
    ///
    /// # Errors
    /// [`Error::Invalid`] on `new_email`, or `wrong-password` on `current_password`; [`Error::TooMany`] after wrong
    /// ones; with `reveal_accounts`, [`Error::Conflict`] `email-taken`.
    pub async fn change_email(
        &self,
        ok: Authorized<'_, ChangeEmail>,
        new_email: &str,
        current_password: &Secret,
    ) -> Result<Released<ChangeEmail, ()>, Error> {
        let wrong = |invalid: Invalid| Error::Invalid(vec![invalid.at("new_email")]);
        let new_email: Email = new_email.parse().map_err(wrong)?;
        let account = self.prove_password(&ok, current_password).await?;
        if new_email == account.user.email {
            return Err(wrong(Invalid::new("same-email", "the account has this address already")));
        }
        let taken = self.store.find_account(&ok, &new_email).await?.is_some();
        if taken && self.settings.reveal_accounts {
            return Err(store::Error::Conflict(store::Conflict::EmailTaken).into());
        }

        let now = self.now();
        let token = Secret::random(&*self.random);
        let bound = Bound {
            purpose: Purpose::ChangeEmail,
            user: account.user.id,
            email: &new_email,
            password_hash: Some(account.password_hash.as_deref().unwrap_or_default()),
        };
        let there = User { email: new_email.clone(), ..account.user.clone() };
        let to_new = if taken {
            // To a stranger, so nothing in it comes from the caller. The token is never sent.
            let link = ("link".to_owned(), self.settings.public_url.to_string());
            Letter {
                template: Template::AccountExists,
                to: new_email.clone(),
                name: None,
                values: [link].into(),
            }
        } else {
            letter(Template::ConfirmEmailChange, &there, [("link", self.link("/confirm-email", &token))])
        };
        let values = [("new_email", new_email.to_string()), ("link", self.page("/reset-password"))];
        let to_old = letter(Template::EmailChangeRequested, &account.user, values);

        let mut tx = self.store.begin().await?;
        tx.insert_email_token(&ok, bound, token.hash(), self.settings.verification_lifetime, now).await?;
        self.enqueue(&mut tx, &ok, to_new).await?;
        self.enqueue(&mut tx, &ok, to_old).await?;
        self.note(&mut tx, &ok, json!({})).await?;
        tx.commit().await?;
        self.mail_waits.notify_one();
        Ok(ok.release(()))
    }

    /// Moves the account to the address that the token was sent to. Only its own person, signed in, may do so: else
    /// somebody could have their account proved by a stranger who follows a link. Every session but the caller's ends,
    /// and every API key of the person's own, unless they are to be kept.
    ///
    /// # Errors
    /// [`Error::Conflict`] `token-invalid`, or `email-taken` if somebody else has taken the address meanwhile.
    pub async fn confirm_email_change(
        &self,
        ok: Authorized<'_, ConfirmEmailChange>,
        token: &Secret,
        keys: OwnKeys,
    ) -> Result<Released<ConfirmEmailChange, User>, Error> {
        let mut tx = self.store.begin().await?;
        let moved = tx.confirm_email_change(&ok, token.hash(), keys, self.now()).await;
        let Moved { user, old_email, keys_ended } = match moved {
            Err(store::Error::NotFound) => return Err(token_invalid()),
            moved => moved?,
        };
        let opened = self.open_proved_registration(&mut tx, &ok, user.id).await?;
        let waitlist = if opened { Waitlist::Approved } else { user.waitlist };
        let user = User { waitlist, ..user };
        let before = User { email: old_email, ..user.clone() };
        let told = letter(Template::EmailChanged, &before, [("new_email", user.email.to_string())]);
        self.enqueue(&mut tx, &ok, with_keys_ended(told, keys_ended)).await?;
        self.note(&mut tx, &ok, json!({ "keys_revoked": keys_ended })).await?;
        tx.commit().await?;
        self.mail_waits.notify_one();
        self.review_waits.notify_one();
        Ok(ok.release(user))
    }
}
