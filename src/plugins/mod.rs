//! Guests: WebAssembly components that may tighten what the platform decides, and cannot hurt it.
//!
//! Owns: the engine with its limits, manifests, the contract's versions, the hooks, and wasmtime, which
//! nothing else imports. May import: `domain`.
//! Must never: let a secret into a guest, let it overrule a refusal, call it inside a database transaction, or
//! call a store again after a failure.
//! Read next: `registration.rs` (what a hook is), then `engine.rs` (the limits), `docs/plugins.md`.

mod asking;
mod blanks;
mod calls;
mod capabilities;
mod claims;
mod clean;
mod compiled;
mod engine;
mod errand;
mod error;
mod fetching;
mod guest;
mod hooks;
mod host;
mod inspect;
mod installed;
mod journal;
mod keeping;
mod limits;
mod load;
mod manifest;
mod masks;
mod providing;
mod recording;
mod registration;
mod rulings;
mod schema;
mod since_v0_1;
mod since_v0_2;
#[cfg(test)]
mod tests;
mod told;
mod world;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

pub use calls::Count;
pub use capabilities::{Grants, HttpOrigin};
pub use error::{Error, LoadError};
pub use hooks::{
    ActorKind, ClientAuth, Endpoints, Event, ExternalIdentity, InvitationWish, KeyWish, LegacyOutcome,
    LoginAttempt, Mint, Narrowing, OutgoingLetter, PasswordOccasion, PasswordWish, Person, TokenSet,
};
pub use host::{Ask, Asker, FetchError, Host, Identity, KvError, NoHost};
pub use inspect::{Inspection, ManifestView};
pub use installed::{Inspected, Installed, inspect, inspect_all};
pub use journal::Line;
pub use limits::Limits;
pub use providing::OauthError;
pub use recording::{MOST_SAMPLES, Recording, Sample};
pub use registration::{AuthMethod, Candidate, ProfilePatch, RequestContext, Verdict};
pub use rulings::{Denial, Finding, Judged, Ruling};
pub use schema::CONFIG_SCHEMA;
pub use world::Hook;

use calls::{Breaker, Counters};
use capabilities::Capabilities;
use engine::Runtime;
use guest::Guest;
use journal::Journal;
use load::Ready;
use recording::Recorder;

/// The bound plugins, compiled and checked. Cheap to share behind an `Arc`.
#[derive(Debug)]
pub struct Plugins {
    /// None when nothing is bound: then there is no engine and no thread.
    runtime: Option<Arc<Runtime>>,
    /// The one there would be: what was compiled once runs in no other.
    spare: Arc<Mutex<Option<Arc<Runtime>>>>,
    /// In the order in which they are asked.
    bound: Vec<Bound>,
    /// What guests may ask of us.
    host: Arc<dyn Host>,
    counters: Arc<Counters>,
    limits: Limits,
    /// What was compiled already, by plugin.
    ready: Arc<Mutex<BTreeMap<String, Arc<Ready>>>>,
    journal: Arc<Journal>,
    recorder: Arc<Recorder>,
}

/// One plugin, bound to the hooks its manifest names.
#[derive(Debug, Clone)]
struct Bound {
    who: Identity,
    hook: Hook,
    guest: Guest,
    /// The manifest's defaults with the operator's values laid over them, as JSON.
    config: Arc<str>,
    on_failure: Option<FailurePolicy>,
    /// Asked, told in the findings, and without effect.
    monitor: bool,
    deadline: Duration,
    capabilities: Arc<Capabilities>,
    breaker: Arc<Breaker>,
    loaded: Loaded,
}

impl Bound {
    fn policy(&self, hook: Hook) -> FailurePolicy {
        self.on_failure.unwrap_or_else(|| hook.usual_policy())
    }
}

/// Whether a text can be a plugin's id.
#[must_use]
pub fn is_plugin_id(text: &str) -> bool {
    clean::is_code(text)
}

/// The operator's wish to have a plugin asked.
#[derive(Debug, Clone)]
pub struct Binding {
    /// The plugin's id, which is also its folder's name.
    pub plugin: String,
    /// A JSON object laid over the manifest's defaults, key by key; `null` leaves them as they are.
    pub config: serde_json::Value,
    /// None: what is usual for the hook.
    pub on_failure: Option<FailurePolicy>,
    /// Ask and record, and let nothing come of it.
    pub monitor: bool,
    /// How long one call may take in all, waiting for a free place included; 60 seconds at most. Kept to a
    /// hundredth of a second.
    pub deadline: Duration,
    /// What of the manifest's wishes it gets.
    pub grants: Grants,
    /// The only files to run under this name; none: whichever are there.
    pub pin: Option<Pin>,
}

/// SHA-256 of a plugin's files, in lower-case hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    pub component: String,
    /// None: any.
    pub manifest: Option<String>,
}

impl Binding {
    /// Binds with the manifest's configuration, the hook's usual failure policy, half a second for a call, and
    /// no grant.
    #[must_use]
    pub fn new(plugin: impl Into<String>) -> Self {
        Self {
            plugin: plugin.into(),
            config: serde_json::Value::Null,
            on_failure: None,
            monitor: false,
            deadline: Duration::from_millis(500),
            grants: Grants::default(),
            pin: None,
        }
    }
}

/// What follows when a plugin cannot answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailurePolicy {
    /// What was asked about is refused as unavailable; the person may try again.
    Closed,
    /// The account waits for an administrator; only at registration.
    Waitlist,
    /// As if the plugin had agreed and changed nothing.
    Open,
}

impl FailurePolicy {
    /// The policy of this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        [Self::Closed, Self::Waitlist, Self::Open].into_iter().find(|policy| policy.name() == name)
    }

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Waitlist => "waitlist",
            Self::Open => "open",
        }
    }
}

/// What an operator may want to know of a plugin in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    pub plugin: String,
    pub version: String,
    pub hook: Hook,
    /// What it asks for and was not granted.
    pub lacks: Vec<String>,
    /// SHA-256 of the component, in lower-case hexadecimal.
    pub sha256: String,
    /// An administrator installed it; else the configuration binds it.
    pub installed: bool,
    /// Why it cannot be used, if it cannot: then it has no answer.
    pub fault: Option<String>,
    pub monitor: bool,
    /// What follows without an answer.
    pub on_failure: FailurePolicy,
}

impl Plugins {
    /// No plugins: every registration is accepted unchanged.
    #[must_use]
    pub fn none() -> Self {
        Self {
            runtime: None,
            spare: Arc::default(),
            bound: Vec::new(),
            host: Arc::new(NoHost),
            counters: Arc::default(),
            limits: Limits::default(),
            ready: Arc::default(),
            journal: Arc::default(),
            recorder: Arc::default(),
        }
    }

    /// How calls have ended since the start.
    #[must_use]
    pub fn counts(&self) -> Vec<Count> {
        self.counters.all()
    }

    /// Whether the plugin is in quarantine at `now`, in seconds since 1970.
    #[must_use]
    pub fn is_quarantined(&self, plugin: &str, now: u64) -> bool {
        self.bound.iter().any(|bound| &*bound.who.plugin == plugin && bound.breaker.is_open(now))
    }

    /// What a plugin has said to the operator of late, and how its calls failed, oldest first.
    #[must_use]
    pub fn lines(&self, plugin: &str) -> Vec<Line> {
        self.journal.of(plugin)
    }

    /// Records what the calls of a plugin are told from now on, masked: `most` of them, until then, in seconds since 1970.
    /// What was recorded of it before is forgotten.
    pub fn record(&self, plugin: &str, most: usize, (now, until): (u64, u64)) -> Recording {
        self.recorder.begin(plugin, most, now, until)
    }

    /// What was recorded of a plugin's calls, for a day after the end.
    #[must_use]
    pub fn recording(&self, plugin: &str, now: u64) -> Option<Recording> {
        self.recorder.of(plugin, now)
    }

    /// Whether a plugin's calls are recorded now.
    #[must_use]
    pub fn is_recorded(&self, plugin: &str, now: u64) -> bool {
        self.recorder.runs(plugin, now)
    }

    /// Ends the recording of a plugin and forgets it; whether there was one.
    pub fn forget_recording(&self, plugin: &str) -> bool {
        self.recorder.forget(plugin)
    }

    /// Forgets the recordings that ended more than a day ago.
    pub fn forget_old_recordings(&self, now: u64) {
        self.recorder.forget_old(now);
    }

    /// The plugins in use, in the order in which they are asked.
    pub fn loaded(&self) -> impl Iterator<Item = &Loaded> {
        self.bound.iter().map(|bound| &bound.loaded)
    }
}
