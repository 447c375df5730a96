//! Roles that an organization makes for itself: what they open, to whom, and how nobody gets more by them.

use std::time::Duration;

use palisade::domain::SystemRole::{self, Admin, Member, Owner, Viewer};
use poem::http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::on_both;
use crate::support::{Answer, Person, Server, role_id};

on_both!(
    a_role_opens_what_it_lists_and_nothing_else,
    a_role_opens_what_every_role_above_it_opens,
    a_role_is_shown_by_its_name_wherever_it_is_held,
    a_change_of_a_role_is_effective_at_once,
    a_change_of_a_role_is_effective_at_once_on_another_node,
    nobody_makes_a_role_of_more_than_they_hold,
    nobody_widens_a_role_by_more_than_they_hold,
    nobody_gives_a_role_of_which_they_do_not_hold_everything,
    whoever_runs_the_members_makes_nobody_an_admin,
    nobody_raises_their_own_role,
    another_organizations_role_is_as_unknown_as_none,
    another_organizations_role_is_not_found_under_ones_own,
    a_role_is_of_its_organization_alone,
    a_role_never_inherits_from_itself_nor_too_far,
    a_role_that_is_held_is_not_deleted,
    whoever_holds_a_deleted_role_gets_the_other_one_at_once,
    nobody_is_reassigned_to_what_the_caller_does_not_hold,
    the_platforms_roles_stay_what_they_are,
    a_role_given_while_it_is_deleted_is_given_or_deleted,
    a_keys_scopes_still_bound_what_a_role_opens,
    a_key_gives_no_role_beyond_its_scopes,
    an_agent_works_under_a_role_of_the_organizations_own,
    in_an_archived_organization_no_role_is_made_or_opens_anything,
    a_roles_name_is_its_own_in_whatever_case,
    what_is_no_permission_is_told_by_its_place,
    whatever_a_role_is_called_is_text,
    an_organization_has_a_bounded_number_of_roles,
    who_may_not_see_the_organization_learns_nothing_of_its_roles,
    what_happened_to_a_role_is_written_down,
    a_platforms_role_is_all_that_the_policies_give_it,
);

/// `acme`, its owner Ada, its admin Vic, and Bob who belongs to it as a viewer.
struct Scene {
    server: Server,
    ada: Person,
    vic: Person,
    bob: Person,
    acme: String,
    /// The paths of their memberships.
    vics: String,
    bobs: String,
}

impl Scene {
    async fn new(server: Server) -> Self {
        let ada = server.person("ada@example.com").await;
        let vic = server.person("vic@example.com").await;
        let bob = server.person("bob@example.com").await;
        let acme = server.organization(&ada, "acme").await;
        let vics = server.add_member(&ada, &acme, &vic, Admin).await;
        let bobs = server.add_member(&ada, &acme, &bob, Viewer).await;
        Self { server, ada, vic, bob, acme, vics, bobs }
    }

    async fn make(&self, by: &Person, body: Value) -> Answer {
        self.server.post_as(by, &format!("{}/roles", self.acme), body).await
    }

    /// A role that Ada makes; its id.
    async fn role(&self, name: &str, permissions: &[&str], inherits_from: Option<&str>) -> String {
        let body = json!({ "name": name, "permissions": permissions, "inherits_from": inherits_from });
        id(&self.make(&self.ada, body).await.expect(201))
    }

    async fn patch(&self, by: &Person, role: &str, body: Value) -> Answer {
        self.server.patch_as(by, &format!("{}/roles/{role}", self.acme), body).await
    }

    async fn delete(&self, by: &Person, role: &str, reassign_to: Option<&str>) -> Answer {
        let to = reassign_to.map_or(String::new(), |id| format!("?reassign_to={id}"));
        self.server.delete_as(by, &format!("{}/roles/{role}{to}", self.acme)).await
    }

    async fn give(&self, by: &Person, membership: &str, role: &str) -> Answer {
        self.server.patch_as(by, membership, json!({ "role_id": role })).await
    }

    async fn members(&self, by: &Person) -> Answer {
        self.server.get_as(by, &format!("{}/members", self.acme)).await
    }

    async fn events(&self, by: &Person) -> Answer {
        self.server.get_as(by, &format!("{}/events", self.acme)).await
    }

    async fn key(&self, owner: &Person, scopes: &[&str]) -> String {
        let body = json!({ "name": "k", "scopes": scopes });
        let made = self.server.post_as(owner, "/api/v1/auth/api-keys", body).await.expect(201);
        made["key"].as_str().unwrap().to_owned()
    }
}

fn id(made: &Value) -> String {
    made["id"].as_str().expect("an id").to_owned()
}

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
