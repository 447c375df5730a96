//! Where a provider's endpoints are: what is configured first, then what its metadata say.

use serde_json::Value;
use url::Url;

use super::ProviderError;
use crate::domain::Provider;

/// RFC 8693 section 2.1.
pub(super) const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// The addresses of a provider.
#[derive(Debug, Clone)]
pub struct Endpoints {
    pub authorize: Url,
    pub token: Url,
    pub userinfo: Option<Url>,
    pub jwks: Option<Url>,
    pub revoke: Option<Url>,
    /// Its answers name it (RFC 9207), and one that does not is not its.
    pub names_itself: bool,
    /// It trades tokens for others (RFC 8693).
    pub exchanges: bool,
}

impl Endpoints {
    /// # Errors
    /// If an address is missing, or the metadata are another issuer's.
    pub(super) fn of(provider: &Provider, metadata: Option<&Value>) -> Result<Self, ProviderError> {
        let said = |name: &str| metadata.and_then(|it| it.get(name));
        // OpenID Connect Discovery 1.0 section 4.3, to the letter.
        if metadata.is_some() && said("issuer").and_then(Value::as_str) != provider.issuer.as_deref() {
            return Err(ProviderError::Unusable("its metadata are another issuer's"));
        }
        let place = |configured: &Option<Url>, name: &str| {
            let found = || said(name).and_then(Value::as_str).and_then(|text| Url::parse(text).ok());
            configured.clone().or_else(found)
        };
        let authorize = place(&provider.authorize_url, "authorization_endpoint");
        let token = place(&provider.token_url, "token_endpoint");
        let authorize = authorize.filter(|url| matches!(url.scheme(), "https" | "http"));
        Ok(Self {
            authorize: authorize.ok_or(ProviderError::Configuration("`authorize_url` is missing"))?,
            token: token.ok_or(ProviderError::Configuration("`token_url` is missing"))?,
            userinfo: place(&provider.userinfo_url, "userinfo_endpoint"),
            jwks: place(&provider.jwks_url, "jwks_uri"),
            revoke: place(&provider.revoke_url, "revocation_endpoint"),
            exchanges: provider.narrows_by_exchange.unwrap_or_else(|| {
                let grants = said("grant_types_supported").and_then(Value::as_array);
                grants.is_some_and(|all| all.iter().any(|it| it == EXCHANGE))
            }),
            names_itself: provider.requires_iss
                || said("authorization_response_iss_parameter_supported") == Some(&Value::Bool(true)),
        })
    }
}

/// OpenID Connect Discovery 1.0 section 4.
pub(super) fn address(provider: &Provider, issuer: &str) -> Result<Url, ProviderError> {
    if let Some(url) = &provider.discovery_url {
        return Ok(url.clone());
    }
    let text = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    text.parse().map_err(|_| ProviderError::Configuration("`issuer` is no address"))
}
