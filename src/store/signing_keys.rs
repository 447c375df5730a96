//! The sealed signing keys, and everything else that is sealed under the master key.

use uuid::Uuid;

use super::sql::{Row, Sql, args};
use super::{Error, Store, Tx};
use crate::domain::{MessageId, Micros};
use crate::guard::actions::{ListSigningKeys, ResealSecrets, RotateSigningKeys};
use crate::guard::{Action, Authorized};

/// A signing key as it is kept.
#[derive(Debug, Clone)]
pub struct SealedKey {
    pub kid: String,
    /// The private half, sealed under the master key.
    pub sealed: Vec<u8>,
    pub created_at: Micros,
    pub signs_from: Micros,
}

/// The actions that read sealed keys.
pub trait ReadsSigningKeys: Action {}
impl ReadsSigningKeys for ListSigningKeys {}
impl ReadsSigningKeys for RotateSigningKeys {}
impl ReadsSigningKeys for ResealSecrets {}

const LIST: &str =
    "SELECT kid, sealed_key, created_at, signs_from FROM signing_keys ORDER BY signs_from DESC, kid";

fn key(row: &Row) -> Result<SealedKey, Error> {
    Ok(SealedKey {
        kid: row.get("kid")?,
        sealed: row.get("sealed_key")?,
        created_at: row.get("created_at")?,
        signs_from: row.get("signs_from")?,
    })
}

pub(super) async fn list(db: &mut impl Sql) -> Result<Vec<SealedKey>, Error> {
    db.all(LIST, Vec::new()).await?.iter().map(key).collect()
}

impl Tx {
    /// Keeps others who would change the keys out until the end of the transaction; readers go on.
    pub(super) async fn lock_signing_keys(&mut self) -> Result<(), Error> {
        // On SQLite a transaction that may write already has the database to itself.
        let alone = self.spelled("SELECT 1", "LOCK TABLE signing_keys IN SHARE ROW EXCLUSIVE MODE");
        self.run(alone, Vec::new()).await?;
        Ok(())
    }

    pub(super) async fn keep_signing_key(&mut self, key: &SealedKey) -> Result<(), Error> {
        self.run(
            "INSERT INTO signing_keys (kid, sealed_key, created_at, signs_from) VALUES ($1, $2, $3, $4)",
            args![key.kid.as_str(), key.sealed.clone(), key.created_at, key.signs_from],
        )
        .await?;
        Ok(())
    }

    /// All keys, the one that signs from the latest instant first. Nobody else changes them before the end of the
    /// transaction.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn take_signing_keys<A: ReadsSigningKeys>(
        &mut self,
        _ok: &Authorized<'_, A>,
    ) -> Result<Vec<SealedKey>, Error> {
        self.lock_signing_keys().await?;
        list(self).await
    }

    /// # Errors
    /// If the database does not answer.
    pub async fn insert_signing_key(
        &mut self,
        _ok: &Authorized<'_, RotateSigningKeys>,
        key: &SealedKey,
    ) -> Result<(), Error> {
        self.keep_signing_key(key).await
    }

    /// # Errors
    /// If the database does not answer.
    pub async fn delete_signing_key(
        &mut self,
        _ok: &Authorized<'_, RotateSigningKeys>,
        kid: &str,
    ) -> Result<(), Error> {
        self.run("DELETE FROM signing_keys WHERE kid = $1", args![kid]).await?;
        Ok(())
    }

    /// # Errors
    /// If the database does not answer.
    pub async fn reseal_signing_key(
        &mut self,
        _ok: &Authorized<'_, ResealSecrets>,
        kid: &str,
        sealed: Vec<u8>,
    ) -> Result<(), Error> {
        self.run("UPDATE signing_keys SET sealed_key = $2 WHERE kid = $1", args![kid, sealed]).await?;
        Ok(())
    }

    /// Up to `limit` waiting letters with ids beyond `after`, by id, as they are sealed.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn sealed_letters(
        &mut self,
        _ok: &Authorized<'_, ResealSecrets>,
        after: MessageId,
        limit: i64,
    ) -> Result<Vec<(MessageId, Vec<u8>)>, Error> {
        let rows = self
            .all(
                "SELECT id, sealed_payload FROM outbox WHERE id > $1 ORDER BY id LIMIT $2",
                args![Uuid::from(after), limit],
            )
            .await?;
        rows.iter().map(|row| Ok((row.get("id")?, row.get("sealed_payload")?))).collect()
    }

    /// Does nothing if the letter has gone out meanwhile.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn reseal_letter(
        &mut self,
        _ok: &Authorized<'_, ResealSecrets>,
        id: MessageId,
        sealed: Vec<u8>,
    ) -> Result<(), Error> {
        self.run("UPDATE outbox SET sealed_payload = $2 WHERE id = $1", args![Uuid::from(id), sealed])
            .await?;
        Ok(())
    }
}

impl Store {
    /// All keys, the one that signs from the latest instant first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn signing_keys<A: ReadsSigningKeys>(
        &self,
        _ok: &Authorized<'_, A>,
    ) -> Result<Vec<SealedKey>, Error> {
        let mut db = self;
        list(&mut db).await
    }
}
