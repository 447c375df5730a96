//! What a new project carries along, so that it builds without this repository: the contract, the guest SDK, types.

/// A file of the folder `palisade/`, by its path there.
pub(super) struct Part {
    pub(super) path: &'static str,
    pub(super) text: &'static str,
}

macro_rules! parts {
    ($($path:literal),+ $(,)?) => {
        &[$(Part { path: $path, text: include_str!(concat!("../../../plugins/", $path)) }),+]
    };
}

/// The folder of the contract in `palisade/`.
pub(super) const CONTRACT: &str = "palisade/wit/palisade-plugin@0.2.0";

pub(super) const WIT: &[Part] = parts![
    "wit/palisade-plugin@0.2.0/types.wit",
    "wit/palisade-plugin@0.2.0/host.wit",
    "wit/palisade-plugin@0.2.0/hooks.wit",
    "wit/palisade-plugin@0.2.0/worlds.wit",
];

pub(super) const RUST: &[Part] = parts![
    "sdk/Cargo.toml",
    "sdk/build.rs",
    "sdk/src/bindings.rs",
    "sdk/src/hooks.rs",
    "sdk/src/http.rs",
    "sdk/src/kv.rs",
    "sdk/src/lib.rs",
    "sdk/src/log.rs",
    "sdk/src/register.rs",
    "sdk/src/words.rs",
    "componentize/Cargo.toml",
    "componentize/src/main.rs",
];

/// The versions that the SDK was built with.
pub(super) const RUST_LOCK: &str = include_str!("../../../plugins/Cargo.lock");

pub(super) const JS: &[Part] = parts![
    "sdk-js/api-key-hook.d.ts",
    "sdk-js/claims-hook.d.ts",
    "sdk-js/event-sink.d.ts",
    "sdk-js/invitation-hook.d.ts",
    "sdk-js/login-hook.d.ts",
    "sdk-js/mail-transport.d.ts",
    "sdk-js/migrator.d.ts",
    "sdk-js/oauth-connector-full.d.ts",
    "sdk-js/oauth-connector.d.ts",
    "sdk-js/password-policy.d.ts",
    "sdk-js/registration-hook.d.ts",
    "sdk-js/registration-policy.d.ts",
    "sdk-js/interfaces/palisade-plugin-api-keys.d.ts",
    "sdk-js/interfaces/palisade-plugin-config.d.ts",
    "sdk-js/interfaces/palisade-plugin-credential-migration.d.ts",
    "sdk-js/interfaces/palisade-plugin-events.d.ts",
    "sdk-js/interfaces/palisade-plugin-http-client.d.ts",
    "sdk-js/interfaces/palisade-plugin-invitations.d.ts",
    "sdk-js/interfaces/palisade-plugin-kv.d.ts",
    "sdk-js/interfaces/palisade-plugin-lifecycle.d.ts",
    "sdk-js/interfaces/palisade-plugin-log.d.ts",
    "sdk-js/interfaces/palisade-plugin-login.d.ts",
    "sdk-js/interfaces/palisade-plugin-mailer.d.ts",
    "sdk-js/interfaces/palisade-plugin-oauth-exchange.d.ts",
    "sdk-js/interfaces/palisade-plugin-oauth-provider.d.ts",
    "sdk-js/interfaces/palisade-plugin-oauth-types.d.ts",
    "sdk-js/interfaces/palisade-plugin-password.d.ts",
    "sdk-js/interfaces/palisade-plugin-registration.d.ts",
    "sdk-js/interfaces/palisade-plugin-token-claims.d.ts",
    "sdk-js/interfaces/palisade-plugin-types.d.ts",
];
