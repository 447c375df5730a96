//! `/metrics`: what this process has counted, in the text format of Prometheus. The labels are words of ours and names of
//! plugins, so that there are only so many of them, and none of them tells of anybody.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use poem::http::StatusCode;
use poem::web::Data;
use poem::{Request, RequestBody, Response, handler};
use poem_openapi::{ApiExtractor as _, ExtractParamOptions};
use prometheus_client::encoding::prometheus_text::{CONTENT_TYPE, encode};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::caller::Caller;
use super::problem::Problem;
use super::reply::bare;
use crate::app::Metrics;
use crate::guard::actions::GetMetrics;

/// Answers since the start, by the hundreds of their status.
#[derive(Debug, Default)]
pub struct Answers([AtomicU64; 5]);

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

impl Answers {
    pub(super) fn count(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100).saturating_sub(1);
        if let Some(count) = self.0.get(class) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn all(&self) -> impl Iterator<Item = (&'static str, u64)> {
        CLASSES.into_iter().zip(self.0.iter().map(|count| count.load(Ordering::Relaxed)))
    }
}

#[handler]
pub(super) async fn scrape(request: &Request, answers: Data<&Arc<Answers>>) -> poem::Result<Response> {
    let caller =
        Caller::from_request(request, &mut RequestBody::default(), ExtractParamOptions::default()).await?;
    let ok = caller.authorize(GetMetrics {}).await?;
    let text = text(&bare(caller.app().metrics(ok)), &answers).map_err(|_| Problem::internal())?;
    Ok(Response::builder().content_type(CONTENT_TYPE).body(text))
}

type Labels = Vec<(&'static str, String)>;

/// A family of counters under the name, to which `_total` is added.
fn family(registry: &mut Registry, name: &str, help: &str, counts: impl IntoIterator<Item = (Labels, u64)>) {
    let family = Family::<Labels, Counter>::default();
    for (labels, count) in counts {
        family.get_or_create(&labels).inc_by(count);
    }
    registry.register(name, help, family);
}

fn text(metrics: &Metrics, answers: &Answers) -> Result<String, std::fmt::Error> {
    let mut registry = Registry::with_prefix("palisade");
    let one = |count: u64| [(Vec::new(), count)];
    family(
        &mut registry,
        "http_requests",
        "Answers by the class of their status",
        answers.all().map(|(class, count)| (vec![("class", class.to_owned())], count)),
    );
    family(
        &mut registry,
        "decisions",
        "Decisions by their effect",
        [("allow", metrics.allowed), ("deny", metrics.denied)]
            .map(|(effect, count)| (vec![("effect", effect.to_owned())], count)),
    );
    family(
        &mut registry,
        "decisions_not_kept",
        "Allowed decisions of the share that were not logged, because too much waited",
        one(metrics.decisions_dropped),
    );
    family(&mut registry, "password_hashes", "Password hashes computed", one(metrics.password_hashes));
    family(
        &mut registry,
        "database_statements",
        "Statements sent to the database",
        one(metrics.database_statements),
    );
    let (limits, calls): (Vec<_>, Vec<_>) =
        metrics.plugin_calls.iter().partition(|count| count.outcome.starts_with(LIMIT));
    let labelled = |kind: &'static str, word: &'static str| {
        move |count: &&crate::app::PluginCount| {
            let outcome = count.outcome.trim_start_matches(word);
            let labels = [("plugin", &*count.plugin), ("hook", count.hook), (kind, outcome)];
            (labels.map(|(name, value)| (name, value.to_owned())).to_vec(), count.calls)
        }
    };
    family(
        &mut registry,
        "plugin_calls",
        "Calls of plugins by how they ended",
        calls.iter().map(labelled("outcome", "")),
    );
    family(
        &mut registry,
        "plugin_limits",
        "Calls of plugins that met a limit, whether they lived on or not",
        limits.iter().map(labelled("limit", LIMIT)),
    );
    let quarantined = Family::<Labels, Gauge>::default();
    for plugin in &metrics.quarantined {
        quarantined.get_or_create(&vec![("plugin", plugin.clone())]).set(1);
    }
    registry.register(
        "plugin_quarantined",
        "Plugins that are not asked, because they failed too often",
        quarantined,
    );
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}

/// Before the name of a limit where it stands among outcomes.
const LIMIT: &str = "limit:";
