//! Questions about many of a product's things, or about many who might: each answered as it would be alone.
//!
//! A search is one decision to record, the right to search; the answers are data, and no permit comes of them.

use std::sync::Arc;

use super::actions::{Context, Searches};
use super::evaluation::{ASSERTED, question};
use super::own_roles::OwnRoles;
use super::{Asked, Authorized, Guard, Known, Resource};
use crate::pdp::{Entity, EntityRef, Fixed, Reach, Series, Shared, Value};

/// What a search knows, and of which type the rest is.
#[derive(Debug, Clone)]
pub enum Sought {
    Resources { subject: Known, kind: String },
    Subjects { resource: Known, kind: String },
}

/// Many questions that differ in one end.
#[derive(Debug)]
pub struct Search {
    series: Series,
    organization: EntityRef,
    own: Option<Arc<OwnRoles>>,
}

impl Search {
    /// Whether the answer about this one is yes.
    #[must_use]
    pub fn allows(&self, candidate: &EntityRef, facts: &[Entity]) -> bool {
        let mut facts = facts.to_vec();
        self.own.iter().for_each(|own| own.add_above(&mut facts, candidate));
        self.series.allows(candidate, &facts).unwrap_or_else(|error| {
            tracing::warn!(%error, %candidate, "a search could not decide about one");
            false
        })
    }

    /// Which resources can get a yes at all.
    #[must_use]
    pub fn reach(&self) -> Reach {
        self.series.reach(&self.organization)
    }
}

impl Guard {
    /// Prepares a search; nothing if each answer is no.
    #[must_use]
    pub fn search<A: Searches>(
        &self,
        ok: &Authorized<'_, A>,
        sought: Sought,
        action: &str,
        mut context: Context,
    ) -> Option<Search> {
        let (fixed, known, asserted) = match sought {
            Sought::Resources { subject, kind } => {
                let principal = subject.entities.first()?.uid.clone();
                (
                    Fixed::Principal { principal, resource_type: kind },
                    subject.entities,
                    (subject.asserted, false),
                )
            }
            Sought::Subjects { resource, kind } => {
                let object = resource.entities.first()?.uid.clone();
                let fixed = Fixed::Resource { principal_type: kind, resource: object };
                (fixed, resource.entities, (false, resource.asserted))
            }
        };
        if self.pdp().has_context(action, ASSERTED) {
            let (subject, resource) = asserted;
            let told = [("subject", subject), ("resource", resource)];
            let told = told.map(|(name, it)| (name.into(), Value::Bool(it)));
            context.push((ASSERTED.into(), Value::Record(told.into())));
        }
        let own = ok.own_roles().cloned();
        let mut entities: Vec<Entity> = ok.facts().iter().cloned().chain(known).collect();
        if let (Some(own), Fixed::Principal { principal, .. }) = (&own, &fixed) {
            own.add_above(&mut entities, principal);
        }
        let overlay = own.as_ref().map(|own| Arc::clone(&own.overlay));
        let shared = Shared { fixed, action: action.to_owned(), context, entities };
        let series = self.pdp().series(shared, overlay).unwrap_or_else(|error| {
            tracing::warn!(%error, "a search could not be asked");
            None
        })?;
        let organization = Resource::Organization(ok.action().organization()).entity();
        Some(Search { series, organization, own })
    }

    /// Whatever a product can ask about for these types, sorted.
    #[must_use]
    pub fn actions_between(&self, subject: &str, resource: &str) -> Vec<String> {
        let mut actions = self.pdp().permissions();
        actions.retain(|action| self.is_askable(action) && self.pdp().applies(action, subject, resource));
        actions
    }

    /// Whether the answer is yes.
    #[must_use]
    pub fn would_allow<A: Searches>(&self, ok: &Authorized<'_, A>, asked: Asked) -> bool {
        let Some(question) = question(self.pdp(), ok, asked) else { return false };
        let overlay = ok.own_roles().map(|own| &*own.overlay);
        let decision = self.pdp().decide_with(&question, overlay);
        decision.map(|decision| decision.allowed).unwrap_or_else(|error| {
            tracing::warn!(%error, "a search could not decide about an action");
            false
        })
    }
}
