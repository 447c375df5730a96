//! `palisade plugin run`: one call, with the answer, the log lines and the requests as JSON.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::instrument::WithSubscriber as _;
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::{Layer, registry};

use super::Outcome;
use super::trial::{Trial, TrialArgs};

#[expect(clippy::print_stdout, reason = "the answer is the output")]
pub(super) async fn run(args: &TrialArgs) -> Outcome {
    let trial = Trial::prepare(args).await?;
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
