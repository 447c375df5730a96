//! A new signing key is known before it signs, and an old one until its last token is over, on every node.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use palisade::app::{ANNOUNCE, App, Begin, KeyInfo, KeyState};
use palisade::cli::wire::{self, World};
use palisade::domain::OsRandom;
use palisade::guard::actions::{ListSigningKeys, RotateSigningKeys, VerifyEvents};
use palisade::guard::{DecisionLog, Principal};
use serde_json::{Value, json};

use crate::support::{Server, Setup};
use crate::{on_both, on_both_with};

on_both!(
    a_new_key_signs_an_hour_after_it_was_published_and_the_old_one_verifies_its_last_token,
    a_second_announcement_is_refused_while_one_stands,
    a_running_node_takes_up_what_another_rotated,
    the_calendar_makes_one_key_however_many_nodes_look,
    a_leaked_key_is_dead_everywhere_and_clients_go_on,
    each_rotation_is_an_event,
);
on_both_with!(never; without_a_calendar_only_the_command_rotates);

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// The tokens of a key live 15 minutes, and clocks are 5 apart at most.
const OVER: Duration = Duration::from_secs(20 * 60);

fn cli() -> Principal {
    Principal::system("cli", "test".to_owned())
}

async fn rotate(app: &App, begin: Begin) -> KeyInfo {
    let caller = cli();
    let ok = app.authorize(&caller, RotateSigningKeys {}).await.unwrap();
    app.rotate_signing_keys(&ok, begin).await.unwrap()
}

async fn list(app: &App) -> Vec<KeyInfo> {
    let caller = cli();
    let ok = app.authorize(&caller, ListSigningKeys {}).await.unwrap();
    app.list_signing_keys(&ok).await.unwrap()
}

/// Another process on the same database.
async fn another_node(server: &Server) -> App {
    let world =
        World { clock: server.clock.clone(), random: Arc::new(OsRandom), recorder: Arc::new(DecisionLog) };
    wire::app(&server.config, None, world).await.expect("a second node starts")
}

/// The names of the published keys.
async fn published(server: &Server) -> Vec<String> {
    let set = server.get("/.well-known/jwks.json").await.expect(200);
    let keys = set["keys"].as_array().unwrap();
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

/// The key that a token names.
fn kid(token: &str) -> String {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    serde_json::from_slice::<Value>(&header).unwrap()["kid"].as_str().unwrap().to_owned()
}

async fn a_new_key_signs_an_hour_after_it_was_published_and_the_old_one_verifies_its_last_token(
    server: Server,
) {
    let ada = server.person("ada@example.com").await;
    let old = kid(&ada.access);
    assert_eq!(published(&server).await, [old.as_str()]);
    let new = rotate(&server.app, Begin::Announced).await.kid;
    assert_eq!(published(&server).await, [new.as_str(), old.as_str()]);

    server.advance(ANNOUNCE - Duration::from_secs(1));
    let last = server.login("ada@example.com").await;
    assert_eq!(kid(&last.access), old);
    server.advance(Duration::from_secs(1));
    assert_eq!(kid(&server.login("ada@example.com").await.access), new);
    server.get_as(&last, "/api/v1/auth/me").await.expect(200);
    assert_eq!(published(&server).await, [new.as_str(), old.as_str()]);

    server.advance(OVER);
    assert_eq!(published(&server).await, [new.as_str()]);
    assert_eq!(list(&server.app).await[1].state, KeyState::Over);
    server.app.keep_signing_keys().await.unwrap();
    let left = list(&server.app).await;
    assert_eq!((left.len(), &left[0].kid, left[0].state), (1, &new, KeyState::Signing));
}

async fn a_second_announcement_is_refused_while_one_stands(server: Server) {
    rotate(&server.app, Begin::Announced).await;
    let caller = cli();
    let ok = server.app.authorize(&caller, RotateSigningKeys {}).await.unwrap();
    let again = server.app.rotate_signing_keys(&ok, Begin::Announced).await.unwrap_err();
    assert!(matches!(again, palisade::app::Error::Conflict { code: "key-announced", .. }), "{again:?}");
    assert_eq!(list(&server.app).await.len(), 2);
    server.advance(ANNOUNCE);
    rotate(&server.app, Begin::Announced).await;
}

async fn a_running_node_takes_up_what_another_rotated(server: Server) {
    let ada = server.person("ada@example.com").await;
    let other = another_node(&server).await;
    let new = rotate(&other, Begin::Soon).await;
    assert!(!published(&server).await.contains(&new.kid));
    server.app.keep_signing_keys().await.unwrap();
    assert!(published(&server).await.contains(&new.kid));
    assert_eq!(kid(&server.login("ada@example.com").await.access), kid(&ada.access));
    server.advance(Duration::from_secs(120));
    assert_eq!(kid(&server.login("ada@example.com").await.access), new.kid);
    server.get_as(&ada, "/api/v1/auth/me").await.expect(200);
    other.close().await;
}

async fn the_calendar_makes_one_key_however_many_nodes_look(server: Server) {
    let other = another_node(&server).await;
    let first = published(&server).await;
    server.advance(90 * DAY - ANNOUNCE - Duration::from_secs(1));
    server.app.keep_signing_keys().await.unwrap();
    assert_eq!(list(&server.app).await.len(), 1);
    server.advance(Duration::from_secs(1));
    let nodes: [&App; 2] = [&server.app, &other];
    let looks = (0..8).map(|at| nodes[at % 2].keep_signing_keys());
    for looked in futures_util::future::join_all(looks).await {
        looked.unwrap();
    }
    let keys = list(&server.app).await;
    assert_eq!((keys.len(), keys[0].state, keys[1].state), (2, KeyState::Announced, KeyState::Signing));
    server.advance(ANNOUNCE + OVER);
    server.app.keep_signing_keys().await.unwrap();
    assert_eq!(published(&server).await, [keys[0].kid.as_str()]);
    assert_ne!(first, published(&server).await);
    other.close().await;
}

async fn a_leaked_key_is_dead_everywhere_and_clients_go_on(server: Server) {
    let ada = server.person("ada@example.com").await;
    server.get_as(&ada, "/api/v1/auth/me").await.expect(200);
    let other = another_node(&server).await;
    let new = rotate(&other, Begin::AloneAtOnce).await;
    server.app.keep_signing_keys().await.unwrap();
    assert_eq!(published(&server).await, [new.kid.as_str()]);
    server.get_as(&ada, "/api/v1/auth/me").await.refused(401, "token-invalid");
    let refreshed =
        server.post("/api/v1/auth/refresh", json!({ "refresh_token": ada.refresh })).await.expect(200);
    assert_eq!(kid(refreshed["access_token"].as_str().unwrap()), new.kid);
    other.close().await;
}

async fn each_rotation_is_an_event(server: Server) {
    let old = published(&server).await.remove(0);
    let new = rotate(&server.app, Begin::AloneAtOnce).await;
    server.advance(90 * DAY);
    server.app.keep_signing_keys().await.unwrap();
    let caller = cli();
    let ok = server.app.authorize(&caller, VerifyEvents {}).await.unwrap();
    let events = server.app.export_events(&ok, 0).await.unwrap();
    let told: Vec<_> = events.iter().map(|event| (event.action.as_str(), event.principal.as_str())).collect();
    let rotation = "RotateSigningKeys";
    assert_eq!(told, [(rotation, "System::\"cli\""), (rotation, "System::\"signing-keys\"")]);
    assert_eq!((&events[0].details["key"], &events[0].details["dropped"]), (&json!(new.kid), &json!([old])));
    assert_eq!(events[1].details["key"], json!(list(&server.app).await[0].kid));
}

fn never(setup: &mut Setup) {
    setup.settings.push(("PALISADE_SIGNING_KEY_ROTATION_DAYS", "0".to_owned()));
}

async fn without_a_calendar_only_the_command_rotates(server: Server) {
    server.advance(4_000 * DAY);
    server.app.keep_signing_keys().await.unwrap();
    assert_eq!(list(&server.app).await.len(), 1);
    rotate(&server.app, Begin::Announced).await;
    assert_eq!(list(&server.app).await.len(), 2);
}
