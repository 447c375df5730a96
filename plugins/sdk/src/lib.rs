//! What the author of a Palisade plugin imports.
//!
//! Implement [`RegistrationPolicy`] on a type and name it in [`register!`]; the rest is done. A plugin has
//! no network, clock, storage or randomness, and each call gets a fresh memory: nothing lasts.
//! `docs/plugins.md` at the root of the repository is the guide, `plugins/waitlist` the example.

mod bindings {
    wit_bindgen::generate!({
        path: "../wit/palisade-plugin@0.1.0",
        world: "registration-policy",
        pub_export_macro: true,
        default_bindings_module: "palisade_plugin_sdk::export",
    });
}

pub mod log;

pub use bindings::exports::palisade::plugin::registration::{Candidate, Verdict};
pub use bindings::palisade::plugin::types::{
    AttributePatch, AuthMethod, Denial, PluginError, RequestContext,
};

use serde::de::DeserializeOwned;

/// Decides whether a person may have an account.
pub trait RegistrationPolicy {
    /// What the operator writes. Reject unknown keys (`#[serde(deny_unknown_fields)]`), so that a
    /// misspelt one is told at the start and not found out later.
    type Config: DeserializeOwned;

    /// Called once at the start of the server. Each string tells one thing to mend.
    ///
    /// # Errors
    /// Whatever in `config` cannot work.
    fn check(config: &Self::Config) -> Result<(), Vec<String>> {
        let _ = config;
        Ok(())
    }

    /// Called for each registration, before there is an account.
    ///
    /// # Errors
    /// When there is no answer; the operator chose beforehand what happens then.
    fn validate(
        config: Self::Config,
        context: RequestContext,
        candidate: Candidate,
    ) -> Result<Verdict, PluginError>;
}

/// Lets the person in and leaves their profile as it is.
#[must_use]
pub fn accept() -> Verdict {
    Verdict::Accept(AttributePatch { set: Vec::new() })
}

/// Lets the account wait for an administrator.
#[must_use]
pub fn waitlist(reason: impl Into<String>) -> Verdict {
    Verdict::Waitlist(reason.into())
}

/// Refuses. `code` is kebab-case; `message` is a sentence for the person.
#[must_use]
pub fn reject(code: &str, message: impl Into<String>, field: Option<&str>) -> Verdict {
    Verdict::Reject(Denial { code: code.into(), message: message.into(), field: field.map(Into::into) })
}

/// Makes `$plugin` this component. The crate's name and version are the plugin's id and version.
#[macro_export]
macro_rules! register {
    ($plugin:ty) => {
        const _: () = {
            struct Exported;
            impl $crate::export::Lifecycle for Exported {
                fn describe() -> $crate::export::PluginInfo {
                    $crate::export::PluginInfo {
                        id: env!("CARGO_PKG_NAME").into(),
                        version: env!("CARGO_PKG_VERSION").into(),
                        hooks: ["registration.validate".into()].into(),
                    }
                }
                fn validate_config(json: String) -> Result<(), Vec<String>> {
                    $crate::export::validate_config::<$plugin>(&json)
                }
            }
            impl $crate::export::Registration for Exported {
                fn validate(
                    context: $crate::RequestContext,
                    candidate: $crate::Candidate,
                ) -> Result<$crate::Verdict, $crate::PluginError> {
                    $crate::export::validate::<$plugin>(context, candidate)
                }
            }
            // The names of a component's exports are no symbols for an ordinary linker, and tests run there.
            #[cfg(target_family = "wasm")]
            $crate::export::export!(Exported);
            #[cfg(not(target_family = "wasm"))]
            const _: fn() -> $crate::export::PluginInfo = <Exported as $crate::export::Lifecycle>::describe;
        };
    };
}

/// What [`register!`] expands to; not for authors.
#[doc(hidden)]
pub mod export {
    pub use crate::bindings::export;
    pub use crate::bindings::exports;
    pub use crate::bindings::exports::palisade::plugin::lifecycle::{Guest as Lifecycle, PluginInfo};
    pub use crate::bindings::exports::palisade::plugin::registration::Guest as Registration;
    pub use crate::bindings::*;

    use crate::{Candidate, PluginError, RegistrationPolicy, RequestContext, Verdict};

    pub fn validate_config<P: RegistrationPolicy>(json: &str) -> Result<(), Vec<String>> {
        let config = serde_json::from_str(json).map_err(|error| vec![error.to_string()])?;
        P::check(&config)
    }

    pub fn validate<P: RegistrationPolicy>(
        context: RequestContext,
        candidate: Candidate,
    ) -> Result<Verdict, PluginError> {
        let json = crate::bindings::palisade::plugin::config::get();
        let config = serde_json::from_str(&json).map_err(|error| PluginError::Config(error.to_string()))?;
        P::validate(config, context, candidate)
    }
}
