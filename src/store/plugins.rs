//! What plugins keep, and how far each sink has been told of the events.
//!
//! Whose entry it is comes from the permit: no plugin names another's.

use std::time::Duration;

use super::audit::{event, select_events};
use super::sql::{Row, Sql as _, args};
use super::{Error, Store, Tx};
use crate::domain::{Event, Micros};
use crate::guard::actions::{DeliverEvents, ReadPluginStorage, WritePluginStorage};
use crate::guard::{Action, Authorized, Party};

/// Entries of one plugin.
const ENTRIES: i64 = 10_000;
/// Bytes of one plugin's values.
const BYTES: i64 = 16 << 20;

/// Whether an entry was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    Enough,
    Full,
}

fn owner<A: Action>(ok: &Authorized<'_, A>) -> Result<String, Error> {
    match &ok.caller().party {
        Party::Plugin(plugin) => Ok(plugin.id.clone()),
        _ => Err(Error::NotFound),
    }
}

impl Store {
    /// # Errors
    /// If the database does not answer.
    pub async fn plugin_entry(
        &self,
        ok: &Authorized<'_, ReadPluginStorage>,
        space: &str,
        key: &str,
        now: Micros,
    ) -> Result<Option<Vec<u8>>, Error> {
        let mut db = self;
        let row = db
            .optional(
                "SELECT value, number FROM plugin_entries \
                 WHERE plugin = $1 AND space = $2 AND key = $3 AND expires_at > $4",
                args![owner(ok)?, space, key, now],
            )
            .await?;
        let Some(row) = row else { return Ok(None) };
        let number = || row.get::<i64>("number").map(|number| number.to_string().into_bytes());
        Ok(Some(match row.get::<Option<Vec<u8>>>("value")? {
            Some(value) => value,
            None => number()?,
        }))
    }
}

impl Tx {
    /// Room for this entry of so many bytes beside the others of the space? What is over is removed first.
    async fn plugin_has_room(
        &mut self,
        (plugin, space, key): (&str, &str, &str),
        bytes: usize,
        now: Micros,
    ) -> Result<bool, Error> {
        self.run("DELETE FROM plugin_entries WHERE plugin = $1 AND expires_at <= $2", args![plugin, now])
            .await?;
        let row = self
            .one(
                "SELECT COUNT(*) AS entries, CAST(COALESCE(SUM(LENGTH(value)), 0) AS BIGINT) AS bytes \
                 FROM plugin_entries WHERE plugin = $1 AND space = $2 AND key <> $3",
                args![plugin, space, key],
            )
            .await?;
        let (entries, held): (i64, i64) = (row.get("entries")?, row.get("bytes")?);
        Ok(entries < ENTRIES && held.saturating_add(i64::try_from(bytes).unwrap_or(i64::MAX)) <= BYTES)
    }

    /// # Errors
    /// If the database does not answer.
    pub async fn put_plugin_entry(
        &mut self,
        ok: &Authorized<'_, WritePluginStorage>,
        (space, key): (&str, &str),
        value: Vec<u8>,
        expires_at: Micros,
        now: Micros,
    ) -> Result<Room, Error> {
        let plugin = owner(ok)?;
        if !self.plugin_has_room((&plugin, space, key), value.len(), now).await? {
            return Ok(Room::Full);
        }
        self.run(
            "INSERT INTO plugin_entries (plugin, space, key, value, number, expires_at) \
             VALUES ($1, $2, $3, $4, 0, $5) ON CONFLICT (plugin, space, key) \
             DO UPDATE SET value = excluded.value, number = 0, expires_at = excluded.expires_at",
            args![plugin, space, key, value, expires_at],
        )
        .await?;
        Ok(Room::Enough)
    }

    /// # Errors
    /// If the database does not answer.
    pub async fn delete_plugin_entry(
        &mut self,
        ok: &Authorized<'_, WritePluginStorage>,
        space: &str,
        key: &str,
    ) -> Result<(), Error> {
        self.run(
            "DELETE FROM plugin_entries WHERE plugin = $1 AND space = $2 AND key = $3",
            args![owner(ok)?, space, key],
        )
        .await?;
        Ok(())
    }

    /// Adds to a number in one statement; the sum, or `None` if there is no room for another entry.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn add_to_plugin_entry(
        &mut self,
        ok: &Authorized<'_, WritePluginStorage>,
        (space, key): (&str, &str),
        by: i64,
        expires_at: Micros,
        now: Micros,
    ) -> Result<Option<i64>, Error> {
        let plugin = owner(ok)?;
        if !self.plugin_has_room((&plugin, space, key), 0, now).await? {
            return Ok(None);
        }
        let row = self
            .one(
                "INSERT INTO plugin_entries (plugin, space, key, value, number, expires_at) \
                 VALUES ($1, $2, $3, NULL, $4, $5) ON CONFLICT (plugin, space, key) \
                 DO UPDATE SET value = NULL, number = plugin_entries.number + excluded.number RETURNING number",
                args![plugin, space, key, by, expires_at],
            )
            .await?;
        Ok(Some(row.get("number")?))
    }

    /// How far `plugin` has been told, if nobody else is telling it now; for `lease` nobody else will. A sink that was
    /// not known begins with what happens from now on.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn lease_event_sink(
        &mut self,
        _ok: &Authorized<'_, DeliverEvents>,
        plugin: &str,
        lease: Duration,
        now: Micros,
    ) -> Result<Option<(i64, i64)>, Error> {
        self.run(
            "INSERT INTO plugin_cursors (plugin, seq, attempts, leased_until) \
             VALUES ($1, (SELECT COALESCE(MAX(seq), 0) FROM events), 0, 0) ON CONFLICT (plugin) DO NOTHING",
            args![plugin],
        )
        .await?;
        let row = self
            .optional(
                "UPDATE plugin_cursors SET leased_until = $2, attempts = attempts + 1 \
                 WHERE plugin = $1 AND leased_until <= $3 RETURNING seq, attempts",
                args![plugin, now + lease, now],
            )
            .await?;
        row.map(|row| Ok((row.get("seq")?, row.get("attempts")?))).transpose()
    }

    /// Notes that `plugin` has taken everything up to `seq`, how often in vain it was told what comes next, and that
    /// it may be told more from `again` on.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn event_sink_took(
        &mut self,
        _ok: &Authorized<'_, DeliverEvents>,
        plugin: &str,
        (from, to): (i64, i64),
        (attempts, again): (i64, Micros),
    ) -> Result<(), Error> {
        self.run(
            "UPDATE plugin_cursors SET seq = $3, attempts = $4, leased_until = $5 WHERE plugin = $1 AND seq = $2",
            args![plugin, from, to, attempts, again],
        )
        .await?;
        Ok(())
    }
}

impl Store {
    /// The events after `seq`, oldest first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn events_after(
        &self,
        _ok: &Authorized<'_, DeliverEvents>,
        seq: i64,
        limit: i64,
    ) -> Result<Vec<Event>, Error> {
        let mut db = self;
        let rows = db.all(select_events!("WHERE seq > $1 ORDER BY seq LIMIT $2"), args![seq, limit]).await?;
        rows.iter().map(|row: &Row| event(row)).collect()
    }
}
