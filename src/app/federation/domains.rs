//! Domains of organizations: claimed, and then found to be theirs or not.

use std::time::Duration;

use serde_json::json;

use super::{App, Error};
use crate::domain::{ClaimedDomain, DomainName, Invalid, Secret};
use crate::guard::actions::{ClaimDomain, ConfirmDomain, ListDomains, ProveDomain, ReleaseDomain};
use crate::guard::{Authorized, Released};

impl App {
    /// # Errors
    /// [`Error::Invalid`] on `domain` if anybody gets names below it; [`Error::Conflict`] `too-many`.
    pub async fn claim_domain(
        &self,
        ok: Authorized<'_, ClaimDomain>,
        domain: &DomainName,
    ) -> Result<Released<ClaimDomain, ClaimedDomain>, Error> {
        claimable(domain)?;
        let challenge = Secret::random(&*self.random);
        let mut tx = self.store.begin().await?;
        let claimed = tx.insert_domain(&ok, domain, challenge.expose(), self.now()).await?;
        self.note(&mut tx, &ok, json!({ "domain": domain.as_str() })).await?;
        tx.commit().await?;
        Ok(ok.release(claimed))
    }

    /// # Errors
    /// If the database does not answer.
    pub async fn list_domains(
        &self,
        ok: Authorized<'_, ListDomains>,
    ) -> Result<Released<ListDomains, Vec<ClaimedDomain>>, Error> {
        let all = self.store.list_domains(&ok).await?;
        Ok(ok.release(all))
    }

    /// # Errors
    /// [`Error::NotFound`].
    pub async fn release_domain(
        &self,
        ok: Authorized<'_, ReleaseDomain>,
        domain: &DomainName,
    ) -> Result<Released<ReleaseDomain, ()>, Error> {
        let mut tx = self.store.begin().await?;
        tx.delete_domain(&ok, domain).await?;
        self.note(&mut tx, &ok, json!({ "domain": domain.as_str() })).await?;
        tx.commit().await?;
        Ok(ok.release(()))
    }

    /// Asks DNS whether the organization's challenge is there. Twice is once.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the organization does not claim it; [`Error::Conflict`] `domain-unproved`, or
    /// `domain-taken` if another has it; [`Error::Unavailable`] if DNS does not answer.
    pub async fn prove_domain(
        &self,
        ok: Authorized<'_, ProveDomain>,
        domain: &DomainName,
    ) -> Result<Released<ProveDomain, ClaimedDomain>, Error> {
        let claimed = self.store.find_domain(&ok, domain).await?.ok_or(Error::NotFound)?;
        if claimed.confirmed_at.is_some() {
            return Ok(ok.release(claimed));
        }
        claimable(domain)?;
        let challenge = claimed.challenge.ok_or_else(unproved)?;
        let texts = self.dns.texts(&domain.challenge_name()).await.map_err(|error| {
            tracing::warn!(domain = domain.as_str(), %error, "a domain could not be looked up");
            Error::Unavailable { retry_after: Duration::from_secs(30) }
        })?;
        if !texts.contains(&challenge) {
            return Err(unproved());
        }
        let mut tx = self.store.begin().await?;
        let proved = tx.prove_domain(&ok, domain, &challenge, self.now()).await?;
        self.note(&mut tx, &ok, json!({ "domain": domain.as_str() })).await?;
        tx.commit().await?;
        Ok(ok.release(proved))
    }

    /// # Errors
    /// [`Error::NotFound`] if the organization does not claim it; [`Error::Conflict`] `domain-taken`.
    pub async fn confirm_domain(
        &self,
        ok: Authorized<'_, ConfirmDomain>,
        domain: &DomainName,
    ) -> Result<Released<ConfirmDomain, ClaimedDomain>, Error> {
        claimable(domain)?;
        let mut tx = self.store.begin().await?;
        let confirmed = tx.confirm_domain(&ok, domain, self.now()).await?;
        self.note(&mut tx, &ok, json!({ "domain": domain.as_str() })).await?;
        tx.commit().await?;
        Ok(ok.release(confirmed))
    }
}

/// Whoever had such a name would have everybody's below it; the list of them grows, so this is asked each time.
fn claimable(domain: &DomainName) -> Result<(), Error> {
    if !domain.is_public_suffix() {
        return Ok(());
    }
    let rule = "names below this one are handed out to anybody: claim your own, such as `acme.example`";
    Err(Error::Invalid(vec![Invalid::new("public-suffix", rule).at("domain")]))
}

fn unproved() -> Error {
    Error::Conflict {
        code: "domain-unproved",
        detail:
            "DNS has no TXT record with the challenge of this claim; a new record takes a while to be seen"
                .to_owned(),
    }
}
