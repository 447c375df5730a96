//! How many questions a second over HTTP, and what each costs: Palisade's release build beside a bare handler of the
//! same framework and, if its program is given, Cerbos with the same roles as policies of its own.
//!
//! Two connections, each with one request under way at a time; every answer is read and checked. CPU is that of the
//! server's process alone (`/proc/<pid>/stat`). All on loopback, about a minute in all.
//! Run: `scripts/bench-decisions`, or `cargo bench --bench load -- [--cerbos <program>] [--seconds <n>] [--only <word>]
//! [--people <n>]`, where `--only search` leaves out what has not this word in its name.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a benchmark that cannot begin may panic, and it prints"
)]

mod bare;
mod cerbos;
mod client;
mod palisade;
mod process;

use std::time::Duration;

use client::{Load, Ran};
use process::Process;

/// As the program itself has it, for the bare handler.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many people the organization has, if it is not said.
const PEOPLE: usize = 300;
/// How many projects it has.
const PROJECTS: usize = 10_000;
/// How many questions a batch holds.
const BATCH: usize = 20;
const CONNECTIONS: usize = 2;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let value = |name: &str| {
        let place = args.iter().position(|it| it == name)?;
        args.get(place + 1).cloned()
    };
    if args.iter().any(|it| it == bare::FLAG) {
        return bare::serve();
    }
    let seconds = value("--seconds").map_or(5, |text| text.parse().expect("a number of seconds"));
    let time = Duration::from_secs(seconds);
    let only = value("--only").unwrap_or_default();
    let people = value("--people").map_or(PEOPLE, |text| text.parse().expect("a number of people"));
    let show = |server: &str, loads: Vec<(&'static str, Load)>, process: &Process| {
        for (name, load) in loads.into_iter().filter(|(name, _)| name.contains(&only)) {
            show(server, name, &load, process, time);
        }
    };
    println!(
        "{CONNECTIONS} connections, {people} people, {PROJECTS} projects, {seconds} s each after 1 s of warming up\n"
    );
    println!(
        "{:<12} {:<34} {:>10} {:>12} {:>9} {:>9} {:>12} {:>12}",
        "server", "request", "requests/s", "questions/s", "p50 µs", "p99 µs", "CPU µs/req", "CPU µs/q"
    );

    let bare = bare::start();
    show("bare", bare::loads(people), &bare);
    drop(bare);

    let server = palisade::start(people);
    show("Palisade", palisade::loads(&server, people), &server.process);
    drop(server);

    match value("--cerbos") {
        None => println!("\nCerbos was not given: `--cerbos <program>`"),
        Some(program) => {
            let server = cerbos::start(&program);
            show("Cerbos", cerbos::loads(people), &server.process);
        }
    }
}

fn show(server: &str, name: &str, load: &Load, process: &Process, time: Duration) {
    load.run(process.address, CONNECTIONS, Duration::from_secs(1));
    let before = process.cpu();
    let Ran { took, mut latencies } = load.run(process.address, CONNECTIONS, time);
    let cpu = process.cpu().saturating_sub(before);
    latencies.sort_unstable();
    let requests = latencies.len();
    // The smallest latency that so many of a hundred do not exceed.
    let at = |share: usize| latencies[(requests * share).div_ceil(100).max(1) - 1].as_secs_f64() * 1e6;
    let rate = requests as f64 / took.as_secs_f64();
    let each = cpu.as_secs_f64() * 1e6 / requests as f64;
    let questions = load.questions as f64;
    println!(
        "{server:<12} {name:<34} {rate:>10.0} {:>12.0} {:>9.0} {:>9.0} {each:>12.1} {:>12.1}",
        rate * questions,
        at(50),
        at(99),
        each / questions
    );
}

/// What the same question is on every server.
#[derive(Clone, Copy)]
struct Asked {
    person: usize,
    project: usize,
    writes: bool,
}

impl Asked {
    /// Of every three people one is a viewer, one a member, one an admin; viewers do not write.
    fn is_yes(self) -> bool {
        !self.writes || role(self.person) != "viewer"
    }

    fn action(self) -> &'static str {
        if self.writes { "project:write" } else { "project:read" }
    }
}

fn role(person: usize) -> &'static str {
    ["viewer", "member", "admin"][person % 3]
}

fn project(number: usize) -> String {
    format!("project-{number:05}")
}

/// Some questions, the same in each run, spread over people and projects.
fn questions(count: usize, people: usize) -> impl Iterator<Item = Asked> {
    let step = |n: usize| n.wrapping_mul(2_654_435_761) % 4_294_967_296;
    (0..count).map(move |n| Asked {
        person: step(n + 1) % people,
        project: step(n + 7) / 3 % PROJECTS,
        writes: n.is_multiple_of(2),
    })
}
