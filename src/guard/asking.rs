//! The guard: how one question is put to Cedar and told to the recorder. What asks stands in the other files.

use std::borrow::Cow;
use std::sync::Arc;

use super::actions::Context;
use super::grants::Given;
use super::own_roles::{Kept, OwnRoles};
use super::record::{DecisionId, Recorder};
use super::{Denied, Facts, Party, Principal, Resource, Slice};
use crate::domain::{Clock, Micros, Random};
use crate::pdp::{Decision, EntityRef, FactSet, Overlay, Pdp, Question, Value};

/// What a question rests on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) slice: &'a Slice,
    pub(super) own: Option<&'a OwnRoles>,
    /// Roles on what the object is in.
    pub(super) given: &'a [Given],
}

/// Asks Cedar, and turns its allow into a permit.
#[derive(Debug, Clone)]
pub struct Guard {
    pdp: Arc<Pdp>,
    facts: Arc<dyn Facts>,
    recorder: Arc<dyn Recorder>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    kept: Kept,
}

impl Guard {
    #[must_use]
    pub fn new(
        pdp: Arc<Pdp>,
        facts: Arc<dyn Facts>,
        recorder: Arc<dyn Recorder>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Self {
        Self { pdp, facts, recorder, clock, random, kept: Kept::new() }
    }

    /// For the other files of this folder.
    pub(super) fn pdp(&self) -> &Pdp {
        &self.pdp
    }

    /// For work that outlives a borrow.
    pub(super) fn shared_pdp(&self) -> &Arc<Pdp> {
        &self.pdp
    }

    pub(super) fn facts(&self) -> &dyn Facts {
        &*self.facts
    }

    pub(super) fn kept(&self) -> &Kept {
        &self.kept
    }

    pub(super) fn recorder(&self) -> &dyn Recorder {
        &*self.recorder
    }

    /// The present, and the name of a decision that is made now.
    pub(super) fn stamp(&self) -> (Micros, DecisionId) {
        let now = self.clock.now();
        (now, DecisionId::from(self.random.uuid(now)))
    }

    /// One link's decision, told to the recorder.
    pub(super) async fn decide(
        &self,
        caller: &Principal,
        link: &Party,
        action: impl Into<Cow<'static, str>>,
        context: Context,
        resource: &Resource,
        known: Known<'_>,
    ) -> Result<(DecisionId, Arc<Decision>), Denied> {
        let question = question(link, action.into(), context, resource, known);
        self.decided(caller, &question, known.own.map(|own| &*own.overlay)).await
    }

    /// The answer to a whole question, told to the recorder.
    pub(super) async fn decided(
        &self,
        caller: &Principal,
        question: &Question,
        overlay: Option<&Overlay>,
    ) -> Result<(DecisionId, Arc<Decision>), Denied> {
        let made = self.pdp.decide_with(question, overlay);
        let made = made.map_err(|error| Denied::Undecided(Box::new(error)))?;
        let id = self.tell_of(&caller.origin.request_id, None, question, &made).await;
        Ok((id, made))
    }
}

/// The question about one link of a caller, with all that is known of it and the object.
pub(super) fn question(
    link: &Party,
    action: Cow<'static, str>,
    context: Context,
    resource: &Resource,
    Known { slice, own, given }: Known<'_>,
) -> Question {
    let mut principal = link.entity(&slice.roles);
    let given = given.iter().filter(|it| it.holder == principal.uid);
    principal.parents.extend(given.map(|it| it.role.clone()));
    let uid = principal.uid.clone();
    // The link's own entity last: where a slice holds the same one as a bare resource, this is the full one.
    let mut entities = slice.entities.without(&uid);
    if let Some(own) = own {
        let named = context.iter().filter_map(|(_, value)| match value {
            Value::Entity(entity) => Some(entity),
            _ => None,
        });
        own.add_to(&mut entities, principal.parents.iter().chain(named).cloned().collect());
    }
    entities.push(principal);
    Question { principal: uid, action, resource: resource.entity(), context, entities }
}

/// The same question about something else, of which more is known.
pub(super) fn about(mut question: Question, on: &EntityRef, facts: &FactSet) -> Question {
    question.resource = on.clone();
    question.entities.add(facts);
    question
}
