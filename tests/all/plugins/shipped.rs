//! The plugins that come along, end to end: through the HTTP API, as built, bound and granted as an operator would.

use aws_lc_rs::hmac;
use palisade::app::ImportedRow;
use serde_json::{Value, json};

use super::hooks::claims;
use super::{Upstream, beside, deliver_events, findings};
use crate::support::{Database, PASSWORD, Server, Setup};
use crate::{on_both, on_both_with};

on_both_with!(with_domain_policy; javascript_keeps_throw_away_addresses_and_blocked_domains_out);
on_both!(
    whoever_has_not_solved_the_captcha_does_not_come_in,
    events_arrive_signed_and_once_more_if_they_were_not_taken,
    a_password_of_the_old_system_opens_once_and_becomes_ours,
);

/// One of `plugins/`, with more lines of its binding, the table of its configuration last.
fn bound(name: &str, more: &str) -> String {
    format!("[[plugins]]\nname = \"{name}\"\ndeadline_ms = 10000\n{more}\n")
}

/// A grant of this origin, and of a secret whose text is in a file of `server`.
fn granted(server: &Server, upstream: &Upstream, secret: &str, text: &str) -> String {
    let file = server.folder.path().join(secret);
    std::fs::write(&file, text).expect("it can be written");
    format!(
        "grants.internal_http = [\"{}\"]\ngrants.secrets.{secret}.file = \"{}\"",
        upstream.origin(),
        file.display()
    )
}

/// A server on a database of the same kind, with this plugin.
async fn with(first: &Server, plugin: String) -> Server {
    Server::with(Setup { plugins: plugin.leak(), ..beside(first) }).await
}

fn with_domain_policy(setup: &mut Setup) {
    let config = "[plugins.config]\nblocked_domains = [\"evil.test\"]";
    setup.plugins = bound("domain-policy", config).leak();
}

async fn javascript_keeps_throw_away_addresses_and_blocked_domains_out(server: Server) {
    let register = |email: &str| json!({ "email": email, "password": PASSWORD });
    for (email, code) in [
        ("ada@mailinator.com", "plugin:domain-policy/disposable-address"),
        ("ada@mail.evil.test", "plugin:domain-policy/domain-blocked"),
    ] {
        let told = server.post("/api/v1/auth/register", register(email)).await.refused(422, code);
        assert_eq!(told["errors"][0]["field"], "email");
    }
    server.post("/api/v1/auth/register", register("ada@example.com")).await.expect(201);
    let root = server.super_admin("root@example.com").await;
    let found = findings(&server, &root).await;
    assert_eq!(found.len(), 2, "{found:?}");
    let (action, failure, told) = &found[0];
    assert_eq!((action.as_str(), failure.as_deref()), ("Register", Some("plugin-refused")));
    assert_eq!(
        (&told[0]["plugin"], &told[0]["code"]),
        (&json!("domain-policy"), &json!("disposable-address"))
    );
}

/// Too large to be checked in, and to be made into machine code by a debug build in less than minutes.
mod python_puts_preferences_into_tokens_under_its_own_name {
    use super::{Database, python};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "takes minutes: scripts/test-plugins runs it where Python's component can be built"]
    async fn sqlite() {
        python(Database::Sqlite).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "takes minutes: scripts/test-plugins runs it where Python's component can be built"]
    async fn postgres() {
        if let Some(database) = Database::postgres() {
            python(database).await;
        }
    }
}

async fn python(database: Database) {
    let config = "[plugins.config]\nclaims = { theme = \"theme\", teams = \"favourites\" }";
    let plugins = bound("attribute-claims", config).leak();
    let server = Server::with(Setup { plugins, ..Setup::on(database) }).await;
    let ada = server.person("ada@example.com").await;
    let nothing = json!({});
    assert_eq!(claims(&ada.access).get("ext").unwrap_or(&nothing).get("attribute-claims"), None);
    let attributes = json!({ "theme": "dark", "teams": ["red", "blue"], "salary": 100, "sub": "root" });
    server.patch_as(&ada, "/api/v1/auth/me", json!({ "attributes": attributes })).await.expect(200);
    let refresh = json!({ "refresh_token": ada.refresh });
    let tokens = server.post("/api/v1/auth/refresh", refresh).await.expect(200);
    let told = claims(tokens["access_token"].as_str().expect("a token"));
    assert_eq!(
        told["ext"],
        json!({ "attribute-claims": { "theme": "dark", "favourites": ["red", "blue"] } })
    );
    assert_eq!(told["sub"], json!(ada.id));
}

async fn whoever_has_not_solved_the_captcha_does_not_come_in(first: Server) {
    let provider = Upstream::start(|text| {
        let form = text.lines().last().unwrap_or_default();
        match form.rsplit('=').next() {
            Some("down") => "HTTP/1.1 503 Busy\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned(),
            token => super::upstream::answer("", &json!({ "success": token == Some("solved") }).to_string()),
        }
    })
    .await;
    let grants = granted(&first, &provider, "captcha", "the key of our site\n");
    let config = format!("[plugins.config]\naddress = \"{}/siteverify\"", provider.origin());
    let server = with(&first, bound("captcha", &format!("{grants}\n{config}"))).await;
    let register = async |payload: Value| {
        let body = json!({ "email": "ada@example.com", "password": PASSWORD, "transient_payload": payload });
        server.post("/api/v1/auth/register", body).await
    };
    let told = register(json!({})).await.refused(422, "plugin:captcha/captcha-missing");
    assert_eq!(told["errors"][0]["field"], "transient_payload.captcha_token");
    assert!(provider.heard().is_empty(), "there is nothing to ask about");
    register(json!({ "captcha_token": "guessed" })).await.refused(422, "plugin:captcha/captcha-failed");
    // Without an answer nobody comes in either.
    register(json!({ "captcha_token": "down" })).await.refused(503, "unavailable");
    register(json!({ "captcha_token": "solved" })).await.expect(201);
    let heard = provider.heard();
    assert_eq!(heard.len(), 3, "{heard:?}");
    assert!(heard[2].starts_with("POST /siteverify HTTP/1.1\r\n"), "{}", heard[2]);
    // The secret is the host's: the plugin has only named it.
    assert!(heard[2].ends_with("\r\n\r\nsecret=the+key+of+our+site&response=solved"), "{}", heard[2]);
}

async fn events_arrive_signed_and_once_more_if_they_were_not_taken(first: Server) {
    let key = "a key that signs";
    // Takes the first event and no other.
    let service = Upstream::start(|text| {
        let status = if text.contains("\"sequence\":1,") { "204 Yes" } else { "503 No" };
        format!("HTTP/1.1 {status}\r\nconnection: close\r\n\r\n")
    })
    .await;
    let grants = granted(&first, &service, "signing_key", key);
    let config = format!("[plugins.config]\nurl = \"{}/palisade\"\nkinds = [\"Register\"]", service.origin());
    let server = with(&first, bound("event-webhook", &format!("{grants}\n{config}"))).await;
    assert_eq!(deliver_events(&server).await, 0, "it begins with what happens from now on");
    server.register("ada@example.com").await;
    assert_eq!(deliver_events(&server).await, 1);

    let heard = service.heard();
    let (head, body) = heard[0].split_once("\r\n\r\n").expect("a request");
    let header = |name: &str| {
        let line = head.lines().find_map(|line| line.strip_prefix(name)).expect("the header is there");
        line.trim_start_matches(": ").to_owned()
    };
    let told: Value = serde_json::from_str(body).expect("JSON");
    let event = &told["events"][0];
    assert_eq!((&event["kind"], &event["succeeded"]), (&json!("Register"), &json!(true)));
    let signed = format!("{}.{body}", header("palisade-timestamp"));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), signed.as_bytes());
    let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(header("palisade-signature"), format!("v1={hex}"));

    // What it does not take comes again, after a while, and not before.
    server.register("eve@example.com").await;
    assert_eq!(deliver_events(&server).await, 0);
    assert_eq!((deliver_events(&server).await, service.heard().len()), (0, 2), "not before its time");
    server.advance(std::time::Duration::from_secs(6));
    assert_eq!((deliver_events(&server).await, service.heard().len()), (0, 3));
    let again = service.heard();
    let body = |text: &str| text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    assert_eq!(body(&again[1]), body(&again[2]), "the same events");
}

async fn a_password_of_the_old_system_opens_once_and_becomes_ours(first: Server) {
    let old = Upstream::start(|text| {
        let body: Value = serde_json::from_str(text.lines().last().unwrap_or_default()).unwrap_or_default();
        let known = text.contains("authorization: Bearer our token of theirs\r\n");
        let status = match (body["email"].as_str(), body["password"].as_str()) {
            _ if !known => "500 Who are you",
            (Some("ada@example.com"), Some("the old password")) => "204 Right",
            (Some("ada@example.com"), _) => "401 Wrong",
            _ => "404 Nobody",
        };
        format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
    })
    .await;
    let grants = granted(&first, &old, "token", "our token of theirs");
    let config = format!("[plugins.config]\nurl = \"{}/check\"", old.origin());
    let server = with(&first, bound("legacy-login", &format!("{grants}\n{config}"))).await;
    let row =
        |email: &str| ImportedRow { email: email.to_owned(), email_verified: true, ..ImportedRow::default() };
    crate::imports::import(&server, &[row("ada@example.com"), row("bob@example.com")]).await;
    let login = async |email: &str, password: &str| {
        server.post("/api/v1/auth/login", json!({ "email": email, "password": password })).await
    };
    login("ada@example.com", "a wrong password").await.refused(401, "invalid-credentials");
    // Whom the old system does not know either.
    login("bob@example.com", "the old password").await.refused(401, "invalid-credentials");
    login("ada@example.com", "the old password").await.expect(200);
    assert_eq!(old.heard().len(), 3);
    // From now on there is a hash here, and nobody else is asked.
    login("ada@example.com", "the old password").await.expect(200);
    login("ada@example.com", "a wrong password").await.refused(401, "invalid-credentials");
    assert_eq!(old.heard().len(), 3);
    let root = server.super_admin("root@example.com").await;
    let events = server.get_as(&root, "/api/v1/events?limit=100").await.expect(200).to_string();
    assert!(!events.contains("the old password") && !events.contains("our token of theirs"));
}
