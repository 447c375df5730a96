//! Being asked to join: by mail, once, by one address, within a week.

use std::collections::BTreeSet;
use std::time::Duration;

use palisade::domain::SystemRole::{self, Admin, Member, Owner, Viewer};
use serde_json::{Value, json};
use uuid::Uuid;

use super::requests::same_part;
use crate::on_both;
use crate::support::{Answer, Person, Server, role_id};

on_both!(
    an_invited_person_joins_with_the_role_of_the_invitation,
    e47_an_invitation_is_for_one_person,
    e47_an_unverified_person_cannot_accept,
    e47_an_invitation_ends_after_a_week,
    e47_a_revoked_invitation_is_dead,
    e47_a_used_invitation_is_dead,
    a_second_invitation_kills_the_first,
    e47_an_invitation_dies_with_the_membership_of_who_sent_it,
    an_invitation_to_an_archived_organization_leads_nowhere,
    who_is_a_member_already_is_told_so,
    another_organizations_invitation_is_not_found_under_ones_own,
    what_cannot_be_sent_is_told_by_field,
    what_is_no_invitation_token_is_not_found,
    paging_lists_each_open_invitation_once,
    opening_the_page_of_an_invitation_accepts_nothing,
);

const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);

async fn invite(server: &Server, by: &Person, organization: &str, email: &str, role: SystemRole) -> Answer {
    server.advance(Duration::from_secs(1));
    let body = json!({ "email": email, "role_id": role_id(role) });
    server.post_as(by, &format!("{organization}/invitations"), body).await
}

/// Invites, and reads the token in the letter.
async fn invited(server: &Server, by: &Person, organization: &str, email: &str, role: SystemRole) -> String {
    invite(server, by, organization, email, role).await.expect(201);
    server.last_mail(&email.to_lowercase()).await.token()
}

async fn accept(server: &Server, person: &Person, token: &str) -> Answer {
    server.post_as(person, "/api/v1/invitations/accept", json!({ "token": token })).await
}

/// Signs in anew: invitations outlive access tokens.
async fn again(server: &Server, person: &Person) -> Person {
    server.login(&person.email).await
}

async fn an_invited_person_joins_with_the_role_of_the_invitation(server: Server) {
    let ada = server.person("ada@example.com").await;
    let bob = server.person("bob@example.com").await;
    let acme = server.organization(&ada, "acme").await;
    for role in SystemRole::ALL {
        let mut made = invite(&server, &ada, &acme, " Bob@Example.com", role).await.expect(201);
        let id = made["id"].as_str().unwrap().to_owned();
        let listed = server.get_as(&ada, &format!("{acme}/invitations")).await.expect(200);
        assert_eq!(listed, json!([made]));
        for instant in ["created_at", "expires_at"] {
            made.as_object_mut().unwrap().remove(instant).expect("an instant");
        }
        let organization = &acme[acme.rfind('/').unwrap() + 1..];
        assert_eq!(
            made,
            json!({
                "id": id, "organization_id": organization, "email": "bob@example.com",
                "role_id": role_id(role), "role_name": role.name(), "invited_by": ada.id,
            })
        );
        let letter = server.last_mail("bob@example.com").await;
        assert!(letter.text.contains("http://palisade.test/accept-invitation?token="), "{}", letter.text);
        assert!(letter.text.contains("ada@example.com") && letter.text.contains("acme"), "{}", letter.text);

        let joined = accept(&server, &bob, &letter.token()).await.expect(200);
        assert_eq!(joined, json!({ "organization_id": organization, "role_name": role.name() }));
        let own = server.get_as(&bob, "/api/v1/organizations").await.expect(200);
        assert_eq!(own[0]["role"], role.name());
        assert_eq!(server.get_as(&ada, &format!("{acme}/invitations")).await.expect(200), json!([]));
        let members = server.get_as(&ada, &format!("{acme}/members")).await.expect(200);
        let bobs = members.as_array().unwrap().iter().find(|one| one["user_id"] == bob.id.as_str()).unwrap();
        let path = format!("{acme}/members/{}", bobs["id"].as_str().unwrap());
        server.delete_as(&bob, &path).await.expect(200);
    }
}

async fn e47_an_invitation_is_for_one_person(server: Server) {
    let ada = server.person("ada@example.com").await;
    let eve = server.person("eve@example.com").await;
    let bob = server.person("bob@example.com").await;
    let acme = server.organization(&ada, "acme").await;
    let token = invited(&server, &ada, &acme, "bob@example.com", Admin).await;
    let missing = accept(&server, &eve, "no-such-token").await;
    missing.clone().refused(404, "not-found");
    assert_eq!(same_part(&accept(&server, &eve, &token).await), same_part(&missing));
    // Whoever may list it is told that it is not theirs.
    accept(&server, &ada, &token).await.refused(403, "not-permitted");
    server.post("/api/v1/invitations/accept", json!({ "token": token })).await.refused(401, "not-signed-in");
    accept(&server, &bob, &token).await.expect(200);
}

async fn e47_an_unverified_person_cannot_accept(server: Server) {
    let ada = server.person("ada@example.com").await;
    let eve = server.unverified("bob@example.com").await;
    let proof = server.last_mail("bob@example.com").await.token();
    let acme = server.organization(&ada, "acme").await;
    let token = invited(&server, &ada, &acme, "bob@example.com", Member).await;
    accept(&server, &eve, &token).await.refused(403, "email-unverified");
    server.post("/api/v1/auth/verify-email", json!({ "token": token })).await.refused(409, "token-invalid");
    accept(&server, &eve, &proof).await.refused(404, "not-found");
    server.post("/api/v1/auth/verify-email", json!({ "token": proof })).await.expect(200);
    accept(&server, &eve, &token).await.expect(200);
}

async fn e47_an_invitation_ends_after_a_week(server: Server) {
    let ada = server.person("ada@example.com").await;
    let bob = server.person("bob@example.com").await;
    let carl = server.person("carl@example.com").await;
    let acme = server.organization(&ada, "acme").await;
    let late = invited(&server, &ada, &acme, "bob@example.com", Member).await;
    let early = invited(&server, &ada, &acme, "carl@example.com", Member).await;
    server.advance(WEEK - Duration::from_secs(1));
    let (ada, bob, carl) =
        (again(&server, &ada).await, again(&server, &bob).await, again(&server, &carl).await);
    accept(&server, &bob, &late).await.refused(404, "not-found");
    let open = server.get_as(&ada, &format!("{acme}/invitations")).await.expect(200);
    assert_eq!(open.as_array().unwrap().len(), 1, "{open}");
    accept(&server, &carl, &early).await.expect(200);
}

async fn e47_a_revoked_invitation_is_dead(server: Server) {
    let ada = server.person("ada@example.com").await;
    let bob = server.person("bob@example.com").await;
    let acme = server.organization(&ada, "acme").await;
    let made = invite(&server, &ada, &acme, "bob@example.com", Member).await.expect(201);
    let token = server.last_mail("bob@example.com").await.token();
    let path = format!("{acme}/invitations/{}", made["id"].as_str().unwrap());
    server.delete_as(&ada, &path).await.expect(200);
    accept(&server, &bob, &token).await.refused(404, "not-found");
    assert_eq!(server.get_as(&ada, &format!("{acme}/invitations")).await.expect(200), json!([]));
    server.delete_as(&ada, &path).await.refused(404, "not-found");
}

async fn e47_a_used_invitation_is_dead(server: Server) {
    let ada = server.person("ada@example.com").await;
    let bob = server.person("bob@example.com").await;
    let acme = server.organization(&ada, "acme").await;
    let token = invited(&server, &ada, &acme, "bob@example.com", Admin).await;
    let both = tokio::join!(accept(&server, &bob, &token), accept(&server, &bob, &token));
    let mut done = [both.0.status, both.1.status];
    done.sort_unstable();
    assert_eq!(done, [200, 404], "{} {}", both.0.body, both.1.body);
    // Whoever was removed cannot come back with the old letter.
    let members = server.get_as(&ada, &format!("{acme}/members")).await.expect(200);
    let bobs = members.as_array().unwrap().iter().find(|one| one["user_id"] == bob.id.as_str()).unwrap();
    let path = format!("{acme}/members/{}", bobs["id"].as_str().unwrap());
    server.delete_as(&ada, &path).await.expect(200);
    accept(&server, &bob, &token).await.refused(404, "not-found");
    server.get_as(&bob, &acme).await.refused(404, "not-found");
}

async fn a_second_invitation_kills_the_first(server: Server) {
    let ada = server.person("ada@example.com").await;
    let bob = server.person("bob@example.com").await;
    let acme = server.organization(&ada, "acme").await;
    let other = server.organization(&ada, "other").await;
    let first = invited(&server, &ada, &acme, "bob@example.com", Admin).await;
    let elsewhere = invited(&server, &ada, &other, "bob@example.com", Viewer).await;
    let second = invited(&server, &ada, &acme, "BOB@example.com", Viewer).await;
    let open = server.get_as(&ada, &format!("{acme}/invitations")).await.expect(200);
    assert_eq!((open.as_array().unwrap().len(), &open[0]["role_name"]), (1, &json!("viewer")));
    accept(&server, &bob, &first).await.refused(404, "not-found");
    assert_eq!(accept(&server, &bob, &second).await.expect(200)["role_name"], "viewer");
    // An invitation of another organization is none of its business.
    accept(&server, &bob, &elsewhere).await.expect(200);
}

async fn e47_an_invitation_dies_with_the_membership_of_who_sent_it(server: Server) {
    let ada = server.person("ada@example.com").await;
    let eve = server.person("eve@example.com").await;
    let bob = server.person("bob@example.com").await;
    let acme = server.organization(&ada, "acme").await;
    let eves = server.add_member(&ada, &acme, &eve, Admin).await;
    let token = invited(&server, &eve, &acme, "bob@example.com", Admin).await;
    server.delete_as(&ada, &eves).await.expect(200);
    accept(&server, &bob, &token).await.refused(404, "not-found");
    server.get_as(&bob, &acme).await.refused(404, "not-found");
}

async fn an_invitation_to_an_archived_organization_leads_nowhere(server: Server) {
    let ada = server.person("ada@example.com").await;
    let bob = server.person("bob@example.com").await;
    let acme = server.organization(&ada, "acme").await;
    let token = invited(&server, &ada, &acme, "bob@example.com", Member).await;
    server.delete_as(&ada, &acme).await.expect(200);
    let refused = accept(&server, &bob, &token).await;
    assert!(matches!(refused.status, 403 | 404), "{}", refused.body);
    server.get_as(&bob, &acme).await.refused(404, "not-found");
    invite(&server, &ada, &acme, "carl@example.com", Member).await.refused(403, "organization-archived");
}

async fn who_is_a_member_already_is_told_so(server: Server) {
    let ada = server.person("ada@example.com").await;
    let bob = server.person("bob@example.com").await;
    let acme = server.organization(&ada, "acme").await;
    let token = invited(&server, &ada, &acme, "bob@example.com", Owner).await;
    server.add_member(&ada, &acme, &bob, Viewer).await;
    accept(&server, &bob, &token).await.refused(409, "already-a-member");
    let own = server.get_as(&bob, "/api/v1/organizations").await.expect(200);
    assert_eq!((own.as_array().unwrap().len(), &own[0]["role"]), (1, &json!("viewer")));
}

async fn another_organizations_invitation_is_not_found_under_ones_own(server: Server) {
    let ada = server.person("ada@example.com").await;
    let eve = server.person("eve@example.com").await;
    let bob = server.person("bob@example.com").await;
    let acme = server.organization(&ada, "acme").await;
    let evil = server.organization(&eve, "evil").await;
    let made = invite(&server, &ada, &acme, "bob@example.com", Member).await.expect(201);
    let token = server.last_mail("bob@example.com").await.token();
    let id = made["id"].as_str().unwrap();
    let none = server.delete_as(&eve, &format!("{evil}/invitations/{}", Uuid::nil())).await;
    none.clone().refused(404, "not-found");
    for path in [format!("{evil}/invitations/{id}"), format!("{acme}/invitations/{id}")] {
        assert_eq!(same_part(&server.delete_as(&eve, &path).await), same_part(&none));
    }
    accept(&server, &bob, &token).await.expect(200);
}

async fn what_cannot_be_sent_is_told_by_field(server: Server) {
    let ada = server.person("ada@example.com").await;
    let acme = server.organization(&ada, "acme").await;
    let path = format!("{acme}/invitations");
    let send = async |email: Value, role: Value| {
        server.post_as(&ada, &path, json!({ "email": email, "role_id": role })).await
    };
    let viewer = json!(role_id(Viewer));
    send(json!("bob"), viewer.clone()).await.invalid("email", "not-an-email");
    send(json!("b\u{f6}b@example.com"), viewer.clone()).await.invalid("email", "not-ascii");
    let injected = json!("bob@example.com\r\nBcc: eve@example.com");
    send(injected, viewer.clone()).await.invalid("email", "not-an-email");
    send(Value::Null, viewer).await.invalid("email", "required");
    send(json!("bob@example.com"), json!(Uuid::nil().to_string())).await.invalid("role_id", "unknown-role");
    send(json!("bob@example.com"), json!("owner")).await.invalid("role_id", "bad-format");
    send(json!("bob@example.com"), Value::Null).await.invalid("role_id", "required");
    assert_eq!(server.get_as(&ada, &path).await.expect(200), json!([]));
    let letters = server.mails().await.len();
    let quiet = json!({ "email": "bob@example.com", "role_id": role_id(Viewer), "send_email": false });
    server.post_as(&ada, &path, quiet).await.expect(201);
    assert_eq!(server.mails().await.len(), letters);
}

async fn what_is_no_invitation_token_is_not_found(server: Server) {
    let ada = server.person("ada@example.com").await;
    let bob = server.person("bob@example.com").await;
    let acme = server.organization(&ada, "acme").await;
    let token = invited(&server, &ada, &acme, "bob@example.com", Member).await;
    let (cut, longer) = (&token[..token.len() - 1], format!("{token}A"));
    for wrong in ["", "x", "\0", cut, &longer, &bob.refresh, "' OR 1=1 --", "\u{1f600}"] {
        accept(&server, &bob, wrong).await.refused(404, "not-found");
    }
    accept(&server, &bob, &bob.access).await.invalid("token", "too-long");
    let swapped = Person { access: token.clone(), ..bob.clone() };
    server.get_as(&swapped, "/api/v1/auth/me").await.refused(401, "token-invalid");
    accept(&server, &bob, &token).await.expect(200);
}

async fn paging_lists_each_open_invitation_once(server: Server) {
    let ada = server.person("ada@example.com").await;
    let acme = server.organization(&ada, "acme").await;
    for number in 0..5 {
        invite(&server, &ada, &acme, &format!("guest-{number}@example.com"), Viewer).await.expect(201);
    }
    for limit in [1, 2, 5, 500] {
        let (mut seen, mut after) = (Vec::new(), String::new());
        loop {
            let path = format!("{acme}/invitations?limit={limit}{after}");
            let page = server.get_as(&ada, &path).await.expect(200);
            let page = page.as_array().unwrap();
            assert!(page.len() <= limit);
            seen.extend(page.iter().map(|one| one["email"].as_str().unwrap().to_owned()));
            let Some(last) = page.last() else { break };
            after = format!("&after={}", last["id"].as_str().unwrap());
        }
        assert_eq!((seen.len(), seen.into_iter().collect::<BTreeSet<_>>().len()), (5, 5));
    }
}

async fn opening_the_page_of_an_invitation_accepts_nothing(server: Server) {
    let ada = server.person("ada@example.com").await;
    let bob = server.person("bob@example.com").await;
    let acme = server.organization(&ada, "acme").await;
    let token = invited(&server, &ada, &acme, "bob@example.com", Member).await;
    assert_eq!(server.get_as(&bob, &format!("/accept-invitation?token={token}")).await.status, 200);
    server.get_as(&bob, &acme).await.refused(404, "not-found");
    accept(&server, &bob, &token).await.expect(200);
}
