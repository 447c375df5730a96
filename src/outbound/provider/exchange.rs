//! Trading a token for one that may do less (RFC 8693).

use oauth2::TokenResponse as _;
use serde_json::Value;

use super::metadata::EXCHANGE;
use super::{Answer, LONGEST_WORD, ProviderError, Providers, post, tokens};
use crate::domain::{Micros, Provider, ProviderTokens, Secret};

/// RFC 8693 section 3.
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

impl Providers {
    /// Another token for `access`, for `scopes` alone if the provider does as it is asked: see what it says of them.
    ///
    /// # Errors
    /// [`ProviderError`]; [`ProviderError::Refused`] if it gives none for these.
    pub async fn exchange(
        &self,
        of: &Provider,
        access: &Secret,
        scopes: &[String],
        now: Micros,
    ) -> Result<ProviderTokens, ProviderError> {
        let url = self.endpoints(of).await?.token;
        let scopes = scopes.join(of.scope_separator.as_deref().unwrap_or(" "));
        let fields = [
            ("grant_type", EXCHANGE),
            ("subject_token", access.expose()),
            ("subject_token_type", ACCESS_TOKEN),
            ("requested_token_type", ACCESS_TOKEN),
            ("scope", &scopes),
        ];
        let answer = self.ask(of, post(of, &url, &fields)?).await?;
        let said: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        let error = said.get("error").and_then(Value::as_str);
        if !answer.status().is_success() || error.is_some() {
            let word = error.map_or_else(|| answer.status().as_u16().to_string(), str::to_owned);
            let word = word.chars().filter(char::is_ascii_graphic).take(LONGEST_WORD).collect();
            return Err(ProviderError::Refused(word));
        }
        if said.get("issued_token_type").and_then(Value::as_str) != Some(ACCESS_TOKEN) {
            return Err(ProviderError::Unusable("it gives another kind of token"));
        }
        let read: Answer =
            serde_json::from_value(said).map_err(|_| ProviderError::Unusable("it holds no tokens"))?;
        if read.access_token().secret() == access.expose() {
            return Err(ProviderError::Unusable("it gives the same token back"));
        }
        // One that would outlive it is not kept.
        Ok(ProviderTokens { refresh: None, ..tokens(&read, now) })
    }
}
