//! The outbox as administrators see it.

use uuid::Uuid;

use super::outbox::language;
use super::sql::{Row, Sql as _, args};
use super::{Error, Store, Tx};
use crate::domain::{Language, MessageId, Micros};
use crate::guard::Authorized;
use crate::guard::actions::{ListMessages, RetryMessage};

/// A letter that has not gone out.
#[derive(Debug)]
pub struct StoredMessage {
    pub id: MessageId,
    /// Sealed under the master key.
    pub sealed: Vec<u8>,
    pub language: Option<Language>,
    pub created_at: Micros,
    pub attempts: i64,
    pub next_attempt_at: Micros,
    /// When it was given up.
    pub failed_at: Option<Micros>,
    pub last_error: Option<String>,
}

macro_rules! columns {
    () => {
        "id, sealed_payload, language, created_at, attempts, next_attempt_at, failed_at, last_error"
    };
}

fn message(row: &Row) -> Result<StoredMessage, Error> {
    Ok(StoredMessage {
        id: row.get("id")?,
        sealed: row.get("sealed_payload")?,
        language: language(row)?,
        created_at: row.get("created_at")?,
        attempts: row.get("attempts")?,
        next_attempt_at: row.get("next_attempt_at")?,
        failed_at: row.get("failed_at")?,
        last_error: row.get("last_error")?,
    })
}

impl Store {
    /// Letters that were given up, or those that wait; oldest first, and how many there are in all.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn list_messages(
        &self,
        _ok: &Authorized<'_, ListMessages>,
        failed: bool,
        limit: i64,
        offset: i64,
    ) -> Result<(Vec<StoredMessage>, i64), Error> {
        let mut db = self;
        let rows = db
            .all(
                concat!(
                    "SELECT ",
                    columns!(),
                    " FROM outbox WHERE (failed_at IS NOT NULL) = $1 ORDER BY id LIMIT $2 OFFSET $3"
                ),
                args![failed, limit, offset],
            )
            .await?;
        let total = db
            .one("SELECT COUNT(*) AS total FROM outbox WHERE (failed_at IS NOT NULL) = $1", args![failed])
            .await?;
        Ok((rows.iter().map(message).collect::<Result<_, _>>()?, total.get("total")?))
    }
}

impl Tx {
    /// Makes a letter that was given up due again, with all its tries before it; none if it was not given up.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn retry_message(
        &mut self,
        ok: &Authorized<'_, RetryMessage>,
        now: Micros,
    ) -> Result<Option<StoredMessage>, Error> {
        let id = Uuid::from(ok.action().message);
        let row = self
            .optional(
                concat!(
                    "UPDATE outbox SET failed_at = NULL, attempts = 0, next_attempt_at = $2 \
                     WHERE id = $1 AND failed_at IS NOT NULL RETURNING ",
                    columns!()
                ),
                args![id, now],
            )
            .await?;
        if row.is_none() {
            self.one("SELECT id FROM outbox WHERE id = $1", args![id]).await?;
        }
        row.as_ref().map(message).transpose()
    }
}
