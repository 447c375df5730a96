//! What production refuses to start on, and how to mend each.

use std::path::Path;

use url::{Host, Url};

use super::{Config, Mail, Mode, PluginBinding};

/// One setting that is not safe in production.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsafe {
    /// The key in the TOML file.
    pub setting: &'static str,
    /// What could happen.
    pub why: &'static str,
    /// What to do about it.
    pub fix: &'static str,
}

/// OWASP's weakest accepted Argon2id: 7168 KiB five times, 12288 three times, 19456 twice.
const LEAST_WORK: u64 = 7168 * 5;

impl Config {
    /// Everything that production must not start on, all at once so that it is mended at once; empty in development.
    #[must_use]
    pub fn refuse_unsafe(&self) -> Vec<Unsafe> {
        let mut found = Vec::new();
        let mut refuse = |unless: bool, setting, why, fix| {
            if !unless {
                found.push(Unsafe { setting, why, fix });
            }
        };
        if self.mode == Mode::Development {
            return found;
        }
        refuse(
            self.public_url_given().is_some_and(|url| url.scheme() == "https"),
            "public_url",
            "links and tokens would name an address that anyone on the way can read or change",
            "set PALISADE_PUBLIC_URL to the https address clients use",
        );
        refuse(
            self.master_key.is_some(),
            "master_key",
            "the key would be a generated file beside the data it protects",
            "set PALISADE_MASTER_KEY from your secret store: `openssl rand -base64 32` makes one",
        );
        refuse(
            !matches!(self.mail(), Mail::Folder(_)),
            "mail",
            "nobody would receive a verification or invitation",
            "set PALISADE_MAIL to `smtps://user:password@host:465`",
        );
        refuse(
            !matches!(self.mail(), Mail::Smtp(url) if plain_smtp(url.expose())),
            "mail",
            "mail and its password would cross the network in the clear",
            "use `smtps://…`, or `smtp://…?tls=required`",
        );
        let sender = self.mail_from.rsplit('@').next().unwrap_or_default().trim_end_matches('>');
        refuse(
            sender.contains('.') && !sender.ends_with(".localhost") && !sender.ends_with(".invalid"),
            "mail_from",
            "receivers drop mail from a sender that does not exist",
            "set PALISADE_MAIL_FROM to an address of a domain you own",
        );
        let database = self.database_url();
        refuse(
            !in_temporary_place(database.expose()),
            "database_url",
            "every account would be gone after a restart",
            "set PALISADE_DATA_DIR or PALISADE_DATABASE_URL to a place that is kept",
        );
        refuse(
            !plain_postgres(database.expose()),
            "database_url",
            "password hashes and tokens would cross the network in the clear",
            "add `?sslmode=verify-full` to PALISADE_DATABASE_URL",
        );
        refuse(
            self.cors_origins.iter().all(|origin| origin.starts_with("https://")),
            "cors_origins",
            "anyone on the way could act through a page loaded over http",
            "list https origins only in PALISADE_CORS_ORIGINS",
        );
        refuse(
            u64::from(self.hashing.memory_kib) * u64::from(self.hashing.iterations) >= LEAST_WORK,
            "hashing",
            "stolen password hashes would be cheap to try",
            "leave out `hashing`, or raise memory_kib and iterations",
        );
        refuse(
            self.trusted_proxies.iter().all(|network| network.prefix_len() > 0),
            "trusted_proxies",
            "anyone could claim any address, and no limit would hold",
            "list the networks of your own proxies only",
        );
        refuse(
            self.rate_limits.enabled,
            "rate_limits",
            "passwords could be tried as fast as the machine goes",
            "leave `rate_limits.enabled` out, and raise the one limit that is in your way",
        );
        let example = format!("\"{}\"", PluginBinding::EXAMPLE_CODE);
        refuse(
            !self.plugins().iter().any(|plugin| plugin.config.to_string().contains(&example)),
            "plugins",
            "the invitation code of the example is public",
            "choose invitation codes of your own in `[[plugins]]`",
        );
        found
    }
}

/// A mail URL whose connection stays plain, or may.
fn plain_smtp(url: &str) -> bool {
    let required = |url: &Url| url.query_pairs().any(|(key, value)| key == "tls" && value == "required");
    !url.starts_with("smtps:") && !Url::parse(url).is_ok_and(|url| required(&url))
}

/// A SQLite database that a reboot or a cleaner takes away.
fn in_temporary_place(url: &str) -> bool {
    let Some(path) = url.strip_prefix("sqlite:") else { return false };
    let path = path.trim_start_matches("//").split('?').next().unwrap_or_default();
    let path = std::path::absolute(path).unwrap_or_else(|_| path.into());
    url.contains(":memory:")
        || url.contains("mode=memory")
        || ["/tmp", "/var/tmp", "/dev/shm", "/run"].iter().any(|place| path.starts_with(Path::new(place)))
}

/// A PostgreSQL connection to another machine that does not insist on TLS.
fn plain_postgres(url: &str) -> bool {
    let Some(url) = Url::parse(url).ok().filter(|url| url.scheme().starts_with("postgres")) else {
        return false;
    };
    // `postgres` is not a scheme the library knows, so an address in it is still a name.
    let host = url.host_str().map(|host| Host::parse(host.trim_matches(['[', ']'])));
    let local = match (url.host_str(), host) {
        (None | Some("" | "localhost" | "[::1]"), _) => true,
        (_, Some(Ok(Host::Ipv4(address)))) => address.is_loopback(),
        (Some(host), _) => host.starts_with("%2F") || host.starts_with("%2f"),
    };
    let safe = ["require", "verify-ca", "verify-full"];
    let tls = url.query_pairs().any(|(key, value)| key == "sslmode" && safe.contains(&value.as_ref()));
    !local && !tls
}
