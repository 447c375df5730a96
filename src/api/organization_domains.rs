//! `/api/v1/organizations/{id}/domains`: which domains an organization's providers vouch for.

use poem_openapi::param::Path;
use poem_openapi::{Enum, Object, OpenApi};
use time::OffsetDateTime;
use uuid::Uuid;

use super::Chapter;
use super::body::Body;
use super::caller::Caller;
use super::problem::Problem;
use super::reply::{ApiResult, Created, Message};
use crate::domain::{ClaimedDomain, DomainName, DomainProof, Invalid, Micros};
use crate::guard::actions::{ClaimDomain, ConfirmDomain, ListDomains, ProveDomain, ReleaseDomain};

pub(super) struct OrganizationDomainsApi;

/// A domain to claim.
#[derive(Object)]
struct ClaimDomainRequest {
    /// Such as `acme.example`; those below it are others.
    #[oai(validator(max_length = 253))]
    domain: String,
}

/// How a domain was found to be an organization's.
#[derive(Debug, Clone, Copy, Enum)]
#[oai(rename = "DomainProof", rename_all = "lowercase")]
enum DomainProofView {
    /// An administrator of the platform says so.
    Administrator,
    /// A record in DNS.
    Dns,
}

impl From<DomainProof> for DomainProofView {
    fn from(it: DomainProof) -> Self {
        match it {
            DomainProof::Administrator => Self::Administrator,
            DomainProof::Dns => Self::Dns,
        }
    }
}

/// The TXT record that proves a domain.
#[derive(Object)]
#[oai(rename = "DomainChallenge")]
struct DomainChallengeView {
    name: String,
    value: String,
}

/// A domain that an organization says is its own.
#[derive(Object)]
#[oai(skip_serializing_if_is_none, rename = "Domain")]
struct DomainView {
    domain: String,
    organization_id: Uuid,
    /// Its providers vouch for its addresses.
    confirmed: bool,
    confirmed_at: Option<OffsetDateTime>,
    /// How that was found.
    proof: Option<DomainProofView>,
    /// What to write into DNS; a claim from before there was such a thing gets one by being made again.
    challenge: Option<DomainChallengeView>,
    created_at: OffsetDateTime,
}

impl From<ClaimedDomain> for DomainView {
    fn from(it: ClaimedDomain) -> Self {
        let name = it.name.challenge_name();
        Self {
            domain: it.name.to_string(),
            organization_id: it.organization.into(),
            confirmed: it.confirmed_at.is_some(),
            confirmed_at: it.confirmed_at.map(Micros::to_datetime),
            proof: it.proof.map(Into::into),
            challenge: it.challenge.map(|value| DomainChallengeView { name, value }),
            created_at: it.created_at.to_datetime(),
        }
    }
}

/// All of them.
#[derive(Object)]
#[oai(rename = "DomainList")]
struct DomainListView {
    domains: Vec<DomainView>,
}

fn domain(text: &str) -> Result<DomainName, Problem> {
    let wrong = || Invalid::new("not-a-domain", "this is no domain such as `acme.example`").at("domain");
    DomainName::parse(text).ok_or_else(|| Problem::invalid(vec![wrong()]))
}

#[OpenApi(prefix_path = "/api/v1", tag = "Chapter::Federation")]
impl OrganizationDomainsApi {
    /// Say that a domain is an organization's
    ///
    /// It counts once DNS has the `challenge` of the answer, and `prove` was asked; or once an administrator of the
    /// platform has confirmed it. 422 `public-suffix` if anybody gets names below it.
    #[oai(path = "/organizations/:organization_id/domains", method = "post", operation_id = "claim_domain")]
    async fn claim(
        &self,
        caller: Caller,
        organization_id: Path<Uuid>,
        body: Body<ClaimDomainRequest>,
    ) -> Created<ClaimDomain, DomainView> {
        let ok = caller.authorize(ClaimDomain { organization: organization_id.0.into() }).await?;
        let claimed = caller.app().claim_domain(ok, &domain(&body.0.domain)?).await?;
        Ok(claimed.map(DomainView::from).into())
    }

    /// Prove that a domain is an organization's
    ///
    /// DNS is asked for the TXT record of `challenge`, an alias is not followed. 409 `domain-unproved` if it is not there,
    /// 409 `domain-taken` if another organization has the domain, 503 if DNS does not answer. The record may go afterwards.
    #[oai(
        path = "/organizations/:organization_id/domains/:domain/prove",
        method = "post",
        operation_id = "prove_domain"
    )]
    async fn prove(
        &self,
        caller: Caller,
        organization_id: Path<Uuid>,
        domain: Path<String>,
    ) -> ApiResult<ProveDomain, DomainView> {
        let ok = caller.authorize(ProveDomain { organization: organization_id.0.into() }).await?;
        let name = DomainName::parse(&domain.0).ok_or_else(Problem::not_found)?;
        let proved = caller.app().prove_domain(ok, &name).await?;
        Ok(proved.map(DomainView::from).into())
    }

    /// List an organization's domains
    #[oai(path = "/organizations/:organization_id/domains", method = "get", operation_id = "list_domains")]
    async fn domains(
        &self,
        caller: Caller,
        organization_id: Path<Uuid>,
    ) -> ApiResult<ListDomains, DomainListView> {
        let ok = caller.authorize(ListDomains { organization: organization_id.0.into() }).await?;
        let all = caller.app().list_domains(ok).await?;
        Ok(all.map(|all| DomainListView { domains: all.into_iter().map(DomainView::from).collect() }).into())
    }

    /// Give a domain up
    ///
    /// The organization's providers serve its people no more.
    #[oai(
        path = "/organizations/:organization_id/domains/:domain",
        method = "delete",
        operation_id = "release_domain"
    )]
    async fn release(
        &self,
        caller: Caller,
        organization_id: Path<Uuid>,
        domain: Path<String>,
    ) -> ApiResult<ReleaseDomain, Message> {
        let ok = caller.authorize(ReleaseDomain { organization: organization_id.0.into() }).await?;
        let name = DomainName::parse(&domain.0).ok_or_else(Problem::not_found)?;
        let done = caller.app().release_domain(ok, &name).await?;
        Ok(done.map(|()| Message::new("released")).into())
    }

    /// Confirm that a domain is an organization's
    ///
    /// For administrators of the platform, who have seen that it is. A domain is one organization's: 409 `domain-taken` if
    /// another has it.
    #[oai(
        path = "/organizations/:organization_id/domains/:domain/confirm",
        method = "post",
        operation_id = "confirm_domain"
    )]
    async fn confirm(
        &self,
        caller: Caller,
        organization_id: Path<Uuid>,
        domain: Path<String>,
    ) -> ApiResult<ConfirmDomain, DomainView> {
        let ok = caller.authorize(ConfirmDomain { organization: organization_id.0.into() }).await?;
        let name = DomainName::parse(&domain.0).ok_or_else(Problem::not_found)?;
        let confirmed = caller.app().confirm_domain(ok, &name).await?;
        Ok(confirmed.map(DomainView::from).into())
    }
}
