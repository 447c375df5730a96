//! What becomes of API keys when something that proves their person changes (attack 24), and the letter about a key.

use std::time::Duration;

use palisade::domain::SystemRole;
use poem::http::Method;
use serde_json::json;

use super::{ANOTHER, is_over, letters};
use crate::on_both;
use crate::support::{PASSWORD, Person, Server, role_id};

on_both!(
    b24_a_reset_ends_every_key_of_the_person,
    b24_a_changed_password_ends_every_key_unless_told_otherwise,
    b24_a_move_ends_every_key_unless_told_otherwise,
    b24_asking_for_deletion_ends_every_key_for_good,
    b24_a_suspension_stops_sessions_and_keys,
    b24_a_token_that_came_of_a_key_ends_with_it,
    whoever_makes_a_key_gets_a_letter,
    an_unproved_address_gets_no_letter_about_keys,
);

const KEYS: &str = "/api/v1/auth/api-keys";
const ME: &str = "/api/v1/auth/me";

/// A key that a thief may have made with a stolen session.
async fn key(server: &Server, person: &Person, path: &str, scopes: &[&str]) -> String {
    let made = server.post_as(person, path, json!({ "name": "thief's", "scopes": scopes })).await.expect(201);
    made["key"].as_str().expect("a key").to_owned()
}

async fn opens(server: &Server, key: &str, path: &str) -> u16 {
    server.send(Method::GET, path, Some(key), None).await.status
}

/// Whether a letter to `to` says how many keys ended.
async fn told_of_ended_keys(server: &Server, to: &str, count: usize) -> bool {
    let said = format!("API keys that ended with it: {count}.");
    server.mails().await.iter().any(|mail| mail.to.contains(to) && mail.text.contains(&said))
}

async fn b24_a_reset_ends_every_key_of_the_person(server: Server) {
    let ada = server.person("ada@example.com").await;
    let acme = server.organization(&ada, "acme").await;
    let (one, other) =
        (key(&server, &ada, KEYS, &["self:*"]).await, key(&server, &ada, KEYS, &["org:read"]).await);
    let service = key(&server, &ada, &format!("{acme}/api-keys"), &["org:read"]).await;
    let bob = server.person("bob@example.com").await;
    let bobs = key(&server, &bob, KEYS, &["self:*"]).await;
    server.advance(Duration::from_secs(1));
    server.post("/api/v1/auth/forgot-password", json!({ "email": ada.email })).await.expect(200);
    let token = server.last_mail("ada@example.com").await.token();
    let body = json!({ "token": token, "new_password": ANOTHER });
    server.post("/api/v1/auth/reset-password", body).await.expect(200);
    is_over(&server, &ada).await;
    assert_eq!((opens(&server, &one, ME).await, opens(&server, &other, &acme).await), (401, 401));
    assert!(told_of_ended_keys(&server, "ada@example.com", 2).await);
    // What belongs to the organization, or to somebody else, is not Ada's to lose.
    assert_eq!((opens(&server, &service, &acme).await, opens(&server, &bobs, ME).await), (200, 200));
}

async fn b24_a_changed_password_ends_every_key_unless_told_otherwise(server: Server) {
    let ada = server.person("ada@example.com").await;
    let text = key(&server, &ada, KEYS, &["self:*"]).await;
    let change = async |from: &str, to: &str, kept: Option<bool>| {
        let mut body = json!({ "current_password": from, "new_password": to });
        if let Some(kept) = kept {
            body["keep_api_keys"] = kept.into();
        }
        server.post_as(&ada, "/api/v1/auth/change-password", body).await.expect(200);
    };
    change(PASSWORD, ANOTHER, Some(true)).await;
    assert_eq!(opens(&server, &text, ME).await, 200);
    change(ANOTHER, PASSWORD, None).await;
    assert_eq!(opens(&server, &text, ME).await, 401);
    assert!(told_of_ended_keys(&server, "ada@example.com", 1).await);
    let listed = server.get_as(&ada, KEYS).await.expect(200);
    assert_eq!(listed[0]["is_active"], false);
}

async fn b24_a_move_ends_every_key_unless_told_otherwise(server: Server) {
    let ada = server.person("ada@example.com").await;
    let text = key(&server, &ada, KEYS, &["self:*"]).await;
    let moved = async |to: &str, kept: Option<bool>| {
        server.advance(Duration::from_secs(1));
        let body = json!({ "new_email": to, "current_password": PASSWORD });
        server.post_as(&ada, "/api/v1/auth/me/email", body).await.expect(200);
        let mut body = json!({ "token": server.last_mail(to).await.token() });
        if let Some(kept) = kept {
            body["keep_api_keys"] = kept.into();
        }
        server.post_as(&ada, "/api/v1/auth/me/email/confirm", body).await.expect(200);
    };
    moved("ada@new.example", Some(true)).await;
    assert_eq!(opens(&server, &text, ME).await, 200);
    moved("ada@third.example", None).await;
    assert_eq!(opens(&server, &text, ME).await, 401);
    assert!(told_of_ended_keys(&server, "ada@new.example", 1).await);
}

async fn b24_asking_for_deletion_ends_every_key_for_good(server: Server) {
    let ada = server.person("ada@example.com").await;
    let text = key(&server, &ada, KEYS, &["self:*"]).await;
    let body = json!({ "current_password": PASSWORD });
    server.send(Method::DELETE, ME, Some(&ada.access), Some(&body)).await.expect(200);
    assert_eq!(opens(&server, &text, ME).await, 401);
    let ada = server.login("ada@example.com").await;
    server.post_as(&ada, "/api/v1/auth/me/restore", json!({})).await.expect(200);
    assert_eq!(opens(&server, &text, ME).await, 401, "a restored account's old key");
}

async fn b24_a_suspension_stops_sessions_and_keys(server: Server) {
    let root = server.super_admin("root@example.com").await;
    let ada = server.person("ada@example.com").await;
    let text = key(&server, &ada, KEYS, &["self:*"]).await;
    let path = |what: &str| format!("/api/v1/users/{}/{what}", ada.id);
    server.post_as(&root, &path("suspend"), json!({})).await.expect(200);
    is_over(&server, &ada).await;
    assert_eq!(opens(&server, &text, ME).await, 403);
    server.post_as(&root, &path("reinstate"), json!({})).await.expect(200);
    is_over(&server, &ada).await;
}

async fn b24_a_token_that_came_of_a_key_ends_with_it(server: Server) {
    let ada = server.person("ada@example.com").await;
    let acme = server.organization(&ada, "acme").await;
    let body = json!({ "name": "Builder", "role_id": role_id(SystemRole::Viewer) });
    let agent = server.post_as(&ada, &format!("{acme}/agents"), body).await.expect(201);
    let own = key(&server, &ada, KEYS, &["org:read", "agent:execute:run"]).await;
    let path = format!("{acme}/agents/{}/token", agent["id"].as_str().unwrap());
    let body = json!({ "task_id": "t", "scopes": ["org:read"] });
    let made = server.send(Method::POST, &path, Some(&own), Some(&body)).await.expect(201);
    let token = made["access_token"].as_str().expect("a token");
    assert_eq!(opens(&server, token, &acme).await, 200);
    let body = json!({ "current_password": PASSWORD, "new_password": ANOTHER });
    server.post_as(&ada, "/api/v1/auth/change-password", body).await.expect(200);
    assert_eq!(opens(&server, token, &acme).await, 401);
}

async fn whoever_makes_a_key_gets_a_letter(server: Server) {
    let ada = server.person("ada@example.com").await;
    let acme = server.organization(&ada, "acme").await;
    // Letters are read in the order of their instants.
    server.advance(Duration::from_secs(1));
    let body = json!({ "name": "deploy <b>", "scopes": [] });
    let made = server.post_as(&ada, KEYS, body).await.expect(201);
    let mail = server.last_mail("ada@example.com").await;
    assert!(mail.subject.starts_with("A new API key"), "{}", mail.subject);
    let secret = made["key"].as_str().unwrap();
    for piece in ["deploy <b>", "deploy &lt;b&gt;", made["key_prefix"].as_str().unwrap(), "/reset-password"] {
        assert!(mail.text.contains(piece), "no {piece} in {}", mail.text);
    }
    assert!(!mail.text.contains(secret), "a letter holds the key");

    server.advance(Duration::from_secs(1));
    let path = format!("{KEYS}/{}/rotate", made["id"].as_str().unwrap());
    server.post_as(&ada, &path, json!({})).await.expect(200);
    assert_eq!(letters(&server, "ada@example.com", "has a new secret").await, 1);
    key(&server, &ada, &format!("{acme}/api-keys"), &[]).await;
    assert_eq!(letters(&server, "ada@example.com", "A new API key").await, 2);
}

async fn an_unproved_address_gets_no_letter_about_keys(server: Server) {
    let eve = server.unverified("victim@example.com").await;
    let before = server.mails().await.len();
    let made = server.post_as(&eve, KEYS, json!({ "name": "x", "scopes": [] })).await;
    assert!(matches!(made.status, 201 | 403), "{}", made.body);
    assert_eq!(server.mails().await.len(), before);
}
