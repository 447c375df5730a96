//! Letters: written in the transaction of the change they tell of, sent after it, retried until they arrive.

use std::time::Duration;

use super::{App, Error};
use crate::domain::{MessageId, User};
use crate::guard::actions::DeliverMail;
use crate::guard::{Action, Authorized, Principal};
use crate::outbound::{Letter, MailError, Template, Written};
use crate::plugins::{Hook, OutgoingLetter};
use crate::store::{Queued, Tx};

/// Seals letters at rest; the word is bound into the seal.
pub(super) const PURPOSE: &str = "outbox-letter";
const BATCH: i64 = 16;
/// Longer than any transport's time-out, so that a letter is not sent twice by two processes.
const LEASE: Duration = Duration::from_secs(120);
const FIRST_RETRY: Duration = Duration::from_secs(30);
const LONGEST_RETRY: Duration = Duration::from_secs(60 * 60);
/// About eight hours with the waits above.
const MAX_ATTEMPTS: i64 = 14;
const POLL: Duration = Duration::from_secs(5);

/// Who delivers mail.
#[must_use]
pub fn mail_principal() -> Principal {
    Principal::system("mail", "mail".to_owned())
}

/// A letter to a person, at the address of their account.
pub(super) fn letter<const N: usize>(template: Template, to: &User, values: [(&str, String); N]) -> Letter {
    let values = values.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    Letter { template, to: to.email.clone(), name: to.full_name.clone(), values }
}

impl App {
    pub(super) async fn enqueue<A: Action>(
        &self,
        tx: &mut Tx,
        ok: &Authorized<'_, A>,
        letter: Letter,
    ) -> Result<(), Error> {
        let bug = |source| Error::Bug { context: "a letter could not be written", source };
        let plain = serde_json::to_vec(&letter).map_err(|error| bug(Box::new(error)))?;
        let sealed = self.sealer.seal(PURPOSE, &plain);
        let id = self.fresh();
        tx.enqueue_mail(ok, id, sealed, self.now()).await?;
        tx.write_in_language_of(ok, id, &letter.to).await?;
        Ok(())
    }

    /// Writes the letters that were asked for, and sends everything that is due; how many letters went out.
    ///
    /// # Errors
    /// If the database does not answer. A letter that cannot be sent is no error: it waits for its next try.
    pub async fn deliver_mail(&self, ok: &Authorized<'_, DeliverMail>) -> Result<usize, Error> {
        self.grant_letter_requests(ok).await?;
        let mut sent = 0;
        loop {
            let mut tx = self.store.begin().await?;
            let batch = tx.take_due_mail(ok, BATCH, LEASE, self.now()).await?;
            tx.commit().await?;
            if batch.is_empty() {
                return Ok(sent);
            }
            for queued in batch {
                sent += usize::from(self.deliver(ok, queued).await?);
            }
        }
    }

    async fn deliver(&self, ok: &Authorized<'_, DeliverMail>, queued: Queued) -> Result<bool, Error> {
        let Some(letter) = self.open_letter(&queued.sealed) else {
            let why = "the letter cannot be opened: was the master key changed?";
            self.store.mail_not_delivered(ok, queued.id, why, None, self.now()).await?;
            tracing::error!(message = %queued.id, why);
            return Ok(false);
        };
        match self.carry(ok, &queued, &letter).await {
            Ok(()) => {
                self.store.mail_delivered(ok, queued.id).await?;
                Ok(true)
            }
            Err(error) => {
                self.postpone(ok, queued.id, queued.attempts, &error).await?;
                Ok(false)
            }
        }
    }

    /// By a plugin, if one carries letters; else as the configuration says. A letter that a plugin does not take waits
    /// for its next try: it is not handed to somebody whom the operator did not choose.
    async fn carry(
        &self,
        ok: &Authorized<'_, DeliverMail>,
        queued: &Queued,
        letter: &Letter,
    ) -> Result<(), MailError> {
        let language = queued.language.unwrap_or_default();
        if !self.plugins().has(Hook::MailSend) {
            return self.mailer.send(queued.id, letter, language, queued.created_at).await;
        }
        let Written { template, sender, to, subject, text, html } = self.mailer.write(letter, language)?;
        let outgoing = OutgoingLetter {
            id: queued.id.to_string(),
            template: template.to_owned(),
            sender,
            to,
            subject,
            text,
            html,
        };
        let context = self.hook_context(ok.caller(), Some(language), None);
        match self.plugins().send_mail(&context, &outgoing).await {
            None => self.mailer.send(queued.id, letter, language, queued.created_at).await,
            Some(sent) => sent.map_err(|error| MailError::Transient(format!("a plugin: {}", error.kind()))),
        }
    }

    pub(super) fn open_letter(&self, sealed: &[u8]) -> Option<Letter> {
        let plain = self.sealer.open(PURPOSE, sealed).ok()?;
        serde_json::from_slice(&plain).ok()
    }

    async fn postpone(
        &self,
        ok: &Authorized<'_, DeliverMail>,
        id: MessageId,
        attempts: i64,
        error: &MailError,
    ) -> Result<(), Error> {
        let now = self.now();
        let retry_at = (matches!(error, MailError::Transient(_)) && attempts < MAX_ATTEMPTS)
            .then(|| now + wait_before(attempts + 1));
        tracing::warn!(message = %id, attempts, error = %error, given_up = retry_at.is_none(), "mail was not sent");
        self.store.mail_not_delivered(ok, id, &error.to_string(), retry_at, now).await?;
        Ok(())
    }

    /// Delivers mail until the task is dropped.
    pub async fn deliver_mail_forever(&self) {
        let caller = mail_principal();
        loop {
            let delivered = match self.guard.authorize(&caller, DeliverMail {}).await {
                Ok(ok) => self.deliver_mail(&ok).await,
                Err(denied) => Err(denied.into()),
            };
            if let Err(error) = delivered {
                tracing::error!(error = ?error, "mail could not be delivered");
            }
            // Woken by a change on this node; the poll finds what other nodes or an earlier process left.
            let _ = tokio::time::timeout(POLL, self.mail_waits.notified()).await;
        }
    }
}

/// Doubles from half a minute to an hour.
fn wait_before(attempt: i64) -> Duration {
    let doublings = u32::try_from(attempt.clamp(2, 12)).unwrap_or(2) - 2;
    FIRST_RETRY.saturating_mul(2_u32.saturating_pow(doublings)).min(LONGEST_RETRY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_an_hour() {
        let seconds: Vec<u64> = (2..=12).map(|attempt| wait_before(attempt).as_secs()).collect();
        assert_eq!(seconds, [30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600, 3600]);
    }
}
