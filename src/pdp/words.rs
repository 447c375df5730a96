//! From our values to Cedar's, with the schema's names prepared once.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};

use cedar_policy::{
    Context, Entities, Entity as CedarEntity, EntityId, EntityTypeName, EntityUid, Request,
    RequestValidationError, RestrictedExpression, Schema,
};

use super::decision::Error;
use super::question::{Entity, EntityRef, Extension, Pairs, Question, Value};

/// The schema and its names, parsed. Parsing an entity reference costs 0.4 µs, joining a kept name to an id 0.06.
#[derive(Debug)]
pub(super) struct Words {
    pub(super) schema: Schema,
    kinds: HashMap<String, EntityTypeName>,
    /// Each with its groups.
    actions: HashMap<String, CedarEntity>,
    /// The actions that a policy asks about by name, whatever the request's own action is.
    asked_about: Vec<CedarEntity>,
}

impl Words {
    /// `asked_about`: ids of actions whose groups some policy looks up by name.
    pub(super) fn new(schema: Schema, asked_about: &BTreeSet<String>) -> Result<Self, String> {
        let kinds = schema.entity_types().map(|name| (name.to_string(), name.clone())).collect();
        let known = schema.action_entities().map_err(|error| error.to_string())?;
        let actions: HashMap<_, _> =
            known.into_iter().map(|action| (action.uid().id().unescaped().to_owned(), action)).collect();
        let asked_about = asked_about.iter().filter_map(|id| actions.get(id).cloned()).collect();
        Ok(Self { schema, kinds, actions, asked_about })
    }

    pub(super) fn knows(&self, action: &str) -> bool {
        self.actions.contains_key(action)
    }

    /// Whether the schema knows the action for these types.
    pub(super) fn applies(&self, action: &str, principal: &str, resource: &str) -> bool {
        let (Some(action), Some(principal), Some(resource)) =
            (self.actions.get(action), self.kinds.get(principal), self.kinds.get(resource))
        else {
            return false;
        };
        let uid = action.uid();
        let principals = self.schema.principals_for_action(&uid);
        let resources = self.schema.resources_for_action(&uid);
        principals.into_iter().flatten().any(|kind| kind == principal)
            && resources.into_iter().flatten().any(|kind| kind == resource)
    }

    /// The question as Cedar takes it, checked against the schema; nothing if the action is for no principal of
    /// this kind, so that no policy can permit it.
    pub(super) fn ask(&self, question: &Question) -> Result<Option<(Request, Entities)>, Error> {
        let (action, actions) = self.action(&question.action)?;
        let context = self.context(&question.context)?;
        let request = Request::new(
            self.uid(&question.principal)?,
            action.clone(),
            self.uid(&question.resource)?,
            context,
            Some(&self.schema),
        );
        let request = match request {
            Err(RequestValidationError::InvalidPrincipalType(_)) if self.is_for_somebody(&action) => {
                return Ok(None);
            }
            request => request.map_err(bad)?,
        };
        let slice = question.entities.iter().map(|e| self.entity(e)).collect::<Result<Vec<_>, _>>()?;
        // With the schema: facts of the wrong shape would be trusted by policies that were proved on the right one.
        let entities = Entities::empty().add_entities(slice.into_iter().chain(actions), Some(&self.schema));
        let entities = entities.map_err(bad)?;
        Ok(Some((request, entities)))
    }

    /// The action's name, and what an evaluation has to know of actions.
    pub(super) fn action(&self, name: &str) -> Result<(EntityUid, impl Iterator<Item = CedarEntity>), Error> {
        let action =
            self.actions.get(name).ok_or_else(|| Error::BadQuestion(format!("unknown action `{name}`")))?;
        // Of the schema's actions only this one: adding all hundred would cost more than the decision.
        Ok((action.uid(), self.asked_about.iter().chain([action]).cloned()))
    }

    pub(super) fn context(&self, pairs: &Pairs) -> Result<Context, Error> {
        let pairs = self.pairs(pairs)?;
        if pairs.is_empty() { Ok(Context::empty()) } else { Context::from_pairs(pairs).map_err(bad) }
    }

    pub(super) fn kind(&self, name: &str) -> Option<EntityTypeName> {
        self.kinds.get(name).cloned()
    }

    /// Whether the action can be asked about at all; a group cannot.
    fn is_for_somebody(&self, action: &EntityUid) -> bool {
        self.schema.principals_for_action(action).is_some_and(|mut kinds| kinds.next().is_some())
    }

    /// Whether Cedar itself takes the entity, with the schema.
    pub(super) fn check(&self, entity: &Entity) -> Result<(), Error> {
        let entity = self.entity(entity)?;
        Entities::empty().add_entities([entity], Some(&self.schema)).map_err(bad)?;
        Ok(())
    }

    /// Whether Cedar can read the value at all.
    pub(super) fn reads(&self, value: &Value) -> bool {
        let Ok(value) = self.value(value) else { return false };
        Context::from_pairs([("it".to_owned(), value)]).is_ok()
    }

    pub(super) fn uid(&self, reference: &EntityRef) -> Result<EntityUid, Error> {
        let kind = self
            .kinds
            .get(reference.kind.as_ref())
            .ok_or_else(|| Error::BadQuestion(format!("unknown entity type in `{reference}`")))?;
        Ok(EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(&reference.id)))
    }

    pub(super) fn entity(&self, entity: &Entity) -> Result<CedarEntity, Error> {
        let uid = self.uid(&entity.uid)?;
        let parents = entity.parents.iter().map(|p| self.uid(p)).collect::<Result<HashSet<_>, _>>()?;
        if entity.attributes.is_empty() {
            return Ok(CedarEntity::new_no_attrs(uid, parents));
        }
        let count = entity.attributes.len();
        let attributes: HashMap<_, _> = self.pairs(&entity.attributes)?.into_iter().collect();
        if attributes.len() != count {
            return Err(Error::BadQuestion(format!("an attribute of `{}` is given twice", entity.uid)));
        }
        CedarEntity::new(uid, attributes, parents).map_err(bad)
    }

    fn pairs(
        &self,
        pairs: &[(Cow<'static, str>, Value)],
    ) -> Result<Vec<(String, RestrictedExpression)>, Error> {
        pairs.iter().map(|(key, value)| Ok((key.to_string(), self.value(value)?))).collect()
    }

    fn value(&self, value: &Value) -> Result<RestrictedExpression, Error> {
        Ok(match value {
            Value::Bool(it) => RestrictedExpression::new_bool(*it),
            Value::Long(it) => RestrictedExpression::new_long(*it),
            Value::Text(it) => RestrictedExpression::new_string(it.clone()),
            Value::Entity(it) => RestrictedExpression::new_entity_uid(self.uid(it)?),
            Value::Extension(Extension::Datetime, it) => RestrictedExpression::new_datetime(it),
            Value::Extension(Extension::Decimal, it) => RestrictedExpression::new_decimal(it),
            Value::Extension(Extension::Duration, it) => RestrictedExpression::new_duration(it),
            Value::Extension(Extension::Ip, it) => RestrictedExpression::new_ip(it),
            Value::Set(items) => RestrictedExpression::new_set(
                items.iter().map(|item| self.value(item)).collect::<Result<Vec<_>, _>>()?,
            ),
            Value::Record(pairs) => RestrictedExpression::new_record(self.pairs(pairs)?).map_err(bad)?,
        })
    }
}

/// Cedar says outright what does not fit; its text goes to the log, not to a client.
pub(super) fn bad(error: impl std::error::Error) -> Error {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    Error::BadQuestion(text)
}
