//! A JSON request body that says which fields are wrong, and means what its schema says.
//!
//! The framework's own `Json` tells only the Rust names of types, repeats the value, takes `7` and `true` for a
//! string, and lets misspelt fields pass. So a value is walked along its published schema first: what the document
//! promises is what is checked, and unknown fields are refused in every request.

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use parking_lot::RwLock;
use poem::http::StatusCode;
use poem::{FromRequest, Request, RequestBody};
use poem_openapi::payload::{Json, ParsePayload, Payload};
use poem_openapi::registry::{MetaRequest, MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::{ParseFromJSON, Type};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use serde_json::Value;

use super::problem::Problem;
use crate::domain::{FieldError, Invalid};

/// A request body of `application/json` (RFC 8259). Errors: 400 `bad-json`, 415, 422 naming the fields.
#[derive(Debug, Clone)]
pub(super) struct Body<T>(pub T);

impl<T: Type> Payload for Body<T> {
    const CONTENT_TYPE: &'static str = "application/json";

    fn check_content_type(content_type: &str) -> bool {
        Json::<T>::check_content_type(content_type)
    }

    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: ParseFromJSON + 'static> ParsePayload for Body<T> {
    const IS_REQUIRED: bool = T::IS_REQUIRED;

    async fn from_request(request: &Request, body: &mut RequestBody) -> poem::Result<Self> {
        let bytes = <Vec<u8> as FromRequest>::from_request(request, body).await?;
        Ok(parse(&bytes).map(Self)?)
    }
}

poem_openapi::impl_apirequest_for_payload!(Body<T>, T: ParseFromJSON + 'static);

/// The same, where there may be no body at all.
#[derive(Debug, Clone)]
pub(super) struct OptionalBody<T>(pub Option<T>);

impl<'a, T: ParseFromJSON + 'static> ApiExtractor<'a> for OptionalBody<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        <Body<T> as ApiExtractor>::request_meta().map(|meta| MetaRequest { required: false, ..meta })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let bytes = <Vec<u8> as FromRequest>::from_request(request, body).await?;
        if bytes.is_empty() {
            return Ok(Self(None));
        }
        *body = RequestBody::new(bytes.into());
        let Body(sent) = <Body<T> as ApiExtractor>::from_request(request, body, options).await?;
        Ok(Self(Some(sent)))
    }
}

/// A request body of `application/x-www-form-urlencoded`, as the OAuth standards send it; every field is a text.
/// Unknown parameters are ignored, repeated ones refused (RFC 6749 section 3.2).
#[derive(Debug, Clone)]
pub(super) struct Form<T>(pub T);

impl<T: Type> Payload for Form<T> {
    const CONTENT_TYPE: &'static str = "application/x-www-form-urlencoded";

    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: ParseFromJSON + 'static> ParsePayload for Form<T> {
    const IS_REQUIRED: bool = true;

    async fn from_request(request: &Request, body: &mut RequestBody) -> poem::Result<Self> {
        let bytes = <Vec<u8> as FromRequest>::from_request(request, body).await?;
        Ok(parse_form(&bytes).map(Self)?)
    }
}

poem_openapi::impl_apirequest_for_payload!(Form<T>, T: ParseFromJSON + 'static);

fn parse_form<T: ParseFromJSON + 'static>(bytes: &[u8]) -> Result<T, Problem> {
    let registry = schemas::<T>();
    let known = |name: &str| {
        registry
            .schemas
            .values()
            .any(|schema| schema.properties.iter().any(|(property, _)| *property == name))
    };
    let mut fields = serde_json::Map::new();
    for (name, value) in url::form_urlencoded::parse(bytes).filter(|(name, _)| known(name)) {
        if fields.insert(name.to_string(), Value::from(value.into_owned())).is_some() {
            let repeated = Invalid::new("repeated", "is sent more than once");
            return Err(Problem::invalid(vec![repeated.at(name.into_owned())]));
        }
    }
    parse_value(&registry, Value::Object(fields))
}

/// The schemas of a body's type, made once: building them takes longer than the walk.
fn schemas<T: Type + 'static>() -> Arc<Registry> {
    static KNOWN: LazyLock<RwLock<HashMap<TypeId, Arc<Registry>>>> = LazyLock::new(RwLock::default);
    if let Some(known) = KNOWN.read().get(&TypeId::of::<T>()) {
        return Arc::clone(known);
    }
    let mut registry = Registry::new();
    T::register(&mut registry);
    Arc::clone(KNOWN.write().entry(TypeId::of::<T>()).or_insert_with(|| Arc::new(registry)))
}

fn parse<T: ParseFromJSON + 'static>(bytes: &[u8]) -> Result<T, Problem> {
    let value: Value = match bytes {
        [] if T::IS_REQUIRED => {
            return Err(Problem::new(StatusCode::BAD_REQUEST, "bad-json", "the body is empty"));
        }
        [] => Value::Null,
        bytes => serde_json::from_slice(bytes).map_err(|error| {
            let detail =
                format!("the body is not JSON: see line {}, column {}", error.line(), error.column());
            Problem::new(StatusCode::BAD_REQUEST, "bad-json", detail)
        })?,
    };
    parse_value(&schemas::<T>(), value)
}

fn parse_value<T: ParseFromJSON>(registry: &Registry, value: Value) -> Result<T, Problem> {
    if T::IS_REQUIRED || !value.is_null() {
        let mut walk = Walk { registry, wrong: Vec::new() };
        walk.at("", &value, &T::schema_ref());
        if !walk.wrong.is_empty() {
            return Err(Problem::invalid(walk.wrong));
        }
    }
    T::parse_from_json(Some(value)).map_err(|error| Problem::invalid(unwalked(registry, error.message())))
}

/// A rule the walk does not know (a pattern, say) was broken. The framework names the field in what it `said`;
/// a name counts only if it is one of ours, because the text may also hold the client's words. Never empty.
fn unwalked(registry: &Registry, said: &str) -> Vec<FieldError> {
    let names = registry.schemas.values().flat_map(|schema| schema.properties.iter().map(|(name, _)| *name));
    let broken = names.filter(|name| said.contains(&format!("field `{name}` verification failed")));
    let mut broken: Vec<_> = broken.map(|name| bad_format().at(name)).collect();
    broken.dedup();
    if broken.is_empty() {
        broken.push(Invalid::new("bad-format", "the body does not fit the schema of this operation").at(""));
    }
    broken
}

fn bad_format() -> Invalid {
    Invalid::new("bad-format", "does not have the right form")
}

struct Walk<'r> {
    registry: &'r Registry,
    wrong: Vec<FieldError>,
}

impl Walk<'_> {
    fn at(&mut self, path: &str, value: &Value, schema: &MetaSchemaRef) {
        let registry = self.registry;
        match schema {
            MetaSchemaRef::Inline(schema) => self.inline(path, value, schema),
            MetaSchemaRef::Reference(name) => {
                if let Some(schema) = registry.schemas.get(name) {
                    self.inline(path, value, schema);
                }
            }
        }
    }

    fn inline(&mut self, path: &str, value: &Value, schema: &MetaSchema) {
        if schema.nullable && value.is_null() {
            return;
        }
        for part in &schema.all_of {
            self.at(path, value, part);
        }
        if !schema.enum_items.is_empty() && !schema.enum_items.contains(value) {
            let allowed =
                schema.enum_items.iter().map(|item| item.as_str().map_or(item.to_string(), str::to_owned));
            let allowed = allowed.collect::<Vec<_>>().join(", ");
            return self.tell(path, "not-allowed", format!("must be one of: {allowed}"));
        }
        match (schema.ty, value) {
            ("object", Value::Object(object)) => {
                for name in &schema.required {
                    if object.get(*name).is_none_or(Value::is_null) {
                        self.tell(&join(path, name), "required", "is required");
                    }
                }
                for (name, property) in &schema.properties {
                    if let Some(value) = object.get(*name).filter(|value| !value.is_null()) {
                        self.at(&join(path, name), value, property);
                    }
                }
                let known = |name: &str| schema.properties.iter().any(|(known, _)| *known == name);
                if schema.additional_properties.is_none()
                    && schema.one_of.is_empty()
                    && schema.any_of.is_empty()
                {
                    let unknown = object.keys().filter(|name| !known(name));
                    // An inner object with nothing of ours may be anything, put in the wrong place: its words are not told.
                    let ours = path.is_empty() || object.keys().any(|name| known(name));
                    for name in unknown {
                        let place = if ours && plain(name) { join(path, name) } else { path.to_owned() };
                        self.tell(&place, "unknown-field", "is not a field of this request");
                    }
                }
            }
            ("array", Value::Array(items)) => {
                self.range(
                    path,
                    items.len(),
                    (schema.min_items, schema.max_items),
                    ("too-few", "too-many"),
                    "items",
                );
                if let Some(schema) = &schema.items {
                    for (index, item) in items.iter().enumerate() {
                        self.at(&join(path, &index.to_string()), item, schema);
                    }
                }
            }
            ("string", Value::String(text)) => {
                let length = (schema.min_length, schema.max_length);
                self.range(path, text.chars().count(), length, ("too-short", "too-long"), "characters");
                let right = match schema.format {
                    Some("uuid") => uuid::Uuid::try_parse(text).is_ok(),
                    Some("date-time") => {
                        time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339)
                            .is_ok()
                    }
                    _ => true,
                };
                if !right {
                    let format = schema.format.unwrap_or_default();
                    self.tell(path, "bad-format", format!("must be of the format `{format}`"));
                }
            }
            ("integer", Value::Number(number)) if number.is_i64() || number.is_u64() => {
                self.bounds(path, number.as_f64(), schema);
            }
            ("number", Value::Number(number)) => self.bounds(path, number.as_f64(), schema),
            ("boolean", Value::Bool(_)) | ("", _) => {}
            (ty, _) => {
                let article = if matches!(ty, "object" | "array" | "integer") { "an" } else { "a" };
                self.tell(path, "wrong-type", format!("must be {article} {ty}"));
            }
        }
    }

    fn bounds(&mut self, path: &str, number: Option<f64>, schema: &MetaSchema) {
        let Some(number) = number else { return };
        if let Some(least) = schema.minimum.filter(|least| number < *least) {
            self.tell(path, "too-small", format!("must be at least {least}"));
        }
        if let Some(most) = schema.maximum.filter(|most| number > *most) {
            self.tell(path, "too-large", format!("must be at most {most}"));
        }
    }

    fn range(
        &mut self,
        path: &str,
        count: usize,
        (least, most): (Option<usize>, Option<usize>),
        (below, above): (&'static str, &'static str),
        what: &str,
    ) {
        if let Some(least) = least.filter(|least| count < *least) {
            self.tell(path, below, format!("must have at least {least} {what}"));
        }
        if let Some(most) = most.filter(|most| count > *most) {
            self.tell(path, above, format!("must have at most {most} {what}"));
        }
    }

    fn tell(&mut self, path: &str, code: &'static str, message: impl Into<String>) {
        self.wrong.push(Invalid::new(code, message).at(path));
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// A name we may repeat: it cannot be a page, a secret of any length, or a log line of its own.
fn plain(name: &str) -> bool {
    (1..=40).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

#[cfg(test)]
mod tests {
    use poem_openapi::Object;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    #[derive(Debug, Object)]
    struct Form {
        #[oai(validator(min_length = 3, max_length = 5))]
        name: String,
        #[oai(validator(maximum(value = "10")))]
        count: Option<u32>,
        id: Option<Uuid>,
        #[oai(validator(pattern = "^[a-z]+$"))]
        slug: Option<String>,
        inner: Option<Vec<Inner>>,
    }

    #[derive(Debug, Object)]
    struct Inner {
        on: bool,
    }

    fn wrong(body: &Value) -> Vec<(String, &'static str)> {
        let problem = parse::<Form>(body.to_string().as_bytes()).expect_err("it should not parse");
        assert_eq!(problem.status(), StatusCode::UNPROCESSABLE_ENTITY);
        problem.errors().iter().map(|e| (e.field.clone(), e.code)).collect()
    }

    #[test]
    fn each_wrong_field_is_named_with_its_code() {
        assert_eq!(
            wrong(&json!({ "count": "many", "id": "x", "inner": [{ "on": true }, { "on": 1 }] })),
            [
                ("name".to_owned(), "required"),
                ("count".to_owned(), "wrong-type"),
                ("id".to_owned(), "bad-format"),
                ("inner.1.on".to_owned(), "wrong-type"),
            ]
        );
        assert_eq!(
            wrong(&json!({ "name": "ab", "count": 11 })),
            [("name".to_owned(), "too-short"), ("count".to_owned(), "too-large")]
        );
        assert_eq!(wrong(&json!({ "name": "abc", "slug": "A" })), [("slug".to_owned(), "bad-format")]);
        assert_eq!(wrong(&json!({ "name": "abc", "nmae": 1 })), [("nmae".to_owned(), "unknown-field")]);
        assert_eq!(wrong(&json!({ "name": 12345 })), [("name".to_owned(), "wrong-type")]);
        assert_eq!(wrong(&json!({ "name": "abc", "": 1 })), [(String::new(), "unknown-field")]);
        assert_eq!(wrong(&json!([])), [(String::new(), "wrong-type")]);
    }

    #[test]
    fn a_value_is_never_repeated() {
        let body = json!({ "name": "hunter2-hunter2", "count": "hunter2", "hunter2\"<b>": 1 }).to_string();
        let problem = parse::<Form>(body.as_bytes()).expect_err("it should not parse");
        assert!(!format!("{problem:?}").contains("hunter2"), "{problem:?}");
    }

    #[test]
    fn what_is_not_json_is_400_and_tells_the_place() {
        for body in ["", "{", "{\"name\":}", "\u{0}"] {
            let problem = parse::<Form>(body.as_bytes()).expect_err("it should not parse");
            assert_eq!((problem.status(), problem.code()), (StatusCode::BAD_REQUEST, "bad-json"), "{body}");
        }
    }

    #[test]
    fn a_right_body_parses() {
        let body = json!({ "name": "abc", "count": null, "inner": [] }).to_string();
        assert_eq!(parse::<Form>(body.as_bytes()).expect("it should parse").name, "abc");
    }
}
