//! Whom people may sign in with. Known providers are filled in from `providers.toml`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use serde::Deserialize;
use serde_json::{Map, Value};
use url::{Host, Url};

use super::settings::origins;
use crate::crypto::check_client_key;
use crate::domain::{
    ClaimAction, ClaimMap, ClientAuth, ClientKey, FLOW_PARAMETERS, IdTokenAlgorithm, ORGANIZATION_PREFIX,
    Provider, Secret,
};

const TEMPLATES: &str = include_str!("providers.toml");
/// Paths beside those of providers.
const PATHS: [&str; 4] = ["providers", "connected", "token", "discovery"];

/// Signing in with others; `providers` is TOML only. A provider's id and secret may also be in the environment, as
/// `PALISADE_OAUTH_<NAME>_CLIENT_ID` and `PALISADE_OAUTH_<NAME>_CLIENT_SECRET`; for a known one nothing else is needed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OAuth {
    /// The product's page that people come back to, and that trades the one-time code. Needed with any provider.
    pub frontend_callback_url: Option<Url>,
    /// Origins that `return_to` may lead to, beside that page's own. Default none.
    #[serde(deserialize_with = "origins")]
    pub return_origins: Vec<String>,
    /// Hands tokens to that page in the fragment of its address, as the old system did. They end up in the browser's
    /// history, so leave it. Default `false`.
    pub tokens_in_fragment: bool,
    /// Lets providers that organizations register be at addresses that are not public. Whoever may register one then
    /// has us ask your own network, so only where all of them are yours. Default `false`.
    pub organizations_reach_private_addresses: bool,
    /// Which DNS server is asked whether a domain is an organization's, as `address:port`. Default: those of the system.
    pub dns_server: Option<SocketAddr>,
    /// Each as `Provider` has it, with `template`, `base_url`, `tenant`, `client_secret_file`, and `client_key_file`,
    /// `client_key_id` and `client_key_issuer` besides.
    providers: Vec<Map<String, Value>>,
    /// By name; from the environment.
    credentials: BTreeMap<String, Credentials>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Credentials {
    client_id: Option<String>,
    #[serde(deserialize_with = "secret")]
    client_secret: Option<Secret>,
}

impl OAuth {
    /// The providers, whole. Reads the files that secrets are in.
    ///
    /// # Errors
    /// A sentence that names the provider and the rule.
    pub fn providers(&self) -> Result<Vec<Provider>, String> {
        let templates: Map<String, Value> =
            toml::from_str(TEMPLATES).map_err(|error| format!("the templates cannot be read: {error}"))?;
        let named: BTreeSet<&str> = self.providers.iter().filter_map(|it| it.get("name")?.as_str()).collect();
        let alone = self.credentials.keys().filter(|name| {
            // In the environment a name has `_` where it may have `-`.
            !named.iter().any(|it| it.replace('-', "_") == **name)
        });
        let alone = alone.map(|name| Map::from_iter([("name".to_owned(), Value::from(name.as_str()))]));
        let mut found: Vec<Provider> = Vec::new();
        for written in self.providers.iter().cloned().chain(alone) {
            let name = written.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
            let provider = self.provider(&templates, &name, written);
            let provider = provider.map_err(|rule| format!("`oauth.providers`: `{name}` {rule}"))?;
            if found.iter().any(|it| it.name == provider.name) {
                return Err(format!("`oauth.providers`: `{name}` is there twice"));
            }
            found.push(provider);
        }
        if !found.is_empty() && self.frontend_callback_url.is_none() {
            let page = "the page of your product that people come back to";
            return Err(format!("`oauth.frontend_callback_url` is missing: {page}"));
        }
        Ok(found)
    }

    fn provider(
        &self,
        templates: &Map<String, Value>,
        name: &str,
        mut written: Map<String, Value>,
    ) -> Result<Provider, String> {
        if written.contains_key("client_secret") {
            return Err(format!(
                "has its secret in the file of the settings: use `client_secret_file`, or {}",
                variable(name, "CLIENT_SECRET")
            ));
        }
        let secret_file = text(&mut written, "client_secret_file");
        let key = ["client_key_file", "client_key_id", "client_key_issuer"].map(|it| text(&mut written, it));
        let template = text(&mut written, "template");
        let by_plugin = written.contains_key("plugin");
        if by_plugin && template.is_some() {
            return Err("has a `plugin` and a `template`, which both say where it is".to_owned());
        }
        let base = match templates.get(template.as_deref().unwrap_or(name)) {
            Some(_) if by_plugin => Map::new(),
            Some(Value::Object(known)) => known.clone(),
            _ if template.is_some() => return Err("names a template that there is not".to_owned()),
            _ => Map::new(),
        };
        let mut whole = over(base, written);
        let given = self.credentials.get(&name.replace('-', "_"));
        if let Some(id) = given.and_then(|it| it.client_id.as_deref()) {
            whole.insert("client_id".to_owned(), Value::from(id));
        }
        let places = [
            ("{base}", text(&mut whole, "base_url").map(|it| it.trim_end_matches('/').to_owned())),
            ("{tenant}", text(&mut whole, "tenant")),
            // One that is missing is told below, with where it may be set.
            (
                "{client_id}",
                Some(whole.get("client_id").and_then(Value::as_str).unwrap_or_default().to_owned()),
            ),
        ];
        for value in whole.values_mut() {
            fill(value, &places)?;
        }
        if by_plugin {
            // The word of a plugin on addresses is taken where the operator says so, and not by default.
            let claims = whole.entry("claims").or_insert_with(|| Value::Object(Map::new()));
            if let Some(claims) = claims.as_object_mut() {
                claims.entry("email_verified").or_insert_with(|| Value::from(""));
            }
        }
        let mut provider: Provider =
            serde_json::from_value(Value::Object(whole)).map_err(|error| format!("is not right: {error}"))?;
        provider.client_secret = match (given.and_then(|it| it.client_secret.clone()), secret_file) {
            (Some(secret), _) => Some(secret),
            (None, Some(path)) => {
                let read = std::fs::read_to_string(&path);
                let read =
                    read.map_err(|error| format!("has no secret: `{path}` cannot be read: {error}"))?;
                Some(Secret::new(read.trim().to_owned()))
            }
            (None, None) => None,
        };
        provider.client_key = client_key(key)?;
        if provider.id_token_algorithms.is_empty() {
            provider.id_token_algorithms = IdTokenAlgorithm::USUAL.to_vec();
        }
        if provider.revocation == crate::domain::Revocation::Github && provider.revoke_url.is_none() {
            let url = format!("https://api.github.com/applications/{}/token", provider.client_id);
            provider.revoke_url = url.parse().ok();
        }
        check(&provider, name)?;
        Ok(provider)
    }
}

fn client_key(written: [Option<String>; 3]) -> Result<Option<ClientKey>, String> {
    match written {
        [None, None, None] => Ok(None),
        [Some(path), Some(id), Some(issuer)] => {
            let wrong = |what: &dyn std::fmt::Display| format!("has no key: `{path}`: {what}");
            let pem = std::fs::read_to_string(&path).map(Secret::new).map_err(|error| wrong(&error))?;
            let key = ClientKey { id, issuer, pem };
            check_client_key(&key).map_err(|error| wrong(&error))?;
            Ok(Some(key))
        }
        _ => Err("needs `client_key_file`, `client_key_id` and `client_key_issuer` together".to_owned()),
    }
}

fn check(it: &Provider, name: &str) -> Result<(), String> {
    if PATHS.contains(&name) {
        return Err("is called as one of our own paths is".to_owned());
    }
    if name.starts_with(ORGANIZATION_PREFIX) {
        return Err(format!("is called as the providers of organizations are, `{ORGANIZATION_PREFIX}…`"));
    }
    if it.client_id.is_empty() {
        return Err(format!("has no `client_id`: set it, or {}", variable(name, "CLIENT_ID")));
    }
    if it.plugin.is_some() {
        check_plugged(it)?;
    } else {
        check_plain(it, name)?;
    }
    if let Some(name) = it.parameters.keys().find(|name| FLOW_PARAMETERS.contains(&name.as_str())) {
        return Err(format!("must not set the parameter `{name}`"));
    }
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    if it.domains.iter().any(|it| !it.contains('.') || !it.chars().all(plain)) {
        return Err("has `domains` that are not plain ones such as \"acme.example\"".to_owned());
    }
    let claims = &it.claims;
    if [&claims.email, &claims.email_verified, &claims.username]
        .iter()
        .any(|it| it.action == ClaimAction::Force)
    {
        return Err("cannot `force` this claim: an account's address is its person's to change".to_owned());
    }
    check_addresses(it)
}

/// What only a plugin's provider may leave out.
fn check_plain(it: &Provider, name: &str) -> Result<(), String> {
    if !it.origins.is_empty() {
        return Err("has `origins`, which are for a `plugin`".to_owned());
    }
    let secret = it.client_secret.as_ref().is_some_and(|it| !it.expose().is_empty());
    if it.client_key.is_some() && (secret || it.client_auth == ClientAuth::None || it.issuer.is_none()) {
        return Err("has a `client_key_file`, which takes the place of a secret, at an `issuer`".to_owned());
    }
    if it.client_auth != ClientAuth::None && !secret && it.client_key.is_none() {
        return Err(format!(
            "has no secret: set `client_secret_file`, or {}; a public client says `client_auth = \"none\"`",
            variable(name, "CLIENT_SECRET")
        ));
    }
    if (it.issuer.is_none() || !it.discovery) && (it.authorize_url.is_none() || it.token_url.is_none()) {
        return Err("needs an `issuer`, or `authorize_url` and `token_url`".to_owned());
    }
    if it.issuer.is_none() && it.userinfo_url.is_none() {
        return Err("needs an `issuer`, or `userinfo_url`: nothing else tells who somebody is".to_owned());
    }
    if it.issuer.is_some() && !it.discovery && it.jwks_url.is_none() {
        return Err("needs `jwks_url` where there is no `discovery`".to_owned());
    }
    Ok(())
}

/// A plugin says who somebody is and who signs for it; the operator says where all that may be.
fn check_plugged(it: &Provider) -> Result<(), String> {
    let said = it.issuer.is_some() || it.discovery_url.is_some() || it.jwks_url.is_some();
    if said || it.emails_url.is_some() || it.claims.subject != ClaimMap::default().subject {
        return Err("leaves its issuer, its keys and its subjects to its `plugin`".to_owned());
    }
    if it.origins.is_empty() && (it.authorize_url.is_none() || it.token_url.is_none()) {
        return Err("needs `origins`: where its plugin may send people and our secret".to_owned());
    }
    let bare = |url: &Url| url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if it.origins.iter().any(|url| !bare(url) || !url.username().is_empty()) {
        return Err("has `origins` that are none, such as \"https://id.example.com\"".to_owned());
    }
    Ok(())
}

fn check_addresses(it: &Provider) -> Result<(), String> {
    let issuer = it.issuer.as_ref().map(|text| text.replace("{tenantid}", "tenant").parse::<Url>());
    let issuer = issuer.transpose().map_err(|_| "has an `issuer` that is no address".to_owned())?;
    let urls = [
        issuer.as_ref(),
        it.discovery_url.as_ref(),
        it.authorize_url.as_ref(),
        it.token_url.as_ref(),
        it.jwks_url.as_ref(),
        it.userinfo_url.as_ref(),
        it.emails_url.as_ref(),
        it.revoke_url.as_ref(),
    ];
    let plain = |url: &&Url| url.scheme() != "https" && !(it.allow_private_addresses && here(url));
    match urls.into_iter().flatten().chain(&it.origins).find(plain) {
        Some(_) => Err("has an address without https".to_owned()),
        None => Ok(()),
    }
}

/// This machine, by plain http.
pub(super) fn here(url: &Url) -> bool {
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    };
    url.scheme() == "http" && loopback
}

fn variable(name: &str, what: &str) -> String {
    format!("`PALISADE_OAUTH_{}_{what}`", name.replace('-', "_").to_uppercase())
}

fn text(of: &mut Map<String, Value>, key: &str) -> Option<String> {
    of.shift_remove(key).and_then(|value| value.as_str().map(str::to_owned))
}

/// `upper` where it says something, else `lower`; tables are laid over each other.
fn over(mut lower: Map<String, Value>, upper: Map<String, Value>) -> Map<String, Value> {
    for (key, value) in upper {
        let merged = match (lower.shift_remove(&key), value) {
            (Some(Value::Object(below)), Value::Object(above)) if key == "claims" => {
                Value::Object(over_shallow(below, above))
            }
            (_, value) => value,
        };
        lower.insert(key, merged);
    }
    lower
}

fn over_shallow(mut lower: Map<String, Value>, upper: Map<String, Value>) -> Map<String, Value> {
    lower.extend(upper);
    lower
}

fn fill(value: &mut Value, places: &[(&str, Option<String>)]) -> Result<(), String> {
    match value {
        Value::String(text) => {
            for (place, with) in places {
                match with {
                    Some(with) => *text = text.replace(place, with),
                    None if text.contains(place) => {
                        let key =
                            if *place == "{base}" { "base_url" } else { place.trim_matches(['{', '}']) };
                        return Err(format!("needs `{key}`"));
                    }
                    None => {}
                }
            }
            Ok(())
        }
        Value::Object(table) => table.values_mut().try_for_each(|value| fill(value, places)),
        _ => Ok(()),
    }
}

fn secret<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(Secret::new))
}

#[cfg(test)]
mod tests;
