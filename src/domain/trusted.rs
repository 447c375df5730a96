//! Access tokens of others: whose are taken, as what, and until when.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{IdTokenAlgorithm, Micros, Provider, ProviderName, Secret};

/// Somebody else who makes access tokens for people that are known here.
#[derive(Debug, Clone)]
pub struct TrustedIssuer {
    pub name: ProviderName,
    /// `iss`, to the letter; none: its tokens name no issuer.
    pub issuer: Option<String>,
    /// One of them must be in `aud`; none: its tokens name no audience.
    pub audiences: Vec<String>,
    /// Claims that must be exactly this.
    pub claims: BTreeMap<String, Value>,
    pub signed: Signed,
    pub subjects: Subjects,
    /// The permissions that its tokens carry; they are never more than the person may do.
    pub scopes: Vec<String>,
    /// From then on none of its tokens is taken.
    pub until: Option<Micros>,
}

/// How an issuer signs.
#[derive(Debug, Clone)]
pub enum Signed {
    /// By a key of the set that it publishes; where that is, the provider says.
    Keys { at: Box<Provider>, algorithms: Vec<IdTokenAlgorithm> },
    /// By a secret that both know (HS256), as the old system did.
    Shared(Secret),
}

/// Whom `sub` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Subjects {
    /// The person whose identity it is, at the provider of the issuer's name.
    #[default]
    Identities,
    /// The account of this id, as it was imported.
    Users,
}

/// What a good token of another issuer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignToken {
    pub subject: String,
    pub issued_at: Micros,
    /// It is good before this instant.
    pub expires_at: Micros,
}
