//! Who somebody is who came back with a code.

use serde_json::Value;

use super::{App, Hidden};
use crate::crypto::{IdToken, IdTokenError, IdTokenRules};
use crate::domain::{Provider, ProviderTokens, Secret, Told};
use crate::guard::Principal;
use crate::outbound::{Journey, ProviderError, Redeemed, Said, told};

impl App {
    /// Trades the code and asks who it is. An ID token is believed if it is signed by the issuer, for us, for this very
    /// journey; without OpenID Connect the person is who the access token is of, which came straight from the provider.
    pub(super) async fn identify(
        &self,
        provider: &Provider,
        code: Secret,
        hidden: Hidden,
        scopes: &[String],
        caller: &Principal,
    ) -> Result<(Told, ProviderTokens), ProviderError> {
        let (verifier, nonce) = (Secret::new(hidden.verifier), Secret::new(hidden.nonce));
        let redirect_uri = self.redirect_uri(provider.name.as_str());
        let journey = Journey {
            redirect_uri: &redirect_uri,
            state: &Secret::new(String::new()),
            verifier: &verifier,
            nonce: &nonce,
            scopes,
        };
        let (told, tokens) = match &provider.plugin {
            Some(plugin) => self.identify_by_plugin(provider, plugin, (code, &journey), caller).await?,
            None => self.identify_plainly(provider, code, &journey).await?,
        };
        let scopes = tokens.scopes.or_else(|| Some(scopes.to_vec()));
        Ok((told, ProviderTokens { scopes, ..tokens }))
    }

    async fn identify_plainly(
        &self,
        provider: &Provider,
        code: Secret,
        journey: &Journey<'_>,
    ) -> Result<(Told, ProviderTokens), ProviderError> {
        let redeemed = self.providers.redeem(provider, code, journey, self.now()).await?;
        let access = &redeemed.tokens.access;
        let id_token = self.id_token_of(provider, &redeemed, journey.nonce).await?;
        let mut said = Said { id_token, ..Said::default() };
        match &said.id_token {
            Some((_, _, claims)) => {
                // What the token says is enough; only what it leaves out is asked for.
                let silent = provider.claims.email.text(claims).is_none();
                if silent && self.providers.endpoints(provider).await?.userinfo.is_some() {
                    said.userinfo = Some(self.object(provider, access).await?);
                }
            }
            None => {
                said.userinfo = Some(self.object(provider, access).await?);
                said.emails = self.providers.emails(provider, access).await?;
            }
        }
        Ok((told(provider, &said)?, redeemed.tokens))
    }

    /// Issuer, subject and claims of the ID token, which there must be where there is an issuer.
    pub(super) async fn id_token_of(
        &self,
        provider: &Provider,
        redeemed: &Redeemed,
        nonce: &Secret,
    ) -> Result<Option<(String, String, Value)>, ProviderError> {
        let Some(issuer) = &provider.issuer else { return Ok(None) };
        let token = redeemed.id_token.as_ref().ok_or(ProviderError::Unusable("there is no ID token"))?;
        let rules = IdTokenRules {
            issuer,
            client_id: &provider.client_id,
            nonce,
            algorithms: &provider.id_token_algorithms,
            now: self.now(),
        };
        let read = self.read_id_token(provider, &rules, token).await?;
        Ok(Some((read.issuer, read.subject, read.claims)))
    }

    /// An issuer that has a new key has it in its key set; so an unknown one is looked for there once more.
    async fn read_id_token(
        &self,
        provider: &Provider,
        rules: &IdTokenRules<'_>,
        token: &Secret,
    ) -> Result<IdToken, ProviderError> {
        let mut fresh = false;
        loop {
            let keys = self.providers.keys(provider, fresh).await?;
            match rules.read(token.expose(), &keys) {
                Ok(read) => return Ok(read),
                Err(IdTokenError::UnknownKey | IdTokenError::BadSignature) if !fresh => fresh = true,
                Err(error) => {
                    tracing::warn!(provider = %provider.name, %error, "an ID token is not taken");
                    return Err(ProviderError::Unusable("its ID token is not right"));
                }
            }
        }
    }

    async fn object(&self, provider: &Provider, access: &Secret) -> Result<Value, ProviderError> {
        let said = self.providers.userinfo(provider, access).await?;
        if said.is_object() { Ok(said) } else { Err(ProviderError::Unusable("the user info is no object")) }
    }
}
