use crate::config::Config;
use crate::crypto::fresh_client_key;
use crate::domain::{ClientAuth, Provider, ResponseMode};

const PAGE: &str = "[oauth]\nfrontend_callback_url = \"https://app.example.com/callback\"\n";

fn read(toml: &str, environment: &[(&str, &str)]) -> Result<Vec<Provider>, String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{PAGE}{toml}")).unwrap();
    let environment = environment.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
    Config::load(Some(file.path()), environment).map_err(|error| error.to_string())?.oauth.providers()
}

fn pair<'p>(id: &'p str, secret: &'p str) -> [(&'p str, &'p str); 2] {
    [(id, "us"), (secret, "hush")]
}

#[test]
fn a_known_provider_needs_an_id_and_a_secret_and_nothing_else() {
    for name in ["GITHUB", "GOOGLE", "GITLAB", "MICROSOFT"] {
        let (id, secret) =
            (format!("PALISADE_OAUTH_{name}_CLIENT_ID"), format!("PALISADE_OAUTH_{name}_CLIENT_SECRET"));
        let found = read("", &pair(&id, &secret)).unwrap();
        assert_eq!(found[0].name.as_str(), name.to_lowercase());
        assert_eq!(
            (found[0].client_id.as_str(), found[0].client_secret.as_ref().unwrap().expose()),
            ("us", "hush")
        );
    }
}

#[test]
fn every_template_is_whole() {
    let templates: toml::Table = toml::from_str(super::TEMPLATES).unwrap();
    assert!(templates.len() >= 20, "{}", templates.len());
    for name in templates.keys() {
        let (id, secret) = (
            format!("PALISADE_OAUTH_{}_CLIENT_ID", name.to_uppercase()),
            format!("PALISADE_OAUTH_{}_CLIENT_SECRET", name.to_uppercase()),
        );
        let base = format!("[[oauth.providers]]\nname = \"{name}\"\nbase_url = \"https://id.example.com\"\n");
        let found = read(&base, &pair(&id, &secret)).unwrap();
        assert!(found[0].label.is_some(), "{name} has no label");
    }
}

#[test]
fn what_the_operator_says_is_laid_over_the_template() {
    let toml = r#"
        [[oauth.providers]]
        name = "work-git"
        template = "gitlab"
        base_url = "https://git.example.com/"
        client_id = "us"
        client_auth = "none"
        scopes = ["openid"]
        claims = { name = { from = "nickname", action = "force" } }
    "#;
    let found = read(toml, &[]).unwrap();
    let it = &found[0];
    assert_eq!((it.issuer.as_deref(), it.client_auth), (Some("https://git.example.com"), ClientAuth::None));
    assert_eq!(
        (it.scopes.len(), it.claims.name.from.as_str(), it.claims.username.from.as_str()),
        (1, "nickname", "nickname")
    );
    let microsoft = "[[oauth.providers]]\nname = \"microsoft\"\nclient_id = \"us\"\nclient_auth = \"none\"\n";
    let found = read(microsoft, &[]).unwrap();
    assert_eq!(found[0].issuer.as_deref(), Some("https://login.microsoftonline.com/{tenantid}/v2.0"));
    assert!(found[0].discovery_url.as_ref().unwrap().as_str().contains("/common/v2.0/"));
    assert!(found[0].claims.email_verified.from.is_empty());
}

#[test]
fn a_provider_that_cannot_be_right_is_refused_with_its_name_and_without_its_secret() {
    let oidc = "[[oauth.providers]]\nname = \"idp\"\nclient_id = \"us\"\nclient_auth = \"none\"\n";
    for (toml, rule) in [
        ("[[oauth.providers]]\nname = \"Not Right\"\n", "lower-case"),
        (
            "[[oauth.providers]]\nname = \"github\"\nclient_id = \"us\"\nclient_secret = \"hush-hush\"\n",
            "client_secret_file",
        ),
        ("[[oauth.providers]]\nname = \"github\"\nclient_id = \"us\"\n", "has no secret"),
        ("[[oauth.providers]]\nname = \"github\"\n", "has no `client_id`"),
        ("[[oauth.providers]]\nname = \"idp\"\ntemplate = \"nope\"\n", "template"),
        ("[[oauth.providers]]\nname = \"keycloak\"\n", "needs `base_url`"),
        (&format!("{oidc}issuer = \"http://idp.example.com\"\n"), "https"),
        (&format!("{oidc}issuer = \"http://10.0.0.1\"\nallow_private_addresses = true\n"), "https"),
        (
            &format!("{oidc}issuer = \"https://idp.example.com\"\nparameters = {{ state = \"x\" }}\n"),
            "`state`",
        ),
        (
            &format!(
                "{oidc}issuer = \"https://idp.example.com\"\nclaims = {{ email = {{ from = \"email\", action = \"force\" }} }}\n"
            ),
            "force",
        ),
        (
            &format!("{oidc}issuer = \"https://idp.example.com\"\nid_token_algorithms = [\"HS256\"]\n"),
            "is not right",
        ),
        (&format!("{oidc}issuer = \"https://idp.example.com\"\nsecret = \"hush-hush\"\n"), "is not right"),
        (
            &format!("{oidc}issuer = \"https://idp.example.com\"\ndomains = [\"@Acme.example\"]\n"),
            "`domains`",
        ),
        (oidc, "needs an `issuer`"),
        (
            &format!(
                "{oidc}issuer = \"https://idp.example.com\"\n{oidc}issuer = \"https://idp.example.com\"\n"
            ),
            "twice",
        ),
    ] {
        let told = read(toml, &[]).unwrap_err();
        assert!(told.contains(rule) && !told.contains("hush"), "{toml}: {told}");
    }
}

#[test]
fn without_a_page_to_come_back_to_there_are_no_providers() {
    let environment = pair("PALISADE_OAUTH_GITHUB_CLIENT_ID", "PALISADE_OAUTH_GITHUB_CLIENT_SECRET");
    let config = Config::without_file(environment.map(|(name, text)| (name, text.to_owned()))).unwrap();
    assert!(config.oauth.providers().unwrap_err().contains("frontend_callback_url"));
    assert!(Config::without_file([]).unwrap().oauth.providers().unwrap().is_empty());
    let shown = format!("{config:?}");
    assert!(!shown.contains("hush"), "{shown}");
}

#[test]
fn a_key_that_signs_secrets_is_whole_and_takes_a_secrets_place() {
    let key = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(key.path(), "hush").unwrap();
    let apple = |more: &str| format!("[[oauth.providers]]\nname = \"apple\"\nclient_id = \"us\"\n{more}");
    let file = format!("client_key_file = \"{}\"\n", key.path().display());
    let whole = format!("{file}client_key_id = \"K\"\nclient_key_issuer = \"T\"\n");
    for (toml, rule) in [
        (apple(""), "has no secret"),
        (apple(&file), "together"),
        (apple("client_key_id = \"K\"\n"), "together"),
        (apple(&whole.replace(".tmp", ".nowhere")), "has no key"),
        (apple(&whole), "no private key on P-256"),
    ] {
        let refused = read(&toml, &[]).unwrap_err();
        assert!(refused.contains(rule) && !refused.contains("hush"), "{refused}");
    }
    std::fs::write(key.path(), fresh_client_key().0.pem.expose()).unwrap();
    let found = read(&apple(&whole), &[]).unwrap();
    assert_eq!(found[0].client_key.as_ref().map(|it| it.issuer.as_str()), Some("T"));
    assert_eq!(found[0].response_mode, ResponseMode::FormPost);
    for (toml, environment) in [
        (apple(&whole), &[("PALISADE_OAUTH_APPLE_CLIENT_SECRET", "hush")][..]),
        (apple(&format!("{whole}client_auth = \"none\"\n")), &[]),
    ] {
        assert!(read(&toml, environment).unwrap_err().contains("takes the place of a secret"));
    }
}
