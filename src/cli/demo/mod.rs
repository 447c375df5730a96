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
    // Ctrl-C must not leave the data behind: it goes with the stage.
    tokio::select! {
        // First, so that it listens before the long work begins.
        biased;
        _ = tokio::signal::ctrl_c() => Err("interrupted".into()),
        played = play(&config) => played,
    }
}

async fn play(config: &Config) -> Outcome {
    let began = Instant::now();
    let mut stage = Stage::set(config).await?;
    stage.teller.line(&format!(
        "a throw-away server on http://{}, with the policies in {} and the plugin `waitlist` in {}\n\
         → request  ← answer  = decision and the policies behind it; ids are shown as names, secrets as …",
        stage.address(),
        config.policies_dir.display(),
        config.plugins_dir.display(),
    ))?;
    let played = story::play(&mut stage).await;
    if played.is_ok() {
        let (steps, seconds) = (stage.steps(), began.elapsed().as_secs_f32());
        stage.teller.line(&format!("\nall {steps} steps went as announced, in {seconds:.1} s"))?;
    }
    stage.clear().await?;
    played
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(policies: &std::path::Path) -> Config {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut config = Config::without_file([]).expect("the defaults");
        config.policies_dir = policies.to_owned();
        config.plugins_dir = root.join("plugins");
        config
    }

    fn shipped() -> std::path::PathBuf {
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("policies")
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_story_is_true_of_the_shipped_policies() {
        let mut stage = Stage::set(&own(&shipped())).await.expect("a stage");
        story::play(&mut stage).await.expect("every step as announced");
        stage.clear().await.expect("a quiet end");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_step_that_a_policy_decides_otherwise_ends_the_story() {
        let folder = tempfile::tempdir().expect("a folder");
        for file in std::fs::read_dir(shipped()).expect("the policies").flatten() {
            if file.path().is_file() {
                let text = std::fs::read_to_string(file.path()).expect("a text");
                // Nobody may make an organization any more.
                let text =
                    text.replace("in Action::\"self:organizations\"", "== Action::\"ListOrganizations\"");
                std::fs::write(folder.path().join(file.file_name()), text).expect("a copy");
            }
        }
        let mut stage = Stage::set(&own(folder.path())).await.expect("a stage");
        let told = story::play(&mut stage).await.expect_err("the story cannot go on").to_string();
        assert!(told.contains("she makes an organization"), "{told}");
        assert!(told.contains("status: announced 201, got 403"), "{told}");
        assert!(told.contains("got CreateOrganization denied by []"), "{told}");
        stage.clear().await.expect("a quiet end");
    }
}
