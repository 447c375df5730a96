//! Questions of products about their own things.

use serde_json::{Map, Value as Json};

use super::{App, Error};
use crate::domain::{AgentId, Email, FieldError, GrantHolder, OrganizationId, ResourceRef, UserId};
use crate::guard::actions::{Asks, Evaluate, Evaluations, GetAuthzenConfiguration};
use crate::guard::{Answer, Asked, Authorized, Known, Party, Released, Unknown, give_way};
use crate::store::PersonName;

/// A party or a thing, as a question names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    pub kind: String,
    pub id: String,
    /// What the asker says of it.
    pub properties: Option<Map<String, Json>>,
}

/// One question.
#[derive(Debug, Clone)]
pub struct Query {
    pub subject: Named,
    pub action: String,
    pub action_properties: Option<Map<String, Json>>,
    pub resource: Named,
    pub context: Option<Map<String, Json>>,
}

/// How far a batch is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Semantic {
    ExecuteAll,
    DenyOnFirstDeny,
    PermitOnFirstPermit,
}

/// The answer to one question of a batch, or why it is none.
pub type Evaluated = Result<Answer, Vec<FieldError>>;

/// What one batch has looked up so far.
#[derive(Debug, Default)]
pub(super) struct Found {
    subjects: Vec<(Named, Option<Known>)>,
    resources: Vec<(Named, Option<Known>)>,
}

/// A question with its facts, or why there are none.
pub(super) enum Prepared {
    Ask(Box<Asked>),
    Unknown(Unknown),
}

impl App {
    /// Answers one question.
    ///
    /// # Errors
    /// [`Error::Invalid`] if its context does not fit the schema.
    pub async fn evaluate(
        &self,
        ok: Authorized<'_, Evaluate>,
        query: &Query,
    ) -> Result<Released<Evaluate, Answer>, Error> {
        let answer = self.answer(&ok, query, None).await?.map_err(Error::Invalid)?;
        Ok(ok.release(answer))
    }

    /// Answers several, as far as the semantic says; what they share is looked up once. A question that is wrong is
    /// answered no, and does not spoil the others.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn evaluations(
        &self,
        ok: Authorized<'_, Evaluations>,
        queries: Vec<Result<Query, Vec<FieldError>>>,
        semantic: Semantic,
    ) -> Result<Released<Evaluations, Vec<Evaluated>>, Error> {
        let mut found = Found::default();
        let mut answers = Vec::with_capacity(queries.len());
        for (number, query) in queries.into_iter().enumerate() {
            give_way(number).await;
            let answer = match query {
                Ok(query) => self.answer(&ok, &query, Some(&mut found)).await?,
                Err(errors) => Err(errors),
            };
            let allowed = answer.as_ref().is_ok_and(|answer| answer.allowed);
            answers.push(answer);
            match semantic {
                Semantic::DenyOnFirstDeny if !allowed => break,
                Semantic::PermitOnFirstPermit if allowed => break,
                Semantic::ExecuteAll | Semantic::DenyOnFirstDeny | Semantic::PermitOnFirstPermit => {}
            }
        }
        Ok(ok.release(answers))
    }

    /// Answers the whole of a batch's request as one question.
    ///
    /// # Errors
    /// As [`App::evaluate`].
    pub async fn evaluations_of_one(
        &self,
        ok: Authorized<'_, Evaluations>,
        query: &Query,
    ) -> Result<Released<Evaluations, Answer>, Error> {
        let answer = self.answer(&ok, query, None).await?.map_err(Error::Invalid)?;
        Ok(ok.release(answer))
    }

    /// Where decisions are asked for: the public URL, as `https` whatever stands before us.
    pub fn decision_point(
        &self,
        ok: Authorized<'_, GetAuthzenConfiguration>,
    ) -> Released<GetAuthzenConfiguration, String> {
        let mut url = self.settings.public_url.clone();
        // From `http` to `https` there is no way to fail.
        let _ = url.set_scheme("https");
        url.set_path("");
        url.set_query(None);
        url.set_fragment(None);
        ok.release(url.as_str().trim_end_matches('/').to_owned())
    }

    async fn answer<A: Asks>(
        &self,
        ok: &Authorized<'_, A>,
        query: &Query,
        found: Option<&mut Found>,
    ) -> Result<Evaluated, Error> {
        Ok(match self.prepare(ok, query, found).await? {
            Err(errors) => Err(errors),
            Ok(Prepared::Ask(asked)) => Ok(self.guard.evaluate(ok, *asked).await),
            Ok(Prepared::Unknown(why)) => {
                let (subject, resource) = (&query.subject, &query.resource);
                let subject = (subject.kind.as_str(), subject.id.as_str());
                let resource = (resource.kind.as_str(), resource.id.as_str());
                Ok(self.guard.unknown(ok, subject, &query.action, resource, why).await)
            }
        })
    }

    /// Puts the facts of a question together.
    pub(super) async fn prepare_one<A: Asks>(
        &self,
        ok: &Authorized<'_, A>,
        query: &Query,
    ) -> Result<Result<Prepared, Vec<FieldError>>, Error> {
        self.prepare(ok, query, None).await
    }

    async fn prepare<A: Asks>(
        &self,
        ok: &Authorized<'_, A>,
        query: &Query,
        mut found: Option<&mut Found>,
    ) -> Result<Result<Prepared, Vec<FieldError>>, Error> {
        let unknown = |why| Ok(Ok(Prepared::Unknown(why)));
        if !self.guard.is_askable(&query.action) {
            return unknown(Unknown::Action);
        }
        let given = self.said(query);
        let context = match self.guard.context(&query.action, &given) {
            Ok(context) => context,
            Err(errors) => return Ok(Err(errors)),
        };
        let Some(subject) = self.subject(ok, &query.subject, found.as_deref_mut()).await? else {
            return unknown(Unknown::Subject);
        };
        let Some(resource) = self.resource(ok, &query.resource, found).await? else {
            return unknown(Unknown::Resource);
        };
        let action = query.action.clone();
        Ok(Ok(Prepared::Ask(Box::new(Asked { subject, action, resource, context }))))
    }

    /// The context, and of the action's properties what the context does not say.
    #[expect(clippy::unused_self, reason = "it belongs to the question")]
    pub(super) fn said(&self, query: &Query) -> Map<String, Json> {
        let mut said = query.action_properties.clone().unwrap_or_default();
        said.extend(query.context.clone().unwrap_or_default());
        said
    }

    pub(super) async fn subject<A: Asks>(
        &self,
        ok: &Authorized<'_, A>,
        name: &Named,
        found: Option<&mut Found>,
    ) -> Result<Option<Known>, Error> {
        if let Some(known) = found.as_deref().and_then(|found| find(&found.subjects, name)) {
            return Ok(known);
        }
        let known = match name.kind.as_str() {
            "User" => match person(&name.id) {
                Some(person) => self.store.person_facts(ok, &person).await?.map(Known::stored),
                None => None,
            },
            "Agent" => match AgentId::parse(&name.id) {
                Some(agent) => self.store.agent_facts(ok, agent).await?.map(Known::stored),
                None => None,
            },
            "Service" if OrganizationId::parse(&name.id) == Some(ok.action().organization()) => {
                Some(Known::stored(Party::Service(ok.action().organization()).as_subject()))
            }
            _ => self.thing(ok, name).await?,
        };
        let known = match known {
            Some(known) => Some(self.with_grants(ok, known).await?),
            None => None,
        };
        if let Some(found) = found {
            found.subjects.push((name.clone(), known.clone()));
        }
        Ok(known)
    }

    /// A subject with the roles that it holds on single things.
    async fn with_grants<A: Asks>(&self, ok: &Authorized<'_, A>, subject: Known) -> Result<Known, Error> {
        let holder = subject.entities.first().and_then(|entity| match entity.uid.kind.as_ref() {
            "User" => UserId::parse(&entity.uid.id).map(GrantHolder::User),
            "Agent" => AgentId::parse(&entity.uid.id).map(GrantHolder::Agent),
            _ => None,
        });
        let Some(holder) = holder else { return Ok(subject) };
        Ok(Known { given: self.store.given_roles(ok, holder, self.now()).await?, ..subject })
    }

    pub(super) async fn resource<A: Asks>(
        &self,
        ok: &Authorized<'_, A>,
        name: &Named,
        found: Option<&mut Found>,
    ) -> Result<Option<Known>, Error> {
        if let Some(known) = found.as_deref().and_then(|found| find(&found.resources, name)) {
            return Ok(known);
        }
        let known = match name.kind.as_str() {
            "Organization" if OrganizationId::parse(&name.id) == Some(ok.action().organization()) => {
                ok.object().cloned().map(Known::stored)
            }
            "Agent" => match AgentId::parse(&name.id) {
                Some(agent) => self.store.agent_facts(ok, agent).await?.map(Known::stored),
                None => None,
            },
            _ => self.thing(ok, name).await?,
        };
        if let Some(found) = found {
            found.resources.push((name.clone(), known.clone()));
        }
        Ok(known)
    }

    /// A registered thing; else what the asker says of it, if they describe it and may.
    async fn thing<A: Asks>(&self, ok: &Authorized<'_, A>, name: &Named) -> Result<Option<Known>, Error> {
        let Ok(thing) = ResourceRef::parse(&name.kind, &name.id) else { return Ok(None) };
        if let Some(facts) = self.store.resource_facts(ok, &thing).await? {
            return Ok(Some(Known::stored(facts.entities)));
        }
        let Some(properties) = &name.properties else { return Ok(None) };
        let organization = ok.action().organization();
        let Some(known) = self.guard.asserted(organization, (&name.kind, &name.id), properties) else {
            return Ok(None);
        };
        // Rare, and in its place it would make every answer's future larger.
        let may = Box::pin(self.guard.may_assert(ok, &name.kind)).await?;
        Ok(may.then_some(known))
    }
}

/// What was found of this name before, if it was looked up.
fn find(found: &[(Named, Option<Known>)], name: &Named) -> Option<Option<Known>> {
    found.iter().find(|(before, _)| before == name).map(|(_, known)| known.clone())
}

fn person(text: &str) -> Option<PersonName> {
    match UserId::parse(text) {
        Some(id) => Some(PersonName::Id(id)),
        None => text.parse::<Email>().ok().map(PersonName::Email),
    }
}
