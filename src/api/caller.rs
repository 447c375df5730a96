//! Who calls, as a parameter of a handler.

use std::sync::Arc;

use poem::http::{HeaderMap, header};
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaSecurityScheme, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use super::RequestId;
use super::browser::{ACCESS_COOKIE, Browser};
use super::client_address::ClientAddress;
use super::freshness;
use super::problem::Problem;
use crate::app::{App, Limit};
use crate::guard::{Action, Authorized, Origin, Party, Principal};

const SCHEME: &str = "bearer";
const COOKIE_SCHEME: &str = "cookie";
const KEY_SCHEME: &str = "api_key";
const KEY_HEADER: &str = "X-API-Key";

/// A caller whose credential has been read. Without one they are anonymous, and it is the policies that say
/// what an anonymous caller may do; with a bad one the answer is 401.
#[derive(Debug)]
pub(super) struct Caller {
    principal: Principal,
    app: Arc<App>,
    browser: Browser,
}

/// A caller of an operation that trades one credential for another, such as login: a credential sent along is not
/// looked at, so that a client with an expired token can get a new one.
#[derive(Debug)]
pub(super) struct Visitor(Caller);

impl Caller {
    /// Asks Cedar.
    pub(super) async fn authorize<A: Action>(&self, action: A) -> Result<Authorized<'_, A>, Problem> {
        Ok(self.app.authorize(&self.principal, action).await?)
    }

    /// Counts this request as one of a kind that is limited; call it before the work that the limit protects.
    pub(super) fn limit(&self, limit: Limit<'_>) -> Result<(), Problem> {
        Ok(self.app.limit(&self.principal.origin, limit)?)
    }

    pub(super) fn app(&self) -> &App {
        &self.app
    }

    pub(super) fn browser(&self) -> &Browser {
        &self.browser
    }

    pub(super) fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The person who calls, or in whose name; of an anonymous caller, an agent or an organization's service there
    /// is none to ask about.
    pub(super) fn person(&self) -> Result<&crate::guard::UserPrincipal, Problem> {
        self.principal.user().ok_or_else(|| {
            if self.principal.is_anonymous() {
                Problem::unauthenticated("not-signed-in")
            } else {
                let detail = "this is about a person's own account, and the credential is not a person's";
                Problem::refusing(self.principal.uid(), "human-only", detail)
            }
        })
    }
}

impl std::ops::Deref for Visitor {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.0
    }
}

pub(super) fn origin(request: &Request) -> Origin {
    let user_agent = request.header(header::USER_AGENT).map(|text| text.chars().take(256).collect());
    let ip = request.data::<ClientAddress>().and_then(|client| client.0);
    Origin { request_id: RequestId::current().to_string(), ip, user_agent }
}

pub(super) fn app(request: &Request) -> Result<Arc<App>, Problem> {
    request.data::<Arc<App>>().cloned().ok_or_else(Problem::internal)
}

pub(super) fn browser(request: &Request) -> Browser {
    request.data::<Browser>().cloned().unwrap_or_default()
}

/// The token of `Authorization: Bearer <token>` (RFC 6750 section 2.1); no header at all is no credential.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let malformed = || Problem::unauthenticated("token-invalid");
    let mut sent = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = sent.next() else { return Ok(None) };
    if sent.next().is_some() {
        return Err(malformed());
    }
    let (scheme, token) = value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(malformed)?;
    if scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() {
        Ok(Some(token))
    } else {
        Err(malformed())
    }
}

/// The one credential of a request: the bearer token, or the key of `X-API-Key`. Two that differ are none: which of
/// them the sender meant, a guess could get wrong.
pub(super) fn credential(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let malformed = || Problem::unauthenticated("key-invalid");
    let bearer = bearer(headers)?;
    let mut sent = headers.get_all(KEY_HEADER).iter();
    let Some(value) = sent.next() else { return Ok(bearer) };
    let key = value.to_str().ok().filter(|text| !text.is_empty()).ok_or_else(malformed)?;
    let only_one = sent.next().is_none() && bearer.is_none_or(|token| token == key);
    // A header of its own name carries keys only; an access token there is a mistake.
    if only_one && key.starts_with("psk_") { Ok(Some(key)) } else { Err(malformed()) }
}

impl<'a> ApiExtractor<'a> for Caller {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        registry.create_security_scheme(
            SCHEME,
            MetaSecurityScheme {
                ty: "http",
                description: Some("An access token from `login` or `refresh_session`, or an API key."),
                name: None,
                key_in: None,
                scheme: Some("bearer"),
                bearer_format: Some("JWT"),
                flows: None,
                openid_connect_url: None,
            },
        );
        registry.create_security_scheme(
            COOKIE_SCHEME,
            MetaSecurityScheme {
                ty: "apiKey",
                description: Some(
                    "Set by `login` and `refresh_session` with `cookies`. What changes something must come from a page \
                     of this service or of a listed origin, as the browser tells by `Sec-Fetch-Site` and `Origin`.",
                ),
                name: Some(ACCESS_COOKIE),
                key_in: Some("cookie"),
                scheme: None,
                bearer_format: None,
                flows: None,
                openid_connect_url: None,
            },
        );
        registry.create_security_scheme(
            KEY_SCHEME,
            MetaSecurityScheme {
                ty: "apiKey",
                description: Some("An API key, where `Authorization` is taken by something else."),
                name: Some(KEY_HEADER),
                key_in: Some("header"),
                scheme: None,
                bearer_format: None,
                flows: None,
                openid_connect_url: None,
            },
        );
    }

    fn security_schemes() -> Vec<&'static str> {
        vec![SCHEME, KEY_SCHEME, COOKIE_SCHEME]
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let app = app(request)?;
        let origin = origin(request);
        app.limit(&origin, Limit::Request).map_err(Problem::from)?;
        freshness::demanded(&app, request).await?;
        let browser = browser(request);
        // A header that the client wrote itself says more than a cookie that the browser added.
        let token = match credential(request.headers())? {
            Some(token) => Some(token),
            None => browser.access(request.method())?,
        };
        let principal = app.authenticate(token, origin).await.map_err(Problem::from)?;
        Ok(Self { principal, app, browser })
    }
}

impl<'a> ApiExtractor<'a> for Visitor {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::PoemExtractor];
    type ParamType = ();
    type ParamRawType = ();

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let app = app(request)?;
        let origin = origin(request);
        app.limit(&origin, Limit::Request).map_err(Problem::from)?;
        let principal = Principal::of(Party::Anonymous, origin);
        Ok(Self(Caller { principal, app, browser: browser(request) }))
    }
}
