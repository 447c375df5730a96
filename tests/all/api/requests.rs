//! Requests that no honest client sends, and what is asked of their answers.

use poem::http::{HeaderName, HeaderValue, Method};
use serde_json::Value;

use crate::support::{Answer, Server};

/// Sends these headers, which need not be text, and this body, which need not be JSON.
pub async fn raw(
    server: &Server,
    method: Method,
    path: &str,
    headers: &[(&str, &[u8])],
    body: Option<&[u8]>,
) -> Answer {
    let mut request = server.client.request(method, path.to_owned());
    if let Some(body) = body {
        request = request.body(body.to_vec());
    }
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header's name");
        request = request.header(name, HeaderValue::from_bytes(value).expect("a header's value"));
    }
    Answer::read(request.send().await).await
}

/// A refusal without what differs from request to request, so that two can be compared.
pub fn same_part(refused: &Answer) -> (u16, Value) {
    let mut body = refused.body.clone();
    body.as_object_mut().expect("a problem document").remove("request_id");
    (refused.status, body)
}
