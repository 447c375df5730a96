//! `/metrics`: for whom the policies let, and without anybody's data.

use std::collections::BTreeSet;

use poem::http::Method;
use serde_json::json;

use crate::plugins::{bind, doing};
use crate::support::{PASSWORD, Person, Server, Setup};
use crate::{on_both, on_both_with};

on_both!(metrics_are_read_with_a_permission_and_by_nobody_else);
on_both_with!(with_a_greedy_gate; metrics_count_what_happens_and_name_nobody);

async fn metrics_are_read_with_a_permission_and_by_nobody_else(server: Server) {
    let root = server.super_admin("root@example.com").await;
    let ada = server.person("ada@example.com").await;
    server.get("/metrics").await.refused(401, "not-signed-in");
    server.send(Method::GET, "/metrics", Some("nonsense"), None).await.refused(401, "token-invalid");
    server.get_as(&ada, "/metrics").await.refused(403, "not-permitted");
    assert_eq!(server.get_as(&root, "/metrics").await.status, 200);

    // For a monitoring system: a key that may read these and nothing else.
    let key = key(&server, &root, "platform:metrics").await;
    assert_eq!(server.send(Method::GET, "/metrics", Some(&key), None).await.status, 200);
    server.send(Method::GET, "/api/v1/events", Some(&key), None).await.refused(403, "insufficient-scope");
    let other = self::key(&server, &root, "platform:events").await;
    server.send(Method::GET, "/metrics", Some(&other), None).await.refused(403, "insufficient-scope");
    // Nobody gives what they do not hold.
    let body = json!({ "name": "x", "scopes": ["platform:metrics"] });
    server.post_as(&ada, "/api/v1/auth/api-keys", body).await.refused(403, "scope-not-held");
}

async fn key(server: &Server, by: &Person, scope: &str) -> String {
    let body = json!({ "name": "monitoring", "scopes": [scope], "expires_in_days": 30 });
    let made = server.post_as(by, "/api/v1/auth/api-keys", body).await.expect(201);
    made["key"].as_str().expect("a key").to_owned()
}

fn with_a_greedy_gate(setup: &mut Setup) {
    bind(setup, doing("gate", "keep-many", "grants.kv = true"));
}

async fn scraped(server: &Server, by: &Person) -> String {
    let request = server.client.get("/metrics").header("Authorization", format!("Bearer {}", by.access));
    let response = request.send().await.0;
    assert_eq!(response.content_type(), Some("text/plain; version=0.0.4; charset=utf-8"));
    response.into_body().into_string().await.unwrap()
}

fn value(text: &str, series: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{series} is not in {text}")).parse().unwrap()
}

async fn metrics_count_what_happens_and_name_nobody(server: Server) {
    let root = server.super_admin("root@example.com").await;
    server.register("ada.lovelace@example.com").await;
    let before = scraped(&server, &root).await;
    let body = json!({ "email": "ada.lovelace@example.com", "password": PASSWORD });
    server.post("/api/v1/auth/login", body).await.refused(403, "plugin:gate/told");
    server.get_as(&root, "/nothing").await.expect(404);
    server.post("/api/v1/auth/logout", json!({})).await;
    let after = scraped(&server, &root).await;
    let more = |series: &str| value(&after, series) - value(&before, series);

    let labels = r#"plugin="gate",hook="login.authenticated""#;
    assert_eq!(more(&format!("palisade_plugin_calls_total{{{labels},outcome=\"ok\"}}")), 1);
    assert_eq!(more(&format!("palisade_plugin_limits_total{{{labels},limit=\"kv-uses\"}}")), 1);
    // The two scrapes themselves are one answer between them.
    assert_eq!(more("palisade_http_requests_total{class=\"2xx\"}"), 1);
    assert_eq!(more("palisade_http_requests_total{class=\"4xx\"}"), 3);
    assert_eq!(more("palisade_http_requests_total{class=\"5xx\"}"), 0);
    assert!(more("palisade_decisions_total{effect=\"allow\"}") > 0);
    assert!(more("palisade_decisions_total{effect=\"deny\"}") > 0);
    assert_eq!(more("palisade_password_hashes_total"), 1);
    assert!(more("palisade_database_statements_total") > 0);
    assert_eq!(value(&after, "palisade_decisions_not_kept_total"), 0);

    let mut names = BTreeSet::new();
    for line in after.lines().filter(|line| !line.starts_with('#')) {
        let labels =
            line.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map_or("", |(labels, _)| labels);
        names.extend(labels.split(',').filter_map(|label| Some(label.split_once('=')?.0.to_owned())));
    }
    let known = ["class", "effect", "hook", "limit", "outcome", "plugin"].map(str::to_owned);
    assert_eq!(names, BTreeSet::from(known), "a label of another name may have any number of values");
    for word in ["ada", "lovelace", "@", "example.com", &root.id] {
        assert!(!after.contains(word), "{word} in {after}");
    }
}
