//! The policies themselves.

use serde_json::json;

use super::{App, Error};
use crate::guard::actions::ReloadPolicies;
use crate::guard::{Authorized, Principal, Released, Reloaded};

impl App {
    /// Decides by the policies' folder as it is now.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every fault and its place; then the old policies stay in force.
    pub async fn reload_policies(
        &self,
        ok: Authorized<'_, ReloadPolicies>,
    ) -> Result<Released<ReloadPolicies, Reloaded>, Error> {
        let reloaded =
            self.guard.reload(&ok, self.settings.policies_dir.clone()).await.map_err(Error::Invalid)?;
        let details = json!({ "version": reloaded.version, "before": reloaded.before });
        self.note_alone(&ok, details).await?;
        tracing::info!(version = reloaded.version, before = reloaded.before, "the policies are in force");
        Ok(ok.release(reloaded))
    }

    /// The same for whoever holds the machine; what comes of it goes to the log.
    pub async fn reload_policies_as_operator(&self) {
        let caller = Principal::system("cli", "reload".to_owned());
        let reloaded = match self.authorize(&caller, ReloadPolicies {}).await {
            Ok(ok) => self.reload_policies(ok).await,
            Err(error) => Err(error),
        };
        match reloaded {
            Ok(_) => {}
            Err(Error::Invalid(errors)) => {
                for error in errors {
                    tracing::error!("{}: {}", error.field, error.message);
                }
                tracing::error!("the policies have faults: the old ones stay in force");
            }
            Err(error) => tracing::error!(%error, "the policies could not be reloaded"),
        }
    }
}
