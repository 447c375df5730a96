//! `palisade plugin`: for authors of plugins, and for looking at them.

mod bench;
mod build;
mod input;
mod inspect;
mod list;
mod mock;
mod new;
mod parts;
mod run;
mod trial;
mod worlds;

use std::fmt;
use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

use super::{Outcome, within_runtime};
use crate::config::{Config, ConfigError};

#[derive(Debug, Subcommand)]
pub(super) enum PluginCommand {
    /// Make a project that builds and tests with two commands
    New {
        /// The folder to make; its name is the plugin's id
        folder: PathBuf,
        #[arg(long, value_enum)]
        lang: Language,
        /// Which hook it is asked at and what it may do there; a wrong one is told all there are
        #[arg(long, default_value = "registration-policy")]
        world: String,
    },
    /// Build the component of a plugin's folder
    Build {
        #[arg(default_value = ".")]
        folder: PathBuf,
    },
    /// Tell what a plugin is and asks for, without running it
    Inspect {
        /// A plugin's folder, or a component
        #[arg(default_value = ".")]
        path: PathBuf,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Call a plugin once, on the code that the server runs, and show what came of it as JSON
    ///
    /// Takes the hooks that the server asks; the exit code is 1 if there is no answer.
    Run(trial::TrialArgs),
    /// Tell what a call costs
    Bench {
        #[command(flatten)]
        trial: trial::TrialArgs,
        /// How often it is called
        #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
        calls: u32,
    },
    /// Show what the configuration binds, with digests, and whether it loads
    List,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Language {
    Rust,
    Js,
    Python,
}

impl Language {
    /// The command that runs the plugin's own tests.
    const fn test(self) -> &'static str {
        match self {
            Self::Rust => "cargo test",
            Self::Js => "npm test",
            Self::Python => "python3 -m unittest",
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rust => "rust",
            Self::Js => "js",
            Self::Python => "python",
        })
    }
}

pub(super) fn run(command: &PluginCommand, config: impl FnOnce() -> Result<Config, ConfigError>) -> Outcome {
    match command {
        PluginCommand::New { folder, lang, world } => new::make(folder, *lang, world),
        PluginCommand::Build { folder } => build::build(folder),
        PluginCommand::Inspect { path, json } => inspect::inspect(path, *json),
        PluginCommand::Run(trial) => within_runtime(run::run(trial)),
        PluginCommand::Bench { trial, calls } => within_runtime(bench::run(trial, *calls)),
        PluginCommand::List => within_runtime(list::run(config()?)),
    }
}
