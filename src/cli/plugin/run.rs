//! `palisade plugin run`: one call, with the answer, the log lines and the requests as JSON; or a recording, call by call.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::instrument::WithSubscriber as _;
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::{Layer, registry};

use super::Outcome;
use super::trial::{Trial, TrialArgs};

#[expect(clippy::print_stdout, reason = "the answer is the output")]
pub(super) async fn run(args: &TrialArgs, against: Option<&Path>) -> Outcome {
    let trial = Trial::prepare(args).await?;
    if let Some(samples) = trial.input.get("samples") {
        return replay(&trial, args, against, samples).await;
    }
    if against.is_some() {
        return Err("--against compares what two builds come to on a recording, and the input is none".into());
    }
    let lines = Lines::default();
    let begin = Instant::now();
    let answer = trial.ask().with_subscriber(registry().with(lines.clone())).await?;
    let micros = u64::try_from(begin.elapsed().as_micros()).unwrap_or(u64::MAX);
    let told = json!({
        "hook": trial.hook,
        "answer": answer.value,
        "no_answer": answer.missing,
        "log": *lines.0.lock(),
        "http": trial.host.sent(),
        "micros": micros,
    });
    println!("{told:#}");
    match answer.missing {
        None => Ok(()),
        Some(why) => Err(format!("the plugin has no answer: {why}").into()),
    }
}

/// A call of a recording, as `palisade plugin recording` shows it.
#[derive(Debug, Deserialize)]
struct Recorded {
    at: Value,
    request_id: String,
    input: Value,
    outcome: Value,
}

/// Tells which calls come to something else now: than when they were recorded, or than with the build in `against`, which
/// meets the same masked words.
#[expect(clippy::print_stdout, reason = "what differs is the output")]
async fn replay(trial: &Trial, args: &TrialArgs, against: Option<&Path>, samples: &Value) -> Outcome {
    let samples: Vec<Recorded> = serde_json::from_value(samples.clone())
        .map_err(|error| format!("{}: no recording: {error}", args.input.display()))?;
    let other = match against {
        Some(folder) => Some(Trial::prepare(&TrialArgs { folder: folder.to_owned(), ..args.clone() }).await?),
        None => None,
    };
    let mut calls = Vec::new();
    let mut differing = 0_usize;
    for Recorded { at, request_id, input, outcome } in samples {
        let before = match &other {
            Some(other) => other.outcome_of(&input).await?,
            None => outcome,
        };
        let now = trial.outcome_of(&input).await?;
        let differs = before != now;
        differing += usize::from(differs);
        calls.push(
            json!({ "at": at, "request_id": request_id, "before": before, "now": now, "differs": differs }),
        );
    }
    let all = calls.len();
    println!("{:#}", json!({ "hook": trial.hook, "calls": calls, "differing": differing }));
    if differing == 0 {
        Ok(())
    } else {
        Err(format!("{differing} of {all} calls come to something else").into())
    }
}

/// What the plugin and the host about it have logged.
#[derive(Debug, Clone, Default)]
struct Lines(Arc<Mutex<Vec<Value>>>);

struct Words<'a>(&'a mut Map<String, Value>);

impl Visit for Words<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}").into());
    }
}

impl<S: tracing::Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() != "plugin" {
            return;
        }
        let mut line = Map::new();
        line.insert("level".to_owned(), event.metadata().level().as_str().to_lowercase().into());
        event.record(&mut Words(&mut line));
        // The same for each line of one call.
        line.retain(|name, _| !matches!(name.as_str(), "plugin" | "request_id" | "policy"));
        self.0.lock().push(Value::Object(line));
    }
}
