//! The OpenAPI document as we publish it: the framework's, mended.
//!
//! The framework writes 3.0.0 with a few faults that break generated clients; each function below mends one.
//! One source gives two documents: 3.1 for documentation and modern generators, 3.0.3 for older ones.

use std::collections::BTreeSet;

use poem::http::StatusCode;
use serde_json::{Map, Value, json};

use super::problem::CONTENT_TYPE;

mod schema;

/// The extension that names the Cedar action of an operation, and the response header `Reply` declares it with.
pub const ACTION: &str = "x-cedar-action";

/// Where unknown fields are ignored, as the standard has it (AuthZEN 1.0).
const LENIENT: &str = " /access/v1/";
/// Operations without a body that answer 400 all the same, as the old system did.
const OF_OLD: [&str; 1] = ["disconnect_provider"];

const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// Which OpenAPI Specification a document follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenApiVersion {
    /// 3.1.0: JSON Schema 2020-12, `null` is a type.
    V31,
    /// 3.0.3: `nullable`, for generators that know no better.
    V30,
}

/// The framework's document, mended and in a stable order.
///
/// `Body` refuses unknown fields, so every object schema that a request body reaches gets
/// `additionalProperties: false`. A field that takes `null` to clear something
/// (`MaybeUndefined`) is marked `#[oai(nullable)]` by its author: the framework cannot tell it from `Option`.
#[must_use]
pub fn clean(mut spec: Value, version: OpenApiVersion) -> Value {
    let requests = schemas_of_requests(&spec);
    if let Some(schemas) = spec.pointer_mut("/components/schemas").and_then(Value::as_object_mut) {
        for (name, schema) in schemas.iter_mut() {
            if requests.contains(name) {
                deny_unknown(schema);
            }
            schema::clean(schema, version);
        }
        schemas.sort_keys();
    }
    for operation in operations_mut(&mut spec) {
        clean_operation(operation, version);
    }
    let Value::Object(spec) = &mut spec else { return spec };
    let number = match version {
        OpenApiVersion::V31 => "3.1.0",
        OpenApiVersion::V30 => "3.0.3",
    };
    spec.insert("openapi".into(), json!(number));
    if spec.get("servers").and_then(Value::as_array).is_none_or(Vec::is_empty) {
        spec.insert("servers".into(), json!([{ "url": "/" }]));
    }
    if version == OpenApiVersion::V30
        && let Some(info) = spec.get_mut("info").and_then(Value::as_object_mut)
    {
        info.shift_remove("summary");
        if let Some(license) = info.get_mut("license").and_then(Value::as_object_mut) {
            license.shift_remove("identifier");
        }
    }
    Value::Object(ordered(
        spec,
        &["openapi", "info", "servers", "tags", "paths", "components", "externalDocs"],
    ))
}

/// What a reader or a generator would miss, one sentence each, naming the operation; empty is right.
#[must_use]
pub fn lint(document: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let mut seen = BTreeSet::new();
    for (place, operation) in operations(document) {
        let mut missing = |what: &str| faults.push(format!("{place}: {what}"));
        let text = |key: &str| operation.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        if text("summary").is_none() {
            missing("no summary");
        }
        if operation.get("tags").and_then(Value::as_array).is_none_or(Vec::is_empty) {
            missing("no tag");
        }
        match (text("operationId"), text(ACTION)) {
            (None, _) => missing("no operationId"),
            (Some(_), None) => missing("no x-cedar-action: it can answer without a decision"),
            (Some(id), Some(action)) if pascal(id) != action => {
                missing("its x-cedar-action is not its operationId");
            }
            (Some(_), Some(_)) => {}
        }
        if let Some(id) = text("operationId")
            && !seen.insert(id.to_owned())
        {
            missing("its operationId is used twice");
        }
        if operation.get("security").is_none() {
            missing("no security, not even the empty one");
        }
        let responses = operation.get("responses").and_then(Value::as_object);
        let responses = || responses.into_iter().flatten();
        if !responses().any(|(status, _)| status.starts_with('5')) {
            missing("no problem responses");
        }
        for (status, response) in responses() {
            let problem = response.get("content").is_some_and(|content| content.get(CONTENT_TYPE).is_some());
            if (status.starts_with('4') || status.starts_with('5')) && !problem {
                missing(&format!("response {status} is not a problem document"));
            }
        }
    }
    faults
}

/// `add_member` is `AddMember`: the one word of an operation, as Cedar spells it.
#[must_use]
pub fn pascal(operation_id: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters
            .next()
            .map(|first| first.to_uppercase().chain(letters).collect::<String>())
            .unwrap_or_default()
    };
    operation_id.split('_').map(capital).collect()
}

fn operations(document: &Value) -> impl Iterator<Item = (String, &Value)> {
    let paths = document.get("paths").and_then(Value::as_object).into_iter().flatten();
    paths.flat_map(|(path, item)| {
        let methods = item.as_object().into_iter().flatten();
        let methods = methods.filter(|(method, _)| METHODS.contains(&method.as_str()));
        methods.map(move |(method, operation)| (format!("{} {path}", method.to_uppercase()), operation))
    })
}

fn operations_mut(document: &mut Value) -> impl Iterator<Item = &mut Value> {
    let paths = document.get_mut("paths").and_then(Value::as_object_mut).into_iter().flatten();
    paths.flat_map(|(_, item)| {
        let methods = item.as_object_mut().into_iter().flatten();
        methods.filter(|(method, _)| METHODS.contains(&method.as_str())).map(|(_, operation)| operation)
    })
}

fn clean_operation(operation: &mut Value, version: OpenApiVersion) {
    let Value::Object(operation) = operation else { return };
    for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
        clean_named(parameter, version);
    }
    if let Some(body) = operation.get_mut("requestBody") {
        clean_content(body, version);
    }
    let impossible = impossible_statuses(operation);
    let mut action = None;
    if let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) {
        responses.retain(|status, _| !impossible.contains(&status.as_str()));
        for (status, response) in responses.iter_mut() {
            clean_content(response, version);
            action = action.or(clean_headers(response, version));
            describe(status, response);
        }
        responses.sort_keys();
    }
    if let Some(declared) = action {
        let id = operation.get("operationId").and_then(Value::as_str).unwrap_or_default();
        let action = if declared.is_empty() { pascal(id) } else { declared };
        operation.insert(ACTION.into(), json!(action));
    }
    // Without this a reader cannot tell "public" from "forgotten".
    operation.entry("security").or_insert(json!([]));
    let order = [
        "tags",
        "summary",
        "description",
        "operationId",
        ACTION,
        "security",
        "parameters",
        "requestBody",
        "responses",
    ];
    *operation = ordered(operation, &order);
}

/// `Problem` declares all its statuses; these are the ones this operation cannot answer with.
fn impossible_statuses(operation: &Map<String, Value>) -> Vec<&'static str> {
    let body = operation.contains_key("requestBody");
    let parameters = operation.get("parameters").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let path = parameters.iter().any(|p| p.get("in").and_then(Value::as_str) == Some("path"));
    let public = operation.get("security").and_then(Value::as_array).is_none_or(Vec::is_empty);
    let mut gone = Vec::new();
    let id = operation.get("operationId").and_then(Value::as_str);
    if !body {
        gone.extend(["413", "415"]);
        if !id.is_some_and(|id| OF_OLD.contains(&id)) {
            gone.push("400");
        }
    }
    if !body && parameters.is_empty() {
        gone.push("422");
    }
    if !body && !path {
        gone.extend(["404", "409"]);
    }
    if public && !body {
        gone.push("401");
    }
    gone
}

/// Media types without `charset`: JSON has none (RFC 8259 section 8.1), and generators look for the plain name.
fn clean_content(holder: &mut Value, version: OpenApiVersion) {
    let Some(content) = holder.get_mut("content").and_then(Value::as_object_mut) else { return };
    let plain = std::mem::take(content).into_iter().map(|(name, mut media)| {
        if let Some(schema) = media.get_mut("schema") {
            schema::clean(schema, version);
        }
        let name = name.split(';').next().unwrap_or_default().trim().to_owned();
        (name, media)
    });
    *content = plain.collect();
}

/// Mends the headers of a response, and takes out the declared Cedar action: empty if it names none.
fn clean_headers(response: &mut Value, version: OpenApiVersion) -> Option<String> {
    let headers = response.get_mut("headers").and_then(Value::as_object_mut)?;
    let mut action = None;
    let mut kept = Map::new();
    for (name, mut header) in std::mem::take(headers) {
        if name.eq_ignore_ascii_case(ACTION) {
            let places = ["/schema/default", "/schema/example", "/schema/enum/0", "/description"];
            let named = places.iter().find_map(|place| header.pointer(place).and_then(Value::as_str));
            action = Some(named.unwrap_or_default().to_owned());
            continue;
        }
        clean_named(&mut header, version);
        kept.insert(header_name(&name), header);
    }
    if kept.is_empty() {
        response.as_object_mut()?.shift_remove("headers");
    } else {
        *headers = kept;
    }
    action
}

/// The framework shouts (`RETRY-AFTER`); people write `Retry-After`.
fn header_name(name: &str) -> String {
    let word = |word: &str| match word.to_ascii_uppercase().as_str() {
        "WWW" => "WWW".to_owned(),
        "ID" => "ID".to_owned(),
        upper => pascal(&upper.to_ascii_lowercase()),
    };
    name.split('-').map(word).collect::<Vec<_>>().join("-")
}

/// A parameter or a header: its schema, without the defaults the framework spells out.
fn clean_named(holder: &mut Value, version: OpenApiVersion) {
    let Value::Object(holder) = holder else { return };
    if holder.get("deprecated") == Some(&json!(false)) {
        holder.shift_remove("deprecated");
    }
    if holder.get("explode") == Some(&json!(true)) {
        holder.shift_remove("explode");
    }
    if let Some(schema) = holder.get_mut("schema") {
        schema::clean(schema, version);
    }
}

/// The specification wants a description on each response; the framework leaves it empty.
fn describe(status: &str, response: &mut Value) {
    let Value::Object(response) = response else { return };
    if response.get("description").and_then(Value::as_str).is_none_or(str::is_empty) {
        let reason = status.parse().ok().and_then(|code: StatusCode| code.canonical_reason());
        response.insert("description".into(), json!(format!("{}.", reason.unwrap_or("The answer"))));
    }
    *response = ordered(response, &["description", "headers", "content"]);
}

/// The names of all schemas that a strict request body reaches.
fn schemas_of_requests(spec: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let strict = operations(spec).filter(|(place, _)| !place.contains(LENIENT));
    let mut open: Vec<&Value> = strict.filter_map(|(_, operation)| operation.get("requestBody")).collect();
    while let Some(value) = open.pop() {
        match value {
            Value::Object(object) => {
                let name = object.get("$ref").and_then(Value::as_str).and_then(|to| to.rsplit('/').next());
                if let Some(name) = name
                    && found.insert(name.to_owned())
                {
                    open.extend(spec.pointer(&format!("/components/schemas/{name}")));
                }
                open.extend(object.values());
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    found
}

fn deny_unknown(schema: &mut Value) {
    let Value::Object(schema) = schema else { return };
    let composed =
        ["oneOf", "anyOf", "allOf", "additionalProperties"].iter().any(|key| schema.contains_key(*key));
    if !composed && schema.get("type").and_then(Value::as_str) == Some("object") {
        schema.insert("additionalProperties".into(), json!(false));
    }
}

/// `map` with these keys first and the others after, in the order they had.
fn ordered(map: &mut Map<String, Value>, first: &[&str]) -> Map<String, Value> {
    let mut sorted: Map<_, _> = first.iter().filter_map(|key| map.shift_remove_entry(*key)).collect();
    sorted.append(map);
    sorted
}

#[cfg(test)]
mod tests;
