//! How a call can fail, and how loading can. Neither reaches a client: a verdict does.

use std::path::PathBuf;

/// Why a call has no answer. Each costs that call and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The guest said it cannot answer; its own words, cleaned.
    #[error("the plugin failed: {0}")]
    Failed(String),
    /// The binding's deadline passed in the guest.
    #[error("the plugin did not answer in time")]
    TimedOut,
    /// The deadline passed while other calls held every place: no fault of this plugin.
    #[error("no place for a call of the plugin became free in time")]
    Busy,
    /// The guest asked for more memory than it may have.
    #[error("the plugin asked for more memory than it may have")]
    OutOfMemory,
    /// The guest computed more than it may; only where fuel is bounded.
    #[error("the plugin computed more than it may")]
    OutOfFuel,
    /// The guest held more handles than it may.
    #[error("the plugin held more handles than it may")]
    TooManyHandles,
    /// No policy lets the plugin be asked here.
    #[error("no policy lets the plugin be asked at this hook")]
    Forbidden,
    /// It was installed and cannot be loaded: see its state.
    #[error("the plugin could not be loaded")]
    Absent,
    /// It failed too often of late; it is not asked until its quarantine is over.
    #[error("the plugin is in quarantine")]
    Quarantined,
    /// A panic, a stack overflow or another trap.
    #[error("the plugin trapped: {0}")]
    Trapped(String),
    /// An answer or a log line larger than allowed.
    #[error("the plugin said more than it may")]
    TooMuchOutput,
    /// The engine refused: a limit of the pool, or a fault of the host.
    #[error("the plugin could not be run: {0}")]
    Engine(String),
}

impl Error {
    /// One word for counters and spans.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Failed(_) => "failed",
            Self::TimedOut => "timeout",
            Self::Busy => "busy",
            Self::OutOfMemory => "memory",
            Self::OutOfFuel => "fuel",
            Self::TooManyHandles => "handles",
            Self::Forbidden => "forbidden",
            Self::Absent => "absent",
            Self::Quarantined => "quarantined",
            Self::Trapped(_) => "trap",
            Self::TooMuchOutput => "output",
            Self::Engine(_) => "engine",
        }
    }

    /// Whether the guest broke something, rather than said that it has no answer.
    pub(super) const fn is_misbehaviour(&self) -> bool {
        !matches!(self, Self::Busy | Self::Failed(_) | Self::Forbidden | Self::Absent | Self::Quarantined)
    }
}

/// Why the plugins cannot be used. The start of the server stops on it.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The binding's name cannot be a plugin's id.
    #[error("`{0}` is not a plugin id: use a-z, 0-9 and -")]
    BadId(String),
    /// There is no such folder, or the manifest or component cannot be read.
    #[error("plugin `{plugin}`: cannot read `{}`: {source}", path.display())]
    Unreadable { plugin: String, path: PathBuf, source: std::io::Error },
    /// The manifest is not TOML, lacks something, or says what cannot be.
    #[error("plugin `{plugin}`: manifest.toml: {what}")]
    BadManifest { plugin: String, what: String },
    /// What it says of its configuration is no JSON Schema, or not one that we take.
    #[error("plugin `{plugin}`: the schema of its configuration: {what}")]
    BadSchema { plugin: String, what: String },
    /// The file is not a component, or not one of the world its manifest names.
    #[error("plugin `{plugin}`: the component does not fit: {what}")]
    BadComponent { plugin: String, what: String },
    /// The component wants what its world does not offer.
    #[error("plugin `{plugin}`: the component imports `{import}`, which its world does not offer")]
    Forbidden { plugin: String, import: String },
    /// The files are not those that were granted: somebody changed them since.
    #[error("plugin `{plugin}`: {file} has the digest {is}, and {pinned} was installed")]
    Moved { plugin: String, file: &'static str, is: String, pinned: String },
    /// No key that the operator trusts has signed the file.
    #[error("plugin `{plugin}`: {file} is not signed by a trusted key")]
    Unsigned { plugin: String, file: &'static str },
    /// The operator's configuration is not a JSON object, or its schema or the plugin refused it: places and rules, or its own
    /// words, cleaned.
    #[error("plugin `{plugin}`: configuration refused: {}", reasons.join("; "))]
    Refused { plugin: String, reasons: Vec<String> },
    /// The plugin could not be asked what it is or whether its configuration is good.
    #[error("plugin `{plugin}`: {source}")]
    Call { plugin: String, source: Error },
    /// The engine or its thread could not be made.
    #[error("the plugin engine could not be started: {0}")]
    Engine(String),
}
