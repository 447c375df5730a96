//! Why: told to administrators, with what would change it, and with nothing of other tenants.

use palisade::domain::SystemRole;
use poem::http::Method;
use serde_json::{Value, json};

use super::access::{Scene, about};
use super::own_model::with_drive;
use crate::on_both_with;
use crate::support::{Server, role_id};

on_both_with!(
    with_drive;
    a_no_tells_the_first_false_clause_with_its_values,
    a_no_tells_which_policy_forbids_and_where_it_stands,
    a_yes_tells_its_policies,
    what_would_satisfy_it_is_found_by_asking_again,
    only_administrators_learn_why,
    what_cannot_be_asked_says_so,
);

async fn why(scene: &Scene, body: &Value) -> Value {
    scene.server.send(Method::POST, "/access/v1/explain", Some(&scene.key), Some(body)).await.expect(200)
}

fn miss<'a>(why: &'a Value, id: &str) -> &'a Value {
    let misses = why["near_misses"].as_array().unwrap();
    misses.iter().find(|miss| miss["policy"]["id"] == id).unwrap_or_else(|| panic!("no {id} in {why}"))
}

async fn a_no_tells_the_first_false_clause_with_its_values(server: Server) {
    let scene = Scene::new(server).await;
    let why = why(&scene, &about(&scene.vic.id, "file:read", "closed")).await;
    assert_eq!((&why["decision"], &why["outcome"]), (&json!(false), &json!("not-permitted")));
    let public = miss(&why, "drive.public");
    assert_eq!(public["clause"], "resource.public");
    assert_eq!(public["values"], json!([{ "expression": "resource.public", "value": "false" }]));
    let policy = &public["policy"];
    assert_eq!(policy["why"], "What is public is read by everybody of the organization.");
    assert_eq!((&policy["file"], &policy["line"]), (&json!("drive.cedar"), &json!(1)));
    // The file has no team: the clause says so, and the next one is not looked at.
    assert_eq!(miss(&why, "drive.team")["clause"], "resource has team");
    // A super admin's permit is about everybody, and says what it lacks.
    assert_eq!(miss(&why, "platform.super-admin")["clause"], "principal.super_admin");
    assert_eq!(why["determining"], json!([]));
    // Nearly held, but about another tenant.
    assert!(!why["near_misses"].to_string().contains("drive.elsewhere"), "{why}");
}

async fn a_no_tells_which_policy_forbids_and_where_it_stands(server: Server) {
    let scene = Scene::new(server).await;
    let told = why(&scene, &about(&scene.vic.id, "file:write", "red")).await;
    assert_eq!((&told["decision"], &told["outcome"]), (&json!(false), &json!("forbidden")));
    let forbid = &told["determining"][0];
    assert_eq!((&forbid["id"], &forbid["code"]), (&json!("drive.attic"), &json!("in-the-attic")));
    let text = include_str!("../models/drive.cedar");
    let line = text.lines().position(|line| line.contains("drive.attic")).unwrap() + 1;
    assert_eq!((&forbid["file"], &forbid["line"]), (&json!("drive.cedar"), &json!(line)));
    assert_eq!(told["would_allow"], json!([]), "no role helps against a forbid");
}

async fn a_yes_tells_its_policies(server: Server) {
    let scene = Scene::new(server).await;
    let told = why(&scene, &about(&scene.vic.id, "file:read", "red")).await;
    assert_eq!((&told["decision"], &told["outcome"]), (&json!(true), &json!("permitted")));
    assert_eq!(told["determining"][0]["id"], "drive.team");
    assert_eq!((&told["near_misses"], &told["would_allow"]), (&json!([]), &json!([])));
    let answer = scene.ask(&about(&scene.vic.id, "file:read", "red")).await.expect(200);
    assert_ne!(answer["context"]["decision_id"], told["decision_id"], "each is a decision of its own");
}

async fn what_would_satisfy_it_is_found_by_asking_again(server: Server) {
    let scene = Scene::new(server).await;
    let on_all = |person: &str, action: &str| {
        json!({
            "subject": { "type": "User", "id": person }, "action": { "name": action },
            "resource": { "type": "Organization", "id": scene.home.rsplit('/').next().unwrap() },
        })
    };
    let told = why(&scene, &on_all(&scene.vic.id, "project:write")).await;
    let role = |role: SystemRole| json!({ "code": "role", "role": role.name(), "role_id": role_id(role) });
    let roles = [SystemRole::Member, SystemRole::Admin, SystemRole::Owner].map(|it| [role(it)]);
    assert_eq!(told["would_allow"], json!(roles));
    let told = why(&scene, &on_all(&scene.vic.id, "org:billing:read")).await;
    assert_eq!(told["would_allow"], json!([[role(SystemRole::Owner)]]));
    let root = scene.server.super_admin("root@example.com").await;
    let path = format!("/api/v1/users/{}/suspend", scene.vic.id);
    scene.server.post_as(&root, &path, Value::Null).await.expect(200);
    let told = why(&scene, &on_all(&scene.vic.id, "project:read")).await;
    assert_eq!(told["outcome"], "forbidden");
    assert_eq!(told["would_allow"], json!([[{ "code": "reinstate" }]]));
    let told = why(&scene, &on_all(&scene.vic.id, "org:billing:read")).await;
    assert_eq!(told["would_allow"], json!([[{ "code": "reinstate" }, role(SystemRole::Owner)]]));
}

async fn only_administrators_learn_why(server: Server) {
    let scene = Scene::new(server).await;
    let Scene { server, ada, vic, home, .. } = &scene;
    let organization = home.rsplit('/').next().unwrap();
    let body = about(&vic.id, "file:read", "closed");
    let ask = async |token: Option<&str>| {
        server.ask_in(organization, "/access/v1/explain", token, Some(&body)).await
    };
    ask(Some(&ada.access)).await.expect(200);
    ask(None).await.refused(401, "not-signed-in");
    ask(Some(&vic.access)).await.refused(403, "not-permitted");
    let eve = server.person("eve@example.com").await;
    ask(Some(&eve.access)).await.refused(404, "not-found");
    let root = server.super_admin("root@example.com").await;
    ask(Some(&root.access)).await.expect(200);
    let cy = server.person("cy@example.com").await;
    server.add_member(ada, home, &cy, SystemRole::Admin).await;
    ask(Some(&cy.access)).await.expect(200);
    let made = json!({ "name": "k", "scopes": ["access:evaluate"] });
    let key = server.post_as(ada, &format!("{home}/api-keys"), made).await.expect(201);
    ask(key["key"].as_str()).await.refused(403, "insufficient-scope");
}

async fn what_cannot_be_asked_says_so(server: Server) {
    let scene = Scene::new(server).await;
    for (body, outcome) in [
        (about(&scene.vic.id, "file:read", "nowhere"), "unknown-resource"),
        (about("nobody@example.com", "file:read", "open"), "unknown-subject"),
        (about(&scene.vic.id, "GetMe", "open"), "unknown-action"),
        (about(&scene.vic.id, "project:read", "open"), "not-applicable"),
    ] {
        let told = why(&scene, &body).await;
        assert_eq!((&told["decision"], &told["outcome"]), (&json!(false), &json!(outcome)));
        assert_eq!(told["near_misses"], json!([]));
    }
}
