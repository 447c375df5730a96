//! What a plugin says of its own configuration: a JSON Schema beside its manifest.
//!
//! A schema comes with a plugin and is read before anything of it is trusted, so it has bounds of its own: no reference
//! leads out of the file or in a circle, and none makes it large. What it refuses is told by place and rule; a value may
//! be a secret and is told nowhere.

use std::collections::BTreeMap;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::{Map, Value};

use super::clean;

/// Its usual file name.
pub const CONFIG_SCHEMA: &str = "config.schema.json";
/// Values of a schema in which each reference stands for what it refers to.
const MOST_VALUES: usize = 10_000;
/// How deep such a schema goes: it is walked by recursion.
const DEEPEST: usize = 40;
/// A pattern made into a machine, in bytes.
const MOST_PATTERN: usize = 1 << 20;
/// The longest rule that is shown as it stands in the schema.
const SHOWN: usize = 120;
/// Words by which a schema is named and found from elsewhere, which a configuration's has no use for.
const NAMES: [&str; 8] = [
    "$id",
    "id",
    "$anchor",
    "$dynamicAnchor",
    "$recursiveAnchor",
    "$dynamicRef",
    "$recursiveRef",
    "$vocabulary",
];
/// The versions that are read: what says none is of the first.
const VERSIONS: [&str; 4] = [
    "https://json-schema.org/draft/2020-12/schema",
    "https://json-schema.org/draft/2019-09/schema",
    "http://json-schema.org/draft-07/schema#",
    "http://json-schema.org/draft-07/schema",
];

pub(super) struct Schema {
    text: Value,
    validator: Validator,
}

impl Schema {
    /// # Errors
    /// Why it is none that we take, as a sentence.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let text: Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if let Some(version) = text.get("$schema")
            && !VERSIONS.iter().any(|known| version == known)
        {
            return Err(format!("$schema: must be one of {}", VERSIONS.join(", ")));
        }
        Walk::over(&text)?;
        let validator = jsonschema::options()
            .offline()
            .with_pattern_options(
                PatternOptions::regex().size_limit(MOST_PATTERN).dfa_size_limit(MOST_PATTERN),
            )
            .should_validate_formats(true)
            .build(&text)
            .map_err(|error| format!("{}: {error}", error.instance_path()))?;
        Ok(Self { text, validator })
    }

    pub(super) fn into_value(self) -> Value {
        self.text
    }

    /// What is wrong with a configuration, one thing each: where, and which rule says so.
    pub(super) fn complaints(&self, config: &Value, most: usize) -> Vec<String> {
        self.validator.iter_errors(config).take(most).map(|error| self.told(&error)).collect()
    }

    fn told(&self, error: &ValidationError<'_>) -> String {
        let place = match error.instance_path().as_str() {
            "" => "/",
            path => path,
        };
        let place = clean::line(place, SHOWN);
        let names = |names: &[String]| clean::line(&names.join("`, `"), SHOWN);
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected }
            | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
                format!("{place}: `{}` is not known", names(unexpected))
            }
            ValidationErrorKind::Required { property } => format!("{place}: {property} is missing"),
            kind => {
                // The rule is the plugin's own and says nothing of the value.
                let rule = self.text.pointer(error.schema_path().as_str()).map(Value::to_string);
                let rule = rule.filter(|rule| rule.chars().count() <= SHOWN);
                let rule = rule.map(|rule| format!(" {}", clean::line(&rule, SHOWN))).unwrap_or_default();
                format!("{place}: breaks the rule `{}{rule}`", kind.keyword())
            }
        }
    }
}

/// How large and how deep a part of the schema is.
#[derive(Clone, Copy, Default)]
struct Size {
    values: usize,
    depth: usize,
}

struct Walk<'a> {
    definitions: BTreeMap<&'a str, &'a Value>,
    /// Those that were walked; none for one that is being walked now.
    known: BTreeMap<&'a str, Option<Size>>,
    /// How deep the walk is now.
    level: usize,
}

impl<'a> Walk<'a> {
    fn over(schema: &'a Value) -> Result<(), String> {
        let of = |key: &'static str| schema.get(key).and_then(Value::as_object).into_iter().flatten();
        let definitions: BTreeMap<&str, &Value> =
            of("$defs").chain(of("definitions")).map(|(name, value)| (name.as_str(), value)).collect();
        if definitions.len() != of("$defs").chain(of("definitions")).count() {
            return Err("two definitions have one name".to_owned());
        }
        let mut walk = Self { definitions, known: BTreeMap::new(), level: 0 };
        for name in walk.definitions.keys().copied().collect::<Vec<_>>() {
            walk.definition(name)?;
        }
        walk.value(schema).map(drop)
    }

    fn definition(&mut self, name: &'a str) -> Result<Size, String> {
        match self.known.get(name) {
            Some(Some(size)) => return Ok(*size),
            Some(None) => return Err("$ref: definitions refer to each other in a circle".to_owned()),
            None => {}
        }
        let value = *self.definitions.get(name).ok_or("$ref: there is no such definition")?;
        self.known.insert(name, None);
        let size = self.value(value)?;
        self.known.insert(name, Some(size));
        Ok(size)
    }

    fn value(&mut self, value: &'a Value) -> Result<Size, String> {
        self.level += 1;
        if self.level > DEEPEST {
            return Err("it is too deep".to_owned());
        }
        let mut all = Size { values: 1, depth: 0 };
        match value {
            Value::Object(members) => {
                all.add(self.reference(members)?)?;
                for member in members.values() {
                    all.add(self.value(member)?)?;
                }
            }
            Value::Array(items) => {
                for item in items {
                    all.add(self.value(item)?)?;
                }
            }
            _ => {}
        }
        self.level -= 1;
        // What was walked before is not walked again, and is as deep all the same.
        all.depth += 1;
        if all.depth > DEEPEST {
            return Err("it is too deep".to_owned());
        }
        Ok(all)
    }

    fn reference(&mut self, members: &'a Map<String, Value>) -> Result<Size, String> {
        // A property of such a name has a schema, and no text.
        if let Some(name) = NAMES.iter().find(|name| members.get(**name).is_some_and(Value::is_string)) {
            return Err(format!("{name}: a configuration's schema needs no names of its own"));
        }
        let Some(target) = members.get("$ref").and_then(Value::as_str) else { return Ok(Size::default()) };
        let name = ["#/$defs/", "#/definitions/"].into_iter().find_map(|place| target.strip_prefix(place));
        match name.filter(|name| !name.contains(['/', '~', '%'])) {
            Some(name) => self.definition(name),
            None => Err("$ref: must be one such as `#/$defs/name`, of this file".to_owned()),
        }
    }
}

impl Size {
    fn add(&mut self, part: Self) -> Result<(), String> {
        self.values = self.values.saturating_add(part.values);
        self.depth = self.depth.max(part.depth);
        if self.values > MOST_VALUES { Err("it is too large".to_owned()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use serde_json::json;

    use super::*;

    fn refusal(schema: &Value) -> String {
        Schema::parse(schema.to_string().as_bytes()).err().unwrap_or_else(|| panic!("taken: {schema}"))
    }

    fn complaints(schema: &Value, config: &Value) -> Vec<String> {
        Schema::parse(schema.to_string().as_bytes()).unwrap().complaints(config, 10)
    }

    #[test]
    fn what_is_wrong_is_told_by_place_and_rule_and_never_by_value() {
        let schema = json!({
            "type": "object",
            "properties": {
                "mode": { "enum": ["open", "closed"] },
                "score": { "type": "number", "maximum": 1 },
                "codes": { "type": "array", "items": { "type": "string", "minLength": 8 } },
                "name": { "$ref": "#/$defs/name" },
                "url": { "type": "string", "format": "uri" },
                "any": { "anyOf": [{ "const": "a" }, { "type": "integer" }] },
                "not": { "not": { "type": "string" } },
                "once": { "uniqueItems": true, "contains": { "const": "x" } },
            },
            "required": ["mode"],
            "additionalProperties": false,
            "$defs": { "name": { "pattern": "^[a-z]+$" } },
        });
        let secret = "hunter2";
        let told = |config: Value| complaints(&schema, &config).join("; ");
        let open = |key: &str, value: Value| {
            let mut config = json!({ "mode": "open" });
            config[key] = value;
            config
        };
        for (config, rule) in [
            (json!({ "mode": secret }), r#"/mode: breaks the rule `enum ["open","closed"]`"#),
            (json!({}), r#"/: "mode" is missing"#),
            (open("mod", json!(secret)), "/: `mod` is not known"),
            (open("score", json!(secret)), r#"/score: breaks the rule `type "number"`"#),
            (open("score", json!(4711)), "/score: breaks the rule `maximum 1`"),
            (open("codes", json!([secret])), "/codes/0: breaks the rule `minLength 8`"),
            (open("name", json!(secret)), r#"/name: breaks the rule `pattern "^[a-z]+$"`"#),
            (open("url", json!(secret)), r#"/url: breaks the rule `format "uri"`"#),
            (open("any", json!(secret)), "/any: breaks the rule `anyOf"),
            (open("not", json!(secret)), "/not: breaks the rule `not"),
            (open("once", json!([secret, secret])), "/once: breaks the rule `"),
        ] {
            let told = told(config.clone());
            assert!(told.contains(rule), "{config}: {told}");
            assert!(!told.contains(secret) && !told.contains("4711"), "{told}");
        }
        assert_eq!(told(open("name", json!("ada"))), "");
    }

    #[test]
    fn no_reference_leads_out_of_the_file() {
        for target in [
            "https://example.com/schema.json",
            "http://127.0.0.1/",
            "file:///etc/passwd",
            "/etc/passwd",
            "other.json#/$defs/a",
            "#a",
            "#",
            "",
            "#/properties/a",
            "#/$defs/a/b",
            "#/$defs/%61",
            "#/$defs/nobody",
        ] {
            let schema = json!({ "$defs": { "a": {} }, "properties": { "x": { "$ref": target } } });
            assert!(refusal(&schema).starts_with("$ref: "), "{target}");
        }
        for name in NAMES {
            let mut schema = json!({ "properties": {} });
            schema["properties"]["x"] = json!({ name: "https://example.com/x" });
            assert!(refusal(&schema).starts_with(name), "{name}");
        }
        assert!(refusal(&json!({ "$schema": "https://example.com/schema" })).starts_with("$schema: "));
        // A property may be called so.
        let schema = json!({ "properties": { "id": { "type": "string" }, "$ref": { "type": "string" } } });
        assert!(Schema::parse(schema.to_string().as_bytes()).is_ok());
    }

    #[test]
    fn f57_a_schema_that_refers_in_a_circle_is_refused() {
        for defs in [
            json!({ "a": { "$ref": "#/$defs/a" } }),
            json!({ "a": { "$ref": "#/$defs/b" }, "b": { "allOf": [{ "$ref": "#/$defs/a" }] } }),
            json!({ "a": { "properties": { "x": { "$ref": "#/$defs/a" } } } }),
        ] {
            assert!(refusal(&json!({ "$defs": defs, "$ref": "#/$defs/a" })).contains("circle"), "{defs}");
        }
    }

    #[test]
    fn f57_a_schema_that_grows_by_its_references_is_refused() {
        // Each refers to the next four times: four to the power of twelve.
        let mut text = String::from(r##"{"$ref":"#/$defs/a0","$defs":{"##);
        for n in 0..12 {
            let next = format!(r##"{{"$ref":"#/$defs/a{}"}}"##, n + 1);
            let _ = write!(text, r#""a{n}":{{"allOf":[{next},{next},{next},{next}]}},"#);
        }
        text.push_str(r#""a12":{}}}"#);
        assert!(Schema::parse(text.as_bytes()).err().unwrap().contains("too large"));
    }

    #[test]
    fn f57_a_schema_that_is_deep_by_its_references_is_refused_and_the_deepest_is_walked() {
        let deep = |levels: usize| {
            let mut text = String::from(r##"{"$ref":"#/$defs/a0","$defs":{"##);
            for n in 0..levels {
                let _ = write!(text, r##""a{n}":{{"allOf":[{{"$ref":"#/$defs/a{}"}}]}},"##, n + 1);
            }
            let _ = write!(text, r#""a{levels}":{{"type":"object"}}}}}}"#);
            Schema::parse(text.as_bytes())
        };
        assert!(deep(2_000).err().unwrap().contains("too deep"));
        // As deep as it may be, on a stack as small as a server's threads have.
        let walked = std::thread::Builder::new().stack_size(2 << 20).spawn(move || {
            let plain = "{\"not\":".repeat(DEEPEST - 2) + "{}" + &"}".repeat(DEEPEST - 2);
            let plain = Schema::parse(plain.as_bytes()).map(|schema| schema.complaints(&json!(1), 10).len());
            (deep(12).map(|schema| schema.complaints(&json!(1), 10).len()), plain)
        });
        assert_eq!(walked.unwrap().join().unwrap(), (Ok(1), Ok(0)));
    }

    #[test]
    fn f57_a_pattern_costs_time_in_proportion_to_the_text() {
        let schema = json!({ "properties": { "x": { "pattern": "^(a+)+$" } } });
        let config = json!({ "x": "a".repeat(100_000) + "!" });
        assert_eq!(complaints(&schema, &config).len(), 1);
        // What only an engine that goes back can match is not taken, and neither is one that becomes large.
        for pattern in ["(a)\\1", "(?=a)a", "((a{1,1000}){1,1000}){1,1000}"] {
            refusal(&json!({ "properties": { "x": { "pattern": pattern } } }));
        }
    }

    #[test]
    fn what_is_no_schema_is_told() {
        for text in ["", "{", "[]", r#"{"type":"strong"}"#, r#"{"minLength":-1}"#] {
            assert!(Schema::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
