//! The audit trail: one's own, an organization's, the platform's.

use std::collections::BTreeMap;

use poem_openapi::param::{Path, Query};
use poem_openapi::{Object, OpenApi};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::Chapter;
use super::caller::Caller;
use super::problem::Problem;
use super::reply::ApiResult;
use super::views::instant;
use crate::domain::{Event, EventFilter, Line};
use crate::guard::actions::{ListEvents, ListOrganizationEvents, ListOwnEvents};

pub(super) struct EventsApi;

/// Something that happened, or was tried.
#[derive(Object)]
#[oai(skip_serializing_if_is_none, rename = "Event")]
pub(super) struct EventView {
    /// 1, 2, 3, …; pass the last one's as `before` for the next page.
    seq: i64,
    at: OffsetDateTime,
    /// The Cedar action.
    action: String,
    /// Who, as Cedar writes it.
    principal: String,
    /// To what, as Cedar writes it.
    resource: String,
    organization_id: Option<Uuid>,
    /// Why it failed; absent if it was done.
    failure: Option<String>,
    /// The decision that allowed it, as in the log.
    decision_id: Uuid,
    request_id: String,
    ip: Option<String>,
    user_agent: Option<String>,
    details: BTreeMap<String, Value>,
}

impl From<Event> for EventView {
    fn from(it: Event) -> Self {
        Self {
            seq: it.seq,
            at: it.at.to_datetime(),
            action: it.action,
            principal: it.principal,
            resource: it.resource,
            organization_id: it.organization.map(Uuid::from),
            failure: it.failure,
            decision_id: it.decision,
            request_id: it.request_id,
            ip: it.ip,
            user_agent: it.user_agent,
            details: it.details.into_iter().collect(),
        }
    }
}

fn views(events: Vec<Event>) -> Vec<EventView> {
    events.into_iter().map(EventView::from).collect()
}

/// What a filter looks for. Nothing that is kept holds a control character, and PostgreSQL cannot even be asked for a NUL.
pub(super) fn word(text: Option<String>, field: &str) -> Result<Option<String>, Problem> {
    let parsed = text.map(|text| Line::<200>::parse(&text)).transpose();
    let parsed = parsed.map_err(|invalid| Problem::invalid(vec![invalid.at(field)]))?;
    Ok(parsed.map(Line::into_string))
}

fn filter(
    (action, principal): (Option<String>, Option<String>),
    (since, until): (Option<OffsetDateTime>, Option<OffsetDateTime>),
    failed: Option<bool>,
    (before, limit): (Option<i64>, Option<i64>),
) -> Result<EventFilter, Problem> {
    Ok(EventFilter {
        action: word(action, "action")?,
        principal: word(principal, "principal")?,
        since: since.map(instant),
        until: until.map(instant),
        failed,
        before,
        limit: limit.unwrap_or(100),
    })
}

#[OpenApi(prefix_path = "/api/v1", tag = "Chapter::Audit")]
impl EventsApi {
    /// List what one did, and what was done to one's account
    ///
    /// Newest first.
    #[oai(path = "/auth/me/events", method = "get", operation_id = "list_own_events")]
    async fn own(
        &self,
        caller: Caller,
        /// Only this action.
        #[oai(validator(pattern = "^[A-Za-z]{1,100}$"))]
        action: Query<Option<String>>,
        /// Only at or after this instant.
        since: Query<Option<OffsetDateTime>>,
        /// Only before this instant.
        until: Query<Option<OffsetDateTime>>,
        /// Only what failed, or only what did not.
        failed: Query<Option<bool>>,
        /// Only before this event.
        before: Query<Option<i64>>,
        /// How many to list; 100 if left out.
        #[oai(validator(minimum(value = "1"), maximum(value = "500")))]
        limit: Query<Option<i64>>,
    ) -> ApiResult<ListOwnEvents, Vec<EventView>> {
        let ok = caller.authorize(ListOwnEvents { user: caller.person()?.id }).await?;
        let filter = filter((action.0, None), (since.0, until.0), failed.0, (before.0, limit.0))?;
        let events = caller.app().list_own_events(ok, &filter).await?;
        Ok(events.map(views).into())
    }

    /// List what happened in an organization
    ///
    /// Newest first.
    #[oai(
        path = "/organizations/:organization_id/events",
        method = "get",
        operation_id = "list_organization_events"
    )]
    async fn of_organization(
        &self,
        caller: Caller,
        organization_id: Path<Uuid>,
        /// Only this action.
        #[oai(validator(pattern = "^[A-Za-z]{1,100}$"))]
        action: Query<Option<String>>,
        /// Only by this principal, as Cedar writes it.
        #[oai(validator(pattern = "^[A-Za-z]+::\"[-_a-z0-9]{1,100}\"$"))]
        principal: Query<Option<String>>,
        /// Only at or after this instant.
        since: Query<Option<OffsetDateTime>>,
        /// Only before this instant.
        until: Query<Option<OffsetDateTime>>,
        /// Only what failed, or only what did not.
        failed: Query<Option<bool>>,
        /// Only before this event.
        before: Query<Option<i64>>,
        /// How many to list; 100 if left out.
        #[oai(validator(minimum(value = "1"), maximum(value = "500")))]
        limit: Query<Option<i64>>,
    ) -> ApiResult<ListOrganizationEvents, Vec<EventView>> {
        let ok = caller.authorize(ListOrganizationEvents { organization: organization_id.0.into() }).await?;
        let filter = filter((action.0, principal.0), (since.0, until.0), failed.0, (before.0, limit.0))?;
        let events = caller.app().list_organization_events(ok, &filter).await?;
        Ok(events.map(views).into())
    }

    /// List what happened anywhere
    ///
    /// Newest first.
    #[oai(path = "/events", method = "get", operation_id = "list_events")]
    async fn all(
        &self,
        caller: Caller,
        /// Only this action.
        #[oai(validator(pattern = "^[A-Za-z]{1,100}$"))]
        action: Query<Option<String>>,
        /// Only by this principal, as Cedar writes it.
        #[oai(validator(pattern = "^[A-Za-z]+::\"[-_a-z0-9]{1,100}\"$"))]
        principal: Query<Option<String>>,
        /// Only at or after this instant.
        since: Query<Option<OffsetDateTime>>,
        /// Only before this instant.
        until: Query<Option<OffsetDateTime>>,
        /// Only what failed, or only what did not.
        failed: Query<Option<bool>>,
        /// Only before this event.
        before: Query<Option<i64>>,
        /// How many to list; 100 if left out.
        #[oai(validator(minimum(value = "1"), maximum(value = "500")))]
        limit: Query<Option<i64>>,
    ) -> ApiResult<ListEvents, Vec<EventView>> {
        let ok = caller.authorize(ListEvents {}).await?;
        let filter = filter((action.0, principal.0), (since.0, until.0), failed.0, (before.0, limit.0))?;
        let events = caller.app().list_events(ok, &filter).await?;
        Ok(events.map(views).into())
    }
}
