//! D41, D42: wrong passwords make the next try wait, and no one can make somebody else wait.

use std::time::Duration;

use poem::http::Method;
use serde_json::json;

use crate::on_both_with;
use crate::support::{Answer, PASSWORD, Server, Setup};

on_both_with!(
    with_delays;
    d41_guessing_gets_slower_and_a_right_guess_must_wait_too,
    d41_failures_of_others_never_slow_a_network_the_account_knows,
    d41_an_account_nobody_has_is_slowed_alike,
    d41_a_success_forgives_ones_own_failures,
    d42_many_tries_at_once_are_no_way_around_the_wait,
    d42_guessing_the_current_password_gets_slower_at_every_door,
    d42_guesses_at_sign_in_and_of_a_stolen_session_count_together,
);

fn with_delays(setup: &mut Setup) {
    setup.settings.extend([
        ("PALISADE_RATE_LIMITS_ENABLED", "true".to_owned()),
        ("PALISADE_RATE_LIMITS_LOGIN", "off".to_owned()),
        ("PALISADE_RATE_LIMITS_MAIL", "off".to_owned()),
        ("PALISADE_RATE_LIMITS_MAIL_TO", "off".to_owned()),
    ]);
}

const ADA: &str = "ada@example.com";
const HOME: &str = "192.0.2.1";

fn wait(answer: &Answer) -> u64 {
    answer.headers["retry-after"].to_str().unwrap().parse().unwrap()
}

async fn wrong(server: &Server, peer: &str, email: &str, times: usize) {
    for _ in 0..times {
        server.login_from(peer, email, "not the password").await.refused(401, "invalid-credentials");
    }
}

/// A wrong password from each of twenty networks.
async fn botnet(server: &Server, email: &str) {
    for n in 0..20 {
        wrong(server, &format!("198.51.100.{n}"), email, 1).await;
    }
}

async fn d41_guessing_gets_slower_and_a_right_guess_must_wait_too(server: Server) {
    server.register(ADA).await;
    wrong(&server, HOME, ADA, 5).await;
    for seconds in [1, 2, 4, 8] {
        let refused = server.login_from(HOME, ADA, PASSWORD).await;
        assert_eq!(wait(&refused), seconds);
        refused.refused(429, "too-many-attempts");
        server.advance(Duration::from_secs(seconds));
        wrong(&server, HOME, ADA, 1).await;
    }
    // Others are not slowed, and neither is another account from here.
    server.login_from("192.0.2.2", ADA, PASSWORD).await.expect(200);
    server.register("bob@example.com").await;
    server.login_from(HOME, "bob@example.com", PASSWORD).await.expect(200);
    server.advance(Duration::from_secs(16));
    server.login_from(HOME, ADA, PASSWORD).await.expect(200);
}

async fn d41_failures_of_others_never_slow_a_network_the_account_knows(server: Server) {
    server.register(ADA).await;
    server.login_from(HOME, ADA, PASSWORD).await.expect(200);
    botnet(&server, ADA).await;
    // The next guess waits, from wherever it comes…
    for stranger in ["203.0.113.1", "203.0.113.2"] {
        let refused = server.login_from(stranger, ADA, PASSWORD).await;
        assert_eq!(wait(&refused), 1);
        refused.refused(429, "too-many-attempts");
    }
    // … and the owner does not, though the guessing goes on.
    for _ in 0..3 {
        server.login_from(HOME, ADA, PASSWORD).await.expect(200);
        server.advance(Duration::from_secs(60));
        wrong(&server, "203.0.113.3", ADA, 1).await;
        server.login_from("203.0.113.4", ADA, "another guess").await.refused(429, "too-many-attempts");
    }
    server.login_from(HOME, ADA, PASSWORD).await.expect(200);
    // What the owner's own network does wrong still slows it.
    wrong(&server, HOME, ADA, 5).await;
    server.login_from(HOME, ADA, PASSWORD).await.refused(429, "too-many-attempts");
}

async fn d41_an_account_nobody_has_is_slowed_alike(server: Server) {
    server.register(ADA).await;
    for email in [ADA, "nobody@example.com"] {
        botnet(&server, email).await;
        let refused = server.login_from("203.0.113.1", email, "a guess").await;
        assert_eq!(wait(&refused), 1);
        let of_strangers = refused.refused(429, "too-many-attempts");
        server.advance(Duration::from_secs(60));
        wrong(&server, "203.0.113.1", email, 1).await;
        let twice = server.login_from("203.0.113.1", email, "a guess").await;
        assert_eq!(wait(&twice), 2);
        assert_eq!(twice.refused(429, "too-many-attempts")["detail"], of_strangers["detail"]);
        server.advance(Duration::from_secs(3_600));
    }
}

async fn d41_a_success_forgives_ones_own_failures(server: Server) {
    server.register(ADA).await;
    for _ in 0..8 {
        wrong(&server, HOME, ADA, 4).await;
        server.login_from(HOME, ADA, PASSWORD).await.expect(200);
    }
    // And the account's: 32 failures are forgiven, so a stranger's try is looked at.
    wrong(&server, "203.0.113.1", ADA, 1).await;
}

async fn d42_many_tries_at_once_are_no_way_around_the_wait(server: Server) {
    server.register(ADA).await;
    let tries = (0..40).map(|_| server.login_from(HOME, ADA, "not the password"));
    let answers = futures_util::future::join_all(tries).await;
    let seen = answers.iter().filter(|answer| answer.status == 401).count();
    assert_eq!(seen, 5);
    assert!(answers.iter().all(|answer| matches!(answer.status, 401 | 429)));
}

/// A guess of whoever holds a session, through one of the doors that ask for the password again.
async fn guess(server: &Server, access: &str, door: usize, password: &str) -> Answer {
    let (method, path, body) = [
        (
            Method::POST,
            "change-password",
            json!({ "current_password": password, "new_password": "a wholly new one" }),
        ),
        (
            Method::POST,
            "me/email",
            json!({ "current_password": password, "new_email": "mallory@example.com" }),
        ),
        (Method::DELETE, "me", json!({ "current_password": password })),
    ][door % 3]
        .clone();
    let bearer = format!("Bearer {access}");
    let headers = [("authorization", bearer.as_str())];
    server.send_from(HOME, &headers, method, &format!("/api/v1/auth/{path}"), Some(&body)).await
}

async fn d42_guessing_the_current_password_gets_slower_at_every_door(server: Server) {
    for (door, email) in ["ada@example.com", "bob@example.com", "eve@example.com"].into_iter().enumerate() {
        let stolen = server.person(email).await.access;
        for _ in 0..5 {
            guess(&server, &stolen, door, "not the password")
                .await
                .invalid("current_password", "wrong-password");
        }
        for seconds in [1, 2, 4] {
            let refused = guess(&server, &stolen, door, PASSWORD).await;
            assert_eq!(wait(&refused), seconds, "door {door}");
            refused.refused(429, "too-many-attempts");
            server.advance(Duration::from_secs(seconds));
            guess(&server, &stolen, door, "not the password")
                .await
                .invalid("current_password", "wrong-password");
        }
    }
}

async fn d42_guesses_at_sign_in_and_of_a_stolen_session_count_together(server: Server) {
    let stolen = server.person(ADA).await.access;
    for door in 0..3 {
        guess(&server, &stolen, door, "not the password").await.invalid("current_password", "wrong-password");
    }
    wrong(&server, HOME, ADA, 2).await;
    server.login_from(HOME, ADA, PASSWORD).await.refused(429, "too-many-attempts");
    guess(&server, &stolen, 0, PASSWORD).await.refused(429, "too-many-attempts");
    server.advance(Duration::from_secs(1));
    // A right one forgives what its own network did.
    guess(&server, &stolen, 0, PASSWORD).await.expect(200);
    for door in 0..4 {
        guess(&server, &stolen, door, "not the password").await.invalid("current_password", "wrong-password");
    }
}
