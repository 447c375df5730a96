//! For nginx `auth_request`, Caddy `forward_auth` and Traefik's ForwardAuth: may this request to another service pass?

use std::sync::Arc;

use poem::http::{HeaderMap, HeaderValue, StatusCode};
use poem::{Request, RequestBody};
use poem_openapi::registry::Registry;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions, OpenApi};

use super::Chapter;
use super::browser::Browser;
use super::caller::{self, Caller};
use super::passing::{Foreign, identity};
use super::problem::Problem;
use super::reply::{ApiResult, Message, Reply};
use crate::app::App;
use crate::guard::Origin;
use crate::guard::actions::ForwardAuth;

pub(super) struct ForwardAuthApi;

/// Which headers tell of the request that is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OriginalHeaders {
    /// `X-Original-Method`, `X-Original-Host`, `X-Original-URI`.
    #[default]
    Original,
    /// `X-Forwarded-Method`, `X-Forwarded-Host`, `X-Forwarded-Uri`.
    Forwarded,
}

impl OriginalHeaders {
    const fn names(self) -> [&'static str; 3] {
        match self {
            Self::Original => ["x-original-method", "x-original-host", "x-original-uri"],
            Self::Forwarded => ["x-forwarded-method", "x-forwarded-host", "x-forwarded-uri"],
        }
    }
}

/// What the edge knows of who sent a request.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Proxy {
    /// The peer is one of the trusted proxies.
    pub(super) trusted: bool,
    pub(super) headers: OriginalHeaders,
}

/// A proxy's question, before anything of it is believed.
pub(super) struct Question {
    app: Arc<App>,
    proxy: Proxy,
    browser: Browser,
    origin: Origin,
    headers: HeaderMap,
}

impl<'a> ApiExtractor<'a> for Question {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        Caller::register(registry);
    }

    fn security_schemes() -> Vec<&'static str> {
        Caller::security_schemes()
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        Ok(Self {
            app: caller::app(request)?,
            proxy: request.data::<Proxy>().copied().unwrap_or_default(),
            browser: caller::browser(request),
            origin: caller::origin(request),
            headers: request.headers().clone(),
        })
    }
}

impl Question {
    /// The one value of a header that the proxy must have set.
    fn told(&self, name: &'static str) -> Result<&str, Problem> {
        let mut values = self.headers.get_all(name).iter();
        let one = values.next().filter(|_| values.next().is_none());
        one.and_then(|value| value.to_str().ok()).ok_or_else(|| {
            let detail = format!("the proxy must set `{name}`, once");
            Problem::new(StatusCode::FORBIDDEN, "ambiguous-request", detail)
        })
    }
}

#[OpenApi(prefix_path = "/access/v1", tag = "Chapter::Forwarding")]
impl ForwardAuthApi {
    /// Ask whether a request to another service may pass
    ///
    /// Only for the trusted proxies: they tell of the request in `X-Original-Method`, `X-Original-Host` and
    /// `X-Original-URI` (or `X-Forwarded-Method`, `-Host` and `-Uri`, as configured), and pass its credential on as it
    /// came. Allowed is 200 with the headers `X-Palisade-Principal`, `-User`, `-Email`, `-Organization`, `-Agent`,
    /// `-Credential`, `-Decision` and `-Rule`, each empty where it does not apply; the proxy must set them all over
    /// what the client sent. 401: nobody is signed in. 403: anything else.
    #[oai(path = "/forward-auth", method = "get", operation_id = "forward_auth")]
    async fn ask(&self, question: Question) -> ApiResult<ForwardAuth, Message> {
        if !question.proxy.trusted {
            let detail = "only a trusted proxy may ask about other requests";
            return Err(Problem::new(StatusCode::FORBIDDEN, "untrusted-proxy", detail));
        }
        let [method, host, uri] = question.proxy.headers.names();
        let foreign = Foreign {
            method: question.told(method)?,
            host: question.told(host)?,
            uri: question.told(uri)?,
            headers: &question.headers,
            browser: &question.browser,
            origin: question.origin.clone(),
        };
        let passed = foreign.pass(&question.app).await?;
        Ok(Reply::with_headers(passed.map(|passage| {
            let headers = identity(&passage).map(|(name, value)| (name, HeaderValue::from_str(&value).ok()));
            let headers = headers.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
            (Message::new("the request may pass"), headers)
        })))
    }
}
