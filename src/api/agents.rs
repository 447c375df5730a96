//! `/api/v1/organizations/{id}/agents`.

use std::time::Duration;

use poem_openapi::param::{Path, Query};
use poem_openapi::types::MaybeUndefined;
use poem_openapi::{Enum, Object, OpenApi};
use time::OffsetDateTime;
use uuid::Uuid;

use super::Chapter;
use super::auth::patched;
use super::body::Body;
use super::caller::Caller;
use super::problem::Problem;
use super::reply::{ApiResult, Created};
use super::views::{page, role};
use crate::app::TaskToken;
use crate::domain::{Agent, AgentPatch, ForeignId, Line, Micros, NewAgent, SystemRole};
use crate::guard::actions::{
    CreateAgent, CreateAgentToken, GetAgent, ListAgents, ResumeAgent, SuspendAgent, TerminateAgent,
    UpdateAgent,
};

pub(super) struct AgentsApi;

/// What making an agent takes.
#[derive(Object)]
struct CreateAgentRequest {
    /// 1 to 255 characters.
    name: String,
    /// A word of yours, such as `code_reviewer`; `general` if left out. At most 50 characters.
    agent_type: Option<String>,
    /// One of `list_roles`, never the owner's; `agent_executor` if left out.
    role_id: Option<Uuid>,
    /// By your own id: the agent reaches nothing outside this project.
    project_id: Option<String>,
    /// By your own id: of all tasks the agent touches this one only.
    task_id: Option<String>,
}

/// A change to an agent; what is left out stays, `null` clears.
#[derive(Object)]
struct UpdateAgentRequest {
    /// 1 to 255 characters.
    name: Option<String>,
    /// At most 50 characters.
    agent_type: Option<String>,
    /// The agent reaches nothing outside this project.
    #[oai(nullable)]
    project_id: MaybeUndefined<String>,
    /// Of all tasks the agent touches this one only.
    #[oai(nullable)]
    task_id: MaybeUndefined<String>,
}

/// Which token an agent gets.
#[derive(Object)]
struct CreateAgentTokenRequest {
    /// By your own id: of all tasks the token touches this one only.
    task_id: String,
    /// Permissions; no more than the caller and the agent have.
    #[oai(validator(max_items = 64))]
    scopes: Vec<String>,
    /// 1 to 3600; 900 if left out.
    #[oai(validator(minimum(value = "1"), maximum(value = "3600")))]
    expires_in: Option<u32>,
}

/// Where an agent stands.
#[derive(Enum)]
#[oai(rename_all = "lowercase")]
enum AgentStatus {
    Active,
    /// Nothing of it may be used.
    Suspended,
    /// For good; its keys are dead.
    Terminated,
}

/// A program that works for an organization.
#[derive(Object)]
#[oai(skip_serializing_if_is_none, rename = "Agent")]
struct AgentView {
    id: Uuid,
    organization_id: Uuid,
    name: String,
    agent_type: String,
    role_id: Uuid,
    role_name: String,
    project_id: Option<String>,
    task_id: Option<String>,
    status: AgentStatus,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
    terminated_at: Option<OffsetDateTime>,
}

impl From<Agent> for AgentView {
    fn from(it: Agent) -> Self {
        Self {
            id: it.id.into(),
            organization_id: it.organization.into(),
            name: it.name,
            agent_type: it.agent_type,
            role_id: it.role.role.id().into(),
            role_name: it.role.name,
            project_id: it.project,
            task_id: it.task,
            status: match (it.terminated_at, it.suspended_at) {
                (Some(_), _) => AgentStatus::Terminated,
                (None, Some(_)) => AgentStatus::Suspended,
                (None, None) => AgentStatus::Active,
            },
            created_at: it.created_at.to_datetime(),
            updated_at: it.updated_at.to_datetime(),
            terminated_at: it.terminated_at.map(Micros::to_datetime),
        }
    }
}

/// A token of an agent's for one task.
#[derive(Object)]
#[oai(rename = "AgentToken")]
struct AgentTokenView {
    /// For `Authorization: Bearer` or `X-API-Key`. It cannot be shown again.
    access_token: String,
    /// Always `bearer`.
    token_type: String,
    /// Seconds that the token lives.
    expires_in: u64,
    /// Its permissions, separated by spaces (RFC 6749 section 3.3).
    scope: String,
}

impl From<TaskToken> for AgentTokenView {
    fn from(it: TaskToken) -> Self {
        Self {
            access_token: it.text.expose().to_owned(),
            token_type: "bearer".to_owned(),
            expires_in: it.lifetime.as_secs(),
            scope: it.scopes.join(" "),
        }
    }
}

fn line<const MAX: usize>(text: &str, field: &str) -> Result<Line<MAX>, Problem> {
    Line::parse(text).map_err(|invalid| Problem::invalid(vec![invalid.at(field)]))
}

fn foreign(text: Option<String>, field: &str) -> Result<Option<ForeignId>, Problem> {
    text.map(|text| line(&text, field)).transpose()
}

#[OpenApi(prefix_path = "/api/v1/organizations", tag = "Chapter::Keys")]
impl AgentsApi {
    /// Make an agent
    #[oai(path = "/:organization_id/agents", method = "post", operation_id = "create_agent")]
    async fn create(
        &self,
        caller: Caller,
        organization_id: Path<Uuid>,
        body: Body<CreateAgentRequest>,
    ) -> Created<CreateAgent, AgentView> {
        let CreateAgentRequest { name, agent_type, role_id, project_id, task_id } = body.0;
        let role = role_id.map_or(SystemRole::AgentExecutor.into(), role);
        let ok = caller.authorize(CreateAgent { organization: organization_id.0.into(), role }).await?;
        let new = NewAgent {
            name: line(&name, "name")?,
            agent_type: line(agent_type.as_deref().unwrap_or("general"), "agent_type")?,
            project: foreign(project_id, "project_id")?,
            task: foreign(task_id, "task_id")?,
        };
        let agent = caller.app().create_agent(ok, new).await?;
        Ok(agent.map(AgentView::from).into())
    }

    /// List an organization's agents
    #[oai(path = "/:organization_id/agents", method = "get", operation_id = "list_agents")]
    async fn list(
        &self,
        caller: Caller,
        organization_id: Path<Uuid>,
        /// The id of the last agent of the page before.
        after: Query<Option<Uuid>>,
        /// How many to list; 100 if left out.
        #[oai(validator(minimum(value = "1"), maximum(value = "500")))]
        limit: Query<Option<i64>>,
    ) -> ApiResult<ListAgents, Vec<AgentView>> {
        let ok = caller.authorize(ListAgents { organization: organization_id.0.into() }).await?;
        let agents = caller.app().list_agents(ok, page(after.0, limit.0)).await?;
        Ok(agents.map(|agents| agents.into_iter().map(AgentView::from).collect()).into())
    }

    /// Read an agent
    #[oai(path = "/:organization_id/agents/:agent_id", method = "get", operation_id = "get_agent")]
    async fn get(
        &self,
        caller: Caller,
        organization_id: Path<Uuid>,
        agent_id: Path<Uuid>,
    ) -> ApiResult<GetAgent, AgentView> {
        let (organization, agent) = (organization_id.0.into(), agent_id.0.into());
        let ok = caller.authorize(GetAgent { organization, agent }).await?;
        let agent = caller.app().get_agent(ok).await?;
        Ok(agent.map(AgentView::from).into())
    }

    /// Change an agent
    ///
    /// Its role stays what it was made with.
    #[oai(path = "/:organization_id/agents/:agent_id", method = "patch", operation_id = "update_agent")]
    async fn update(
        &self,
        caller: Caller,
        organization_id: Path<Uuid>,
        agent_id: Path<Uuid>,
        body: Body<UpdateAgentRequest>,
    ) -> ApiResult<UpdateAgent, AgentView> {
        let (organization, agent) = (organization_id.0.into(), agent_id.0.into());
        let ok = caller.authorize(UpdateAgent { organization, agent }).await?;
        let UpdateAgentRequest { name, agent_type, project_id, task_id } = body.0;
        let patch = AgentPatch {
            name: name.map(|text| line(&text, "name")).transpose()?,
            agent_type: agent_type.map(|text| line(&text, "agent_type")).transpose()?,
            project: patched(project_id, |text| foreign(text, "project_id"))?,
            task: patched(task_id, |text| foreign(text, "task_id"))?,
        };
        let agent = caller.app().update_agent(ok, patch).await?;
        Ok(agent.map(AgentView::from).into())
    }

    /// Stop an agent for now
    ///
    /// Its keys and tokens open nothing until it is resumed.
    #[oai(
        path = "/:organization_id/agents/:agent_id/suspend",
        method = "post",
        operation_id = "suspend_agent"
    )]
    async fn suspend(
        &self,
        caller: Caller,
        organization_id: Path<Uuid>,
        agent_id: Path<Uuid>,
    ) -> ApiResult<SuspendAgent, AgentView> {
        let (organization, agent) = (organization_id.0.into(), agent_id.0.into());
        let ok = caller.authorize(SuspendAgent { organization, agent }).await?;
        let agent = caller.app().suspend_agent(ok).await?;
        Ok(agent.map(AgentView::from).into())
    }

    /// Let a stopped agent go on
    #[oai(path = "/:organization_id/agents/:agent_id/resume", method = "post", operation_id = "resume_agent")]
    async fn resume(
        &self,
        caller: Caller,
        organization_id: Path<Uuid>,
        agent_id: Path<Uuid>,
    ) -> ApiResult<ResumeAgent, AgentView> {
        let (organization, agent) = (organization_id.0.into(), agent_id.0.into());
        let ok = caller.authorize(ResumeAgent { organization, agent }).await?;
        let agent = caller.app().resume_agent(ok).await?;
        Ok(agent.map(AgentView::from).into())
    }

    /// End an agent for good
    ///
    /// Its keys and tokens are revoked.
    #[oai(
        path = "/:organization_id/agents/:agent_id/terminate",
        method = "post",
        operation_id = "terminate_agent"
    )]
    async fn terminate(
        &self,
        caller: Caller,
        organization_id: Path<Uuid>,
        agent_id: Path<Uuid>,
    ) -> ApiResult<TerminateAgent, AgentView> {
        let (organization, agent) = (organization_id.0.into(), agent_id.0.into());
        let ok = caller.authorize(TerminateAgent { organization, agent }).await?;
        let agent = caller.app().terminate_agent(ok).await?;
        Ok(agent.map(AgentView::from).into())
    }

    /// Make a short-lived token of an agent's, for one task
    ///
    /// What a sandbox gets. It dies with the key it was made with, and makes no other.
    #[oai(
        path = "/:organization_id/agents/:agent_id/token",
        method = "post",
        operation_id = "create_agent_token"
    )]
    async fn token(
        &self,
        caller: Caller,
        organization_id: Path<Uuid>,
        agent_id: Path<Uuid>,
        body: Body<CreateAgentTokenRequest>,
    ) -> Created<CreateAgentToken, AgentTokenView> {
        let (organization, agent) = (organization_id.0.into(), agent_id.0.into());
        let ok = caller.authorize(CreateAgentToken { organization, agent }).await?;
        let CreateAgentTokenRequest { task_id, scopes, expires_in } = body.0;
        let lifetime = Duration::from_secs(expires_in.unwrap_or(900).into());
        let task = line(&task_id, "task_id")?;
        let token = caller.app().create_agent_token(ok, task, scopes, lifetime).await?;
        Ok(token.map(AgentTokenView::from).into())
    }
}
