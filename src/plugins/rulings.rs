//! What becomes of hooks that keep or refuse, and what is worth writing down about any hook.

use super::world::Hook;
use super::{Bound, FailurePolicy, clean};

/// Characters of a message that is kept.
pub(super) const SENTENCE: usize = 300;

/// A refusal in a plugin's words, cleaned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    pub plugin: String,
    /// Kebab-case and the plugin's own: clients see `plugin:<plugin>/<code>`.
    pub code: String,
    pub message: String,
    pub field: Option<String>,
}

/// The strictest of several plugins' verdicts: a refusal ends the asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ruling {
    /// As the platform decided.
    Keep,
    /// Only with a stronger proof.
    StepUp(Denial),
    /// A plugin without which nothing may be decided has no answer; the person may try again.
    Unavailable {
        plugin: String,
    },
    Deny(Denial),
}

impl Ruling {
    const fn strictness(&self) -> u8 {
        match self {
            Self::Keep => 0,
            Self::StepUp(_) => 1,
            Self::Unavailable { .. } => 2,
            Self::Deny(_) => 3,
        }
    }

    pub(super) fn and(self, later: Self) -> Self {
        if later.strictness() > self.strictness() { later } else { self }
    }
}

/// Something a plugin decided or changed, or would have: each is part of an audit event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub plugin: String,
    /// SHA-256 of its component.
    pub digest: String,
    pub hook: &'static str,
    /// Such as `reject`, `patch` or `no-answer`.
    pub verdict: &'static str,
    /// The plugin's own word, or why there was no answer.
    pub code: Option<String>,
    /// The binding is in monitor mode: nothing came of it.
    pub would_have: bool,
}

/// A verdict with what to write down about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged<V> {
    pub verdict: V,
    pub findings: Vec<Finding>,
}

impl<V> Judged<V> {
    pub(super) const fn new(verdict: V) -> Self {
        Self { verdict, findings: Vec::new() }
    }

    pub(super) fn find(&mut self, bound: &Bound, hook: Hook, verdict: &'static str, code: Option<&str>) {
        // A word of a plugin that has seen a password may be the password.
        let code = code.filter(|_| !hook.sees_password() || verdict == NO_ANSWER).map(str::to_owned);
        let (plugin, digest) = (bound.who.plugin.to_string(), bound.who.digest.to_string());
        let would_have = bound.monitor;
        self.findings.push(Finding { plugin, digest, hook: hook.name(), verdict, code, would_have });
    }
}

/// The verdict of a plugin that has none.
pub(super) const NO_ANSWER: &str = "no-answer";

/// A guest's refusal, not yet believed.
#[derive(Debug)]
pub(super) struct SaidDenial {
    pub(super) code: String,
    pub(super) message: String,
    pub(super) field: Option<String>,
}

/// A guest's verdict, not yet believed.
#[derive(Debug)]
pub(super) enum Said {
    Keep,
    StepUp(SaidDenial),
    Deny(SaidDenial),
}

impl SaidDenial {
    /// Keeps what a guest may say; `otherwise` is the sentence for none.
    pub(super) fn believed(self, plugin: &str, otherwise: &str) -> Denial {
        let message = clean::line(&self.message, SENTENCE);
        Denial {
            plugin: plugin.to_owned(),
            code: if clean::is_code(&self.code) { self.code } else { "rejected".to_owned() },
            message: if message.is_empty() { otherwise.to_owned() } else { message },
            field: self.field.filter(|field| clean::is_field(field)),
        }
    }
}

/// What follows without an answer, where it is about keeping or refusing.
pub(super) fn without_answer(bound: &Bound, hook: Hook) -> Ruling {
    match bound.policy(hook) {
        FailurePolicy::Closed | FailurePolicy::Waitlist => {
            Ruling::Unavailable { plugin: bound.who.plugin.to_string() }
        }
        FailurePolicy::Open => Ruling::Keep,
    }
}
