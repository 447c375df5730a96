//! The hooks there are, and the worlds of the contract that this host can run.

use serde::Deserialize;

use super::FailurePolicy;

/// Where plugins are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
pub enum Hook {
    #[serde(rename = "registration.validate")]
    RegistrationValidate,
    #[serde(rename = "login.authenticated")]
    LoginAuthenticated,
    #[serde(rename = "token.claims")]
    TokenClaims,
    #[serde(rename = "password.policy")]
    PasswordPolicy,
    #[serde(rename = "oauth.provider")]
    OauthProvider,
    #[serde(rename = "credential.verify-legacy")]
    CredentialVerifyLegacy,
    #[serde(rename = "mail.send")]
    MailSend,
    #[serde(rename = "event.deliver")]
    EventDeliver,
    #[serde(rename = "org.invite")]
    OrgInvite,
    #[serde(rename = "apikey.issue")]
    ApikeyIssue,
}

impl Hook {
    /// The hook of this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|hook| hook.name() == name)
    }

    const ALL: [Self; 10] = [
        Self::RegistrationValidate,
        Self::LoginAuthenticated,
        Self::TokenClaims,
        Self::PasswordPolicy,
        Self::OauthProvider,
        Self::CredentialVerifyLegacy,
        Self::MailSend,
        Self::EventDeliver,
        Self::OrgInvite,
        Self::ApikeyIssue,
    ];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RegistrationValidate => "registration.validate",
            Self::LoginAuthenticated => "login.authenticated",
            Self::TokenClaims => "token.claims",
            Self::PasswordPolicy => "password.policy",
            Self::OauthProvider => "oauth.provider",
            Self::CredentialVerifyLegacy => "credential.verify-legacy",
            Self::MailSend => "mail.send",
            Self::EventDeliver => "event.deliver",
            Self::OrgInvite => "org.invite",
            Self::ApikeyIssue => "apikey.issue",
        }
    }

    /// What follows without an answer where the operator has not said. Claims and the second opinion on a password
    /// are additions; the rest is asked because the answer matters.
    #[must_use]
    pub const fn usual_policy(self) -> FailurePolicy {
        match self {
            Self::TokenClaims | Self::PasswordPolicy => FailurePolicy::Open,
            _ => FailurePolicy::Closed,
        }
    }

    /// Whether the plugin is shown a password. What it says is then written down nowhere.
    pub(super) const fn sees_password(self) -> bool {
        matches!(self, Self::PasswordPolicy | Self::CredentialVerifyLegacy)
    }
}

/// A world says which hook a component has and which imports it gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) enum World {
    #[serde(rename = "palisade:plugin/registration-policy@0.1.0")]
    RegistrationPolicyV0_1,
    #[serde(rename = "palisade:plugin/registration-policy@0.2.0")]
    RegistrationPolicy,
    #[serde(rename = "palisade:plugin/registration-hook@0.2.0")]
    RegistrationHook,
    #[serde(rename = "palisade:plugin/login-hook@0.2.0")]
    LoginHook,
    #[serde(rename = "palisade:plugin/claims-hook@0.2.0")]
    ClaimsHook,
    #[serde(rename = "palisade:plugin/password-policy@0.2.0")]
    PasswordPolicy,
    #[serde(rename = "palisade:plugin/oauth-connector@0.2.0")]
    OauthConnector,
    #[serde(rename = "palisade:plugin/oauth-connector-full@0.2.0")]
    OauthConnectorFull,
    #[serde(rename = "palisade:plugin/migrator@0.2.0")]
    Migrator,
    #[serde(rename = "palisade:plugin/mail-transport@0.2.0")]
    MailTransport,
    #[serde(rename = "palisade:plugin/event-sink@0.2.0")]
    EventSink,
    #[serde(rename = "palisade:plugin/invitation-hook@0.2.0")]
    InvitationHook,
    #[serde(rename = "palisade:plugin/api-key-hook@0.2.0")]
    ApiKeyHook,
}

/// What a world imports beside the configuration.
#[derive(Debug, Clone, Copy)]
pub(super) struct Imports {
    pub(super) log: bool,
    pub(super) http: bool,
    pub(super) kv: bool,
}

impl World {
    pub(super) const fn hook(self) -> Hook {
        match self {
            Self::RegistrationPolicyV0_1 | Self::RegistrationPolicy | Self::RegistrationHook => {
                Hook::RegistrationValidate
            }
            Self::LoginHook => Hook::LoginAuthenticated,
            Self::ClaimsHook => Hook::TokenClaims,
            Self::PasswordPolicy => Hook::PasswordPolicy,
            Self::OauthConnector | Self::OauthConnectorFull => Hook::OauthProvider,
            Self::Migrator => Hook::CredentialVerifyLegacy,
            Self::MailTransport => Hook::MailSend,
            Self::EventSink => Hook::EventDeliver,
            Self::InvitationHook => Hook::OrgInvite,
            Self::ApiKeyHook => Hook::ApikeyIssue,
        }
    }

    pub(super) const fn imports(self) -> Imports {
        let (log, http, kv) = match self {
            Self::PasswordPolicy => (false, false, false),
            Self::RegistrationPolicyV0_1 | Self::RegistrationPolicy | Self::OauthConnector => {
                (true, false, false)
            }
            Self::ClaimsHook => (true, false, true),
            Self::OauthConnectorFull | Self::Migrator | Self::MailTransport => (true, true, false),
            Self::RegistrationHook
            | Self::LoginHook
            | Self::EventSink
            | Self::InvitationHook
            | Self::ApiKeyHook => (true, true, true),
        };
        Imports { log, http, kv }
    }
}
