//! Rows that decisions rest on, kept for as long as nothing changes.
//!
//! Every change makes a revision (`audit.rs`). What is read is kept with the revision that was known when it was read,
//! and counts until a newer one is known. The server that makes a change knows it at once; another learns of it when it
//! asks the database again, [`Store::with_facts_for`] after it last did.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use moka::sync::Cache;

use super::sql::{Row, Sql as _, Value};
use super::{Error, Store};

/// How many rows are kept, one to two kilobytes each.
const KEPT: u64 = 20_000;

/// A statement, by where its text lies, and its parameters.
type Key = (usize, Vec<Value>);

#[derive(Debug, Clone)]
pub(super) struct Known(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    rows: Cache<Key, Arc<(i64, Vec<Row>)>>,
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
        let weight = |_: &Key, it: &Arc<(i64, Vec<Row>)>| u32::try_from(it.1.len()).unwrap_or(u32::MAX);
        let rows = Cache::builder().max_capacity(KEPT).weigher(weight).build();
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

    /// The rows of a statement that only reads what a revision is made for. Its parameters must not hold the time, nor
    /// its answer depend on it: what ends by itself says when, and is looked at again.
    pub(super) async fn known(
        &self,
        sql: &'static str,
        args: Vec<Value>,
    ) -> Result<Arc<(i64, Vec<Row>)>, Error> {
        let mut db = self;
        let Some(revision) = self.settled_revision().await? else {
            return Ok(Arc::new((0, db.all(sql, args).await?)));
        };
        let key = (sql.as_ptr().addr(), args);
        if let Some(kept) = self.known.0.rows.get(&key)
            && kept.0 == revision
        {
            return Ok(kept);
        }
        // It is at least as fresh as `revision`, which was known before it was read.
        let rows = Arc::new((revision, db.all(sql, key.1.clone()).await?));
        // What is not there is not kept: anybody can ask for no end of such things.
        if !rows.1.is_empty() {
            self.known.0.rows.insert(key, Arc::clone(&rows));
        }
        Ok(rows)
    }

    /// The revision that facts have to be as fresh as; none if nothing may be kept.
    async fn settled_revision(&self) -> Result<Option<i64>, Error> {
        let known = &*self.known.0;
        let now = micros(known.began.elapsed());
        if now.saturating_sub(known.asked.load(Ordering::Acquire)) >= known.good.load(Ordering::Relaxed) {
            let before = self.revision();
            known.behind.store(self.read_revision_unguarded().await? < before, Ordering::Release);
            known.asked.store(now, Ordering::Release);
        }
        Ok((!known.behind.load(Ordering::Acquire)).then(|| self.revision()))
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
