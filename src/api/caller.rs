//! Who calls, as a parameter of a handler.

use std::sync::Arc;

use poem::http::header;
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaSecurityScheme, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use super::RequestId;
use super::client_address::ClientAddress;
use super::problem::Problem;
use crate::app::{App, Limit};
use crate::guard::{Action, Authorized, Origin, Party, Principal};

const SCHEME: &str = "bearer";

/// A caller whose credential has been read. Without one they are anonymous, and it is the policies that say
/// what an anonymous caller may do; with a bad one the answer is 401.
#[derive(Debug)]
pub(super) struct Caller {
    principal: Principal,
    app: Arc<App>,
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

    pub(super) fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The person who calls; an anonymous caller can be asked nothing about themselves.
    pub(super) fn person(&self) -> Result<&crate::guard::UserPrincipal, Problem> {
        self.principal.user().ok_or_else(|| Problem::unauthenticated("not-signed-in"))
    }
}

impl std::ops::Deref for Visitor {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.0
    }
}

fn origin(request: &Request) -> Origin {
    let user_agent = request.header(header::USER_AGENT).map(|text| text.chars().take(256).collect());
    let ip = request.data::<ClientAddress>().and_then(|client| client.0);
    Origin { request_id: RequestId::current().to_string(), ip, user_agent }
}

fn app(request: &Request) -> Result<Arc<App>, Problem> {
    request.data::<Arc<App>>().cloned().ok_or_else(Problem::internal)
}

/// The token of `Authorization: Bearer <token>` (RFC 6750 section 2.1); no header at all is no credential.
fn bearer(request: &Request) -> Result<Option<&str>, Problem> {
    let malformed = || Problem::unauthenticated("token-invalid");
    let mut sent = request.headers().get_all(header::AUTHORIZATION).iter();
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

impl<'a> ApiExtractor<'a> for Caller {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        registry.create_security_scheme(
            SCHEME,
            MetaSecurityScheme {
                ty: "http",
                description: Some("An access token from `login` or `refresh_session`."),
                name: None,
                key_in: None,
                scheme: Some("bearer"),
                bearer_format: Some("JWT"),
                flows: None,
                openid_connect_url: None,
            },
        );
    }

    fn security_schemes() -> Vec<&'static str> {
        vec![SCHEME]
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let app = app(request)?;
        let origin = origin(request);
        app.limit(&origin, Limit::Request).map_err(Problem::from)?;
        let principal = app.authenticate(bearer(request)?, origin).await.map_err(Problem::from)?;
        Ok(Self { principal, app })
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
        Ok(Self(Caller { principal: Principal { party: Party::Anonymous, origin }, app }))
    }
}
