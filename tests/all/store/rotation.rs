//! Refresh tokens: one successor each, and a copy ends the session.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::on_both;
use crate::support::{Answer, Server};

on_both!(
    fifty_refreshes_at_once_give_one_successor,
    a_token_used_again_after_the_grace_ends_the_session,
    a_token_used_again_after_its_successor_was_ends_the_session,
    of_fifty_reuses_at_once_none_gives_a_token,
);

async fn refresh(server: &Server, token: &str) -> Answer {
    server.post("/api/v1/auth/refresh", json!({ "refresh_token": token })).await
}

async fn fifty_at_once(server: &Arc<Server>, token: &str) -> Vec<Answer> {
    let tasks = (0..50).map(|_| {
        let (server, token) = (Arc::clone(server), token.to_owned());
        tokio::spawn(async move { refresh(&server, &token).await })
    });
    futures_util::future::join_all(tasks).await.into_iter().map(Result::unwrap).collect()
}

fn successor(body: &Value) -> String {
    body["refresh_token"].as_str().expect("a refresh token").to_owned()
}

async fn fifty_refreshes_at_once_give_one_successor(server: Server) {
    let ada = server.person("ada@example.com").await;
    let server = Arc::new(server);
    let answers = fifty_at_once(&server, &ada.refresh).await;
    let successors: BTreeSet<_> = answers.into_iter().map(|answer| successor(&answer.expect(200))).collect();
    assert_eq!(successors.len(), 1);
    let next = successors.first().expect("there is one");
    assert_ne!(*next, ada.refresh);
    refresh(&server, next).await.expect(200);
}

async fn a_token_used_again_after_the_grace_ends_the_session(server: Server) {
    let ada = server.person("ada@example.com").await;
    let next = successor(&refresh(&server, &ada.refresh).await.expect(200));
    server.advance(Duration::from_secs(10));
    assert_eq!(successor(&refresh(&server, &ada.refresh).await.expect(200)), next);
    server.advance(Duration::from_micros(1));
    refresh(&server, &ada.refresh).await.refused(401, "refresh-token-reused");
    server.get_as(&ada, "/api/v1/auth/me").await.refused(401, "session-ended");
    refresh(&server, &next).await.refused(401, "refresh-token-invalid");
}

async fn a_token_used_again_after_its_successor_was_ends_the_session(server: Server) {
    let ada = server.person("ada@example.com").await;
    let second = successor(&refresh(&server, &ada.refresh).await.expect(200));
    let third = successor(&refresh(&server, &second).await.expect(200));
    refresh(&server, &ada.refresh).await.refused(401, "refresh-token-reused");
    refresh(&server, &third).await.refused(401, "refresh-token-invalid");
    server.get_as(&ada, "/api/v1/auth/me").await.refused(401, "session-ended");
    // Another sign-in of the same person is another family.
    let again = server.login("ada@example.com").await;
    server.get_as(&again, "/api/v1/auth/me").await.expect(200);
}

async fn of_fifty_reuses_at_once_none_gives_a_token(server: Server) {
    let ada = server.person("ada@example.com").await;
    refresh(&server, &ada.refresh).await.expect(200);
    server.advance(Duration::from_secs(11));
    for answer in fifty_at_once(&Arc::new(server), &ada.refresh).await {
        assert_eq!(answer.status, 401, "{}", answer.body);
    }
}
