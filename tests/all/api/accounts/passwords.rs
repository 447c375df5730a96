use std::time::Duration;

use serde_json::{Value, json};

use super::{ANOTHER, is_over, letters, lives, sign_in, signed_in};
use crate::on_both;
use crate::support::{Answer, PASSWORD, Server};

on_both!(
    the_verification_letter_is_sent_again_and_the_newer_one_counts,
    a_verified_address_gets_no_other_verification_letter,
    a_forgotten_password_is_set_anew,
    b24_a_reset_ends_every_session,
    b24_a_changed_password_ends_every_other_session,
    a_wrong_current_password_changes_nothing,
    a_password_is_changed_to_a_good_and_different_one_only,
    c32_a_reset_letter_is_for_its_own_account_only,
    c33_a_reset_token_works_once_and_for_an_hour,
    c33_a_newer_reset_letter_kills_the_older,
    c33_a_reset_token_dies_with_the_password_it_was_sent_for,
    c33_a_token_is_good_for_its_own_purpose_only,
    c33_a_weak_password_does_not_spend_the_token,
    c33_of_many_parallel_resets_one_succeeds,
    c34_opening_the_page_spends_nothing,
    c38_an_address_gets_three_letters_an_hour,
    d39_forgot_and_resend_answer_alike_for_known_and_unknown_addresses,
    a_reset_proves_the_address_and_a_suspended_person_gets_none,
);

// Letters are read in the order of their instants, so each request has one of its own.

async fn forgot(server: &Server, email: &str) -> Value {
    server.advance(Duration::from_secs(1));
    server.post("/api/v1/auth/forgot-password", json!({ "email": email })).await.expect(200)
}

async fn resend(server: &Server, email: &str) -> Value {
    server.advance(Duration::from_secs(1));
    server.post("/api/v1/auth/resend-verification", json!({ "email": email })).await.expect(200)
}

async fn verify(server: &Server, token: &str) -> Answer {
    server.post("/api/v1/auth/verify-email", json!({ "token": token })).await
}

async fn reset(server: &Server, token: &str, password: &str) -> Answer {
    server.post("/api/v1/auth/reset-password", json!({ "token": token, "new_password": password })).await
}

/// Asks for a reset letter; its token.
async fn reset_token(server: &Server, email: &str) -> String {
    forgot(server, email).await;
    let mail = server.last_mail(email).await;
    assert!(mail.subject.starts_with("Set a new password"), "{}", mail.subject);
    mail.token()
}

async fn the_verification_letter_is_sent_again_and_the_newer_one_counts(server: Server) {
    server.register("ada@example.com").await;
    let first = server.last_mail("ada@example.com").await.token();
    resend(&server, "ADA@example.com").await;
    let second = server.last_mail("ada@example.com").await.token();
    assert_ne!(first, second);
    verify(&server, &first).await.refused(409, "token-invalid");
    verify(&server, &second).await.expect(200);
}

async fn a_verified_address_gets_no_other_verification_letter(server: Server) {
    server.person("ada@example.com").await;
    let before = server.mails().await.len();
    resend(&server, "ada@example.com").await;
    assert_eq!(server.mails().await.len(), before);
}

async fn a_forgotten_password_is_set_anew(server: Server) {
    server.person("ada@example.com").await;
    let token = reset_token(&server, "ada@example.com").await;
    reset(&server, &token, ANOTHER).await.expect(200);
    sign_in(&server, "ada@example.com", PASSWORD).await.refused(401, "invalid-credentials");
    sign_in(&server, "ada@example.com", ANOTHER).await.expect(200);
    assert_eq!(letters(&server, "ada@example.com", "was changed").await, 1);
}

async fn b24_a_reset_ends_every_session(server: Server) {
    let one = server.person("ada@example.com").await;
    let other = server.login("ada@example.com").await;
    let token = reset_token(&server, "ada@example.com").await;
    reset(&server, &token, ANOTHER).await.expect(200);
    is_over(&server, &one).await;
    is_over(&server, &other).await;
}

async fn b24_a_changed_password_ends_every_other_session(server: Server) {
    let here = server.person("ada@example.com").await;
    let there = server.login("ada@example.com").await;
    let bob = server.person("bob@example.com").await;
    let body = json!({ "current_password": PASSWORD, "new_password": ANOTHER });
    server.post_as(&here, "/api/v1/auth/change-password", body).await.expect(200);
    is_over(&server, &there).await;
    assert_eq!(lives(&server, &here).await, (true, true));
    assert_eq!(lives(&server, &bob).await, (true, true));
    sign_in(&server, "ada@example.com", PASSWORD).await.refused(401, "invalid-credentials");
    signed_in(&server, "ada@example.com", ANOTHER).await;
    assert_eq!(letters(&server, "ada@example.com", "was changed").await, 1);
}

async fn a_wrong_current_password_changes_nothing(server: Server) {
    let ada = server.person("ada@example.com").await;
    let there = server.login("ada@example.com").await;
    for wrong in [ANOTHER, "", &"x".repeat(1024)] {
        let body = json!({ "current_password": wrong, "new_password": ANOTHER });
        let answer = server.post_as(&ada, "/api/v1/auth/change-password", body).await;
        answer.invalid("current_password", "wrong-password");
    }
    let body = json!({ "current_password": PASSWORD, "new_password": ANOTHER });
    server.post("/api/v1/auth/change-password", body).await.refused(401, "not-signed-in");
    assert_eq!(lives(&server, &there).await, (true, true));
    assert_eq!(letters(&server, "ada@example.com", "was changed").await, 0);
    sign_in(&server, "ada@example.com", PASSWORD).await.expect(200);
}

async fn a_password_is_changed_to_a_good_and_different_one_only(server: Server) {
    let ada = server.person("ada@example.com").await;
    for (password, code) in
        [("short", "too-short"), ("password1234", "common-password"), (PASSWORD, "same-password")]
    {
        let body = json!({ "current_password": PASSWORD, "new_password": password });
        let answer = server.post_as(&ada, "/api/v1/auth/change-password", body).await;
        answer.invalid("new_password", code);
    }
}

async fn c32_a_reset_letter_is_for_its_own_account_only(server: Server) {
    let ada = server.person("ada@example.com").await;
    server.person("mallory@example.com").await;
    let token = reset_token(&server, "mallory@example.com").await;
    // No field names an account: what is not the token's is refused, not followed.
    for field in ["email", "user_id", "id"] {
        let mut body = json!({ "token": token, "new_password": ANOTHER });
        body[field] = json!(if field == "email" { &ada.email } else { &ada.id });
        server.post("/api/v1/auth/reset-password", body).await.invalid(field, "unknown-field");
    }
    reset(&server, &token, ANOTHER).await.expect(200);
    sign_in(&server, "mallory@example.com", ANOTHER).await.expect(200);
    sign_in(&server, "ada@example.com", ANOTHER).await.refused(401, "invalid-credentials");
    assert_eq!(lives(&server, &ada).await, (true, true));
}

async fn c33_a_reset_token_works_once_and_for_an_hour(server: Server) {
    server.person("ada@example.com").await;
    let token = reset_token(&server, "ada@example.com").await;
    server.advance(Duration::from_secs(60 * 60 - 1));
    reset(&server, &token, ANOTHER).await.expect(200);
    reset(&server, &token, "yet another long one").await.refused(409, "token-invalid");
    let token = reset_token(&server, "ada@example.com").await;
    server.advance(Duration::from_secs(60 * 60));
    reset(&server, &token, "yet another long one").await.refused(409, "token-invalid");
    for wrong in [&token[..42], &format!("{token}A"), ""] {
        reset(&server, wrong, "yet another long one").await.refused(409, "token-invalid");
    }
    sign_in(&server, "ada@example.com", ANOTHER).await.expect(200);
}

async fn c33_a_newer_reset_letter_kills_the_older(server: Server) {
    server.person("ada@example.com").await;
    let first = reset_token(&server, "ada@example.com").await;
    let second = reset_token(&server, "ada@example.com").await;
    reset(&server, &first, ANOTHER).await.refused(409, "token-invalid");
    reset(&server, &second, ANOTHER).await.expect(200);
}

async fn c33_a_reset_token_dies_with_the_password_it_was_sent_for(server: Server) {
    let ada = server.person("ada@example.com").await;
    let token = reset_token(&server, "ada@example.com").await;
    let body = json!({ "current_password": PASSWORD, "new_password": ANOTHER });
    server.post_as(&ada, "/api/v1/auth/change-password", body).await.expect(200);
    reset(&server, &token, "yet another long one").await.refused(409, "token-invalid");
}

async fn c33_a_token_is_good_for_its_own_purpose_only(server: Server) {
    server.register("ada@example.com").await;
    let verification = server.last_mail("ada@example.com").await.token();
    reset(&server, &verification, ANOTHER).await.refused(409, "token-invalid");
    let token = reset_token(&server, "ada@example.com").await;
    verify(&server, &token).await.refused(409, "token-invalid");
    let as_refresh = server.post("/api/v1/auth/refresh", json!({ "refresh_token": token })).await;
    as_refresh.refused(401, "refresh-token-invalid");
    // Neither attempt has spent anything.
    verify(&server, &verification).await.expect(200);
    reset(&server, &token, ANOTHER).await.expect(200);
}

async fn c33_a_weak_password_does_not_spend_the_token(server: Server) {
    server.person("ada.lovelace@example.com").await;
    let token = reset_token(&server, "ada.lovelace@example.com").await;
    reset(&server, &token, "short").await.invalid("new_password", "too-short");
    reset(&server, &token, "ada.lovelace for ever").await.invalid("new_password", "contains-email");
    reset(&server, &token, ANOTHER).await.expect(200);
}

async fn c33_of_many_parallel_resets_one_succeeds(server: Server) {
    server.person("ada@example.com").await;
    let token = reset_token(&server, "ada@example.com").await;
    let passwords: Vec<String> = (0..8).map(|n| format!("parallel password {n}")).collect();
    let all = passwords.iter().map(|password| reset(&server, &token, password));
    let answers = futures_util::future::join_all(all).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    for (answer, password) in answers.into_iter().zip(&passwords) {
        let right = if answer.status == 200 { 200 } else { 401 };
        sign_in(&server, "ada@example.com", password).await.expect(right);
        if right == 401 {
            answer.refused(409, "token-invalid");
        }
    }
}

async fn c34_opening_the_page_spends_nothing(server: Server) {
    server.person("ada@example.com").await;
    let token = reset_token(&server, "ada@example.com").await;
    for _ in 0..2 {
        server.get(&format!("/reset-password?token={token}")).await.expect(200);
    }
    server
        .get(&format!("/api/v1/auth/reset-password?token={token}"))
        .await
        .refused(405, "method-not-allowed");
    reset(&server, &token, ANOTHER).await.expect(200);
}

async fn c38_an_address_gets_three_letters_an_hour(server: Server) {
    server.person("ada@example.com").await;
    let answers = [
        forgot(&server, "ada@example.com").await,
        forgot(&server, "ada@example.com").await,
        forgot(&server, "ada@example.com").await,
    ];
    assert_eq!(letters(&server, "ada@example.com", "Set a new password").await, 3);
    for _ in 0..5 {
        server.advance(Duration::from_secs(60));
        assert_eq!(forgot(&server, "ada@example.com").await, answers[0]);
    }
    assert_eq!(letters(&server, "ada@example.com", "Set a new password").await, 3);
    server.advance(Duration::from_secs(60 * 60));
    forgot(&server, "ada@example.com").await;
    assert_eq!(letters(&server, "ada@example.com", "Set a new password").await, 4);
}

async fn d39_forgot_and_resend_answer_alike_for_known_and_unknown_addresses(server: Server) {
    server.person("ada@example.com").await;
    server.register("new@example.com").await;
    server.mails().await;
    for path in ["/api/v1/auth/forgot-password", "/api/v1/auth/resend-verification"] {
        let mut answers = Vec::new();
        for email in ["ada@example.com", "new@example.com", "nobody@example.com"] {
            let answer = server.post(path, json!({ "email": email })).await;
            let mut headers: Vec<_> = answer.headers.keys().map(ToString::to_string).collect();
            headers.sort();
            answers.push((answer.status, answer.body, headers));
        }
        assert_eq!(answers[0], answers[1], "{path}");
        assert_eq!(answers[0], answers[2], "{path}");
        assert_eq!(answers[0].0, 200);
    }
    let mails = server.mails().await;
    assert!(mails.iter().all(|mail| !mail.to.contains("nobody")));
}

async fn a_reset_proves_the_address_and_a_suspended_person_gets_none(server: Server) {
    server.register("ada@example.com").await;
    let token = reset_token(&server, "ada@example.com").await;
    reset(&server, &token, ANOTHER).await.expect(200);
    let ada = signed_in(&server, "ada@example.com", ANOTHER).await;
    assert_eq!(server.get_as(&ada, "/api/v1/auth/me").await.expect(200)["is_verified"], true);

    let root = server.super_admin("root@example.com").await;
    let token = reset_token(&server, "ada@example.com").await;
    server.post_as(&root, &format!("/api/v1/users/{}/suspend", ada.id), json!({})).await.expect(200);
    reset(&server, &token, "yet another long one").await.refused(403, "account-suspended");
    let before = server.mails().await.len();
    forgot(&server, "ada@example.com").await;
    assert_eq!(server.mails().await.len(), before);
}
