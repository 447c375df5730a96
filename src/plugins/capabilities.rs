//! What a plugin asks for in its manifest, what the operator grants it, and what is left of the two.
//!
//! A capability is in both or it is not there: a grant of nothing is nothing, and so is a grant of what was not asked
//! for. The policies are asked besides, on each use.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

use serde::Deserialize;
use serde::de::{self, Deserializer};
use url::{Host, Url};

use super::blanks::Blanks;
use crate::domain::Secret;

/// A scheme, a host and a port: `https://api.example.com`. The port is told even where it is the usual one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct HttpOrigin {
    pub scheme: String,
    /// In the spelling of the URL standard: ASCII, lower case, IPv6 in brackets.
    pub host: String,
    pub port: u16,
}

impl HttpOrigin {
    /// Of an absolute address; `None` if it is not http or https, names a user or has no host.
    #[must_use]
    pub fn of(url: &Url) -> Option<Self> {
        let bare = url.username().is_empty() && url.password().is_none();
        let scheme = url.scheme();
        let host = url.host().filter(|_| bare && matches!(scheme, "http" | "https"))?;
        // A name that ends in a dot is the same one in another spelling.
        if matches!(host, Host::Domain(name) if name.ends_with('.') || name.contains('*')) {
            return None;
        }
        Some(Self { scheme: scheme.to_owned(), host: host.to_string(), port: url.port_or_known_default()? })
    }
}

impl fmt::Display for HttpOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", self.scheme, self.host, self.port)
    }
}

impl FromStr for HttpOrigin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("`{text}` is not an origin such as `https://api.example.com`, without wildcard");
        let url = Url::parse(text).map_err(|_| wrong())?;
        let only = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        // What the parser mends, a backslash or a space, the operator should not have written.
        let plain = text.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'\\' | b'*' | b'@'));
        Self::of(&url).filter(|_| only && plain && !text.ends_with('/')).ok_or_else(wrong)
    }
}

impl<'de> Deserialize<'de> for HttpOrigin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// `[capabilities]` of a manifest.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Wanted {
    http: Vec<WantedOrigin>,
    secrets: Vec<String>,
    pub(super) kv: bool,
}

#[derive(Debug, Clone)]
enum WantedOrigin {
    This(HttpOrigin),
    /// `*`: whichever the operator names.
    Named,
}

impl<'de> Deserialize<'de> for WantedOrigin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "*" {
            return Ok(Self::Named);
        }
        text.parse().map(Self::This).map_err(de::Error::custom)
    }
}

impl Wanted {
    pub(super) fn http(&self) -> bool {
        !self.http.is_empty()
    }

    pub(super) fn secrets(&self) -> bool {
        !self.secrets.is_empty()
    }

    fn asks(&self, origin: &HttpOrigin) -> bool {
        self.http.iter().any(|wanted| match wanted {
            WantedOrigin::This(this) => this == origin,
            WantedOrigin::Named => true,
        })
    }

    /// What is in both.
    pub(super) fn granted(&self, grants: &Grants) -> Capabilities {
        let with = |origins: &[HttpOrigin], internal: bool| {
            let asked = origins.iter().filter(|origin| self.asks(origin));
            asked.map(|origin| (origin.clone(), internal)).collect::<Vec<_>>()
        };
        let mut http = with(&grants.http, false);
        http.extend(with(&grants.internal_http, true));
        let secrets = grants.secrets.iter().filter(|(name, _)| self.secrets.contains(name));
        Capabilities {
            http,
            secrets: secrets.map(|(name, secret)| (name.clone(), secret.clone())).collect(),
            kv: self.kv && grants.kv,
            blanks: OnceLock::new(),
        }
    }

    /// What was asked for and not granted, for the log.
    pub(super) fn lacks(&self, granted: &Capabilities) -> Vec<String> {
        let mut lacks = Vec::new();
        for wanted in &self.http {
            match wanted {
                WantedOrigin::This(origin) if granted.internal(origin).is_none() => {
                    lacks.push(origin.to_string());
                }
                WantedOrigin::Named if granted.http.is_empty() => lacks.push("http".to_owned()),
                WantedOrigin::This(_) | WantedOrigin::Named => {}
            }
        }
        let secrets = self.secrets.iter().filter(|name| !granted.secrets.contains_key(*name));
        lacks.extend(secrets.map(|name| format!("secret {name}")));
        if self.kv && !granted.kv {
            lacks.push("kv".to_owned());
        }
        lacks
    }
}

/// What the operator lets a plugin have, in one binding.
#[derive(Debug, Clone, Default)]
pub struct Grants {
    /// Where it may send requests: public addresses, by https.
    pub http: Vec<HttpOrigin>,
    /// The same for addresses that are not public; plain http on this machine.
    pub internal_http: Vec<HttpOrigin>,
    /// By the name that the manifest has for each.
    pub secrets: BTreeMap<String, Secret>,
    pub kv: bool,
}

/// The shortest secret: a shorter one could not be blanked without blanking what is none.
pub(super) const SHORTEST_SECRET: usize = 8;

/// What a binding may do, before the policies are asked.
#[derive(Debug, Default)]
pub(super) struct Capabilities {
    http: Vec<(HttpOrigin, bool)>,
    pub(super) secrets: BTreeMap<String, Secret>,
    pub(super) kv: bool,
    /// Made when an answer is first looked at.
    blanks: OnceLock<Blanks>,
}

impl Capabilities {
    /// What must not reach the guest in an answer.
    pub(super) fn blanks(&self) -> &Blanks {
        self.blanks.get_or_init(|| Blanks::of(self.secrets.values()))
    }

    /// `None` if requests may not go there; else whether they may reach addresses that are not public.
    pub(super) fn internal(&self, origin: &HttpOrigin) -> Option<bool> {
        let mut found = self.http.iter().filter(|(known, _)| known == origin).map(|(_, internal)| *internal);
        let first = found.next()?;
        Some(first || found.any(|internal| internal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_written_plainly() {
        let origin: HttpOrigin = "https://API.example.com".parse().unwrap();
        assert_eq!(origin.to_string(), "https://api.example.com:443");
        assert_eq!("http://[::1]:8080".parse::<HttpOrigin>().unwrap().to_string(), "http://[::1]:8080");
        for bad in [
            "",
            "api.example.com",
            "https://",
            "https://*",
            "https://*.example.com",
            "https://api.example.com/",
            "https://api.example.com/path",
            "https://api.example.com?x",
            "https://user@api.example.com",
            "https://api.example.com:443@evil.example",
            "https:\\\\api.example.com",
            "ftp://api.example.com",
            "https://api.example.com.",
        ] {
            assert!(bad.parse::<HttpOrigin>().is_err(), "{bad}");
        }
    }

    #[test]
    fn f58_a_grant_of_nothing_is_nothing() {
        let wanted: Wanted =
            toml::from_str("http = ['https://a.example', '*']\nsecrets = ['key']\nkv = true").unwrap();
        let granted = wanted.granted(&Grants::default());
        assert!(granted.http.is_empty() && granted.secrets.is_empty() && !granted.kv);
        assert_eq!(wanted.lacks(&granted), ["https://a.example:443", "http", "secret key", "kv"]);
    }

    #[test]
    fn f58_a_grant_of_what_was_not_asked_for_is_nothing() {
        let grants = Grants {
            http: vec!["https://a.example".parse().unwrap()],
            internal_http: vec!["http://127.0.0.1:1".parse().unwrap()],
            secrets: BTreeMap::from([("key".to_owned(), Secret::new("12345678".to_owned()))]),
            kv: true,
        };
        let granted = Wanted::default().granted(&grants);
        assert!(granted.http.is_empty() && granted.secrets.is_empty() && !granted.kv);
        let other: Wanted = toml::from_str("http = ['https://a.example:444']\nsecrets = ['kez']").unwrap();
        let granted = other.granted(&grants);
        assert!(granted.http.is_empty() && granted.secrets.is_empty());
    }
}
