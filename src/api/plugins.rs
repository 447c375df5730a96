//! `/api/v1/admin/plugins`.

use std::collections::BTreeMap;

use poem_openapi::param::Path;
use poem_openapi::{Enum, Object, OpenApi};
use serde_json::Value as Json;
use time::OffsetDateTime;

use super::Chapter;
use super::body::Body;
use super::caller::Caller;
use super::reply::{ApiResult, Created};
use crate::app::{self, FailurePolicy, PluginGrant, PluginSource, PluginState, PluginWish};
use crate::domain::Micros;
use crate::guard::actions::{
    DisablePlugin, EnablePlugin, GrantPlugin, InstallPlugin, ListPlugins, ReadPluginLogs,
};

pub(super) struct PluginsApi;

/// Where a plugin stands: in the plugins' folder only, installed by an administrator, or bound by the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "lowercase")]
enum SourceView {
    Available,
    Installed,
    Configuration,
}

/// What follows when a plugin has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "lowercase")]
enum OnFailureView {
    /// What was asked about is refused; the person may try again.
    Closed,
    /// The account waits for an administrator; at registration only.
    Waitlist,
    /// As if the plugin had agreed.
    Open,
}

impl From<FailurePolicy> for OnFailureView {
    fn from(policy: FailurePolicy) -> Self {
        match policy {
            FailurePolicy::Closed => Self::Closed,
            FailurePolicy::Waitlist => Self::Waitlist,
            FailurePolicy::Open => Self::Open,
        }
    }
}

impl From<OnFailureView> for FailurePolicy {
    fn from(policy: OnFailureView) -> Self {
        match policy {
            OnFailureView::Closed => Self::Closed,
            OnFailureView::Waitlist => Self::Waitlist,
            OnFailureView::Open => Self::Open,
        }
    }
}

/// Calls that ended alike, since this process began.
#[derive(Object)]
struct PluginCalls {
    /// `ok`, why there was no answer, or the limit that was met.
    outcome: String,
    calls: u64,
}

/// Other files under a plugin's name: they do not run before somebody installs them.
#[derive(Object)]
#[oai(rename = "PluginReplacement")]
struct ReplacementView {
    version: String,
    digest: String,
    manifest_digest: String,
    /// What they ask for.
    asks: Vec<String>,
}

impl From<app::Replacement> for ReplacementView {
    fn from(it: app::Replacement) -> Self {
        Self { version: it.version, digest: it.digest, manifest_digest: it.manifest_digest, asks: it.asks }
    }
}

/// A plugin.
#[derive(Object)]
#[oai(skip_serializing_if_is_none, rename = "Plugin")]
struct PluginView {
    plugin: String,
    version: String,
    description: Option<String>,
    /// Where it is asked.
    hook: String,
    /// SHA-256 of the component.
    digest: String,
    /// SHA-256 of the manifest with its schema; unknown of one that the configuration binds.
    manifest_digest: Option<String>,
    /// What lies in the plugins' folder, where that is not what was installed.
    replacement: Option<ReplacementView>,
    source: SourceView,
    /// It is asked.
    enabled: bool,
    /// It is asked and recorded, and nothing comes of it.
    monitor: bool,
    on_failure: OnFailureView,
    /// What it asks for: origins, `http` (whichever is named), `secret <name>`, `kv`.
    asks: Vec<String>,
    /// What of it was not granted.
    lacks: Vec<String>,
    /// Why it cannot be used: then it has no answer.
    fault: Option<String>,
    /// It failed too often of late, and is not asked for some minutes.
    quarantined: bool,
    /// What it is told is recorded on this machine now.
    recorded: bool,
    calls: Vec<PluginCalls>,
}

impl From<PluginState> for PluginView {
    fn from(it: PluginState) -> Self {
        let calls = it.calls.into_iter();
        Self {
            plugin: it.plugin,
            version: it.version,
            description: it.description,
            hook: it.hook,
            digest: it.digest,
            manifest_digest: it.manifest_digest,
            replacement: it.replacement.map(ReplacementView::from),
            source: match it.source {
                PluginSource::Available => SourceView::Available,
                PluginSource::Installed => SourceView::Installed,
                PluginSource::Configuration => SourceView::Configuration,
            },
            enabled: it.enabled,
            monitor: it.monitor,
            on_failure: it.on_failure.into(),
            asks: it.asks,
            lacks: it.lacks,
            fault: it.fault,
            quarantined: it.quarantined,
            recorded: it.recorded,
            calls: calls.map(|(outcome, calls)| PluginCalls { outcome: outcome.to_owned(), calls }).collect(),
        }
    }
}

/// Every plugin there is.
#[derive(Object)]
struct Plugins {
    plugins: Vec<PluginView>,
}

/// What installing takes.
#[derive(Object)]
struct InstallPluginRequest {
    /// Its folder's name.
    #[oai(validator(max_length = 64))]
    plugin: String,
    /// SHA-256 of the component that was looked at, as `list_plugins` shows it: no other is run.
    #[oai(validator(min_length = 64, max_length = 64))]
    digest: String,
    /// SHA-256 of the manifest that was looked at, with its schema; whichever lies there if left out.
    #[oai(validator(min_length = 64, max_length = 64))]
    manifest_digest: Option<String>,
    /// Laid over the manifest's configuration, key by key.
    config: Option<BTreeMap<String, Json>>,
    /// What is usual for the hook if left out.
    on_failure: Option<OnFailureView>,
    /// Ask and record, and let nothing come of it; false if left out.
    monitor: Option<bool>,
    /// How long one call may take; 500 if left out.
    #[oai(validator(minimum(value = "1"), maximum(value = "10000")))]
    deadline_ms: Option<u64>,
    /// Take an older version than the one that is installed; false if left out.
    allow_downgrade: Option<bool>,
}

impl From<InstallPluginRequest> for PluginWish {
    fn from(body: InstallPluginRequest) -> Self {
        Self {
            plugin: body.plugin,
            digest: body.digest,
            manifest_digest: body.manifest_digest,
            config: body.config.map_or(Json::Null, |config| Json::Object(config.into_iter().collect())),
            on_failure: body.on_failure.map(FailurePolicy::from),
            monitor: body.monitor.unwrap_or(false),
            deadline_ms: body.deadline_ms.unwrap_or(500),
            downgrade: body.allow_downgrade.unwrap_or(false),
        }
    }
}

/// What a plugin gets; what is left out it does not get.
#[derive(Object)]
struct GrantPluginRequest {
    /// SHA-256 of the component that it is granted to.
    #[oai(validator(min_length = 64, max_length = 64))]
    digest: String,
    /// Origins such as `https://api.example.com`, by https and public.
    #[oai(validator(max_items = 50))]
    http: Option<Vec<String>>,
    /// Names of secrets that the operator keeps for this plugin in `plugin_secrets`.
    #[oai(validator(max_items = 50))]
    secrets: Option<Vec<String>>,
    /// A storage of its own.
    kv: Option<bool>,
}

impl From<GrantPluginRequest> for PluginGrant {
    fn from(body: GrantPluginRequest) -> Self {
        Self {
            digest: body.digest,
            http: body.http.unwrap_or_default(),
            secrets: body.secrets.unwrap_or_default(),
            kv: body.kv.unwrap_or(false),
        }
    }
}

/// Something a plugin said, or how a call of it failed.
#[derive(Object)]
#[oai(rename = "PluginLine")]
struct LineView {
    at: OffsetDateTime,
    request_id: String,
    level: String,
    text: String,
}

impl From<app::PluginLine> for LineView {
    fn from(line: app::PluginLine) -> Self {
        let at = Micros::new(i64::try_from(line.at).unwrap_or(0).saturating_mul(1_000_000));
        Self {
            at: at.to_datetime(),
            request_id: line.request_id,
            level: line.level.to_owned(),
            text: line.text,
        }
    }
}

/// The last lines of one plugin.
#[derive(Object)]
struct PluginLines {
    lines: Vec<LineView>,
}

#[OpenApi(prefix_path = "/api/v1/admin/plugins", tag = "Chapter::Platform")]
impl PluginsApi {
    /// List the plugins
    ///
    /// Those that run, those that were installed, and those of the plugins' folder that could be, with what each asks for.
    #[oai(path = "/", method = "get", operation_id = "list_plugins")]
    async fn list(&self, caller: Caller) -> ApiResult<ListPlugins, Plugins> {
        let ok = caller.authorize(ListPlugins {}).await?;
        let found = caller.app().list_plugins(ok).await?;
        Ok(found.map(|all| Plugins { plugins: all.into_iter().map(PluginView::from).collect() }).into())
    }

    /// Install a plugin of the plugins' folder
    ///
    /// With the files that were looked at and no others, without any grant, and not enabled. One of this name that ran
    /// before runs no more. With the files that were installed before, it keeps its grants; if configuration, `on_failure`,
    /// `monitor` and `deadline_ms` are as before too, it goes on being asked.
    #[oai(path = "/", method = "post", operation_id = "install_plugin")]
    async fn install(
        &self,
        caller: Caller,
        body: Body<InstallPluginRequest>,
    ) -> Created<InstallPlugin, PluginView> {
        let ok = caller.authorize(InstallPlugin {}).await?;
        let state = caller.app().install_plugin(ok, body.0.into()).await?;
        Ok(state.map(PluginView::from).into())
    }

    /// Grant a plugin what it asks for
    ///
    /// All anew: what it had before is gone. Addresses that are not public only the configuration can grant.
    #[oai(path = "/:plugin/grant", method = "post", operation_id = "grant_plugin")]
    async fn grant(
        &self,
        caller: Caller,
        plugin: Path<String>,
        body: Body<GrantPluginRequest>,
    ) -> ApiResult<GrantPlugin, PluginView> {
        let ok = caller.authorize(GrantPlugin {}).await?;
        let state = caller.app().grant_plugin(ok, &plugin.0, body.0.into()).await?;
        Ok(state.map(PluginView::from).into())
    }

    /// Have an installed plugin asked
    ///
    /// On this machine at once, on others within seconds.
    #[oai(path = "/:plugin/enable", method = "post", operation_id = "enable_plugin")]
    async fn enable(&self, caller: Caller, plugin: Path<String>) -> ApiResult<EnablePlugin, PluginView> {
        let ok = caller.authorize(EnablePlugin {}).await?;
        let state = caller.app().enable_plugin(ok, &plugin.0).await?;
        Ok(state.map(PluginView::from).into())
    }

    /// Have an installed plugin asked no more
    ///
    /// On this machine at once, on others within seconds. Calls that run end as they would.
    #[oai(path = "/:plugin/disable", method = "post", operation_id = "disable_plugin")]
    async fn disable(&self, caller: Caller, plugin: Path<String>) -> ApiResult<DisablePlugin, PluginView> {
        let ok = caller.authorize(DisablePlugin {}).await?;
        let state = caller.app().disable_plugin(ok, &plugin.0).await?;
        Ok(state.map(PluginView::from).into())
    }

    /// Read what a plugin said of late
    ///
    /// On this machine, oldest first, and how its calls failed; the server's log has all of it.
    #[oai(path = "/:plugin/logs", method = "get", operation_id = "read_plugin_logs")]
    async fn logs(&self, caller: Caller, plugin: Path<String>) -> ApiResult<ReadPluginLogs, PluginLines> {
        let ok = caller.authorize(ReadPluginLogs {}).await?;
        let lines = caller.app().read_plugin_logs(ok, &plugin.0).await?;
        Ok(lines.map(|all| PluginLines { lines: all.into_iter().map(LineView::from).collect() }).into())
    }
}
