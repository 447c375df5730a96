//! What happened: one row per change, written in the change's own transaction.

use serde_json::Value as Json;
use uuid::Uuid;

use super::sql::{Sql as _, args};
use super::{Error, Tx};
use crate::domain::{Micros, OrganizationId};
use crate::guard::{Action, Authorized, Resource};

impl Tx {
    /// Tells of the change that `ok` permitted. `details` never hold a secret.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn append_event<A: Action>(
        &mut self,
        ok: &Authorized<'_, A>,
        id: Uuid,
        details: &Json,
        now: Micros,
    ) -> Result<(), Error> {
        let resource = ok.action().resource();
        let caller = ok.caller();
        let mut details = details.clone();
        // Who acted, beside in whose name.
        if !caller.through.is_empty()
            && let Some(details) = details.as_object_mut()
        {
            let through = caller.through.iter().map(|link| Json::from(link.uid().to_string()));
            details.insert("through".to_owned(), through.collect());
        }
        self.run(
            "INSERT INTO events (id, action, principal, resource, organization_id, decision_id, request_id, ip, \
             details, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            args![
                id,
                A::NAME,
                caller.uid().to_string(),
                resource.entity().to_string(),
                organization(&resource).map(Uuid::from),
                Uuid::from(ok.decision()),
                caller.origin.request_id.as_str(),
                caller.origin.ip.map(|ip| ip.to_string()),
                details.to_string(),
                now,
            ],
        )
        .await?;
        Ok(())
    }
}

fn organization(resource: &Resource) -> Option<OrganizationId> {
    match resource {
        Resource::Platform | Resource::User(_) => None,
        Resource::Organization(id)
        | Resource::Membership(id, _)
        | Resource::Invitation(id, _)
        | Resource::Agent(id, _) => Some(*id),
    }
}
