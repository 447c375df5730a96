//! Handing out a provider's access token: short-lived where the provider has such, never the refresh token.

use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;
use serde_json::json;
use tokio::sync::Mutex;

use super::{App, Error, provider_failed};
use crate::domain::{Identity, IdentityId, Invalid, Micros, Provider, ProviderTokens, Secret};
use crate::guard::actions::BrokerToken;
use crate::guard::{Authorized, Released};
use crate::outbound::ProviderError;
use crate::store::SealedConnection;

/// A token that ends sooner is refreshed first.
const SOON: Duration = Duration::from_secs(5 * 60);

/// A provider's access token on its way out.
#[derive(Debug)]
pub struct Brokered {
    pub access: Secret,
    pub scopes: Vec<String>,
    /// None: the provider does not say.
    pub expires_at: Option<Micros>,
}

/// Who refreshes what: a refresh token that rotates must not be used twice.
#[derive(Debug)]
pub(in crate::app) struct Refreshing(Cache<IdentityId, Arc<Mutex<()>>>);

impl Default for Refreshing {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(10_000).time_to_idle(Duration::from_secs(60)).build())
    }
}

impl App {
    /// A person's access token at a provider, with at least `scopes`; with no others where the provider can do that.
    ///
    /// # Errors
    /// [`Error::NotFound`] if nothing is connected; [`Error::Invalid`] on `scopes` if more is asked than was granted;
    /// [`Error::Conflict`] `reconnect-required` if the grant is over, `not-narrowed` if there
    /// is no token for `scopes` alone; [`Error::Unavailable`] if the provider is away.
    pub async fn broker_token(
        &self,
        ok: Authorized<'_, BrokerToken>,
        scopes: &[String],
    ) -> Result<Released<BrokerToken, Brokered>, Error> {
        let name = &ok.action().provider;
        let provider = self.provider(&ok, name.as_str()).await?.ok_or(Error::NotFound)?;
        let identity = self.connected(&ok).await?;
        let granted = identity.connection.as_ref().map_or(&[][..], |it| it.scopes.as_slice());
        if scopes.iter().any(|scope| !granted.contains(scope)) {
            let rule = "each must be one that the person has granted: connect again to grant more";
            return Err(Error::Invalid(vec![Invalid::new("not-granted", rule).at("scopes")]));
        }
        let lock = self.refreshing.0.get_with(identity.id, async { Arc::default() }).await;
        let _turn = lock.lock().await;
        let less = !scopes.is_empty() && granted.iter().any(|scope| !scopes.contains(scope));
        let traded = if less { self.traded(&ok, identity.id, &provider, scopes).await? } else { None };
        let (tokens, scopes) = match traded {
            Some(traded) => traded,
            None => self.live_tokens(&ok, identity.id, scopes).await?,
        };
        let details = json!({
            "provider": name.as_str(),
            "subject": identity.key.subject,
            "for": ok.caller().links_told(),
        });
        self.note_alone(&ok, details).await?;
        Ok(ok.release(Brokered { access: tokens.access, scopes, expires_at: tokens.expires_at }))
    }

    /// The one that was connected last.
    async fn connected(&self, ok: &Authorized<'_, BrokerToken>) -> Result<Identity, Error> {
        let all = self.store.list_identities(ok).await?;
        let mut own = all.into_iter().filter(|it| it.key.provider == ok.action().provider);
        own.rfind(|it| it.connection.is_some()).ok_or(Error::NotFound)
    }

    /// A token for what is `asked` alone, at a provider that trades tokens. None: at this one another way is left.
    async fn traded(
        &self,
        ok: &Authorized<'_, BrokerToken>,
        id: IdentityId,
        provider: &Provider,
        asked: &[String],
    ) -> Result<Option<(ProviderTokens, Vec<String>)>, Error> {
        let away = |error: &ProviderError| {
            provider_failed(provider, error);
            Error::Unavailable { retry_after: Duration::from_secs(30) }
        };
        let found = async {
            let described = self.described(provider, ok.caller()).await?;
            let exchanges = self.providers.endpoints(&described).await?.exchanges;
            Ok((described, exchanges))
        };
        let described = match found.await {
            Ok((described, true)) => described,
            Ok((_, false)) => return Ok(None),
            Err(_) if provider.narrows_by_exchange.is_none() => return Ok(None),
            Err(error) => return Err(away(&error)),
        };
        let (whole, _) = self.live_tokens(ok, id, &[]).await?;
        match self.providers.exchange(&described, &whole.access, asked, self.now()).await {
            Ok(fresh) => {
                let scopes = fresh.scopes.clone().unwrap_or_else(|| asked.to_vec());
                if scopes.iter().any(|scope| !asked.contains(scope)) {
                    return Err(not_narrowed());
                }
                Ok(Some((fresh, scopes)))
            }
            // That its metadata say so does not mean that we may.
            Err(ProviderError::Refused(_)) if provider.narrows_by_exchange.is_none() => Ok(None),
            Err(error @ (ProviderError::Refused(_) | ProviderError::Unusable(_))) => {
                provider_failed(provider, &error);
                Err(not_narrowed())
            }
            Err(error) => Err(away(&error)),
        }
    }

    /// As they are kept now, refreshed if they end soon, or if less is `asked` for at a provider that can do that.
    async fn live_tokens(
        &self,
        ok: &Authorized<'_, BrokerToken>,
        id: IdentityId,
        asked: &[String],
    ) -> Result<(ProviderTokens, Vec<String>), Error> {
        // Read again: while we waited for our turn somebody may have refreshed them.
        let now = self.now();
        let identity = self.connected(ok).await?;
        let sealed = self.store.sealed_connection(ok, id).await?;
        let (Some(sealed), Some(connection)) = (sealed, identity.connection) else {
            return Err(Error::NotFound);
        };
        let provider = self.provider(ok, ok.action().provider.as_str()).await?.ok_or(Error::NotFound)?;
        let tokens = self.open_tokens(&sealed, connection.expires_at)?;
        let less = !asked.is_empty() && connection.scopes.iter().any(|scope| !asked.contains(scope));
        let narrow = less && provider.narrows_on_refresh;
        let soon = tokens.expires_at.is_some_and(|end| end <= now + SOON);
        let over = tokens.expires_at.is_some_and(|end| end <= now);
        let Some(refresh) = tokens.refresh.as_ref().filter(|_| soon || narrow) else {
            return if over { Err(reconnect()) } else { Ok((tokens, connection.scopes)) };
        };
        let fresh = async {
            let described = self.described(&provider, ok.caller()).await?;
            let wanted = if narrow { asked } else { &[] };
            self.providers.refresh(&described, refresh, wanted, now).await
        };
        let fresh = match fresh.await {
            Ok(fresh) => fresh,
            Err(error) => {
                provider_failed(&provider, &error);
                return match error {
                    _ if !over && !narrow => Ok((tokens, connection.scopes)),
                    ProviderError::Refused(_) if over => Err(reconnect()),
                    ProviderError::Refused(_) => Err(not_narrowed()),
                    _ => Err(Error::Unavailable { retry_after: Duration::from_secs(30) }),
                };
            }
        };
        let usual = if narrow { asked.to_vec() } else { connection.scopes.clone() };
        let scopes = fresh.scopes.clone().unwrap_or(usual);
        // What was granted stays granted: of a token for less only the refresh token that came with it is kept.
        let kept = if narrow {
            let tokens = ProviderTokens { refresh: fresh.refresh.clone(), ..tokens.clone() };
            SealedConnection {
                sealed: self.seal_tokens(&tokens)?,
                scopes: connection.scopes,
                expires_at: tokens.expires_at,
            }
        } else {
            SealedConnection {
                sealed: self.seal_tokens(&fresh)?,
                scopes: scopes.clone(),
                expires_at: fresh.expires_at,
            }
        };
        let mut tx = self.store.begin().await?;
        // Another node may have been first; what we got is good all the same.
        tx.refresh_connection(ok, id, sealed, kept, now).await?;
        tx.commit().await?;
        if narrow && scopes.iter().any(|scope| !asked.contains(scope)) {
            return Err(not_narrowed());
        }
        Ok((fresh, scopes))
    }
}

fn not_narrowed() -> Error {
    Error::Conflict {
        code: "not-narrowed",
        detail: "the provider gives no token for these scopes alone: ask for all that was granted".to_owned(),
    }
}

fn reconnect() -> Error {
    Error::Conflict {
        code: "reconnect-required",
        detail: "what was granted at the provider is over: the person must connect it again".to_owned(),
    }
}
