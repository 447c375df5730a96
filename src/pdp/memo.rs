//! Answers that were given, so that the same question about the same facts is not worked out again.
//!
//! An answer follows from the policies, the question and its facts and from nothing else: no clock, no chance, no
//! memory. The question holds its facts, so the whole of it is the key, compared and not only hashed; each snapshot of
//! the policies begins with an empty memo. So nothing here can be stale.

use std::borrow::Borrow;
use std::hash::{Hash, Hasher};

use moka::sync::Cache;

use super::decision::Decision;
use super::question::Question;

/// How many entities the questions kept may hold in all, some 400 bytes each.
const KEPT: u64 = 20_000;

/// By the snapshot and the overlay of this number (0 is none).
#[derive(Debug, PartialEq, Eq, Hash)]
struct Kept(u64, Question);

#[derive(Debug)]
pub(super) struct Memo(Cache<Kept, Decision>);

impl Default for Memo {
    fn default() -> Self {
        let weight = |key: &Kept, _: &Decision| u32::try_from(key.1.entities.len()).unwrap_or(u32::MAX);
        Self(Cache::builder().max_capacity(KEPT).weigher(weight).build())
    }
}

impl Memo {
    pub(super) fn get(&self, overlay: u64, question: &Question) -> Option<Decision> {
        self.0.get(&(overlay, question) as &dyn Key)
    }

    pub(super) fn keep(&self, overlay: u64, question: &Question, decision: &Decision) {
        self.0.insert(Kept(overlay, question.clone()), decision.clone());
    }
}

/// A key that is looked for without making one.
trait Key {
    fn parts(&self) -> (u64, &Question);
}

impl Key for Kept {
    fn parts(&self) -> (u64, &Question) {
        (self.0, &self.1)
    }
}

impl Key for (u64, &Question) {
    fn parts(&self) -> (u64, &Question) {
        (self.0, self.1)
    }
}

impl<'a> Borrow<dyn Key + 'a> for Kept {
    fn borrow(&self) -> &(dyn Key + 'a) {
        self
    }
}

impl Hash for dyn Key + '_ {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parts().hash(state);
    }
}

impl PartialEq for dyn Key + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}

impl Eq for dyn Key + '_ {}
