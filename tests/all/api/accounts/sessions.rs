use std::time::Duration;

use poem::http::Method;
use serde_json::{Value, json};

use super::{is_over, letters, lives, with_tokens};
use crate::on_both;
use crate::support::{Answer, PASSWORD, Person, Server};

on_both!(
    sessions_are_listed_by_device_with_the_current_one_marked,
    last_seen_moves_at_refresh_only,
    one_session_is_ended_and_the_others_live_on,
    another_persons_session_is_not_found,
    all_others_are_ended,
    all_are_ended,
    sessions_that_are_over_are_not_listed,
    a_new_device_is_told_by_mail_and_the_first_ever_is_not,
    b27_each_sign_in_is_a_session_of_its_own,
);

const FIREFOX: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0";
const NEWER_FIREFOX: &str =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:131.0) Gecko/20100101 Firefox/131.0";
const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 \
                      (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1";

/// A sign-in from a browser of this name.
async fn signed_in_from(server: &Server, email: &str, user_agent: &str) -> Person {
    let body = json!({ "email": email, "password": PASSWORD }).to_string();
    let request = server.client.post("/api/v1/auth/login").header("User-Agent", user_agent);
    let tokens = Answer::read(request.content_type("application/json").body(body).send().await).await;
    with_tokens(server, email, &tokens.expect(200)).await
}

async fn list(server: &Server, person: &Person) -> Vec<Value> {
    let body = server.get_as(person, "/api/v1/auth/sessions").await.expect(200);
    body.as_array().cloned().expect("a list")
}

/// The session that a person's access token rests on.
async fn current(server: &Server, person: &Person) -> Value {
    let all = list(server, person).await;
    let mut current = all.into_iter().filter(|session| session["current"] == true);
    let one = current.next().expect("the current session is listed");
    assert!(current.next().is_none(), "two sessions are current");
    one
}

async fn current_path(server: &Server, person: &Person) -> String {
    let session = current(server, person).await;
    format!("/api/v1/auth/sessions/{}", session["id"].as_str().expect("an id"))
}

async fn sessions_are_listed_by_device_with_the_current_one_marked(server: Server) {
    server.register("ada@example.com").await;
    let desk = signed_in_from(&server, "ada@example.com", FIREFOX).await;
    server.advance(Duration::from_secs(60));
    let phone = signed_in_from(&server, "ada@example.com", IPHONE).await;
    let all = list(&server, &desk).await;
    let told: Vec<_> = all.iter().map(|it| (it["device"].as_str(), it["current"].as_bool())).collect();
    assert_eq!(told, [(Some("Safari on iPhone"), Some(false)), (Some("Firefox on Windows"), Some(true))]);
    assert_eq!(current(&server, &phone).await["device"], "Safari on iPhone");
    let one = current(&server, &desk).await;
    assert_eq!(one["created_at"], "2026-01-01T00:00:00Z");
    assert_eq!(one["expires_at"], "2026-01-08T00:00:00Z");
}

async fn last_seen_moves_at_refresh_only(server: Server) {
    let ada = server.person("ada@example.com").await;
    let began = current(&server, &ada).await;
    assert_eq!(began["last_seen_at"], began["created_at"]);
    server.advance(Duration::from_secs(60));
    assert_eq!(current(&server, &ada).await["last_seen_at"], began["last_seen_at"]);
    let body = json!({ "refresh_token": ada.refresh });
    server.post("/api/v1/auth/refresh", body).await.expect(200);
    assert_eq!(current(&server, &ada).await["last_seen_at"], "2026-01-01T00:01:00Z");
}

async fn one_session_is_ended_and_the_others_live_on(server: Server) {
    let here = server.person("ada@example.com").await;
    let there = server.login("ada@example.com").await;
    let path = current_path(&server, &there).await;
    server.delete_as(&here, &path).await.expect(200);
    is_over(&server, &there).await;
    server.delete_as(&here, &path).await.refused(404, "not-found");
    // One's own, too.
    let own = current_path(&server, &here).await;
    server.delete_as(&here, &own).await.expect(200);
    is_over(&server, &here).await;
}

async fn another_persons_session_is_not_found(server: Server) {
    let ada = server.person("ada@example.com").await;
    let mallory = server.person("mallory@example.com").await;
    let path = current_path(&server, &ada).await;
    let foreign = server.delete_as(&mallory, &path).await.refused(404, "not-found");
    let none = "/api/v1/auth/sessions/019b76da-a800-7000-8000-00000000dead";
    let unknown = server.delete_as(&mallory, none).await.refused(404, "not-found");
    assert_eq!(foreign["detail"], unknown["detail"]);
    server.send(Method::DELETE, &path, None, None).await.refused(401, "not-signed-in");
    assert!(list(&server, &mallory).await.iter().all(|session| session["current"] == true));
    assert_eq!(lives(&server, &ada).await, (true, true));
    // Nor does a super admin have a way in here: the path names no account but the caller's.
    let root = server.super_admin("root@example.com").await;
    server.delete_as(&root, &path).await.refused(404, "not-found");
}

async fn all_others_are_ended(server: Server) {
    let here = server.person("ada@example.com").await;
    let there = server.login("ada@example.com").await;
    let bob = server.person("bob@example.com").await;
    server.post_as(&here, "/api/v1/auth/sessions/revoke-others", json!({})).await.expect(200);
    is_over(&server, &there).await;
    assert_eq!(lives(&server, &here).await, (true, true));
    assert_eq!(lives(&server, &bob).await, (true, true));
}

async fn all_are_ended(server: Server) {
    let here = server.person("ada@example.com").await;
    let there = server.login("ada@example.com").await;
    let bob = server.person("bob@example.com").await;
    server.post_as(&here, "/api/v1/auth/logout-all", json!({})).await.expect(200);
    is_over(&server, &here).await;
    is_over(&server, &there).await;
    assert_eq!(lives(&server, &bob).await, (true, true));
}

async fn sessions_that_are_over_are_not_listed(server: Server) {
    let here = server.person("ada@example.com").await;
    let there = server.login("ada@example.com").await;
    server.post_as(&there, "/api/v1/auth/logout", json!({})).await.expect(200);
    assert_eq!(list(&server, &here).await.len(), 1);
    server.advance(Duration::from_secs(7 * 24 * 60 * 60));
    let later = server.login("ada@example.com").await;
    assert_eq!(list(&server, &later).await.len(), 1);
}

async fn a_new_device_is_told_by_mail_and_the_first_ever_is_not(server: Server) {
    server.register("ada@example.com").await;
    let told = async || letters(&server, "ada@example.com", "New sign-in").await;
    signed_in_from(&server, "ada@example.com", FIREFOX).await;
    assert_eq!(told().await, 0, "the first sign-in ever");
    signed_in_from(&server, "ada@example.com", NEWER_FIREFOX).await;
    assert_eq!(told().await, 0, "an update makes no new device");
    server.advance(Duration::from_secs(60));
    signed_in_from(&server, "ada@example.com", IPHONE).await;
    assert_eq!(told().await, 1);
    let mail = server.last_mail("ada@example.com").await;
    assert!(mail.text.contains("Safari on iPhone"), "{}", mail.text);
    assert!(mail.text.contains("1 January 2026 at 00:01 UTC"), "{}", mail.text);
    signed_in_from(&server, "ada@example.com", IPHONE).await;
    assert_eq!(told().await, 1, "seen by now");
    // A wrong password is no sign-in, wherever it comes from.
    let body = json!({ "email": "ada@example.com", "password": "wrong wrong wrong" }).to_string();
    let request = server.client.post("/api/v1/auth/login").header("User-Agent", "curl/8");
    Answer::read(request.content_type("application/json").body(body).send().await).await.expect(401);
    assert_eq!(told().await, 1);
    // Another person's first device is no news either.
    server.register("bob@example.com").await;
    signed_in_from(&server, "bob@example.com", IPHONE).await;
    assert_eq!(letters(&server, "bob@example.com", "New sign-in").await, 0);
}

async fn b27_each_sign_in_is_a_session_of_its_own(server: Server) {
    let before = server.person("ada@example.com").await;
    // A token sent along with a sign-in is not taken over.
    let body = json!({ "email": "ada@example.com", "password": PASSWORD });
    let path = "/api/v1/auth/login";
    let tokens = server.send(Method::POST, path, Some(&before.access), Some(&body)).await.expect(200);
    let after = with_tokens(&server, "ada@example.com", &tokens).await;
    let (old, new) = (current(&server, &before).await, current(&server, &after).await);
    assert_ne!(old["id"], new["id"]);
    server.post_as(&before, "/api/v1/auth/logout", json!({})).await.expect(200);
    is_over(&server, &before).await;
    assert_eq!(lives(&server, &after).await, (true, true));
}
