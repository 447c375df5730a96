//! Reading the settings from their three sources, and telling which one is wrong.

use std::path::{Path, PathBuf};

use figment::error::Kind;
use figment::providers::{Format as _, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};

use super::Config;
use super::remote::REMOTE;

/// The file read when none is named, if it exists.
const DEFAULT_FILE: &str = "palisade.toml";
const PREFIX: &str = "PALISADE_";
const ENVIRONMENT: &str = "environment";

/// How the text of a variable is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingKind {
    Text,
    Number,
    /// `true` or `false`.
    Bool,
    /// Separated by commas.
    List,
}

use SettingKind::{Bool, List, Number, Text};

/// Every setting that the environment may hold: its key in the TOML file, and how its text is read.
pub const SETTINGS: &[(&str, SettingKind)] = &[
    ("listen", Text),
    ("ext_authz_listen", Text),
    ("data_dir", Text),
    ("database_url", Text),
    ("public_url", Text),
    ("policies_dir", Text),
    ("plugins_dir", Text),
    ("safe_mode", Bool),
    ("mail", Text),
    ("mail_from", Text),
    ("mail_ca_file", Text),
    ("mail_templates_dir", Text),
    ("mode", Text),
    ("master_key", Text),
    ("master_key_previous", Text),
    ("signing_key_rotation_days", Number),
    ("log", Text),
    ("log_format", Text),
    ("cors_origins", List),
    ("trusted_proxies", List),
    ("reveal_accounts", Bool),
    ("deletion_grace_days", Number),
    ("facts_max_age_ms", Number),
    ("waitlist_requires", List),
    ("oauth.frontend_callback_url", Text),
    ("oauth.return_origins", List),
    ("oauth.tokens_in_fragment", Bool),
    ("oauth.organizations_reach_private_addresses", Bool),
    ("oauth.dns_server", Text),
    ("hashing.memory_kib", Number),
    ("hashing.iterations", Number),
    ("hashing.concurrent", Number),
    ("hashing.queue", Number),
    ("rate_limits.enabled", Bool),
    ("rate_limits.request", Text),
    ("rate_limits.login", Text),
    ("rate_limits.register", Text),
    ("rate_limits.refresh", Text),
    ("rate_limits.mail", Text),
    ("rate_limits.mail_to", Text),
    ("decisions.allow_share", Text),
    ("decisions.retention_days", Number),
    ("decisions.queue", Number),
];

/// A setting that cannot be used. It names the setting, where it came from and the rule, and never the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{setting}` from {source_name}: {rule}")]
pub struct ConfigError {
    pub setting: String,
    pub source_name: String,
    pub rule: String,
}

impl Config {
    /// The settings of this process. `file` is `--config`; without it `PALISADE_CONFIG`, then `palisade.toml` if there.
    ///
    /// # Errors
    /// The first setting that is unknown or breaks its rule, or a named file that cannot be read.
    pub fn from_process(file: Option<&Path>) -> Result<Self, ConfigError> {
        Self::load(
            file,
            std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))),
        )
    }

    /// As [`Config::from_process`], with the environment handed in.
    ///
    /// # Errors
    /// As [`Config::from_process`].
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let (named, set) = from_environment(environment)?;
        let named = file.map(Path::to_owned).or(named);
        extract(&Figment::new().merge(toml(named)?).merge(set))
    }

    /// The defaults and these settings, whatever file lies about: for tests and the demo.
    ///
    /// # Errors
    /// As [`Config::from_process`].
    pub fn without_file<'s>(
        environment: impl IntoIterator<Item = (&'s str, String)>,
    ) -> Result<Self, ConfigError> {
        let environment = environment.into_iter().map(|(name, text)| (name.to_owned(), text));
        extract(&Figment::new().merge(from_environment(environment)?.1))
    }
}

fn extract(figment: &Figment) -> Result<Config, ConfigError> {
    figment.extract().map_err(|error| explain(&error))
}

/// The file the environment names, and its settings.
fn from_environment(
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<(Option<PathBuf>, Environment), ConfigError> {
    let mut named = None;
    let mut set = Dict::new();
    for (name, text) in environment {
        let Some(suffix) = name.strip_prefix(PREFIX) else { continue };
        // These belong to the tests.
        if suffix.starts_with("TEST_") || suffix.starts_with("REQUIRE_") {
            continue;
        }
        // And these to commands that speak to a running server.
        if REMOTE.contains(&suffix) {
            continue;
        }
        if suffix == "CONFIG" {
            named = Some(PathBuf::from(text));
            continue;
        }
        if let Some((provider, field)) = credential(suffix) {
            let at = |table: Dict, key: &str| {
                let inner = table.get(key).cloned().and_then(Value::into_dict).unwrap_or_default();
                (table, inner)
            };
            let (mut whole, oauth) = at(std::mem::take(&mut set), "oauth");
            let (mut oauth, credentials) = at(oauth, "credentials");
            let (mut credentials, mut own) = at(credentials, &provider);
            own.insert(field.to_owned(), Value::from(text));
            credentials.insert(provider, Value::from(own));
            oauth.insert("credentials".to_owned(), Value::from(credentials));
            whole.insert("oauth".to_owned(), Value::from(oauth));
            set = whole;
            continue;
        }
        let known = SETTINGS.iter().find(|(key, _)| variable(key) == name);
        let error = |rule: &str| ConfigError {
            setting: name.clone(),
            source_name: "the environment".into(),
            rule: rule.into(),
        };
        let (key, kind) = known.ok_or_else(|| error("there is no such setting"))?;
        let value = read(&text, *kind).ok_or_else(|| {
            error(if *kind == Bool { "must be `true` or `false`" } else { "must be a whole number" })
        })?;
        match key.split_once('.') {
            None => drop(set.insert((*key).to_owned(), value)),
            Some((table, key)) => {
                let table = set.entry(table.to_owned()).or_insert_with(|| Value::from(Dict::new()));
                if let Value::Dict(_, table) = table {
                    table.insert(key.to_owned(), value);
                }
            }
        }
    }
    Ok((named, Environment(set)))
}

fn toml(named: Option<PathBuf>) -> Result<figment::providers::Data<Toml>, ConfigError> {
    if let Some(file) = named {
        let text = std::fs::metadata(&file).and_then(|_| std::fs::read_to_string(&file));
        return match text {
            Ok(_) => Ok(Toml::file_exact(file)),
            Err(error) => Err(ConfigError {
                setting: "config".into(),
                source_name: format!("`{}`", file.display()),
                rule: format!("the file cannot be read: {error}"),
            }),
        };
    }
    let default = Path::new(DEFAULT_FILE);
    Ok(if default.exists() { Toml::file_exact(default) } else { Toml::string("") })
}

/// `OAUTH_GITHUB_CLIENT_SECRET` is the `client_secret` of `github`.
fn credential(suffix: &str) -> Option<(String, &'static str)> {
    let of = suffix.strip_prefix("OAUTH_")?;
    let fields = [("_CLIENT_ID", "client_id"), ("_CLIENT_SECRET", "client_secret")];
    fields.into_iter().find_map(|(ending, field)| {
        let name = of.strip_suffix(ending).filter(|name| !name.is_empty())?;
        Some((name.to_lowercase(), field))
    })
}

/// `hashing.queue` is `PALISADE_HASHING_QUEUE`.
fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "_").to_uppercase())
}

fn read(text: &str, kind: SettingKind) -> Option<Value> {
    match kind {
        Text => Some(Value::from(text)),
        Number => text.parse::<u64>().ok().map(Value::from),
        Bool => text.parse::<bool>().ok().map(Value::from),
        List => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Some(Value::from(items.map(str::to_owned).collect::<Vec<_>>()))
        }
    }
}

struct Environment(Dict);

impl Provider for Environment {
    fn metadata(&self) -> Metadata {
        Metadata::named(ENVIRONMENT)
    }

    fn data(&self) -> figment::error::Result<Map<Profile, Dict>> {
        Ok(Profile::Default.collect(self.0.clone()))
    }
}

/// The library's own text shows the value it found, which may be a secret; so only its parts are used.
fn explain(error: &figment::Error) -> ConfigError {
    let mut key = error.path.join(".");
    let rule = match &error.kind {
        Kind::UnknownField(field, _) => {
            if !key.ends_with(field.as_str()) {
                key = if key.is_empty() { field.clone() } else { format!("{key}.{field}") };
            }
            "there is no such setting".to_owned()
        }
        Kind::MissingField(field) => format!("`{field}` is missing"),
        Kind::UnknownVariant(_, allowed) => format!("must be one of: {}", allowed.join(", ")),
        Kind::InvalidType(_, expected) | Kind::InvalidValue(_, expected) => format!("must be {expected}"),
        // Our own rules, and the place of a TOML error without the line it shows.
        Kind::Message(text) => {
            let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
            let first = lines.next().unwrap_or_default();
            lines.next_back().map_or_else(|| first.to_owned(), |last| format!("{first}: {last}"))
        }
        _ => "does not have the right form".to_owned(),
    };
    let metadata = error.metadata.as_ref();
    if metadata.is_some_and(|metadata| metadata.name == ENVIRONMENT) {
        return ConfigError { setting: variable(&key), source_name: "the environment".into(), rule };
    }
    let file = metadata.and_then(|metadata| metadata.source.as_ref()).map(|source| format!("`{source}`"));
    let source_name = file.unwrap_or_else(|| "the configuration file".into());
    let setting = if key.is_empty() { "the file".into() } else { key };
    ConfigError { setting, source_name, rule }
}

#[cfg(test)]
mod tests;
