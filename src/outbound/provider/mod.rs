//! Talking to the providers that people sign in with: OAuth 2.0 (RFC 6749, RFC 7636) and OpenID Connect.
//!
//! What comes back is only what was said; whether it is true, as of an ID token, `crypto` and `app` find out.

mod granted;
mod metadata;
mod profile;

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Method, Request, Response, StatusCode, header};
use moka::future::Cache;
use oauth2::basic::{
    BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType,
};
use oauth2::{
    AsyncHttpClient, AuthType, AuthUrl, AuthorizationCode, Client, ClientId, ClientSecret, CsrfToken,
    EndpointNotSet, ExtraTokenFields, HttpRequest, HttpResponse, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, RequestTokenError, Scope, StandardRevocableToken, StandardTokenResponse, TokenResponse as _,
    TokenUrl,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::{Url, form_urlencoded};

pub use self::metadata::Endpoints;
pub use self::profile::{Said, told};
use super::web::{Reach, Web, WebError};
use crate::domain::{
    ClientAuth, Micros, Provider, ProviderName, ProviderTokens, ResponseMode, Revocation, Secret,
};

/// Metadata and keys are asked for again after this; keys also when one is missing.
const KEPT: Duration = Duration::from_secs(60 * 60);
/// A refusal's word is written to the log; more of it is not.
const LONGEST_WORD: usize = 64;

/// Why a provider could not be asked, or its answer not be used. For logs: no secret, no query, nothing of a body but
/// the word of an error.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ProviderError {
    /// Asking again later may help.
    #[error("the provider cannot be reached")]
    Unreachable(#[source] Arc<WebError>),
    #[error("the provider is not configured as it must be: {0}")]
    Configuration(&'static str),
    #[error("the provider refuses: {0}")]
    Refused(String),
    #[error("the provider's answer cannot be used: {0}")]
    Unusable(&'static str),
    /// Asking again later may help.
    #[error("the provider's plugin has no answer: {0}")]
    NoPlugin(String),
}

impl From<WebError> for ProviderError {
    fn from(error: WebError) -> Self {
        Self::Unreachable(Arc::new(error))
    }
}

/// What a token endpoint says beside tokens.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Extra {
    id_token: Option<String>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

impl ExtraTokenFields for Extra {}

type Answer = StandardTokenResponse<Extra, BasicTokenType>;
type Oauth<A = EndpointNotSet> = Client<
    BasicErrorResponse,
    Answer,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    A,
>;

/// What a person is sent to a provider with.
#[derive(Debug)]
pub struct Journey<'j> {
    pub redirect_uri: &'j str,
    pub state: &'j Secret,
    /// 43 characters; the provider sees its SHA-256 only, until the code is redeemed (RFC 7636).
    pub verifier: &'j Secret,
    pub nonce: &'j Secret,
    pub scopes: &'j [String],
}

/// What a code was redeemed for.
#[derive(Debug)]
pub struct Redeemed {
    pub tokens: ProviderTokens,
    pub id_token: Option<Secret>,
    /// The whole answer, in JSON.
    pub raw: Secret,
}

/// Where a document of a provider is kept: another one once its address is another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Place(ProviderName, Option<String>, Option<Url>);

impl Place {
    fn of_keys(of: &Provider) -> Self {
        Self(of.name.clone(), of.issuer.clone(), of.jwks_url.clone())
    }
}

/// The configured providers.
#[derive(Debug)]
pub struct Providers {
    web: Option<Web>,
    known: BTreeMap<ProviderName, Provider>,
    metadata: Cache<Place, Arc<Value>>,
    keys: Cache<Place, Arc<Value>>,
}

impl Providers {
    /// # Errors
    /// [`WebError::Client`] if there are providers, or `others` will be asked about, and no client to ask them with.
    pub fn new(providers: Vec<Provider>, others: bool) -> Result<Self, WebError> {
        let web = if providers.is_empty() && !others { None } else { Some(Web::new()?) };
        let known = providers.into_iter().map(|it| (it.name.clone(), it)).collect();
        let metadata = Cache::builder().max_capacity(1_000).time_to_live(KEPT).build();
        let keys = Cache::builder().max_capacity(1_000).time_to_live(KEPT).build();
        Ok(Self { web, known, metadata, keys })
    }

    /// The one of this name, if people may sign in with it.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Provider> {
        ProviderName::parse(name).and_then(|name| self.known.get(&name)).filter(|it| it.enabled)
    }

    pub fn list(&self) -> impl Iterator<Item = &Provider> {
        self.known.values()
    }

    /// The address to send a person to.
    ///
    /// # Errors
    /// [`ProviderError`].
    pub async fn authorize_url(&self, of: &Provider, journey: &Journey<'_>) -> Result<Url, ProviderError> {
        let endpoints = self.endpoints(of).await?;
        let redirect = RedirectUrl::new(journey.redirect_uri.to_owned());
        let redirect = redirect.map_err(|_| ProviderError::Configuration("public_url"))?;
        let client =
            oauth(of).set_auth_uri(AuthUrl::from_url(endpoints.authorize.clone())).set_redirect_uri(redirect);
        let verifier = PkceCodeVerifier::new(journey.verifier.expose().to_owned());
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&verifier);
        let mut request = client
            .authorize_url(|| CsrfToken::new(journey.state.expose().to_owned()))
            .set_pkce_challenge(challenge);
        if !journey.scopes.is_empty() {
            request = request.add_scope(Scope::new(of.scope_text(journey.scopes)));
        }
        if of.is_oidc() {
            request = request.add_extra_param("nonce", journey.nonce.expose());
        }
        if of.response_mode == ResponseMode::FormPost {
            request = request.add_extra_param("response_mode", "form_post");
        }
        for (name, value) in &of.parameters {
            request = request.add_extra_param(name.as_str(), value.as_str());
        }
        Ok(request.url().0)
    }

    /// Trades a code for tokens.
    ///
    /// # Errors
    /// [`ProviderError`].
    pub async fn redeem(
        &self,
        of: &Provider,
        code: Secret,
        journey: &Journey<'_>,
        now: Micros,
    ) -> Result<Redeemed, ProviderError> {
        let endpoints = self.endpoints(of).await?;
        let redirect = RedirectUrl::new(journey.redirect_uri.to_owned());
        let redirect = redirect.map_err(|_| ProviderError::Configuration("public_url"))?;
        let client =
            oauth(of).set_token_uri(TokenUrl::from_url(endpoints.token.clone())).set_redirect_uri(redirect);
        let answer = client
            .exchange_code(AuthorizationCode::new(code.expose().to_owned()))
            .set_pkce_verifier(PkceCodeVerifier::new(journey.verifier.expose().to_owned()))
            .request_async(&Asks(self, of))
            .await
            .map_err(refused)?;
        let id_token = answer.extra_fields().id_token.clone().map(Secret::new);
        let raw = serde_json::to_string(&answer).map_err(|_| ProviderError::Unusable("it is not JSON"))?;
        Ok(Redeemed { tokens: tokens(&answer, now), id_token, raw: Secret::new(raw) })
    }

    /// What the provider says of the person that a token is of.
    ///
    /// # Errors
    /// [`ProviderError`]; also if it has no such address.
    pub async fn userinfo(&self, of: &Provider, access: &Secret) -> Result<Value, ProviderError> {
        let endpoints = self.endpoints(of).await?;
        let url = endpoints.userinfo.as_ref();
        let url = url.ok_or(ProviderError::Configuration("`userinfo_url` is missing"))?;
        let (method, kind, body) = match &of.userinfo_body {
            None => (Method::GET, None, Vec::new()),
            Some(body) => (Method::POST, Some("application/json"), body.clone().into_bytes()),
        };
        self.read(of, build(of, method, url, kind, body, false)?, access).await
    }

    /// The list of addresses, at providers that have one.
    ///
    /// # Errors
    /// [`ProviderError`].
    pub async fn emails(&self, of: &Provider, access: &Secret) -> Result<Option<Value>, ProviderError> {
        let Some(url) = &of.emails_url else { return Ok(None) };
        self.read(of, build(of, Method::GET, url, None, Vec::new(), false)?, access).await.map(Some)
    }

    /// The keys of this provider that were asked for before, if they are kept still.
    pub async fn known_keys(&self, of: &Provider) -> Option<Arc<Value>> {
        self.keys.get(&Place::of_keys(of)).await
    }

    /// The provider's signing keys, a JWK set; `fresh` does not take those that were asked for before.
    ///
    /// # Errors
    /// [`ProviderError`].
    pub async fn keys(&self, of: &Provider, fresh: bool) -> Result<Arc<Value>, ProviderError> {
        if fresh {
            self.keys.invalidate(&Place::of_keys(of)).await;
        }
        let ask = async {
            let url = match &of.jwks_url {
                Some(url) => url.clone(),
                None => {
                    let found = self.endpoints(of).await?.jwks.clone();
                    found.ok_or(ProviderError::Configuration("`jwks_url` is missing"))?
                }
            };
            self.document(of, &url).await.map(Arc::new)
        };
        self.keys.try_get_with(Place::of_keys(of), ask).await.map_err(|error| (*error).clone())
    }

    /// Where the provider's endpoints are.
    ///
    /// # Errors
    /// [`ProviderError`].
    pub async fn endpoints(&self, of: &Provider) -> Result<Endpoints, ProviderError> {
        let Some(issuer) = of.issuer.as_deref().filter(|_| of.discovery) else {
            return Endpoints::of(of, None);
        };
        let ask = async {
            let metadata = self.document(of, &metadata::address(of, issuer)?).await?;
            // What is not right is not kept.
            Endpoints::of(of, Some(&metadata)).map(|_| Arc::new(metadata))
        };
        let place = Place(of.name.clone(), of.issuer.clone(), of.discovery_url.clone());
        let metadata = self.metadata.try_get_with(place, ask).await.map_err(|error| (*error).clone())?;
        Endpoints::of(of, Some(&metadata))
    }

    async fn document(&self, of: &Provider, url: &Url) -> Result<Value, ProviderError> {
        let answer = self.ask(of, build(of, Method::GET, url, None, Vec::new(), false)?).await?;
        read_json(&answer)
    }

    async fn read(
        &self,
        of: &Provider,
        mut request: Request<Vec<u8>>,
        access: &Secret,
    ) -> Result<Value, ProviderError> {
        let bearer = format!("Bearer {}", access.expose()).parse::<header::HeaderValue>();
        let mut bearer = bearer.map_err(|_| ProviderError::Unusable("its token is no text"))?;
        bearer.set_sensitive(true);
        request.headers_mut().insert(header::AUTHORIZATION, bearer);
        for (name, value) in &of.userinfo_headers {
            let wrong = || ProviderError::Configuration("`userinfo_headers`");
            let name = name.parse::<header::HeaderName>().map_err(|_| wrong())?;
            request.headers_mut().insert(name, value.parse().map_err(|_| wrong())?);
        }
        read_json(&self.ask(of, request).await?)
    }

    async fn ask(&self, of: &Provider, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, WebError> {
        let reach = if of.allow_private_addresses { Reach::Private } else { Reach::Public };
        self.web.as_ref().ok_or(WebError::Address)?.send(reach, request).await
    }
}

/// Asks as `oauth2` wants it.
struct Asks<'a>(&'a Providers, &'a Provider);

impl<'c> AsyncHttpClient<'c> for Asks<'_> {
    type Error = WebError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, WebError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.0.ask(self.1, request))
    }
}

fn oauth(of: &Provider) -> Oauth {
    let client = Client::new(ClientId::new(of.client_id.clone())).set_auth_type(match of.client_auth {
        ClientAuth::Basic => AuthType::BasicAuth,
        ClientAuth::Post | ClientAuth::None => AuthType::RequestBody,
    });
    match &of.client_secret {
        Some(secret) if of.client_auth != ClientAuth::None => {
            client.set_client_secret(ClientSecret::new(secret.expose().to_owned()))
        }
        _ => client,
    }
}

fn tokens(answer: &Answer, now: Micros) -> ProviderTokens {
    // Some providers write commas where RFC 6749 has spaces.
    let split = |scope: &Scope| scope.split([' ', ',']).map(str::to_owned).collect::<Vec<_>>();
    let scopes = answer.scopes().map(|scopes| {
        scopes.iter().flat_map(split).filter(|scope| !scope.is_empty()).collect::<Vec<String>>()
    });
    ProviderTokens {
        access: Secret::new(answer.access_token().secret().clone()),
        refresh: answer.refresh_token().map(|token| Secret::new(token.secret().clone())),
        expires_at: answer.expires_in().map(|lifetime| now + lifetime),
        scopes,
    }
}

fn refused(error: RequestTokenError<WebError, BasicErrorResponse>) -> ProviderError {
    match error {
        RequestTokenError::ServerResponse(said) => {
            let word: String = said.error().as_ref().chars().filter(char::is_ascii_graphic).collect();
            ProviderError::Refused(word.chars().take(LONGEST_WORD).collect())
        }
        RequestTokenError::Request(error) => error.into(),
        RequestTokenError::Parse(..) => ProviderError::Unusable("it holds no tokens"),
        RequestTokenError::Other(_) => ProviderError::Unusable("it is empty or not JSON"),
    }
}

/// A request of ours; `authenticated` as the client that we are, where that takes a header.
fn build(
    of: &Provider,
    method: Method,
    url: &Url,
    kind: Option<&str>,
    body: Vec<u8>,
    authenticated: bool,
) -> Result<Request<Vec<u8>>, ProviderError> {
    let mut request =
        Request::builder().method(method).uri(url.as_str()).header(header::ACCEPT, "application/json");
    if let Some(kind) = kind {
        request = request.header(header::CONTENT_TYPE, kind);
    }
    let by_header = of.client_auth == ClientAuth::Basic || of.revocation == Revocation::Github;
    if authenticated && by_header {
        let secret = of.client_secret.as_ref().map_or("", Secret::expose);
        let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let pair = format!("{}:{}", encoded(&of.client_id), encoded(secret));
        let pair = STANDARD.encode(pair);
        request = request.header(header::AUTHORIZATION, format!("Basic {pair}"));
    }
    request.body(body).map_err(|_| ProviderError::Configuration("an address"))
}

fn read_json(answer: &Response<Vec<u8>>) -> Result<Value, ProviderError> {
    if answer.status() != StatusCode::OK {
        return Err(ProviderError::Refused(answer.status().as_u16().to_string()));
    }
    serde_json::from_slice(answer.body()).map_err(|_| ProviderError::Unusable("it is not JSON"))
}
