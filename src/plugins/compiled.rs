//! From a component to machine code: compiled once for a version of this server on a kind of machine, and kept.

use std::sync::Arc;

use wasmtime::Engine;
use wasmtime::component::Component;

use super::Limits;
use super::engine::{Runtime, compile};
use super::host::{Host, Identity};

/// The component's code: what the host kept of an earlier time, or compiled now and given to the host to keep.
///
/// # Errors
/// If it is no component, or one that cannot be compiled.
pub(super) async fn compiled(
    runtime: &Runtime,
    host: &Arc<dyn Host>,
    who: &Identity,
    component: Vec<u8>,
) -> wasmtime::Result<Component> {
    let (engine, limits) = (runtime.engine.clone(), runtime.limits);
    let (host, who) = (Arc::clone(host), who.clone());
    runtime.aside(move || now(&engine, &limits, &*host, &who, &component)).await
}

fn now(
    engine: &Engine,
    limits: &Limits,
    host: &dyn Host,
    who: &Identity,
    component: &[u8],
) -> wasmtime::Result<Component> {
    let name = name(engine, who);
    if let Some(code) = host.kept_code(&who.plugin, &name) {
        match deserialized(engine, &code) {
            Ok(component) => return Ok(component),
            // Its name says that it fits, so this is worth a look; compiling mends it.
            Err(error) => {
                let plugin = &*who.plugin;
                tracing::warn!(target: "plugin", plugin, error = format!("{error:#}"), "kept code does not load");
            }
        }
    }
    let code = compile(limits, component)?;
    host.keep_code(&who.plugin, &name, &code);
    deserialized(engine, &code)
}

/// The component's digest and all that its code depends on: wasmtime's version, the target, the engine's settings.
fn name(engine: &Engine, who: &Identity) -> String {
    use std::hash::{Hash as _, Hasher as _};
    let mut hasher = std::hash::DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    format!("{}-{:016x}", who.digest, hasher.finish())
}

#[expect(
    unsafe_code,
    reason = "machine code cannot be checked; the host gives out only what it was given to keep"
)]
fn deserialized(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: `code` is what wasmtime compiled, now or before: `Host::kept_code` promises that it is, byte for byte,
    // what `Host::keep_code` got under the same name, and `PluginHost` proves it with a MAC. That it fits this engine
    // wasmtime checks itself.
    unsafe { Component::deserialize(engine, code) }
}
