//! One call of one binding: whether it may be asked, how it ended, what it cost.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use parking_lot::Mutex;
use serde_json::Value;
use tracing::Instrument as _;

use super::guest::{Call, Usage};
use super::host::{Ask, Asker};
use super::journal::Line;
use super::recording::Sample;
use super::world::Hook;
use super::{Bound, Error, Guest, Plugins, RequestContext, told};

/// So many failures within [`WINDOW`] put a binding into quarantine.
const FAILURES: usize = 5;
const WINDOW: u64 = 60;
/// How long it then is not asked, in seconds. After it, one failure more begins the next.
const QUARANTINE: u64 = 300;

/// Remembers a binding's failures by the host's clock, in seconds.
#[derive(Debug, Default)]
pub(super) struct Breaker(Mutex<Failures>);

#[derive(Debug, Default)]
struct Failures {
    at: VecDeque<u64>,
    until: u64,
}

impl Breaker {
    pub(super) fn is_open(&self, now: u64) -> bool {
        now < self.0.lock().until
    }

    /// Whether this failure begins a quarantine.
    fn failed(&self, now: u64) -> bool {
        let mut failures = self.0.lock();
        failures.at.push_back(now);
        while failures.at.front().is_some_and(|at| at + WINDOW < now) || failures.at.len() > FAILURES {
            failures.at.pop_front();
        }
        // After a quarantine it is on probation for as long as one more window.
        let probation = failures.until > 0 && now < failures.until + WINDOW;
        let opens = failures.at.len() >= FAILURES || probation;
        if opens {
            failures.until = now + QUARANTINE;
            failures.at.clear();
        }
        opens
    }

    fn answered(&self, now: u64) {
        let mut failures = self.0.lock();
        if now >= failures.until {
            failures.until = 0;
        }
    }
}

/// How often calls ended how.
#[derive(Debug, Default)]
pub(super) struct Counters(Mutex<BTreeMap<(String, &'static str, &'static str), u64>>);

/// One counter: calls of a plugin at a hook that ended alike, or that ran into one limit (`limit:http-requests`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    pub plugin: String,
    pub hook: &'static str,
    /// `ok`, or [`Error::kind`], or `limit:…`.
    pub outcome: &'static str,
    pub calls: u64,
}

impl Counters {
    fn add(&self, plugin: &str, hook: Hook, outcome: &'static str) {
        *self.0.lock().entry((plugin.to_owned(), hook.name(), outcome)).or_default() += 1;
    }

    pub(super) fn all(&self) -> Vec<Count> {
        let count = |((plugin, hook, outcome), calls): (&(String, &'static str, &'static str), &u64)| Count {
            plugin: plugin.clone(),
            hook,
            outcome,
            calls: *calls,
        };
        self.0.lock().iter().map(count).collect()
    }
}

impl Plugins {
    /// The bindings of a hook, in the order in which they are asked.
    pub(super) fn bound_to(&self, hook: Hook) -> impl Iterator<Item = &Bound> {
        self.bound.iter().filter(move |bound| bound.hook == hook)
    }

    /// Asks one binding. `hidden` must not come out in a log line. `input` and `outcome` are for a recording: what the
    /// hook is told and what the answer came to, masked.
    pub(super) async fn call<T>(
        &self,
        bound: &Bound,
        context: &RequestContext,
        hidden: Option<&str>,
        (input, outcome): (impl FnOnce() -> Value, impl FnOnce(&T) -> Value),
        ask: impl AsyncFnOnce(&Guest, &Call<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let Some(runtime) = &self.runtime else { return Err(Error::Engine("there is no engine".into())) };
        let (plugin, hook) = (&*bound.who.plugin, bound.hook);
        let span = tracing::info_span!(target: "plugin", "plugin_call", plugin, digest = &*bound.who.digest,
            hook = hook.name(), request_id = context.request_id, outcome = tracing::field::Empty,
            micros = tracing::field::Empty, memory = tracing::field::Empty);
        let begin = Instant::now();
        let usage = Mutex::new(Usage::default());
        let asker = Asker {
            who: &bound.who,
            request_id: &context.request_id,
            organization: context.organization.as_deref(),
        };
        let answer = if bound.breaker.is_open(context.now) {
            Err(Error::Quarantined)
        } else if !self.host.permits(asker, Ask::Handle { hook: hook.name() }).await {
            Err(Error::Forbidden)
        } else {
            let call = Call {
                runtime,
                who: &bound.who,
                config: &bound.config,
                capabilities: &bound.capabilities,
                host: &self.host,
                deadline: bound.deadline,
                hook: hook.name(),
                context,
                dry_run: bound.monitor,
                hidden,
                usage: &usage,
            };
            let answer = ask(&bound.guest, &call).instrument(span.clone()).await;
            match &answer {
                Err(error) if error.is_misbehaviour() => {
                    if bound.breaker.failed(context.now) {
                        let seconds = QUARANTINE;
                        tracing::error!(target: "plugin", parent: &span, seconds, "the plugin is in quarantine");
                    }
                }
                _ => bound.breaker.answered(context.now),
            }
            if self.recorder.runs(plugin, context.now) {
                self.recorder.keep(
                    plugin,
                    Sample {
                        at: context.now,
                        request_id: context.request_id.clone(),
                        digest: bound.who.digest.to_string(),
                        hook: hook.name(),
                        input: told::within(context, input()),
                        outcome: answer.as_ref().map_or_else(told::no_answer, outcome),
                    },
                );
            }
            answer
        };
        let outcome = answer.as_ref().map_or_else(Error::kind, |_| "ok");
        let Usage { memory, limits } = usage.into_inner();
        self.counters.add(plugin, hook, outcome);
        for limit in limits {
            self.counters.add(plugin, hook, counted(limit));
        }
        span.record("outcome", outcome);
        span.record("micros", u64::try_from(begin.elapsed().as_micros()).unwrap_or(u64::MAX));
        span.record("memory", memory);
        if answer.is_err() {
            let text = format!("no answer at {}: {outcome}", hook.name());
            let request_id = context.request_id.clone();
            self.journal.add(plugin, Line { at: context.now, request_id, level: "error", text });
        }
        span.in_scope(|| match &answer {
            Ok(_) => tracing::debug!(target: "plugin", "the plugin answered"),
            // Its words may be the password it saw.
            Err(Error::Failed(_)) if hook.sees_password() => {
                tracing::warn!(target: "plugin", policy = ?bound.policy(hook), "the plugin has no answer");
            }
            Err(error) => {
                tracing::warn!(target: "plugin", %error, policy = ?bound.policy(hook), "the plugin has no answer");
            }
        });
        answer
    }
}

fn counted(limit: &'static str) -> &'static str {
    match limit {
        "log" => "limit:log",
        "memory" => "limit:memory",
        "stack" => "limit:stack",
        "table" => "limit:table",
        "http-request" => "limit:http-request",
        "http-time" => "limit:http-time",
        "http-requests" => "limit:http-requests",
        "http-answer" => "limit:http-answer",
        "kv-uses" => "limit:kv-uses",
        _ => "limit:denied",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_failures_within_a_minute_are_a_quarantine() {
        let breaker = Breaker::default();
        for now in [1_000, 1_010, 1_020, 1_030] {
            assert!(!breaker.failed(now) && !breaker.is_open(now));
        }
        assert!(breaker.failed(1_040));
        assert!(breaker.is_open(1_040) && breaker.is_open(1_339) && !breaker.is_open(1_340));
    }

    #[test]
    fn failures_far_apart_are_none() {
        let breaker = Breaker::default();
        assert!((0..20).all(|minute| !breaker.failed(1_000 + minute * 61)));
    }

    #[test]
    fn after_a_quarantine_one_failure_is_enough_and_an_answer_forgives() {
        let breaker = Breaker::default();
        let _: Vec<bool> = (0..5).map(|_| breaker.failed(1_000)).collect();
        assert!(breaker.failed(1_300), "on probation");
        breaker.answered(1_600);
        assert!(!breaker.failed(1_601), "forgiven");
    }
}
