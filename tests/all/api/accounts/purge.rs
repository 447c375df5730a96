//! What has been over for thirty days goes away by itself.

use std::time::Duration;

use palisade::app::purge_principal;
use palisade::domain::SystemRole;
use palisade::guard::actions::PurgeExpired;
use poem::http::Method;
use serde_json::json;

use crate::on_both;
use crate::support::{Server, role_id};

on_both!(
    what_has_been_over_for_thirty_days_is_deleted,
    what_is_not_over_stays,
    a_purged_account_leaves_no_keys,
);

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn purge(server: &Server) -> u64 {
    let caller = purge_principal();
    let ok = server.app.authorize(&caller, PurgeExpired {}).await.expect("the purge may run");
    server.app.purge_expired(&ok).await.expect("rows can be purged")
}

/// A sign-in with a refreshed token, a key, a token for one task, a delegation, an invitation and a link: one of each.
async fn one_of_each(server: &Server) {
    let ada = server.person("ada@example.com").await;
    let acme = server.organization(&ada, "acme").await;
    let body = json!({ "name": "Builder", "role_id": role_id(SystemRole::Viewer) });
    let made = server.post_as(&ada, &format!("{acme}/agents"), body).await.expect(201);
    let agent = format!("{acme}/agents/{}", made["id"].as_str().unwrap());
    let body = json!({ "name": "k", "scopes": ["org:read"] });
    let key = server.post_as(&ada, &format!("{agent}/api-keys"), body).await.expect(201)["key"].clone();
    let body = json!({ "task_id": "t", "scopes": ["org:read"] });
    server.post_as(&ada, &format!("{agent}/token"), body).await.expect(201);
    let token_type = "urn:ietf:params:oauth:token-type:access_token";
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange")
        .append_pair("subject_token", &ada.access)
        .append_pair("subject_token_type", token_type)
        .append_pair("actor_token", key.as_str().unwrap())
        .append_pair("actor_token_type", token_type)
        .finish();
    server.send_form("/api/v1/auth/token", None, form).await.expect(200);
    let body = json!({ "email": "bob@example.com", "role_id": role_id(SystemRole::Viewer) });
    server.post_as(&ada, &format!("{acme}/invitations"), body).await.expect(201);
}

/// Rows of each table that the purge looks at, and the keys that it leaves.
async fn rows(server: &Server) -> [i64; 6] {
    let count = async |from: &str| server.count(&format!("SELECT COUNT(*) FROM {from}")).await;
    [
        count("sessions").await,
        count("refresh_tokens").await,
        count("delegations").await,
        count("email_tokens").await,
        count("invitations").await,
        count("api_keys").await,
    ]
}

async fn what_has_been_over_for_thirty_days_is_deleted(server: Server) {
    one_of_each(&server).await;
    assert_eq!(rows(&server).await, [1, 1, 1, 1, 1, 2]);
    // The sign-in and the invitation lived a week.
    server.advance(37 * DAY);
    assert_eq!(purge(&server).await, 5);
    assert_eq!(rows(&server).await, [0, 0, 0, 0, 0, 1], "the agent's key is not over");
    assert_eq!(purge(&server).await, 0);
    assert_eq!(server.count("SELECT COUNT(*) FROM known_devices").await, 1);
    server.advance(328 * DAY);
    purge(&server).await;
    let seen = "SELECT (SELECT COUNT(*) FROM known_devices) + (SELECT COUNT(*) FROM known_networks)";
    assert_eq!(server.count(seen).await, 0);
}

async fn what_is_not_over_stays(server: Server) {
    one_of_each(&server).await;
    server.advance(31 * DAY - Duration::from_secs(1));
    assert_eq!(purge(&server).await, 2, "the token for a task and the delegation lived minutes");
    assert_eq!(rows(&server).await, [1, 1, 0, 1, 1, 1]);
    server.advance(Duration::from_secs(1));
    assert_eq!(purge(&server).await, 1, "the link lived a day");
}

async fn a_purged_account_leaves_no_keys(server: Server) {
    let ada = server.person("ada@example.com").await;
    let made = server.post_as(&ada, "/api/v1/auth/api-keys", json!({ "name": "mine" })).await.expect(201);
    let export = server.get_as(&ada, "/api/v1/auth/me/export").await.expect(200);
    assert_eq!(export["api_keys"][0]["name"], "mine");
    assert!(!export.to_string().contains(made["key"].as_str().unwrap()), "the export shows a key");
    let body = json!({ "current_password": crate::support::PASSWORD });
    server.send(Method::DELETE, "/api/v1/auth/me", Some(&ada.access), Some(&body)).await.expect(200);
    server.advance(14 * DAY);
    let caller = purge_principal();
    let ok = server.app.authorize(&caller, palisade::guard::actions::PurgeAccounts {}).await.unwrap();
    assert_eq!(server.app.purge_accounts(&ok).await.unwrap(), 1);
    assert_eq!(server.count("SELECT COUNT(*) FROM api_keys").await, 0);
}
