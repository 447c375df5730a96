//! Say here what it does.

{{uses}}
use serde::Deserialize;

register!({{trait}} for {{type}});

struct {{type}};

/// What an operator writes; the defaults are in manifest.toml.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    /// Whom to ask about this plugin.
    contact: String,
}

impl Plugin for {{type}} {
    type Config = Config;

    fn check(config: &Config) -> Result<(), Vec<String>> {
        if config.contact.contains('@') {
            return Ok(());
        }
        Err(["contact: must be a mail address".into()].into())
    }
}

impl {{trait}} for {{type}} {
{{methods}}}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contact_is_a_mail_address() {
        assert!({{type}}::check(&Config { contact: "ada@example.com".into() }).is_ok());
        assert!({{type}}::check(&Config { contact: "ada".into() }).is_err());
    }
}
