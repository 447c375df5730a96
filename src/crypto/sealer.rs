//! Encryption at rest: what a stolen database alone must not tell.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use zeroize::Zeroizing;

use super::MasterKey;

/// Seals with AES-256-GCM (NIST SP 800-38D) under a subkey of the master key.
///
/// A sealed value is `format (1) || key id (4) || nonce (12) || ciphertext || tag (16)`: 33 bytes more
/// than the plaintext. The key id tells which of two masters sealed it while they are rotated.
/// Nonces are random, so one master key is good for 2^32 values (section 8.3 of the same).
pub struct Sealer {
    current: Subkey,
    previous: Option<Subkey>,
}

struct Subkey {
    key: RandomizedNonceKey,
    prefix: [u8; PREFIX],
}

const FORMAT: u8 = 1;
const PREFIX: usize = 5;

/// Why a sealed value does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error("this is not a sealed value of a known format")]
    Malformed,
    #[error("this was sealed under another master key")]
    OtherKey,
    #[error("this was altered, or sealed for another purpose")]
    Forged,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer(…)")
    }
}

impl Sealer {
    #[must_use]
    pub fn new(master: &MasterKey) -> Self {
        Self::rotating(master, None)
    }

    /// Opens what either master sealed, and seals under `master` only.
    #[must_use]
    pub fn rotating(master: &MasterKey, previous: Option<&MasterKey>) -> Self {
        Self { current: Subkey::of(master), previous: previous.map(Subkey::of) }
    }

    /// Seals `plaintext` for one purpose; it opens for the same purpose only.
    #[must_use]
    #[expect(clippy::expect_used, reason = "fails only beyond 64 GiB of plaintext or without entropy")]
    pub fn seal(&self, purpose: &'static str, plaintext: &[u8]) -> Vec<u8> {
        let Subkey { key, prefix } = &self.current;
        let mut text = Zeroizing::new(Vec::with_capacity(plaintext.len() + AES_256_GCM.tag_len()));
        text.extend_from_slice(plaintext);
        let bound = self.current.bound_to(purpose);
        let nonce = key.seal_in_place_append_tag(bound, &mut *text).expect("seals");
        [prefix.as_slice(), nonce.as_ref(), text.as_slice()].concat()
    }

    /// Opens what [`Sealer::seal`] made for the same purpose.
    ///
    /// # Errors
    /// [`SealError`]; nothing of the plaintext is told unless all of it is authentic.
    pub fn open(&self, purpose: &'static str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (prefix, rest) = sealed.split_first_chunk::<PREFIX>().ok_or(SealError::Malformed)?;
        let (nonce, text) = rest.split_first_chunk::<NONCE_LEN>().ok_or(SealError::Malformed)?;
        if prefix[0] != FORMAT {
            return Err(SealError::Malformed);
        }
        let known = [Some(&self.current), self.previous.as_ref()];
        let subkey = known.into_iter().flatten().find(|subkey| subkey.prefix == *prefix);
        let subkey = subkey.ok_or(SealError::OtherKey)?;
        let mut text = Zeroizing::new(text.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = subkey
            .key
            .open_in_place(nonce, subkey.bound_to(purpose), &mut text)
            .map(|plain| plain.len())
            .map_err(|_| SealError::Forged)?;
        text.truncate(length);
        Ok(text)
    }

    /// Whether a value names the current master's key as its own; it need not open.
    #[must_use]
    pub fn is_current(&self, sealed: &[u8]) -> bool {
        sealed.starts_with(&self.current.prefix)
    }
}

impl Subkey {
    #[expect(clippy::expect_used, reason = "the key has the 32 bytes that AES-256 takes")]
    fn of(master: &MasterKey) -> Self {
        let key = RandomizedNonceKey::new(&AES_256_GCM, master.derive("seal v1").as_ref());
        let [a, b, c, d, ..] = *master.derive("seal key id v1");
        Self { key: key.expect("a 32-byte key"), prefix: [FORMAT, a, b, c, d] }
    }

    /// What is authenticated with the text: its own prefix, and what the text is for.
    fn bound_to(&self, purpose: &'static str) -> Aad<Vec<u8>> {
        Aad::from([self.prefix.as_slice(), purpose.as_bytes()].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::SeededRandom;

    fn sealer(seed: u64) -> Sealer {
        Sealer::new(&MasterKey::generate(&SeededRandom::new(seed)).0)
    }

    #[test]
    fn what_is_sealed_opens_again_and_never_looks_the_same_twice() {
        let sealer = sealer(1);
        for text in [b"".as_slice(), b"x", &[7; 5000]] {
            let (one, two) = (sealer.seal("outbox", text), sealer.seal("outbox", text));
            assert_ne!(one, two);
            assert_eq!(one.len(), text.len() + 33);
            assert_eq!(sealer.open("outbox", &one).unwrap().as_slice(), text);
        }
    }

    #[test]
    fn a_value_opens_for_its_own_purpose_only() {
        let sealed = sealer(1).seal("outbox", b"letter");
        assert_eq!(sealer(1).open("signing key", &sealed).unwrap_err(), SealError::Forged);
    }

    #[test]
    fn another_master_key_does_not_open_it() {
        let sealed = sealer(1).seal("outbox", b"letter");
        assert_eq!(sealer(2).open("outbox", &sealed).unwrap_err(), SealError::OtherKey);
    }

    #[test]
    fn while_masters_rotate_both_open_and_only_the_current_one_seals() {
        let master = |seed| MasterKey::generate(&SeededRandom::new(seed)).0;
        let (old, new) = (Sealer::new(&master(1)), Sealer::new(&master(2)));
        let rotating = Sealer::rotating(&master(2), Some(&master(1)));
        let sealed = old.seal("outbox", b"letter");
        assert_eq!(rotating.open("outbox", &sealed).unwrap().as_slice(), b"letter");
        assert!(!rotating.is_current(&sealed));
        let anew = rotating.seal("outbox", b"letter");
        assert_eq!(new.open("outbox", &anew).unwrap().as_slice(), b"letter");
        assert!(rotating.is_current(&anew));
        assert_eq!(old.open("outbox", &anew).unwrap_err(), SealError::OtherKey);
        assert_eq!(rotating.open("signing key", &sealed).unwrap_err(), SealError::Forged);
        let third = Sealer::new(&master(3)).seal("outbox", b"letter");
        assert_eq!(rotating.open("outbox", &third).unwrap_err(), SealError::OtherKey);
    }

    #[test]
    fn every_altered_bit_and_every_cut_is_noticed() {
        let sealer = sealer(1);
        let sealed = sealer.seal("outbox", b"letter");
        for at in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[at] ^= 1;
            assert!(sealer.open("outbox", &altered).is_err(), "bit in byte {at}");
            assert!(sealer.open("outbox", &sealed[..at]).is_err(), "cut at {at}");
        }
        assert!(sealer.open("outbox", &[sealed, vec![0]].concat()).is_err());
    }
}
