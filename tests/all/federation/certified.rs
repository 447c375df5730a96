//! Against a provider that is certified for OpenID Connect, in its own process.

use std::time::Duration;

use palisade::domain::{Clock as _, SystemClock};
use poem::http::Method;
use serde_json::json;

use crate::support::{Certified, Database, Jar, Landed, Server, Setup};

const CALLBACK: &str = "http://palisade.test/api/v1/auth/oauth/certified/callback";

async fn stage(database: Database) -> Option<(Server, Certified)> {
    let provider = Certified::start("us", "hush hush hush hush", CALLBACK)?;
    let mut setup = Setup::on(database);
    let settings = format!(
        "plugins = []\n[oauth]\nfrontend_callback_url = \"http://app.test/callback\"\n[[oauth.providers]]\n\
         name = \"certified\"\nissuer = \"{}\"\nallow_private_addresses = true\n\
         scopes = [\"openid\", \"email\", \"profile\"]\nconnect_scopes = [\"offline_access\"]\n",
        provider.issuer
    );
    setup.plugins = Box::leak(settings.into_boxed_str());
    setup.settings.extend([
        ("PALISADE_OAUTH_CERTIFIED_CLIENT_ID", "us".to_owned()),
        ("PALISADE_OAUTH_CERTIFIED_CLIENT_SECRET", "hush hush hush hush".to_owned()),
    ]);
    let server = Server::with(setup).await;
    // Its clock is the machine's.
    let now = SystemClock.now().get() - server.clock.now().get();
    server.advance(Duration::from_micros(u64::try_from(now).expect("time goes on")));
    Some((server, provider))
}

async fn back(server: &Server, jar: &mut Jar, to: &url::Url) -> Landed {
    let query: Vec<(String, String)> = to.query_pairs().into_owned().collect();
    let query: Vec<(&str, &str)> =
        query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    server.come_back(jar, "certified", &query).await
}

async fn people_sign_in_connect_and_disconnect(database: Database) {
    let Some((server, provider)) = stage(database).await else { return };
    let mut jar = Jar::default();
    let mut people = Vec::new();
    for _ in 0..2 {
        let auth_url = server.depart(&mut jar, "certified").await;
        let landed = back(&server, &mut jar, &provider.visit(&auth_url, "ada").await).await;
        let tokens = server.trade(&mut jar, &landed.code()).await.expect(200);
        let access = tokens["access_token"].as_str();
        people.push(server.send(Method::GET, "/api/v1/auth/me", access, None).await.expect(200));
    }
    assert_eq!(people[0]["email"], "ada@example.com");
    assert_eq!((&people[0]["id"], &people[0]["full_name"]), (&people[1]["id"], &json!("The one called ada")));
    // Who is not vouched for is not let in by it.
    let auth_url = server.depart(&mut jar, "certified").await;
    back(&server, &mut jar, &provider.visit(&auth_url, "eve").await).await.failed("email_unverified");

    let bob = server.person("bob@example.com").await;
    let mut jar = Jar::default();
    let auth_url = server.depart_as(&mut jar, &bob, "certified", json!({})).await;
    let landed = back(&server, &mut jar, &provider.visit(&auth_url, "bob").await).await;
    assert_eq!(landed.query("connected").as_deref(), Some("true"), "{}", landed.0);
    let path = format!("/api/v1/users/{}/connections/certified/token", bob.id);
    let token = server.post_as(&bob, &path, json!({})).await.expect(200);
    let known = async || {
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let bearer = format!("Bearer {}", token["access_token"].as_str().expect("a token"));
        let ask = client.get(format!("{}/me", provider.issuer)).header("authorization", bearer);
        ask.send().await.expect("an answer").status().as_u16()
    };
    assert_eq!(known().await, 200);
    server.delete_as(&bob, "/api/v1/auth/oauth/certified/disconnect").await.expect(200);
    assert_eq!(known().await, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_sign_in_connect_and_disconnect_at_a_certified_provider_on_sqlite() {
    people_sign_in_connect_and_disconnect(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_sign_in_connect_and_disconnect_at_a_certified_provider_on_postgres() {
    if let Some(database) = Database::postgres() {
        people_sign_in_connect_and_disconnect(database).await;
    }
}
