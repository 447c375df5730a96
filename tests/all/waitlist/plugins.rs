//! The condition `plugin`: the registration plugins are asked again about those who wait.

use palisade::app::waitlist_principal;
use palisade::guard::actions::ReviewRegistrations;
use serde_json::{Value, json};

use super::{LIST, ME, WAITING, prove, status, told, waiter};
use crate::on_both_with;
use crate::support::{PASSWORD, Person, Server, Setup};

on_both_with!(by_address_and_plugin;
    whoever_comes_to_meet_the_plugins_conditions_is_let_in,
    whoever_does_not_waits_on,
    only_a_proved_address_is_told_to_the_plugins,
    an_administrators_yes_is_not_enough_when_a_plugins_is_asked_for,
);
on_both_with!(by_all_three; the_three_conditions_are_met_in_any_order);

fn by_address_and_plugin(setup: &mut Setup) {
    setup.plugins = WAITING;
    setup.settings.push(("PALISADE_WAITLIST_REQUIRES", "verified-email,plugin".to_owned()));
}

fn by_all_three(setup: &mut Setup) {
    setup.plugins = WAITING;
    setup.settings.push(("PALISADE_WAITLIST_REQUIRES", "verified-email,approval,plugin".to_owned()));
}

/// Asks the plugins again, as the running server does by itself; how many accounts opened.
async fn review(server: &Server) -> usize {
    let caller = waitlist_principal();
    let ok = server.app.authorize(&caller, ReviewRegistrations {}).await.expect("the review may run");
    server.app.review_registrations(&ok).await.expect("the review runs")
}

/// Moves the account to an address that the plugin knows, and proves it.
async fn moved_to_a_friend(server: &Server, person: &Person) -> String {
    let email = format!("{}@friends.example", person.email.split('@').next().unwrap());
    let body = json!({ "new_email": email, "current_password": PASSWORD });
    server.post_as(person, "/api/v1/auth/me/email", body).await.expect(200);
    let token = server.last_mail(&email).await.token();
    server.post_as(person, "/api/v1/auth/me/email/confirm", json!({ "token": token })).await.expect(200);
    email
}

async fn whoever_comes_to_meet_the_plugins_conditions_is_let_in(server: Server) {
    let (ada, _) = waiter(&server, "ada@strangers.example").await;
    let email = moved_to_a_friend(&server, &ada).await;
    assert_eq!(status(&server, &ada).await, "pending", "proving an address alone is not enough");
    assert_eq!(review(&server).await, 1);
    assert_eq!((status(&server, &ada).await, told(&server, &email).await), (json!("approved"), 1));
    assert_eq!(review(&server).await, 0);
}

async fn whoever_does_not_waits_on(server: Server) {
    let (ada, token) = waiter(&server, "ada@strangers.example").await;
    prove(&server, &token).await;
    assert_eq!(review(&server).await, 0);
    assert_eq!(status(&server, &ada).await, "pending");
}

async fn only_a_proved_address_is_told_to_the_plugins(server: Server) {
    let (ada, _) = waiter(&server, "ada@strangers.example").await;
    let body = json!({ "new_email": "ada@friends.example", "current_password": PASSWORD });
    server.post_as(&ada, "/api/v1/auth/me/email", body).await.expect(200);
    assert_eq!(review(&server).await, 0, "the address was asked for and not proved");
}

async fn an_administrators_yes_is_not_enough_when_a_plugins_is_asked_for(server: Server) {
    let root = server.super_admin("root@example.com").await;
    let (ada, token) = waiter(&server, "ada@strangers.example").await;
    prove(&server, &token).await;
    server.post_as(&root, &format!("{LIST}/{}/approve", ada.id), Value::Null).await.expect(200);
    server.post_as(&root, &format!("{LIST}/approve-all"), Value::Null).await.expect(200);
    assert_eq!(status(&server, &ada).await, "pending");
    let listed = server.get_as(&root, LIST).await.expect(200);
    assert!(listed["users"][0]["approved_at"].is_string(), "{listed}");
    assert!(listed["users"][0].get("accepted_at").is_none(), "{listed}");
}

async fn the_three_conditions_are_met_in_any_order(server: Server) {
    let root = server.super_admin("root@example.com").await;
    let approve = async |person: &Person| {
        let path = format!("{LIST}/{}/approve", person.id);
        server.post_as(&root, &path, Value::Null).await.expect(200);
    };
    // The plugin before the administrator …
    let (ada, _) = waiter(&server, "ada@strangers.example").await;
    moved_to_a_friend(&server, &ada).await;
    assert_eq!(review(&server).await, 0);
    let listed = server.get_as(&root, LIST).await.expect(200);
    assert!(listed["users"][0]["accepted_at"].is_string(), "{listed}");
    approve(&ada).await;
    assert_eq!(server.get_as(&ada, ME).await.expect(200)["waitlist_status"], "approved");
    // … and after.
    let (bob, _) = waiter(&server, "bob@strangers.example").await;
    approve(&bob).await;
    let email = moved_to_a_friend(&server, &bob).await;
    assert_eq!((status(&server, &bob).await, review(&server).await), (json!("pending"), 1));
    assert_eq!((status(&server, &bob).await, told(&server, &email).await), (json!("approved"), 1));
    // Whoever was turned away begins anew.
    let (eve, _) = waiter(&server, "eve@strangers.example").await;
    moved_to_a_friend(&server, &eve).await;
    review(&server).await;
    server.post_as(&root, &format!("{LIST}/{}/reject", eve.id), json!({})).await.expect(200);
    approve(&eve).await;
    let eve = server.login("eve@friends.example").await;
    assert_eq!((status(&server, &eve).await, review(&server).await), (json!("pending"), 1));
}
