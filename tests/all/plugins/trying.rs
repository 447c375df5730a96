//! The plugins that come along, as built, on the code that the server runs: `palisade plugin run`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::root;

/// A plugin in a trial: its input, what the network answers, its configuration.
struct Trial {
    place: TempDir,
    plugin: &'static str,
    deadline_ms: u32,
}

impl Trial {
    fn of(plugin: &'static str) -> Self {
        // Far above what a call takes, for machines that are busy.
        Self { place: tempfile::tempdir().unwrap(), plugin, deadline_ms: 20_000 }
    }

    fn file(&self, name: &str, value: &Value) -> PathBuf {
        let path = self.place.path().join(name);
        fs::write(&path, value.to_string()).unwrap();
        path
    }

    fn output(&self, config: &Value, input: &Value, http: &Value) -> Output {
        let folder = root().join("plugins").join(self.plugin);
        Command::new(env!("CARGO_BIN_EXE_palisade"))
            .args(["plugin", "run"])
            .arg(folder)
            .arg("--input")
            .arg(self.file("input.json", input))
            .arg("--http-mock")
            .arg(self.file("http.json", http))
            .args(["--plugin-config", &config.to_string(), "--deadline-ms", &self.deadline_ms.to_string()])
            .output()
            .unwrap()
    }

    /// What was told, if the plugin answered.
    fn told(&self, config: &Value, input: &Value, http: &Value) -> Value {
        let output = self.output(config, input, http);
        let told = || String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{}: {}", self.plugin, told());
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", told()))
    }

    /// Why there was no answer.
    fn no_answer(&self, config: &Value, input: &Value, http: &Value) -> String {
        let output = self.output(config, input, http);
        assert!(!output.status.success(), "{} answered", self.plugin);
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    }
}

fn registration(payload: &Value) -> Value {
    json!({
        "context": { "client_ip": "203.0.113.7" },
        "candidate": { "email": "ada@example.com", "payload": payload },
    })
}

const TURNSTILE: &str = "https://challenges.cloudflare.com/turnstile/v0/siteverify";

fn captcha(answer: &Value) -> Value {
    json!([{ "method": "POST", "url": TURNSTILE, "body": answer }])
}

#[test]
fn a_solved_captcha_comes_in_and_the_secret_is_the_hosts() {
    let trial = Trial::of("captcha");
    let input = registration(&json!({ "captcha_token": "tok-1" }));
    let told = trial.told(&json!({}), &input, &captcha(&json!({ "success": true })));
    assert_eq!(told["answer"]["verdict"], "accept");
    // Put in by the host: the plugin knows the name alone.
    assert_eq!(told["http"][0]["body"], "secret=secret-captcha&response=tok-1");
    let told = trial.told(&json!({ "send_ip": true }), &input, &captcha(&json!({ "success": true })));
    assert_eq!(told["http"][0]["body"], "secret=secret-captcha&response=tok-1&remoteip=203.0.113.7");
}

#[test]
fn without_a_solved_captcha_nobody_comes_in() {
    let trial = Trial::of("captcha");
    let input = registration(&json!({ "captcha_token": "tok-1" }));
    let told = trial.told(&json!({}), &input, &captcha(&json!({ "success": false })));
    assert_eq!(told["answer"]["code"], "plugin:captcha/captcha-failed");
    let told = trial.told(&json!({}), &registration(&json!({})), &captcha(&json!({ "success": true })));
    assert_eq!(told["answer"]["code"], "plugin:captcha/captcha-missing");
    assert_eq!(told["answer"]["field"], "transient_payload.captcha_token");
    assert_eq!(told["http"], json!([]), "there is nothing to ask about");
}

#[test]
fn a_captcha_service_that_is_down_is_no_answer_and_opens_nothing() {
    let trial = Trial::of("captcha");
    let input = registration(&json!({ "captcha_token": "tok-1" }));
    for http in [
        json!([{ "method": "POST", "url": TURNSTILE, "error": "refused" }]),
        json!([{ "method": "POST", "url": TURNSTILE, "status": 503 }]),
        captcha(&json!("not json")),
        captcha(&json!({ "success": false, "error-codes": ["invalid-input-secret"] })),
        json!([]),
    ] {
        let told = trial.no_answer(&json!({}), &input, &http);
        assert!(told.contains("\"unavailable\""), "{told}");
    }
}

fn events() -> Value {
    let event = |sequence: u64, kind: &str| {
        json!({
            "id": format!("e-{sequence}"), "sequence": sequence, "kind": kind,
            "occurred_at": 1_800_000_000_000_u64, "succeeded": true, "payload": { "who": "ada" },
        })
    };
    json!({
        "context": { "now": 1_800_000_000 },
        "batch": [event(1, "Register"), event(2, "SignIn"), event(3, "Register")],
    })
}

const SINK: &str = "https://events.example.com/palisade";

#[test]
fn events_go_out_signed_and_are_taken_when_the_service_says_so() {
    let trial = Trial::of("event-webhook");
    let config = json!({ "url": SINK, "kinds": ["Register"] });
    let told = trial.told(&config, &events(), &json!([{ "method": "POST", "url": SINK, "status": 204 }]));
    assert_eq!(told["answer"]["taken"], 3);
    let sent: Value = serde_json::from_str(told["http"][0]["body"].as_str().unwrap()).unwrap();
    assert_eq!(sent["events"].as_array().unwrap().len(), 2, "only the kinds asked for");
    assert_eq!(sent["events"][0]["details"]["who"], "ada");
    let headers = &told["http"][0]["headers"];
    assert_eq!(headers["palisade-timestamp"], "1800000000");
    let signature = headers["palisade-signature"].as_str().unwrap();
    assert!(signature.strip_prefix("v1=").is_some_and(|hex| hex.len() == 64), "{signature}");
}

#[test]
fn events_that_were_not_taken_come_again() {
    let trial = Trial::of("event-webhook");
    let config = json!({ "url": SINK, "batch": 1 });
    let failing =
        json!([{ "method": "POST", "url": SINK }, { "method": "POST", "url": SINK, "status": 500 }]);
    assert_eq!(trial.told(&config, &events(), &failing)["answer"]["taken"], 1);
    let down = json!([{ "method": "POST", "url": SINK, "status": 500 }]);
    assert!(trial.no_answer(&config, &events(), &down).contains("500"));
}

const OLD: &str = "https://old.example.com/check";

#[test]
fn the_old_system_says_whether_a_password_is_right() {
    let trial = Trial::of("legacy-login");
    let config = json!({ "url": OLD });
    let input = json!({ "identifier": "ada@example.com", "password": "seven grey herons" });
    for (status, outcome) in [(200, "correct"), (401, "wrong-password"), (404, "no-such-user")] {
        let told = trial.told(&config, &input, &json!([{ "method": "POST", "url": OLD, "status": status }]));
        assert_eq!(told["answer"]["outcome"], outcome);
        let body: Value = serde_json::from_str(told["http"][0]["body"].as_str().unwrap()).unwrap();
        assert_eq!(body, json!({ "email": "ada@example.com", "password": "seven grey herons" }));
        assert_eq!(told["http"][0]["headers"]["authorization"], "[secret]");
    }
}

#[test]
fn an_old_system_that_is_down_lets_nobody_in() {
    let trial = Trial::of("legacy-login");
    let input = json!({ "identifier": "ada@example.com", "password": "seven grey herons" });
    for status in [201, 302, 500] {
        let http = json!([{ "method": "POST", "url": OLD, "status": status }]);
        let told = trial.no_answer(&json!({ "url": OLD }), &input, &http);
        assert!(!told.contains("herons") || told.contains("\"body\""), "{told}");
        assert!(told.contains("\"answer\": null"), "{told}");
    }
}

#[test]
fn notion_trades_a_code_as_json_and_finds_the_person() {
    let trial = Trial::of("notion");
    let config = json!({ "client_id": "c-1" });
    let input = json!({
        "call": "exchange-code", "code": "co-1", "redirect_uri": "https://id.example.com/callback",
        "code_verifier": "v",
    });
    let token = json!({ "access_token": "at-1", "workspace_id": "w-1", "bot_id": "b-1" });
    let url = "https://api.notion.com/v1/oauth/token";
    let told = trial.told(&config, &input, &json!([{ "method": "POST", "url": url, "body": token }]));
    assert_eq!(told["answer"]["access_token"], "at-1");
    assert_eq!(told["http"][0]["headers"]["authorization"], "[secret]");
    let sent: Value = serde_json::from_str(told["http"][0]["body"].as_str().unwrap()).unwrap();
    assert_eq!(sent["grant_type"], "authorization_code");

    let tokens = json!({ "access_token": "at-1" });
    let person = json!({ "id": "u-1", "name": "Ada Lovelace", "person": { "email": "ada@example.com" } });
    let profile = json!({ "object": "user", "bot": { "owner": { "type": "user", "user": person } } });
    let url = "https://api.notion.com/v1/users/me";
    let http = json!([{ "url": url, "body": profile }]);
    let told = trial.told(&config, &json!({ "call": "fetch-profile", "tokens": tokens }), &http);
    assert_eq!(told["http"][0]["headers"]["notion-version"], "2022-06-28");
    let input = json!({ "call": "map-profile", "tokens": tokens, "userinfo": told["answer"]["userinfo"] });
    let told = trial.told(&config, &input, &json!([]));
    assert_eq!(
        (&told["answer"]["subject"], &told["answer"]["email_verified"]),
        (&json!("u-1"), &Value::Null)
    );
}

#[test]
fn typescript_maps_a_profile_of_discord() {
    let trial = Trial::of("discord");
    let user = json!({ "id": "7", "username": "ada", "email": "ada@example.com", "verified": true });
    let input =
        |user: &Value| json!({ "call": "map-profile", "tokens": { "access_token": "t" }, "userinfo": user });
    let told = trial.told(&json!({}), &input(&user), &json!([]));
    assert_eq!(told["answer"]["subject"], "7");
    assert_eq!(told["answer"]["email_verified"], true);
    assert!(trial.no_answer(&json!({}), &input(&json!({ "id": 7 })), &json!([])).contains("not a profile"));
}

#[test]
fn javascript_refuses_throw_away_addresses() {
    let trial = Trial::of("domain-policy");
    let input = |email: &str| json!({ "candidate": { "email": email } });
    let told = trial.told(&json!({}), &input("ada@mailinator.com"), &json!([]));
    assert_eq!(told["answer"]["code"], "plugin:domain-policy/disposable-address");
    assert_eq!(told["log"][0]["message"], "refused an address at a service for throw-away mail");
    let told = trial.told(&json!({}), &input("ada@example.com"), &json!([]));
    assert_eq!(told["answer"]["verdict"], "accept");
}

#[test]
fn a_plugin_refuses_its_configuration_in_its_own_words() {
    let trial = Trial::of("captcha");
    let told = trial.no_answer(&json!({ "lowest_score": 0.5 }), &registration(&json!({})), &json!([]));
    assert!(told.contains("lowest_score: only recaptcha gives scores"), "{told}");
}

#[test]
fn a_schema_refuses_a_configuration_by_place_and_rule_before_the_plugin_sees_it() {
    let (captcha, waitlist) = (Trial::of("captcha"), Trial::of("waitlist"));
    for (trial, config, rule) in [
        (&captcha, json!({ "lowest_score": 4711 }), "/lowest_score: breaks the rule `maximum 1`"),
        (&captcha, json!({ "send_ip": "hunter2" }), "/send_ip: breaks the rule `type"),
        (
            &waitlist,
            json!({ "invitation_codes": ["hunter2"] }),
            "/invitation_codes/0: breaks the rule `minLength 8`",
        ),
        (&waitlist, json!({ "alowed_domains": [] }), "/: `alowed_domains` is not known"),
    ] {
        let told = trial.no_answer(&config, &registration(&json!({})), &json!([]));
        assert!(told.contains(rule) && !told.contains("hunter2") && !told.contains("4711"), "{told}");
    }
}

#[test]
fn what_cannot_be_tried_is_told() {
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_palisade")).args(arguments).output().unwrap();
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let captcha = root().join("plugins/captcha");
    let (captcha, nowhere) = (captcha.to_str().unwrap(), Path::new("no-such-file").to_str().unwrap());
    let told = run(&["plugin", "run", captcha, "--hook", "mail.send", "--input", nowhere]);
    assert!(told.contains("is asked at `registration.validate`, not at `mail.send`"), "{told}");
    let told = run(&["plugin", "run", captcha, "--input", nowhere]);
    assert!(told.contains("no-such-file"), "{told}");
}
