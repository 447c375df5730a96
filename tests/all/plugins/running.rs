//! Bad plugins, and how an operator lives with them.

use std::time::Duration;

use serde_json::json;

use super::{Upstream, bind, deliver_events, doing, findings};
use crate::support::{Database, PASSWORD, Server, Setup};
use crate::{on_both, on_both_with};

on_both_with!(with_traps_everywhere; f60_a_bad_plugin_on_every_hook_does_not_keep_an_administrator_out);
on_both_with!(
    with_a_no_from_everybody;
    f60_a_plugin_that_says_no_to_everybody_does_not_keep_an_administrator_out
);
on_both_with!(with_a_gate_in_monitor_mode; a_gate_in_monitor_mode_records_what_it_would_have_done);
on_both!(events_come_again_until_they_are_taken);

fn with_traps_everywhere(setup: &mut Setup) {
    let all =
        ["hostile", "gate", "scribe", "wordlist", "legacy", "postman", "tap", "doorkeeper", "keymaster"];
    bind(setup, all.map(|name| doing(name, "panic", "on_failure = \"closed\"")).concat());
}

async fn f60_a_bad_plugin_on_every_hook_does_not_keep_an_administrator_out(mut server: Server) {
    // The command line makes an administrator, who signs in and works, with every plugin broken.
    let root = server.super_admin("root@example.com").await;
    for _ in 0..6 {
        server.login("root@example.com").await;
    }
    server.get_as(&root, "/api/v1/auth/waitlist").await.expect(200);
    // And stays, though the plugin of the claims is asked again.
    server.post("/api/v1/auth/refresh", json!({ "refresh_token": root.refresh })).await.expect(200);
    // Others wait: the gate is closed without an answer.
    let eve = json!({ "email": "eve@example.com", "password": PASSWORD });
    assert_eq!(server.post("/api/v1/auth/register", eve.clone()).await.status, 503);
    // The safe mode starts without them, on the same data.
    server.config.safe_mode = true;
    let server = server.restarted().await;
    server.post("/api/v1/auth/register", eve).await.expect(201);
    server.login("eve@example.com").await;
}

fn with_a_no_from_everybody(setup: &mut Setup) {
    let each = [("gate", "deny"), ("wordlist", "tell"), ("doorkeeper", "behave"), ("keymaster", "behave")];
    bind(setup, each.map(|(name, deed)| doing(name, deed, "")).concat());
}

async fn f60_a_plugin_that_says_no_to_everybody_does_not_keep_an_administrator_out(server: Server) {
    let root = server.super_admin("root@example.com").await;
    server.login("root@example.com").await;
    let found = findings(&server, &root).await;
    let (action, failure, told) = &found[0];
    assert_eq!((action.as_str(), failure), ("Login", &None));
    assert_eq!((&told[0]["verdict"], &told[0]["would_have"]), (&json!("deny"), &json!(true)));
    // A policy is what holds for administrators too.
    let suspend = format!("/api/v1/users/{}/suspend", root.id);
    let other = server.super_admin("other@example.com").await;
    server.post_as(&other, &suspend, json!({})).await.expect(200);
    let body = json!({ "email": "root@example.com", "password": PASSWORD });
    server.post("/api/v1/auth/login", body).await.refused(403, "account-suspended");
}

fn with_a_gate_in_monitor_mode(setup: &mut Setup) {
    bind(setup, doing("gate", "deny", "monitor = true"));
}

async fn a_gate_in_monitor_mode_records_what_it_would_have_done(server: Server) {
    server.register("ada@example.com").await;
    server.login("ada@example.com").await;
    let root = server.super_admin("root@example.com").await;
    let found = findings(&server, &root).await;
    assert_eq!(found.len(), 2, "{found:?}");
    let (action, failure, told) = &found[0];
    assert_eq!((action.as_str(), failure), ("Login", &None));
    assert_eq!((&told[0]["verdict"], &told[0]["would_have"]), (&json!("deny"), &json!(true)));
}

async fn events_come_again_until_they_are_taken(first: Server) {
    let database = if first.config.database_url().expose().starts_with("sqlite") {
        Database::Sqlite
    } else {
        Database::postgres().expect("it is there")
    };
    let events = Upstream::saying_ok().await;
    let mut setup = Setup::on(database);
    let grant = format!("grants.internal_http = [\"{}\"]", events.origin());
    bind(&mut setup, format!("{}url = \"{}\"\n", doing("tap", "first-only", &grant), events.origin()));
    let mut server = Server::with(setup).await;
    deliver_events(&server).await;
    for email in ["a@example.com", "b@example.com", "c@example.com"] {
        server.register(email).await;
    }
    // It takes one at a time, and so hears each once, in order.
    assert_eq!(deliver_events(&server).await, 3);
    let heard: Vec<_> =
        events.heard().iter().map(|text| text.lines().last().unwrap_or_default().to_owned()).collect();
    assert_eq!(heard, ["1", "2", "3"]);

    // One that cannot take any keeps its place, and is asked again later.
    let file = server.folder.path().join("palisade.toml");
    let config = |text: String| {
        std::fs::write(&file, text).expect("it can be written");
        palisade::config::Config::load(
            Some(&file),
            [
                ("PALISADE_DATA_DIR", server.folder.path().display().to_string()),
                ("PALISADE_DATABASE_URL", server.config.database_url().expose().to_owned()),
                ("PALISADE_PUBLIC_URL", "http://palisade.test".to_owned()),
                ("PALISADE_POLICIES_DIR", server.config.policies_dir.display().to_string()),
                ("PALISADE_PLUGINS_DIR", server.config.plugins_dir.display().to_string()),
                ("PALISADE_HASHING_MEMORY_KIB", "8".to_owned()),
                ("PALISADE_HASHING_ITERATIONS", "1".to_owned()),
                ("PALISADE_RATE_LIMITS_ENABLED", "false".to_owned()),
            ]
            .map(|(name, text)| (name.to_owned(), text)),
        )
        .expect("the settings are right")
    };
    let (broken, mended) = (
        config(doing("tap", "panic", &grant)),
        config(format!("{}url = \"{}\"\n", doing("tap", "behave", &grant), events.origin())),
    );
    server.config = broken;
    let mut server = server.restarted().await;
    server.register("d@example.com").await;
    assert_eq!(deliver_events(&server).await, 0);
    server.config = mended;
    let server = server.restarted().await;
    assert_eq!(deliver_events(&server).await, 0, "not before its time");
    server.advance(Duration::from_secs(6));
    assert_eq!(deliver_events(&server).await, 1);
    assert_eq!(
        events.heard().last().and_then(|text| text.lines().last().map(str::to_owned)).unwrap(),
        "4 Register true"
    );
}
