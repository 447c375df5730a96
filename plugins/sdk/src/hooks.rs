//! A trait for each world of the contract, and the words of each hook.

use crate::{Plugin, PluginError, RequestContext};

pub mod registration {
    pub use crate::bindings::exports::palisade::plugin::registration::{Candidate, Verdict};
}

pub mod login {
    pub use crate::bindings::exports::palisade::plugin::login::{Attempt, Verdict};
}

pub mod claims {
    pub use crate::bindings::exports::palisade::plugin::token_claims::Mint;
}

pub mod password {
    pub use crate::bindings::exports::palisade::plugin::password::{Candidate, Occasion, Verdict};
}

pub mod oauth {
    pub use crate::bindings::palisade::plugin::oauth_types::{
        ClientAuth, Endpoints, ExternalIdentity, TokenSet,
    };
}

pub mod migration {
    pub use crate::bindings::exports::palisade::plugin::credential_migration::Outcome;
}

pub mod mail {
    pub use crate::bindings::exports::palisade::plugin::mailer::Message;
}

pub mod event {
    pub use crate::bindings::exports::palisade::plugin::events::Event;
}

pub mod invitation {
    pub use crate::bindings::exports::palisade::plugin::invitations::{Invitation, Verdict};
}

pub mod api_key {
    pub use crate::bindings::exports::palisade::plugin::api_keys::{Narrowing, Request, Verdict};
}

/// Decides whether a person may have an account, from what it is told alone.
pub trait RegistrationPolicy: Plugin {
    /// Called for each registration, before there is an account.
    ///
    /// # Errors
    /// When there is no answer; the operator chose beforehand what happens then.
    fn validate(
        config: Self::Config,
        context: RequestContext,
        candidate: registration::Candidate,
    ) -> Result<registration::Verdict, PluginError>;
}

/// As [`RegistrationPolicy`], with [`http`](crate::http) and [`kv`](crate::kv).
pub trait RegistrationHook: Plugin {
    /// Called for each registration, before there is an account.
    ///
    /// # Errors
    /// When there is no answer; the operator chose beforehand what happens then.
    fn validate(
        config: Self::Config,
        context: RequestContext,
        candidate: registration::Candidate,
    ) -> Result<registration::Verdict, PluginError>;
}

/// Decides whether a person whose credential was right may come in. Has [`http`](crate::http) and [`kv`](crate::kv).
pub trait LoginHook: Plugin {
    /// Called before there is a session.
    ///
    /// # Errors
    /// When there is no answer; the operator chose beforehand what happens then.
    fn authenticated(
        config: Self::Config,
        context: RequestContext,
        attempt: login::Attempt,
    ) -> Result<login::Verdict, PluginError>;
}

/// Adds claims to access tokens, under `ext.<plugin>`. Has [`kv`](crate::kv).
pub trait ClaimsHook: Plugin {
    /// A JSON object of at most 1 KiB.
    ///
    /// # Errors
    /// When there is no answer; the operator chose beforehand what happens then.
    fn customize(
        config: Self::Config,
        context: RequestContext,
        mint: claims::Mint,
    ) -> Result<String, PluginError>;
}

/// Decides whether this may be somebody's password. Sees it, and therefore has neither log nor network nor storage.
pub trait PasswordPolicy: Plugin {
    /// Called at registration, reset and change.
    ///
    /// # Errors
    /// When there is no answer; the operator chose beforehand what happens then.
    fn check_password(
        config: Self::Config,
        candidate: password::Candidate,
    ) -> Result<password::Verdict, PluginError>;
}

/// An identity provider that is not plain OpenID.
pub trait OauthConnector: Plugin {
    /// Where the provider is, and what it wants to be asked.
    ///
    /// # Errors
    /// When there is no answer; the operator chose beforehand what happens then.
    fn describe_endpoints(config: Self::Config) -> Result<oauth::Endpoints, PluginError>;

    /// Who it is. `userinfo` is the body that the host fetched.
    ///
    /// # Errors
    /// When there is no answer; the operator chose beforehand what happens then.
    fn map_profile(
        config: Self::Config,
        context: RequestContext,
        tokens: oauth::TokenSet,
        userinfo: Option<String>,
    ) -> Result<oauth::ExternalIdentity, PluginError>;
}

/// As [`OauthConnector`], for one that does not speak RFC 6749. Has [`http`](crate::http).
pub trait OauthConnectorFull: Plugin {
    /// Where the provider is, and what it wants to be asked.
    ///
    /// # Errors
    /// When there is no answer; the operator chose beforehand what happens then.
    fn describe_endpoints(config: Self::Config) -> Result<oauth::Endpoints, PluginError>;

    /// Who it is. `userinfo` is what `fetch_profile` gave.
    ///
    /// # Errors
    /// When there is no answer; the operator chose beforehand what happens then.
    fn map_profile(
        config: Self::Config,
        context: RequestContext,
        tokens: oauth::TokenSet,
        userinfo: Option<String>,
    ) -> Result<oauth::ExternalIdentity, PluginError>;

    /// Trades the code for tokens.
    ///
    /// # Errors
    /// When there is no answer; the operator chose beforehand what happens then.
    fn exchange_code(
        config: Self::Config,
        context: RequestContext,
        code: String,
        redirect_uri: String,
        code_verifier: String,
    ) -> Result<oauth::TokenSet, PluginError>;

    /// Asks the provider who it is.
    ///
    /// # Errors
    /// When there is no answer; the operator chose beforehand what happens then.
    fn fetch_profile(
        config: Self::Config,
        context: RequestContext,
        tokens: oauth::TokenSet,
    ) -> Result<Option<String>, PluginError>;
}

/// Checks the password of somebody who comes from another system. Sees it. Has [`http`](crate::http).
pub trait Migrator: Plugin {
    /// Called only for an account without a password here.
    ///
    /// # Errors
    /// When there is no answer; the operator chose beforehand what happens then.
    fn verify_legacy(
        config: Self::Config,
        context: RequestContext,
        identifier: String,
        password: String,
    ) -> Result<migration::Outcome, PluginError>;
}

/// Carries letters instead of SMTP. Has [`http`](crate::http).
pub trait MailTransport: Plugin {
    /// The other side's id of the letter. After an error the host tries again later.
    ///
    /// # Errors
    /// When there is no answer; the operator chose beforehand what happens then.
    fn send(
        config: Self::Config,
        context: RequestContext,
        message: mail::Message,
    ) -> Result<Option<String>, PluginError>;
}

/// Is told what has happened, in order and at least once each. Has [`http`](crate::http) and [`kv`](crate::kv).
pub trait EventSink: Plugin {
    /// How many, counted from the first, need not come again.
    ///
    /// # Errors
    /// When there is no answer; the operator chose beforehand what happens then.
    fn deliver(
        config: Self::Config,
        context: RequestContext,
        batch: Vec<event::Event>,
    ) -> Result<u32, PluginError>;
}

/// Decides whether somebody may be invited. Has [`http`](crate::http) and [`kv`](crate::kv).
pub trait InvitationHook: Plugin {
    /// Called before the invitation is made.
    ///
    /// # Errors
    /// When there is no answer; the operator chose beforehand what happens then.
    fn review(
        config: Self::Config,
        context: RequestContext,
        invitation: invitation::Invitation,
    ) -> Result<invitation::Verdict, PluginError>;
}

/// Decides whether an API key may be made, or a narrower one. Has [`http`](crate::http) and [`kv`](crate::kv).
pub trait ApiKeyHook: Plugin {
    /// Called before the key is made.
    ///
    /// # Errors
    /// When there is no answer; the operator chose beforehand what happens then.
    fn review(
        config: Self::Config,
        context: RequestContext,
        request: api_key::Request,
    ) -> Result<api_key::Verdict, PluginError>;
}
