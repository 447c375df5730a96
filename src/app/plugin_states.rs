//! Plugins as administrators see them.

use super::plugin_installs::{Terms, is_of};
use super::{App, Error};
use crate::guard::actions::{ListPlugins, ReadPluginLogs};
use crate::guard::{Authorized, Released};
use crate::plugins::{FailurePolicy, Hook, Inspected, Loaded, Plugins};
use crate::store::Install;

/// Where a plugin stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PluginSource {
    /// In the plugins' folder, and not taken up.
    Available,
    /// By an administrator.
    Installed,
    /// By the server's configuration.
    Configuration,
}

/// A plugin: what it is, what it asks for and has, and how it does on this machine.
#[derive(Debug, Clone)]
pub struct PluginState {
    pub plugin: String,
    pub version: String,
    pub description: Option<String>,
    pub hook: String,
    pub digest: String,
    /// SHA-256 of the manifest with its schema; unknown of one that the configuration binds.
    pub manifest_digest: Option<String>,
    /// What lies in the plugins' folder, where that is not what was installed.
    pub replacement: Option<Replacement>,
    pub source: PluginSource,
    /// It is asked.
    pub enabled: bool,
    pub monitor: bool,
    pub on_failure: FailurePolicy,
    /// What it asks for, granted or not.
    pub asks: Vec<String>,
    /// What it asks for and does not have.
    pub lacks: Vec<String>,
    /// Why it cannot be used.
    pub fault: Option<String>,
    pub quarantined: bool,
    /// Its calls are recorded on this machine now.
    pub recorded: bool,
    /// How its calls ended since the start, and how often.
    pub calls: Vec<(&'static str, u64)>,
}

/// Other files under a plugin's name: they do not run before somebody installs them.
#[derive(Debug, Clone)]
pub struct Replacement {
    pub version: String,
    pub digest: String,
    pub manifest_digest: String,
    pub asks: Vec<String>,
}

impl Replacement {
    fn of(found: &Inspected) -> Self {
        Self {
            version: found.version.clone(),
            digest: found.digest.clone(),
            manifest_digest: found.manifest_digest.clone(),
            asks: found.asks.clone(),
        }
    }
}

/// Something a plugin said.
pub type PluginLine = crate::plugins::Line;

impl App {
    /// Every plugin that runs, was installed or could be, by name.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn list_plugins(
        &self,
        ok: Authorized<'_, ListPlugins>,
    ) -> Result<Released<ListPlugins, Vec<PluginState>>, Error> {
        let installs = self.store.plugin_installs(&ok).await?;
        let plugins = self.plugins();
        let found = self.found().await?;
        let mut states = Vec::new();
        for loaded in plugins.loaded().filter(|loaded| !loaded.installed) {
            let found = found.iter().find(|found| found.plugin == loaded.plugin);
            states.push(self.running(&plugins, loaded, found, PluginSource::Configuration));
        }
        let configured = |states: &[PluginState], name: &str| states.iter().any(|state| state.plugin == name);
        for install in &installs {
            if !configured(&states, &install.plugin) {
                let found = found.iter().find(|found| found.plugin == install.plugin);
                states.push(self.state_of(&plugins, install, found)?);
            }
        }
        for found in &found {
            if !configured(&states, &found.plugin) {
                states.push(available(found));
            }
        }
        states.sort_by(|one, other| one.plugin.cmp(&other.plugin));
        Ok(ok.release(states))
    }

    /// What a plugin said on this machine of late, and how its calls failed, oldest first.
    ///
    /// # Errors
    /// [`Error::NotFound`] if no such plugin is bound or lies in the folder, and none of that name spoke.
    pub async fn read_plugin_logs(
        &self,
        ok: Authorized<'_, ReadPluginLogs>,
        plugin: &str,
    ) -> Result<Released<ReadPluginLogs, Vec<PluginLine>>, Error> {
        let plugins = self.plugins();
        let lines = plugins.lines(plugin);
        let known = !lines.is_empty()
            || plugins.loaded().any(|loaded| loaded.plugin == plugin)
            || self.found().await?.iter().any(|found| found.plugin == plugin);
        if known { Ok(ok.release(lines)) } else { Err(Error::NotFound) }
    }

    pub(super) async fn plugin_state(&self, install: &Install) -> Result<PluginState, Error> {
        let found = self.found().await?;
        let found = found.iter().find(|found| found.plugin == install.plugin);
        self.state_of(&self.plugins(), install, found)
    }

    /// What lies in the plugins' folder.
    async fn found(&self) -> Result<Vec<Inspected>, Error> {
        let Some(dir) = self.settings.plugins_dir.clone() else { return Ok(Vec::new()) };
        let plugins = self.plugins();
        tokio::task::spawn_blocking(move || plugins.inspect_all(&dir)).await.map_err(|error| Error::Bug {
            context: "looking at the plugins' folder",
            source: Box::new(error),
        })
    }

    fn state_of(
        &self,
        plugins: &Plugins,
        install: &Install,
        found: Option<&Inspected>,
    ) -> Result<PluginState, Error> {
        let replacement = found.filter(|found| !is_of(install, found)).map(Replacement::of);
        let manifest_digest = Some(install.manifest_digest.clone());
        let found = found.filter(|found| is_of(install, found));
        let running = plugins.loaded().find(|it| it.plugin == install.plugin && it.installed);
        if let Some(loaded) = running {
            let state = self.running(plugins, loaded, found, PluginSource::Installed);
            return Ok(PluginState { manifest_digest, replacement, ..state });
        }
        let terms = Terms::of(install)?;
        let asks = found.map(|found| found.asks.clone()).unwrap_or_default();
        let has = |wish: &&String| {
            terms.kv && *wish == "kv"
                || wish.strip_prefix("secret ").is_some_and(|name| terms.secrets.iter().any(|it| it == name))
                || terms.http.iter().any(|it| wish.starts_with(it.as_str()))
                || *wish == "http" && !terms.http.is_empty()
        };
        Ok(PluginState {
            plugin: install.plugin.clone(),
            version: install.version.clone(),
            description: found.map(|found| found.description.clone()),
            hook: install.hook.clone(),
            digest: install.digest.clone(),
            manifest_digest,
            replacement,
            source: PluginSource::Installed,
            enabled: install.enabled,
            monitor: terms.monitor(),
            on_failure: terms.policy(&install.hook),
            lacks: asks.iter().filter(|wish| !has(wish)).cloned().collect(),
            asks,
            fault: found.is_none().then(|| "its files are not those that were installed".to_owned()),
            quarantined: false,
            recorded: false,
            calls: calls(plugins, &install.plugin),
        })
    }

    fn running(
        &self,
        plugins: &Plugins,
        loaded: &Loaded,
        found: Option<&Inspected>,
        source: PluginSource,
    ) -> PluginState {
        let found = found.filter(|found| found.digest == loaded.sha256);
        PluginState {
            plugin: loaded.plugin.clone(),
            version: loaded.version.clone(),
            description: found.map(|found| found.description.clone()),
            hook: loaded.hook.name().to_owned(),
            digest: loaded.sha256.clone(),
            manifest_digest: None,
            replacement: None,
            source,
            enabled: true,
            monitor: loaded.monitor,
            on_failure: loaded.on_failure,
            asks: found.map(|found| found.asks.clone()).unwrap_or_default(),
            lacks: loaded.lacks.clone(),
            fault: loaded.fault.clone(),
            quarantined: plugins.is_quarantined(&loaded.plugin, self.seconds()),
            recorded: plugins.is_recorded(&loaded.plugin, self.seconds()),
            calls: calls(plugins, &loaded.plugin),
        }
    }
}

fn calls(plugins: &Plugins, plugin: &str) -> Vec<(&'static str, u64)> {
    let counts = plugins.counts().into_iter().filter(|count| count.plugin == plugin);
    counts.map(|count| (count.outcome, count.calls)).collect()
}

fn available(found: &Inspected) -> PluginState {
    PluginState {
        plugin: found.plugin.clone(),
        version: found.version.clone(),
        description: Some(found.description.clone()),
        hook: found.hook.name().to_owned(),
        digest: found.digest.clone(),
        manifest_digest: Some(found.manifest_digest.clone()),
        replacement: None,
        source: PluginSource::Available,
        enabled: false,
        monitor: false,
        on_failure: Hook::usual_policy(found.hook),
        lacks: found.asks.clone(),
        asks: found.asks.clone(),
        fault: None,
        quarantined: false,
        recorded: false,
        calls: Vec::new(),
    }
}
