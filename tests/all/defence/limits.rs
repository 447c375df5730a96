//! Rate limits, each turned on for its own test.

use std::time::Duration;

use palisade::domain::SystemRole;
use poem::http::Method;
use serde_json::json;

use crate::support::{PASSWORD, Server, Setup, role_id};
use crate::{on_both, on_both_with};

on_both!(without_limits_nothing_is_counted);
on_both_with!(
    with_limits;
    a_limit_ends_when_its_window_is_over,
    d38_letters_to_one_address_are_limited_whoever_asks_and_whether_or_not_it_has_an_account,
    every_operation_counts_as_a_request,
);
on_both_with!(
    one_letter_an_hour;
    c38_moving_an_account_floods_nobody,
    c38_invitations_flood_nobody,
);

fn with_limits(setup: &mut Setup) {
    setup.settings.extend([
        ("PALISADE_RATE_LIMITS_ENABLED", "true".to_owned()),
        ("PALISADE_RATE_LIMITS_REGISTER", "2/1h".to_owned()),
        ("PALISADE_RATE_LIMITS_REFRESH", "2/1m".to_owned()),
        ("PALISADE_RATE_LIMITS_MAIL_TO", "1/1h".to_owned()),
        ("PALISADE_RATE_LIMITS_REQUEST", "8/1m".to_owned()),
    ]);
}

fn one_letter_an_hour(setup: &mut Setup) {
    setup.settings.extend([
        ("PALISADE_RATE_LIMITS_ENABLED", "true".to_owned()),
        ("PALISADE_RATE_LIMITS_MAIL_TO", "1/1h".to_owned()),
    ]);
}

const LOGIN: &str = "/api/v1/auth/login";
const REGISTER: &str = "/api/v1/auth/register";

async fn without_limits_nothing_is_counted(server: Server) {
    for _ in 0..40 {
        server
            .login_from("192.0.2.1", "nobody@example.com", "no such password")
            .await
            .refused(401, "invalid-credentials");
    }
}

async fn a_limit_ends_when_its_window_is_over(server: Server) {
    let body = |n: u32| json!({ "email": format!("ada{n}@example.com"), "password": PASSWORD });
    for n in 0..2 {
        server.post_from("192.0.2.1", REGISTER, body(n)).await.expect(201);
    }
    let refused = server.post_from("192.0.2.1", REGISTER, body(2)).await;
    assert_eq!(refused.headers["retry-after"], "1800");
    refused.refused(429, "rate-limited");
    server.post_from("192.0.2.2", REGISTER, body(3)).await.expect(201);
    server.advance(Duration::from_secs(1_799));
    server.post_from("192.0.2.1", REGISTER, body(2)).await.refused(429, "rate-limited");
    server.advance(Duration::from_secs(1));
    server.post_from("192.0.2.1", REGISTER, body(2)).await.expect(201);

    let tokens = server.login_from("192.0.2.3", "ada0@example.com", PASSWORD).await.expect(200);
    let body = json!({ "refresh_token": tokens["refresh_token"] });
    for _ in 0..2 {
        server.post_from("192.0.2.3", "/api/v1/auth/refresh", body.clone()).await.expect(200);
    }
    server.post_from("192.0.2.3", "/api/v1/auth/refresh", body).await.refused(429, "rate-limited");
}

async fn d38_letters_to_one_address_are_limited_whoever_asks_and_whether_or_not_it_has_an_account(
    server: Server,
) {
    let body = |email: &str| json!({ "email": email, "password": PASSWORD });
    server.post_from("192.0.2.1", REGISTER, body("ada@example.com")).await.expect(201);
    server.post_from("192.0.2.2", REGISTER, body(" Ada@Example.com")).await.refused(429, "rate-limited");
    assert_eq!(server.mails().await.len(), 1);
    server.advance(Duration::from_secs(3_600));
    server.post_from("192.0.2.2", REGISTER, body("ada@example.com")).await.expect(201);
    server.post_from("192.0.2.3", REGISTER, body("ada@example.com")).await.refused(429, "rate-limited");
    assert_eq!(server.mails().await.len(), 2);
}

async fn every_operation_counts_as_a_request(server: Server) {
    for _ in 0..8 {
        server
            .send_from("192.0.2.1", &[], Method::GET, "/api/v1/auth/me", None)
            .await
            .refused(401, "not-signed-in");
    }
    let refused = server.send_from("192.0.2.1", &[], Method::GET, "/api/v1/auth/me", None).await;
    assert_eq!(refused.headers["retry-after"], "8");
    refused.refused(429, "rate-limited");
    let body = json!({ "email": "ada@example.com", "password": PASSWORD });
    server.post_from("192.0.2.1", LOGIN, body).await.refused(429, "rate-limited");
    server
        .send_from("192.0.2.2", &[], Method::GET, "/api/v1/auth/me", None)
        .await
        .refused(401, "not-signed-in");
}

async fn c38_moving_an_account_floods_nobody(server: Server) {
    let (ada, bob) = (server.person("ada@example.com").await, server.person("bob@example.com").await);
    let body = json!({ "new_email": "victim@example.com", "current_password": PASSWORD });
    server.post_as(&ada, "/api/v1/auth/me/email", body.clone()).await.expect(200);
    for person in [&ada, &bob] {
        server.post_as(person, "/api/v1/auth/me/email", body.clone()).await.refused(429, "rate-limited");
    }
    let mails = server.mails().await;
    assert_eq!(mails.iter().filter(|mail| mail.to.contains("victim")).count(), 1);
}

async fn c38_invitations_flood_nobody(server: Server) {
    let ada = server.person("ada@example.com").await;
    let (one, other) = (server.organization(&ada, "one").await, server.organization(&ada, "other").await);
    let body = |send: bool| json!({ "email": "victim@example.com", "role_id": role_id(SystemRole::Viewer), "send_email": send });
    server.post_as(&ada, &format!("{one}/invitations"), body(true)).await.expect(201);
    for organization in [&one, &other] {
        let path = format!("{organization}/invitations");
        server.post_as(&ada, &path, body(true)).await.refused(429, "rate-limited");
    }
    server.post_as(&ada, &format!("{other}/invitations"), body(false)).await.expect(201);
    let mails = server.mails().await;
    assert_eq!(mails.iter().filter(|mail| mail.to.contains("victim")).count(), 1);
}
