//! Signing in with others: what the operator says of a provider, and what a provider says of a person.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, de};
use url::Url;

use super::{Email, IdentityId, Micros, ProviderHome, Secret, SessionId, UserId};

/// What a provider is called in addresses and in policies: lower-case letters, digits and `-`, at most 40.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProviderName(String);

impl ProviderName {
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let right = (1..=40).contains(&text.len()) && text.chars().all(fine) && !text.starts_with('-');
        right.then(|| Self(text.to_owned()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProviderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A provider as it is configured, its template filled in.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    #[serde(deserialize_with = "name")]
    pub name: ProviderName,
    /// For people.
    #[serde(default)]
    pub label: Option<String>,
    /// `false`: nobody signs in with it, not even who has begun to.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Whether whoever comes from it for the first time gets an account.
    #[serde(default = "yes")]
    pub sign_up: bool,
    /// Reaches addresses that are not public, and plain http on this machine. For providers of one's own network.
    #[serde(default)]
    pub allow_private_addresses: bool,
    #[serde(default)]
    pub client_id: String,
    #[serde(skip)]
    pub client_secret: Option<Secret>,
    /// Signs a secret each time one is needed, where a provider wants that, as Apple does.
    #[serde(skip)]
    pub client_key: Option<ClientKey>,
    #[serde(default)]
    pub client_auth: ClientAuth,
    /// OpenID Connect, if it has one: who signs its ID tokens, to the letter. `{tenantid}` stands for the token's `tid`.
    #[serde(default)]
    pub issuer: Option<String>,
    /// Where its metadata is; by default below the issuer (OpenID Connect Discovery 1.0 section 4).
    #[serde(default)]
    pub discovery_url: Option<Url>,
    #[serde(default)]
    pub response_mode: ResponseMode,
    /// `false`: all addresses are configured here.
    #[serde(default = "yes")]
    pub discovery: bool,
    #[serde(default)]
    pub authorize_url: Option<Url>,
    #[serde(default)]
    pub token_url: Option<Url>,
    #[serde(default)]
    pub jwks_url: Option<Url>,
    #[serde(default)]
    pub userinfo_url: Option<Url>,
    /// Sent by `POST` to the userinfo address, where a provider wants that.
    #[serde(default)]
    pub userinfo_body: Option<String>,
    #[serde(default)]
    pub userinfo_headers: BTreeMap<String, String>,
    /// A list of addresses, each with `email`, `primary` and `verified`, as GitHub has it.
    #[serde(default)]
    pub emails_url: Option<Url>,
    #[serde(default)]
    pub revoke_url: Option<Url>,
    #[serde(default)]
    pub revocation: Revocation,
    /// Where a person sees and ends what they granted.
    #[serde(default)]
    pub manage_url: Option<Url>,
    /// For signing in: as few as will do.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// What a connection may ask for besides.
    #[serde(default)]
    pub connect_scopes: Vec<String>,
    /// A refresh may ask for less than was granted (RFC 6749 section 6): whoever wants a token for less gets one for less.
    #[serde(default)]
    pub narrows_on_refresh: bool,
    /// A token can be traded there for one for less (RFC 8693). None: as its metadata say.
    #[serde(default)]
    pub narrows_by_exchange: Option<bool>,
    /// Between scopes; a space, as RFC 6749 section 3.3 has it.
    #[serde(default)]
    pub scope_separator: Option<String>,
    /// More parameters of the authorization request.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
    /// How its ID tokens may be signed; never by a shared secret.
    #[serde(default)]
    pub id_token_algorithms: Vec<IdTokenAlgorithm>,
    /// Its answer must name it (RFC 9207), whatever its metadata say.
    #[serde(default)]
    pub requires_iss: bool,
    #[serde(default)]
    pub claims: ClaimMap,
    /// Its word on an address counts only within these; empty: everywhere.
    #[serde(default)]
    pub domains: Vec<String>,
    /// The plugin that says where it is and who somebody is there. What that means stays with us.
    #[serde(default)]
    pub plugin: Option<String>,
    /// Where the addresses that its plugin names may be: people, and our secret, go nowhere else.
    #[serde(default)]
    pub origins: Vec<Url>,
    /// An organization's own: then its word counts in `domains` alone, be there any or none.
    #[serde(skip)]
    pub home: Option<ProviderHome>,
}

/// What the flow itself says in an authorization request; no configuration and no plugin says it otherwise.
pub const FLOW_PARAMETERS: [&str; 10] = [
    "client_id",
    "client_secret",
    "redirect_uri",
    "response_type",
    "response_mode",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
];

impl Provider {
    /// Whether it speaks OpenID Connect.
    #[must_use]
    pub const fn is_oidc(&self) -> bool {
        self.issuer.is_some()
    }

    /// Scopes as one parameter.
    #[must_use]
    pub fn scope_text(&self, scopes: &[String]) -> String {
        scopes.join(self.scope_separator.as_deref().unwrap_or(" "))
    }

    /// Whether its word on this address counts: a company's provider can say what it likes of other people's.
    #[must_use]
    pub fn vouches_for(&self, email: &Email) -> bool {
        let anywhere = self.domains.is_empty() && self.home.is_none();
        anywhere || self.domains.iter().any(|one| one == email.domain())
    }

    /// What its subjects are unique under, where no token says it.
    #[must_use]
    pub fn namespace(&self) -> String {
        if let Some(plugin) = &self.plugin {
            // Not an address: a plugin may name another one tomorrow.
            return format!("plugin:{plugin}");
        }
        let place = self.token_url.as_ref().map(|url| url.origin().ascii_serialization());
        place.unwrap_or_else(|| self.name.to_string())
    }
}

/// How we authenticate to the provider (RFC 6749 section 2.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientAuth {
    #[default]
    Basic,
    /// In the body.
    Post,
    /// A public client: PKCE alone.
    None,
}

impl ClientAuth {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Basic => "basic",
            Self::Post => "post",
            Self::None => "none",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        [Self::Basic, Self::Post, Self::None].into_iter().find(|it| it.name() == name)
    }
}

/// A key that signs our secret for a provider: ES256, over whose key it is and for whom the secret is.
#[derive(Debug, Clone)]
pub struct ClientKey {
    /// What the provider calls it.
    pub id: String,
    /// Whom the provider gave it to; Apple's team.
    pub issuer: String,
    /// PKCS #8, in PEM.
    pub pem: Secret,
}

/// How a provider sends people back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    #[default]
    Query,
    /// By a form that their browser posts (OAuth 2.0 Form Post Response Mode).
    FormPost,
}

/// How a token is given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Revocation {
    #[default]
    Rfc7009,
    /// `DELETE` with the token in JSON, as GitHub has it.
    Github,
}

/// The signatures that are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum IdTokenAlgorithm {
    RS256,
    RS384,
    RS512,
    PS256,
    PS384,
    PS512,
    ES256,
    ES384,
    EdDSA,
}

impl IdTokenAlgorithm {
    /// Where nobody says otherwise.
    pub const USUAL: [Self; 4] = [Self::RS256, Self::ES256, Self::PS256, Self::EdDSA];
}

/// What is done with something that a provider says of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClaimAction {
    /// Not looked at.
    Ignore,
    /// Taken when an account is made.
    #[default]
    Suggest,
    /// Taken at each sign-in.
    Force,
    /// Without it nobody signs in.
    Require,
}

/// Where something is found: a name at the top, or a JSON pointer (RFC 6901) that begins with `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    pub from: String,
    pub action: ClaimAction,
}

impl Claim {
    fn at(from: &str) -> Self {
        Self { from: from.to_owned(), action: ClaimAction::Suggest }
    }

    /// The value, unless it is ignored.
    #[must_use]
    pub fn of<'v>(&self, said: &'v serde_json::Value) -> Option<&'v serde_json::Value> {
        if self.action == ClaimAction::Ignore || self.from.is_empty() {
            return None;
        }
        if self.from.starts_with('/') { said.pointer(&self.from) } else { said.get(&self.from) }
    }

    /// The value, if it is a text that says something.
    #[must_use]
    pub fn text(&self, said: &serde_json::Value) -> Option<String> {
        self.of(said)?.as_str().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
    }
}

impl<'de> Deserialize<'de> for Claim {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            From(String),
            Whole { from: String, action: ClaimAction },
        }
        Ok(match Written::deserialize(deserializer)? {
            Written::From(from) => Self { from, action: ClaimAction::Suggest },
            Written::Whole { from, action } => Self { from, action },
        })
    }
}

/// How a provider calls things.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClaimMap {
    /// Never changes and is never given to somebody else. Always required.
    pub subject: Claim,
    pub email: Claim,
    /// Must be `true`, not a text; empty: the provider's word on addresses is not taken.
    pub email_verified: Claim,
    pub name: Claim,
    pub username: Claim,
}

impl Default for ClaimMap {
    fn default() -> Self {
        Self {
            subject: Claim::at("sub"),
            email: Claim::at("email"),
            email_verified: Claim::at("email_verified"),
            name: Claim::at("name"),
            username: Claim::at("preferred_username"),
        }
    }
}

const fn yes() -> bool {
    true
}

fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ProviderName, D::Error> {
    let text = String::deserialize(deserializer)?;
    let wrong = || de::Error::custom("must be lower-case letters, digits and `-`, at most 40");
    ProviderName::parse(&text).ok_or_else(wrong)
}

/// What somebody is known by for ever: never an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityKey {
    pub provider: ProviderName,
    pub issuer: String,
    pub subject: String,
}

/// Somebody, as a provider has just told.
#[derive(Debug, Clone)]
pub struct Told {
    pub key: IdentityKey,
    pub email: Option<Email>,
    /// The provider says, in the same place as the address, that it is theirs.
    pub email_verified: bool,
    pub name: Option<String>,
    pub username: Option<String>,
}

/// A person's account at a provider.
#[derive(Debug, Clone)]
pub struct Identity {
    pub id: IdentityId,
    pub key: IdentityKey,
    pub user: UserId,
    /// As the provider last told; nothing follows from it.
    pub email: Option<Email>,
    pub username: Option<String>,
    pub created_at: Micros,
    pub last_used_at: Micros,
    /// Tokens of the provider are kept for it.
    pub connection: Option<Connection>,
}

/// What was granted to us at a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    pub scopes: Vec<String>,
    /// When the access token ends, if the provider said so.
    pub expires_at: Option<Micros>,
}

/// What somebody went to a provider for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlowPurpose {
    SignIn,
    /// Signed in already: to connect another account.
    Connect {
        user: UserId,
        session: SessionId,
    },
}

/// Tokens of a provider.
#[derive(Debug, Clone)]
pub struct ProviderTokens {
    pub access: Secret,
    pub refresh: Option<Secret>,
    pub expires_at: Option<Micros>,
    /// None: as they were asked for (RFC 6749 section 5.1).
    pub scopes: Option<Vec<String>>,
}

/// Where a person may be sent back to: addresses of exactly these origins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnOrigins(Vec<url::Origin>);

impl ReturnOrigins {
    /// Those of `urls`, http and https only.
    #[must_use]
    pub fn of<'u>(urls: impl IntoIterator<Item = &'u Url>) -> Self {
        let web = urls.into_iter().filter(|url| matches!(url.scheme(), "http" | "https"));
        Self(web.map(Url::origin).collect())
    }

    /// `text` as an absolute address; a path is one of the first origin.
    ///
    /// What browsers would read in another way than a parser does is refused before it is parsed: backslashes, control
    /// characters, spaces, percent signs before the path ends.
    #[must_use]
    pub fn accept(&self, text: &str) -> Option<Url> {
        let odd = |c: char| c.is_control() || c.is_whitespace() || c == '\\' || !c.is_ascii();
        if text.is_empty() || text.len() > 2_000 || text.chars().any(odd) {
            return None;
        }
        let url = if text.starts_with('/') {
            let own = self.0.first()?;
            let path = text.split(['?', '#']).next()?;
            let fine = !path.starts_with("//") && !path.contains('%') && !path.contains("..");
            Url::parse(&format!("{}{text}", own.ascii_serialization())).ok().filter(|_| fine)?
        } else {
            let whole = text.starts_with("https://") || text.starts_with("http://");
            Url::parse(text).ok().filter(|_| whole)?
        };
        let bare = url.username().is_empty() && url.password().is_none() && !text.contains('@');
        (bare && self.0.contains(&url.origin())).then_some(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins() -> ReturnOrigins {
        let urls =
            ["https://app.example.com/callback", "https://other.example.com"].map(|it| it.parse().unwrap());
        ReturnOrigins::of(&urls)
    }

    #[test]
    fn a_way_back_leads_to_a_listed_origin() {
        for (text, to) in [
            ("https://app.example.com/tasks?id=1#x", "https://app.example.com/tasks?id=1#x"),
            ("https://other.example.com", "https://other.example.com/"),
            ("/tasks?next=%2Fa", "https://app.example.com/tasks?next=%2Fa"),
            ("https://app.example.com:443/", "https://app.example.com/"),
        ] {
            assert_eq!(origins().accept(text).map(String::from).as_deref(), Some(to));
        }
    }

    #[test]
    fn every_other_way_back_is_refused() {
        for text in [
            "",
            "tasks",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https:evil.example",
            "https:/evil.example",
            "https:\\\\evil.example",
            "https://app.example.com@evil.example/",
            "https://app.example.com:443@evil.example/",
            "https://evil.example/",
            "https://evil.example/?https://app.example.com",
            "https://app.example.com.evil.example/",
            "https://evilapp.example.com/",
            "https://app.example.com:444/",
            "http://app.example.com/",
            "/%2f%2fevil.example",
            "%2f%2fevil.example",
            "/%5cevil.example",
            "/a/../../evil",
            "javascript:alert(1)",
            "java\tscript:alert(1)",
            "data:text/html,x",
            "https://app.example.com\n.evil.example/",
            " https://app.example.com/",
            "https://app.example.com\u{ff0f}.evil.example/",
            "https://user@app.example.com/",
            "HTTPS://evil.example/",
        ] {
            assert_eq!(origins().accept(text), None, "{text}");
        }
    }

    #[test]
    fn a_claim_is_found_by_name_or_pointer() {
        let said = serde_json::json!({ "id": 7, "data": [{ "login": " ada " }] });
        let claim = |from: &str| Claim::at(from);
        assert_eq!(claim("id").of(&said).and_then(serde_json::Value::as_i64), Some(7));
        assert_eq!(claim("/data/0/login").text(&said).as_deref(), Some("ada"));
        assert!(claim("").of(&said).is_none() && claim("id").text(&said).is_none());
    }
}
