//! D39: whether an address has an account cannot be told from a body, a code, the work done or the time taken.
//!
//! The work is counted exactly: hashes computed and statements run. That is what time is made of here, and it does not
//! depend on what else the machine does. One test measures time too, with bounds so wide that it fails only when a
//! whole hash is missing, which is what such a leak looks like.

use std::time::{Duration, Instant};

use palisade::app::Work;
use serde_json::{Value, json};

use crate::support::{Answer, Database, PASSWORD, Server, Setup};
use crate::{on_both, on_both_with};

on_both!(
    d39_a_login_does_the_same_work_and_answers_alike,
    d39_a_registration_does_the_same_work_and_answers_alike,
);
on_both_with!(everybody_waits; d39_a_registration_that_waits_does_the_same_work);

fn everybody_waits(setup: &mut Setup) {
    setup.plugins = "[[plugins]]\nname = \"waitlist\"\n";
}

const LOGIN: &str = "/api/v1/auth/login";
const REGISTER: &str = "/api/v1/auth/register";

async fn work(server: &Server, path: &str, body: Value) -> (Answer, Work) {
    let before = server.app.work();
    let answer = server.post(path, body).await;
    let after = server.app.work();
    let work =
        Work { hashes: after.hashes - before.hashes, statements: after.statements - before.statements };
    (answer, work)
}

/// The answer without what differs from one request to the next.
fn likeness(answer: &Answer) -> (u16, Vec<String>, Value) {
    let mut body = answer.body.clone();
    for key in ["id", "email", "request_id", "created_at", "updated_at"] {
        if let Some(value) = body.get_mut(key) {
            *value = json!("…");
        }
    }
    let mut headers: Vec<_> = answer.headers.keys().map(ToString::to_string).collect();
    headers.sort();
    (answer.status, headers, body)
}

async fn d39_a_login_does_the_same_work_and_answers_alike(server: Server) {
    server.register("ada@example.com").await;
    let try_as = |email: &str| json!({ "email": email, "password": "not the password" });
    let (known, work_known) = work(&server, LOGIN, try_as("ada@example.com")).await;
    let (unknown, work_unknown) = work(&server, LOGIN, try_as("eve@example.com")).await;
    assert_eq!(likeness(&known), likeness(&unknown));
    assert_eq!(work_known, work_unknown);
    assert_eq!(work_known.hashes, 1);
    known.refused(401, "invalid-credentials");
}

async fn d39_a_registration_does_the_same_work_and_answers_alike(server: Server) {
    server.register("ada@example.com").await;
    server.mails().await;
    let ask_for = |email: &str| json!({ "email": email, "password": PASSWORD, "full_name": "Somebody", "department": "X" });
    let (known, work_known) = work(&server, REGISTER, ask_for("ada@example.com")).await;
    let (unknown, work_unknown) = work(&server, REGISTER, ask_for("eve@example.com")).await;
    assert_eq!(likeness(&known), likeness(&unknown));
    assert_eq!(work_known, work_unknown);
    assert_eq!(work_known.hashes, 1);
    known.expect(201);
    // Each has a letter; the one to the owner does not greet them by a name that a stranger made up.
    assert_eq!(server.mails().await.len(), 3);
    assert!(!server.last_mail("ada@example.com").await.text.contains("Somebody"));
}

async fn d39_a_registration_that_waits_does_the_same_work(server: Server) {
    server.register("ada@example.com").await;
    let ask_for = |email: &str| json!({ "email": email, "password": PASSWORD });
    let (known, work_known) = work(&server, REGISTER, ask_for("ada@example.com")).await;
    let (unknown, work_unknown) = work(&server, REGISTER, ask_for("eve@example.com")).await;
    assert_eq!(known.body["waitlist_status"], "pending", "{}", known.body);
    assert_eq!(likeness(&known), likeness(&unknown));
    assert_eq!(work_known, work_unknown);
}

/// Real hashes, in turns so that a slow moment of the machine meets both. An answer without its hash takes a tenth of
/// the time, so a ratio of the medians between 2/3 and 3/2 tells a leak from noise; noise gets three chances.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d39_a_login_takes_as_long_without_an_account() {
    let mut setup = Setup::on(Database::Sqlite);
    setup.settings.push(("PALISADE_HASHING_MEMORY_KIB", "19456".to_owned()));
    setup.settings.push(("PALISADE_HASHING_ITERATIONS", "2".to_owned()));
    let server = Server::with(setup).await;
    server.register("ada@example.com").await;
    let time = async |email: &str| {
        let begun = Instant::now();
        server.post(LOGIN, json!({ "email": email, "password": "not the password" })).await.expect(401);
        begun.elapsed()
    };
    let mut ratios = Vec::new();
    for _ in 0..3 {
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        for _ in 0..11 {
            known.push(time("ada@example.com").await);
            unknown.push(time("eve@example.com").await);
        }
        let ratio = median(known).as_secs_f64() / median(unknown).as_secs_f64();
        if (2.0 / 3.0..=1.5).contains(&ratio) {
            return;
        }
        ratios.push(ratio);
    }
    panic!("a known address takes {ratios:?} times as long as an unknown one");
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
