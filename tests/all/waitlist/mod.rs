//! A request for an account: its conditions, its place in the list, yes to one or all, and no.

mod plugins;

use serde_json::{Value, json};

use crate::support::{PASSWORD, Person, Server, Setup};
use crate::{on_both, on_both_with};

on_both_with!(by_approval;
    everybody_who_waits_is_let_in_and_told_at_once,
    a_rejected_person_is_told_why_and_cannot_use_the_account,
    a_rejected_person_can_still_be_let_in,
    whoever_is_in_already_cannot_be_rejected,
    only_administrators_let_everybody_in_or_reject,
    a_person_sees_their_own_place_and_it_moves_up,
    an_administrator_sees_reason_place_and_where_they_heard_of_us,
);
on_both_with!(by_address; a_proved_address_opens_the_account_by_itself);
on_both_with!(by_both;
    an_approved_account_opens_when_its_address_is_proved,
    a_proved_account_opens_when_it_is_approved,
    letting_all_in_opens_only_what_misses_nothing,
);
on_both!(an_account_that_does_not_wait_has_no_place);

const WAITING: &str =
    "[[plugins]]\nname = \"waitlist\"\nconfig = { allowed_domains = [\"friends.example\"] }\n";
const LIST: &str = "/api/v1/auth/waitlist";
const ME: &str = "/api/v1/auth/me";

fn by_approval(setup: &mut Setup) {
    setup.plugins = WAITING;
}

fn by_address(setup: &mut Setup) {
    setup.plugins = WAITING;
    setup.settings.push(("PALISADE_WAITLIST_REQUIRES", "verified-email".to_owned()));
}

fn by_both(setup: &mut Setup) {
    setup.plugins = WAITING;
    setup.settings.push(("PALISADE_WAITLIST_REQUIRES", "verified-email,approval".to_owned()));
}

/// Somebody who waits, signed in, the address not proved; and the token that proves it.
async fn waiter(server: &Server, email: &str) -> (Person, String) {
    let user = server.register(email).await;
    assert_eq!(user["waitlist_status"], "pending");
    // Ids are in order of their milliseconds.
    server.advance(std::time::Duration::from_millis(1));
    let mails = server.mails().await;
    let letter = mails.iter().find(|mail| mail.to.contains(email) && mail.text.contains("token="));
    let token = letter.expect("a letter with a link").token();
    (server.login(email).await, token)
}

async fn prove(server: &Server, token: &str) {
    server.post("/api/v1/auth/verify-email", json!({ "token": token })).await.expect(200);
}

async fn status(server: &Server, person: &Person) -> Value {
    server.get_as(person, ME).await.expect(200)["waitlist_status"].clone()
}

/// The letters to `email` that say the account is ready.
async fn told(server: &Server, email: &str) -> usize {
    let mails = server.mails().await;
    mails.iter().filter(|mail| mail.to.contains(email) && mail.subject.contains("is ready")).count()
}

async fn everybody_who_waits_is_let_in_and_told_at_once(server: Server) {
    let root = server.super_admin("root@example.com").await;
    let (ada, _) = waiter(&server, "ada@strangers.example").await;
    let (bob, _) = waiter(&server, "bob@strangers.example").await;
    let all = format!("{LIST}/approve-all");
    assert_eq!(server.post_as(&root, &all, Value::Null).await.expect(200)["count"], 2);
    for person in [&ada, &bob] {
        assert_eq!(status(&server, person).await, "approved");
        assert_eq!(told(&server, &person.email).await, 1);
    }
    let again = server.post_as(&root, &all, Value::Null).await.expect(200);
    assert_eq!((&again["count"], told(&server, &ada.email).await), (&json!(0), 1));
    assert!(again["message"].is_string());
}

async fn a_rejected_person_is_told_why_and_cannot_use_the_account(server: Server) {
    let root = server.super_admin("root@example.com").await;
    let (eve, _) = waiter(&server, "eve@strangers.example").await;
    let path = format!("{LIST}/{}/reject", eve.id);
    let answer = server.post_as(&root, &path, json!({ "reason": "no <room> yet" })).await.expect(200);
    assert_eq!(answer["user"]["waitlist_status"], "rejected");
    server.get_as(&eve, ME).await.refused(401, "session-ended");
    let credentials = json!({ "email": eve.email, "password": PASSWORD });
    server.post("/api/v1/auth/login", credentials).await.refused(403, "account-rejected");
    server.post_as(&root, &path, json!({})).await.expect(200);
    let mails = server.mails().await;
    let letters: Vec<_> = mails.iter().filter(|mail| mail.subject.contains("not accepted")).collect();
    assert_eq!(letters.len(), 1);
    assert!(letters[0].text.contains("no <room> yet") && letters[0].text.contains("no &lt;room&gt; yet"));
    let listed = server.get_as(&root, &format!("{LIST}?status_filter=rejected")).await.expect(200);
    assert_eq!((&listed["total"], &listed["users"][0]["reason"]), (&json!(1), &json!("no <room> yet")));
}

async fn a_rejected_person_can_still_be_let_in(server: Server) {
    let root = server.super_admin("root@example.com").await;
    let (eve, _) = waiter(&server, "eve@strangers.example").await;
    server.post_as(&root, &format!("{LIST}/{}/reject", eve.id), json!({})).await.expect(200);
    assert_eq!(
        server.post_as(&root, &format!("{LIST}/approve-all"), Value::Null).await.expect(200)["count"],
        0
    );
    server.post_as(&root, &format!("{LIST}/{}/approve", eve.id), Value::Null).await.expect(200);
    let eve = server.login(&eve.email).await;
    assert_eq!(status(&server, &eve).await, "approved");
    assert_eq!(told(&server, &eve.email).await, 1);
}

async fn whoever_is_in_already_cannot_be_rejected(server: Server) {
    let root = server.super_admin("root@example.com").await;
    let friend = server.person("friend@friends.example").await;
    let path = format!("{LIST}/{}/reject", friend.id);
    server.post_as(&root, &path, json!({})).await.refused(409, "not-waiting");
    assert_eq!(status(&server, &friend).await, "approved");
    let nobody = format!("{LIST}/{}/reject", uuid::Uuid::nil());
    server.post_as(&root, &nobody, json!({})).await.refused(404, "not-found");
    let long = json!({ "reason": "x".repeat(201) });
    server.post_as(&root, &path, long).await.invalid("reason", "too-long");
}

async fn only_administrators_let_everybody_in_or_reject(server: Server) {
    let friend = server.person("friend@friends.example").await;
    let (eve, _) = waiter(&server, "eve@strangers.example").await;
    for path in [format!("{LIST}/approve-all"), format!("{LIST}/{}/reject", eve.id)] {
        server.post_as(&friend, &path, json!({})).await.refused(403, "not-permitted");
        server.post_as(&eve, &path, json!({})).await.refused(403, "account-waitlisted");
        server.post(&path, json!({})).await.refused(401, "not-signed-in");
    }
    assert_eq!(status(&server, &eve).await, "pending");
}

async fn a_person_sees_their_own_place_and_it_moves_up(server: Server) {
    let root = server.super_admin("root@example.com").await;
    let (ada, _) = waiter(&server, "ada@strangers.example").await;
    let (bob, _) = waiter(&server, "bob@strangers.example").await;
    let place =
        async |person: &Person| server.get_as(person, ME).await.expect(200).get("waitlist_position").cloned();
    assert_eq!((place(&ada).await, place(&bob).await), (Some(json!(1)), Some(json!(2))));
    server.post_as(&root, &format!("{LIST}/{}/approve", ada.id), Value::Null).await.expect(200);
    assert_eq!((place(&ada).await, place(&bob).await), (None, Some(json!(1))));
}

async fn an_administrator_sees_reason_place_and_where_they_heard_of_us(server: Server) {
    let root = server.super_admin("root@example.com").await;
    waiter(&server, "ada@strangers.example").await;
    let body =
        json!({ "email": "bob@strangers.example", "password": PASSWORD, "referral_source": "a friend" });
    server.post("/api/v1/auth/register", body).await.expect(201);
    let page = server.get_as(&root, &format!("{LIST}?limit=1&offset=1")).await.expect(200);
    let bob = &page["users"][0];
    assert_eq!((&bob["email"], &bob["position"]), (&json!("bob@strangers.example"), &json!(2)));
    assert_eq!(bob["referral_source"], "a friend");
    assert!(bob["reason"].is_string() && bob["requested_at"].is_string(), "{bob}");
    assert!(bob.get("approved_at").is_none() && bob.get("waitlist_position").is_none(), "{bob}");
    assert_eq!(page["total"], 2);
}

async fn a_proved_address_opens_the_account_by_itself(server: Server) {
    let (ada, token) = waiter(&server, "ada@strangers.example").await;
    server
        .post_as(&ada, "/api/v1/organizations", json!({ "name": "A", "slug": "a-b" }))
        .await
        .refused(403, "account-waitlisted");
    prove(&server, &token).await;
    assert_eq!((status(&server, &ada).await, told(&server, &ada.email).await), (json!("approved"), 1));
    server.organization(&ada, "ada-works").await;
}

async fn an_approved_account_opens_when_its_address_is_proved(server: Server) {
    let root = server.super_admin("root@example.com").await;
    let (ada, token) = waiter(&server, "ada@strangers.example").await;
    let path = format!("{LIST}/{}/approve", ada.id);
    for _ in 0..2 {
        let answer = server.post_as(&root, &path, Value::Null).await.expect(200);
        assert_eq!(answer["user"]["waitlist_status"], "pending");
    }
    assert_eq!(told(&server, &ada.email).await, 0);
    let listed = server.get_as(&root, LIST).await.expect(200);
    assert!(listed["users"][0]["approved_at"].is_string(), "{listed}");
    prove(&server, &token).await;
    assert_eq!((status(&server, &ada).await, told(&server, &ada.email).await), (json!("approved"), 1));
}

async fn a_proved_account_opens_when_it_is_approved(server: Server) {
    let root = server.super_admin("root@example.com").await;
    let (ada, token) = waiter(&server, "ada@strangers.example").await;
    prove(&server, &token).await;
    assert_eq!(status(&server, &ada).await, "pending");
    server.post_as(&root, &format!("{LIST}/{}/approve", ada.id), Value::Null).await.expect(200);
    assert_eq!((status(&server, &ada).await, told(&server, &ada.email).await), (json!("approved"), 1));
}

async fn letting_all_in_opens_only_what_misses_nothing(server: Server) {
    let root = server.super_admin("root@example.com").await;
    let (ada, token) = waiter(&server, "ada@strangers.example").await;
    let (bob, _) = waiter(&server, "bob@strangers.example").await;
    prove(&server, &token).await;
    let all = format!("{LIST}/approve-all");
    assert_eq!(server.post_as(&root, &all, Value::Null).await.expect(200)["count"], 2);
    assert_eq!(
        (status(&server, &ada).await, status(&server, &bob).await),
        (json!("approved"), json!("pending"))
    );
    assert_eq!((told(&server, &ada.email).await, told(&server, &bob.email).await), (1, 0));
    assert_eq!(server.post_as(&root, &all, Value::Null).await.expect(200)["count"], 0);
}

async fn an_account_that_does_not_wait_has_no_place(server: Server) {
    let ada = server.person("ada@example.com").await;
    assert!(server.get_as(&ada, ME).await.expect(200).get("waitlist_position").is_none());
}
