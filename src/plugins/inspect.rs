//! What a plugin is, told without running it and without making code of it.

use std::path::Path;

use serde_json::Value;
use wasmparser::{Encoding, Parser, Payload};

use super::load::{manifest_digest, read, schema_of, sha256};
use super::manifest::Manifest;
use super::schema::Schema;
use super::{LoadError, clean};

/// No file is larger: this is for looking at files that no server would load, too.
const LARGEST: u64 = 256 << 20;
/// Imports and exports that are told.
const NAMES: usize = 200;

/// A component, and what its manifest says of it.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// None for a component without a manifest beside it.
    pub manifest: Option<ManifestView>,
    /// In bytes.
    pub size: usize,
    /// Of the component, in lower-case hexadecimal.
    pub sha256: String,
    pub imports: Vec<String>,
    pub exports: Vec<String>,
}

/// A manifest that a server would accept, for reading.
#[derive(Debug, Clone)]
pub struct ManifestView {
    pub id: String,
    pub version: String,
    pub description: String,
    /// With package and version.
    pub world: String,
    pub hooks: Vec<String>,
    /// SHA-256 of it, with the schema.
    pub digest: String,
    /// The component's file name.
    pub component: String,
    /// What it asks for; an operator grants it, or does not.
    pub http: Vec<String>,
    pub secrets: Vec<String>,
    pub kv: bool,
    /// The defaults, a JSON object.
    pub config: Value,
    /// The JSON Schema of the configuration, if there is one.
    pub config_schema: Option<Value>,
}

impl Inspection {
    /// Reads a plugin's folder, or a component's file with the manifest beside it, if there is one.
    ///
    /// # Errors
    /// Something cannot be read, the manifest is none, or the file is not a component.
    pub fn of(path: &Path) -> Result<Self, LoadError> {
        let path = path.canonicalize().map_err(|source| unreadable(path, source))?;
        let name = |at: &Path| at.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (manifest, component) = if path.is_dir() {
            let manifest = ManifestView::read(&path)?;
            let component = path.join(&manifest.component);
            (Some(manifest), component)
        } else {
            let beside = path.parent().filter(|folder| folder.join("manifest.toml").is_file());
            let manifest = beside.map(ManifestView::read).transpose()?;
            (manifest.filter(|manifest| manifest.component == name(&path)), path)
        };
        let plugin = manifest.as_ref().map_or_else(|| name(&component), |manifest| manifest.id.clone());
        let bytes = read(&plugin, &component, LARGEST)?;
        let (imports, exports) = names(&bytes)
            .map_err(|what| LoadError::BadComponent { plugin, what: clean::line(&what, 500) })?;
        Ok(Self { manifest, size: bytes.len(), sha256: sha256(&bytes), imports, exports })
    }
}

impl ManifestView {
    /// Reads `manifest.toml` in a plugin's folder, as strictly as a server does.
    ///
    /// # Errors
    /// It cannot be read, or is none.
    pub fn read(folder: &Path) -> Result<Self, LoadError> {
        let folder = folder.canonicalize().map_err(|source| unreadable(folder, source))?;
        let plugin = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let bytes = read(&plugin, &folder.join("manifest.toml"), 64 << 10)?;
        let text = String::from_utf8_lossy(&bytes);
        let bad =
            |what: String| LoadError::BadManifest { plugin: plugin.clone(), what: clean::line(&what, 300) };
        let manifest = Manifest::parse(&text, &plugin).map_err(bad)?;
        let schema = match schema_of(&folder, &manifest) {
            Some(path) => Some(read(&plugin, &path, 64 << 10)?),
            None => None,
        };
        let digest = manifest_digest(&bytes, schema.as_deref());
        let bad_schema = |what| LoadError::BadSchema { plugin: plugin.clone(), what };
        let schema = schema.map(|bytes| Schema::parse(&bytes).map(Schema::into_value)).transpose();
        // What a server reads into types of its own, as it stands there.
        let words: toml::Table = toml::from_str(&text).map_err(|error| bad(error.message().to_owned()))?;
        // One line each, without what a terminal would obey: nobody forges what stands below it.
        let text =
            |key: &str| clean::line(words.get(key).and_then(toml::Value::as_str).unwrap_or_default(), 300);
        let wants = |key: &str| words.get("capabilities").and_then(|wants| wants.get(key));
        let list = |list: Option<&toml::Value>| -> Vec<String> {
            let each = list.and_then(toml::Value::as_array).into_iter().flatten();
            each.filter_map(toml::Value::as_str).map(|text| clean::line(text, 300)).collect()
        };
        Ok(Self {
            digest,
            description: text("description"),
            world: text("world"),
            hooks: manifest.hooks.iter().map(|hook| hook.name().to_owned()).collect(),
            http: list(wants("http")),
            secrets: list(wants("secrets")),
            kv: wants("kv").and_then(toml::Value::as_bool).unwrap_or(false),
            config: Value::Object(manifest.config),
            config_schema: schema.map_err(bad_schema)?,
            id: manifest.id,
            version: clean::line(&manifest.version, 64),
            component: manifest.component,
        })
    }
}

fn unreadable(path: &Path, source: std::io::Error) -> LoadError {
    let plugin = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    LoadError::Unreadable { plugin, path: path.to_owned(), source }
}

/// The names of a component's imports and exports.
fn names(bytes: &[u8]) -> Result<(Vec<String>, Vec<String>), String> {
    let (mut imports, mut exports) = (Vec::new(), Vec::new());
    // What is nested has imports of its own, which are no concern of the outside.
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(|error| format!("it is not WebAssembly: {error}"))? {
            Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => {
                return Err("it is a module and not a component".to_owned());
            }
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    imports.push(import.map_err(|error| error.to_string())?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    exports.push(export.map_err(|error| error.to_string())?.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    for names in [&mut imports, &mut exports] {
        names.truncate(NAMES);
        names.iter_mut().for_each(|name| *name = clean::line(name, 200));
    }
    Ok((imports, exports))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("plugins").join(name)
    }

    #[test]
    fn a_plugin_is_told_without_running_it() {
        let it = Inspection::of(&folder("waitlist")).unwrap();
        let manifest = it.manifest.unwrap();
        assert_eq!(
            (manifest.id.as_str(), manifest.hooks.as_slice()),
            ("waitlist", &["registration.validate".to_owned()][..])
        );
        assert!(it.imports.contains(&"palisade:plugin/config@0.2.0".to_owned()), "{:?}", it.imports);
        assert!(it.exports.contains(&"palisade:plugin/registration@0.2.0".to_owned()), "{:?}", it.exports);
        assert_eq!(manifest.config["mode"], "waitlist");
        assert!(it.sha256.len() == 64 && it.size > 1000);
    }

    #[test]
    fn a_file_is_told_with_the_manifest_beside_it() {
        let it = Inspection::of(&folder("waitlist/waitlist.wasm")).unwrap();
        assert_eq!(it.manifest.unwrap().id, "waitlist");
    }

    #[test]
    fn what_is_no_component_is_told_so() {
        for (bytes, why) in [
            (&b"\0asm\x01\0\0\0"[..], "not a component"),
            (b"hello", "not WebAssembly"),
            (b"", "not WebAssembly"),
        ] {
            let told = names(bytes).unwrap_err();
            assert!(told.contains(why), "{told}");
        }
    }
}
