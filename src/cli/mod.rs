//! The command line.
//!
//! Owns: clap, standard output, exit codes. May import: every floor. Must never: hold a rule of its own; a command
//! only wires and calls. Read next: `wire.rs`, how a configuration becomes a running [`App`](crate::app::App).

mod admin;
mod audit;
mod decisions;
mod demo;
mod doctor;
mod import;
mod keys;
mod migrate;
mod plugin;
mod policy;
mod serve;
pub mod wire;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use crate::api::{self, OpenApiVersion};
use crate::config::Config;

/// Who is this, and may they? A self-hosted authorization platform with identity built in.
///
/// Settings come from defaults, then a TOML file, then PALISADE_* in the environment; docs/operations.md lists them.
/// Without a command the server is started.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
struct Cli {
    /// The TOML file with settings [default: palisade.toml, if it is there]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Leave every plugin out, so that a bad one cannot keep the server from starting or people from signing in
    #[arg(long, global = true)]
    safe_mode: bool,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the server; migrates the database first
    Serve,
    /// Bring the database's tables up to date and stop
    Migrate,
    /// What only whoever holds the machine may do
    Admin {
        #[command(subcommand)]
        command: AdminCommand,
    },
    /// Work with the audit trail
    Audit {
        #[command(subcommand)]
        command: AuditCommand,
    },
    /// Work with the log of decisions
    Decisions {
        #[command(subcommand)]
        command: DecisionsCommand,
    },
    /// Bring in what another system kept
    Import {
        #[command(subcommand)]
        command: ImportCommand,
    },
    /// Work with the keys that sign access tokens, and what the master key seals
    Keys {
        #[command(subcommand)]
        command: KeysCommand,
    },
    /// Make, build, look at and try plugins
    Plugin {
        #[command(subcommand)]
        command: plugin::PluginCommand,
    },
    /// Work with the Cedar policies
    Policy {
        #[command(subcommand)]
        command: PolicyCommand,
    },
    /// Print the OpenAPI document; needs no configuration and no database
    Openapi {
        /// Which OpenAPI version to write
        #[arg(long, value_enum, default_value = "3.1")]
        openapi: DocumentVersion,
    },
    /// Check configuration, database, policies, plugins and mail, and say how to mend what is wrong
    Doctor,
    /// Play the main story against a throw-away server and show each request, answer and decision
    Demo,
}

#[derive(Debug, Subcommand)]
enum AdminCommand {
    /// Make a super admin: a new account, or an existing one raised
    ///
    /// The password is read from standard input; an existing account keeps its own.
    Create {
        /// The address to sign in with; it counts as verified
        email: String,
    },
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Prove that no event was changed or removed since it was written
    Verify,
    /// Write all events to standard output, oldest first, one JSON object a line
    Export,
    /// Remove events older than this; the rest still verifies
    Prune {
        /// Days to keep
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36500))]
        keep_days: u32,
    },
}

#[derive(Debug, Subcommand)]
enum DecisionsCommand {
    /// Write the log to standard output, oldest first, one JSON object a line
    Export {
        /// Only the last days
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=3650))]
        days: Option<u32>,
    },
    /// Make the decisions of the log again and show which would change
    ///
    /// Nothing is changed by it. Denials, what administrators did and a share of the rest are in the log.
    Replay {
        /// The folder of the proposed policies; left out: those in force
        #[arg(long, value_name = "DIR")]
        policies: Option<PathBuf>,
        /// Only the last days
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=3650))]
        days: Option<u32>,
    },
}

#[derive(Debug, Subcommand)]
enum ImportCommand {
    /// Import accounts with their ids and password hashes, from JSON lines or CSV with a header
    ///
    /// Accounts that are there already are skipped, so the same file can be imported again. Each refused row is told with
    /// its line; if there is one, the exit code is 1.
    Users {
        file: PathBuf,
        /// Tell what would happen and write nothing
        #[arg(long)]
        dry_run: bool,
        /// The `hash_config` block of the Firebase console; rows with a `password_salt` need it
        #[arg(long, value_name = "FILE")]
        firebase: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// Show each signing key, when it signs and until when it verifies
    List,
    /// Announce a new signing key: published now, signing in an hour
    Rotate {
        /// Let it sign in two minutes; resource servers must read the JWKS again by then
        #[arg(long)]
        soon: bool,
        /// A key has leaked: the new key signs at once and no other verifies any more
        ///
        /// Every access token that is out is dead; clients go on with their refresh tokens. Running servers follow
        /// within a minute.
        #[arg(long, conflicts_with = "soon")]
        compromised: bool,
    },
    /// Seal signing keys and waiting letters anew under the current master key
    Reseal,
}

#[derive(Debug, Subcommand)]
enum PolicyCommand {
    /// Run the policy tests in the folder `tests` of the policies
    Test {
        /// Only cases whose name contains this
        filter: Option<String>,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum DocumentVersion {
    #[value(name = "3.1")]
    V31,
    #[value(name = "3.0")]
    V30,
}

/// Why a command did not do its work, told to whoever typed it.
type Outcome = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// Runs the command line of this process; `started` is called once when a server has started.
#[must_use]
pub fn main(started: fn()) -> ExitCode {
    let cli = Cli::parse();
    match run(&cli, started) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&*error);
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "this is the command line")]
fn complain(error: &(dyn std::error::Error + 'static)) {
    eprintln!("error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        eprintln!("  because: {error}");
        cause = error.source();
    }
}

fn run(cli: &Cli, started: fn()) -> Outcome {
    let config = || -> Result<Config, crate::config::ConfigError> {
        let mut config = Config::from_process(cli.config.as_deref())?;
        config.safe_mode |= cli.safe_mode;
        Ok(config)
    };
    match &cli.command {
        None | Some(Command::Serve) => within_runtime(serve::run(config()?, started)),
        Some(Command::Migrate) => within_runtime(migrate::run(config()?)),
        Some(Command::Admin { command: AdminCommand::Create { email } }) => {
            within_runtime(admin::create(config()?, email))
        }
        Some(Command::Audit { command }) => within_runtime(audit::run(config()?, command)),
        Some(Command::Decisions { command }) => within_runtime(decisions::run(config()?, command)),
        Some(Command::Import { command: ImportCommand::Users { file, dry_run, firebase } }) => {
            within_runtime(import::users(config()?, file, *dry_run, firebase.as_deref()))
        }
        Some(Command::Keys { command }) => within_runtime(keys::run(config()?, command)),
        Some(Command::Plugin { command }) => plugin::run(command, config),
        Some(Command::Policy { command: PolicyCommand::Test { filter } }) => {
            policy::test(&config()?, filter.as_deref())
        }
        Some(Command::Openapi { openapi }) => print_openapi(*openapi),
        Some(Command::Doctor) => within_runtime(doctor::run(config())),
        Some(Command::Demo) => within_runtime(demo::run(config()?)),
    }
}

fn within_runtime(work: impl Future<Output = Outcome>) -> Outcome {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}

#[expect(clippy::print_stdout, reason = "the document is the output")]
fn print_openapi(version: DocumentVersion) -> Outcome {
    let version = match version {
        DocumentVersion::V31 => OpenApiVersion::V31,
        DocumentVersion::V30 => OpenApiVersion::V30,
    };
    println!("{}", serde_json::to_string_pretty(&api::openapi(version))?);
    Ok(())
}
