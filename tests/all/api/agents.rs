//! Agents: made by owners, bounded by role, project and task, stopped and ended.

use std::time::Duration;

use palisade::domain::SystemRole;
use poem::http::Method;
use serde_json::{Value, json};

use crate::on_both;
use crate::support::{Answer, Person, Server, role_id};

on_both!(
    an_owner_makes_reads_changes_and_lists_agents,
    a_suspended_agent_does_nothing_until_it_is_resumed,
    a_terminated_agents_keys_are_dead_for_good,
    an_agent_is_never_an_owner_and_its_keys_are_never_wider_than_it,
    a_task_token_is_short_narrow_and_makes_no_other,
    a_task_token_dies_with_the_key_it_was_made_with,
    e52_an_agent_reaches_nothing_that_is_for_people,
);

/// An organization of `ada`'s with an agent under a role, and a key of the agent's.
struct Scene {
    server: Server,
    ada: Person,
    home: String,
    agent: String,
}

impl Scene {
    async fn new(server: Server, role: SystemRole) -> Self {
        let ada = server.person("ada@example.com").await;
        let home = server.organization(&ada, "acme").await;
        let body = json!({ "name": "Builder", "agent_type": "code_generator", "role_id": role_id(role) });
        let made = server.post_as(&ada, &format!("{home}/agents"), body).await.expect(201);
        let agent = format!("{home}/agents/{}", made["id"].as_str().unwrap());
        Self { server, ada, home, agent }
    }

    async fn key(&self, scopes: &[&str]) -> String {
        let body = json!({ "name": "k", "scopes": scopes });
        let made = self.server.post_as(&self.ada, &format!("{}/api-keys", self.agent), body).await;
        made.expect(201)["key"].as_str().unwrap().to_owned()
    }

    async fn ask(&self, method: Method, path: &str, key: &str, body: Option<Value>) -> Answer {
        self.server.send(method, path, Some(key), body.as_ref()).await
    }
}

async fn an_owner_makes_reads_changes_and_lists_agents(server: Server) {
    let scene = Scene::new(server, SystemRole::AgentExecutor).await;
    let Scene { server, ada, home, agent } = &scene;
    let plain = server.post_as(ada, &format!("{home}/agents"), json!({ "name": "Plain" })).await.expect(201);
    assert_eq!((&plain["role_name"], &plain["agent_type"]), (&json!("agent_executor"), &json!("general")));
    let read = server.get_as(ada, agent).await.expect(200);
    assert_eq!((&read["status"], &read["agent_type"]), (&json!("active"), &json!("code_generator")));
    let patch = json!({ "name": "Renamed", "project_id": "p-1", "task_id": null });
    let changed = server.patch_as(ada, agent, patch).await.expect(200);
    assert_eq!((&changed["name"], &changed["project_id"]), (&json!("Renamed"), &json!("p-1")));
    assert_eq!(server.get_as(ada, &format!("{home}/agents")).await.expect(200).as_array().unwrap().len(), 2);

    let (vic, eve) = (server.person("vic@example.com").await, server.person("eve@example.com").await);
    server.add_member(ada, home, &vic, SystemRole::Admin).await;
    server.get_as(&vic, agent).await.expect(200);
    server.patch_as(&vic, agent, json!({ "name": "x" })).await.refused(403, "not-permitted");
    server.post_as(&vic, &format!("{agent}/terminate"), json!({})).await.refused(403, "not-permitted");
    server.get_as(&eve, agent).await.refused(404, "not-found");
    let other = server.organization(&eve, "other").await;
    let elsewhere = format!("{other}/agents/{}", agent.rsplit('/').next().unwrap());
    server.get_as(&eve, &elsewhere).await.refused(404, "not-found");
    server
        .post_as(&eve, &format!("{elsewhere}/api-keys"), json!({ "name": "x" }))
        .await
        .refused(404, "not-found");
}

async fn a_suspended_agent_does_nothing_until_it_is_resumed(server: Server) {
    let scene = Scene::new(server, SystemRole::Viewer).await;
    let key = scene.key(&["org:read"]).await;
    scene.ask(Method::GET, &scene.home, &key, None).await.expect(200);
    let suspend = format!("{}/suspend", scene.agent);
    let suspended = scene.server.post_as(&scene.ada, &suspend, json!({})).await.expect(200);
    assert_eq!(suspended["status"], "suspended");
    scene.ask(Method::GET, &scene.home, &key, None).await.refused(403, "agent-suspended");
    scene.server.post_as(&scene.ada, &format!("{}/resume", scene.agent), json!({})).await.expect(200);
    scene.ask(Method::GET, &scene.home, &key, None).await.expect(200);
}

async fn a_terminated_agents_keys_are_dead_for_good(server: Server) {
    let scene = Scene::new(server, SystemRole::Viewer).await;
    let key = scene.key(&["org:read"]).await;
    let terminate = format!("{}/terminate", scene.agent);
    let ended = scene.server.post_as(&scene.ada, &terminate, json!({})).await.expect(200);
    assert_eq!(ended["status"], "terminated");
    scene.ask(Method::GET, &scene.home, &key, None).await.refused(401, "key-invalid");
    let keys = scene.server.get_as(&scene.ada, &format!("{}/api-keys", scene.agent)).await.expect(200);
    assert_eq!(keys[0]["is_active"], false);
    for again in ["terminate", "suspend", "resume"] {
        let path = format!("{}/{again}", scene.agent);
        scene.server.post_as(&scene.ada, &path, json!({})).await.refused(409, "changed-meanwhile");
    }
    // A key made for it now opens nothing.
    let key = scene.key(&["org:read"]).await;
    scene.ask(Method::GET, &scene.home, &key, None).await.refused(401, "key-invalid");
}

async fn an_agent_is_never_an_owner_and_its_keys_are_never_wider_than_it(server: Server) {
    let scene = Scene::new(server, SystemRole::AgentExecutor).await;
    let body = json!({ "name": "Boss", "role_id": role_id(SystemRole::Owner) });
    let path = format!("{}/agents", scene.home);
    scene.server.post_as(&scene.ada, &path, body).await.refused(403, "agent-never-owner");
    for scope in ["org:read", "task:*", "agent:*", "self:read", "platform:*"] {
        let body = json!({ "name": "k", "scopes": [scope] });
        let path = format!("{}/api-keys", scene.agent);
        scene.server.post_as(&scene.ada, &path, body).await.refused(403, "scope-not-held");
    }
    scene.key(&["task:read", "task:complete:execute"]).await;
}

async fn a_task_token_is_short_narrow_and_makes_no_other(server: Server) {
    let scene = Scene::new(server, SystemRole::Viewer).await;
    let key = scene.key(&["org:read", "task:read", "agent:read"]).await;
    let path = format!("{}/token", scene.agent);
    let wanted =
        |scopes: &[&str], seconds: u32| json!({ "task_id": "t-1", "scopes": scopes, "expires_in": seconds });
    // The agent's key was not granted `agent:execute:run`.
    scene
        .ask(Method::POST, &path, &key, Some(wanted(&["org:read"], 60)))
        .await
        .refused(403, "insufficient-scope");
    let made = scene.server.post_as(&scene.ada, &path, wanted(&["org:read"], 60)).await.expect(201);
    assert_eq!((&made["expires_in"], &made["scope"]), (&json!(60), &json!("org:read")));
    let token = made["access_token"].as_str().unwrap();
    scene.ask(Method::GET, &scene.home, token, None).await.expect(200);
    scene.ask(Method::GET, &scene.agent, token, None).await.refused(403, "insufficient-scope");
    scene
        .ask(Method::POST, &path, token, Some(wanted(&["org:read"], 60)))
        .await
        .refused(403, "derived-credential");
    let keys = scene.server.get_as(&scene.ada, &format!("{}/api-keys", scene.agent)).await.expect(200);
    assert_eq!(keys.as_array().unwrap().len(), 1, "a task's token is no key");
    scene.server.advance(Duration::from_secs(60));
    scene.ask(Method::GET, &scene.home, token, None).await.refused(401, "key-invalid");
    let long = wanted(&["org:read"], 3_601);
    scene.server.post_as(&scene.ada, &path, long).await.invalid("expires_in", "too-large");
    let wide = wanted(&["org:write"], 60);
    scene.server.post_as(&scene.ada, &path, wide).await.refused(403, "scope-not-held");
}

async fn a_task_token_dies_with_the_key_it_was_made_with(server: Server) {
    let scene = Scene::new(server, SystemRole::Viewer).await;
    let body = json!({ "name": "orchestrator", "scopes": ["org:read", "agent:execute:run"] });
    let path = format!("{}/api-keys", scene.home);
    let made = scene.server.post_as(&scene.ada, &path, body).await.expect(201);
    let (id, key) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    let body = json!({ "task_id": "t-1", "scopes": ["org:read"] });
    let path = format!("{}/token", scene.agent);
    let token = scene.ask(Method::POST, &path, key, Some(body)).await.expect(201)["access_token"].clone();
    scene.ask(Method::GET, &scene.home, token.as_str().unwrap(), None).await.expect(200);
    scene.server.delete_as(&scene.ada, &format!("/api/v1/auth/api-keys/{id}")).await.expect(200);
    scene.ask(Method::GET, &scene.home, token.as_str().unwrap(), None).await.refused(401, "key-invalid");
}

async fn e52_an_agent_reaches_nothing_that_is_for_people(server: Server) {
    let scene = Scene::new(server, SystemRole::Admin).await;
    // To make somebody a viewer, the key itself must hold what a viewer may.
    let viewers = SystemRole::Viewer.permissions();
    let key = scene.key(&[viewers, &["org:members:*", "org:keys:*"]].concat()).await;
    let (post, get, delete) = (Method::POST, Method::GET, Method::DELETE);
    let named = json!({ "name": "x" });
    for (method, path, body) in [
        (post.clone(), "/api/v1/auth/api-keys".to_owned(), Some(named.clone())),
        (post.clone(), format!("{}/api-keys", scene.home), Some(named.clone())),
        (get.clone(), format!("{}/api-keys", scene.home), None),
        (post.clone(), format!("{}/api-keys", scene.agent), Some(named)),
        (delete, scene.home.clone(), None),
        (post, "/api/v1/auth/logout".to_owned(), None),
        (get, "/api/v1/auth/me".to_owned(), None),
    ] {
        scene.ask(method, &path, &key, body).await.refused(403, "human-only");
    }
    // What it may do is written down under its own name, and the key's.
    let bob = scene.server.person("bob@example.com").await;
    let body = json!({ "user_id": bob.id, "role_id": role_id(SystemRole::Viewer) });
    let path = format!("{}/members", scene.home);
    scene.ask(Method::POST, &path, &key, Some(body)).await.expect(201);
    let path = format!("{}/events", scene.home);
    let events = scene.server.get_as(&scene.ada, &path).await.expect(200).to_string();
    assert!(events.contains("Agent::") && events.contains("Credential::"), "{events}");
    // And it never makes an owner, or touches one.
    let eve = scene.server.person("eve@example.com").await;
    let body = json!({ "user_id": eve.id, "role_id": role_id(SystemRole::Owner) });
    let path = format!("{}/members", scene.home);
    scene.ask(Method::POST, &path, &key, Some(body)).await.refused(403, "owner-protected");
}
