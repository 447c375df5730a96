//! The decision log: what is kept of it, written down in batches beside the requests.
//!
//! Denials and what administrators do are never lost: when too much waits, the request that makes one more waits for
//! its place. Of what is allowed beyond that, a share is kept, and dropped when there is no room.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, Notify, mpsc};
use uuid::Uuid;

use super::{App, Error};
use crate::domain::{DecisionFilter, LoggedDecision, Micros};
use crate::guard::actions::{
    ExportDecisions, GetDecision, GetOrganizationDecision, ListDecisions, ListOrganizationDecisions,
    PruneDecisions, RecordDecisions,
};
use crate::guard::{Authorized, DecisionId, Principal, Record, Recorded, Recorder, Released, Turn};
use crate::store;

/// Decisions written in one transaction.
const BATCH: usize = 500;
/// How long a batch may gather.
const GATHER: Duration = Duration::from_millis(250);
/// Between two looks for what is too old, and for days to make ahead.
const PRUNE_EVERY: Duration = Duration::from_secs(60 * 60);

/// What waits to be written, and which decisions do.
pub struct DecisionQueue {
    beside: Arc<dyn Recorder>,
    allow_share: f64,
    sender: mpsc::Sender<Recorded>,
    writer: Mutex<Writer>,
    wake: Arc<Notify>,
    dropped: AtomicU64,
    allowed: AtomicU64,
    denied: AtomicU64,
}

struct Writer {
    receiver: mpsc::Receiver<Recorded>,
    /// Taken out, and not written yet.
    batch: Vec<Recorded>,
}

impl fmt::Debug for DecisionQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DecisionQueue").field("allow_share", &self.allow_share).finish_non_exhaustive()
    }
}

impl DecisionQueue {
    /// `room`: how many may wait. `allow_share`, 0 to 1: of what is allowed and no administration. `beside` is told too.
    #[must_use]
    pub fn new(room: usize, allow_share: f64, beside: Arc<dyn Recorder>) -> Self {
        let (sender, receiver) = mpsc::channel(room.max(1));
        Self {
            beside,
            allow_share,
            sender,
            writer: Mutex::new(Writer { receiver, batch: Vec::new() }),
            wake: Arc::default(),
            dropped: AtomicU64::new(0),
            allowed: AtomicU64::new(0),
            denied: AtomicU64::new(0),
        }
    }

    /// How many allows of the share were dropped since the start, because too much waited.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// How many decisions were allows and how many denials since the start, kept or not.
    #[must_use]
    pub fn made(&self) -> (u64, u64) {
        (self.allowed.load(Ordering::Relaxed), self.denied.load(Ordering::Relaxed))
    }

    fn keep(&self, record: &Record<'_>) -> Option<Turn> {
        let own_work = record.is_own_work();
        let notable = !record.decision.allowed || record.is_administrative();
        if !notable && (own_work || !sampled(record.id, self.allow_share)) {
            return None;
        }
        // The writer asks too, and cannot wait for itself.
        let must = notable && !own_work;
        let full = match self.sender.try_reserve() {
            Ok(place) => {
                place.send(record.to_recorded());
                None
            }
            Err(mpsc::error::TrySendError::Full(())) if must => {
                let (sender, kept) = (self.sender.clone(), record.to_recorded());
                let turn = async move { drop(sender.send(kept).await) };
                Some(Box::pin(turn) as Turn)
            }
            Err(_) => {
                self.dropped.fetch_add(1, Ordering::Relaxed);
                None
            }
        };
        self.wake.notify_one();
        full
    }
}

/// Whether a decision is of the share: its own id says so, so that every server and every replay says the same.
fn sampled(id: DecisionId, share: f64) -> bool {
    let [.., a, b, c, d] = Uuid::from(id).into_bytes();
    f64::from(u32::from_be_bytes([a, b, c, d])) < share * f64::from(u32::MAX) + share
}

impl Recorder for DecisionQueue {
    fn record(&self, record: &Record<'_>) -> Option<Turn> {
        let made = if record.decision.allowed { &self.allowed } else { &self.denied };
        made.fetch_add(1, Ordering::Relaxed);
        match (self.beside.record(record), self.keep(record)) {
            (Some(beside), Some(own)) => Some(Box::pin(async move {
                beside.await;
                own.await;
            })),
            (beside, own) => beside.or(own),
        }
    }
}

/// Who keeps the log of decisions.
#[must_use]
pub fn decisions_principal() -> Principal {
    Principal::system("decisions", "decisions".to_owned())
}

impl App {
    /// Writes down all that waits now.
    pub async fn flush_decisions(&self) {
        let caller = decisions_principal();
        let written = match self.guard.authorize(&caller, RecordDecisions {}).await {
            Ok(ok) => self.record_decisions(ok).await.map(|_| ()),
            Err(denied) => Err(denied.into()),
        };
        if let Err(error) = written {
            tracing::error!(error = ?error, "decisions could not be written down");
        }
    }

    /// As [`App::flush_decisions`]; how many were written.
    ///
    /// # Errors
    /// If the database does not answer; what was not written is tried again next time.
    pub async fn record_decisions(
        &self,
        ok: Authorized<'_, RecordDecisions>,
    ) -> Result<Released<RecordDecisions, usize>, Error> {
        let mut writer = self.decisions.writer.lock().await;
        let Writer { receiver, batch } = &mut *writer;
        // Not what comes in meanwhile, or this might never end.
        let mut left = receiver.len();
        let mut written = 0;
        loop {
            while batch.len() < BATCH
                && left > 0
                && let Ok(next) = receiver.try_recv()
            {
                batch.push(next);
                left -= 1;
            }
            if batch.is_empty() {
                return Ok(ok.release(written));
            }
            self.write_batch(&ok, batch).await?;
            written += batch.len();
            batch.clear();
        }
    }

    async fn write_batch(
        &self,
        ok: &Authorized<'_, RecordDecisions>,
        batch: &[Recorded],
    ) -> Result<(), Error> {
        match self.write_together(ok, batch).await {
            Err(store::Error::Unavailable(source)) => Err(store::Error::Unavailable(source).into()),
            // One that cannot be written must not keep the others from being written, now and for ever.
            Err(error) => {
                tracing::warn!(error = ?error, "a batch of decisions could not be written: each alone now");
                for one in batch {
                    match self.write_together(ok, std::slice::from_ref(one)).await {
                        Err(store::Error::Unavailable(source)) => {
                            return Err(store::Error::Unavailable(source).into());
                        }
                        Err(error) => {
                            tracing::error!(id = %one.id, error = ?error, "a decision could not be written down");
                        }
                        Ok(()) => {}
                    }
                }
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    async fn write_together(
        &self,
        ok: &Authorized<'_, RecordDecisions>,
        batch: &[Recorded],
    ) -> Result<(), store::Error> {
        let mut tx = self.store.begin().await?;
        tx.insert_decisions(ok, batch).await?;
        tx.commit().await
    }

    /// Writes what comes, and removes what is too old, until the task is dropped.
    pub async fn keep_decisions_forever(&self) {
        let mut told = 0;
        let write = async {
            loop {
                self.decisions.wake.notified().await;
                tokio::time::sleep(GATHER).await;
                self.flush_decisions().await;
                let dropped = self.decisions.dropped();
                if dropped > told {
                    tracing::warn!(dropped = dropped - told, "allowed decisions of the share were not kept");
                    told = dropped;
                }
            }
        };
        let prune = async {
            loop {
                self.prune_old_decisions().await;
                tokio::time::sleep(PRUNE_EVERY).await;
            }
        };
        tokio::join!(write, prune);
    }

    /// Removes what is older than the operator keeps.
    pub async fn prune_old_decisions(&self) {
        let caller = decisions_principal();
        let pruned = match self.guard.authorize(&caller, PruneDecisions {}).await {
            Ok(ok) => self.prune_decisions(ok).await.map(|_| ()),
            Err(denied) => Err(denied.into()),
        };
        if let Err(error) = pruned {
            tracing::error!(error = ?error, "old decisions could not be removed");
        }
    }

    /// As [`App::prune_old_decisions`]; how many were removed row by row. A batch at a time, so that nobody waits for long.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn prune_decisions(
        &self,
        ok: Authorized<'_, PruneDecisions>,
    ) -> Result<Released<PruneDecisions, u64>, Error> {
        let now = self.now();
        let until = now - self.settings.decision_retention;
        // Without partitions the log is as whole, and its old rows are removed one by one.
        if let Err(error) = self.store.arrange_decision_days(&ok, until, now).await {
            tracing::warn!(error = ?error, "the days of the log of decisions could not be made ahead or dropped");
        }
        let mut pruned = 0;
        loop {
            match self.store.prune_decisions(&ok, until).await? {
                0 => return Ok(ok.release(pruned)),
                some => pruned += some,
            }
        }
    }

    /// What was decided, newest first; what this server decided a moment ago is there.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn list_decisions(
        &self,
        ok: Authorized<'_, ListDecisions>,
        filter: &DecisionFilter,
    ) -> Result<Released<ListDecisions, Vec<LoggedDecision>>, Error> {
        self.flush_decisions().await;
        let decisions = self.store.list_decisions(&ok, filter).await?;
        Ok(ok.release(decisions))
    }

    /// # Errors
    /// [`Error::NotFound`] if it was not kept, or no longer is.
    pub async fn decision(
        &self,
        ok: Authorized<'_, GetDecision>,
    ) -> Result<Released<GetDecision, LoggedDecision>, Error> {
        self.flush_decisions().await;
        let decision = self.store.get_decision(&ok).await?;
        Ok(ok.release(decision))
    }

    /// What was decided about one organization and what is in it.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn list_organization_decisions(
        &self,
        ok: Authorized<'_, ListOrganizationDecisions>,
        filter: &DecisionFilter,
    ) -> Result<Released<ListOrganizationDecisions, Vec<LoggedDecision>>, Error> {
        self.flush_decisions().await;
        let decisions = self.store.list_organization_decisions(&ok, filter).await?;
        Ok(ok.release(decisions))
    }

    /// # Errors
    /// [`Error::NotFound`] if it was not kept, no longer is, or is another organization's.
    pub async fn organization_decision(
        &self,
        ok: Authorized<'_, GetOrganizationDecision>,
    ) -> Result<Released<GetOrganizationDecision, LoggedDecision>, Error> {
        self.flush_decisions().await;
        let decision = self.store.get_organization_decision(&ok).await?;
        Ok(ok.release(decision))
    }

    /// A batch of decisions after `after` and not before `since`, oldest first; empty at the end.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn export_decisions(
        &self,
        ok: &Authorized<'_, ExportDecisions>,
        after: Uuid,
        since: Micros,
    ) -> Result<Vec<LoggedDecision>, Error> {
        Ok(self.store.export_decisions(ok, after, since).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_about_that_share_and_the_same_each_time() {
        use crate::domain::{Random as _, SeededRandom};
        let random = SeededRandom::new(7);
        let ids: Vec<_> = (0..20_000).map(|_| DecisionId::from(random.uuid(Micros::new(0)))).collect();
        let kept = |share| ids.iter().filter(|id| sampled(**id, share)).count();
        assert_eq!((kept(0.0), kept(1.0)), (0, ids.len()));
        assert!((1_800..2_200).contains(&kept(0.1)), "{}", kept(0.1));
        assert_eq!(kept(0.1), kept(0.1));
    }
}
