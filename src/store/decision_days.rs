//! The days of the log of decisions: on PostgreSQL each has partitions of its own, made ahead and dropped whole.
//!
//! SQLite has no partitions, and on PostgreSQL a day for which none were made in time stands in the `_rest` of each table.
//! There old rows are deleted one by one, by `prune_decisions`.

use std::collections::BTreeSet;

use super::decisions::{day, first_id};
use super::sql::{Sql as _, args};
use super::{Error, Store, Tx};
use crate::domain::Micros;
use crate::guard::Authorized;
use crate::guard::actions::PruneDecisions;

/// How many days have their partitions before they begin: a server that is away over a weekend finds them.
const AHEAD: i64 = 7;

/// What makes the days takes turns, and gives up rather than hold up whoever writes the log. The number is arbitrary.
const ALONE: [&str; 2] = ["SELECT pg_advisory_xact_lock(7264918306)", "SET LOCAL lock_timeout = '3s'"];

impl Store {
    /// Drops what ended before `until`, and makes room for the days to come; how many days were dropped. On SQLite nothing.
    ///
    /// # Errors
    /// If the database does not answer, or does not let us make tables: then the days stand in the rest.
    pub async fn arrange_decision_days(
        &self,
        _ok: &Authorized<'_, PruneDecisions>,
        until: Micros,
        now: Micros,
    ) -> Result<u64, Error> {
        if !self.has_partitions() {
            return Ok(0);
        }
        let mut tx = self.begin().await?;
        for statement in ALONE {
            tx.run(statement, Vec::new()).await?;
        }
        let there = tx.decision_days().await?;
        let mut dropped = 0;
        for old in there.iter().filter(|it| **it < day(until)) {
            tx.define(format!(
                "DROP TABLE decisions_d{old}, decision_policies_d{old}, decision_slices_d{old}"
            ))
            .await?;
            dropped += 1;
        }
        for next in day(now)..=day(now) + AHEAD {
            if !there.contains(&next) && !tx.has_rest_of(next).await? {
                tx.make_decision_day(next).await?;
            }
        }
        tx.commit().await?;
        Ok(dropped)
    }
}

impl Tx {
    /// Those that have partitions.
    async fn decision_days(&mut self) -> Result<BTreeSet<i64>, Error> {
        let rows = self
            .all(
                "SELECT CAST(relname AS TEXT) AS name FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid \
                 WHERE inhparent = CAST('decisions' AS REGCLASS)",
                Vec::new(),
            )
            .await?;
        let mut days = BTreeSet::new();
        for row in &rows {
            let name: String = row.get("name")?;
            days.extend(name.strip_prefix("decisions_d").and_then(|day| day.parse::<i64>().ok()));
        }
        Ok(days)
    }

    /// Whether something of the day stands in the rest already: then it cannot have partitions any more.
    async fn has_rest_of(&mut self, day: i64) -> Result<bool, Error> {
        let found = self
            .optional(
                "SELECT 1 AS held WHERE EXISTS (SELECT 1 FROM decisions_rest WHERE id >= $1 AND id < $2) \
                 OR EXISTS (SELECT 1 FROM decision_policies_rest WHERE decision_id >= $1 AND decision_id < $2) \
                 OR EXISTS (SELECT 1 FROM decision_slices_rest WHERE day = $3)",
                args![first_id(day), first_id(day + 1), day],
            )
            .await?;
        Ok(found.is_some())
    }

    async fn make_decision_day(&mut self, day: i64) -> Result<(), Error> {
        let next = day + 1;
        let range = format!("FROM ('{}') TO ('{}')", first_id(day), first_id(next));
        self.define(format!(
            "CREATE TABLE decisions_d{day} PARTITION OF decisions FOR VALUES {range}; \
             CREATE TABLE decision_policies_d{day} PARTITION OF decision_policies FOR VALUES {range}; \
             CREATE TABLE decision_slices_d{day} PARTITION OF decision_slices FOR VALUES FROM ({day}) TO ({next})"
        ))
        .await
    }
}
