//! Letters that anybody may ask for by naming an address: verify it, reset its password.
//!
//! Asking only keeps the wish, in the same statements for every address, so that neither the answer nor its time tells
//! whether there is an account. The mail worker grants the wish: asked once more as whoever asked, and as the
//! account's own person.

use std::time::Duration;

use super::sign_in::signed_in;
use super::{App, Error, letter, parse_email};
use crate::domain::{Email, Secret, SessionId};
use crate::guard::actions::{DeliverMail, ForgotPassword, ResendVerification};
use crate::guard::{self, Authorized, Origin, Party, Principal, Released};
use crate::outbound::Template;
use crate::store::{Account, AsksForLetters, Bound, LetterRequest, Purpose, SendsTokens};

const BATCH: i64 = 64;
/// Nobody can have more than this many letters of a kind sent to one address…
const MOST: i64 = 3;
/// … in this time.
const IN: Duration = Duration::from_secs(60 * 60);

impl App {
    /// Has the verification letter sent again, if the address has an account and is not proved. A newer letter makes
    /// the older one worthless.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the text is no address.
    pub async fn resend_verification(
        &self,
        ok: Authorized<'_, ResendVerification>,
        email: &str,
    ) -> Result<Released<ResendVerification, ()>, Error> {
        self.ask_for_letter(ok, email).await
    }

    /// Has a letter sent that resets the password, if the address has an account.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the text is no address.
    pub async fn forgot_password(
        &self,
        ok: Authorized<'_, ForgotPassword>,
        email: &str,
    ) -> Result<Released<ForgotPassword, ()>, Error> {
        self.ask_for_letter(ok, email).await
    }

    async fn ask_for_letter<A: AsksForLetters>(
        &self,
        ok: Authorized<'_, A>,
        email: &str,
    ) -> Result<Released<A, ()>, Error> {
        let email = parse_email(email)?;
        let mut tx = self.store.begin().await?;
        tx.insert_letter_request(&ok, self.fresh(), &email, self.now()).await?;
        self.note(&mut tx, &ok, serde_json::json!({})).await?;
        tx.commit().await?;
        self.mail_waits.notify_one();
        Ok(ok.release(()))
    }

    /// Writes the letters that were asked for. One that fails is tried again the next time and holds up no other.
    pub(super) async fn grant_letter_requests(
        &self,
        mail: &Authorized<'_, DeliverMail>,
    ) -> Result<(), Error> {
        loop {
            let batch = self.store.list_letter_requests(mail, BATCH).await?;
            let whole = batch.len() == usize::try_from(BATCH).unwrap_or(usize::MAX);
            let mut failed = false;
            for asked in &batch {
                if let Err(error) = self.grant_letter_request(mail, asked).await {
                    failed = true;
                    tracing::error!(request_id = asked.request_id, error = ?error, "a letter could not be written");
                }
            }
            if failed || !whole {
                return Ok(());
            }
        }
    }

    async fn grant_letter_request(
        &self,
        mail: &Authorized<'_, DeliverMail>,
        asked: &LetterRequest,
    ) -> Result<(), Error> {
        match asked.purpose {
            Purpose::VerifyEmail => self.write_asked(mail, asked, ResendVerification {}).await,
            Purpose::ResetPassword => self.write_asked(mail, asked, ForgotPassword {}).await,
            // Nobody can ask for one by naming an address; what is there is dropped.
            Purpose::ChangeEmail => {
                let mut tx = self.store.begin().await?;
                tx.take_letter_request(mail, asked.id).await?;
                Ok(tx.commit().await?)
            }
        }
    }

    async fn write_asked<A: AsksForLetters + SendsTokens + Clone>(
        &self,
        mail: &Authorized<'_, DeliverMail>,
        asked: &LetterRequest,
        action: A,
    ) -> Result<(), Error> {
        let now = self.now();
        let asker = asker(asked);
        let account = match allowed(self.guard.authorize(&asker, action.clone()).await)? {
            Some(ok) => self.store.find_account(&ok, &asked.email).await?,
            None => None,
        };
        let mut tx = self.store.begin().await?;
        if !tx.take_letter_request(mail, asked.id).await? {
            return Ok(());
        }
        if let Some(account) = account.filter(|account| applies(A::PURPOSE, account)) {
            let person = signed_in(&account.user, SessionId::from(self.random.uuid(now)), now, &asker);
            if let Some(ok) = allowed(self.guard.authorize(&person, action).await)? {
                let sent = tx.count_email_tokens(&ok, (A::PURPOSE, account.user.id), now - IN).await?;
                if sent < MOST {
                    let token = Secret::random(&*self.random);
                    let bound = bound(A::PURPOSE, &account, &asked.email);
                    let (template, page, lifetime) = self.kind(A::PURPOSE);
                    tx.insert_email_token(&ok, bound, token.hash(), lifetime, now).await?;
                    let link = self.link(page, &token);
                    self.enqueue(&mut tx, &ok, letter(template, &account.user, [("link", link)])).await?;
                }
            }
        }
        Ok(tx.commit().await?)
    }

    const fn kind(&self, purpose: Purpose) -> (Template, &'static str, Duration) {
        match purpose {
            Purpose::VerifyEmail => {
                (Template::VerifyEmail, "/verify-email", self.settings.verification_lifetime)
            }
            Purpose::ResetPassword => {
                (Template::ResetPassword, "/reset-password", self.settings.reset_lifetime)
            }
            Purpose::ChangeEmail => {
                (Template::ConfirmEmailChange, "/confirm-email", self.settings.verification_lifetime)
            }
        }
    }
}

/// Whoever asked, as far as the request told.
fn asker(asked: &LetterRequest) -> Principal {
    let origin = Origin { request_id: asked.request_id.clone(), ip: asked.ip, ..Origin::default() };
    Principal::of(Party::Anonymous, origin)
}

fn applies(purpose: Purpose, account: &Account) -> bool {
    purpose != Purpose::VerifyEmail || account.user.email_verified_at.is_none()
}

fn bound<'b>(purpose: Purpose, account: &'b Account, email: &'b Email) -> Bound<'b> {
    let password_hash = match purpose {
        // Proves the address only, whatever the password.
        Purpose::VerifyEmail => None,
        Purpose::ResetPassword | Purpose::ChangeEmail => {
            Some(account.password_hash.as_deref().unwrap_or_default())
        }
    };
    Bound { purpose, user: account.user.id, email, password_hash }
}

/// The permit, `None` if the policies say no; what is no decision is an error.
fn allowed<P>(asked: Result<P, guard::Denied>) -> Result<Option<P>, Error> {
    match asked {
        Ok(ok) => Ok(Some(ok)),
        Err(guard::Denied::Unauthenticated | guard::Denied::NotFound | guard::Denied::Forbidden { .. }) => {
            Ok(None)
        }
        Err(undecided @ (guard::Denied::Undecided(_) | guard::Denied::Facts(_))) => Err(undecided.into()),
    }
}
