//! Whom and what a search asks about: names in their order, and the facts of many at once.

use std::collections::HashMap;

use serde_json::json;
use uuid::Uuid;

use super::facts::{roles, user_entity};
use super::resource_facts::{HOPS, MOST, read_entity, too_deep, too_many, uid};
use super::resources::{DEEPEST, name};
use super::sql::{Pool, Row, Sql as _, args};
use super::{Error, Store};
use crate::domain::{OrganizationId, UserId};
use crate::guard::actions::Searches;
use crate::guard::{AgentPrincipal, Authorized};
use crate::pdp::{Entity, EntityRef, FactSet, Reach};

/// How many rows the facts of several things may take at once; with more, fewer are asked for.
const ROWS: i64 = 20_000;

/// One candidate with its facts, itself first.
#[derive(Debug)]
pub struct Candidate {
    pub name: EntityRef,
    pub entities: FactSet,
}

impl Candidate {
    /// One about whom nothing else needs to be known.
    #[must_use]
    pub fn alone(entity: Entity) -> Self {
        Self { name: entity.uid.clone(), entities: entity.into() }
    }
}

/// Both databases read a list out of JSON, in words of their own.
pub(super) struct Lists {
    pub(super) sqlite: &'static str,
    pub(super) postgres: &'static str,
}

/// The ids of one type after `$3` of things that are one of `$5` (pairs of type and id) or in it, or among whose
/// attributes stands one of the texts `$6`. Depth needs no bound here: there are no circles, and `UNION` ends them.
macro_rules! bounded_ids {
    ($within:literal, $naming:literal) => {
        concat!(
            "WITH RECURSIVE below (type, id) AS ( ",
            $within,
            " UNION SELECT resource_relations.type, resource_relations.id FROM below JOIN resource_relations \
               ON organization_id = $1 AND target_type = below.type AND target_id = below.id AND parent \
             ) SELECT id FROM resources WHERE organization_id = $1 AND type = $2 AND id > $3 \
               AND (id IN (SELECT below.id FROM below WHERE below.type = $2) OR EXISTS (",
            $naming,
            ")) ORDER BY id LIMIT $4"
        )
    };
}
const BOUNDED_IDS: Lists = Lists {
    sqlite: bounded_ids!(
        "SELECT value ->> 0, value ->> 1 FROM json_each($5)",
        "SELECT 1 FROM json_each($6) AS texts WHERE instr(attributes, texts.value) > 0"
    ),
    postgres: bounded_ids!(
        "SELECT (pair ->> 0) COLLATE \"C\", (pair ->> 1) COLLATE \"C\" FROM jsonb_array_elements(CAST($5 AS jsonb)) AS pair",
        "SELECT 1 FROM jsonb_array_elements_text(CAST($6 AS jsonb)) AS texts (value) WHERE strpos(attributes, texts.value) > 0"
    ),
};

/// As the facts of one thing, for each of the ids `$3` of one type.
macro_rules! facts_of_many {
    ($ids:literal) => {
        concat!(
            // Materialized, or SQLite reads the list once for each thing of the type.
            "WITH RECURSIVE roots (root) AS MATERIALIZED ( ",
            $ids,
            " ), reached (root, type, id, depth, hops) AS ( \
               SELECT root, type, id, CAST(0 AS BIGINT), CAST(0 AS BIGINT) FROM roots JOIN resources \
                 ON organization_id = $1 AND type = $2 AND id = root \
               UNION SELECT root, target_type, target_id, depth + 1, CASE WHEN parent THEN hops ELSE hops + 1 END \
               FROM reached JOIN resource_relations ON organization_id = $1 AND resource_relations.type = reached.type \
                 AND resource_relations.id = reached.id WHERE depth <= $4 AND (parent OR hops < $5) \
             ), known (root, type, id, depth) AS ( \
               SELECT root, type, id, MIN(depth) FROM reached GROUP BY root, type, id \
             ) SELECT root, resources.type, resources.id, attributes, parents, depth FROM known \
             JOIN resources ON organization_id = $1 AND resources.type = known.type AND resources.id = known.id \
             ORDER BY root, depth, resources.type, resources.id LIMIT $6"
        )
    };
}
const FACTS_OF_MANY: Lists = Lists {
    sqlite: facts_of_many!("SELECT value FROM json_each($3)"),
    postgres: facts_of_many!(
        "SELECT value COLLATE \"C\" FROM jsonb_array_elements_text(CAST($3 AS jsonb)) AS ids (value)"
    ),
};

impl Store {
    /// The ids of the registered things of one type that are in reach, after `after`, by id.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn ids_in_reach<A: Searches>(
        &self,
        ok: &Authorized<'_, A>,
        kind: &str,
        reach: &Reach,
        after: &str,
        limit: i64,
    ) -> Result<Vec<String>, Error> {
        let organization = Uuid::from(ok.action().organization());
        let Reach::Only { within, naming } = reach else {
            return self.ids(organization, kind, after, limit).await;
        };
        if within.is_empty() && naming.is_empty() {
            return Ok(Vec::new());
        }
        let within: Vec<_> = within.iter().map(|uid| json!([uid.kind, uid.id])).collect();
        // As they stand in a row: with their quotes, and escaped as JSON escapes.
        let naming: Vec<_> = naming.iter().map(|text| json!(text).to_string()).collect();
        let args =
            args![organization, kind, after, limit, json!(within).to_string(), json!(naming).to_string()];
        let mut db = self;
        let rows = db.all(self.spell(&BOUNDED_IDS), args).await?;
        rows.iter().map(|row| row.get("id")).collect()
    }

    async fn ids(
        &self,
        organization: Uuid,
        kind: &str,
        after: &str,
        limit: i64,
    ) -> Result<Vec<String>, Error> {
        let mut db = self;
        let rows = db
            .all(
                "SELECT id FROM resources WHERE organization_id = $1 AND type = $2 AND id > $3 ORDER BY id LIMIT $4",
                args![organization, kind, after, limit],
            )
            .await?;
        rows.iter().map(|row| row.get("id")).collect()
    }

    /// What decisions about these things rest on, each the same as in `resource_facts`, by id. A thing that is not
    /// registered any more is left out.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if one is in more things, or in things deeper, than a decision can rest on.
    pub async fn facts_of_things<A: Searches>(
        &self,
        ok: &Authorized<'_, A>,
        kind: &str,
        ids: &[String],
    ) -> Result<Vec<Candidate>, Error> {
        let organization = ok.action().organization();
        let mut found = Vec::with_capacity(ids.len());
        let mut parts = vec![ids];
        while let Some(part) = parts.pop() {
            if part.is_empty() {
                continue;
            }
            let rows = self.rows_of_many(organization, kind, part).await?;
            if i64::try_from(rows.len()).unwrap_or(i64::MAX) > ROWS && part.len() > 1 {
                let (first, second) = part.split_at(part.len() / 2);
                parts.extend([second, first]);
                continue;
            }
            found.extend(candidates(organization, &rows)?);
        }
        Ok(found)
    }

    async fn rows_of_many(
        &self,
        organization: OrganizationId,
        kind: &str,
        ids: &[String],
    ) -> Result<Vec<Row>, Error> {
        let mut db = self;
        let ids = json!(ids).to_string();
        let args = args![Uuid::from(organization), kind, ids, DEEPEST + HOPS, HOPS, ROWS + 1];
        db.all(self.spell(&FACTS_OF_MANY), args).await
    }

    pub(super) fn spell(&self, lists: &Lists) -> &'static str {
        match self.pool {
            Pool::Sqlite { .. } => lists.sqlite,
            Pool::Postgres(_) => lists.postgres,
        }
    }

    /// The people of the organization after `after`, by id, with their roles.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn people_of<A: Searches>(
        &self,
        ok: &Authorized<'_, A>,
        after: Uuid,
        limit: i64,
    ) -> Result<Vec<Candidate>, Error> {
        let organization = ok.action().organization();
        let mut db = self;
        let rows = db
            .all(
                "SELECT users.id, email, email_verified_at, suspended_at, super_admin, waitlist_status, \
                 deletion_due_at, role_id FROM memberships JOIN users ON users.id = memberships.user_id \
                 WHERE organization_id = $1 AND user_id > $2 AND purged_at IS NULL ORDER BY user_id LIMIT $3",
                args![Uuid::from(organization), after, limit],
            )
            .await?;
        let person = |row: &Row| {
            let mut person = user_entity(row.get::<UserId>("id")?, row)?;
            person.parents = roles(organization, row)?;
            Ok(Candidate::alone(person))
        };
        rows.iter().map(person).collect()
    }

    /// The organization's agents that have not been ended, after `after`, by id.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn agents_of<A: Searches>(
        &self,
        ok: &Authorized<'_, A>,
        after: Uuid,
        limit: i64,
    ) -> Result<Vec<Candidate>, Error> {
        let agents = self.working_agents(ok.action().organization(), after, limit).await?;
        Ok(agents.iter().map(AgentPrincipal::entity).map(Candidate::alone).collect())
    }
}

/// Rows of several things, one thing after the other.
fn candidates(organization: OrganizationId, rows: &[Row]) -> Result<Vec<Candidate>, Error> {
    let mut found: Vec<Candidate> = Vec::new();
    // What many are in is read once.
    let mut known: HashMap<EntityRef, Entity> = HashMap::new();
    for row in rows {
        let (root, depth): (String, i64) = (row.get("root")?, row.get("depth")?);
        if depth > DEEPEST + HOPS {
            return Err(too_deep());
        }
        let uid = uid(&name(row)?);
        let entity = match known.get(&uid) {
            Some(entity) => entity.clone(),
            None => {
                let entity = read_entity(organization, row)?;
                known.insert(uid.clone(), entity.clone());
                entity
            }
        };
        match found.last_mut() {
            Some(last) if depth > 0 && last.name.id == root => last.entities.push(entity),
            _ => found.push(Candidate { name: uid, entities: entity.into() }),
        }
        let rests_on = found.last().map_or(0, |last| last.entities.len());
        if i64::try_from(rests_on).unwrap_or(i64::MAX) > MOST {
            return Err(too_many());
        }
    }
    Ok(found)
}
