//! `/api/v1/auth/oauth/…/connect` and `/api/v1/users/…/connections`: what is connected to an account.

use poem::http::StatusCode;
use poem_openapi::param::{Path, Query};
use poem_openapi::{Object, OpenApi};
use time::OffsetDateTime;
use uuid::Uuid;

use super::Chapter;
use super::body::OptionalBody;
use super::caller::Caller;
use super::federation::{DepartureView, departing};
use super::problem::Problem;
use super::reply::{ApiResult, Message, Reply};
use crate::app::{self, Brokered};
use crate::domain::{Micros, ProviderName};
use crate::guard::actions::{
    BrokerToken, ConnectProvider, DisconnectAll, DisconnectEverybody, DisconnectProvider, DisconnectUser,
    ListConnections,
};

pub(super) struct ConnectionsApi;

/// A provider, and one's account there.
#[derive(Object)]
#[oai(skip_serializing_if_is_none, rename = "Connection")]
struct ConnectionView {
    provider: String,
    /// What one is called there.
    username: Option<String>,
    /// Whether tokens of the provider are kept, so that the product can act there.
    connected: bool,
    /// Whether the account there signs one in.
    signs_in: bool,
    /// Of the account there.
    identity_id: Option<Uuid>,
    /// As the provider last told.
    email: Option<String>,
    /// What was granted.
    scopes: Option<Vec<String>>,
    last_used_at: Option<OffsetDateTime>,
}

/// All of them.
#[derive(Object)]
#[oai(rename = "ConnectionList")]
struct ConnectionListView {
    providers: Vec<ConnectionView>,
}

impl From<app::Connected> for ConnectionView {
    fn from(it: app::Connected) -> Self {
        let (provider, it) = (it.provider, it.identity);
        let connection = it.as_ref().and_then(|it| it.connection.clone());
        Self {
            provider,
            connected: connection.is_some(),
            signs_in: it.is_some(),
            scopes: connection.map(|it| it.scopes),
            identity_id: it.as_ref().map(|it| it.id.into()),
            email: it.as_ref().and_then(|it| Some(it.email.as_ref()?.to_string())),
            last_used_at: it.as_ref().map(|it| it.last_used_at.to_datetime()),
            username: it.and_then(|it| it.username),
        }
    }
}

/// What a connection is for.
#[derive(Object)]
struct ConnectRequest {
    /// More than a sign-in asks for; each one that the provider is configured to be asked for.
    #[oai(default, validator(max_items = 32))]
    scopes: Vec<String>,
    /// As at `url`.
    #[oai(validator(max_length = 2000))]
    return_to: Option<String>,
}

/// What a token is needed for.
#[derive(Object)]
struct BrokerTokenRequest {
    /// Scopes of the provider that it must have.
    #[oai(default, validator(max_items = 32))]
    scopes: Vec<String>,
}

/// A provider's access token.
#[derive(Object)]
#[oai(skip_serializing_if_is_none, rename = "ProviderToken")]
struct ProviderTokenView {
    access_token: String,
    /// Always `bearer`.
    token_type: String,
    /// What it may do at the provider.
    scopes: Vec<String>,
    /// Left out: the provider does not say.
    expires_at: Option<OffsetDateTime>,
}

impl From<Brokered> for ProviderTokenView {
    fn from(it: Brokered) -> Self {
        Self {
            access_token: it.access.expose().to_owned(),
            token_type: "bearer".to_owned(),
            scopes: it.scopes,
            expires_at: it.expires_at.map(Micros::to_datetime),
        }
    }
}

/// How far it went.
#[derive(Object)]
#[oai(rename = "Disconnected")]
struct DisconnectedView {
    /// How many people were disconnected.
    people: u32,
    /// There are more of them.
    more: bool,
}

#[OpenApi(prefix_path = "/api/v1", tag = "Chapter::Federation")]
impl ConnectionsApi {
    /// List one's accounts at providers
    #[oai(path = "/auth/oauth/connected", method = "get", operation_id = "list_connections")]
    async fn list(&self, caller: Caller) -> ApiResult<ListConnections, ConnectionListView> {
        let ok = caller.authorize(ListConnections { user: caller.person()?.id }).await?;
        let listed = caller.app().list_connections(ok).await?;
        let view = |all: Vec<app::Connected>| all.into_iter().map(ConnectionView::from).collect();
        Ok(listed.map(|all| ConnectionListView { providers: view(all) }).into())
    }

    /// Go to a provider to connect an account
    ///
    /// The browser that asks is the one that must go, as at `url`. The provider's tokens are kept, sealed, until the
    /// account is disconnected.
    #[oai(path = "/auth/oauth/:provider/connect", method = "post", operation_id = "connect_provider")]
    async fn connect(
        &self,
        caller: Caller,
        provider: Path<String>,
        body: OptionalBody<ConnectRequest>,
    ) -> ApiResult<ConnectProvider, DepartureView> {
        let person = caller.person()?;
        let ok = caller.authorize(ConnectProvider { user: person.id, session: person.session }).await?;
        let (scopes, return_to) = body.0.map_or((Vec::new(), None), |body| (body.scopes, body.return_to));
        let browser = caller.browser().journey();
        let away =
            caller.app().connect_provider(ok, &provider.0, &scopes, return_to.as_deref(), browser).await?;
        Ok(Reply::with_cookies(away.map(|away| departing(&caller, &away))))
    }

    /// Disconnect one's account at a provider
    ///
    /// It does not sign one in any more, and what was granted is given back. 400 `last-sign-in-method` if nothing else
    /// would sign one in.
    #[oai(path = "/auth/oauth/:provider/disconnect", method = "delete", operation_id = "disconnect_provider")]
    async fn disconnect(
        &self,
        caller: Caller,
        provider: Path<String>,
        /// One of several accounts there; left out, all of them.
        identity_id: Query<Option<Uuid>>,
    ) -> ApiResult<DisconnectProvider, Message> {
        let ok = caller.authorize(DisconnectProvider { user: caller.person()?.id }).await?;
        let only = identity_id.0.map(Into::into);
        let done = caller.app().disconnect_provider(ok, &provider.0, only).await.map_err(old_status)?;
        Ok(done.map(|()| Message::new("disconnected")).into())
    }

    /// Get a provider's access token of a person
    ///
    /// For the person, or for an agent that acts on their behalf with the scope `connection:use`. It is refreshed
    /// before it ends; each one handed out is an event.
    #[oai(
        path = "/users/:user_id/connections/:provider/token",
        method = "post",
        operation_id = "broker_token"
    )]
    async fn broker(
        &self,
        caller: Caller,
        user_id: Path<Uuid>,
        provider: Path<String>,
        body: OptionalBody<BrokerTokenRequest>,
    ) -> ApiResult<BrokerToken, ProviderTokenView> {
        let user = user_id.0.into();
        let on_behalf = caller.principal().user().is_some_and(|person| person.id == user);
        let provider = ProviderName::parse(&provider.0).ok_or_else(Problem::not_found)?;
        let ok = caller.authorize(BrokerToken { user, provider, on_behalf }).await?;
        let scopes = body.0.map_or_else(Vec::new, |body| body.scopes);
        let token = caller.app().broker_token(ok, &scopes).await?;
        Ok(token.map(ProviderTokenView::from).into())
    }

    /// Disconnect somebody's account at a provider
    #[oai(
        path = "/users/:user_id/connections/:provider",
        method = "delete",
        operation_id = "disconnect_user"
    )]
    async fn disconnect_user(
        &self,
        caller: Caller,
        user_id: Path<Uuid>,
        provider: Path<String>,
    ) -> ApiResult<DisconnectUser, Message> {
        let ok = caller.authorize(DisconnectUser { user: user_id.0.into() }).await?;
        let done = caller.app().disconnect_user(ok, &provider.0).await?;
        Ok(done.map(|()| Message::new("disconnected")).into())
    }

    /// Disconnect all of somebody's accounts at providers
    #[oai(path = "/users/:user_id/connections", method = "delete", operation_id = "disconnect_all")]
    async fn disconnect_all(&self, caller: Caller, user_id: Path<Uuid>) -> ApiResult<DisconnectAll, Message> {
        let ok = caller.authorize(DisconnectAll { user: user_id.0.into() }).await?;
        let done = caller.app().disconnect_all(ok).await?;
        Ok(done.map(|()| Message::new("disconnected")).into())
    }

    /// Disconnect everybody's accounts at a provider
    ///
    /// For when its tokens are not safe any more. Of a hundred people in one call; call again while there are `more`.
    #[oai(path = "/admin/connections/:provider", method = "delete", operation_id = "disconnect_everybody")]
    async fn disconnect_everybody(
        &self,
        caller: Caller,
        provider: Path<String>,
    ) -> ApiResult<DisconnectEverybody, DisconnectedView> {
        let ok = caller.authorize(DisconnectEverybody {}).await?;
        let done = caller.app().disconnect_everybody(ok, &provider.0).await?;
        Ok(done.map(|it| DisconnectedView { people: it.people, more: it.more }).into())
    }
}

/// The old system answered 400 here, and its clients look for it.
fn old_status(error: app::Error) -> Problem {
    match error {
        app::Error::Conflict { code: code @ "last-sign-in-method", detail } => {
            Problem::new(StatusCode::BAD_REQUEST, code, detail)
        }
        error => error.into(),
    }
}
