//! The audit trail: one row per change and per failed attempt, appended in the change's own transaction.
//!
//! Each row's hash covers the row and the hash before it, so a row that was changed, removed or slipped in later
//! breaks the chain from there on. Whoever can rewrite every row can also rewrite every hash: keep the last line of
//! `palisade audit verify` somewhere else to notice that too.

use serde_json::{Map, Value as Json, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::sql::{Row, Sql, args};
use super::{Error, Store, Tx};
use crate::domain::{Event, EventFilter, Micros, OrganizationId};
use crate::guard::actions::{ListEvents, ListOrganizationEvents, ListOwnEvents, PruneEvents, VerifyEvents};
use crate::guard::{Action, Authorized, Resource};

/// What the permit does not say about an event.
#[derive(Debug, Default)]
pub struct Note {
    /// What it was done to, if not the action's own object.
    pub about: Option<Resource>,
    /// Where it belongs, if the object does not say.
    pub within: Option<OrganizationId>,
    /// Why it failed.
    pub failure: Option<&'static str>,
    /// Never a secret.
    pub details: Map<String, Json>,
}

/// The chain as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// How many events were checked.
    pub events: u64,
    /// The last one's number; 0 if there is none.
    pub last: i64,
    /// The last one's hash, in hexadecimal.
    pub head: String,
    /// Where it does not hold, if it does not.
    pub broken: Option<Broken>,
}

/// The first place where the chain does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// The row with this number is not what its hash says, or the one before it is not.
    Changed(i64),
    /// The row with this number is missing.
    Missing(i64),
}

const GENESIS: [u8; 32] = [0; 32];
/// How many rows are read at a time.
const BATCH: i64 = 1_000;

macro_rules! select_events {
    ($rest:literal) => {
        concat!(
            "SELECT seq, created_at, action, principal, resource, organization_id, failure, decision_id, request_id, ip, ",
            "user_agent, details, hash FROM events ",
            $rest
        )
    };
}

pub(super) use select_events;

/// The filter of [`EventFilter`] after a condition on `$1`.
macro_rules! filtered {
    ($whose:literal) => {
        concat!(
            "SELECT seq, created_at, action, principal, resource, organization_id, failure, decision_id, request_id, ip, ",
            "user_agent, details, hash FROM events WHERE ",
            $whose,
            " AND (CAST($2 AS TEXT) IS NULL OR action = $2) AND (CAST($3 AS TEXT) IS NULL OR principal = $3) ",
            "AND created_at >= $4 AND created_at < $5 AND seq < $6 ",
            "AND (CAST($7 AS TEXT) IS NULL OR (failure IS NULL) = ($7 = 'done')) ORDER BY seq DESC LIMIT $8"
        )
    };
}

pub(super) fn event(row: &Row) -> Result<Event, Error> {
    Ok(Event {
        seq: row.get("seq")?,
        at: row.get("created_at")?,
        action: row.get("action")?,
        principal: row.get("principal")?,
        resource: row.get("resource")?,
        organization: row.get::<Option<Uuid>>("organization_id")?.map(OrganizationId::from),
        failure: row.get("failure")?,
        decision: row.get("decision_id")?,
        request_id: row.get("request_id")?,
        ip: row.get("ip")?,
        user_agent: row.get("user_agent")?,
        details: row.parse("details", |text| serde_json::from_str(text).ok())?,
    })
}

/// The hash of an event after the one whose hash is `before`.
fn hash(event: &Event, before: &[u8]) -> [u8; 32] {
    let fields = json!([
        event.seq,
        event.at.get(),
        event.action,
        event.principal,
        event.resource,
        event.organization.map(|id| id.to_string()),
        event.failure,
        event.decision.to_string(),
        event.request_id,
        event.ip,
        event.user_agent,
        event.details,
    ]);
    let mut hasher = Sha256::new();
    hasher.update(before);
    hasher.update(fields.to_string().as_bytes());
    hasher.finalize().into()
}

impl Tx {
    /// Appends what `ok` permitted to the trail. Call it last: it holds the end of the chain until the commit.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn append_event<A: Action>(
        &mut self,
        ok: &Authorized<'_, A>,
        note: Note,
        now: Micros,
    ) -> Result<(), Error> {
        // SQLite has one writer; on PostgreSQL whoever appends waits for whoever appended. The number is arbitrary.
        let alone = self.spelled("SELECT 1", "SELECT pg_advisory_xact_lock(7264918305)");
        self.run(alone, Vec::new()).await?;
        let (last, before) = match head(self).await? {
            Some((seq, hash)) => (seq, hash),
            None => (0, GENESIS.to_vec()),
        };
        let resource = note.about.unwrap_or_else(|| ok.action().resource());
        let caller = ok.caller();
        let mut details = note.details;
        // Who acted, beside in whose name.
        if !caller.through.is_empty() {
            let through = caller.through.iter().map(|link| Json::from(link.uid().to_string()));
            details.insert("through".to_owned(), through.collect());
        }
        let event = Event {
            seq: last + 1,
            at: now,
            action: A::NAME.to_owned(),
            principal: caller.uid().to_string(),
            resource: resource.entity().to_string(),
            organization: note.within.or_else(|| organization(&resource)),
            failure: note.failure.map(str::to_owned),
            decision: ok.decision().into(),
            request_id: caller.origin.request_id.clone(),
            ip: caller.origin.ip.map(|ip| ip.to_string()),
            user_agent: caller.origin.user_agent.clone(),
            details,
        };
        let hash = hash(&event, &before);
        // The chain's order is the order of commits: its number is the revision of all that is known.
        self.makes(event.seq);
        self.run(
            "INSERT INTO events (seq, created_at, action, principal, resource, organization_id, failure, decision_id, \
             request_id, ip, user_agent, details, hash) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
            args![
                event.seq,
                event.at,
                event.action,
                event.principal,
                event.resource,
                event.organization.map(Uuid::from),
                event.failure,
                event.decision,
                event.request_id,
                event.ip,
                event.user_agent,
                Json::Object(event.details).to_string(),
                hash.to_vec(),
            ],
        )
        .await?;
        Ok(())
    }

    /// Removes the events before `until` and keeps where the chain goes on; how many were removed.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn prune_events(
        &mut self,
        _ok: &Authorized<'_, PruneEvents>,
        until: Micros,
        now: Micros,
    ) -> Result<u64, Error> {
        let last = self
            .optional(
                "SELECT seq, hash FROM events WHERE created_at < $1 ORDER BY seq DESC LIMIT 1",
                args![until],
            )
            .await?;
        let Some(row) = last else { return Ok(0) };
        let seq: i64 = row.get("seq")?;
        self.run("DELETE FROM event_anchors", Vec::new()).await?;
        self.run(
            "INSERT INTO event_anchors (seq, hash, pruned_at) VALUES ($1, $2, $3)",
            args![seq, row.get::<Vec<u8>>("hash")?, now],
        )
        .await?;
        self.run("DELETE FROM events WHERE seq <= $1", args![seq]).await
    }
}

/// The end of the chain: the last event, or the anchor that pruning left.
pub(super) async fn head(db: &mut impl Sql) -> Result<Option<(i64, Vec<u8>)>, Error> {
    let last = db
        .optional(
            "SELECT seq, hash FROM events UNION ALL SELECT seq, hash FROM event_anchors ORDER BY seq DESC LIMIT 1",
            Vec::new(),
        )
        .await?;
    last.map(|row| Ok((row.get("seq")?, row.get("hash")?))).transpose()
}

impl Store {
    /// What the permit's person did, and what was done to their account; newest first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn list_own_events(
        &self,
        ok: &Authorized<'_, ListOwnEvents>,
        filter: &EventFilter,
    ) -> Result<Vec<Event>, Error> {
        let own = ok.action().resource().entity().to_string();
        self.events(filtered!("(principal = $1 OR resource = $1)"), args![own], filter).await
    }

    /// What happened in an organization; newest first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn list_organization_events(
        &self,
        ok: &Authorized<'_, ListOrganizationEvents>,
        filter: &EventFilter,
    ) -> Result<Vec<Event>, Error> {
        self.events(filtered!("organization_id = $1"), args![Uuid::from(ok.action().organization)], filter)
            .await
    }

    /// What happened anywhere; newest first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn list_events(
        &self,
        _ok: &Authorized<'_, ListEvents>,
        filter: &EventFilter,
    ) -> Result<Vec<Event>, Error> {
        self.events(filtered!("$1 = 1"), args![1_i64], filter).await
    }

    async fn events(
        &self,
        sql: &'static str,
        mut whose: Vec<super::sql::Value>,
        filter: &EventFilter,
    ) -> Result<Vec<Event>, Error> {
        let failed = filter.failed.map(|failed| if failed { "failed" } else { "done" });
        whose.extend(args![
            filter.action.as_deref(),
            filter.principal.as_deref(),
            filter.since.unwrap_or(Micros::new(i64::MIN)),
            filter.until.unwrap_or(Micros::new(i64::MAX)),
            filter.before.unwrap_or(i64::MAX),
            failed,
            filter.limit,
        ]);
        let mut db = self;
        db.all(sql, whose).await?.iter().map(event).collect()
    }

    /// A batch of events after `after`, oldest first, for export.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn export_events(
        &self,
        _ok: &Authorized<'_, VerifyEvents>,
        after: i64,
    ) -> Result<Vec<Event>, Error> {
        let mut db = self;
        let rows =
            db.all(select_events!("WHERE seq > $1 ORDER BY seq LIMIT $2"), args![after, BATCH]).await?;
        rows.iter().map(event).collect()
    }

    /// Walks the whole chain.
    ///
    /// # Errors
    /// If the database does not answer, or a row cannot be read at all.
    pub async fn verify_events(&self, _ok: &Authorized<'_, VerifyEvents>) -> Result<Verified, Error> {
        let mut db = self;
        let anchor =
            db.optional("SELECT seq, hash FROM event_anchors ORDER BY seq DESC LIMIT 1", Vec::new()).await?;
        let (mut last, mut before) = match anchor {
            Some(row) => (row.get("seq")?, row.get::<Vec<u8>>("hash")?),
            None => (0, GENESIS.to_vec()),
        };
        let (mut events, mut broken) = (0, None);
        'walk: loop {
            let rows =
                db.all(select_events!("WHERE seq > $1 ORDER BY seq LIMIT $2"), args![last, BATCH]).await?;
            for row in &rows {
                let (event, stored) = (event(row)?, row.get::<Vec<u8>>("hash")?);
                if event.seq != last + 1 {
                    broken = Some(Broken::Missing(last + 1));
                    break 'walk;
                }
                if hash(&event, &before).as_slice() != stored.as_slice() {
                    broken = Some(Broken::Changed(event.seq));
                    break 'walk;
                }
                (last, before, events) = (event.seq, stored, events + 1);
            }
            if rows.is_empty() {
                break;
            }
        }
        let head = before.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Verified { events, last, head, broken })
    }
}

fn organization(resource: &Resource) -> Option<OrganizationId> {
    match resource {
        Resource::Platform | Resource::User(_) => None,
        Resource::Organization(id)
        | Resource::Membership(id, _)
        | Resource::Invitation(id, _)
        | Resource::Agent(id, _) => Some(*id),
    }
}
