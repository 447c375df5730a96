//! Plugins that administrators install, grant and turn on or off while the server runs. The code comes from the
//! plugins' folder, which only whoever holds the machine can write; what is decided here is whether it runs, and with what.

use std::path::PathBuf;
use std::time::Duration;

use semver::Version;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::plugin_events::events_principal;
use super::{App, Error, PluginState};
use crate::domain::{FieldError, Invalid, Micros};
use crate::guard::actions::{DisablePlugin, EnablePlugin, GrantPlugin, InstallPlugin, LoadPlugins};
use crate::guard::{Authorized, Released};
use crate::plugins::{
    Binding, FailurePolicy, Grants, Hook, HttpOrigin, Inspected, Installed, LoadError, Pin,
};
use crate::store::{ChangesInstalls, Install};

const POLL: Duration = Duration::from_secs(5);
/// Before what could not be loaded is tried again: at first, and at last.
const FIRST_RETRY: Duration = Duration::from_secs(5);
const LONGEST_RETRY: Duration = Duration::from_secs(5 * 60);

/// What is installed, as far as it was taken up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    state: i64,
    /// When what could not be loaded is tried again, and how long to wait after that.
    retry: Option<(Micros, Duration)>,
}

/// What installing takes.
#[derive(Debug, Clone)]
pub struct PluginWish {
    pub plugin: String,
    /// SHA-256 of the component that was looked at.
    pub digest: String,
    /// SHA-256 of the manifest that was looked at, with its schema; none: whichever lies there.
    pub manifest_digest: Option<String>,
    pub config: Json,
    pub on_failure: Option<FailurePolicy>,
    pub monitor: bool,
    pub deadline_ms: u64,
    /// Take an older version than the one that is installed.
    pub downgrade: bool,
}

/// What a plugin gets.
#[derive(Debug, Clone, Default)]
pub struct PluginGrant {
    /// SHA-256 of the component that it is granted to.
    pub digest: String,
    pub http: Vec<String>,
    /// Names of secrets that the operator keeps for this plugin.
    pub secrets: Vec<String>,
    pub kv: bool,
}

/// The column `binding`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Terms {
    config: Json,
    on_failure: Option<String>,
    monitor: bool,
    deadline_ms: u64,
    pub(super) http: Vec<String>,
    pub(super) secrets: Vec<String>,
    pub(super) kv: bool,
}

impl Terms {
    pub(super) fn of(install: &Install) -> Result<Self, Error> {
        serde_json::from_str(&install.binding).map_err(|error| Error::Bug {
            context: "the binding of an installed plugin cannot be read",
            source: Box::new(error),
        })
    }

    pub(super) const fn monitor(&self) -> bool {
        self.monitor
    }

    /// What follows without an answer.
    pub(super) fn policy(&self, hook: &str) -> FailurePolicy {
        let said = self.on_failure.as_deref().and_then(FailurePolicy::of);
        said.or_else(|| Hook::of(hook).map(Hook::usual_policy)).unwrap_or(FailurePolicy::Closed)
    }

    fn text(&self) -> Result<String, Error> {
        serde_json::to_string(self).map_err(|error| Error::Bug {
            context: "the binding of a plugin cannot be written",
            source: Box::new(error),
        })
    }
}

/// Whether one version is older than another; what is no version may be older than any.
fn is_older(found: &str, before: &str) -> bool {
    match (Version::parse(found), Version::parse(before)) {
        (Ok(found), Ok(before)) => found < before,
        _ => found != before,
    }
}

/// A configuration without its texts, of which any may be a secret.
fn outline(config: &Json) -> Json {
    match config {
        Json::String(_) => "[text]".into(),
        Json::Array(values) => values.iter().map(outline).collect(),
        Json::Object(values) => {
            Json::Object(values.iter().map(|(key, value)| (key.clone(), outline(value))).collect())
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => config.clone(),
    }
}

/// Whether the files are those that were installed.
pub(super) fn is_of(install: &Install, found: &Inspected) -> bool {
    install.digest == found.digest && install.manifest_digest == found.manifest_digest
}

fn unusable(error: &LoadError) -> Error {
    let code = match error {
        LoadError::Moved { .. } => "plugin-moved",
        LoadError::Unsigned { .. } => "plugin-unsigned",
        LoadError::Unreadable { .. } | LoadError::BadId(_) => return Error::NotFound,
        _ => "plugin-unusable",
    };
    Error::Conflict { code, detail: error.to_string() }
}

impl App {
    /// Takes a plugin of the plugins' folder up: with these files and no others, without any grant, and not enabled. One
    /// of this name that ran before runs no more. With the files that were installed before, it keeps its grants; if the
    /// rest is as before too, it goes on being asked.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] `plugin-moved` (other files than those looked at), `plugin-unsigned`,
    /// `plugin-unusable`, `plugin-downgrade`, `plugin-configured` (the configuration binds it), `safe-mode`,
    /// `changed-meanwhile`.
    pub async fn install_plugin(
        &self,
        ok: Authorized<'_, InstallPlugin>,
        wish: PluginWish,
    ) -> Result<Released<InstallPlugin, PluginState>, Error> {
        let found = self.inspected(&wish.plugin).await?;
        if found.digest != wish.digest {
            let detail = format!("the component has the digest {}", found.digest);
            return Err(Error::Conflict { code: "plugin-moved", detail });
        }
        if wish.manifest_digest.is_some_and(|digest| digest != found.manifest_digest) {
            let detail = format!("the manifest with its schema has the digest {}", found.manifest_digest);
            return Err(Error::Conflict { code: "plugin-moved", detail });
        }
        let before = self.installed(&ok, &wish.plugin).await?;
        if let Some(before) = &before
            && is_older(&found.version, &before.version)
            && !wish.downgrade
        {
            let detail = format!("{} is older than {}, which is installed", found.version, before.version);
            return Err(Error::Conflict { code: "plugin-downgrade", detail });
        }
        let had = before.as_ref().filter(|before| is_of(before, &found)).map(Terms::of).transpose()?;
        let (http, secrets, kv) =
            had.as_ref().map_or_else(Default::default, |had| (had.http.clone(), had.secrets.clone(), had.kv));
        let terms = Terms {
            config: wish.config,
            on_failure: wish.on_failure.map(|policy| policy.name().to_owned()),
            monitor: wish.monitor,
            deadline_ms: wish.deadline_ms,
            http,
            secrets,
            kv,
        };
        let enabled = before.as_ref().is_some_and(|before| before.enabled) && had.as_ref() == Some(&terms);
        let install = Install {
            plugin: wish.plugin,
            digest: found.digest,
            manifest_digest: found.manifest_digest,
            version: found.version,
            hook: found.hook.name().to_owned(),
            binding: terms.text()?,
            enabled,
            revision: before.map_or(0, |before| before.revision),
        };
        self.try_out(&install).await?;
        self.put_install(ok, install).await
    }

    /// Says what an installed plugin gets of what it asks for; what it had before is gone.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] for what it does not ask for, for a secret that is not kept here for it;
    /// [`Error::Conflict`] `plugin-moved` (installed is another), `changed-meanwhile`.
    pub async fn grant_plugin(
        &self,
        ok: Authorized<'_, GrantPlugin>,
        plugin: &str,
        grant: PluginGrant,
    ) -> Result<Released<GrantPlugin, PluginState>, Error> {
        let found = self.inspected(plugin).await?;
        let mut install = self.installed(&ok, plugin).await?.ok_or(Error::NotFound)?;
        if install.digest != grant.digest || found.digest != grant.digest || !is_of(&install, &found) {
            let detail = format!("installed is the component {}", install.digest);
            return Err(Error::Conflict { code: "plugin-moved", detail });
        }
        let wrong = self.wrong_grants(&found, &grant);
        if !wrong.is_empty() {
            return Err(Error::Invalid(wrong));
        }
        let mut terms = Terms::of(&install)?;
        (terms.http, terms.secrets, terms.kv) = (grant.http, grant.secrets, grant.kv);
        install.binding = terms.text()?;
        self.put_install(ok, install).await
    }

    fn wrong_grants(&self, found: &Inspected, grant: &PluginGrant) -> Vec<FieldError> {
        let asks = |wish: &str| found.asks.iter().any(|asked| asked == wish);
        let not_asked = || Invalid::new("not-asked", "the plugin does not ask for it");
        let mut wrong = Vec::new();
        for origin in &grant.http {
            match origin.parse::<HttpOrigin>() {
                Err(_) => {
                    let sentence = "it is no origin such as `https://api.example.com`, without wildcard";
                    wrong.push(Invalid::new("bad-origin", sentence).at("http"));
                }
                Ok(origin) if asks("http") || asks(&origin.to_string()) => {}
                Ok(_) => wrong.push(not_asked().at("http")),
            }
        }
        let kept = self.settings.plugin_secrets.get(&found.plugin);
        for name in &grant.secrets {
            if !asks(&format!("secret {name}")) {
                wrong.push(not_asked().at("secrets"));
            } else if !kept.is_some_and(|kept| kept.contains_key(name)) {
                let sentence = "the operator keeps no such secret for this plugin: `plugin_secrets`";
                wrong.push(Invalid::new("no-such-secret", sentence).at("secrets"));
            }
        }
        if grant.kv && !asks("kv") {
            wrong.push(not_asked().at("kv"));
        }
        wrong
    }

    /// Has an installed plugin asked from now on.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] as for [`App::install_plugin`].
    pub async fn enable_plugin(
        &self,
        ok: Authorized<'_, EnablePlugin>,
        plugin: &str,
    ) -> Result<Released<EnablePlugin, PluginState>, Error> {
        let install = self.installed(&ok, plugin).await?.ok_or(Error::NotFound)?;
        self.try_out(&install).await?;
        self.put_install(ok, Install { enabled: true, ..install }).await
    }

    /// Has an installed plugin asked no more; calls that run end as they would.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] `changed-meanwhile`.
    pub async fn disable_plugin(
        &self,
        ok: Authorized<'_, DisablePlugin>,
        plugin: &str,
    ) -> Result<Released<DisablePlugin, PluginState>, Error> {
        let install = self.installed(&ok, plugin).await?.ok_or(Error::NotFound)?;
        self.put_install(ok, Install { enabled: false, ..install }).await
    }

    async fn put_install<A: ChangesInstalls>(
        &self,
        ok: Authorized<'_, A>,
        install: Install,
    ) -> Result<Released<A, PluginState>, Error> {
        let Terms { config, on_failure, monitor, deadline_ms, http, secrets, kv } = Terms::of(&install)?;
        let mut tx = self.store.begin().await?;
        tx.put_plugin_install(&ok, &install, self.now()).await?;
        let details = json!({
            "plugin": install.plugin, "digest": install.digest, "manifest_digest": install.manifest_digest,
            "version": install.version, "hook": install.hook, "enabled": install.enabled, "monitor": monitor,
            "on_failure": on_failure, "deadline_ms": deadline_ms, "config": outline(&config),
            "http": http, "secrets": secrets, "kv": kv,
        });
        self.note(&mut tx, &ok, details).await?;
        tx.commit().await?;
        self.refresh_plugins().await?;
        let state = self.plugin_state(&install).await?;
        Ok(ok.release(state))
    }

    async fn installed<A: ChangesInstalls>(
        &self,
        ok: &Authorized<'_, A>,
        plugin: &str,
    ) -> Result<Option<Install>, Error> {
        let all = self.store.plugin_installs(ok).await?;
        Ok(all.into_iter().find(|install| install.plugin == plugin))
    }

    /// Where plugins come from, if this server has any.
    fn plugins_dir(&self) -> Result<PathBuf, Error> {
        self.settings.plugins_dir.clone().ok_or_else(|| Error::Conflict {
            code: "safe-mode",
            detail: "the server was started without plugins".to_owned(),
        })
    }

    async fn inspected(&self, plugin: &str) -> Result<Inspected, Error> {
        let (dir, plugins) = (self.plugins_dir()?, self.plugins());
        if plugins.loaded().any(|loaded| loaded.plugin == plugin && !loaded.installed) {
            let detail = "the server's configuration binds this plugin, and says all about it".to_owned();
            return Err(Error::Conflict { code: "plugin-configured", detail });
        }
        let plugin = plugin.to_owned();
        let looked = tokio::task::spawn_blocking(move || plugins.inspect(&dir, &plugin)).await;
        let looked =
            looked.map_err(|error| Error::Bug { context: "looking at a plugin", source: Box::new(error) })?;
        looked.map_err(|error| unusable(&error))
    }

    async fn try_out(&self, install: &Install) -> Result<(), Error> {
        let Installed { binding, .. } = self.bound(install)?;
        let tried = self.plugins().try_out(&self.plugins_dir()?, &binding).await;
        tried.map_err(|error| unusable(&error))
    }

    /// An installed plugin as it is to be asked.
    fn bound(&self, install: &Install) -> Result<Installed, Error> {
        let terms = Terms::of(install)?;
        let read = terms.http.iter().filter_map(|origin| origin.parse().ok()).collect();
        let kept = self.settings.plugin_secrets.get(&install.plugin);
        let secret = |name: &String| Some((name.clone(), kept?.get(name)?.clone()));
        let binding = Binding {
            config: terms.config,
            on_failure: terms.on_failure.as_deref().and_then(FailurePolicy::of),
            monitor: terms.monitor,
            deadline: Duration::from_millis(terms.deadline_ms),
            grants: Grants {
                http: read,
                internal_http: Vec::new(),
                secrets: terms.secrets.iter().filter_map(secret).collect(),
                kv: terms.kv,
            },
            pin: Some(Pin {
                component: install.digest.clone(),
                manifest: Some(install.manifest_digest.clone()),
            }),
            ..Binding::new(install.plugin.as_str())
        };
        let hook = Hook::of(&install.hook).ok_or_else(|| Error::Bug {
            context: "an installed plugin has a hook that is not one",
            source: install.hook.clone().into(),
        })?;
        Ok(Installed { binding, hook, version: install.version.clone() })
    }

    /// Takes up what administrators installed, if it changed since the last time.
    ///
    /// # Errors
    /// If the database does not answer. A plugin that cannot be loaded is no error: it has no answer.
    pub async fn load_plugins(&self, ok: &Authorized<'_, LoadPlugins>) -> Result<(), Error> {
        let Some(dir) = &self.settings.plugins_dir else { return Ok(()) };
        let mut seen = self.plugins_state.lock().await;
        // Read before the rows: what changes between is taken up the next time.
        let state = self.store.plugin_installs_state(ok).await?;
        let now = self.now();
        let again = match *seen {
            None if state == 0 => return Ok(()),
            Some(Seen { state: before, retry }) if before == state => match retry {
                Some((at, wait)) if at <= now => Some(wait),
                _ => return Ok(()),
            },
            _ => None,
        };
        let installs = self.store.plugin_installs(ok).await?;
        let enabled = installs.iter().filter(|install| install.enabled);
        // A newer server on this database may know more hooks: what cannot be read here is not asked here.
        let readable = |install: &&Install| {
            let known = Hook::of(&install.hook).is_some();
            if !known {
                let (plugin, hook) = (&*install.plugin, &*install.hook);
                tracing::error!(target: "plugin", plugin, hook, "this server knows no such hook; the plugin is not asked");
            }
            known
        };
        let enabled = enabled.filter(readable);
        let installed = enabled.map(|install| self.bound(install)).collect::<Result<Vec<_>, _>>()?;
        let before = self.plugins();
        // The configuration has the last word on its own.
        let configured = |name: &str| before.loaded().any(|it| it.plugin == name && !it.installed);
        let installed: Vec<_> = installed.into_iter().filter(|it| !configured(&it.binding.plugin)).collect();
        let next = before.with_installed(dir, &installed, again.is_some()).await.map_err(|error| {
            Error::Bug { context: "there is no engine for plugins", source: Box::new(error) }
        })?;
        // What could not be loaded is tried again: its file may come back.
        let whole = next.loaded().all(|loaded| loaded.fault.is_none());
        self.plugins.store(std::sync::Arc::new(next));
        let wait = again.unwrap_or(FIRST_RETRY);
        let retry = (!whole).then(|| (now + wait, wait.saturating_mul(2).min(LONGEST_RETRY)));
        *seen = Some(Seen { state, retry });
        Ok(())
    }

    async fn refresh_plugins(&self) -> Result<(), Error> {
        let caller = events_principal();
        let ok = self.guard.authorize(&caller, LoadPlugins {}).await?;
        self.load_plugins(&ok).await
    }

    /// Follows what administrators do on other machines, until the task is dropped.
    pub async fn follow_plugins_forever(&self) {
        loop {
            self.plugins().forget_old_recordings(self.seconds());
            if let Err(error) = self.refresh_plugins().await {
                tracing::error!(error = ?error, "what administrators installed could not be taken up");
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        let ascending = ["0.9.0", "0.10.0", "1.0.0-rc.1", "1.0.0-rc.10", "1.0.0", "1.0.1", "2.0.0"];
        assert!(ascending.is_sorted_by(|one, next| is_older(one, next) && !is_older(next, one)));
        // Where it cannot be told, somebody has to say that it may be.
        assert!(is_older("2.0.0", "yesterday") && is_older("yesterday", "1.0.0"));
        assert!(!is_older("yesterday", "yesterday"));
    }

    #[test]
    fn of_a_configuration_the_trail_has_no_texts() {
        let config = json!({ "codes": ["open-sesame"], "most": 3, "on": true, "none": null });
        assert_eq!(outline(&config), json!({ "codes": ["[text]"], "most": 3, "on": true, "none": null }));
    }
}
