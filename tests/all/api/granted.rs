//! Where roles on single things count: in each way of asking, and in the organization's own requests.

use std::time::Duration;

use palisade::domain::{ProjectRole, SystemRole};
use poem::http::Method;
use serde_json::{Value, json};

use super::grants::{APOLLO, GEMINI, MEMO, PLAN, Scene, id, project, until};
use crate::support::{Answer, Server, Setup, role_id};
use crate::{on_both, on_both_with};

on_both!(
    every_way_of_asking_counts_them_while_they_last,
    a_search_finds_what_was_given_on_a_single_thing,
    whoever_has_a_project_has_its_agents_and_leaves_them_there,
    a_key_is_no_wider_than_what_its_maker_was_given,
    a_suspended_person_has_nothing_by_a_grant,
    a_grant_that_would_satisfy_it_is_suggested,
    a_role_of_the_organizations_own_is_suggested_after_the_platforms,
    what_is_known_of_grants_is_not_read_again,
);

on_both_with!(
    with_a_secret;
    what_somebody_may_not_do_on_a_thing_they_do_not_pass_on_there,
    a_remedy_adds_to_what_was_given,
);

on_both_with!(
    with_a_signature;
    a_permission_with_a_context_is_passed_on_by_whoever_has_it_whatever_the_context,
    a_role_that_gives_something_in_some_contexts_is_given_by_whoever_has_it_in_all,
);

const SECRET: &str = r#"
@id("secret.plan")
@code("secret")
@why("Vic is not to read the plan.")
forbid (principal is User, action == Action::"document:read", resource == Document::"plan")
when { principal.email == "vic@example.com" };

@id("secret.both")
@why("Whoever looks at the organization and has the project publishes in it.")
permit (principal in Role::"project-viewer", action == Action::"document:publish", resource is Document)
when { principal in resource.organization.viewers };
"#;

fn with_a_secret(setup: &mut Setup) {
    setup.policies = &[("secret.cedar", SECRET)];
}

/// Who signs, and up to what.
fn with_a_signature(setup: &mut Setup) {
    setup.policies = &[
        (
            "signature.cedarschema",
            r#"
action "signature:*" appliesTo { principal: [User, Agent, Service, Credential], resource: Organization };
action "signature:give" in ["signature:*"] appliesTo {
  principal: [User, Agent, Service, Credential], resource: Organization, context: { amount: Long }
};
"#,
        ),
        (
            "signature.cedar",
            r#"
@id("signature.owner")
@why("Owners sign whatever there is.")
permit (principal, action == Action::"signature:give", resource is Organization)
when { principal in resource.organization.owners };

@id("signature.small")
@why("Admins, and the viewers of projects, sign what is small.")
permit (principal, action == Action::"signature:give", resource is Organization)
when { (principal in resource.organization.admins || principal in Role::"project-viewer") && context.amount < 100 };
"#,
        ),
    ];
}

impl Scene {
    async fn ask(&self, path: &str, body: &Value) -> Value {
        self.server.send(Method::POST, path, Some(&self.key), Some(body)).await.expect(200)
    }

    fn bobs(&self) -> Value {
        json!({ "type": "User", "id": self.bob.id })
    }

    async fn search(&self, what: &str, body: &Value) -> Vec<Value> {
        let answer = self.ask(&format!("/access/v1/search/{what}"), body).await;
        answer["results"].as_array().unwrap().clone()
    }
}

fn thing((kind, id): (&str, &str)) -> Value {
    json!({ "type": kind, "id": id })
}

async fn every_way_of_asking_counts_them_while_they_last(server: Server) {
    let scene = Scene::new(server).await;
    let write = json!({ "name": "document:write" });
    let question = json!({ "subject": scene.bobs(), "action": write, "resource": thing(PLAN) });
    let many = json!({
        "subject": scene.bobs(), "action": write,
        "evaluations": [{ "resource": thing(PLAN) }, { "resource": thing(MEMO) }],
    });
    let which = json!({ "subject": scene.bobs(), "action": write, "resource": { "type": "Document" } });
    let who = json!({ "subject": { "type": "User" }, "action": write, "resource": thing(PLAN) });
    let what = json!({ "subject": scene.bobs(), "resource": thing(PLAN) });
    let counts = async || {
        let many = scene.ask("/access/v1/evaluations", &many).await;
        assert_eq!(many["evaluations"][1]["decision"], false, "it is another project's");
        let found = scene.search("resource", &which).await;
        assert!(!found.contains(&thing(MEMO)));
        let names = scene.search("action", &what).await;
        [
            scene.ask("/access/v1/evaluation", &question).await["decision"] == true,
            many["evaluations"][0]["decision"] == true,
            scene.ask("/access/v1/explain", &question).await["decision"] == true,
            found.contains(&thing(PLAN)),
            scene.search("subject", &who).await.contains(&scene.bobs()),
            names.contains(&write),
        ]
    };
    assert_eq!(counts().await, [false; 6]);
    let role = project(ProjectRole::Contributor);
    scene.grant(&scene.ada, &role, APOLLO, until(60)).await.expect(201);
    assert_eq!(counts().await, [true; 6]);
    let told = scene.ask("/access/v1/explain", &question).await;
    assert_eq!(told["determining"][0]["id"], "project_roles.project-contributor");
    scene.server.advance(Duration::from_secs(60));
    assert_eq!(counts().await, [false; 6]);
    let grant = scene.granted(ProjectRole::Contributor, APOLLO).await;
    assert_eq!(counts().await, [true; 6]);
    scene.server.delete_as(&scene.ada, &grant).await.expect(200);
    assert_eq!(counts().await, [false; 6]);
}

async fn a_search_finds_what_was_given_on_a_single_thing(server: Server) {
    let scene = Scene::new(server).await;
    let role = scene.role("Publisher", &["document:publish"]).await;
    scene.grant(&scene.ada, &role, MEMO, json!({})).await.expect(201);
    scene.granted(ProjectRole::Viewer, APOLLO).await;
    let which = |action: &str, kind: &str| json!({ "subject": scene.bobs(), "action": { "name": action }, "resource": { "type": kind } });
    assert_eq!(scene.search("resource", &which("document:publish", "Document")).await, [thing(MEMO)]);
    assert_eq!(scene.search("resource", &which("document:read", "Document")).await, [thing(PLAN)]);
    assert_eq!(scene.search("resource", &which("project:read", "Project")).await, [thing(APOLLO)]);
    assert_eq!(scene.search("resource", &which("project:read", "Organization")).await, [] as [Value; 0]);
    // An agent is found by what it was given too, and on an agent's project.
    let idle = scene.role("Idle", &[]).await;
    let agents = format!("{}/agents", scene.acme);
    let made = json!({ "name": "Builder", "role_id": idle });
    let agent = id(&scene.server.post_as(&scene.ada, &agents, made).await.expect(201));
    let read = json!({ "name": "document:read" });
    let who = json!({ "subject": { "type": "Agent" }, "action": read, "resource": thing(PLAN) });
    assert_eq!(scene.search("subject", &who).await, [] as [Value; 0]);
    let to = json!({ "agent_id": agent });
    scene.grant(&scene.ada, &project(ProjectRole::Viewer), PLAN, to).await.expect(201);
    assert_eq!(scene.search("subject", &who).await, [json!({ "type": "Agent", "id": agent })]);
    let keeper = scene.role("Keeper", &["agent:read"]).await;
    scene.grant(&scene.ada, &keeper, APOLLO, json!({})).await.expect(201);
    assert_eq!(scene.search("resource", &which("agent:read", "Agent")).await, [] as [Value; 0]);
    let made = json!({ "name": "Bound", "role_id": idle, "project_id": "apollo" });
    let bound = id(&scene.server.post_as(&scene.ada, &agents, made).await.expect(201));
    let found = scene.search("resource", &which("agent:read", "Agent")).await;
    assert_eq!(found, [json!({ "type": "Agent", "id": bound })]);
    let asked = json!({ "subject": scene.bobs(), "action": { "name": "agent:read" }, "resource": found[0] });
    assert_eq!(scene.ask("/access/v1/evaluation", &asked).await["decision"], true);
}

/// The path of an agent that is bound to a project.
async fn agent_in(scene: &Scene, project: &str) -> String {
    let body = json!({ "name": project, "project_id": project });
    let made = scene.server.post_as(&scene.ada, &format!("{}/agents", scene.acme), body).await.expect(201);
    format!("{}/agents/{}", scene.acme, id(&made))
}

async fn whoever_has_a_project_has_its_agents_and_leaves_them_there(server: Server) {
    let scene = Scene::new(server).await;
    let (server, bob) = (&scene.server, &scene.bob);
    let (ours, others) = (agent_in(&scene, "apollo").await, agent_in(&scene, "gemini").await);
    server.get_as(bob, &ours).await.refused(404, "not-found");
    let keeper = scene.role("Keeper", &["agent:read", "agent:write"]).await;
    let grant = id(&scene.grant(&scene.ada, &keeper, APOLLO, json!({})).await.expect(201));
    server.get_as(bob, &ours).await.expect(200);
    server.get_as(bob, &others).await.refused(404, "not-found");
    server.patch_as(bob, &ours, json!({ "name": "Renamed" })).await.expect(200);
    server.post_as(bob, &format!("{ours}/terminate"), Value::Null).await.refused(404, "not-found");
    for elsewhere in [json!("gemini"), Value::Null] {
        let moved = json!({ "project_id": elsewhere });
        server.patch_as(bob, &ours, moved.clone()).await.refused(403, "scope-not-held");
    }
    server.patch_as(&scene.ada, &ours, json!({ "project_id": "gemini" })).await.expect(200);
    server.get_as(bob, &ours).await.refused(404, "not-found");
    server.patch_as(&scene.ada, &ours, json!({ "project_id": "apollo" })).await.expect(200);
    server.get_as(bob, &ours).await.expect(200);
    server.delete_as(&scene.ada, &format!("{}/grants/{grant}", scene.acme)).await.expect(200);
    server.get_as(bob, &ours).await.refused(404, "not-found");
}

async fn a_key_is_no_wider_than_what_its_maker_was_given(server: Server) {
    let scene = Scene::new(server).await;
    let (ours, others) = (agent_in(&scene, "apollo").await, agent_in(&scene, "gemini").await);
    let make = async |scopes: &[&str]| {
        let body = json!({ "name": "k", "scopes": scopes });
        scene.server.post_as(&scene.bob, "/api/v1/auth/api-keys", body).await
    };
    make(&["agent:read"]).await.refused(403, "scope-not-held");
    let keeper = scene.role("Keeper", &["agent:read", "document:read"]).await;
    scene.grant(&scene.ada, &keeper, APOLLO, until(60)).await.expect(201);
    make(&["agent:read", "agent:write"]).await.refused(403, "scope-not-held");
    let key = make(&["agent:read"]).await.expect(201)["key"].as_str().unwrap().to_owned();
    let narrow = make(&["document:read"]).await.expect(201)["key"].as_str().unwrap().to_owned();
    let get = async |key: &str, path: &str| -> Answer {
        scene.server.send(Method::GET, path, Some(key), None).await
    };
    get(&key, &ours).await.expect(200);
    get(&key, &others).await.refused(404, "not-found");
    get(&narrow, &ours).await.refused(403, "insufficient-scope");
    scene.server.advance(Duration::from_secs(60));
    get(&key, &ours).await.refused(404, "not-found");
}

async fn a_suspended_person_has_nothing_by_a_grant(server: Server) {
    let scene = Scene::new(server).await;
    let root = scene.server.super_admin("root@example.com").await;
    scene.granted(ProjectRole::Owner, APOLLO).await;
    assert!(scene.may("document:delete", PLAN).await);
    let path = format!("/api/v1/users/{}/suspend", scene.bob.id);
    scene.server.post_as(&root, &path, Value::Null).await.expect(200);
    assert!(!scene.may("document:delete", PLAN).await);
    let who = json!({
        "subject": { "type": "User" }, "action": { "name": "document:delete" }, "resource": thing(PLAN),
    });
    assert!(!scene.search("subject", &who).await.contains(&scene.bobs()));
}

async fn a_grant_that_would_satisfy_it_is_suggested(server: Server) {
    let scene = Scene::new(server).await;
    let question = |action: &str, on: (&str, &str)| json!({ "subject": scene.bobs(), "action": { "name": action }, "resource": thing(on) });
    let told = async |question: &Value| -> Vec<(String, String)> {
        let told = scene.ask("/access/v1/explain", question).await;
        let each = told["would_allow"].as_array().unwrap().iter().filter(|list| list[0]["code"] == "grant");
        let text = |it: &Value| it.as_str().unwrap().to_owned();
        each.map(|list| (text(&list[0]["role"]), text(&list[0]["resource"]["id"]))).collect()
    };
    let write = question("document:write", PLAN);
    let expected: Vec<_> = ["project-contributor", "project-maintainer", "project-owner"]
        .iter()
        .flat_map(|role| ["plan", "apollo"].map(|on| ((*role).to_owned(), on.to_owned())))
        .collect();
    assert_eq!(told(&write).await, expected);
    // Each of them is true.
    let (role, on) = (project(ProjectRole::Contributor), [PLAN, APOLLO]);
    for on in on {
        let grant = id(&scene.grant(&scene.ada, &role, on, json!({})).await.expect(201));
        assert!(scene.may("document:write", PLAN).await);
        scene.server.delete_as(&scene.ada, &format!("{}/grants/{grant}", scene.acme)).await.expect(200);
    }
    // A lesser role that they have there stays, and is not suggested.
    scene.granted(ProjectRole::Viewer, APOLLO).await;
    assert_eq!(told(&write).await, expected);
    // What is only described, and what is Palisade's own, nobody is given a role on.
    let mut described = question("document:write", ("Document", "nowhere"));
    described["resource"]["properties"] = json!({});
    assert_eq!(told(&described).await, []);
    let organization = scene.acme.rsplit('/').next().unwrap();
    assert_eq!(told(&question("document:write", ("Organization", organization))).await, []);
}

async fn a_role_of_the_organizations_own_is_suggested_after_the_platforms(server: Server) {
    let scene = Scene::new(server).await;
    let roles = format!("{}/roles", scene.acme);
    let make = async |role: Value| id(&scene.server.post_as(&scene.ada, &roles, role).await.expect(201));
    let wide = make(json!({ "name": "Desk", "permissions": ["document:*", "ticket:*"] })).await;
    let narrow = make(json!({ "name": "Writer", "permissions": ["document:write"] })).await;
    let heir = make(json!({ "name": "Heir", "permissions": ["ticket:read"], "inherits_from": narrow })).await;
    make(json!({ "name": "Reader", "permissions": ["document:read"] })).await;
    let write =
        json!({ "subject": scene.bobs(), "action": { "name": "document:write" }, "resource": thing(PLAN) });
    let told = scene.ask("/access/v1/explain", &write).await;
    let told = |code: &str, on: Value| -> Vec<Value> {
        let lists = told["would_allow"].as_array().unwrap().iter();
        let of = lists.filter(|list| list[0]["code"] == code && list[0]["resource"] == on);
        of.map(|list| json!([list[0]["role"], list[0]["role_id"]])).collect()
    };
    let own = [json!(["Writer", narrow]), json!(["Desk", wide]), json!(["Heir", heir])];
    for (code, on) in [("role", Value::Null), ("grant", thing(PLAN)), ("grant", thing(APOLLO))] {
        let told = told(code, on);
        assert_eq!(told[told.len() - 3..], own, "{code}: {told:?}");
        assert!(told.len() > 3, "{code}: the platform's come first");
    }
    // Each of them is true.
    for role in [&narrow, &wide, &heir] {
        for on in [PLAN, APOLLO] {
            let grant = id(&scene.grant(&scene.ada, role, on, json!({})).await.expect(201));
            assert!(scene.may("document:write", PLAN).await, "{role}");
            scene.server.delete_as(&scene.ada, &format!("{}/grants/{grant}", scene.acme)).await.expect(200);
        }
        scene.server.patch_as(&scene.ada, &scene.bobs, json!({ "role_id": role })).await.expect(200);
        assert!(scene.may("document:write", PLAN).await, "{role}");
    }
}

async fn what_is_known_of_grants_is_not_read_again(server: Server) {
    let scene = Scene::new(server).await;
    let cost = async || {
        let before = scene.server.app.work().statements;
        scene.may("document:read", PLAN).await;
        scene.server.app.work().statements - before
    };
    cost().await;
    let without = cost().await;
    scene.granted(ProjectRole::Viewer, APOLLO).await;
    let first = cost().await;
    assert!(first > without, "{first} statements after {without}");
    assert_eq!(cost().await, without);
}

async fn a_permission_with_a_context_is_passed_on_by_whoever_has_it_whatever_the_context(server: Server) {
    let scene = Scene::new(server).await;
    let sign = json!({ "name": "signs", "permissions": ["signature:give"] });
    let roles = format!("{}/roles", scene.acme);
    scene.server.post_as(&scene.vic, &roles, sign.clone()).await.refused(403, "role-not-held");
    let role = id(&scene.server.post_as(&scene.ada, &roles, sign).await.expect(201));
    let key = json!({ "name": "k", "scopes": ["signature:give"] });
    let keys = "/api/v1/auth/api-keys";
    scene.server.post_as(&scene.vic, keys, key.clone()).await.refused(403, "scope-not-held");
    scene.server.post_as(&scene.ada, keys, key.clone()).await.expect(201);
    // By a role of the organization's own they have it whatever the context too, and by a key as far as it goes.
    scene.server.post_as(&scene.bob, keys, key.clone()).await.refused(403, "scope-not-held");
    scene.server.patch_as(&scene.ada, &scene.bobs, json!({ "role_id": role })).await.expect(200);
    scene.server.post_as(&scene.bob, keys, key).await.expect(201);
}

async fn a_role_that_gives_something_in_some_contexts_is_given_by_whoever_has_it_in_all(server: Server) {
    let scene = Scene::new(server).await;
    let viewer = project(ProjectRole::Viewer);
    scene.grant(&scene.vic, &viewer, APOLLO, json!({})).await.refused(403, "role-not-held");
    scene.grant(&scene.ada, &viewer, APOLLO, json!({})).await.expect(201);
}

async fn what_somebody_may_not_do_on_a_thing_they_do_not_pass_on_there(server: Server) {
    let scene = Scene::new(server).await;
    let viewer = project(ProjectRole::Viewer);
    scene.grant(&scene.vic, &viewer, PLAN, json!({})).await.refused(403, "role-not-held");
    scene.grant(&scene.vic, &viewer, MEMO, json!({})).await.expect(201);
    scene.grant(&scene.vic, &viewer, GEMINI, json!({})).await.expect(201);
    scene.grant(&scene.ada, &viewer, PLAN, json!({})).await.expect(201);
}

async fn a_remedy_adds_to_what_was_given(server: Server) {
    let scene = Scene::new(server).await;
    let publish = json!({ "name": "document:publish" });
    let question = json!({ "subject": scene.bobs(), "action": publish, "resource": thing(PLAN) });
    let told = scene.ask("/access/v1/explain", &question).await;
    let first = |told: &Value| told["would_allow"][0].clone();
    assert!(!first(&told).to_string().contains("\"viewer\""), "{told}");
    scene.granted(ProjectRole::Viewer, APOLLO).await;
    let told = scene.ask("/access/v1/explain", &question).await;
    assert_eq!((&told["decision"], told["would_allow"].is_null()), (&json!(false), false));
    assert!(first(&told).to_string().contains("\"viewer\""), "{told}");
    let to = json!({ "role_id": role_id(SystemRole::Viewer) });
    scene.server.patch_as(&scene.ada, &scene.bobs, to).await.expect(200);
    assert!(scene.may("document:publish", PLAN).await && !scene.may("document:publish", MEMO).await);
}
