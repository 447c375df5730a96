//! From a folder of files to policies that can be trusted, or to a list of all that is wrong with them.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::Path;

use cedar_policy::PolicyId;

use super::decision::PolicyVersion;
use super::index::Index;
use super::memo::Memo;
use super::policy_files::{About, actions_asked_about, read_policies, validate};
use super::problem::{LoadError, Problem, Source};
use super::schema_files::{Operations, SchemaRead, read_schema};
use super::scopes::add_scopes;
use super::shapes::Shapes;
use super::words::Words;

/// One version of the policies, complete and checked.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) words: Words,
    pub(super) shapes: Shapes,
    pub(super) index: Index,
    pub(super) about: HashMap<PolicyId, About>,
    /// PascalCase actions with the permission each belongs to, in order.
    pub(super) operations: Operations,
    /// Lower-case actions, in order.
    pub(super) permissions: Vec<String>,
    /// What a credential can be granted, in order.
    pub(super) scopes: Vec<String>,
    pub(super) version: PolicyVersion,
    pub(super) memo: Memo,
}

impl Snapshot {
    /// Reads every `*.cedarschema` and `*.cedar` of the folder (not of folders in it).
    pub(super) fn read(dir: &Path) -> Result<Self, LoadError> {
        let schemas = sources(dir, "cedarschema")?;
        let files = sources(dir, "cedar")?;
        let version =
            PolicyVersion::of(schemas.iter().chain(&files).map(|s| (s.name.as_str(), s.text.as_str())));
        let mut problems = Vec::new();
        let schema = read_schema(dir, &schemas, &mut problems);
        let (mut policies, mut about) = read_policies(&files, &mut problems);
        if let Some(SchemaRead { schema, .. }) = &schema {
            validate(schema, &policies, &about, &files, &mut problems);
        }
        if files.is_empty() {
            problems.push(whole(dir, "no `*.cedar` file here, so nothing would be allowed"));
        }
        let Some(SchemaRead { schema, operations, shapes }) = schema.filter(|_| problems.is_empty()) else {
            problems.sort();
            problems.dedup();
            return Err(LoadError::Refused(problems));
        };
        let refused = |error: String| LoadError::Refused(vec![whole(dir, &error)]);
        // Without the two types in the schema there are no credentials, and nothing is made.
        let scopes = add_scopes(&schema, &mut policies, &mut about).map_err(refused)?;
        let index = Index::build(&policies, &schema).map_err(refused)?;
        let asked_about = actions_asked_about(&policies).map_err(refused)?;
        let permissions = schema
            .actions()
            .map(|action| action.id().unescaped())
            .filter(|name| !is_operation(name))
            .map(str::to_owned)
            .collect::<BTreeSet<_>>();
        Ok(Self {
            words: Words::new(schema, &asked_about).map_err(refused)?,
            shapes,
            index,
            about,
            operations,
            permissions: permissions.into_iter().collect(),
            scopes,
            version,
            memo: Memo::default(),
        })
    }
}

/// Whether an action is an operation of ours rather than a permission.
pub(super) fn is_operation(action: &str) -> bool {
    action.starts_with(|first: char| first.is_ascii_uppercase())
}

/// A problem of the folder as a whole.
pub(super) fn whole(dir: &Path, message: &str) -> Problem {
    Problem { file: dir.to_owned(), line: 1, column: 1, message: message.to_owned() }
}

/// The files of one kind, by name.
fn sources(dir: &Path, extension: &str) -> Result<Vec<Source>, LoadError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source| LoadError::Unreadable { path, source }
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(unreadable(dir))? {
        let path = entry.map_err(unreadable(dir))?.path();
        if path.extension().is_some_and(|it| it == extension) && path.is_file() {
            let text = fs::read_to_string(&path).map_err(unreadable(&path))?;
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            found.push(Source { path, name, text });
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}
