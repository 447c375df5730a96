//! Off to a provider.

use serde_json::json;

use super::{AWAY, App, Error, FLOW, Hidden, provider_failed};
use crate::domain::{FlowPurpose, Invalid, Secret};
use crate::guard::actions::{BeginSignIn, ConnectProvider, GetRedirectUri, GetSignInUrl, ListProviders};
use crate::guard::{Authorized, Released};
use crate::outbound::{Journey, ProviderError};
use crate::store::{BeginsFlows, Flow};

/// A provider as everybody may know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub name: String,
    pub label: String,
    pub enabled: bool,
    pub manage_url: Option<String>,
}

/// Where to send somebody, and what their browser must remember.
#[derive(Debug)]
pub struct Departure {
    pub url: String,
    pub state: Secret,
    pub browser: Secret,
}

/// What a provider must be told of us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedirectUri {
    pub provider: String,
    pub base: String,
    pub redirect_uri: String,
}

impl App {
    /// Whom one may sign in with.
    #[must_use = "it is the answer"]
    pub fn list_providers(&self, ok: Authorized<'_, ListProviders>) -> Released<ListProviders, Vec<Listed>> {
        let listed = self.providers.list().map(|it| Listed {
            name: it.name.to_string(),
            label: it.label.clone().unwrap_or_else(|| it.name.to_string()),
            enabled: it.enabled && self.is_served(it),
            manage_url: it.manage_url.as_ref().map(ToString::to_string),
        });
        let listed = listed.collect();
        ok.release(listed)
    }

    /// The redirect address of a provider, turned on or not.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is not configured.
    pub fn redirect_uri_of(
        &self,
        ok: Authorized<'_, GetRedirectUri>,
        provider: &str,
    ) -> Result<Released<GetRedirectUri, RedirectUri>, Error> {
        if !self.providers.list().any(|it| it.name.as_str() == provider) {
            return Err(Error::NotFound);
        }
        let it = RedirectUri {
            provider: provider.to_owned(),
            base: self.settings.public_url.to_string(),
            redirect_uri: self.redirect_uri(provider),
        };
        Ok(ok.release(it))
    }

    /// # Errors
    /// As [`App::begin_sign_in`].
    pub async fn sign_in_url(
        &self,
        ok: Authorized<'_, GetSignInUrl>,
        provider: &str,
        return_to: Option<&str>,
        browser: Option<Secret>,
    ) -> Result<Released<GetSignInUrl, Departure>, Error> {
        let away = self.depart(&ok, provider, FlowPurpose::SignIn, &[], return_to, browser).await?;
        Ok(ok.release(away))
    }

    /// # Errors
    /// [`Error::NotFound`] if there is no such provider, or it is turned off; [`Error::Invalid`] on `return_to`;
    /// [`Error::Unavailable`] if the provider cannot be asked where it is.
    pub async fn begin_sign_in(
        &self,
        ok: Authorized<'_, BeginSignIn>,
        provider: &str,
        return_to: Option<&str>,
        browser: Option<Secret>,
    ) -> Result<Released<BeginSignIn, Departure>, Error> {
        let away = self.depart(&ok, provider, FlowPurpose::SignIn, &[], return_to, browser).await?;
        Ok(ok.release(away))
    }

    /// Sends somebody who is signed in off to connect an account. `scopes` are asked for beside those of a sign-in.
    ///
    /// # Errors
    /// As [`App::begin_sign_in`]; [`Error::Invalid`] on `scopes` if one is not among those that may be asked for.
    pub async fn connect_provider(
        &self,
        ok: Authorized<'_, ConnectProvider>,
        provider: &str,
        scopes: &[String],
        return_to: Option<&str>,
        browser: Option<Secret>,
    ) -> Result<Released<ConnectProvider, Departure>, Error> {
        let ConnectProvider { user, session } = *ok.action();
        // A key has no session, and is no person at a browser.
        let session = session.ok_or(Error::NotFound)?;
        let purpose = FlowPurpose::Connect { user, session };
        let away = self.depart(&ok, provider, purpose, scopes, return_to, browser).await?;
        Ok(ok.release(away))
    }

    async fn depart<A: BeginsFlows>(
        &self,
        ok: &Authorized<'_, A>,
        provider: &str,
        purpose: FlowPurpose,
        more: &[String],
        return_to: Option<&str>,
        browser: Option<Secret>,
    ) -> Result<Departure, Error> {
        let provider = self.provider(ok, provider).await?.ok_or(Error::NotFound)?;
        let elsewhere = || {
            let rule = "must be an address of a listed origin: see `oauth.return_origins`";
            Error::Invalid(vec![Invalid::new("not-allowed", rule).at("return_to")])
        };
        let return_to = return_to.map(|text| self.settings.oauth.origins.accept(text).ok_or_else(elsewhere));
        let return_to = return_to.transpose()?.map(String::from);
        if more.iter().any(|scope| !provider.connect_scopes.contains(scope)) {
            let rule = "each must be one that the provider is configured to be asked for";
            return Err(Error::Invalid(vec![Invalid::new("not-allowed", rule).at("scopes")]));
        }
        let away = |error: ProviderError| {
            provider_failed(&provider, &error);
            Error::Unavailable { retry_after: std::time::Duration::from_secs(30) }
        };
        let described = self.described(&provider, ok.caller()).await.map_err(away)?;
        let mut scopes = described.scopes.clone();
        scopes.extend(more.iter().filter(|scope| !described.scopes.contains(scope)).cloned());
        let [state, verifier, nonce] = [(); 3].map(|()| Secret::random(&*self.random));
        let browser = browser.unwrap_or_else(|| Secret::random(&*self.random));
        let redirect_uri = self.redirect_uri(provider.name.as_str());
        let journey = Journey {
            redirect_uri: &redirect_uri,
            state: &state,
            verifier: &verifier,
            nonce: &nonce,
            scopes: &scopes,
        };
        let url = self.providers.authorize_url(&described, &journey).await.map_err(away)?;
        let hidden = Hidden { verifier: verifier.expose().to_owned(), nonce: nonce.expose().to_owned() };
        let connecting = matches!(purpose, FlowPurpose::Connect { .. });
        let details = json!({ "provider": provider.name.as_str(), "scopes": scopes });
        let flow = Flow {
            provider: provider.name.to_string(),
            browser: browser.hash(),
            purpose,
            sealed: self.seal_json(FLOW, &hidden)?,
            scopes,
            return_to,
        };
        let now = self.now();
        let mut tx = self.store.begin().await?;
        tx.insert_flow(ok, state.hash(), flow, now + AWAY, now).await?;
        // Somebody who only goes to sign in has changed nothing yet.
        if connecting {
            self.note(&mut tx, ok, details).await?;
        }
        tx.commit().await?;
        Ok(Departure { url: url.to_string(), state, browser })
    }
}
