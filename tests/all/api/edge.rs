//! What is true of every answer, whatever was asked; on the whole server, pages included.

use poem::http::Method;
use serde_json::json;

use super::requests::raw;
use crate::support::{Answer, Server, Setup};
use crate::{on_both, on_both_with};

on_both!(
    every_answer_carries_the_security_headers_and_an_id,
    no_origin_may_read_us_unless_configured,
    a_wrong_method_is_told_the_right_ones,
    head_and_options_answer_where_get_does,
    the_pages_run_only_what_is_in_them_and_load_nothing,
    the_probes_answer,
    the_document_is_served_as_it_is_printed,
    a_body_is_read_up_to_its_limit,
);
on_both_with!(one_origin; a_configured_origin_may_read_us_and_no_other);
on_both_with!(behind_https; behind_https_browsers_are_told_to_stay_there);

const PATHS: [&str; 14] = [
    "/healthz",
    "/readyz",
    "/metrics",
    "/openapi.json",
    "/openapi-3.0.json",
    "/verify-email",
    "/accept-invitation",
    "/docs",
    "/docs/swagger-ui.css",
    "/docs/swagger-ui.js",
    "/docs/start.js",
    "/.well-known/jwks.json",
    "/nothing",
    "/api/v1/auth/me",
];

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.headers.get(name).map(|value| value.to_str().expect("a header is text"))
}

async fn every_answer_carries_the_security_headers_and_an_id(server: Server) {
    for path in PATHS {
        let answer = server.get(path).await;
        assert_eq!(header(&answer, "x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(header(&answer, "x-frame-options"), Some("DENY"), "{path}");
        assert_eq!(header(&answer, "referrer-policy"), Some("no-referrer"), "{path}");
        assert_eq!(header(&answer, "cross-origin-opener-policy"), Some("same-origin"), "{path}");
        assert!(header(&answer, "permissions-policy").is_some(), "{path}");
        let policy = header(&answer, "content-security-policy").expect(path);
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{path}");
        assert!(
            !policy.contains("http") && !policy.contains('*') && !policy.contains("unsafe-eval"),
            "{path}"
        );
        assert_eq!(header(&answer, "strict-transport-security"), None, "{path}: not over http");
        assert!(
            answer.headers.get("server").is_none() && answer.headers.get("set-cookie").is_none(),
            "{path}"
        );
        assert!(header(&answer, "cache-control").is_some(), "{path}");
        let id = header(&answer, "x-request-id").expect(path);
        assert!(id.len() >= 16, "{path}: {id}");
        assert_ne!(Some(id), header(&server.get(path).await, "x-request-id"));
    }
    let me = server.get("/api/v1/auth/me").await;
    assert_eq!(header(&me, "cache-control"), Some("no-store"));
    let given = raw(&server, Method::GET, "/api/v1/auth/me", &[("x-request-id", b"my-id_1.2")], None).await;
    assert_eq!(
        (header(&given, "x-request-id"), &given.body["request_id"]),
        (Some("my-id_1.2"), &json!("my-id_1.2"))
    );
    for bad in [&b"a b"[..], b"<b>", b"\xff", b"", &[b'a'; 65]] {
        let answer = raw(&server, Method::GET, "/api/v1/auth/me", &[("x-request-id", bad)], None).await;
        assert_ne!(answer.headers["x-request-id"].as_bytes(), bad);
    }
}

async fn no_origin_may_read_us_unless_configured(server: Server) {
    let asks: [(&str, &[u8]); 2] =
        [("origin", b"https://app.example.com"), ("access-control-request-method", b"GET")];
    for path in PATHS {
        for method in [Method::GET, Method::OPTIONS] {
            let answer = raw(&server, method, path, &asks, None).await;
            let told: Vec<_> =
                answer.headers.keys().filter(|name| name.as_str().contains("access-control")).collect();
            assert!(told.is_empty(), "{path}: {told:?}");
        }
    }
}

fn one_origin(setup: &mut Setup) {
    setup.settings.push(("PALISADE_CORS_ORIGINS", "https://app.example.com".to_owned()));
}

async fn a_configured_origin_may_read_us_and_no_other(server: Server) {
    let path = "/api/v1/auth/me";
    let ask = async |method: Method, origin: &[u8]| {
        let headers = [("origin", origin), ("access-control-request-method", &b"PATCH"[..])];
        raw(&server, method, path, &headers, None).await
    };
    let preflight = ask(Method::OPTIONS, b"https://app.example.com").await;
    assert_eq!(preflight.status, 204);
    assert_eq!(header(&preflight, "access-control-allow-origin"), Some("https://app.example.com"));
    assert!(header(&preflight, "access-control-allow-methods").unwrap().contains("PATCH"));
    let real = ask(Method::GET, b"https://app.example.com").await;
    assert_eq!(header(&real, "access-control-allow-origin"), Some("https://app.example.com"));
    assert_eq!(header(&real, "vary"), Some("Origin"));
    for other in [
        &b"https://evil.example"[..],
        b"null",
        b"https://app.example.com.evil.example",
        b"http://app.example.com",
        b"https://app.example.com:444",
        b"https://APP.example.com",
        b"https://app.example.com/",
        b"\xff",
        b"*",
    ] {
        for method in [Method::GET, Method::OPTIONS] {
            let answer = ask(method, other).await;
            assert_eq!(header(&answer, "access-control-allow-origin"), None);
            assert_eq!(header(&answer, "vary"), Some("Origin"));
        }
    }
}

fn behind_https(setup: &mut Setup) {
    setup.settings.push(("PALISADE_PUBLIC_URL", "https://id.example.com/".to_owned()));
}

async fn behind_https_browsers_are_told_to_stay_there(server: Server) {
    server.register("ada@example.com").await;
    let letter = server.last_mail("ada@example.com").await;
    assert!(letter.text.contains("https://id.example.com/verify-email?token="), "{}", letter.text);
}

async fn a_wrong_method_is_told_the_right_ones(server: Server) {
    let id = uuid::Uuid::nil();
    for (method, path, allow) in [
        (Method::GET, "/api/v1/auth/login".to_owned(), "OPTIONS, POST"),
        (Method::PUT, "/api/v1/auth/me".to_owned(), "DELETE, GET, HEAD, OPTIONS, PATCH"),
        (Method::PUT, format!("/api/v1/organizations/{id}"), "DELETE, GET, HEAD, OPTIONS, PATCH"),
        (Method::GET, format!("/api/v1/organizations/{id}/members/{id}"), "DELETE, OPTIONS, PATCH"),
        (Method::POST, "/healthz".to_owned(), "GET, HEAD, OPTIONS"),
        (Method::POST, "/verify-email".to_owned(), "GET, HEAD, OPTIONS"),
        (Method::POST, "/openapi.json".to_owned(), "GET, HEAD, OPTIONS"),
        (Method::TRACE, "/api/v1/auth/me".to_owned(), "DELETE, GET, HEAD, OPTIONS, PATCH"),
        (Method::CONNECT, "/api/v1/auth/me".to_owned(), "DELETE, GET, HEAD, OPTIONS, PATCH"),
    ] {
        let answer = server.send(method.clone(), &path, None, None).await;
        assert_eq!(header(&answer, "allow"), Some(allow), "{method} {path}: {}", answer.body);
        answer.refused(405, "method-not-allowed");
    }
}

async fn head_and_options_answer_where_get_does(server: Server) {
    for path in PATHS.into_iter().filter(|path| *path != "/nothing") {
        let get = server.get(path).await;
        let head = server.send(Method::HEAD, path, None, None).await;
        assert_eq!(head.status, get.status, "{path}");
        assert_eq!(header(&head, "content-type"), header(&get, "content-type"), "{path}");
        let options = server.send(Method::OPTIONS, path, None, None).await;
        assert_eq!(options.status, 204, "{path}");
        assert!(header(&options, "allow").unwrap().contains("GET, HEAD, OPTIONS"), "{path}");
    }
    let nothing = server.send(Method::OPTIONS, "/nothing", None, None).await;
    nothing.refused(404, "not-found");
}

async fn the_pages_run_only_what_is_in_them_and_load_nothing(server: Server) {
    for path in ["/verify-email", "/accept-invitation", "/docs"] {
        let asked = format!("{path}?token=canary7f3a%3Cscript%3E");
        let response = server.client.get(asked).send().await.0;
        let policy = response.header("content-security-policy").expect(path).to_owned();
        assert!(!policy.contains("script-src 'unsafe-inline'"), "{path}: {policy}");
        assert!(
            policy.contains("base-uri 'none'") && policy.contains("form-action 'none'"),
            "{path}: {policy}"
        );
        let page = response.into_body().into_string().await.unwrap();
        assert!(!page.contains("canary7f3a"), "{path} repeats what it is asked with");
        for outside in ["http:", "https:", "src=\"//", "href=\"//", "url("] {
            assert!(!page.contains(outside), "{path} holds {outside}");
        }
        // No handler in an attribute: the policy would not run it.
        assert!(
            !page.contains(" onclick") && !page.contains(" onload") && !page.contains("javascript:"),
            "{path}"
        );
    }
}

async fn the_probes_answer(server: Server) {
    for (path, text) in [("/healthz", "ok"), ("/readyz", "ready")] {
        let response = server.client.get(path).send().await.0;
        assert_eq!(response.status().as_u16(), 200);
        assert_eq!(response.into_body().into_string().await.unwrap(), text);
    }
    // Without its database the server lives, and is not ready.
    server.app.close().await;
    assert_eq!(server.get("/healthz").await.status, 200);
    let away = server.get("/readyz").await;
    assert_eq!((away.status, away.body["code"].is_string()), (503, true), "{}", away.body);
    let body = json!({ "email": "ada@example.com", "password": crate::support::PASSWORD });
    let login = server.post("/api/v1/auth/login", body).await;
    assert_eq!(header(&login, "retry-after"), Some("1"));
    login.refused(503, "unavailable");
}

async fn the_document_is_served_as_it_is_printed(server: Server) {
    use palisade::api::{OpenApiVersion, openapi};
    for (path, version) in
        [("/openapi.json", OpenApiVersion::V31), ("/openapi-3.0.json", OpenApiVersion::V30)]
    {
        let served = server.get(path).await;
        assert_eq!(header(&served, "content-type"), Some("application/json"));
        assert_eq!(served.expect(200), openapi(version));
    }
}

async fn a_body_is_read_up_to_its_limit(server: Server) {
    let json_of = |length: usize| {
        let frame = r#"{"token":""}"#.len();
        format!("{{\"token\":\"{}\"}}", "x".repeat(length - frame)).into_bytes()
    };
    let path = "/api/v1/auth/verify-email";
    let headers: [(&str, &[u8]); 1] = [("content-type", b"application/json")];
    let limit = palisade::api::BODY_LIMIT;
    let within = raw(&server, Method::POST, path, &headers, Some(&json_of(limit))).await;
    within.invalid("token", "too-long");
    let over = raw(&server, Method::POST, path, &headers, Some(&json_of(limit + 1))).await;
    over.refused(413, "body-too-large");
    let announced: [(&str, &[u8]); 2] =
        [("content-type", b"application/json"), ("content-length", b"99999999")];
    raw(&server, Method::POST, path, &announced, Some(b"{}")).await.refused(413, "body-too-large");
}
