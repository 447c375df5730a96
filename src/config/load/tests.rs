use std::io::Write as _;

use std::net::SocketAddr;

use super::*;
use crate::config::{LogFormat, Mode, OnFailure};

fn load(toml: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(toml.as_bytes()).expect("it is written");
    Config::load(Some(file.path()), environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))
}

fn wrong(toml: &str, environment: &[(&str, &str)]) -> ConfigError {
    load(toml, environment).expect_err("it should be refused")
}

#[test]
fn without_a_word_it_is_development_on_loopback_with_the_example_plugin() {
    let config = load("", &[]).expect("the defaults are right");
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.mode, Mode::Development);
    assert_eq!(config.database_url().expose(), "sqlite://data/palisade.db");
    assert_eq!(config.public_url(None).as_str(), "http://127.0.0.1:8080/");
    let plugins = config.plugins();
    assert_eq!(
        (plugins.len(), plugins[0].name.as_str(), plugins[0].on_failure),
        (1, "waitlist", Some(OnFailure::Waitlist))
    );
    assert_eq!(config.refuse_unsafe(), []);
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
    let toml = "listen = '0.0.0.0:1'\nlog = 'debug'\n[hashing]\nqueue = 7\niterations = 3\n";
    let environment = [
        ("PALISADE_LISTEN", "127.0.0.1:0"),
        ("PALISADE_HASHING_QUEUE", "9"),
        ("PALISADE_CORS_ORIGINS", "https://a.example, https://b.example:8443"),
        ("PALISADE_REVEAL_ACCOUNTS", "true"),
        ("PALISADE_LOG_FORMAT", "json"),
        ("PALISADE_MASTER_KEY", "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI="),
        ("PALISADE_TEST_POSTGRES_URL", "ignored"),
        ("HOME", "ignored"),
    ];
    let config = load(toml, &environment).expect("all are right");
    assert_eq!((config.listen.port(), config.log.as_str(), config.log_format), (0, "debug", LogFormat::Json));
    assert_eq!((config.hashing.queue, config.hashing.iterations, config.hashing.memory_kib), (9, 3, 19_456));
    assert_eq!(config.cors_origins, ["https://a.example", "https://b.example:8443"]);
    assert!(config.reveal_accounts && config.master_key.is_some());
}

#[test]
fn plugins_are_bound_in_the_file() {
    let toml =
        "[[plugins]]\nname = 'waitlist'\non_failure = 'open'\ndeadline_ms = 20\nconfig = { mode = 'open' }\n";
    let plugins = load(toml, &[]).expect("it is right").plugins();
    assert_eq!((plugins[0].on_failure, plugins[0].deadline_ms), (Some(OnFailure::Open), 20));
    assert_eq!(plugins[0].config, serde_json::json!({ "mode": "open" }));
    assert_eq!(load("plugins = []", &[]).expect("it is right").plugins(), []);
}

#[test]
fn an_unknown_key_is_refused_by_name() {
    let error = wrong("listn = '127.0.0.1:1'", &[]);
    assert_eq!((error.setting.as_str(), error.rule.as_str()), ("listn", "there is no such setting"));
    assert!(error.source_name.starts_with('`'), "{error}");
    assert_eq!(wrong("[hashing]\nmemory = 1", &[]).setting, "hashing.memory");
    assert_eq!(wrong("", &[("PALISADE_LISTN", "x")]).to_string(), {
        "`PALISADE_LISTN` from the environment: there is no such setting"
    });
}

#[test]
fn a_wrong_value_names_setting_source_and_rule_and_is_not_shown() {
    let secret = "hunter2";
    for (name, rule) in [
        ("PALISADE_LISTEN", "socket address"),
        ("PALISADE_PUBLIC_URL", "must be an http or https URL"),
        ("PALISADE_DATABASE_URL", "must begin with `sqlite:` or `postgres://`"),
        ("PALISADE_MAIL", "must be `folder`"),
        ("PALISADE_MODE", "must be one of: development, production"),
        ("PALISADE_MASTER_KEY", "32 bytes in base64"),
        ("PALISADE_CORS_ORIGINS", "exact origin"),
        ("PALISADE_REVEAL_ACCOUNTS", "`true` or `false`"),
        ("PALISADE_HASHING_QUEUE", "whole number"),
    ] {
        let error = wrong("", &[(name, secret)]);
        assert_eq!((error.setting.as_str(), error.source_name.as_str()), (name, "the environment"));
        assert!(error.rule.contains(rule), "{error}");
        assert!(!error.to_string().contains(secret), "{error}");
    }
    assert_eq!(wrong("[hashing]\nqueue = 0", &[]).rule, "must be 1 to 10000");
    for toml in ["master_key = 123456", "master_key = hunter2", "[[plugins]]\nname = 7"] {
        let text = wrong(toml, &[]).to_string();
        assert!(!text.contains("123456") && !text.contains(secret), "{text}");
    }
    for origin in ["*", "https://*.example.com", "https://a.example/", "null"] {
        assert_eq!(
            wrong("", &[("PALISADE_CORS_ORIGINS", origin)]).setting,
            "PALISADE_CORS_ORIGINS",
            "{origin}"
        );
    }
}

#[test]
fn a_named_file_must_exist() {
    let missing = Path::new("no-such-folder/palisade.toml");
    let error = Config::load(Some(missing), []).expect_err("it is not there");
    assert!(error.rule.starts_with("the file cannot be read"), "{error}");
    let named = [("PALISADE_CONFIG".to_owned(), "no-such-folder/other.toml".to_owned())];
    assert!(Config::load(None, named).expect_err("it is not there").source_name.contains("other.toml"));
}

const PRODUCTION: &[(&str, &str)] = &[
    ("PALISADE_MODE", "production"),
    ("PALISADE_PUBLIC_URL", "https://id.acme.example"),
    ("PALISADE_MASTER_KEY", "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI="),
    ("PALISADE_MAIL", "smtps://u:p@mail.acme.example:465"),
    ("PALISADE_MAIL_FROM", "Acme <no-reply@acme.example>"),
    ("PALISADE_DATA_DIR", "/var/lib/palisade"),
];

#[test]
fn production_starts_when_everything_is_safe() {
    assert_eq!(load("", PRODUCTION).expect("it is right").refuse_unsafe(), []);
    assert_eq!(load("", PRODUCTION).expect("it is right").plugins(), []);
}

#[test]
fn production_refuses_each_unsafe_setting_by_name() {
    for (name, value, setting) in [
        ("PALISADE_PUBLIC_URL", "http://id.acme.example", "public_url"),
        ("PALISADE_MAIL", "folder", "mail"),
        ("PALISADE_MAIL", "smtp://u:p@mail.acme.example:587", "mail"),
        ("PALISADE_MAIL_FROM", "no-reply@localhost", "mail_from"),
        ("PALISADE_DATABASE_URL", "sqlite::memory:", "database_url"),
        ("PALISADE_DATABASE_URL", "sqlite:///tmp/p.db", "database_url"),
        ("PALISADE_DATABASE_URL", "postgres://u:p@db.acme.example/p", "database_url"),
        ("PALISADE_DATABASE_URL", "postgres://u:p@10.0.0.7/p?sslmode=prefer", "database_url"),
        ("PALISADE_CORS_ORIGINS", "http://app.acme.example", "cors_origins"),
        ("PALISADE_HASHING_MEMORY_KIB", "1024", "hashing"),
    ] {
        let mut environment = PRODUCTION.to_vec();
        environment.push((name, value));
        let found = load("", &environment).expect("it parses").refuse_unsafe();
        assert_eq!(found.iter().map(|one| one.setting).collect::<Vec<_>>(), [setting], "{name}={value}");
    }
    let toml = "[[plugins]]\nname = 'waitlist'\nconfig = { invitation_codes = ['welcome-aboard'] }\n";
    assert_eq!(load(toml, PRODUCTION).expect("it parses").refuse_unsafe()[0].setting, "plugins");
    let bare = load("", &[("PALISADE_MODE", "production"), ("PALISADE_DATA_DIR", "/srv/palisade")])
        .expect("it parses")
        .refuse_unsafe();
    let settings: Vec<_> = bare.iter().map(|one| one.setting).collect();
    assert_eq!(settings, ["public_url", "master_key", "mail", "mail_from"]);
}

#[test]
fn a_database_on_this_machine_needs_no_tls() {
    for url in ["postgres://u@localhost/p", "postgres://u@127.0.0.1:5433/p", "postgres://u@%2Frun%2Fpg/p"] {
        let mut environment = PRODUCTION.to_vec();
        environment.push(("PALISADE_DATABASE_URL", url));
        assert_eq!(load("", &environment).expect("it parses").refuse_unsafe(), [], "{url}");
    }
}

#[test]
fn a_config_prints_without_its_secrets() {
    let mut environment = PRODUCTION.to_vec();
    environment.push(("PALISADE_DATABASE_URL", "postgres://u:hunter2@localhost/p"));
    let text = format!("{:?}", load("", &environment).expect("it parses"));
    assert!(!text.contains("hunter2") && !text.contains("u:p@") && !text.contains("1234567890"), "{text}");
}

#[test]
fn without_a_file_and_an_environment_there_are_the_defaults() {
    let config = Config::load(None, []).expect("nothing needs to be set");
    assert_eq!(config.listen, SocketAddr::from(([127, 0, 0, 1], 8080)));
}

#[test]
fn limits_are_a_count_and_a_window_or_off() {
    let config =
        load("[rate_limits]\nlogin = '3/1m'\n", &[("PALISADE_RATE_LIMITS_REQUEST", "off")]).expect("right");
    let limits = config.rate_limits;
    assert!(limits.enabled && limits.register.is_some());
    assert_eq!((limits.request, limits.login), (None, crate::domain::Quota::parse("3/1m")));
    let error = wrong("", &[("PALISADE_RATE_LIMITS_LOGIN", "often")]);
    assert_eq!(error.setting, "PALISADE_RATE_LIMITS_LOGIN");
    assert!(!error.to_string().contains("often"), "{error}");
}

#[test]
fn proxies_are_networks_or_addresses_and_never_everybody_in_production() {
    let proxies = |text| load("", &[("PALISADE_TRUSTED_PROXIES", text)]);
    let config = proxies("10.0.0.0/8, ::1").expect("both are right");
    assert_eq!(
        config.trusted_proxies.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["10.0.0.0/8", "::1/128"]
    );
    assert!(proxies("proxy.example").is_err());
    let everybody =
        load("mode = 'production'\ntrusted_proxies = ['0.0.0.0/0']", &[]).expect("it can be read");
    assert!(everybody.refuse_unsafe().iter().any(|it| it.setting == "trusted_proxies"));
    let unlimited = load("mode = 'production'\n[rate_limits]\nenabled = false", &[]).expect("it can be read");
    assert!(unlimited.refuse_unsafe().iter().any(|it| it.setting == "rate_limits"));
}
