//! What decisions rest on, kept as it is used for as long as nothing changes.
//!
//! Every change makes a revision (`audit.rs`). What is read is kept with the revision that was known when it was read,
//! and counts until a newer one is known. The server that makes a change knows it at once; another learns of it when it
//! asks the database again, [`Store::with_facts_for`] after it last did.

use std::any::{Any, TypeId};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use moka::sync::Cache;

use super::sql::{Row, Sql as _, Value};
use super::{Error, Store};

/// How much is kept, each made of one row and of one to two kilobytes.
const KEPT: u64 = 20_000;

/// What is made of the row, the statement by where its text lies, and its parameters.
type Key = (TypeId, usize, Vec<Value>);

#[derive(Debug, Clone)]
pub(super) struct Known(Arc<Inner>);

/// What was made of a row, and the revision that was known when it was read.
#[derive(Debug, Clone)]
struct Kept {
    revision: i64,
    value: Arc<dyn Any + Send + Sync>,
}

#[derive(Debug)]
struct Inner {
    rows: Cache<Key, Kept>,
    began: Instant,
    /// When the database was last asked for its revision, in microseconds since `began`.
    asked: AtomicU64,
    /// It was behind what had been seen of it, as one that was set back is: then nothing is kept.
    behind: AtomicBool,
    /// How long that is good for, in microseconds.
    good: AtomicU64,
}

impl Default for Known {
    fn default() -> Self {
        let rows = Cache::new(KEPT);
        let began = Instant::now();
        Self(Arc::new(Inner {
            rows,
            began,
            asked: AtomicU64::new(0),
            behind: AtomicBool::new(false),
            good: AtomicU64::new(0),
        }))
    }
}

impl Store {
    /// Lets facts count for so long before the database is asked whether another server has changed anything; at first
    /// it is asked each time. What this process changes counts at once, whatever is set here.
    #[must_use]
    pub fn with_facts_for(self, time: Duration) -> Self {
        self.known.0.good.store(micros(time), Ordering::Relaxed);
        self
    }

    /// What `make` makes of the first row of a statement that only reads what a revision is made for. Its parameters
    /// must not hold the time, nor what is made of it depend on it: what ends by itself says when, and is looked at again.
    pub(super) async fn known<T: Send + Sync + 'static>(
        &self,
        sql: &'static str,
        args: Vec<Value>,
        make: impl FnOnce(&Row) -> Result<T, Error>,
    ) -> Result<Option<Arc<T>>, Error> {
        // Reading is boxed here: most often nothing is read, and every request's future would be larger by it.
        let mut db = self;
        let Some(revision) = self.settled_revision().await? else {
            let row = Box::pin(db.optional(sql, args)).await?;
            return Ok(row.as_ref().map(make).transpose()?.map(Arc::new));
        };
        let key = (TypeId::of::<T>(), sql.as_ptr().addr(), args);
        if let Some(kept) = self.known.0.rows.get(&key)
            && kept.revision == revision
            && let Ok(value) = kept.value.downcast()
        {
            return Ok(Some(value));
        }
        // It is at least as fresh as `revision`, which was known before it was read. What is not there is not kept:
        // anybody can ask for no end of such things.
        let Some(row) = Box::pin(db.optional(sql, key.2.clone())).await? else { return Ok(None) };
        let value = Arc::new(make(&row)?);
        self.known.0.rows.insert(key, Kept { revision, value: Arc::<T>::clone(&value) });
        Ok(Some(value))
    }

    /// The revision that facts have to be as fresh as; none if nothing may be kept.
    async fn settled_revision(&self) -> Result<Option<i64>, Error> {
        let known = &*self.known.0;
        let now = micros(known.began.elapsed());
        if now.saturating_sub(known.asked.load(Ordering::Acquire)) >= known.good.load(Ordering::Relaxed) {
            let before = self.revision();
            let now_there = Box::pin(self.read_revision_unguarded()).await?;
            known.behind.store(now_there < before, Ordering::Release);
            known.asked.store(now, Ordering::Release);
        }
        Ok((!known.behind.load(Ordering::Acquire)).then(|| self.revision()))
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
