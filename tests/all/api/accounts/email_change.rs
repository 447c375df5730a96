use std::time::Duration;

use serde_json::json;

use super::{ANOTHER, is_over, letters, lives, sign_in};
use crate::on_both;
use crate::support::{Answer, Database, PASSWORD, Person, Server, Setup};

on_both!(
    c35_the_old_address_is_told_and_stays_until_the_new_one_is_proved,
    c35_a_stolen_session_does_not_move_the_account,
    c35_a_stranger_who_follows_the_link_proves_nothing,
    c35_a_new_password_stops_the_move,
    c33_a_move_token_works_once_and_for_a_day_and_a_newer_one_kills_it,
    b24_a_move_ends_every_other_session,
    d39_a_taken_address_is_answered_like_a_free_one,
    an_address_that_is_taken_meanwhile_is_refused,
    an_address_must_be_one_and_another_one,
    a_letter_to_the_old_address_proves_nothing_after_the_move,
);

const NEW: &str = "ada@new.example";

/// Letters are read in the order of their instants, so each request has one of its own.
async fn ask(server: &Server, person: &Person, new_email: &str) -> Answer {
    server.advance(Duration::from_secs(1));
    let body = json!({ "new_email": new_email, "current_password": PASSWORD });
    server.post_as(person, "/api/v1/auth/me/email", body).await
}

async fn confirm(server: &Server, person: &Person, token: &str) -> Answer {
    server.post_as(person, "/api/v1/auth/me/email/confirm", json!({ "token": token })).await
}

async fn c35_the_old_address_is_told_and_stays_until_the_new_one_is_proved(server: Server) {
    let ada = server.person("ada@example.com").await;
    ask(&server, &ada, "Ada@New.example").await.expect(200);
    assert_eq!(letters(&server, "ada@example.com", "is to move").await, 1);
    let me = server.get_as(&ada, "/api/v1/auth/me").await.expect(200);
    assert_eq!((&me["email"], &me["is_verified"]), (&json!("ada@example.com"), &json!(true)));
    sign_in(&server, NEW, PASSWORD).await.refused(401, "invalid-credentials");
    sign_in(&server, "ada@example.com", PASSWORD).await.expect(200);

    let token = server.last_mail(NEW).await.token();
    let me = confirm(&server, &ada, &token).await.expect(200);
    assert_eq!((&me["email"], &me["is_verified"]), (&json!(NEW), &json!(true)));
    assert_eq!(server.get_as(&ada, "/api/v1/auth/me").await.expect(200)["email"], NEW);
    sign_in(&server, "ada@example.com", PASSWORD).await.refused(401, "invalid-credentials");
    sign_in(&server, NEW, PASSWORD).await.expect(200);
    assert_eq!(letters(&server, "ada@example.com", "has moved").await, 1);
    // The old address is free again.
    server.advance(Duration::from_secs(1));
    server.person("ada@example.com").await;
}

async fn c35_a_stolen_session_does_not_move_the_account(server: Server) {
    let ada = server.person("ada@example.com").await;
    for wrong in [ANOTHER, ""] {
        let body = json!({ "new_email": "mallory@example.com", "current_password": wrong });
        let answer = server.post_as(&ada, "/api/v1/auth/me/email", body).await;
        answer.invalid("current_password", "wrong-password");
    }
    let patch = json!({ "email": "mallory@example.com" });
    server.patch_as(&ada, "/api/v1/auth/me", patch).await.invalid("email", "unknown-field");
    assert!(server.mails().await.iter().all(|mail| !mail.to.contains("mallory")));
}

async fn c35_a_stranger_who_follows_the_link_proves_nothing(server: Server) {
    // Mallory moves an account to the victim's address and waits for the victim to follow the link.
    let mallory = server.person("mallory@example.com").await;
    let bob = server.person("bob@example.com").await;
    ask(&server, &mallory, "victim@example.com").await.expect(200);
    let token = server.last_mail("victim@example.com").await.token();
    let body = json!({ "token": token });
    server.post("/api/v1/auth/me/email/confirm", body.clone()).await.refused(401, "not-signed-in");
    confirm(&server, &bob, &token).await.refused(409, "token-invalid");
    server.post("/api/v1/auth/verify-email", body).await.refused(409, "token-invalid");
    assert_eq!(server.get_as(&mallory, "/api/v1/auth/me").await.expect(200)["email"], "mallory@example.com");
    assert_eq!(server.get_as(&bob, "/api/v1/auth/me").await.expect(200)["email"], "bob@example.com");
    // None of it has spent the token.
    confirm(&server, &mallory, &token).await.expect(200);
}

async fn c35_a_new_password_stops_the_move(server: Server) {
    let ada = server.person("ada@example.com").await;
    ask(&server, &ada, NEW).await.expect(200);
    let token = server.last_mail(NEW).await.token();
    let body = json!({ "current_password": PASSWORD, "new_password": ANOTHER });
    server.post_as(&ada, "/api/v1/auth/change-password", body).await.expect(200);
    confirm(&server, &ada, &token).await.refused(409, "token-invalid");
}

async fn c33_a_move_token_works_once_and_for_a_day_and_a_newer_one_kills_it(server: Server) {
    let ada = server.person("ada@example.com").await;
    ask(&server, &ada, NEW).await.expect(200);
    let first = server.last_mail(NEW).await.token();
    ask(&server, &ada, NEW).await.expect(200);
    let second = server.last_mail(NEW).await.token();
    confirm(&server, &ada, &first).await.refused(409, "token-invalid");
    confirm(&server, &ada, &second).await.expect(200);
    confirm(&server, &ada, &second).await.refused(409, "token-invalid");
    ask(&server, &ada, "ada@third.example").await.expect(200);
    let third = server.last_mail("ada@third.example").await.token();
    server.advance(Duration::from_secs(24 * 60 * 60));
    let ada = server.login(NEW).await;
    confirm(&server, &ada, &third).await.refused(409, "token-invalid");
}

async fn b24_a_move_ends_every_other_session(server: Server) {
    let here = server.person("ada@example.com").await;
    let there = server.login("ada@example.com").await;
    ask(&server, &here, NEW).await.expect(200);
    assert_eq!(server.get_as(&there, "/api/v1/auth/me").await.status, 200);
    let token = server.last_mail(NEW).await.token();
    confirm(&server, &here, &token).await.expect(200);
    is_over(&server, &there).await;
    assert_eq!(lives(&server, &here).await, (true, true));
}

async fn d39_a_taken_address_is_answered_like_a_free_one(server: Server) {
    let ada = server.person("ada@example.com").await;
    server.person("bob@example.com").await;
    let free = ask(&server, &ada, NEW).await.expect(200);
    let taken = ask(&server, &ada, "bob@example.com").await.expect(200);
    assert_eq!(free, taken);
    assert_eq!(letters(&server, "ada@example.com", "is to move").await, 2);
    // Its owner is told, and gets no token.
    let mail = server.last_mail("bob@example.com").await;
    assert!(
        mail.subject.contains("already have an account") && !mail.text.contains("token="),
        "{}",
        mail.text
    );
    sign_in(&server, "bob@example.com", PASSWORD).await.expect(200);
}

async fn an_address_that_is_taken_meanwhile_is_refused(server: Server) {
    let ada = server.person("ada@example.com").await;
    ask(&server, &ada, "both@example.com").await.expect(200);
    let token = server.last_mail("both@example.com").await.token();
    server.register("both@example.com").await;
    confirm(&server, &ada, &token).await.refused(409, "email-taken");
    assert_eq!(server.get_as(&ada, "/api/v1/auth/me").await.expect(200)["email"], "ada@example.com");
}

async fn an_address_must_be_one_and_another_one(server: Server) {
    let ada = server.person("ada@example.com").await;
    ask(&server, &ada, "ADA@example.com").await.invalid("new_email", "same-email");
    ask(&server, &ada, "no address").await.invalid("new_email", "not-an-email");
    ask(&server, &ada, "ada@exаmple.com").await.invalid("new_email", "not-ascii");
}

async fn a_letter_to_the_old_address_proves_nothing_after_the_move(server: Server) {
    let ada = server.unverified("ada@example.com").await;
    let old = server.last_mail("ada@example.com").await.token();
    ask(&server, &ada, NEW).await.expect(200);
    let token = server.last_mail(NEW).await.token();
    confirm(&server, &ada, &token).await.expect(200);
    server.post("/api/v1/auth/verify-email", json!({ "token": old })).await.refused(409, "token-invalid");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_may_choose_to_say_that_an_address_is_taken() {
    let mut setup = Setup::on(Database::Sqlite);
    setup.settings.push(("PALISADE_REVEAL_ACCOUNTS", "true".to_owned()));
    let server = Server::with(setup).await;
    let ada = server.person("ada@example.com").await;
    server.person("bob@example.com").await;
    ask(&server, &ada, "bob@example.com").await.refused(409, "email-taken");
}
