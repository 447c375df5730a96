//! The decision log: denials, what administrators did, and a share of the rest.
//!
//! What a decision rested on is stored once for all decisions that rested on the same, under its own hash.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use uuid::Uuid;

use super::many_rows::ManyRows;
use super::sql::{Row, Sql, Value, args};
use super::{Error, Store, Tx};
use crate::domain::{DecisionFilter, InvitationId, LoggedDecision, Micros, OrganizationId, UserId};
use crate::guard::actions::{
    ExportDecisions, GetDecision, GetOrganizationDecision, ListDecisions, ListOrganizationDecisions,
    PruneDecisions, RecordDecisions,
};
use crate::guard::{Authorized, Recorded};
use crate::pdp::{Entity, EntityRef, FactSet};

/// How many decisions are read at a time for export, and removed in one statement.
const BATCH: i64 = 1_000;
const DAY: i64 = 24 * 60 * 60;

macro_rules! columns {
    () => {
        "SELECT decisions.id, created_at, organization_id, principal, action, resource, allowed, policies, errors, \
         policy_version, request_id, context"
    };
}

/// The filter of [`DecisionFilter`] after a condition on `$1`.
macro_rules! filtered {
    ($lead:literal) => {
        concat!(
            columns!(),
            " FROM decisions WHERE ",
            $lead,
            " AND (CAST($2 AS TEXT) IS NULL OR principal = $2) AND (CAST($3 AS TEXT) IS NULL OR action = $3) ",
            "AND (CAST($4 AS TEXT) IS NULL OR resource = $4) AND (CAST($5 AS TEXT) IS NULL OR EXISTS ",
            "(SELECT 1 FROM decision_policies WHERE decision_id = decisions.id AND policy = $5)) ",
            "AND (CAST($6 AS TEXT) IS NULL OR allowed = ($6 = 'allow')) AND created_at >= $7 AND created_at < $8 ",
            // The same bounds again, as far as ids tell the time: so whole days are left out.
            "AND id < $9 AND id >= $11 AND id < $12 ORDER BY id DESC LIMIT $10"
        )
    };
}

static INSERT: ManyRows = ManyRows::insert(
    "decisions (id, day, created_at, organization_id, principal, action, resource, allowed, policies, errors, \
     policy_version, request_id, context, slice)",
    14,
);
static INSERT_POLICIES: ManyRows = ManyRows::insert("decision_policies (decision_id, policy)", 2);
static INSERT_SLICES: ManyRows = ManyRows::insert("decision_slices (day, hash, entities)", 3);
static KNOWN_SLICES: ManyRows =
    ManyRows::new("SELECT day, hash FROM decision_slices WHERE (day, hash) IN (VALUES", 2, ")");

/// Nothing sorts behind it.
const LAST: Uuid = Uuid::max();

fn decision(row: &Row) -> Result<LoggedDecision, Error> {
    let texts = |column| row.parse(column, |text| serde_json::from_str::<Vec<String>>(text).ok());
    Ok(LoggedDecision {
        id: row.get("id")?,
        at: row.get("created_at")?,
        organization: row.get::<Option<Uuid>>("organization_id")?.map(OrganizationId::from),
        principal: row.get("principal")?,
        action: row.get("action")?,
        resource: row.get("resource")?,
        allowed: row.get("allowed")?,
        policies: texts("policies")?,
        errors: texts("errors")?,
        policy_version: row.get("policy_version")?,
        request_id: row.get("request_id")?,
        context: row.parse("context", |text| serde_json::from_str(text).ok())?,
        entities: Json::Null,
    })
}

fn whole(row: &Row) -> Result<LoggedDecision, Error> {
    let entities = row.parse("entities", |text| serde_json::from_str(text).ok())?;
    Ok(LoggedDecision { entities, ..decision(row)? })
}

pub(super) const fn day(at: Micros) -> i64 {
    at.seconds().div_euclid(DAY)
}

/// Before every id of the day, and behind every one of the day before.
pub(super) fn first_id(day: i64) -> Uuid {
    first_id_at(day.saturating_mul(DAY * 1_000))
}

/// Before every id that was made in this millisecond or later.
fn first_id_at(millis: i64) -> Uuid {
    // 48 bits of an id are its time.
    let millis = u128::try_from(millis.clamp(0, 0xffff_ffff_ffff)).unwrap_or_default();
    Uuid::from_u128(millis << 80)
}

impl Tx {
    /// Writes decisions down; one that is there already stays as it is.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn insert_decisions(
        &mut self,
        _ok: &Authorized<'_, RecordDecisions>,
        decisions: &[Recorded],
    ) -> Result<(), Error> {
        let mut slices = BTreeMap::new();
        let (mut rows, mut policies) = (Vec::with_capacity(decisions.len()), Vec::new());
        for it in decisions {
            let slice = (day(it.at), it.question.entities.digest().to_vec());
            rows.push(decision_row(it, &slice));
            slices.entry(slice).or_insert(&it.question.entities);
            let determining = it.decision.determining.iter();
            policies.extend(determining.map(|policy| args![Uuid::from(it.id), policy.id.as_str()]));
        }
        self.run_for(&INSERT, rows).await?;
        self.run_for(&INSERT_POLICIES, policies).await?;
        // Most are there already, and need not be spelled out again.
        let named = slices.keys().map(|(day, hash)| args![*day, hash.clone()]).collect();
        for row in self.all_for(&KNOWN_SLICES, named).await? {
            slices.remove(&(row.get("day")?, row.get("hash")?));
        }
        // In one order, whoever writes: two batches that touch the same slices wait for each other, not in a circle.
        let text = |entities: &FactSet| Entity::all_to_json(entities.iter()).to_string();
        let slices = slices.into_iter().map(|((day, hash), entities)| args![day, hash, text(entities)]);
        self.run_for(&INSERT_SLICES, slices.collect()).await
    }

    /// Removes what the log holds of somebody, and what that rested on; part of the purge of an account, before its
    /// invitations go.
    pub(super) async fn forget_decisions(&mut self, account: UserId, email: &str) -> Result<(), Error> {
        let invitations = self.all("SELECT id FROM invitations WHERE email = $1", args![email]).await?;
        let mut about = vec![EntityRef::new("User", account.to_string())];
        for row in &invitations {
            about.push(EntityRef::new("Invitation", row.get::<InvitationId>("id")?.to_string()));
        }
        for one in about {
            for statement in [
                "DELETE FROM decision_slices WHERE hash IN \
                 (SELECT slice FROM decisions WHERE principal = $1 OR resource = $1)",
                "DELETE FROM decision_policies WHERE decision_id IN \
                 (SELECT id FROM decisions WHERE principal = $1 OR resource = $1)",
                "DELETE FROM decisions WHERE principal = $1 OR resource = $1",
            ] {
                self.run(statement, args![one.to_string()]).await?;
            }
        }
        // The only context that holds an address.
        for statement in [
            "DELETE FROM decision_policies WHERE decision_id IN \
             (SELECT id FROM decisions WHERE action = 'Register' AND REPLACE(context, $1, '') <> context)",
            "DELETE FROM decisions WHERE action = 'Register' AND REPLACE(context, $1, '') <> context",
        ] {
            self.run(statement, args![Json::from(email).to_string()]).await?;
        }
        Ok(())
    }
}

/// A product may ask about any name; PostgreSQL keeps no NUL.
fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

fn decision_row(it: &Recorded, (day, slice): &(i64, Vec<u8>)) -> Vec<Value> {
    let (question, made) = (&it.question, &it.decision);
    let policies = made.determining.iter().map(|policy| policy.id.as_str());
    args![
        Uuid::from(it.id),
        *day,
        it.at,
        it.organization().map(Uuid::from),
        storable(&question.principal.to_string()),
        storable(&question.action),
        storable(&question.resource.to_string()),
        made.allowed,
        Json::from_iter(policies).to_string(),
        Json::from(made.errors.clone()).to_string(),
        made.version.to_string(),
        it.request_id.as_str(),
        crate::pdp::Value::pairs_to_json(&question.context).to_string(),
        slice.clone(),
    ]
}

impl Store {
    /// Newest first; without what each rested on.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn list_decisions(
        &self,
        _ok: &Authorized<'_, ListDecisions>,
        filter: &DecisionFilter,
    ) -> Result<Vec<LoggedDecision>, Error> {
        // The narrowest condition leads: only that one is looked up in an index.
        let (sql, lead) = if let Some(resource) = &filter.resource {
            (filtered!("resource = $1"), args![resource.as_str()])
        } else if let Some(principal) = &filter.principal {
            (filtered!("principal = $1"), args![principal.as_str()])
        } else if let Some(policy) = &filter.policy {
            let sql = filtered!("id IN (SELECT decision_id FROM decision_policies WHERE policy = $1)");
            (sql, args![policy.as_str()])
        } else if let Some(action) = &filter.action {
            (filtered!("action = $1"), args![action.as_str()])
        } else {
            (filtered!("$1 = 1"), args![1_i64])
        };
        self.decisions(sql, lead, filter).await
    }

    /// Those about one organization and what is in it, newest first; without what each rested on.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn list_organization_decisions(
        &self,
        ok: &Authorized<'_, ListOrganizationDecisions>,
        filter: &DecisionFilter,
    ) -> Result<Vec<LoggedDecision>, Error> {
        let lead = args![Uuid::from(ok.action().organization)];
        self.decisions(filtered!("organization_id = $1"), lead, filter).await
    }

    async fn decisions(
        &self,
        sql: &'static str,
        mut lead: Vec<Value>,
        filter: &DecisionFilter,
    ) -> Result<Vec<LoggedDecision>, Error> {
        lead.extend(args![
            filter.principal.as_deref(),
            filter.action.as_deref(),
            filter.resource.as_deref(),
            filter.policy.as_deref(),
            filter.allowed.map(|allowed| if allowed { "allow" } else { "deny" }),
            filter.since.unwrap_or(Micros::new(i64::MIN)),
            filter.until.unwrap_or(Micros::new(i64::MAX)),
            filter.before.unwrap_or(LAST),
            filter.limit,
            filter.since.map_or(Uuid::nil(), |since| first_id_at(since.millis())),
            filter.until.map_or(LAST, |until| first_id_at(until.millis().saturating_add(1))),
        ]);
        let mut db = self;
        db.all(sql, lead).await?.iter().map(decision).collect()
    }

    /// One decision with what it rested on.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it was not kept, or no longer is.
    pub async fn get_decision(&self, ok: &Authorized<'_, GetDecision>) -> Result<LoggedDecision, Error> {
        let mut db = self;
        let sql = concat!(
            columns!(),
            ", entities FROM decisions JOIN decision_slices \
             ON hash = slice AND decision_slices.day = decisions.day WHERE decisions.id = $1"
        );
        whole(&db.one(sql, args![ok.action().decision]).await?)
    }

    /// One decision about an organization and what is in it; without what it rested on.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it was not kept, no longer is, or is another organization's.
    pub async fn get_organization_decision(
        &self,
        ok: &Authorized<'_, GetOrganizationDecision>,
    ) -> Result<LoggedDecision, Error> {
        let mut db = self;
        let sql = concat!(columns!(), " FROM decisions WHERE id = $1 AND organization_id = $2");
        let GetOrganizationDecision { organization, decision: id } = ok.action();
        decision(&db.one(sql, args![*id, Uuid::from(*organization)]).await?)
    }

    /// A batch of decisions after `after` and not before `since`, oldest first, each with what it rested on.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn export_decisions(
        &self,
        _ok: &Authorized<'_, ExportDecisions>,
        after: Uuid,
        since: Micros,
    ) -> Result<Vec<LoggedDecision>, Error> {
        let mut db = self;
        let sql = concat!(
            columns!(),
            ", entities FROM decisions JOIN decision_slices ON hash = slice AND decision_slices.day = decisions.day \
             WHERE decisions.id > $1 AND created_at >= $2 ORDER BY decisions.id LIMIT $3"
        );
        let after = after.max(first_id_at(since.millis()));
        db.all(sql, args![after, since, BATCH]).await?.iter().map(whole).collect()
    }

    /// Removes, row by row, some decisions of days that ended before `until`, and what they rested on; how many
    /// decisions were removed: call it until there are none. What stands in partitions is dropped before, by
    /// [`Store::arrange_decision_days`].
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn prune_decisions(
        &self,
        _ok: &Authorized<'_, PruneDecisions>,
        until: Micros,
    ) -> Result<u64, Error> {
        let mut db = self;
        let first_kept = day(until);
        let mut removed = 0;
        // By whom first, so that what is interrupted between the two is found again.
        for statement in [
            "DELETE FROM decision_policies WHERE decision_id IN \
             (SELECT id FROM decisions WHERE day < $1 AND id < $3 ORDER BY id LIMIT $2)",
            "DELETE FROM decisions WHERE id IN \
             (SELECT id FROM decisions WHERE day < $1 AND id < $3 ORDER BY id LIMIT $2)",
        ] {
            removed = db.run(statement, args![first_kept, BATCH, first_id(first_kept)]).await?;
        }
        if removed == 0 {
            db.run("DELETE FROM decision_slices WHERE day < $1", args![first_kept]).await?;
        }
        Ok(removed)
    }
}
