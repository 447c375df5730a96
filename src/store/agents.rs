//! Agents.

use std::sync::Arc;

use uuid::Uuid;

use super::organizations::held_role;
use super::sql::{Row, Sql as _, args};
use super::{Error, Store, Tx};
use crate::domain::{
    Agent, AgentId, AgentPatch, GrantHolder, Line, Micros, NewAgent, OrganizationId, Page, RoleId, RoleRef,
};
use crate::guard::actions::{
    CreateAgent, GetAgent, ListAgents, ResumeAgent, SuspendAgent, TerminateAgent, UpdateAgent,
};
use crate::guard::{Action, AgentPrincipal, Authorized};

macro_rules! select_agents {
    ($rest:literal) => {
        concat!(
            "SELECT id, organization_id, name, agent_type, role_id, project_id, task_id, suspended_at, terminated_at, ",
            "created_at, updated_at, version, (SELECT roles.name FROM roles WHERE roles.id = role_id) AS role_name FROM agents ",
            $rest
        )
    };
}

fn agent(row: &Row) -> Result<Agent, Error> {
    Ok(Agent {
        id: row.get("id")?,
        organization: row.get("organization_id")?,
        name: row.get("name")?,
        agent_type: row.get("agent_type")?,
        role: held_role(row)?,
        project: row.get("project_id")?,
        task: row.get("task_id")?,
        suspended_at: row.get("suspended_at")?,
        terminated_at: row.get("terminated_at")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

fn principal(agent: Agent) -> AgentPrincipal {
    let Agent { id, organization, role, project, task, suspended_at, .. } = agent;
    AgentPrincipal { id, organization, role: role.role, suspended: suspended_at.is_some(), project, task }
}

/// The actions on one agent that exists.
pub(super) trait OnAgent: Action {
    fn agent(&self) -> (OrganizationId, AgentId);
}
macro_rules! on_agent {
    ($($action:ty),*) => {$(
        impl OnAgent for $action {
            fn agent(&self) -> (OrganizationId, AgentId) {
                (self.organization, self.agent)
            }
        }
    )*};
}
on_agent!(UpdateAgent, SuspendAgent, ResumeAgent, TerminateAgent);

impl Store {
    /// What a decision needs to know of an agent, and its row's version.
    pub(super) async fn agent_principal(
        &self,
        organization: OrganizationId,
        id: AgentId,
    ) -> Result<Option<(AgentPrincipal, i64)>, Error> {
        let args = args![Uuid::from(id), Uuid::from(organization)];
        let known = self.known(select_agents!("WHERE id = $1 AND organization_id = $2"), args, |row| {
            Ok((principal(agent(row)?), row.get("version")?))
        });
        Ok(known.await?.map(Arc::unwrap_or_clone))
    }

    /// The same of an agent that has not been ended.
    pub(super) async fn working_agent(
        &self,
        organization: OrganizationId,
        id: AgentId,
    ) -> Result<Option<AgentPrincipal>, Error> {
        let args = args![Uuid::from(id), Uuid::from(organization)];
        let sql = select_agents!("WHERE id = $1 AND organization_id = $2 AND terminated_at IS NULL");
        let known = self.known(sql, args, |row| Ok(principal(agent(row)?)));
        Ok(known.await?.map(Arc::unwrap_or_clone))
    }

    /// Those that have not been ended, after `after`, by id.
    pub(super) async fn working_agents(
        &self,
        organization: OrganizationId,
        after: Uuid,
        limit: i64,
    ) -> Result<Vec<AgentPrincipal>, Error> {
        let mut db = self;
        let args = args![Uuid::from(organization), after, limit];
        let rows = db
            .all(
                select_agents!(
                    "WHERE organization_id = $1 AND id > $2 AND terminated_at IS NULL ORDER BY id LIMIT $3"
                ),
                args,
            )
            .await?;
        rows.iter().map(|row| Ok(principal(agent(row)?))).collect()
    }

    /// # Errors
    /// [`Error::NotFound`].
    pub async fn get_agent(&self, ok: &Authorized<'_, GetAgent>) -> Result<Agent, Error> {
        let mut db = self;
        let GetAgent { organization, agent: id } = *ok.action();
        let args = args![Uuid::from(id), Uuid::from(organization)];
        agent(&db.one(select_agents!("WHERE id = $1 AND organization_id = $2"), args).await?)
    }

    /// # Errors
    /// If the database does not answer.
    pub async fn list_agents(
        &self,
        ok: &Authorized<'_, ListAgents>,
        page: Page,
    ) -> Result<Vec<Agent>, Error> {
        let mut db = self;
        let rows = db
            .all(
                select_agents!("WHERE organization_id = $1 AND id > $2 ORDER BY id LIMIT $3"),
                args![Uuid::from(ok.action().organization), page.after.unwrap_or_default(), page.limit],
            )
            .await?;
        rows.iter().map(agent).collect()
    }
}

impl Tx {
    /// # Errors
    /// If the database does not answer.
    pub async fn insert_agent(
        &mut self,
        ok: &Authorized<'_, CreateAgent>,
        id: AgentId,
        new: NewAgent,
        now: Micros,
    ) -> Result<Agent, Error> {
        let CreateAgent { organization, role } = *ok.action();
        self.hold_role(organization, role).await?;
        self.run(
            "INSERT INTO agents (id, organization_id, name, agent_type, role_id, project_id, task_id, created_by, \
             created_at, updated_at, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, 1)",
            args![
                Uuid::from(id),
                Uuid::from(organization),
                new.name.into_string(),
                new.agent_type.into_string(),
                Uuid::from(role.id()),
                new.project.map(Line::into_string),
                new.task.map(Line::into_string),
                ok.caller().user().map(|by| Uuid::from(by.id)),
                now,
            ],
        )
        .await?;
        agent(&self.one(select_agents!("WHERE id = $1"), args![Uuid::from(id)]).await?)
    }

    /// # Errors
    /// [`Error::Changed`] if the agent is not the one the decision saw.
    pub async fn update_agent(
        &mut self,
        ok: &Authorized<'_, UpdateAgent>,
        patch: AgentPatch,
        now: Micros,
    ) -> Result<Agent, Error> {
        let AgentPatch { name, agent_type, project, task } = patch;
        let changed = self
            .run(
                "UPDATE agents SET name = COALESCE($3, name), agent_type = COALESCE($4, agent_type), \
                 project_id = CASE WHEN $5 THEN $6 ELSE project_id END, \
                 task_id = CASE WHEN $7 THEN $8 ELSE task_id END, updated_at = $9, version = version + 1 \
                 WHERE id = $1 AND version = $2 AND terminated_at IS NULL",
                args![
                    Uuid::from(ok.action().agent),
                    ok.seen(),
                    name.map(Line::into_string),
                    agent_type.map(Line::into_string),
                    project.is_some(),
                    project.flatten().map(Line::into_string),
                    task.is_some(),
                    task.flatten().map(Line::into_string),
                    now,
                ],
            )
            .await?;
        self.changed(ok, changed).await
    }

    /// # Errors
    /// [`Error::Changed`] if it is terminated, or not the one the decision saw.
    pub async fn suspend_agent(
        &mut self,
        ok: &Authorized<'_, SuspendAgent>,
        now: Micros,
    ) -> Result<Agent, Error> {
        let changed = self
            .run(
                "UPDATE agents SET suspended_at = COALESCE(suspended_at, $3), updated_at = $3, version = version + 1 \
                 WHERE id = $1 AND version = $2 AND terminated_at IS NULL",
                args![Uuid::from(ok.action().agent), ok.seen(), now],
            )
            .await?;
        self.changed(ok, changed).await
    }

    /// # Errors
    /// [`Error::Changed`] if it is terminated, or not the one the decision saw.
    pub async fn resume_agent(
        &mut self,
        ok: &Authorized<'_, ResumeAgent>,
        now: Micros,
    ) -> Result<Agent, Error> {
        let changed = self
            .run(
                "UPDATE agents SET suspended_at = NULL, updated_at = $3, version = version + 1 \
                 WHERE id = $1 AND version = $2 AND terminated_at IS NULL",
                args![Uuid::from(ok.action().agent), ok.seen(), now],
            )
            .await?;
        self.changed(ok, changed).await
    }

    /// Ends an agent for good, and revokes every key and token of it.
    ///
    /// # Errors
    /// [`Error::Changed`] if it is terminated already, or not the one the decision saw.
    pub async fn terminate_agent(
        &mut self,
        ok: &Authorized<'_, TerminateAgent>,
        now: Micros,
    ) -> Result<Agent, Error> {
        let id = Uuid::from(ok.action().agent);
        let changed = self
            .run(
                "UPDATE agents SET terminated_at = $3, updated_at = $3, version = version + 1 \
                 WHERE id = $1 AND version = $2 AND terminated_at IS NULL",
                args![id, ok.seen(), now],
            )
            .await?;
        self.run(
            "UPDATE api_keys SET revoked_at = $2 WHERE agent_id = $1 AND revoked_at IS NULL",
            args![id, now],
        )
        .await?;
        self.drop_grants(ok.action().organization, GrantHolder::Agent(ok.action().agent)).await?;
        self.run(
            "UPDATE delegations SET revoked_at = $2 WHERE agent_id = $1 AND revoked_at IS NULL",
            args![id, now],
        )
        .await?;
        self.changed(ok, changed).await
    }

    async fn changed<A: OnAgent>(&mut self, ok: &Authorized<'_, A>, rows: u64) -> Result<Agent, Error> {
        if rows != 1 {
            return Err(Error::Changed);
        }
        let (organization, id) = ok.action().agent();
        let args = args![Uuid::from(id), Uuid::from(organization)];
        agent(&self.one(select_agents!("WHERE id = $1 AND organization_id = $2"), args).await?)
    }
}

/// The role of an agent in the same row as other things.
pub(super) fn agent_role(row: &Row, column: &'static str) -> Result<RoleRef, Error> {
    Ok(row.get::<RoleId>(column)?.into())
}
