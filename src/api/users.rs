//! `/api/v1/users`: what administrators do to accounts.

use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use uuid::Uuid;

use super::Chapter;
use super::caller::Caller;
use super::reply::ApiResult;
use super::views::UserView;
use crate::guard::actions::{ReinstateUser, SuspendUser};

pub(super) struct UsersApi;

#[OpenApi(prefix_path = "/api/v1/users", tag = "Chapter::Platform")]
impl UsersApi {
    /// Suspend an account
    ///
    /// Its sessions end at once, and it cannot sign in.
    #[oai(path = "/:user_id/suspend", method = "post", operation_id = "suspend_user")]
    async fn suspend(&self, caller: Caller, user_id: Path<Uuid>) -> ApiResult<SuspendUser, UserView> {
        let ok = caller.authorize(SuspendUser { user: user_id.0.into() }).await?;
        let user = caller.app().suspend_user(ok).await?;
        Ok(user.map(UserView::from).into())
    }

    /// Undo a suspension
    #[oai(path = "/:user_id/reinstate", method = "post", operation_id = "reinstate_user")]
    async fn reinstate(&self, caller: Caller, user_id: Path<Uuid>) -> ApiResult<ReinstateUser, UserView> {
        let ok = caller.authorize(ReinstateUser { user: user_id.0.into() }).await?;
        let user = caller.app().reinstate_user(ok).await?;
        Ok(user.map(UserView::from).into())
    }
}
