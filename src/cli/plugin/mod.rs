//! `palisade plugin`: for authors of plugins, for looking at them, and for running servers.

mod bench;
mod build;
mod input;
mod inspect;
mod list;
mod manage;
mod mock;
mod new;
mod oci;
mod parts;
mod run;
mod server;
mod stage;
mod trial;
mod worlds;

use std::fmt;
use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

use self::server::{Server, ServerArgs};
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
    /// Takes the hooks that the server asks; the exit code is 1 if there is no answer. With a recording as input, calls it
    /// for each input of it and shows where the outcome differs; the exit code is 1 if one does.
    Run {
        #[command(flatten)]
        trial: trial::TrialArgs,
        /// Another build's folder: the outcome is held against that build's on the same input, not against the recorded one
        #[arg(long, value_name = "FOLDER")]
        against: Option<PathBuf>,
    },
    /// Tell what a call costs
    Bench {
        #[command(flatten)]
        trial: trial::TrialArgs,
        /// How often it is called
        #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
        calls: u32,
    },
    /// Show what the configuration binds, with digests, and whether it loads
    List {
        /// What a running server has, instead
        #[arg(long)]
        running: bool,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Bring a plugin into the plugins' folder, show what it asks for, and have a running server take it up
    ///
    /// The folder is this machine's, as the configuration names it. The plugin gets nothing of what it asks for and is not
    /// asked before it is enabled. If the server does not take it, the folder is as before.
    Install {
        #[command(flatten)]
        args: manage::InstallArgs,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Say what an installed plugin gets of what it asks for; what is left out it does not get
    Grant {
        #[command(flatten)]
        args: manage::GrantArgs,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Have an installed plugin asked
    Enable {
        #[arg(value_parser = manage::id)]
        plugin: String,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Have an installed plugin asked no more
    Disable {
        #[arg(value_parser = manage::id)]
        plugin: String,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Record what a plugin of a running server is told from now on, masked, for `run --input`
    Record {
        #[command(flatten)]
        args: manage::RecordArgs,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Show what was recorded, as JSON
    Recording {
        #[arg(value_parser = manage::id)]
        plugin: String,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// End a recording and forget it
    Forget {
        #[arg(value_parser = manage::id)]
        plugin: String,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Show what a plugin of a running server said of late, and how its calls failed
    Logs {
        #[arg(value_parser = manage::id)]
        plugin: String,
        #[command(flatten)]
        server: ServerArgs,
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

pub(super) fn run(command: &PluginCommand, config: impl Fn() -> Result<Config, ConfigError>) -> Outcome {
    let named = |args| Server::named(args, &config);
    match command {
        PluginCommand::New { folder, lang, world } => new::make(folder, *lang, world),
        PluginCommand::Build { folder } => build::build(folder),
        PluginCommand::Inspect { path, json } => inspect::inspect(path, *json),
        PluginCommand::Run { trial, against } => within_runtime(run::run(trial, against.as_deref())),
        PluginCommand::Bench { trial, calls } => within_runtime(bench::run(trial, *calls)),
        PluginCommand::List { running: false, .. } => within_runtime(list::run(config()?)),
        PluginCommand::List { running: true, server } => within_runtime(manage::list(&named(server)?)),
        PluginCommand::Install { args, server } => {
            within_runtime(manage::install(&named(server)?, &config()?.plugins_dir, args))
        }
        PluginCommand::Grant { args, server } => within_runtime(manage::grant(&named(server)?, args)),
        PluginCommand::Enable { plugin, server } => {
            within_runtime(manage::turn(&named(server)?, plugin, "enable"))
        }
        PluginCommand::Disable { plugin, server } => {
            within_runtime(manage::turn(&named(server)?, plugin, "disable"))
        }
        PluginCommand::Record { args, server } => within_runtime(manage::record(&named(server)?, args)),
        PluginCommand::Recording { plugin, server } => {
            within_runtime(manage::recording(&named(server)?, plugin))
        }
        PluginCommand::Forget { plugin, server } => within_runtime(manage::forget(&named(server)?, plugin)),
        PluginCommand::Logs { plugin, server } => within_runtime(manage::logs(&named(server)?, plugin)),
    }
}
