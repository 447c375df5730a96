//! Access tokens: signed JWTs (RFC 7519) of the profile in RFC 9068, for our own use and for resource servers.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, Header, Validation};
use moka::sync::Cache;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::ScheduledKey;
use super::ring::KeyRing;
use crate::domain::{AgentId, Micros, OrganizationId, Secret, SessionId, TokenHash, UserId};

/// How far another node's clock may run ahead of ours before its tokens count as not yet valid.
/// Expiry has no leeway.
const LEEWAY: Duration = Duration::from_secs(5);

/// Longer texts are no tokens of ours and are not even hashed.
const MAX_BYTES: usize = 4_096;

/// Verified tokens that are remembered. Verifying a signature takes about 60 microseconds, finding it here
/// about one.
const REMEMBERED: u64 = 100_000;

const TYPE: &str = "at+jwt";

/// `amr` of a sign-in with others. RFC 8176 has no word for it: of the rest we know nothing, and claim nothing.
pub const FEDERATED: &str = "fed";

/// What a new token says.
#[derive(Debug, Clone)]
pub struct NewAccess {
    pub user: UserId,
    pub session: SessionId,
    /// How the person signed in, as RFC 8176 names it: `pwd`, `otp`, `mfa`.
    pub amr: Vec<&'static str>,
    /// When the person signed in.
    pub auth_time: Micros,
    /// What plugins add, under `ext`; nothing of ours reads it.
    pub ext: Map<String, Value>,
}

/// What makes a token less than its person: it is an agent's, on their behalf (RFC 8693 section 4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// `act.sub`: who acts.
    pub agent: AgentId,
    /// `org`: where, and nowhere else.
    pub organization: OrganizationId,
    /// `scope`: permissions without spaces, at most as many as the person and the agent both have.
    pub scopes: Vec<String>,
}

/// What a good token says. Instants are whole seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    pub user: UserId,
    pub session: SessionId,
    pub auth_time: Micros,
    /// The person signed in with a provider.
    pub federated: bool,
    /// The token is good before this instant.
    pub expires: Micros,
    pub id: Uuid,
    /// `None`: the person acts in their own name, with all their rights.
    pub granted: Option<Granted>,
}

/// Why a token is not made or not taken. For logs: a client is told no more than that it is not good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("this is not an access token of ours")]
    Malformed,
    #[error("this is a token of another type")]
    WrongType,
    #[error("the signing key is not known")]
    UnknownKey,
    #[error("the signature is wrong")]
    BadSignature,
    #[error("the token was issued by or for somebody else")]
    WrongParty,
    #[error("the token has expired")]
    Expired,
    #[error("the token is not valid yet")]
    NotYetValid,
    #[error("there is no key to sign with")]
    NoKey,
    #[error("the token could not be signed")]
    Signing,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    exp: i64,
    nbf: i64,
    iat: i64,
    jti: String,
    sid: String,
    amr: Vec<String>,
    auth_time: i64,
    // The next three together or not at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    org: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    act: Option<Actor>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    ext: Map<String, Value>,
}

/// RFC 8693 section 4.1. An actor of an actor is never written, so it is refused.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Actor {
    sub: String,
}

/// The header of our tokens and nothing besides: a `jku`, `jwk`, `x5u` or `crit` is refused, not ignored,
/// because we never write one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StrictHeader {
    typ: String,
    alg: String,
    kid: String,
}

#[derive(Clone)]
struct Remembered {
    kid: String,
    access: Access,
    not_before: Micros,
}

/// Issues and verifies access tokens: EdDSA only, with the key whose time it is; the keys can be replaced while it runs.
pub struct TokenIssuer {
    issuer: String,
    audience: String,
    ttl: Duration,
    ring: ArcSwap<KeyRing>,
    validation: Validation,
    remembered: Cache<TokenHash, Arc<Remembered>>,
}

impl std::fmt::Debug for TokenIssuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenIssuer").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

impl TokenIssuer {
    /// `ttl` is counted in whole seconds.
    ///
    /// # Errors
    /// [`TokenError::NoKey`] if `keys` is empty.
    pub fn new(
        issuer: String,
        audience: String,
        ttl: Duration,
        keys: &[ScheduledKey],
    ) -> Result<Self, TokenError> {
        let ring = ArcSwap::from_pointee(KeyRing::new(keys, ttl)?);
        let mut validation = Validation::new(Algorithm::EdDSA);
        // The library checks algorithm and signature. The claims are checked below, against the given
        // instant and by the types of `Claims`, which have no room for an `exp` that is a text.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        Ok(Self {
            issuer,
            audience,
            ttl,
            ring,
            validation,
            // The time bound is for memory only; whether a token is still good is asked at each use.
            remembered: Cache::builder().max_capacity(REMEMBERED).time_to_live(ttl).build(),
        })
    }

    /// Goes on with these keys from the next call. A token of a key that is not among them is no longer taken,
    /// even if it was taken before.
    ///
    /// # Errors
    /// [`TokenError::NoKey`] if `keys` is empty; the keys then stay as they were.
    pub fn replace_keys(&self, keys: &[ScheduledKey]) -> Result<(), TokenError> {
        self.ring.store(Arc::new(KeyRing::new(keys, self.ttl)?));
        Ok(())
    }

    /// Makes a token with the id `id`, good from `now` for the issuer's lifetime.
    ///
    /// # Errors
    /// [`TokenError::Signing`] or [`TokenError::NoKey`].
    pub fn issue(&self, claims: &NewAccess, id: Uuid, now: Micros) -> Result<Secret, TokenError> {
        self.sign(&self.claims(claims, id, now), now)
    }

    /// Makes a token of an agent on behalf of a person, good until `until` but no longer than other tokens.
    ///
    /// # Errors
    /// [`TokenError::Signing`].
    pub fn issue_granted(
        &self,
        claims: &NewAccess,
        granted: &Granted,
        id: Uuid,
        now: Micros,
        until: Micros,
    ) -> Result<Secret, TokenError> {
        let mut claims = self.claims(claims, id, now);
        claims.exp = claims.exp.min(until.seconds());
        claims.scope = Some(granted.scopes.join(" "));
        claims.org = Some(granted.organization.to_string());
        claims.act = Some(Actor { sub: granted.agent.to_string() });
        self.sign(&claims, now)
    }

    fn claims(&self, claims: &NewAccess, id: Uuid, now: Micros) -> Claims {
        let issued = now.seconds();
        Claims {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            sub: claims.user.to_string(),
            exp: (now + self.ttl).seconds(),
            nbf: issued,
            iat: issued,
            jti: id.to_string(),
            sid: claims.session.to_string(),
            amr: claims.amr.iter().map(|&method| method.to_owned()).collect(),
            auth_time: claims.auth_time.seconds(),
            scope: None,
            org: None,
            act: None,
            ext: claims.ext.clone(),
        }
    }

    fn sign(&self, claims: &Claims, now: Micros) -> Result<Secret, TokenError> {
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(TYPE.to_owned());
        let ring = self.ring.load();
        let (kid, key) = ring.signer(now).ok_or(TokenError::NoKey)?;
        header.kid = Some(kid.to_owned());
        let token = jsonwebtoken::encode(&header, claims, key);
        token.map(Secret::new).map_err(|_| TokenError::Signing)
    }

    /// Reads a token that is good at the instant `now`.
    ///
    /// # Errors
    /// [`TokenError`]: the first thing that is wrong with it.
    pub fn verify(&self, token: &str, now: Micros) -> Result<Access, TokenError> {
        if token.len() > MAX_BYTES {
            return Err(TokenError::Malformed);
        }
        let hash = TokenHash::of(token);
        let ring = self.ring.load();
        if let Some(known) = self.remembered.get(&hash) {
            ring.verifier(&known.kid, now).ok_or(TokenError::UnknownKey)?;
            return known.at(now);
        }
        let known = Arc::new(self.read(&ring, token, now)?);
        let access = known.at(now)?;
        self.remembered.insert(hash, known);
        Ok(access)
    }

    /// The public keys (RFC 7517 section 5) that sign, will sign or still verify, for `/.well-known/jwks.json`.
    #[must_use]
    pub fn jwks(&self, now: Micros) -> Value {
        self.ring.load().jwks(now)
    }

    /// Everything about a token but its own time.
    fn read(&self, ring: &KeyRing, token: &str, now: Micros) -> Result<Remembered, TokenError> {
        let header = token.split('.').next().and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
        let header: StrictHeader =
            header.and_then(|bytes| serde_json::from_slice(&bytes).ok()).ok_or(TokenError::Malformed)?;
        if header.alg != "EdDSA" {
            return Err(TokenError::BadSignature);
        }
        if header.typ != TYPE {
            return Err(TokenError::WrongType);
        }
        let key = ring.verifier(&header.kid, now).ok_or(TokenError::UnknownKey)?;
        let claims = jsonwebtoken::decode::<Claims>(token, key, &self.validation);
        let claims = claims.map_err(|error| match error.kind() {
            jsonwebtoken::errors::ErrorKind::InvalidSignature => TokenError::BadSignature,
            _ => TokenError::Malformed,
        })?;
        self.accept(header.kid, &claims.claims)
    }

    fn accept(&self, kid: String, claims: &Claims) -> Result<Remembered, TokenError> {
        if claims.iss != self.issuer || claims.aud != self.audience {
            return Err(TokenError::WrongParty);
        }
        let instant =
            |seconds: i64| seconds.checked_mul(1_000_000).map(Micros::new).ok_or(TokenError::Malformed);
        let granted = match (&claims.scope, &claims.org, &claims.act) {
            (None, None, None) => None,
            (Some(scope), Some(org), Some(act)) => Some(Granted {
                agent: AgentId::parse(&act.sub).ok_or(TokenError::Malformed)?,
                organization: OrganizationId::parse(org).ok_or(TokenError::Malformed)?,
                scopes: scope.split(' ').filter(|it| !it.is_empty()).map(str::to_owned).collect(),
            }),
            _ => return Err(TokenError::Malformed),
        };
        let (issued, not_before) = (instant(claims.iat)?, instant(claims.nbf)?);
        Ok(Remembered {
            kid,
            access: Access {
                user: UserId::parse(&claims.sub).ok_or(TokenError::Malformed)?,
                session: SessionId::parse(&claims.sid).ok_or(TokenError::Malformed)?,
                auth_time: instant(claims.auth_time)?,
                federated: claims.amr.iter().any(|method| method == FEDERATED),
                expires: instant(claims.exp)?,
                id: Uuid::parse_str(&claims.jti).map_err(|_| TokenError::Malformed)?,
                granted,
            },
            not_before: not_before.max(issued),
        })
    }
}

impl Remembered {
    fn at(&self, now: Micros) -> Result<Access, TokenError> {
        if now >= self.access.expires {
            return Err(TokenError::Expired);
        }
        if now + LEEWAY < self.not_before {
            return Err(TokenError::NotYetValid);
        }
        Ok(self.access.clone())
    }
}

#[cfg(test)]
mod tests;
