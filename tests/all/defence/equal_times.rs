//! D39 by the clock: whether an address has an account cannot be told from how long the answer takes.
//!
//! Known and unknown addresses are asked in turns, so that a slow moment of the machine meets both, and their times
//! are compared by rank: of all pairs, in how many does the known one take longer (the statistic of Mann and Whitney)?
//! A half, if they are alike; a missing hash makes it all or none. A machine's noise must look like a leak three
//! times in a row, at odds of about one in thirty thousand each, to fail a test.

use std::time::{Duration, Instant};

use poem::http::Method;
use serde_json::{Value, json};

use crate::support::{Database, PASSWORD, Server, Setup};

const PAIRS: usize = 25;
/// Shares of pairs beyond this, either way, are told apart; 4.2 standard deviations of what chance does.
const ALIKE: f64 = 0.35;
/// Whoever can tell a difference smaller than this part of an answer needs more tries than limits allow.
const SMALL: f64 = 0.2;

/// How often a known one took longer than an unknown one, from 0 to 1; the median of each.
fn compared(known: &mut [Duration], unknown: &mut [Duration]) -> (f64, f64) {
    let longer = known.iter().flat_map(|k| unknown.iter().map(move |u| f64::from(u8::from(k > u))));
    let share = longer.sum::<f64>() / f64::from(u32::try_from(known.len() * unknown.len()).unwrap());
    known.sort_unstable();
    unknown.sort_unstable();
    let median = |times: &[Duration]| times[times.len() / 2].as_secs_f64();
    (share, median(known) / median(unknown))
}

/// `ask` makes the body for an address that is known, or for another one each time.
async fn takes_as_long(server: &Server, path: &str, ask: impl Fn(&str) -> Value) {
    let mut told = Vec::new();
    let mut next = 0;
    for _ in 0..3 {
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        for _ in 0..PAIRS {
            next += 1;
            for (email, times) in [
                ("ada@example.com".to_owned(), &mut known),
                (format!("nobody{next}@example.com"), &mut unknown),
            ] {
                let body = ask(&email);
                let begun = Instant::now();
                let answer = server.send(Method::POST, path, None, Some(&body)).await;
                times.push(begun.elapsed());
                assert!(matches!(answer.status, 200 | 201 | 401), "{}", answer.body);
            }
        }
        let (share, ratio) = compared(&mut known, &mut unknown);
        if (share - 0.5).abs() <= ALIKE || (ratio - 1.0).abs() <= SMALL {
            return;
        }
        told.push((share, ratio));
    }
    panic!("{path}: of all pairs the known one takes longer in, and medians are apart by: {told:?}");
}

async fn with_real_hashes() -> Server {
    let mut setup = Setup::on(Database::Sqlite);
    setup.settings.push(("PALISADE_HASHING_MEMORY_KIB", "19456".to_owned()));
    setup.settings.push(("PALISADE_HASHING_ITERATIONS", "2".to_owned()));
    let server = Server::with(setup).await;
    server.register("ada@example.com").await;
    server
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d39_signing_in_and_registering_take_as_long_for_known_and_unknown_addresses() {
    let server = with_real_hashes().await;
    let wrong = |email: &str| json!({ "email": email, "password": "not the password" });
    takes_as_long(&server, "/api/v1/auth/login", wrong).await;
    let wanted = |email: &str| json!({ "email": email, "password": PASSWORD });
    takes_as_long(&server, "/api/v1/auth/register", wanted).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d39_asking_for_letters_takes_as_long_for_known_and_unknown_addresses() {
    let server = with_real_hashes().await;
    for path in ["/api/v1/auth/forgot-password", "/api/v1/auth/resend-verification"] {
        takes_as_long(&server, path, |email| json!({ "email": email })).await;
    }
}

#[test]
fn alike_is_a_half_and_apart_is_all_or_none() {
    let times = |from: u64| (from..from + 25).map(Duration::from_millis).collect::<Vec<_>>();
    let (share, ratio) = compared(&mut times(100), &mut times(100));
    assert!((share - 0.48).abs() < 0.01 && (ratio - 1.0).abs() < f64::EPSILON, "{share} {ratio}");
    assert!(compared(&mut times(100), &mut times(10)).0 > 0.99);
    assert!(compared(&mut times(10), &mut times(100)).0 < 0.01);
}
