//! Letters that were given up: who sees them, what of them, and how they go out after all.

use std::time::Duration;

use palisade::app::mail_principal;
use palisade::guard::actions::DeliverMail;
use serde_json::{Value, json};

use crate::on_both;
use crate::support::{Person, Server};

on_both!(
    an_administrator_sees_who_did_not_get_a_letter_and_why_but_never_its_link,
    a_letter_that_was_given_up_goes_out_when_it_is_tried_again,
    only_administrators_see_and_retry_letters,
);

const MESSAGES: &str = "/api/v1/admin/messages";

async fn deliver(server: &Server) -> usize {
    let caller = mail_principal();
    let ok = server.app.authorize(&caller, DeliverMail {}).await.expect("the mail job may deliver");
    server.app.deliver_mail(&ok).await.expect("mail can be tried")
}

/// Makes one letter to Ada that was tried once and waits.
async fn waiting(server: &Server) -> Person {
    let root = server.super_admin("root@example.com").await;
    // A file where the folder should be.
    std::fs::write(server.folder.path().join("mail"), "").unwrap();
    server.register("ada@example.com").await;
    assert_eq!(deliver(server).await, 0);
    root
}

/// The same, tried until it was given up.
async fn given_up(server: &Server) -> Person {
    let root = waiting(server).await;
    for _ in 0..14 {
        server.advance(Duration::from_secs(2 * 60 * 60));
        deliver(server).await;
    }
    // The session is long, the access token is not.
    server.login(&root.email).await
}

async fn list(server: &Server, root: &Person, state: &str) -> Value {
    server.get_as(root, &format!("{MESSAGES}?state={state}")).await.expect(200)
}

async fn an_administrator_sees_who_did_not_get_a_letter_and_why_but_never_its_link(server: Server) {
    let root = waiting(&server).await;
    let before = list(&server, &root, "waiting").await;
    let message = &before["messages"][0];
    assert_eq!((&message["state"], &message["attempts"]), (&json!("waiting"), &json!(1)));
    assert!(message["next_attempt_at"].is_string() && message.get("failed_at").is_none(), "{message}");
    let root = {
        drop(root);
        for _ in 0..14 {
            server.advance(Duration::from_secs(2 * 60 * 60));
            deliver(&server).await;
        }
        server.login("root@example.com").await
    };
    assert_eq!(list(&server, &root, "waiting").await["total"], 0);
    let after = list(&server, &root, "failed").await;
    let message = &after["messages"][0];
    assert_eq!((&after["total"], &message["state"]), (&json!(1), &json!("failed")));
    assert_eq!((&message["letter"], &message["to"]), (&json!("verify-email"), &json!("ada@example.com")));
    assert!(message["last_error"].as_str().unwrap().contains("mail folder"), "{message}");
    assert!(message["failed_at"].is_string() && message.get("next_attempt_at").is_none(), "{message}");
    for page in [before, after] {
        assert!(!page.to_string().contains("token") && !page.to_string().contains("://"), "{page}");
    }
}

async fn a_letter_that_was_given_up_goes_out_when_it_is_tried_again(server: Server) {
    let root = given_up(&server).await;
    let id = list(&server, &root, "failed").await["messages"][0]["id"].as_str().unwrap().to_owned();
    std::fs::remove_file(server.folder.path().join("mail")).unwrap();
    assert_eq!(deliver(&server).await, 0);
    let retry = format!("{MESSAGES}/{id}/retry");
    let answer = server.post_as(&root, &retry, Value::Null).await.expect(200);
    assert_eq!((&answer["state"], &answer["attempts"]), (&json!("waiting"), &json!(0)));
    server.post_as(&root, &retry, Value::Null).await.refused(409, "message-waiting");
    assert_eq!(deliver(&server).await, 1);
    server.last_mail("ada@example.com").await.token();
    server.post_as(&root, &retry, Value::Null).await.refused(404, "not-found");
    let told = "SELECT COUNT(*) FROM events WHERE action = 'RetryMessage' AND failure IS NULL";
    assert_eq!(server.count(told).await, 1);
}

async fn only_administrators_see_and_retry_letters(server: Server) {
    let ada = server.person("ada@example.com").await;
    let retry = format!("{MESSAGES}/{}/retry", uuid::Uuid::nil());
    server.get_as(&ada, MESSAGES).await.refused(403, "not-permitted");
    server.post_as(&ada, &retry, Value::Null).await.refused(403, "not-permitted");
    server.get(MESSAGES).await.refused(401, "not-signed-in");
}
