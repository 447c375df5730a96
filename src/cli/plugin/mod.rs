//! `palisade plugin`: for authors of plugins, and for looking at them.

mod build;
mod inspect;
mod new;
mod parts;
mod worlds;

use std::fmt;
use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

use super::Outcome;

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

pub(super) fn run(command: &PluginCommand) -> Outcome {
    match command {
        PluginCommand::New { folder, lang, world } => new::make(folder, *lang, world),
        PluginCommand::Build { folder } => build::build(folder),
        PluginCommand::Inspect { path, json } => inspect::inspect(path, *json),
    }
}
