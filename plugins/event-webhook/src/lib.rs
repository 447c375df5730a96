//! Hands audit events to a service over HTTP, as JSON and signed: what it has not confirmed comes again.

use palisade_plugin_sdk::hooks::event::Event;
use palisade_plugin_sdk::{EventSink, Plugin, PluginError, RequestContext, http, log, register};
use serde::Deserialize;
use serde_json::{Value, json};

register!(EventSink for EventWebhook);

struct EventWebhook;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    url: String,
    kinds: Vec<String>,
    batch: usize,
}

/// The host sends no more in one call.
const REQUESTS: usize = 3;

impl Plugin for EventWebhook {
    type Config = Config;

    fn check(config: &Config) -> Result<(), Vec<String>> {
        let mut wrong = Vec::new();
        if !config.url.starts_with("https://") && !config.url.starts_with("http://") {
            wrong.push("url: must be an address such as `https://events.example.com/palisade`".into());
        }
        if !(1..=500).contains(&config.batch) {
            wrong.push("batch: must be 1 to 500".into());
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }
}

impl EventSink for EventWebhook {
    fn deliver(config: Config, context: RequestContext, batch: Vec<Event>) -> Result<u32, PluginError> {
        let mut taken = 0;
        for chunk in batch.chunks(config.batch).take(REQUESTS) {
            match send(&config, &context, chunk) {
                Ok(()) => taken += chunk.len(),
                // What went before is done; the rest comes again.
                Err(_) if taken > 0 => {
                    log::warn("only a part of the events was taken");
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(u32::try_from(taken).unwrap_or(u32::MAX))
    }
}

fn send(config: &Config, context: &RequestContext, events: &[Event]) -> Result<(), PluginError> {
    let body: Vec<_> = events.iter().filter(|event| wanted(config, event)).map(told).collect();
    if body.is_empty() {
        return Ok(());
    }
    let now = context.now.to_string();
    let answer = http::post(&*config.url)
        .header("palisade-timestamp", &*now)
        // The time is signed too, so that an old request cannot be sent again much later.
        .signed("palisade-signature", "signing_key", "v1=", &[&now, "."].concat())
        .json(&json!({ "events": body }))
        .send()?;
    if answer.is_success() {
        return Ok(());
    }
    Err(PluginError::Upstream(["the service answers ", &answer.status.to_string()].concat()))
}

fn wanted(config: &Config, event: &Event) -> bool {
    config.kinds.is_empty() || config.kinds.contains(&event.kind)
}

fn told(event: &Event) -> Value {
    json!({
        "id": event.id,
        "sequence": event.sequence,
        "kind": event.kind,
        "occurred_at": event.occurred_at,
        "succeeded": event.succeeded,
        "organization": event.org_id,
        "details": serde_json::from_str(&event.payload).unwrap_or(Value::Null),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: &str) -> Event {
        Event {
            id: "e-1".into(),
            sequence: 7,
            kind: kind.into(),
            occurred_at: 1_700_000_000_000,
            succeeded: true,
            org_id: None,
            payload: r#"{"who": "ada"}"#.into(),
        }
    }

    fn config(kinds: &[&str]) -> Config {
        let kinds = kinds.iter().map(|&kind| kind.to_owned()).collect();
        Config { url: "https://events.example.com".into(), kinds, batch: 100 }
    }

    #[test]
    fn only_the_kinds_asked_for_are_sent() {
        assert!(wanted(&config(&[]), &event("Register")));
        assert!(wanted(&config(&["SignIn", "Register"]), &event("Register")));
        assert!(!wanted(&config(&["SignIn"]), &event("Register")));
    }

    #[test]
    fn the_details_are_json_in_json() {
        let told = told(&event("Register"));
        assert_eq!(told["details"]["who"], "ada");
        assert_eq!(told["sequence"], 7);
    }

    #[test]
    fn an_address_and_a_bound_are_wanted() {
        assert!(EventWebhook::check(&config(&[])).is_ok());
        let bad = Config { url: "events.example.com".into(), batch: 0, ..config(&[]) };
        assert_eq!(EventWebhook::check(&bad).unwrap_err().len(), 2);
    }
}
