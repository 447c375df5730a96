//! `/api/v1/auth/waitlist`.

use poem_openapi::param::{Path, Query};
use poem_openapi::{Object, OpenApi};
use uuid::Uuid;

use super::Chapter;
use super::caller::Caller;
use super::reply::ApiResult;
use super::views::{UserView, WaitlistStatus};
use crate::guard::actions::{ApproveRegistration, ListWaitlist};

pub(super) struct WaitlistApi;

/// A page of accounts.
#[derive(Object)]
struct Waitlist {
    users: Vec<UserView>,
    /// How many there are in all.
    total: i64,
    limit: i64,
    offset: i64,
}

/// An account that was let in.
#[derive(Object)]
struct Approved {
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
            users: users.into_iter().map(UserView::from).collect(),
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
    async fn approve(&self, caller: Caller, user_id: Path<Uuid>) -> ApiResult<ApproveRegistration, Approved> {
        let ok = caller.authorize(ApproveRegistration { user: user_id.0.into() }).await?;
        let user = caller.app().approve_registration(ok).await?;
        let view =
            user.map(|user| Approved { message: "the person is let in".to_owned(), user: user.into() });
        Ok(view.into())
    }
}
