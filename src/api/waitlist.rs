//! `/api/v1/auth/waitlist`.

use poem_openapi::param::{Path, Query};
use poem_openapi::{Object, OpenApi};
use time::OffsetDateTime;
use uuid::Uuid;

use super::Chapter;
use super::auth::line;
use super::body::Body;
use super::caller::Caller;
use super::reply::ApiResult;
use super::views::{UserView, WaitlistStatus};
use crate::domain;
use crate::guard::actions::{ApproveAllRegistrations, ApproveRegistration, ListWaitlist, RejectRegistration};

pub(super) struct WaitlistApi;

/// A request for an account.
#[derive(Object)]
#[oai(skip_serializing_if_is_none)]
struct WaitlistEntry {
    #[oai(flatten)]
    user: UserView,
    /// Their place, from 1; only of those who wait.
    position: Option<i64>,
    /// Why they wait, or why they were turned away.
    reason: Option<String>,
    /// Where they heard of us.
    referral_source: Option<String>,
    requested_at: OffsetDateTime,
    /// When an administrator said yes; with `pending`, other conditions are missing still.
    approved_at: Option<OffsetDateTime>,
    /// When the registration plugins said yes after all; likewise.
    accepted_at: Option<OffsetDateTime>,
}

impl From<domain::WaitlistEntry> for WaitlistEntry {
    fn from(entry: domain::WaitlistEntry) -> Self {
        Self {
            position: entry.position,
            reason: entry.user.waitlist_reason.clone(),
            referral_source: entry.user.referral_source.clone(),
            requested_at: entry.user.created_at.to_datetime(),
            approved_at: entry.approved_at.map(domain::Micros::to_datetime),
            accepted_at: entry.accepted_at.map(domain::Micros::to_datetime),
            user: entry.user.into(),
        }
    }
}

/// Why somebody is turned away.
#[derive(Object)]
struct RejectRequest {
    /// They read it in the letter. At most 200 characters.
    reason: Option<String>,
}

/// How many were let in.
#[derive(Object)]
struct ApprovedAll {
    /// A sentence for people.
    message: String,
    count: u64,
}

/// A page of requests.
#[derive(Object)]
struct Waitlist {
    users: Vec<WaitlistEntry>,
    /// How many there are in all.
    total: i64,
    limit: i64,
    offset: i64,
}

/// An account whose request was decided.
#[derive(Object)]
struct Decided {
    /// A sentence for people.
    message: String,
    user: UserView,
}

#[OpenApi(prefix_path = "/api/v1/auth/waitlist", tag = "Chapter::Platform")]
impl WaitlistApi {
    /// List who waits
    ///
    /// Oldest first.
    #[oai(path = "/", method = "get", operation_id = "list_waitlist")]
    async fn list(
        &self,
        caller: Caller,
        /// Whom to list; those who wait if left out.
        status_filter: Query<Option<WaitlistStatus>>,
        /// How many to list; 100 if left out.
        #[oai(validator(minimum(value = "1"), maximum(value = "500")))]
        limit: Query<Option<i64>>,
        /// How many to skip.
        #[oai(validator(minimum(value = "0"), maximum(value = "1000000")))]
        offset: Query<Option<i64>>,
    ) -> ApiResult<ListWaitlist, Waitlist> {
        let ok = caller.authorize(ListWaitlist {}).await?;
        let status = status_filter.0.unwrap_or(WaitlistStatus::Pending).into();
        let (limit, offset) = (limit.0.unwrap_or(100), offset.0.unwrap_or(0));
        let found = caller.app().list_waitlist(ok, status, limit, offset).await?;
        let view = found.map(|(users, total)| Waitlist {
            users: users.into_iter().map(WaitlistEntry::from).collect(),
            total,
            limit,
            offset,
        });
        Ok(view.into())
    }

    /// Let somebody in
    ///
    /// They are told by mail. Doing it twice changes nothing.
    #[oai(path = "/:user_id/approve", method = "post", operation_id = "approve_registration")]
    async fn approve(&self, caller: Caller, user_id: Path<Uuid>) -> ApiResult<ApproveRegistration, Decided> {
        let ok = caller.authorize(ApproveRegistration { user: user_id.0.into() }).await?;
        let user = caller.app().approve_registration(ok).await?;
        let view = user.map(|user| {
            let message = match user.waitlist {
                domain::Waitlist::Pending => "approved; the account opens when the address is proved",
                domain::Waitlist::Approved | domain::Waitlist::Rejected | domain::Waitlist::None => {
                    "the person is let in"
                }
            };
            Decided { message: message.to_owned(), user: user.into() }
        });
        Ok(view.into())
    }

    /// Let everybody in
    ///
    /// Everybody who waits at this moment. They are told by mail as their accounts open.
    #[oai(path = "/approve-all", method = "post", operation_id = "approve_all_registrations")]
    async fn approve_all(&self, caller: Caller) -> ApiResult<ApproveAllRegistrations, ApprovedAll> {
        let ok = caller.authorize(ApproveAllRegistrations {}).await?;
        let count = caller.app().approve_all_registrations(ok).await?;
        let view = count.map(|count| {
            let message = if count == 0 { "nobody waits" } else { "everybody who waited is approved" };
            ApprovedAll { message: message.to_owned(), count: count as u64 }
        });
        Ok(view.into())
    }

    /// Turn somebody away
    ///
    /// They are told by mail, and the account cannot be used; nothing is deleted, and it can still be approved.
    #[oai(path = "/:user_id/reject", method = "post", operation_id = "reject_registration")]
    async fn reject(
        &self,
        caller: Caller,
        user_id: Path<Uuid>,
        body: Body<RejectRequest>,
    ) -> ApiResult<RejectRegistration, Decided> {
        let ok = caller.authorize(RejectRegistration { user: user_id.0.into() }).await?;
        let reason = line(body.0.reason, "reason")?;
        let user = caller.app().reject_registration(ok, reason).await?;
        let view =
            user.map(|user| Decided { message: "the person is turned away".to_owned(), user: user.into() });
        Ok(view.into())
    }
}
