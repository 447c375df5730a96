//! For Envoy's `ext_authz` filter: the same question as `forward_auth.rs`, over gRPC on a listener of its own.
//!
//! What cannot be answered is answered with a refusal, never with an error: Envoy may be told to let errors pass.

pub mod wire;

use std::convert::Infallible;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use poem::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use poem::{IntoResponse as _, Response};
use tokio::net::TcpListener;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::server::{Grpc, UnaryService};
use tonic::transport::server::{TcpConnectInfo, TcpIncoming};

use self::wire::{
    Attributes, CheckRequest, CheckResponse, DeniedHttpResponse, HeaderValueOption, HttpRequest,
    HttpResponse, HttpStatus, OVERWRITE, OkHttpResponse, Status,
};
use super::browser::Browser;
use super::client_address::TrustedProxies;
use super::edge::EdgeSettings;
use super::passing::{Foreign, identity};
use super::problem::{CONTENT_TYPE, Problem};
use super::refused::named;
use super::request_id::RequestId;
use super::routes::RouteTable;
use crate::app::App;
use crate::domain::Random;
use crate::guard::actions::ForwardAuth;
use crate::guard::{Action as _, Origin};

const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";
/// The largest question, in bytes: headers, and no body worth sending.
const LIMIT: usize = 256 * 1024;
const TIMEOUT: Duration = Duration::from_secs(30);

/// Answers Envoy on `listener` until `stopped`.
///
/// # Errors
/// If the listener fails.
pub async fn serve(
    app: Arc<App>,
    settings: impl FnOnce(&mut EdgeSettings),
    listener: TcpListener,
    stopped: impl Future<Output = ()>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut edge = EdgeSettings::new(RouteTable::default());
    settings(&mut edge);
    let EdgeSettings { origins, public_origin, proxies, random, .. } = edge;
    let authorization = Authorization(Arc::new(Inner { app, origins, public_origin, proxies, random }));
    tonic::transport::Server::builder()
        .timeout(TIMEOUT)
        .serve_with_incoming_shutdown(authorization, TcpIncoming::from(listener), stopped)
        .await?;
    Ok(())
}

/// `envoy.service.auth.v3.Authorization`.
#[derive(Debug, Clone)]
struct Authorization(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    app: Arc<App>,
    origins: Vec<String>,
    public_origin: Option<String>,
    proxies: TrustedProxies,
    random: Arc<dyn Random>,
}

impl Service<http::Request<tonic::body::Body>> for Authorization {
    type Response = http::Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<tonic::body::Body>) -> Self::Future {
        let check = Check(Arc::clone(&self.0));
        Box::pin(async move {
            if request.uri().path() != CHECK {
                return Ok(tonic::Status::unimplemented("only `Check` is served").into_http());
            }
            let codec = tonic_prost::ProstCodec::<CheckResponse, CheckRequest>::default();
            let mut grpc = Grpc::new(codec).max_decoding_message_size(LIMIT);
            Ok(grpc.unary(check, request).await)
        })
    }
}

/// The one method.
struct Check(Arc<Inner>);

impl UnaryService<CheckRequest> for Check {
    type Response = CheckResponse;
    type Future = BoxFuture<tonic::Response<CheckResponse>, tonic::Status>;

    fn call(&mut self, request: tonic::Request<CheckRequest>) -> Self::Future {
        let inner = Arc::clone(&self.0);
        Box::pin(async move {
            let peer = request.extensions().get::<TcpConnectInfo>().and_then(TcpConnectInfo::remote_addr);
            Ok(tonic::Response::new(inner.check(peer, request.into_inner()).await))
        })
    }
}

impl Inner {
    async fn check(&self, peer: Option<SocketAddr>, request: CheckRequest) -> CheckResponse {
        let Attributes { source, request } = request.attributes.unwrap_or_default();
        let http = request.and_then(|request| request.http).unwrap_or_default();
        let client = source.and_then(|peer| peer.address).and_then(|address| address.socket_address);
        let client = client.and_then(|socket| socket.address.parse::<IpAddr>().ok());
        let headers = headers(&http);
        let given = headers.as_ref().ok().and_then(|headers| headers.get("x-request-id"));
        let id = given.and_then(|id| RequestId::accept(id.to_str().ok()?));
        let id = id.unwrap_or_else(|| RequestId::fresh(&*self.random));
        let work = async {
            match self.ask(peer, client, &http, headers).await {
                Ok(response) => response,
                Err(problem) => denied(named(&self.app, ForwardAuth::NAME.to_owned(), problem).await).await,
            }
        };
        id.scope(work).await
    }

    async fn ask(
        &self,
        peer: Option<SocketAddr>,
        client: Option<IpAddr>,
        http: &HttpRequest,
        headers: Result<HeaderMap, Problem>,
    ) -> Result<CheckResponse, Problem> {
        if !peer.is_some_and(|peer| self.proxies.trusts(peer.ip().to_canonical())) {
            let detail = "only a trusted proxy may ask about other requests";
            return Err(Problem::new(StatusCode::FORBIDDEN, "untrusted-proxy", detail));
        }
        let headers = headers?;
        let browser = Browser::of(&headers, self.public_origin.as_deref(), &self.origins);
        let user_agent = headers.get("user-agent").and_then(|text| text.to_str().ok());
        let origin = Origin {
            request_id: RequestId::current().to_string(),
            ip: client.map(|ip| ip.to_canonical()),
            user_agent: user_agent.map(|text| text.chars().take(256).collect()),
        };
        let HttpRequest { method, host, path, .. } = http;
        let foreign = Foreign { method, host, uri: path, headers: &headers, browser: &browser, origin };
        let passed = foreign.pass(&self.app).await?;
        Ok(super::reply::bare(passed.map(|passage| allowed(identity(&passage)))))
    }
}

/// The request's headers. Names that Envoy makes up (`:path`) are none.
fn headers(http: &HttpRequest) -> Result<HeaderMap, Problem> {
    let joined = http.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let raw = http.header_map.iter().flat_map(|map| &map.headers).map(|header| {
        let value = if header.raw_value.is_empty() { header.value.as_bytes() } else { &header.raw_value };
        (header.key.as_str(), value)
    });
    let mut map = HeaderMap::new();
    for (name, value) in joined.chain(raw).filter(|(name, _)| !name.starts_with(':')) {
        let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value))
        else {
            let detail = "a header is none that HTTP knows";
            return Err(Problem::new(StatusCode::FORBIDDEN, "ambiguous-request", detail));
        };
        map.append(name, value);
    }
    Ok(map)
}

/// With who it is in headers that overwrite the client's, and what does not apply taken away.
fn allowed(identity: impl IntoIterator<Item = (HeaderName, String)>) -> CheckResponse {
    let (empty, set): (Vec<_>, Vec<_>) = identity.into_iter().partition(|(_, value)| value.is_empty());
    let ok = OkHttpResponse {
        headers: set.into_iter().map(|(name, value)| option(name.as_str(), value)).collect(),
        headers_to_remove: empty.into_iter().map(|(name, _)| name.to_string()).collect(),
    };
    CheckResponse {
        status: Some(Status { code: tonic::Code::Ok.into(), message: String::new() }),
        http_response: Some(HttpResponse::Ok(ok)),
    }
}

/// The problem as the client of Envoy gets it.
async fn denied(problem: Problem) -> CheckResponse {
    let code = match problem.status() {
        StatusCode::UNAUTHORIZED => tonic::Code::Unauthenticated,
        StatusCode::FORBIDDEN => tonic::Code::PermissionDenied,
        _ => tonic::Code::Unavailable,
    };
    let response: Response = problem.into_response();
    let status = response.status();
    let challenge = response.headers().get("www-authenticate").and_then(|value| value.to_str().ok());
    let mut headers = vec![option("content-type", CONTENT_TYPE.to_owned())];
    headers.extend(challenge.map(|challenge| option("www-authenticate", challenge.to_owned())));
    let body = response.into_body().into_string().await.unwrap_or_default();
    let denied =
        DeniedHttpResponse { status: Some(HttpStatus { code: status.as_u16().into() }), headers, body };
    CheckResponse {
        status: Some(Status { code: code.into(), message: "refused".to_owned() }),
        http_response: Some(HttpResponse::Denied(denied)),
    }
}

fn option(name: &str, value: String) -> HeaderValueOption {
    let header = wire::HeaderValue { key: name.to_owned(), value, raw_value: Vec::new() };
    HeaderValueOption { header: Some(header), append_action: OVERWRITE }
}
