//! `/api/v1/policies`.

use poem_openapi::{Object, OpenApi};

use super::Chapter;
use super::caller::Caller;
use super::reply::ApiResult;
use crate::guard::Reloaded;
use crate::guard::actions::ReloadPolicies;

pub(super) struct PoliciesApi;

/// Which policies are in force.
#[derive(Object)]
#[oai(rename = "Policies")]
struct PoliciesView {
    /// The first digits of a hash over all files of the folder.
    version: String,
    /// The version that was in force before.
    version_before: String,
}

impl From<Reloaded> for PoliciesView {
    fn from(it: Reloaded) -> Self {
        Self { version: it.version, version_before: it.before }
    }
}

#[OpenApi(prefix_path = "/api/v1/policies", tag = "Chapter::Platform")]
impl PoliciesApi {
    /// Put the policies' folder in force as it is now
    ///
    /// Of this process: each one reads its own folder. With any fault nothing changes, and `errors` name file, line and
    /// column.
    #[oai(path = "/reload", method = "post", operation_id = "reload_policies")]
    async fn reload(&self, caller: Caller) -> ApiResult<ReloadPolicies, PoliciesView> {
        let ok = caller.authorize(ReloadPolicies {}).await?;
        let reloaded = caller.app().reload_policies(ok).await?;
        Ok(reloaded.map(PoliciesView::from).into())
    }
}
