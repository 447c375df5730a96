//! The worlds a new plugin can be of, and the text of a first plugin of each in each language.

/// A world of the contract.
pub(super) struct World {
    pub(super) name: &'static str,
    pub(super) hook: &'static str,
    /// The SDK's trait.
    pub(super) rust_trait: &'static str,
    /// The class that Python's bindings want implemented.
    pub(super) python_class: &'static str,
    pub(super) rust: &'static str,
    pub(super) js: &'static str,
    pub(super) python: &'static str,
    /// What the hook may be told, for a first try.
    pub(super) input: &'static str,
    /// Of its manifest, for what the first plugin does.
    pub(super) capabilities: &'static str,
}

const ALONE: &str = "\n";
const HTTP: &str = "
[capabilities]
http = [\"https://api.example.com\"]
secrets = [\"token\"]

";
const PROVIDER: &str = "
[capabilities]
http = [\"https://id.example.com\"]
secrets = [\"client_secret\"]

";

macro_rules! world {
    ($name:literal, $hook:literal, $rust_trait:literal, $python_class:literal, $capabilities:expr) => {
        World {
            name: $name,
            hook: $hook,
            rust_trait: $rust_trait,
            python_class: $python_class,
            rust: include_str!(concat!("../../../plugins/templates/worlds/", $name, ".rs")),
            js: include_str!(concat!("../../../plugins/templates/worlds/", $name, ".js")),
            python: include_str!(concat!("../../../plugins/templates/worlds/", $name, ".py")),
            input: include_str!(concat!("../../../plugins/templates/inputs/", $hook, ".json")),
            capabilities: $capabilities,
        }
    };
}

pub(super) const WORLDS: [World; 12] = [
    world!("registration-policy", "registration.validate", "RegistrationPolicy", "Registration", ALONE),
    world!("registration-hook", "registration.validate", "RegistrationHook", "Registration", ALONE),
    world!("login-hook", "login.authenticated", "LoginHook", "Login", ALONE),
    world!("claims-hook", "token.claims", "ClaimsHook", "TokenClaims", ALONE),
    world!("password-policy", "password.policy", "PasswordPolicy", "Password", ALONE),
    world!("oauth-connector", "oauth.provider", "OauthConnector", "OauthProvider", ALONE),
    world!("oauth-connector-full", "oauth.provider", "OauthConnectorFull", "OauthProvider", PROVIDER),
    world!("migrator", "credential.verify-legacy", "Migrator", "CredentialMigration", HTTP),
    world!("mail-transport", "mail.send", "MailTransport", "Mailer", HTTP),
    world!("event-sink", "event.deliver", "EventSink", "Events", HTTP),
    world!("invitation-hook", "org.invite", "InvitationHook", "Invitations", ALONE),
    world!("api-key-hook", "apikey.issue", "ApiKeyHook", "ApiKeys", ALONE),
];

pub(super) fn find(name: &str) -> Option<&'static World> {
    WORLDS.iter().find(|world| world.name == name)
}
