//! A well-behaved and a hostile guest at each hook.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use palisade::app::ImportedRow;
use palisade::domain::SystemRole;
use serde_json::{Value, json};

use super::{Upstream, bind, deliver_events, doing, findings};
use crate::support::{Database, PASSWORD, Server, Setup, role_id};
use crate::{on_both, on_both_with};

on_both_with!(with_a_gate_that_denies; a_plugin_keeps_somebody_out_and_the_trail_says_so);
on_both_with!(with_a_gate_that_wants_more; a_step_up_refuses_until_there_is_a_second_factor);
on_both_with!(with_a_scribe; f59_claims_stand_under_ext_alone);
on_both_with!(with_a_wordlist; a_password_policy_is_asked_at_registration_reset_and_change);
on_both_with!(with_a_telltale; what_a_plugin_says_of_a_password_is_written_nowhere);
on_both_with!(with_a_legacy_system; an_old_password_opens_once_and_becomes_ours);
on_both_with!(with_a_doorkeeper; an_invitation_can_be_refused_by_a_plugin);
on_both_with!(with_a_keymaster; a_key_is_narrowed_or_refused_by_a_plugin);
on_both_with!(with_a_widening_keymaster; a_plugin_cannot_widen_a_key);
on_both!(letters_and_events_go_to_plugins_instead);

fn with_a_gate_that_denies(setup: &mut Setup) {
    bind(setup, doing("gate", "deny", ""));
}

async fn a_plugin_keeps_somebody_out_and_the_trail_says_so(server: Server) {
    server.register("ada@example.com").await;
    let body = json!({ "email": "ada@example.com", "password": PASSWORD });
    let told = server.post("/api/v1/auth/login", body).await.refused(403, "plugin:gate/not-today");
    assert_eq!(told["detail"], "Come back tomorrow.");
    // A wrong password is what it was: the plugin is not asked.
    let wrong = json!({ "email": "ada@example.com", "password": "another long password" });
    server.post("/api/v1/auth/login", wrong).await.refused(401, "invalid-credentials");

    let server = calmed(server).await;
    let root = server.super_admin("root@example.com").await;
    let found = findings(&server, &root).await;
    let [(action, failure, told)] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((action.as_str(), failure.as_deref()), ("Login", Some("plugin-refused")));
    assert_eq!(told[0]["plugin"], "gate");
    assert_eq!((&told[0]["hook"], &told[0]["verdict"]), (&json!("login.authenticated"), &json!("deny")));
    assert_eq!(told[0]["code"], "not-today");
    assert_eq!(told[0]["digest"].as_str().map(str::len), Some(64));
}

/// The same server without plugins.
async fn calmed(mut server: Server) -> Server {
    server.config.safe_mode = true;
    server.restarted().await
}

fn with_a_gate_that_wants_more(setup: &mut Setup) {
    bind(setup, doing("gate", "step-up", ""));
}

async fn a_step_up_refuses_until_there_is_a_second_factor(server: Server) {
    server.register("ada@example.com").await;
    let body = json!({ "email": "ada@example.com", "password": PASSWORD });
    server.post("/api/v1/auth/login", body).await.refused(403, "plugin:gate/second-factor");
}

fn with_a_scribe(setup: &mut Setup) {
    bind(setup, doing("scribe", "registered", ""));
}

/// The claims of an access token, not verified.
pub fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).expect("a token has three parts");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).expect("base64")).expect("JSON")
}

async fn f59_claims_stand_under_ext_alone(server: Server) {
    let ada = server.person("ada@example.com").await;
    let root = server.super_admin("root@example.com").await;
    let (action, failure, told) = findings(&server, &root).await.remove(0);
    assert_eq!((action.as_str(), failure), ("Login", None));
    assert_eq!((&told[0]["plugin"], &told[0]["verdict"]), (&json!("scribe"), &json!("claims")));
    let tokens =
        server.post("/api/v1/auth/refresh", json!({ "refresh_token": ada.refresh })).await.expect(200);
    let (action, _, told) = findings(&server, &root).await.pop().expect("the refresh is told");
    assert_eq!((action.as_str(), &told[0]["verdict"]), ("RefreshSession", &json!("claims")));
    for token in [ada.access.as_str(), tokens["access_token"].as_str().expect("a token")] {
        let claims = claims(token);
        assert_eq!(claims["sub"], ada.id);
        assert_ne!(claims["aud"], "evil");
        assert!(claims.get("scope").is_none(), "{claims}");
        let all: Vec<_> = claims["ext"].as_object().expect("an object").keys().collect();
        assert_eq!(all, ["scribe"]);
        assert_eq!(claims["ext"]["scribe"]["sub"], "root");
        // And such a token is one of ours still.
        server
            .get_as(&crate::support::Person { access: token.to_owned(), ..ada.clone() }, "/api/v1/auth/me")
            .await
            .expect(200);
    }
}

fn with_a_wordlist(setup: &mut Setup) {
    bind(setup, doing("wordlist", "behave", ""));
}

async fn a_password_policy_is_asked_at_registration_reset_and_change(server: Server) {
    let bad = "the forbidden fruit";
    let register = json!({ "email": "eve@example.com", "password": bad });
    let told =
        server.post("/api/v1/auth/register", register).await.refused(422, "plugin:wordlist/on-our-list");
    assert_eq!(told["errors"][0]["field"], "password");
    assert!(!told.to_string().contains("fruit"));

    let ada = server.person("ada@example.com").await;
    let change = json!({ "current_password": PASSWORD, "new_password": bad });
    let told = server.post_as(&ada, "/api/v1/auth/change-password", change).await;
    assert_eq!(told.refused(422, "plugin:wordlist/on-our-list")["errors"][0]["field"], "new_password");

    // Letters of one instant have no order.
    server.advance(std::time::Duration::from_secs(1));
    server.post("/api/v1/auth/forgot-password", json!({ "email": "ada@example.com" })).await;
    let token = server.last_mail("ada@example.com").await.token();
    let reset = |password: &str| json!({ "token": token, "new_password": password });
    server.post("/api/v1/auth/reset-password", reset(bad)).await.refused(422, "plugin:wordlist/on-our-list");
    let good = server.post("/api/v1/auth/reset-password", reset("quite another one")).await;
    assert!((200..300).contains(&good.status), "the token is as it was: {}", good.body);
}

fn with_a_telltale(setup: &mut Setup) {
    bind(setup, doing("wordlist", "tell", ""));
}

async fn what_a_plugin_says_of_a_password_is_written_nowhere(server: Server) {
    let told = server
        .post("/api/v1/auth/register", json!({ "email": "eve@example.com", "password": PASSWORD }))
        .await;
    // The person hears it: it is their own.
    assert_eq!(told.status, 422);
    let server = calmed(server).await;
    let root = server.super_admin("root@example.com").await;
    let found = findings(&server, &root).await;
    assert_eq!(found.len(), 1, "{found:?}");
    let all = server.get_as(&root, "/api/v1/events").await.expect(200).to_string();
    assert!(!all.contains("correct horse") && !all.contains("correct-horse"), "{all}");
}

fn with_a_legacy_system(setup: &mut Setup) {
    bind(setup, doing("legacy", "behave", ""));
}

async fn an_old_password_opens_once_and_becomes_ours(server: Server) {
    let row =
        ImportedRow { email: "ada@example.com".to_owned(), email_verified: true, ..ImportedRow::default() };
    crate::imports::import(&server, &[row]).await;
    let login = |password: &str| json!({ "email": "ada@example.com", "password": password });
    server
        .post("/api/v1/auth/login", login("not the old one at all"))
        .await
        .refused(401, "invalid-credentials");
    server.post("/api/v1/auth/login", login("the old password")).await.expect(200);
    // Without the plugin it is still right: the hash is ours.
    let server = calmed(server).await;
    server.post("/api/v1/auth/login", login("the old password")).await.expect(200);
}

fn with_a_doorkeeper(setup: &mut Setup) {
    bind(setup, doing("doorkeeper", "behave", ""));
}

async fn an_invitation_can_be_refused_by_a_plugin(server: Server) {
    let ada = server.person("ada@example.com").await;
    let path = format!("{}/invitations", server.organization(&ada, "acme").await);
    let invite = |email: &str| json!({ "email": email, "role_id": role_id(SystemRole::Member) });
    server.post_as(&ada, &path, invite("bob@example.com")).await.expect(201);
    server
        .post_as(&ada, &path, invite("eve@evil.test"))
        .await
        .refused(403, "plugin:doorkeeper/foreign-domain");
    let open = server.get_as(&ada, &path).await.expect(200);
    assert_eq!(open.as_array().map(Vec::len), Some(1), "{open}");
}

fn with_a_keymaster(setup: &mut Setup) {
    bind(setup, doing("keymaster", "behave", ""));
}

async fn a_key_is_narrowed_or_refused_by_a_plugin(server: Server) {
    let ada = server.person("ada@example.com").await;
    let endless = json!({ "name": "k", "scopes": ["self:read"] });
    server.post_as(&ada, "/api/v1/auth/api-keys", endless).await.refused(403, "plugin:keymaster/no-end");
    let wish = json!({ "name": "k", "scopes": ["self:read", "self:write"], "expires_in_days": 300 });
    let made = server.post_as(&ada, "/api/v1/auth/api-keys", wish).await.expect(201);
    assert_eq!(made["scopes"], json!(["self:read"]));
    assert_eq!(made["expires_at"], "2026-01-08T00:00:00Z");
}

fn with_a_widening_keymaster(setup: &mut Setup) {
    bind(setup, doing("keymaster", "widen", ""));
}

async fn a_plugin_cannot_widen_a_key(server: Server) {
    let ada = server.person("ada@example.com").await;
    let wish = json!({ "name": "k", "scopes": ["self:read"], "expires_in_days": 2 });
    let made = server.post_as(&ada, "/api/v1/auth/api-keys", wish).await.expect(201);
    assert_eq!(made["scopes"], json!([]));
    assert_eq!(made["expires_at"], "2026-01-03T00:00:00Z");
}

async fn letters_and_events_go_to_plugins_instead(first: Server) {
    // Of `first` only the kind of database is taken: this server's upstream is not known before.
    let database = if first.config.database_url().expose().starts_with("sqlite") {
        Database::Sqlite
    } else {
        Database::postgres().expect("it is there")
    };
    let (mail, events) = (Upstream::saying_ok().await, Upstream::saying_ok().await);
    let mut setup = Setup::on(database);
    let secret = first.folder.path().join("token");
    std::fs::write(&secret, "a secret token\n").expect("it can be written");
    let postman = format!(
        "grants.internal_http = [\"{}\"]\ngrants.secrets.token.file = \"{}\"",
        mail.origin(),
        secret.display()
    );
    let tap = format!("grants.internal_http = [\"{}\"]", events.origin());
    bind(
        &mut setup,
        format!(
            "{}url = \"{}\"\n{}url = \"{}\"\n",
            doing("postman", "behave", &postman),
            mail.origin(),
            doing("tap", "behave", &tap),
            events.origin()
        ),
    );
    let server = Server::with(setup).await;
    assert_eq!(deliver_events(&server).await, 0, "it begins with what happens from now on");
    server.register("ada@example.com").await;
    assert!(server.mails().await.is_empty(), "nothing lies in the folder");
    let heard = mail.heard();
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert!(heard[0].contains("authorization: Bearer a secret token"), "{}", heard[0]);
    assert!(
        heard[0].contains("ada@example.com\n") && heard[0].contains("/verify-email?token="),
        "{}",
        heard[0]
    );

    assert_eq!(deliver_events(&server).await, 1);
    assert_eq!(deliver_events(&server).await, 0, "once is enough");
    server.login("ada@example.com").await;
    assert_eq!(deliver_events(&server).await, 1);
    let heard: Vec<_> =
        events.heard().iter().map(|text| text.lines().last().unwrap_or_default().to_owned()).collect();
    assert_eq!(heard, ["1 Register true", "2 Login true"]);
}
