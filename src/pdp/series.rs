//! One question asked about many: what all of them share is prepared once.
//!
//! Each answer is the one that `Pdp::decide` gives to the whole question; a test holds the two against each other.

#[cfg(test)]
mod property;

use std::sync::Arc;

use cedar_policy::{Context, Entities, EntityUid, Request};

use super::decision::Error;
use super::engine::Pdp;
use super::fact_set::FactSet;
use super::index::Sum;
use super::load::Snapshot;
use super::overlay::Overlay;
use super::question::{EntityRef, Pairs};
use super::reach::{Reach, reach};
use super::words::bad;

/// What does not change from one question of a series to the next.
#[derive(Debug, Clone)]
pub struct Shared {
    pub fixed: Fixed,
    pub action: String,
    pub context: Pairs,
    /// What is known whomever or whatever the question is about. The first of two entities with one name counts.
    pub entities: FactSet,
}

/// The end of the question that stays.
#[derive(Debug, Clone)]
pub enum Fixed {
    /// One principal; the resources change, all of one type.
    Principal { principal: EntityRef, resource_type: String },
    /// One resource; the principals change, all of one type.
    Resource { principal_type: String, resource: EntityRef },
}

/// Many questions that differ in one end.
#[derive(Debug)]
pub struct Series {
    snapshot: Arc<Snapshot>,
    fixed: Fixed,
    /// The unchanging end.
    uid: EntityUid,
    action: EntityUid,
    context: Context,
    entities: Entities,
    known: Vec<EntityRef>,
    overlay: Option<Arc<Overlay>>,
}

impl Pdp {
    /// Nothing if the schema does not know the action for these types, so that each answer is no. `overlay`: the policies
    /// of an organization's own roles, which count too.
    ///
    /// # Errors
    /// `BadQuestion` when what is shared does not fit the schema.
    pub fn series(&self, shared: Shared, overlay: Option<Arc<Overlay>>) -> Result<Option<Series>, Error> {
        Series::of(arc_swap::Guard::into_inner(self.current()), shared, overlay)
    }
}

impl Series {
    /// The same policies asked about other things that are shared.
    ///
    /// # Errors
    /// As [`Pdp::series`].
    pub fn again(&self, shared: Shared) -> Result<Option<Self>, Error> {
        Self::of(Arc::clone(&self.snapshot), shared, self.overlay.clone())
    }

    fn of(
        snapshot: Arc<Snapshot>,
        shared: Shared,
        overlay: Option<Arc<Overlay>>,
    ) -> Result<Option<Self>, Error> {
        let Shared { fixed, action, context, entities } = shared;
        let (principal, resource) = match &fixed {
            Fixed::Principal { principal, resource_type } => {
                (principal.kind.as_ref(), resource_type.as_str())
            }
            Fixed::Resource { principal_type, resource } => (principal_type.as_str(), resource.kind.as_ref()),
        };
        if !snapshot.words.applies(&action, principal, resource) {
            return Ok(None);
        }
        let words = &snapshot.words;
        let uid = words.uid(match &fixed {
            Fixed::Principal { principal, .. } => principal,
            Fixed::Resource { resource, .. } => resource,
        })?;
        let (action, actions) = words.action(&action)?;
        let context = words.context(&context)?;
        let mut known: Vec<EntityRef> = Vec::with_capacity(entities.len());
        let mut shared = Vec::with_capacity(entities.len());
        for entity in entities.iter() {
            if !known.contains(&entity.uid) {
                shared.push(words.entity(entity)?);
                known.push(entity.uid.clone());
            }
        }
        let all = shared.into_iter().chain(actions);
        let entities = Entities::empty().add_entities(all, Some(&words.schema)).map_err(bad)?;
        Ok(Some(Self { fixed, uid, action, context, entities, known, overlay, snapshot }))
    }

    /// Whether the answer about this one is yes. `entities`: what is known of it beside what is shared.
    ///
    /// # Errors
    /// `BadQuestion` when its facts do not fit the schema.
    pub fn allows(&self, candidate: &EntityRef, entities: &FactSet) -> Result<bool, Error> {
        let words = &self.snapshot.words;
        let candidate = words.uid(candidate)?;
        let (principal, resource) = match self.fixed {
            Fixed::Principal { .. } => (self.uid.clone(), candidate),
            Fixed::Resource { .. } => (candidate, self.uid.clone()),
        };
        let request =
            Request::new(principal, self.action.clone(), resource, self.context.clone(), Some(&words.schema))
                .map_err(bad)?;
        let own = entities.iter().filter(|entity| !self.known.contains(&entity.uid));
        let own = own.map(|entity| words.entity(entity)).collect::<Result<Vec<_>, _>>()?;
        let entities = self.entities.clone().add_entities(own, Some(&words.schema)).map_err(bad)?;
        let mut sum = Sum::default();
        self.snapshot.index.ask_into(&request, &entities, &mut sum);
        self.overlay.iter().for_each(|overlay| overlay.ask_into(&request, &entities, &mut sum));
        let answer = sum.answer();
        Ok(answer.allowed && answer.errors.is_empty())
    }

    /// Which resources can get a yes at all. `organization`: whose all of them are.
    #[must_use]
    pub fn reach(&self, organization: &EntityRef) -> Reach {
        let Fixed::Principal { resource_type, .. } = &self.fixed else { return Reach::Anything };
        // A role of the organization's own reaches whatever belongs to it.
        if self.overlay.as_ref().is_some_and(|overlay| overlay.concerns(&self.uid, &self.entities)) {
            return Reach::Anything;
        }
        let words = &self.snapshot.words;
        let (Ok(organization), Some(kind)) = (words.uid(organization), words.kind(resource_type)) else {
            return Reach::Anything;
        };
        let policies = self.snapshot.index.that_can_match(&self.uid, &self.action, &kind, &self.entities);
        let Ok(policies) = policies else { return Reach::Anything };
        reach(
            &policies,
            &words.schema,
            &self.uid,
            &self.action,
            kind,
            &self.context,
            &self.entities,
            &organization,
        )
    }
}
