//! Registration plugins at work: the shipped waitlist, and the people on it.

use palisade::domain::SystemRole;
use serde_json::{Value, json};

use crate::on_both_with;
use crate::support::{Answer, PASSWORD, Person, Server, Setup, role_id};

on_both_with!(waiting;
    a_known_domain_or_a_code_comes_in_and_others_wait,
    a_guessed_code_is_no_code,
    who_waits_sees_to_themselves_and_nothing_else,
    an_approved_person_is_told_and_comes_in,
    who_waits_cannot_be_brought_in_by_an_organization,
    the_waitlist_is_for_super_admins,
    a_taken_address_is_not_told_by_the_waitlist,
);
on_both_with!(closed; a_closed_door_says_so_and_keeps_nothing);
on_both_with!(open; an_open_door_lets_everybody_in);

fn waiting(setup: &mut Setup) {
    setup.plugins = r#"
[[plugins]]
name = "waitlist"
[plugins.config]
allowed_domains = ["friends.example"]
invitation_codes = ["open-sesame", "second-code"]
"#;
}

fn closed(setup: &mut Setup) {
    setup.plugins = "[[plugins]]\nname = \"waitlist\"\nconfig = { mode = \"closed\" }\n";
}

fn open(setup: &mut Setup) {
    setup.plugins = "[[plugins]]\nname = \"waitlist\"\nconfig = { mode = \"open\" }\n";
}

const LIST: &str = "/api/v1/auth/waitlist";
const ME: &str = "/api/v1/auth/me";

async fn register(server: &Server, email: &str, payload: Value) -> Answer {
    let body = json!({ "email": email, "password": PASSWORD, "transient_payload": payload });
    server.post("/api/v1/auth/register", body).await
}

/// Somebody who waits, with a proved address, signed in.
async fn waiter(server: &Server, email: &str) -> Person {
    let token = waiting_letters(server, email).await;
    server.post("/api/v1/auth/verify-email", json!({ "token": token })).await.expect(200);
    server.login(email).await
}

/// Registers somebody who must wait; both letters come, and the token of the first is answered.
async fn waiting_letters(server: &Server, email: &str) -> String {
    let user = register(server, email, Value::Null).await.expect(201);
    assert_eq!(user["waitlist_status"], "pending");
    let letters: Vec<_> = server.mails().await.into_iter().filter(|mail| mail.to.contains(email)).collect();
    assert_eq!(letters.len(), 2);
    assert!(letters.iter().any(|letter| letter.subject.starts_with("You are on the waitlist")));
    letters.iter().find(|letter| letter.text.contains("token=")).expect("a link").token()
}

async fn a_known_domain_or_a_code_comes_in_and_others_wait(server: Server) {
    let cases = [
        ("a@friends.example", json!({}), "approved"),
        ("b@FRIENDS.example", json!(null), "approved"),
        ("c@strangers.example", json!({ "invitation_code": "open-sesame" }), "approved"),
        ("d@strangers.example", json!({ "invitation_code": "second-code", "more": [1] }), "approved"),
        ("e@strangers.example", json!({}), "pending"),
        ("f@strangers.example", json!(null), "pending"),
        ("g@not-friends.example", json!({}), "pending"),
        ("h@mail.friends.example", json!({}), "pending"),
        ("friends.example@strangers.example", json!({}), "pending"),
    ];
    for (email, payload, status) in cases {
        let user = register(&server, email, payload).await.expect(201);
        assert_eq!(user["waitlist_status"], status, "{email}");
        let person = server.login(&email.to_lowercase()).await;
        let me = server.get_as(&person, ME).await.expect(200);
        assert_eq!(me["waitlist_status"], status, "{email}");
        assert!(!me.to_string().contains("sesame"), "the payload is not kept");
    }
}

async fn a_guessed_code_is_no_code(server: Server) {
    let codes = [
        json!("open-sesam"),
        json!("OPEN-SESAME"),
        json!("open-sesame "),
        json!(""),
        json!(null),
        json!(1),
        json!(["open-sesame"]),
        json!({ "open-sesame": true }),
        json!("open-sesame\0"),
        json!("*"),
    ];
    for (number, code) in codes.into_iter().enumerate() {
        let email = format!("eve-{number}@strangers.example");
        let user = register(&server, &email, json!({ "invitation_code": code })).await.expect(201);
        assert_eq!(user["waitlist_status"], "pending", "{code}");
    }
    // A payload as large as a body may be is no way around the plugin either.
    let big = json!({ "invitation_code": "x".repeat(60_000) });
    let answer = register(&server, "big@strangers.example", big).await;
    assert!(answer.status == 503 || answer.body["waitlist_status"] == "pending", "{}", answer.body);
}

async fn who_waits_sees_to_themselves_and_nothing_else(server: Server) {
    let eve = waiter(&server, "eve@strangers.example").await;
    let me = server.get_as(&eve, ME).await.expect(200);
    assert_eq!((&me["waitlist_status"], &me["is_verified"]), (&json!("pending"), &json!(true)));
    server.patch_as(&eve, ME, json!({ "full_name": "Eve" })).await.expect(200);
    let refreshing = json!({ "refresh_token": eve.refresh });
    server.post("/api/v1/auth/refresh", refreshing).await.expect(200);

    let root = server.super_admin("root@example.com").await;
    let acme = server.organization(&root, "acme").await;
    let nil = uuid::Uuid::nil();
    let nothing = format!("/api/v1/organizations/{nil}");
    let role = role_id(SystemRole::Owner);
    for path in [&acme, &nothing] {
        for answer in [
            server.get_as(&eve, path).await,
            server.patch_as(&eve, path, json!({ "name": "x" })).await,
            server.delete_as(&eve, path).await,
            server.get_as(&eve, &format!("{path}/roles")).await,
            server.get_as(&eve, &format!("{path}/members")).await,
            server
                .post_as(&eve, &format!("{path}/members"), json!({ "user_id": eve.id, "role_id": role }))
                .await,
            server.delete_as(&eve, &format!("{path}/members/{nil}")).await,
            server.get_as(&eve, &format!("{path}/invitations")).await,
            server
                .post_as(
                    &eve,
                    &format!("{path}/invitations"),
                    json!({ "email": "a@b.example", "role_id": role }),
                )
                .await,
        ] {
            answer.refused(403, "account-waitlisted");
        }
    }
    for answer in [
        server.get_as(&eve, "/api/v1/organizations").await,
        server.post_as(&eve, "/api/v1/organizations", json!({ "name": "Evil", "slug": "evil" })).await,
        server.get_as(&eve, LIST).await,
        server.post_as(&eve, &format!("{LIST}/{}/approve", eve.id), Value::Null).await,
        server.post_as(&eve, &format!("/api/v1/users/{}/suspend", root.id), Value::Null).await,
    ] {
        answer.refused(403, "account-waitlisted");
    }
    server.post_as(&eve, "/api/v1/auth/logout", Value::Null).await.expect(200);
}

async fn an_approved_person_is_told_and_comes_in(server: Server) {
    let eve = waiter(&server, "eve@strangers.example").await;
    let root = server.super_admin("root@example.com").await;
    let waiting = server.get_as(&root, LIST).await.expect(200);
    assert_eq!(waiting["users"][0]["id"], eve.id.as_str());
    let total = (&waiting["total"], &waiting["limit"], &waiting["offset"]);
    assert_eq!(total, (&json!(1), &json!(100), &json!(0)));

    server.advance(std::time::Duration::from_secs(1));
    let path = format!("{LIST}/{}/approve", eve.id);
    let approved = server.post_as(&root, &path, Value::Null).await.expect(200);
    assert_eq!(approved["user"]["waitlist_status"], "approved");
    assert!(approved["message"].is_string());
    let told = server.last_mail(&eve.email).await;
    assert!(told.subject.contains("is ready"), "{}", told.subject);
    // The session they have is good at once.
    server.organization(&eve, "eves").await;
    assert_eq!(server.get_as(&eve, ME).await.expect(200)["waitlist_status"], "approved");
    assert_eq!(server.get_as(&root, LIST).await.expect(200)["total"], 0);

    let letters = server.mails().await.len();
    server.post_as(&root, &path, Value::Null).await.expect(200);
    assert_eq!(server.mails().await.len(), letters, "doing it twice tells nobody twice");
    let nobody = format!("{LIST}/{}/approve", uuid::Uuid::nil());
    server.post_as(&root, &nobody, Value::Null).await.refused(404, "not-found");
}

async fn who_waits_cannot_be_brought_in_by_an_organization(server: Server) {
    let root = server.super_admin("root@example.com").await;
    let acme = server.organization(&root, "acme").await;
    let eve = waiter(&server, "eve@strangers.example").await;
    server.advance(std::time::Duration::from_secs(1));
    let role = role_id(SystemRole::Admin);
    let body = json!({ "email": eve.email, "role_id": role });
    server.post_as(&root, &format!("{acme}/invitations"), body).await.expect(201);
    let token = server.last_mail(&eve.email).await.token();
    let accepting = json!({ "token": token });
    server.post_as(&eve, "/api/v1/invitations/accept", accepting).await.refused(403, "account-waitlisted");
    let body = json!({ "user_id": eve.id, "role_id": role });
    server.post_as(&root, &format!("{acme}/members"), body).await.expect(201);
    server.get_as(&eve, &acme).await.refused(403, "account-waitlisted");
}

async fn the_waitlist_is_for_super_admins(server: Server) {
    let root = server.super_admin("root@example.com").await;
    let friend = register(&server, "bob@friends.example", Value::Null).await.expect(201);
    let token = server.last_mail("bob@friends.example").await.token();
    server.post("/api/v1/auth/verify-email", json!({ "token": token })).await.expect(200);
    let bob = server.login("bob@friends.example").await;
    let eve = waiter(&server, "eve@strangers.example").await;
    server.get_as(&bob, LIST).await.refused(403, "not-permitted");
    let approve = format!("{LIST}/{}/approve", eve.id);
    server.post_as(&bob, &approve, Value::Null).await.refused(403, "not-permitted");
    server.get(LIST).await.refused(401, "not-signed-in");

    for (filter, who) in [("pending", &eve.id), ("approved", &friend["id"].as_str().unwrap().to_owned())] {
        let list = server.get_as(&root, &format!("{LIST}?status_filter={filter}")).await.expect(200);
        assert_eq!((&list["total"], &list["users"][0]["id"]), (&json!(1), &json!(who)), "{filter}");
    }
    let page = server.get_as(&root, &format!("{LIST}?offset=1")).await.expect(200);
    assert_eq!((&page["users"], &page["total"], &page["offset"]), (&json!([]), &json!(1), &json!(1)));
}

async fn a_taken_address_is_not_told_by_the_waitlist(server: Server) {
    waiting_letters(&server, "eve@strangers.example").await;
    let root = server.super_admin("root@strangers.example").await;
    for taken in ["eve@strangers.example", "root@strangers.example"] {
        let again = register(&server, taken, Value::Null).await.expect(201);
        assert_eq!((&again["waitlist_status"], &again["is_super_admin"]), (&json!("pending"), &json!(false)));
    }
    // And the code of a friend does not let in who waits already.
    let code = json!({ "invitation_code": "open-sesame" });
    register(&server, "eve@strangers.example", code).await.expect(201);
    let eve = server.login("eve@strangers.example").await;
    assert_eq!(server.get_as(&eve, ME).await.expect(200)["waitlist_status"], "pending");
    assert_eq!(server.get_as(&root, LIST).await.expect(200)["total"], 1);
}

async fn a_closed_door_says_so_and_keeps_nothing(server: Server) {
    let refused = register(&server, "ada@example.com", Value::Null).await;
    let body = refused.refused(403, "plugin:waitlist/registration-closed");
    assert_eq!(body["detail"], "Registration is closed.");
    assert!(server.mails().await.is_empty());
    let login = json!({ "email": "ada@example.com", "password": PASSWORD });
    server.post("/api/v1/auth/login", login).await.refused(401, "invalid-credentials");
    // Whoever has an account gets the same answer as whoever has none.
    server.super_admin("root@example.com").await;
    let taken = register(&server, "root@example.com", Value::Null).await;
    taken.refused(403, "plugin:waitlist/registration-closed");
    assert!(server.mails().await.is_empty());
}

async fn an_open_door_lets_everybody_in(server: Server) {
    let user = register(&server, "ada@strangers.example", Value::Null).await.expect(201);
    assert_eq!(user["waitlist_status"], "approved");
}
