//! Providers by plugin: the two that come along, and one that says whatever it likes.

use poem::http::Method;
use serde_json::{Value, json};
use url::Url;

use crate::on_both;
use crate::plugins::upstream::answer;
use crate::plugins::{Upstream, beside};
use crate::support::{Idp, Jar, Person, Server, Setup, root};

on_both!(
    a_person_signs_in_with_notion_by_a_plugin_in_rust,
    a_person_signs_in_with_discord_by_a_plugin_in_typescript,
    what_a_plugin_connects_is_refreshed_handed_out_and_given_back,
    a_plugins_word_on_an_address_opens_nothing_unless_the_operator_takes_it,
    a_plugin_makes_nobody_somebody_else,
    f57_a_plugin_that_misbehaves_costs_its_own_sign_in,
    f58_a_plugin_leads_nobody_outside_of_the_operators_origins,
    f58_a_plugin_sees_neither_the_clients_secret_nor_the_code,
    a14_a_plugin_that_is_turned_off_ends_every_journey,
    a_plugin_bound_twice_or_in_monitor_mode_signs_nobody_in,
);

const PAGE: &str = "[oauth]\nfrontend_callback_url = \"http://app.test/callback\"\n";

/// A server on a database of the same kind, with these settings and a client's id and secret for `name`.
async fn with(first: &Server, name: &'static str, fixtures: bool, toml: String) -> Server {
    let mut setup = Setup { plugins: toml.leak(), ..beside(first) };
    let variable = |what: &str| -> &'static str { format!("PALISADE_OAUTH_{name}_CLIENT_{what}").leak() };
    setup.settings.push((variable("ID"), "us".to_owned()));
    setup.settings.push((variable("SECRET"), "hush hush".to_owned()));
    if fixtures {
        setup.settings.push(("PALISADE_PLUGINS_DIR", root().join("plugins/fixtures").display().to_string()));
    }
    Server::with(setup).await
}

async fn listed(server: &Server, name: &str) -> Value {
    let all = server.get("/api/v1/auth/oauth/providers").await.expect(200);
    let all = all["providers"].as_array().unwrap();
    all.iter().find(|it| it["name"] == name).unwrap_or_else(|| panic!("{all:?}")).clone()
}

async fn a_person_signs_in_with_notion_by_a_plugin_in_rust(first: Server) {
    let notion = Upstream::start(|text| {
        let known = text.contains("authorization: Basic dXM6aHVzaCBodXNo\r\n");
        if text.starts_with("POST /v1/oauth/token ") && known && text.contains(r#""code":"right""#) {
            let tokens = json!({ "access_token": "secret_1", "token_type": "bearer", "workspace_id": "w-1" });
            return answer("", &tokens.to_string());
        }
        if text.starts_with("GET /v1/users/me ") && text.contains("authorization: Bearer secret_1\r\n") {
            let person = json!({ "email": "ada@example.com" });
            let user = json!({ "id": "u-1", "name": "Ada Lovelace", "avatar_url": null, "person": person });
            return answer("", &json!({ "bot": { "owner": { "type": "user", "user": user } } }).to_string());
        }
        "HTTP/1.1 401 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned()
    })
    .await;
    let (file, origin) = (first.folder.path().join("notion"), notion.origin());
    std::fs::write(&file, "hush hush").unwrap();
    let toml = format!(
        "[[plugins]]\nname = \"notion\"\ndeadline_ms = 10000\ngrants.internal_http = [\"{origin}\"]\n\
         grants.secrets.client_secret.file = \"{}\"\n\
         [plugins.config]\nclient_id = \"us\"\napi = \"{origin}\"\n{PAGE}\
         [[oauth.providers]]\nname = \"notion\"\nplugin = \"notion\"\nlabel = \"Notion\"\norigins = [\"{origin}\"]\n\
         allow_private_addresses = true\n",
        file.display()
    );
    let server = with(&first, "NOTION", false, toml).await;
    let it = listed(&server, "notion").await;
    assert_eq!((&it["label"], &it["enabled"]), (&json!("Notion"), &json!(true)));

    let journey = async |jar: &mut Jar, code: &str| {
        let url: Url = server.depart(jar, "notion").await.parse().unwrap();
        assert!(url.as_str().starts_with(&format!("{origin}/v1/oauth/authorize?")), "{url}");
        let said = |name: &str| url.query_pairs().find(|(it, _)| it == name).unwrap().1.into_owned();
        assert_eq!((said("client_id"), said("owner")), ("us".to_owned(), "user".to_owned()));
        assert_eq!(said("redirect_uri"), "http://palisade.test/api/v1/auth/oauth/notion/callback");
        server.come_back(jar, "notion", &[("code", code), ("state", &said("state"))]).await
    };
    journey(&mut Jar::default(), "wrong").await.failed("oauth_failed");
    // Notion does not say whether the address is theirs; so they prove it, once.
    journey(&mut Jar::default(), "right").await.failed("email_unverified");
    let letter = server.last_mail("ada@example.com").await.token();
    server.post("/api/v1/auth/verify-email", json!({ "token": letter })).await.expect(200);
    let mut jar = Jar::default();
    let code = journey(&mut jar, "right").await.code();
    let tokens = server.trade(&mut jar, &code).await.expect(200);
    assert_eq!(tokens["provider"], "notion");
    let access = tokens["access_token"].as_str();
    let me = server.send(Method::GET, "/api/v1/auth/me", access, None).await.expect(200);
    assert_eq!((&me["email"], &me["full_name"]), (&json!("ada@example.com"), &json!("Ada Lovelace")));
}

/// Discord's plugin and an imitation of Discord.
async fn discord(first: &Server, more: &str) -> (Server, Idp) {
    let idp = Idp::start();
    let url = &idp.url;
    let toml = format!(
        "[[plugins]]\nname = \"discord\"\ndeadline_ms = 10000\n{PAGE}\
         [[oauth.providers]]\nname = \"discord\"\nplugin = \"discord\"\nauthorize_url = \"{url}/authorize\"\n\
         token_url = \"{url}/token\"\nuserinfo_url = \"{url}/userinfo\"\nrevoke_url = \"{url}/revoke\"\n\
         connect_scopes = [\"guilds\"]\nallow_private_addresses = true\n{more}\n"
    );
    (with(first, "DISCORD", false, toml).await, idp)
}

fn discord_says(idp: &Idp, id: &str, email: &str) {
    let mut says = idp.says.lock();
    says.userinfo =
        json!({ "id": id, "username": "ada", "global_name": "Ada", "email": email, "verified": true });
    says.token = json!({ "id_token": null, "expires_in": 600 });
}

async fn a_person_signs_in_with_discord_by_a_plugin_in_typescript(first: Server) {
    let (server, idp) = discord(&first, "claims = { email_verified = \"email_verified\" }").await;
    discord_says(&idp, "80351110224678912", "ada@example.com");
    let auth_url: Url = server.depart(&mut Jar::default(), "discord").await.parse().unwrap();
    let scope = auth_url.query_pairs().find(|(name, _)| name == "scope").unwrap().1.into_owned();
    assert_eq!(scope, "identify email", "the plugin says what is asked for");
    let ada = server.sign_in_by("discord", &idp).await;
    assert_eq!(ada.email, "ada@example.com");
    // Known by the number that Discord gave her, whatever her address is.
    discord_says(&idp, "80351110224678912", "moved@example.com");
    assert_eq!(server.sign_in_by("discord", &idp).await.id, ada.id);
    discord_says(&idp, "80351110224678913", "ada@example.com");
    server.journey(&mut Jar::default(), "discord", &idp).await.failed("link_required");
    // What is no profile of Discord's is nobody's.
    discord_says(&idp, "eight", "ada@example.com");
    server.journey(&mut Jar::default(), "discord", &idp).await.failed("oauth_failed");
    let export = server.get_as(&ada, "/api/v1/auth/me/export").await.expect(200);
    let identity = &export["identities"][0];
    assert_eq!((&identity["provider"], &identity["issuer"]), (&json!("discord"), &json!("plugin:discord")));
}

async fn what_a_plugin_connects_is_refreshed_handed_out_and_given_back(first: Server) {
    let (server, idp) = discord(&first, "claims = { username = \"/raw/username\" }").await;
    let ada = server.person("ada@example.com").await;
    discord_says(&idp, "1", "elsewhere@example.com");
    let landed = server.connect(&ada, "discord", &idp, json!({ "scopes": ["guilds"] })).await;
    assert_eq!(landed.query("username").as_deref(), Some("ada"), "{}", landed.0);
    let path = format!("/api/v1/users/{}/connections/discord/token", ada.id);
    let token = server.post_as(&ada, &path, json!({ "scopes": ["guilds"] })).await.expect(200);
    server.advance(std::time::Duration::from_secs(400));
    let ada = server.login("ada@example.com").await;
    let fresh = server.post_as(&ada, &path, json!({})).await.expect(200);
    assert_ne!(token["access_token"], fresh["access_token"]);
    assert_eq!(server.sign_in_by("discord", &idp).await.id, ada.id);
    server.delete_as(&ada, "/api/v1/auth/oauth/discord/disconnect").await.expect(200);
    let revoked = idp.says.lock().revoked.clone();
    assert!(revoked.len() == 1 && revoked[0].contains("token=refresh-"), "{revoked:?}");
}

/// A plugin that describes the provider `idp` as `config` has it, and people as the profile has it.
async fn pretender(first: &Server, idp: &Idp, config: &str, more: &str) -> Server {
    with(first, "IDP", true, pretending(idp, config, more)).await
}

fn pretending(idp: &Idp, config: &str, more: &str) -> String {
    let url = &idp.url;
    let config = if config.is_empty() {
        format!("authorize = \"{url}/authorize\"\ntoken = \"{url}/token\"\nuserinfo = \"{url}/userinfo\"")
    } else {
        config.replace("{idp}", url)
    };
    format!(
        "[[plugins]]\nname = \"pretender\"\ndeadline_ms = 2000\n[plugins.config]\n{config}\n{PAGE}\
         [[oauth.providers]]\nname = \"idp\"\nplugin = \"pretender\"\norigins = [\"{url}\"]\n\
         allow_private_addresses = true\n{more}\n"
    )
}

fn say(idp: &Idp, subject: &str, more: &Value) {
    idp.says_of(subject, &json!({}));
    let mut profile = json!({ "subject": subject });
    profile.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    idp.says.lock().userinfo = profile;
}

fn vouching(email: &str) -> Value {
    json!({ "email": email, "email_verified": true })
}

async fn a_plugins_word_on_an_address_opens_nothing_unless_the_operator_takes_it(first: Server) {
    let idp = Idp::start();
    let server = pretender(&first, &idp, "", "").await;
    server.person("victim@example.com").await;
    server.register("unproved@example.com").await;
    let failed = async |server: &Server, email: &str, word: &str| {
        say(&idp, "evil", &vouching(email));
        server.journey(&mut Jar::default(), "idp", &idp).await.failed(word);
    };
    for email in ["victim@example.com", "unproved@example.com", "new@example.com"] {
        failed(&server, email, "email_unverified").await;
    }
    server.login("unproved@example.com").await;
    // Taken within a domain: there, and as every other provider's word.
    let more = "domains = [\"acme.example\"]\nclaims = { email_verified = \"email_verified\" }";
    let server = server.reconfigured(&pretending(&idp, "", more)).await;
    server.person("head@acme.example").await;
    say(&idp, "evil-2", &vouching("head@acme.example"));
    server.journey(&mut Jar::default(), "idp", &idp).await.failed("link_required");
    say(&idp, "evil-2", &vouching("unproved@example.com"));
    server.journey(&mut Jar::default(), "idp", &idp).await.failed("email_unverified");
    say(&idp, "ada", &vouching("ada@acme.example"));
    assert_eq!(server.sign_in_by("idp", &idp).await.email, "ada@acme.example");
    for not_true in [json!(false), json!(null)] {
        say(&idp, "bob", &json!({ "email": "bob@acme.example", "email_verified": not_true }));
        server.journey(&mut Jar::default(), "idp", &idp).await.failed("email_unverified");
    }
}

async fn a_plugin_makes_nobody_somebody_else(first: Server) {
    let (idp, other) = (Idp::start(), Idp::start());
    let trusting = format!(
        "claims = {{ email_verified = \"email_verified\" }}\n[[oauth.providers]]\nname = \"other\"\n\
         issuer = \"{}\"\nclient_id = \"us\"\nclient_auth = \"none\"\nallow_private_addresses = true\n",
        other.url
    );
    let server = pretender(&first, &idp, "", &trusting).await;
    other.says_of("1", &vouching("ada@example.com"));
    let ada = server.sign_in_by("other", &other).await;
    // The same subject is another person here, and so is one that looks like another provider's.
    say(&idp, "1", &vouching("eve@example.com"));
    assert_ne!(server.sign_in_by("idp", &idp).await.id, ada.id);
    for subject in ["", &"x".repeat(256)] {
        say(&idp, subject, &vouching("nobody@example.com"));
        server.journey(&mut Jar::default(), "idp", &idp).await.failed("oauth_failed");
    }
    say(&idp, "mallory", &json!({ "email": "not an address", "email_verified": true }));
    server.journey(&mut Jar::default(), "idp", &idp).await.failed("email_required");

    // Where there is an issuer, it says who somebody is, and the host checks its token.
    let openid = "issuer = \"{idp}\"\njwks = \"{idp}/jwks\"\nauthorize = \"{idp}/authorize\"\n\
                  token = \"{idp}/token\"\nuserinfo = \"{idp}/userinfo\"";
    let server = server.reconfigured(&pretending(&idp, openid, &trusting)).await;
    say(&idp, "carol", &vouching("carol@example.com"));
    assert_eq!(server.sign_in_by("idp", &idp).await.email, "carol@example.com");
    idp.says.lock().userinfo["subject"] = json!("eve");
    server.journey(&mut Jar::default(), "idp", &idp).await.failed("oauth_failed");
    for lie in [json!({ "nonce": "another" }), json!({ "iss": other.url }), json!({ "aud": "them" })] {
        say(&idp, "carol", &vouching("carol@example.com"));
        idp.says.lock().claims.as_object_mut().unwrap().extend(lie.as_object().unwrap().clone());
        server.journey(&mut Jar::default(), "idp", &idp).await.failed("oauth_failed");
    }
    idp.says.lock().id_token = Some("none".to_owned());
    server.journey(&mut Jar::default(), "idp", &idp).await.failed("oauth_failed");
}

async fn f57_a_plugin_that_misbehaves_costs_its_own_sign_in(first: Server) {
    let (idp, other) = (Idp::start(), Idp::start());
    let beside = format!(
        "[[oauth.providers]]\nname = \"other\"\nissuer = \"{}\"\nclient_id = \"us\"\nclient_auth = \"none\"\n\
         allow_private_addresses = true\n",
        other.url
    );
    let server = pretender(&first, &idp, "", &beside).await;
    for (deed, word) in
        [("loop", "provider_unavailable"), ("panic", "provider_unavailable"), ("refuse", "oauth_failed")]
    {
        say(&idp, "1", &json!({ "email": "ada@example.com", "do": deed }));
        server.journey(&mut Jar::default(), "idp", &idp).await.failed(word);
    }
    say(&idp, "1", &json!({ "email": "ada@example.com", "raw": 8 << 20 }));
    server.journey(&mut Jar::default(), "idp", &idp).await.failed("provider_unavailable");
    other.says_of("1", &vouching("bob@example.com"));
    assert_eq!(server.sign_in_by("other", &other).await.email, "bob@example.com");
    for deed in ["flood", "panic", "loop"] {
        let config = format!("do = \"{deed}\"\nauthorize = \"{{idp}}/authorize\"");
        let server = pretender(&first, &idp, &config, &beside).await;
        server.get("/api/v1/auth/oauth/idp/url").await.refused(503, "unavailable");
        server.get("/api/v1/auth/oauth/other/url").await.expect(200);
    }
}

async fn f58_a_plugin_leads_nobody_outside_of_the_operators_origins(first: Server) {
    let (idp, evil) = (Idp::start(), Idp::start());
    let right = "authorize = \"{idp}/authorize\"\ntoken = \"{idp}/token\"\nuserinfo = \"{idp}/userinfo\"";
    for wrong in [
        right.replacen("{idp}", &evil.url, 1),
        right.replace("{idp}/token", &format!("{}/token", evil.url)),
        right.replace("{idp}/userinfo", &format!("{}/userinfo", evil.url)),
        right.replace("{idp}/token", "http://169.254.169.254/latest"),
        format!("{right}\nparameters = [[\"redirect_uri\", \"https://evil.example\"]]"),
        format!("{right}\nissuer = \"{}\"\njwks = \"{{idp}}/jwks\"", evil.url),
        format!("{right}\nissuer = \"{{idp}}\"\njwks = \"{}/jwks\"", evil.url),
    ] {
        let server = pretender(&first, &idp, &wrong, "").await;
        server.get("/api/v1/auth/oauth/idp/url").await.refused(503, "unavailable");
        server.get("/api/v1/auth/oauth/idp").await.refused(503, "unavailable");
    }
    assert!(evil.says.lock().asked.is_empty() && evil.says.lock().key_requests == 0);
}

async fn f58_a_plugin_sees_neither_the_clients_secret_nor_the_code(first: Server) {
    let idp = Idp::start();
    let server = pretender(&first, &idp, "", "claims = { email_verified = \"email_verified\" }").await;
    let mut jar = Jar::default();
    let (code, state) = idp.visit(&server.depart(&mut jar, "idp").await);
    let hidden = json!(["hush hush", "hush+hush", "hush%20hush", code, state, jar.0]);
    let mut said = vouching("ada@example.com");
    said["look_for"] = hidden;
    say(&idp, "1", &said);
    let landed = server.come_back(&mut jar, "idp", &[("code", &code), ("state", &state)]).await;
    let tokens = server.trade(&mut jar, &landed.code()).await.expect(200);
    let access = tokens["access_token"].as_str();
    let me = server.send(Method::GET, "/api/v1/auth/me", access, None).await.expect(200);
    assert_eq!(me["full_name"], "found 0");
    // The access token is what it works with; so it can be found there.
    said = vouching("bob@example.com");
    said["look_for"] = json!(["access-", "token_type"]);
    say(&idp, "2", &said);
    let bob = server.sign_in_by("idp", &idp).await;
    let me = server.get_as(&bob, "/api/v1/auth/me").await.expect(200);
    assert_eq!(me["full_name"], "found 2");
}

async fn a14_a_plugin_that_is_turned_off_ends_every_journey(first: Server) {
    let idp = Idp::start();
    let toml = pretending(&idp, "", "claims = { email_verified = \"email_verified\" }");
    let (_, without) = toml.split_once("[oauth]").unwrap();
    let without = format!("plugins = []\n[oauth]{without}");
    let server = with(&first, "IDP", true, without).await;
    let root = server.super_admin("root@example.com").await;
    assert_eq!(listed(&server, "idp").await["enabled"], false);
    server.get("/api/v1/auth/oauth/idp/url").await.refused(404, "not-found");
    // An administrator installs it and turns it on while the server runs: it is a provider at once.
    let all = server.get_as(&root, "/api/v1/admin/plugins").await.expect(200);
    let digest = all["plugins"].as_array().unwrap().iter().find(|it| it["plugin"] == "pretender").unwrap();
    let config = json!({
        "authorize": format!("{}/authorize", idp.url),
        "token": format!("{}/token", idp.url),
        "userinfo": format!("{}/userinfo", idp.url),
    });
    let body =
        json!({ "plugin": "pretender", "digest": digest["digest"], "config": config, "deadline_ms": 5000 });
    server.post_as(&root, "/api/v1/admin/plugins", body).await.expect(201);
    let turn = async |root: &Person, way: &str| {
        let path = format!("/api/v1/admin/plugins/pretender/{way}");
        server.send(Method::POST, &path, Some(&root.access), None).await.expect(200);
    };
    turn(&root, "enable").await;
    assert_eq!(listed(&server, "idp").await["enabled"], true);
    say(&idp, "1", &vouching("ada@example.com"));
    server.sign_in_by("idp", &idp).await;
    let (mut jar, mut traded) = (Jar::default(), Jar::default());
    let (code, state) = idp.visit(&server.depart(&mut jar, "idp").await);
    let unused = server.journey(&mut traded, "idp", &idp).await.code();
    turn(&root, "disable").await;
    let back = [("code", code.as_str()), ("state", state.as_str())];
    server.come_back(&mut jar, "idp", &back).await.failed("provider_unavailable");
    server.trade(&mut traded, &unused).await.refused(401, "code-invalid");
    server.get("/api/v1/auth/oauth/idp/url").await.refused(404, "not-found");
    assert_eq!(listed(&server, "idp").await["enabled"], false);
}

async fn a_plugin_bound_twice_or_in_monitor_mode_signs_nobody_in(first: Server) {
    let idp = Idp::start();
    let once = pretending(&idp, "", "");
    let (binding, rest) = once.split_once("[oauth]").unwrap();
    let twice = format!("{binding}{binding}[oauth]{rest}");
    let monitored = once.replacen("deadline_ms", "monitor = true\ndeadline_ms", 1);
    for toml in [twice, monitored] {
        let server = with(&first, "IDP", true, toml).await;
        assert_eq!(listed(&server, "idp").await["enabled"], false);
        server.get("/api/v1/auth/oauth/idp/url").await.refused(404, "not-found");
    }
}
