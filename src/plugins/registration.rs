//! The hook `registration.validate`: may this person have an account?
//!
//! Asked before there is one, outside any transaction. The strictest verdict holds, so a plugin can only
//! tighten: rejecting beats being unavailable beats waiting beats accepting.

use std::net::IpAddr;

use serde_json::Value;

use super::rulings::{Denial, Judged, NO_ANSWER, SENTENCE, SaidDenial};
use super::world::Hook;
use super::{Error, FailurePolicy, Guest, Plugins, clean, told};
use crate::domain::Email;

/// Characters of a profile field that is kept: as many as the account keeps (`domain::Line`).
const PROFILE: usize = 100;

/// Through what the person asks.
#[derive(Debug, Clone, Default)]
pub struct RequestContext {
    pub request_id: String,
    pub client_ip: Option<IpAddr>,
    pub user_agent: Option<String>,
    pub locale: Option<String>,
    /// The organization it is about, if it is about one.
    pub organization: Option<String>,
    /// The host's time, in seconds since 1970.
    pub now: u64,
}

/// How the account would be signed in to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthMethod {
    Password,
    OAuth,
}

/// The person who wants an account. No password: a plugin never sees one.
#[derive(Debug, Clone)]
pub struct Candidate {
    pub email: Email,
    pub email_verified: bool,
    pub full_name: Option<String>,
    pub department: Option<String>,
    pub referral_source: Option<String>,
    pub method: AuthMethod,
    /// The identity provider, if the person comes from one.
    pub provider: Option<String>,
    /// What the client sent for plugins, a JSON object; bounded by the limit on a request's body.
    pub payload: Option<Value>,
}

/// Profile fields that plugins filled in, cleaned; the only ones they may.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProfilePatch {
    pub full_name: Option<String>,
    pub department: Option<String>,
}

/// What becomes of the registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Accept {
        profile: ProfilePatch,
    },
    /// The account waits for an administrator. The reason is for administrators.
    Waitlist {
        plugin: String,
        reason: String,
    },
    /// Refused. `code` is kebab-case and the plugin's own: clients see `plugin:<plugin>/<code>`.
    Reject {
        plugin: String,
        code: String,
        message: String,
        field: Option<String>,
    },
    /// A plugin without which nothing may be decided has no answer; the person may try again.
    Unavailable {
        plugin: String,
    },
}

impl Verdict {
    const fn strictness(&self) -> u8 {
        match self {
            Self::Accept { .. } => 0,
            Self::Waitlist { .. } => 1,
            Self::Unavailable { .. } => 2,
            Self::Reject { .. } => 3,
        }
    }

    /// The stricter of the two; of two waiting or refusing ones the first, of two accepting ones both.
    fn and(self, later: Self) -> Self {
        match (self, later) {
            (Self::Accept { profile: first }, Self::Accept { profile: later }) => Self::Accept {
                profile: ProfilePatch {
                    full_name: later.full_name.or(first.full_name),
                    department: later.department.or(first.department),
                },
            },
            (first, later) if later.strictness() > first.strictness() => later,
            (first, _) => first,
        }
    }
}

/// A guest's words, not yet believed.
#[derive(Debug)]
pub(super) enum Answer {
    Accept(Vec<(String, String)>),
    Waitlist(String),
    Reject { code: String, message: String, field: Option<String> },
}

impl Plugins {
    /// Asks every bound plugin in order, until one rejects. Takes at most the sum of their deadlines.
    pub async fn validate_registration(
        &self,
        context: &RequestContext,
        candidate: &Candidate,
    ) -> Judged<Verdict> {
        let hook = Hook::RegistrationValidate;
        let mut judged = Judged::new(Verdict::Accept { profile: ProfilePatch::default() });
        for bound in self.bound_to(hook) {
            let record = (|| told::candidate(candidate), told::answered);
            let answer = self
                .call(bound, context, None, record, async |guest, call| match guest {
                    Guest::V0_1(guest) => guest.validate(call, candidate).await,
                    Guest::V0_2(guest) => guest.validate(call, candidate).await,
                    Guest::Absent => Err(Error::Absent),
                })
                .await;
            let verdict = match answer {
                Ok(answer) => {
                    let (verdict, dropped) = believed(&bound.who.plugin, answer);
                    match &verdict {
                        Verdict::Reject { code, .. } => judged.find(bound, hook, "reject", Some(code)),
                        Verdict::Waitlist { .. } => judged.find(bound, hook, "waitlist", None),
                        Verdict::Accept { profile } if *profile != ProfilePatch::default() => {
                            judged.find(bound, hook, "patch", None);
                        }
                        Verdict::Accept { .. } | Verdict::Unavailable { .. } => {}
                    }
                    if dropped {
                        judged.find(bound, hook, "protected-field", None);
                    }
                    verdict
                }
                Err(error) => {
                    judged.find(bound, hook, NO_ANSWER, Some(error.kind()));
                    on_failure(&bound.who.plugin, bound.policy(hook))
                }
            };
            if !bound.monitor {
                judged.verdict = judged.verdict.and(verdict);
            }
            if matches!(judged.verdict, Verdict::Reject { .. }) {
                break;
            }
        }
        judged
    }
}

fn on_failure(plugin: &str, policy: FailurePolicy) -> Verdict {
    let plugin = plugin.to_owned();
    match policy {
        FailurePolicy::Closed => Verdict::Unavailable { plugin },
        FailurePolicy::Waitlist => {
            Verdict::Waitlist { plugin, reason: "the plugin had no answer".to_owned() }
        }
        FailurePolicy::Open => Verdict::Accept { profile: ProfilePatch::default() },
    }
}

/// Keeps of an answer what a guest may say; whether it said more.
fn believed(plugin: &str, answer: Answer) -> (Verdict, bool) {
    let mut dropped = false;
    let verdict = match answer {
        Answer::Accept(fields) => {
            let mut profile = ProfilePatch::default();
            for (name, value) in fields {
                let value = Some(clean::line(&value, PROFILE)).filter(|value| !value.is_empty());
                match name.as_str() {
                    "full-name" => profile.full_name = value,
                    "department" => profile.department = value,
                    _ => {
                        let field = clean::line(&name, 64);
                        tracing::warn!(target: "plugin", plugin, field, "the plugin may not set this field");
                        dropped = true;
                    }
                }
            }
            Verdict::Accept { profile }
        }
        Answer::Waitlist(reason) => {
            Verdict::Waitlist { plugin: plugin.to_owned(), reason: clean::line(&reason, SENTENCE) }
        }
        Answer::Reject { code, message, field } => {
            let said = SaidDenial { code, message, field };
            let Denial { plugin, code, message, field } =
                said.believed(plugin, "The registration was refused.");
            Verdict::Reject { plugin, code, message, field }
        }
    };
    (verdict, dropped)
}
