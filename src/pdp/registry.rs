//! Whether a thing of the product's fits the schema.

use serde_json::{Map, Value as Json};

use super::engine::Pdp;
use super::load::Snapshot;
use super::question::{Entity, EntityRef, Pairs, Value};
use super::shapes::{Kind, Shape};
use crate::domain::{FieldError, Invalid};

/// The attribute that says whose a thing is.
const ORGANIZATION: &str = "organization";

/// A thing before it is held against the schema.
#[derive(Debug)]
pub struct Draft<'a> {
    pub uid: EntityRef,
    pub attributes: &'a Map<String, Json>,
    pub parents: Vec<EntityRef>,
    /// Whose it is; no caller says that.
    pub organization: EntityRef,
}

impl Pdp {
    /// The thing as an entity, its references among the values of its attributes.
    ///
    /// # Errors
    /// Every field that is wrong: `type`, `parents.<n>` or `attributes.<name>…`.
    pub fn fit(&self, draft: Draft<'_>) -> Result<Entity, Vec<FieldError>> {
        let snapshot = self.current();
        let wrong = |path: String, code, message: String| Invalid::new(code, message).at(path);
        let Some(kind) = snapshot.shapes.kind(&draft.uid.kind) else {
            return Err(vec![wrong(
                "type".to_owned(),
                "unknown-type",
                "is not a type of the schema".to_owned(),
            )]);
        };
        if !belongs(kind, &draft.organization) {
            let message = "the schema must give the type an attribute `organization: Organization`, \
                           or nothing would keep it apart from other tenants";
            return Err(vec![wrong("type".to_owned(), "type-without-organization", message.to_owned())]);
        }
        let mut errors = Vec::new();
        for (n, parent) in draft.parents.iter().enumerate() {
            if !kind.parents.iter().any(|allowed| *allowed == parent.kind) {
                let message = format!("the schema lets this type be in {}", listed(&kind.parents));
                errors.push(wrong(format!("parents.{n}.type"), "wrong-parent", message));
            }
        }
        let attributes = attributes(&snapshot, kind, draft.attributes);
        match attributes {
            Err(more) => errors.extend(more),
            Ok(mut attributes) if errors.is_empty() => {
                attributes.push((ORGANIZATION.into(), Value::Entity(draft.organization)));
                let entity = Entity { uid: draft.uid, attributes, parents: draft.parents };
                return match snapshot.words.check(&entity) {
                    Ok(()) => Ok(entity),
                    Err(error) => Err(vec![wrong(String::new(), "refused-by-schema", error.to_string())]),
                };
            }
            Ok(_) => {}
        }
        Err(errors)
    }

    /// Whether the schema has an action of this name.
    #[must_use]
    pub fn knows(&self, action: &str) -> bool {
        self.current().shapes.context(action).is_some()
    }

    /// Whether the context of the action has this key.
    #[must_use]
    pub fn has_context(&self, action: &str, key: &str) -> bool {
        self.current().shapes.context(action).is_some_and(|fields| fields.contains_key(key))
    }

    /// Of what a caller says of a thing, the part that the schema names and the caller may say.
    #[must_use]
    pub fn named_attributes(&self, kind: &str, given: &Map<String, Json>) -> Map<String, Json> {
        let snapshot = self.current();
        let fields = snapshot.shapes.kind(kind).map(|kind| &kind.attributes);
        let named = |key: &str| key != ORGANIZATION && fields.is_some_and(|fields| fields.contains_key(key));
        given.iter().filter(|(key, _)| named(key)).map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    /// What a caller says beside principal, action and resource, as the schema takes it for this action; nothing if
    /// the schema does not know the action. Keys that the schema does not name are left out.
    ///
    /// # Errors
    /// Every field that is wrong, `context.<name>…`.
    pub fn context(&self, action: &str, given: &Map<String, Json>) -> Result<Option<Pairs>, Vec<FieldError>> {
        let snapshot = self.current();
        let Some(fields) = snapshot.shapes.context(action) else { return Ok(None) };
        let known: Map<String, Json> = given
            .iter()
            .filter(|(key, _)| fields.contains_key(*key))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect();
        snapshot.shapes.record(&snapshot.words, fields, &known, "context", &[]).map(Some)
    }

    /// Whether the schema lets one type be in another.
    #[must_use]
    pub fn may_be_in(&self, kind: &str, parent: &str) -> bool {
        let snapshot = self.current();
        snapshot.shapes.kind(kind).is_some_and(|kind| kind.parents.iter().any(|allowed| allowed == parent))
    }

    /// Every entity type of the schema, sorted.
    #[must_use]
    pub fn kinds(&self) -> Vec<String> {
        let snapshot = self.current();
        let mut kinds: Vec<_> = snapshot.words.schema.entity_types().map(ToString::to_string).collect();
        kinds.sort_unstable();
        kinds
    }
}

fn attributes(snapshot: &Snapshot, kind: &Kind, given: &Map<String, Json>) -> Result<Pairs, Vec<FieldError>> {
    snapshot.shapes.record(&snapshot.words, &kind.attributes, given, "attributes", &[ORGANIZATION])
}

/// Whether the type says whose a thing of it is.
fn belongs(kind: &Kind, organization: &EntityRef) -> bool {
    kind.attributes.get(ORGANIZATION).is_some_and(|field| {
        field.required && matches!(&field.shape, Shape::Entity(kind) if *kind == organization.kind)
    })
}

fn listed(kinds: &[String]) -> String {
    match kinds {
        [] => "nothing".to_owned(),
        kinds => kinds.iter().map(|kind| format!("`{kind}`")).collect::<Vec<_>>().join(", "),
    }
}
