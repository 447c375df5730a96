//! `/api/v1/organizations/{id}/providers`: an organization's people sign in with its own provider.

use poem_openapi::param::{Path, Query};
use poem_openapi::{Enum, Object, OpenApi};
use time::OffsetDateTime;
use uuid::Uuid;

use super::Chapter;
use super::body::Body;
use super::caller::{Caller, Visitor};
use super::problem::Problem;
use super::reply::{ApiResult, Created, Message};
use super::views::role;
use crate::app::App;
use crate::domain::{ClientAuth, Line, NewOrganizationProvider, OrganizationProvider, ProviderPatch, Secret};
use crate::guard::actions::{
    DiscoverProvider, ListOrganizationProviders, RegisterProvider, RemoveProvider, UpdateProvider,
};

pub(super) struct OrganizationProvidersApi;

/// How we prove ourselves to the provider (RFC 6749 section 2.3.1).
#[derive(Debug, Clone, Copy, Enum)]
#[oai(rename = "ClientAuthentication", rename_all = "lowercase")]
enum ClientAuthView {
    /// In a header.
    Basic,
    /// In the body.
    Post,
    /// A public client.
    None,
}

impl From<ClientAuthView> for ClientAuth {
    fn from(it: ClientAuthView) -> Self {
        match it {
            ClientAuthView::Basic => Self::Basic,
            ClientAuthView::Post => Self::Post,
            ClientAuthView::None => Self::None,
        }
    }
}

impl From<ClientAuth> for ClientAuthView {
    fn from(it: ClientAuth) -> Self {
        match it {
            ClientAuth::Basic => Self::Basic,
            ClientAuth::Post => Self::Post,
            ClientAuth::None => Self::None,
        }
    }
}

/// What registering an OpenID provider takes.
#[derive(Object)]
struct RegisterProviderRequest {
    /// For people; at most 100 characters.
    label: String,
    /// As its metadata say it, to the letter.
    #[oai(validator(max_length = 500))]
    issuer: String,
    #[oai(validator(min_length = 1, max_length = 255))]
    client_id: String,
    /// Kept sealed, and never shown again.
    #[oai(validator(min_length = 1, max_length = 1024))]
    client_secret: Option<String>,
    /// `basic` if left out.
    client_auth: Option<ClientAuthView>,
    /// The claim that is `true` where the address is the person's; `email_verified` if left out.
    #[oai(validator(min_length = 1, max_length = 100))]
    verified_claim: Option<String>,
    /// What whoever comes for the first time becomes: no more than the caller may give.
    role_id: Uuid,
}

/// A change of a provider; what is left out stays.
#[derive(Object)]
struct UpdateProviderRequest {
    label: Option<String>,
    /// The new one.
    #[oai(validator(min_length = 1, max_length = 1024))]
    client_secret: Option<String>,
    enabled: Option<bool>,
}

/// A provider of an organization's.
#[derive(Object)]
#[oai(rename = "OrganizationProvider")]
struct OrganizationProviderView {
    id: Uuid,
    organization_id: Uuid,
    /// What it is called in addresses.
    name: String,
    label: String,
    issuer: String,
    client_id: String,
    client_auth: ClientAuthView,
    verified_claim: String,
    /// What whoever comes for the first time becomes; no member, if the role is gone.
    role_id: Uuid,
    enabled: bool,
    /// What the provider must be told, to the letter.
    redirect_uri: String,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl OrganizationProviderView {
    fn of(it: OrganizationProvider, app: &App) -> Self {
        let name = it.id.name();
        Self {
            id: it.id.into(),
            organization_id: it.organization.into(),
            redirect_uri: app.redirect_uri(&name),
            name,
            label: it.label,
            issuer: it.issuer,
            client_id: it.client_id,
            client_auth: it.client_auth.into(),
            verified_claim: it.verified_claim,
            role_id: it.role.id().into(),
            enabled: it.enabled,
            created_at: it.created_at.to_datetime(),
            updated_at: it.updated_at.to_datetime(),
        }
    }
}

/// All of them.
#[derive(Object)]
#[oai(rename = "OrganizationProviderList")]
struct OrganizationProviderListView {
    providers: Vec<OrganizationProviderView>,
}

/// Where people of a domain sign in.
#[derive(Object)]
#[oai(rename = "DiscoveredProvider")]
struct DiscoveredView {
    /// For `/api/v1/auth/oauth/{provider}`.
    provider: String,
    label: String,
}

fn label(text: &str) -> Result<String, Problem> {
    let line = Line::<100>::parse(text).map_err(|invalid| Problem::invalid(vec![invalid.at("label")]))?;
    Ok(line.into_string())
}

#[OpenApi(prefix_path = "/api/v1", tag = "Chapter::Federation")]
impl OrganizationProvidersApi {
    /// Find the provider that people of a domain sign in with
    ///
    /// Only the domain is asked about, never a person. 404 if it is nobody's.
    #[oai(path = "/auth/oauth/discovery", method = "get", operation_id = "discover_provider")]
    async fn discover(
        &self,
        caller: Visitor,
        /// What follows the `@` of the address.
        #[oai(validator(max_length = 253))]
        domain: Query<String>,
    ) -> ApiResult<DiscoverProvider, DiscoveredView> {
        let ok = caller.authorize(DiscoverProvider {}).await?;
        let found = caller.app().discover_provider(ok, &domain.0).await?;
        Ok(found.map(|it| DiscoveredView { provider: it.id.name(), label: it.label }).into())
    }

    /// Let an organization's people sign in with its own OpenID provider
    ///
    /// It serves once the organization has a confirmed domain, and only people with addresses there.
    #[oai(
        path = "/organizations/:organization_id/providers",
        method = "post",
        operation_id = "register_provider"
    )]
    async fn register(
        &self,
        caller: Caller,
        organization_id: Path<Uuid>,
        body: Body<RegisterProviderRequest>,
    ) -> Created<RegisterProvider, OrganizationProviderView> {
        let organization = organization_id.0.into();
        let ok = caller.authorize(RegisterProvider { organization, role: role(body.0.role_id) }).await?;
        let it = body.0;
        let new = NewOrganizationProvider {
            label: label(&it.label)?,
            issuer: it.issuer,
            client_id: it.client_id,
            client_secret: it.client_secret.map(Secret::new),
            client_auth: it.client_auth.map(Into::into).unwrap_or_default(),
            verified_claim: it.verified_claim.unwrap_or_else(|| "email_verified".to_owned()),
        };
        let made = caller.app().register_provider(ok, new).await?;
        Ok(made.map(|it| OrganizationProviderView::of(it, caller.app())).into())
    }

    /// List an organization's providers
    #[oai(
        path = "/organizations/:organization_id/providers",
        method = "get",
        operation_id = "list_organization_providers"
    )]
    async fn list(
        &self,
        caller: Caller,
        organization_id: Path<Uuid>,
    ) -> ApiResult<ListOrganizationProviders, OrganizationProviderListView> {
        let ok =
            caller.authorize(ListOrganizationProviders { organization: organization_id.0.into() }).await?;
        let all = caller.app().list_organization_providers(ok).await?;
        let view = |it| OrganizationProviderView::of(it, caller.app());
        Ok(all
            .map(|all| OrganizationProviderListView { providers: all.into_iter().map(view).collect() })
            .into())
    }

    /// Change an organization's provider
    #[oai(
        path = "/organizations/:organization_id/providers/:provider_id",
        method = "patch",
        operation_id = "update_provider"
    )]
    async fn update(
        &self,
        caller: Caller,
        organization_id: Path<Uuid>,
        provider_id: Path<Uuid>,
        body: Body<UpdateProviderRequest>,
    ) -> ApiResult<UpdateProvider, OrganizationProviderView> {
        let action =
            UpdateProvider { organization: organization_id.0.into(), provider: provider_id.0.into() };
        let ok = caller.authorize(action).await?;
        let UpdateProviderRequest { label: text, client_secret, enabled } = body.0;
        let label = text.map(|text| label(&text)).transpose()?;
        let patch = ProviderPatch { label, client_secret: client_secret.map(Secret::new), enabled };
        let changed = caller.app().update_provider(ok, patch).await?;
        Ok(changed.map(|it| OrganizationProviderView::of(it, caller.app())).into())
    }

    /// Take an organization's provider away
    ///
    /// Nobody signs in by it any more. Accounts and memberships stay.
    #[oai(
        path = "/organizations/:organization_id/providers/:provider_id",
        method = "delete",
        operation_id = "remove_provider"
    )]
    async fn remove(
        &self,
        caller: Caller,
        organization_id: Path<Uuid>,
        provider_id: Path<Uuid>,
    ) -> ApiResult<RemoveProvider, Message> {
        let action =
            RemoveProvider { organization: organization_id.0.into(), provider: provider_id.0.into() };
        let ok = caller.authorize(action).await?;
        let done = caller.app().remove_provider(ok).await?;
        Ok(done.map(|()| Message::new("removed")).into())
    }
}
