//! What the author of a Palisade plugin imports.
//!
//! Implement [`Plugin`] and the trait of one world, such as [`RegistrationPolicy`] or [`LoginHook`], and name both in
//! [`register!`]; the rest is done. Each call gets a fresh memory: nothing lasts, except what is put into [`kv`].
//! There is no clock, no randomness and no network but [`http`], and each world says what of these it has.
//! `docs/plugins.md` at the root of the repository is the guide, `plugins/waitlist` the first example.

#[doc(hidden)]
pub mod bindings;
pub mod hooks;
pub mod http;
pub mod kv;
pub mod log;
mod register;
mod words;

pub use bindings::palisade::plugin::types::{
    ActorKind, AttributePatch, AuthMethod, Denial, PluginError, RequestContext, UserView,
};
pub use hooks::{
    ApiKeyHook, ClaimsHook, EventSink, InvitationHook, LoginHook, MailTransport, Migrator, OauthConnector,
    OauthConnectorFull, PasswordPolicy, RegistrationHook, RegistrationPolicy,
};

use serde::de::DeserializeOwned;

/// A plugin and its configuration.
pub trait Plugin {
    /// What the operator writes. Reject unknown keys (`#[serde(deny_unknown_fields)]`), so that a
    /// misspelt one is told at the start and not found out later.
    type Config: DeserializeOwned;

    /// Called before the configuration is used. Each string tells one thing to mend.
    ///
    /// # Errors
    /// Whatever in `config` cannot work.
    fn check(config: &Self::Config) -> Result<(), Vec<String>> {
        let _ = config;
        Ok(())
    }
}

/// A JSON text as a value, such as a registration's payload or a person's attributes.
///
/// # Errors
/// [`PluginError::InvalidInput`]: not JSON, or not such JSON.
pub fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, PluginError> {
    serde_json::from_str(text).map_err(|error| PluginError::InvalidInput(error.to_string()))
}
