//! Questions whose context is not known: whether somebody holds a permission that is asked with one.

use cedar_policy::{Decision, Entities, PartialEntities, PartialEntityUid, PartialRequest};

use super::decision::Error;
use super::engine::Pdp;
use super::overlay::Overlay;
use super::question::Question;
use super::words::bad;

/// What the context leaves open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The answer is yes whatever the context.
    pub always: bool,
    /// With some context it may be yes.
    pub ever: bool,
}

impl Pdp {
    /// Whether a question about this action is not whole without a context.
    #[must_use]
    pub fn needs_context(&self, action: &str) -> bool {
        let snapshot = self.current();
        snapshot.shapes.context(action).is_some_and(|fields| fields.values().any(|field| field.required))
    }

    /// Between which answers the context decides. That of the question is not looked at.
    ///
    /// # Errors
    /// `BadQuestion` when the question or its facts do not fit the schema.
    pub fn whatever_the_context(
        &self,
        question: &Question,
        overlay: Option<&Overlay>,
    ) -> Result<Bounds, Error> {
        let snapshot = self.current();
        let words = &snapshot.words;
        let Question { principal, action, resource, entities, .. } = question;
        if !words.applies(action, &principal.kind, &resource.kind) {
            return Ok(Bounds { always: false, ever: false });
        }
        let (action, actions) = words.action(action)?;
        let (principal, resource) = (words.uid(principal)?, words.uid(resource)?);
        let known = entities.iter().map(|entity| words.entity(entity)).collect::<Result<Vec<_>, _>>()?;
        let entities = Entities::empty().add_entities(known.into_iter().chain(actions), Some(&words.schema));
        let entities = entities.map_err(bad)?;
        let kind = resource.type_name().clone();
        let policies = snapshot.index.that_can_match(&principal, &action, &kind, &entities);
        let mut policies = policies.map_err(bad)?;
        for policy in overlay.into_iter().flat_map(|overlay| overlay.of(&principal, &entities)) {
            policies.add(policy).map_err(bad)?;
        }
        let request = PartialRequest::new(
            PartialEntityUid::from_concrete(principal),
            action,
            PartialEntityUid::from_concrete(resource),
            None,
            &words.schema,
        );
        let request = request.map_err(bad)?;
        let entities = PartialEntities::from_concrete(entities, &words.schema).map_err(bad)?;
        let Ok(answer) = policies.tpe(&request, &entities, &words.schema) else {
            // What Cedar cannot tell, nobody is taken to hold, and everybody has to hold who gives it.
            return Ok(Bounds { always: false, ever: true });
        };
        // As in a whole question: with an error the answer is no.
        let failed = answer.error_permits().chain(answer.error_forbids()).next().is_some();
        Ok(Bounds {
            always: !failed && answer.decision() == Some(Decision::Allow),
            ever: !failed && answer.decision() != Some(Decision::Deny),
        })
    }
}
