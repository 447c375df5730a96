//! The log of decisions: an organization's, the platform's.

use poem_openapi::param::{Path, Query};
use poem_openapi::{Object, OpenApi};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::Chapter;
use super::caller::Caller;
use super::events::word;
use super::problem::Problem;
use super::reply::ApiResult;
use super::views::instant;
use crate::domain::{DecisionFilter, LoggedDecision};
use crate::guard::actions::{GetDecision, GetOrganizationDecision, ListDecisions, ListOrganizationDecisions};

pub(super) struct DecisionsApi;

/// A decision as it was made: what was denied, what administrators did, and a share of the rest.
#[derive(Object)]
#[oai(skip_serializing_if_is_none, rename = "LoggedDecision")]
pub(super) struct LoggedDecisionView {
    /// Ids sort by time; pass the last one's as `before` for the next page.
    id: Uuid,
    at: OffsetDateTime,
    organization_id: Option<Uuid>,
    /// Who, as Cedar writes it. A request made with a key has a decision of its own for the key.
    principal: String,
    /// The Cedar action.
    action: String,
    /// To what, as Cedar writes it.
    resource: String,
    allowed: bool,
    /// The policies that brought it about; none: nothing permitted it.
    policies: Vec<String>,
    /// What went wrong while evaluating, which denies.
    errors: Vec<String>,
    /// Of the policies it was made by.
    policy_version: String,
    request_id: String,
    /// What the question said beside principal, action and resource.
    context: Value,
    /// All that the policies could look at, in Cedar's JSON; only for one decision, and only for super admins.
    entities: Option<Value>,
}

impl From<LoggedDecision> for LoggedDecisionView {
    fn from(it: LoggedDecision) -> Self {
        Self {
            id: it.id,
            at: it.at.to_datetime(),
            organization_id: it.organization.map(Uuid::from),
            principal: it.principal,
            action: it.action,
            resource: it.resource,
            allowed: it.allowed,
            policies: it.policies,
            errors: it.errors,
            policy_version: it.policy_version,
            request_id: it.request_id,
            context: it.context,
            entities: Some(it.entities).filter(|entities| !entities.is_null()),
        }
    }
}

fn views(decisions: Vec<LoggedDecision>) -> Vec<LoggedDecisionView> {
    decisions.into_iter().map(LoggedDecisionView::from).collect()
}

/// What is looked for, by name.
type Words = [(&'static str, Option<String>); 4];

fn filter(
    words: Words,
    allowed: Option<bool>,
    (since, until): (Option<OffsetDateTime>, Option<OffsetDateTime>),
    (before, limit): (Option<Uuid>, Option<i64>),
) -> Result<DecisionFilter, Problem> {
    let mut faults = Vec::new();
    let [principal, action, resource, policy] = words.map(|(field, text)| {
        word(text, field).unwrap_or_else(|problem| {
            faults.extend_from_slice(problem.errors());
            None
        })
    });
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    let (since, until, limit) = (since.map(instant), until.map(instant), limit.unwrap_or(100));
    Ok(DecisionFilter { principal, action, resource, policy, allowed, since, until, before, limit })
}

#[OpenApi(prefix_path = "/api/v1", tag = "Chapter::Audit")]
impl DecisionsApi {
    /// List what was decided about an organization and what is in it
    ///
    /// Newest first: what was denied, what administrators did, and a share of the rest.
    #[oai(
        path = "/organizations/:organization_id/decisions",
        method = "get",
        operation_id = "list_organization_decisions"
    )]
    async fn of_organization(
        &self,
        caller: Caller,
        organization_id: Path<Uuid>,
        /// Only by this principal, as Cedar writes it.
        principal: Query<Option<String>>,
        /// Only this action.
        action: Query<Option<String>>,
        /// Only about this resource, as Cedar writes it.
        resource: Query<Option<String>>,
        /// Only what this policy brought about.
        policy: Query<Option<String>>,
        /// Only what was allowed, or only what was denied.
        allowed: Query<Option<bool>>,
        /// Only at or after this instant.
        since: Query<Option<OffsetDateTime>>,
        /// Only before this instant.
        until: Query<Option<OffsetDateTime>>,
        /// Only before this decision.
        before: Query<Option<Uuid>>,
        /// How many to list; 100 if left out.
        #[oai(validator(minimum(value = "1"), maximum(value = "500")))]
        limit: Query<Option<i64>>,
    ) -> ApiResult<ListOrganizationDecisions, Vec<LoggedDecisionView>> {
        let ok =
            caller.authorize(ListOrganizationDecisions { organization: organization_id.0.into() }).await?;
        let words = [
            ("principal", principal.0),
            ("action", action.0),
            ("resource", resource.0),
            ("policy", policy.0),
        ];
        let filter = filter(words, allowed.0, (since.0, until.0), (before.0, limit.0))?;
        Ok(caller.app().list_organization_decisions(ok, &filter).await?.map(views).into())
    }

    /// Read one decision about an organization or what is in it
    ///
    /// The `decision_id` of a refusal leads here.
    #[oai(
        path = "/organizations/:organization_id/decisions/:decision_id",
        method = "get",
        operation_id = "get_organization_decision"
    )]
    async fn one_of_organization(
        &self,
        caller: Caller,
        organization_id: Path<Uuid>,
        decision_id: Path<Uuid>,
    ) -> ApiResult<GetOrganizationDecision, LoggedDecisionView> {
        let (organization, decision) = (organization_id.0.into(), decision_id.0);
        let ok = caller.authorize(GetOrganizationDecision { organization, decision }).await?;
        Ok(caller.app().organization_decision(ok).await?.map(LoggedDecisionView::from).into())
    }

    /// List what was decided anywhere
    ///
    /// Newest first: what was denied, what administrators did, and a share of the rest.
    #[oai(path = "/decisions", method = "get", operation_id = "list_decisions")]
    async fn all(
        &self,
        caller: Caller,
        /// Only by this principal, as Cedar writes it.
        principal: Query<Option<String>>,
        /// Only this action.
        action: Query<Option<String>>,
        /// Only about this resource, as Cedar writes it.
        resource: Query<Option<String>>,
        /// Only what this policy brought about.
        policy: Query<Option<String>>,
        /// Only what was allowed, or only what was denied.
        allowed: Query<Option<bool>>,
        /// Only at or after this instant.
        since: Query<Option<OffsetDateTime>>,
        /// Only before this instant.
        until: Query<Option<OffsetDateTime>>,
        /// Only before this decision.
        before: Query<Option<Uuid>>,
        /// How many to list; 100 if left out.
        #[oai(validator(minimum(value = "1"), maximum(value = "500")))]
        limit: Query<Option<i64>>,
    ) -> ApiResult<ListDecisions, Vec<LoggedDecisionView>> {
        let ok = caller.authorize(ListDecisions {}).await?;
        let words = [
            ("principal", principal.0),
            ("action", action.0),
            ("resource", resource.0),
            ("policy", policy.0),
        ];
        let filter = filter(words, allowed.0, (since.0, until.0), (before.0, limit.0))?;
        Ok(caller.app().list_decisions(ok, &filter).await?.map(views).into())
    }

    /// Read one decision and what it rested on
    ///
    /// The `decision_id` of a refusal leads here.
    #[oai(path = "/decisions/:decision_id", method = "get", operation_id = "get_decision")]
    async fn one(
        &self,
        caller: Caller,
        decision_id: Path<Uuid>,
    ) -> ApiResult<GetDecision, LoggedDecisionView> {
        let ok = caller.authorize(GetDecision { decision: decision_id.0 }).await?;
        Ok(caller.app().decision(ok).await?.map(LoggedDecisionView::from).into())
    }
}
