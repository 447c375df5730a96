//! Letters that did not go out, for administrators: to whom and why, never what was in them.

use serde_json::json;

use super::{App, Error};
use crate::domain::{Email, Language, MessageId, Micros};
use crate::guard::actions::{ListMessages, RetryMessage};
use crate::guard::{Authorized, Released};
use crate::outbound::KeptLetter;
use crate::store::StoredMessage;

/// A letter on its way, without its values: a link in it would sign its reader in.
#[derive(Debug)]
pub struct Message {
    pub id: MessageId,
    /// Which letter, and to whom; none if it cannot be opened.
    pub letter: Option<(&'static str, Email)>,
    pub language: Language,
    pub created_at: Micros,
    /// Tries so far.
    pub attempts: i64,
    pub next_attempt_at: Micros,
    /// When it was given up.
    pub failed_at: Option<Micros>,
    pub last_error: Option<String>,
}

impl App {
    /// Letters that were given up, or those that wait; oldest first, and how many there are in all.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn list_messages(
        &self,
        ok: Authorized<'_, ListMessages>,
        failed: bool,
        limit: i64,
        offset: i64,
    ) -> Result<Released<ListMessages, (Vec<Message>, i64)>, Error> {
        let (stored, total) = self.store.list_messages(&ok, failed, limit, offset).await?;
        let messages = stored.into_iter().map(|stored| self.shown(stored)).collect();
        Ok(ok.release((messages, total)))
    }

    /// Tries a letter again that was given up.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] `message-waiting` if it will be tried anyway.
    pub async fn retry_message(
        &self,
        ok: Authorized<'_, RetryMessage>,
    ) -> Result<Released<RetryMessage, Message>, Error> {
        let mut tx = self.store.begin().await?;
        let Some(stored) = tx.retry_message(&ok, self.now()).await? else {
            return Err(Error::Conflict {
                code: "message-waiting",
                detail: "this letter was not given up: it is tried again by itself".to_owned(),
            });
        };
        self.note(&mut tx, &ok, json!({ "message": stored.id.to_string() })).await?;
        tx.commit().await?;
        self.mail_waits.notify_one();
        let message = self.shown(stored);
        Ok(ok.release(message))
    }

    /// The newest letters of the development folder. They are on this machine's disk for whoever develops on it; the
    /// page that shows them exists in development only.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub async fn development_mail(&self, limit: usize) -> Result<Vec<KeptLetter>, Error> {
        self.mailer.kept(limit).await.map_err(|error| Error::Bug {
            context: "the mail folder cannot be read",
            source: Box::new(error),
        })
    }

    fn shown(&self, stored: StoredMessage) -> Message {
        let letter = self.open_letter(&stored.sealed);
        Message {
            id: stored.id,
            letter: letter.map(|letter| (letter.template.name(), letter.to)),
            language: stored.language.unwrap_or_default(),
            created_at: stored.created_at,
            attempts: stored.attempts,
            next_attempt_at: stored.next_attempt_at,
            failed_at: stored.failed_at,
            last_error: stored.last_error,
        }
    }
}
