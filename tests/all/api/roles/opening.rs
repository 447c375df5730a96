//! What an organization's own roles open, to whom, and from when.

use std::time::Duration;

use palisade::domain::SystemRole::{Admin, Member, Viewer};
use poem::http::Method;
use serde_json::json;

use super::{Scene, id};
use crate::on_both;
use crate::support::{Server, role_id};

on_both!(
    a_role_opens_what_it_lists_and_nothing_else,
    a_role_opens_what_every_role_above_it_opens,
    a_role_is_shown_by_its_name_wherever_it_is_held,
    a_change_of_a_role_is_effective_at_once,
    a_change_of_a_role_is_effective_at_once_on_another_node,
    a_keys_scopes_still_bound_what_a_role_opens,
    an_agent_works_under_a_role_of_the_organizations_own,
    in_an_archived_organization_no_role_is_made_or_opens_anything,
    a_platforms_role_is_all_that_the_policies_give_it,
);

async fn a_role_opens_what_it_lists_and_nothing_else(server: Server) {
    let scene = Scene::new(server).await;
    let body = json!({
        "name": " Auditor ", "description": "Reads the trail", "organization_id": scene.acme.rsplit('/').next(),
        "permissions": ["org:read", "org:audit:read", "org:read"],
    });
    let made = scene.make(&scene.ada, body).await.expect(201);
    let shown = json!({
        "id": made["id"], "organization_id": scene.acme.rsplit('/').next(), "name": "Auditor",
        "description": "Reads the trail", "permissions": ["org:audit:read", "org:read"], "is_system": false,
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
    });
    assert_eq!(made, shown);
    let path = format!("{}/roles", scene.acme);
    let all = scene.server.get_as(&scene.bob, &path).await.expect(200);
    assert_eq!((all.as_array().unwrap().len(), &all[5]), (6, &shown));
    let own = scene.server.get_as(&scene.bob, &format!("{path}?include_system=false")).await.expect(200);
    assert_eq!(own, json!([shown]));

    scene.events(&scene.bob).await.refused(403, "not-permitted");
    scene.give(&scene.ada, &scene.bobs, &id(&made)).await.expect(200);
    scene.events(&scene.bob).await.expect(200);
    scene.server.get_as(&scene.bob, &scene.acme).await.expect(200);
    scene.members(&scene.bob).await.refused(403, "not-permitted");
    let patch = json!({ "description": "x" });
    scene.server.patch_as(&scene.bob, &scene.acme, patch).await.refused(403, "not-permitted");
    // A role that opens nothing shows not even the organization.
    let nothing = scene.role("Nothing", &[], None).await;
    scene.give(&scene.ada, &scene.bobs, &nothing).await.expect(200);
    scene.server.get_as(&scene.bob, &scene.acme).await.refused(404, "not-found");
}

async fn a_role_opens_what_every_role_above_it_opens(server: Server) {
    let scene = Scene::new(server).await;
    let top = scene.role("Top", &["org:audit:read"], Some(&role_id(Viewer))).await;
    let middle = scene.role("Middle", &["org:members:read"], Some(&top)).await;
    let bottom = scene.role("Bottom", &[], Some(&middle)).await;
    scene.give(&scene.ada, &scene.bobs, &bottom).await.expect(200);
    // From the viewers, from the top, from the middle.
    scene.server.get_as(&scene.bob, &scene.acme).await.expect(200);
    scene.events(&scene.bob).await.expect(200);
    scene.members(&scene.bob).await.expect(200);
    scene.patch(&scene.ada, &bottom, json!({ "inherits_from": top })).await.expect(200);
    scene.members(&scene.bob).await.refused(403, "not-permitted");
    scene.events(&scene.bob).await.expect(200);
    scene.patch(&scene.ada, &bottom, json!({ "inherits_from": null })).await.expect(200);
    scene.server.get_as(&scene.bob, &scene.acme).await.refused(404, "not-found");
}

async fn a_role_is_shown_by_its_name_wherever_it_is_held(server: Server) {
    let scene = Scene::new(server).await;
    let role = scene.role("Night watch", &["org:members:read"], Some(&role_id(Viewer))).await;
    let given = scene.give(&scene.ada, &scene.bobs, &role).await.expect(200);
    assert_eq!((&given["role_id"], &given["role_name"]), (&json!(role), &json!("Night watch")));
    let all = scene.members(&scene.bob).await.expect(200);
    assert!(all.as_array().unwrap().iter().any(|one| one["role_name"] == "Night watch"), "{all}");
    let own = scene.server.get_as(&scene.bob, "/api/v1/organizations").await.expect(200);
    assert_eq!(own[0]["role"], "Night watch");

    let eve = scene.server.person("eve@example.com").await;
    // Letters of one moment have no order.
    scene.server.advance(Duration::from_secs(1));
    let path = format!("{}/invitations", scene.acme);
    let body = json!({ "email": "eve@example.com", "role_id": role });
    let sent = scene.server.post_as(&scene.vic, &path, body).await.expect(201);
    assert_eq!((&sent["role_id"], &sent["role_name"]), (&json!(role), &json!("Night watch")));
    let open = scene.server.get_as(&scene.vic, &path).await.expect(200);
    assert_eq!(open[0]["role_name"], "Night watch");
    let letter = scene.server.last_mail("eve@example.com").await;
    assert!(letter.text.contains("Night watch"), "{}", letter.text);
    let body = json!({ "token": letter.token() });
    let joined = scene.server.post_as(&eve, "/api/v1/invitations/accept", body).await.expect(200);
    assert_eq!(joined["role_name"], "Night watch");
    scene.members(&eve).await.expect(200);

    scene.patch(&scene.ada, &role, json!({ "name": "Day watch" })).await.expect(200);
    let all = scene.members(&eve).await.expect(200);
    assert_eq!(
        all.as_array().unwrap().iter().filter(|one| one["role_name"] == "Day watch").count(),
        2,
        "{all}"
    );
}

async fn a_change_of_a_role_is_effective_at_once(server: Server) {
    let scene = Scene::new(server).await;
    let above = scene.role("Above", &["org:read", "org:members:read"], None).await;
    let role = scene.role("Role", &["org:audit:read"], Some(&above)).await;
    scene.give(&scene.ada, &scene.bobs, &role).await.expect(200);
    for _ in 0..2 {
        scene.events(&scene.bob).await.expect(200);
        scene.patch(&scene.ada, &role, json!({ "permissions": [] })).await.expect(200);
        scene.events(&scene.bob).await.refused(403, "not-permitted");
        scene.patch(&scene.ada, &role, json!({ "permissions": ["org:audit:*"] })).await.expect(200);
        // What is above it changes it too.
        scene.members(&scene.bob).await.expect(200);
        scene.patch(&scene.ada, &above, json!({ "permissions": ["org:read"] })).await.expect(200);
        scene.members(&scene.bob).await.refused(403, "not-permitted");
        let permissions = json!({ "permissions": ["org:read", "org:members:read"] });
        scene.patch(&scene.ada, &above, permissions).await.expect(200);
    }
}

async fn a_change_of_a_role_is_effective_at_once_on_another_node(server: Server) {
    let scene = Scene::new(server).await;
    let role = scene.role("Role", &["org:read", "org:members:read"], None).await;
    scene.give(&scene.ada, &scene.bobs, &role).await.expect(200);
    let other = scene.server.another_node().await;
    let members = format!("{}/members", scene.acme);
    for _ in 0..2 {
        other.get_as(&scene.bob, &members).await.expect(200);
        scene.patch(&scene.ada, &role, json!({ "permissions": ["org:read"] })).await.expect(200);
        other.get_as(&scene.bob, &members).await.refused(403, "not-permitted");
        let wider = json!({ "permissions": ["org:read", "org:members:read"] });
        scene.patch(&scene.ada, &role, wider).await.expect(200);
    }
    other.app.close().await;
}

async fn a_keys_scopes_still_bound_what_a_role_opens(server: Server) {
    let scene = Scene::new(server).await;
    let role = scene.role("Role", &["org:read", "org:audit:read"], None).await;
    scene.give(&scene.ada, &scene.bobs, &role).await.expect(200);
    let (narrow, none) = (scene.key(&scene.bob, &["org:read"]).await, scene.key(&scene.bob, &[]).await);
    let events = format!("{}/events", scene.acme);
    scene.server.send(Method::GET, &scene.acme, Some(&narrow), None).await.expect(200);
    scene.server.send(Method::GET, &events, Some(&narrow), None).await.refused(403, "insufficient-scope");
    scene.server.send(Method::GET, &events, Some(&none), None).await.refused(403, "insufficient-scope");
    // A key takes the scopes that its owner holds by such a role, and loses them with it.
    let key = scene.key(&scene.bob, &["org:audit:read", "org:read"]).await;
    scene.server.send(Method::GET, &events, Some(&key), None).await.expect(200);
    scene.patch(&scene.ada, &role, json!({ "permissions": ["org:read"] })).await.expect(200);
    scene.server.send(Method::GET, &events, Some(&key), None).await.refused(403, "not-permitted");
    let body = json!({ "name": "k", "scopes": ["org:audit:read"] });
    scene.server.post_as(&scene.bob, "/api/v1/auth/api-keys", body).await.refused(403, "scope-not-held");
}

async fn an_agent_works_under_a_role_of_the_organizations_own(server: Server) {
    let scene = Scene::new(server).await;
    let role = scene.role("Robot", &["org:read", "org:members:read"], None).await;
    let path = format!("{}/agents", scene.acme);
    let body = json!({ "name": "Builder", "role_id": role });
    let made = scene.server.post_as(&scene.ada, &path, body).await.expect(201);
    assert_eq!((&made["role_id"], &made["role_name"]), (&json!(role), &json!("Robot")));
    let keys = format!("{path}/{}/api-keys", id(&made));
    let key = async |scopes: &[&str]| {
        scene.server.post_as(&scene.ada, &keys, json!({ "name": "k", "scopes": scopes })).await
    };
    key(&["org:audit:read"]).await.refused(403, "scope-not-held");
    let made = key(&["org:read", "org:members:read"]).await.expect(201);
    let key = made["key"].as_str().unwrap();
    let ask = async |what: &str| {
        scene.server.send(Method::GET, &format!("{}/{what}", scene.acme), Some(key), None).await
    };
    ask("members").await.expect(200);
    ask("events").await.refused(403, "insufficient-scope");
    scene.patch(&scene.ada, &role, json!({ "permissions": ["org:read"] })).await.expect(200);
    ask("members").await.refused(403, "not-permitted");
    // In another organization its role is nothing.
    let globex = scene.server.organization(&scene.ada, "globex").await;
    scene
        .server
        .send(Method::GET, &format!("{globex}/members"), Some(key), None)
        .await
        .refused(404, "not-found");
}

async fn in_an_archived_organization_no_role_is_made_or_opens_anything(server: Server) {
    let scene = Scene::new(server).await;
    let role = scene.role("Role", &["org:read", "org:members:read", "org:audit:read"], None).await;
    scene.give(&scene.ada, &scene.bobs, &role).await.expect(200);
    scene.server.delete_as(&scene.ada, &scene.acme).await.expect(200);
    scene.make(&scene.ada, json!({ "name": "Late" })).await.refused(403, "organization-archived");
    scene.patch(&scene.ada, &role, json!({ "permissions": [] })).await.refused(403, "organization-archived");
    scene.delete(&scene.ada, &role, None).await.refused(403, "organization-archived");
    scene.members(&scene.bob).await.refused(403, "organization-archived");
    scene.events(&scene.bob).await.expect(200);
}

async fn a_platforms_role_is_all_that_the_policies_give_it(server: Server) {
    let scene = Scene::new(server).await;
    // Everything that the role of an admin lists, but not what other files give to admins.
    let listed: Vec<&str> =
        [Admin, Member, Viewer].iter().flat_map(|role| role.permissions()).copied().collect();
    let almost = scene.role("Almost", &listed, None).await;
    scene.give(&scene.ada, &scene.bobs, &almost).await.expect(200);
    scene.give(&scene.bob, &scene.vics, &role_id(Member)).await.expect(200);
    scene.give(&scene.bob, &scene.vics, &role_id(Admin)).await.refused(403, "role-not-held");
    let body = json!({ "name": "Deputy", "inherits_from": role_id(Admin) });
    scene.make(&scene.bob, body).await.refused(403, "role-not-held");
    scene
        .patch(&scene.bob, &almost, json!({ "inherits_from": role_id(Admin) }))
        .await
        .refused(403, "role-not-held");
    let all = [listed.as_slice(), &["resource:*", "access:*", "token:*", "org:grants:*"]].concat();
    scene.patch(&scene.ada, &almost, json!({ "permissions": all })).await.expect(200);
    scene.give(&scene.bob, &scene.vics, &role_id(Admin)).await.expect(200);
}
