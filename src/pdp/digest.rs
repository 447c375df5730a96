//! One short name for a value and all that is in it.

use std::hash::{Hash, Hasher};

use sha2::{Digest as _, Sha256};

/// A SHA-256, of which nobody can find two alike.
pub(super) type Digest = [u8; 32];

/// The name of a value. Another version of the program may name it otherwise.
pub(super) fn digest(value: &impl Hash) -> Digest {
    let mut bytes = Bytes(Vec::with_capacity(1_024));
    value.hash(&mut bytes);
    Sha256::digest(&bytes.0).into()
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
