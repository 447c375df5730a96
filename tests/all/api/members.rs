//! Who may make whom what, and which organization keeps an owner.

use std::collections::BTreeSet;

use palisade::domain::SystemRole::{self, Admin, AgentExecutor, Member, Owner, Viewer};
use serde_json::{Value, json};
use uuid::Uuid;

use super::requests::same_part;
use crate::on_both;
use crate::support::{Person, Server, role_id};

on_both!(
    a_member_is_shown_with_name_and_address,
    the_last_owner_stays_an_owner,
    of_two_owners_leaving_at_once_one_remains,
    nobody_raises_themselves,
    an_admin_neither_touches_an_owner_nor_makes_one,
    what_each_role_may_do_about_members,
    anyone_but_the_last_owner_may_leave,
    a_removed_member_is_a_stranger_at_once,
    another_organizations_membership_is_not_found_under_ones_own,
    a_stranger_cannot_tell_an_organization_from_none,
    who_cannot_be_added_is_told_by_field,
    paging_lists_each_member_once,
    a_page_has_bounds,
);

fn to(role: SystemRole) -> Value {
    json!({ "role_id": role_id(role) })
}

/// The path of the membership that `person` has, as an owner finds it.
async fn membership(server: &Server, owner: &Person, organization: &str, person: &Person) -> String {
    let all = server.get_as(owner, &format!("{organization}/members")).await.expect(200);
    let own =
        all.as_array().unwrap().iter().find(|one| one["user_id"] == person.id.as_str()).expect("a member");
    format!("{organization}/members/{}", own["id"].as_str().unwrap())
}

async fn a_member_is_shown_with_name_and_address(server: Server) {
    let ada = server.person("ada@example.com").await;
    let bob = server.person("bob@example.com").await;
    server.patch_as(&bob, "/api/v1/auth/me", json!({ "full_name": "Bob" })).await.expect(200);
    let acme = server.organization(&ada, "acme").await;
    let path = server.add_member(&ada, &acme, &bob, Member).await;
    let all = server.get_as(&bob, &format!("{acme}/members")).await.expect(200);
    assert_eq!(all.as_array().unwrap().len(), 2);
    let (organization, id) = (&acme[acme.rfind('/').unwrap() + 1..], &path[path.rfind('/').unwrap() + 1..]);
    let shown = json!({
        "id": id, "user_id": bob.id, "organization_id": organization, "role_id": role_id(Member),
        "role_name": "member", "email": "bob@example.com", "full_name": "Bob",
        "joined_at": "2026-01-01T00:00:00Z",
    });
    assert!(all.as_array().unwrap().contains(&shown), "{all}");
    let changed = server.patch_as(&ada, &path, to(Viewer)).await.expect(200);
    assert_eq!((&changed["id"], &changed["role_name"]), (&json!(id), &json!("viewer")));
    let own = server.get_as(&bob, "/api/v1/organizations").await.expect(200);
    assert_eq!((&own[0]["slug"], &own[0]["role"]), (&json!("acme"), &json!("viewer")));
}

async fn the_last_owner_stays_an_owner(server: Server) {
    let ada = server.person("ada@example.com").await;
    let bob = server.person("bob@example.com").await;
    let root = server.super_admin("root@example.com").await;
    let acme = server.organization(&ada, "acme").await;
    server.add_member(&ada, &acme, &bob, Admin).await;
    let own = membership(&server, &ada, &acme, &ada).await;
    for role in [Admin, Member, Viewer, AgentExecutor] {
        server.patch_as(&ada, &own, to(role)).await.refused(409, "last-owner");
        server.patch_as(&root, &own, to(role)).await.refused(403, "owner-protected");
    }
    server.delete_as(&ada, &own).await.refused(409, "last-owner");
    server.delete_as(&root, &own).await.refused(403, "owner-protected");
    server.patch_as(&ada, &own, to(Owner)).await.expect(200);

    // With a second owner the first may step down, and then the second is the last.
    let bobs = membership(&server, &ada, &acme, &bob).await;
    server.patch_as(&ada, &bobs, to(Owner)).await.expect(200);
    server.patch_as(&ada, &own, to(Admin)).await.expect(200);
    server.delete_as(&bob, &bobs).await.refused(409, "last-owner");
    server.patch_as(&bob, &bobs, to(Viewer)).await.refused(409, "last-owner");
    server.delete_as(&ada, &own).await.expect(200);
    server.delete_as(&bob, &bobs).await.refused(409, "last-owner");
}

async fn of_two_owners_leaving_at_once_one_remains(server: Server) {
    let ada = server.person("ada@example.com").await;
    let bob = server.person("bob@example.com").await;
    for round in 0..8 {
        let acme = server.organization(&ada, &format!("acme-{round}")).await;
        let bobs = server.add_member(&ada, &acme, &bob, Owner).await;
        let own = membership(&server, &ada, &acme, &ada).await;
        let (first, second) =
            tokio::join!(server.delete_as(&ada, &own), server.patch_as(&bob, &bobs, to(Viewer)));
        let mut done = [first.status, second.status];
        done.sort_unstable();
        assert_eq!(done, [200, 409], "{} {}", first.body, second.body);
    }
}

async fn nobody_raises_themselves(server: Server) {
    let ada = server.person("ada@example.com").await;
    let acme = server.organization(&ada, "acme").await;
    for role in [Admin, Member, Viewer, AgentExecutor] {
        let eve = server.person(&format!("{}@example.com", role.name())).await;
        let own = server.add_member(&ada, &acme, &eve, role).await;
        for wanted in SystemRole::ALL {
            let answer = server.patch_as(&eve, &own, to(wanted)).await;
            // Who may not even list the members is told nothing of a membership.
            let expected = if matches!(role, Admin | Member) { 403 } else { 404 };
            assert_eq!(answer.status, expected, "{role:?} to {wanted:?}: {}", answer.body);
            if role == Admin && wanted != Owner {
                answer.refused(403, "self-promotion");
            }
        }
        let again = json!({ "user_id": eve.id, "role_id": role_id(Owner) });
        let answer = server.post_as(&eve, &format!("{acme}/members"), again).await;
        assert!(matches!(answer.status, 403 | 404), "{}", answer.body);
        assert_eq!(
            server
                .get_as(&ada, &format!("{acme}/members"))
                .await
                .expect(200)
                .as_array()
                .unwrap()
                .iter()
                .filter(|one| one["role_name"] == "owner")
                .count(),
            1
        );
    }
}

async fn an_admin_neither_touches_an_owner_nor_makes_one(server: Server) {
    let ada = server.person("ada@example.com").await;
    let bob = server.person("bob@example.com").await;
    let eve = server.person("eve@example.com").await;
    let carl = server.person("carl@example.com").await;
    let acme = server.organization(&ada, "acme").await;
    server.add_member(&ada, &acme, &eve, Admin).await;
    server.add_member(&ada, &acme, &bob, Owner).await;
    let carls = server.add_member(&eve, &acme, &carl, Member).await;

    let bobs = membership(&server, &ada, &acme, &bob).await;
    for role in SystemRole::ALL {
        server.patch_as(&eve, &bobs, to(role)).await.refused(403, "owner-protected");
    }
    server.delete_as(&eve, &bobs).await.refused(403, "owner-protected");
    server.patch_as(&eve, &carls, to(Owner)).await.refused(403, "owner-protected");
    let dora = server.person("dora@example.com").await;
    let add = json!({ "user_id": dora.id, "role_id": role_id(Owner) });
    server.post_as(&eve, &format!("{acme}/members"), add).await.refused(403, "owner-protected");
    let invite = json!({ "email": "dora@example.com", "role_id": role_id(Owner) });
    server.post_as(&eve, &format!("{acme}/invitations"), invite).await.refused(403, "owner-protected");
    // Below an owner an admin may do everything.
    server.patch_as(&eve, &carls, to(Admin)).await.expect(200);
    server.delete_as(&eve, &carls).await.expect(200);
}

async fn what_each_role_may_do_about_members(server: Server) {
    let ada = server.person("ada@example.com").await;
    let target = server.person("target@example.com").await;
    let fresh = server.person("fresh@example.com").await;
    let acme = server.organization(&ada, "acme").await;
    let targets = server.add_member(&ada, &acme, &target, Viewer).await;
    let members = format!("{acme}/members");
    // Who may not list members does not learn of one, and an agent executor not even of the organization.
    for (role, list, one_member, rest) in
        [(Member, 200, 403, 403), (Viewer, 403, 404, 403), (AgentExecutor, 404, 404, 404)]
    {
        let one = server.person(&format!("{}@example.com", role.name())).await;
        server.add_member(&ada, &acme, &one, role).await;
        let add = json!({ "user_id": fresh.id, "role_id": role_id(Viewer) });
        let invite = json!({ "email": "x@example.com", "role_id": role_id(Viewer) });
        let seen = [
            server.get_as(&one, &members).await.status,
            server.post_as(&one, &members, add).await.status,
            server.patch_as(&one, &targets, to(Member)).await.status,
            server.delete_as(&one, &targets).await.status,
            server.post_as(&one, &format!("{acme}/invitations"), invite).await.status,
            server.get_as(&one, &format!("{acme}/invitations")).await.status,
        ];
        assert_eq!(seen, [list, rest, one_member, one_member, rest, rest], "{role:?}");
    }
    let kept = membership(&server, &ada, &acme, &target).await;
    assert_eq!(kept, targets);
}

async fn anyone_but_the_last_owner_may_leave(server: Server) {
    let ada = server.person("ada@example.com").await;
    let acme = server.organization(&ada, "acme").await;
    for role in SystemRole::ALL {
        let bob = server.person(&format!("{}@example.com", role.name())).await;
        let own = server.add_member(&ada, &acme, &bob, role).await;
        server.delete_as(&bob, &own).await.expect(200);
        assert_eq!(server.get_as(&bob, "/api/v1/organizations").await.expect(200), json!([]));
        server.delete_as(&bob, &own).await.refused(404, "not-found");
    }
}

async fn a_removed_member_is_a_stranger_at_once(server: Server) {
    let ada = server.person("ada@example.com").await;
    let bob = server.person("bob@example.com").await;
    let acme = server.organization(&ada, "acme").await;
    let bobs = server.add_member(&ada, &acme, &bob, Admin).await;
    server.get_as(&bob, &acme).await.expect(200);
    server.delete_as(&ada, &bobs).await.expect(200);
    server.get_as(&bob, &acme).await.refused(404, "not-found");
    server.get_as(&bob, &format!("{acme}/members")).await.refused(404, "not-found");
    // And may be taken in again.
    server.add_member(&ada, &acme, &bob, Viewer).await;
    server.get_as(&bob, &acme).await.expect(200);
}

async fn another_organizations_membership_is_not_found_under_ones_own(server: Server) {
    let ada = server.person("ada@example.com").await;
    let eve = server.person("eve@example.com").await;
    let bob = server.person("bob@example.com").await;
    let acme = server.organization(&ada, "acme").await;
    let evil = server.organization(&eve, "evil").await;
    let bobs = server.add_member(&ada, &acme, &bob, Member).await;
    let id = &bobs[bobs.rfind('/').unwrap() + 1..];
    let foreign = format!("{evil}/members/{id}");
    let missing = format!("{evil}/members/{}", Uuid::nil());
    let none = server.delete_as(&eve, &missing).await;
    none.clone().refused(404, "not-found");
    let answers = [
        server.patch_as(&eve, &foreign, to(Viewer)).await,
        server.patch_as(&eve, &missing, to(Viewer)).await,
        server.delete_as(&eve, &foreign).await,
        server.patch_as(&eve, &bobs, to(Viewer)).await,
        server.delete_as(&eve, &bobs).await,
        // Not even one's own membership under another organization's path, nor who may everything.
        server.delete_as(&bob, &foreign).await,
    ];
    for answer in answers {
        assert_eq!(same_part(&answer), same_part(&none));
    }
    let root = server.super_admin("root@example.com").await;
    server.delete_as(&root, &foreign).await.refused(404, "not-found");
    assert_eq!(membership(&server, &ada, &acme, &bob).await, bobs);
}

async fn a_stranger_cannot_tell_an_organization_from_none(server: Server) {
    let ada = server.person("ada@example.com").await;
    let eve = server.person("eve@example.com").await;
    let acme = server.organization(&ada, "acme").await;
    let nothing = format!("/api/v1/organizations/{}", Uuid::nil());
    let none = server.get_as(&eve, &nothing).await;
    none.clone().refused(404, "not-found");
    for path in [&acme, &nothing] {
        let add = json!({ "user_id": eve.id, "role_id": role_id(Owner) });
        let invite = json!({ "email": "eve@example.com", "role_id": role_id(Owner) });
        let answers = [
            server.get_as(&eve, path).await,
            server.patch_as(&eve, path, json!({ "name": "x" })).await,
            server.delete_as(&eve, path).await,
            server.get_as(&eve, &format!("{path}/roles")).await,
            server.get_as(&eve, &format!("{path}/members")).await,
            server.post_as(&eve, &format!("{path}/members"), add).await,
            server.get_as(&eve, &format!("{path}/invitations")).await,
            server.post_as(&eve, &format!("{path}/invitations"), invite).await,
        ];
        for answer in answers {
            assert_eq!(same_part(&answer), same_part(&none));
        }
    }
}

async fn who_cannot_be_added_is_told_by_field(server: Server) {
    let ada = server.person("ada@example.com").await;
    let bob = server.person("bob@example.com").await;
    let acme = server.organization(&ada, "acme").await;
    let path = format!("{acme}/members");
    let add = async |user: Value, role: Value| {
        server.post_as(&ada, &path, json!({ "user_id": user, "role_id": role })).await
    };
    let viewer = json!(role_id(Viewer));
    add(json!(Uuid::nil().to_string()), viewer.clone()).await.invalid("user_id", "unknown-user");
    add(json!("bob"), viewer.clone()).await.invalid("user_id", "bad-format");
    add(Value::Null, viewer.clone()).await.invalid("user_id", "required");
    add(json!(bob.id), json!(Uuid::nil().to_string())).await.invalid("role_id", "unknown-role");
    add(json!(bob.id), json!("owner")).await.invalid("role_id", "bad-format");
    add(json!(bob.id), viewer.clone()).await.expect(201);
    add(json!(bob.id), json!(role_id(Admin))).await.refused(409, "already-a-member");
    let bobs = membership(&server, &ada, &acme, &bob).await;
    let role = json!({ "role_id": Uuid::nil().to_string() });
    server.patch_as(&ada, &bobs, role).await.invalid("role_id", "unknown-role");
}

async fn paging_lists_each_member_once(server: Server) {
    let ada = server.person("ada@example.com").await;
    let acme = server.organization(&ada, "acme").await;
    for number in 0..6 {
        let one = server.person(&format!("member-{number}@example.com")).await;
        server.add_member(&ada, &acme, &one, Viewer).await;
    }
    for limit in [1, 2, 3, 7, 500] {
        let (mut seen, mut after, mut pages) = (Vec::new(), String::new(), 0);
        loop {
            let path = format!("{acme}/members?limit={limit}{after}");
            let page = server.get_as(&ada, &path).await.expect(200);
            let page = page.as_array().unwrap();
            assert!(page.len() <= limit);
            seen.extend(page.iter().map(|one| one["email"].as_str().unwrap().to_owned()));
            let Some(last) = page.last() else { break };
            after = format!("&after={}", last["id"].as_str().unwrap());
            pages += 1;
        }
        assert_eq!(pages, 7_usize.div_ceil(limit));
        assert_eq!((seen.len(), seen.into_iter().collect::<BTreeSet<_>>().len()), (7, 7));
    }
}

async fn a_page_has_bounds(server: Server) {
    let root = server.super_admin("root@example.com").await;
    let acme = server.organization(&root, "acme").await;
    let (members, invitations) = (format!("{acme}/members"), format!("{acme}/invitations"));
    let wrong = ["0", "-1", "501", "9223372036854775807", "9223372036854775808", "1e3", "ten", "%00", "1.5"];
    for path in [members.as_str(), invitations.as_str(), "/api/v1/auth/waitlist"] {
        for limit in wrong {
            server.get_as(&root, &format!("{path}?limit={limit}")).await.invalid("limit", "bad-format");
        }
        server.get_as(&root, &format!("{path}?limit=500")).await.expect(200);
        server.get_as(&root, &format!("{path}?limit=1")).await.expect(200);
    }
    for path in [members.as_str(), invitations.as_str()] {
        server.get_as(&root, &format!("{path}?after=x")).await.invalid("after", "bad-format");
        let last = format!("{path}?after=ffffffff-ffff-ffff-ffff-ffffffffffff");
        assert_eq!(server.get_as(&root, &last).await.expect(200), json!([]));
    }
    for offset in ["-1", "1000001", "9223372036854775808", "x"] {
        let path = format!("/api/v1/auth/waitlist?offset={offset}");
        server.get_as(&root, &path).await.invalid("offset", "bad-format");
    }
    let path = "/api/v1/auth/waitlist?status_filter=everybody";
    server.get_as(&root, path).await.invalid("status_filter", "bad-format");
}
