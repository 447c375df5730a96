//! `/api/v1/auth/oauth`: signing in with others.

use std::time::Duration;

use poem_openapi::param::{Path, Query};
use poem_openapi::{Object, OpenApi};

use super::Chapter;
use super::auth::TokensView;
use super::body::{Body, Form};
use super::caller::{Caller, Visitor};
use super::problem::Problem;
use super::reply::{ApiResult, Redirect, Reply, WithCookies};
use crate::app::{self, Departure, Limit, Return};
use crate::domain::Secret;
use crate::guard::actions::{
    BeginSignIn, ExchangeCode, FinishSignIn, GetRedirectUri, GetSignInUrl, ListProviders, ReturnByForm,
};

pub(super) struct FederationApi;

/// As long as a journey to a provider may take, and the trade of the code after it.
const REMEMBERED: Duration = Duration::from_secs(11 * 60);

/// Somebody that one may sign in with.
#[derive(Object)]
#[oai(skip_serializing_if_is_none, rename = "Provider")]
struct ProviderView {
    name: String,
    /// For people.
    label: String,
    enabled: bool,
    /// Where one sees and ends what was granted there.
    manage_url: Option<String>,
}

/// All of them.
#[derive(Object)]
#[oai(rename = "ProviderList")]
struct ProviderListView {
    providers: Vec<ProviderView>,
}

/// What a provider must be told of us.
#[derive(Object)]
#[oai(rename = "RedirectUri")]
struct RedirectUriView {
    base_redirect_uri: String,
    provider: String,
    /// To the letter.
    calculated_redirect_uri: String,
    /// A sentence for people.
    message: String,
}

/// Where to send the browser.
#[derive(Object)]
#[oai(rename = "Departure")]
pub(super) struct DepartureView {
    auth_url: String,
    state: String,
}

/// The code that one came back with.
#[derive(Object)]
struct ExchangeCodeRequest {
    #[oai(validator(max_length = 256))]
    code: String,
    /// As at `login`.
    #[oai(default)]
    cookies: bool,
}

/// What a provider's page posts (OAuth 2.0 Form Post Response Mode). What it says of a person besides is nobody's
/// word, and not looked at.
#[derive(Object)]
struct ReturnByFormRequest {
    #[oai(validator(max_length = 4096))]
    code: Option<String>,
    #[oai(validator(max_length = 256))]
    state: Option<String>,
    #[oai(validator(max_length = 1024))]
    error: Option<String>,
    /// RFC 9207.
    #[oai(validator(max_length = 1024))]
    iss: Option<String>,
}

/// A sign-in by a provider.
#[derive(Object)]
#[oai(skip_serializing_if_is_none, rename = "FederatedTokens")]
struct FederatedTokensView {
    #[oai(flatten)]
    tokens: TokensView,
    provider: String,
    /// Where the person wanted to go when they left; an address of a listed origin.
    return_to: Option<String>,
}

#[OpenApi(prefix_path = "/api/v1/auth/oauth", tag = "Chapter::Federation")]
impl FederationApi {
    /// See whom one may sign in with
    #[oai(path = "/providers", method = "get", operation_id = "list_providers")]
    async fn providers(&self, caller: Visitor) -> ApiResult<ListProviders, ProviderListView> {
        let ok = caller.authorize(ListProviders {}).await?;
        let view = |it: app::Listed| {
            let app::Listed { name, label, enabled, manage_url } = it;
            ProviderView { name, label, enabled, manage_url }
        };
        let listed = caller.app().list_providers(ok);
        Ok(listed.map(|all| ProviderListView { providers: all.into_iter().map(view).collect() }).into())
    }

    /// See which redirect address a provider must be told
    #[oai(path = "/:provider/redirect-uri", method = "get", operation_id = "get_redirect_uri")]
    async fn redirect_uri(
        &self,
        caller: Caller,
        provider: Path<String>,
    ) -> ApiResult<GetRedirectUri, RedirectUriView> {
        let ok = caller.authorize(GetRedirectUri {}).await?;
        let view = |it: app::RedirectUri| RedirectUriView {
            base_redirect_uri: it.base,
            provider: it.provider,
            calculated_redirect_uri: it.redirect_uri,
            message: "the provider must know this address to the letter".to_owned(),
        };
        Ok(caller.app().redirect_uri_of(ok, &provider.0)?.map(view).into())
    }

    /// Get the address of a provider to go to
    ///
    /// The browser that asks is the one that must go: it gets a cookie, and the way back is bound to it. So pages ask with
    /// `credentials: "include"`.
    #[oai(path = "/:provider/url", method = "get", operation_id = "get_sign_in_url")]
    async fn url(
        &self,
        caller: Visitor,
        provider: Path<String>,
        /// Where the person wants to go afterwards: an address of a listed origin, or a path on the product's page.
        #[oai(validator(max_length = 2000))]
        return_to: Query<Option<String>>,
    ) -> ApiResult<GetSignInUrl, DepartureView> {
        let ok = caller.authorize(GetSignInUrl {}).await?;
        let browser = caller.browser().journey();
        let away = caller.app().sign_in_url(ok, &provider.0, return_to.0.as_deref(), browser).await?;
        Ok(Reply::with_cookies(away.map(|away| departing(&caller, &away))))
    }

    /// Be sent to a provider
    #[oai(path = "/:provider", method = "get", operation_id = "begin_sign_in")]
    async fn begin(
        &self,
        caller: Visitor,
        provider: Path<String>,
        /// As at `url`.
        #[oai(validator(max_length = 2000))]
        return_to: Query<Option<String>>,
    ) -> Result<Redirect<BeginSignIn, 307>, Problem> {
        let ok = caller.authorize(BeginSignIn {}).await?;
        let browser = caller.browser().journey();
        let away = caller.app().begin_sign_in(ok, &provider.0, return_to.0.as_deref(), browser).await?;
        let going = |away: Departure| {
            let cookies = caller.browser().remember_journey(&away.browser, REMEMBERED);
            WithCookies { body: away.url, cookies: cookies.into_iter().collect() }
        };
        Ok(away.map(going).into())
    }

    /// Come back from a provider
    ///
    /// Ends at the product's page with `code` and `provider`, to be traded at `token`; after connecting with
    /// `connect=true`, `connected=true`, `provider` and `username`; else with `error`: `invalid_state`, `access_denied`,
    /// `oauth_failed`, `provider_unavailable`, `link_required`, `identity_taken`, `email_required`, `email_unverified`,
    /// `registration_refused` or `account_unavailable`.
    #[oai(path = "/:provider/callback", method = "get", operation_id = "finish_sign_in")]
    async fn callback(
        &self,
        caller: Visitor,
        provider: Path<String>,
        #[oai(validator(max_length = 4096))] code: Query<Option<String>>,
        #[oai(validator(max_length = 256))] state: Query<Option<String>>,
        #[oai(validator(max_length = 1024))] error: Query<Option<String>>,
        /// RFC 9207.
        #[oai(validator(max_length = 1024))]
        iss: Query<Option<String>>,
    ) -> Result<Redirect<FinishSignIn, 303>, Problem> {
        caller.limit(Limit::Login)?;
        let ok = caller.authorize(FinishSignIn {}).await?;
        let browser = caller.browser().journey();
        let back =
            Return { state: state.0, code: code.0.map(Secret::new), error: error.0, issuer: iss.0, browser };
        let landing = caller.app().finish_sign_in(ok, &provider.0, back).await?;
        Ok(landing.map(|landing| WithCookies { body: landing.url, cookies: Vec::new() }).into())
    }

    /// Come back from a provider that answers by a form
    ///
    /// Sends the browser on to the same address by `GET`, where its cookie comes along, and does nothing else. 404 unless
    /// the provider has `response_mode = "form_post"`.
    #[oai(path = "/:provider/callback", method = "post", operation_id = "return_by_form")]
    async fn callback_by_form(
        &self,
        caller: Visitor,
        provider: Path<String>,
        body: Form<ReturnByFormRequest>,
    ) -> Result<Redirect<ReturnByForm, 303>, Problem> {
        let ok = caller.authorize(ReturnByForm {}).await?;
        let ReturnByFormRequest { code, state, error, iss } = body.0;
        let back = Return { state, code: code.map(Secret::new), error, issuer: iss, browser: None };
        let landing = caller.app().return_by_form(ok, &provider.0, back)?;
        Ok(landing.map(|landing| WithCookies { body: landing.url, cookies: Vec::new() }).into())
    }

    /// Trade the code that one came back with for tokens
    ///
    /// It works once, within a minute, in the browser that came back with it.
    #[oai(path = "/token", method = "post", operation_id = "exchange_code")]
    async fn token(
        &self,
        caller: Visitor,
        body: Body<ExchangeCodeRequest>,
    ) -> ApiResult<ExchangeCode, FederatedTokensView> {
        caller.limit(Limit::Login)?;
        let ExchangeCodeRequest { code, cookies } = body.0;
        if cookies {
            caller.browser().refuse_foreign()?;
        }
        let ok = caller.authorize(ExchangeCode {}).await?;
        let browser = caller.browser().journey();
        let done = caller.app().exchange_code(ok, &Secret::new(code), browser.as_ref()).await?;
        Ok(Reply::with_cookies(done.map(|it| {
            let WithCookies { body: tokens, cookies } = TokensView::hand_over(&it.tokens, cookies);
            let body = FederatedTokensView { tokens, provider: it.provider, return_to: it.return_to };
            WithCookies { body, cookies }
        })))
    }
}

/// The address, and the cookie that the way back is bound to.
pub(super) fn departing(caller: &Caller, away: &Departure) -> WithCookies<DepartureView> {
    let cookies = caller.browser().remember_journey(&away.browser, REMEMBERED);
    let body = DepartureView { auth_url: away.url.clone(), state: away.state.expose().to_owned() };
    WithCookies { body, cookies: cookies.into_iter().collect() }
}
