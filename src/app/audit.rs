//! What happened, for those who may know.

use super::{App, Error};
use crate::domain::{Event, EventFilter, Micros};
use crate::guard::actions::{ListEvents, ListOrganizationEvents, ListOwnEvents, PruneEvents, VerifyEvents};
use crate::guard::{Authorized, Released};
use crate::store::{Note, Verified};

impl App {
    /// # Errors
    /// If the database does not answer.
    pub async fn list_own_events(
        &self,
        ok: Authorized<'_, ListOwnEvents>,
        filter: &EventFilter,
    ) -> Result<Released<ListOwnEvents, Vec<Event>>, Error> {
        let events = self.store.list_own_events(&ok, filter).await?;
        Ok(ok.release(events))
    }

    /// # Errors
    /// If the database does not answer.
    pub async fn list_organization_events(
        &self,
        ok: Authorized<'_, ListOrganizationEvents>,
        filter: &EventFilter,
    ) -> Result<Released<ListOrganizationEvents, Vec<Event>>, Error> {
        let events = self.store.list_organization_events(&ok, filter).await?;
        Ok(ok.release(events))
    }

    /// # Errors
    /// If the database does not answer.
    pub async fn list_events(
        &self,
        ok: Authorized<'_, ListEvents>,
        filter: &EventFilter,
    ) -> Result<Released<ListEvents, Vec<Event>>, Error> {
        let events = self.store.list_events(&ok, filter).await?;
        Ok(ok.release(events))
    }

    /// Walks the whole chain.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn verify_events(&self, ok: &Authorized<'_, VerifyEvents>) -> Result<Verified, Error> {
        Ok(self.store.verify_events(ok).await?)
    }

    /// A batch of events after `after`, oldest first; empty at the end.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn export_events(
        &self,
        ok: &Authorized<'_, VerifyEvents>,
        after: i64,
    ) -> Result<Vec<Event>, Error> {
        Ok(self.store.export_events(ok, after).await?)
    }

    /// Removes the events before `until`, and tells of it; how many were removed.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn prune_events(&self, ok: &Authorized<'_, PruneEvents>, until: Micros) -> Result<u64, Error> {
        let now = self.now();
        let mut tx = self.store.begin().await?;
        let pruned = tx.prune_events(ok, until, now).await?;
        let details = serde_json::Map::from_iter([("pruned".to_owned(), pruned.into())]);
        tx.append_event(ok, Note { details, ..Note::default() }, now).await?;
        tx.commit().await?;
        Ok(pruned)
    }
}
