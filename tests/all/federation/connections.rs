//! What is connected to an account: kept, refreshed, handed out, given back.

use std::time::Duration;

use poem::http::Method;
use serde_json::{Value, json};
use sqlx::Connection as _;

use super::{Stage, staged};
use crate::support::{Jar, Person};

staged! {
    an_account_is_connected_shown_and_disconnected,
    more_is_asked_for_only_where_a_connection_needs_it,
    tokens_are_sealed_at_rest,
    nobody_is_left_without_a_way_in,
    a_token_is_refreshed_before_it_ends,
    a_grant_that_is_over_asks_to_connect_again,
    less_is_handed_out_where_less_is_asked_for,
    a_token_is_traded_for_one_for_less_where_the_provider_trades,
    a_provider_that_trades_only_by_its_own_word_may_refuse,
    an_agent_gets_a_token_only_on_behalf_of_the_person,
    nobody_gets_a_token_of_somebody_else,
    an_administrator_can_force_a_disconnect,
    an_administrator_disconnects_all_of_a_person_or_of_a_provider,
    a_person_has_several_accounts_at_one_provider,
    an_unverified_person_connects_nothing,
}

fn verified(email: &str) -> Value {
    json!({ "email": email, "email_verified": true, "preferred_username": "ada" })
}

async fn connected(stage: &Stage, subject: &str, scopes: Value) -> Person {
    let ada = stage.server.person("ada@example.com").await;
    stage.idp.says_of(subject, &verified("elsewhere@example.com"));
    let landed = stage.server.connect(&ada, "idp", &stage.idp, json!({ "scopes": scopes })).await;
    assert_eq!(landed.query("connected").as_deref(), Some("true"), "{}", landed.0);
    ada
}

fn token_path(of: &Person) -> String {
    format!("/api/v1/users/{}/connections/idp/token", of.id)
}

async fn an_account_is_connected_shown_and_disconnected(stage: Stage) {
    let ada = connected(&stage, "1", json!([])).await;
    let Stage { server, idp, .. } = &stage;
    assert_eq!(server.sign_in_by("idp", idp).await.id, ada.id);
    let listed = server.get_as(&ada, "/api/v1/auth/oauth/connected").await.expect(200);
    let own = listed["providers"].as_array().unwrap().iter().find(|it| it["provider"] == "idp").unwrap();
    assert_eq!((own["username"].as_str(), own["connected"].as_bool()), (Some("ada"), Some(true)));
    let export = server.get_as(&ada, "/api/v1/auth/me/export").await.expect(200);
    assert_eq!(export["identities"][0]["subject"], "1");
    server.delete_as(&ada, "/api/v1/auth/oauth/idp/disconnect").await.expect(200);
    let revoked = idp.says.lock().revoked.clone();
    assert!(revoked.len() == 1 && revoked[0].contains("refresh-"), "{revoked:?}");
    server.delete_as(&ada, "/api/v1/auth/oauth/idp/disconnect").await.refused(404, "not-found");
    assert_ne!(server.sign_in_by("idp", idp).await.id, ada.id);
    server.post_as(&ada, &token_path(&ada), json!({})).await.refused(404, "not-found");
}

async fn more_is_asked_for_only_where_a_connection_needs_it(stage: Stage) {
    let Stage { server, .. } = &stage;
    let ada = server.person("ada@example.com").await;
    let scope = |url: &str| {
        let url: url::Url = url.parse().unwrap();
        url.query_pairs().find(|(name, _)| name == "scope").unwrap().1.into_owned()
    };
    assert_eq!(scope(&server.depart(&mut Jar::default(), "idp").await), "openid email");
    let body = json!({ "scopes": ["files"] });
    assert_eq!(scope(&server.depart_as(&mut Jar::default(), &ada, "idp", body).await), "openid email files");
    let path = "/api/v1/auth/oauth/idp/connect";
    server.post_as(&ada, path, json!({ "scopes": ["admin"] })).await.invalid("scopes", "not-allowed");
    server.post(path, json!({})).await.refused(401, "not-signed-in");
}

async fn tokens_are_sealed_at_rest(stage: Stage) {
    stage.idp.says.lock().token =
        json!({ "access_token": "access-canary", "refresh_token": "refresh-canary" });
    let ada = connected(&stage, "1", json!([])).await;
    let url = stage.server.config.database_url();
    let select = "SELECT sealed_tokens FROM connections";
    let sealed: Vec<u8> = if let Some(file) = url.expose().strip_prefix("sqlite://") {
        let mut db = sqlx::SqliteConnection::connect(&format!("sqlite://{file}")).await.unwrap();
        sqlx::query_scalar(select).fetch_one(&mut db).await.unwrap()
    } else {
        let mut db = sqlx::PgConnection::connect(url.expose()).await.unwrap();
        sqlx::query_scalar(select).fetch_one(&mut db).await.unwrap()
    };
    let text = String::from_utf8_lossy(&sealed).into_owned();
    assert!(!text.contains("canary") && sealed.len() > 33);
    let token = stage.server.post_as(&ada, &token_path(&ada), json!({})).await.expect(200);
    assert_eq!(token["access_token"], "access-canary");
    assert!(!token.to_string().contains("refresh"));
}

async fn nobody_is_left_without_a_way_in(stage: Stage) {
    let Stage { server, idp, other, .. } = &stage;
    idp.says_of("1", &verified("ada@example.com"));
    let ada = server.sign_in_by("idp", idp).await;
    let path = "/api/v1/auth/oauth/idp/disconnect";
    server.delete_as(&ada, path).await.refused(400, "last-sign-in-method");
    other.says_of("1", &verified("ada@example.com"));
    server.connect(&ada, "other", other, json!({})).await;
    server.delete_as(&ada, path).await.expect(200);
    server.delete_as(&ada, "/api/v1/auth/oauth/other/disconnect").await.refused(400, "last-sign-in-method");
    assert_eq!(server.sign_in_by("other", other).await.id, ada.id);
}

async fn a_token_is_refreshed_before_it_ends(stage: Stage) {
    let ada = connected(&stage, "1", json!([])).await;
    let Stage { server, idp, .. } = &stage;
    let first = server.post_as(&ada, &token_path(&ada), json!({})).await.expect(200);
    let same = server.post_as(&ada, &token_path(&ada), json!({})).await.expect(200);
    assert_eq!(first, same);
    let ada = {
        server.advance(Duration::from_secs(3600 - 299));
        server.login("ada@example.com").await
    };
    let asked = idp.says.lock().asked.len();
    // However many ask at once, the refresh token is used once.
    let path = token_path(&ada);
    let all = futures_util::future::join_all((0..8).map(|_| server.post_as(&ada, &path, json!({})))).await;
    let tokens: Vec<Value> =
        all.into_iter().map(|answer| answer.expect(200)["access_token"].clone()).collect();
    assert!(tokens.iter().all(|token| *token == tokens[0] && *token != first["access_token"]), "{tokens:?}");
    let bodies = idp.says.lock().asked[asked..].to_vec();
    assert_eq!(bodies.len(), 1);
    assert_eq!(bodies[0]["grant_type"], "refresh_token");
}

async fn a_grant_that_is_over_asks_to_connect_again(stage: Stage) {
    let ada = connected(&stage, "1", json!([])).await;
    let Stage { server, idp, .. } = &stage;
    idp.says.lock().token_status = 400;
    idp.says.lock().token = json!({ "error": "invalid_grant" });
    server.advance(Duration::from_secs(3601));
    let ada = server.login(&ada.email).await;
    server.post_as(&ada, &token_path(&ada), json!({})).await.refused(409, "reconnect-required");
    idp.says.lock().token_status = 200;
    idp.says.lock().token = json!({});
    server.post_as(&ada, &token_path(&ada), json!({})).await.expect(200);
}

async fn less_is_handed_out_where_less_is_asked_for(stage: Stage) {
    let stage = stage.reconfigured("narrows_on_refresh = true").await;
    let ada = connected(&stage, "1", json!(["files", "mail"])).await;
    let Stage { server, idp, .. } = &stage;
    let path = token_path(&ada);
    let whole = server.post_as(&ada, &path, json!({})).await.expect(200);
    idp.says.lock().token = json!({ "scope": "files" });
    let less = server.post_as(&ada, &path, json!({ "scopes": ["files"] })).await.expect(200);
    assert_eq!(less["scopes"], json!(["files"]));
    assert_ne!(less["access_token"], whole["access_token"]);
    let asked = idp.says.lock().asked.last().unwrap().clone();
    assert_eq!((asked["grant_type"].as_str(), asked["scope"].as_str()), ("refresh_token", "files"));
    // What was granted is there still, and so is the token for all of it.
    let again = server.post_as(&ada, &path, json!({})).await.expect(200);
    assert_eq!(again["access_token"], whole["access_token"]);
    let mut all = again["scopes"].clone();
    all.as_array_mut().unwrap().retain(|scope| scope == "files" || scope == "mail");
    assert_eq!(all, json!(["files", "mail"]));
    // One that gives more than was asked for hands nothing out.
    idp.says.lock().token = json!({ "scope": "openid files mail" });
    server.post_as(&ada, &path, json!({ "scopes": ["mail"] })).await.refused(409, "not-narrowed");
    idp.says.lock().token = json!({ "error": "invalid_scope" });
    idp.says.lock().token_status = 400;
    server.post_as(&ada, &path, json!({ "scopes": ["mail"] })).await.refused(409, "not-narrowed");
}

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

async fn a_token_is_traded_for_one_for_less_where_the_provider_trades(stage: Stage) {
    let stage = stage.reconfigured("narrows_by_exchange = true").await;
    let ada = connected(&stage, "1", json!(["files", "mail"])).await;
    let Stage { server, idp, .. } = &stage;
    let path = token_path(&ada);
    let whole = server.post_as(&ada, &path, json!({})).await.expect(200);
    let asked = idp.says.lock().asked.len();
    idp.says.lock().token = json!({ "scope": "files", "refresh_token": "not-for-us", "expires_in": 60 });
    let less = server.post_as(&ada, &path, json!({ "scopes": ["files"] })).await.expect(200);
    assert_eq!(less["scopes"], json!(["files"]));
    assert_ne!(less["access_token"], whole["access_token"]);
    assert_ne!(less["expires_at"], whole["expires_at"]);
    let bodies = idp.says.lock().asked[asked..].to_vec();
    assert_eq!(bodies.len(), 1, "nothing is refreshed for it");
    let kind = "urn:ietf:params:oauth:token-type:access_token";
    for (name, value) in [
        ("grant_type", EXCHANGE),
        ("subject_token", whole["access_token"].as_str().unwrap()),
        ("subject_token_type", kind),
        ("requested_token_type", kind),
        ("scope", "files"),
    ] {
        assert_eq!(bodies[0][name], value);
    }
    // What was granted is there still, and so is the token for all of it.
    let again = server.post_as(&ada, &path, json!({})).await.expect(200);
    assert_eq!(again, whole);
    // Nothing is handed out that is more, the same, or something else.
    for wrong in [
        json!({ "scope": "openid files mail" }),
        json!({ "access_token": whole["access_token"] }),
        json!({ "issued_token_type": "urn:ietf:params:oauth:token-type:refresh_token" }),
        json!({ "issued_token_type": null }),
        json!({ "error": "invalid_target" }),
    ] {
        idp.says.lock().token = wrong;
        server.post_as(&ada, &path, json!({ "scopes": ["mail"] })).await.refused(409, "not-narrowed");
    }
}

async fn a_provider_that_trades_only_by_its_own_word_may_refuse(stage: Stage) {
    stage.idp.says.lock().metadata = json!({ "grant_types_supported": ["authorization_code", EXCHANGE] });
    let ada = connected(&stage, "1", json!(["files", "mail"])).await;
    let Stage { server, idp, .. } = &stage;
    let path = token_path(&ada);
    let whole = server.post_as(&ada, &path, json!({})).await.expect(200);
    idp.says.lock().token = json!({ "scope": "mail" });
    let less = server.post_as(&ada, &path, json!({ "scopes": ["mail"] })).await.expect(200);
    assert_eq!(less["scopes"], json!(["mail"]));
    // Then it is as at a provider that does not trade: a token with at least those.
    idp.says.lock().token = json!({ "error": "unauthorized_client" });
    let token = server.post_as(&ada, &path, json!({ "scopes": ["mail"] })).await.expect(200);
    assert_eq!(token, whole);
}

async fn an_agent_gets_a_token_only_on_behalf_of_the_person(stage: Stage) {
    let ada = connected(&stage, "1", json!(["files"])).await;
    let Stage { server, .. } = &stage;
    let house = server.organization(&ada, "acme").await;
    let agent =
        server.post_as(&ada, &format!("{house}/agents"), json!({ "name": "Builder" })).await.expect(201);
    let agent_path = format!("{house}/agents/{}", agent["id"].as_str().unwrap());
    let key = async |scopes: Value| {
        let body = json!({ "name": "key", "scopes": scopes });
        let made = server.post_as(&ada, &format!("{agent_path}/api-keys"), body).await.expect(201);
        made["key"].as_str().unwrap().to_owned()
    };
    let exchange = async |key: &str, scope: &str| {
        let kind = "urn:ietf:params:oauth:token-type:access_token";
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
                ("subject_token", ada.access.as_str()),
                ("subject_token_type", kind),
                ("actor_token", key),
                ("actor_token_type", kind),
                ("scope", scope),
            ])
            .finish();
        let answer = server.send_form("/api/v1/auth/token", None, form).await.expect(200);
        answer["access_token"].as_str().unwrap().to_owned()
    };
    let path = token_path(&ada);
    let using = key(json!(["connection:use"])).await;
    let delegated = exchange(&using, "connection:use").await;
    let post = |token: String, body: Value| {
        let path = path.clone();
        async move { server.send(Method::POST, &path, Some(&token), Some(&body)).await }
    };
    let token = post(delegated.clone(), json!({ "scopes": ["files"] })).await.expect(200);
    assert!(token["access_token"].as_str().unwrap().starts_with("access-"));
    post(delegated.clone(), json!({ "scopes": ["mail"] })).await.invalid("scopes", "not-granted");
    // The agent by itself acts for nobody.
    assert_eq!(post(using, json!({})).await.status, 404);
    // A scope for something else is none for this.
    let other = key(json!(["project:read"])).await;
    let narrow = exchange(&other, "project:read").await;
    post(narrow, json!({})).await.refused(403, "insufficient-scope");
    let events = server.get_as(&ada, "/api/v1/auth/me/events").await.expect(200);
    let handed = events.as_array().unwrap().iter().find(|it| it["action"] == "BrokerToken").unwrap();
    assert!(handed["details"]["for"].to_string().contains("Agent::"), "{handed}");
    assert!(!handed.to_string().contains("access-"));
}

async fn nobody_gets_a_token_of_somebody_else(stage: Stage) {
    let ada = connected(&stage, "1", json!([])).await;
    let bob = stage.server.person("bob@example.com").await;
    let root = stage.server.super_admin("root@example.com").await;
    stage.server.post_as(&bob, &token_path(&ada), json!({})).await.refused(404, "not-found");
    assert!(matches!(stage.server.post_as(&root, &token_path(&ada), json!({})).await.status, 403 | 404));
    stage.server.post(&token_path(&ada), json!({})).await.refused(401, "not-signed-in");
}

async fn an_administrator_can_force_a_disconnect(stage: Stage) {
    let ada = connected(&stage, "1", json!([])).await;
    let Stage { server, idp, .. } = &stage;
    let root = server.super_admin("root@example.com").await;
    let path = format!("/api/v1/users/{}/connections/idp", ada.id);
    server.delete_as(&ada, &path).await.refused(403, "not-permitted");
    server.delete_as(&root, &path).await.expect(200);
    assert_eq!(idp.says.lock().revoked.len(), 1);
    server.delete_as(&root, &path).await.refused(404, "not-found");
    let uri = "/api/v1/auth/oauth/idp/redirect-uri";
    server.get_as(&ada, uri).await.refused(403, "not-permitted");
    let told = server.get_as(&root, uri).await.expect(200);
    assert_eq!(told["calculated_redirect_uri"], "http://palisade.test/api/v1/auth/oauth/idp/callback");
}

async fn an_administrator_disconnects_all_of_a_person_or_of_a_provider(stage: Stage) {
    let ada = connected(&stage, "1", json!([])).await;
    let Stage { server, idp, other, .. } = &stage;
    other.says_of("1", &verified("elsewhere@example.com"));
    server.connect(&ada, "other", other, json!({})).await;
    let root = server.super_admin("root@example.com").await;
    let path = format!("/api/v1/users/{}/connections", ada.id);
    server.delete_as(&ada, &path).await.refused(403, "not-permitted");
    server.delete_as(&root, &path).await.expect(200);
    assert_eq!((idp.says.lock().revoked.len(), other.says.lock().revoked.len()), (1, 1));
    server.delete_as(&root, &path).await.refused(404, "not-found");

    let bob = server.person("bob@example.com").await;
    for (person, subject) in [(&ada, "2"), (&bob, "3")] {
        idp.says_of(subject, &verified("elsewhere@example.com"));
        server.connect(person, "idp", idp, json!({})).await;
        other.says_of(subject, &verified("elsewhere@example.com"));
        server.connect(person, "other", other, json!({})).await;
    }
    let path = "/api/v1/admin/connections/idp";
    server.delete_as(&ada, path).await.refused(403, "not-permitted");
    let done = server.delete_as(&root, path).await.expect(200);
    assert_eq!(done, json!({ "people": 2, "more": false }));
    assert_eq!((idp.says.lock().revoked.len(), other.says.lock().revoked.len()), (3, 1));
    for person in [&ada, &bob] {
        server.post_as(person, &token_path(person), json!({})).await.refused(404, "not-found");
    }
    assert_eq!(server.sign_in_by("other", other).await.id, bob.id);
    server.delete_as(&root, path).await.refused(404, "not-found");
}

async fn a_person_has_several_accounts_at_one_provider(stage: Stage) {
    let ada = connected(&stage, "1", json!([])).await;
    let Stage { server, idp, .. } = &stage;
    // Ids are in order of their milliseconds.
    server.advance(Duration::from_millis(1));
    idp.says_of("2", &verified("work@example.com"));
    server.connect(&ada, "idp", idp, json!({})).await;
    assert_eq!(server.sign_in_by("idp", idp).await.id, ada.id);
    let listed = server.get_as(&ada, "/api/v1/auth/oauth/connected").await.expect(200);
    let ids: Vec<_> = listed["providers"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| it["provider"] == "idp")
        .map(|it| it["identity_id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), 2);
    let path = format!("/api/v1/auth/oauth/idp/disconnect?identity_id={}", ids[0]);
    server.delete_as(&ada, &path).await.expect(200);
    assert_eq!(server.sign_in_by("idp", idp).await.id, ada.id);
    idp.says_of("1", &verified("elsewhere@example.com"));
    assert_ne!(server.sign_in_by("idp", idp).await.id, ada.id);
}

async fn an_unverified_person_connects_nothing(stage: Stage) {
    let ada = stage.server.unverified("ada@example.com").await;
    stage.idp.says_of("1", &verified("ada@example.com"));
    stage.server.connect(&ada, "idp", &stage.idp, json!({})).await.failed("email_unverified");
}
