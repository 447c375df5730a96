//! The schema files, read as one schema.

use std::collections::BTreeMap;
use std::path::Path;

use cedar_policy::{Schema, SchemaFragment};
use serde_json::Value;

use super::load::{is_operation, whole};
use super::problem::{Problem, Source, first_offset, sentence};
use super::shapes::Shapes;

/// PascalCase actions with the permission each belongs to.
pub(super) type Operations = BTreeMap<String, Option<String>>;

/// The schema, and what we read out of its text ourselves.
pub(super) struct SchemaRead {
    pub(super) schema: Schema,
    pub(super) operations: Operations,
    pub(super) shapes: Shapes,
}

/// The schema files together are one schema: each may use the others' types.
pub(super) fn read_schema(dir: &Path, files: &[Source], problems: &mut Vec<Problem>) -> Option<SchemaRead> {
    if files.is_empty() {
        problems.push(whole(dir, "no `*.cedarschema` file here"));
        return None;
    }
    // Each alone first, so that a brace left open is reported in its own file.
    let before = problems.len();
    for file in files {
        if let Err(error) = SchemaFragment::from_cedarschema_str(&file.text) {
            problems.push(file.diagnosed(&error));
        }
    }
    if problems.len() > before {
        return None;
    }
    // Then as one text, so that an error between files still has a place in one of them.
    let joined = files.iter().map(|file| file.text.as_str()).collect::<Vec<_>>().join("\n");
    let mut report = |error: &dyn miette::Diagnostic| {
        problems.push(place_in(files, first_offset(error).unwrap_or(0), sentence(error)));
    };
    let fragment = match SchemaFragment::from_cedarschema_str(&joined) {
        Ok((fragment, warnings)) => {
            warnings.for_each(|warning| report(&warning));
            fragment
        }
        Err(error) => {
            report(&error);
            return None;
        }
    };
    let json = fragment.clone().to_json_value().unwrap_or_default();
    let (operations, shapes) = (operations(&json), Shapes::read(&json));
    match Schema::from_schema_fragments([fragment]) {
        Ok(schema) => Some(SchemaRead { schema, operations, shapes }),
        Err(error) => {
            report(&error);
            None
        }
    }
}

/// Where an offset into the joined text lies.
fn place_in(files: &[Source], mut offset: usize, message: String) -> Problem {
    let mut files = files.iter().peekable();
    while let Some(file) = files.next() {
        if offset <= file.text.len() || files.peek().is_none() {
            return file.problem(offset, message);
        }
        offset -= file.text.len() + 1;
    }
    Problem { file: "".into(), line: 1, column: 1, message }
}

/// Cedar keeps only the closure of the action groups; the schema's own text still has each action's direct one.
fn operations(json: &Value) -> Operations {
    let actions = json.get("").and_then(|namespace| namespace.get("actions")).and_then(|it| it.as_object());
    let group =
        |action: &Value| Some(action.get("memberOf")?.as_array()?.first()?.get("id")?.as_str()?.to_owned());
    actions
        .into_iter()
        .flatten()
        .filter(|(name, _)| is_operation(name))
        .map(|(name, action)| (name.clone(), group(action)))
        .collect()
}
