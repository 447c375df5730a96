//! What the operator decides: defaults, then a TOML file, then `PALISADE_*` in the environment.
//!
//! Owns: `Config`, the names of the settings, and what production refuses. May import: `domain`, `crypto`.
//! Must never: guess, accept an unknown key, or print a secret; nothing else reads the environment.
//! Read next: `settings.rs` for the settings and their defaults, `unsafe_settings.rs` for production.

mod decisions;
mod forward_auth;
mod load;
mod oauth;
mod plugins;
mod rate_limits;
mod remote;
mod settings;
mod trusted_issuers;
mod unsafe_settings;

pub use decisions::Decisions;
pub use forward_auth::{ForwardAuth, OriginalHeaders};
pub use load::{ConfigError, SETTINGS};
pub use oauth::OAuth;
pub use plugins::{OnFailure, PluginBinding, PluginGrants, SecretSource};
pub use rate_limits::RateLimits;
pub use remote::Remote;
pub use settings::{Config, Hashing, LogFormat, Mail, Mode};
pub use unsafe_settings::Unsafe;
