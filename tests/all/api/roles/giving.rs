//! Who makes and gives which role: nobody gets, or passes on, more than they hold.

use palisade::domain::SystemRole::{self, Admin, Member, Owner, Viewer};
use poem::http::Method;
use serde_json::{Value, json};

use super::{Scene, id};
use crate::on_both;
use crate::support::{Server, role_id};

on_both!(
    nobody_makes_a_role_of_more_than_they_hold,
    nobody_widens_a_role_by_more_than_they_hold,
    nobody_gives_a_role_of_which_they_do_not_hold_everything,
    whoever_runs_the_members_makes_nobody_an_admin,
    nobody_raises_their_own_role,
    nobody_is_reassigned_to_what_the_caller_does_not_hold,
    a_key_gives_no_role_beyond_its_scopes,
);

async fn nobody_makes_a_role_of_more_than_they_hold(server: Server) {
    let scene = Scene::new(server).await;
    for more in
        ["org:*", "org:delete", "org:billing:read", "org:policies:*", "agent:spawn", "agent:*", "spec:*"]
    {
        let body = json!({ "name": "More", "permissions": ["org:read", more] });
        scene.make(&scene.vic, body.clone()).await.refused(403, "role-not-held");
        scene.make(&scene.bob, body).await.refused(403, "not-permitted");
    }
    // Nor by way of what it inherits from.
    let billing = scene.role("Billing", &["org:billing:*"], Some(&role_id(Viewer))).await;
    let below = scene.role("Below", &[], Some(&billing)).await;
    for above in [&billing, &below] {
        let body = json!({ "name": "More", "inherits_from": above });
        scene.make(&scene.vic, body).await.refused(403, "role-not-held");
    }
    // Ownership is nobody's to inherit, the owner's included.
    for by in [&scene.vic, &scene.ada] {
        let body = json!({ "name": "More", "inherits_from": role_id(Owner) });
        scene.make(by, body).await.invalid("inherits_from", "owner-not-inherited");
    }
    let own = json!({ "name": "Deputy", "permissions": ["project:*", "org:roles:write"], "inherits_from": role_id(Admin) });
    scene.make(&scene.vic, own).await.expect(201);
    assert_eq!(
        scene
            .server
            .get_as(&scene.ada, &format!("{}/roles", scene.acme))
            .await
            .expect(200)
            .as_array()
            .unwrap()
            .len(),
        8
    );
}

async fn nobody_widens_a_role_by_more_than_they_hold(server: Server) {
    let scene = Scene::new(server).await;
    let role = scene.role("Accountant", &["org:read", "org:billing:*"], None).await;
    let billing = scene.role("Billing", &["org:billing:read"], None).await;
    for patch in [
        json!({ "permissions": ["org:read", "org:billing:*", "org:delete"] }),
        json!({ "permissions": ["org:*"] }),
        json!({ "permissions": ["org:read"], "inherits_from": billing }),
        json!({ "inherits_from": billing }),
    ] {
        scene.patch(&scene.vic, &role, patch).await.refused(403, "role-not-held");
    }
    // What it gave already, and what its changer holds, is no widening.
    let patch = json!({ "name": "Books", "permissions": ["org:read", "org:billing:*", "task:read"] });
    let changed = scene.patch(&scene.vic, &role, patch).await.expect(200);
    assert_eq!(changed["permissions"], json!(["org:billing:*", "org:read", "task:read"]));
    scene.patch(&scene.vic, &role, json!({ "permissions": ["org:read"] })).await.expect(200);
    // Once it is narrowed, the way back is a widening.
    let back = json!({ "permissions": ["org:read", "org:billing:*"] });
    scene.patch(&scene.vic, &role, back.clone()).await.refused(403, "role-not-held");
    scene.patch(&scene.ada, &role, back).await.expect(200);
    // Through a role below, too.
    let below = scene.role("Below", &["org:read"], None).await;
    scene.patch(&scene.vic, &below, json!({ "inherits_from": role })).await.refused(403, "role-not-held");
}

async fn nobody_gives_a_role_of_which_they_do_not_hold_everything(server: Server) {
    let scene = Scene::new(server).await;
    let billing = scene.role("Billing", &["org:billing:read"], None).await;
    let below = scene.role("Below", &["org:read"], Some(&billing)).await;
    let eve = scene.server.person("eve@example.com").await;
    for role in [&billing, &below] {
        scene.give(&scene.vic, &scene.bobs, role).await.refused(403, "role-not-held");
        let body = json!({ "user_id": eve.id, "role_id": role });
        scene
            .server
            .post_as(&scene.vic, &format!("{}/members", scene.acme), body)
            .await
            .refused(403, "role-not-held");
        let body = json!({ "email": "eve@example.com", "role_id": role });
        scene
            .server
            .post_as(&scene.vic, &format!("{}/invitations", scene.acme), body)
            .await
            .refused(403, "role-not-held");
    }
    // Whoever may spawn agents but holds nothing else gives them nothing else.
    let spawner = scene.role("Spawner", &["org:read", "agent:*"], None).await;
    scene.give(&scene.ada, &scene.bobs, &spawner).await.expect(200);
    let agents = format!("{}/agents", scene.acme);
    for role in [role_id(Viewer), role_id(Admin), role_id(SystemRole::AgentExecutor), below.clone()] {
        let body = json!({ "name": "Builder", "role_id": role });
        scene.server.post_as(&scene.bob, &agents, body).await.refused(403, "role-not-held");
    }
    let body = json!({ "name": "Builder", "role_id": spawner });
    scene.server.post_as(&scene.bob, &agents, body).await.expect(201);
    for by in [&scene.ada, &scene.server.super_admin("root@example.com").await] {
        scene.give(by, &scene.bobs, &below).await.expect(200);
    }
}

async fn whoever_runs_the_members_makes_nobody_an_admin(server: Server) {
    let scene = Scene::new(server).await;
    let people = scene.role("People", &["org:read", "org:members:*", "org:roles:*"], None).await;
    scene.give(&scene.ada, &scene.bobs, &people).await.expect(200);
    let members = format!("{}/members", scene.acme);
    let eve = scene.server.person("eve@example.com").await;
    for role in SystemRole::ALL {
        let expected = if role == Owner { "owner-protected" } else { "role-not-held" };
        let body = json!({ "user_id": eve.id, "role_id": role_id(role) });
        scene.server.post_as(&scene.bob, &members, body).await.refused(403, expected);
        let body = json!({ "email": "eve@example.com", "role_id": role_id(role) });
        scene
            .server
            .post_as(&scene.bob, &format!("{}/invitations", scene.acme), body)
            .await
            .refused(403, expected);
        scene.give(&scene.bob, &scene.vics, &role_id(role)).await.refused(403, expected);
    }
    for above in [Admin, Member, Viewer] {
        let body = json!({ "name": "Mine", "inherits_from": role_id(above) });
        scene.make(&scene.bob, body).await.refused(403, "role-not-held");
    }
    // What they hold they may pass on.
    let body = json!({ "name": "Helper", "permissions": ["org:members:read"] });
    let helper = id(&scene.make(&scene.bob, body).await.expect(201));
    for role in [&helper, &people] {
        let body = json!({ "user_id": eve.id, "role_id": role });
        let made = scene.server.post_as(&scene.bob, &members, body).await.expect(201);
        scene.server.delete_as(&scene.bob, &format!("{members}/{}", id(&made))).await.expect(200);
    }
}

async fn nobody_raises_their_own_role(server: Server) {
    let scene = Scene::new(server).await;
    let role = scene.role("Deputy", &["org:roles:*", "org:members:*"], Some(&role_id(Member))).await;
    scene.give(&scene.ada, &scene.bobs, &role).await.expect(200);
    for patch in [
        json!({ "permissions": ["org:*"] }),
        json!({ "permissions": ["org:roles:*", "org:members:*", "org:billing:read"] }),
        json!({ "inherits_from": role_id(Admin) }),
    ] {
        scene.patch(&scene.bob, &role, patch).await.refused(403, "role-not-held");
    }
    scene
        .patch(&scene.bob, &role, json!({ "inherits_from": role_id(Owner) }))
        .await
        .invalid("inherits_from", "owner-not-inherited");
    scene.give(&scene.bob, &scene.bobs, &role_id(Admin)).await.refused(403, "self-promotion");
    scene.give(&scene.vic, &scene.vics, &role).await.refused(403, "self-promotion");
    scene.delete(&scene.bob, &role, Some(&role_id(Admin))).await.refused(403, "role-not-held");
    // One may give up what one has.
    scene.patch(&scene.bob, &role, json!({ "permissions": ["org:roles:*"] })).await.expect(200);
    scene
        .patch(&scene.bob, &role, json!({ "permissions": ["org:roles:*", "org:members:*"] }))
        .await
        .refused(403, "role-not-held");
}

async fn nobody_is_reassigned_to_what_the_caller_does_not_hold(server: Server) {
    let scene = Scene::new(server).await;
    let role = scene.role("Role", &["org:read"], None).await;
    let billing = scene.role("Billing", &["org:billing:read"], None).await;
    scene.give(&scene.ada, &scene.bobs, &role).await.expect(200);
    scene.delete(&scene.vic, &role, Some(&billing)).await.refused(403, "role-not-held");
    for by in [&scene.vic, &scene.ada] {
        scene.delete(by, &role, Some(&role_id(Owner))).await.invalid("reassign_to", "owner-not-assigned");
        scene.delete(by, &role, Some(&role)).await.invalid("reassign_to", "unknown-role");
    }
    let bob = scene.server.get_as(&scene.bob, "/api/v1/organizations").await.expect(200);
    assert_eq!(bob[0]["role"], "Role");
    scene.delete(&scene.vic, &role, Some(&role_id(Admin))).await.expect(200);
    scene.members(&scene.bob).await.expect(200);
}

async fn a_key_gives_no_role_beyond_its_scopes(server: Server) {
    let scene = Scene::new(server).await;
    let eve = scene.server.person("eve@example.com").await;
    let role = scene.role("Reader", &["org:read", "task:read"], None).await;
    let post = async |key: &str, path: &str, body: Value| {
        scene.server.send(Method::POST, &format!("{}/{path}", scene.acme), Some(key), Some(&body)).await
    };
    let narrow = scene.key(&scene.ada, &["org:roles:*", "org:members:*"]).await;
    let member = |role: &str| json!({ "user_id": eve.id, "role_id": role });
    post(&narrow, "roles", json!({ "name": "Mine", "permissions": ["task:read"] }))
        .await
        .refused(403, "role-not-held");
    post(&narrow, "roles", json!({ "name": "Mine", "inherits_from": role_id(Viewer) }))
        .await
        .refused(403, "role-not-held");
    for role in [&role, &role_id(Viewer), &role_id(Admin)] {
        post(&narrow, "members", member(role)).await.refused(403, "role-not-held");
    }
    post(&narrow, "members", member(&role_id(Owner))).await.refused(403, "role-not-held");
    post(&narrow, "roles", json!({ "name": "Mine", "permissions": ["org:members:read"] })).await.expect(201);
    let wide = scene.key(&scene.ada, &["org:roles:*", "org:members:*", "org:read", "task:*"]).await;
    post(&wide, "roles", json!({ "name": "Tasks", "permissions": ["task:*"] })).await.expect(201);
    post(&wide, "members", member(&role)).await.expect(201);
    // A scope that only reads changes nothing.
    let reader = scene.key(&scene.ada, &["org:read", "task:read"]).await;
    post(&reader, "roles", json!({ "name": "Reads", "permissions": ["task:read"] }))
        .await
        .refused(403, "insufficient-scope");
}
