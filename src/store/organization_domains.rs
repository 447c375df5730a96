//! Domains that organizations say are their own.

use uuid::Uuid;

use super::sql::{Row, Sql as _, args};
use super::{Error, Store, Tx};
use crate::domain::{ClaimedDomain, DomainName, DomainProof, Micros, OrganizationId};
use crate::guard::Authorized;
use crate::guard::actions::{ClaimDomain, ConfirmDomain, ListDomains, ProveDomain, ReleaseDomain};

/// How many an organization has.
const MOST: i64 = 100;

macro_rules! select_domains {
    ($rest:literal) => {
        concat!(
            "SELECT organization_id, domain, confirmed_at, proof, challenge, created_at FROM organization_domains ",
            $rest
        )
    };
}

fn domain(row: &Row) -> Result<ClaimedDomain, Error> {
    Ok(ClaimedDomain {
        name: row.parse("domain", DomainName::parse)?,
        organization: row.get::<Uuid>("organization_id")?.into(),
        confirmed_at: row.get("confirmed_at")?,
        proof: proof(row)?,
        challenge: row.get("challenge")?,
        created_at: row.get("created_at")?,
    })
}

fn proof(row: &Row) -> Result<Option<DomainProof>, Error> {
    let confirmed: Option<Micros> = row.get("confirmed_at")?;
    let written: Option<String> = row.get("proof")?;
    Ok(match (confirmed, written) {
        (None, _) => None,
        // From before there was another way.
        (Some(_), None) => Some(DomainProof::Administrator),
        (Some(_), Some(_)) => Some(row.parse("proof", DomainProof::of)?),
    })
}

impl Store {
    /// By name.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn list_domains(&self, ok: &Authorized<'_, ListDomains>) -> Result<Vec<ClaimedDomain>, Error> {
        let mut db = self;
        let rows = db
            .all(
                select_domains!("WHERE organization_id = $1 ORDER BY domain"),
                args![Uuid::from(ok.action().organization)],
            )
            .await?;
        rows.iter().map(domain).collect()
    }

    /// # Errors
    /// If the database does not answer.
    pub async fn find_domain(
        &self,
        ok: &Authorized<'_, ProveDomain>,
        name: &DomainName,
    ) -> Result<Option<ClaimedDomain>, Error> {
        let mut db = self;
        let row = db
            .optional(
                select_domains!("WHERE organization_id = $1 AND domain = $2"),
                args![Uuid::from(ok.action().organization), name.as_str()],
            )
            .await?;
        row.as_ref().map(domain).transpose()
    }
}

impl Tx {
    /// Twice is once: it keeps the challenge that it has.
    ///
    /// # Errors
    /// [`super::Conflict::TooMany`].
    pub async fn insert_domain(
        &mut self,
        ok: &Authorized<'_, ClaimDomain>,
        name: &DomainName,
        challenge: &str,
        now: Micros,
    ) -> Result<ClaimedDomain, Error> {
        let ClaimDomain { organization } = *ok.action();
        self.hold_organization(organization).await?;
        let count = "SELECT COUNT(*) AS count FROM organization_domains WHERE organization_id = $1";
        self.room(count, organization, MOST).await?;
        self.run(
            "INSERT INTO organization_domains (organization_id, domain, challenge, created_at) \
             VALUES ($1, $2, $3, $4) ON CONFLICT (organization_id, domain) \
             DO UPDATE SET challenge = COALESCE(organization_domains.challenge, excluded.challenge)",
            args![Uuid::from(organization), name.as_str(), challenge, now],
        )
        .await?;
        self.domain(organization, name).await
    }

    async fn domain(
        &mut self,
        organization: OrganizationId,
        name: &DomainName,
    ) -> Result<ClaimedDomain, Error> {
        let row = self
            .optional(
                select_domains!("WHERE organization_id = $1 AND domain = $2"),
                args![Uuid::from(organization), name.as_str()],
            )
            .await?;
        domain(&row.ok_or(Error::NotFound)?)
    }

    /// # Errors
    /// [`Error::NotFound`] if the organization does not claim it; [`super::Conflict::DomainTaken`] if it is another's.
    pub async fn confirm_domain(
        &mut self,
        ok: &Authorized<'_, ConfirmDomain>,
        name: &DomainName,
        now: Micros,
    ) -> Result<ClaimedDomain, Error> {
        let ConfirmDomain { organization } = *ok.action();
        self.run(
            "UPDATE organization_domains SET confirmed_at = $3, proof = $4 \
             WHERE organization_id = $1 AND domain = $2 AND confirmed_at IS NULL",
            args![Uuid::from(organization), name.as_str(), now, DomainProof::Administrator.name()],
        )
        .await?;
        self.domain(organization, name).await
    }

    /// DNS has this challenge. A claim that was given up and made anew meanwhile has another.
    ///
    /// # Errors
    /// [`Error::Changed`] if there is no such claim; [`super::Conflict::DomainTaken`] if it is another's.
    pub async fn prove_domain(
        &mut self,
        ok: &Authorized<'_, ProveDomain>,
        name: &DomainName,
        challenge: &str,
        now: Micros,
    ) -> Result<ClaimedDomain, Error> {
        let ProveDomain { organization } = *ok.action();
        let proved = self
            .run(
                "UPDATE organization_domains SET confirmed_at = $4, proof = $5 \
                 WHERE organization_id = $1 AND domain = $2 AND challenge = $3 AND confirmed_at IS NULL",
                args![Uuid::from(organization), name.as_str(), challenge, now, DomainProof::Dns.name()],
            )
            .await?;
        if proved == 1 { self.domain(organization, name).await } else { Err(Error::Changed) }
    }

    /// # Errors
    /// [`Error::NotFound`].
    pub async fn delete_domain(
        &mut self,
        ok: &Authorized<'_, ReleaseDomain>,
        name: &DomainName,
    ) -> Result<(), Error> {
        let removed = self
            .run(
                "DELETE FROM organization_domains WHERE organization_id = $1 AND domain = $2",
                args![Uuid::from(ok.action().organization), name.as_str()],
            )
            .await?;
        if removed == 1 { Ok(()) } else { Err(Error::NotFound) }
    }
}
