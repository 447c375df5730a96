//! The host against real components: the waitlist plugin, an old build of it, and a hostile one.

mod loading;
mod misbehaviour;
mod several;
mod waitlist_plugin;
mod words;

use std::path::PathBuf;
use std::time::Instant;

use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::engine::Runtime;
use super::load::{Package, Ready};
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
            let runtime =
                Arc::new(Runtime::new(Limits { calls: 16, ..Limits::default() }, Arc::default()).unwrap());
            let package = Package::read(&folder(dir), plugin, &runtime.limits, &NoHost).unwrap();
            let ready = Ready::of(package, &runtime, &(Arc::new(NoHost) as Arc<dyn Host>)).await.unwrap();
            (runtime, ready)
        })
        .await;
    let mut bound = Vec::new();
    for binding in bindings {
        bound.push(ready.bind(binding, runtime).await.unwrap());
    }
    Plugins { runtime: Some(Arc::clone(runtime)), bound, ..Plugins::none() }
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
        referral_source: None,
        method: AuthMethod::Password,
        provider: None,
        payload: None,
    }
}

async fn ask(plugins: &Plugins, candidate: &Candidate) -> Verdict {
    let context = RequestContext { request_id: "r-1".into(), ..RequestContext::default() };
    plugins.validate_registration(&context, candidate).await.verdict
}

/// What becomes of one call of the first binding, below the failure policy.
async fn call(plugins: &Plugins) -> Result<registration::Answer, Error> {
    let context = RequestContext { request_id: "r-1".into(), ..RequestContext::default() };
    let candidate = candidate("ada@example.com");
    let ask = async |guest: &Guest, call: &guest::Call<'_>| guest.present()?.validate(call, &candidate).await;
    plugins.call(&plugins.bound[0], &context, None, (|| Value::Null, |_: &_| Value::Null), ask).await
}

fn accepted() -> Verdict {
    Verdict::Accept { profile: ProfilePatch::default() }
}

/// Why the whole of `load` fails.
async fn refusal(dir: &str, plugin: &str, config: Value) -> String {
    Plugins::load(&folder(dir), &[binding(plugin, config)], limits(), Arc::new(NoHost))
        .await
        .unwrap_err()
        .to_string()
}
