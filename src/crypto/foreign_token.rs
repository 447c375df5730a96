//! Access tokens of other issuers: signed by a key or a secret of theirs, for us, now.
//!
//! Others write them in many ways, so little is expected of their form and all of what makes them safe: who, for whom,
//! until when.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::Value;

use super::id_token::{Head, algorithm, candidates, head, name};
use crate::domain::{ForeignToken, Micros, Signed, TrustedIssuer};

/// How far the issuer's clock may be from ours, in seconds.
const LEEWAY: i64 = 60;
const MAX_BYTES: usize = 16 * 1024;
const MAX_SUBJECT: usize = 255;
/// The words of `typ` that an access token may have (RFC 9068 section 2.1); many have none or the general one.
const TYPES: [&str; 3] = ["jwt", "at+jwt", "application/at+jwt"];

/// Why a token of another issuer is not taken; for logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ForeignTokenError {
    #[error("this is no access token")]
    Malformed,
    #[error("the token is signed in a way that is not allowed")]
    Algorithm,
    #[error("the token's key is not among the issuer's")]
    UnknownKey,
    #[error("the token's signature is wrong")]
    BadSignature,
    #[error("the token is another issuer's, or for somebody else")]
    WrongParty,
    #[error("the token is of another kind: a claim is not as it must be")]
    WrongKind,
    #[error("the token is over, or not of now")]
    NotNow,
    #[error("tokens of this issuer are not taken any more")]
    Ended,
}

/// Whom a token claims to be of; nothing of it is checked. The outer none: it is no token.
#[must_use]
pub fn issuer_of(token: &str) -> Option<Option<String>> {
    if token.len() > MAX_BYTES {
        return None;
    }
    let part = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let said: Value = serde_json::from_slice(&part).ok()?;
    match said.as_object()?.get("iss") {
        None => Some(None),
        Some(issuer) => Some(Some(issuer.as_str()?.to_owned())),
    }
}

/// Reads a token that is good at `now`. `keys` is the issuer's JWK set (RFC 7517 section 5), where it has one. Keys that
/// the token itself brings or points at are not looked at.
///
/// # Errors
/// [`ForeignTokenError`]: the first thing that is wrong with it.
pub fn read_foreign(
    of: &TrustedIssuer,
    token: &str,
    keys: Option<&Value>,
    now: Micros,
) -> Result<ForeignToken, ForeignTokenError> {
    if token.len() > MAX_BYTES {
        return Err(ForeignTokenError::Malformed);
    }
    if of.until.is_some_and(|end| now >= end) {
        return Err(ForeignTokenError::Ended);
    }
    let head = head(token).ok_or(ForeignTokenError::Malformed)?;
    let typed = head.typ.as_ref().is_none_or(|it| TYPES.contains(&it.to_lowercase().as_str()));
    if head.crit.is_some() || !typed {
        return Err(ForeignTokenError::WrongKind);
    }
    let said = match &of.signed {
        Signed::Shared(secret) if head.alg == "HS256" => {
            decode(token, Algorithm::HS256, &[DecodingKey::from_secret(secret.expose().as_bytes())])?
        }
        Signed::Keys { algorithms, .. } => by_key(token, &head, algorithms, keys)?,
        Signed::Shared(_) => return Err(ForeignTokenError::Algorithm),
    };
    accept(of, &said, now)
}

fn by_key(
    token: &str,
    head: &Head,
    algorithms: &[crate::domain::IdTokenAlgorithm],
    keys: Option<&Value>,
) -> Result<Value, ForeignTokenError> {
    let allowed = algorithms.iter().copied().find(|it| name(*it) == head.alg);
    let allowed = allowed.ok_or(ForeignTokenError::Algorithm)?;
    let candidates = keys.map(|keys| candidates(keys, head, allowed)).unwrap_or_default();
    if candidates.is_empty() {
        return Err(ForeignTokenError::UnknownKey);
    }
    decode(token, algorithm(allowed), &candidates)
}

fn decode(token: &str, with: Algorithm, keys: &[DecodingKey]) -> Result<Value, ForeignTokenError> {
    let mut validation = Validation::new(with);
    // The library checks algorithm and signature; the claims are checked below, by type and against the given now.
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let found = keys.iter().find_map(|key| jsonwebtoken::decode::<Value>(token, key, &validation).ok());
    found.map(|data| data.claims).ok_or(ForeignTokenError::BadSignature)
}

fn accept(of: &TrustedIssuer, said: &Value, now: Micros) -> Result<ForeignToken, ForeignTokenError> {
    let named = match (&of.issuer, said.get("iss")) {
        (Some(expected), Some(issuer)) => issuer.as_str() == Some(expected),
        (None, None) => true,
        _ => false,
    };
    let is_ours =
        |audience: &Value| audience.as_str().is_some_and(|it| of.audiences.iter().any(|one| one == it));
    let meant = match said.get("aud") {
        Some(Value::Array(many)) => many.iter().any(is_ours),
        Some(one) => is_ours(one),
        None => of.audiences.is_empty(),
    };
    if !named || !meant {
        return Err(ForeignTokenError::WrongParty);
    }
    if of.claims.iter().any(|(claim, value)| said.get(claim) != Some(value)) {
        return Err(ForeignTokenError::WrongKind);
    }
    // A text is no instant, however it looks; some write fractions of a second.
    let instant = |claim: &str| match said.get(claim) {
        None => Ok(None),
        Some(value) => value.as_f64().and_then(micros).map(Some).ok_or(ForeignTokenError::Malformed),
    };
    let expires_at = instant("exp")?.ok_or(ForeignTokenError::Malformed)?;
    let issued_at = instant("iat")?.ok_or(ForeignTokenError::Malformed)?;
    let begins = instant("nbf")?.map_or(issued_at, |it| it.max(issued_at));
    if expires_at <= now || begins.seconds() > now.seconds().saturating_add(LEEWAY) {
        return Err(ForeignTokenError::NotNow);
    }
    let subject = said.get("sub").and_then(Value::as_str).unwrap_or_default();
    if !(1..=MAX_SUBJECT).contains(&subject.len()) {
        return Err(ForeignTokenError::Malformed);
    }
    Ok(ForeignToken { subject: subject.to_owned(), issued_at, expires_at })
}

/// Seconds since the epoch, of an instant between 1970 and the year 9999.
fn micros(seconds: f64) -> Option<Micros> {
    const LAST: f64 = 253_402_300_799.0;
    #[expect(clippy::cast_possible_truncation, reason = "within 54 bits")]
    (0.0..=LAST).contains(&seconds).then(|| Micros::new((seconds * 1e6) as i64))
}
