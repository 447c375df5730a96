//! Rows that mean nothing any more.

use super::sql::{Sql as _, args};
use super::{Error, Store};
use crate::domain::Micros;
use crate::guard::Authorized;
use crate::guard::actions::PurgeExpired;

/// Delegations before the keys and sessions they hang on, so that none goes unseen with those.
const OVER: [&str; 5] = [
    "DELETE FROM delegations WHERE id IN \
     (SELECT id FROM delegations WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)",
    "DELETE FROM sessions WHERE id IN \
     (SELECT id FROM sessions WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)",
    "DELETE FROM email_tokens WHERE token_hash IN \
     (SELECT token_hash FROM email_tokens WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)",
    "DELETE FROM invitations WHERE id IN \
     (SELECT id FROM invitations WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)",
    // What is over gives nothing already, so nobody has to be told.
    "DELETE FROM grants WHERE id IN \
     (SELECT id FROM grants WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)",
];

impl Store {
    /// Deletes, of each kind, up to `limit` rows whose end was at or before `over`; and every device and network that was
    /// last seen at or before `unseen`. How many rows in all. Keys of people stay to be seen in their lists.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn delete_expired(
        &self,
        _ok: &Authorized<'_, PurgeExpired>,
        over: Micros,
        unseen: Micros,
        limit: i64,
    ) -> Result<u64, Error> {
        let mut db = self;
        let mut deleted = 0;
        for statement in OVER {
            deleted += db.run(statement, args![over, limit]).await?;
        }
        deleted += db
            .run(
                "DELETE FROM api_keys WHERE id IN (SELECT id FROM api_keys \
                 WHERE single_task = $3 AND expires_at <= $1 ORDER BY expires_at LIMIT $2)",
                args![over, limit, true],
            )
            .await?;
        for statement in [
            "DELETE FROM known_devices WHERE last_seen_at <= $1",
            "DELETE FROM known_networks WHERE last_seen_at <= $1",
        ] {
            deleted += db.run(statement, args![unseen]).await?;
        }
        Ok(deleted)
    }
}
