//! What goes away by itself: accounts that are due, and sign-ins, tokens and links that have long been over.

use std::time::Duration;

use super::{App, Error};
use crate::guard::actions::{PurgeAccounts, PurgeExpired};
use crate::guard::{Authorized, Principal};

const EVERY: Duration = Duration::from_secs(60 * 60);
/// Rows of one table in one statement, so that nobody waits long for the purge.
const BATCH: i64 = 500;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How long what is over is kept, for whoever looks into an incident.
const KEPT: Duration = Duration::from_secs(30 * DAY.as_secs());
/// How long a device is remembered that nobody signs in from.
const DEVICES_KEPT: Duration = Duration::from_secs(365 * DAY.as_secs());

/// Who purges.
#[must_use]
pub fn purge_principal() -> Principal {
    Principal::system("purge", "purge".to_owned())
}

impl App {
    /// Deletes what has been over for thirty days: delegations, tokens for one task, sessions with their refresh
    /// tokens, links that were mailed, invitations; and devices and networks not seen for a year. How many rows.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn purge_expired(&self, ok: &Authorized<'_, PurgeExpired>) -> Result<u64, Error> {
        let (over, unseen) = (self.now() - KEPT, self.now() - DEVICES_KEPT);
        let mut deleted = 0;
        loop {
            let batch = self.store.delete_expired(ok, over, unseen, BATCH).await?;
            if batch == 0 {
                return Ok(deleted);
            }
            deleted += batch;
        }
    }

    async fn purge(&self) -> Result<(usize, u64), Error> {
        let caller = purge_principal();
        let accounts = self.purge_accounts(&self.guard.authorize(&caller, PurgeAccounts {}).await?).await?;
        let rows = self.purge_expired(&self.guard.authorize(&caller, PurgeExpired {}).await?).await?;
        Ok((accounts, rows))
    }

    /// Purges what is due, hourly, until the task is dropped.
    pub async fn purge_forever(&self) {
        loop {
            match self.purge().await {
                Ok((0, 0)) => {}
                Ok((accounts, rows)) => tracing::info!(accounts, rows, "what is over was purged"),
                Err(error) => tracing::error!(error = ?error, "what is over could not be purged"),
            }
            tokio::time::sleep(EVERY).await;
        }
    }
}
