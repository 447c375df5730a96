//! From a configuration to a running [`App`].

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::api::{EdgeSettings, OriginalHeaders, TrustedProxies};
use crate::app::{
    self, App, CompiledPlugins, DecisionQueue, OAuthSettings, Parts, PluginHost, RateLimits, Settings,
    events_principal,
};
use crate::config::{self, Config, Mail, Mode, OnFailure, PluginBinding, PluginGrants};
use crate::crypto::{
    CodeSeal, HashingSettings, KeyEnvironment, MasterKey, PasswordHasher, Sealer, VerifyingKey,
};
use crate::domain::{
    Clock, OsRandom, Provider, Random, ReturnOrigins, Secret, Signed, SystemClock, TrustedIssuer,
};
use crate::guard::actions::LoadPlugins;
use crate::guard::{DecisionLog, Facts, Guard, Recorder};
use crate::outbound::{Catalogue, Dns, Mailer, Providers, Transport, Web};
use crate::pdp::Pdp;
use crate::plugins::{Binding, FailurePolicy, Grants, Host, HttpOrigin, Limits, Pin, Plugins};
use crate::store::Store;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What the outside world is to the app; tests put their own in.
#[derive(Debug, Clone)]
pub struct World {
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    pub recorder: Arc<dyn Recorder>,
}

impl Default for World {
    fn default() -> Self {
        Self { clock: Arc::new(SystemClock), random: Arc::new(OsRandom), recorder: Arc::new(DecisionLog) }
    }
}

/// Wires everything for a server that is reached at `bound`, if it listens already.
///
/// # Errors
/// Whatever keeps it from starting: a bad policy, a plugin that does not load, a database that does not answer, a
/// setting that production refuses. Each says what to mend.
pub async fn app(config: &Config, bound: Option<SocketAddr>, world: World) -> Result<App, BoxError> {
    refuse_unsafe(config)?;
    let pdp = Pdp::load(&config.policies_dir)?;
    app_with_policies(config, bound, world, pdp).await
}

/// [`app()`] with policies that were read before: reading them is most of a start.
///
/// # Errors
/// As `app`.
pub async fn app_with_policies(
    config: &Config,
    bound: Option<SocketAddr>,
    world: World,
    pdp: Pdp,
) -> Result<App, BoxError> {
    refuse_unsafe(config)?;
    let providers = Providers::new(config.oauth.providers()?, true)?;
    let trusted = config.trusted_issuers()?;
    let issuers = Providers::new(key_places(&trusted, &pdp)?, false)?;
    let mailer = mailer(config)?;
    std::fs::create_dir_all(&config.data_dir)
        .map_err(|error| format!("data_dir `{}` cannot be made: {error}", config.data_dir.display()))?;
    let master = master_key(config, &*world.random)?;
    let previous_master = previous_master_key(config)?;
    let store = Store::open(config.database_url().expose()).await?;
    let store = store.with_facts_for(Duration::from_millis(config.facts_max_age_ms.into()));
    let settings = Settings {
        reveal_accounts: config.reveal_accounts,
        deletion_grace: Duration::from_secs(u64::from(config.deletion_grace_days) * 24 * 60 * 60),
        waitlist_requires: config.waitlist_requires,
        rate_limits: rate_limits(config),
        decision_retention: config.decisions.retention(),
        doors: config.forward_auth.rules.iter().map(|rule| rule.0.clone()).collect(),
        key_environment: key_environment(config),
        signing_key_rotation: config.signing_key_rotation(),
        oauth: oauth(config, &config.public_url(bound)),
        policies_dir: config.policies_dir.clone(),
        plugins_dir: (!config.safe_mode).then(|| config.plugins_dir.clone()),
        plugin_secrets: plugin_secrets(config)?,
        ..Settings::new(config.public_url(bound))
    };
    let sealer = Sealer::rotating(&master, previous_master.as_ref());
    let tokens = app::token_issuer(&store, &sealer, &settings, &*world.clock, &*world.random).await?;
    let facts: Arc<dyn Facts> = Arc::new(store.clone());
    let World { clock, random, recorder } = world;
    let decisions =
        DecisionQueue::new(config.decisions.queue as usize, config.decisions.allow_share, recorder);
    let decisions = Arc::new(decisions);
    let recorder: Arc<dyn Recorder> = Arc::<DecisionQueue>::clone(&decisions);
    let guard = Guard::new(Arc::new(pdp), facts, recorder, Arc::clone(&clock), Arc::clone(&random));
    let compiled = CompiledPlugins::new(config.data_dir.join("compiled"), CodeSeal::new(&master));
    let host = PluginHost {
        guard: guard.clone(),
        store: store.clone(),
        web: Web::new()?,
        clock: Arc::clone(&clock),
        compiled,
        trusted: signers(config)?,
    };
    let plugins = load_plugins(config, Arc::new(host)).await?;
    let hasher = PasswordHasher::new(hashing(config), Arc::clone(&random))?;
    let app = App::new(Parts {
        store,
        guard,
        hasher,
        tokens,
        master,
        previous_master,
        plugins,
        mailer,
        providers,
        dns: Dns::new(config.oauth.dns_server),
        trusted,
        issuers,
        decisions,
        clock,
        random,
        settings,
    });
    let caller = events_principal();
    let ok = app.authorize(&caller, LoadPlugins {}).await?;
    app.load_plugins(&ok).await?;

    match app.unknown_doors().as_slice() {
        [] => Ok(app),
        wrong => Err(format!(
            "forward_auth: the policies know no such action on such a resource in the rules {}",
            wrong.join(", ")
        )
        .into()),
    }
}

/// Whose signature a plugin needs; in safe mode no plugin is read, and no key.
fn signers(config: &Config) -> Result<Vec<VerifyingKey>, BoxError> {
    let read = |path: &PathBuf| {
        let wrong = |what: &dyn std::fmt::Display| format!("plugin_keys: `{}`: {what}", path.display());
        let text = std::fs::read_to_string(path).map_err(|error| wrong(&error))?;
        VerifyingKey::from_pem(&text).map_err(|error| wrong(&error).into())
    };
    config.plugin_keys.iter().filter(|_| !config.safe_mode).map(read).collect()
}

/// What administrators may grant by name. In safe mode nothing is read: a file that is missing must not keep the server
/// from starting then.
fn plugin_secrets(config: &Config) -> Result<BTreeMap<String, BTreeMap<String, Secret>>, BoxError> {
    let mut all = BTreeMap::new();
    for (plugin, secrets) in config.plugin_secrets.iter().filter(|_| !config.safe_mode) {
        let mut read = BTreeMap::new();
        for (name, source) in secrets {
            let text = source.read().map_err(|error| format!("plugin_secrets.{plugin}.{name}: {error}"))?;
            read.insert(name.clone(), text);
        }
        all.insert(plugin.clone(), read);
    }
    Ok(all)
}

/// What the configuration says about the edge of the API.
pub fn edge(config: &Config, bound: SocketAddr) -> impl FnOnce(&mut EdgeSettings) + use<> {
    let (origins, proxies) = (config.cors_origins.clone(), config.trusted_proxies.clone());
    let public_url = config.public_url(Some(bound));
    let mail_page = config.shows_mail();
    let original = match config.forward_auth.headers {
        config::OriginalHeaders::Original => OriginalHeaders::Original,
        config::OriginalHeaders::Forwarded => OriginalHeaders::Forwarded,
    };
    move |settings| {
        settings.original = original;
        settings.origins = origins;
        settings.public_origin = Some(public_url.origin().ascii_serialization());
        settings.proxies = TrustedProxies::new(proxies);
        settings.https = public_url.scheme() == "https";
        settings.mail_page = mail_page;
    }
}

/// # Errors
/// Every setting that production refuses, with its fix.
pub fn refuse_unsafe(config: &Config) -> Result<(), BoxError> {
    let found = config.refuse_unsafe();
    if found.is_empty() {
        return Ok(());
    }
    let each = found.iter().map(|it| format!("\n  {}: {}; {}", it.setting, it.why, it.fix));
    Err(format!("production mode refuses to start:{}", each.collect::<String>()).into())
}

/// # Errors
/// If a plugin is not there, is not what its manifest says, or refuses its configuration.
pub async fn load_plugins(config: &Config, host: Arc<dyn Host>) -> Result<Plugins, BoxError> {
    Ok(Plugins::load(&config.plugins_dir, &plugin_bindings(config)?, Limits::default(), host).await?)
}

/// What the configuration binds.
pub(super) fn plugin_bindings(config: &Config) -> Result<Vec<Binding>, BoxError> {
    config.plugins().into_iter().map(binding).collect()
}

fn binding(it: PluginBinding) -> Result<Binding, BoxError> {
    let name = &it.name;
    let origins = |texts: Vec<String>| {
        let read = texts.iter().map(|text| text.parse::<HttpOrigin>());
        read.collect::<Result<Vec<_>, _>>().map_err(|error| format!("plugin `{name}`: grants: {error}"))
    };
    let PluginGrants { http, internal_http, secrets, kv } = it.grants;
    let mut texts = BTreeMap::new();
    for (secret, source) in secrets {
        let text =
            source.read().map_err(|error| format!("plugin `{name}`: grants: secret `{secret}`: {error}"))?;
        texts.insert(secret, text);
    }
    let grants = Grants { http: origins(http)?, internal_http: origins(internal_http)?, secrets: texts, kv };
    Ok(Binding {
        plugin: it.name,
        config: it.config,
        on_failure: it.on_failure.map(|policy| match policy {
            OnFailure::Closed => FailurePolicy::Closed,
            OnFailure::Waitlist => FailurePolicy::Waitlist,
            OnFailure::Open => FailurePolicy::Open,
        }),
        monitor: it.monitor,
        deadline: Duration::from_millis(it.deadline_ms),
        grants,
        pin: it.sha256.map(|component| Pin { component, manifest: None }),
    })
}

/// # Errors
/// If the mail settings cannot work, or a letter's template.
pub fn mailer(config: &Config) -> Result<Mailer, BoxError> {
    let transport = match config.mail() {
        Mail::Folder(path) => Transport::Folder(path),
        Mail::Smtp(url) => Transport::Smtp { url, authority: config.mail_ca_file.clone() },
    };
    let catalogue = match &config.mail_templates_dir {
        Some(folder) => Catalogue::read(folder)?,
        None => Catalogue::default(),
    };
    Ok(Mailer::new(transport, &config.mail_from, catalogue)?)
}

fn master_key(config: &Config, random: &dyn Random) -> Result<MasterKey, BoxError> {
    match &config.master_key {
        Some(text) => Ok(MasterKey::from_base64(text.expose())?),
        None => Ok(MasterKey::load_or_create(&config.data_dir.join("master.key"), random)?),
    }
}

/// What secrets were sealed under before, while the master key is replaced.
fn previous_master_key(config: &Config) -> Result<Option<MasterKey>, BoxError> {
    if let Some(text) = &config.master_key_previous {
        return Ok(Some(MasterKey::from_base64(text.expose())?));
    }
    let file = config.data_dir.join("master.key.previous");
    Ok(if file.try_exists()? { Some(MasterKey::load(&file)?) } else { None })
}

fn rate_limits(config: &Config) -> RateLimits {
    let config::RateLimits { enabled, request, login, register, refresh, mail, mail_to } = config.rate_limits;
    if !enabled {
        return RateLimits::OFF;
    }
    RateLimits { request, login, register, refresh, mail, mail_to, growing_delay: true }
}

/// Where people come back to, and may go on to.
fn oauth(config: &Config, public_url: &url::Url) -> OAuthSettings {
    let callback = config.oauth.frontend_callback_url.clone();
    let defaults = OAuthSettings::new(public_url);
    let callback = callback.unwrap_or(defaults.callback);
    let listed: Vec<url::Url> = config.oauth.return_origins.iter().filter_map(|it| it.parse().ok()).collect();
    let origins = ReturnOrigins::of([&callback].into_iter().chain(&listed));
    OAuthSettings {
        callback,
        origins,
        tokens_in_fragment: config.oauth.tokens_in_fragment,
        organizations_reach_private: config.oauth.organizations_reach_private_addresses,
    }
}

/// Where the keys of trusted issuers are.
fn key_places(trusted: &[TrustedIssuer], pdp: &Pdp) -> Result<Vec<Provider>, BoxError> {
    let mut places = Vec::new();
    for it in trusted {
        if let Some(unknown) = it.scopes.iter().find(|scope| !pdp.is_scope(scope)) {
            let name = &it.name;
            return Err(format!(
                "`trusted_issuers`: `{name}` has the scope `{unknown}`: there is no such one"
            )
            .into());
        }
        if let Signed::Keys { at, .. } = &it.signed {
            places.push((**at).clone());
        }
    }
    Ok(places)
}

/// So that a key of a development machine, which may be anywhere, is none in production.
const fn key_environment(config: &Config) -> KeyEnvironment {
    match config.mode {
        Mode::Production => KeyEnvironment::Live,
        Mode::Development => KeyEnvironment::Test,
    }
}

fn hashing(config: &Config) -> HashingSettings {
    let defaults = HashingSettings::default();
    HashingSettings {
        memory_kib: config.hashing.memory_kib,
        iterations: config.hashing.iterations,
        permits: config.hashing.concurrent.map_or(defaults.permits, |n| n as usize),
        queue: config.hashing.queue as usize,
    }
}
