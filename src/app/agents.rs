//! Agents, and their short tokens.

use std::time::Duration;

use serde_json::json;

use super::grants::{Grantee, SCOPE_NOT_HELD};
use super::{App, Error};
use crate::crypto::FreshKey;
use crate::domain::{Agent, AgentPatch, ApiKeyId, ForeignId, NewAgent, Page, Secret};
use crate::guard::actions::{
    CreateAgent, CreateAgentToken, GetAgent, ListAgents, ResumeAgent, SuspendAgent, TerminateAgent,
    UpdateAgent,
};
use crate::guard::{Authorized, CredentialKind, Released, Resource};
use crate::store::NewKey;

/// A token for one task.
#[derive(Debug)]
pub struct TaskToken {
    pub text: Secret,
    pub lifetime: Duration,
    pub scopes: Vec<String>,
}

impl App {
    /// Makes an agent.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn create_agent(
        &self,
        ok: Authorized<'_, CreateAgent>,
        new: NewAgent,
    ) -> Result<Released<CreateAgent, Agent>, Error> {
        let mut tx = self.store.begin().await?;
        let agent = tx.insert_agent(&ok, self.fresh(), new, self.now()).await?;
        let details = json!({ "agent": agent.id.to_string(), "name": agent.name, "role": agent.role.name });
        self.note(&mut tx, &ok, details).await?;
        tx.commit().await?;
        Ok(ok.release(agent))
    }

    /// # Errors
    /// If the database does not answer.
    pub async fn list_agents(
        &self,
        ok: Authorized<'_, ListAgents>,
        page: Page,
    ) -> Result<Released<ListAgents, Vec<Agent>>, Error> {
        let agents = self.store.list_agents(&ok, page).await?;
        Ok(ok.release(agents))
    }

    /// # Errors
    /// If the database does not answer.
    pub async fn get_agent(&self, ok: Authorized<'_, GetAgent>) -> Result<Released<GetAgent, Agent>, Error> {
        let agent = self.store.get_agent(&ok).await?;
        Ok(ok.release(agent))
    }

    /// # Errors
    /// [`Error::Conflict`] `changed-meanwhile`, also if the agent is terminated; [`Error::Denied`] `scope-not-held` if it
    /// would leave the one project on which the caller has a right to it.
    pub async fn update_agent(
        &self,
        ok: Authorized<'_, UpdateAgent>,
        patch: AgentPatch,
    ) -> Result<Released<UpdateAgent, Agent>, Error> {
        // Whoever has the agent by a role on its project does not take it out of there.
        let UpdateAgent { organization, .. } = *ok.action();
        let whole = Resource::Organization(organization);
        if patch.project.is_some() && !self.guard.holds(ok.caller(), "agent:write", whole).await? {
            return Err(self.refuse_permitted(&ok, SCOPE_NOT_HELD).await);
        }
        let mut tx = self.store.begin().await?;
        let agent = tx.update_agent(&ok, patch, self.now()).await?;
        self.note(&mut tx, &ok, json!({ "project": agent.project, "task": agent.task })).await?;
        tx.commit().await?;
        Ok(ok.release(agent))
    }

    /// Stops an agent: nothing of it may be used until it is resumed.
    ///
    /// # Errors
    /// [`Error::Conflict`] `changed-meanwhile`, also if the agent is terminated.
    pub async fn suspend_agent(
        &self,
        ok: Authorized<'_, SuspendAgent>,
    ) -> Result<Released<SuspendAgent, Agent>, Error> {
        let mut tx = self.store.begin().await?;
        let agent = tx.suspend_agent(&ok, self.now()).await?;
        self.note(&mut tx, &ok, json!({})).await?;
        tx.commit().await?;
        Ok(ok.release(agent))
    }

    /// # Errors
    /// [`Error::Conflict`] `changed-meanwhile`, also if the agent is terminated.
    pub async fn resume_agent(
        &self,
        ok: Authorized<'_, ResumeAgent>,
    ) -> Result<Released<ResumeAgent, Agent>, Error> {
        let mut tx = self.store.begin().await?;
        let agent = tx.resume_agent(&ok, self.now()).await?;
        self.note(&mut tx, &ok, json!({})).await?;
        tx.commit().await?;
        Ok(ok.release(agent))
    }

    /// Ends an agent for good, and revokes its keys and tokens.
    ///
    /// # Errors
    /// [`Error::Conflict`] `changed-meanwhile`, also if the agent is terminated already.
    pub async fn terminate_agent(
        &self,
        ok: Authorized<'_, TerminateAgent>,
    ) -> Result<Released<TerminateAgent, Agent>, Error> {
        let mut tx = self.store.begin().await?;
        let agent = tx.terminate_agent(&ok, self.now()).await?;
        self.note(&mut tx, &ok, json!({})).await?;
        tx.commit().await?;
        Ok(ok.release(agent))
    }

    /// Makes a token of an agent's for one task, no wider than its maker and the agent. It dies with the key it was
    /// made with.
    ///
    /// # Errors
    /// [`Error::Invalid`] `unknown-scope`; [`Error::Denied`] `scope-not-held`.
    pub async fn create_agent_token(
        &self,
        ok: Authorized<'_, CreateAgentToken>,
        task: ForeignId,
        scopes: Vec<String>,
        lifetime: Duration,
    ) -> Result<Released<CreateAgentToken, TaskToken>, Error> {
        let CreateAgentToken { organization, agent } = *ok.action();
        let scopes = self.grantable(&ok, Grantee::Agent(organization, agent), scopes).await?;
        let now = self.now();
        let id: ApiKeyId = self.fresh();
        let fresh = FreshKey::new(id, self.settings.key_environment, &*self.random);
        let parent = ok.caller().credential().filter(|it| it.kind == CredentialKind::Key);
        let row = NewKey {
            id,
            name: format!("task {task}"),
            prefix: fresh.prefix,
            hash: fresh.hash,
            scopes: scopes.clone(),
            single_task: true,
            parent: parent.map(|key| ApiKeyId::from(key.id)),
            task: Some(task.into_string()),
            created_at: now,
            expires_at: Some(now + lifetime),
        };
        let mut tx = self.store.begin().await?;
        let _ = tx.insert_api_key(&ok, row).await?;
        let details = json!({ "key": id.to_string(), "scopes": scopes });
        self.note(&mut tx, &ok, details).await?;
        tx.commit().await?;
        Ok(ok.release(TaskToken { text: fresh.key, lifetime, scopes }))
    }
}
