//! Values as JSON: marked, as Cedar itself writes them, and plain, as people do.

use serde_json::{Map, Value as Json, json};

use super::question::{EntityRef, Extension, Pairs, Value};

impl Extension {
    const ALL: [Self; 4] = [Self::Datetime, Self::Decimal, Self::Duration, Self::Ip];

    /// The function that reads the text.
    const fn function(self) -> &'static str {
        match self {
            Self::Datetime => "datetime",
            Self::Decimal => "decimal",
            Self::Duration => "duration",
            Self::Ip => "ip",
        }
    }
}

impl Value {
    /// With every reference and every special text marked (`__entity`, `__extn`), so that it reads the same without a
    /// schema.
    #[must_use]
    pub fn to_marked_json(&self) -> Json {
        self.to_json(
            &|uid| json!({ "__entity": { "type": uid.kind, "id": uid.id } }),
            &|kind, text| json!({ "__extn": { "fn": kind.function(), "arg": text } }),
        )
    }

    /// As a person writes it: a reference is `{ "type", "id" }`, a special text is a text.
    #[must_use]
    pub fn to_plain_json(&self) -> Json {
        self.to_json(&|uid| json!({ "type": uid.kind, "id": uid.id }), &|_, text| json!(text))
    }

    fn to_json(
        &self,
        reference: &dyn Fn(&EntityRef) -> Json,
        extension: &dyn Fn(Extension, &str) -> Json,
    ) -> Json {
        match self {
            Self::Bool(it) => json!(it),
            Self::Long(it) => json!(it),
            Self::Text(it) => json!(it),
            Self::Entity(uid) => reference(uid),
            Self::Extension(kind, text) => extension(*kind, text),
            Self::Set(items) => items.iter().map(|item| item.to_json(reference, extension)).collect(),
            Self::Record(pairs) => {
                let pair = |(key, value): &(std::borrow::Cow<'static, str>, Self)| {
                    (key.to_string(), value.to_json(reference, extension))
                };
                Json::Object(pairs.iter().map(pair).collect())
            }
        }
    }

    /// Reads what [`Value::to_marked_json`] wrote; nothing else.
    #[must_use]
    pub fn from_marked_json(json: &Json) -> Option<Self> {
        Some(match json {
            Json::Null => return None,
            Json::Bool(it) => Self::Bool(*it),
            Json::Number(it) => Self::Long(it.as_i64()?),
            Json::String(it) => Self::Text(it.clone()),
            Json::Array(items) => Self::Set(items.iter().map(Self::from_marked_json).collect::<Option<_>>()?),
            Json::Object(object) => match (object.get("__entity"), object.get("__extn")) {
                (Some(uid), _) => {
                    let text = |key: &str| uid.get(key)?.as_str().map(str::to_owned);
                    Self::Entity(EntityRef::new(text("type")?, text("id")?))
                }
                (None, Some(call)) => {
                    let text = |key: &str| call.get(key)?.as_str();
                    let function = text("fn")?;
                    let kind = Extension::ALL.into_iter().find(|kind| kind.function() == function)?;
                    Self::Extension(kind, text("arg")?.to_owned())
                }
                (None, None) => Self::Record(Self::pairs_from_marked_json(object)?),
            },
        })
    }

    /// The same for a whole record.
    #[must_use]
    pub fn pairs_from_marked_json(object: &Map<String, Json>) -> Option<Pairs> {
        let pair =
            |(key, value): (&String, &Json)| Some((key.clone().into(), Self::from_marked_json(value)?));
        object.iter().map(pair).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marked_json_is_read_back_as_it_was_written() {
        let uid = Value::Entity(EntityRef::new("User", "a"));
        let value = Value::Record(vec![
            ("on".into(), Value::Bool(true)),
            ("who".into(), Value::Set(vec![uid, Value::Text("b".to_owned())])),
            ("until".into(), Value::Extension(Extension::Datetime, "2026-01-01".to_owned())),
            ("size".into(), Value::Long(-7)),
        ]);
        assert_eq!(Value::from_marked_json(&value.to_marked_json()), Some(value.clone()));
        assert_eq!(value.to_plain_json()["who"][0], json!({ "type": "User", "id": "a" }));
        assert_eq!(value.to_plain_json()["until"], "2026-01-01");
        assert_eq!(Value::from_marked_json(&json!(1.5)), None);
    }
}
