//! Plugins as identity providers: where it is, who it is. All of it is the guest's word.

use serde_json::json;

use super::guest::Call;
use super::hooks::{Endpoints, ExternalIdentity, TokenSet};
use super::world::Hook;
use super::{Bound, Error, Guest, Plugins, RequestContext, clean, told};

/// What an identity provider's plugin is asked under; the federation's configuration names the plugin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OauthError {
    /// No plugin of this name is bound as a provider, or more than one is.
    #[error("no one plugin `{0}` is bound as an identity provider")]
    Unknown(String),
    #[error(transparent)]
    NoAnswer(#[from] Error),
}

impl Plugins {
    fn oauth(&self, plugin: &str) -> Result<&Bound, OauthError> {
        // In monitor mode nothing comes of a plugin: nobody signs in by it. Bound twice, it is not clear which is meant.
        let of_name = |bound: &&Bound| &*bound.who.plugin == plugin && !bound.monitor;
        let mut found = self.bound_to(Hook::OauthProvider).filter(of_name);
        let alone = found.next().filter(|_| found.next().is_none());
        alone.ok_or_else(|| OauthError::Unknown(clean::line(plugin, 64)))
    }

    /// Whether a plugin of this name is bound as an identity provider, and can be asked.
    #[must_use]
    pub fn provides(&self, plugin: &str) -> bool {
        self.oauth(plugin).is_ok_and(|bound| bound.loaded.fault.is_none())
    }

    /// Where the provider is. The guest's words: each address must be checked before it is used.
    ///
    /// # Errors
    /// See [`OauthError`].
    pub async fn describe_endpoints(
        &self,
        context: &RequestContext,
        plugin: &str,
    ) -> Result<Endpoints, OauthError> {
        let bound = self.oauth(plugin)?;
        let ask = async |guest: &Guest, call: &Call<'_>| guest.present()?.describe_endpoints(call).await;
        let record = (|| json!({ "call": "describe-endpoints" }), told::located);
        Ok(self.call(bound, context, None, record, ask).await?)
    }

    /// Who it is, by a token endpoint's answer and the profile. The guest's words: only `subject` names anybody.
    ///
    /// # Errors
    /// See [`OauthError`].
    pub async fn map_profile(
        &self,
        context: &RequestContext,
        plugin: &str,
        tokens: &TokenSet,
        userinfo: Option<&str>,
    ) -> Result<ExternalIdentity, OauthError> {
        let bound = self.oauth(plugin)?;
        let ask =
            async |guest: &Guest, call: &Call<'_>| guest.present()?.map_profile(call, tokens, userinfo).await;
        let record = (|| told::map_profile(tokens, userinfo), told::identified);
        Ok(self.call(bound, context, None, record, ask).await?)
    }

    /// Whether the plugin trades codes and fetches profiles itself (the world `oauth-connector-full`).
    ///
    /// # Errors
    /// [`OauthError::Unknown`]
    pub fn exchanges_codes(&self, plugin: &str) -> Result<bool, OauthError> {
        Ok(self.oauth(plugin)?.guest.present()?.exchanges())
    }

    /// Trades a code, by a plugin whose provider does not speak RFC 6749.
    ///
    /// # Errors
    /// See [`OauthError`].
    pub async fn exchange_code(
        &self,
        context: &RequestContext,
        plugin: &str,
        (code, redirect_uri, code_verifier): (&str, &str, &str),
    ) -> Result<TokenSet, OauthError> {
        let bound = self.oauth(plugin)?;
        let ask = async |guest: &Guest, call: &Call<'_>| {
            guest.present()?.exchange_code(call, code, redirect_uri, code_verifier).await
        };
        let record = (|| told::exchange_code(redirect_uri), told::exchanged);
        Ok(self.call(bound, context, None, record, ask).await?)
    }

    /// The profile, fetched by such a plugin.
    ///
    /// # Errors
    /// See [`OauthError`].
    pub async fn fetch_profile(
        &self,
        context: &RequestContext,
        plugin: &str,
        tokens: &TokenSet,
    ) -> Result<Option<String>, OauthError> {
        let bound = self.oauth(plugin)?;
        let ask = async |guest: &Guest, call: &Call<'_>| guest.present()?.fetch_profile(call, tokens).await;
        let record = (|| told::fetch_profile(tokens), told::fetched);
        Ok(self.call(bound, context, None, record, ask).await?)
    }
}
