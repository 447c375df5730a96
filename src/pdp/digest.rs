//! One short name for a value and all that is in it.

use std::hash::{Hash, Hasher};

use sha2::{Digest as _, Sha256};

use super::question::Entity;

/// The SHA-256 of a value, of which nobody can find two alike. Another version of the program may name it otherwise.
pub(super) fn digest(value: &impl Hash) -> [u8; 32] {
    let mut bytes = Bytes(Vec::with_capacity(4_096));
    value.hash(&mut bytes);
    Sha256::digest(&bytes.0).into()
}

impl Entity {
    /// The same for the same entities, in whatever order.
    #[must_use]
    pub fn digest_of_all(entities: &[Self]) -> [u8; 32] {
        let mut sorted: Vec<&Self> = entities.iter().collect();
        sorted.sort_by(|a, b| a.uid.cmp(&b.uid));
        digest(&sorted)
    }
}

/// What there is to hash of a value: lists come with their lengths and texts with their ends, so that different values
/// are different bytes.
struct Bytes(Vec<u8>);

impl Hasher for Bytes {
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Nobody asks: the bytes themselves are taken.
    fn finish(&self) -> u64 {
        0
    }
}
