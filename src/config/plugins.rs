//! `[[plugins]]`: which plugins are asked, and what each is granted.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Deserializer};

use super::settings::within;
use crate::domain::Secret;

/// A plugin bound to its hook.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PluginBinding {
    /// The folder's name in `plugins_dir`.
    pub name: String,
    /// What the plugin reads; its own business.
    #[serde(default = "empty_table")]
    pub config: serde_json::Value,
    /// `closed`, `waitlist` (at registration only) or `open`. Default: `open` for `token.claims` and
    /// `password.policy`, `closed` for the others.
    #[serde(default)]
    pub on_failure: Option<OnFailure>,
    /// Ask and record what it would have decided, and let nothing come of it. Default no.
    #[serde(default)]
    pub monitor: bool,
    /// How long one call may take, in milliseconds, 1 to 10000. Default 500.
    #[serde(default = "default_deadline", deserialize_with = "deadline_ms")]
    pub deadline_ms: u64,
    /// SHA-256 of the component, in lower-case hexadecimal: another is not started. Default any.
    #[serde(default)]
    pub sha256: Option<String>,
    /// What of its manifest's wishes it gets. Default nothing.
    #[serde(default)]
    pub grants: PluginGrants,
}

impl PluginBinding {
    /// The invitation code of development; public, so production refuses it.
    pub const EXAMPLE_CODE: &'static str = "welcome-aboard";

    pub(super) fn example() -> Self {
        Self {
            name: "waitlist".into(),
            config: serde_json::json!({
                "allowed_domains": ["example.com"],
                "invitation_codes": [Self::EXAMPLE_CODE],
            }),
            on_failure: Some(OnFailure::Waitlist),
            monitor: false,
            deadline_ms: default_deadline(),
            sha256: None,
            grants: PluginGrants::default(),
        }
    }
}

/// What an operator grants a plugin. Each origin is exact, such as `https://api.example.com`; there is no wildcard.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PluginGrants {
    /// Public addresses, by https.
    pub http: Vec<String>,
    /// Addresses that need not be public; plain http on this machine.
    pub internal_http: Vec<String>,
    /// Where the text of each secret is.
    pub secrets: BTreeMap<String, SecretSource>,
    /// A storage of its own.
    pub kv: bool,
}

/// Where a secret is: never in the configuration itself, which is copied about.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum SecretSource {
    /// A file; white space at its end does not count.
    File(PathBuf),
    /// A variable of the environment.
    Env(String),
}

impl SecretSource {
    /// The text.
    ///
    /// # Errors
    /// What is missing, without the text.
    pub fn read(&self) -> Result<Secret, String> {
        let text = match self {
            Self::File(path) => {
                std::fs::read_to_string(path).map_err(|error| format!("`{}`: {error}", path.display()))?
            }
            Self::Env(name) => std::env::var_os(name)
                .and_then(|text| text.into_string().ok())
                .ok_or_else(|| format!("the variable `{name}` is not set"))?,
        };
        let text = text.trim_end();
        if text.is_empty() { Err("it is empty".to_owned()) } else { Ok(Secret::new(text.to_owned())) }
    }
}

/// What follows when a plugin cannot answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnFailure {
    /// What was asked about is refused as unavailable; the person may try again.
    Closed,
    /// The account waits for an administrator.
    Waitlist,
    /// As if the plugin had agreed: choose it only for a plugin that refuses nobody.
    Open,
}

fn empty_table() -> serde_json::Value {
    serde_json::Value::Object(serde_json::Map::new())
}

const fn default_deadline() -> u64 {
    500
}

fn deadline_ms<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    within(deserializer, 1, 10_000)
}
