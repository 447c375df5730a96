//! What an operator can see of plugins: a span for each call, and an event for whatever they refuse or change.

use std::collections::BTreeMap;
use std::sync::Arc;

use palisade::domain::SystemRole;
use parking_lot::Mutex;
use serde_json::json;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use super::{bind, doing, findings};
use crate::on_both_with;
use crate::support::{Database, PASSWORD, Server, Setup, role_id};

on_both_with!(with_one_at_each_hook; whatever_a_plugin_refuses_or_changes_is_an_event);

fn with_one_at_each_hook(setup: &mut Setup) {
    let each = [
        ("hostile", "patch-protected"),
        ("wordlist", "behave"),
        ("scribe", "registered"),
        ("doorkeeper", "behave"),
        ("keymaster", "behave"),
    ];
    bind(setup, each.map(|(name, deed)| doing(name, deed, "")).concat());
}

async fn whatever_a_plugin_refuses_or_changes_is_an_event(server: Server) {
    let ada = server.person("ada@example.com").await;
    let bad = json!({ "email": "eve@example.com", "password": "the forbidden fruit" });
    server.post("/api/v1/auth/register", bad).await.refused(422, "plugin:wordlist/on-our-list");
    let path = format!("{}/invitations", server.organization(&ada, "acme").await);
    let invite = json!({ "email": "eve@evil.test", "role_id": role_id(SystemRole::Member) });
    server.post_as(&ada, &path, invite).await.refused(403, "plugin:doorkeeper/foreign-domain");
    let endless = json!({ "name": "k", "scopes": ["self:read"] });
    server.post_as(&ada, "/api/v1/auth/api-keys", endless).await.refused(403, "plugin:keymaster/no-end");
    let wish = json!({ "name": "k", "scopes": ["self:read", "self:write"], "expires_in_days": 300 });
    server.post_as(&ada, "/api/v1/auth/api-keys", wish).await.expect(201);

    let root = server.super_admin("root@example.com").await;
    let found = findings(&server, &root).await;
    let told: Vec<_> = found
        .iter()
        .flat_map(|(action, failure, told)| {
            let refused = failure.as_deref() == Some("plugin-refused");
            let each = told.as_array().expect("a list").iter();
            each.map(move |it| {
                assert_eq!(it["digest"].as_str().map(str::len), Some(64), "{it}");
                let text = |key: &str| it[key].as_str().unwrap_or_default().to_owned();
                (action.clone(), refused, text("plugin"), text("hook"), text("verdict"))
            })
        })
        .filter(|(action, ..)| action != "CreateAdministrator")
        .collect();
    let each = |(action, refused, plugin, hook, verdict): (&str, bool, &str, &str, &str)| {
        (action.to_owned(), refused, plugin.to_owned(), hook.to_owned(), verdict.to_owned())
    };
    let expected = [
        ("Register", false, "hostile", "registration.validate", "patch"),
        ("Register", false, "hostile", "registration.validate", "protected-field"),
        ("Login", false, "scribe", "token.claims", "claims"),
        ("Register", true, "wordlist", "password.policy", "deny"),
        ("CreateInvitation", true, "doorkeeper", "org.invite", "deny"),
        ("CreateApiKey", true, "keymaster", "apikey.issue", "deny"),
        ("CreateApiKey", false, "keymaster", "apikey.issue", "narrow"),
        // The administrator's own.
        ("Login", false, "scribe", "token.claims", "claims"),
    ]
    .map(each);
    assert_eq!(told, expected, "each once, in order, and nothing else");
}

/// The fields of each span `plugin_call`.
#[derive(Debug, Default, Clone)]
struct Spans(Arc<Mutex<BTreeMap<u64, BTreeMap<&'static str, String>>>>);

struct Fields<'a>(&'a mut BTreeMap<&'static str, String>);

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

impl<S: tracing::Subscriber> Layer<S> for Spans {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, _: Context<'_, S>) {
        if attributes.metadata().name() == "plugin_call" {
            let mut spans = self.0.lock();
            attributes.record(&mut Fields(spans.entry(id.into_u64()).or_default()));
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        if let Some(fields) = self.0.lock().get_mut(&id.into_u64()) {
            values.record(&mut Fields(fields));
        }
    }
}

#[tokio::test]
async fn each_call_is_one_span_with_plugin_digest_hook_outcome_time_and_memory() {
    for (deed, outcome, status) in [("proceed", "ok", 200), ("panic", "trap", 503)] {
        let mut setup = Setup::on(Database::Sqlite);
        bind(&mut setup, doing("gate", deed, ""));
        let server = Server::with(setup).await;
        server.register("ada@example.com").await;
        let spans = Spans::default();
        let guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(spans.clone()));
        let body = json!({ "email": "ada@example.com", "password": PASSWORD });
        assert_eq!(server.post("/api/v1/auth/login", body).await.status, status);
        drop(guard);
        let spans = spans.0.lock();
        let [fields] = spans.values().collect::<Vec<_>>()[..] else { panic!("{spans:?}") };
        let names: Vec<_> = fields.keys().copied().collect();
        assert_eq!(names, ["digest", "hook", "memory", "micros", "outcome", "plugin", "request_id"]);
        assert_eq!((&*fields["plugin"], &*fields["hook"]), ("gate", "login.authenticated"));
        assert_eq!((&*fields["outcome"], fields["digest"].len()), (outcome, 64));
        // A guest in Rust begins with more than a mebibyte, and no call takes no time.
        assert!(fields["memory"].parse::<usize>().unwrap() > 1 << 20, "{fields:?}");
        assert!(fields["micros"].parse::<u64>().unwrap() > 0, "{fields:?}");
    }
}
