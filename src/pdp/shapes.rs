//! What the schema says of types and contexts, kept so that a wrong value can be told by its field and its rule.
//!
//! Cedar checks the same and stops at the first fault, in words about its own types. What passes here is shown to it
//! all the same.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value as Json};

use super::question::{EntityRef, Extension, Pairs, Value};
use super::words::Words;
use crate::domain::{FieldError, Invalid};

/// The entity types of the schema, and the contexts of its actions.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    kinds: HashMap<String, Kind>,
    contexts: HashMap<String, Fields>,
}

/// One entity type.
#[derive(Debug, Default)]
pub(super) struct Kind {
    pub(super) attributes: Fields,
    /// The types it may be in.
    pub(super) parents: Vec<String>,
    /// The only ids there are, if the schema lists them.
    names: Option<Vec<String>>,
}

pub(super) type Fields = BTreeMap<String, Field>;

#[derive(Debug)]
pub(super) struct Field {
    pub(super) shape: Shape,
    pub(super) required: bool,
}

#[derive(Debug)]
pub(super) enum Shape {
    Bool,
    Long,
    Text,
    Entity(String),
    Extension(Extension),
    Set(Box<Shape>),
    Record(Fields),
}

impl Shapes {
    /// Reads Cedar's own JSON form of a schema that Cedar has accepted or is about to refuse.
    pub(super) fn read(schema: &Json) -> Self {
        let mut shapes = Self::default();
        let namespaces = schema.as_object();
        for (namespace, body) in namespaces.into_iter().flatten() {
            let scope = Scope { schema, namespace };
            for (name, kind) in entries(body, "entityTypes") {
                let fields = kind.get("shape").and_then(|shape| scope.fields(shape, 0)).unwrap_or_default();
                let texts = |key: &str| -> Option<Vec<String>> {
                    let listed = kind.get(key)?.as_array()?;
                    Some(listed.iter().filter_map(Json::as_str).map(str::to_owned).collect())
                };
                let parents = texts("memberOfTypes").unwrap_or_default();
                let parents = parents.iter().map(|name| scope.entity(name)).collect();
                let kind = Kind { attributes: fields, parents, names: texts("enum") };
                shapes.kinds.insert(scope.own(name), kind);
            }
            for (name, action) in entries(body, "actions") {
                let context = action.get("appliesTo").and_then(|applies| applies.get("context"));
                let fields = context.and_then(|context| scope.fields(context, 0)).unwrap_or_default();
                shapes.contexts.insert(name.clone(), fields);
            }
        }
        shapes
    }

    pub(super) fn kind(&self, name: &str) -> Option<&Kind> {
        self.kinds.get(name)
    }

    /// What the context of an action holds.
    pub(super) fn context(&self, action: &str) -> Option<&Fields> {
        self.contexts.get(action)
    }

    /// The record as values, or every field that is wrong. `absent` fields are somebody else's to set.
    pub(super) fn record(
        &self,
        words: &Words,
        fields: &Fields,
        given: &Map<String, Json>,
        path: &str,
        absent: &[&str],
    ) -> Result<Pairs, Vec<FieldError>> {
        let mut walk = Walk { shapes: self, words, wrong: Vec::new() };
        let pairs = walk.record(fields, given, path, absent);
        if walk.wrong.is_empty() { Ok(pairs) } else { Err(walk.wrong) }
    }
}

fn entries<'a>(body: &'a Json, key: &str) -> impl Iterator<Item = (&'a String, &'a Json)> {
    body.get(key).and_then(Json::as_object).into_iter().flatten()
}

/// Names are looked up in their own namespace first.
struct Scope<'a> {
    schema: &'a Json,
    namespace: &'a str,
}

/// Common types may name each other, never in a circle; Cedar refuses that, and this stops before.
const DEEPEST: usize = 32;

impl Scope<'_> {
    fn own(&self, name: &str) -> String {
        if self.namespace.is_empty() { name.to_owned() } else { format!("{}::{name}", self.namespace) }
    }

    fn found(&self, section: &str, name: &str) -> Option<&Json> {
        let (namespace, name) = name.rsplit_once("::").unwrap_or((self.namespace, name));
        let within = |namespace: &str| self.schema.get(namespace)?.get(section)?.get(name);
        within(namespace).or_else(|| within(""))
    }

    fn entity(&self, name: &str) -> String {
        let here = self.schema.get(self.namespace).and_then(|body| body.get("entityTypes")?.get(name));
        if here.is_some() { self.own(name) } else { name.to_owned() }
    }

    fn fields(&self, json: &Json, depth: usize) -> Option<Fields> {
        match self.shape(json, depth)? {
            Shape::Record(fields) => Some(fields),
            _ => None,
        }
    }

    fn shape(&self, json: &Json, depth: usize) -> Option<Shape> {
        if depth > DEEPEST {
            return None;
        }
        let named = || json.get("name")?.as_str();
        Some(match json.get("type")?.as_str()? {
            "Boolean" | "Bool" => Shape::Bool,
            "Long" => Shape::Long,
            "String" => Shape::Text,
            "Set" => Shape::Set(Box::new(self.shape(json.get("element")?, depth + 1)?)),
            "Record" => {
                let mut fields = Fields::new();
                for (name, field) in entries(json, "attributes") {
                    let required = field.get("required").and_then(Json::as_bool).unwrap_or(true);
                    fields.insert(name.clone(), Field { shape: self.shape(field, depth + 1)?, required });
                }
                Shape::Record(fields)
            }
            "Entity" => Shape::Entity(self.entity(named()?)),
            "Extension" => extension(named()?)?,
            "EntityOrCommon" => self.name(named()?, depth)?,
            common => self.name(common, depth)?,
        })
    }

    fn name(&self, name: &str, depth: usize) -> Option<Shape> {
        if let Some(common) = self.found("commonTypes", name) {
            return self.shape(common, depth + 1);
        }
        if self.found("entityTypes", name).is_some() {
            return Some(Shape::Entity(self.entity(name)));
        }
        match name.strip_prefix("__cedar::").unwrap_or(name) {
            "Bool" | "Boolean" => Some(Shape::Bool),
            "Long" => Some(Shape::Long),
            "String" => Some(Shape::Text),
            other => extension(other),
        }
    }
}

fn extension(name: &str) -> Option<Shape> {
    Some(Shape::Extension(match name.strip_prefix("__cedar::").unwrap_or(name) {
        "datetime" => Extension::Datetime,
        "decimal" => Extension::Decimal,
        "duration" => Extension::Duration,
        "ipaddr" => Extension::Ip,
        _ => return None,
    }))
}

struct Walk<'a> {
    shapes: &'a Shapes,
    words: &'a Words,
    wrong: Vec<FieldError>,
}

impl Walk<'_> {
    fn tell(&mut self, path: &str, code: &'static str, message: impl Into<String>) {
        self.wrong.push(Invalid::new(code, message).at(path));
    }

    fn record(&mut self, fields: &Fields, given: &Map<String, Json>, path: &str, absent: &[&str]) -> Pairs {
        let mut pairs = Vec::with_capacity(given.len());
        for (name, field) in fields {
            let path = join(path, name);
            if absent.contains(&name.as_str()) {
                if given.contains_key(name) {
                    self.tell(&path, "set-by-platform", "is set by the platform and cannot be given");
                }
                continue;
            }
            match given.get(name) {
                None | Some(Json::Null) if field.required => self.tell(&path, "required", "is required"),
                None | Some(Json::Null) => {}
                Some(value) => {
                    pairs.extend(self.value(&field.shape, value, &path).map(|v| (name.clone().into(), v)));
                }
            }
        }
        for name in given.keys().filter(|name| !fields.contains_key(*name)) {
            // A name that could be a page or a log line of its own is not repeated.
            let plain = name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            let place = if plain { join(path, name) } else { path.to_owned() };
            self.tell(&place, "unknown-attribute", "is not in the schema");
        }
        pairs
    }

    fn value(&mut self, shape: &Shape, given: &Json, path: &str) -> Option<Value> {
        match (shape, given) {
            (Shape::Bool, Json::Bool(it)) => Some(Value::Bool(*it)),
            (Shape::Long, Json::Number(it)) => match it.as_i64() {
                Some(it) => Some(Value::Long(it)),
                None => {
                    self.tell(path, "wrong-type", "must be a whole number of 64 bits");
                    None
                }
            },
            (Shape::Text, Json::String(it)) => Some(Value::Text(it.clone())),
            (Shape::Extension(kind), Json::String(it)) => {
                let value = Value::Extension(*kind, it.clone());
                if self.words.reads(&value) {
                    return Some(value);
                }
                let example = match kind {
                    Extension::Datetime => "a date or an instant such as `2026-01-31T12:00:00Z`",
                    Extension::Decimal => {
                        "a decimal number such as `12.5`, with up to four digits after the point"
                    }
                    Extension::Duration => "a duration such as `1h30m`",
                    Extension::Ip => "an IP address or a range such as `10.0.0.0/8`",
                };
                self.tell(path, "bad-format", format!("must be {example}"));
                None
            }
            (Shape::Entity(kind), Json::Object(it)) => self.entity(kind, it, path),
            (Shape::Set(element), Json::Array(items)) => {
                let items = items.iter().enumerate();
                let values: Vec<_> =
                    items.map(|(n, item)| self.value(element, item, &join(path, &n.to_string()))).collect();
                values.into_iter().collect::<Option<_>>().map(Value::Set)
            }
            (Shape::Record(fields), Json::Object(it)) => {
                Some(Value::Record(self.record(fields, it, path, &[])))
            }
            _ => {
                let wanted = match shape {
                    Shape::Bool => "true or false".to_owned(),
                    Shape::Long => "a whole number".to_owned(),
                    Shape::Text | Shape::Extension(_) => "a text".to_owned(),
                    Shape::Entity(kind) => format!("a reference `{{ \"type\": \"{kind}\", \"id\": … }}`"),
                    Shape::Set(_) => "an array".to_owned(),
                    Shape::Record(_) => "an object".to_owned(),
                };
                self.tell(path, "wrong-type", format!("must be {wanted}"));
                None
            }
        }
    }

    fn entity(&mut self, kind: &str, given: &Map<String, Json>, path: &str) -> Option<Value> {
        let text = |key: &str| given.get(key).and_then(Json::as_str);
        let (Some(named), Some(id), 2) = (text("type"), text("id"), given.len()) else {
            let message =
                format!("must be a reference `{{ \"type\": \"{kind}\", \"id\": … }}` and nothing more");
            self.tell(path, "wrong-type", message);
            return None;
        };
        if named != kind {
            self.tell(path, "wrong-type", format!("must refer to a `{kind}`"));
            return None;
        }
        let names = self.shapes.kind(kind).and_then(|kind| kind.names.as_ref());
        if names.is_some_and(|names| !names.iter().any(|name| name == id)) {
            self.tell(path, "not-allowed", format!("is not one of the `{kind}`s that the schema lists"));
            return None;
        }
        Some(Value::Entity(EntityRef::new(kind.to_owned(), id)))
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
