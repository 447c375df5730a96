//! Roles on single things: there and in what is in it, for a while, and gone with whoever has them.

use std::time::Duration;

use palisade::app::purge_principal;
use palisade::domain::{ProjectRole, SystemRole};
use palisade::guard::actions::{PurgeAccounts, PurgeExpired};
use poem::http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::on_both;
use crate::support::{Answer, BEGIN, Person, Server, role_id};

on_both!(
    a_project_role_holds_in_its_project_and_nowhere_else,
    a_role_of_the_organizations_own_can_be_given_on_one_thing,
    a_grant_opens_nothing_of_the_organization_itself,
    a_grant_ends_at_its_time,
    a_grant_that_is_taken_away_is_gone_at_once,
    a_change_of_grants_is_effective_at_once_on_another_node,
    whoever_leaves_takes_no_grant_along,
    whoever_is_purged_takes_no_grant_along,
    what_is_struck_off_takes_its_grants_along,
    what_has_been_over_for_thirty_days_is_purged,
    a_role_that_is_given_on_things_is_not_deleted,
    an_agent_has_what_it_was_given,
    nobody_gives_on_a_thing_what_they_do_not_hold,
    what_is_given_on_a_thing_is_passed_on_there_and_no_longer_than_it_lasts,
    only_who_runs_the_organization_gives_roles_on_its_things,
    a_role_in_the_organization_is_not_given_on_a_thing_nor_the_reverse,
    only_who_belongs_to_the_organization_is_given_a_role_on_its_things,
    what_is_not_registered_here_has_no_grants,
    another_organizations_grants_are_not_there,
    the_same_is_not_given_twice_but_again_when_it_is_over,
    a_list_is_filtered_and_has_pages,
    nobody_holds_more_than_five_hundred,
    what_happened_to_a_grant_is_written_down,
);

/// `acme` with its owner Ada, its admin Vic, Bob under a role that opens nothing, two projects with a document each.
pub(super) struct Scene {
    pub(super) server: Server,
    pub(super) ada: Person,
    pub(super) vic: Person,
    pub(super) bob: Person,
    pub(super) acme: String,
    pub(super) bobs: String,
    pub(super) key: String,
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) type Thing = (&'static str, &'static str);
pub(super) const APOLLO: Thing = ("Project", "apollo");
pub(super) const PLAN: Thing = ("Document", "plan");
pub(super) const GEMINI: Thing = ("Project", "gemini");
pub(super) const MEMO: Thing = ("Document", "memo");

/// So many seconds after the beginning.
pub(super) fn until(seconds: u64) -> Value {
    let end = BEGIN + Duration::from_secs(seconds);
    json!({ "expires_at": end.to_datetime().format(&time::format_description::well_known::Rfc3339).unwrap() })
}

pub(super) fn id(made: &Value) -> String {
    made["id"].as_str().expect("an id").to_owned()
}

pub(super) fn project(role: ProjectRole) -> String {
    Uuid::from(role.id()).to_string()
}

impl Scene {
    pub(super) async fn new(server: Server) -> Self {
        let ada = server.person("ada@example.com").await;
        let vic = server.person("vic@example.com").await;
        let bob = server.person("bob@example.com").await;
        let acme = server.organization(&ada, "acme").await;
        server.add_member(&ada, &acme, &vic, SystemRole::Admin).await;
        let nothing = json!({ "name": "Nothing" });
        let nothing = id(&server.post_as(&ada, &format!("{acme}/roles"), nothing).await.expect(201));
        let member = json!({ "user_id": bob.id, "role_id": nothing });
        let made = server.post_as(&ada, &format!("{acme}/members"), member).await.expect(201);
        let bobs = format!("{acme}/members/{}", id(&made));
        let body = json!({ "name": "product", "scopes": ["resource:*", "access:*"] });
        let made = server.post_as(&ada, &format!("{acme}/api-keys"), body).await.expect(201);
        let key = made["key"].as_str().unwrap().to_owned();
        let things = json!({ "resources": [
            { "type": "Project", "id": "apollo" },
            { "type": "Document", "id": "plan", "parents": [{ "type": "Project", "id": "apollo" }] },
            { "type": "Project", "id": "gemini" },
            { "type": "Document", "id": "memo", "parents": [{ "type": "Project", "id": "gemini" }] },
        ] });
        let path = format!("{acme}/resources");
        server.send(Method::POST, &path, Some(&key), Some(&things)).await.expect(200);
        Self { server, ada, vic, bob, acme, bobs, key }
    }

    /// The same people and the same organization, to be asked of another server.
    fn seen_by(&self, server: Server) -> Self {
        Self {
            server,
            ada: self.ada.clone(),
            vic: self.vic.clone(),
            bob: self.bob.clone(),
            acme: self.acme.clone(),
            bobs: self.bobs.clone(),
            key: self.key.clone(),
        }
    }

    pub(super) async fn grant(&self, by: &Person, role: &str, (kind, id): Thing, more: Value) -> Answer {
        let mut body = json!({ "role_id": role, "resource": { "type": kind, "id": id } });
        if more.get("agent_id").is_none() {
            body["user_id"] = json!(self.bob.id);
        }
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.server.post_as(by, &format!("{}/grants", self.acme), body).await
    }

    /// Bob gets a project role; the path of the grant.
    pub(super) async fn granted(&self, role: ProjectRole, on: Thing) -> String {
        let made = self.grant(&self.ada, &project(role), on, json!({})).await.expect(201);
        format!("{}/grants/{}", self.acme, id(&made))
    }

    pub(super) async fn role(&self, name: &str, permissions: &[&str]) -> String {
        let body = json!({ "name": name, "permissions": permissions });
        id(&self.server.post_as(&self.ada, &format!("{}/roles", self.acme), body).await.expect(201))
    }

    pub(super) async fn asked(&self, subject: (&str, &str), action: &str, (kind, id): Thing) -> bool {
        let body = json!({
            "subject": { "type": subject.0, "id": subject.1 }, "action": { "name": action },
            "resource": { "type": kind, "id": id },
        });
        let answer =
            self.server.send(Method::POST, "/access/v1/evaluation", Some(&self.key), Some(&body)).await;
        answer.expect(200)["decision"].as_bool().unwrap()
    }

    pub(super) async fn may(&self, action: &str, on: Thing) -> bool {
        self.asked(("User", &self.bob.id), action, on).await
    }
}

async fn a_project_role_holds_in_its_project_and_nowhere_else(server: Server) {
    let scene = Scene::new(server).await;
    assert!(!scene.may("document:write", PLAN).await);
    let made =
        scene.grant(&scene.vic, &project(ProjectRole::Contributor), APOLLO, json!({})).await.expect(201);
    let shown = json!({
        "id": made["id"], "organization_id": scene.acme.rsplit('/').next(), "user_id": scene.bob.id,
        "role_id": project(ProjectRole::Contributor), "role_name": "project-contributor",
        "resource": { "type": "Project", "id": "apollo" }, "granted_by": scene.vic.id,
        "created_at": "2026-01-01T00:00:00Z",
    });
    assert_eq!(made, shown);
    let path = format!("{}/grants/{}", scene.acme, id(&made));
    assert_eq!(scene.server.get_as(&scene.vic, &path).await.expect(200), shown);
    assert!(scene.may("project:read", APOLLO).await);
    assert!(scene.may("document:write", PLAN).await);
    assert!(!scene.may("document:delete", PLAN).await && !scene.may("project:delete", APOLLO).await);
    for (action, on) in [("project:read", GEMINI), ("document:write", MEMO), ("document:read", MEMO)] {
        assert!(!scene.may(action, on).await, "{action} {on:?}");
    }
    // By address too, and on a single document alone.
    assert!(scene.asked(("User", "bob@example.com"), "document:write", PLAN).await);
    scene.granted(ProjectRole::Owner, MEMO).await;
    assert!(scene.may("document:delete", MEMO).await && !scene.may("project:read", GEMINI).await);
}

async fn a_role_of_the_organizations_own_can_be_given_on_one_thing(server: Server) {
    let scene = Scene::new(server).await;
    let role = scene.role("Publisher", &["document:publish"]).await;
    let made = scene.grant(&scene.vic, &role, APOLLO, json!({})).await.expect(201);
    assert_eq!(made["role_name"], "Publisher");
    assert!(scene.may("document:publish", PLAN).await && !scene.may("document:publish", MEMO).await);
    let path = format!("{}/roles/{role}", scene.acme);
    scene.server.patch_as(&scene.ada, &path, json!({ "permissions": ["document:read"] })).await.expect(200);
    assert!(!scene.may("document:publish", PLAN).await && scene.may("document:read", PLAN).await);
}

async fn a_grant_opens_nothing_of_the_organization_itself(server: Server) {
    let scene = Scene::new(server).await;
    let role = scene.role("All", &["org:*", "project:*"]).await;
    scene.grant(&scene.ada, &role, APOLLO, json!({})).await.expect(201);
    scene.server.get_as(&scene.bob, &scene.acme).await.refused(404, "not-found");
    scene.server.get_as(&scene.bob, &format!("{}/members", scene.acme)).await.refused(404, "not-found");
    let organization = scene.acme.rsplit('/').next().unwrap();
    let body = json!({
        "subject": { "type": "User", "id": scene.bob.id }, "action": { "name": "project:read" },
        "resource": { "type": "Organization", "id": organization },
    });
    let answer =
        scene.server.send(Method::POST, "/access/v1/evaluation", Some(&scene.key), Some(&body)).await;
    assert_eq!(answer.expect(200)["decision"], false);
    assert!(scene.may("project:delete", APOLLO).await);
}

async fn a_grant_ends_at_its_time(server: Server) {
    let scene = Scene::new(server).await;
    let role = project(ProjectRole::Viewer);
    let made = scene.grant(&scene.ada, &role, APOLLO, until(60)).await.expect(201);
    assert_eq!(made["expires_at"], "2026-01-01T00:01:00Z");
    let grant = format!("{}/grants/{}", scene.acme, id(&made));
    scene.server.advance(Duration::from_secs(59));
    assert!(scene.may("document:read", PLAN).await);
    scene.server.advance(Duration::from_secs(1));
    assert!(!scene.may("document:read", PLAN).await);
    let path = format!("{}/grants", scene.acme);
    assert_eq!(scene.server.get_as(&scene.ada, &path).await.expect(200), json!([]));
    scene.server.get_as(&scene.ada, &grant).await.refused(404, "not-found");
    for seconds in [0, 60] {
        let answer = scene.grant(&scene.ada, &role, APOLLO, until(seconds)).await;
        answer.invalid("expires_at", "in-the-past");
    }
}

async fn a_grant_that_is_taken_away_is_gone_at_once(server: Server) {
    let scene = Scene::new(server).await;
    let grant = scene.granted(ProjectRole::Viewer, APOLLO).await;
    assert!(scene.may("document:read", PLAN).await);
    scene.server.delete_as(&scene.vic, &grant).await.expect(200);
    assert!(!scene.may("document:read", PLAN).await);
    scene.server.delete_as(&scene.vic, &grant).await.refused(404, "not-found");
}

async fn a_change_of_grants_is_effective_at_once_on_another_node(server: Server) {
    let scene = Scene::new(server).await;
    let other = scene.seen_by(scene.server.another_node().await);
    for _ in 0..2 {
        assert!(!other.may("document:read", PLAN).await);
        let grant = scene.granted(ProjectRole::Viewer, APOLLO).await;
        assert!(other.may("document:read", PLAN).await && other.may("document:read", PLAN).await);
        scene.server.delete_as(&scene.ada, &grant).await.expect(200);
    }
    assert!(!other.may("document:read", PLAN).await);
    other.server.app.close().await;
}

async fn whoever_leaves_takes_no_grant_along(server: Server) {
    let scene = Scene::new(server).await;
    scene.granted(ProjectRole::Owner, APOLLO).await;
    assert!(scene.may("document:delete", PLAN).await);
    scene.server.delete_as(&scene.ada, &scene.bobs).await.expect(200);
    assert!(!scene.may("document:delete", PLAN).await);
    // Nor does anybody find them there when they come back.
    scene.server.add_member(&scene.ada, &scene.acme, &scene.bob, SystemRole::AgentExecutor).await;
    assert!(!scene.may("document:delete", PLAN).await);
    let path = format!("{}/grants", scene.acme);
    assert_eq!(scene.server.get_as(&scene.ada, &path).await.expect(200), json!([]));
}

async fn whoever_is_purged_takes_no_grant_along(server: Server) {
    let scene = Scene::new(server).await;
    scene.granted(ProjectRole::Owner, APOLLO).await;
    assert!(scene.may("document:delete", PLAN).await);
    let leaving = json!({ "current_password": crate::support::PASSWORD });
    scene
        .server
        .send(Method::DELETE, "/api/v1/auth/me", Some(&scene.bob.access), Some(&leaving))
        .await
        .expect(200);
    assert!(!scene.may("document:delete", PLAN).await);
    scene.server.advance(15 * DAY);
    let caller = purge_principal();
    let ok = scene.server.app.authorize(&caller, PurgeAccounts {}).await.unwrap();
    assert_eq!(scene.server.app.purge_accounts(&ok).await.unwrap(), 1);
    assert_eq!(scene.server.count("SELECT COUNT(*) FROM grants").await, 0);
    assert!(!scene.may("document:delete", PLAN).await);
}

async fn what_has_been_over_for_thirty_days_is_purged(server: Server) {
    let scene = Scene::new(server).await;
    let viewer = project(ProjectRole::Viewer);
    scene.grant(&scene.ada, &viewer, APOLLO, until(60)).await.expect(201);
    scene.granted(ProjectRole::Viewer, GEMINI).await;
    let purged = async |after: Duration| {
        scene.server.advance(after);
        let caller = purge_principal();
        let ok = scene.server.app.authorize(&caller, PurgeExpired {}).await.unwrap();
        scene.server.app.purge_expired(&ok).await.unwrap();
        scene.server.count("SELECT COUNT(*) FROM grants").await
    };
    assert_eq!(purged(30 * DAY).await, 2);
    assert_eq!(purged(Duration::from_secs(60)).await, 1);
    assert!(scene.may("project:read", GEMINI).await && !scene.may("project:read", APOLLO).await);
}

async fn what_is_struck_off_takes_its_grants_along(server: Server) {
    let scene = Scene::new(server).await;
    scene.granted(ProjectRole::Owner, PLAN).await;
    let path = format!("{}/resources/Document/plan", scene.acme);
    // Saying anew what is true of it changes nothing.
    let parents = json!({ "parents": [{ "type": "Project", "id": "gemini" }] });
    scene.server.put_as(&scene.ada, &path, parents).await.expect(200);
    assert!(scene.may("document:delete", PLAN).await);
    scene.server.delete_as(&scene.ada, &path).await.expect(200);
    scene.server.put_as(&scene.ada, &path, json!({})).await.expect(200);
    assert!(!scene.may("document:delete", PLAN).await);
}

async fn a_role_that_is_given_on_things_is_not_deleted(server: Server) {
    let scene = Scene::new(server).await;
    let role = scene.role("Reader", &["document:read"]).await;
    let other = scene.role("Writer", &["document:write"]).await;
    scene.grant(&scene.ada, &role, APOLLO, json!({})).await.expect(201);
    scene.grant(&scene.ada, &role, GEMINI, json!({})).await.expect(201);
    scene.grant(&scene.ada, &other, GEMINI, json!({})).await.expect(201);
    let path = format!("{}/roles/{role}", scene.acme);
    let told = scene.server.delete_as(&scene.ada, &path).await.refused(409, "role-in-use");
    assert!(told["detail"].as_str().unwrap().contains("given on 2 things"), "{told}");
    let to = |role: &str| format!("{path}?reassign_to={role}");
    scene
        .server
        .delete_as(&scene.ada, &to(&role_id(SystemRole::Viewer)))
        .await
        .invalid("reassign_to", "not-grantable");
    scene.server.delete_as(&scene.ada, &to(&other)).await.expect(200);
    for on in [PLAN, MEMO] {
        assert!(scene.may("document:write", on).await && !scene.may("document:read", on).await, "{on:?}");
    }
    let all = scene.server.get_as(&scene.ada, &format!("{}/grants", scene.acme)).await.expect(200);
    assert_eq!(all.as_array().unwrap().len(), 2);
}

async fn an_agent_has_what_it_was_given(server: Server) {
    let scene = Scene::new(server).await;
    let nothing = scene.role("Idle", &[]).await;
    let path = format!("{}/agents", scene.acme);
    let body = json!({ "name": "Builder", "role_id": nothing });
    let agent = id(&scene.server.post_as(&scene.ada, &path, body).await.expect(201));
    assert!(!scene.asked(("Agent", &agent), "task:read", APOLLO).await);
    let contributor = project(ProjectRole::Contributor);
    let more = json!({ "agent_id": agent });
    let made = scene.grant(&scene.ada, &contributor, APOLLO, more.clone()).await.expect(201);
    assert_eq!((&made["agent_id"], made.get("user_id")), (&json!(agent), None));
    assert!(scene.asked(("Agent", &agent), "document:write", PLAN).await);
    assert!(!scene.asked(("Agent", &agent), "document:write", MEMO).await);
    scene.server.post_as(&scene.ada, &format!("{path}/{agent}/terminate"), json!({})).await.expect(200);
    assert!(!scene.asked(("Agent", &agent), "document:write", PLAN).await);
    scene.grant(&scene.ada, &contributor, APOLLO, more).await.invalid("agent_id", "not-a-member");
    assert_eq!(
        scene.server.get_as(&scene.ada, &format!("{}/grants", scene.acme)).await.expect(200),
        json!([])
    );
}

async fn nobody_gives_on_a_thing_what_they_do_not_hold(server: Server) {
    let scene = Scene::new(server).await;
    let billing = scene.role("Billing", &["org:billing:read"]).await;
    scene.grant(&scene.vic, &billing, APOLLO, json!({})).await.refused(403, "role-not-held");
    let clerk = scene.role("Clerk", &["org:read", "org:grants:*", "project:read", "document:read"]).await;
    let give = json!({ "role_id": clerk });
    scene.server.patch_as(&scene.ada, &scene.bobs, give).await.expect(200);
    for role in [ProjectRole::Owner, ProjectRole::Maintainer, ProjectRole::Contributor, ProjectRole::Viewer] {
        scene.grant(&scene.bob, &project(role), APOLLO, json!({})).await.refused(403, "role-not-held");
    }
    let reader = scene.role("Reader", &["document:read"]).await;
    scene.grant(&scene.bob, &reader, APOLLO, json!({})).await.expect(201);
    // A key in between must hold it too.
    let body = json!({ "name": "k", "scopes": ["org:read", "org:grants:*"] });
    let key = scene.server.post_as(&scene.ada, "/api/v1/auth/api-keys", body).await.expect(201);
    let path = format!("{}/grants", scene.acme);
    let body = json!({
        "user_id": scene.bob.id, "role_id": project(ProjectRole::Viewer),
        "resource": { "type": "Project", "id": "gemini" },
    });
    let key = key["key"].as_str();
    scene.server.send(Method::POST, &path, key, Some(&body)).await.refused(403, "role-not-held");
}

async fn what_is_given_on_a_thing_is_passed_on_there_and_no_longer_than_it_lasts(server: Server) {
    let scene = Scene::new(server).await;
    let clerk = scene.role("Clerk", &["org:read", "org:grants:*"]).await;
    scene.server.patch_as(&scene.ada, &scene.bobs, json!({ "role_id": clerk })).await.expect(200);
    let viewer = project(ProjectRole::Viewer);
    scene.grant(&scene.ada, &viewer, APOLLO, until(60)).await.expect(201);
    let to = |more: Value| {
        let mut to = json!({ "user_id": scene.vic.id });
        to.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        to
    };
    for (role, on, more) in [
        (viewer.clone(), APOLLO, json!({})),
        (viewer.clone(), APOLLO, until(61)),
        (viewer.clone(), GEMINI, until(60)),
        (viewer.clone(), MEMO, until(60)),
        (project(ProjectRole::Contributor), APOLLO, until(60)),
    ] {
        scene.grant(&scene.bob, &role, on, to(more)).await.refused(403, "role-not-held");
    }
    scene.grant(&scene.bob, &viewer, APOLLO, to(until(60))).await.expect(201);
    scene.grant(&scene.bob, &viewer, PLAN, to(until(59))).await.expect(201);
    // Given on what is in it, it is not held on the whole.
    scene.server.advance(Duration::from_secs(60));
    scene.granted(ProjectRole::Viewer, PLAN).await;
    scene.grant(&scene.bob, &viewer, APOLLO, to(json!({}))).await.refused(403, "role-not-held");
    scene.grant(&scene.bob, &viewer, PLAN, to(json!({}))).await.expect(201);
}

async fn only_who_runs_the_organization_gives_roles_on_its_things(server: Server) {
    let scene = Scene::new(server).await;
    let grant = scene.granted(ProjectRole::Owner, APOLLO).await;
    let viewer = project(ProjectRole::Viewer);
    for role in [SystemRole::Viewer, SystemRole::Member, SystemRole::AgentExecutor] {
        let to = json!({ "role_id": role_id(role) });
        scene.server.patch_as(&scene.ada, &scene.bobs, to).await.expect(200);
        // Who cannot see the organization learns no more.
        let (status, code) = match role {
            SystemRole::AgentExecutor => (404, "not-found"),
            _ => (403, "not-permitted"),
        };
        scene.grant(&scene.bob, &viewer, APOLLO, json!({})).await.refused(status, code);
        scene.server.get_as(&scene.bob, &grant).await.refused(status, code);
        scene.server.delete_as(&scene.bob, &grant).await.refused(status, code);
        scene.server.get_as(&scene.bob, &format!("{}/grants", scene.acme)).await.refused(status, code);
    }
}

async fn a_role_in_the_organization_is_not_given_on_a_thing_nor_the_reverse(server: Server) {
    let scene = Scene::new(server).await;
    for role in SystemRole::ALL.map(role_id) {
        scene.grant(&scene.ada, &role, APOLLO, json!({})).await.invalid("role_id", "unknown-role");
    }
    for role in ProjectRole::ALL.map(project) {
        let to = json!({ "role_id": role });
        scene.server.patch_as(&scene.ada, &scene.bobs, to).await.invalid("role_id", "unknown-role");
        let body = json!({ "name": "Below", "inherits_from": role });
        let roles = format!("{}/roles", scene.acme);
        scene.server.post_as(&scene.ada, &roles, body).await.invalid("inherits_from", "unknown-role");
        let path = format!("{roles}/{role}");
        scene
            .server
            .patch_as(&scene.ada, &path, json!({ "permissions": [] }))
            .await
            .refused(409, "system-role");
    }
    let all = scene.server.get_as(&scene.ada, &format!("{}/roles?include_project=true", scene.acme)).await;
    let all = all.expect(200);
    let named = |name: &str| all.as_array().unwrap().iter().any(|role| role["name"] == name);
    assert!(ProjectRole::ALL.iter().all(|role| named(role.name())), "{all}");
}

async fn only_who_belongs_to_the_organization_is_given_a_role_on_its_things(server: Server) {
    let scene = Scene::new(server).await;
    let eve = scene.server.person("eve@example.com").await;
    let role = project(ProjectRole::Viewer);
    for user in [eve.id.as_str(), &Uuid::nil().to_string()] {
        scene
            .grant(&scene.ada, &role, APOLLO, json!({ "user_id": user }))
            .await
            .invalid("user_id", "not-a-member");
    }
    let agent = json!({ "agent_id": Uuid::nil().to_string() });
    scene.grant(&scene.ada, &role, APOLLO, agent).await.invalid("agent_id", "not-a-member");
    let both = json!({ "agent_id": Uuid::nil().to_string(), "user_id": scene.bob.id });
    scene.grant(&scene.ada, &role, APOLLO, both).await.invalid("agent_id", "one-of-two");
    let nobody = json!({ "role_id": role, "resource": { "type": "Project", "id": "apollo" } });
    scene
        .server
        .post_as(&scene.ada, &format!("{}/grants", scene.acme), nobody)
        .await
        .invalid("user_id", "required");
}

async fn what_is_not_registered_here_has_no_grants(server: Server) {
    let scene = Scene::new(server).await;
    let role = project(ProjectRole::Viewer);
    for on in [("Project", "nowhere"), ("Document", "apollo"), ("Organization", "acme"), ("User", "bob")] {
        scene.grant(&scene.ada, &role, on, json!({})).await.invalid("resource", "not-registered");
    }
    scene.grant(&scene.ada, &role, ("", "x"), json!({})).await.invalid("resource.type", "empty");
    scene.grant(&scene.ada, &role, ("Project", ""), json!({})).await.invalid("resource.id", "empty");
}

async fn another_organizations_grants_are_not_there(server: Server) {
    let scene = Scene::new(server).await;
    let grant = scene.granted(ProjectRole::Viewer, APOLLO).await;
    let mallory = scene.server.person("mallory@example.com").await;
    let globex = scene.server.organization(&mallory, "globex").await;
    let elsewhere = format!("{globex}/grants/{}", grant.rsplit('/').next().unwrap());
    scene.server.delete_as(&mallory, &elsewhere).await.refused(404, "not-found");
    scene.server.get_as(&mallory, &elsewhere).await.refused(404, "not-found");
    scene.server.get_as(&mallory, &grant).await.refused(404, "not-found");
    scene.server.delete_as(&mallory, &grant).await.refused(404, "not-found");
    let theirs = project(ProjectRole::Viewer);
    scene.grant(&mallory, &theirs, GEMINI, json!({})).await.refused(404, "not-found");
    assert_eq!(scene.server.get_as(&mallory, &format!("{globex}/grants")).await.expect(200), json!([]));
    scene.server.get_as(&mallory, &format!("{}/grants", scene.acme)).await.refused(404, "not-found");
    assert!(scene.may("document:read", PLAN).await);
    // Their things are called the same, and are others: Bob in their midst has nothing on them.
    scene.server.add_member(&mallory, &globex, &scene.bob, SystemRole::AgentExecutor).await;
    scene.server.put_as(&mallory, &format!("{globex}/resources/Project/apollo"), json!({})).await.expect(200);
    let theirs = json!({
        "user_id": scene.bob.id, "role_id": project(ProjectRole::Owner),
        "resource": { "type": "Project", "id": "apollo" },
    });
    scene.server.post_as(&mallory, &format!("{globex}/grants"), theirs).await.expect(201);
    assert!(!scene.may("document:delete", PLAN).await && !scene.may("project:delete", APOLLO).await);
}

async fn the_same_is_not_given_twice_but_again_when_it_is_over(server: Server) {
    let scene = Scene::new(server).await;
    let role = project(ProjectRole::Viewer);
    scene.grant(&scene.ada, &role, APOLLO, until(60)).await.expect(201);
    scene.grant(&scene.ada, &role, APOLLO, json!({})).await.refused(409, "already-granted");
    scene.grant(&scene.ada, &role, GEMINI, json!({})).await.expect(201);
    scene.server.advance(Duration::from_secs(60));
    scene.grant(&scene.ada, &role, APOLLO, json!({})).await.expect(201);
    assert!(scene.may("document:read", PLAN).await);
}

async fn nobody_holds_more_than_five_hundred(server: Server) {
    let scene = Scene::new(server).await;
    let all: Vec<_> = (0..500).map(|n| json!({ "type": "Project", "id": format!("p-{n}") })).collect();
    let (path, things) = (format!("{}/resources", scene.acme), json!({ "resources": all }));
    scene.server.send(Method::POST, &path, Some(&scene.key), Some(&things)).await.expect(200);
    let viewer = project(ProjectRole::Viewer);
    scene.grant(&scene.ada, &viewer, APOLLO, until(60)).await.expect(201);
    // All but two of the others, behind the server's back: asking for each would take a minute.
    let copies = |id: &str| {
        format!(
            "INSERT INTO grants (id, organization_id, holder_id, is_agent, role_id, resource_type, resource_id, created_at) \
             SELECT {id}, grants.organization_id, holder_id, is_agent, role_id, type, resources.id, grants.created_at \
             FROM resources JOIN grants ON grants.organization_id = resources.organization_id \
             WHERE resources.id LIKE 'p-%' AND resources.id NOT IN ('p-498', 'p-499')"
        )
    };
    scene.server.change_rows(&copies("randomblob(16)"), &copies("gen_random_uuid()")).await;
    assert_eq!(scene.server.count("SELECT COUNT(*) FROM grants").await, 499);
    scene.grant(&scene.ada, &viewer, ("Project", "p-498"), json!({})).await.expect(201);
    let one_more = async || scene.grant(&scene.ada, &viewer, ("Project", "p-499"), json!({})).await;
    one_more().await.refused(409, "too-many-grants");
    // Others are not affected, and what is over does not count.
    let to = json!({ "user_id": scene.ada.id });
    scene.grant(&scene.ada, &viewer, ("Project", "p-499"), to).await.expect(201);
    scene.server.advance(Duration::from_secs(60));
    one_more().await.expect(201);
    scene.grant(&scene.ada, &viewer, GEMINI, json!({})).await.refused(409, "too-many-grants");
}

async fn a_list_is_filtered_and_has_pages(server: Server) {
    let scene = Scene::new(server).await;
    for role in ProjectRole::ALL {
        scene.granted(role, APOLLO).await;
    }
    let contributor = project(ProjectRole::Contributor);
    scene.grant(&scene.ada, &contributor, GEMINI, json!({ "user_id": scene.vic.id })).await.expect(201);
    let path = format!("{}/grants", scene.acme);
    let list = async |query: &str| {
        let all = scene.server.get_as(&scene.vic, &format!("{path}?{query}")).await.expect(200);
        all.as_array().unwrap().iter().map(id).collect::<Vec<_>>()
    };
    let all = list("").await;
    assert_eq!(all.len(), 5);
    assert!(all.is_sorted(), "{all:?}");
    let vics = list(&format!("user_id={}", scene.vic.id)).await;
    assert_eq!(vics, list("type=Project&resource_id=gemini").await);
    let bobs: Vec<_> = all.iter().filter(|id| !vics.contains(id)).cloned().collect();
    assert_eq!((vics.len(), list("type=Project&resource_id=apollo").await), (1, bobs));
    assert_eq!(list(&format!("type=Project&resource_id=apollo&user_id={}", scene.vic.id)).await.len(), 0);
    assert_eq!(list(&format!("limit=2&after={}", all[0])).await, all[1..3]);
    scene.server.get_as(&scene.vic, &format!("{path}?type=Project")).await.invalid("id", "empty");
}

async fn what_happened_to_a_grant_is_written_down(server: Server) {
    let scene = Scene::new(server).await;
    let grant = scene.granted(ProjectRole::Viewer, APOLLO).await;
    scene.server.delete_as(&scene.vic, &grant).await.expect(200);
    let events = scene.server.get_as(&scene.ada, &format!("{}/events", scene.acme)).await.expect(200);
    for (action, by) in [("CreateGrant", &scene.ada), ("DeleteGrant", &scene.vic)] {
        let event = events.as_array().unwrap().iter().find(|event| event["action"] == action).unwrap();
        let told = &event["details"];
        assert_eq!((&told["holder"], &told["name"]), (&json!(scene.bob.id), &json!("project-viewer")));
        assert_eq!(told["on"], "Project::\"apollo\"");
        assert!(event.to_string().contains(&by.id), "{event}");
    }
}
