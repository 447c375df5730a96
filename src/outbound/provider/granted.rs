//! What is done with tokens that were granted: refreshed, traded for less, given back.

use http::{Method, Request};
use oauth2::{RefreshToken, Scope, TokenResponse as _, TokenUrl};
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use super::metadata::EXCHANGE;
use super::{Answer, Asks, LONGEST_WORD, ProviderError, Providers, build, oauth, refused, tokens};
use crate::domain::{ClientAuth, Micros, Provider, ProviderTokens, Revocation, Secret};

/// RFC 8693 section 3.
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

impl Providers {
    /// New tokens for a refresh token, for `scopes` alone if there are any. A provider that sends no new refresh token
    /// leaves the old one good.
    ///
    /// # Errors
    /// [`ProviderError`]; [`ProviderError::Refused`] if the grant is over.
    pub async fn refresh(
        &self,
        of: &Provider,
        refresh: &Secret,
        scopes: &[String],
        now: Micros,
    ) -> Result<ProviderTokens, ProviderError> {
        let endpoints = self.endpoints(of).await?;
        let client = oauth(of).set_token_uri(TokenUrl::from_url(endpoints.token.clone()));
        let token = RefreshToken::new(refresh.expose().to_owned());
        let mut request = client.exchange_refresh_token(&token);
        if !scopes.is_empty() {
            request = request.add_scope(Scope::new(of.scope_text(scopes)));
        }
        let answer = request.request_async(&Asks(self, of)).await.map_err(refused)?;
        let fresh = tokens(&answer, now);
        Ok(ProviderTokens { refresh: fresh.refresh.or_else(|| Some(refresh.clone())), ..fresh })
    }

    /// Gives tokens back; a provider without a way to do that is asked nothing. Whether it was.
    ///
    /// # Errors
    /// [`ProviderError`].
    pub async fn revoke(&self, of: &Provider, tokens: &ProviderTokens) -> Result<bool, ProviderError> {
        let Some(url) = self.endpoints(of).await?.revoke.clone() else { return Ok(false) };
        let token = tokens.refresh.as_ref().unwrap_or(&tokens.access).expose();
        let request = match of.revocation {
            Revocation::Rfc7009 => post(of, &url, &[("token", token)])?,
            Revocation::Github => {
                let body = json!({ "access_token": tokens.access.expose() }).to_string();
                build(of, Method::DELETE, &url, Some("application/json"), body.into_bytes(), true)?
            }
        };
        let status = self.ask(of, request).await?.status();
        // 404 and 422 are GitHub's words for a token that is over already.
        let over = of.revocation == Revocation::Github && matches!(status.as_u16(), 404 | 422);
        if status.is_success() || over { Ok(true) } else { Err(ProviderError::Refused(status.to_string())) }
    }

    /// Another token for `access` (RFC 8693), for `scopes` alone if the provider does as it is asked: see what it says of them.
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
        let scopes = of.scope_text(scopes);
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

/// A form of ours, as the client that we are.
fn post(of: &Provider, url: &Url, fields: &[(&str, &str)]) -> Result<Request<Vec<u8>>, ProviderError> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(fields);
    if of.client_auth != ClientAuth::Basic {
        form.append_pair("client_id", &of.client_id);
    }
    if let (ClientAuth::Post, Some(secret)) = (of.client_auth, &of.client_secret) {
        form.append_pair("client_secret", secret.expose());
    }
    let kind = "application/x-www-form-urlencoded";
    build(of, Method::POST, url, Some(kind), form.finish().into_bytes(), true)
}
