//! Refuses registrations without a solved captcha. The client sends what the widget gave it in the registration's
//! payload, as `captcha_token`; the provider says whether it is good. The site's secret key never gets here.

use palisade_plugin_sdk::hooks::registration::{Candidate, Verdict};
use palisade_plugin_sdk::{
    Denial, Plugin, PluginError, RegistrationHook, RequestContext, from_json, http, register,
};
use serde::Deserialize;

register!(RegistrationHook for Captcha);

struct Captcha;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    provider: Provider,
    address: String,
    hostname: String,
    lowest_score: f64,
    send_ip: bool,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Provider {
    Turnstile,
    Hcaptcha,
    Recaptcha,
}

impl Provider {
    const fn address(self) -> &'static str {
        match self {
            Self::Turnstile => "https://challenges.cloudflare.com/turnstile/v0/siteverify",
            Self::Hcaptcha => "https://api.hcaptcha.com/siteverify",
            Self::Recaptcha => "https://www.google.com/recaptcha/api/siteverify",
        }
    }
}

/// What we read of the client's payload; it may hold more.
#[derive(Deserialize, Default)]
struct Payload {
    captcha_token: Option<String>,
}

/// What all three providers answer.
#[derive(Deserialize)]
struct Answer {
    success: bool,
    hostname: Option<String>,
    score: Option<f64>,
    #[serde(rename = "error-codes", default)]
    errors: Vec<String>,
}

/// Longer ones are nobody's; the limit of Turnstile.
const LONGEST: usize = 2048;

impl Plugin for Captcha {
    type Config = Config;

    fn check(config: &Config) -> Result<(), Vec<String>> {
        let own = &config.address;
        if !own.is_empty() && !own.starts_with("https://") && !own.starts_with("http://") {
            return Err(
                ["address: must be one such as `https://captcha.example.com/siteverify`".into()].into()
            );
        }
        if !(0.0..=1.0).contains(&config.lowest_score) {
            return Err(["lowest_score: must be 0.0 to 1.0".into()].into());
        }
        if config.lowest_score > 0.0 && !matches!(config.provider, Provider::Recaptcha) {
            return Err(["lowest_score: only recaptcha gives scores".into()].into());
        }
        Ok(())
    }
}

impl RegistrationHook for Captcha {
    fn validate(
        config: Config,
        context: RequestContext,
        candidate: Candidate,
    ) -> Result<Verdict, PluginError> {
        let payload: Payload = from_json(candidate.payload.as_deref().unwrap_or("{}")).unwrap_or_default();
        let token = payload.captcha_token.filter(|token| (1..=LONGEST).contains(&token.len()));
        let Some(token) = token else {
            return Ok(refusal("captcha-missing", "Please solve the captcha."));
        };
        let mut form = vec![("secret", http::secret("captcha")), ("response", http::text(token))];
        if let Some(ip) = context.client_ip.filter(|_| config.send_ip) {
            form.push(("remoteip", http::text(ip)));
        }
        let answer = http::post(address(&config)).form(form).send()?;
        if !answer.is_success() {
            return Err(PluginError::Upstream(
                ["the provider answers ", &answer.status.to_string()].concat(),
            ));
        }
        judge(&config, &answer.json()?)
    }
}

fn address(config: &Config) -> &str {
    if config.address.is_empty() { config.provider.address() } else { &config.address }
}

fn judge(config: &Config, answer: &Answer) -> Result<Verdict, PluginError> {
    if !answer.success {
        // Ours to mend: the person has done nothing wrong.
        if let Some(error) = answer.errors.iter().find(|error| error.contains("secret")) {
            return Err(PluginError::Config(["the provider says ", error].concat()));
        }
        return Ok(refusal(
            "captcha-failed",
            "The captcha was not solved, or it is too old. Please try again.",
        ));
    }
    let elsewhere =
        !config.hostname.is_empty() && answer.hostname.as_deref() != Some(config.hostname.as_str());
    if elsewhere || (config.lowest_score > 0.0 && answer.score.unwrap_or(0.0) < config.lowest_score) {
        return Ok(refusal(
            "captcha-failed",
            "The captcha was not solved, or it is too old. Please try again.",
        ));
    }
    Ok(Verdict::accept())
}

fn refusal(code: &str, message: &str) -> Verdict {
    Verdict::Reject(Denial::new(code, message).on("transient_payload.captcha_token"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(change: impl Fn(&mut Config)) -> Config {
        let mut config = Config {
            provider: Provider::Recaptcha,
            address: String::new(),
            hostname: String::new(),
            lowest_score: 0.0,
            send_ip: false,
        };
        change(&mut config);
        config
    }

    fn code(config: &Config, answer: &str) -> String {
        match judge(config, &serde_json::from_str(answer).unwrap()) {
            Ok(Verdict::Reject(denial)) => denial.code,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_solved_captcha_comes_in() {
        let solved = r#"{"success": true, "hostname": "app.example.com", "score": 0.9}"#;
        let strict = config(|config| {
            config.hostname = "app.example.com".into();
            config.lowest_score = 0.5;
        });
        for config in [config(|_| ()), strict] {
            assert_eq!(judge(&config, &serde_json::from_str(solved).unwrap()), Ok(Verdict::accept()));
        }
    }

    #[test]
    fn what_is_not_solved_here_and_well_is_refused() {
        let elsewhere = config(|config| config.hostname = "app.example.com".into());
        let strict = config(|config| config.lowest_score = 0.5);
        assert_eq!(
            code(&config(|_| ()), r#"{"success": false, "error-codes": ["timeout-or-duplicate"]}"#),
            "captcha-failed"
        );
        assert_eq!(code(&elsewhere, r#"{"success": true, "hostname": "evil.example"}"#), "captcha-failed");
        assert_eq!(code(&elsewhere, r#"{"success": true}"#), "captcha-failed");
        assert_eq!(code(&strict, r#"{"success": true, "score": 0.4}"#), "captcha-failed");
        assert_eq!(code(&strict, r#"{"success": true}"#), "captcha-failed");
    }

    #[test]
    fn a_wrong_secret_is_not_the_persons_fault() {
        let answer =
            serde_json::from_str(r#"{"success": false, "error-codes": ["invalid-input-secret"]}"#).unwrap();
        assert!(matches!(judge(&config(|_| ()), &answer), Err(PluginError::Config(_))));
    }

    #[test]
    fn a_service_of_ones_own_is_asked_instead() {
        let own = config(|config| config.address = "https://captcha.example.com/siteverify".into());
        assert!(Captcha::check(&own).is_ok());
        assert_eq!(address(&own), "https://captcha.example.com/siteverify");
        assert_eq!(address(&config(|_| ())), "https://www.google.com/recaptcha/api/siteverify");
        assert!(Captcha::check(&config(|config| config.address = "captcha.example.com".into())).is_err());
    }

    #[test]
    fn scores_are_of_recaptcha_alone() {
        assert!(Captcha::check(&config(|config| config.lowest_score = 1.5)).is_err());
        assert!(
            Captcha::check(&config(|config| {
                config.lowest_score = 0.5;
                config.provider = Provider::Hcaptcha;
            }))
            .is_err()
        );
    }
}
