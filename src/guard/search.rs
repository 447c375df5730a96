//! Questions about many of a product's things, or about many who might: each answered as it would be alone.
//!
//! A search is one decision to record, the right to search; the answers are data, and no permit comes of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::actions::{Context, Searches};
use super::evaluation::{ASSERTED, question};
use super::grants::{around, enter, roles_on};
use super::own_roles::OwnRoles;
use super::{Asked, Authorized, GivenRole, Guard, Known, Resource};
use crate::pdp::{EntityRef, FactSet, Fixed, Reach, Series, Shared, Value};

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
    shared: Shared,
    organization: EntityRef,
    own: Option<Arc<OwnRoles>>,
    /// What the principal of all questions was given on single things.
    given: Vec<GivenRole>,
    /// The same questions for the principal with some of these roles, by which.
    with: BTreeMap<Vec<EntityRef>, Option<Series>>,
}

impl Search {
    /// Whether the answer about this one is yes.
    #[must_use]
    pub fn allows(&mut self, candidate: &EntityRef, facts: &FactSet) -> bool {
        let roles = roles_on(&self.given, &[&self.shared.entities, facts], candidate);
        if !roles.is_empty() && !self.with.contains_key(&roles) {
            let series = self.series_with(roles.clone());
            self.with.insert(roles.clone(), series);
        }
        let series = if roles.is_empty() {
            Some(&self.series)
        } else {
            self.with.get(&roles).and_then(Option::as_ref)
        };
        let Some(series) = series else { return false };
        let mut facts = facts.clone();
        self.own.iter().for_each(|own| own.add_above(&mut facts, candidate));
        series.allows(candidate, &facts).unwrap_or_else(|error| {
            tracing::warn!(%error, %candidate, "a search could not decide about one");
            false
        })
    }

    /// The same questions, of the same policies, for the principal with these roles too.
    fn series_with(&self, roles: Vec<EntityRef>) -> Option<Series> {
        let Fixed::Principal { principal, .. } = &self.shared.fixed else { return None };
        let mut shared = self.shared.clone();
        enter(&mut shared.entities, principal, roles);
        self.own.iter().for_each(|own| own.add_above(&mut shared.entities, principal));
        self.series.again(shared).unwrap_or_else(|error| {
            tracing::warn!(%error, "a search could not be asked");
            None
        })
    }

    /// Which resources can get a yes at all.
    #[must_use]
    pub fn reach(&self) -> Reach {
        // What the principal was given on a thing reaches what is in it.
        let given = self.given.iter().map(|it| Reach::within(it.on.clone()));
        given.fold(self.series.reach(&self.organization), Reach::or)
    }

    /// What the one resource of all questions is in, itself first; nothing if it is the principal that stays.
    #[must_use]
    pub fn around(&self) -> Vec<EntityRef> {
        match &self.shared.fixed {
            Fixed::Resource { resource, .. } => around(&[&self.shared.entities], resource),
            Fixed::Principal { .. } => Vec::new(),
        }
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
        let mut given = Vec::new();
        let (fixed, known, asserted) = match sought {
            Sought::Resources { subject, kind } => {
                given = subject.given;
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
        let mut entities = ok.facts().clone();
        entities.add(&known);
        if let (Some(own), Fixed::Principal { principal, .. }) = (&own, &fixed) {
            own.add_above(&mut entities, principal);
        }
        let overlay = own.as_ref().map(|own| Arc::clone(&own.overlay));
        let shared = Shared { fixed, action: action.to_owned(), context, entities };
        let series = self.pdp().series(shared.clone(), overlay).unwrap_or_else(|error| {
            tracing::warn!(%error, "a search could not be asked");
            None
        })?;
        let organization = Resource::Organization(ok.action().organization()).entity();
        Some(Search { series, shared, organization, own, given, with: BTreeMap::new() })
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
