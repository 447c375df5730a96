//! Letters on their way out, written in the transaction of the change they tell of.

use std::time::Duration;

use uuid::Uuid;

use super::sql::{Row, Sql as _, args};
use super::{Error, Store, Tx};
use crate::domain::{Email, Language, MessageId, Micros};
use crate::guard::actions::DeliverMail;
use crate::guard::{Action, Authorized};

/// A letter taken out for delivery.
#[derive(Debug)]
pub struct Queued {
    pub id: MessageId,
    /// Sealed under the master key.
    pub sealed: Vec<u8>,
    /// This one included.
    pub attempts: i64,
    pub created_at: Micros,
    /// What the receiver reads, if it is known.
    pub language: Option<Language>,
}

pub(super) fn language(row: &Row) -> Result<Option<Language>, Error> {
    Ok(row.get::<Option<String>>("language")?.as_deref().and_then(Language::parse))
}

impl Tx {
    /// The letter is written in the language of the account with the address `to`, if there is one.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn write_in_language_of<A: Action>(
        &mut self,
        _ok: &Authorized<'_, A>,
        id: MessageId,
        to: &Email,
    ) -> Result<(), Error> {
        self.run(
            "UPDATE outbox SET language = (SELECT language FROM users WHERE email = $2) WHERE id = $1",
            args![Uuid::from(id), to.as_str()],
        )
        .await?;
        Ok(())
    }

    /// # Errors
    /// If the database does not answer.
    pub async fn enqueue_mail<A: Action>(
        &mut self,
        _ok: &Authorized<'_, A>,
        id: MessageId,
        sealed: Vec<u8>,
        now: Micros,
    ) -> Result<(), Error> {
        self.run(
            "INSERT INTO outbox (id, kind, sealed_payload, created_at, attempts, next_attempt_at, failed_at, last_error) \
             VALUES ($1, 'mail', $2, $3, 0, $3, NULL, NULL)",
            args![Uuid::from(id), sealed, now],
        )
        .await?;
        Ok(())
    }

    /// Takes up to `limit` letters that are due. Nobody else takes them before `lease` is over; if this process dies
    /// meanwhile, they become due again.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn take_due_mail(
        &mut self,
        _ok: &Authorized<'_, DeliverMail>,
        limit: i64,
        lease: Duration,
        now: Micros,
    ) -> Result<Vec<Queued>, Error> {
        let take = self.spelled(
            "UPDATE outbox SET attempts = attempts + 1, next_attempt_at = $2 WHERE id IN \
             (SELECT id FROM outbox WHERE failed_at IS NULL AND next_attempt_at <= $1 ORDER BY next_attempt_at, id LIMIT $3) \
             RETURNING id, sealed_payload, attempts, created_at, language",
            "UPDATE outbox SET attempts = attempts + 1, next_attempt_at = $2 WHERE id IN \
             (SELECT id FROM outbox WHERE failed_at IS NULL AND next_attempt_at <= $1 ORDER BY next_attempt_at, id LIMIT $3 \
             FOR UPDATE SKIP LOCKED) RETURNING id, sealed_payload, attempts, created_at, language",
        );
        let rows = self.all(take, args![now, now + lease, limit]).await?;
        let queued = |row: &Row| {
            Ok(Queued {
                id: row.get("id")?,
                sealed: row.get("sealed_payload")?,
                attempts: row.get("attempts")?,
                created_at: row.get("created_at")?,
                language: language(row)?,
            })
        };
        rows.iter().map(queued).collect()
    }
}

impl Store {
    /// # Errors
    /// If the database does not answer.
    pub async fn mail_delivered(
        &self,
        _ok: &Authorized<'_, DeliverMail>,
        id: MessageId,
    ) -> Result<(), Error> {
        let mut db = self;
        db.run("DELETE FROM outbox WHERE id = $1", args![Uuid::from(id)]).await.map(|_| ())
    }

    /// Notes why a letter did not go out; `retry_at` is when to try again, `None` gives it up.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn mail_not_delivered(
        &self,
        _ok: &Authorized<'_, DeliverMail>,
        id: MessageId,
        error: &str,
        retry_at: Option<Micros>,
        now: Micros,
    ) -> Result<(), Error> {
        let mut db = self;
        let failed_at = if retry_at.is_none() { Some(now) } else { None };
        db.run(
            "UPDATE outbox SET last_error = $2, next_attempt_at = COALESCE($3, next_attempt_at), failed_at = $4 WHERE id = $1",
            args![Uuid::from(id), error, retry_at, failed_at],
        )
        .await
        .map(|_| ())
    }
}
