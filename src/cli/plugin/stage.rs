//! A plugin's files on their way into the plugins' folder: there as a whole or not at all, and back out if the server
//! does not take them.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::oci;
use crate::plugins::{CONFIG_SCHEMA, Inspection, Limits, is_plugin_id};

type Error = Box<dyn std::error::Error + Send + Sync>;

const MANIFEST: &str = "manifest.toml";
/// The largest manifest, schema and signature that a server reads, in bytes.
const MOST_TEXT: u64 = 64 << 10;
const MOST_SIGNATURE: u64 = 4 << 10;

/// What a plugin consists of, by file name. A name is one of a few or stands in the manifest as a plain one, so none
/// leads anywhere else.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) id: String,
    pub(super) each: Vec<(String, Vec<u8>)>,
}

/// What is read of a manifest before it has a folder to be held against.
pub(super) struct Names {
    pub(super) id: String,
    pub(super) component: String,
    pub(super) schema: String,
}

impl Names {
    /// # Errors
    /// What is missing, or no plain name.
    pub(super) fn of(manifest: &[u8]) -> Result<Self, Error> {
        let table: toml::Table = toml::from_str(&String::from_utf8_lossy(manifest))
            .map_err(|error| format!("manifest.toml: {}", error.message()))?;
        let text = |key: &str| table.get(key).and_then(toml::Value::as_str);
        let id = text("id").filter(|id| is_plugin_id(id)).ok_or("manifest.toml: `id` is no plugin's id")?;
        let schema = text("config_schema").unwrap_or(CONFIG_SCHEMA);
        let component = text("component").unwrap_or_default();
        let plain = |name: &str| {
            !name.is_empty()
                && !name.starts_with('.')
                && !name.contains(['/', '\\', '\0'])
                && name != MANIFEST
        };
        if !plain(component) || !plain(schema) || component == schema {
            return Err("manifest.toml: `component` and `config_schema` must be plain file names".into());
        }
        Ok(Self { id: id.to_owned(), component: component.to_owned(), schema: schema.to_owned() })
    }

    /// Each file that a plugin may have, and the largest that it may be.
    pub(super) fn all(&self) -> Vec<(String, u64)> {
        let files = [
            (MANIFEST, MOST_TEXT),
            (&*self.component, Limits::default().component_bytes),
            (&*self.schema, MOST_TEXT),
        ];
        let signed = files.iter().map(|(name, _)| (format!("{name}.sig"), MOST_SIGNATURE));
        let files = files.iter().map(|(name, most)| ((*name).to_owned(), *most));
        files.chain(signed).collect()
    }
}

impl Files {
    /// A plugin's folder, or an image layout (OCI) that holds one; `reference` names which, if it holds several.
    pub(super) fn read(path: &Path, reference: Option<&str>) -> Result<Self, Error> {
        if oci::is_layout(path) {
            return oci::read(path, reference);
        }
        if reference.is_some() {
            return Err(
                format!("`{}` is no image layout, so `--reference` names nothing", path.display()).into()
            );
        }
        let manifest = bounded(&path.join(MANIFEST), MOST_TEXT)?;
        let names = Names::of(&manifest)?;
        let mut each = Vec::new();
        for (name, most) in names.all() {
            let file = path.join(&name);
            if name == MANIFEST || name == names.component || file.try_exists()? {
                each.push((name, bounded(&file, most)?));
            }
        }
        Ok(Self { id: names.id, each })
    }
}

/// A regular file, whole, if it is no larger.
pub(super) fn bounded(path: &Path, most: u64) -> Result<Vec<u8>, Error> {
    let told = |error: std::io::Error| format!("`{}`: {error}", path.display());
    // Before it is opened: opening a pipe waits for whoever writes to it.
    if !fs::metadata(path).map_err(told)?.is_file() {
        return Err(format!("`{}` is no file", path.display()).into());
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(most + 1).read_to_end(&mut bytes)).map_err(told)?;
    if bytes.len() as u64 > most {
        return Err(format!("`{}` is larger than {most} bytes", path.display()).into());
    }
    Ok(bytes)
}

/// A plugin beside the place where it goes, on the same disk.
#[derive(Debug)]
pub(super) struct Staged {
    /// Goes, with all in it, when this is dropped.
    hold: TempDir,
    /// Where it goes.
    target: PathBuf,
    id: String,
    /// What it is; nothing of it has run.
    pub(super) inspection: Inspection,
}

impl Staged {
    pub(super) fn beside(plugins: &Path, files: &Files) -> Result<Self, Error> {
        fs::create_dir_all(plugins)?;
        let hold = tempfile::Builder::new().prefix(".install-").tempdir_in(plugins)?;
        let folder = hold.path().join(&files.id);
        fs::create_dir(&folder)?;
        for (name, bytes) in &files.each {
            let mut file = File::create_new(folder.join(name))?;
            file.write_all(bytes)?;
            file.sync_all()?;
        }
        let inspection = Inspection::of(&folder)?;
        Ok(Self { hold, target: plugins.join(&files.id), id: files.id.clone(), inspection })
    }

    /// Puts it where it goes. What was there stands aside until it is known whether the server takes this one.
    pub(super) fn place(self) -> Result<Placed, Error> {
        let (new, old) = (self.hold.path().join(&self.id), self.hold.path().join("before"));
        let before = self.target.try_exists()?;
        if before {
            only_a_plugin(&self.target)?;
            fs::rename(&self.target, &old)?;
        }
        if let Err(error) = fs::rename(&new, &self.target) {
            if before {
                fs::rename(&old, &self.target)?;
            }
            return Err(error.into());
        }
        Ok(Placed { hold: self.hold, target: self.target, before: before.then_some(old) })
    }
}

/// Whether a folder holds a plugin and no more: a project with its sources is not ours to replace.
fn only_a_plugin(folder: &Path) -> Result<(), Error> {
    let names = bounded(&folder.join(MANIFEST), MOST_TEXT).and_then(|text| Names::of(&text));
    let known: BTreeSet<_> = match names {
        Ok(names) => names.all().into_iter().map(|(name, _)| name).collect(),
        Err(_) => BTreeSet::new(),
    };
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        if !name.to_str().is_some_and(|name| known.contains(name)) {
            return Err(format!(
                "`{}` holds more than a plugin (`{}`) and is left alone: name it by its own path, or move it away",
                folder.display(),
                name.display()
            )
            .into());
        }
    }
    Ok(())
}

/// A plugin in its place.
#[derive(Debug)]
pub(super) struct Placed {
    hold: TempDir,
    target: PathBuf,
    before: Option<PathBuf>,
}

impl Placed {
    /// The server takes it: what was there before goes.
    pub(super) fn keep(self) -> Result<(), Error> {
        Ok(self.hold.close()?)
    }

    /// The server does not: as it was.
    pub(super) fn undo(self) -> Result<(), Error> {
        fs::rename(&self.target, self.hold.path().join("refused"))?;
        if let Some(before) = &self.before {
            fs::rename(before, &self.target)?;
        }
        Ok(self.hold.close()?)
    }
}

/// Whether what `path` names lies in the plugins' folder under its own id already.
pub(super) fn is_in_place(path: &Path, plugins: &Path, id: &str) -> bool {
    let same = |one: &Path, other: &Path| Some(one.canonicalize().ok()? == other.canonicalize().ok()?);
    same(path, &plugins.join(id)).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str) -> Files {
        Files::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("plugins").join(name), None).unwrap()
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_plugin_is_there_as_a_whole_and_its_sources_stay_where_they_are() {
        let plugins = tempfile::tempdir().unwrap();
        let staged = Staged::beside(plugins.path(), &of("waitlist")).unwrap();
        assert!(!plugins.path().join("waitlist").exists(), "not yet");
        staged.place().unwrap().keep().unwrap();
        assert_eq!(names(plugins.path()), ["waitlist"], "and nothing else is left");
        assert_eq!(
            names(&plugins.path().join("waitlist")),
            ["config.schema.json", "manifest.toml", "waitlist.wasm"]
        );
    }

    #[test]
    fn one_that_the_server_does_not_take_leaves_all_as_it_was() {
        let plugins = tempfile::tempdir().unwrap();
        Staged::beside(plugins.path(), &of("waitlist")).unwrap().place().unwrap().undo().unwrap();
        assert!(names(plugins.path()).is_empty());

        Staged::beside(plugins.path(), &of("waitlist")).unwrap().place().unwrap().keep().unwrap();
        let component = plugins.path().join("waitlist/waitlist.wasm");
        let before = fs::read(&component).unwrap();
        let mut other = of("waitlist");
        // A custom section at the end: another component that is one.
        let bytes = &mut other.each.iter_mut().find(|(name, _)| name == "waitlist.wasm").unwrap().1;
        bytes.extend([0, 2, 1, b'x']);
        let placed = Staged::beside(plugins.path(), &other).unwrap().place().unwrap();
        assert_ne!(fs::read(&component).unwrap(), before);
        placed.undo().unwrap();
        assert_eq!(fs::read(&component).unwrap(), before);
        assert_eq!(names(plugins.path()), ["waitlist"]);
    }

    #[test]
    fn a_project_is_not_replaced() {
        let plugins = tempfile::tempdir().unwrap();
        let project = plugins.path().join("waitlist");
        Staged::beside(plugins.path(), &of("waitlist")).unwrap().place().unwrap().keep().unwrap();
        fs::write(project.join("lib.rs"), "precious").unwrap();
        let told = Staged::beside(plugins.path(), &of("waitlist")).unwrap().place().unwrap_err().to_string();
        assert!(told.contains("left alone"), "{told}");
        assert_eq!(fs::read_to_string(project.join("lib.rs")).unwrap(), "precious");
        assert_eq!(names(plugins.path()), ["waitlist"]);
    }

    #[test]
    fn a_manifest_names_no_file_outside_its_folder() {
        for component in
            ["../a.wasm", "/a.wasm", "a/b.wasm", "", ".", "..", ".hidden", "manifest.toml", "a\\b"]
        {
            let text = format!("id = \"door\"\ncomponent = '{component}'\n");
            assert!(Names::of(text.as_bytes()).is_err(), "{component}");
        }
        for id in ["../door", "", "Door", ".door"] {
            let text = format!("id = \"{id}\"\ncomponent = \"door.wasm\"\n");
            assert!(Names::of(text.as_bytes()).is_err(), "{id}");
        }
    }
}
