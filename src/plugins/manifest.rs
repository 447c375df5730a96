//! `manifest.toml`: what a plugin says it is, before any of its code runs.

use std::path::{Component, Path};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::capabilities::Wanted;
use super::clean::is_code;
use super::world::{Hook, World};

/// Read strictly: a key we do not know is an error, not a wish ignored.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    pub(super) id: String,
    pub(super) version: String,
    /// For people.
    pub(super) description: String,
    pub(super) world: World,
    pub(super) hooks: Vec<Hook>,
    /// The component's file name beside the manifest.
    pub(super) component: String,
    /// The file name of its configuration's JSON Schema; without it the usual one, if it is there.
    #[serde(default)]
    pub(super) config_schema: Option<String>,
    /// What it asks for; without it, nothing.
    #[serde(default)]
    pub(super) capabilities: Wanted,
    /// The default configuration.
    #[serde(default)]
    pub(super) config: Map<String, Value>,
}

impl Manifest {
    /// # Errors
    /// What is wrong, as a sentence.
    pub(super) fn parse(text: &str, folder: &str) -> Result<Self, String> {
        // Never the line itself: the file may be a link to one that nobody should read.
        let manifest: Self = toml::from_str(text).map_err(|error| {
            let line = error
                .span()
                .map_or(1, |span| 1 + text.bytes().take(span.start).filter(|b| *b == b'\n').count());
            format!("line {line}: {}", error.message())
        })?;
        if manifest.id != folder {
            return Err(format!("id is `{}`, but the folder is `{folder}`", manifest.id));
        }
        if !is_code(&manifest.id) {
            return Err(format!("id `{}` is not kebab-case", manifest.id));
        }
        if semver::Version::parse(&manifest.version).is_err() {
            return Err(format!(
                "version `{}` is not one of Semantic Versioning, such as 1.0.0",
                manifest.version
            ));
        }
        let files =
            [("component", Some(&manifest.component)), ("config_schema", manifest.config_schema.as_ref())];
        for (key, name) in files.into_iter().filter_map(|(key, name)| Some((key, name?))) {
            let mut parts = Path::new(name).components();
            if !matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None)) {
                return Err(format!("{key} `{name}` is not a plain file name"));
            }
        }
        let hook = manifest.world.hook();
        if manifest.hooks != [hook] {
            return Err(format!("hooks: this world has `{}`", hook.name()));
        }
        let (wants, imports) = (&manifest.capabilities, manifest.world.imports());
        if (wants.http() || wants.secrets()) && !imports.http {
            return Err("capabilities: this world has no HTTP, and so no secrets".into());
        }
        if wants.kv && !imports.kv {
            return Err("capabilities: this world has no storage".into());
        }
        Ok(manifest)
    }

    /// The defaults with `over` laid on, key by key.
    ///
    /// # Errors
    /// When `over` is neither an object nor null.
    pub(super) fn configured(&self, over: &Value) -> Result<Value, String> {
        let mut config = self.config.clone();
        match over {
            Value::Null => {}
            Value::Object(over) => config.extend(over.clone()),
            _ => return Err("the configuration is not a JSON object".into()),
        }
        Ok(Value::Object(config))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        id = "door"
        version = "1.0.0"
        description = "a door"
        world = "palisade:plugin/registration-policy@0.1.0"
        hooks = ["registration.validate"]
        component = "door.wasm"
        [config]
        open = false
        who = ["ada"]
    "#;

    fn refusal(from: &str, to: &str) -> String {
        assert!(GOOD.contains(from));
        Manifest::parse(&GOOD.replace(from, to), "door").unwrap_err()
    }

    #[test]
    fn the_operators_values_lie_over_the_defaults() {
        let manifest = Manifest::parse(GOOD, "door").unwrap();
        let config = manifest.configured(&serde_json::json!({"open": true, "new": 1})).unwrap();
        assert_eq!(config.to_string(), r#"{"open":true,"who":["ada"],"new":1}"#);
        assert_eq!(manifest.configured(&Value::Null).unwrap().to_string(), r#"{"open":false,"who":["ada"]}"#);
        assert!(manifest.configured(&serde_json::json!([])).is_err());
    }

    #[test]
    fn what_a_manifest_may_not_say_is_refused() {
        assert!(refusal("id = \"door\"", "id = \"gate\"").contains("folder"));
        for version in ["1.0", "v1.0.0", "1.0.0.0", "01.0.0", "latest", ""] {
            assert!(refusal("\"1.0.0\"", &format!("\"{version}\"")).contains("version"), "{version}");
        }
        assert!(refusal("\"door.wasm\"", "\"../door.wasm\"").contains("plain file name"));
        assert!(refusal("\"door.wasm\"", "\"/etc/door.wasm\"").contains("plain file name"));
        let schema = "\"door.wasm\"\nconfig_schema = \"../schema.json\"";
        assert!(refusal("\"door.wasm\"", schema).contains("config_schema"));
        assert!(
            refusal("registration-policy@0.1.0", "registration-policy@9.0.0").contains("unknown variant")
        );
        assert!(refusal("registration.validate", "registration.invalidate").contains("unknown variant"));
        assert!(refusal("registration.validate", "login.authenticated").contains("hooks"));
        for wish in ["http = ['https://a.example']", "secrets = ['key']", "kv = true"] {
            let capabilities = format!("[capabilities]\n{wish}\n[config]");
            assert!(refusal("[config]", &capabilities).contains("capabilities"), "{wish}");
        }
        assert!(refusal("[config]", "[capabilities]\nfiles = true\n[config]").contains("files"));
        assert!(refusal("[\"registration.validate\"]", "[]").contains("hooks"));
        assert!(refusal("description", "descripton").contains("descripton"));
    }
}
