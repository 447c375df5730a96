//! Things of the product's own, as it registers them.

use std::fmt;

use serde_json::{Map, Value as Json};

use super::{Invalid, Micros, OrganizationId};

/// The name of a thing of the product's: its type in the schema, and the product's own id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResourceRef {
    kind: String,
    id: String,
}

impl ResourceRef {
    pub const MAX: usize = 255;

    /// A type and an id of 1 to [`Self::MAX`] bytes each. The id is compared byte by byte, so nothing is trimmed or
    /// composed.
    ///
    /// # Errors
    /// With the word `type` or `id`: `empty`, `too-long` or `control-character`.
    pub fn parse(kind: &str, id: &str) -> Result<Self, (&'static str, Invalid)> {
        bounded(kind).map_err(|invalid| ("type", invalid))?;
        bounded(id).map_err(|invalid| ("id", invalid))?;
        Ok(Self { kind: kind.to_owned(), id: id.to_owned() })
    }

    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

fn bounded(text: &str) -> Result<(), Invalid> {
    if text.is_empty() {
        return Err(Invalid::new("empty", "this may not be empty"));
    }
    if text.len() > ResourceRef::MAX {
        return Err(Invalid::new("too-long", format!("this has at most {} bytes", ResourceRef::MAX)));
    }
    if text.chars().any(char::is_control) {
        return Err(Invalid::new("control-character", "this may not hold control characters"));
    }
    Ok(())
}

impl fmt::Display for ResourceRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}::\"{}\"", self.kind, self.id.escape_debug())
    }
}

/// A thing as it is registered.
#[derive(Debug, Clone)]
pub struct RegisteredResource {
    pub organization: OrganizationId,
    pub name: ResourceRef,
    /// As Cedar's own JSON writes them, every reference and every special text marked as such.
    pub attributes: Map<String, Json>,
    /// What it is directly in.
    pub parents: Vec<ResourceRef>,
    pub created_at: Micros,
    pub updated_at: Micros,
    /// 1 when it was made, one more with each change.
    pub version: i64,
}

/// What putting a thing takes, before it is held against the schema.
#[derive(Debug, Clone)]
pub struct NewResource {
    pub name: ResourceRef,
    pub attributes: Map<String, Json>,
    pub parents: Vec<ResourceRef>,
    /// The version that is replaced, 0 for none; without it whatever is there.
    pub version: Option<i64>,
}

impl NewResource {
    /// How many parents a thing has at most.
    pub const MAX_PARENTS: usize = 16;
    /// How many things the attributes of one may refer to.
    pub const MAX_REFERENCES: usize = 256;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_bounds_and_is_not_touched() {
        let name = ResourceRef::parse("Document", " e\u{301}/a b ").unwrap();
        assert_eq!((name.kind(), name.id()), ("Document", " e\u{301}/a b "));
        let wrong = |kind: &str, id: &str| ResourceRef::parse(kind, id).unwrap_err();
        assert_eq!(wrong("", "a").0, "type");
        assert_eq!(wrong("Document", "").1.code, "empty");
        assert_eq!(wrong("Document", &"x".repeat(256)).1.code, "too-long");
        assert_eq!(wrong("Document", "a\nb").1.code, "control-character");
    }
}
