//! Providers of organizations: who has which.

use serde_json::json;
use url::Url;

use super::{App, CLIENT_SECRET, Error, bug};
use crate::domain::{
    ClientAuth, DomainName, FieldError, IdTokenAlgorithm, Invalid, NewOrganizationProvider,
    OrganizationProvider, Provider, ProviderHome, ProviderId, ProviderPatch, Secret,
};
use crate::guard::actions::{
    DiscoverProvider, ListOrganizationProviders, RegisterProvider, RemoveProvider, UpdateProvider,
};
use crate::guard::{Authorized, Released};
use crate::outbound::{Reach, could_be_asked};
use crate::store::{FindsProviders, ServingProvider};

impl App {
    /// The organization's provider of this id as every other, if people may sign in with it now.
    pub(super) async fn organization_provider<A: FindsProviders>(
        &self,
        ok: &Authorized<'_, A>,
        id: ProviderId,
    ) -> Result<Option<Provider>, Error> {
        let Some(found) = self.store.find_serving_provider(ok, id).await? else { return Ok(None) };
        let ServingProvider { provider: it, sealed_secret, domains } = found;
        // Written as the operator would, so that what is left out is as it is for everybody's.
        let written = json!({
            "name": it.id.name(),
            "label": it.label,
            "client_id": it.client_id,
            "client_auth": it.client_auth.name(),
            "issuer": it.issuer,
            "scopes": ["openid", "email", "profile"],
            "claims": { "email_verified": it.verified_claim },
            "domains": domains,
            "allow_private_addresses": self.settings.oauth.organizations_reach_private,
        });
        let provider: Provider =
            serde_json::from_value(written).map_err(|error| bug("an organization's provider", error))?;
        let secret = match sealed_secret {
            Some(sealed) => {
                let plain = self.sealer.open(CLIENT_SECRET, &sealed);
                let plain = plain.map_err(|error| bug("a client's secret could not be opened", error))?;
                Some(Secret::new(String::from_utf8_lossy(&plain).into_owned()))
            }
            None => None,
        };
        Ok(Some(Provider {
            client_secret: secret,
            id_token_algorithms: IdTokenAlgorithm::USUAL.to_vec(),
            home: Some(ProviderHome { organization: it.organization, role: it.role }),
            ..provider
        }))
    }

    /// Where people of a domain sign in.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the domain is nobody's.
    pub async fn discover_provider(
        &self,
        ok: Authorized<'_, DiscoverProvider>,
        domain: &str,
    ) -> Result<Released<DiscoverProvider, OrganizationProvider>, Error> {
        let domain = DomainName::parse(domain).ok_or(Error::NotFound)?;
        let found = self.store.discover_provider(&ok, &domain).await?;
        Ok(ok.release(found.ok_or(Error::NotFound)?))
    }

    /// # Errors
    /// [`Error::Invalid`]; [`Error::Conflict`] `too-many`.
    pub async fn register_provider(
        &self,
        ok: Authorized<'_, RegisterProvider>,
        new: NewOrganizationProvider,
    ) -> Result<Released<RegisterProvider, OrganizationProvider>, Error> {
        let wrong = self.wrong(&new);
        if !wrong.is_empty() {
            return Err(Error::Invalid(wrong));
        }
        let sealed = new.client_secret.as_ref().map(|secret| self.sealed_secret(secret));
        let mut tx = self.store.begin().await?;
        let made = tx.insert_organization_provider(&ok, self.fresh(), new, sealed, self.now()).await?;
        let details = json!({
            "provider": made.id.to_string(),
            "issuer": made.issuer,
            "client_id": made.client_id,
            "role": made.role.id().to_string(),
        });
        self.note(&mut tx, &ok, details).await?;
        tx.commit().await?;
        Ok(ok.release(made))
    }

    fn sealed_secret(&self, secret: &Secret) -> Vec<u8> {
        self.sealer.seal(CLIENT_SECRET, secret.expose().as_bytes())
    }

    fn wrong(&self, new: &NewOrganizationProvider) -> Vec<FieldError> {
        let mut wrong = Vec::new();
        let private = self.settings.oauth.organizations_reach_private;
        let reach = if private { Reach::Private } else { Reach::Public };
        let bare = |url: &Url| url.query().is_none() && url.fragment().is_none();
        let fine = |url: Url| bare(&url) && could_be_asked(&url, reach);
        if !new.issuer.parse().is_ok_and(fine) {
            let rule = "it must be a public address with https, as the provider's metadata have it";
            wrong.push(Invalid::new("not-allowed", rule).at("issuer"));
        }
        if (new.client_auth == ClientAuth::None) != new.client_secret.is_none() {
            let rule = "a client has a secret, or `client_auth` is `none`";
            wrong.push(Invalid::new("required", rule).at("client_secret"));
        }
        wrong
    }

    /// # Errors
    /// If the database does not answer.
    pub async fn list_organization_providers(
        &self,
        ok: Authorized<'_, ListOrganizationProviders>,
    ) -> Result<Released<ListOrganizationProviders, Vec<OrganizationProvider>>, Error> {
        let all = self.store.list_organization_providers(&ok).await?;
        Ok(ok.release(all))
    }

    /// # Errors
    /// [`Error::NotFound`].
    pub async fn update_provider(
        &self,
        ok: Authorized<'_, UpdateProvider>,
        patch: ProviderPatch,
    ) -> Result<Released<UpdateProvider, OrganizationProvider>, Error> {
        let ProviderPatch { label, client_secret, enabled } = patch;
        let details = json!({
            "provider": ok.action().provider.to_string(),
            "label": label,
            "secret": client_secret.is_some(),
            "enabled": enabled,
        });
        let sealed = client_secret.as_ref().map(|secret| self.sealed_secret(secret));
        let mut tx = self.store.begin().await?;
        let changed = tx.update_organization_provider(&ok, label, sealed, enabled, self.now()).await?;
        self.note(&mut tx, &ok, details).await?;
        tx.commit().await?;
        Ok(ok.release(changed))
    }

    /// Nobody signs in by it any more; whoever did stays who they are.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn remove_provider(
        &self,
        ok: Authorized<'_, RemoveProvider>,
    ) -> Result<Released<RemoveProvider, ()>, Error> {
        let details = json!({ "provider": ok.action().provider.to_string() });
        let mut tx = self.store.begin().await?;
        tx.delete_organization_provider(&ok).await?;
        self.note(&mut tx, &ok, details).await?;
        tx.commit().await?;
        Ok(ok.release(()))
    }
}
