//! What a decision knows of whom it is about.

use uuid::Uuid;

use super::facts::user_entity;
use super::sql::args;
use super::{Error, Store};
use crate::domain::{AgentId, Email, UserId};
use crate::guard::Authorized;
use crate::guard::actions::Asks;
use crate::pdp::{Entity, FactSet};

/// By what a person is named.
#[derive(Debug, Clone)]
pub enum PersonName {
    Id(UserId),
    Email(Email),
}

/// A person and their role in the permit's organization.
macro_rules! select_person {
    ($by:literal) => {
        concat!(
            "SELECT users.id, email, email_verified_at, suspended_at, super_admin, waitlist_status, deletion_due_at, ",
            "role_id FROM users JOIN memberships ON memberships.user_id = users.id AND memberships.organization_id = $1 ",
            "WHERE purged_at IS NULL AND ",
            $by
        )
    };
}

impl Store {
    /// The person with their roles, if they belong to the permit's organization. Anybody else is nobody to it.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn person_facts<A: Asks>(
        &self,
        ok: &Authorized<'_, A>,
        name: &PersonName,
    ) -> Result<Option<FactSet>, Error> {
        let organization = ok.action().organization();
        let (sql, name) = match name {
            PersonName::Id(id) => (select_person!("users.id = $2"), args![Uuid::from(*id)]),
            PersonName::Email(email) => (select_person!("users.email = $2"), args![email.as_str()]),
        };
        let args = args![Uuid::from(organization)].into_iter().chain(name).collect();
        let known = self.known(sql, args, |row| {
            let person = user_entity(row.get("id")?, row)?;
            let parents = super::facts::roles(organization, row)?;
            Ok(FactSet::from(Entity { parents, ..person }))
        });
        Ok(known.await?.map(|known| FactSet::clone(&known)))
    }

    /// The agent, if it is one of the permit's organization and has not been ended.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn agent_facts<A: Asks>(
        &self,
        ok: &Authorized<'_, A>,
        id: AgentId,
    ) -> Result<Option<Entity>, Error> {
        let found = self.working_agent(ok.action().organization(), id).await?;
        Ok(found.map(|agent| agent.entity()))
    }
}
