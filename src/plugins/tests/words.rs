//! What guests say, in verdicts and logs.

use super::*;

#[tokio::test]
async fn protected_fields_are_dropped_and_allowed_ones_cleaned() {
    let plugins = hostile(&["patch-protected"], |_| ()).await;
    assert_eq!(
        ask(&plugins, &candidate("ada@example.com")).await,
        Verdict::Accept {
            profile: ProfilePatch {
                full_name: Some("Eve Example".into()),
                department: Some("Research".into()),
            }
        }
    );
}

#[tokio::test]
async fn a_denial_is_made_fit_to_be_shown() {
    let plugins = hostile(&["ugly-denial"], |_| ()).await;
    let Verdict::Reject { plugin, code, message, field } = ask(&plugins, &candidate("ada@example.com")).await
    else {
        panic!("not rejected")
    };
    assert_eq!((plugin.as_str(), code.as_str(), field), ("hostile", "rejected", None));
    assert!(message.starts_with("[31m Set-Cookie: a=b mmm"), "{message}");
    assert_eq!(message.chars().count(), 300);
    let plugins = hostile(&["ugly-reason"], |_| ()).await;
    assert_eq!(
        ask(&plugins, &candidate("ada@example.com")).await,
        Verdict::Waitlist { plugin: "hostile".into(), reason: "because".into() }
    );
}

#[tokio::test]
async fn a_plugin_that_gives_up_says_why_to_us_alone() {
    let plugins = hostile(&["fail"], |_| ()).await;
    assert_eq!(call(&plugins).await.unwrap_err(), Error::Failed("internal: the oracle is silent".into()));
}

/// Counts the lines that plugins wrote.
#[derive(Debug, Default, Clone)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl tracing::field::Visit for Lines {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            self.0.lock().push(format!("{value:?}"));
        }
    }
}

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Lines {
    fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        if event.metadata().target() == "plugin" {
            event.record(&mut self.clone());
        }
    }
}

#[tokio::test]
async fn a_flood_of_log_lines_is_cut_and_counted() {
    use tracing_subscriber::layer::SubscriberExt as _;
    let plugins = hostile(&["flood-log"], |binding| binding.deadline = Duration::from_millis(300)).await;
    let lines = Lines::default();
    let guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(lines.clone()));
    assert_eq!(call(&plugins).await.unwrap_err(), Error::TimedOut);
    drop(guard);
    let lines = lines.0.lock();
    assert_eq!(lines.iter().filter(|line| *line == "flood").count(), 32);
    assert!(lines.iter().any(|line| line == "the plugin logged more than it may"), "{lines:?}");
}
