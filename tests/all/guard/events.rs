//! Every operation that changes something leaves an event of its name, and does not happen without one.

use poem::http::Method;

use super::requests::{Persona, Request, Row, World, rows};
use crate::openapi::{Operation, operations};
use crate::support::{Database, Server};

/// What changes nothing or nothing that anybody would look for, or is asked elsewhere; each with its reason.
const WITHOUT_AN_EVENT: [(&str, &str); 20] = [
    ("check_password_strength", "keeps nothing"),
    ("introspect_token", "changes nothing"),
    ("evaluate", "changes nothing; the log of decisions has it"),
    ("evaluations", "changes nothing; the log of decisions has it"),
    ("explain_decision", "changes nothing; the log of decisions has it"),
    ("search_subjects", "changes nothing"),
    ("search_resources", "changes nothing"),
    ("search_actions", "changes nothing"),
    ("refresh_session", "happens every quarter of an hour to everybody; its misuse leaves one"),
    ("resend_verification", "only a request: the letter leaves one, if there is a letter"),
    ("forgot_password", "only a request: the letter leaves one, if there is a letter"),
    ("return_by_form", "keeps nothing: coming back leaves one"),
    ("exchange_code", "needs a code: `a_sign_in_by_a_provider_leaves_an_event_or_does_not_happen`"),
    ("install_plugin", "needs a plugin: `each_step_of_a_plugin_leaves_an_event_or_does_not_happen`"),
    ("grant_plugin", "needs a plugin: `each_step_of_a_plugin_leaves_an_event_or_does_not_happen`"),
    ("enable_plugin", "needs a plugin: `each_step_of_a_plugin_leaves_an_event_or_does_not_happen`"),
    ("disable_plugin", "needs a plugin: `each_step_of_a_plugin_leaves_an_event_or_does_not_happen`"),
    ("record_plugin", "needs a plugin: `each_step_of_a_recording_leaves_an_event_or_does_not_happen`"),
    (
        "forget_plugin_recording",
        "needs a plugin: `each_step_of_a_recording_leaves_an_event_or_does_not_happen`",
    ),
    ("retry_message", "needs a letter that was given up: `tests/all/mail/dead.rs`"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_change_leaves_an_event_and_none_happens_without_on_sqlite() {
    every_change_leaves_an_event_and_none_happens_without(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_change_leaves_an_event_and_none_happens_without_on_postgres() {
    if let Some(database) = Database::postgres() {
        every_change_leaves_an_event_and_none_happens_without(database).await;
    }
}

async fn every_change_leaves_an_event_and_none_happens_without(database: Database) {
    let world = World::begin(database).await;
    let mut operations: Vec<_> = operations().into_iter().filter(changes).collect();
    // It lets everybody in who waits, so it is asked last.
    operations.sort_by_key(|operation| operation.id == "approve_all_registrations");
    let (mut silent, mut late, mut never) = (Vec::new(), Vec::new(), Vec::new());
    for operation in &operations {
        let outcome = played(&world, operation).await;
        match outcome {
            Outcome::NeverAllowed => never.push(&operation.id),
            Outcome::Silent => silent.push(&operation.id),
            Outcome::ChangedWithoutEvent => late.push(&operation.id),
            Outcome::Told => {}
        }
    }
    assert!(silent.is_empty(), "leave no event: {silent:?}");
    assert!(late.is_empty(), "change something though their event cannot be written: {late:?}");
    assert!(never.is_empty(), "succeed for nobody in the table, so nothing is known of them: {never:?}");
}

fn changes(operation: &Operation) -> bool {
    let excused = WITHOUT_AN_EVENT.iter().any(|(id, _)| *id == operation.id);
    operation.method != Method::GET && !excused
}

enum Outcome {
    NeverAllowed,
    Silent,
    ChangedWithoutEvent,
    Told,
}

/// Finds a row and a persona for whom the operation works, asks it once with events and once while none can be
/// written.
async fn played(world: &World, operation: &Operation) -> Outcome {
    let action = operation.document["x-cedar-action"].as_str().unwrap();
    let told = format!("SELECT COUNT(*) FROM events WHERE action = '{action}' AND failure IS NULL");
    for row in rows().filter(|row| row.operation == operation.id) {
        for persona in world.personas.iter().rev() {
            // The one on the waitlist is let in by some rows: not a stable witness.
            if persona.name == "waitlisted" {
                continue;
            }
            let request = asked(world, row, persona).await;
            let before = world.server.count(&told).await;
            let answer = request.send(&world.server, operation, persona).await;
            if !(200..300).contains(&answer.status) {
                continue;
            }
            if world.server.count(&told).await == before {
                return Outcome::Silent;
            }
            let request = asked(world, row, persona).await;
            let rows = digest(&world.server).await;
            world.server.forbid_events(true).await;
            let answer = request.send(&world.server, operation, persona).await;
            world.server.forbid_events(false).await;
            let unchanged = digest(&world.server).await == rows;
            return if answer.status >= 500 && unchanged {
                Outcome::Told
            } else {
                Outcome::ChangedWithoutEvent
            };
        }
    }
    Outcome::NeverAllowed
}

/// The row's request, about something that it changes where the row's would be done already.
async fn asked(world: &World, row: &Row, persona: &Persona) -> Request {
    let request = (row.ask)(world, persona).await;
    if matches!(row.operation, "approve_registration" | "approve_all_registrations") {
        let email =
            format!("waiting-{}@elsewhere.example", world.server.count("SELECT COUNT(*) FROM users").await);
        let waiting = world.server.register(&email).await["id"].as_str().unwrap().to_owned();
        let path = request.path.iter().map(|(name, _)| (*name, waiting.clone())).collect();
        return Request { path, ..request };
    }
    match &persona.person {
        Some(person) if row.operation == "revoke_token" && persona.name != "suspended" => {
            let spare = world.server.login(&person.email).await;
            Request { form: Some(format!("token={}", spare.refresh)), ..request }
        }
        _ => request,
    }
}

/// Everything that is in the tables.
async fn digest(server: &Server) -> Vec<String> {
    let mut rows = Vec::new();
    for table in server.tables().await {
        rows.push(format!("{table}: {}", server.rows_of(&table).await));
    }
    rows
}
