//! The plugins that come along, as built, on the code that the server runs: `palisade plugin run`.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::root;

/// A plugin in a trial.
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

    fn output(&self, config: &Value, input: &Value) -> Output {
        let folder = root().join("plugins").join(self.plugin);
        Command::new(env!("CARGO_BIN_EXE_palisade"))
            .args(["plugin", "run"])
            .arg(folder)
            .arg("--input")
            .arg(self.file("input.json", input))
            .args(["--plugin-config", &config.to_string(), "--deadline-ms", &self.deadline_ms.to_string()])
            .output()
            .unwrap()
    }

    /// What was told, if the plugin answered.
    fn told(&self, config: &Value, input: &Value) -> Value {
        let output = self.output(config, input);
        let told = || String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{}: {}", self.plugin, told());
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", told()))
    }

    /// Why there was no answer.
    fn no_answer(&self, config: &Value, input: &Value) -> String {
        let output = self.output(config, input);
        assert!(!output.status.success(), "{} answered", self.plugin);
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    }
}

fn person(email: &str) -> Value {
    json!({ "context": { "client_ip": "203.0.113.7" }, "candidate": { "email": email } })
}

#[test]
fn javascript_refuses_throw_away_addresses() {
    let trial = Trial::of("domain-policy");
    let told = trial.told(&json!({}), &person("ada@mailinator.com"));
    assert_eq!(told["answer"]["code"], "plugin:domain-policy/disposable-address");
    assert_eq!(told["answer"]["field"], "email");
    assert_eq!(told["log"][0]["message"], "refused an address at a service for throw-away mail");
}

#[test]
fn javascript_lets_in_whom_the_configuration_allows() {
    let trial = Trial::of("domain-policy");
    let told = trial.told(&json!({ "allowed_domains": ["example.com"] }), &person("ada@example.com"));
    assert_eq!(told["answer"]["verdict"], "accept");
}

#[test]
fn a_plugin_refuses_its_configuration_in_its_own_words() {
    let trial = Trial::of("waitlist");
    let told = trial.no_answer(&json!({ "mode": "ajar" }), &person("ada@example.com"));
    assert!(told.contains("unknown variant `ajar`"), "{told}");
}

#[test]
fn a_plugin_without_an_answer_is_told_with_the_cause() {
    let trial = Trial::of("fixtures/hostile");
    let told = trial.no_answer(&json!({ "do": "panic" }), &person("ada@example.com"));
    assert!(told.contains("\"unavailable\"") && told.contains("the plugin trapped"), "{told}");
}

#[test]
fn what_cannot_be_tried_is_told() {
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_palisade")).args(arguments).output().unwrap();
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let waitlist = root().join("plugins/waitlist");
    let waitlist = waitlist.to_str().unwrap();
    let told = run(&["plugin", "run", waitlist, "--hook", "mail.send", "--input", "no-such-file"]);
    assert!(told.contains("is asked at `registration.validate`, not at `mail.send`"), "{told}");
    let told = run(&["plugin", "run", waitlist, "--input", "no-such-file"]);
    assert!(told.contains("no-such-file"), "{told}");
}
