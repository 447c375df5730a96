//! `palisade plugin inspect`: what a plugin is and asks for, without running it.

use std::path::Path;

use serde_json::{Value, json};

use super::Outcome;
use crate::plugins::Inspection;

#[expect(clippy::print_stdout, reason = "this is the command line")]
pub(super) fn inspect(path: &Path, as_json: bool) -> Outcome {
    let it = Inspection::of(path)?;
    if as_json {
        println!("{:#}", value(&it));
    } else {
        print!("{}", text(&it));
    }
    Ok(())
}

pub(super) fn value(it: &Inspection) -> Value {
    let manifest = it.manifest.as_ref().map(|manifest| {
        json!({
            "id": manifest.id,
            "version": manifest.version,
            "description": manifest.description,
            "sha256": manifest.digest,
            "world": manifest.world,
            "hooks": manifest.hooks,
            "asks": { "http": manifest.http, "secrets": manifest.secrets, "kv": manifest.kv },
            "config": manifest.config,
            "config_schema": manifest.config_schema,
        })
    });
    json!({
        "manifest": manifest,
        "size": it.size,
        "sha256": it.sha256,
        "imports": it.imports,
        "exports": it.exports,
    })
}

pub(super) fn text(it: &Inspection) -> String {
    let mut lines = Vec::new();
    let mut line = |name: &str, what: String| lines.push(format!("{name:<10} {what}\n"));
    if let Some(manifest) = &it.manifest {
        line("plugin", format!("{} {}: {}", manifest.id, manifest.version, manifest.description));
        line("manifest", format!("sha256 {}", manifest.digest));
        line("world", manifest.world.clone());
        line("hooks", manifest.hooks.join(", "));
        let mut asks = manifest.http.clone();
        asks.extend(manifest.secrets.iter().map(|name| format!("secret {name}")));
        asks.extend(manifest.kv.then(|| "kv".to_owned()));
        line("asks for", if asks.is_empty() { "nothing".to_owned() } else { asks.join(", ") });
        line("config", manifest.config.to_string());
        line(
            "schema",
            if manifest.config_schema.is_some() { "of its configuration" } else { "none" }.to_owned(),
        );
    }
    line("size", format!("{} bytes", it.size));
    line("sha256", it.sha256.clone());
    line("imports", it.imports.join("\n           "));
    line("exports", it.exports.join("\n           "));
    lines.concat()
}
