//! `palisade plugin bench`: what a call costs, one after the other.

use std::time::{Duration, Instant};

use super::Outcome;
use super::trial::{Trial, TrialArgs};

#[expect(clippy::print_stdout, reason = "the figures are the output")]
pub(super) async fn run(args: &TrialArgs, calls: u32) -> Outcome {
    let begin = Instant::now();
    let trial = Trial::prepare(args).await?;
    let load = begin.elapsed();
    // The first call meets cold caches; it is told apart.
    let begin = Instant::now();
    if let Some(why) = trial.ask().await?.missing {
        return Err(format!("the plugin has no answer: {why}").into());
    }
    let first = begin.elapsed();
    let mut times = Vec::new();
    for _ in 0..calls {
        let begin = Instant::now();
        trial.ask().await?;
        times.push(begin.elapsed());
        trial.host.sent();
    }
    times.sort_unstable();
    let at =
        |share: usize| times.get(times.len().saturating_sub(1) * share / 100).copied().unwrap_or_default();
    println!("load       {}", told(load));
    println!("first call {}", told(first));
    println!(
        "{calls} calls: p50 {}, p90 {}, p99 {}, longest {}",
        told(at(50)),
        told(at(90)),
        told(at(99)),
        told(at(100))
    );
    Ok(())
}

fn told(time: Duration) -> String {
    match time.as_micros() {
        micros if micros < 10_000 => format!("{micros} µs"),
        micros => format!("{} ms", micros / 1000),
    }
}
