//! Signing in with others: off to a provider, back from it, and what is kept.
//!
//! Everything a provider says is fetched before any transaction. `begin.rs` sends people off, `finish.rs` takes them
//! back (`by_form.rs` those whom a page posts), `identify.rs` finds out who they are (`plugged.rs` where a plugin says so), `link.rs` whose account that is,
//! `connections.rs` and `broker.rs` deal with what was granted, `organizations.rs` with providers of organizations,
//! `domains.rs` with their domains.

mod begin;
mod broker;
mod by_form;
mod connections;
mod domains;
mod finish;
mod identify;
mod link;
mod organizations;
mod plugged;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use url::Url;

pub use self::begin::{Departure, Listed, RedirectUri};
pub use self::broker::Brokered;
pub(super) use self::broker::Refreshing;
pub use self::connections::{Connected, Disconnected};
pub use self::finish::{Landing, Return, SignedIn};
use super::{App, Error};
use crate::crypto::SealError;
use crate::domain::{Micros, Provider, ProviderTokens, ReturnOrigins, Secret};
use crate::outbound::ProviderError;

/// How long somebody may be away at a provider.
const AWAY: Duration = Duration::from_secs(10 * 60);
/// How long the product's page has to trade a code.
const CODE: Duration = Duration::from_secs(60);
/// Seals verifiers and nonces, and tokens of providers; the words are bound into the seals.
const FLOW: &str = "oauth-flow";
pub(super) const TOKENS: &str = "oauth-tokens";
/// Seals the secrets that organizations' providers gave us.
pub(super) const CLIENT_SECRET: &str = "oauth-client-secret";

/// Where people come back to.
#[derive(Debug, Clone)]
pub struct OAuthSettings {
    /// The product's page.
    pub callback: Url,
    /// Where they may go on to from there.
    pub origins: ReturnOrigins,
    /// Tokens in the fragment instead of a code.
    pub tokens_in_fragment: bool,
    /// Whether organizations' providers may be at addresses that are not public.
    pub organizations_reach_private: bool,
}

impl OAuthSettings {
    /// A page of this server's own address; there is none, so a product names its own.
    #[must_use]
    pub fn new(public_url: &Url) -> Self {
        let mut callback = public_url.clone();
        callback.set_path("/callback");
        Self {
            origins: ReturnOrigins::of([&callback]),
            callback,
            tokens_in_fragment: false,
            organizations_reach_private: false,
        }
    }
}

/// What goes with somebody to a provider and must not be seen there, or by whoever reads the database.
#[derive(Serialize, Deserialize)]
struct Hidden {
    verifier: String,
    nonce: String,
}

/// A provider's tokens as they are sealed.
#[derive(Serialize, Deserialize)]
struct Kept {
    access: String,
    refresh: Option<String>,
}

impl App {
    /// Where a provider sends people back to.
    #[must_use]
    pub fn redirect_uri(&self, provider: &str) -> String {
        let mut url = self.settings.public_url.clone();
        url.set_path(&format!("/api/v1/auth/oauth/{provider}/callback"));
        url.to_string()
    }

    fn seal_json<T: Serialize>(&self, purpose: &'static str, value: &T) -> Result<Vec<u8>, Error> {
        let plain = serde_json::to_vec(value).map(zeroize::Zeroizing::new);
        let plain = plain.map_err(|error| bug("a secret could not be written", error))?;
        Ok(self.sealer.seal(purpose, &plain))
    }

    fn open_json<T: serde::de::DeserializeOwned>(
        &self,
        purpose: &'static str,
        sealed: &[u8],
    ) -> Result<T, Error> {
        let plain = self.sealer.open(purpose, sealed);
        let plain = plain.map_err(|error: SealError| bug("a secret could not be opened", error))?;
        serde_json::from_slice(&plain).map_err(|error| bug("a secret could not be read", error))
    }

    fn seal_tokens(&self, tokens: &ProviderTokens) -> Result<Vec<u8>, Error> {
        let refresh = tokens.refresh.as_ref().map(|token| token.expose().to_owned());
        self.seal_json(TOKENS, &Kept { access: tokens.access.expose().to_owned(), refresh })
    }

    fn open_tokens(&self, sealed: &[u8], expires_at: Option<Micros>) -> Result<ProviderTokens, Error> {
        let Kept { access, refresh } = self.open_json(TOKENS, sealed)?;
        Ok(ProviderTokens {
            access: Secret::new(access),
            refresh: refresh.map(Secret::new),
            expires_at,
            scopes: None,
        })
    }
}

fn bug(context: &'static str, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Bug { context, source: Box::new(error) }
}

/// Writes down why a provider could not be used; people are told no more than that it could not.
fn provider_failed(provider: &Provider, error: &ProviderError) {
    let mut causes = Vec::new();
    let mut next = Some(error as &dyn std::error::Error);
    while let Some(it) = next {
        causes.push(it.to_string());
        next = it.source();
    }
    tracing::warn!(provider = %provider.name, error = causes.join(": "), "a provider could not be used");
}
