//! Secrets of ours that a key signs anew for each request to a provider, as Apple wants them: a JWT (RFC 7519), ES256.

use std::time::Duration;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;
use zeroize::Zeroizing;

use crate::domain::{ClientKey, Micros, Secret};

/// Long enough for one request, whatever the clocks say.
const LIFETIME: Duration = Duration::from_secs(5 * 60);

/// Why a text is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no private key on P-256 in PEM (`-----BEGIN PRIVATE KEY-----`)")]
pub struct NoClientKey;

/// Whether a key can sign.
///
/// # Errors
/// [`NoClientKey`]
pub fn check_client_key(key: &ClientKey) -> Result<(), NoClientKey> {
    der(key).map(drop)
}

/// A secret for `audience`, good for five minutes.
///
/// # Errors
/// [`NoClientKey`]
pub fn signed_client_secret(
    key: &ClientKey,
    client_id: &str,
    audience: &str,
    now: Micros,
) -> Result<Secret, NoClientKey> {
    let signing = EncodingKey::from_ec_der(&der(key)?);
    let header = Header { kid: Some(key.id.clone()), typ: None, ..Header::new(Algorithm::ES256) };
    let claims = json!({
        "iss": key.issuer,
        "sub": client_id,
        "aud": audience,
        "iat": now.seconds(),
        "exp": (now + LIFETIME).seconds(),
    });
    jsonwebtoken::encode(&header, &claims, &signing).map(Secret::new).map_err(|_| NoClientKey)
}

/// RFC 7468 section 10.
fn der(key: &ClientKey) -> Result<Zeroizing<Vec<u8>>, NoClientKey> {
    let body = key.pem.expose().trim().strip_prefix("-----BEGIN PRIVATE KEY-----").ok_or(NoClientKey)?;
    let body = body.strip_suffix("-----END PRIVATE KEY-----").ok_or(NoClientKey)?;
    let packed: Zeroizing<String> = Zeroizing::new(body.split_ascii_whitespace().collect());
    let der = STANDARD.decode(&*packed).map(Zeroizing::new).map_err(|_| NoClientKey)?;
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der).map_err(|_| NoClientKey)?;
    Ok(der)
}

#[cfg(test)]
pub(super) mod tests {
    use aws_lc_rs::signature::KeyPair as _;
    use jsonwebtoken::{DecodingKey, Validation};
    use serde_json::Value;

    use super::*;

    /// One that can sign, and its public half.
    pub(crate) fn fresh() -> (ClientKey, Vec<u8>) {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let der = pair.to_pkcs8v1().unwrap();
        let body = STANDARD.encode(der.as_ref());
        let (head, tail) = body.split_at(64);
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{head}\n{tail}\n-----END PRIVATE KEY-----\n");
        let key = ClientKey { id: "K1".into(), issuer: "TEAM".into(), pem: Secret::new(pem) };
        (key, pair.public_key().as_ref().to_vec())
    }

    #[test]
    fn a_secret_says_whose_it_is_for_whom_and_until_when() {
        let (key, public) = fresh();
        let now = Micros::new(1_767_225_600_000_000);
        let secret = signed_client_secret(&key, "us", "https://id.example.com", now).unwrap();
        let mut rules = Validation::new(Algorithm::ES256);
        rules.validate_exp = false;
        rules.set_audience(&["https://id.example.com"]);
        rules.set_issuer(&["TEAM"]);
        let read = jsonwebtoken::decode::<Value>(secret.expose(), &DecodingKey::from_ec_der(&public), &rules);
        let read = read.unwrap();
        assert_eq!(read.header.kid.as_deref(), Some("K1"));
        assert_eq!((&read.claims["sub"], &read.claims["iat"]), (&json!("us"), &json!(1_767_225_600)));
        assert_eq!(read.claims["exp"], 1_767_225_900);
    }

    #[test]
    fn what_is_no_key_on_p256_is_told_and_not_shown() {
        let (good, _) = fresh();
        for pem in ["", "hush", "-----BEGIN PRIVATE KEY-----\naHVzaA==\n-----END PRIVATE KEY-----"] {
            let key = ClientKey { pem: Secret::new(pem.to_owned()), ..good.clone() };
            let error = check_client_key(&key).unwrap_err();
            assert!(!error.to_string().contains("hush"));
        }
        assert!(check_client_key(&good).is_ok() && !format!("{good:?}").contains("BEGIN"));
    }
}
