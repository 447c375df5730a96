//! One's own account, and proving its address.

use std::time::Duration;

use poem::http::Method;
use serde_json::{Value, json};

use crate::api::requests::same_part;
use crate::on_both;
use crate::support::Server;

on_both!(
    a_person_reads_and_changes_themselves,
    an_anonymous_caller_has_no_account,
    c31_nobody_raises_themselves_through_their_profile,
    preferences_have_a_bound,
    c33_an_address_is_proved_once,
    a_verification_link_is_over_after_a_day,
    c34_opening_the_page_of_a_link_proves_nothing,
    what_is_no_verification_token_is_refused,
    nobody_is_verified_by_somebody_elses_link,
);

const ME: &str = "/api/v1/auth/me";
const VERIFY: &str = "/api/v1/auth/verify-email";

async fn a_person_reads_and_changes_themselves(server: Server) {
    let ada = server.unverified("ada@example.com").await;
    let set = json!({ "full_name": " Ada  L. ", "department": "Engines", "attributes": { "theme": "dark" } });
    let changed = server.patch_as(&ada, ME, set).await.expect(200);
    assert_eq!(changed["full_name"], "Ada  L.");
    assert_eq!(changed["attributes"], json!({ "theme": "dark" }));
    assert_eq!(server.get_as(&ada, ME).await.expect(200), changed);

    // What is left out stays; null clears; preferences are replaced as a whole.
    let cleared = json!({ "full_name": null, "attributes": { "lang": "en" } });
    let cleared = server.patch_as(&ada, ME, cleared).await.expect(200);
    assert!(cleared.get("full_name").is_none(), "{cleared}");
    assert_eq!(
        (&cleared["department"], &cleared["attributes"]),
        (&json!("Engines"), &json!({ "lang": "en" }))
    );
    assert_eq!(server.patch_as(&ada, ME, json!({})).await.expect(200)["department"], "Engines");

    let long = "x".repeat(101);
    server.patch_as(&ada, ME, json!({ "full_name": long })).await.invalid("full_name", "too-long");
    server
        .patch_as(&ada, ME, json!({ "full_name": "a\r\nb" }))
        .await
        .invalid("full_name", "control-character");
    server.patch_as(&ada, ME, json!({ "full_name": 7 })).await.invalid("full_name", "wrong-type");
}

async fn an_anonymous_caller_has_no_account(server: Server) {
    server.get(ME).await.refused(401, "not-signed-in");
    let patch = server.send(Method::PATCH, ME, None, Some(&json!({}))).await;
    patch.refused(401, "not-signed-in");
}

async fn c31_nobody_raises_themselves_through_their_profile(server: Server) {
    let eve = server.unverified("eve@example.com").await;
    let before = server.get_as(&eve, ME).await.expect(200);
    let fields = [
        ("id", json!("00000000-0000-7000-8000-000000000001")),
        ("email", json!("ada@example.com")),
        ("email_verified", json!(true)),
        ("email_verified_at", json!("2026-01-01T00:00:00Z")),
        ("is_active", json!(true)),
        ("is_verified", json!(true)),
        ("is_super_admin", json!(true)),
        ("super_admin", json!(true)),
        ("role", json!("owner")),
        ("role_id", json!("01900000-0000-7000-8000-000000000001")),
        ("status", json!("active")),
        ("waitlist_status", json!("approved")),
        ("avatar_url", json!("http://evil.example/")),
        ("created_at", json!("2020-01-01T00:00:00Z")),
        ("last_login_at", json!("2020-01-01T00:00:00Z")),
        ("password", json!("correct horse battery 2")),
    ];
    for (field, value) in fields {
        let patch = json!({ field: value, "department": "changed" });
        server.patch_as(&eve, ME, patch).await.invalid(field, "unknown-field");
    }
    assert_eq!(server.get_as(&eve, ME).await.expect(200), before);

    // Preferences may be called anything, and are nothing but preferences.
    let named = json!({ "attributes": { "email_verified": true, "super_admin": true, "role": "owner" } });
    let shown = server.patch_as(&eve, ME, named).await.expect(200);
    assert_eq!((&shown["is_verified"], &shown["is_super_admin"]), (&json!(false), &json!(false)));
    let founding = json!({ "name": "Evil", "slug": "evil" });
    server.post_as(&eve, "/api/v1/organizations", founding).await.refused(403, "email-unverified");
    server.get_as(&eve, "/api/v1/auth/waitlist").await.refused(403, "email-unverified");
}

async fn preferences_have_a_bound(server: Server) {
    let ada = server.unverified("ada@example.com").await;
    let of = |length: usize| json!({ "attributes": { "k": "x".repeat(length - r#"{"k":""}"#.len()) } });
    server.patch_as(&ada, ME, of(16 * 1024)).await.expect(200);
    server.patch_as(&ada, ME, of(16 * 1024 + 1)).await.invalid("attributes", "too-long");
    for wrong in [json!([]), json!("x"), json!(1)] {
        server.patch_as(&ada, ME, json!({ "attributes": wrong })).await.invalid("attributes", "wrong-type");
    }
    let strange = json!({ "attributes": { "": "\0", "a\u{0}b": "\u{1f600}", "n": 1e300, "big": u64::MAX } });
    let shown = server.patch_as(&ada, ME, strange.clone()).await.expect(200);
    assert_eq!(shown["attributes"], strange["attributes"]);
    assert_eq!(server.get_as(&ada, ME).await.expect(200)["attributes"], strange["attributes"]);
}

async fn c33_an_address_is_proved_once(server: Server) {
    let ada = server.unverified("ada@example.com").await;
    let token = server.last_mail("ada@example.com").await.token();
    server.post(VERIFY, json!({ "token": token })).await.expect(200);
    assert_eq!(server.get_as(&ada, ME).await.expect(200)["is_verified"], true);
    server.post(VERIFY, json!({ "token": token })).await.refused(409, "token-invalid");
    assert_eq!(server.get_as(&ada, ME).await.expect(200)["is_verified"], true);
}

async fn a_verification_link_is_over_after_a_day(server: Server) {
    let late = server.unverified("late@example.com").await;
    let token = server.last_mail("late@example.com").await.token();
    server.advance(Duration::from_secs(1));
    let early = server.unverified("early@example.com").await;
    let other = server.last_mail("early@example.com").await.token();
    server.advance(Duration::from_secs(24 * 60 * 60 - 1));
    server.post(VERIFY, json!({ "token": token })).await.refused(409, "token-invalid");
    server.post(VERIFY, json!({ "token": other })).await.expect(200);
    let (late, early) = (server.login(&late.email).await, server.login(&early.email).await);
    assert_eq!(server.get_as(&late, ME).await.expect(200)["is_verified"], false);
    assert_eq!(server.get_as(&early, ME).await.expect(200)["is_verified"], true);
}

async fn c34_opening_the_page_of_a_link_proves_nothing(server: Server) {
    let ada = server.unverified("ada@example.com").await;
    let token = server.last_mail("ada@example.com").await.token();
    for _ in 0..2 {
        let page = server.get(&format!("/verify-email?token={token}")).await;
        assert_eq!(page.status, 200);
        assert!(page.headers["content-type"].to_str().unwrap().starts_with("text/html"));
    }
    server.get(&format!("{VERIFY}?token={token}")).await.refused(405, "method-not-allowed");
    assert_eq!(server.get_as(&ada, ME).await.expect(200)["is_verified"], false);
    server.post(VERIFY, json!({ "token": token })).await.expect(200);
}

async fn what_is_no_verification_token_is_refused(server: Server) {
    let ada = server.unverified("ada@example.com").await;
    let token = server.last_mail("ada@example.com").await.token();
    let refused = server.post(VERIFY, json!({ "token": "x" })).await;
    refused.clone().refused(409, "token-invalid");
    let cut = &token[..token.len() - 1];
    let longer = format!("{token}A");
    for wrong in ["", cut, &longer, &ada.refresh, "\0", "' OR 1=1 --", "\u{1f600}"] {
        assert_eq!(same_part(&server.post(VERIFY, json!({ "token": wrong })).await), same_part(&refused));
    }
    server.post(VERIFY, json!({ "token": ada.access })).await.invalid("token", "too-long");
    server.post(VERIFY, json!({ "token": null })).await.invalid("token", "required");
    server.post(VERIFY, Value::Null).await.invalid("", "wrong-type");
    assert_eq!(server.get_as(&ada, ME).await.expect(200)["is_verified"], false);
}

async fn nobody_is_verified_by_somebody_elses_link(server: Server) {
    let ada = server.unverified("ada@example.com").await;
    let eve = server.unverified("eve@example.com").await;
    let token = server.last_mail("eve@example.com").await.token();
    server.post_as(&ada, VERIFY, json!({ "token": token })).await.expect(200);
    assert_eq!(server.get_as(&ada, ME).await.expect(200)["is_verified"], false);
    assert_eq!(server.get_as(&eve, ME).await.expect(200)["is_verified"], true);
    server
        .post(VERIFY, json!({ "token": token, "user_id": ada.id }))
        .await
        .invalid("user_id", "unknown-field");
}
