//! Providers of organizations.

use uuid::Uuid;

use super::sql::{Row, Sql as _, args};
use super::{Conflict, Error, MakesIdentities, Store, Tx};
use crate::domain::{
    ClientAuth, DomainName, MembershipId, Micros, NewOrganizationProvider, OrganizationId,
    OrganizationProvider, ProviderHome, ProviderId, RoleId, RoleRef, UserId,
};
use crate::guard::actions::{
    BeginSignIn, BrokerToken, ConnectProvider, DisconnectAll, DisconnectProvider, DisconnectUser,
    DiscoverProvider, ExchangeCode, FinishSignIn, GetSignInUrl, ListOrganizationProviders, RegisterProvider,
    RemoveProvider, ResealSecrets, UpdateProvider,
};
use crate::guard::{Action, Authorized};

/// How many an organization has.
const MOST: i64 = 50;

/// The actions that go to a provider by its name.
pub trait FindsProviders: Action {}
impl FindsProviders for GetSignInUrl {}
impl FindsProviders for BeginSignIn {}
impl FindsProviders for FinishSignIn {}
impl FindsProviders for ExchangeCode {}
impl FindsProviders for ConnectProvider {}
impl FindsProviders for BrokerToken {}
impl FindsProviders for DisconnectProvider {}
impl FindsProviders for DisconnectUser {}
impl FindsProviders for DisconnectAll {}

/// A provider that people may sign in with now.
#[derive(Debug)]
pub struct ServingProvider {
    pub provider: OrganizationProvider,
    pub sealed_secret: Option<Vec<u8>>,
    /// Confirmed ones; without any it serves nobody.
    pub domains: Vec<String>,
}

macro_rules! select_providers {
    ($rest:literal) => {
        concat!(
            "SELECT organization_providers.id, organization_id, label, issuer, client_id, client_auth, sealed_secret, ",
            "verified_claim, role_id, enabled, organization_providers.created_at, organization_providers.updated_at ",
            "FROM organization_providers ",
            $rest
        )
    };
}

fn provider(row: &Row) -> Result<OrganizationProvider, Error> {
    Ok(OrganizationProvider {
        id: row.get::<Uuid>("id")?.into(),
        organization: row.get::<Uuid>("organization_id")?.into(),
        label: row.get("label")?,
        issuer: row.get("issuer")?,
        client_id: row.get("client_id")?,
        client_auth: row.parse("client_auth", ClientAuth::of)?,
        verified_claim: row.get("verified_claim")?,
        role: RoleRef::from(row.get::<RoleId>("role_id")?),
        enabled: row.get("enabled")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

impl Store {
    /// The provider of this id, if it is on and its organization is there and has a confirmed domain.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn find_serving_provider<A: FindsProviders>(
        &self,
        _ok: &Authorized<'_, A>,
        id: ProviderId,
    ) -> Result<Option<ServingProvider>, Error> {
        let mut db = self;
        let row = db
            .optional(
                select_providers!(
                    "JOIN organizations ON organizations.id = organization_id \
                     WHERE organization_providers.id = $1 AND enabled AND archived_at IS NULL"
                ),
                args![Uuid::from(id)],
            )
            .await?;
        let Some(row) = row else { return Ok(None) };
        let found = provider(&row)?;
        let rows = db
            .all(
                "SELECT domain FROM organization_domains WHERE organization_id = $1 AND confirmed_at IS NOT NULL \
                 ORDER BY domain",
                args![Uuid::from(found.organization)],
            )
            .await?;
        let domains = rows.iter().map(|row| row.get("domain")).collect::<Result<Vec<String>, _>>()?;
        let sealed_secret = row.get("sealed_secret")?;
        Ok(Some(ServingProvider { provider: found, sealed_secret, domains })
            .filter(|it| !it.domains.is_empty()))
    }

    /// The provider of whoever has confirmed this domain; of several the oldest.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn discover_provider(
        &self,
        _ok: &Authorized<'_, DiscoverProvider>,
        domain: &DomainName,
    ) -> Result<Option<OrganizationProvider>, Error> {
        let mut db = self;
        let row = db
            .optional(
                select_providers!(
                    "JOIN organizations ON organizations.id = organization_id \
                     WHERE enabled AND archived_at IS NULL AND organization_id = (SELECT organization_id \
                     FROM organization_domains WHERE domain = $1 AND confirmed_at IS NOT NULL) \
                     ORDER BY organization_providers.id LIMIT 1"
                ),
                args![domain.as_str()],
            )
            .await?;
        row.as_ref().map(provider).transpose()
    }

    /// The oldest first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn list_organization_providers(
        &self,
        ok: &Authorized<'_, ListOrganizationProviders>,
    ) -> Result<Vec<OrganizationProvider>, Error> {
        let mut db = self;
        let rows = db
            .all(
                select_providers!("WHERE organization_id = $1 ORDER BY organization_providers.id"),
                args![Uuid::from(ok.action().organization)],
            )
            .await?;
        rows.iter().map(provider).collect()
    }
}

impl Tx {
    /// # Errors
    /// [`Error::Changed`] if the role is gone; [`Conflict::TooMany`].
    pub async fn insert_organization_provider(
        &mut self,
        ok: &Authorized<'_, RegisterProvider>,
        id: ProviderId,
        new: NewOrganizationProvider,
        sealed_secret: Option<Vec<u8>>,
        now: Micros,
    ) -> Result<OrganizationProvider, Error> {
        let RegisterProvider { organization, role } = *ok.action();
        self.hold_role(organization, role).await?;
        let count = "SELECT COUNT(*) AS count FROM organization_providers WHERE organization_id = $1";
        self.room(count, organization, MOST).await?;
        self.run(
            "INSERT INTO organization_providers (id, organization_id, label, issuer, client_id, client_auth, \
             sealed_secret, verified_claim, role_id, enabled, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, TRUE, $10, $10)",
            args![
                Uuid::from(id),
                Uuid::from(organization),
                new.label,
                new.issuer,
                new.client_id,
                new.client_auth.name(),
                sealed_secret,
                new.verified_claim,
                Uuid::from(role.id()),
                now,
            ],
        )
        .await?;
        self.organization_provider(organization, id).await
    }

    async fn organization_provider(
        &mut self,
        organization: OrganizationId,
        id: ProviderId,
    ) -> Result<OrganizationProvider, Error> {
        let row = self
            .optional(
                select_providers!("WHERE organization_providers.id = $1 AND organization_id = $2"),
                args![Uuid::from(id), Uuid::from(organization)],
            )
            .await?;
        provider(&row.ok_or(Error::NotFound)?)
    }

    /// What is `None` stays as it is.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn update_organization_provider(
        &mut self,
        ok: &Authorized<'_, UpdateProvider>,
        label: Option<String>,
        sealed_secret: Option<Vec<u8>>,
        enabled: Option<bool>,
        now: Micros,
    ) -> Result<OrganizationProvider, Error> {
        let UpdateProvider { organization, provider } = *ok.action();
        self.hold_organization(organization).await?;
        let before = self.organization_provider(organization, provider).await?;
        self.run(
            "UPDATE organization_providers SET label = $3, enabled = $4, updated_at = $5 \
             WHERE id = $1 AND organization_id = $2",
            args![
                Uuid::from(provider),
                Uuid::from(organization),
                label.unwrap_or(before.label),
                enabled.unwrap_or(before.enabled),
                now,
            ],
        )
        .await?;
        if let Some(sealed) = sealed_secret {
            self.run(
                "UPDATE organization_providers SET sealed_secret = $2 WHERE id = $1",
                args![Uuid::from(provider), sealed],
            )
            .await?;
        }
        self.organization_provider(organization, provider).await
    }

    /// # Errors
    /// [`Error::NotFound`].
    pub async fn delete_organization_provider(
        &mut self,
        ok: &Authorized<'_, RemoveProvider>,
    ) -> Result<(), Error> {
        let RemoveProvider { organization, provider } = *ok.action();
        let removed = self
            .run(
                "DELETE FROM organization_providers WHERE id = $1 AND organization_id = $2",
                args![Uuid::from(provider), Uuid::from(organization)],
            )
            .await?;
        if removed == 1 { Ok(()) } else { Err(Error::NotFound) }
    }

    /// Makes somebody a member who came by the organization's provider for the first time, if they are none and the
    /// role is there. Whether it did.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn join_by_provider<A: MakesIdentities>(
        &mut self,
        _ok: &Authorized<'_, A>,
        id: MembershipId,
        user: UserId,
        home: ProviderHome,
        now: Micros,
    ) -> Result<bool, Error> {
        match self.hold_role(home.organization, home.role).await {
            Ok(_) => {}
            Err(Error::Changed | Error::NotFound) => return Ok(false),
            Err(error) => return Err(error),
        }
        let there = "SELECT 1 AS one FROM memberships WHERE organization_id = $1 AND user_id = $2";
        if self.optional(there, args![Uuid::from(home.organization), Uuid::from(user)]).await?.is_some() {
            return Ok(false);
        }
        self.insert_membership((id, home.organization), user, home.role, None, now).await?;
        Ok(true)
    }

    pub(super) async fn room(
        &mut self,
        count: &'static str,
        organization: OrganizationId,
        most: i64,
    ) -> Result<(), Error> {
        let there: i64 = self.one(count, args![Uuid::from(organization)]).await?.get("count")?;
        if there < most { Ok(()) } else { Err(Error::Conflict(Conflict::TooMany)) }
    }

    /// Sealed secrets of clients.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn sealed_client_secrets(
        &mut self,
        _ok: &Authorized<'_, ResealSecrets>,
        after: ProviderId,
        limit: i64,
    ) -> Result<Vec<(ProviderId, Vec<u8>)>, Error> {
        let rows = self
            .all(
                "SELECT id, sealed_secret FROM organization_providers \
                 WHERE sealed_secret IS NOT NULL AND id > $1 ORDER BY id LIMIT $2",
                args![Uuid::from(after), limit],
            )
            .await?;
        rows.iter().map(|row| Ok((row.get::<Uuid>("id")?.into(), row.get("sealed_secret")?))).collect()
    }

    /// # Errors
    /// If the database does not answer.
    pub async fn reseal_client_secret(
        &mut self,
        _ok: &Authorized<'_, ResealSecrets>,
        id: ProviderId,
        anew: Vec<u8>,
    ) -> Result<(), Error> {
        self.run(
            "UPDATE organization_providers SET sealed_secret = $2 WHERE id = $1",
            args![Uuid::from(id), anew],
        )
        .await?;
        Ok(())
    }
}
