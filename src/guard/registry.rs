//! Things of the product's own, held against the schema before they are kept.

use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::{Guard, Resource};
use crate::domain::{FieldError, Invalid, NewResource, OrganizationId, ResourceRef};
use crate::pdp::{Draft, Entity, EntityRef, Value};

/// The entity types that are Palisade's own: nobody registers a thing of these. A test holds the list against the
/// schema files.
pub const OWN_TYPES: [&str; 16] = [
    "Agent",
    "Anonymous",
    "Credential",
    "Hook",
    "HttpHost",
    "Invitation",
    "Membership",
    "Organization",
    "Platform",
    "Plugin",
    "PluginSecret",
    "Role",
    "Scope",
    "Service",
    "System",
    "User",
];

/// A thing of the product's that fits the schema. Only the guard makes one.
#[derive(Debug)]
pub struct FittingResource {
    name: ResourceRef,
    entity: Entity,
    parents: Vec<ResourceRef>,
    references: Vec<(String, ResourceRef)>,
    version: Option<i64>,
}

impl FittingResource {
    #[must_use]
    pub const fn name(&self) -> &ResourceRef {
        &self.name
    }

    /// What a decision is told of it, its organization included.
    #[must_use]
    pub const fn entity(&self) -> &Entity {
        &self.entity
    }

    /// Registered things that it is directly in.
    #[must_use]
    pub fn parents(&self) -> &[ResourceRef] {
        &self.parents
    }

    /// Registered things that its attributes refer to, and from which field.
    #[must_use]
    pub fn references(&self) -> &[(String, ResourceRef)] {
        &self.references
    }

    /// The version that it replaces, 0 for none; without it whatever is there.
    #[must_use]
    pub const fn replaces(&self) -> Option<i64> {
        self.version
    }
}

/// Kept attributes as a person writes them. What cannot be read any more is left out.
#[must_use]
pub fn plain_attributes(kept: &Map<String, Json>) -> Map<String, Json> {
    let pair =
        |(key, value): (&String, &Json)| Some((key.clone(), Value::from_marked_json(value)?.to_plain_json()));
    kept.iter().filter_map(pair).collect()
}

impl Guard {
    /// Holds a thing against the schema as it is now.
    ///
    /// # Errors
    /// Every field that is wrong, with its rule.
    pub fn fit(
        &self,
        organization: OrganizationId,
        new: NewResource,
    ) -> Result<FittingResource, Vec<FieldError>> {
        let NewResource { name, attributes, mut parents, version } = new;
        let wrong = |path: &str, code, message: String| Invalid::new(code, message).at(path);
        if OWN_TYPES.contains(&name.kind()) {
            let message = "is a type of Palisade's own: there are other operations for it".to_owned();
            return Err(vec![wrong("type", "platform-type", message)]);
        }
        let own = Resource::Organization(organization).entity();
        // Whatever may be in an organization is in its own; that need not be said.
        parents.retain(|parent| parent.kind() != own.kind || parent.id() != own.id);
        let mut errors = Vec::new();
        if parents.len() > NewResource::MAX_PARENTS {
            let message = format!("a thing has at most {} parents", NewResource::MAX_PARENTS);
            errors.push(wrong("parents", "too-many", message));
        }
        for (n, parent) in parents.iter().enumerate() {
            if OWN_TYPES.contains(&parent.kind()) {
                let message = "only registered things, and the thing's own organization, can be parents";
                errors.push(wrong(&format!("parents.{n}.type"), "platform-type", message.to_owned()));
            } else if *parent == name {
                errors.push(wrong(
                    &format!("parents.{n}"),
                    "cycle",
                    "the thing would be in itself".to_owned(),
                ));
            } else if parents.iter().take(n).any(|before| before == parent) {
                errors.push(wrong(&format!("parents.{n}"), "repeated", "is given more than once".to_owned()));
            }
        }
        let uid = |name: &ResourceRef| EntityRef::new(name.kind().to_owned(), name.id());
        let draft = Draft {
            uid: uid(&name),
            attributes: &attributes,
            parents: parents.iter().map(uid).collect(),
            organization: own.clone(),
        };
        let entity = match self.pdp().fit(draft) {
            Ok(entity) if errors.is_empty() => entity,
            Ok(_) => return Err(errors),
            Err(more) => {
                // The more telling of two complaints about one place is the first.
                let told = |field: &str| {
                    !errors.is_empty()
                        && (field.is_empty() || errors.iter().any(|known| known.field == field))
                };
                let new = more.into_iter().filter(|it| !told(&it.field));
                let new: Vec<_> = new.collect();
                errors.extend(new);
                return Err(errors);
            }
        };
        let mut found = References { own, found: Vec::new(), errors };
        for (key, value) in entity.attributes.iter().filter(|(key, _)| key != "organization") {
            found.walk(&format!("attributes.{key}"), value);
        }
        let References { found: references, mut errors, .. } = found;
        if references.len() > NewResource::MAX_REFERENCES {
            let message = format!("a thing refers to at most {} others", NewResource::MAX_REFERENCES);
            errors.push(wrong("attributes", "too-many", message));
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(FittingResource { name, entity, parents, references, version })
    }
}

/// What the attributes of a thing refer to.
struct References {
    own: EntityRef,
    found: Vec<(String, ResourceRef)>,
    errors: Vec<FieldError>,
}

impl References {
    fn walk(&mut self, path: &str, value: &Value) {
        match value {
            Value::Bool(_) | Value::Long(_) | Value::Text(_) | Value::Extension(..) => {}
            Value::Set(items) => {
                for (n, item) in items.iter().enumerate() {
                    self.walk(&format!("{path}.{n}"), item);
                }
            }
            Value::Record(pairs) => {
                for (key, value) in pairs {
                    self.walk(&format!("{path}.{key}"), value);
                }
            }
            Value::Entity(uid) => self.reference(path, uid),
        }
    }

    fn reference(&mut self, path: &str, uid: &EntityRef) {
        let mut tell = |code, message: &str| self.errors.push(Invalid::new(code, message).at(path));
        match uid.kind.as_ref() {
            "Organization" | "Service" if *uid.id != *self.own.id => {
                tell("other-organization", "may only be the thing's own organization");
            }
            "Role"
                if !uid.id.strip_prefix(self.own.id.as_str()).is_some_and(|rest| rest.starts_with('/')) =>
            {
                tell("other-organization", "may only be a role of the thing's own organization");
            }
            // Written otherwise, it would name nobody, and a rule about it would never hold.
            "User" | "Agent" | "Membership" | "Invitation"
                if !Uuid::try_parse(&uid.id).is_ok_and(|id| id.to_string() == uid.id) =>
            {
                tell("bad-format", "must be a UUID in lower case");
            }
            own if OWN_TYPES.contains(&own) => {}
            kind => match ResourceRef::parse(kind, &uid.id) {
                Ok(name) => self.found.push((path.to_owned(), name)),
                Err((_, invalid)) => self.errors.push(invalid.at(path)),
            },
        }
    }
}
