//! Guests: WebAssembly components that may tighten what the platform decides, and cannot hurt it.
//!
//! Owns: the engine with its limits, manifests, the contract's versions, the hooks, and wasmtime, which
//! nothing else imports. May import: `domain`.
//! Must never: give a guest a secret, let it overrule a refusal, call it inside a database transaction, or
//! call a store again after a failure.
//! Read next: `registration.rs` (what a hook is), then `engine.rs` (the limits), `docs/plugins.md`.

mod clean;
mod engine;
mod error;
mod guest;
mod inspect;
mod limits;
mod load;
mod manifest;
mod registration;
mod since_v0_1;
mod since_v0_2;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

pub use error::{Error, LoadError};
pub use inspect::{Inspection, ManifestView};
pub use limits::Limits;
pub use registration::{AuthMethod, Candidate, ProfilePatch, RequestContext, Verdict};

use engine::Runtime;
use guest::Guest;

/// The bound plugins, compiled and checked. Cheap to share behind an `Arc`.
#[derive(Debug)]
pub struct Plugins {
    /// None when nothing is bound: then there is no engine and no thread.
    runtime: Option<Arc<Runtime>>,
    /// In the order in which they are asked.
    bound: Vec<Bound>,
}

/// One plugin, bound to the hooks its manifest names.
#[derive(Debug)]
struct Bound {
    plugin: Arc<str>,
    guest: Guest,
    /// The manifest's defaults with the operator's values laid over them, as JSON.
    config: Arc<str>,
    on_failure: FailurePolicy,
    deadline: Duration,
    loaded: Loaded,
}

/// The operator's wish to have a plugin asked.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Binding {
    /// The plugin's id, which is also its folder's name.
    pub plugin: String,
    /// A JSON object laid over the manifest's defaults, key by key; `null` leaves them as they are.
    #[serde(default)]
    pub config: serde_json::Value,
    #[serde(default)]
    pub on_failure: FailurePolicy,
    /// How long one call may take in all, waiting for a free place included; 60 seconds at most. Kept to a
    /// hundredth of a second.
    #[serde(rename = "deadline_ms", default = "usual_deadline", deserialize_with = "millis")]
    pub deadline: Duration,
}

impl Binding {
    /// Binds with the manifest's configuration, refusing on failure, and half a second for a call.
    #[must_use]
    pub fn new(plugin: impl Into<String>) -> Self {
        Self {
            plugin: plugin.into(),
            config: serde_json::Value::Null,
            on_failure: FailurePolicy::Closed,
            deadline: usual_deadline(),
        }
    }
}

const fn usual_deadline() -> Duration {
    Duration::from_millis(500)
}

fn millis<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    serde::Deserialize::deserialize(deserializer).map(Duration::from_millis)
}

/// What follows when a plugin cannot answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailurePolicy {
    /// The registration is refused as unavailable; the person may try again.
    #[default]
    Closed,
    /// The account waits for an administrator.
    Waitlist,
    /// As if the plugin had accepted and changed nothing.
    Open,
}

/// What an operator may want to know of a plugin in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    pub plugin: String,
    pub version: String,
    /// SHA-256 of the component, in lower-case hexadecimal.
    pub sha256: String,
}

impl Plugins {
    /// No plugins: every registration is accepted unchanged.
    #[must_use]
    pub const fn none() -> Self {
        Self { runtime: None, bound: Vec::new() }
    }

    /// The plugins in use, in the order in which they are asked.
    pub fn loaded(&self) -> impl Iterator<Item = &Loaded> {
        self.bound.iter().map(|bound| &bound.loaded)
    }
}
