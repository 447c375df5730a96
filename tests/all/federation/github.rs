//! GitHub is no OpenID provider: numbers for people, a list of addresses, errors with status 200.

use serde_json::json;

use super::{Stage, staged};
use crate::support::Jar;

staged! {
    an_octocat_signs_in_by_number_and_its_primary_verified_address,
    an_error_with_status_200_is_an_error,
    an_octocat_without_a_verified_address_is_not_known_by_one,
    what_was_granted_is_given_back_in_githubs_own_way,
}

fn octocat(stage: &Stage, emails: serde_json::Value) {
    let mut says = stage.github.says.lock();
    says.userinfo = json!({ "id": 583_231, "login": "octocat", "name": null, "email": "public@example.com" });
    says.emails = emails;
    says.token = json!({ "expires_in": null, "refresh_token": null, "id_token": null, "scope": "read:user,user:email", "token_type": "bearer" });
}

async fn an_octocat_signs_in_by_number_and_its_primary_verified_address(stage: Stage) {
    octocat(
        &stage,
        json!([
            { "email": "old@example.com", "primary": false, "verified": true, "visibility": null },
            { "email": "octo@example.com", "primary": true, "verified": true, "visibility": "private" },
        ]),
    );
    let octo = stage.server.sign_in_by("github", &stage.github).await;
    assert_eq!(octo.email, "octo@example.com");
    octocat(&stage, json!([{ "email": "moved@example.com", "primary": true, "verified": true }]));
    assert_eq!(stage.server.sign_in_by("github", &stage.github).await.id, octo.id);
    let asked = stage.github.says.lock().asked[0].clone();
    assert_eq!((asked["client_id"].as_str(), asked["client_secret"].as_str()), ("us", "hush hush"));
}

async fn an_error_with_status_200_is_an_error(stage: Stage) {
    octocat(&stage, json!([{ "email": "octo@example.com", "primary": true, "verified": true }]));
    stage.github.says.lock().token = json!({ "error": "bad_verification_code", "error_description": "The code passed is incorrect or expired." });
    stage.server.journey(&mut Jar::default(), "github", &stage.github).await.failed("oauth_failed");
}

async fn an_octocat_without_a_verified_address_is_not_known_by_one(stage: Stage) {
    octocat(&stage, json!([{ "email": "octo@example.com", "primary": true, "verified": false }]));
    stage.server.journey(&mut Jar::default(), "github", &stage.github).await.failed("email_unverified");
    octocat(&stage, json!([]));
    stage.github.says.lock().userinfo["id"] = json!(2);
    stage.server.journey(&mut Jar::default(), "github", &stage.github).await.failed("email_required");
}

async fn what_was_granted_is_given_back_in_githubs_own_way(stage: Stage) {
    let ada = stage.server.person("ada@example.com").await;
    octocat(&stage, json!([]));
    stage.github.says.lock().token["access_token"] = json!("gho_secret");
    let landed = stage.server.connect(&ada, "github", &stage.github, json!({ "scopes": ["repo"] })).await;
    assert_eq!(landed.query("username").as_deref(), Some("octocat"));
    let listed = stage.server.get_as(&ada, "/api/v1/auth/oauth/connected").await.expect(200);
    assert_eq!(listed["providers"][0]["scopes"], json!(["read:user", "user:email"]));
    stage.server.delete_as(&ada, "/api/v1/auth/oauth/github/disconnect").await.expect(200);
    assert_eq!(stage.github.says.lock().revoked, [r#"{"access_token":"gho_secret"}"#]);
}
