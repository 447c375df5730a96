//! The question as a proxy puts it, without a proxy.

use palisade::domain::SystemRole;
use poem::http::Method;
use serde_json::{Value, json};

use super::{RULES, shelf};
use crate::on_both_with;
use crate::support::{Answer, Person, Server, Setup};

on_both_with!(behind_a_proxy;
    what_a_rule_opens_passes_with_the_name_of_who_asks,
    whom_a_rule_does_not_open_to_is_refused,
    what_is_public_passes_with_any_credential_and_tells_nothing_of_it,
    only_a_trusted_proxy_is_believed,
    a_request_with_two_meanings_is_refused,
    a_header_that_would_make_it_another_request_is_refused,
    a_cookie_counts_by_the_method_that_the_service_gets,
    a_key_passes_as_far_as_its_scopes,
    a_rule_about_a_thing_opens_to_whoever_may_do_it_to_that_one,
    a_refusal_is_in_the_log_of_decisions,
    a_refusal_without_a_policy_is_in_the_log_too
);
on_both_with!(behind_caddy; the_other_headers_are_read_and_these_alone);

fn behind_a_proxy(setup: &mut Setup) {
    setup.plugins = RULES;
    setup.settings.push(("PALISADE_TRUSTED_PROXIES", "10.0.0.0/8".to_owned()));
}

fn behind_caddy(setup: &mut Setup) {
    behind_a_proxy(setup);
    setup.plugins = concat!(
        "plugins = []\n[forward_auth]\nheaders = \"forwarded\"\n",
        "[[forward_auth.rules]]\npath = \"/assets/**\"\npublic = true\n"
    );
}

const PATH: &str = "/access/v1/forward-auth";
const PROXY: &str = "10.0.0.1";

async fn ask(server: &Server, headers: &[(&str, &str)], method: &str, uri: &str) -> Answer {
    let mut all = vec![("x-original-method", method), ("x-original-host", "app.example.com")];
    all.push(("x-original-uri", uri));
    all.extend(headers);
    server.send_from(PROXY, &all, Method::GET, PATH, None).await
}

async fn ask_as(server: &Server, person: &Person, method: &str, uri: &str) -> Answer {
    let bearer = format!("Bearer {}", person.access);
    ask(server, &[("authorization", &bearer)], method, uri).await
}

fn told(answer: &Answer, name: &str) -> String {
    let value = answer.headers.get(format!("x-palisade-{name}")).expect("each header is set");
    value.to_str().expect("a text").to_owned()
}

/// An organization with a viewer; its id.
async fn acme(server: &Server) -> (Person, Person, String) {
    let owner = server.person("ada@example.com").await;
    let viewer = server.person("vera@example.com").await;
    let organization = server.organization(&owner, "acme").await;
    server.add_member(&owner, &organization, &viewer, SystemRole::Viewer).await;
    let id = organization.rsplit('/').next().expect("an id").to_owned();
    (owner, viewer, id)
}

async fn what_a_rule_opens_passes_with_the_name_of_who_asks(server: Server) {
    let (owner, viewer, id) = acme(&server).await;
    let passed = ask_as(&server, &viewer, "GET", &format!("/o/{id}/projects/7?x=/../y")).await;
    passed.clone().expect(200);
    assert_eq!(told(&passed, "principal"), format!("User::\"{}\"", viewer.id));
    assert_eq!((told(&passed, "user"), told(&passed, "email")), (viewer.id.clone(), viewer.email.clone()));
    assert_eq!((told(&passed, "organization"), told(&passed, "agent")), (id.clone(), String::new()));
    assert_eq!(
        (told(&passed, "credential"), told(&passed, "rule")),
        ("session".to_owned(), "read projects".to_owned())
    );
    assert!(!told(&passed, "decision").is_empty());
    ask_as(&server, &viewer, "HEAD", &format!("/o/{id}/projects")).await.expect(200);
    ask_as(&server, &owner, "DELETE", &format!("/o/{id}/projects/7/")).await.expect(200);
    ask_as(&server, &viewer, "POST", "/me").await.expect(200);
    let root = server.super_admin("root@example.com").await;
    ask_as(&server, &root, "GET", "/operations").await.expect(200);
}

async fn whom_a_rule_does_not_open_to_is_refused(server: Server) {
    let (_, viewer, id) = acme(&server).await;
    let stranger = server.person("bob@example.com").await;
    let (mine, projects) = (format!("/o/{id}/projects/7"), format!("/o/{id}/projects"));
    ask(&server, &[], "GET", &mine).await.refused(401, "not-signed-in");
    ask(&server, &[("authorization", "Bearer nonsense")], "GET", &mine).await.refused(401, "token-invalid");
    ask_as(&server, &stranger, "GET", &mine).await.refused(403, "not-permitted");
    ask_as(&server, &viewer, "POST", &projects).await.refused(403, "not-permitted");
    ask_as(&server, &viewer, "GET", "/operations/x").await.refused(403, "not-permitted");
    // No organization has this id, and no other spelling of one is an id.
    for other in ["019b76da-a800-7000-8000-00000000dead".to_owned(), id.to_uppercase(), "acme".to_owned()] {
        let refused = ask_as(&server, &viewer, "GET", &format!("/o/{other}/projects/7")).await;
        refused.refused(403, "not-permitted");
    }
    for (method, uri) in
        [("GET", "/"), ("GET", "/o"), ("GET", "/ME"), ("GET", "/other"), ("POST", "/assets/a.js")]
    {
        ask_as(&server, &viewer, method, uri).await.refused(403, "no-rule");
    }
    let elsewhere =
        [("x-original-method", "GET"), ("x-original-host", "other.example.com"), ("x-original-uri", &*mine)];
    let bearer = format!("Bearer {}", viewer.access);
    let headers = [&elsewhere[..], &[("authorization", &*bearer)]].concat();
    server.send_from(PROXY, &headers, Method::GET, PATH, None).await.refused(403, "no-rule");

    let root = server.super_admin("root@example.com").await;
    server.post_as(&root, &format!("/api/v1/users/{}/suspend", viewer.id), Value::Null).await.expect(200);
    let gone = ask_as(&server, &viewer, "GET", &mine).await;
    assert!(gone.status == 401 || gone.status == 403, "{}", gone.body);
}

async fn what_is_public_passes_with_any_credential_and_tells_nothing_of_it(server: Server) {
    let (_, viewer, _) = acme(&server).await;
    let bearer = format!("Bearer {}", viewer.access);
    for headers in [&[][..], &[("authorization", "Bearer nonsense")], &[("authorization", &*bearer)]] {
        let passed = ask(&server, headers, "GET", "/assets/app.js").await;
        passed.clone().expect(200);
        for name in ["principal", "user", "email", "organization", "agent", "credential"] {
            assert_eq!(told(&passed, name), "", "{name}");
        }
        assert_eq!(told(&passed, "rule"), "/assets/**");
    }
}

async fn only_a_trusted_proxy_is_believed(server: Server) {
    let headers = [
        ("x-original-method", "GET"),
        ("x-original-host", "app.example.com"),
        ("x-original-uri", "/assets/a"),
    ];
    for (peer, forwarded) in [("192.0.2.1", None), ("192.0.2.1", Some("10.0.0.1"))] {
        let mut headers = headers.to_vec();
        headers.extend(forwarded.map(|it| ("x-forwarded-for", it)));
        let refused = server.send_from(peer, &headers, Method::GET, PATH, None).await;
        refused.refused(403, "untrusted-proxy");
    }
    server.send_from(PROXY, &headers, Method::GET, PATH, None).await.expect(200);
    server.send_from("::ffff:10.0.0.1", &headers, Method::GET, PATH, None).await.expect(200);
}

async fn a_request_with_two_meanings_is_refused(server: Server) {
    for uri in [
        "/assets/../me",
        "/assets/%2e%2e/me",
        "/assets/..%2fme",
        "//assets/a",
        "/assets/a;b",
        "/assets/%00",
        "/assets\\a",
    ] {
        ask(&server, &[], "GET", uri).await.refused(403, "ambiguous-request");
    }
    ask(&server, &[], "get", "/assets/a").await.refused(403, "ambiguous-request");
    ask(&server, &[("x-original-uri", "/me")], "GET", "/assets/a").await.refused(403, "ambiguous-request");
    ask(&server, &[("x-original-host", "b")], "GET", "/assets/a").await.refused(403, "ambiguous-request");
    ask(&server, &[("x-original-method", "POST")], "GET", "/assets/a")
        .await
        .refused(403, "ambiguous-request");
    for missing in 0..3 {
        let mut headers =
            vec![("x-original-method", "GET"), ("x-original-host", "a"), ("x-original-uri", "/assets/a")];
        headers.remove(missing);
        let refused = server.send_from(PROXY, &headers, Method::GET, PATH, None).await;
        refused.refused(403, "ambiguous-request");
    }
}

async fn a_header_that_would_make_it_another_request_is_refused(server: Server) {
    for name in
        ["x-http-method-override", "x-http-method", "x-method-override", "x-original-url", "x-rewrite-url"]
    {
        ask(&server, &[(name, "/me")], "GET", "/assets/a").await.refused(403, "ambiguous-request");
    }
    ask(&server, &[("x_palisade_user", "me")], "GET", "/assets/a").await.refused(403, "ambiguous-request");
    // What the client says of itself in our words is not read, and overwritten.
    let passed = ask(&server, &[("x-palisade-user", "me")], "GET", "/assets/a").await;
    assert_eq!(told(&passed, "user"), "");
}

async fn a_cookie_counts_by_the_method_that_the_service_gets(server: Server) {
    let (owner, _, id) = acme(&server).await;
    let cookie = format!("__Host-palisade_access={}", owner.access);
    let cookie = ("cookie", cookie.as_str());
    let uri = format!("/o/{id}/projects");
    ask(&server, &[cookie], "GET", &uri).await.expect(200);
    ask(&server, &[cookie], "POST", &uri).await.refused(403, "cross-site-request");
    let foreign = ("sec-fetch-site", "cross-site");
    ask(&server, &[cookie, foreign], "DELETE", &uri).await.refused(403, "cross-site-request");
    ask(&server, &[cookie, ("sec-fetch-site", "same-origin")], "POST", &uri).await.expect(200);
    let socket = ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    ask(&server, &[cookie, foreign, socket], "GET", &uri).await.refused(403, "cross-site-request");
}

async fn a_key_passes_as_far_as_its_scopes(server: Server) {
    let (owner, _, id) = acme(&server).await;
    let body = json!({ "name": "reader", "scopes": ["project:read"] });
    let made = server.post_as(&owner, "/api/v1/auth/api-keys", body).await.expect(201);
    let key = ("x-api-key", made["key"].as_str().expect("a key"));
    let passed = ask(&server, &[key], "GET", &format!("/o/{id}/projects/7")).await;
    passed.clone().expect(200);
    assert_eq!((told(&passed, "user"), told(&passed, "credential")), (owner.id.clone(), "key".to_owned()));
    ask(&server, &[key], "POST", &format!("/o/{id}/projects")).await.refused(403, "not-permitted");
}

async fn a_rule_about_a_thing_opens_to_whoever_may_do_it_to_that_one(server: Server) {
    let (owner, reader, id) = shelf(&server).await;
    let at = |document: &str| format!("/o/{id}/documents/{document}");
    for (person, open, closed) in [
        (&owner, vec!["plan", "memo/pages/1"], vec!["nowhere"]),
        (&reader, vec!["plan", "two%20words/"], vec!["memo", "nowhere", "Plan", "two+words"]),
    ] {
        for document in open {
            let answer = ask_as(&server, person, "GET", &at(document)).await;
            assert_eq!(answer.status, 200, "{document}");
            assert_eq!(
                (told(&answer, "organization"), told(&answer, "rule")),
                (id.clone(), "documents".to_owned())
            );
        }
        for document in closed {
            ask_as(&server, person, "GET", &at(document)).await.refused(403, "not-permitted");
        }
    }
    // Another spelling of what is open is no other name for it.
    for uri in [at("pl%61n"), at("memo/../plan"), at("plan;x"), at("plan%2f..%2fmemo"), at("plan%00")] {
        ask_as(&server, &reader, "GET", &uri).await.refused(403, "ambiguous-request");
    }
    ask_as(&server, &reader, "POST", &at("plan")).await.refused(403, "no-rule");
    ask(&server, &[], "GET", &at("plan")).await.refused(401, "not-signed-in");
    // The same names elsewhere are other things.
    let other = server.organization(&server.person("olga@example.com").await, "globex").await;
    let elsewhere = format!("/o/{}/documents/plan", other.rsplit('/').next().unwrap());
    ask_as(&server, &owner, "GET", &elsewhere).await.refused(403, "not-permitted");
    // A key opens no more than its scopes do.
    let make = async |scope: &str| {
        let body = json!({ "name": "k", "scopes": [scope] });
        let made = server.post_as(&owner, "/api/v1/auth/api-keys", body).await.expect(201);
        made["key"].as_str().unwrap().to_owned()
    };
    let (reads, writes) = (make("document:read").await, make("document:write").await);
    assert_eq!(ask(&server, &[("x-api-key", &reads)], "GET", &at("plan")).await.status, 200);
    ask(&server, &[("x-api-key", &writes)], "GET", &at("plan")).await.refused(403, "not-permitted");
    // And what is refused is in the log, about that thing.
    let refused = ask_as(&server, &reader, "GET", &at("memo")).await.refused(403, "not-permitted");
    let root = server.super_admin("root@example.com").await;
    let path = format!("/api/v1/decisions/{}", refused["decision_id"].as_str().unwrap());
    let found = server.get_as(&root, &path).await.expect(200);
    assert_eq!(
        (&found["resource"], &found["action"]),
        (&json!("Document::\"memo\""), &json!("document:read"))
    );
}

async fn a_refusal_is_in_the_log_of_decisions(server: Server) {
    let (_, viewer, id) = acme(&server).await;
    let refused =
        ask_as(&server, &viewer, "POST", &format!("/o/{id}/projects")).await.refused(403, "not-permitted");
    let root = server.super_admin("root@example.com").await;
    let decision = refused["decision_id"].as_str().expect("a decision");
    let found = server.get_as(&root, &format!("/api/v1/decisions/{decision}")).await.expect(200);
    assert_eq!((&found["action"], &found["allowed"]), (&json!("project:write"), &json!(false)));
    assert_eq!(found["resource"], format!("Organization::\"{id}\""));
}

async fn a_refusal_without_a_policy_is_in_the_log_too(server: Server) {
    let (_, viewer, id) = acme(&server).await;
    let root = server.super_admin("root@example.com").await;
    let nowhere = "/o/018f0000-0000-7000-8000-000000000000/projects";
    for (method, uri, code, word) in [
        ("GET", "/other", "no-rule", "no-rule"),
        ("GET", "/assets/%2e%2e/me", "ambiguous-request", "ambiguous-request"),
        ("GET", "/o/nothing/projects", "not-permitted", "no-organization"),
        ("GET", &format!("/o/{}/projects", id.to_uppercase()), "not-permitted", "no-organization"),
        ("GET", nowhere, "not-permitted", ""),
    ] {
        let refused = ask_as(&server, &viewer, method, uri).await.refused(403, code);
        let decision = refused["decision_id"].as_str().expect("a decision");
        let found = server.get_as(&root, &format!("/api/v1/decisions/{decision}")).await.expect(200);
        assert_eq!(found["allowed"], false, "{uri}");
        let told = found["errors"][0].as_str().unwrap_or_default();
        assert_eq!(told, word, "{uri}");
    }
}

async fn the_other_headers_are_read_and_these_alone(server: Server) {
    let forwarded = [
        ("x-forwarded-method", "GET"),
        ("x-forwarded-host", "app.example.com"),
        ("x-forwarded-uri", "/assets/a"),
    ];
    server.send_from(PROXY, &forwarded, Method::GET, PATH, None).await.expect(200);
    let own = [
        ("x-original-method", "GET"),
        ("x-original-host", "app.example.com"),
        ("x-original-uri", "/assets/a"),
    ];
    server.send_from(PROXY, &own, Method::GET, PATH, None).await.refused(403, "ambiguous-request");
    let mut both = forwarded.to_vec();
    both[2].1 = "/me";
    both.extend(own);
    server.send_from(PROXY, &both, Method::GET, PATH, None).await.refused(403, "no-rule");
}
