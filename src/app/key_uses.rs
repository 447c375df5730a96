//! When keys were last used: kept in memory, written down now and then, because a write per request would cost more
//! than the request.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;

use super::{App, Error};
use crate::domain::{ApiKeyId, Micros};
use crate::guard::actions::RecordKeyUse;
use crate::guard::{Authorized, Principal, Released};

/// A crash forgets at most this much.
const EVERY: Duration = Duration::from_secs(60);

/// Uses that are not written down yet; one entry per key, however often it is used.
#[derive(Debug, Default)]
pub(super) struct KeyUses(Mutex<HashMap<ApiKeyId, Micros>>);

impl KeyUses {
    pub(super) fn used(&self, key: ApiKeyId, at: Micros) {
        self.0.lock().insert(key, at);
    }

    pub(super) fn last(&self, key: ApiKeyId) -> Option<Micros> {
        self.0.lock().get(&key).copied()
    }

    fn take(&self) -> HashMap<ApiKeyId, Micros> {
        std::mem::take(&mut *self.0.lock())
    }
}

/// Who writes down when keys were used.
#[must_use]
pub fn keys_principal() -> Principal {
    Principal::system("keys", "keys".to_owned())
}

impl App {
    /// Writes down which keys were used when.
    ///
    /// # Errors
    /// If the database does not answer; what was not written is tried again next time.
    pub async fn record_key_uses(
        &self,
        ok: Authorized<'_, RecordKeyUse>,
    ) -> Result<Released<RecordKeyUse, usize>, Error> {
        let uses = self.key_uses.take();
        match self.write_key_uses(&ok, &uses).await {
            Ok(()) => Ok(ok.release(uses.len())),
            Err(error) => {
                let mut waiting = self.key_uses.0.lock();
                for (key, at) in uses {
                    waiting.entry(key).or_insert(at);
                }
                Err(error)
            }
        }
    }

    async fn write_key_uses(
        &self,
        ok: &Authorized<'_, RecordKeyUse>,
        uses: &HashMap<ApiKeyId, Micros>,
    ) -> Result<(), Error> {
        if uses.is_empty() {
            return Ok(());
        }
        let mut tx = self.store.begin().await?;
        for (key, at) in uses {
            tx.record_key_use(ok, *key, *at).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Writes once; call it before the database is closed.
    pub async fn flush_key_uses(&self) {
        let caller = keys_principal();
        let written = match self.guard.authorize(&caller, RecordKeyUse {}).await {
            Ok(ok) => self.record_key_uses(ok).await.map(|_| ()),
            Err(denied) => Err(denied.into()),
        };
        if let Err(error) = written {
            tracing::error!(error = ?error, "the use of keys could not be written down");
        }
    }

    /// Writes every minute until the task is dropped.
    pub async fn flush_key_uses_forever(&self) {
        loop {
            tokio::time::sleep(EVERY).await;
            self.flush_key_uses().await;
        }
    }
}
