//! The settings, their types, bounds and defaults.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, de};
use url::Url;

use super::decisions::Decisions;
use super::forward_auth::ForwardAuth;
use super::oauth::OAuth;
use super::plugins::{PluginBinding, SecretSource};
use super::rate_limits::RateLimits;
use crate::crypto::MasterKey;
use crate::domain::{Secret, TrustedIssuer, WaitlistRequires};

/// Everything the operator decides. Each field is a key of the TOML file and, in capitals after `PALISADE_`, a
/// variable of the environment (`hashing.memory_kib` is `PALISADE_HASHING_MEMORY_KIB`); `plugins`,
/// `forward_auth`, `oauth.providers` and `trusted_issuers` are TOML only.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where to listen; port 0 picks a free one. Default `127.0.0.1:8080`.
    pub listen: SocketAddr,
    /// Where to answer Envoy's `ext_authz` over gRPC. Default: nowhere.
    pub ext_authz_listen: Option<SocketAddr>,
    /// What we write: the SQLite database, the key file, development mail. Default `./data`.
    pub data_dir: PathBuf,
    /// `sqlite://PATH` or `postgres://…`; see [`Config::database_url`] for the default.
    #[serde(deserialize_with = "database_url")]
    database_url: Option<Secret>,
    /// How clients reach us, as in links and tokens; see [`Config::public_url`] for the default.
    #[serde(deserialize_with = "public_url")]
    public_url: Option<Url>,
    /// Default `./policies`.
    pub policies_dir: PathBuf,
    /// Default `./plugins`.
    pub plugins_dir: PathBuf,
    /// `folder` (the default: `mail` in `data_dir`), `folder:PATH`, or `smtp://…`, `smtps://…`.
    #[serde(deserialize_with = "mail")]
    mail: Option<Mail>,
    /// Who mail comes from. Default `Palisade <no-reply@localhost>`.
    pub mail_from: String,
    /// Authorities that the mail server's certificate may come from beside the public ones, in PEM. Default none.
    pub mail_ca_file: Option<PathBuf>,
    /// The operator's own letters, `<language>/<letter>.txt` and `.html`. Default ours.
    pub mail_templates_dir: Option<PathBuf>,
    /// Default `development`.
    pub mode: Mode,
    /// What secrets at rest are encrypted under; 32 bytes in base64. Without it a key file in `data_dir` is made.
    #[serde(deserialize_with = "master_key")]
    pub master_key: Option<Secret>,
    /// The other master key while they rotate: what it sealed opens, nothing new is sealed under it. Without it the
    /// file `master.key.previous` in `data_dir`, if it is there.
    #[serde(deserialize_with = "master_key")]
    pub master_key_previous: Option<Secret>,
    /// How many days a signing key signs, 0 to 3650; 0: until `palisade keys rotate`. Default 90.
    #[serde(deserialize_with = "rotation_days")]
    pub signing_key_rotation_days: u32,
    /// A filter such as `info` or `palisade=debug,info`. Default `info`.
    pub log: String,
    /// Default `text`.
    pub log_format: LogFormat,
    /// Origins whose pages may call us from a browser, each exact. Default none.
    #[serde(deserialize_with = "origins")]
    pub cors_origins: Vec<String>,
    /// Networks (CIDR) of the reverse proxies whose word on a client's address we take. Default none.
    #[serde(deserialize_with = "networks")]
    pub trusted_proxies: Vec<IpNet>,
    /// Whether register and its like may tell that an address is known. Default no.
    pub reveal_accounts: bool,
    /// Days between a person's wish to be deleted and the purge of the account, 0 to 365. Default 14.
    #[serde(deserialize_with = "grace_days")]
    pub deletion_grace_days: u32,
    /// How many milliseconds what another server, or a command, changed may go unseen, 0 to 60000; 0: none, at the cost of
    /// a statement for each read. What this process changes is seen at once. Default 100.
    #[serde(deserialize_with = "facts_max_age")]
    pub facts_max_age_ms: u32,
    /// What opens an account that waits: `verified-email`, `approval`, or both. Default `approval`.
    #[serde(deserialize_with = "waitlist_requires")]
    pub waitlist_requires: WaitlistRequires,
    pub hashing: Hashing,
    pub rate_limits: RateLimits,
    pub oauth: OAuth,
    /// Whose access tokens are taken besides our own; see [`Config::trusted_issuers`]. Default none.
    trusted_issuers: Vec<super::trusted_issuers::Written>,
    pub decisions: Decisions,
    /// Requests in front of other services.
    pub forward_auth: ForwardAuth,
    /// Start without any plugin, whatever is bound. Default no.
    pub safe_mode: bool,
    /// Public keys (PEM, P-256) of which one must have signed each plugin. Default none: no signature is needed.
    pub plugin_keys: Vec<PathBuf>,
    /// Where the text of each secret is that administrators may grant: by plugin, then by the manifest's name for it.
    pub plugin_secrets: BTreeMap<String, BTreeMap<String, SecretSource>>,
    /// The plugins, of one hook asked in this order; see [`Config::plugins`] for the default.
    plugins: Option<Vec<PluginBinding>>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            ext_authz_listen: None,
            data_dir: "data".into(),
            database_url: None,
            public_url: None,
            policies_dir: "policies".into(),
            plugins_dir: "plugins".into(),
            mail: None,
            mail_from: "Palisade <no-reply@localhost>".into(),
            mail_ca_file: None,
            mail_templates_dir: None,
            mode: Mode::Development,
            master_key: None,
            master_key_previous: None,
            signing_key_rotation_days: 90,
            log: "info".into(),
            log_format: LogFormat::Text,
            cors_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            reveal_accounts: false,
            deletion_grace_days: 14,
            facts_max_age_ms: 100,
            waitlist_requires: WaitlistRequires::default(),
            hashing: Hashing::default(),
            rate_limits: RateLimits::default(),
            oauth: OAuth::default(),
            trusted_issuers: Vec::new(),
            decisions: Decisions::default(),
            forward_auth: ForwardAuth::default(),
            safe_mode: false,
            plugin_keys: Vec::new(),
            plugin_secrets: BTreeMap::new(),
            plugins: None,
        }
    }
}

impl Config {
    /// Whose access tokens are taken besides our own, whole.
    ///
    /// # Errors
    /// A sentence that names the issuer and the rule.
    pub fn trusted_issuers(&self) -> Result<Vec<TrustedIssuer>, String> {
        super::trusted_issuers::whole(&self.trusted_issuers)
    }

    /// As configured, or `palisade.db` in `data_dir`.
    #[must_use]
    pub fn database_url(&self) -> Secret {
        let file = || Secret::new(format!("sqlite://{}", self.data_dir.join("palisade.db").display()));
        self.database_url.clone().unwrap_or_else(file)
    }

    /// As configured, or plain http at the address we `listen` on: `bound` once it is known.
    #[must_use]
    pub fn public_url(&self, bound: Option<SocketAddr>) -> Url {
        let address = bound.unwrap_or(self.listen);
        self.public_url.clone().unwrap_or_else(|| {
            #[expect(clippy::expect_used, reason = "the text of a socket address is a right authority")]
            Url::parse(&format!("http://{address}/")).expect("an address makes a URL")
        })
    }

    /// How long a signing key signs; none: until the command line makes another.
    #[must_use]
    pub fn signing_key_rotation(&self) -> Option<Duration> {
        let days = u64::from(self.signing_key_rotation_days);
        (days > 0).then(|| Duration::from_secs(days * 24 * 60 * 60))
    }

    pub(super) const fn public_url_given(&self) -> Option<&Url> {
        self.public_url.as_ref()
    }

    /// As configured, or the folder `mail` in `data_dir`.
    #[must_use]
    pub fn mail(&self) -> Mail {
        self.mail.clone().unwrap_or_else(|| Mail::Folder(self.data_dir.join("mail")))
    }

    /// Whether the letters in the folder are shown at `/mail`: in development only.
    #[must_use]
    pub fn shows_mail(&self) -> bool {
        self.mode == Mode::Development && matches!(self.mail(), Mail::Folder(_))
    }

    /// As configured. Without a word about plugins, development lets `example.com` and the invitation code `welcome-aboard`
    /// in, so that the first ten minutes show a plugin at work; production binds none, and so does the safe mode.
    #[must_use]
    pub fn plugins(&self) -> Vec<PluginBinding> {
        if self.safe_mode {
            return Vec::new();
        }
        match (&self.plugins, self.mode) {
            (Some(plugins), _) => plugins.clone(),
            (None, Mode::Production) => Vec::new(),
            (None, Mode::Development) => vec![PluginBinding::example()],
        }
    }
}

/// What is safe enough to start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Runs on anything, mails into a folder.
    Development,
    /// Refuses to start on anything unsafe; see [`Config::refuse_unsafe`].
    Production,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One line for people.
    Text,
    /// One JSON object a line for machines.
    Json,
}

/// Where mail goes.
#[derive(Debug, Clone)]
pub enum Mail {
    /// One `.eml` file each; for development.
    Folder(PathBuf),
    /// `smtps://user:password@host:465` or `smtp://user:password@host:587?tls=required`.
    Smtp(Secret),
}

/// Argon2id (RFC 9106).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Hashing {
    /// Memory of one hash in KiB, 8 to 1048576. Default 19456.
    #[serde(deserialize_with = "memory_kib")]
    pub memory_kib: u32,
    /// Passes, 1 to 100. Default 2.
    #[serde(deserialize_with = "iterations")]
    pub iterations: u32,
    /// Hashes made at once, 1 to 64; unset: one per core.
    #[serde(deserialize_with = "concurrent")]
    pub concurrent: Option<u32>,
    /// Requests that may wait for a hash before more are told to come back later, 1 to 10000. Default 64.
    #[serde(deserialize_with = "queue")]
    pub queue: u32,
}

impl Default for Hashing {
    fn default() -> Self {
        Self { memory_kib: 19_456, iterations: 2, concurrent: None, queue: 64 }
    }
}

/// A number within bounds; the message tells the bounds and not the number.
pub(super) fn within<'de, D, T>(deserializer: D, low: T, high: T) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + PartialOrd + Copy + std::fmt::Display,
{
    let number = T::deserialize(deserializer)?;
    if number < low || number > high {
        return Err(de::Error::custom(format!("must be {low} to {high}")));
    }
    Ok(number)
}

fn memory_kib<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    within(deserializer, 8, 1_048_576)
}

fn iterations<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    within(deserializer, 1, 100)
}

fn concurrent<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    within(deserializer, 1, 64).map(Some)
}

fn queue<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    within(deserializer, 1, 10_000)
}

fn rotation_days<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    within(deserializer, 0, 3_650)
}

fn grace_days<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    within(deserializer, 0, 365)
}

fn facts_max_age<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    within(deserializer, 0, 60_000)
}

fn database_url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let known = ["sqlite:", "postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme));
    let wrong = || de::Error::custom("must begin with `sqlite:` or `postgres://`");
    known.then(|| Some(Secret::new(text))).ok_or_else(wrong)
}

fn master_key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if MasterKey::from_base64(&text).is_err() {
        return Err(de::Error::custom("must be 32 bytes in base64: `openssl rand -base64 32` makes one"));
    }
    Ok(Some(Secret::new(text)))
}

fn mail<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Mail>, D::Error> {
    let text = String::deserialize(deserializer)?;
    match text.split_once(':') {
        None if text == "folder" => Ok(None),
        Some(("folder", path)) if !path.is_empty() => Ok(Some(Mail::Folder(Path::new(path).into()))),
        Some(("smtp" | "smtps", rest)) if rest.len() > 2 && rest.starts_with("//") => {
            Ok(Some(Mail::Smtp(Secret::new(text))))
        }
        _ => Err(de::Error::custom("must be `folder`, `folder:PATH`, `smtp://…` or `smtps://…`")),
    }
}

fn waitlist_requires<'de, D: Deserializer<'de>>(deserializer: D) -> Result<WaitlistRequires, D::Error> {
    let mut requires = WaitlistRequires { verified_email: false, approval: false, plugin: false };
    for word in Vec::<String>::deserialize(deserializer)? {
        match word.as_str() {
            "verified-email" => requires.verified_email = true,
            "approval" => requires.approval = true,
            "plugin" => requires.plugin = true,
            _ => return Err(de::Error::custom("each must be `verified-email`, `approval` or `plugin`")),
        }
    }
    if !requires.verified_email && !requires.approval && !requires.plugin {
        return Err(de::Error::custom("must name `verified-email`, `approval`, `plugin` or several"));
    }
    Ok(requires)
}

fn public_url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Url>, D::Error> {
    let rule = "must be an http or https URL without a query, such as `https://id.example.com/`";
    let url = Url::parse(&String::deserialize(deserializer)?).map_err(|_| de::Error::custom(rule))?;
    let right = matches!(url.scheme(), "http" | "https") && url.query().is_none() && url.fragment().is_none();
    right.then_some(Some(url)).ok_or_else(|| de::Error::custom(rule))
}

/// Networks as CIDR (RFC 4632); a bare address is a network of one.
fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    let wrong = || de::Error::custom("each must be a network such as `10.0.0.0/8`, or an address");
    let parse = |text: String| {
        text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).map_err(|_| wrong())
    };
    Vec::<String>::deserialize(deserializer)?.into_iter().map(parse).collect()
}

/// Exact origins only (RFC 6454 section 6.2): `*` or a pattern would let any page act with a person's credentials.
pub(super) fn origins<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let origins = Vec::<String>::deserialize(deserializer)?;
    let exact = |text: &String| {
        let parsed = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        parsed.is_some_and(|url| !text.contains('*') && url.origin().ascii_serialization() == *text)
    };
    match origins.iter().all(exact) {
        true => Ok(origins),
        false => Err(de::Error::custom("each must be an exact origin, such as `https://app.example.com`")),
    }
}
