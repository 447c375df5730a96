//! A question and its facts, as plain values.

use std::borrow::Cow;
use std::fmt;

use super::fact_set::FactSet;

/// The name of one thing: its type in the schema and its id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntityRef {
    /// The entity type, as the schema spells it: `User`.
    pub kind: Cow<'static, str>,
    /// Any text; compared byte by byte.
    pub id: String,
}

impl EntityRef {
    #[must_use]
    pub fn new(kind: impl Into<Cow<'static, str>>, id: impl Into<String>) -> Self {
        Self { kind: kind.into(), id: id.into() }
    }
}

/// As Cedar writes it: `User::"alice"`.
impl fmt::Display for EntityRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}::\"{}\"", self.kind, self.id.escape_debug())
    }
}

/// The value of an attribute or of a key of the context.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Value {
    Bool(bool),
    Long(i64),
    Text(String),
    Entity(EntityRef),
    /// A text that Cedar reads as another type.
    Extension(Extension, String),
    /// Order and repetition do not matter.
    Set(Vec<Value>),
    /// A key given twice makes the question a bad one.
    Record(Vec<(Cow<'static, str>, Value)>),
}

/// The types that Cedar reads out of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Extension {
    /// Such as `2026-01-31T12:00:00Z`.
    Datetime,
    /// Such as `12.5`, with up to four digits after the point.
    Decimal,
    /// Such as `1h30m`.
    Duration,
    /// An address or a range, such as `10.0.0.0/8`.
    Ip,
}

/// Named values: attributes, or a context.
pub type Pairs = Vec<(Cow<'static, str>, Value)>;

/// What is known of one thing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Entity {
    pub uid: EntityRef,
    /// All that the schema requires and nothing it does not know.
    pub attributes: Vec<(Cow<'static, str>, Value)>,
    /// What it is directly in; further ancestors are found through the parents' own entities.
    pub parents: Vec<EntityRef>,
}

/// May `principal` do `action` to `resource`?
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    pub principal: EntityRef,
    /// The id of an action in the schema: `GetOrganization`, `project:read`.
    pub action: Cow<'static, str>,
    pub resource: EntityRef,
    pub context: Vec<(Cow<'static, str>, Value)>,
    /// Everything a policy may look at: the principal, the resource, and what they point to. A thing that
    /// is left out has no attributes, so a policy that reads one fails, and the answer is no.
    pub entities: FactSet,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_shown_as_cedar_text_with_quotes_escaped() {
        assert_eq!(EntityRef::new("User", "al\"ice").to_string(), r#"User::"al\"ice""#);
    }
}
