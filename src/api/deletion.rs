//! `/api/v1/auth/me/restore` and `/export`; asking for deletion is `DELETE /me` in `auth.rs`.

use poem_openapi::{Object, OpenApi};
use time::OffsetDateTime;
use uuid::Uuid;

use super::Chapter;
use super::api_keys::ApiKeyView;
use super::caller::Caller;
use super::events::EventView;
use super::reply::ApiResult;
use super::sessions::SessionView;
use super::views::UserView;
use crate::domain::{AccountExport, Identity, KnownDevice, OwnOrganization};
use crate::guard::actions::{ExportMe, RestoreMe};

pub(super) struct DeletionApi;

/// Everything that is kept about a person.
#[derive(Object)]
#[oai(rename = "AccountExport")]
struct ExportView {
    exported_at: OffsetDateTime,
    user: UserView,
    organizations: Vec<ExportedOrganization>,
    /// Those that are over, too.
    sessions: Vec<SessionView>,
    devices: Vec<ExportedDevice>,
    api_keys: Vec<ApiKeyView>,
    /// One's accounts at providers.
    identities: Vec<ExportedIdentity>,
    /// What the person did and what was done to the account, newest first; the newest 10000.
    events: Vec<EventView>,
}

/// An organization the person belongs to.
#[derive(Object)]
struct ExportedOrganization {
    id: Uuid,
    name: String,
    slug: String,
    role: String,
}

/// A device and a network that the person signed in from.
#[derive(Object)]
struct ExportedDevice {
    device: String,
    network: String,
    first_seen_at: OffsetDateTime,
    last_seen_at: OffsetDateTime,
}

impl ExportView {
    fn new(it: AccountExport, caller: &Caller) -> Self {
        Self {
            exported_at: it.exported_at.to_datetime(),
            user: it.user.into(),
            organizations: it.organizations.into_iter().map(ExportedOrganization::from).collect(),
            sessions: it.sessions.into_iter().map(SessionView::from).collect(),
            devices: it.devices.into_iter().map(ExportedDevice::from).collect(),
            api_keys: it.api_keys.into_iter().map(|key| ApiKeyView::new(key, caller)).collect(),
            identities: it.identities.into_iter().map(ExportedIdentity::from).collect(),
            events: it.events.into_iter().map(EventView::from).collect(),
        }
    }
}

/// An account at a provider.
#[derive(Object)]
#[oai(skip_serializing_if_is_none)]
struct ExportedIdentity {
    provider: String,
    issuer: String,
    subject: String,
    /// As the provider last told.
    email: Option<String>,
    username: Option<String>,
    created_at: OffsetDateTime,
    last_used_at: OffsetDateTime,
    /// What was granted to us there; absent if nothing is kept.
    scopes: Option<Vec<String>>,
}

impl From<Identity> for ExportedIdentity {
    fn from(it: Identity) -> Self {
        Self {
            provider: it.key.provider.to_string(),
            issuer: it.key.issuer,
            subject: it.key.subject,
            email: it.email.map(|email| email.to_string()),
            username: it.username,
            created_at: it.created_at.to_datetime(),
            last_used_at: it.last_used_at.to_datetime(),
            scopes: it.connection.map(|it| it.scopes),
        }
    }
}

impl From<OwnOrganization> for ExportedOrganization {
    fn from(it: OwnOrganization) -> Self {
        Self { id: it.id.into(), name: it.name, slug: it.slug, role: it.role.name }
    }
}

impl From<KnownDevice> for ExportedDevice {
    fn from(it: KnownDevice) -> Self {
        Self {
            device: it.device,
            network: it.network,
            first_seen_at: it.first_seen_at.to_datetime(),
            last_seen_at: it.last_seen_at.to_datetime(),
        }
    }
}

#[OpenApi(prefix_path = "/api/v1/auth/me", tag = "Chapter::Identity")]
impl DeletionApi {
    /// Keep an account that was to be deleted
    #[oai(path = "/restore", method = "post", operation_id = "restore_me")]
    async fn restore(&self, caller: Caller) -> ApiResult<RestoreMe, UserView> {
        let ok = caller.authorize(RestoreMe { user: caller.person()?.id }).await?;
        let user = caller.app().restore_me(ok).await?;
        Ok(user.map(UserView::from).into())
    }

    /// Take a copy of one's data
    #[oai(path = "/export", method = "get", operation_id = "export_me")]
    async fn export(&self, caller: Caller) -> ApiResult<ExportMe, ExportView> {
        let ok = caller.authorize(ExportMe { user: caller.person()?.id }).await?;
        let export = caller.app().export_me(ok).await?;
        Ok(export.map(|export| ExportView::new(export, &caller)).into())
    }
}
