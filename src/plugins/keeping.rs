//! A guest's storage: checked here, kept by the host.

use std::future::Future;
use std::time::Duration;

use tokio::time::timeout_at;

use super::guest::State;
use super::host::KvError;

/// Characters of a key.
const KEY: usize = 200;
/// Bytes of a value.
const VALUE: usize = 16 << 10;
/// Uses of the storage in one call.
const USES: u32 = 32;
const LONGEST: Duration = Duration::from_secs(400 * 24 * 60 * 60);

#[derive(Debug, Clone, Copy)]
pub(super) enum KvRefused {
    Denied(&'static str),
    Invalid(&'static str),
    Quota,
    Unavailable,
}

impl From<KvError> for KvRefused {
    fn from(error: KvError) -> Self {
        match error {
            KvError::Denied => Self::Denied("no policy permits it"),
            KvError::Quota => Self::Quota,
            KvError::Unavailable => Self::Unavailable,
        }
    }
}

impl State {
    pub(super) async fn kv_get(&mut self, key: &str) -> Result<Option<Vec<u8>>, KvRefused> {
        self.may_keep(key)?;
        self.within(self.host.kv_get(self.asker(), key)).await
    }

    pub(super) async fn kv_set(&mut self, key: &str, value: Vec<u8>, ttl: u32) -> Result<(), KvRefused> {
        self.may_keep(key)?;
        if value.len() > VALUE {
            return Err(KvRefused::Invalid("a value has at most 16 KiB"));
        }
        self.within(self.host.kv_set(self.asker(), key, value, lifetime(ttl))).await
    }

    pub(super) async fn kv_delete(&mut self, key: &str) -> Result<(), KvRefused> {
        self.may_keep(key)?;
        self.within(self.host.kv_delete(self.asker(), key)).await
    }

    pub(super) async fn kv_increment(&mut self, key: &str, by: i64, ttl: u32) -> Result<i64, KvRefused> {
        self.may_keep(key)?;
        self.within(self.host.kv_increment(self.asker(), key, by, lifetime(ttl))).await
    }

    fn may_keep(&mut self, key: &str) -> Result<(), KvRefused> {
        if !self.capabilities.kv {
            self.denied("the storage is not granted".to_owned());
            return Err(KvRefused::Denied("it is not granted"));
        }
        if self.kept >= USES {
            self.count("kv-uses");
            return Err(KvRefused::Quota);
        }
        self.kept += 1;
        // PostgreSQL's text holds no NUL.
        if key.is_empty() || key.chars().count() > KEY || key.contains('\0') {
            return Err(KvRefused::Invalid("a key has 1 to 200 characters, none of them NUL"));
        }
        Ok(())
    }

    async fn within<T>(&self, work: impl Future<Output = Result<T, KvError>>) -> Result<T, KvRefused> {
        match timeout_at(tokio::time::Instant::from_std(self.until), work).await {
            Ok(done) => Ok(done?),
            Err(_) => Err(KvRefused::Unavailable),
        }
    }
}

fn lifetime(ttl: u32) -> Duration {
    if ttl == 0 { LONGEST } else { Duration::from_secs(u64::from(ttl)).min(LONGEST) }
}
