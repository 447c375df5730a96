//! Questions about a product's own things: what may be asked, and the answer.
//!
//! The right to ask is a permit like any other; the answer is data, and no permit comes of it.

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::actions::{Asks, Context};
use super::grants::{enter, roles_on};
use super::record::DecisionId;
use super::{Authorized, Denied, GivenRole, Guard, OWN_TYPES, Resource};
use crate::domain::{FieldError, OrganizationId};
use crate::pdp::{Decision, Draft, EntityRef, FactSet, Pairs, Pdp, Question, Value};

/// The key of an action's context that says which facts the asker brought; only we set it.
pub(super) const ASSERTED: &str = "asserted";

/// A party or a thing of a question, with what is known of it.
#[derive(Debug, Clone)]
pub struct Known {
    /// The thing first, then what it is in and refers to.
    pub entities: FactSet,
    /// The asker described it; nothing of it is stored.
    pub asserted: bool,
    /// Of a person or an agent: the roles on single things that they hold now.
    pub given: Vec<GivenRole>,
}

impl Known {
    /// What is stored of one that was given nothing.
    #[must_use]
    pub fn stored(entities: impl Into<FactSet>) -> Self {
        Self { entities: entities.into(), asserted: false, given: Vec::new() }
    }
}

/// A question about a product's thing.
#[derive(Debug, Clone)]
pub struct Asked {
    pub subject: Known,
    pub action: String,
    pub resource: Known,
    pub context: Context,
}

/// Why there is no answer but no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// Nobody of that name belongs to the organization.
    Subject,
    /// The schema has no such permission; an operation of Palisade's own is none.
    Action,
    /// Nothing of that name is registered in the organization.
    Resource,
    /// The schema does not know the action for this kind of subject and resource.
    Combination,
    /// What is stored does not fit the schema any more.
    Facts,
}

impl Unknown {
    /// The stable word that the asker is told.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Subject => "unknown-subject",
            Self::Action => "unknown-action",
            Self::Resource => "unknown-resource",
            Self::Combination => "not-applicable",
            Self::Facts => "facts-do-not-fit",
        }
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub id: DecisionId,
    pub allowed: bool,
    /// On a deny, the codes of the forbids, or why nothing could be asked; empty if nothing permits it.
    pub codes: Vec<String>,
}

impl Guard {
    /// Whether a product can ask about this action: a permission of the schema, never an operation of ours, whose
    /// facts only we put together.
    #[must_use]
    pub fn is_askable(&self, action: &str) -> bool {
        !action.starts_with(|first: char| first.is_ascii_uppercase()) && self.pdp().knows(action)
    }

    /// What a caller said beside subject, action and resource, as the schema takes it. Keys that the schema does not
    /// name are left out.
    ///
    /// # Errors
    /// Every field that is wrong.
    pub fn context(&self, action: &str, given: &Map<String, Json>) -> Result<Pairs, Vec<FieldError>> {
        let mut given = given.clone();
        given.remove(ASSERTED);
        Ok(self.pdp().context(action, &given)?.unwrap_or_default())
    }

    /// A thing or a party that is not registered, as the asker describes it. Never one of Palisade's own: those are
    /// what is stored, whatever anybody says.
    #[must_use]
    pub fn asserted(
        &self,
        organization: OrganizationId,
        (kind, id): (&str, &str),
        properties: &Map<String, Json>,
    ) -> Option<Known> {
        if OWN_TYPES.contains(&kind) {
            return None;
        }
        let known = self.pdp().named_attributes(kind, properties);
        let draft = Draft {
            uid: EntityRef::new(kind.to_owned(), id),
            attributes: &known,
            parents: Vec::new(),
            organization: Resource::Organization(organization).entity(),
        };
        let entity = self.pdp().fit(draft).ok()?;
        Some(Known { asserted: true, ..Known::stored(entity) })
    }

    /// Whether the caller, with every link, may describe things of this type.
    ///
    /// # Errors
    /// If the facts cannot be read, or no decision can be made.
    pub async fn may_assert<A: Asks>(&self, ok: &Authorized<'_, A>, kind: &str) -> Result<bool, Denied> {
        let context = vec![("type".into(), Value::Text(kind.to_owned()))];
        let resource = Resource::Organization(ok.action().organization());
        self.holds_with(ok.caller(), "access:assert", resource, &context).await
    }

    /// The answer, told to the recorder like every other decision.
    pub async fn evaluate<A: Asks>(&self, ok: &Authorized<'_, A>, asked: Asked) -> Answer {
        let pdp = self.pdp();
        let Some(question) = question(pdp, ok, asked) else {
            return self.unknown(ok, ("", ""), "", ("", ""), Unknown::Facts).await;
        };
        let made = pdp.decide_with(&question, ok.own_roles().map(|own| &*own.overlay));
        // Only what applies can be allowed, so of a yes it need not be asked.
        let allowed = made.as_ref().is_ok_and(|decision| decision.allowed);
        if !allowed && !pdp.applies(&question.action, &question.principal.kind, &question.resource.kind) {
            return self.no(ok, question, Unknown::Combination).await;
        }
        match made {
            Ok(decision) => {
                let id = self.tell(ok, &question, &decision).await;
                let codes = decision.determining.iter().filter_map(|policy| policy.code.clone());
                Answer { id, allowed: decision.allowed, codes: codes.collect() }
            }
            Err(error) => {
                tracing::warn!(%error, "a question about a product's thing could not be decided");
                self.no(ok, question, Unknown::Facts).await
            }
        }
    }

    /// The answer to a question that cannot be asked: no.
    pub async fn unknown<A: Asks>(
        &self,
        ok: &Authorized<'_, A>,
        subject: (&str, &str),
        action: &str,
        resource: (&str, &str),
        why: Unknown,
    ) -> Answer {
        let named = |(kind, id): (&str, &str)| EntityRef::new(kind.to_owned(), id);
        let (principal, resource) = (named(subject), named(resource));
        let (context, entities) = (Context::new(), FactSet::default());
        self.no(
            ok,
            Question { principal, action: action.to_owned().into(), resource, context, entities },
            why,
        )
        .await
    }

    async fn no<A: Asks>(&self, ok: &Authorized<'_, A>, question: Question, why: Unknown) -> Answer {
        let nothing = Decision {
            allowed: false,
            determining: Vec::new(),
            errors: vec![why.code().to_owned()],
            version: self.pdp().version(),
        };
        let id = self.tell(ok, &question, &Arc::new(nothing)).await;
        Answer { id, allowed: false, codes: vec![why.code().to_owned()] }
    }

    async fn tell<A: Asks>(
        &self,
        ok: &Authorized<'_, A>,
        question: &Question,
        decision: &Arc<Decision>,
    ) -> DecisionId {
        let organization = Some(ok.action().organization());
        self.tell_of(&ok.caller().origin.request_id, organization, question, decision).await
    }
}

/// The question as the engine takes it; nothing if it is about nobody or nothing.
pub(super) fn question<A: Asks>(pdp: &Pdp, ok: &Authorized<'_, A>, asked: Asked) -> Option<Question> {
    let Asked { subject, action, resource, mut context } = asked;
    if pdp.has_context(&action, ASSERTED) {
        let flags = [("subject", subject.asserted), ("resource", resource.asserted)];
        let flags = flags.into_iter().map(|(key, asserted)| (key.into(), Value::Bool(asserted)));
        context.push((ASSERTED.into(), Value::Record(flags.collect())));
    }
    let principal = subject.entities.first()?.uid.clone();
    let object = resource.entities.first()?.uid.clone();
    // What we know of the organization comes with the permit: the right to ask rested on the same facts.
    let mut entities = ok.facts().clone();
    entities.add(&subject.entities);
    entities.add(&resource.entities);
    let given = roles_on(&subject.given, &[&entities], &object);
    enter(&mut entities, &principal, given);
    if let Some(own) = ok.own_roles() {
        own.add_above(&mut entities, &principal);
    }
    Some(Question { principal, action: action.into(), resource: object, context, entities })
}
