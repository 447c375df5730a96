#![expect(clippy::unused_async, reason = "the framework wants handlers to be async")]

use poem::test::{TestClient, TestResponse};
use poem::{Route, handler};
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::PlainText;
use poem_openapi::{Object, OpenApi, OpenApiService, SecurityScheme, auth::Bearer};
use serde_json::Value;

use super::*;
use crate::api::body::Body as JsonBody;
use crate::api::document::{OpenApiVersion, clean};
use crate::app;
use crate::domain::SeededRandom;

#[derive(Debug, Object)]
struct Form {
    email: String,
}

#[derive(SecurityScheme)]
#[oai(ty = "bearer")]
struct Token(#[expect(dead_code, reason = "the framework reads it")] Bearer);

struct Api;

#[OpenApi]
impl Api {
    #[oai(path = "/things/:thing_id", method = "post", operation_id = "change_thing")]
    async fn change(&self, thing_id: Path<u32>, form: JsonBody<Form>) -> Result<PlainText<String>, Problem> {
        let _ = (thing_id, form);
        Ok(PlainText(RequestId::current().to_string()))
    }

    #[oai(path = "/fails/:how", method = "get", operation_id = "fail")]
    async fn fail(&self, how: Path<String>, limit: Query<Option<u8>>) -> Result<PlainText<String>, Problem> {
        let _ = limit;
        let wait = Duration::from_millis(1500);
        Err(match how.0.as_str() {
            "denied" => app::Error::Denied(app::Denied {
                codes: vec!["account-suspended".into()],
                ..app::Denied::default()
            }),
            "many" => app::Error::TooMany { code: "rate-limited", retry_after: wait },
            "token" => app::Error::Unauthenticated { code: "token-expired" },
            "bug" => app::Error::Bug { context: "reading", source: "row 7 of `secrets` is broken".into() },
            "slow" => {
                std::future::pending::<()>().await;
                app::Error::NotFound
            }
            _ => panic!("a secret in a panic"),
        }
        .into())
    }

    #[oai(path = "/secret", method = "get", operation_id = "secret")]
    async fn secret(&self, _token: Token) -> PlainText<String> {
        PlainText("open".into())
    }
}

#[handler]
fn bare() -> StatusCode {
    StatusCode::IM_A_TEAPOT
}

fn client(change: impl FnOnce(&mut EdgeSettings)) -> TestClient<impl Endpoint> {
    let service = OpenApiService::new(Api, "t", "1");
    let document = clean(serde_json::from_str(&service.spec()).expect("it is JSON"), OpenApiVersion::V31);
    let table = RouteTable::of(&document).with("/bare", &[Method::GET]);
    let mut settings = EdgeSettings::new(table);
    settings.random = Arc::new(SeededRandom::new(7));
    change(&mut settings);
    TestClient::new(wrap(Route::new().at("/bare", poem::get(bare)).nest("/", service), settings))
}

async fn problem(response: TestResponse, status: u16, code: &str) -> Value {
    assert_eq!(response.0.status().as_u16(), status);
    assert_eq!(response.0.content_type(), Some("application/problem+json"));
    let header = response.0.header("X-Request-ID").expect("it is on every response").to_owned();
    let body: Value = response.0.into_body().into_json().await.expect("it is JSON");
    assert_eq!((body["status"].as_u64(), body["code"].as_str()), (Some(u64::from(status)), Some(code)));
    assert_eq!(body["request_id"], header);
    assert_eq!(body["type"], format!("urn:palisade:problem:{code}"));
    for key in ["title", "detail"] {
        assert!(body[key].as_str().is_some_and(|text| !text.is_empty()), "{key}");
    }
    body
}

#[tokio::test]
async fn the_frameworks_own_errors_are_problems() {
    let client = client(|_| {});
    let post = |path: &str, body: &str| {
        client.post(path.to_owned()).content_type("application/json").body(body.to_owned()).send()
    };

    problem(post("/things/1", "{\"email\":").await, 400, "bad-json").await;
    let body = problem(post("/things/1", "{\"email\":7}").await, 422, "invalid").await;
    assert_eq!(body["errors"][0]["field"], "email");
    let body = problem(post("/things/x", "{}").await, 422, "invalid").await;
    assert_eq!(body["errors"][0]["field"], "thing_id");
    let body = problem(client.get("/fails/bug?limit=hunter2").send().await, 422, "invalid").await;
    assert_eq!(body["errors"][0]["field"], "limit");
    assert!(!body.to_string().contains("hunter2") && !body.to_string().contains("uint8"));
    let large = "x".repeat(BODY_LIMIT + 1);
    problem(post("/things/1", &large).await, 413, "body-too-large").await;
    let text = client.post("/things/1").content_type("text/plain").body("x").send().await;
    problem(text, 415, "unsupported-media-type").await;
    problem(client.get("/nothing").send().await, 404, "not-found").await;
    problem(client.get("/bare").send().await, 418, "bad-request").await;

    let wrong = client.delete("/things/1").send().await;
    assert_eq!(wrong.0.header("Allow"), Some("OPTIONS, POST"));
    problem(wrong, 405, "method-not-allowed").await;
    let missing = client.get("/secret").send().await;
    assert_eq!(missing.0.header("WWW-Authenticate"), Some(r#"Bearer realm="palisade""#));
    problem(missing, 401, "credentials-missing").await;
}

#[tokio::test]
async fn a_body_without_a_length_is_limited_too() {
    let chunks = futures_util::stream::iter((0..80).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1024])));
    let client = client(|_| {});
    let request = client.post("/things/1").content_type("application/json");
    problem(request.body(Body::from_bytes_stream(chunks)).send().await, 413, "body-too-large").await;
}

#[tokio::test]
async fn our_own_errors_tell_the_client_what_to_do_and_nothing_else() {
    let client = client(|_| {});
    let body = problem(client.get("/fails/denied").send().await, 403, "account-suspended").await;
    assert_eq!(body["detail"], "a policy forbids this: account-suspended");
    let many = client.get("/fails/many").send().await;
    assert_eq!(many.0.header("Retry-After"), Some("2"));
    problem(many, 429, "rate-limited").await;
    let token = client.get("/fails/token").send().await;
    assert_eq!(token.0.header("WWW-Authenticate"), Some(r#"Bearer realm="palisade", error="invalid_token""#));
    problem(token, 401, "token-expired").await;
    for path in ["/fails/bug", "/fails/panic"] {
        let body = problem(client.get(path).send().await, 500, "internal").await;
        assert!(!body.to_string().contains("secret"), "{body}");
    }
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_503() {
    let client = client(|settings| settings.timeout = Duration::ZERO);
    problem(client.get("/fails/slow").send().await, 503, "timeout").await;
}

#[tokio::test]
async fn the_clients_request_id_is_kept_only_if_it_is_harmless() {
    let client = client(|_| {});
    let send = async |id: &str| {
        let request = client.post("/things/1").content_type("application/json").header("X-Request-ID", id);
        let response = request.body("{\"email\":\"a\"}").send().await;
        let header = response.0.header("X-Request-ID").expect("it is on every response").to_owned();
        response.assert_text(&header).await;
        header
    };
    assert_eq!(send("my-id.1").await, "my-id.1");
    assert_eq!(send("<script>").await.len(), 16);
    assert_ne!(send("").await, send("").await);
}

#[tokio::test]
async fn every_response_carries_the_security_headers() {
    let closed = client(|_| {});
    for path in ["/bare", "/nothing", "/fails/panic"] {
        let response = closed.get(path).header("Origin", "https://app.example.com").send().await;
        let header = |name: &str| response.0.header(name);
        assert_eq!(header("X-Content-Type-Options"), Some("nosniff"));
        assert_eq!(header("X-Frame-Options"), Some("DENY"));
        assert_eq!(header("Referrer-Policy"), Some("no-referrer"));
        assert_eq!(header("Cache-Control"), Some("no-store"));
        assert!(header("Content-Security-Policy").is_some_and(|csp| csp.starts_with("default-src 'none'")));
        assert!(header("Permissions-Policy").is_some());
        assert_eq!(
            (header("Strict-Transport-Security"), header("Access-Control-Allow-Origin")),
            (None, None)
        );
    }
    let https = client(|settings| settings.https = true);
    assert!(https.get("/bare").send().await.0.header("Strict-Transport-Security").is_some());
}

#[tokio::test]
async fn only_a_configured_origin_may_call_from_a_browser() {
    let client = client(|settings| settings.origins = vec!["https://app.example.com".into()]);
    let preflight = async |origin: &str| {
        let request = client.options("/things/1").header("Origin", origin);
        request.header("Access-Control-Request-Method", "POST").send().await.0
    };
    let ours = preflight("https://app.example.com").await;
    assert_eq!(ours.status(), StatusCode::NO_CONTENT);
    assert_eq!(ours.header("Access-Control-Allow-Origin"), Some("https://app.example.com"));
    assert_eq!(ours.header("Access-Control-Allow-Methods"), Some("OPTIONS, POST"));
    assert_eq!(ours.header("Vary"), Some("Origin"));
    for other in
        ["https://app.example.com.evil.example", "https://evil.example", "null", "http://app.example.com"]
    {
        let theirs = preflight(other).await;
        assert!(theirs.header("Access-Control-Allow-Origin").is_none(), "{other}");
        assert!(theirs.header("Access-Control-Allow-Methods").is_none(), "{other}");
    }
}

#[tokio::test]
async fn head_and_options_answer_without_a_body() {
    let client = client(|_| {});
    let head = client.head("/fails/denied").send().await.0;
    assert_eq!(head.status(), StatusCode::FORBIDDEN);
    assert!(head.into_body().into_vec().await.expect("it reads").is_empty());
    let options = client.options("/secret").send().await.0;
    assert_eq!(
        (options.status(), options.header("Allow")),
        (StatusCode::NO_CONTENT, Some("GET, HEAD, OPTIONS"))
    );
}

#[tokio::test]
async fn too_many_bytes_of_header_or_path_are_refused() {
    let client = client(|_| {});
    let headers = client.get("/bare").header("X-Big", "x".repeat(HEADER_LIMIT)).send().await;
    problem(headers, 431, "headers-too-large").await;
    let path = format!("/{}", "x".repeat(URI_LIMIT));
    problem(client.get(path).send().await, 414, "uri-too-long").await;
}
