//! Proof that machine code on disk is what this installation once compiled.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;

use super::MasterKey;

/// Bytes of a tag.
const TAG: usize = 32;

/// Seals the code of compiled plugins: HMAC-SHA-256 under a subkey of the master, over the name and the code.
///
/// Such code runs as part of the server, so whoever could write to the folder that it lies in could otherwise run
/// anything.
#[derive(Debug)]
pub struct CodeSeal(hmac::Key);

impl CodeSeal {
    #[must_use]
    pub fn new(master: &MasterKey) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, master.derive("compiled plugins v1").as_ref()))
    }

    /// The code with its tag before it, to be kept under `name`.
    #[must_use]
    pub fn seal(&self, name: &str, code: &[u8]) -> Vec<u8> {
        let tag = self.tag(name, code);
        [tag.as_ref(), code].concat()
    }

    /// The code that was sealed under this name and this key; none if it is anything else.
    #[must_use]
    pub fn open(&self, name: &str, mut sealed: Vec<u8>) -> Option<Vec<u8>> {
        let (tag, code) = sealed.split_at_checked(TAG)?;
        verify_slices_are_equal(self.tag(name, code).as_ref(), tag).ok()?;
        sealed.drain(..TAG);
        Some(sealed)
    }

    /// The name's length goes first, so that no other name and code read the same. The code is not copied for it: there
    /// may be dozens of megabytes.
    fn tag(&self, name: &str, code: &[u8]) -> hmac::Tag {
        let length = u64::try_from(name.len()).unwrap_or(u64::MAX).to_be_bytes();
        let mut context = hmac::Context::with_key(&self.0);
        for piece in [&length, name.as_bytes(), code] {
            context.update(piece);
        }
        context.sign()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::SeededRandom;

    #[test]
    fn only_what_was_sealed_under_the_name_and_key_opens() {
        let random = SeededRandom::new(1);
        let seal = CodeSeal::new(&MasterKey::generate(&random).0);
        let sealed = seal.seal("door.1", b"code");
        assert_eq!(seal.open("door.1", sealed.clone()).as_deref(), Some(&b"code"[..]));

        assert_eq!(seal.open("door.2", sealed.clone()), None, "another name");
        assert_eq!(CodeSeal::new(&MasterKey::generate(&random).0).open("door.1", sealed.clone()), None);
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert_eq!(seal.open("door.1", changed), None, "byte {place}");
            assert_eq!(seal.open("door.1", sealed[..place].to_vec()), None, "cut after {place}");
        }
        assert_eq!(
            seal.open("door.", seal.seal("door", b".code")),
            None,
            "a name that takes a piece of the code"
        );
    }
}
