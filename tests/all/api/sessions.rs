//! Signing in, staying signed in and signing out.

use std::time::Duration;

use poem::http::Method;
use serde_json::{Value, json};

use super::requests::same_part;
use crate::on_both;
use crate::support::{Answer, PASSWORD, Person, Server};

on_both!(
    a_sign_in_gives_tokens_in_the_old_systems_shape,
    wrong_password_and_unknown_address_look_the_same,
    a_huge_password_is_refused_before_it_is_hashed,
    a_suspended_person_cannot_sign_in_and_a_reinstated_one_can,
    an_access_token_ends_by_the_clock,
    a_refresh_token_works_once,
    b20_a_repeated_refresh_within_the_grace_gets_the_same_successor,
    b20_a_reused_refresh_token_ends_the_session,
    b20_a_spent_grandparent_ends_the_session_even_at_once,
    b21_of_many_parallel_refreshes_one_head_remains,
    b23_a_session_ends_after_seven_days_however_often_it_is_refreshed,
    b22_sessions_and_their_spent_tokens_survive_a_restart,
    an_expired_access_token_does_not_hinder_a_refresh,
    what_is_no_refresh_token_is_refused,
    signing_out_ends_the_session_at_once_and_no_other,
);

const LOGIN: &str = "/api/v1/auth/login";
const REFRESH: &str = "/api/v1/auth/refresh";
const ME: &str = "/api/v1/auth/me";

async fn refresh(server: &Server, token: &str) -> Answer {
    server.post(REFRESH, json!({ "refresh_token": token })).await
}

/// The access and refresh tokens of an answer.
fn tokens(body: &Value) -> (String, String) {
    let text = |key: &str| body[key].as_str().expect("a token").to_owned();
    (text("access_token"), text("refresh_token"))
}

async fn me(server: &Server, access: &str) -> Answer {
    server.send(Method::GET, ME, Some(access), None).await
}

async fn a_sign_in_gives_tokens_in_the_old_systems_shape(server: Server) {
    // The address is not proved: that hinders nobody from signing in.
    let user = server.register("ada@example.com").await;
    let body = json!({ "email": "ada@example.com", "password": PASSWORD });
    let given = server.post(LOGIN, body).await.expect(200);
    let (access, refresh) = tokens(&given);
    assert_eq!(
        given,
        json!({ "access_token": access, "refresh_token": refresh, "token_type": "bearer", "expires_in": 900 })
    );
    assert_eq!(me(&server, &access).await.expect(200)["id"], user["id"]);
}

async fn wrong_password_and_unknown_address_look_the_same(server: Server) {
    server.register("ada@example.com").await;
    let login = async |email: &str, password: &str| {
        server.post(LOGIN, json!({ "email": email, "password": password })).await
    };
    let wrong = login("ada@example.com", "correct horse batterY").await;
    assert_eq!(wrong.headers["www-authenticate"], "Bearer realm=\"palisade\"");
    wrong.clone().refused(401, "invalid-credentials");
    let others = [
        login("eve@example.com", PASSWORD).await,
        login("not an address", PASSWORD).await,
        login("", PASSWORD).await,
        login("ada@example.com", "").await,
        login("ada@example.com", "x").await,
        login("ada@example.com", "correct horse battery\0").await,
        login("ada@example.com", &"x".repeat(1024)).await,
        login("eve@example.com", &"x".repeat(1024)).await,
    ];
    for other in others {
        assert_eq!(same_part(&other), same_part(&wrong));
    }
}

async fn a_huge_password_is_refused_before_it_is_hashed(server: Server) {
    server.register("ada@example.com").await;
    for path in [LOGIN, "/api/v1/auth/register"] {
        let body = |length: usize| json!({ "email": "ada@example.com", "password": "x".repeat(length) });
        server.post(path, body(1025)).await.invalid("password", "too-long");
        server.post(path, body(60_000)).await.invalid("password", "too-long");
        server.post(path, body(1_000_000)).await.refused(413, "body-too-large");
    }
}

async fn a_suspended_person_cannot_sign_in_and_a_reinstated_one_can(server: Server) {
    let root = server.super_admin("root@example.com").await;
    let ada = server.person("ada@example.com").await;
    let path = format!("/api/v1/users/{}", ada.id);
    let shown = server.post_as(&root, &format!("{path}/suspend"), Value::Null).await.expect(200);
    assert_eq!(shown["is_active"], false);

    assert!(matches!(me(&server, &ada.access).await.status, 401 | 403));
    assert!(matches!(refresh(&server, &ada.refresh).await.status, 401 | 403));
    let right = json!({ "email": ada.email, "password": PASSWORD });
    server.post(LOGIN, right).await.refused(403, "account-suspended");
    let wrong = json!({ "email": ada.email, "password": "correct horse batterY" });
    server.post(LOGIN, wrong).await.refused(401, "invalid-credentials");

    let shown = server.post_as(&root, &format!("{path}/reinstate"), Value::Null).await.expect(200);
    assert_eq!(shown["is_active"], true);
    let again = server.login("ada@example.com").await;
    server.get_as(&again, ME).await.expect(200);
    refresh(&server, &ada.refresh).await.refused(401, "refresh-token-invalid");
    me(&server, &ada.access).await.refused(401, "session-ended");
}

async fn an_access_token_ends_by_the_clock(server: Server) {
    let ada = server.unverified("ada@example.com").await;
    server.advance(Duration::from_secs(899));
    server.get_as(&ada, ME).await.expect(200);
    server.advance(Duration::from_secs(1));
    let over = server.get_as(&ada, ME).await;
    assert_eq!(over.headers["www-authenticate"], "Bearer realm=\"palisade\", error=\"invalid_token\"");
    over.refused(401, "token-expired");
}

async fn a_refresh_token_works_once(server: Server) {
    let ada = server.unverified("ada@example.com").await;
    let given = refresh(&server, &ada.refresh).await.expect(200);
    let (access, next) = tokens(&given);
    assert_eq!((&given["token_type"], &given["expires_in"]), (&json!("bearer"), &json!(900)));
    assert!(next != ada.refresh && access != ada.access);
    assert_eq!(me(&server, &access).await.expect(200)["id"], ada.id.as_str());
    refresh(&server, &next).await.expect(200);
}

async fn b20_a_repeated_refresh_within_the_grace_gets_the_same_successor(server: Server) {
    let ada = server.unverified("ada@example.com").await;
    let (_, first) = tokens(&refresh(&server, &ada.refresh).await.expect(200));
    server.advance(Duration::from_secs(10));
    let (access, second) = tokens(&refresh(&server, &ada.refresh).await.expect(200));
    assert_eq!(first, second);
    me(&server, &access).await.expect(200);
    refresh(&server, &first).await.expect(200);
}

async fn b20_a_reused_refresh_token_ends_the_session(server: Server) {
    let ada = server.unverified("ada@example.com").await;
    let (access, next) = tokens(&refresh(&server, &ada.refresh).await.expect(200));
    let elsewhere = server.login("ada@example.com").await;
    server.advance(Duration::from_secs(11));
    refresh(&server, &ada.refresh).await.refused(401, "refresh-token-reused");
    me(&server, &access).await.refused(401, "session-ended");
    me(&server, &ada.access).await.refused(401, "session-ended");
    refresh(&server, &next).await.refused(401, "refresh-token-invalid");
    server.get_as(&elsewhere, ME).await.expect(200);
}

async fn b20_a_spent_grandparent_ends_the_session_even_at_once(server: Server) {
    let ada = server.unverified("ada@example.com").await;
    let (_, next) = tokens(&refresh(&server, &ada.refresh).await.expect(200));
    let (access, last) = tokens(&refresh(&server, &next).await.expect(200));
    refresh(&server, &ada.refresh).await.refused(401, "refresh-token-reused");
    me(&server, &access).await.refused(401, "session-ended");
    refresh(&server, &last).await.refused(401, "refresh-token-invalid");
}

async fn b21_of_many_parallel_refreshes_one_head_remains(server: Server) {
    let ada = server.unverified("ada@example.com").await;
    let all = futures_util::future::join_all((0..50).map(|_| refresh(&server, &ada.refresh))).await;
    let mut heads: Vec<_> = all.into_iter().map(|answer| tokens(&answer.expect(200)).1).collect();
    heads.dedup();
    assert_eq!(heads.len(), 1, "each answer names the same successor");
    refresh(&server, &heads[0]).await.expect(200);
}

async fn b23_a_session_ends_after_seven_days_however_often_it_is_refreshed(server: Server) {
    let ada = server.unverified("ada@example.com").await;
    let (mut access, mut token) = (ada.access, ada.refresh);
    for _ in 0..167 {
        server.advance(Duration::from_secs(60 * 60));
        (access, token) = tokens(&refresh(&server, &token).await.expect(200));
    }
    server.advance(Duration::from_secs(60 * 60 - 1));
    me(&server, &access).await.refused(401, "token-expired");
    (access, token) = tokens(&refresh(&server, &token).await.expect(200));
    me(&server, &access).await.expect(200);
    server.advance(Duration::from_secs(1));
    me(&server, &access).await.refused(401, "session-ended");
    refresh(&server, &token).await.refused(401, "refresh-token-invalid");
}

async fn b22_sessions_and_their_spent_tokens_survive_a_restart(server: Server) {
    let ada = server.unverified("ada@example.com").await;
    let (access, next) = tokens(&refresh(&server, &ada.refresh).await.expect(200));
    let server = server.restarted().await;
    me(&server, &access).await.expect(200);
    // The successor is derived, not kept: a new process still gives the same one.
    let (_, again) = tokens(&refresh(&server, &ada.refresh).await.expect(200));
    assert_eq!(again, next);
    let (access, head) = tokens(&refresh(&server, &next).await.expect(200));
    let server = server.restarted().await;
    refresh(&server, &ada.refresh).await.refused(401, "refresh-token-reused");
    let server = server.restarted().await;
    me(&server, &access).await.refused(401, "session-ended");
    refresh(&server, &head).await.refused(401, "refresh-token-invalid");
}

async fn an_expired_access_token_does_not_hinder_a_refresh(server: Server) {
    let ada = server.unverified("ada@example.com").await;
    server.advance(Duration::from_secs(3600));
    server.get_as(&ada, ME).await.refused(401, "token-expired");
    server.post_as(&ada, REFRESH, json!({ "refresh_token": ada.refresh })).await.expect(200);
    server.post_as(&ada, LOGIN, json!({ "email": ada.email, "password": PASSWORD })).await.expect(200);
}

async fn what_is_no_refresh_token_is_refused(server: Server) {
    let ada = server.unverified("ada@example.com").await;
    let verification = server.last_mail("ada@example.com").await.token();
    let cut = &ada.refresh[..ada.refresh.len() - 1];
    let longer = format!("{}A", ada.refresh);
    let spaced = format!("{} ", ada.refresh);
    for token in ["", "x", cut, &longer, &spaced, &verification, "\0"] {
        refresh(&server, token).await.refused(401, "refresh-token-invalid");
    }
    refresh(&server, &ada.access).await.invalid("refresh_token", "too-long");
    server.post(REFRESH, json!({})).await.invalid("refresh_token", "required");
    let swapped = Person { access: ada.refresh.clone(), ..ada.clone() };
    server.get_as(&swapped, ME).await.refused(401, "token-invalid");
    // None of it has hurt the session.
    refresh(&server, &ada.refresh).await.expect(200);
}

async fn signing_out_ends_the_session_at_once_and_no_other(server: Server) {
    let here = server.unverified("ada@example.com").await;
    let there = server.login("ada@example.com").await;
    let said = server.post_as(&here, "/api/v1/auth/logout", Value::Null).await.expect(200);
    assert_eq!(said, json!({ "message": "logged out" }));
    server.get_as(&here, ME).await.refused(401, "session-ended");
    refresh(&server, &here.refresh).await.refused(401, "refresh-token-invalid");
    server.post_as(&here, "/api/v1/auth/logout", Value::Null).await.refused(401, "session-ended");
    server.get_as(&there, ME).await.expect(200);
    refresh(&server, &there.refresh).await.expect(200);
    server.post("/api/v1/auth/logout", Value::Null).await.refused(401, "not-signed-in");
}
