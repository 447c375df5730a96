//! A plugin in an image layout (OCI Image Format 1.1), as tools for registries write it into a folder.
//!
//! The component is a layer of the CNCF's Wasm artifact; the manifest and what else belongs to a plugin are layers
//! beside it. Which file a layer becomes, its media type says: titles name no path here. Every blob is found by its
//! digest and held against it and its size before it is read as anything.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use super::stage::{Files, Names, bounded};

type Error = Box<dyn std::error::Error + Send + Sync>;

const WASM_CONFIG: &str = "application/vnd.wasm.config.v0+json";
const COMPONENT: &str = "application/wasm";
const MANIFEST: &str = "application/vnd.palisade.plugin.manifest.v1+toml";
const SCHEMA: &str = "application/schema+json";
const SIGNATURE: &str = "application/vnd.palisade.plugin.signature.v1";
const IMAGE_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Which of several an index means (OCI Image Format, annotations).
const REFERENCE: &str = "org.opencontainers.image.ref.name";
const TITLE: &str = "org.opencontainers.image.title";

/// Index, image manifest, configuration: in bytes.
const MOST_JSON: u64 = 1 << 20;
const MOST_LAYERS: usize = 16;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Layout {
    image_layout_version: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Index {
    schema_version: u32,
    manifests: Vec<Descriptor>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Image {
    schema_version: u32,
    config: Descriptor,
    layers: Vec<Descriptor>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: String,
    digest: String,
    size: u64,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

/// What the CNCF's configuration says of the layers.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WasmConfig {
    #[serde(default)]
    layer_digests: Vec<String>,
}

pub(super) fn is_layout(path: &Path) -> bool {
    path.join("oci-layout").is_file()
}

/// # Errors
/// What of the layout is missing, too large, not what its digest says, or no plugin.
pub(super) fn read(path: &Path, reference: Option<&str>) -> Result<Files, Error> {
    let layout: Layout = json("oci-layout", &bounded(&path.join("oci-layout"), MOST_JSON)?)?;
    if !layout.image_layout_version.starts_with("1.") {
        return Err("oci-layout: it is of another version than 1".into());
    }
    let index: Index = json("index.json", &bounded(&path.join("index.json"), MOST_JSON)?)?;
    let wanted = one_of(&index.manifests, reference)?;
    if index.schema_version != 2 || wanted.media_type != IMAGE_MANIFEST {
        return Err(format!("index.json: only `{IMAGE_MANIFEST}` is read").into());
    }
    let image: Image = json("the image's manifest", &blob(path, wanted, MOST_JSON)?)?;
    if image.schema_version != 2 || image.config.media_type != WASM_CONFIG {
        return Err(format!("this is no WebAssembly: the configuration is not `{WASM_CONFIG}`").into());
    }
    if image.layers.len() > MOST_LAYERS {
        return Err(format!("there are more than {MOST_LAYERS} layers").into());
    }
    let config: WasmConfig = json("the configuration", &blob(path, &image.config, MOST_JSON)?)?;
    let only = |media_type: &str| -> Result<Option<&Descriptor>, Error> {
        let mut found = image.layers.iter().filter(|layer| layer.media_type == media_type);
        match (found.next(), found.next()) {
            (_, Some(_)) => Err(format!("there are several layers `{media_type}`").into()),
            (first, None) => Ok(first),
        }
    };
    let needed = |media_type: &str| {
        only(media_type)?.ok_or_else(|| Error::from(format!("there is no layer `{media_type}`")))
    };
    let (component, manifest) = (needed(COMPONENT)?, needed(MANIFEST)?);
    if !config.layer_digests.is_empty() && !config.layer_digests.contains(&component.digest) {
        return Err("the configuration speaks of another component".into());
    }
    let manifest = blob(path, manifest, MOST_JSON)?;
    let names = Names::of(&manifest)?;
    let all = names.all();
    let most = |name: &str| all.iter().find(|(known, _)| known == name).map(|(_, most)| *most);
    let mut each = vec![("manifest.toml".to_owned(), manifest)];
    let mut take = |name: &str, layer: &Descriptor| -> Result<(), Error> {
        let most = most(name).ok_or_else(|| format!("a plugin has no file `{}`", name.escape_default()))?;
        if each.iter().any(|(taken, _)| taken == name) {
            return Err(format!("there are several layers for `{name}`").into());
        }
        each.push((name.to_owned(), blob(path, layer, most)?));
        Ok(())
    };
    take(&names.component, component)?;
    if let Some(schema) = only(SCHEMA)? {
        take(&names.schema, schema)?;
    }
    for layer in image.layers.iter().filter(|layer| layer.media_type == SIGNATURE) {
        // A title chooses among the names that there may be, and makes none.
        let title = layer.annotations.get(TITLE).map(String::as_str).unwrap_or_default();
        if Path::new(title).extension().is_none_or(|ending| ending != "sig") {
            return Err(format!("a signature's title is `{}`", title.escape_default()).into());
        }
        take(title, layer)?;
    }
    Ok(Files { id: names.id, each })
}

fn one_of<'a>(manifests: &'a [Descriptor], reference: Option<&str>) -> Result<&'a Descriptor, Error> {
    let called = |it: &&Descriptor| match reference {
        Some(name) => it.digest == name || it.annotations.get(REFERENCE).is_some_and(|said| said == name),
        None => true,
    };
    let mut found = manifests.iter().filter(called);
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err("index.json: there is no such image".into()),
        (Some(_), Some(_)) => {
            let names: Vec<_> = manifests
                .iter()
                .take(MOST_LAYERS)
                .map(|it| it.annotations.get(REFERENCE).unwrap_or(&it.digest).escape_default().to_string())
                .collect();
            let names = names.join(", ");
            Err(format!("index.json: there are several images, name one by `--reference`: {names}").into())
        }
    }
}

/// The content that a descriptor means.
fn blob(layout: &Path, of: &Descriptor, most: u64) -> Result<Vec<u8>, Error> {
    let hex = of.digest.strip_prefix("sha256:").unwrap_or_default();
    // It becomes a file's name.
    if hex.len() != 64 || !hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(format!("`{}` is no digest by SHA-256", of.digest.escape_default()).into());
    }
    if of.size > most {
        return Err(format!("blob {hex} says that it has {} bytes, more than {most}", of.size).into());
    }
    let bytes = bounded(&layout.join("blobs/sha256").join(hex), of.size)?;
    let is = Sha256::digest(&bytes).iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    if bytes.len() as u64 != of.size || is != hex {
        return Err(format!("blob {hex} is not what its digest and size say").into());
    }
    Ok(bytes)
}

fn json<T: DeserializeOwned>(what: &str, bytes: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(bytes).map_err(|error| format!("{what}: {error}").into())
}

#[cfg(test)]
mod tests;
