//! What a decision needs to know, as a question to whoever stores it.

use std::sync::Arc;

use async_trait::async_trait;

use super::{GivenRole, Party, Resource};
use crate::domain::{GrantHolder, OrganizationId, Roles};
use crate::pdp::{EntityRef, FactSet};

/// The facts of one question.
#[derive(Debug, Clone, Default)]
pub struct Slice {
    /// The object, and what its attributes point at.
    pub entities: FactSet,
    /// The roles the party holds where the object lives.
    pub roles: Vec<EntityRef>,
    /// Whether the object exists. If not, `entities` hold a stand-in without any ties, so that a
    /// question about a missing object and one about a stranger's take the same path.
    pub exists: bool,
    /// The version of the object's row, where it has one.
    pub version: Option<i64>,
    /// The organization in which the object lives, and which state of its own roles counts; nothing if it has none.
    pub own_roles: Option<(OrganizationId, i64)>,
    /// The organization in which the object lives, and how often the roles on its single things were changed; nothing if
    /// none was ever given.
    pub grants: Option<(OrganizationId, i64)>,
    /// Of an organization: how often its register of things was changed.
    pub register: Option<i64>,
}

/// The facts could not be read; the source is for the log.
#[derive(Debug, thiserror::Error)]
#[error("the facts could not be read")]
pub struct FactsError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Implemented by `store/facts.rs`; the guard knows no SQL.
#[async_trait]
pub trait Facts: Send + Sync + std::fmt::Debug {
    /// What a decision on `resource` needs to know, with the roles that `party` holds there. An agent's, a service's
    /// and a credential's roles come with them and are not looked up.
    async fn about(&self, party: &Party, resource: &Resource) -> Result<Arc<Slice>, FactsError>;

    /// The roles that an organization made.
    async fn own_roles(&self, organization: OrganizationId) -> Result<Roles, FactsError>;

    /// The roles that somebody was given on single things of an organization, when they had been changed so often; also
    /// those that are over.
    async fn grants(
        &self,
        organization: OrganizationId,
        revision: i64,
        holder: GrantHolder,
    ) -> Result<Arc<[GivenRole]>, FactsError>;
}
