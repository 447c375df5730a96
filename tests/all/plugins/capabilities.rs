//! What a plugin may have: the manifest, the grant and the policies must all agree, at each use.

use hmac::{Hmac, KeyInit as _, Mac as _};
use poem::http::Method;
use serde_json::json;

use super::upstream::answer;
use super::{Upstream, bind, doing};
use crate::on_both;
use crate::support::{Database, PASSWORD, Server, Setup, root};

on_both!(what_plugins_kept_about_an_organization_goes_when_it_is_archived);

/// What the gate tells whoever signs in, after it did `deed` with `url` under these grants.
async fn told(deed: &str, url: &str, grants: &str, change: impl FnOnce(&mut Setup)) -> String {
    let mut setup = Setup::on(Database::Sqlite);
    bind(&mut setup, format!("{}url = \"{url}\"\n", doing("gate", deed, grants)));
    change(&mut setup);
    let server = Server::with(setup).await;
    server.register("ada@example.com").await;
    said(&server).await
}

async fn said(server: &Server) -> String {
    let body = json!({ "email": "ada@example.com", "password": PASSWORD });
    let answer = server.send(Method::POST, "/api/v1/auth/login", None, Some(&body)).await;
    format!(
        "{} {}",
        answer.body["code"].as_str().unwrap_or("none"),
        answer.body["detail"].as_str().unwrap_or("none")
    )
}

const SECRET: &str = "s3cret/of+ours&more";

/// A grant of this origin and the secret `token`.
fn granted(origin: &str, folder: &tempfile::TempDir) -> String {
    let file = folder.path().join("token");
    std::fs::write(&file, SECRET).expect("it can be written");
    format!("grants.internal_http = [\"{origin}\"]\ngrants.secrets.token.file = \"{}\"", file.display())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_granted_request_arrives_with_its_secret() {
    let (upstream, folder) = (Upstream::saying_ok().await, tempfile::tempdir().unwrap());
    let grants = granted(&upstream.origin(), &folder);
    assert_eq!(told("fetch", &upstream.origin(), &grants, |_| ()).await, "plugin:gate/told 200 ok");
    let heard = upstream.heard();
    assert!(heard[0].contains(&format!("authorization: Bearer {SECRET}\r\n")), "{}", heard[0]);
    assert!(heard[0].ends_with("\r\n\r\nhello"));
}

#[tokio::test(flavor = "multi_thread")]
async fn f58_grants_of_nothing_are_nothing() {
    let upstream = Upstream::saying_ok().await;
    for grants in ["", "grants = {}", "grants.http = []\ngrants.internal_http = []"] {
        let told = told("fetch-plain", &upstream.origin(), grants, |_| ()).await;
        assert!(told.contains("Denied") && told.contains("is not granted"), "{told}");
    }
    assert!(told("keep-denied", "", "", |_| ()).await.contains("Denied"));
    assert!(upstream.heard().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn f58_another_host_port_scheme_or_user_is_not_the_granted_one() {
    let (upstream, folder) = (Upstream::saying_ok().await, tempfile::tempdir().unwrap());
    let grants = granted(&upstream.origin(), &folder);
    let other = Upstream::saying_ok().await;
    for url in [
        other.origin(),
        format!("https://127.0.0.1:{}", upstream.port),
        format!("http://localhost:{}", upstream.port),
        format!("http://127.0.0.1:{}@127.0.0.1:{}/", upstream.port, other.port),
        format!("http://127.0.0.1:{}\\\\@127.0.0.1:{}/", other.port, upstream.port),
        "file:///etc/passwd".to_owned(),
    ] {
        let told = told("fetch-plain", &url, &grants, |_| ()).await;
        assert!(told.contains("Denied") || told.contains("Invalid"), "{url}: {told}");
    }
    assert!(upstream.heard().is_empty() && other.heard().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn f58_a_wildcard_grant_does_not_start() {
    for origin in ["https://*", "*", "https://*.example.com", "https://a.example:443@evil.test"] {
        let mut setup = Setup::on(Database::Sqlite);
        bind(&mut setup, doing("gate", "proceed", &format!("grants.http = [\"{origin}\"]")));
        let config = {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("palisade.toml");
            std::fs::write(&file, setup.plugins).unwrap();
            palisade::config::Config::load(
                Some(&file),
                [("PALISADE_PLUGINS_DIR".to_owned(), root().join("plugins/fixtures").display().to_string())],
            )
            .unwrap()
        };
        let host = std::sync::Arc::new(palisade::plugins::NoHost);
        let error = palisade::cli::wire::load_plugins(&config, host).await.unwrap_err();
        assert!(error.to_string().contains("grants"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f58_a_secret_named_but_not_granted_is_not_used() {
    let (upstream, folder) = (Upstream::saying_ok().await, tempfile::tempdir().unwrap());
    let grants = granted(&upstream.origin(), &folder);
    let told = told("fetch-other-secret", &upstream.origin(), &grants, |_| ()).await;
    assert!(told.contains("Denied"), "{told}");
    assert!(upstream.heard().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn f58_a_secret_that_comes_back_is_blanked() {
    // Says everything back, in a header and in the body.
    let upstream = Upstream::start(|text| {
        let find =
            |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned();
        answer(&format!("x-echo: {}\r\n", find("x-plain: ")), text)
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let grants = granted(&upstream.origin(), &folder);
    let told = told("fetch-echo", &upstream.origin(), &grants, |_| ()).await;
    assert!(upstream.heard()[0].contains(&format!("x-plain: {SECRET}")), "it went out");
    assert!(told.starts_with("plugin:gate/told [secret] "), "{told}");
    for spelling in [SECRET, "s3cret%2Fof", "s3cret", "dXNlcjpzM2NyZXQvb2Yrb3Vyc"] {
        assert!(!told.contains(spelling), "{spelling}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f55_addresses_that_are_not_public_are_refused_where_the_connection_is_made() {
    let upstream = Upstream::saying_ok().await;
    // Granted as public: the address is looked at all the same, and https is the only way.
    for host in [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "10.0.0.1",
        "169.254.169.254",
        "0.0.0.0",
        "100.64.0.1",
    ] {
        for origin in
            [format!("https://{host}:{}", upstream.port), format!("http://{host}:{}", upstream.port)]
        {
            let told = told("fetch-plain", &origin, &format!("grants.http = [\"{origin}\"]"), |_| ()).await;
            assert!(told.contains("Denied") || told.contains("Unreachable"), "{origin}: {told}");
        }
    }
    assert!(upstream.heard().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn f55_a_redirect_is_an_answer_and_not_followed() {
    let upstream = Upstream::start(|_| {
        "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned()
    })
    .await;
    let grants = format!("grants.internal_http = [\"{}\"]", upstream.origin());
    assert_eq!(told("fetch-plain", &upstream.origin(), &grants, |_| ()).await, "plugin:gate/told 302");
    assert_eq!(upstream.heard().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn f57_requests_headers_and_answers_are_bounded() {
    let upstream = Upstream::saying_ok().await;
    let grants = format!("grants.internal_http = [\"{}\"]", upstream.origin());
    let told_many = told("fetch-many", &upstream.origin(), &grants, |_| ()).await;
    assert_eq!(told_many.matches("200").count(), 3, "{told_many}");
    assert!(told_many.contains("TooMany"), "{told_many}");
    // 33,000 headers are not even copied: the call ends, and the gate has no answer.
    assert_eq!(
        told("fetch-many-headers", &upstream.origin(), &grants, |_| ()).await,
        "unavailable the service cannot answer now: try again later"
    );
    assert_eq!(upstream.heard().len(), 3);

    let huge = Upstream::start(|_| answer("", &"x".repeat(300 << 10))).await;
    let grants = format!("grants.internal_http = [\"{}\"]", huge.origin());
    assert!(told("fetch-plain", &huge.origin(), &grants, |_| ()).await.contains("TooLarge"));
}

#[tokio::test(flavor = "multi_thread")]
async fn f56_a_request_is_signed_over_its_time_and_body_with_a_secret_that_the_plugin_does_not_see() {
    let (upstream, folder) = (Upstream::saying_ok().await, tempfile::tempdir().unwrap());
    let grants = granted(&upstream.origin(), &folder);
    told("signed", &upstream.origin(), &grants, |_| ()).await;
    let heard = upstream.heard();
    let signature =
        heard[0].lines().find_map(|line| line.strip_prefix("x-signature: v1,")).expect("it is signed");
    let signed = |over: &str| {
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(over.as_bytes());
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    assert_eq!(signature, signed("1.2.body"));
    // The time and the message that stand before the body are under it too: another's is no signature for this one.
    assert_ne!(signature, signed("1.3.body"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_policy_takes_away_is_gone_at_the_next_call() {
    let upstream = Upstream::saying_ok().await;
    let grants = format!("grants.internal_http = [\"{}\"]\ngrants.kv = true", upstream.origin());
    for (policy, deed, without) in [
        ("plugins.http", "fetch-plain", "Denied"),
        ("plugins.storage", "keep-denied", "Denied"),
        ("plugins.hooks", "proceed", "unavailable"),
    ] {
        let policies = tempfile::tempdir().unwrap();
        for entry in std::fs::read_dir(root().join("policies")).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let text = std::fs::read_to_string(&path).unwrap();
                let text = if path.ends_with("plugins.cedar") { without_policy(&text, policy) } else { text };
                std::fs::write(policies.path().join(path.file_name().unwrap()), text).unwrap();
            }
        }
        let folder = policies.path().display().to_string();
        let told = told(deed, &upstream.origin(), &grants, |setup| {
            setup.settings.push(("PALISADE_POLICIES_DIR", folder));
        })
        .await;
        assert!(told.contains(without), "{policy}: {told}");
    }
    assert!(upstream.heard().is_empty());
}

/// The policies but the one with this id.
fn without_policy(text: &str, id: &str) -> String {
    let (before, rest) = text.split_once(&format!("@id(\"{id}\")")).expect("the policy is there");
    let after = rest.split_once(";\n").map_or("", |(_, after)| after);
    format!("{before}{after}")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_plugin_keeps_is_there_at_the_next_call() {
    assert_eq!(told("keep", "", "grants.kv = true", |_| ()).await, "plugin:gate/told value true");
    for database in [Some(Database::Sqlite), Database::postgres()].into_iter().flatten() {
        let mut setup = Setup::on(database);
        bind(&mut setup, doing("gate", "count", "grants.kv = true"));
        let server = Server::with(setup).await;
        server.register("ada@example.com").await;
        server.register("bob@example.com").await;
        for _ in 0..2 {
            assert_eq!(said(&server).await, "none none");
        }
        assert_eq!(said(&server).await, "plugin:gate/too-often Too often.");
        server.advance(std::time::Duration::from_secs(61));
        assert_eq!(said(&server).await, "none none", "its time is over");
    }
}

async fn what_plugins_kept_about_an_organization_goes_when_it_is_archived(server: Server) {
    let ada = server.person("ada@example.com").await;
    let (acme, other) = (server.organization(&ada, "acme").await, server.organization(&ada, "other").await);
    for space in [&acme, &other].map(|path| path.rsplit('/').next().unwrap()).into_iter().chain([""]) {
        let insert = format!(
            "INSERT INTO plugin_entries (plugin, space, key, value, number, expires_at) \
             VALUES ('gate', '{space}', 'k', NULL, 1, 9000000000000000)"
        );
        server.change_rows(&insert, &insert).await;
    }
    server.delete_as(&ada, &acme).await.expect(200);
    assert_eq!(server.count("SELECT COUNT(*) FROM plugin_entries").await, 2, "the others are of others");
    let id = acme.rsplit('/').next().unwrap();
    assert_eq!(server.count(&format!("SELECT COUNT(*) FROM plugin_entries WHERE space = '{id}'")).await, 0);
}
