//! Plugins that administrators installed: which bytes, how bound, with what grants.

use super::sql::{Row, Sql as _, args};
use super::{Error, Store, Tx};
use crate::domain::Micros;
use crate::guard::actions::{
    DisablePlugin, EnablePlugin, GrantPlugin, InstallPlugin, ListPlugins, LoadPlugins,
};
use crate::guard::{Action, Authorized};

/// A plugin as it was installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Install {
    pub plugin: String,
    /// SHA-256 of the component and of the manifest: nothing else is run under this name.
    pub digest: String,
    pub manifest_digest: String,
    pub version: String,
    pub hook: String,
    /// JSON; its shape is the use case's business.
    pub binding: String,
    pub enabled: bool,
    /// Higher than any before it with each change; 0 before the first.
    pub revision: i64,
}

/// The actions that read what is installed.
pub trait ReadsInstalls: Action {}
impl ReadsInstalls for ListPlugins {}
impl ReadsInstalls for InstallPlugin {}
impl ReadsInstalls for GrantPlugin {}
impl ReadsInstalls for EnablePlugin {}
impl ReadsInstalls for DisablePlugin {}
impl ReadsInstalls for LoadPlugins {}

/// The actions that change it.
pub trait ChangesInstalls: ReadsInstalls {}
impl ChangesInstalls for InstallPlugin {}
impl ChangesInstalls for GrantPlugin {}
impl ChangesInstalls for EnablePlugin {}
impl ChangesInstalls for DisablePlugin {}

fn install(row: &Row) -> Result<Install, Error> {
    Ok(Install {
        plugin: row.get("plugin")?,
        digest: row.get("digest")?,
        manifest_digest: row.get("manifest_digest")?,
        version: row.get("version")?,
        hook: row.get("hook")?,
        binding: row.get("binding")?,
        enabled: row.get::<i64>("enabled")? != 0,
        revision: row.get("revision")?,
    })
}

impl Store {
    /// All of them, by name: the order in which those of one hook are asked.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn plugin_installs<A: ReadsInstalls>(
        &self,
        _ok: &Authorized<'_, A>,
    ) -> Result<Vec<Install>, Error> {
        let mut db = self;
        let rows = db
            .all(
                "SELECT plugin, digest, manifest_digest, version, hook, binding, enabled, revision \
                 FROM plugin_installs ORDER BY plugin",
                Vec::new(),
            )
            .await?;
        rows.iter().map(install).collect()
    }

    /// Another number after each change: two changes at one time may have one revision, and not one sum.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn plugin_installs_state(&self, _ok: &Authorized<'_, LoadPlugins>) -> Result<i64, Error> {
        let mut db = self;
        db.one("SELECT CAST(COALESCE(SUM(revision), 0) AS BIGINT) AS state FROM plugin_installs", Vec::new())
            .await?
            .get("state")
    }
}

impl Tx {
    /// Writes one, if nobody was quicker since `install.revision`.
    ///
    /// # Errors
    /// [`Error::Changed`], or if the database does not answer.
    pub async fn put_plugin_install<A: ChangesInstalls>(
        &mut self,
        _ok: &Authorized<'_, A>,
        install: &Install,
        now: Micros,
    ) -> Result<(), Error> {
        let Install { plugin, digest, manifest_digest, version, hook, binding, enabled, revision } = install;
        let written = self
            .run(
                "INSERT INTO plugin_installs \
                 (plugin, digest, manifest_digest, version, hook, binding, enabled, revision, updated_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, \
                 (SELECT COALESCE(MAX(revision), 0) + 1 FROM plugin_installs), $8) \
                 ON CONFLICT (plugin) DO UPDATE SET digest = excluded.digest, \
                 manifest_digest = excluded.manifest_digest, version = excluded.version, hook = excluded.hook, \
                 binding = excluded.binding, enabled = excluded.enabled, revision = excluded.revision, \
                 updated_at = excluded.updated_at WHERE plugin_installs.revision = $9",
                args![
                    plugin.as_str(),
                    digest.as_str(),
                    manifest_digest.as_str(),
                    version.as_str(),
                    hook.as_str(),
                    binding.as_str(),
                    i64::from(*enabled),
                    now,
                    *revision
                ],
            )
            .await?;
        if written == 0 { Err(Error::Changed) } else { Ok(()) }
    }
}
