//! Roles as an organization keeps them: names, bounds, lines of inheritance, deletion, and whose they are.

use std::time::Duration;

use palisade::domain::SystemRole::{self, Viewer};
use poem::http::Method;
use serde_json::json;
use uuid::Uuid;

use super::{Scene, id};
use crate::on_both;
use crate::support::{Server, role_id};

on_both!(
    another_organizations_role_is_as_unknown_as_none,
    another_organizations_role_is_not_found_under_ones_own,
    a_role_is_of_its_organization_alone,
    a_role_never_inherits_from_itself_nor_too_far,
    a_role_that_is_held_is_not_deleted,
    whoever_holds_a_deleted_role_gets_the_other_one_at_once,
    the_platforms_roles_stay_what_they_are,
    a_role_given_while_it_is_deleted_is_given_or_deleted,
    a_roles_name_is_its_own_in_whatever_case,
    what_is_no_permission_is_told_by_its_place,
    whatever_a_role_is_called_is_text,
    an_organization_has_a_bounded_number_of_roles,
    who_may_not_see_the_organization_learns_nothing_of_its_roles,
    what_happened_to_a_role_is_written_down,
);

async fn another_organizations_role_is_as_unknown_as_none(server: Server) {
    let scene = Scene::new(server).await;
    let globex = scene.server.organization(&scene.ada, "globex").await;
    let body = json!({ "name": "Theirs", "permissions": ["org:read"] });
    let theirs = id(&scene.server.post_as(&scene.ada, &format!("{globex}/roles"), body).await.expect(201));
    scene.role("Ours", &["org:read"], None).await;
    let eve = scene.server.person("eve@example.com").await;
    // Ada is the owner of both: this is about the role, not about her.
    for role in [theirs, Uuid::nil().to_string()] {
        scene.give(&scene.ada, &scene.bobs, &role).await.invalid("role_id", "unknown-role");
        let body = json!({ "user_id": eve.id, "role_id": role });
        scene
            .server
            .post_as(&scene.ada, &format!("{}/members", scene.acme), body)
            .await
            .invalid("role_id", "unknown-role");
        let body = json!({ "email": "eve@example.com", "role_id": role });
        scene
            .server
            .post_as(&scene.ada, &format!("{}/invitations", scene.acme), body)
            .await
            .invalid("role_id", "unknown-role");
        let body = json!({ "name": "Builder", "role_id": role });
        scene
            .server
            .post_as(&scene.ada, &format!("{}/agents", scene.acme), body)
            .await
            .invalid("role_id", "unknown-role");
        let body = json!({ "name": "Below", "inherits_from": role });
        scene.make(&scene.ada, body).await.invalid("inherits_from", "unknown-role");
        let ours = scene.role(&format!("Ours {role}"), &[], None).await;
        scene
            .patch(&scene.ada, &ours, json!({ "inherits_from": role }))
            .await
            .invalid("inherits_from", "unknown-role");
        scene.delete(&scene.ada, &ours, Some(&role)).await.invalid("reassign_to", "unknown-role");
    }
    let body = json!({ "name": "Ours too", "organization_id": globex.rsplit('/').next() });
    scene.make(&scene.ada, body).await.invalid("organization_id", "another-organization");
}

async fn another_organizations_role_is_not_found_under_ones_own(server: Server) {
    let scene = Scene::new(server).await;
    let role = scene.role("Ours", &["org:read"], None).await;
    let mallory = scene.server.person("mallory@example.com").await;
    let globex = scene.server.organization(&mallory, "globex").await;
    let path = format!("{globex}/roles/{role}");
    scene
        .server
        .patch_as(&mallory, &path, json!({ "permissions": ["org:*"] }))
        .await
        .refused(404, "not-found");
    scene.server.delete_as(&mallory, &path).await.refused(404, "not-found");
    let all = scene.server.get_as(&mallory, &format!("{globex}/roles")).await.expect(200);
    assert_eq!(all.as_array().unwrap().len(), 5);
    let ours = scene.server.get_as(&scene.ada, &format!("{}/roles?include_system=false", scene.acme)).await;
    assert_eq!(ours.expect(200)[0]["permissions"], json!(["org:read"]));
}

async fn a_role_is_of_its_organization_alone(server: Server) {
    let scene = Scene::new(server).await;
    let globex = scene.server.organization(&scene.ada, "globex").await;
    // Bob is in both, and in each something else.
    scene.server.add_member(&scene.ada, &globex, &scene.bob, Viewer).await;
    let body = json!({ "name": "Theirs", "permissions": ["org:read"] });
    scene.server.post_as(&scene.ada, &format!("{globex}/roles"), body).await.expect(201);
    let role = scene.role("Ours", &["org:*"], None).await;
    scene.give(&scene.ada, &scene.bobs, &role).await.expect(200);
    scene.events(&scene.bob).await.expect(200);
    scene.server.get_as(&scene.bob, &globex).await.expect(200);
    scene.server.get_as(&scene.bob, &format!("{globex}/events")).await.refused(403, "not-permitted");
}

async fn a_role_never_inherits_from_itself_nor_too_far(server: Server) {
    let scene = Scene::new(server).await;
    let a = scene.role("A", &[], Some(&role_id(Viewer))).await;
    let b = scene.role("B", &[], Some(&a)).await;
    let c = scene.role("C", &[], Some(&b)).await;
    for above in [&a, &b, &c] {
        scene
            .patch(&scene.ada, &a, json!({ "inherits_from": above }))
            .await
            .invalid("inherits_from", "role-cycle");
    }
    let mut above = c;
    for n in 4..=8 {
        above = scene.role(&n.to_string(), &["org:read"], Some(&above)).await;
    }
    let body = json!({ "name": "9", "inherits_from": above });
    scene.make(&scene.ada, body).await.invalid("inherits_from", "too-deep");
    // Nor by putting something above them all.
    let top = scene.role("Top", &[], None).await;
    scene.patch(&scene.ada, &a, json!({ "inherits_from": top })).await.invalid("inherits_from", "too-deep");
    scene.give(&scene.ada, &scene.bobs, &above).await.expect(200);
    scene.server.get_as(&scene.bob, &scene.acme).await.expect(200);
}

async fn a_role_that_is_held_is_not_deleted(server: Server) {
    let scene = Scene::new(server).await;
    let role = scene.role("Role", &["org:read"], None).await;
    let below = scene.role("Below", &[], Some(&role)).await;
    scene.delete(&scene.ada, &role, None).await.refused(409, "role-inherited");
    scene.delete(&scene.ada, &role, Some(&role_id(Viewer))).await.refused(409, "role-inherited");
    scene.delete(&scene.ada, &below, None).await.expect(200);

    scene.give(&scene.ada, &scene.bobs, &role).await.expect(200);
    let told = scene.delete(&scene.ada, &role, None).await.refused(409, "role-in-use");
    assert!(told["detail"].as_str().unwrap().starts_with("held by 1 members and 0 agents"), "{told}");
    scene.give(&scene.ada, &scene.bobs, &role_id(Viewer)).await.expect(200);

    let path = format!("{}/invitations", scene.acme);
    let body = json!({ "email": "eve@example.com", "role_id": role });
    let sent = scene.server.post_as(&scene.ada, &path, body).await.expect(201);
    scene.delete(&scene.ada, &role, None).await.refused(409, "role-in-use");
    scene.server.delete_as(&scene.ada, &format!("{path}/{}", id(&sent))).await.expect(200);

    let path = format!("{}/agents", scene.acme);
    let body = json!({ "name": "Builder", "role_id": role });
    let agent = id(&scene.server.post_as(&scene.ada, &path, body).await.expect(201));
    scene.delete(&scene.ada, &role, None).await.refused(409, "role-in-use");
    scene.server.post_as(&scene.ada, &format!("{path}/{agent}/terminate"), json!({})).await.expect(200);

    scene.delete(&scene.ada, &role, None).await.expect(200);
    scene.delete(&scene.ada, &role, None).await.refused(404, "not-found");
    let gone = scene.server.get_as(&scene.ada, &format!("{path}/{agent}")).await.expect(200);
    assert_eq!((&gone["role_id"], &gone["role_name"]), (&json!(role), &json!("(deleted)")));
    scene.give(&scene.ada, &scene.bobs, &role).await.invalid("role_id", "unknown-role");
}

async fn whoever_holds_a_deleted_role_gets_the_other_one_at_once(server: Server) {
    let scene = Scene::new(server).await;
    let role = scene.role("Role", &["org:read", "org:audit:read", "agent:read"], None).await;
    let other = scene.role("Other", &["org:read", "org:members:read"], None).await;
    scene.give(&scene.ada, &scene.bobs, &role).await.expect(200);
    let eve = scene.server.person("eve@example.com").await;
    // Letters of one moment have no order.
    scene.server.advance(Duration::from_secs(1));
    let path = format!("{}/invitations", scene.acme);
    let body = json!({ "email": "eve@example.com", "role_id": role });
    scene.server.post_as(&scene.ada, &path, body).await.expect(201);
    let token = scene.server.last_mail("eve@example.com").await.token();
    let path = format!("{}/agents", scene.acme);
    let body = json!({ "name": "Builder", "role_id": role });
    let agent = format!("{path}/{}", id(&scene.server.post_as(&scene.ada, &path, body).await.expect(201)));
    let body = json!({ "name": "k", "scopes": ["org:read", "org:audit:read"] });
    let made = scene.server.post_as(&scene.ada, &format!("{agent}/api-keys"), body).await.expect(201);
    let key = made["key"].as_str().unwrap();
    let events = format!("{}/events", scene.acme);
    scene.server.send(Method::GET, &events, Some(key), None).await.expect(200);
    scene.events(&scene.bob).await.expect(200);

    scene.delete(&scene.bob, &role, Some(&other)).await.refused(403, "not-permitted");
    scene.delete(&scene.vic, &role, Some(&other)).await.expect(200);
    scene.events(&scene.bob).await.refused(403, "not-permitted");
    scene.members(&scene.bob).await.expect(200);
    scene.server.send(Method::GET, &events, Some(key), None).await.refused(403, "not-permitted");
    let agent = scene.server.get_as(&scene.ada, &agent).await.expect(200);
    assert_eq!(agent["role_name"], "Other");
    let body = json!({ "token": token });
    let joined = scene.server.post_as(&eve, "/api/v1/invitations/accept", body).await.expect(200);
    assert_eq!(joined["role_name"], "Other");
}

async fn the_platforms_roles_stay_what_they_are(server: Server) {
    let scene = Scene::new(server).await;
    let root = scene.server.super_admin("root@example.com").await;
    for role in SystemRole::ALL.map(role_id) {
        for by in [&scene.ada, &root] {
            scene.patch(by, &role, json!({ "permissions": [] })).await.refused(409, "system-role");
            scene.delete(by, &role, Some(&role_id(Viewer))).await.refused(409, "system-role");
        }
    }
}

async fn a_role_given_while_it_is_deleted_is_given_or_deleted(server: Server) {
    let scene = Scene::new(server).await;
    for round in 0..8 {
        let role = scene.role(&format!("Role {round}"), &["org:read"], None).await;
        let (given, deleted) =
            tokio::join!(scene.give(&scene.ada, &scene.bobs, &role), scene.delete(&scene.ada, &role, None));
        let done = (given.status, deleted.status);
        assert!(matches!(done, (200, 409) | (409 | 422, 200)), "{} {}", given.body, deleted.body);
        let own = scene.server.get_as(&scene.bob, "/api/v1/organizations").await.expect(200);
        assert_ne!(own[0]["role"], "(deleted)");
    }
}

async fn a_roles_name_is_its_own_in_whatever_case(server: Server) {
    let scene = Scene::new(server).await;
    let role = scene.role("Prüfer", &[], None).await;
    let other = scene.role("Other", &[], None).await;
    for name in ["Prüfer", "PRÜFER", " prüfer ", "Owner", "admin", "AGENT_executor"] {
        scene.make(&scene.ada, json!({ "name": name })).await.refused(409, "role-name-taken");
        scene.patch(&scene.ada, &other, json!({ "name": name })).await.refused(409, "role-name-taken");
    }
    scene.patch(&scene.ada, &role, json!({ "name": "PRÜFER" })).await.expect(200);
    let long = "x".repeat(101);
    for (name, code) in [("", "empty"), (long.as_str(), "too-long"), ("a\u{202e}b", "control-character")] {
        scene.make(&scene.ada, json!({ "name": name })).await.invalid("name", code);
        scene.patch(&scene.ada, &role, json!({ "name": name })).await.invalid("name", code);
    }
    // Another organization's names are its own.
    let globex = scene.server.organization(&scene.ada, "globex").await;
    scene
        .server
        .post_as(&scene.ada, &format!("{globex}/roles"), json!({ "name": "Other" }))
        .await
        .expect(201);
    let cleared = scene.patch(&scene.ada, &role, json!({ "description": "x" })).await.expect(200);
    assert_eq!(cleared["description"], "x");
    let cleared = scene.patch(&scene.ada, &role, json!({ "description": null })).await.expect(200);
    assert_eq!((&cleared["description"], &cleared["name"]), (&json!(""), &json!("PRÜFER")));
}

async fn what_is_no_permission_is_told_by_its_place(server: Server) {
    let scene = Scene::new(server).await;
    let root = scene.server.super_admin("root@example.com").await;
    let role = scene.role("Role", &[], None).await;
    for unknown in [
        "*",
        "*:*",
        "org",
        "org:",
        "org:Read",
        "ORG:READ",
        " org:read",
        "org:read\n",
        "task:fly",
        "GetOrganization",
        "CreateRole",
        "public",
        "human",
        "system",
        "self:*",
        "self:read",
        "platform:*",
        "platform:users",
        "",
        "org:*:read",
        "\"]; permit (principal, action, resource); //",
    ] {
        for by in [&scene.ada, &root] {
            let permissions = json!(["org:read", unknown]);
            let body = json!({ "name": "New", "permissions": permissions });
            scene.make(by, body).await.invalid("permissions.1", "unknown-permission");
            let patch = json!({ "permissions": permissions });
            scene.patch(by, &role, patch).await.invalid("permissions.1", "unknown-permission");
        }
    }
    let many = vec!["org:read"; 101];
    scene
        .make(&scene.ada, json!({ "name": "New", "permissions": many }))
        .await
        .invalid("permissions", "too-many");
    scene.make(&scene.ada, json!({ "permissions": [] })).await.invalid("name", "required");
}

async fn whatever_a_role_is_called_is_text(server: Server) {
    let scene = Scene::new(server).await;
    let name = "\\\") permit (principal, action, resource); // ${jndi} {{7*7}} <b>";
    let role = scene.role(name, &["org:read"], None).await;
    let given = scene.give(&scene.ada, &scene.bobs, &role).await.expect(200);
    assert_eq!(given["role_name"], name);
    scene.server.get_as(&scene.bob, &scene.acme).await.expect(200);
    scene.members(&scene.bob).await.refused(403, "not-permitted");
    scene.members(&scene.vic).await.expect(200);
}

async fn an_organization_has_a_bounded_number_of_roles(server: Server) {
    let scene = Scene::new(server).await;
    for n in 0..200 {
        scene.role(&n.to_string(), &[], None).await;
    }
    scene.make(&scene.ada, json!({ "name": "One more" })).await.refused(409, "too-many-roles");
}

async fn who_may_not_see_the_organization_learns_nothing_of_its_roles(server: Server) {
    let scene = Scene::new(server).await;
    let role = scene.role("Role", &["org:read"], None).await;
    let eve = scene.server.person("eve@example.com").await;
    for role in [role.as_str(), &Uuid::nil().to_string()] {
        scene.patch(&eve, role, json!({ "name": "x" })).await.refused(404, "not-found");
        scene.delete(&eve, role, None).await.refused(404, "not-found");
        scene.give(&eve, &scene.bobs, role).await.refused(404, "not-found");
        let body = json!({ "user_id": eve.id, "role_id": role });
        scene.server.post_as(&eve, &format!("{}/members", scene.acme), body).await.refused(404, "not-found");
    }
    scene.make(&eve, json!({ "name": "x" })).await.refused(404, "not-found");
    scene.server.get_as(&eve, &format!("{}/roles", scene.acme)).await.refused(404, "not-found");
}

async fn what_happened_to_a_role_is_written_down(server: Server) {
    let scene = Scene::new(server).await;
    let role = scene.role("Role", &["org:read"], None).await;
    scene.give(&scene.ada, &scene.bobs, &role).await.expect(200);
    scene.patch(&scene.ada, &role, json!({ "permissions": ["task:read"] })).await.expect(200);
    scene.delete(&scene.ada, &role, Some(&role_id(Viewer))).await.expect(200);
    let events = scene.events(&scene.ada).await.expect(200);
    let told = |action: &str| {
        let all = events.as_array().or_else(|| events["events"].as_array()).expect("a list");
        all.iter()
            .find(|event| event["action"] == action)
            .cloned()
            .unwrap_or_else(|| panic!("no {action}: {events}"))
    };
    assert_eq!(told("CreateRole")["details"]["permissions"], json!(["org:read"]));
    assert_eq!(told("UpdateRole")["details"]["permissions"], json!(["task:read"]));
    assert_eq!(told("DeleteRole")["details"]["members"], json!(1));
    assert_eq!(told("ChangeMemberRole")["details"]["role"], json!("Role"));
}
