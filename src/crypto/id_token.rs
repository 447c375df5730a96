//! ID tokens of others (OpenID Connect Core 1.0 section 3.1.3.7): signed by a key of their issuer, for us, now.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde_json::Value;

use crate::domain::{IdTokenAlgorithm, Micros, Secret};

/// How far the issuer's clock may be from ours, in seconds.
const LEEWAY: i64 = 60;
/// An ID token comes straight from the issuer: an older one is a replay.
const OLDEST: i64 = 10 * 60;
const MAX_BYTES: usize = 32 * 1024;
/// OpenID Connect Core 1.0 section 2: at most 255 ASCII characters.
const MAX_SUBJECT: usize = 255;

/// What an ID token must be.
#[derive(Debug)]
pub struct IdTokenRules<'r> {
    /// To the letter; `{tenantid}` stands for the token's `tid`.
    pub issuer: &'r str,
    pub client_id: &'r str,
    pub nonce: &'r Secret,
    pub algorithms: &'r [IdTokenAlgorithm],
    pub now: Micros,
}

/// What a good one says.
#[derive(Debug, Clone)]
pub struct IdToken {
    pub issuer: String,
    pub subject: String,
    /// All of it.
    pub claims: Value,
}

/// Why an ID token is not taken; for logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdTokenError {
    #[error("this is no ID token")]
    Malformed,
    #[error("the ID token is signed in a way that is not allowed")]
    Algorithm,
    #[error("the ID token's key is not among the issuer's")]
    UnknownKey,
    #[error("the ID token's signature is wrong")]
    BadSignature,
    #[error("the ID token is another issuer's")]
    WrongIssuer,
    #[error("the ID token is for somebody else")]
    WrongAudience,
    #[error("the ID token is of another sign-in")]
    WrongNonce,
    #[error("the ID token is over, or not of now")]
    NotNow,
}

#[derive(Deserialize)]
pub(super) struct Head {
    pub(super) alg: String,
    pub(super) kid: Option<String>,
    pub(super) typ: Option<String>,
    /// Extensions that must be understood; none is.
    pub(super) crit: Option<Value>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: i64,
    iat: i64,
    nbf: Option<i64>,
    azp: Option<String>,
    nonce: Option<String>,
    tid: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl IdTokenRules<'_> {
    /// Reads a token signed by one of `keys`, a JWK set (RFC 7517 section 5). Keys that the token itself brings or
    /// points at are not looked at.
    ///
    /// # Errors
    /// [`IdTokenError`]: the first thing that is wrong with it.
    pub fn read(&self, token: &str, keys: &Value) -> Result<IdToken, IdTokenError> {
        if token.len() > MAX_BYTES {
            return Err(IdTokenError::Malformed);
        }
        let head = head(token).ok_or(IdTokenError::Malformed)?;
        let allowed = self.algorithms.iter().copied().find(|it| name(*it) == head.alg);
        let allowed = allowed.filter(|_| head.crit.is_none()).ok_or(IdTokenError::Algorithm)?;
        let mut validation = Validation::new(algorithm(allowed));
        // The library checks algorithm and signature; the claims are checked below, by type and against the given now.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let candidates = candidates(keys, &head, allowed);
        if candidates.is_empty() {
            return Err(IdTokenError::UnknownKey);
        }
        let found =
            candidates.iter().find_map(|key| jsonwebtoken::decode::<Value>(token, key, &validation).ok());
        let said = found.ok_or(IdTokenError::BadSignature)?.claims;
        let claims = Claims::deserialize(&said).map_err(|_| IdTokenError::Malformed)?;
        self.accept(&claims)?;
        Ok(IdToken { issuer: claims.iss, subject: claims.sub, claims: said })
    }

    fn accept(&self, claims: &Claims) -> Result<(), IdTokenError> {
        if !self.is_issuer(&claims.iss, claims.tid.as_deref()) {
            return Err(IdTokenError::WrongIssuer);
        }
        let (ours, alone) = match &claims.aud {
            Audience::One(one) => (one == self.client_id, true),
            Audience::Many(many) => (many.iter().any(|it| it == self.client_id), many.len() == 1),
        };
        let party = claims.azp.as_deref();
        if !ours || party.is_some_and(|party| party != self.client_id) || (!alone && party.is_none()) {
            return Err(IdTokenError::WrongAudience);
        }
        if claims.nonce.as_deref() != Some(self.nonce.expose()) {
            return Err(IdTokenError::WrongNonce);
        }
        let now = self.now.seconds();
        let issued = claims.iat.max(claims.nbf.unwrap_or(i64::MIN));
        if claims.exp.saturating_add(LEEWAY) <= now
            || issued > now.saturating_add(LEEWAY)
            || claims.iat < now.saturating_sub(OLDEST)
        {
            return Err(IdTokenError::NotNow);
        }
        let subject = 1..=MAX_SUBJECT;
        if subject.contains(&claims.sub.len()) { Ok(()) } else { Err(IdTokenError::Malformed) }
    }

    fn is_issuer(&self, said: &str, tenant: Option<&str>) -> bool {
        const TENANT: &str = "{tenantid}";
        if !self.issuer.contains(TENANT) {
            return said == self.issuer;
        }
        let tenant =
            tenant.filter(|text| uuid::Uuid::try_parse(text).is_ok_and(|id| id.to_string() == *text));
        tenant.is_some_and(|tenant| said == self.issuer.replace(TENANT, tenant))
    }
}

/// The first part of a token.
pub(super) fn head(token: &str) -> Option<Head> {
    let part = URL_SAFE_NO_PAD.decode(token.split('.').next()?).ok()?;
    serde_json::from_slice(&part).ok()
}

/// The keys that may have signed: of the right kind, for signatures, of the name if the token gives one.
pub(super) fn candidates(keys: &Value, head: &Head, allowed: IdTokenAlgorithm) -> Vec<DecodingKey> {
    let listed = keys.get("keys").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let fits = |key: &Jwk| {
        let named = head.kid.is_none() || key.common.key_id == head.kid;
        let signs = key.common.public_key_use.as_ref().is_none_or(|it| *it == PublicKeyUse::Signature);
        let of = key.common.key_algorithm.is_none_or(|it| it.to_string() == name(allowed));
        named && signs && of
    };
    let keys = listed.iter().filter_map(|key| Jwk::deserialize(key).ok()).filter(fits);
    keys.filter_map(|key| DecodingKey::from_jwk(&key).ok()).take(8).collect()
}

pub(super) const fn name(it: IdTokenAlgorithm) -> &'static str {
    match it {
        IdTokenAlgorithm::RS256 => "RS256",
        IdTokenAlgorithm::RS384 => "RS384",
        IdTokenAlgorithm::RS512 => "RS512",
        IdTokenAlgorithm::PS256 => "PS256",
        IdTokenAlgorithm::PS384 => "PS384",
        IdTokenAlgorithm::PS512 => "PS512",
        IdTokenAlgorithm::ES256 => "ES256",
        IdTokenAlgorithm::ES384 => "ES384",
        IdTokenAlgorithm::EdDSA => "EdDSA",
    }
}

pub(super) const fn algorithm(it: IdTokenAlgorithm) -> Algorithm {
    match it {
        IdTokenAlgorithm::RS256 => Algorithm::RS256,
        IdTokenAlgorithm::RS384 => Algorithm::RS384,
        IdTokenAlgorithm::RS512 => Algorithm::RS512,
        IdTokenAlgorithm::PS256 => Algorithm::PS256,
        IdTokenAlgorithm::PS384 => Algorithm::PS384,
        IdTokenAlgorithm::PS512 => Algorithm::PS512,
        IdTokenAlgorithm::ES256 => Algorithm::ES256,
        IdTokenAlgorithm::ES384 => Algorithm::ES384,
        IdTokenAlgorithm::EdDSA => Algorithm::EdDSA,
    }
}

#[cfg(test)]
mod tests;
