//! The keys that sign access tokens: Ed25519 (RFC 8032), told to the world as a JWK (RFC 8037).

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::domain::Random;

/// A private key and the name it goes by. The name is computed from the public key (RFC 7638), so no two
/// keys share one and nobody chooses it.
#[derive(Clone)]
pub struct SigningKey {
    kid: String,
    pkcs8: Zeroizing<Vec<u8>>,
    public: Vec<u8>,
}

/// Why bytes are no signing key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("this is not an Ed25519 key in PKCS #8")]
    Malformed,
    #[error("the key's name does not belong to it")]
    OtherKid,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({})", self.kid)
    }
}

impl SigningKey {
    #[must_use]
    #[expect(clippy::expect_used, reason = "every 32 bytes are an Ed25519 seed (RFC 8032 section 5.1.5)")]
    pub fn generate(random: &dyn Random) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        random.fill(seed.as_mut());
        Ed25519KeyPair::from_seed_unchecked(seed.as_ref())
            .map_err(|_| KeyError::Malformed)
            .and_then(|pair| Self::of(&pair))
            .expect("a 32-byte seed")
    }

    /// Reads what [`SigningKey::to_pkcs8`] wrote.
    ///
    /// # Errors
    /// [`KeyError`]; a key kept under another key's name is refused.
    pub fn from_pkcs8(kid: &str, bytes: &[u8]) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::from_pkcs8(bytes).map_err(|_| KeyError::Malformed)?;
        let key = Self::of(&pair)?;
        if key.kid == kid { Ok(key) } else { Err(KeyError::OtherKid) }
    }

    fn of(pair: &Ed25519KeyPair) -> Result<Self, KeyError> {
        let document = pair.to_pkcs8().map_err(|_| KeyError::Malformed)?;
        let public = pair.public_key().as_ref().to_vec();
        Ok(Self { kid: thumbprint(&public), pkcs8: Zeroizing::new(document.as_ref().to_vec()), public })
    }

    /// The key's name in `kid` headers and in the JWKS.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The private key in PKCS #8 version 2 (RFC 5958). Seal it before it is stored.
    #[must_use]
    pub fn to_pkcs8(&self) -> Zeroizing<Vec<u8>> {
        self.pkcs8.clone()
    }

    /// The 32 bytes of the public key.
    #[must_use]
    pub fn public_key(&self) -> &[u8] {
        &self.public
    }

    pub(super) fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The public half as a JWK for `/.well-known/jwks.json` (RFC 7517 section 5).
    pub(super) fn jwk(&self) -> Value {
        json!({
            "kty": "OKP",
            "crv": "Ed25519",
            "use": "sig",
            "alg": "EdDSA",
            "kid": self.kid,
            "x": URL_SAFE_NO_PAD.encode(&self.public),
        })
    }
}

/// RFC 7638 section 3: SHA-256 of the required members in lexicographic order, without white space.
fn thumbprint(public: &[u8]) -> String {
    let x = URL_SAFE_NO_PAD.encode(public);
    URL_SAFE_NO_PAD.encode(Sha256::digest(format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::SeededRandom;

    #[test]
    fn the_name_of_a_key_is_the_thumbprint_of_rfc_8037() {
        let x = URL_SAFE_NO_PAD.decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
        assert_eq!(thumbprint(&x), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn a_key_reads_back_under_its_own_name_only() {
        let (key, other) =
            (SigningKey::generate(&SeededRandom::new(1)), SigningKey::generate(&SeededRandom::new(2)));
        let again = SigningKey::from_pkcs8(key.kid(), &key.to_pkcs8()).unwrap();
        assert_eq!((again.kid(), again.public_key()), (key.kid(), key.public_key()));
        assert_eq!(SigningKey::from_pkcs8(other.kid(), &key.to_pkcs8()).unwrap_err(), KeyError::OtherKid);
        assert_eq!(SigningKey::from_pkcs8(key.kid(), b"no key").unwrap_err(), KeyError::Malformed);
    }

    #[test]
    fn neither_the_jwk_nor_the_debug_text_tells_the_private_key() {
        let key = SigningKey::generate(&SeededRandom::new(1));
        let jwk = key.jwk();
        let members: Vec<&str> = jwk.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members, ["kty", "crv", "use", "alg", "kid", "x"]);
        assert_eq!(format!("{key:?}"), format!("SigningKey({})", key.kid()));
    }
}
