//! A running server, for commands that speak to it: where it is, and who asks.

use std::io::Read as _;
use std::path::Path;

use url::Url;

use super::ConfigError;
use crate::domain::Secret;

/// What `PALISADE_` names that is no setting of a server.
pub(super) const REMOTE: [&str; 2] = ["SERVER", "TOKEN"];
/// No token is longer, in bytes.
const LONGEST: u64 = 16 << 10;

#[derive(Debug)]
pub struct Remote {
    /// None: where the configuration says that a server listens.
    pub server: Option<Url>,
    pub token: Secret,
}

impl Remote {
    /// What was said on the command line, or else `PALISADE_SERVER` and `PALISADE_TOKEN`. A token is never an argument:
    /// whoever else is on the machine sees those. `-` as a file is standard input.
    ///
    /// # Errors
    /// An address that is none, and a token that is missing or cannot be read.
    pub fn from_process(server: Option<&str>, token_file: Option<&Path>) -> Result<Self, ConfigError> {
        let named = |name: &str| std::env::var_os(format!("PALISADE_{name}"))?.into_string().ok();
        let (server, source_name) = match server {
            Some(text) => (Some(text.to_owned()), "`--server`"),
            None => (named("SERVER"), "the environment"),
        };
        let server = server.map(|text| address(&text, source_name)).transpose()?;
        let token = match token_file {
            Some(file) => read(file)?,
            None => named("TOKEN").unwrap_or_default(),
        };
        let token = token.trim();
        if token.is_empty() {
            let rule =
                "is missing: put an administrator's access token there, or name a file by `--token-file`";
            return Err(wrong("PALISADE_TOKEN", "the environment", rule.to_owned()));
        }
        Ok(Self { server, token: Secret::new(token.to_owned()) })
    }
}

fn wrong(setting: &str, source_name: &str, rule: String) -> ConfigError {
    ConfigError { setting: setting.to_owned(), source_name: source_name.to_owned(), rule }
}

/// With a `/` at its end, so that paths can be joined to it.
fn address(text: &str, source_name: &str) -> Result<Url, ConfigError> {
    let mut url = Url::parse(text).ok().filter(|url| !url.cannot_be_a_base());
    if let Some(url) = &mut url {
        url.set_query(None);
        url.set_fragment(None);
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
    }
    let rule = "must be an address such as `https://id.example.com`";
    url.ok_or_else(|| wrong("server", source_name, rule.to_owned()))
}

fn read(file: &Path) -> Result<String, ConfigError> {
    let mut text = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin().lock().take(LONGEST).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(LONGEST).read_to_string(&mut text))
    };
    let shown = format!("`{}`", file.display());
    read.map_err(|error| wrong("token-file", &shown, format!("cannot be read: {error}")))?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_an_address_to_which_paths_can_be_joined() {
        let of = |text: &str| address(text, "`--server`").map(|url| url.to_string()).ok();
        assert_eq!(of("https://id.example.com").as_deref(), Some("https://id.example.com/"));
        assert_eq!(of("http://127.0.0.1:8080/auth?a=b#c").as_deref(), Some("http://127.0.0.1:8080/auth/"));
        for bad in ["id.example.com", "localhost:8080", "mailto:ada@example.com", ""] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }
}
