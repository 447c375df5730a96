//! Requests from an address, as a socket would bring them.

use std::net::SocketAddr;

use poem::http::{Method, Request as HttpRequest};
use poem::test::TestResponse;
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Addr, Body, Endpoint as _, Request, RequestParts};
use serde_json::Value;

use super::{Answer, Server};

impl Server {
    /// Sends a request that comes from `peer`, an address without a port.
    pub async fn send_from(
        &self,
        peer: &str,
        headers: &[(&str, &str)],
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Answer {
        let peer = SocketAddr::new(peer.parse().expect("an address"), 4711);
        let mut request = HttpRequest::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let (parts, ()) = request.body(()).expect("a request").into_parts();
        let addresses =
            (LocalAddr::default(), RemoteAddr(Addr::SocketAddr(peer)), "http".parse().expect("a scheme"));
        let (local, remote, scheme) = addresses;
        let parts = RequestParts::from((parts, local, remote, scheme));
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let response = self.routes.call(Request::from_parts(parts, body)).await.expect("an answer");
        Answer::read(TestResponse(response)).await
    }

    /// Posts from `peer`.
    pub async fn post_from(&self, peer: &str, path: &str, body: Value) -> Answer {
        self.send_from(peer, &[], Method::POST, path, Some(&body)).await
    }

    /// Tries to sign in from `peer`.
    pub async fn login_from(&self, peer: &str, email: &str, password: &str) -> Answer {
        let body = serde_json::json!({ "email": email, "password": password });
        self.post_from(peer, "/api/v1/auth/login", body).await
    }
}
