//! Putting changed policies in force.

use std::path::PathBuf;
use std::sync::Arc;

use super::actions::ReloadPolicies;
use super::{Authorized, Guard};
use crate::domain::{FieldError, Invalid};
use crate::pdp::LoadError;

/// Which policies are in force now, and which were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reloaded {
    pub version: String,
    pub before: String,
}

impl Guard {
    /// Reads the folder and decides by it from now on. Decisions under way finish by the old policies.
    ///
    /// # Errors
    /// Everything that is wrong, each with its file, line and column as the field; then the old policies stay.
    pub async fn reload(
        &self,
        _ok: &Authorized<'_, ReloadPolicies>,
        folder: PathBuf,
    ) -> Result<Reloaded, Vec<FieldError>> {
        let pdp = Arc::clone(self.shared_pdp());
        let before = pdp.version().to_string();
        // Reading and validating takes long enough to be in other requests' way.
        let read = tokio::task::spawn_blocking(move || pdp.reload(&folder));
        match read.await {
            Ok(Ok(())) => Ok(Reloaded { version: self.pdp().version().to_string(), before }),
            Ok(Err(error)) => Err(told(&error)),
            Err(_) => Err(vec![Invalid::new("unreadable", "the policies could not be read").at("")]),
        }
    }
}

fn told(error: &LoadError) -> Vec<FieldError> {
    let name = |path: &std::path::Path| {
        path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    };
    match error {
        LoadError::Unreadable { path, .. } => {
            vec![Invalid::new("unreadable", "cannot be read").at(name(path))]
        }
        LoadError::Refused(problems) => problems
            .iter()
            .map(|it| {
                let place = format!("{}:{}:{}", name(&it.file), it.line, it.column);
                Invalid::new("bad-policy", it.message.clone()).at(place)
            })
            .collect(),
    }
}
