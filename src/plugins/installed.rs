//! Plugins that come and go while the server runs, and what they are before any of them is run.

use std::path::Path;
use std::sync::Arc;

use super::capabilities::Capabilities;
use super::host::{Host, Identity};
use super::load::Package;
use super::{Binding, Bound, Guest, Hook, Limits, LoadError, Loaded, Pin, Plugins, Runtime};

/// A plugin that an administrator installed and enabled.
#[derive(Debug, Clone)]
pub struct Installed {
    pub binding: Binding,
    /// Where it was asked when it was installed: should it not load, it is missing there.
    pub hook: Hook,
    pub version: String,
}

/// What a plugin is and asks for, told from its files alone: nothing of it is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspected {
    pub plugin: String,
    pub version: String,
    pub description: String,
    pub hook: Hook,
    /// SHA-256 of the component.
    pub digest: String,
    pub manifest_digest: String,
    /// Each wish: an origin, `http` (whichever the operator names), `secret <name>`, `kv`.
    pub asks: Vec<String>,
}

/// Looks at `<dir>/<plugin>/`.
///
/// # Errors
/// If it is no plugin, or no trusted key has signed it.
pub fn inspect(dir: &Path, plugin: &str, limits: &Limits, host: &dyn Host) -> Result<Inspected, LoadError> {
    let Package { manifest, digest, manifest_digest, .. } = Package::read(dir, plugin, limits, host)?;
    Ok(Inspected {
        plugin: manifest.id.clone(),
        version: manifest.version.clone(),
        hook: manifest.world.hook(),
        asks: manifest.capabilities.lacks(&Capabilities::default()),
        description: manifest.description,
        digest,
        manifest_digest,
    })
}

/// Looks at every folder of `dir` that can be used, by name.
#[must_use]
pub fn inspect_all(dir: &Path, limits: &Limits, host: &dyn Host) -> Vec<Inspected> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut found: Vec<_> = names.filter_map(|name| inspect(dir, &name, limits, host).ok()).collect();
    found.sort_by(|one, other| one.plugin.cmp(&other.plugin));
    found
}

impl Plugins {
    /// What can be looked at, with the limits and the trust of these.
    ///
    /// # Errors
    /// See [`inspect`].
    pub fn inspect(&self, dir: &Path, plugin: &str) -> Result<Inspected, LoadError> {
        inspect(dir, plugin, &self.limits, &*self.host)
    }

    /// See [`inspect_all`].
    #[must_use]
    pub fn inspect_all(&self, dir: &Path) -> Vec<Inspected> {
        inspect_all(dir, &self.limits, &*self.host)
    }

    /// Whether a plugin could be bound so: it is compiled and judges its configuration.
    ///
    /// # Errors
    /// What keeps it from being used.
    pub async fn try_out(&self, dir: &Path, binding: &Binding) -> Result<(), LoadError> {
        let runtime = self.running()?;
        self.ready(dir, binding, &runtime).await?.bind(binding, &runtime).await.map(drop)
    }

    /// These with other installed ones. Calls that run go on with those of before, which are dropped after the last. One
    /// that cannot be loaded is bound all the same and has no answer, so that what it keeps out stays out. `again`: the
    /// same are installed as before, and only those that could not be loaded are tried again.
    ///
    /// # Errors
    /// If there can be no engine.
    pub async fn with_installed(
        &self,
        dir: &Path,
        installed: &[Installed],
        again: bool,
    ) -> Result<Self, LoadError> {
        let mut bound: Vec<_> = self.bound.iter().filter(|bound| !bound.loaded.installed).cloned().collect();
        let runtime = if installed.is_empty() { self.runtime.clone() } else { Some(self.running()?) };
        if let Some(runtime) = &runtime {
            for it in installed {
                let runs = |bound: &&Bound| {
                    let Loaded { plugin, installed, fault, .. } = &bound.loaded;
                    *installed && fault.is_none() && *plugin == it.binding.plugin
                };
                if let Some(running) = self.bound.iter().find(runs).filter(|_| again) {
                    bound.push(running.clone());
                    continue;
                }
                let made = match self.ready(dir, &it.binding, runtime).await {
                    Ok(ready) => ready.bind(&it.binding, runtime).await,
                    Err(error) => Err(error),
                };
                let mut one = made.unwrap_or_else(|error| absent(it, &error));
                // What it did before counts on.
                if let Some(before) = self.bound.iter().find(|before| before.who == one.who) {
                    one.breaker = Arc::clone(&before.breaker);
                }
                one.loaded.installed = true;
                bound.push(one);
            }
        }
        Ok(Self {
            runtime,
            spare: Arc::clone(&self.spare),
            bound,
            host: Arc::clone(&self.host),
            counters: Arc::clone(&self.counters),
            limits: self.limits,
            ready: Arc::clone(&self.ready),
            journal: Arc::clone(&self.journal),
            recorder: Arc::clone(&self.recorder),
        })
    }

    fn running(&self) -> Result<Arc<Runtime>, LoadError> {
        let mut spare = self.spare.lock();
        if let Some(runtime) = self.runtime.as_ref().or(spare.as_ref()) {
            return Ok(Arc::clone(runtime));
        }
        let runtime = Arc::new(Runtime::new(self.limits, Arc::clone(&self.journal))?);
        *spare = Some(Arc::clone(&runtime));
        Ok(runtime)
    }
}

fn absent(it: &Installed, error: &LoadError) -> Bound {
    let (binding, plugin) = (&it.binding, it.binding.plugin.as_str());
    tracing::error!(target: "plugin", plugin, %error, "an installed plugin cannot be used");
    let digest = binding.pin.as_ref().map_or("", |pin: &Pin| &pin.component);
    Bound {
        who: Identity { plugin: plugin.into(), digest: digest.into() },
        hook: it.hook,
        guest: Guest::Absent,
        config: "{}".into(),
        on_failure: binding.on_failure,
        monitor: binding.monitor,
        deadline: binding.deadline,
        capabilities: Arc::default(),
        breaker: Arc::default(),
        loaded: Loaded {
            plugin: plugin.to_owned(),
            version: it.version.clone(),
            hook: it.hook,
            lacks: Vec::new(),
            sha256: digest.to_owned(),
            installed: true,
            fault: Some(error.to_string()),
            monitor: binding.monitor,
            on_failure: binding.on_failure.unwrap_or_else(|| it.hook.usual_policy()),
        },
    }
}
