//! The sealed signing keys. Read and made at start, before there is anybody to ask about.

use super::sql::{Row, Sql as _, args};
use super::{Error, Store};
use crate::domain::Micros;

/// A key's id and its sealed private half.
pub(super) type SealedKey = (String, Vec<u8>);

fn key(row: &Row) -> Result<SealedKey, Error> {
    Ok((row.get("kid")?, row.get("sealed_key")?))
}

impl Store {
    /// All keys, newest first; if there are none, keeps `fresh` as the first. Of several processes
    /// that start at once on an empty database, all end with the same key.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn signing_keys_unguarded(
        &self,
        fresh: impl FnOnce() -> SealedKey,
        now: Micros,
    ) -> Result<Vec<SealedKey>, Error> {
        let mut tx = self.begin().await?;
        // On SQLite a transaction that may write already has the database to itself.
        let alone = tx.spelled("SELECT 1", "LOCK TABLE signing_keys IN SHARE ROW EXCLUSIVE MODE");
        tx.run(alone, Vec::new()).await?;
        let list = "SELECT kid, sealed_key FROM signing_keys ORDER BY created_at DESC, kid";
        let mut rows = tx.all(list, Vec::new()).await?;
        if rows.is_empty() {
            let (kid, sealed) = fresh();
            tx.run(
                "INSERT INTO signing_keys (kid, sealed_key, created_at) VALUES ($1, $2, $3)",
                args![kid, sealed, now],
            )
            .await?;
            rows = tx.all(list, Vec::new()).await?;
        }
        tx.commit().await?;
        rows.iter().map(key).collect()
    }
}
