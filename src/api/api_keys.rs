//! `/api/v1/auth/api-keys`, and the same for an organization's and an agent's keys.

use std::time::Duration;

use poem_openapi::param::Path;
use poem_openapi::{Object, OpenApi};
use time::OffsetDateTime;
use uuid::Uuid;

use super::Chapter;
use super::body::Body;
use super::caller::Caller;
use super::problem::Problem;
use super::reply::{ApiResult, Created, Message};
use crate::app::ShownKey;
use crate::domain::{ApiKey, ApiKeyId, KeyName, KeyOwner, NewApiKey};
use crate::guard::actions::{
    CreateAgentApiKey, CreateApiKey, CreateOrganizationApiKey, ListAgentApiKeys, ListApiKeys,
    ListOrganizationApiKeys, RevokeAgentApiKey, RevokeApiKey, RevokeOrganizationApiKey, RotateAgentApiKey,
    RotateApiKey, RotateOrganizationApiKey,
};

pub(super) struct ApiKeysApi;

/// What making a key takes.
#[derive(Object)]
struct NewApiKeyRequest {
    /// 1 to 255 characters.
    #[oai(validator(max_length = 1024))]
    name: String,
    /// Permissions, such as `task:read` or `task:*`; a key without any may do nothing. No more than its maker has.
    #[oai(default, validator(max_items = 64))]
    scopes: Vec<String>,
    /// 1 to 365; without it the key is good until it is revoked.
    #[oai(validator(minimum(value = "1"), maximum(value = "365")))]
    expires_in_days: Option<u16>,
}

/// What making a key of one's own, or of an organization, takes.
#[derive(Object)]
struct CreateApiKeyRequest {
    /// 1 to 255 characters.
    #[oai(validator(max_length = 1024))]
    name: String,
    /// Permissions, such as `task:read` or `task:*`; a key without any may do nothing. No more than its maker has.
    #[oai(default, validator(max_items = 64))]
    scopes: Vec<String>,
    /// 1 to 365; without it the key is good until it is revoked.
    #[oai(validator(minimum(value = "1"), maximum(value = "365")))]
    expires_in_days: Option<u16>,
    /// The key acts as this organization's own service, not as its maker.
    organization_id: Option<Uuid>,
}

/// How a key is rotated.
#[derive(Object)]
struct RotateApiKeyRequest {
    /// How long the old secret still opens; 0 to 604800 (7 days), 0 if left out.
    #[oai(validator(minimum(value = "0"), maximum(value = "604800")))]
    overlap_seconds: Option<u32>,
}

/// A key; never its secret.
#[derive(Object)]
#[oai(skip_serializing_if_is_none, rename = "ApiKey")]
pub(super) struct ApiKeyView {
    id: Uuid,
    name: String,
    /// How the key's text begins; it tells keys apart and opens nothing.
    key_prefix: String,
    scopes: Vec<String>,
    /// False once it is revoked or has expired.
    is_active: bool,
    /// The organization that the key acts as, or whose agent it acts for.
    organization_id: Option<Uuid>,
    agent_id: Option<Uuid>,
    last_used_at: Option<OffsetDateTime>,
    expires_at: Option<OffsetDateTime>,
    created_at: OffsetDateTime,
}

/// A key with its text, which is shown this once.
#[derive(Object)]
#[oai(skip_serializing_if_is_none, rename = "NewApiKey")]
struct ShownKeyView {
    id: Uuid,
    name: String,
    /// The key. Keep it now: it cannot be shown again.
    key: String,
    /// How the key's text begins; it tells keys apart and opens nothing.
    key_prefix: String,
    scopes: Vec<String>,
    is_active: bool,
    organization_id: Option<Uuid>,
    agent_id: Option<Uuid>,
    last_used_at: Option<OffsetDateTime>,
    expires_at: Option<OffsetDateTime>,
    created_at: OffsetDateTime,
}

impl ApiKeyView {
    pub(super) fn new(it: ApiKey, caller: &Caller) -> Self {
        let (organization, agent) = match it.owner {
            KeyOwner::User(_) => (None, None),
            KeyOwner::Organization(organization) => (Some(organization), None),
            KeyOwner::Agent(organization, agent) => (Some(organization), Some(agent)),
        };
        Self {
            id: it.id.into(),
            is_active: it.is_active(caller.app().now()),
            name: it.name,
            key_prefix: it.prefix,
            scopes: it.scopes,
            organization_id: organization.map(Uuid::from),
            agent_id: agent.map(Uuid::from),
            last_used_at: it.last_used_at.map(crate::domain::Micros::to_datetime),
            expires_at: it.expires_at.map(crate::domain::Micros::to_datetime),
            created_at: it.created_at.to_datetime(),
        }
    }
}

impl ShownKeyView {
    fn new(it: ShownKey, caller: &Caller) -> Self {
        let key = it.text.expose().to_owned();
        let ApiKeyView {
            id,
            name,
            key_prefix,
            scopes,
            is_active,
            organization_id,
            agent_id,
            last_used_at,
            expires_at,
            created_at,
        } = ApiKeyView::new(it.key, caller);
        Self {
            id,
            name,
            key,
            key_prefix,
            scopes,
            is_active,
            organization_id,
            agent_id,
            last_used_at,
            expires_at,
            created_at,
        }
    }
}

fn new_key(name: &str, scopes: Vec<String>, expires_in_days: Option<u16>) -> Result<NewApiKey, Problem> {
    let name = KeyName::parse(name).map_err(|invalid| Problem::invalid(vec![invalid.at("name")]))?;
    Ok(NewApiKey { name, scopes, expires_in_days })
}

impl TryFrom<NewApiKeyRequest> for NewApiKey {
    type Error = Problem;

    fn try_from(body: NewApiKeyRequest) -> Result<Self, Problem> {
        new_key(&body.name, body.scopes, body.expires_in_days)
    }
}

impl RotateApiKeyRequest {
    fn overlap(&self) -> Duration {
        Duration::from_secs(self.overlap_seconds.unwrap_or(0).into())
    }
}

const REVOKED: &str = "the key is revoked";

#[OpenApi(prefix_path = "/api/v1", tag = "Chapter::Keys")]
impl ApiKeysApi {
    /// Make a key
    ///
    /// It acts for whoever makes it, or, with `organization_id`, as that organization's own service. Send it as
    /// `Authorization: Bearer` or as `X-API-Key`. A key cannot make keys.
    #[oai(path = "/auth/api-keys", method = "post", operation_id = "create_api_key")]
    async fn create(
        &self,
        caller: Caller,
        body: Body<CreateApiKeyRequest>,
    ) -> Created<CreateApiKey, ShownKeyView> {
        let CreateApiKeyRequest { name, scopes, expires_in_days, organization_id } = body.0;
        let ok = caller.authorize(CreateApiKey { user: caller.person()?.id }).await?;
        let new = new_key(&name, scopes, expires_in_days)?;
        let Some(organization) = organization_id else {
            let made = caller.app().create_api_key(ok, new).await?;
            return Ok(made.map(|made| ShownKeyView::new(made, &caller)).into());
        };
        // The old clients make an organization's keys here: then its own question is asked too.
        let theirs = caller.authorize(CreateOrganizationApiKey { organization: organization.into() }).await?;
        let made = caller.app().create_api_key(theirs, new).await?;
        Ok(made.under(ok).map(|made| ShownKeyView::new(made, &caller)).into())
    }

    /// List one's own keys
    ///
    /// The revoked and expired ones too.
    #[oai(path = "/auth/api-keys", method = "get", operation_id = "list_api_keys")]
    async fn list(&self, caller: Caller) -> ApiResult<ListApiKeys, Vec<ApiKeyView>> {
        let ok = caller.authorize(ListApiKeys { user: caller.person()?.id }).await?;
        let keys = caller.app().list_api_keys(ok).await?;
        Ok(keys.map(|keys| keys.into_iter().map(|key| ApiKeyView::new(key, &caller)).collect()).into())
    }

    /// Revoke a key
    ///
    /// One's own, or one of an organization's or an agent's that the caller may revoke. It is dead at once.
    #[oai(path = "/auth/api-keys/:key_id", method = "delete", operation_id = "revoke_api_key")]
    async fn revoke(&self, caller: Caller, key_id: Path<Uuid>) -> ApiResult<RevokeApiKey, Message> {
        let key = ApiKeyId::from(key_id.0);
        let ok = caller.authorize(RevokeApiKey { user: caller.person()?.id, key }).await?;
        let done = match caller.app().owner_of_key(key).await? {
            KeyOwner::User(_) => caller.app().revoke_api_key(ok).await?,
            KeyOwner::Organization(organization) => {
                let theirs = caller.authorize(RevokeOrganizationApiKey { organization, key }).await?;
                caller.app().revoke_api_key(theirs).await?.under(ok)
            }
            KeyOwner::Agent(organization, agent) => {
                let theirs = caller.authorize(RevokeAgentApiKey { organization, agent, key }).await?;
                caller.app().revoke_api_key(theirs).await?.under(ok)
            }
        };
        Ok(done.map(|()| Message::new(REVOKED)).into())
    }

    /// Give a key another secret
    ///
    /// The old secret opens for `overlap_seconds` more, so that both sides can change over.
    #[oai(path = "/auth/api-keys/:key_id/rotate", method = "post", operation_id = "rotate_api_key")]
    async fn rotate(
        &self,
        caller: Caller,
        key_id: Path<Uuid>,
        body: Body<RotateApiKeyRequest>,
    ) -> ApiResult<RotateApiKey, ShownKeyView> {
        let (key, overlap) = (ApiKeyId::from(key_id.0), body.0.overlap());
        let ok = caller.authorize(RotateApiKey { user: caller.person()?.id, key }).await?;
        let made = match caller.app().owner_of_key(key).await? {
            KeyOwner::User(_) => caller.app().rotate_api_key(ok, overlap).await?,
            KeyOwner::Organization(organization) => {
                let theirs = caller.authorize(RotateOrganizationApiKey { organization, key }).await?;
                caller.app().rotate_api_key(theirs, overlap).await?.under(ok)
            }
            KeyOwner::Agent(organization, agent) => {
                let theirs = caller.authorize(RotateAgentApiKey { organization, agent, key }).await?;
                caller.app().rotate_api_key(theirs, overlap).await?.under(ok)
            }
        };
        Ok(made.map(|made| ShownKeyView::new(made, &caller)).into())
    }

    /// Make a key of an organization
    ///
    /// It acts as the organization's own service, which has the rights of an admin as far as the scopes go, and stays
    /// when its maker leaves.
    #[oai(
        path = "/organizations/:organization_id/api-keys",
        method = "post",
        operation_id = "create_organization_api_key"
    )]
    async fn create_of_organization(
        &self,
        caller: Caller,
        organization_id: Path<Uuid>,
        body: Body<NewApiKeyRequest>,
    ) -> Created<CreateOrganizationApiKey, ShownKeyView> {
        let organization = organization_id.0.into();
        let ok = caller.authorize(CreateOrganizationApiKey { organization }).await?;
        let made = caller.app().create_api_key(ok, body.0.try_into()?).await?;
        Ok(made.map(|made| ShownKeyView::new(made, &caller)).into())
    }

    /// List an organization's keys
    #[oai(
        path = "/organizations/:organization_id/api-keys",
        method = "get",
        operation_id = "list_organization_api_keys"
    )]
    async fn list_of_organization(
        &self,
        caller: Caller,
        organization_id: Path<Uuid>,
    ) -> ApiResult<ListOrganizationApiKeys, Vec<ApiKeyView>> {
        let organization = organization_id.0.into();
        let ok = caller.authorize(ListOrganizationApiKeys { organization }).await?;
        let keys = caller.app().list_api_keys(ok).await?;
        Ok(keys.map(|keys| keys.into_iter().map(|key| ApiKeyView::new(key, &caller)).collect()).into())
    }

    /// Revoke an organization's key
    #[oai(
        path = "/organizations/:organization_id/api-keys/:key_id",
        method = "delete",
        operation_id = "revoke_organization_api_key"
    )]
    async fn revoke_of_organization(
        &self,
        caller: Caller,
        organization_id: Path<Uuid>,
        key_id: Path<Uuid>,
    ) -> ApiResult<RevokeOrganizationApiKey, Message> {
        let (organization, key) = (organization_id.0.into(), key_id.0.into());
        let ok = caller.authorize(RevokeOrganizationApiKey { organization, key }).await?;
        let done = caller.app().revoke_api_key(ok).await?;
        Ok(done.map(|()| Message::new(REVOKED)).into())
    }

    /// Give an organization's key another secret
    #[oai(
        path = "/organizations/:organization_id/api-keys/:key_id/rotate",
        method = "post",
        operation_id = "rotate_organization_api_key"
    )]
    async fn rotate_of_organization(
        &self,
        caller: Caller,
        organization_id: Path<Uuid>,
        key_id: Path<Uuid>,
        body: Body<RotateApiKeyRequest>,
    ) -> ApiResult<RotateOrganizationApiKey, ShownKeyView> {
        let (organization, key) = (organization_id.0.into(), key_id.0.into());
        let ok = caller.authorize(RotateOrganizationApiKey { organization, key }).await?;
        let made = caller.app().rotate_api_key(ok, body.0.overlap()).await?;
        Ok(made.map(|made| ShownKeyView::new(made, &caller)).into())
    }

    /// Make a key of an agent
    #[oai(
        path = "/organizations/:organization_id/agents/:agent_id/api-keys",
        method = "post",
        operation_id = "create_agent_api_key"
    )]
    async fn create_of_agent(
        &self,
        caller: Caller,
        organization_id: Path<Uuid>,
        agent_id: Path<Uuid>,
        body: Body<NewApiKeyRequest>,
    ) -> Created<CreateAgentApiKey, ShownKeyView> {
        let (organization, agent) = (organization_id.0.into(), agent_id.0.into());
        let ok = caller.authorize(CreateAgentApiKey { organization, agent }).await?;
        let made = caller.app().create_api_key(ok, body.0.try_into()?).await?;
        Ok(made.map(|made| ShownKeyView::new(made, &caller)).into())
    }

    /// List an agent's keys
    #[oai(
        path = "/organizations/:organization_id/agents/:agent_id/api-keys",
        method = "get",
        operation_id = "list_agent_api_keys"
    )]
    async fn list_of_agent(
        &self,
        caller: Caller,
        organization_id: Path<Uuid>,
        agent_id: Path<Uuid>,
    ) -> ApiResult<ListAgentApiKeys, Vec<ApiKeyView>> {
        let (organization, agent) = (organization_id.0.into(), agent_id.0.into());
        let ok = caller.authorize(ListAgentApiKeys { organization, agent }).await?;
        let keys = caller.app().list_api_keys(ok).await?;
        Ok(keys.map(|keys| keys.into_iter().map(|key| ApiKeyView::new(key, &caller)).collect()).into())
    }

    /// Revoke an agent's key
    #[oai(
        path = "/organizations/:organization_id/agents/:agent_id/api-keys/:key_id",
        method = "delete",
        operation_id = "revoke_agent_api_key"
    )]
    async fn revoke_of_agent(
        &self,
        caller: Caller,
        organization_id: Path<Uuid>,
        agent_id: Path<Uuid>,
        key_id: Path<Uuid>,
    ) -> ApiResult<RevokeAgentApiKey, Message> {
        let (organization, agent, key) = (organization_id.0.into(), agent_id.0.into(), key_id.0.into());
        let ok = caller.authorize(RevokeAgentApiKey { organization, agent, key }).await?;
        let done = caller.app().revoke_api_key(ok).await?;
        Ok(done.map(|()| Message::new(REVOKED)).into())
    }

    /// Give an agent's key another secret
    #[oai(
        path = "/organizations/:organization_id/agents/:agent_id/api-keys/:key_id/rotate",
        method = "post",
        operation_id = "rotate_agent_api_key"
    )]
    async fn rotate_of_agent(
        &self,
        caller: Caller,
        organization_id: Path<Uuid>,
        agent_id: Path<Uuid>,
        key_id: Path<Uuid>,
        body: Body<RotateApiKeyRequest>,
    ) -> ApiResult<RotateAgentApiKey, ShownKeyView> {
        let (organization, agent, key) = (organization_id.0.into(), agent_id.0.into(), key_id.0.into());
        let ok = caller.authorize(RotateAgentApiKey { organization, agent, key }).await?;
        let made = caller.app().rotate_api_key(ok, body.0.overlap()).await?;
        Ok(made.map(|made| ShownKeyView::new(made, &caller)).into())
    }
}
