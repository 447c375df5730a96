//! Whose access tokens are taken besides our own.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::domain::{
    IdTokenAlgorithm, Micros, Provider, ProviderName, Secret, Signed, Subjects, TrustedIssuer,
};

/// A shorter secret can be guessed from one token.
const SHORTEST_SECRET: usize = 32;

/// As it is written in the file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    name: String,
    #[serde(default)]
    issuer: Option<String>,
    #[serde(default)]
    audiences: Vec<String>,
    /// Left out: found by the issuer's metadata.
    #[serde(default)]
    jwks_url: Option<Url>,
    #[serde(default)]
    algorithms: Vec<IdTokenAlgorithm>,
    /// Of a secret that the issuer signs with, instead of keys.
    #[serde(default)]
    secret_file: Option<String>,
    #[serde(default)]
    claims: BTreeMap<String, Value>,
    #[serde(default)]
    subjects: Subjects,
    #[serde(default)]
    scopes: Vec<String>,
    #[serde(default)]
    until: Option<String>,
    #[serde(default)]
    allow_private_addresses: bool,
}

/// The issuers, whole. Reads the files that secrets are in.
///
/// # Errors
/// A sentence that names the issuer and the rule.
pub(super) fn whole(written: &[Written]) -> Result<Vec<TrustedIssuer>, String> {
    let mut found: Vec<TrustedIssuer> = Vec::new();
    for it in written {
        let one = read(it).map_err(|rule| format!("`trusted_issuers`: `{}` {rule}", it.name))?;
        if found.iter().any(|other| other.name == one.name) {
            return Err(format!("`trusted_issuers`: `{}` is there twice", it.name));
        }
        found.push(one);
    }
    Ok(found)
}

fn read(it: &Written) -> Result<TrustedIssuer, String> {
    let name = ProviderName::parse(&it.name);
    let name = name.ok_or("must be called by lower-case letters, digits and `-`, at most 40")?;
    let until = it.until.as_deref().map(instant).transpose()?;
    if it.scopes.is_empty() {
        return Err(
            "needs `scopes`: what its tokens carry, such as [\"self:*\", \"org:*\", \"project:*\"]".into()
        );
    }
    let signed = match &it.secret_file {
        Some(path) => {
            if until.is_none() {
                return Err("signs with a shared secret, so it needs an end: set `until`".into());
            }
            // One secret signs every kind of token, such as those of letters.
            if it.audiences.is_empty() && it.claims.is_empty() {
                return Err("needs `audiences`, or `claims` such as { type = \"access\" }".into());
            }
            if it.jwks_url.is_some() || !it.algorithms.is_empty() {
                return Err("signs with a shared secret: `jwks_url` and `algorithms` are for keys".into());
            }
            Signed::Shared(secret(path)?)
        }
        None => keys(it)?,
    };
    Ok(TrustedIssuer {
        name,
        issuer: it.issuer.clone(),
        audiences: it.audiences.clone(),
        claims: it.claims.clone(),
        signed,
        subjects: it.subjects,
        scopes: it.scopes.clone(),
        until,
    })
}

fn keys(it: &Written) -> Result<Signed, String> {
    let issuer = it.issuer.as_ref().ok_or("needs an `issuer`")?;
    if it.audiences.is_empty() {
        return Err("needs `audiences`: or a token that it made for somebody else would be taken".into());
    }
    let address = issuer.parse::<Url>().map_err(|_| "has an `issuer` that is no address")?;
    let plain =
        |url: &Url| url.scheme() != "https" && !(it.allow_private_addresses && super::oauth::here(url));
    if plain(&address) || it.jwks_url.as_ref().is_some_and(plain) {
        return Err("has an address without https".into());
    }
    let at = json!({
        "name": it.name,
        "issuer": issuer,
        "jwks_url": it.jwks_url,
        "allow_private_addresses": it.allow_private_addresses,
    });
    let at: Provider = serde_json::from_value(at).map_err(|error| format!("is not right: {error}"))?;
    let algorithms = if it.algorithms.is_empty() {
        use IdTokenAlgorithm::{ES256, EdDSA, PS256, RS256};
        vec![RS256, ES256, PS256, EdDSA]
    } else {
        it.algorithms.clone()
    };
    Ok(Signed::Keys { at: Box::new(at), algorithms })
}

fn secret(path: &str) -> Result<Secret, String> {
    let read = std::fs::read_to_string(path);
    let text = read.map_err(|error| format!("has no secret: `{path}` cannot be read: {error}"))?;
    let text = text.trim();
    if text.len() < SHORTEST_SECRET {
        return Err(format!(
            "has a secret of less than {SHORTEST_SECRET} bytes: it can be guessed from one token"
        ));
    }
    Ok(Secret::new(text.to_owned()))
}

fn instant(text: &str) -> Result<Micros, String> {
    let format = &time::format_description::well_known::Rfc3339;
    let at = time::OffsetDateTime::parse(text, format);
    let at = at.map_err(|_| "has an `until` that is no instant such as \"2027-03-31T00:00:00Z\"")?;
    let micros =
        i64::try_from(at.unix_timestamp_nanos() / 1_000).map_err(|_| "has an `until` out of range")?;
    Ok(Micros::new(micros))
}

#[cfg(test)]
mod tests {
    use super::super::Config;

    fn refused(toml: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("palisade.toml");
        let secret = folder.path().join("secret");
        std::fs::write(&secret, "hush-hush-hush-hush-hush-hush-hush-hush").unwrap();
        let short = folder.path().join("short");
        std::fs::write(&short, "hush").unwrap();
        let place = |path: &std::path::Path| path.display().to_string();
        let toml = toml.replace("{secret}", &place(&secret)).replace("{short}", &place(&short));
        std::fs::write(&file, format!("[[trusted_issuers]]\n{toml}")).unwrap();
        let config = Config::load(Some(&file), []).unwrap();
        config.trusted_issuers().map(|all| format!("taken: {all:?}")).unwrap_or_else(|rule| rule)
    }

    #[test]
    fn an_issuer_is_taken_only_whole() {
        let keys = "name = \"auth\"\nissuer = \"https://auth.example.com\"\n";
        let old = "name = \"old\"\nscopes = [\"self:*\"]\n";
        for (toml, rule) in [
            (format!("{keys}audiences = [\"us\"]"), "needs `scopes`"),
            (format!("{keys}scopes = [\"self:*\"]"), "needs `audiences`"),
            ("name = \"auth\"\nscopes = [\"self:*\"]".to_owned(), "needs an `issuer`"),
            (
                "name = \"auth\"\nissuer = \"http://auth.example.com\"\naudiences = [\"us\"]\nscopes = [\"self:*\"]"
                    .to_owned(),
                "https",
            ),
            (format!("{keys}audiences = [\"us\"]\nscopes = [\"self:*\"]\nuntil = \"soon\""), "no instant"),
            (format!("{old}secret_file = \"{{secret}}\"\nclaims = {{ type = \"access\" }}"), "`until`"),
            (format!("{old}secret_file = \"{{secret}}\"\nuntil = \"2027-03-31T00:00:00Z\""), "or `claims`"),
            (
                format!(
                    "{old}secret_file = \"{{short}}\"\nuntil = \"2027-03-31T00:00:00Z\"\nclaims = {{ type = \"access\" }}"
                ),
                "guessed",
            ),
            (
                format!(
                    "{old}secret_file = \"{{secret}}\"\nuntil = \"2027-03-31T00:00:00Z\"\nclaims = {{ type = \"access\" }}"
                ),
                "taken",
            ),
            (format!("{keys}audiences = [\"us\"]\nscopes = [\"self:*\"]"), "taken"),
        ] {
            let told = refused(&toml);
            assert!(told.contains(rule) && !told.contains("hush"), "{toml}: {told}");
        }
    }
}
