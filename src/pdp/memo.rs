//! Answers that were given, so that the same question about the same facts is not worked out again.
//!
//! An answer follows from the policies, the question and its facts and from nothing else: no clock, no chance, no
//! memory. The question holds its facts, so the whole of it is the key; each snapshot of the policies begins with an
//! empty memo. So nothing here can be stale. A key is kept as its SHA-256, of which nobody can find two alike: thirty
//! bytes instead of ten entities, so that many more answers are kept, and an answer that is not asked for again costs little.

use std::sync::Arc;

use moka::sync::Cache;

use super::decision::Decision;
use super::digest::digest;
use super::question::Question;

/// How many answers are kept, some 400 bytes each.
const KEPT: u64 = 50_000;

/// A question, and the overlay it was asked with (0 is none).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key([u8; 32]);

#[derive(Debug)]
pub(super) struct Memo(Cache<Key, Arc<Decision>>);

impl Default for Memo {
    fn default() -> Self {
        Self(Cache::new(KEPT))
    }
}

impl Memo {
    pub(super) fn get(&self, key: Key) -> Option<Arc<Decision>> {
        self.0.get(&key)
    }

    pub(super) fn keep(&self, key: Key, decision: &Arc<Decision>) {
        self.0.insert(key, Arc::clone(decision));
    }
}

impl Key {
    pub(super) fn of(overlay: u64, question: &Question) -> Self {
        let Question { principal, action, resource, context, entities } = question;
        Self(digest(&(overlay, principal, action, resource, context, entities.digests())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pdp::{Entity, EntityRef, Value};

    fn question() -> Question {
        let parents = vec![EntityRef::new("Role", "a"), EntityRef::new("Role", "b")];
        let attributes = vec![("x".into(), Value::Text("yz".into())), ("n".into(), Value::Long(1))];
        let uid = EntityRef::new("User", "ada");
        Question {
            principal: uid.clone(),
            action: "read".into(),
            resource: EntityRef::new("File", "f"),
            context: vec![("k".into(), Value::Set(vec![Value::Bool(true)]))],
            entities: Entity { uid, attributes, parents }.into(),
        }
    }

    fn ada(question: &mut Question) -> &mut Entity {
        question.entities.get_mut(&question.principal).unwrap()
    }

    #[test]
    fn a_key_tells_every_part_of_a_question_from_every_other() {
        let changes: [fn(&mut Question); 12] = [
            |_| {},
            |it| it.principal.id = "ad".into(),
            |it| it.action = "write".into(),
            |it| it.resource = EntityRef::new("Fil", "ef"),
            |it| it.context.clear(),
            |it| it.context = vec![("k".into(), Value::Bool(true))],
            |it| ada(it).uid.id = "Ada".into(),
            |it| ada(it).attributes[0] = ("xy".into(), Value::Text("z".into())),
            |it| ada(it).attributes[1].1 = Value::Long(2),
            |it| ada(it).parents = vec![EntityRef::new("Role", "ab")],
            |it| ada(it).parents.truncate(1),
            |it| {
                let twice = ada(it).clone();
                it.entities.push(twice);
            },
        ];
        let mut keys: Vec<Key> = Vec::new();
        for change in changes {
            let mut asked = question();
            change(&mut asked);
            for overlay in [0, 1] {
                let key = Key::of(overlay, &asked);
                assert!(!keys.contains(&key), "{asked:?}");
                keys.push(key);
            }
        }
        assert_eq!(Key::of(0, &question()), keys[0]);
    }
}
