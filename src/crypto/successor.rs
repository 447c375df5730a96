//! The refresh token that follows another, computed instead of stored.

use aws_lc_rs::hmac;

use super::MasterKey;
use crate::domain::Secret;

/// The token that `parent` turns into when it is used: HMAC-SHA-256 of it under a subkey of the master.
///
/// A client whose answer got lost asks again with the parent; within the grace period it gets this same
/// token, although only its hash is stored. Without the master key the successor of a stolen parent
/// cannot be told.
#[must_use]
pub fn refresh_successor(master: &MasterKey, parent: &Secret) -> Secret {
    let key = hmac::Key::new(hmac::HMAC_SHA256, master.derive("refresh successor v1").as_ref());
    Secret::from_bytes(hmac::sign(&key, parent.expose().as_bytes()).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::SeededRandom;

    #[test]
    fn a_parent_has_one_successor_under_one_master_key() {
        let random = SeededRandom::new(1);
        let (master, other) = (MasterKey::generate(&random).0, MasterKey::generate(&random).0);
        let (parent, stranger) = (Secret::random(&random), Secret::random(&random));
        let successor = refresh_successor(&master, &parent);
        assert_eq!(successor.expose().len(), 43);
        assert_eq!(successor.hash(), refresh_successor(&master, &parent).hash());
        assert_ne!(successor.hash(), parent.hash());
        assert_ne!(successor.hash(), refresh_successor(&master, &stranger).hash());
        assert_ne!(successor.hash(), refresh_successor(&other, &parent).hash());
        assert_ne!(successor.hash(), refresh_successor(&master, &successor).hash());
    }
}
