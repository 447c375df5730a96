//! Asking the registration plugins again about those who wait: they may meet a plugin's conditions by now, such as a
//! proved address, and a plugin may have changed its mind.

use std::time::Duration;

use serde_json::json;

use super::{App, Error};
use crate::domain::{User, UserId};
use crate::guard::actions::ReviewRegistrations;
use crate::guard::{Authorized, Principal};
use crate::plugins::{AuthMethod, Candidate, Verdict};

const BATCH: i64 = 100;
const EVERY: Duration = Duration::from_secs(60 * 60);

/// Who asks the plugins again.
#[must_use]
pub fn waitlist_principal() -> Principal {
    Principal::system("waitlist", "waitlist".to_owned())
}

impl App {
    /// Asks the plugins about everybody who waits for their yes; how many accounts opened by it. Nothing of the
    /// registration's own payload is left to ask with, so an invitation code counts only when it is first sent.
    ///
    /// # Errors
    /// If the database does not answer. A plugin without an answer is no error: the person waits on.
    pub async fn review_registrations(
        &self,
        ok: &Authorized<'_, ReviewRegistrations>,
    ) -> Result<usize, Error> {
        let requires = self.settings.waitlist_requires;
        let (mut opened, mut after) = (0, UserId::from(uuid::Uuid::nil()));
        if !requires.plugin {
            return Ok(opened);
        }
        loop {
            let waiting = self.waiting_candidates(ok, after).await?;
            let Some((last, _)) = waiting.last() else { return Ok(opened) };
            after = last.id;
            for (user, candidate) in &waiting {
                let accepted = self.plugins_accept(ok, user, candidate).await;
                if accepted && self.accept_registration(ok, user).await? {
                    opened += 1;
                }
            }
        }
    }

    /// The next who wait for the plugins' yes, by id, and what the plugins are told of each. Whoever has no password
    /// came by a provider.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn waiting_candidates(
        &self,
        ok: &Authorized<'_, ReviewRegistrations>,
        after: UserId,
    ) -> Result<Vec<(User, Candidate)>, Error> {
        let proved = self.settings.waitlist_requires.verified_email;
        let mut waiting = Vec::new();
        for user in self.store.list_unaccepted(ok, proved, after, BATCH).await? {
            let provider = self.store.provider_of_passwordless(ok, user.id).await?;
            let candidate = Candidate {
                email: user.email.clone(),
                email_verified: user.email_verified_at.is_some(),
                full_name: user.full_name.clone(),
                department: user.department.clone(),
                referral_source: user.referral_source.clone(),
                method: if provider.is_some() { AuthMethod::OAuth } else { AuthMethod::Password },
                provider,
                payload: None,
            };
            waiting.push((user, candidate));
        }
        Ok(waiting)
    }

    async fn plugins_accept(
        &self,
        ok: &Authorized<'_, ReviewRegistrations>,
        user: &User,
        candidate: &Candidate,
    ) -> bool {
        let context = self.hook_context(ok.caller(), user.language, None);
        let judged = self.plugins().validate_registration(&context, candidate).await;
        matches!(judged.verdict, Verdict::Accept { .. })
    }

    /// Whether the account opened by the plugins' yes.
    async fn accept_registration(
        &self,
        ok: &Authorized<'_, ReviewRegistrations>,
        user: &User,
    ) -> Result<bool, Error> {
        let mut tx = self.store.begin().await?;
        let requires = self.settings.waitlist_requires;
        let Some(let_in) = tx.accept_registration(ok, user, requires, self.now()).await? else {
            return Ok(false);
        };
        let opened = let_in.opened;
        if opened {
            self.tell_let_in(&mut tx, ok, let_in.email, let_in.full_name).await?;
        }
        self.note(&mut tx, ok, json!({ "user": user.id.to_string(), "opened": opened })).await?;
        tx.commit().await?;
        self.mail_waits.notify_one();
        Ok(opened)
    }

    /// Asks hourly, and whenever somebody has proved an address, until the task is dropped.
    pub async fn review_registrations_forever(&self) {
        let caller = waitlist_principal();
        loop {
            let opened = match self.guard.authorize(&caller, ReviewRegistrations {}).await {
                Ok(ok) => self.review_registrations(&ok).await,
                Err(denied) => Err(denied.into()),
            };
            if let Err(error) = opened {
                tracing::error!(error = ?error, "those who wait could not be looked at again");
            }
            let _ = tokio::time::timeout(EVERY, self.review_waits.notified()).await;
        }
    }
}
