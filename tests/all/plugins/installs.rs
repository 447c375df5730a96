//! Installing plugins while the server runs: what runs is what was looked at, with what was granted, and no more.

use std::fs;
use std::path::Path;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use poem::http::Method;
use serde_json::{Value, json};

use crate::on_both;
use crate::support::{Database, PASSWORD, Person, Server, Setup, root};

on_both!(
    a_plugin_is_installed_granted_enabled_and_disabled_while_the_server_runs,
    each_step_of_a_plugin_leaves_an_event_or_does_not_happen,
    f62_other_files_than_those_installed_do_not_run,
    a_schema_is_part_of_what_is_installed_and_judges_every_configuration,
    f62_a_plugin_that_no_trusted_key_signed_is_refused,
    a_plugin_whose_file_comes_back_is_asked_again,
    f61_nobody_but_an_administrator_of_the_platform_runs_a_plugin,
    with_the_same_files_it_keeps_what_it_was_granted_and_with_others_nothing,
    the_trail_tells_how_a_plugin_was_installed_and_no_text_of_its_configuration,
);

const PLUGINS: &str = "/api/v1/admin/plugins";

/// A server of the same database with a plugins' folder of its own, which a test may change.
async fn with_folder(first: &Server, names: &[&str], more: &str) -> Server {
    let database = if first.config.database_url().expose().starts_with("sqlite") {
        Database::Sqlite
    } else {
        Database::postgres().expect("it is there")
    };
    let folder = first.folder.path().join("plugins");
    for name in names {
        copy(&root().join("plugins/fixtures").join(name), &folder.join(name));
    }
    let mut setup = Setup::on(database);
    setup.settings.push(("PALISADE_PLUGINS_DIR", folder.display().to_string()));
    setup.plugins = format!("plugins = []\n{more}").leak();
    Server::with(setup).await
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        if entry.path().is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

async fn state(server: &Server, by: &Person, plugin: &str) -> Value {
    let all = server.get_as(by, PLUGINS).await.expect(200);
    let all = all["plugins"].as_array().unwrap();
    all.iter().find(|it| it["plugin"] == plugin).unwrap_or_else(|| panic!("{all:?}")).clone()
}

async fn login(server: &Server) -> (u16, String) {
    let body = json!({ "email": "ada@example.com", "password": PASSWORD });
    let answer = server.post("/api/v1/auth/login", body).await;
    (answer.status, answer.body["code"].as_str().unwrap_or("none").to_owned())
}

async fn install(server: &Server, by: &Person, plugin: &str, config: Value) -> Value {
    let digest = state(server, by, plugin).await["digest"].clone();
    let body = json!({ "plugin": plugin, "digest": digest, "config": config });
    server.post_as(by, PLUGINS, body).await.expect(201)
}

async fn turn(server: &Server, by: &Person, plugin: &str, way: &str) -> crate::support::Answer {
    server.send(Method::POST, &format!("{PLUGINS}/{plugin}/{way}"), Some(&by.access), None).await
}

async fn a_plugin_is_installed_granted_enabled_and_disabled_while_the_server_runs(first: Server) {
    let server = with_folder(&first, &["gate"], "").await;
    let root = server.super_admin("root@example.com").await;
    server.register("ada@example.com").await;

    let seen = state(&server, &root, "gate").await;
    assert_eq!((&seen["source"], &seen["enabled"]), (&json!("available"), &json!(false)));
    let asks = json!(["https://api.example.com:443", "http", "secret token", "secret other", "kv"]);
    assert_eq!(seen["asks"], asks);
    let made = install(&server, &root, "gate", json!({ "do": "count" })).await;
    assert_eq!((&made["source"], &made["enabled"]), (&json!("installed"), &json!(false)));
    assert_eq!(login(&server).await, (200, "none".to_owned()), "it is not asked yet");

    // Enabled with nothing granted: it has no storage, and so no answer.
    turn(&server, &root, "gate", "enable").await.expect(200);
    assert_eq!(login(&server).await.0, 503);
    let lines = server.get_as(&root, &format!("{PLUGINS}/gate/logs")).await.expect(200);
    assert!(lines["lines"].as_array().is_some_and(|lines| !lines.is_empty()), "{lines}");

    // What it does not ask for, and what the operator does not keep, cannot be granted.
    let digest = made["digest"].clone();
    let grant = |more: Value| {
        let mut body = json!({ "digest": digest });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let path = format!("{PLUGINS}/gate/grant");
    for (wish, code) in [
        (json!({ "secrets": ["nobody"] }), "not-asked"),
        (json!({ "secrets": ["token"] }), "no-such-secret"),
        (json!({ "http": ["https://*"] }), "bad-origin"),
    ] {
        let told = server.post_as(&root, &path, grant(wish)).await;
        assert_eq!((told.status, &told.body["errors"][0]["code"]), (422, &json!(code)), "{}", told.body);
    }
    server.post_as(&root, &path, grant(json!({ "kv": true }))).await.expect(200);
    assert_eq!(login(&server).await, (200, "none".to_owned()));
    assert_eq!(login(&server).await, (200, "none".to_owned()));
    assert_eq!(login(&server).await, (403, "plugin:gate/too-often".to_owned()));
    let seen = state(&server, &root, "gate").await;
    assert_eq!(
        (&seen["enabled"], &seen["lacks"]),
        (&json!(true), &json!(["https://api.example.com:443", "http", "secret token", "secret other"]))
    );

    // Another machine follows, and so does a restart.
    let other = server.another_node().await;
    assert_eq!(login(&other).await, (403, "plugin:gate/too-often".to_owned()));
    turn(&server, &root, "gate", "disable").await.expect(200);
    assert_eq!(login(&server).await, (200, "none".to_owned()));

    // Each step is in the trail.
    let events = server.get_as(&root, "/api/v1/events?limit=100").await.expect(200);
    let actions: Vec<_> =
        events.as_array().unwrap().iter().rev().map(|event| event["action"].clone()).collect();
    for action in ["InstallPlugin", "EnablePlugin", "GrantPlugin", "DisablePlugin"] {
        assert!(actions.contains(&json!(action)), "{action}: {actions:?}");
    }
}

async fn each_step_of_a_plugin_leaves_an_event_or_does_not_happen(first: Server) {
    let server = with_folder(&first, &["gate"], "").await;
    let root = server.super_admin("root@example.com").await;
    let digest = state(&server, &root, "gate").await["digest"].clone();
    let config = json!({ "do": "count" });
    for (action, path, body) in [
        (
            "InstallPlugin",
            PLUGINS.to_owned(),
            json!({ "plugin": "gate", "digest": digest, "config": config }),
        ),
        ("GrantPlugin", format!("{PLUGINS}/gate/grant"), json!({ "digest": digest, "kv": true })),
        ("EnablePlugin", format!("{PLUGINS}/gate/enable"), json!({})),
        ("DisablePlugin", format!("{PLUGINS}/gate/disable"), json!({})),
    ] {
        let told = format!("SELECT COUNT(*) FROM events WHERE action = '{action}' AND failure IS NULL");
        let before = state(&server, &root, "gate").await;
        server.forbid_events(true).await;
        server.post_as(&root, &path, body.clone()).await.expect(500);
        server.forbid_events(false).await;
        assert_eq!(state(&server, &root, "gate").await, before, "{action}");
        let answer = server.post_as(&root, &path, body).await;
        assert!((200..300).contains(&answer.status), "{action}: {}", answer.body);
        assert_eq!(server.count(&told).await, 1, "{action}");
        assert_ne!(state(&server, &root, "gate").await, before, "{action}");
    }
}

async fn f62_other_files_than_those_installed_do_not_run(first: Server) {
    let server = with_folder(&first, &["gate"], "").await;
    let root = server.super_admin("root@example.com").await;
    server.register("ada@example.com").await;
    let folder = first.folder.path().join("plugins/gate");
    let made = install(&server, &root, "gate", json!({ "do": "proceed" })).await;
    turn(&server, &root, "gate", "enable").await.expect(200);
    assert_eq!(login(&server).await.0, 200);

    // Somebody puts another manifest there: it would ask for the same, and is not what was looked at.
    let manifest = fs::read_to_string(folder.join("manifest.toml")).unwrap();
    fs::write(folder.join("manifest.toml"), format!("{manifest}\n# changed\n")).unwrap();
    assert_eq!(
        turn(&server, &root, "gate", "enable").await.refused(409, "plugin-moved")["code"],
        "plugin-moved"
    );
    // A restart does not run it either, and what it kept out stays out; who mends it comes in.
    let server = server.restarted().await;
    assert_eq!(login(&server).await.0, 503);
    let root = server.login("root@example.com").await;
    assert!(state(&server, &root, "gate").await["fault"].as_str().is_some_and(|why| why.contains("digest")));

    // A digest that was not looked at is refused, and so is an older version unless that is said.
    let body = json!({ "plugin": "gate", "digest": "0".repeat(64) });
    server.post_as(&root, PLUGINS, body).await.refused(409, "plugin-moved");
    let digest = made["digest"].clone();
    let none = manifest.replace("version = \"0.1.0\"", "version = \"one\"");
    fs::write(folder.join("manifest.toml"), none).unwrap();
    let body = json!({ "plugin": "gate", "digest": digest });
    let told = server.post_as(&root, PLUGINS, body).await.refused(409, "plugin-unusable");
    assert!(told["detail"].as_str().unwrap().contains("Semantic Versioning"), "{told}");
    let older = manifest.replace("version = \"0.1.0\"", "version = \"0.1.0-rc.1\"");
    assert_ne!(older, manifest);
    fs::write(folder.join("manifest.toml"), older).unwrap();
    let body = json!({ "plugin": "gate", "digest": digest });
    server.post_as(&root, PLUGINS, body).await.refused(409, "plugin-downgrade");
    turn(&server, &root, "gate", "disable").await.expect(200);
    assert_eq!(login(&server).await.0, 200);
}

async fn a_schema_is_part_of_what_is_installed_and_judges_every_configuration(first: Server) {
    let server = with_folder(&first, &["gate"], "").await;
    let root = server.super_admin("root@example.com").await;
    let folder = first.folder.path().join("plugins/gate");
    let digest = state(&server, &root, "gate").await["digest"].clone();
    let body = json!({ "plugin": "gate", "digest": digest, "config": { "do": "hunter2" } });
    let schema = |text: &str| fs::write(folder.join("config.schema.json"), text).unwrap();
    // It is not fetched, and what it would say is not guessed.
    for text in
        [r#"{"$ref":"https://example.com/schema.json"}"#, r#"{"$ref":"file:///etc/passwd"}"#, "no schema"]
    {
        schema(text);
        let told = server.post_as(&root, PLUGINS, body.clone()).await.refused(409, "plugin-unusable");
        assert!(told["detail"].as_str().unwrap().contains("the schema of its configuration"), "{told}");
    }
    schema(r#"{"properties":{"do":{"enum":["proceed","deny"]}}}"#);
    let told = server.post_as(&root, PLUGINS, body).await.refused(409, "plugin-unusable");
    let told = told["detail"].as_str().unwrap();
    assert!(told.contains(r#"/do: breaks the rule `enum ["proceed","deny"]`"#), "{told}");
    assert!(!told.contains("hunter2"), "{told}");

    install(&server, &root, "gate", json!({ "do": "proceed" })).await;
    turn(&server, &root, "gate", "enable").await.expect(200);
    // Another schema is another plugin, and so is none.
    schema("{}");
    turn(&server, &root, "gate", "enable").await.refused(409, "plugin-moved");
    fs::remove_file(folder.join("config.schema.json")).unwrap();
    turn(&server, &root, "gate", "enable").await.refused(409, "plugin-moved");
}

async fn f62_a_plugin_that_no_trusted_key_signed_is_refused(first: Server) {
    let random = SystemRandom::new();
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
    // SubjectPublicKeyInfo of a point on P-256 (RFC 5480 section 2).
    let mut der = vec![
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
        0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
    ];
    der.extend_from_slice(key.public_key().as_ref());
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(&der));
    let file = first.folder.path().join("cosign.pub");
    fs::write(&file, pem).unwrap();
    let server = with_folder(&first, &["gate"], &format!("plugin_keys = [\"{}\"]\n", file.display())).await;
    let root = server.super_admin("root@example.com").await;
    let folder = first.folder.path().join("plugins/gate");
    let digest = {
        use sha2::Digest as _;
        let digest = sha2::Sha256::digest(fs::read(folder.join("gate.wasm")).unwrap());
        digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let body = json!({ "plugin": "gate", "digest": digest, "config": { "do": "proceed" } });
    server.post_as(&root, PLUGINS, body.clone()).await.refused(409, "plugin-unsigned");

    let sign = |name: &str| {
        let signature = key.sign(&random, &fs::read(folder.join(name)).unwrap()).unwrap();
        fs::write(folder.join(format!("{name}.sig")), STANDARD.encode(signature.as_ref())).unwrap();
    };
    sign("gate.wasm");
    server.post_as(&root, PLUGINS, body.clone()).await.refused(409, "plugin-unsigned");
    sign("manifest.toml");
    server.post_as(&root, PLUGINS, body.clone()).await.expect(201);

    // One bit more and the signature is another file's.
    let mut component = fs::read(folder.join("gate.wasm")).unwrap();
    *component.last_mut().unwrap() ^= 1;
    fs::write(folder.join("gate.wasm"), component).unwrap();
    server.post_as(&root, PLUGINS, body).await.refused(409, "plugin-unsigned");
}

async fn f61_nobody_but_an_administrator_of_the_platform_runs_a_plugin(first: Server) {
    let server = with_folder(&first, &["gate"], "").await;
    let root = server.super_admin("root@example.com").await;
    let digest = state(&server, &root, "gate").await["digest"].clone();
    // Whoever owns an organization is nobody on the platform.
    let ada = server.person("ada@example.com").await;
    server.organization(&ada, "acme").await;
    let body = json!({ "plugin": "gate", "digest": digest });
    for (path, body) in [
        (PLUGINS.to_owned(), body),
        (format!("{PLUGINS}/gate/grant"), json!({ "digest": digest, "kv": true })),
        (format!("{PLUGINS}/gate/enable"), json!({})),
        (format!("{PLUGINS}/gate/disable"), json!({})),
    ] {
        let answer = server.post_as(&ada, &path, body).await;
        assert!([403, 404].contains(&answer.status), "{path}: {}", answer.body);
    }
    assert!([403, 404].contains(&server.get_as(&ada, &format!("{PLUGINS}/gate/logs")).await.status));
    assert!([403, 404].contains(&server.get_as(&ada, PLUGINS).await.status));
    assert_eq!(state(&server, &root, "gate").await["source"], "available");
}

async fn a_plugin_whose_file_comes_back_is_asked_again(first: Server) {
    let server = with_folder(&first, &["gate"], "").await;
    let root = server.super_admin("root@example.com").await;
    server.register("ada@example.com").await;
    install(&server, &root, "gate", json!({ "do": "proceed" })).await;
    turn(&server, &root, "gate", "enable").await.expect(200);
    let component = first.folder.path().join("plugins/gate/gate.wasm");
    let away = component.with_extension("away");

    fs::rename(&component, &away).unwrap();
    let server = server.restarted().await;
    take_up(&server).await;
    assert_eq!(login(&server).await.0, 503, "it cannot be asked");
    fs::rename(&away, &component).unwrap();
    // Ever more rarely: at first after five seconds, and not before.
    take_up(&server).await;
    assert_eq!(login(&server).await.0, 503);
    server.advance(std::time::Duration::from_secs(5));
    take_up(&server).await;
    assert_eq!(login(&server).await.0, 200);
    assert_eq!(state(&server, &root, "gate").await["fault"], Value::Null);
}

/// What the server does every few seconds.
async fn take_up(server: &Server) {
    let caller = palisade::app::events_principal();
    let ok = server.app.authorize(&caller, palisade::guard::actions::LoadPlugins {}).await.unwrap();
    server.app.load_plugins(&ok).await.unwrap();
}

async fn with_the_same_files_it_keeps_what_it_was_granted_and_with_others_nothing(first: Server) {
    let server = with_folder(&first, &["gate"], "").await;
    let root = server.super_admin("root@example.com").await;
    let made = install(&server, &root, "gate", json!({ "do": "proceed" })).await;
    let grant = json!({ "digest": made["digest"], "kv": true });
    server.post_as(&root, &format!("{PLUGINS}/gate/grant"), grant).await.expect(200);
    turn(&server, &root, "gate", "enable").await.expect(200);
    // Nothing has changed: it goes on.
    let again = install(&server, &root, "gate", json!({ "do": "proceed" })).await;
    assert_eq!(again["enabled"], true);
    assert!(!again["lacks"].to_string().contains("kv"), "{again}");
    // Another configuration is for whoever may enable it; what the files were granted they keep.
    let other = install(&server, &root, "gate", json!({ "do": "count" })).await;
    assert_eq!(other["enabled"], false);
    assert!(!other["lacks"].to_string().contains("kv"), "{other}");

    // Other files: the list shows both, and the new ones begin with nothing.
    turn(&server, &root, "gate", "enable").await.expect(200);
    let manifest = first.folder.path().join("plugins/gate/manifest.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace("secrets = [\"token\", \"other\"]", "secrets = [\"token\"]")).unwrap();
    let seen = state(&server, &root, "gate").await;
    assert_eq!((&seen["manifest_digest"], &seen["version"]), (&made["manifest_digest"], &made["version"]));
    let lies = &seen["replacement"];
    assert_ne!(lies["manifest_digest"], seen["manifest_digest"]);
    assert_eq!(lies["digest"], seen["digest"]);
    assert_eq!(lies["asks"], json!(["https://api.example.com:443", "http", "secret token", "kv"]));
    // Looked at was the other manifest.
    let old =
        json!({ "plugin": "gate", "digest": made["digest"], "manifest_digest": made["manifest_digest"] });
    server.post_as(&root, PLUGINS, old).await.refused(409, "plugin-moved");
    let grant = json!({ "digest": made["digest"], "kv": true });
    server.post_as(&root, &format!("{PLUGINS}/gate/grant"), grant).await.refused(409, "plugin-moved");
    let new = json!({
        "plugin": "gate", "digest": lies["digest"], "manifest_digest": lies["manifest_digest"],
        "config": { "do": "count" },
    });
    let new = server.post_as(&root, PLUGINS, new).await.expect(201);
    assert_eq!((&new["enabled"], &new["replacement"]), (&json!(false), &Value::Null));
    assert_eq!(new["lacks"], new["asks"]);
}

async fn the_trail_tells_how_a_plugin_was_installed_and_no_text_of_its_configuration(first: Server) {
    let server = with_folder(&first, &["gate"], "").await;
    let root = server.super_admin("root@example.com").await;
    let seen = state(&server, &root, "gate").await;
    let body = json!({
        "plugin": "gate", "digest": seen["digest"], "manifest_digest": seen["manifest_digest"],
        "config": { "do": "proceed", "url": "https://hunter2.example" },
        "on_failure": "open", "deadline_ms": 321,
    });
    server.post_as(&root, PLUGINS, body).await.expect(201);
    let events = server.get_as(&root, "/api/v1/events?limit=5").await.expect(200);
    let told = events.as_array().unwrap().iter().find(|event| event["action"] == "InstallPlugin").unwrap();
    let details = &told["details"];
    assert_eq!((&details["on_failure"], &details["deadline_ms"]), (&json!("open"), &json!(321)));
    assert_eq!(details["config"], json!({ "do": "[text]", "url": "[text]" }));
    assert_eq!(details["manifest_digest"], seen["manifest_digest"]);
    assert!(!events.to_string().contains("hunter2"), "{events}");
}
