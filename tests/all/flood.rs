//! D43: what two hundred sign-ins at once do to the built program.
//!
//! They cost at most the memory of so many hashes as there are cores, the rest wait or are told to come back, and
//! everybody else is served meanwhile.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::process::{Child, Place};

const LOGINS: usize = 200;
/// In KiB.
const MOST_MEMORY: u64 = 300 * 1024;
/// How many hashes may be finished, on average, while somebody else waits for one small answer. On a server whose
/// threads hash, an answer waits for all that stand before it: 64 and more. It counts hashes and not seconds, so a slow
/// machine is no failure.
const OVERTAKEN: usize = 12;

/// How often each status and code was the answer.
async fn flood(server: &Child, client: &reqwest::Client) -> BTreeMap<(u16, String), usize> {
    let login = async |n: usize| {
        let body = json!({ "email": format!("nobody{n}@example.com"), "password": "correct horse battery" });
        let answer =
            client.post(format!("{}/api/v1/auth/login", server.url)).json(&body).send().await.unwrap();
        let status = answer.status().as_u16();
        if status == 429 {
            let wait: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
            assert!(wait >= 1);
        }
        let problem: Value = answer.json().await.unwrap();
        (status, problem["code"].as_str().unwrap().to_owned())
    };
    let mut told = BTreeMap::new();
    for answer in join_all((0..LOGINS).map(login)).await {
        *told.entry(answer).or_default() += 1;
    }
    told
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

#[cfg(target_os = "linux")]
fn most_memory(server: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.process.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d43_two_hundred_logins_at_once_take_bounded_memory_and_stall_nobody() {
    let place = Place::on_sqlite().await;
    let place = place.set("PALISADE_HASHING_MEMORY_KIB", "19456").set("PALISADE_HASHING_ITERATIONS", "2");
    let server = place.serve();
    let (client, other) = (client(), client());
    let over = AtomicBool::new(false);
    let flooding = async {
        let told = flood(&server, &client).await;
        over.store(true, Ordering::SeqCst);
        told
    };
    let health = async {
        let mut answers = 0;
        while !over.load(Ordering::SeqCst) {
            let answer = other.get(format!("{}/readyz", server.url)).send().await.unwrap();
            assert_eq!(answer.status(), 200);
            answers += 1;
        }
        answers
    };
    let (told, answers) = tokio::join!(flooding, health);
    let looked_at = told.get(&(401, "invalid-credentials".to_owned())).copied().unwrap_or_default();
    let turned_away = told.get(&(429, "too-many-passwords".to_owned())).copied().unwrap_or_default();
    assert_eq!(looked_at + turned_away, LOGINS, "{told:?}");
    assert!(looked_at > 0 && turned_away > 0, "{told:?}");
    assert!(answers >= looked_at / OVERTAKEN, "{answers} others were answered while {looked_at} were hashed");
    let memory = most_memory(&server);
    println!("at most {memory} KiB; {looked_at} passwords looked at, {answers} others answered meanwhile");
    assert!(memory < MOST_MEMORY, "{memory} KiB");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d42_one_network_gets_thirty_passwords_looked_at_and_no_more() {
    let place = Place::on_sqlite().await.set("PALISADE_RATE_LIMITS_ENABLED", "true");
    let place = place.set("PALISADE_HASHING_QUEUE", "1000").set("PALISADE_RATE_LIMITS_LOGIN", "30/24h");
    let server = place.serve();
    let told = flood(&server, &client()).await;
    let looked_at = (401, "invalid-credentials".to_owned());
    let turned_away = (429, "rate-limited".to_owned());
    assert_eq!(told, BTreeMap::from([(looked_at, 30), (turned_away, LOGINS - 30)]));
}
