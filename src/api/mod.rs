//! HTTP: from a request to a question, from a released value to a reply.
//!
//! Owns: poem and poem-openapi, and tonic for Envoy. May import: `domain`, `guard`, `app`. Must never: name a row, a Cedar type or a
//! guest, open a transaction, or answer with a value that no permit released.
//! Read next: `organizations.rs`; then `caller.rs` and `reply.rs`.
//!
//! Adding an endpoint: an action in `policies/schema.cedarschema` and in `guard/actions/`, a use case in `app` that
//! demands its permit, a handler here. `CONTRIBUTING.md` has the steps, and the tests name what is missing.

mod access;
mod agents;
mod api_keys;
mod auth;
mod authzen;
mod body;
mod browser;
mod caller;
mod client_address;
mod connections;
mod decisions;
mod deletion;
pub mod document;
mod edge;
mod email_change;
mod events;
mod explain;
pub mod ext_authz;
mod federation;
mod forward_auth;
mod framework;
mod freshness;
mod grants;
mod health;
mod invitations;
mod jwks;
mod mail_page;
mod members;
mod messages;
mod metrics;
mod organization_domains;
mod organization_providers;
mod organizations;
mod pages;
mod passing;
mod passwords;
mod plugin_recordings;
mod plugins;
mod policies;
mod problem;
mod reference;
mod refused;
mod reply;
mod request_id;
mod resources;
mod roles;
mod routes;
mod search;
mod sessions;
mod tokens;
mod users;
mod views;
mod waitlist;

use std::sync::Arc;

use poem::http::Method;
use poem::{Endpoint, EndpointExt as _, Response, Route};
use poem_openapi::{LicenseObject, OpenApiService, Tags};
use serde_json::Value;

pub use self::client_address::TrustedProxies;
pub use self::document::OpenApiVersion;
pub use self::edge::{BODY_LIMIT, EdgeSettings};
pub use self::forward_auth::OriginalHeaders;
pub use self::metrics::Answers;
pub use self::request_id::RequestId;
pub use self::routes::RouteTable;
use crate::app::App;

/// The chapters of the reference.
#[derive(Tags)]
enum Chapter {
    /// Accounts and sessions.
    Identity,
    /// Signing in with others, and what is connected to an account.
    Federation,
    /// What happened.
    Audit,
    /// Organizations, members and invitations.
    Organizations,
    /// API keys, agents and the tokens they get.
    Keys,
    /// What products ask about their own things.
    Decisions,
    /// For super admins.
    Platform,
    /// In front of other services.
    Forwarding,
    /// What other services read, by the standards' own paths.
    Discovery,
}

/// Declares the operations, chapter by chapter: the framework takes at most 16 in one tuple, but tuples of tuples.
macro_rules! operations {
    ($(($($module:ident::$api:ident),* $(,)?)),* $(,)?) => {
        type Operations = ($(($($module::$api,)*),)*);
        const OPERATIONS: Operations = ($(($($module::$api,)*),)*);
    };
}

operations! {
    (
        auth::AuthApi,
        passwords::PasswordsApi,
        sessions::SessionsApi,
        email_change::EmailChangeApi,
        deletion::DeletionApi,
    ),
    (organizations::OrganizationsApi, members::MembersApi, invitations::InvitationsApi, roles::RolesApi),
    (
        waitlist::WaitlistApi,
        messages::MessagesApi,
        users::UsersApi,
        jwks::JwksApi,
        plugins::PluginsApi,
        plugin_recordings::PluginRecordingsApi,
    ),
    (
        federation::FederationApi,
        connections::ConnectionsApi,
        organization_domains::OrganizationDomainsApi,
        organization_providers::OrganizationProvidersApi,
    ),
    (api_keys::ApiKeysApi, agents::AgentsApi, tokens::TokensApi, grants::GrantsApi),
    (events::EventsApi, decisions::DecisionsApi, forward_auth::ForwardAuthApi),
    (
        resources::ResourcesApi,
        access::AccessApi,
        explain::ExplainApi,
        search::SearchApi,
        policies::PoliciesApi,
    ),
}

fn service() -> OpenApiService<Operations, ()> {
    OpenApiService::new(OPERATIONS, "Palisade", env!("CARGO_PKG_VERSION"))
        .summary("Who is this, and may they?")
        .description(
            "Every operation is one Cedar action, named in `x-cedar-action`. Every error is a problem document \
             (RFC 9457): `detail` is a sentence for people, `code` a stable word for programs, `errors` the fields.",
        )
        .license(LicenseObject::new("Apache-2.0").identifier("Apache-2.0"))
}

/// The OpenAPI document. Needs no configuration and no database.
#[must_use]
pub fn openapi(version: OpenApiVersion) -> Value {
    let raw = serde_json::from_str(&service().spec()).unwrap_or_default();
    document::clean(raw, version)
}

/// Paths beside the document and the reference: for probes, for people, for the document itself, and for monitoring,
/// which alone of them asks the policies. They touch no tenant's data.
const RAW: [&str; 9] = [
    "/healthz",
    "/readyz",
    "/metrics",
    "/openapi.json",
    "/openapi-3.0.json",
    "/verify-email",
    "/accept-invitation",
    "/reset-password",
    "/confirm-email",
];

/// Everything the server answers to; the only place where a route is made.
pub fn routes(app: Arc<App>, settings: impl FnOnce(&mut EdgeSettings)) -> impl Endpoint<Output = Response> {
    let document = openapi(OpenApiVersion::V31);
    let table = RAW.iter().fold(RouteTable::of(&document), |table, path| table.with(path, &[Method::GET]));
    let mut edge = EdgeSettings::new(reference::table(table));
    settings(&mut edge);
    if edge.mail_page {
        edge.routes = std::mem::take(&mut edge.routes).with("/mail", &[Method::GET]);
    }
    let routes = Route::new()
        .at("/healthz", poem::get(health::healthz))
        .at("/readyz", poem::get(health::readyz))
        .at("/metrics", poem::get(metrics::scrape))
        .at("/openapi.json", fixed_json(&document))
        .at("/openapi-3.0.json", fixed_json(&openapi(OpenApiVersion::V30)))
        .at("/verify-email", poem::get(pages::verify_email))
        .at("/accept-invitation", poem::get(pages::accept_invitation))
        .at("/reset-password", poem::get(pages::reset_password))
        .at("/confirm-email", poem::get(pages::confirm_email))
        .nest("/docs", reference::routes())
        .nest("/", service().around(refused::name).around(freshness::tell));
    // Development only; see `mail_page.rs`.
    let routes = if edge.mail_page { routes.at("/mail", poem::get(mail_page::mail)) } else { routes };
    let routes = routes.data(app).data(Arc::clone(&edge.answers));
    edge::wrap(routes, edge)
}

fn fixed_json(document: &Value) -> impl Endpoint + use<> {
    let text: Arc<str> = document.to_string().into();
    poem::get(poem::endpoint::make_sync(move |_| {
        Response::builder().content_type("application/json").body(text.to_string())
    }))
}
