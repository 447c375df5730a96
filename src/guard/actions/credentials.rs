//! API keys, agents, and the tokens that are made of them.

use crate::domain::{AgentId, ApiKeyId, KeyOwner, OrganizationId, RoleRef, UserId};
use crate::guard::Resource;

fn owner_of_token(owner: Option<KeyOwner>) -> Resource {
    match owner {
        None => Resource::Platform,
        Some(KeyOwner::User(user)) => Resource::User(user),
        Some(KeyOwner::Organization(organization)) => Resource::Organization(organization),
        Some(KeyOwner::Agent(organization, agent)) => Resource::Agent(organization, agent),
    }
}

actions! {
    /// Make a key that acts for oneself.
    CreateApiKey { user: UserId } on |a| Resource::User(a.user);
    /// List one's own keys.
    ListApiKeys { user: UserId } on |a| Resource::User(a.user);
    /// Give a key of one's own a new secret.
    RotateApiKey { user: UserId, key: ApiKeyId } on |a| Resource::User(a.user);
    /// End a key of one's own.
    RevokeApiKey { user: UserId, key: ApiKeyId } on |a| Resource::User(a.user);
    /// Make a key that acts as the organization's own service.
    CreateOrganizationApiKey { organization: OrganizationId } on |a| Resource::Organization(a.organization);
    /// List an organization's own keys.
    ListOrganizationApiKeys { organization: OrganizationId } on |a| Resource::Organization(a.organization);
    /// Give an organization's key a new secret.
    RotateOrganizationApiKey { organization: OrganizationId, key: ApiKeyId }
        on |a| Resource::Organization(a.organization);
    /// End an organization's key.
    RevokeOrganizationApiKey { organization: OrganizationId, key: ApiKeyId }
        on |a| Resource::Organization(a.organization);
    /// Make an agent.
    CreateAgent { organization: OrganizationId, role: RoleRef }
        on |a| Resource::Organization(a.organization), giving |a| (a.organization, a.role);
    /// List an organization's agents.
    ListAgents { organization: OrganizationId } on |a| Resource::Organization(a.organization);
    /// Read an agent.
    GetAgent { organization: OrganizationId, agent: AgentId } on |a| Resource::Agent(a.organization, a.agent);
    /// Change an agent.
    UpdateAgent { organization: OrganizationId, agent: AgentId } on |a| Resource::Agent(a.organization, a.agent);
    /// Stop an agent for now.
    SuspendAgent { organization: OrganizationId, agent: AgentId } on |a| Resource::Agent(a.organization, a.agent);
    /// Let a stopped agent go on.
    ResumeAgent { organization: OrganizationId, agent: AgentId } on |a| Resource::Agent(a.organization, a.agent);
    /// End an agent for good; its keys are dead.
    TerminateAgent { organization: OrganizationId, agent: AgentId }
        on |a| Resource::Agent(a.organization, a.agent);
    /// Make a key that acts for an agent.
    CreateAgentApiKey { organization: OrganizationId, agent: AgentId }
        on |a| Resource::Agent(a.organization, a.agent);
    /// List an agent's keys.
    ListAgentApiKeys { organization: OrganizationId, agent: AgentId }
        on |a| Resource::Agent(a.organization, a.agent);
    /// Give an agent's key a new secret.
    RotateAgentApiKey { organization: OrganizationId, agent: AgentId, key: ApiKeyId }
        on |a| Resource::Agent(a.organization, a.agent);
    /// End an agent's key.
    RevokeAgentApiKey { organization: OrganizationId, agent: AgentId, key: ApiKeyId }
        on |a| Resource::Agent(a.organization, a.agent);
    /// Make a short-lived token of an agent's, for one task.
    CreateAgentToken { organization: OrganizationId, agent: AgentId }
        on |a| Resource::Agent(a.organization, a.agent);
    /// Trade a person's token and an agent's credential for a token of both (RFC 8693).
    ExchangeToken { organization: OrganizationId, agent: AgentId }
        on |a| Resource::Agent(a.organization, a.agent);
    /// Ask what a token is (RFC 7662): at all, then about the token of somebody.
    IntrospectToken { of: Option<KeyOwner> } on |a| owner_of_token(a.of);
    /// Give a token up (RFC 7009): at all, then the token of somebody.
    RevokeToken { of: Option<KeyOwner> } on |a| owner_of_token(a.of);
}
