//! Providers by plugin. The plugin says where its provider is and who came; state, PKCE, redirect address, secret, the check
//! of ID tokens and whose account it is stay here, and so does every bound on what the plugin says.

use std::borrow::Cow;

use serde_json::{Value, json};
use url::Url;

use super::{App, Error, bug};
use crate::crypto::signed_client_secret;
use crate::domain::{
    ClientAuth, FLOW_PARAMETERS, Micros, Provider, ProviderId, ProviderTokens, Secret, Told,
};
use crate::guard::{Authorized, Principal};
use crate::outbound::{Journey, ProviderError, Redeemed, Said, told};
use crate::plugins::{self, Endpoints, ExternalIdentity, OauthError, TokenSet};
use crate::store::FindsProviders;

const LONGEST_ADDRESS: usize = 2_000;
const LONGEST_WORD: usize = 256;
const MOST_WORDS: usize = 50;
const LONGEST_TOKEN: usize = 16 * 1024;
/// What is looked at of a profile for the claims that the operator maps.
const LONGEST_PROFILE: usize = 64 * 1024;

impl App {
    /// The provider of this name, if people may sign in with it now.
    pub(super) async fn provider<A: FindsProviders>(
        &self,
        ok: &Authorized<'_, A>,
        name: &str,
    ) -> Result<Option<Provider>, Error> {
        if let Some(id) = ProviderId::of_name(name) {
            return self.organization_provider(ok, id).await;
        }
        let found = self.providers.find(name).filter(|it| self.is_served(it)).cloned();
        found.map(|it| self.with_signed_secret(it)).transpose()
    }

    /// Whatever is asked there next is asked with a secret of now.
    fn with_signed_secret(&self, provider: Provider) -> Result<Provider, Error> {
        let (Some(key), Some(issuer)) = (&provider.client_key, &provider.issuer) else { return Ok(provider) };
        let signed = signed_client_secret(key, &provider.client_id, issuer, self.now());
        let signed = signed.map_err(|error| bug("a secret could not be signed", error))?;
        Ok(Provider { client_secret: Some(signed), ..provider })
    }

    /// Whether whoever says where the provider is can be asked.
    pub(super) fn is_served(&self, provider: &Provider) -> bool {
        provider.plugin.as_deref().is_none_or(|plugin| self.plugins().provides(plugin))
    }

    /// The provider with what its plugin says of it, if it has one.
    pub(super) async fn described<'p>(
        &self,
        provider: &'p Provider,
        caller: &Principal,
    ) -> Result<Cow<'p, Provider>, ProviderError> {
        let Some(plugin) = &provider.plugin else { return Ok(Cow::Borrowed(provider)) };
        let context = self.hook_context(caller, None, None);
        let said = self.plugins().describe_endpoints(&context, plugin).await.map_err(unanswered)?;
        laid_under(provider, said).map(Cow::Owned)
    }

    /// Who somebody is, by a plugin. It is shown what the token endpoint and the profile said, and neither our secret nor,
    /// unless it trades codes itself, the code.
    pub(super) async fn identify_by_plugin(
        &self,
        provider: &Provider,
        plugin: &str,
        (code, journey): (Secret, &Journey<'_>),
        caller: &Principal,
    ) -> Result<(Told, ProviderTokens), ProviderError> {
        let context = self.hook_context(caller, None, None);
        // One generation for the whole of it.
        let plugins = self.plugins();
        let trades = plugins.exchanges_codes(plugin).map_err(unanswered)?;
        let redeemed = if trades {
            let what = (code.expose(), journey.redirect_uri, journey.verifier.expose());
            let said = plugins.exchange_code(&context, plugin, what).await.map_err(unanswered)?;
            traded(said, self.now())?
        } else {
            self.providers.redeem(provider, code, journey, self.now()).await?
        };
        let id_token = self.id_token_of(provider, &redeemed, journey.nonce).await?;
        let tokens = TokenSet {
            access_token: redeemed.tokens.access.expose().to_owned(),
            id_token_claims: id_token.as_ref().map(|(_, _, claims)| claims.to_string()),
            raw: redeemed.raw.expose().to_owned(),
        };
        let profile = if trades {
            plugins.fetch_profile(&context, plugin, &tokens).await.map_err(unanswered)?
        } else if provider.userinfo_url.is_some() {
            Some(self.providers.userinfo(provider, &redeemed.tokens.access).await?.to_string())
        } else {
            None
        };
        let said = plugins.map_profile(&context, plugin, &tokens, profile.as_deref()).await;
        let mut said = said.as_ref().map(profile_of).map_err(|error| unanswered(error.clone()))?;
        // The issuer has said who it is; the plugin cannot make it somebody else.
        said.id_token = id_token.map(|(issuer, subject, _)| (issuer, subject, json!({})));
        Ok((told(provider, &said)?, redeemed.tokens))
    }
}

/// `provider` as its plugin says it is; what the operator says goes before that, and no address is outside of the
/// operator's origins.
fn laid_under(provider: &Provider, said: Endpoints) -> Result<Provider, ProviderError> {
    let place = |configured: &Option<Url>, said: Option<&str>| match (configured, said) {
        (Some(url), _) => Ok(Some(url.clone())),
        (None, Some(text)) => address(provider, text).map(Some),
        (None, None) => Ok(None),
    };
    let words = |all: &[String]| {
        all.len() <= MOST_WORDS && all.iter().all(|it| !it.is_empty() && it.len() <= LONGEST_WORD)
    };
    let (names, values): (Vec<_>, Vec<_>) = said.extra_authorize_params.iter().cloned().unzip();
    if !words(&said.scopes) || !words(&names) || !words(&values) {
        return Err(ProviderError::Unusable("its plugin says too much"));
    }
    if names.iter().any(|name| FLOW_PARAMETERS.contains(&name.as_str())) {
        return Err(ProviderError::Unusable("its plugin sets a parameter of the flow itself"));
    }
    if let Some(issuer) = &said.issuer {
        address(provider, issuer)?;
    }
    let mut parameters: std::collections::BTreeMap<_, _> = said.extra_authorize_params.into_iter().collect();
    parameters.extend(provider.parameters.clone());
    let jwks_url = place(&provider.jwks_url, said.jwks.as_deref())?;
    if said.issuer.is_some() && jwks_url.is_none() {
        return Err(ProviderError::Unusable("its plugin names an issuer and no keys"));
    }
    Ok(Provider {
        authorize_url: place(&provider.authorize_url, Some(&said.authorize))?,
        token_url: place(&provider.token_url, Some(&said.token))?,
        userinfo_url: place(&provider.userinfo_url, said.userinfo.as_deref())?,
        jwks_url,
        issuer: said.issuer,
        discovery: false,
        scopes: if provider.scopes.is_empty() { said.scopes } else { provider.scopes.clone() },
        client_auth: match said.client_auth {
            plugins::ClientAuth::None => ClientAuth::None,
            plugins::ClientAuth::Basic => ClientAuth::Basic,
            plugins::ClientAuth::Post => ClientAuth::Post,
        },
        parameters,
        ..provider.clone()
    })
}

fn address(provider: &Provider, text: &str) -> Result<Url, ProviderError> {
    let url = Url::parse(text).ok().filter(|_| text.len() <= LONGEST_ADDRESS);
    let bare = |url: &Url| url.username().is_empty() && url.password().is_none();
    let ours = |url: &Url| provider.origins.iter().any(|it| it.origin() == url.origin());
    let wrong = ProviderError::Unusable("its plugin names an address outside of `origins`");
    url.filter(|url| bare(url) && ours(url)).ok_or(wrong)
}

/// What a plugin traded a code for. It has no way to refresh a token, so none is kept for that.
fn traded(said: TokenSet, now: Micros) -> Result<Redeemed, ProviderError> {
    let fine = (1..=LONGEST_TOKEN).contains(&said.access_token.len())
        && said.access_token.bytes().all(|byte| byte.is_ascii_graphic());
    let raw: Value = serde_json::from_str(&said.raw).unwrap_or_default();
    if !fine || !raw.is_object() {
        return Err(ProviderError::Unusable("its plugin has no token"));
    }
    let lifetime = raw.get("expires_in").and_then(Value::as_u64).map(std::time::Duration::from_secs);
    let text = |name: &str| raw.get(name).and_then(Value::as_str);
    let scopes = text("scope").map(|it| it.split([' ', ',']).filter(|it| !it.is_empty()));
    Ok(Redeemed {
        tokens: ProviderTokens {
            access: Secret::new(said.access_token),
            refresh: None,
            expires_at: lifetime.map(|lifetime| now + lifetime),
            scopes: scopes.map(|scopes| scopes.map(str::to_owned).collect()),
        },
        id_token: text("id_token").map(|it| Secret::new(it.to_owned())),
        raw: Secret::new(said.raw),
    })
}

/// The plugin's words in the shape of any provider's, so that the same rules of trust are for them.
fn profile_of(said: &ExternalIdentity) -> Said {
    let raw = Some(&said.raw).filter(|raw| raw.len() <= LONGEST_PROFILE);
    let raw = raw.and_then(|raw| serde_json::from_str::<Value>(raw).ok());
    let userinfo = json!({
        "sub": said.subject,
        "email": said.email,
        "email_verified": said.email_verified,
        "name": said.full_name,
        "raw": raw,
    });
    Said { userinfo: Some(userinfo), ..Said::default() }
}

/// A plugin that says no has answered; one that cannot is away.
fn unanswered(error: OauthError) -> ProviderError {
    match error {
        OauthError::NoAnswer(plugins::Error::Failed(_)) => ProviderError::Unusable("its plugin refuses"),
        error => ProviderError::NoPlugin(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider() -> Provider {
        let written = json!({
            "name": "idp", "client_id": "us", "plugin": "pretender", "origins": ["https://idp.example.com"],
        });
        serde_json::from_value(written).unwrap()
    }

    fn endpoints() -> Endpoints {
        Endpoints {
            issuer: None,
            authorize: "https://idp.example.com/authorize".into(),
            token: "https://idp.example.com/token".into(),
            userinfo: None,
            jwks: None,
            scopes: vec!["profile".into()],
            client_auth: plugins::ClientAuth::Post,
            extra_authorize_params: vec![("prompt".into(), "login".into())],
        }
    }

    #[test]
    fn f58_no_address_of_a_plugin_is_outside_of_the_operators_origins() {
        let good = laid_under(&provider(), endpoints()).unwrap();
        assert_eq!(good.token_url.unwrap().as_str(), "https://idp.example.com/token");
        for wrong in [
            "https://evil.example/token",
            "http://idp.example.com/token",
            "https://idp.example.com:444/token",
            "https://idp.example.com@evil.example/",
            "https://us:hush@idp.example.com/",
            "https://idp.example.com.evil.example/",
            "https:\\\\evil.example",
            "//idp.example.com/token",
            "javascript:alert(1)",
            "data:text/plain,x",
            "",
            &format!("https://idp.example.com/{}", "x".repeat(2_000)),
        ] {
            for (at, said) in [
                Endpoints { authorize: wrong.into(), ..endpoints() },
                Endpoints { token: wrong.into(), ..endpoints() },
                Endpoints { userinfo: Some(wrong.into()), ..endpoints() },
                Endpoints { jwks: Some(wrong.into()), ..endpoints() },
                Endpoints { issuer: Some(wrong.into()), ..endpoints() },
            ]
            .into_iter()
            .enumerate()
            {
                assert!(laid_under(&provider(), said).is_err(), "{at}: {wrong}");
            }
        }
    }

    #[test]
    fn a_plugin_sets_nothing_of_the_flow_and_says_little() {
        for name in FLOW_PARAMETERS {
            let extra_authorize_params = vec![(name.to_owned(), "mine".to_owned())];
            assert!(laid_under(&provider(), Endpoints { extra_authorize_params, ..endpoints() }).is_err());
        }
        for scopes in [vec!["x".to_owned(); 51], vec!["x".repeat(257)], vec![String::new()]] {
            assert!(laid_under(&provider(), Endpoints { scopes, ..endpoints() }).is_err());
        }
        let issuer = Some("https://idp.example.com".to_owned());
        assert!(laid_under(&provider(), Endpoints { issuer, ..endpoints() }).is_err(), "without keys");
    }

    #[test]
    fn what_the_operator_says_goes_before_what_the_plugin_says() {
        let mut provider = provider();
        provider.token_url = Some("https://elsewhere.example.com/token".parse().unwrap());
        provider.scopes = vec!["less".to_owned()];
        provider.parameters.insert("prompt".to_owned(), "none".to_owned());
        let laid = laid_under(&provider, endpoints()).unwrap();
        assert_eq!(laid.token_url, provider.token_url);
        assert_eq!((laid.scopes, laid.parameters), (provider.scopes, provider.parameters));
    }
}
