//! Tokens in cookies. F66: a foreign page can do nothing with them. B27: a sign-in keeps nothing from before it.

use poem::http::Method;
use serde_json::{Value, json};

use crate::support::{Answer, PASSWORD, Server, Setup};
use crate::{on_both, on_both_with};

on_both!(
    cookies_are_for_this_host_only_over_tls_and_unseen_by_scripts,
    a_page_lives_on_its_cookies_from_login_to_logout,
    f66_a_foreign_page_can_change_nothing_with_a_browsers_cookies,
    f66_a_foreign_page_cannot_sign_a_browser_in,
    f66_a_form_is_no_request_of_ours,
    b27_a_sign_in_keeps_nothing_from_before_it,
    a_bearer_token_wins_over_a_cookie,
    without_asking_there_are_no_cookies,
);
on_both_with!(listing_an_app; a_listed_origin_may_use_cookies);

fn listing_an_app(setup: &mut Setup) {
    setup.settings.push(("PALISADE_CORS_ORIGINS", "https://app.example.org".to_owned()));
}

const ADA: &str = "ada@example.com";
const LOGIN: &str = "/api/v1/auth/login";
const REFRESH: &str = "/api/v1/auth/refresh";
const LOGOUT: &str = "/api/v1/auth/logout";
const ME: &str = "/api/v1/auth/me";
const SAME: (&str, &str) = ("sec-fetch-site", "same-origin");
/// What a browser says of a page that is not ours.
const FOREIGN: [&[(&str, &str)]; 6] = [
    &[],
    &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")],
    &[("sec-fetch-site", "same-site"), ("origin", "http://other.palisade.test")],
    &[("origin", "null")],
    &[("origin", "https://palisade.test")],
    &[("referer", "http://palisade.test/")],
];

/// The cookies a browser keeps after `answer`: names and values.
fn kept(answer: &Answer) -> Vec<(String, String)> {
    let set = answer.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap());
    let pair = |cookie: &str| {
        let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
        (name.to_owned(), value.to_owned())
    };
    set.map(pair).filter(|(_, value)| !value.is_empty()).collect()
}

/// A browser's `Cookie` header.
fn header(cookies: &[(String, String)]) -> String {
    let pairs: Vec<_> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("; ")
}

async fn send(
    server: &Server,
    method: Method,
    path: &str,
    cookies: &str,
    headers: &[(&str, &str)],
    body: Option<Value>,
) -> Answer {
    let mut headers = headers.to_vec();
    headers.push(("cookie", cookies));
    server.send_from("192.0.2.1", &headers, method, path, body.as_ref()).await
}

fn credentials() -> Value {
    json!({ "email": ADA, "password": PASSWORD, "cookies": true })
}

/// Signs in as a page does; the `Cookie` header from then on.
async fn signed_in(server: &Server) -> String {
    let answer = send(server, Method::POST, LOGIN, "", &[SAME], Some(credentials())).await;
    let cookies = kept(&answer);
    answer.expect(200);
    header(&cookies)
}

async fn cookies_are_for_this_host_only_over_tls_and_unseen_by_scripts(server: Server) {
    server.register(ADA).await;
    let answer = send(&server, Method::POST, LOGIN, "", &[SAME], Some(credentials())).await;
    let set: Vec<_> = answer.headers.get_all("set-cookie").iter().map(|it| it.to_str().unwrap()).collect();
    let attributes: Vec<_> = set.iter().map(|cookie| cookie.split_once("; ").unwrap().1).collect();
    assert_eq!(
        attributes,
        [
            "Path=/; Max-Age=900; Secure; HttpOnly; SameSite=Lax",
            "Path=/; Max-Age=604800; Secure; HttpOnly; SameSite=Strict",
        ]
    );
    let names: Vec<_> = kept(&answer).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["__Host-palisade_access", "__Host-palisade_refresh"]);
    assert_eq!(answer.expect(200), json!({ "token_type": "bearer", "expires_in": 900 }));
}

async fn a_page_lives_on_its_cookies_from_login_to_logout(server: Server) {
    server.register(ADA).await;
    let first = signed_in(&server).await;
    assert_eq!(send(&server, Method::GET, ME, &first, &[], None).await.expect(200)["email"], ADA);
    let patch = json!({ "department": "Anvils" });
    send(&server, Method::PATCH, ME, &first, &[SAME], Some(patch)).await.expect(200);

    server.advance(std::time::Duration::from_secs(3_600));
    send(&server, Method::GET, ME, &first, &[], None).await.refused(401, "token-expired");
    let answer = send(&server, Method::POST, REFRESH, &first, &[SAME], None).await;
    let second = header(&kept(&answer));
    let lifetime = answer.headers.get_all("set-cookie").iter().nth(1).unwrap().to_str().unwrap().to_owned();
    assert!(lifetime.contains("Max-Age=601200;"), "{lifetime}");
    assert_eq!(answer.expect(200), json!({ "token_type": "bearer", "expires_in": 900 }));
    assert_ne!(first, second);
    send(&server, Method::GET, ME, &second, &[], None).await.expect(200);

    let answer = send(&server, Method::POST, LOGOUT, &second, &[SAME], None).await;
    let set: Vec<_> = answer.headers.get_all("set-cookie").iter().map(|it| it.to_str().unwrap()).collect();
    assert_eq!(set.len(), 2);
    assert!(set[0].starts_with("__Host-palisade_access=; Path=/; Max-Age=0; Secure;"), "{set:?}");
    assert!(set[1].starts_with("__Host-palisade_refresh=; Path=/; Max-Age=0; Secure;"), "{set:?}");
    answer.expect(200);
    send(&server, Method::GET, ME, &second, &[], None).await.refused(401, "session-ended");
    send(&server, Method::POST, REFRESH, &second, &[SAME], None).await.refused(401, "refresh-token-invalid");
}

async fn f66_a_foreign_page_can_change_nothing_with_a_browsers_cookies(server: Server) {
    server.register(ADA).await;
    let cookies = signed_in(&server).await;
    for page in FOREIGN {
        let patch = Some(json!({ "department": "Mischief" }));
        let refused = send(&server, Method::PATCH, ME, &cookies, page, patch).await;
        refused.refused(403, "cross-site-request");
        send(&server, Method::POST, LOGOUT, &cookies, page, None).await.refused(403, "cross-site-request");
        let refused = send(&server, Method::POST, REFRESH, &cookies, page, None).await;
        assert!(refused.headers.get("set-cookie").is_none());
        refused.refused(403, "cross-site-request");
    }
    // Nothing happened: the session lives, and the refresh token is unused.
    let me = send(&server, Method::GET, ME, &cookies, &[], None).await.expect(200);
    assert!(me.get("department").is_none(), "{me}");
    server.advance(std::time::Duration::from_secs(60));
    send(&server, Method::POST, REFRESH, &cookies, &[SAME], None).await.expect(200);
}

async fn f66_a_foreign_page_cannot_sign_a_browser_in(server: Server) {
    server.register(ADA).await;
    for page in FOREIGN {
        let refused = send(&server, Method::POST, LOGIN, "", page, Some(credentials())).await;
        assert!(refused.headers.get("set-cookie").is_none());
        refused.refused(403, "cross-site-request");
    }
    for page in [&[("sec-fetch-site", "none")][..], &[("origin", "http://palisade.test")]] {
        send(&server, Method::POST, LOGIN, "", page, Some(credentials())).await.expect(200);
    }
    // And with a refresh token of the attacker's own it is no better.
    let mallory = server.login(ADA).await;
    let body = json!({ "refresh_token": mallory.refresh, "cookies": true });
    for page in FOREIGN {
        let refused = send(&server, Method::POST, REFRESH, "", page, Some(body.clone())).await;
        refused.refused(403, "cross-site-request");
    }
}

async fn f66_a_form_is_no_request_of_ours(server: Server) {
    server.register(ADA).await;
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
        let request = server.client.post(LOGIN).header("sec-fetch-site", "same-origin").content_type(kind);
        let answer = Answer::read(request.body(credentials().to_string()).send().await).await;
        assert!(answer.headers.get("set-cookie").is_none());
        answer.refused(415, "unsupported-media-type");
    }
}

async fn b27_a_sign_in_keeps_nothing_from_before_it(server: Server) {
    server.register(ADA).await;
    server.register("mallory@example.com").await;
    let planted = server.login("mallory@example.com").await;
    let planted =
        format!("__Host-palisade_access={}; __Host-palisade_refresh={}", planted.access, planted.refresh);
    let answer = send(&server, Method::POST, LOGIN, &planted, &[SAME], Some(credentials())).await;
    let ours = kept(&answer);
    answer.expect(200);
    assert!(ours.iter().all(|(_, value)| !planted.contains(value.as_str())));
    let me = |cookies: String| {
        let server = &server;
        async move { send(server, Method::GET, ME, &cookies, &[], None).await.expect(200)["email"].clone() }
    };
    assert_eq!(me(header(&ours)).await, ADA);
    // Whoever planted the cookies still is who they were.
    assert_eq!(me(planted).await, "mallory@example.com");
}

async fn a_bearer_token_wins_over_a_cookie(server: Server) {
    server.register(ADA).await;
    let cookies = signed_in(&server).await;
    server.register("bob@example.com").await;
    let bob = server.login("bob@example.com").await;
    let bearer = format!("Bearer {}", bob.access);
    let headers = [("authorization", bearer.as_str())];
    assert_eq!(
        send(&server, Method::GET, ME, &cookies, &headers, None).await.expect(200)["email"],
        "bob@example.com"
    );
    // What the client wrote itself needs no word of a browser; and a bad one is not made good by a cookie.
    let patch = json!({ "department": "Anvils" });
    send(&server, Method::PATCH, ME, &cookies, &headers, Some(patch)).await.expect(200);
    let bad = [("authorization", "Bearer nonsense"), SAME];
    send(&server, Method::GET, ME, &cookies, &bad, None).await.refused(401, "token-invalid");
    let body = json!({ "refresh_token": bob.refresh });
    let tokens = send(&server, Method::POST, REFRESH, &cookies, &[], Some(body)).await.expect(200);
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    let headers = [("authorization", bearer.as_str())];
    assert_eq!(
        send(&server, Method::GET, ME, "", &headers, None).await.expect(200)["email"],
        "bob@example.com"
    );
}

async fn without_asking_there_are_no_cookies(server: Server) {
    server.register(ADA).await;
    let body = json!({ "email": ADA, "password": PASSWORD });
    let answer = server.post(LOGIN, body).await;
    assert!(answer.headers.get("set-cookie").is_none());
    assert!(answer.expect(200)["refresh_token"].is_string());
    server.send(Method::POST, REFRESH, None, None).await.invalid("refresh_token", "required");
    server.post(REFRESH, json!({})).await.invalid("refresh_token", "required");
}

async fn a_listed_origin_may_use_cookies(server: Server) {
    server.register(ADA).await;
    let app = [("sec-fetch-site", "cross-site"), ("origin", "https://app.example.org")];
    let answer = send(&server, Method::POST, LOGIN, "", &app, Some(credentials())).await;
    assert_eq!(answer.headers["access-control-allow-credentials"], "true");
    let cookies = header(&kept(&answer));
    answer.expect(200);
    send(&server, Method::POST, LOGOUT, &cookies, &app, None).await.expect(200);
}
