//! Telling plugins what has happened: in order, in batches, at least once each.

use std::time::Duration;

use serde_json::json;

use super::{App, Error};
use crate::domain::Event;
use crate::guard::actions::DeliverEvents;
use crate::guard::{Authorized, Principal};
use crate::plugins::{self, RequestContext};

const BATCH: i64 = 50;
/// Longer than any call may take, so that two servers do not tell one sink the same at once.
const LEASE: Duration = Duration::from_secs(90);
const FIRST_RETRY: Duration = Duration::from_secs(5);
const LONGEST_RETRY: Duration = Duration::from_secs(15 * 60);
const POLL: Duration = Duration::from_secs(2);

/// Who tells plugins of events.
#[must_use]
pub fn events_principal() -> Principal {
    Principal::system("plugins", "plugin-events".to_owned())
}

impl App {
    /// Tells every sink that is due what it has not heard; how many events were taken. A sink that takes nothing is
    /// asked again later, ever more rarely; the others do not wait for it.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn deliver_events(&self, ok: &Authorized<'_, DeliverEvents>) -> Result<usize, Error> {
        let mut taken = 0;
        for plugin in self.plugins().event_sinks().map(str::to_owned).collect::<Vec<_>>() {
            while let more @ 1.. = self.deliver_batch(ok, &plugin).await? {
                taken += more;
            }
        }
        Ok(taken)
    }

    async fn deliver_batch(&self, ok: &Authorized<'_, DeliverEvents>, plugin: &str) -> Result<usize, Error> {
        let now = self.now();
        let mut tx = self.store.begin().await?;
        let leased = tx.lease_event_sink(ok, plugin, LEASE, now).await?;
        tx.commit().await?;
        let Some((seq, attempts)) = leased else { return Ok(0) };
        let events = self.store.events_after(ok, seq, BATCH).await?;
        let batch: Vec<plugins::Event> = events.iter().map(told).collect();
        let context = RequestContext {
            request_id: ok.caller().origin.request_id.clone(),
            now: now.seconds().try_into().unwrap_or(0),
            ..RequestContext::default()
        };
        let taken = match batch.as_slice() {
            [] => Ok(0),
            batch => self.plugins().deliver_events(&context, plugin, batch).await,
        };
        let heard = taken.as_ref().map_or(0, |taken| *taken);
        let last = heard.checked_sub(1).and_then(|last| events.get(last)).map_or(seq, |event| event.seq);
        let vain = heard == 0 && !events.is_empty();
        let next = if vain { (attempts, self.now() + wait_after(attempts)) } else { (0, now) };
        let mut tx = self.store.begin().await?;
        tx.event_sink_took(ok, plugin, (seq, last), next).await?;
        tx.commit().await?;
        Ok(heard)
    }

    /// Tells of events until the task is dropped.
    pub async fn deliver_events_forever(&self) {
        let caller = events_principal();
        loop {
            let delivered = match self.guard.authorize(&caller, DeliverEvents {}).await {
                Ok(ok) => self.deliver_events(&ok).await,
                Err(denied) => Err(denied.into()),
            };
            if let Err(error) = delivered {
                tracing::error!(error = ?error, "plugins could not be told of events");
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

/// Doubles from five seconds to a quarter of an hour.
fn wait_after(attempts: i64) -> Duration {
    let doublings = u32::try_from(attempts.clamp(1, 16)).unwrap_or(1) - 1;
    FIRST_RETRY.saturating_mul(2_u32.saturating_pow(doublings)).min(LONGEST_RETRY)
}

fn told(event: &Event) -> plugins::Event {
    let payload = json!({
        "principal": event.principal,
        "resource": event.resource,
        "failure": event.failure,
        "decision": event.decision.to_string(),
        "request_id": event.request_id,
        "ip": event.ip,
        "user_agent": event.user_agent,
        "details": event.details,
    });
    plugins::Event {
        // The number is the event's name for ever: the trail is never renumbered.
        id: format!("evt_{}", event.seq),
        sequence: event.seq.try_into().unwrap_or(0),
        kind: event.action.clone(),
        occurred_at: u64::try_from(event.at.get()).unwrap_or(0) / 1_000,
        succeeded: event.failure.is_none(),
        organization: event.organization.map(|id| id.to_string()),
        payload: payload.to_string(),
    }
}
