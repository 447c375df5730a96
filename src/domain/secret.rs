//! Secrets that cannot be printed by accident, and the hashes that stand for them at rest.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::Random;

/// A text nobody may see: `Debug` hides it, and its memory is wiped when it is dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// A fresh 256-bit token in base64url: 43 characters.
    #[must_use]
    pub fn random(random: &dyn Random) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        random.fill(bytes.as_mut());
        Self::from_bytes(&*bytes)
    }

    /// The base64url spelling of `bytes`.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self::new(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The text itself. Each use is a place where it may leak, so the name is long enough to search for.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(&self.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// SHA-256 of a token's text. A token has 256 random bits, so a plain hash is enough at rest; and
/// looking the row up by this hash compares nothing secret byte by byte.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    /// Reads what [`TokenHash::as_bytes`] gave.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::OsRandom;

    #[test]
    fn a_secret_does_not_print() {
        let secret = Secret::new("hunter2hunter2".into());
        assert_eq!(format!("{secret:?} {:?}", secret.hash()), "Secret(…) TokenHash(…)");
    }

    #[test]
    fn a_token_has_43_characters_and_its_hash_depends_on_each() {
        let token = Secret::random(&OsRandom);
        assert_eq!(token.expose().len(), 43);
        assert_ne!(token.hash(), TokenHash::of(&token.expose()[..42]));
        assert_ne!(token.hash(), TokenHash::of(&format!("{}=", token.expose())));
    }
}
