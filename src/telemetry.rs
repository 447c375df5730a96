//! Log lines: what happened, for whom to find, never a secret.
//!
//! Secrets are kept out at the source: `domain::Secret` prints as `Secret(…)`, the edge logs the route's template and
//! not the path, and no body or header is ever logged. This module only decides where lines go and which ones.

use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::config::{ConfigError, LogFormat};

/// Loud libraries, quiet unless the filter names them: their debug lines hold statements and headers, and poem tells of
/// the start and the stop of each thread that serves connections.
const QUIET: [&str; 6] =
    ["sqlx=warn", "hyper=warn", "h2=warn", "wasmtime=warn", "cranelift=warn", "poem=warn"];

/// Sends the process's log lines to standard error, as the settings `log` and `log_format` say.
///
/// # Errors
/// The filter cannot be read, or a subscriber is already set.
pub fn start(log: &str, format: LogFormat) -> Result<(), ConfigError> {
    let subscriber = subscriber(log, format, std::io::stderr)?;
    tracing::subscriber::set_global_default(subscriber)
        .map_err(|_| error("another subscriber is already set"))
}

fn error(rule: impl Into<String>) -> ConfigError {
    ConfigError { setting: "log".into(), source_name: "the configuration".into(), rule: rule.into() }
}

/// Those lines, written to `writer`.
///
/// # Errors
/// The filter cannot be read.
pub fn subscriber<W>(
    log: &str,
    format: LogFormat,
    writer: W,
) -> Result<impl tracing::Subscriber + use<W>, ConfigError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    // Later directives of the same target win, so the operator's come last.
    let directives = format!("{},{}", QUIET.join(","), log);
    let filter = EnvFilter::builder().parse(directives);
    let filter = filter.map_err(|_| error("must be a filter such as `info` or `palisade=debug,info`"))?;
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match format {
        LogFormat::Json => lines.json().flatten_event(true).with_filter(filter).boxed(),
        LogFormat::Text => lines.with_ansi(false).with_target(false).with_filter(filter).boxed(),
    };
    Ok(Registry::default().with(lines))
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn lines(log: &str, format: LogFormat) -> Vec<String> {
        let page = Page::default();
        let writer = page.clone();
        let subscriber = subscriber(log, format, move || writer.clone()).expect("the filter is right");
        tracing::subscriber::with_default(subscriber, || {
            let _span = tracing::info_span!("request", request_id = "r1").entered();
            tracing::info!(status = 200, "answered");
            tracing::debug!("a detail");
            tracing::info!(target: "sqlx::query", "select a secret");
        });
        let text = String::from_utf8(page.0.lock().clone()).expect("it is text");
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn the_filter_decides_and_loud_libraries_are_quiet() {
        let seen = lines("info", LogFormat::Text);
        assert_eq!(seen.len(), 1, "{seen:?}");
        assert!(seen[0].contains("answered") && seen[0].contains("request_id=\"r1\""), "{seen:?}");
        assert_eq!(lines("debug", LogFormat::Text).len(), 2);
        assert_eq!(lines("info,sqlx=info", LogFormat::Text).len(), 2);
    }

    #[test]
    fn json_lines_are_objects_that_carry_the_request() {
        let seen = lines("info", LogFormat::Json);
        let line: serde_json::Value = serde_json::from_str(&seen[0]).expect("it is JSON");
        assert_eq!((line["message"].as_str(), line["status"].as_u64()), (Some("answered"), Some(200)));
        assert_eq!(line["span"]["request_id"], "r1");
    }

    #[test]
    fn a_filter_that_cannot_be_read_is_refused() {
        assert!(subscriber("palisade=loud", LogFormat::Text, io::sink).is_err());
    }
}
