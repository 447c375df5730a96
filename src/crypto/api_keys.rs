//! The text of an API key: `psk_live_` or `psk_test_`, id, secret, checksum, all in base62.
//!
//! The prefix lets secret scanners find a key that was pasted where it should not be; the checksum lets them, and us,
//! tell a key from a typing error without a database; the id names the row; only the secret opens anything. Base62,
//! because a double click selects it whole.

use uuid::Uuid;
use zeroize::Zeroizing;

use crate::domain::{ApiKeyId, Random, Secret, TokenHash};

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 62^22 > 2^128.
const ID: usize = 22;
/// 43 × log2(62) = 256 bits.
const SECRET: usize = 43;
/// Of the text before it, a CRC-32 (RFC 1952 section 8): it guards against typing errors, nothing else. 62^6 > 2^32.
const CHECKSUM: usize = 6;

/// Which kind of installation a key is for; a key of one is no key in the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyEnvironment {
    /// Production.
    Live,
    /// Development.
    Test,
}

impl KeyEnvironment {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Live => "psk_live_",
            Self::Test => "psk_test_",
        }
    }
}

/// A new key's text.
#[derive(Debug)]
pub struct FreshKey {
    /// The whole text, shown once.
    pub key: Secret,
    /// Everything before the secret.
    pub prefix: String,
    /// Of the whole text.
    pub hash: TokenHash,
}

impl FreshKey {
    #[must_use]
    pub fn new(id: ApiKeyId, environment: KeyEnvironment, random: &dyn Random) -> Self {
        let prefix = format!("{}{}", environment.prefix(), base62::<ID>(Uuid::from(id).as_u128()));
        let mut text = Zeroizing::new(String::with_capacity(prefix.len() + SECRET + CHECKSUM));
        text.push_str(&prefix);
        let mut left = SECRET;
        while left > 0 {
            let mut bytes = Zeroizing::new([0; 64]);
            random.fill(bytes.as_mut());
            // 248 is the largest multiple of 62 in a byte: a byte above it would favour the first characters.
            for byte in bytes.iter().filter(|byte| **byte < 248).take(left) {
                text.push(digit(u128::from(*byte)));
                left -= 1;
            }
        }
        let checksum = base62::<CHECKSUM>(u128::from(crc32fast::hash(text.as_bytes())));
        text.push_str(&checksum);
        let key = Secret::new(text.to_string());
        Self { hash: key.hash(), key, prefix }
    }
}

/// Whether a credential means to be an API key.
#[must_use]
pub fn is_api_key(text: &str) -> bool {
    text.starts_with("psk_")
}

/// The id in a key of this environment; `None` if the text cannot be one, such as one with a character wrong.
#[must_use]
pub fn key_id(text: &str, environment: KeyEnvironment) -> Option<ApiKeyId> {
    let rest = text.strip_prefix(environment.prefix())?;
    if rest.len() != ID + SECRET + CHECKSUM || !rest.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let (body, checksum) = text.split_at_checked(text.len() - CHECKSUM)?;
    if base62::<CHECKSUM>(u128::from(crc32fast::hash(body.as_bytes()))) != checksum {
        return None;
    }
    let id = rest.get(..ID)?.bytes().try_fold(0_u128, |sum, byte| {
        let digit = ALPHABET.iter().position(|it| *it == byte)?;
        sum.checked_mul(62)?.checked_add(digit as u128)
    })?;
    Some(ApiKeyId::from(Uuid::from_u128(id)))
}

fn digit(value: u128) -> char {
    let at = usize::try_from(value % 62).unwrap_or_default();
    ALPHABET.get(at).copied().map_or('0', char::from)
}

/// Exactly `WIDTH` digits, the most significant first.
fn base62<const WIDTH: usize>(mut value: u128) -> String {
    let mut digits = ['0'; WIDTH];
    for place in digits.iter_mut().rev() {
        *place = digit(value);
        value /= 62;
    }
    digits.iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::OsRandom;

    fn id() -> ApiKeyId {
        ApiKeyId::from(Uuid::from_u128(0x0190_1234_5678_7000_8000_1234_5678_9abc))
    }

    #[test]
    fn the_checksum_is_the_well_known_one() {
        assert_eq!(crc32fast::hash(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn a_key_carries_its_id_and_no_two_are_alike() {
        let keys = [0, 1].map(|_| FreshKey::new(id(), KeyEnvironment::Test, &OsRandom));
        assert_ne!(keys[0].key.expose(), keys[1].key.expose());
        for fresh in keys {
            let text = fresh.key.expose();
            assert_eq!(text.len(), 9 + ID + SECRET + CHECKSUM);
            assert!(text.starts_with(&fresh.prefix) && fresh.prefix.len() == 9 + ID);
            assert_eq!(key_id(text, KeyEnvironment::Test), Some(id()));
            assert_eq!(key_id(text, KeyEnvironment::Live), None);
        }
        for id in [0, u128::MAX] {
            let id = ApiKeyId::from(Uuid::from_u128(id));
            let fresh = FreshKey::new(id, KeyEnvironment::Live, &OsRandom);
            assert_eq!(key_id(fresh.key.expose(), KeyEnvironment::Live), Some(id));
        }
    }

    #[test]
    fn every_wrong_character_and_every_cut_is_noticed_without_a_database() {
        let fresh = FreshKey::new(id(), KeyEnvironment::Test, &OsRandom);
        let text = fresh.key.expose();
        for at in 0..text.len() {
            let other = if &text[at..=at] == "x" { "y" } else { "x" };
            let wrong = format!("{}{other}{}", &text[..at], &text[at + 1..]);
            assert_eq!(key_id(&wrong, KeyEnvironment::Test), None, "at {at}");
            assert_eq!(key_id(&text[..at], KeyEnvironment::Test), None, "cut at {at}");
        }
        for more in ["0", "=", " ", "é", "\0"] {
            assert_eq!(key_id(&format!("{text}{more}"), KeyEnvironment::Test), None);
        }
    }
}
