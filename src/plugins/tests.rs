//! The host against real components: the waitlist plugin, an old build of it, and a hostile one.

use std::path::PathBuf;
use std::time::Instant;

use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::engine::Runtime;
use super::load::Ready;
use super::*;

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Few places, so that many tests at one time stay small.
fn limits() -> Limits {
    Limits { calls: 2, ..Limits::default() }
}

fn binding(plugin: &str, config: Value) -> Binding {
    Binding { config, deadline: Duration::from_secs(20), ..Binding::new(plugin) }
}

/// A plugin that all tests share: compiling is most of a test's time in a debug build.
type Shared = OnceCell<(Arc<Runtime>, Ready)>;

async fn bound(shared: &Shared, dir: &str, bindings: &[Binding]) -> Plugins {
    let plugin = &bindings[0].plugin;
    let (runtime, ready) = shared
        .get_or_init(async || {
            let runtime = Arc::new(Runtime::new(Limits { calls: 16, ..Limits::default() }).unwrap());
            let ready = Ready::load(&folder(dir), plugin, &runtime).await.unwrap();
            (runtime, ready)
        })
        .await;
    let mut bound = Vec::new();
    for binding in bindings {
        bound.push(ready.bind(binding, runtime).await.unwrap());
    }
    Plugins { runtime: Some(Arc::clone(runtime)), bound }
}

async fn waitlist(config: Value) -> Plugins {
    static SHARED: Shared = OnceCell::const_new();
    bound(&SHARED, "plugins", &[binding("waitlist", config)]).await
}

fn deeds(deeds: &[&str], change: impl Fn(&mut Binding)) -> Vec<Binding> {
    let one = |deed: &&str| {
        let mut binding = binding("hostile", json!({ "do": deed }));
        change(&mut binding);
        binding
    };
    deeds.iter().map(one).collect()
}

/// The hostile plugin, doing the named deeds in order.
async fn hostile(names: &[&str], change: impl Fn(&mut Binding)) -> Plugins {
    static SHARED: Shared = OnceCell::const_new();
    bound(&SHARED, "plugins/fixtures", &deeds(names, change)).await
}

fn candidate(email: &str) -> Candidate {
    Candidate {
        email: email.parse().unwrap(),
        email_verified: false,
        full_name: Some("Ada Lovelace".into()),
        department: None,
        method: AuthMethod::Password,
        payload: None,
    }
}

async fn ask(plugins: &Plugins, candidate: &Candidate) -> Verdict {
    let context = RequestContext { request_id: "r-1".into(), ..RequestContext::default() };
    plugins.validate_registration(&context, candidate).await
}

/// What becomes of one call of the first binding, below the failure policy.
async fn call(plugins: &Plugins) -> Result<registration::Answer, Error> {
    let bound = &plugins.bound[0];
    let call = since_v0_1::Call {
        runtime: plugins.runtime.as_ref().unwrap(),
        plugin: &bound.plugin,
        config: &bound.config,
        deadline: bound.deadline,
        request_id: "r-1",
    };
    bound.guest.validate(&call, &RequestContext::default(), &candidate("ada@example.com")).await
}

fn accepted() -> Verdict {
    Verdict::Accept { profile: ProfilePatch::default() }
}

/// Why the whole of `load` fails.
async fn refusal(dir: &str, plugin: &str, config: Value) -> String {
    Plugins::load(&folder(dir), &[binding(plugin, config)], limits()).await.unwrap_err().to_string()
}

mod waitlist_plugin {
    use super::*;

    #[tokio::test]
    async fn known_domains_and_codes_come_in_and_others_wait() {
        let plugins = waitlist(json!({
            "allowed_domains": ["example.com"],
            "invitation_codes": ["open-sesame"],
        }))
        .await;
        assert_eq!(ask(&plugins, &candidate("ada@example.com")).await, accepted());
        let stranger = candidate("eve@sub.example.com");
        assert_eq!(
            ask(&plugins, &stranger).await,
            Verdict::Waitlist {
                plugin: "waitlist".into(),
                reason: "no invitation code, and not an address of a known domain".into()
            }
        );
        let with = |code: Value| Candidate { payload: Some(code), ..stranger.clone() };
        assert_eq!(ask(&plugins, &with(json!({"invitation_code": "open-sesame", "x": 1}))).await, accepted());
        for payload in [
            json!({"invitation_code": "open-sesam"}),
            json!({"invitation_code": ""}),
            json!({"invitation_code": null}),
            json!({"invitation_code": ["open-sesame"]}),
            json!({}),
            json!([]),
        ] {
            let verdict = ask(&plugins, &with(payload.clone())).await;
            assert!(matches!(verdict, Verdict::Waitlist { .. }), "{payload}");
        }
    }

    #[tokio::test]
    async fn without_configuration_everybody_waits() {
        let plugins = waitlist(Value::Null).await;
        assert!(matches!(ask(&plugins, &candidate("ada@example.com")).await, Verdict::Waitlist { .. }));
    }

    #[tokio::test]
    async fn open_lets_everybody_in_and_closed_nobody() {
        let plugins = waitlist(json!({"mode": "open"})).await;
        assert_eq!(ask(&plugins, &candidate("eve@example.org")).await, accepted());
        let plugins = waitlist(json!({"mode": "closed", "allowed_domains": ["example.com"]})).await;
        assert_eq!(
            ask(&plugins, &candidate("ada@example.com")).await,
            Verdict::Reject {
                plugin: "waitlist".into(),
                code: "registration-closed".into(),
                message: "Registration is closed.".into(),
                field: None,
            }
        );
    }

    #[tokio::test]
    async fn a_bad_configuration_is_refused_in_the_plugins_own_words() {
        let runtime = Arc::new(Runtime::new(limits()).unwrap());
        let ready = Ready::load(&folder("plugins"), "waitlist", &runtime).await.unwrap();
        for (config, reason) in [
            (json!({"allowed_domains": ["@a.com"]}), "`@a.com` is not a domain such as `example.com`"),
            (json!({"invitation_codes": ["1234567"]}), "a code has at least 8 characters"),
            (json!({"mode": "shut"}), "unknown variant `shut`"),
            (json!({"alowed_domains": []}), "unknown field `alowed_domains`"),
            (json!("open"), "not a JSON object"),
        ] {
            let error = ready.bind(&binding("waitlist", config), &runtime).await.unwrap_err();
            let LoadError::Refused { plugin, reasons } = error else { panic!("{error}") };
            assert_eq!(plugin, "waitlist");
            assert!(reasons[0].contains(reason), "{reasons:?}");
        }
    }

    #[tokio::test]
    async fn the_first_build_ever_still_loads_and_answers() {
        let config = json!({"allowed_domains": ["example.com"]});
        let dir = folder("plugins/fixtures/since_v0_1");
        let plugins = Plugins::load(&dir, &[binding("waitlist", config)], limits()).await.unwrap();
        assert_eq!(plugins.loaded().next().unwrap().version, "0.1.0");
        assert_eq!(ask(&plugins, &candidate("ada@example.com")).await, accepted());
    }
}

mod misbehaviour {
    use super::*;

    /// Calls twice, so that a first failure is seen to leave nothing behind.
    async fn fails_with(deed: &str, change: impl Fn(&mut Binding)) -> Error {
        let plugins = hostile(&[deed, "behave"], change).await;
        let error = call(&plugins).await.unwrap_err();
        assert_eq!(call(&plugins).await.unwrap_err(), error, "{deed}: the second call differs");
        let next = Plugins { bound: plugins.bound.into_iter().skip(1).collect(), runtime: plugins.runtime };
        assert_eq!(ask(&next, &candidate("ada@example.com")).await, accepted(), "{deed}: the next call");
        error
    }

    const SOON: Duration = Duration::from_millis(200);

    #[tokio::test]
    async fn an_endless_loop_ends_at_its_deadline() {
        let begin = Instant::now();
        let error = fails_with("loop-forever", |binding| {
            binding.deadline = if binding.config["do"] == "behave" { binding.deadline } else { SOON };
        })
        .await;
        assert_eq!(error, Error::TimedOut);
        assert!(begin.elapsed() < Duration::from_secs(15));
    }

    #[tokio::test]
    async fn a_loop_leaves_its_thread_to_others() {
        // One thread: if the guest kept it, the counter could not count.
        let plugins = hostile(&["loop-forever"], |binding| binding.deadline = SOON).await;
        let turns = std::cell::Cell::new(0);
        let counter = async {
            loop {
                turns.set(turns.get() + 1);
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            result = call(&plugins) => assert_eq!(result.unwrap_err(), Error::TimedOut),
            () = counter => {}
        }
        assert!(turns.get() > 2, "{}", turns.get());
    }

    #[tokio::test]
    async fn growing_without_end_is_stopped() {
        assert_eq!(fails_with("grow-forever", |_| ()).await, Error::OutOfMemory);
    }

    #[tokio::test]
    async fn a_panic_is_a_trap_of_its_own_call() {
        assert!(matches!(fails_with("panic", |_| ()).await, Error::Trapped(_)));
    }

    #[tokio::test]
    async fn deep_recursion_overflows_its_own_stack() {
        let error = fails_with("recurse-forever", |_| ()).await;
        assert!(matches!(&error, Error::Trapped(what) if what.contains("stack")), "{error}");
    }

    #[tokio::test]
    async fn an_answer_that_is_too_large_is_not_copied() {
        for deed in ["huge-reason", "many-patches", "amplify", "long-log-line"] {
            assert_eq!(fails_with(deed, |_| ()).await, Error::TooMuchOutput, "{deed}");
        }
    }

    #[tokio::test]
    async fn nothing_is_remembered_between_calls() {
        let plugins = hostile(&["count-calls"], |_| ()).await;
        for _ in 0..3 {
            assert_eq!(ask(&plugins, &candidate("ada@example.com")).await, accepted());
        }
    }

    #[tokio::test]
    async fn a_plugin_that_loops_at_the_start_stops_the_start() {
        let told = refusal("plugins/fixtures", "hostile", json!({"do": "loop-in-check"})).await;
        assert!(told.contains("did not answer in time"), "{told}");
    }

    #[tokio::test]
    async fn all_places_taken_means_waiting_no_longer_than_the_deadline() {
        let short = deeds(&["behave"], |binding| binding.deadline = Duration::from_millis(20));
        let mut plugins = Plugins::load(&folder("plugins/fixtures"), &short, limits()).await.unwrap();
        let runtime = plugins.runtime.as_ref().unwrap();
        let later = Instant::now() + Duration::from_secs(20);
        let taken = (runtime.place(later).await.unwrap(), runtime.place(later).await.unwrap());
        assert_eq!(call(&plugins).await.unwrap_err(), Error::TimedOut);
        drop(taken);
        plugins.bound[0].deadline = Duration::from_secs(20);
        assert!(call(&plugins).await.is_ok());
    }
}

mod words {
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
        let Verdict::Reject { plugin, code, message, field } =
            ask(&plugins, &candidate("ada@example.com")).await
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
    struct Lines(Arc<parking_lot::Mutex<Vec<String>>>);

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
        assert_eq!(lines.last().unwrap(), "the plugin logged more than it may");
    }
}

mod several {
    use super::*;

    #[tokio::test]
    async fn without_plugins_everybody_is_accepted() {
        assert_eq!(ask(&Plugins::none(), &candidate("ada@example.com")).await, accepted());
    }

    #[tokio::test]
    async fn the_strictest_verdict_holds_whatever_the_order() {
        for (deeds, strictest) in [
            (["behave", "ugly-reason", "ugly-denial"], "reject"),
            (["ugly-denial", "ugly-reason", "behave"], "reject"),
            (["panic", "ugly-denial", "behave"], "reject"),
            (["ugly-reason", "panic", "behave"], "unavailable"),
            (["behave", "ugly-reason", "patch-protected"], "waitlist"),
        ] {
            let plugins = hostile(&deeds, |_| ()).await;
            let verdict = match ask(&plugins, &candidate("ada@example.com")).await {
                Verdict::Reject { .. } => "reject",
                Verdict::Unavailable { .. } => "unavailable",
                Verdict::Waitlist { .. } => "waitlist",
                Verdict::Accept { .. } => "accept",
            };
            assert_eq!(verdict, strictest, "{deeds:?}");
        }
    }

    #[tokio::test]
    async fn the_failure_policy_decides_when_there_is_no_answer() {
        for (policy, verdict) in [
            (FailurePolicy::Closed, Verdict::Unavailable { plugin: "hostile".into() }),
            (
                FailurePolicy::Waitlist,
                Verdict::Waitlist { plugin: "hostile".into(), reason: "the plugin had no answer".into() },
            ),
            (FailurePolicy::Open, accepted()),
        ] {
            let plugins = hostile(&["panic"], |binding| binding.on_failure = policy).await;
            assert_eq!(ask(&plugins, &candidate("ada@example.com")).await, verdict);
        }
    }
}

mod loading {
    use super::*;

    /// A folder with one plugin `door`: the given manifest and component.
    fn door(manifest: &str, component: &[u8]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let door = dir.path().join("door");
        std::fs::create_dir(&door).unwrap();
        std::fs::write(door.join("manifest.toml"), manifest).unwrap();
        std::fs::write(door.join("door.wasm"), component).unwrap();
        dir
    }

    const MANIFEST: &str = r#"
        id = "door"
        version = "0.1.0"
        description = "a door"
        world = "palisade:plugin/registration-policy@0.1.0"
        hooks = ["registration.validate"]
        component = "door.wasm"
    "#;

    async fn error(component: &[u8]) -> LoadError {
        let dir = door(MANIFEST, component);
        Plugins::load(dir.path(), &[binding("door", Value::Null)], limits()).await.unwrap_err()
    }

    #[tokio::test]
    async fn what_is_no_component_is_refused() {
        for bytes in [&b""[..], b"MZ", b"\0asm\x01\0\0\0"] {
            assert!(matches!(error(bytes).await, LoadError::BadComponent { .. }), "{bytes:?}");
        }
    }

    #[tokio::test]
    async fn a_component_that_wants_more_than_its_world_offers_is_refused() {
        // A component of four lines that imports a function: (component (import "wasi:…" (instance)))
        let name = b"wasi:http/outgoing-handler@0.2.0";
        let length = u8::try_from(name.len()).unwrap();
        // an instance type without anything in it; then the import of one
        let mut bytes = b"\0asm\x0d\0\x01\0\x07\x03\x01\x42\0\x0a".to_vec();
        bytes.extend([length + 5, 1, 0, length]);
        bytes.extend(name);
        bytes.extend([5, 0]);
        let error = error(&bytes).await;
        assert!(
            matches!(&error, LoadError::Forbidden { import, .. } if import.starts_with("wasi:http/")),
            "{error}"
        );
    }

    #[tokio::test]
    async fn a_component_under_another_name_is_refused() {
        let bytes = std::fs::read(folder("plugins/waitlist/waitlist.wasm")).unwrap();
        let error = error(&bytes).await.to_string();
        assert!(error.contains("it says it is `waitlist 0.1.0`"), "{error}");
    }

    #[tokio::test]
    async fn an_id_cannot_leave_the_folder() {
        for id in ["..", "../plugins/waitlist", "/etc", "", "Waitlist"] {
            let error = Plugins::load(&folder("plugins"), &[binding(id, Value::Null)], limits()).await;
            assert!(matches!(error, Err(LoadError::BadId(_))), "{id}");
        }
    }

    #[tokio::test]
    async fn a_missing_plugin_is_told_with_its_path() {
        let told = refusal("plugins", "nowhere", Value::Null).await;
        assert!(told.contains("nowhere/manifest.toml"), "{told}");
    }

    #[tokio::test]
    async fn plugins_that_nobody_bound_are_not_touched() {
        let plugins = Plugins::load(&folder("no/such/folder"), &[], limits()).await.unwrap();
        assert_eq!(plugins.loaded().count(), 0);
    }
}
