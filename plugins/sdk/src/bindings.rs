//! What the contract looks like in Rust, and what [`register!`](crate::register) expands to; not for authors.

use crate::{Plugin, PluginError};

// All interfaces at once, so that hooks share their types. What a component really is of, its world, is told by
// `register!`; imports that a plugin does not use are not in its component.
wit_bindgen::generate!({
    path: "../wit/palisade-plugin@0.2.0",
    inline: "
        package palisade:sdk;
        world all {
            import palisade:plugin/types@0.2.0;
            import palisade:plugin/oauth-types@0.2.0;
            import palisade:plugin/log@0.2.0;
            import palisade:plugin/config@0.2.0;
            import palisade:plugin/http-client@0.2.0;
            import palisade:plugin/kv@0.2.0;
            export palisade:plugin/lifecycle@0.2.0;
            export palisade:plugin/registration@0.2.0;
            export palisade:plugin/login@0.2.0;
            export palisade:plugin/token-claims@0.2.0;
            export palisade:plugin/password@0.2.0;
            export palisade:plugin/oauth-provider@0.2.0;
            export palisade:plugin/oauth-exchange@0.2.0;
            export palisade:plugin/credential-migration@0.2.0;
            export palisade:plugin/mailer@0.2.0;
            export palisade:plugin/events@0.2.0;
            export palisade:plugin/invitations@0.2.0;
            export palisade:plugin/api-keys@0.2.0;
        }
    ",
    generate_all,
    generate_unused_types: true,
    pub_export_macro: true,
    additional_derives: [PartialEq],
});

/// The configuration of this call.
///
/// # Errors
/// [`PluginError::Config`]: not what the plugin's type can hold.
pub fn config<P: Plugin>() -> Result<P::Config, PluginError> {
    let json = palisade::plugin::config::get();
    serde_json::from_str(&json).map_err(|error| PluginError::Config(error.to_string()))
}

/// # Errors
/// The plugin's own complaints.
pub fn validate_config<P: Plugin>(json: &str) -> Result<(), Vec<String>> {
    let config = serde_json::from_str(json).map_err(|error| vec![error.to_string()])?;
    P::check(&config)
}

/// Each world's type, made by `build.rs`.
pub mod worlds {
    macro_rules! world {
        ($world:ident, $name:literal) => {
            pub const $world: [u8; include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".world")).len()] =
                *include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".world"));
        };
    }
    world!(REGISTRATION_POLICY, "registration-policy");
    world!(REGISTRATION_HOOK, "registration-hook");
    world!(LOGIN_HOOK, "login-hook");
    world!(CLAIMS_HOOK, "claims-hook");
    world!(PASSWORD_POLICY, "password-policy");
    world!(OAUTH_CONNECTOR, "oauth-connector");
    world!(OAUTH_CONNECTOR_FULL, "oauth-connector-full");
    world!(MIGRATOR, "migrator");
    world!(MAIL_TRANSPORT, "mail-transport");
    world!(EVENT_SINK, "event-sink");
    world!(INVITATION_HOOK, "invitation-hook");
    world!(API_KEY_HOOK, "api-key-hook");
}
