//! Envoy's question over gRPC, by a client of its own over a socket.

use std::collections::HashMap;
use std::sync::Arc;

use palisade::api::ext_authz::{self, wire};
use palisade::cli::wire::edge;
use palisade::domain::SystemRole;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Endpoint;

use super::RULES;
use crate::on_both_with;
use crate::support::{Person, Server, Setup};

on_both_with!(behind_envoy;
    what_passes_is_told_with_headers_that_overwrite,
    what_does_not_pass_is_told_as_the_client_gets_it,
    what_has_two_meanings_is_refused
);
on_both_with!(behind_another; envoy_is_believed_only_if_it_is_a_trusted_proxy);

fn behind_envoy(setup: &mut Setup) {
    setup.plugins = RULES;
    setup.settings.push(("PALISADE_TRUSTED_PROXIES", "127.0.0.1".to_owned()));
}

fn behind_another(setup: &mut Setup) {
    setup.plugins = RULES;
    setup.settings.push(("PALISADE_TRUSTED_PROXIES", "10.0.0.1".to_owned()));
}

/// Palisade's listener for Envoy; it stops with this.
struct Envoy {
    address: String,
    _stop: oneshot::Sender<()>,
}

impl Envoy {
    async fn before(server: &Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it has an address").to_string();
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async { drop(stopped.await) };
        let settings = edge(&server.config, server.config.listen);
        tokio::spawn(ext_authz::serve(Arc::clone(&server.app), settings, listener, stopped));
        Self { address, _stop: stop }
    }

    async fn check(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> wire::CheckResponse {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let mut headers: HashMap<_, _> = headers.collect();
        headers.insert(":path".to_owned(), path.to_owned());
        let http = wire::HttpRequest {
            method: method.to_owned(),
            headers,
            path: path.to_owned(),
            host: "app.example.com".to_owned(),
            header_map: None,
        };
        self.ask(http).await
    }

    async fn ask(&self, http: wire::HttpRequest) -> wire::CheckResponse {
        let socket = wire::SocketAddress { address: "192.0.2.7".to_owned() };
        let source = wire::Peer { address: Some(wire::Address { socket_address: Some(socket) }) };
        let request = Some(wire::Request { http: Some(http) });
        let attributes = Some(wire::Attributes { source: Some(source), request });
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address)).expect("an address");
        let channel = endpoint.connect().await.expect("it listens");
        let mut grpc = tonic::client::Grpc::new(channel);
        grpc.ready().await.expect("it is ready");
        let codec = tonic_prost::ProstCodec::<wire::CheckRequest, wire::CheckResponse>::default();
        let path = PathAndQuery::from_static("/envoy.service.auth.v3.Authorization/Check");
        let request = tonic::Request::new(wire::CheckRequest { attributes });
        grpc.unary(request, path, codec).await.expect("an answer").into_inner()
    }
}

/// The headers of an allow, and the names of those taken away.
fn passed(response: wire::CheckResponse) -> (HashMap<String, String>, Vec<String>) {
    let Some(wire::HttpResponse::Ok(ok)) = response.http_response else { panic!("{response:?}") };
    assert_eq!(response.status.map(|status| status.code), Some(0));
    let headers = ok.headers.into_iter().map(|option| {
        assert_eq!(option.append_action, wire::OVERWRITE);
        let header = option.header.expect("a header");
        (header.key, header.value)
    });
    (headers.collect(), ok.headers_to_remove)
}

/// The status and the problem of a refusal.
fn refused(response: wire::CheckResponse) -> (i32, i32, Value) {
    let Some(wire::HttpResponse::Denied(denied)) = response.http_response else { panic!("{response:?}") };
    let code = response.status.map_or(0, |status| status.code);
    let body: Value = serde_json::from_str(&denied.body).expect("a problem");
    (code, denied.status.map_or(0, |status| status.code), body["code"].clone())
}

async fn acme(server: &Server) -> (Person, String) {
    let owner = server.person("ada@example.com").await;
    let viewer = server.person("vera@example.com").await;
    let organization = server.organization(&owner, "acme").await;
    server.add_member(&owner, &organization, &viewer, SystemRole::Viewer).await;
    (viewer, organization.rsplit('/').next().expect("an id").to_owned())
}

async fn what_passes_is_told_with_headers_that_overwrite(server: Server) {
    let (viewer, id) = acme(&server).await;
    let envoy = Envoy::before(&server).await;
    let bearer = format!("Bearer {}", viewer.access);
    let headers =
        [("authorization", bearer.as_str()), ("x-palisade-agent", "root"), ("x-palisade-user", "root")];
    let (set, removed) = passed(envoy.check("GET", &format!("/o/{id}/projects/7?a=b"), &headers).await);
    assert_eq!(
        (set.get("x-palisade-user"), set.get("x-palisade-organization")),
        (Some(&viewer.id), Some(&id))
    );
    assert!(
        removed.contains(&"x-palisade-agent".to_owned()) && !removed.contains(&"x-palisade-user".to_owned())
    );
    let (set, removed) = passed(envoy.check("GET", "/assets/app.js", &headers).await);
    assert_eq!((set.get("x-palisade-user"), removed.contains(&"x-palisade-user".to_owned())), (None, true));
    // The same headers as Envoy sends them when it is told not to join them.
    let raw = headers.iter().map(|(name, value)| wire::HeaderValue {
        key: (*name).to_owned(),
        value: String::new(),
        raw_value: value.as_bytes().to_vec(),
    });
    let http = wire::HttpRequest {
        method: "GET".to_owned(),
        path: "/me".to_owned(),
        host: "app.example.com:443".to_owned(),
        header_map: Some(wire::HeaderMap { headers: raw.collect() }),
        ..wire::HttpRequest::default()
    };
    assert_eq!(passed(envoy.ask(http).await).0.get("x-palisade-user"), Some(&viewer.id));
}

async fn what_does_not_pass_is_told_as_the_client_gets_it(server: Server) {
    let (viewer, id) = acme(&server).await;
    let envoy = Envoy::before(&server).await;
    let bearer = format!("Bearer {}", viewer.access);
    let me = [("authorization", bearer.as_str())];
    let uri = format!("/o/{id}/projects");
    let told = refused(envoy.check("GET", &uri, &[]).await);
    assert_eq!(told, (16, 401, json!("not-signed-in")));
    assert_eq!(refused(envoy.check("POST", &uri, &me).await), (7, 403, json!("not-permitted")));
    assert_eq!(refused(envoy.check("GET", "/other", &me).await), (7, 403, json!("no-rule")));
    let twice = [("authorization", &*format!("{bearer},{bearer}"))];
    assert_eq!(refused(envoy.check("GET", &uri, &twice).await), (16, 401, json!("token-invalid")));
    server.app.flush_decisions().await;
    let cookie = format!("__Host-palisade_access={}", viewer.access);
    let told = refused(envoy.check("POST", "/me", &[("cookie", &cookie)]).await);
    assert_eq!(told, (7, 403, json!("cross-site-request")));
}

async fn what_has_two_meanings_is_refused(server: Server) {
    let envoy = Envoy::before(&server).await;
    for path in
        ["/assets/../me", "/assets/%2e%2e/me", "/assets/..%2fme", "//assets/a", "/assets/a;b", "*", ""]
    {
        let told = refused(envoy.check("GET", path, &[]).await);
        assert_eq!(told, (7, 403, json!("ambiguous-request")), "{path}");
    }
    let told = refused(envoy.check("GET", "/assets/a", &[("x-http-method-override", "DELETE")]).await);
    assert_eq!(told, (7, 403, json!("ambiguous-request")));
    let told = refused(envoy.check("GET", "/assets/a", &[("x y", "z")]).await);
    assert_eq!(told, (7, 403, json!("ambiguous-request")));
    let told = refused(envoy.ask(wire::HttpRequest::default()).await);
    assert_eq!(told, (7, 403, json!("ambiguous-request")));
}

async fn envoy_is_believed_only_if_it_is_a_trusted_proxy(server: Server) {
    let envoy = Envoy::before(&server).await;
    let told = refused(envoy.check("GET", "/assets/app.js", &[("x-forwarded-for", "10.0.0.1")]).await);
    assert_eq!(told, (7, 403, json!("untrusted-proxy")));
}
