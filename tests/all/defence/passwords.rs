//! What a password must be, and the advice before it is chosen.

use serde_json::json;

use crate::on_both;
use crate::support::{PASSWORD, Server};

on_both!(a_guessable_password_is_refused_and_advice_says_why);

async fn a_guessable_password_is_refused_and_advice_says_why(server: Server) {
    const STRENGTH: &str = "/api/v1/auth/password-strength";
    let weak = "catcatcatcatcat";
    let advice = server.post(STRENGTH, json!({ "password": weak })).await.expect(200);
    assert!(advice["score"].as_u64().unwrap() < 2, "{advice}");
    assert_eq!((&advice["acceptable"], &advice["reason"]), (&json!(false), &json!("too-guessable")));
    assert!(!advice["suggestions"].as_array().unwrap().is_empty());
    assert!(!advice.to_string().contains(weak));
    let body = json!({ "email": "ada@example.com", "password": weak });
    server.post("/api/v1/auth/register", body).await.invalid("password", "too-guessable");

    let advice = server.post(STRENGTH, json!({ "password": PASSWORD })).await.expect(200);
    assert!(advice["score"].as_u64().unwrap() >= 2, "{advice}");
    assert_eq!((&advice["acceptable"], advice.get("reason")), (&json!(true), None));
    // What an attacker knows of the person counts for nothing.
    let own = json!({ "password": "wilhelmina.lovelace", "email": "wilhelmina.lovelace@example.com" });
    let advice = server.post(STRENGTH, own).await.expect(200);
    assert_eq!(advice["reason"], "contains-email");
    assert!(advice["score"].as_u64().unwrap() < 2, "{advice}");
    server.post(STRENGTH, json!({ "password": "x".repeat(1_025) })).await.invalid("password", "too-long");
}
