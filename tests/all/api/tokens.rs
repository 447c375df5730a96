//! Token exchange (RFC 8693), introspection (RFC 7662), revocation (RFC 7009).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use palisade::domain::SystemRole;
use poem::http::Method;
use serde_json::{Value, json};

use crate::on_both;
use crate::support::{Answer, Person, Server, role_id};

on_both!(
    an_agent_acts_on_behalf_of_a_person_within_what_both_may,
    an_exchange_is_refused_in_the_words_of_oauth,
    a_delegated_token_lives_no_longer_than_either,
    people_and_services_see_the_tokens_that_are_theirs_to_see,
    whoever_gives_a_token_up_ends_it,
    b18_an_actor_token_is_no_subject_and_the_reverse,
    b26_a_token_of_both_is_never_wider_than_either_and_never_crosses_organizations,
    b26_what_is_revoked_is_not_exchanged,
    e52_a_delegated_token_is_not_a_person_and_both_are_written_down,
);

const EXCHANGE: &str = "/api/v1/auth/token";
const INTROSPECT: &str = "/api/v1/auth/introspect";
const REVOKE: &str = "/api/v1/auth/revoke";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// `ada` owns an organization, `bob` is a member of it, and an agent of the role works there with a key.
struct Scene {
    server: Server,
    ada: Person,
    bob: Person,
    home: String,
    agent: String,
    key: String,
}

impl Scene {
    async fn new(server: Server, role: SystemRole, scopes: &[&str]) -> Self {
        let (ada, bob) = (server.person("ada@example.com").await, server.person("bob@example.com").await);
        let home = server.organization(&ada, "acme").await;
        server.add_member(&ada, &home, &bob, SystemRole::Viewer).await;
        let body = json!({ "name": "Builder", "role_id": role_id(role) });
        let made = server.post_as(&ada, &format!("{home}/agents"), body).await.expect(201);
        let agent = format!("{home}/agents/{}", made["id"].as_str().unwrap());
        let body = json!({ "name": "k", "scopes": scopes });
        let made = server.post_as(&ada, &format!("{agent}/api-keys"), body).await.expect(201);
        let key = made["key"].as_str().unwrap().to_owned();
        Self { server, ada, bob, home, agent, key }
    }

    async fn exchange(&self, subject: &str, actor: &str, more: &[(&str, &str)]) -> Answer {
        let fields = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token", subject),
            ("subject_token_type", ACCESS_TOKEN),
            ("actor_token", actor),
            ("actor_token_type", ACCESS_TOKEN),
        ];
        let more = more.iter().filter(|(name, _)| !fields.iter().any(|(known, _)| known == name));
        self.form(EXCHANGE, None, &fields.iter().chain(more).copied().collect::<Vec<_>>()).await
    }

    /// A token of `person` and the agent's key.
    async fn delegated(&self, person: &Person) -> String {
        let made = self.exchange(&person.access, &self.key, &[]).await.expect(200);
        made["access_token"].as_str().unwrap().to_owned()
    }

    async fn form(&self, path: &str, bearer: Option<&str>, fields: &[(&str, &str)]) -> Answer {
        form(&self.server, path, bearer, fields).await
    }

    async fn active(&self, bearer: &str, token: &str) -> bool {
        let told = self.form(INTROSPECT, Some(bearer), &[("token", token)]).await.expect(200);
        told["active"].as_bool().unwrap()
    }

    async fn get(&self, path: &str, token: &str) -> Answer {
        self.server.send(Method::GET, path, Some(token), None).await
    }

    async fn patch(&self, path: &str, token: &str) -> Answer {
        self.server.send(Method::PATCH, path, Some(token), Some(&json!({ "description": "x" }))).await
    }
}

async fn form(server: &Server, path: &str, bearer: Option<&str>, fields: &[(&str, &str)]) -> Answer {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    server.send_form(path, bearer, body).await
}

fn claims(token: &str) -> Value {
    let part = token.split('.').nth(1).expect("a JWT has three parts");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
}

#[track_caller]
fn refused(answer: Answer, error: &str) {
    let body = answer.refused(400, &error.replace('_', "-"));
    assert_eq!(body["error"], error, "{body}");
}

async fn an_agent_acts_on_behalf_of_a_person_within_what_both_may(server: Server) {
    let scene = Scene::new(server, SystemRole::Admin, &["org:read", "org:write", "org:members:*"]).await;
    let made = scene.exchange(&scene.ada.access, &scene.key, &[]).await.expect(200);
    assert_eq!((&made["token_type"], &made["issued_token_type"]), (&json!("Bearer"), &json!(ACCESS_TOKEN)));
    assert!(made.get("refresh_token").is_none());
    let token = made["access_token"].as_str().unwrap();
    let said = claims(token);
    assert_eq!(said["sub"], scene.ada.id);
    assert_eq!(said["act"]["sub"], scene.agent.rsplit('/').next().unwrap());
    assert_eq!(said["org"], scene.home.rsplit('/').next().unwrap());
    assert_eq!(
        (&said["scope"], &made["scope"]),
        (&made["scope"], &json!("org:members:* org:read org:write"))
    );
    scene.get(&scene.home, token).await.expect(200);
    scene.patch(&scene.home, token).await.expect(200);

    // The same agent for a viewer: a viewer's rights.
    let made = scene.exchange(&scene.bob.access, &scene.key, &[]).await.expect(200);
    assert_eq!(made["scope"], "org:read");
    let token = made["access_token"].as_str().unwrap();
    scene.get(&scene.home, token).await.expect(200);
    scene.patch(&scene.home, token).await.refused(403, "insufficient-scope");
    // What the person gains later, the token does not.
    let members = scene.server.get_as(&scene.ada, &format!("{}/members", scene.home)).await.expect(200);
    let bob = members.as_array().unwrap().iter().find(|it| it["user_id"] == scene.bob.id.as_str()).unwrap();
    let path = format!("{}/members/{}", scene.home, bob["id"].as_str().unwrap());
    scene
        .server
        .patch_as(&scene.ada, &path, json!({ "role_id": role_id(SystemRole::Admin) }))
        .await
        .expect(200);
    scene.patch(&scene.home, token).await.refused(403, "insufficient-scope");
    // What they lose, it loses.
    scene.server.delete_as(&scene.ada, &path).await.expect(200);
    scene.get(&scene.home, token).await.refused(404, "not-found");
}

async fn an_exchange_is_refused_in_the_words_of_oauth(server: Server) {
    let scene = Scene::new(server, SystemRole::Viewer, &["org:read"]).await;
    let fields = [("grant_type", "password"), ("subject_token", "x"), ("subject_token_type", ACCESS_TOKEN)];
    let fields = [fields.as_slice(), &[("actor_token", "x"), ("actor_token_type", ACCESS_TOKEN)]].concat();
    refused(scene.form(EXCHANGE, None, &fields).await, "unsupported_grant_type");
    refused(scene.exchange("x", &scene.key, &[]).await, "invalid_request");
    refused(scene.exchange(&scene.ada.access, "x", &[]).await, "invalid_request");
    let kind = ("requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token");
    refused(scene.exchange(&scene.ada.access, &scene.key, &[kind]).await, "invalid_request");
    refused(scene.exchange(&scene.ada.access, &scene.key, &[("scope", "org:write")]).await, "invalid_scope");
    refused(scene.exchange(&scene.ada.access, &scene.key, &[("scope", "no such")]).await, "invalid_scope");
    scene.exchange(&scene.ada.access, &scene.key, &[("client_id", "ignored")]).await.expect(200);
    scene
        .form(EXCHANGE, None, &[("grant_type", "x"), ("grant_type", "y")])
        .await
        .invalid("grant_type", "repeated");
    assert_eq!(scene.form(EXCHANGE, None, &[]).await.status, 422);
    let json = scene.server.post(EXCHANGE, json!({ "grant_type": "x" })).await;
    assert_eq!(json.status, 415, "{}", json.body);
}

async fn a_delegated_token_lives_no_longer_than_either(server: Server) {
    let scene = Scene::new(server, SystemRole::Viewer, &["org:read"]).await;
    let body = json!({ "task_id": "t-1", "scopes": ["org:read"], "expires_in": 60 });
    let task = scene.server.post_as(&scene.ada, &format!("{}/token", scene.agent), body).await.expect(201);
    let task = task["access_token"].as_str().unwrap();
    let made = scene.exchange(&scene.bob.access, task, &[]).await.expect(200);
    assert_eq!(made["expires_in"], 60);
    let token = made["access_token"].as_str().unwrap();
    scene.get(&scene.home, token).await.expect(200);
    scene.server.advance(Duration::from_secs(60));
    scene.get(&scene.home, token).await.refused(401, "token-expired");
    let made = scene.exchange(&scene.bob.access, &scene.key, &[]).await.expect(200);
    assert_eq!(made["expires_in"], 14 * 60, "no longer than the person's own token");
}

async fn people_and_services_see_the_tokens_that_are_theirs_to_see(server: Server) {
    let scene = Scene::new(server, SystemRole::Viewer, &["org:read"]).await;
    let eve = scene.server.person("eve@example.com").await;
    let token = scene.delegated(&scene.bob).await;
    let told = scene.form(INTROSPECT, Some(&scene.ada.access), &[("token", &token)]).await.expect(200);
    assert_eq!((&told["active"], &told["sub"]), (&json!(true), &json!(scene.bob.id)));
    assert_eq!(told["act"]["sub"], scene.agent.rsplit('/').next().unwrap());
    assert_eq!((&told["scope"], &told["exp"]), (&json!("org:read"), &claims(&token)["exp"]));

    let body = json!({ "name": "gateway", "scopes": ["token:introspect"] });
    let refused = scene.server.post_as(&scene.ada, &format!("{}/api-keys", scene.home), body).await;
    let gateway = refused.expect(201)["key"].as_str().unwrap().to_owned();
    let body = json!({ "name": "dumb", "scopes": ["org:read"] });
    let dumb = scene.server.post_as(&scene.ada, &format!("{}/api-keys", scene.home), body).await.expect(201);
    for (who, sees) in [(&scene.bob.access, true), (&gateway, true), (&eve.access, false)] {
        assert_eq!(scene.active(who, &token).await, sees);
        assert_eq!(scene.active(who, &scene.key).await, sees && *who != scene.bob.access);
    }
    scene
        .form(INTROSPECT, dumb["key"].as_str(), &[("token", &token)])
        .await
        .refused(403, "insufficient-scope");
    // A person's own tokens are nobody else's, not even an owner's.
    assert!(scene.active(&scene.bob.access, &scene.bob.access).await);
    assert!(scene.active(&scene.bob.access, &scene.bob.refresh).await);
    assert!(!scene.active(&scene.ada.access, &scene.bob.access).await);
    let told = scene.form(INTROSPECT, Some(&scene.ada.access), &[("token", "rubbish")]).await.expect(200);
    assert_eq!(told, json!({ "active": false }));
    scene.form(INTROSPECT, None, &[("token", &token)]).await.refused(401, "not-signed-in");
}

async fn whoever_gives_a_token_up_ends_it(server: Server) {
    let scene = Scene::new(server, SystemRole::Viewer, &["org:read"]).await;
    let eve = scene.server.person("eve@example.com").await;
    let token = scene.delegated(&scene.bob).await;
    for nothing in [token.as_str(), "rubbish", &scene.key, &scene.bob.refresh] {
        scene.form(REVOKE, Some(&eve.access), &[("token", nothing)]).await.expect(200);
    }
    scene.get(&scene.home, &token).await.expect(200);
    scene.form(REVOKE, Some(&scene.bob.access), &[("token", &token)]).await.expect(200);
    scene.get(&scene.home, &token).await.refused(401, "session-ended");
    assert!(!scene.active(&scene.ada.access, &token).await);

    // A sandbox ends its own token when its task is over.
    let body = json!({ "task_id": "t-1", "scopes": [] });
    let task = scene.server.post_as(&scene.ada, &format!("{}/token", scene.agent), body).await.expect(201);
    let task = task["access_token"].as_str().unwrap();
    scene.form(REVOKE, Some(task), &[("token", task)]).await.expect(200);
    scene.get(&scene.home, task).await.refused(401, "key-invalid");

    scene.form(REVOKE, Some(&scene.bob.access), &[("token", &scene.bob.refresh)]).await.expect(200);
    scene.get("/api/v1/auth/me", &scene.bob.access).await.refused(401, "session-ended");
    scene.form(REVOKE, None, &[("token", &scene.key)]).await.refused(401, "not-signed-in");
}

async fn b18_an_actor_token_is_no_subject_and_the_reverse(server: Server) {
    let scene = Scene::new(server, SystemRole::Viewer, &["org:read"]).await;
    let body = json!({ "name": "own", "scopes": ["org:read"] });
    let own = scene.server.post_as(&scene.ada, "/api/v1/auth/api-keys", body).await.expect(201);
    let own = own["key"].as_str().unwrap();
    let delegated = scene.delegated(&scene.ada).await;
    for (subject, actor) in [
        (scene.key.as_str(), scene.key.as_str()),
        (&scene.ada.access, &scene.bob.access),
        (&scene.ada.access, own),
        (own, &scene.key),
        (&scene.ada.refresh, &scene.key),
        (&delegated, &scene.key),
        (&scene.ada.access, &delegated),
    ] {
        refused(scene.exchange(subject, actor, &[]).await, "invalid_request");
    }
}

async fn b26_a_token_of_both_is_never_wider_than_either_and_never_crosses_organizations(server: Server) {
    let scene = Scene::new(server, SystemRole::Viewer, &["org:read", "project:read"]).await;
    // The owner's rights do not widen a viewer's agent, nor its key.
    refused(scene.exchange(&scene.ada.access, &scene.key, &[("scope", "org:write")]).await, "invalid_scope");
    let made = scene.exchange(&scene.ada.access, &scene.key, &[("scope", "org:read")]).await.expect(200);
    assert_eq!(made["scope"], "org:read");
    let token = made["access_token"].as_str().unwrap();
    scene.patch(&scene.home, token).await.refused(403, "insufficient-scope");

    // Ada owns another organization; her agent here does not reach it.
    let other = scene.server.organization(&scene.ada, "other").await;
    scene.get(&other, token).await.refused(404, "not-found");
    let elsewhere = other.rsplit('/').next().unwrap();
    for field in ["audience", "resource"] {
        refused(scene.exchange(&scene.ada.access, &scene.key, &[(field, elsewhere)]).await, "invalid_target");
    }
    // Eve belongs elsewhere: an agent of acme does not act for her.
    let eve = scene.server.person("eve@example.com").await;
    scene.server.organization(&eve, "eves").await;
    refused(scene.exchange(&eve.access, &scene.key, &[]).await, "invalid_request");
    refused(scene.exchange(&eve.access, &scene.key, &[("scope", "org:read")]).await, "invalid_request");
}

async fn b26_what_is_revoked_is_not_exchanged(server: Server) {
    let scene = Scene::new(server, SystemRole::Viewer, &["org:read"]).await;
    let (first, second) = (scene.delegated(&scene.ada).await, scene.delegated(&scene.bob).await);
    // The person signs out: no new token, and the old one is dead.
    scene.server.post_as(&scene.bob, "/api/v1/auth/logout", json!({})).await.expect(200);
    refused(scene.exchange(&scene.bob.access, &scene.key, &[]).await, "invalid_request");
    scene.get(&scene.home, &second).await.refused(401, "session-ended");
    scene.get(&scene.home, &first).await.expect(200);
    // The agent is suspended, then ended.
    scene.server.post_as(&scene.ada, &format!("{}/suspend", scene.agent), json!({})).await.expect(200);
    refused(scene.exchange(&scene.ada.access, &scene.key, &[]).await, "invalid_request");
    scene.get(&scene.home, &first).await.refused(403, "agent-suspended");
    scene.server.post_as(&scene.ada, &format!("{}/resume", scene.agent), json!({})).await.expect(200);
    scene.get(&scene.home, &first).await.expect(200);
    // Its key is revoked: what came of it is dead too.
    let keys = scene.server.get_as(&scene.ada, &format!("{}/api-keys", scene.agent)).await.expect(200);
    let path = format!("{}/api-keys/{}", scene.agent, keys[0]["id"].as_str().unwrap());
    scene.server.delete_as(&scene.ada, &path).await.expect(200);
    refused(scene.exchange(&scene.ada.access, &scene.key, &[]).await, "invalid_request");
    scene.get(&scene.home, &first).await.refused(401, "session-ended");
}

async fn e52_a_delegated_token_is_not_a_person_and_both_are_written_down(server: Server) {
    let scene = Scene::new(server, SystemRole::Admin, &["org:read", "org:write", "org:keys:*"]).await;
    let token = scene.delegated(&scene.ada).await;
    for (method, path) in [
        (Method::POST, "/api/v1/auth/api-keys".to_owned()),
        (Method::GET, "/api/v1/auth/api-keys".to_owned()),
        (Method::POST, format!("{}/api-keys", scene.home)),
        (Method::DELETE, scene.home.clone()),
        (Method::POST, "/api/v1/auth/logout".to_owned()),
    ] {
        let body = (method == Method::POST).then(|| json!({ "name": "x" }));
        scene.server.send(method, &path, Some(&token), body.as_ref()).await.refused(403, "human-only");
    }
    scene.get("/api/v1/auth/me", &token).await.refused(404, "not-found");
    scene.patch(&scene.home, &token).await.expect(200);
    let events = scene.server.get_as(&scene.ada, &format!("{}/events", scene.home)).await.expect(200);
    let agent = scene.agent.rsplit('/').next().unwrap();
    let text = events.to_string();
    assert!(text.contains(&format!(r#"Agent::\"{agent}\""#)), "{text}");
    assert!(text.contains(&format!(r#"User::\"{}\""#, scene.ada.id)), "{text}");
}
