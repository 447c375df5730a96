//! Password hashes that other systems made. They are verified until their owner signs in, and then made anew.
//!
//! bcrypt uses 72 bytes of a password and its end mark, and repeats a shorter one. So `a` and `a\0a` are one password to
//! it, and so are any two that begin with the same 72 bytes. A password that holds a NUL, or that leaves no room for the
//! end mark, therefore never matches a bcrypt hash: its owner chooses a new one by mail.

use std::num::NonZeroU32;

use aws_lc_rs::cipher::{AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::pbkdf2::{self, PBKDF2_HMAC_SHA256, PBKDF2_HMAC_SHA512};
use base64::Engine as _;
use base64::alphabet::BCRYPT;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD_NO_PAD};
use zeroize::Zeroizing;

use super::phc::Stored;
use crate::domain::Secret;

/// The end mark is the 72nd byte at the latest.
const BCRYPT_MAX: usize = 71;
/// About three seconds.
const MAX_BCRYPT_COST: u32 = 15;
const MAX_ITERATIONS: u32 = 10_000_000;
/// 256 MiB.
const MAX_SCRYPT_BYTES: u64 = 256 * 1024 * 1024;
const MAX_SCRYPT_LANES: u32 = 16;
const MAX_SALT: usize = 1_024;
const HASH: std::ops::RangeInclusive<usize> = 16..=128;

const BCRYPT_BASE64: GeneralPurpose = GeneralPurpose::new(
    &BCRYPT,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);
/// Standard or URL-safe is settled before; with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why a text is no password hash that can be verified here. The text itself is never repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    #[error("the password hash is of no known kind")]
    Unknown,
    #[error("the password hash is damaged")]
    Damaged,
    #[error("the password hash costs more than a sign-in may")]
    TooCostly,
    #[error("the parameters of Firebase scrypt are not complete")]
    Parameters,
}

/// A stored hash that is not our own.
pub(super) struct Imported {
    kind: Kind,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

enum Kind {
    Bcrypt {
        cost: u32,
    },
    Pbkdf2 {
        algorithm: pbkdf2::Algorithm,
        iterations: NonZeroU32,
    },
    Scrypt(scrypt::Params),
    /// The hash is the key stream that Firebase hides its signer key with.
    Firebase(scrypt::Params),
}

/// Reads a hash of another system and spells it as it is stored: bcrypt (`$2a$`, `$2b$`, `$2y$`), PBKDF2 (as Django and
/// as passlib write it; SHA-256 and SHA-512), scrypt and Argon2 (as PHC strings).
///
/// # Errors
/// [`ImportError`].
pub fn import_hash(text: &str) -> Result<String, ImportError> {
    if Stored::parse(text).is_some() {
        return Ok(text.to_owned());
    }
    if text.starts_with("$argon2") {
        return Err(ImportError::Damaged);
    }
    Imported::read(text).map(|_| text.to_owned())
}

/// What Firebase's console shows as the hash parameters of a project.
#[derive(Debug, Clone)]
pub struct FirebaseScrypt {
    signer_key: Secret,
    salt_separator: Vec<u8>,
    rounds: u32,
    mem_cost: u32,
}

impl FirebaseScrypt {
    /// Reads the block `hash_config { … }` as the console shows it.
    ///
    /// # Errors
    /// [`ImportError::Parameters`] if one is missing or no such value.
    pub fn parse(text: &str) -> Result<Self, ImportError> {
        let value = |name: &str| {
            let mut pairs = text.lines().filter_map(|line| line.split_once(':'));
            let found = pairs.find(|(key, _)| key.trim() == name).map(|(_, value)| value);
            found.map(|value| value.trim().trim_end_matches(',').trim_matches('"').to_owned())
        };
        let read = || {
            let signer_key = value("base64_signer_key")?;
            (decode(&signer_key)?.len() == 64).then_some(())?;
            Some(Self {
                signer_key: Secret::new(signer_key),
                salt_separator: decode(&value("base64_salt_separator")?)?,
                rounds: value("rounds")?.parse().ok()?,
                mem_cost: value("mem_cost")?.parse().ok()?,
            })
        };
        read().ok_or(ImportError::Parameters)
    }

    /// Spells the hash and salt of one account as they are stored. What is kept needs no signer key: Firebase's hash is
    /// that key encrypted in counter mode, so the two together are the key stream, which the password alone makes.
    ///
    /// # Errors
    /// [`ImportError`].
    pub fn import(&self, hash: &str, salt: &str) -> Result<String, ImportError> {
        let (hash, mut salt) = (decode(hash), decode(salt).ok_or(ImportError::Damaged)?);
        let key = Zeroizing::new(decode(self.signer_key.expose()).ok_or(ImportError::Parameters)?);
        let hash = hash.filter(|hash| hash.len() == key.len()).ok_or(ImportError::Damaged)?;
        let stream: Vec<u8> = hash.iter().zip(key.iter()).map(|(one, other)| one ^ other).collect();
        salt.extend_from_slice(&self.salt_separator);
        let text = format!(
            "$firebase-scrypt$ln={},r={},p=1${}${}",
            self.mem_cost,
            self.rounds,
            STANDARD_NO_PAD.encode(salt),
            STANDARD_NO_PAD.encode(stream)
        );
        Imported::read(&text).map(|_| text)
    }
}

impl Imported {
    /// `None` if it is no hash of another system, or one that must not be computed.
    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::read(text).ok()
    }

    fn read(text: &str) -> Result<Self, ImportError> {
        let parts: Vec<&str> = text.split('$').collect();
        let imported = match *parts.as_slice() {
            ["", "2a" | "2b" | "2y", cost, rest] => bcrypt(cost, rest)?,
            ["pbkdf2_sha256", iterations, salt, hash] => {
                pbkdf2(PBKDF2_HMAC_SHA256, iterations, Some(salt.into()), decode(hash))?
            }
            ["pbkdf2_sha512", iterations, salt, hash] => {
                pbkdf2(PBKDF2_HMAC_SHA512, iterations, Some(salt.into()), decode(hash))?
            }
            ["", "pbkdf2-sha256", parameters, salt, hash] => {
                pbkdf2(PBKDF2_HMAC_SHA256, iterations(parameters), decode(salt), decode(hash))?
            }
            ["", "pbkdf2-sha512", parameters, salt, hash] => {
                pbkdf2(PBKDF2_HMAC_SHA512, iterations(parameters), decode(salt), decode(hash))?
            }
            ["", "scrypt", parameters, salt, hash] => {
                scrypt_hash(Kind::Scrypt(scrypt_parameters(parameters)?), salt, hash)?
            }
            ["", "firebase-scrypt", parameters, salt, hash] => {
                scrypt_hash(Kind::Firebase(scrypt_parameters(parameters)?), salt, hash)?
            }
            _ => return Err(ImportError::Unknown),
        };
        let sane = imported.salt.len() <= MAX_SALT && HASH.contains(&imported.hash.len());
        if sane { Ok(imported) } else { Err(ImportError::Damaged) }
    }

    /// Whether `password` made it. It works as long for one that bcrypt cannot tell from others.
    pub(super) fn matches(&self, password: &[u8]) -> bool {
        let (computed, possible) = match &self.kind {
            Kind::Bcrypt { cost } => bcrypt_of(*cost, &self.salt, password),
            Kind::Pbkdf2 { algorithm, iterations } => {
                let mut computed = Zeroizing::new(vec![0; self.hash.len()]);
                pbkdf2::derive(*algorithm, *iterations, &self.salt, password, &mut computed);
                (computed, true)
            }
            Kind::Scrypt(params) => scrypt_of(params, &self.salt, password, self.hash.len()),
            Kind::Firebase(params) => {
                let (key, possible) = scrypt_of(params, &self.salt, password, 32);
                let stream = key_stream(&key, self.hash.len());
                (stream.unwrap_or_default(), possible)
            }
        };
        verify_slices_are_equal(&computed, &self.hash).is_ok() && possible
    }
}

type Computed = (Zeroizing<Vec<u8>>, bool);

fn bcrypt_of(cost: u32, salt: &[u8], password: &[u8]) -> Computed {
    let told_apart = password.len() <= BCRYPT_MAX && !password.contains(&0);
    let mut key: Zeroizing<Vec<u8>> = Zeroizing::new(password.iter().copied().take(BCRYPT_MAX).collect());
    key.push(0);
    let Ok(salt) = <[u8; 16]>::try_from(salt) else { return (Zeroizing::default(), false) };
    let mut computed = Zeroizing::new(bcrypt::bcrypt(cost, salt, &key).to_vec());
    // The text has no room for the last byte.
    computed.truncate(23);
    (computed, told_apart)
}

fn scrypt_of(params: &scrypt::Params, salt: &[u8], password: &[u8], length: usize) -> Computed {
    let mut computed = Zeroizing::new(vec![0; length]);
    let done = scrypt::scrypt(password, salt, params, &mut computed).is_ok();
    (computed, done)
}

/// AES-256 in counter mode from zero (NIST SP 800-38A section 6.5).
fn key_stream(key: &[u8], length: usize) -> Option<Zeroizing<Vec<u8>>> {
    let key = EncryptingKey::ctr(UnboundCipherKey::new(&AES_256, key).ok()?).ok()?;
    let mut stream = Zeroizing::new(vec![0; length]);
    let from_zero = EncryptionContext::Iv128(FixedLength::from([0; 16]));
    key.less_safe_encrypt(&mut stream, from_zero).ok()?;
    Some(stream)
}

fn bcrypt(cost: &str, rest: &str) -> Result<Imported, ImportError> {
    let digits = cost.len() == 2 && cost.bytes().all(|b| b.is_ascii_digit());
    let cost = cost.parse::<u32>().ok().filter(|cost| digits && *cost >= 4).ok_or(ImportError::Damaged)?;
    if cost > MAX_BCRYPT_COST {
        return Err(ImportError::TooCostly);
    }
    let (salt, hash) = rest.split_at_checked(22).filter(|_| rest.len() == 53).ok_or(ImportError::Damaged)?;
    let decode = |text: &str| BCRYPT_BASE64.decode(text).map_err(|_| ImportError::Damaged);
    Ok(Imported { kind: Kind::Bcrypt { cost }, salt: decode(salt)?, hash: decode(hash)? })
}

fn pbkdf2(
    algorithm: pbkdf2::Algorithm,
    iterations: &str,
    salt: Option<Vec<u8>>,
    hash: Option<Vec<u8>>,
) -> Result<Imported, ImportError> {
    let iterations = iterations.parse::<NonZeroU32>().map_err(|_| ImportError::Damaged)?;
    if iterations.get() > MAX_ITERATIONS {
        return Err(ImportError::TooCostly);
    }
    let (salt, hash) = salt.zip(hash).ok_or(ImportError::Damaged)?;
    Ok(Imported { kind: Kind::Pbkdf2 { algorithm, iterations }, salt, hash })
}

/// `29000` as passlib writes it, or `i=29000,l=32` as a PHC string does.
fn iterations(parameters: &str) -> &str {
    parameters.split(',').find_map(|one| one.strip_prefix("i=")).unwrap_or(parameters)
}

fn scrypt_hash(kind: Kind, salt: &str, hash: &str) -> Result<Imported, ImportError> {
    let (salt, hash) = decode(salt).zip(decode(hash)).ok_or(ImportError::Damaged)?;
    Ok(Imported { kind, salt, hash })
}

/// `ln=14,r=8,p=1`.
fn scrypt_parameters(text: &str) -> Result<scrypt::Params, ImportError> {
    let value = |name: &str| {
        let mut pairs = text.split(',').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).and_then(|(_, value)| value.parse::<u32>().ok())
    };
    let all = || Some((value("ln")?, value("r")?, value("p")?));
    let (ln, r, p) = all().ok_or(ImportError::Damaged)?;
    let memory = 1_u64.checked_shl(ln).and_then(|n| n.checked_mul(128)).and_then(|n| n.checked_mul(r.into()));
    if memory.is_none_or(|bytes| bytes > MAX_SCRYPT_BYTES) || p > MAX_SCRYPT_LANES {
        return Err(ImportError::TooCostly);
    }
    let ln = u8::try_from(ln).map_err(|_| ImportError::TooCostly)?;
    scrypt::Params::new(ln, r, p).map_err(|_| ImportError::Damaged)
}

/// base64 in any of its spellings: standard, URL-safe, or passlib's with a dot; padded or not.
fn decode(text: &str) -> Option<Vec<u8>> {
    let standard: String = text
        .chars()
        .map(|c| match c {
            '-' | '.' => '+',
            '_' => '/',
            other => other,
        })
        .collect();
    BASE64.decode(standard).ok()
}

#[cfg(test)]
mod tests;
