//! Lets in who has an address of a known domain or an invitation code; all others wait.

use palisade_plugin_sdk::hooks::registration::{Candidate, Verdict};
use palisade_plugin_sdk::{Plugin, PluginError, RegistrationPolicy, RequestContext, log, register};
use serde::Deserialize;

register!(RegistrationPolicy for Waitlist);

/// The plugin.
struct Waitlist;

/// What the operator writes.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    mode: Mode,
    /// Whole domains in lower case: `example.com` does not stand for `mail.example.com`.
    allowed_domains: Vec<String>,
    /// Each lets any number of people in.
    invitation_codes: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self { mode: Mode::Waitlist, allowed_domains: Vec::new(), invitation_codes: Vec::new() }
    }
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Mode {
    /// Everybody comes in.
    Open,
    /// Nobody comes in.
    Closed,
    /// Known domains and codes come in, the others wait.
    Waitlist,
}

/// What we read of the client's payload; it may hold more.
#[derive(Deserialize, Default)]
struct Payload {
    #[serde(default)]
    invitation_code: Option<String>,
}

/// Shorter codes can be guessed.
const SHORTEST_CODE: usize = 8;

impl Plugin for Waitlist {
    type Config = Config;

    fn check(config: &Config) -> Result<(), Vec<String>> {
        let mut wrong = Vec::new();
        for domain in &config.allowed_domains {
            if !is_domain(domain) {
                wrong
                    .push(["allowed_domains: `", domain, "` is not a domain such as `example.com`"].concat());
            }
        }
        if config.invitation_codes.iter().any(|code| code.len() < SHORTEST_CODE) {
            wrong.push("invitation_codes: a code has at least 8 characters".into());
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }
}

impl RegistrationPolicy for Waitlist {
    fn validate(config: Config, _: RequestContext, candidate: Candidate) -> Result<Verdict, PluginError> {
        match config.mode {
            Mode::Open => return Ok(Verdict::accept()),
            Mode::Closed => {
                return Ok(Verdict::reject("registration-closed", "Registration is closed."));
            }
            Mode::Waitlist => {}
        }
        if config.allowed_domains.iter().any(|domain| domain == domain_of(&candidate.email)) {
            return Ok(Verdict::accept());
        }
        let payload = candidate.payload.as_deref().unwrap_or("{}");
        let payload: Payload = match serde_json::from_str(payload) {
            Ok(payload) => payload,
            Err(_) => {
                log::info("the payload is not the JSON we know; no invitation code was read");
                Payload::default()
            }
        };
        let known = |code: &String| config.invitation_codes.iter().any(|one| same(one, code));
        if payload.invitation_code.as_ref().is_some_and(known) {
            return Ok(Verdict::accept());
        }
        Ok(Verdict::waitlist("no invitation code, and not an address of a known domain"))
    }
}

fn domain_of(email: &str) -> &str {
    email.rsplit_once('@').map_or("", |(_, domain)| domain)
}

fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty() && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    text.contains('.') && text.split('.').all(label)
}

/// Compares without telling by its time how much of the code was right.
fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |seen, (a, b)| seen | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_written_plainly() {
        for good in ["example.com", "xn--exmple-cua.com", "a.b.c"] {
            assert!(is_domain(good), "{good}");
        }
        for bad in ["", "example", "@example.com", "Example.com", "*.example.com", "example.com."] {
            assert!(!is_domain(bad), "{bad}");
        }
    }

    #[test]
    fn a_domain_is_what_follows_the_last_at() {
        assert_eq!(domain_of("ada@example.com"), "example.com");
        assert_eq!(domain_of("example.com"), "");
    }

    #[test]
    fn a_code_is_compared_whole() {
        assert!(same("open-sesame", "open-sesame"));
        assert!(!same("open-sesame", "open-sesam"));
        assert!(!same("open-sesame", "open-sesamf"));
    }
}
