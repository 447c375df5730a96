//! A guest's storage: checked here, kept by the host.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout_at;

use super::errand::{Errand, outside};
use super::guest::State;
use super::host::KvError;

/// Characters of a key.
const KEY: usize = 200;
/// Bytes of a value.
const VALUE: usize = 16 << 10;
/// The most that one increment adds or takes, so that no sum of many overflows.
const STEP: u64 = 1_000_000_000;
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

/// What a guest wants of its storage.
#[derive(Debug)]
pub(super) enum Use {
    Get,
    Set { value: Vec<u8>, ttl: u32 },
    Delete,
    Increment { by: i64, ttl: u32 },
}

/// What came of it.
#[derive(Debug)]
pub(super) enum Kept {
    Value(Option<Vec<u8>>),
    Done,
    Sum(i64),
}

impl State {
    pub(super) async fn keep(&mut self, key: String, wish: Use) -> Result<Kept, KvRefused> {
        if !self.errand.capabilities.kv {
            self.errand.denied("the storage is not granted");
            return Err(KvRefused::Denied("it is not granted"));
        }
        if self.kept >= USES {
            self.errand.count("kv-uses");
            return Err(KvRefused::Quota);
        }
        self.kept += 1;
        // PostgreSQL's text holds no NUL.
        if key.is_empty() || key.chars().count() > KEY || key.contains('\0') {
            return Err(KvRefused::Invalid("a key has 1 to 200 characters, none of them NUL"));
        }
        if matches!(&wish, Use::Increment { by, .. } if by.unsigned_abs() > STEP) {
            return Err(KvRefused::Invalid("a number changes by 1,000,000,000 at most at a time"));
        }
        if matches!(&wish, Use::Set { value, .. } if value.len() > VALUE) {
            return Err(KvRefused::Invalid("a value has at most 16 KiB"));
        }
        let errand = Arc::clone(&self.errand);
        let until = tokio::time::Instant::from_std(errand.until);
        let work = outside(async move { errand.keep(&key, wish).await });
        match timeout_at(until, work).await {
            Ok(Some(done)) => Ok(done?),
            Ok(None) | Err(_) => Err(KvRefused::Unavailable),
        }
    }
}

impl Errand {
    async fn keep(&self, key: &str, wish: Use) -> Result<Kept, KvError> {
        let (host, asker) = (&self.host, self.asker());
        Ok(match wish {
            Use::Get => Kept::Value(host.kv_get(asker, key).await?),
            Use::Set { value, ttl } => {
                host.kv_set(asker, key, value, lifetime(ttl)).await?;
                Kept::Done
            }
            Use::Delete => {
                host.kv_delete(asker, key).await?;
                Kept::Done
            }
            Use::Increment { by, ttl } => Kept::Sum(host.kv_increment(asker, key, by, lifetime(ttl)).await?),
        })
    }
}

fn lifetime(ttl: u32) -> Duration {
    if ttl == 0 { LONGEST } else { Duration::from_secs(u64::from(ttl)).min(LONGEST) }
}
