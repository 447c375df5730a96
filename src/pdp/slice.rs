//! Facts as JSON, in Cedar's own format for entities: what is written here, `cedar authorize` reads too.
//!
//! For the decision log only; no decision is made from JSON on a request's path.

use serde_json::{Map, Value as Json, json};

use super::question::{Entity, EntityRef, Pairs, Value};

impl EntityRef {
    /// Reads what [`Display`](std::fmt::Display) writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, quoted) = text.split_once("::\"")?;
        let quoted = quoted.strip_suffix('"')?;
        let (mut id, mut rest) = (String::with_capacity(quoted.len()), quoted.chars());
        while let Some(next) = rest.next() {
            id.push(match next {
                '\\' => match rest.next()? {
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    '0' => '\0',
                    'u' => {
                        let hex: String = rest.by_ref().skip(1).take_while(|c| *c != '}').collect();
                        char::from_u32(u32::from_str_radix(&hex, 16).ok()?)?
                    }
                    plain => plain,
                },
                '"' => return None,
                plain => plain,
            });
        }
        Some(Self::new(kind.to_owned(), id))
    }

    fn json(&self) -> Json {
        json!({ "type": self.kind, "id": self.id })
    }

    fn read(json: &Json) -> Option<Self> {
        Some(Self::new(json.get("type")?.as_str()?.to_owned(), json.get("id")?.as_str()?))
    }
}

impl Entity {
    /// A list of entities, sorted by name, so that equal facts are equal texts.
    #[must_use]
    pub fn all_to_json<'a>(entities: impl IntoIterator<Item = &'a Self>) -> Json {
        let mut sorted: Vec<&Self> = entities.into_iter().collect();
        sorted.sort_by(|a, b| a.uid.cmp(&b.uid));
        sorted.into_iter().map(Self::json).collect()
    }

    /// What [`Entity::all_to_json`] wrote; nothing if it is anything else.
    #[must_use]
    pub fn all_from_json(json: &Json) -> Option<Vec<Self>> {
        json.as_array()?.iter().map(Self::read).collect()
    }

    fn json(&self) -> Json {
        let mut parents: Vec<&EntityRef> = self.parents.iter().collect();
        parents.sort_unstable();
        json!({
            "uid": self.uid.json(),
            "attrs": Value::pairs_to_json(&self.attributes),
            "parents": parents.into_iter().map(EntityRef::json).collect::<Vec<_>>(),
        })
    }

    fn read(json: &Json) -> Option<Self> {
        Some(Self {
            uid: EntityRef::read(json.get("uid")?)?,
            attributes: Value::pairs_from_json(json.get("attrs")?)?,
            parents: json.get("parents")?.as_array()?.iter().map(EntityRef::read).collect::<Option<_>>()?,
        })
    }
}

impl Value {
    /// A context, or the attributes of an entity.
    #[must_use]
    pub fn pairs_to_json(pairs: &[(std::borrow::Cow<'static, str>, Self)]) -> Json {
        Json::Object(
            pairs
                .iter()
                .map(|(name, value)| (name.to_string(), value.to_marked_json()))
                .collect::<Map<_, _>>(),
        )
    }

    /// What [`Value::pairs_to_json`] wrote; nothing if it is anything else.
    #[must_use]
    pub fn pairs_from_json(json: &Json) -> Option<Pairs> {
        Self::pairs_from_marked_json(json.as_object()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_the_same() {
        let acme = EntityRef::new("Organization", "acme");
        let entity = Entity {
            uid: EntityRef::new("Project", "a \"b\" \\ \n \u{1}"),
            attributes: vec![
                ("organization".into(), Value::Entity(acme.clone())),
                ("open".into(), Value::Bool(true)),
                ("size".into(), Value::Long(-3)),
                ("tags".into(), Value::Set(vec![Value::Text("x".into()), Value::Entity(acme.clone())])),
                ("more".into(), Value::Record(vec![("name".into(), Value::Text(String::new()))])),
            ],
            parents: vec![acme],
        };
        let json = Entity::all_to_json(std::slice::from_ref(&entity));
        assert_eq!(Entity::all_from_json(&json), Some(vec![entity.clone()]));
        assert_eq!(EntityRef::parse(&entity.uid.to_string()), Some(entity.uid));
    }

    #[test]
    fn equal_facts_are_equal_texts_whatever_their_order() {
        let named =
            |id: &str| Entity { uid: EntityRef::new("Role", id), attributes: vec![], parents: vec![] };
        let one = Entity::all_to_json(&[named("a"), named("b")]).to_string();
        assert_eq!(one, Entity::all_to_json(&[named("b"), named("a")]).to_string());
    }

    #[test]
    fn what_is_no_reference_is_not_read() {
        for text in ["", "User", "User::alice", "User::\"alice", "User::\"a\"b\"", "User::\"a\\"] {
            assert_eq!(EntityRef::parse(text), None, "{text}");
        }
    }
}
