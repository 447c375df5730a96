//! Reading, compiling and questioning the bound plugins, at the start of the server.

use std::fmt::{self, Write as _};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};

use super::capabilities::{Capabilities, SHORTEST_SECRET};
use super::compiled::compiled;
use super::engine::Runtime;
use super::guest::{Call, Guest, Usage};
use super::host::{Host, Identity, NoHost};
use super::manifest::Manifest;
use super::schema::{CONFIG_SCHEMA, Schema};
use super::world::World;
use super::{
    Binding, Bound, FailurePolicy, Hook, Limits, LoadError, Loaded, Pin, Plugins, RequestContext, clean,
    since_v0_1, since_v0_2,
};

/// For a plugin to say what it is, and whether its configuration is good.
const QUESTION: Duration = Duration::from_secs(2);
/// No binding may let a request wait longer than this.
const LONGEST: Duration = Duration::from_secs(60);
/// Complaints about a configuration that are shown.
const COMPLAINTS: usize = 10;

impl Plugins {
    /// Loads the plugins that `bindings` name out of `<dir>/<plugin>/`; others there are not touched. Compiles
    /// each once, unless the host kept its code, checks that it is what its manifest says, and lets it judge its configuration.
    ///
    /// # Errors
    /// Any plugin that cannot be used as bound.
    pub async fn load(
        dir: &Path,
        bindings: &[Binding],
        limits: Limits,
        host: Arc<dyn Host>,
    ) -> Result<Self, LoadError> {
        let mut plugins = Self { host, limits, ..Self::none() };
        if bindings.is_empty() {
            return Ok(plugins);
        }
        let runtime = Arc::new(Runtime::new(limits, Arc::clone(&plugins.journal))?);
        for binding in bindings {
            let ready = plugins.ready(dir, binding, &runtime).await?;
            plugins.bound.push(ready.bind(binding, &runtime).await?);
        }
        plugins.runtime = Some(runtime);
        Ok(plugins)
    }

    /// The plugin of a binding, compiled, if its files are those that the binding wants.
    pub(super) async fn ready(
        &self,
        dir: &Path,
        binding: &Binding,
        runtime: &Runtime,
    ) -> Result<Arc<Ready>, LoadError> {
        let plugin = &binding.plugin;
        let package = Package::read(dir, plugin, &self.limits, &*self.host)?;
        if let Some(pin) = &binding.pin {
            package.is_as(pin)?;
        }
        let kept = self.ready.lock().get(plugin).cloned();
        if let Some(kept) = kept.filter(|kept| kept.digests == package.digests()) {
            return Ok(kept);
        }
        let ready = Arc::new(Ready::of(package, runtime, &self.host).await?);
        self.ready.lock().insert(plugin.clone(), Arc::clone(&ready));
        Ok(ready)
    }
}

/// A plugin's files, read whole; nothing of them has run.
pub(super) struct Package {
    pub(super) manifest: Manifest,
    component: Vec<u8>,
    /// Not looked at yet.
    pub(super) schema: Option<Vec<u8>>,
    /// SHA-256 of the component.
    pub(super) digest: String,
    /// See [`manifest_digest`].
    pub(super) manifest_digest: String,
}

impl Package {
    pub(super) fn read(
        dir: &Path,
        plugin: &str,
        limits: &Limits,
        host: &dyn Host,
    ) -> Result<Self, LoadError> {
        if !clean::is_code(plugin) {
            return Err(LoadError::BadId(clean::line(plugin, 64)));
        }
        let folder = dir.join(plugin);
        let vouched = |file: &'static str, path: &Path, most: u64| {
            let bytes = read(plugin, path, most)?;
            let signature = signature_of(path);
            let unsigned = || LoadError::Unsigned { plugin: plugin.to_owned(), file };
            host.vouches(&bytes, signature.as_deref()).then_some(bytes).ok_or_else(unsigned)
        };
        let text = vouched("manifest.toml", &folder.join("manifest.toml"), 64 << 10)?;
        let manifest = Manifest::parse(&String::from_utf8_lossy(&text), plugin).map_err(|what| {
            LoadError::BadManifest { plugin: plugin.to_owned(), what: clean::line(&what, 300) }
        })?;
        let component = vouched("the component", &folder.join(&manifest.component), limits.component_bytes)?;
        let schema = match schema_of(&folder, &manifest) {
            Some(path) => Some(vouched("the schema", &path, 64 << 10)?),
            None => None,
        };
        let (digest, manifest_digest) = (sha256(&component), manifest_digest(&text, schema.as_deref()));
        Ok(Self { manifest, component, schema, digest, manifest_digest })
    }

    fn digests(&self) -> (String, String) {
        (self.digest.clone(), self.manifest_digest.clone())
    }

    fn is_as(&self, pin: &Pin) -> Result<(), LoadError> {
        let moved = |file, is: &str, pinned: &str| LoadError::Moved {
            plugin: self.manifest.id.clone(),
            file,
            is: is.to_owned(),
            pinned: clean::line(pinned, 64),
        };
        if self.digest != pin.component {
            return Err(moved("the component", &self.digest, &pin.component));
        }
        match &pin.manifest {
            Some(pinned) if *pinned != self.manifest_digest => {
                Err(moved("manifest.toml", &self.manifest_digest, pinned))
            }
            _ => Ok(()),
        }
    }
}

/// Where the schema of a plugin's configuration is, if it has one.
pub(super) fn schema_of(folder: &Path, manifest: &Manifest) -> Option<PathBuf> {
    match &manifest.config_schema {
        Some(name) => Some(folder.join(name)),
        None => Some(folder.join(CONFIG_SCHEMA)).filter(|path| path.exists()),
    }
}

/// What lies beside a file as its signature; one that cannot be read is none.
fn signature_of(path: &Path) -> Option<String> {
    let mut name = path.file_name()?.to_owned();
    name.push(".sig");
    let path = path.with_file_name(name);
    let small = std::fs::metadata(&path).ok()?.len() <= 4 << 10;
    small.then(|| std::fs::read_to_string(path).ok()).flatten()
}

/// A plugin that is what its manifest says, not yet configured.
pub(super) struct Ready {
    who: Identity,
    digests: (String, String),
    manifest: Manifest,
    schema: Option<Schema>,
    guest: Guest,
    loaded: Loaded,
}

impl fmt::Debug for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ready").field("who", &self.who).finish_non_exhaustive()
    }
}

impl Ready {
    pub(super) async fn of(
        package: Package,
        runtime: &Runtime,
        host: &Arc<dyn Host>,
    ) -> Result<Self, LoadError> {
        let digests = package.digests();
        let Package { manifest, component: bytes, schema, digest: sha256, .. } = package;
        let plugin = &*manifest.id.clone();
        let schema = schema.map(|bytes| Schema::parse(&bytes)).transpose().map_err(|what| {
            LoadError::BadSchema { plugin: plugin.to_owned(), what: clean::line(&what, 500) }
        })?;
        let bad_component = |what: String| LoadError::BadComponent {
            plugin: plugin.to_owned(),
            what: clean::line(&what, 500),
        };
        let who = Identity { plugin: plugin.into(), digest: sha256.as_str().into() };
        let component = compiled(runtime, host, &who, bytes)
            .await
            .map_err(|error| bad_component(format!("{error:#}")))?;
        let old = manifest.world == World::RegistrationPolicyV0_1;
        for (import, _) in component.component_type().imports(&runtime.engine) {
            let offered = if old {
                since_v0_1::IMPORTS.contains(&import)
            } else {
                since_v0_2::offers(manifest.world, import)
            };
            if !offered {
                let (plugin, import) = (plugin.to_owned(), clean::line(import, 200));
                return Err(LoadError::Forbidden { plugin, import });
            }
        }
        let guest = if old {
            since_v0_1::Guest::link(runtime, &component).map(Guest::V0_1)
        } else {
            since_v0_2::Guest::link(runtime, &component, manifest.world)
                .map(|guest| Guest::V0_2(Box::new(guest)))
        };
        let guest = guest.map_err(|error| bad_component(format!("{error:#}")))?;
        let nothing = Arc::from("{}");
        let asked = Question::default();
        let told = guest
            .describe(&asked.about(runtime, &who, &nothing))
            .await
            .map_err(|source| LoadError::Call { plugin: plugin.to_owned(), source })?;
        let hooks: Vec<_> = manifest.hooks.iter().map(|hook| hook.name()).collect();
        if told.id != manifest.id || told.version != manifest.version || told.hooks != hooks {
            return Err(bad_component(format!(
                "it says it is `{} {}` with {:?}, the manifest says `{} {}` with {hooks:?}",
                told.id, told.version, told.hooks, manifest.id, manifest.version
            )));
        }
        let loaded = Loaded {
            plugin: plugin.to_owned(),
            version: manifest.version.clone(),
            hook: manifest.world.hook(),
            lacks: Vec::new(),
            sha256,
            installed: false,
            fault: None,
            monitor: false,
            on_failure: manifest.world.hook().usual_policy(),
        };
        tracing::info!(target: "plugin", plugin, version = loaded.version, sha256 = loaded.sha256, "loaded");
        Ok(Self { who, digests, manifest, schema, guest, loaded })
    }

    pub(super) async fn bind(&self, binding: &Binding, runtime: &Runtime) -> Result<Bound, LoadError> {
        let refused = |reasons| LoadError::Refused { plugin: binding.plugin.clone(), reasons };
        let config = self.manifest.configured(&binding.config).map_err(|what| refused(vec![what]))?;
        // Before the plugin is asked, whose own words may show what was written.
        let broken = self.schema.as_ref().map(|schema| schema.complaints(&config, COMPLAINTS));
        if let Some(broken) = broken.filter(|broken| !broken.is_empty()) {
            return Err(refused(broken));
        }
        let config: Arc<str> = config.to_string().into();
        let hook = self.manifest.world.hook();
        if binding.on_failure == Some(FailurePolicy::Waitlist) && hook != Hook::RegistrationValidate {
            let what = "on_failure: only a registration can wait; use `closed` or `open`".to_owned();
            return Err(refused(vec![what]));
        }
        if binding.grants.secrets.values().any(|secret| secret.expose().len() < SHORTEST_SECRET) {
            return Err(refused(vec![format!("a secret has at least {SHORTEST_SECRET} characters")]));
        }
        let capabilities = self.manifest.capabilities.granted(&binding.grants);
        let lacks = self.manifest.capabilities.lacks(&capabilities);
        if !lacks.is_empty() {
            let (plugin, lacks) = (&*self.who.plugin, lacks.join(", "));
            tracing::info!(target: "plugin", plugin, lacks, "not all that the plugin asks for is granted");
        }
        let asked = Question::default();
        let complaints = self
            .guest
            .complaints(&asked.about(runtime, &self.who, &config))
            .await
            .map_err(|source| LoadError::Call { plugin: binding.plugin.clone(), source })?;
        if let Some(complaints) = complaints {
            return Err(refused(
                complaints.iter().take(COMPLAINTS).map(|text| clean::line(text, 300)).collect(),
            ));
        }
        Ok(Bound {
            who: self.who.clone(),
            hook,
            guest: self.guest.clone(),
            config,
            on_failure: binding.on_failure,
            monitor: binding.monitor,
            deadline: binding.deadline.min(LONGEST),
            capabilities: Arc::new(capabilities),
            breaker: Arc::default(),
            loaded: Loaded {
                lacks,
                monitor: binding.monitor,
                on_failure: binding.on_failure.unwrap_or_else(|| hook.usual_policy()),
                ..self.loaded.clone()
            },
        })
    }
}

/// A question at the start: the plugin has nothing then but its configuration.
struct Question {
    context: RequestContext,
    capabilities: Arc<Capabilities>,
    host: Arc<dyn Host>,
    usage: Mutex<Usage>,
}

impl Default for Question {
    fn default() -> Self {
        let context = RequestContext { request_id: "start".to_owned(), ..RequestContext::default() };
        Self { context, capabilities: Arc::default(), host: Arc::new(NoHost), usage: Mutex::default() }
    }
}

impl Question {
    fn about<'a>(&'a self, runtime: &'a Runtime, who: &'a Identity, config: &'a Arc<str>) -> Call<'a> {
        Call {
            runtime,
            who,
            config,
            capabilities: &self.capabilities,
            host: &self.host,
            deadline: QUESTION,
            hook: "start",
            context: &self.context,
            dry_run: false,
            hidden: None,
            usage: &self.usage,
        }
    }
}

pub(super) fn read(plugin: &str, path: &Path, most: u64) -> Result<Vec<u8>, LoadError> {
    let unreadable =
        |source| LoadError::Unreadable { plugin: plugin.to_owned(), path: path.to_owned(), source };
    // A pipe would wait for a writer and a device has no end. A link is followed: a mounted configuration is made of them.
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(unreadable(std::io::Error::new(
            std::io::ErrorKind::InvalidInput,
            "it is not a regular file",
        )));
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    file.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > most {
        let what = format!("it has more than {most} bytes");
        return Err(unreadable(std::io::Error::new(std::io::ErrorKind::FileTooLarge, what)));
    }
    Ok(bytes)
}

/// SHA-256 of the manifest, and of the schema if there is one.
pub(super) fn manifest_digest(manifest: &[u8], schema: Option<&[u8]>) -> String {
    let digest = sha256(manifest);
    schema.map_or_else(|| digest.clone(), |schema| sha256((digest.clone() + &sha256(schema)).as_bytes()))
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
