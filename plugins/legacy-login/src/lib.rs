//! Asks the system that accounts come from whether a password is right, once for each person: from then on there is a
//! hash here. The old system answers 200 or 204 for a right password, 401 or 403 for a wrong one, 404 for nobody.

use palisade_plugin_sdk::hooks::migration::Outcome;
use palisade_plugin_sdk::{Migrator, Plugin, PluginError, RequestContext, http, register};
use serde::Deserialize;
use serde_json::{Map, Value};

register!(Migrator for LegacyLogin);

struct LegacyLogin;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    url: String,
    format: Format,
    identifier_field: String,
    password_field: String,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Format {
    Json,
    Form,
}

impl Plugin for LegacyLogin {
    type Config = Config;

    fn check(config: &Config) -> Result<(), Vec<String>> {
        let mut wrong = Vec::new();
        if !config.url.starts_with("https://") && !config.url.starts_with("http://") {
            wrong.push("url: must be an address such as `https://old.example.com/check-password`".into());
        }
        if config.identifier_field.is_empty() || config.identifier_field == config.password_field {
            wrong.push("identifier_field, password_field: must be two different names".into());
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }
}

impl Migrator for LegacyLogin {
    fn verify_legacy(
        config: Config,
        _: RequestContext,
        identifier: String,
        password: String,
    ) -> Result<Outcome, PluginError> {
        let request = http::post(&*config.url).bearer("token");
        let request = match config.format {
            Format::Json => request.json(&Map::from_iter([
                (config.identifier_field, Value::String(identifier)),
                (config.password_field, Value::String(password)),
            ])),
            Format::Form => request.form([
                (&*config.identifier_field, http::text(identifier)),
                (&*config.password_field, http::text(password)),
            ]),
        };
        outcome(request.send()?.status)
    }
}

/// Only a plain yes is one: a page that tells of maintenance with status 200 is the old system's to mend.
fn outcome(status: u16) -> Result<Outcome, PluginError> {
    match status {
        200 | 204 => Ok(Outcome::Correct),
        401 | 403 => Ok(Outcome::WrongPassword),
        404 => Ok(Outcome::NoSuchUser),
        other => Err(PluginError::Upstream(["the old system answers ", &other.to_string()].concat())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_yes_is_one() {
        assert_eq!(outcome(200), Ok(Outcome::Correct));
        assert_eq!(outcome(204), Ok(Outcome::Correct));
        assert_eq!(outcome(401), Ok(Outcome::WrongPassword));
        assert_eq!(outcome(404), Ok(Outcome::NoSuchUser));
        for status in [201, 202, 302, 400, 429, 500, 503] {
            assert!(outcome(status).is_err(), "{status}");
        }
    }

    #[test]
    fn the_two_fields_have_two_names() {
        let config = |identifier: &str| Config {
            url: "https://old.example.com".into(),
            format: Format::Json,
            identifier_field: identifier.into(),
            password_field: "password".into(),
        };
        assert!(LegacyLogin::check(&config("email")).is_ok());
        assert!(LegacyLogin::check(&config("password")).is_err());
    }
}
