//! `--input`: what a hook is told, as JSON with the contract's names in snake case.

use std::net::IpAddr;

use serde::Deserialize;
use serde_json::Value;

use crate::plugins::{
    ActorKind, AuthMethod, Candidate, Event, InvitationWish, KeyWish, LoginAttempt, Mint, OutgoingLetter,
    PasswordOccasion, Person, RequestContext, TokenSet,
};

/// A hook's input, with the context of the request.
#[derive(Debug, Deserialize)]
pub(super) struct Told<T> {
    #[serde(default)]
    pub(super) context: ContextIn,
    #[serde(flatten)]
    pub(super) rest: T,
}

/// The same time always, so that a trial can be repeated.
const NOW: u64 = 1_800_000_000;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ContextIn {
    request_id: Option<String>,
    client_ip: Option<IpAddr>,
    user_agent: Option<String>,
    locale: Option<String>,
    org_id: Option<String>,
    now: Option<u64>,
}

impl From<ContextIn> for RequestContext {
    fn from(it: ContextIn) -> Self {
        Self {
            request_id: it.request_id.unwrap_or_else(|| "trial".to_owned()),
            client_ip: it.client_ip,
            user_agent: it.user_agent,
            locale: it.locale,
            organization: it.org_id,
            now: it.now.unwrap_or(NOW),
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Registration {
    pub(super) candidate: CandidateIn,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CandidateIn {
    email: String,
    #[serde(default)]
    email_verified: bool,
    full_name: Option<String>,
    department: Option<String>,
    referral_source: Option<String>,
    #[serde(default)]
    method: MethodIn,
    provider: Option<String>,
    payload: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum MethodIn {
    #[default]
    Password,
    Oauth,
}

impl From<MethodIn> for AuthMethod {
    fn from(it: MethodIn) -> Self {
        match it {
            MethodIn::Password => Self::Password,
            MethodIn::Oauth => Self::OAuth,
        }
    }
}

impl TryFrom<CandidateIn> for Candidate {
    type Error = String;

    fn try_from(it: CandidateIn) -> Result<Self, String> {
        Ok(Self {
            email: it.email.parse().map_err(|error| format!("candidate.email: {error}"))?,
            email_verified: it.email_verified,
            full_name: it.full_name,
            department: it.department,
            referral_source: it.referral_source,
            method: it.method.into(),
            provider: it.provider,
            payload: it.payload,
        })
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PersonIn {
    id: String,
    email: String,
    #[serde(default)]
    email_verified: bool,
    full_name: Option<String>,
    department: Option<String>,
    #[serde(default)]
    attributes: serde_json::Map<String, Value>,
}

impl From<PersonIn> for Person {
    fn from(it: PersonIn) -> Self {
        Self {
            id: it.id,
            email: it.email,
            email_verified: it.email_verified,
            full_name: it.full_name,
            department: it.department,
            attributes: Value::Object(it.attributes).to_string(),
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Login {
    pub(super) attempt: AttemptIn,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AttemptIn {
    user: PersonIn,
    #[serde(default)]
    method: MethodIn,
    provider: Option<String>,
    #[serde(default)]
    amr: Vec<String>,
    #[serde(default)]
    new_network: bool,
}

impl From<AttemptIn> for LoginAttempt {
    fn from(it: AttemptIn) -> Self {
        Self {
            person: it.user.into(),
            method: it.method.into(),
            provider: it.provider,
            amr: it.amr,
            new_network: it.new_network,
        }
    }
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ActorIn {
    #[default]
    Human,
    Agent,
    Service,
}

impl From<ActorIn> for ActorKind {
    fn from(it: ActorIn) -> Self {
        match it {
            ActorIn::Human => Self::Human,
            ActorIn::Agent => Self::Agent,
            ActorIn::Service => Self::Service,
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    pub(super) mint: MintIn,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MintIn {
    user: PersonIn,
    #[serde(default)]
    actor: ActorIn,
    session_id: Option<String>,
    #[serde(default)]
    scopes: Vec<String>,
    #[serde(default)]
    audience: Vec<String>,
}

impl From<MintIn> for Mint {
    fn from(it: MintIn) -> Self {
        Self {
            person: it.user.into(),
            actor: it.actor.into(),
            session: it.session_id,
            scopes: it.scopes,
            audience: it.audience,
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Password {
    pub(super) candidate: PasswordIn,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PasswordIn {
    #[serde(default)]
    occasion: OccasionIn,
    pub(super) password: String,
    pub(super) email: String,
    pub(super) full_name: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum OccasionIn {
    #[default]
    Registration,
    Reset,
    Change,
}

impl PasswordIn {
    pub(super) const fn occasion(&self) -> PasswordOccasion {
        match self.occasion {
            OccasionIn::Registration => PasswordOccasion::Registration,
            OccasionIn::Reset => PasswordOccasion::Reset,
            OccasionIn::Change => PasswordOccasion::Change,
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Legacy {
    pub(super) identifier: String,
    pub(super) password: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Mail {
    pub(super) message: MessageIn,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MessageIn {
    idempotency_key: String,
    template: String,
    sender: String,
    to: String,
    subject: String,
    text: String,
    html: String,
}

impl From<MessageIn> for OutgoingLetter {
    fn from(it: MessageIn) -> Self {
        Self {
            id: it.idempotency_key,
            template: it.template,
            sender: it.sender,
            to: it.to,
            subject: it.subject,
            text: it.text,
            html: it.html,
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Events {
    pub(super) batch: Vec<EventIn>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EventIn {
    id: String,
    sequence: u64,
    kind: String,
    occurred_at: u64,
    succeeded: bool,
    org_id: Option<String>,
    payload: Value,
}

impl From<EventIn> for Event {
    fn from(it: EventIn) -> Self {
        Self {
            id: it.id,
            sequence: it.sequence,
            kind: it.kind,
            occurred_at: it.occurred_at,
            succeeded: it.succeeded,
            organization: it.org_id,
            payload: it.payload.to_string(),
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Invite {
    pub(super) invitation: InvitationIn,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InvitationIn {
    org_id: String,
    email: String,
    role: String,
    inviter: Option<PersonIn>,
}

impl From<InvitationIn> for InvitationWish {
    fn from(it: InvitationIn) -> Self {
        Self { organization: it.org_id, email: it.email, role: it.role, inviter: it.inviter.map(Into::into) }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Key {
    pub(super) request: KeyIn,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyIn {
    #[serde(default)]
    owner: ActorIn,
    issuer: Option<PersonIn>,
    name: String,
    scopes: Vec<String>,
    expires_in_seconds: Option<u64>,
}

impl From<KeyIn> for KeyWish {
    fn from(it: KeyIn) -> Self {
        Self {
            owner: it.owner.into(),
            issuer: it.issuer.map(Into::into),
            name: it.name,
            scopes: it.scopes,
            expires_in_seconds: it.expires_in_seconds,
        }
    }
}

/// The functions of a provider, by name.
#[derive(Debug, Deserialize)]
#[serde(tag = "call", rename_all = "kebab-case")]
pub(super) enum Oauth {
    DescribeEndpoints,
    MapProfile { tokens: TokensIn, userinfo: Option<Value> },
    ExchangeCode { code: String, redirect_uri: String, code_verifier: String },
    FetchProfile { tokens: TokensIn },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TokensIn {
    access_token: String,
    id_token_claims: Option<Value>,
    #[serde(default)]
    raw: Value,
}

impl From<TokensIn> for TokenSet {
    fn from(it: TokensIn) -> Self {
        Self {
            access_token: it.access_token,
            id_token_claims: it.id_token_claims.map(|claims| claims.to_string()),
            raw: text(it.raw),
        }
    }
}

/// JSON that the contract has as a text, written either way.
pub(super) fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        json => json.to_string(),
    }
}
