//! The end of an account: asked for, thought over, purged. And the copy of one's data to take along.

use serde_json::json;

use super::{App, Error, letter};
use crate::domain::{AccountExport, Secret, User};
use crate::guard::actions::{DeleteMe, ExportMe, PurgeAccounts, RestoreMe};
use crate::guard::{Authorized, Released};
use crate::outbound::Template;
use crate::store::Deletion;

const BATCH: i64 = 100;

impl App {
    /// Has the caller's account deleted once the time to think again is over. Every session and every API key of the
    /// person's own ends; signing in again is possible until then, to restore it.
    ///
    /// # Errors
    /// [`Error::Invalid`] `wrong-password` on `current_password`; [`Error::TooMany`] after wrong ones;
    /// [`Error::Conflict`] `last-owner` if an organization would be left without an owner.
    pub async fn delete_me(
        &self,
        ok: Authorized<'_, DeleteMe>,
        current_password: &Secret,
    ) -> Result<Released<DeleteMe, User>, Error> {
        self.prove_password(&ok, current_password).await?;
        let now = self.now();
        let mut tx = self.store.begin().await?;
        let user = match tx.schedule_deletion(&ok, now + self.settings.deletion_grace, now).await? {
            Deletion::Scheduled(user) => *user,
            Deletion::LastOwner(slugs) => {
                let detail = format!(
                    "you are the last owner of {}: make somebody else an owner, or archive it, first",
                    slugs.join(", ")
                );
                return Err(Error::Conflict { code: "last-owner", detail });
            }
        };
        let due = user.deletion_due_at.unwrap_or(now);
        let values = [("time", due.to_sentence()), ("link", self.settings.public_url.to_string())];
        self.enqueue(&mut tx, &ok, letter(Template::AccountDeletion, &user, values)).await?;
        self.note(&mut tx, &ok, json!({ "due": due.to_sentence() })).await?;
        tx.commit().await?;
        self.mail_waits.notify_one();
        Ok(ok.release(user))
    }

    /// Keeps an account that was to be deleted; one that was not stays as it is.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn restore_me(
        &self,
        ok: Authorized<'_, RestoreMe>,
    ) -> Result<Released<RestoreMe, User>, Error> {
        let mut tx = self.store.begin().await?;
        let user = tx.restore_account(&ok, self.now()).await?;
        self.note(&mut tx, &ok, json!({})).await?;
        tx.commit().await?;
        Ok(ok.release(user))
    }

    /// Everything that is kept about the caller.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn export_me(
        &self,
        ok: Authorized<'_, ExportMe>,
    ) -> Result<Released<ExportMe, AccountExport>, Error> {
        self.note_alone(&ok, json!({})).await?;
        let export = self.store.export_account(&ok, self.now()).await?;
        Ok(ok.release(export))
    }

    /// Purges the accounts that are due; how many. Each in a transaction of its own.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn purge_accounts(&self, ok: &Authorized<'_, PurgeAccounts>) -> Result<usize, Error> {
        let mut purged = 0;
        loop {
            let (now, before) = (self.now(), purged);
            let due = self.store.list_due_accounts(ok, BATCH, now).await?;
            // What waits to be written of them must not be written afterwards.
            if !due.is_empty() {
                self.flush_decisions().await;
            }
            for user in due {
                let mut tx = self.store.begin().await?;
                if tx.purge_account(ok, user, now).await? {
                    self.note(&mut tx, ok, json!({ "user": user.to_string() })).await?;
                    purged += 1;
                }
                tx.commit().await?;
            }
            if purged == before {
                return Ok(purged);
            }
        }
    }
}
