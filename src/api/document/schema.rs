//! One schema, mended: integers that are integers, `null` where it is allowed, no stray words.

use serde_json::{Map, Value, json};

use super::OpenApiVersion;

pub(super) fn clean(schema: &mut Value, version: OpenApiVersion) {
    let Value::Object(map) = schema else { return };
    for key in ["properties"] {
        for (_, property) in map.get_mut(key).and_then(Value::as_object_mut).into_iter().flatten() {
            clean(property, version);
        }
    }
    for key in ["items", "additionalProperties"] {
        if let Some(inner) = map.get_mut(key) {
            clean(inner, version);
        }
    }
    collapse_reference(map);
    for key in ["allOf", "anyOf", "oneOf"] {
        for part in map.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten() {
            clean(part, version);
        }
    }
    // The framework puts `type: object` beside `oneOf`, which breaks unions of anything else.
    if map.contains_key("oneOf") || map.contains_key("anyOf") {
        map.shift_remove("type");
    }
    if map.get("deprecated") == Some(&json!(false)) {
        map.shift_remove("deprecated");
    }
    formats(map);
    bounds(map, version);
    if map.get("nullable") == Some(&json!(true))
        && let Some(Value::Array(allowed)) = map.get_mut("enum")
        && !allowed.contains(&Value::Null)
    {
        // In both versions an enum allows only what it lists.
        allowed.push(Value::Null);
    }
    if version == OpenApiVersion::V31 {
        if let Some(example) = map.shift_remove("example") {
            map.insert("examples".into(), json!([example]));
        }
        nullable(map);
    }
}

/// A reference with words of its own comes as `allOf: [ref, words]` plus the same words outside: keep one of each.
fn collapse_reference(map: &mut Map<String, Value>) {
    let Some(Value::Array(parts)) = map.get_mut("allOf") else { return };
    if parts.len() == 2 && parts.first().is_some_and(|first| first.get("$ref").is_some()) {
        let repeated = parts.get(1).and_then(Value::as_object).cloned().unwrap_or_default();
        if !repeated.contains_key("$ref") && !repeated.contains_key("properties") {
            parts.truncate(1);
            for (key, value) in repeated {
                map.entry(key).or_insert(value);
            }
        }
    }
}

/// `uint32` and its like are not in the format registry; generators know `int32` and `int64`.
fn formats(map: &mut Map<String, Value>) {
    if map.get("type").and_then(Value::as_str) != Some("integer") {
        return;
    }
    let format = map.get("format").and_then(Value::as_str).unwrap_or_default().to_owned();
    let known = match format.as_str() {
        "int8" | "uint8" | "int16" | "uint16" | "int32" => "int32",
        _ => "int64",
    };
    map.insert("format".into(), json!(known));
    if format.starts_with('u') {
        map.entry("minimum").or_insert(json!(0));
    }
}

/// `100.0` becomes `100`; an exclusive bound is a flag in 3.0 and a number in 3.1.
fn bounds(map: &mut Map<String, Value>, version: OpenApiVersion) {
    for key in ["minimum", "maximum", "multipleOf", "default", "example"] {
        if let Some(number) = map.get_mut(key)
            && let Some(whole) = whole(number)
        {
            *number = whole;
        }
    }
    for (flag, bound) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
        match map.get(flag) {
            Some(Value::Bool(true)) if version == OpenApiVersion::V31 => {
                if let Some(limit) = map.shift_remove(bound) {
                    map.insert(flag.into(), limit);
                }
            }
            Some(Value::Bool(false)) => {
                map.shift_remove(flag);
            }
            _ => {}
        }
    }
}

fn whole(number: &Value) -> Option<Value> {
    let number = number.as_f64().filter(|n| n.fract() == 0.0 && n.abs() < 9.0e15)?;
    #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53, as checked above")]
    let whole = number as i64;
    Some(json!(whole))
}

/// 3.1 has no `nullable`: `null` is a type of its own.
fn nullable(map: &mut Map<String, Value>) {
    if map.shift_remove("nullable") != Some(json!(true)) {
        return;
    }
    if let Some(Value::String(kind)) = map.get("type").cloned() {
        map.insert("type".into(), json!([kind, "null"]));
        return;
    }
    let mut choices = match map.shift_remove("allOf") {
        Some(Value::Array(mut parts)) if parts.len() == 1 => parts.pop().into_iter().collect(),
        Some(parts) => vec![json!({ "allOf": parts })],
        None => match map.shift_remove("anyOf").or_else(|| map.shift_remove("oneOf")) {
            Some(Value::Array(parts)) => parts,
            _ => map.shift_remove("$ref").map(|to| json!({ "$ref": to })).into_iter().collect(),
        },
    };
    choices.push(json!({ "type": "null" }));
    map.insert("anyOf".into(), Value::Array(choices));
}
