//! `palisade demo`: the main story on a server of its own, each step held against what it announces.
//!
//! Owns: the story. May import: every floor. Must never: touch the operator's data, or print what did not happen.
//! Read next: `story.rs` as a tour of the API; then `stage.rs`.

mod stage;
mod step;
mod story;
mod tell;
mod witness;

use std::time::Instant;

use stage::Stage;

use super::Outcome;
use crate::config::Config;
use crate::telemetry;

pub(super) async fn run(config: Config) -> Outcome {
    telemetry::start("warn", config.log_format)?;
    let began = Instant::now();
    let mut stage = Stage::set(&config).await?;
    stage.teller.line(&format!(
        "a throw-away server on http://{}, with the policies in {} and the plugin `waitlist` in {}\n\
         → request  ← answer  = decision and the policies behind it; ids are shown as names, secrets as …",
        stage.address(),
        config.policies_dir.display(),
        config.plugins_dir.display(),
    ))?;
    // Ctrl-C must not leave the data behind, so the story ends and the stage is cleared.
    let played = tokio::select! {
        played = story::play(&mut stage) => played,
        _ = tokio::signal::ctrl_c() => Err("interrupted".into()),
    };
    let steps = stage.steps();
    if played.is_ok() {
        let seconds = began.elapsed().as_secs_f32();
        stage.teller.line(&format!("\nall {steps} steps went as announced, in {seconds:.1} s"))?;
    }
    stage.clear().await?;
    played
}
