//! What happens to every request before and after the routes, in one place and one order:
//! id, span, preflight, limits, body, timeout, panic, problem, headers.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use poem::error::ReadBodyError;
use poem::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use poem::{Body, Endpoint, IntoResponse, Request, Response};
use tracing::Instrument as _;

use super::browser::Browser;
use super::client_address::TrustedProxies;
use super::forward_auth::{OriginalHeaders, Proxy};
use super::framework::{from_poem, tidy};
use super::metrics::Answers;
use super::problem::Problem;
use super::request_id::RequestId;
use super::routes::{KnownRoute, RouteTable};
use crate::domain::{OsRandom, Random};

/// The largest request body, in bytes.
pub const BODY_LIMIT: usize = 64 * 1024;
/// The most a request's header names and values may take together, in bytes.
pub(super) const HEADER_LIMIT: usize = 16 * 1024;
/// The longest path and query, in bytes.
pub(super) const URI_LIMIT: usize = 8 * 1024;
/// How long a request may take from its first byte read to its answer.
pub(super) const TIMEOUT: Duration = Duration::from_secs(30);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What the edge needs to know.
#[derive(Debug, Clone)]
pub struct EdgeSettings {
    /// The paths and methods there are, for names, `Allow` and log lines.
    pub routes: RouteTable,
    /// Origins that may call us from a browser, exactly as browsers send them (RFC 6454 section 7); empty: none.
    pub origins: Vec<String>,
    /// The origin of the public URL, whose pages may use cookies; none: no page may.
    pub public_origin: Option<String>,
    /// Whose word on a client's address is taken.
    pub proxies: TrustedProxies,
    /// Which headers of theirs tell of a request to another service.
    pub original: OriginalHeaders,
    /// Whether the public URL is https; only then is HSTS sent (RFC 6797 section 7.2).
    pub https: bool,
    /// Whether there is a page with the development mail.
    pub mail_page: bool,
    pub timeout: Duration,
    pub random: Arc<dyn Random>,
    /// Where answers are counted.
    pub answers: Arc<Answers>,
}

impl EdgeSettings {
    /// CORS closed, no HSTS, the usual timeout.
    #[must_use]
    pub fn new(routes: RouteTable) -> Self {
        Self {
            routes,
            origins: Vec::new(),
            public_origin: None,
            proxies: TrustedProxies::default(),
            original: OriginalHeaders::default(),
            https: false,
            mail_page: false,
            timeout: TIMEOUT,
            random: Arc::new(OsRandom),
            answers: Arc::default(),
        }
    }
}

/// The routes with the edge around them. It never fails: every error is a problem response by then.
pub(super) fn wrap<E: Endpoint<Output: IntoResponse> + 'static>(
    routes: E,
    settings: EdgeSettings,
) -> impl Endpoint<Output = Response> + 'static {
    Edge { inner: routes, settings }
}

struct Edge<E> {
    inner: E,
    settings: EdgeSettings,
}

impl<E: Endpoint<Output: IntoResponse>> Endpoint for Edge<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let started = Instant::now();
        let given = request.header(&REQUEST_ID).and_then(RequestId::accept);
        let id = given.unwrap_or_else(|| RequestId::fresh(&*self.settings.random));
        let method = request.method().clone();
        let route = self.settings.routes.find(request.uri().path());
        let origin = self.allowed_origin(request.headers());
        // The route's template, not the path, and no query: neither may carry a secret into the log.
        let span = tracing::info_span!(
            "request",
            request_id = %id,
            method = %method,
            route = route.map_or("-", KnownRoute::template),
        );
        let mut response = async {
            let response = self.answer(request, route, origin.is_some()).await;
            let ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
            tracing::info!(status = response.status().as_u16(), ms, "answered");
            response
        }
        .instrument(span)
        .scoped(id.clone())
        .await;
        self.settings.answers.count(response.status());
        if method == Method::HEAD {
            response.set_body(());
        }
        self.finish(response.headers_mut(), &id, origin);
        Ok(response)
    }
}

/// `future.scoped(id)`: reads in the order things happen.
trait Scoped: Future + Sized {
    fn scoped(self, id: RequestId) -> impl Future<Output = Self::Output> {
        id.scope(self)
    }
}
impl<F: Future> Scoped for F {}

impl<E: Endpoint<Output: IntoResponse>> Edge<E> {
    async fn answer(&self, request: Request, route: Option<&KnownRoute>, cors: bool) -> Response {
        if let Some(problem) = too_long(&request) {
            return problem.into_response();
        }
        if let (Some(route), &Method::OPTIONS) = (route, request.method()) {
            return options(&request, route, cors);
        }
        // In a box of its own: what is put around it would otherwise be moved about with all that it holds.
        let work = AssertUnwindSafe(Box::pin(self.serve(request, route)));
        match tokio::time::timeout(self.settings.timeout, work.catch_unwind()).await {
            Ok(Ok(response)) => response,
            Ok(Err(panic)) => {
                tracing::error!(panic = panic_text(&*panic), "a request panicked");
                Problem::internal().into_response()
            }
            Err(_) => {
                tracing::error!("a request ran out of time");
                Problem::unavailable("timeout", Duration::from_secs(1)).into_response()
            }
        }
    }

    /// Reads the whole body (it is small, and a slow one must count against the timeout), then asks the routes.
    async fn serve(&self, mut request: Request, route: Option<&KnownRoute>) -> Response {
        let announced = request.header(header::CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
        if announced.is_some_and(|length| length > BODY_LIMIT as u64) {
            return Problem::too_large(BODY_LIMIT).into_response();
        }
        match request.take_body().into_bytes_limit(BODY_LIMIT).await {
            Ok(bytes) => request.set_body(Body::from_bytes(bytes)),
            Err(ReadBodyError::PayloadTooLarge) => return Problem::too_large(BODY_LIMIT).into_response(),
            Err(_) => {
                let detail = "the body ended before it was whole";
                return Problem::new(StatusCode::BAD_REQUEST, "bad-body", detail).into_response();
            }
        }
        let client = self.settings.proxies.client(&request);
        request.set_data(client);
        let trusted = self.settings.proxies.sent(&request);
        request.set_data(Proxy { trusted, headers: self.settings.original });
        let own = self.settings.public_origin.as_deref();
        request.set_data(Browser::of(request.headers(), own, &self.settings.origins));
        match self.inner.call(request).await {
            Ok(response) => tidy(response.into_response()),
            Err(error) => from_poem(error, route),
        }
    }

    fn allowed_origin(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(header::ORIGIN)?;
        self.settings
            .origins
            .iter()
            .any(|allowed| allowed.as_bytes() == origin.as_bytes())
            .then(|| origin.clone())
    }

    fn finish(&self, headers: &mut HeaderMap, id: &RequestId, origin: Option<HeaderValue>) {
        if let Ok(id) = HeaderValue::from_str(id.as_str()) {
            headers.insert(REQUEST_ID, id);
        }
        let fixed = [
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::X_FRAME_OPTIONS, "DENY"),
            (header::REFERRER_POLICY, "no-referrer"),
            (
                HeaderName::from_static("permissions-policy"),
                "camera=(), geolocation=(), microphone=(), payment=()",
            ),
            (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        ];
        for (name, value) in fixed {
            headers.insert(name, HeaderValue::from_static(value));
        }
        // A route may know better: the reference page needs its own scripts, a key set may be cached.
        let defaults = [
            (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
            (header::CACHE_CONTROL, "no-store"),
        ];
        for (name, value) in defaults {
            headers.entry(name).or_insert(HeaderValue::from_static(value));
        }
        if self.settings.https {
            let year = HeaderValue::from_static("max-age=31536000; includeSubDomains");
            headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
        }
        if !self.settings.origins.is_empty() {
            headers.append(header::VARY, HeaderValue::from_static("Origin"));
        }
        if let Some(origin) = origin {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
            let exposed =
                HeaderValue::from_static("X-Request-ID, X-Palisade-Revision, Retry-After, WWW-Authenticate");
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
        }
    }
}

fn too_long(request: &Request) -> Option<Problem> {
    let uri = request.uri().path_and_query().map_or(0, |text| text.as_str().len());
    if uri > URI_LIMIT {
        let detail = format!("the path and query are longer than {URI_LIMIT} bytes");
        return Some(Problem::new(StatusCode::URI_TOO_LONG, "uri-too-long", detail));
    }
    let headers: usize =
        request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    (headers > HEADER_LIMIT).then(|| {
        let detail = format!("the headers are longer than {HEADER_LIMIT} bytes");
        Problem::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "headers-too-large", detail)
    })
}

/// 204 with what the path answers; for a preflight of an allowed origin also what a browser may send.
fn options(request: &Request, route: &KnownRoute, cors: bool) -> Response {
    let mut response = Response::builder().status(StatusCode::NO_CONTENT).finish();
    let headers = response.headers_mut();
    let Ok(allow) = HeaderValue::from_str(route.allow()) else { return response };
    headers.insert(header::ALLOW, allow.clone());
    if cors && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, allow);
        let names =
            HeaderValue::from_static("Authorization, Content-Type, X-Request-ID, X-Palisade-At-Least");
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names);
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from(600));
    }
    response
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("a panic without a text")
}

#[cfg(test)]
mod tests;
