//! What hooks are told and what they say, in the host's words.

use super::registration::AuthMethod;

/// A person who has an account, as plugins see one.
#[derive(Debug, Clone)]
pub struct Person {
    pub id: String,
    pub email: String,
    pub email_verified: bool,
    pub full_name: Option<String>,
    pub department: Option<String>,
    /// A JSON object.
    pub attributes: String,
}

/// Somebody whose credential was right.
#[derive(Debug, Clone)]
pub struct LoginAttempt {
    pub person: Person,
    pub method: AuthMethod,
    /// The identity provider, if one was used.
    pub provider: Option<String>,
    /// RFC 8176.
    pub amr: Vec<String>,
    /// Nobody has signed in to this account from this network lately.
    pub new_network: bool,
}

/// Who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActorKind {
    Human,
    Agent,
    Service,
}

/// An access token about to be made.
#[derive(Debug, Clone)]
pub struct Mint {
    pub person: Person,
    pub actor: ActorKind,
    pub session: Option<String>,
    pub scopes: Vec<String>,
    pub audience: Vec<String>,
}

/// When a password is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordOccasion {
    Registration,
    Reset,
    Change,
}

/// A password that somebody would like to have; not `Debug`, because it holds it.
#[derive(Clone, Copy)]
pub struct PasswordWish<'a> {
    pub occasion: PasswordOccasion,
    pub password: &'a str,
    pub email: &'a str,
    pub full_name: Option<&'a str>,
}

impl std::fmt::Debug for PasswordWish<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PasswordWish").field("occasion", &self.occasion).finish_non_exhaustive()
    }
}

/// What another system says of a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LegacyOutcome {
    NoSuchUser,
    WrongPassword,
    Correct,
}

/// A letter ready to go.
#[derive(Debug, Clone)]
pub struct OutgoingLetter {
    /// The same for each try of one letter.
    pub id: String,
    pub template: String,
    pub sender: String,
    pub to: String,
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// Something that has happened.
#[derive(Debug, Clone)]
pub struct Event {
    pub id: String,
    pub sequence: u64,
    pub kind: String,
    /// Milliseconds since 1970.
    pub occurred_at: u64,
    pub succeeded: bool,
    pub organization: Option<String>,
    /// A JSON object.
    pub payload: String,
}

/// An invitation about to be made.
#[derive(Debug, Clone)]
pub struct InvitationWish {
    pub organization: String,
    pub email: String,
    pub role: String,
    pub inviter: Option<Person>,
}

/// An API key about to be made.
#[derive(Debug, Clone)]
pub struct KeyWish {
    pub owner: ActorKind,
    pub issuer: Option<Person>,
    pub name: String,
    pub scopes: Vec<String>,
    /// None: until it is revoked.
    pub expires_in_seconds: Option<u64>,
}

/// What is left of a wish for a key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Narrowing {
    pub scopes: Option<Vec<String>>,
    pub expires_in_seconds: Option<u64>,
}

/// How a client proves itself at a token endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAuth {
    None,
    Basic,
    Post,
}

/// Where an identity provider is. The guest's words: check each before use.
#[derive(Debug, Clone)]
pub struct Endpoints {
    pub issuer: Option<String>,
    pub authorize: String,
    pub token: String,
    pub userinfo: Option<String>,
    pub jwks: Option<String>,
    pub scopes: Vec<String>,
    pub client_auth: ClientAuth,
    pub extra_authorize_params: Vec<(String, String)>,
}

/// What a token endpoint answered.
#[derive(Clone)]
pub struct TokenSet {
    pub access_token: String,
    /// A JSON object of an id token that was verified.
    pub id_token_claims: Option<String>,
    /// The whole answer, a JSON object.
    pub raw: String,
}

impl std::fmt::Debug for TokenSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenSet(…)")
    }
}

/// Who a provider says it is. The guest's words: only `subject` names anybody.
#[derive(Debug, Clone)]
pub struct ExternalIdentity {
    pub subject: String,
    pub email: Option<String>,
    pub email_verified: Option<bool>,
    pub full_name: Option<String>,
    pub avatar_url: Option<String>,
    /// A JSON object.
    pub raw: String,
}
