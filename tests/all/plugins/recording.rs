//! What a plugin was told in production is recorded when an administrator wants it, holds nobody's words, and is played to
//! the next build on the same code.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use palisade::app::ImportedRow;
use palisade::domain::SystemRole;
use poem::http::Method;
use serde_json::{Value, json};

use super::{bind, doing};
use crate::support::{PASSWORD, Person, Server, Setup, role_id, root};
use crate::{on_both, on_both_with};

on_both_with!(
    with_a_closed_gate;
    what_a_plugin_is_told_is_recorded_when_wanted_and_played_to_the_next_build,
    a_recording_ends_by_itself_and_is_forgotten,
);
on_both_with!(
    with_an_open_gate;
    f61_nobody_but_an_administrator_of_the_platform_records_or_reads,
    each_step_of_a_recording_leaves_an_event_or_does_not_happen,
);
on_both_with!(with_one_at_each_hook; no_password_token_or_word_of_anybody_is_in_a_recording);
on_both!(a_plugin_that_nobody_asks_is_not_recorded);

const PLUGINS: &str = "/api/v1/admin/plugins";

fn with_a_closed_gate(setup: &mut Setup) {
    bind(setup, doing("gate", "deny", ""));
}

fn with_an_open_gate(setup: &mut Setup) {
    bind(setup, doing("gate", "proceed", ""));
}

fn at(plugin: &str) -> String {
    format!("{PLUGINS}/{plugin}/recording")
}

async fn record(server: &Server, root: &Person, plugin: &str) {
    server.post_as(root, &at(plugin), json!({})).await.expect(201);
}

async fn samples(server: &Server, root: &Person, plugin: &str) -> Vec<Value> {
    let told = server.get_as(root, &at(plugin)).await.expect(200);
    told["samples"].as_array().expect("a list").clone()
}

/// As the list of plugins shows it.
async fn is_recorded(server: &Server, root: &Person) -> bool {
    let all = server.get_as(root, PLUGINS).await.expect(200);
    let all = all["plugins"].as_array().expect("a list");
    all.iter().find(|it| it["plugin"] == "gate").expect("it is bound")["recorded"] == true
}

async fn login(server: &Server, email: &str, password: &str) -> u16 {
    server.post("/api/v1/auth/login", json!({ "email": email, "password": password })).await.status
}

/// `palisade plugin run` with this build of the plugin.
fn run(folder: &Path, recording: &Path, config: &Value, more: &[&str]) -> (Output, Value) {
    let output = Command::new(env!("CARGO_BIN_EXE_palisade"))
        .args(["plugin", "run"])
        .arg(folder)
        .args(["--hook", "login.authenticated", "--deadline-ms", "20000", "--input"])
        .arg(recording)
        .args(["--plugin-config", &config.to_string()])
        .args(more)
        .output()
        .unwrap();
    let told = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (output, told)
}

async fn what_a_plugin_is_told_is_recorded_when_wanted_and_played_to_the_next_build(server: Server) {
    let root_person = server.super_admin("root@example.com").await;
    server.register("ada.lovelace@example.com").await;
    assert_eq!(login(&server, "ada.lovelace@example.com", PASSWORD).await, 403);
    let nothing = server.get_as(&root_person, &at("gate")).await;
    nothing.refused(404, "not-found");

    record(&server, &root_person, "gate").await;
    assert!(is_recorded(&server, &root_person).await);
    assert_eq!(login(&server, "ada.lovelace@example.com", PASSWORD).await, 403);
    let kept = samples(&server, &root_person, "gate").await;
    let [sample] = kept.as_slice() else { panic!("{kept:?}") };
    assert_eq!(sample["hook"], "login.authenticated");
    assert_eq!(sample["outcome"], json!({ "verdict": "deny", "code": "not-today", "field": null }));
    let user = &sample["input"]["attempt"]["user"];
    assert_eq!(user["email"], "xxx.xxxxxxxx@example.com");
    assert_eq!(sample["input"]["attempt"]["new_network"], true);
    // It is found in the trail by the request.
    let events = server.get_as(&root_person, "/api/v1/events?limit=100").await.expect(200);
    let same = |event: &&Value| event["request_id"] == sample["request_id"];
    assert!(events.as_array().unwrap().iter().any(|event| same(&event) && event["action"] == "Login"));

    // The same build comes to the same, also in the masked words; one that is configured otherwise does not.
    let file = server.folder.path().join("recording.json");
    let told = server.get_as(&root_person, &at("gate")).await.expect(200);
    fs::write(&file, told.to_string()).unwrap();
    let folder = root().join("plugins/fixtures/gate");
    let (output, told) = run(&folder, &file, &json!({ "do": "deny" }), &[]);
    assert!(output.status.success(), "{told} {}", String::from_utf8_lossy(&output.stderr));
    assert_eq!((&told["differing"], told["calls"].as_array().map(Vec::len)), (&json!(0), Some(1)));
    let (output, told) = run(&folder, &file, &json!({ "do": "proceed" }), &[]);
    assert_eq!(output.status.code(), Some(1));
    let call = &told["calls"][0];
    assert_eq!((&call["differs"], &call["now"]), (&json!(true), &json!({ "verdict": "keep" })));
    assert_eq!(call["before"], sample["outcome"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("1 of 1 calls come to something else"), "{told}");
    let (output, told) = run(&folder, &file, &json!({ "do": "panic" }), &[]);
    assert_eq!((output.status.code(), &told["calls"][0]["now"]), (Some(1), &json!({ "no_answer": "trap" })));

    // Against another build both meet the same input, so what masking changed does not show.
    let (output, told) =
        run(&folder, &file, &json!({ "do": "proceed" }), &["--against", &folder.display().to_string()]);
    assert!(output.status.success(), "{told} {}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(told["calls"][0]["before"], json!({ "verdict": "keep" }));
}

async fn a_recording_ends_by_itself_and_is_forgotten(server: Server) {
    let root_person = server.super_admin("root@example.com").await;
    server.register("ada@example.com").await;
    server.post_as(&root_person, &at("gate"), json!({ "most": 2, "minutes": 10 })).await.expect(201);
    for _ in 0..3 {
        login(&server, "ada@example.com", PASSWORD).await;
    }
    assert_eq!(samples(&server, &root_person, "gate").await.len(), 2, "no more than wished for");
    server.post_as(&root_person, &at("gate"), json!({ "most": 100, "minutes": 10 })).await.expect(201);
    assert!(samples(&server, &root_person, "gate").await.is_empty(), "it begins anew");
    login(&server, "ada@example.com", PASSWORD).await;
    server.advance(Duration::from_secs(10 * 60));
    login(&server, "ada@example.com", PASSWORD).await;
    let root_person = server.login("root@example.com").await;
    assert_eq!(samples(&server, &root_person, "gate").await.len(), 1, "nothing after its end");
    server.advance(Duration::from_secs(24 * 60 * 60));
    let root_person = server.login("root@example.com").await;
    server.get_as(&root_person, &at("gate")).await.refused(404, "not-found");

    record(&server, &root_person, "gate").await;
    server.delete_as(&root_person, &at("gate")).await.expect(200);
    server.get_as(&root_person, &at("gate")).await.refused(404, "not-found");
    server.delete_as(&root_person, &at("gate")).await.refused(404, "not-found");
    // In memory alone: a restart knows nothing of it.
    record(&server, &root_person, "gate").await;
    let server = server.restarted().await;
    server.get_as(&root_person, &at("gate")).await.refused(404, "not-found");
    for body in [json!({ "most": 101 }), json!({ "minutes": 1441 }), json!({ "most": 0 })] {
        assert_eq!(server.post_as(&root_person, &at("gate"), body).await.status, 422);
    }
}

async fn f61_nobody_but_an_administrator_of_the_platform_records_or_reads(server: Server) {
    let root_person = server.super_admin("root@example.com").await;
    record(&server, &root_person, "gate").await;
    let ada = server.person("ada@example.com").await;
    for method in [Method::GET, Method::POST, Method::DELETE] {
        let body = (method == Method::POST).then(|| json!({}));
        let answer = server.send(method.clone(), &at("gate"), Some(&ada.access), body.as_ref()).await;
        assert_eq!(answer.status, 403, "{method}: {}", answer.body);
        let answer = server.send(method.clone(), &at("gate"), None, body.as_ref()).await;
        assert_eq!(answer.status, 401, "{method}: {}", answer.body);
    }
    assert_eq!(samples(&server, &root_person, "gate").await.len(), 1, "it is still there");
}

async fn each_step_of_a_recording_leaves_an_event_or_does_not_happen(server: Server) {
    let root_person = server.super_admin("root@example.com").await;
    for (action, method, status) in [
        ("RecordPlugin", Method::POST, 201),
        ("ReadPluginRecording", Method::GET, 200),
        ("ForgetPluginRecording", Method::DELETE, 200),
    ] {
        let told = format!("SELECT COUNT(*) FROM events WHERE action = '{action}' AND failure IS NULL");
        let body = (method == Method::POST).then(|| json!({ "most": 7 }));
        let place = at("gate");
        let ask = || server.send(method.clone(), &place, Some(&root_person.access), body.as_ref());
        server.forbid_events(true).await;
        ask().await.expect(500);
        server.forbid_events(false).await;
        let recorded = is_recorded(&server, &root_person).await;
        assert_eq!(recorded, action != "RecordPlugin", "{action}");
        assert_eq!(ask().await.status, status, "{action}");
        assert_eq!(server.count(&told).await, 1, "{action}");
    }
}

async fn a_plugin_that_nobody_asks_is_not_recorded(server: Server) {
    let root_person = server.super_admin("root@example.com").await;
    server.post_as(&root_person, &at("waitlist"), json!({})).await.refused(404, "not-found");
}

fn with_one_at_each_hook(setup: &mut Setup) {
    let each = [
        ("hostile", "behave"),
        ("scribe", "behave"),
        ("doorkeeper", "behave"),
        ("keymaster", "behave"),
        ("legacy", "behave"),
        ("gate", "proceed"),
    ];
    // It says the password itself; in monitor mode nothing comes of it.
    let telltale = doing("wordlist", "tell", "monitor = true");
    bind(setup, each.map(|(name, deed)| doing(name, deed, "")).concat() + &telltale);
}

/// What people, clients and other systems say, and must be in no recording.
const WORDS: [&str; 12] = [
    "seven grey herons",
    "the old password",
    "another-wrong-word",
    "correct horse",
    "correct-horse",
    "lovelace",
    "Lovelace",
    "Analytical",
    "open-sesame",
    "tok_51H8",
    "4711",
    "eyJ",
];

async fn no_password_token_or_word_of_anybody_is_in_a_recording(server: Server) {
    assert!(PASSWORD.starts_with("correct horse"), "the word that is looked for");
    let root_person = server.super_admin("root@example.com").await;
    let plugins = ["hostile", "wordlist", "scribe", "doorkeeper", "keymaster", "legacy", "gate"];
    for plugin in plugins {
        record(&server, &root_person, plugin).await;
    }
    let body = json!({
        "email": "ada.lovelace@example.com",
        "password": "seven grey herons",
        "full_name": "Ada Lovelace",
        "department": "Analytical Engines",
        "transient_payload": { "invitation_code": "open-sesame", "tok_51H8": true, "pin": 4711 },
    });
    server.post("/api/v1/auth/register", body).await.expect(201);
    let row = ImportedRow {
        email: "old.lovelace@example.com".to_owned(),
        email_verified: true,
        ..ImportedRow::default()
    };
    crate::imports::import(&server, &[row]).await;
    login(&server, "old.lovelace@example.com", "another-wrong-word").await;
    login(&server, "old.lovelace@example.com", "the old password").await;
    let ada = server.person("ada.lovelace.2@example.com").await;
    let home = server.organization(&ada, "acme").await;
    let invite = json!({ "email": "bob.lovelace@example.com", "role_id": role_id(SystemRole::Member) });
    server.post_as(&ada, &format!("{home}/invitations"), invite).await.expect(201);
    let key = json!({ "name": "Lovelace 4711", "scopes": ["self:read"], "expires_in_days": 3 });
    server.post_as(&ada, "/api/v1/auth/api-keys", key).await.expect(201);

    for plugin in plugins {
        let kept = samples(&server, &root_person, plugin).await;
        assert!(!kept.is_empty(), "{plugin} was told nothing");
        let kept = Value::from(kept).to_string();
        for word in WORDS {
            assert!(!kept.contains(word), "{plugin}: `{word}` in {kept}");
        }
        // What rules are about is there.
        assert!(kept.contains("@example.com"), "{plugin}: {kept}");
    }
    let kept = samples(&server, &root_person, "legacy").await;
    let input = &kept[0]["input"];
    assert_eq!(
        (&input["password"], &input["identifier"]),
        (&json!("[password]"), &json!("xxx.xxxxxxxx@example.com"))
    );
    let outcomes: Vec<_> = kept.iter().map(|sample| sample["outcome"]["outcome"].clone()).collect();
    assert_eq!(outcomes, ["wrong-password", "correct"]);
    let kept = samples(&server, &root_person, "hostile").await;
    let payload = json!({ "invitation_code": "[text]", "[key]": true, "pin": 0 });
    assert_eq!(kept[0]["input"]["candidate"]["payload"], payload);
}
