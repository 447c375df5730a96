//! `--input`: what a hook is told, as JSON with the contract's names in snake case.

use std::net::IpAddr;

use serde::Deserialize;
use serde_json::Value;

use crate::plugins::{AuthMethod, Candidate, RequestContext};

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
