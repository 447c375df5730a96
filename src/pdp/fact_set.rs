//! The entities that questions rest on, in parts that questions share.
//!
//! What is known of an organization is the same for every question about what is in it. It is put together once, and a
//! question holds on to it instead of copying it; its digest, too, is worked out once.

use std::sync::{Arc, OnceLock};

use super::digest::{Digest, digest};
use super::question::{Entity, EntityRef};

/// Entities, in the order in which they were added. Cheap to clone: the parts are shared, not copied.
#[derive(Debug, Clone, Default)]
pub struct FactSet {
    parts: Vec<Arc<Part>>,
}

#[derive(Debug, Default)]
struct Part {
    entities: Vec<Entity>,
    digest: OnceLock<Digest>,
}

/// To be changed, so whatever was worked out of it is forgotten.
impl Clone for Part {
    fn clone(&self) -> Self {
        Self { entities: self.entities.clone(), ..Self::default() }
    }
}

impl Part {
    fn digest(&self) -> Digest {
        *self.digest.get_or_init(|| {
            let mut sorted: Vec<&Entity> = self.entities.iter().collect();
            sorted.sort_by(|a, b| a.uid.cmp(&b.uid));
            digest(&sorted)
        })
    }
}

impl From<Vec<Entity>> for FactSet {
    fn from(entities: Vec<Entity>) -> Self {
        Self { parts: vec![Arc::new(Part { entities, ..Part::default() })] }
    }
}

impl From<Entity> for FactSet {
    fn from(entity: Entity) -> Self {
        vec![entity].into()
    }
}

impl FromIterator<Entity> for FactSet {
    fn from_iter<I: IntoIterator<Item = Entity>>(entities: I) -> Self {
        entities.into_iter().collect::<Vec<_>>().into()
    }
}

impl PartialEq for FactSet {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for FactSet {}

impl FactSet {
    pub fn iter(&self) -> impl Iterator<Item = &Entity> {
        self.parts.iter().flat_map(|part| &part.entities)
    }

    #[must_use]
    pub fn first(&self) -> Option<&Entity> {
        self.iter().next()
    }

    /// Of two with one name the first.
    #[must_use]
    pub fn get(&self, name: &EntityRef) -> Option<&Entity> {
        self.iter().find(|entity| entity.uid == *name)
    }

    #[must_use]
    pub fn contains(&self, name: &EntityRef) -> bool {
        self.get(name).is_some()
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.parts.iter().map(|part| part.entities.len()).sum()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds one, whether one of its name is there or not.
    pub fn push(&mut self, entity: Entity) {
        match self.parts.last_mut().and_then(Arc::get_mut) {
            Some(part) => {
                part.entities.push(entity);
                part.digest.take();
            }
            None => self.parts.extend(Self::from(entity).parts),
        }
    }

    /// Adds those of which none of their name is there.
    pub fn add(&mut self, others: &Self) {
        for part in &others.parts {
            if part.entities.iter().any(|entity| self.contains(&entity.uid)) {
                for entity in &part.entities {
                    if !self.contains(&entity.uid) {
                        self.push(entity.clone());
                    }
                }
            } else {
                self.parts.push(Arc::clone(part));
            }
        }
    }

    /// The one of this name, to be changed here and nowhere else.
    pub fn get_mut(&mut self, name: &EntityRef) -> Option<&mut Entity> {
        let named = |part: &Arc<Part>| part.entities.iter().position(|entity| entity.uid == *name);
        let (part, place) = self.parts.iter_mut().find_map(|part| named(part).map(|place| (part, place)))?;
        let part = Arc::make_mut(part);
        part.digest.take();
        part.entities.get_mut(place)
    }

    /// All but those of this name.
    #[must_use]
    pub fn without(&self, name: &EntityRef) -> Self {
        if !self.contains(name) {
            return self.clone();
        }
        self.iter().filter(|entity| entity.uid != *name).cloned().collect()
    }

    /// Of each part one, in their order.
    pub(super) fn digests(&self) -> Vec<Digest> {
        self.parts.iter().map(|part| part.digest()).collect()
    }

    /// One name for all of it. The same facts, put together of the same parts in whatever order, have the same name;
    /// other facts have another.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut digests = self.digests();
        digests.sort_unstable();
        digest(&digests)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pdp::Value;

    fn name(id: &str) -> EntityRef {
        EntityRef::new("Thing", id)
    }

    fn entity(id: &str, level: i64) -> Entity {
        Entity { uid: name(id), attributes: vec![("level".into(), Value::Long(level))], parents: Vec::new() }
    }

    fn levels(facts: &FactSet) -> Vec<(&str, &Value)> {
        facts.iter().map(|it| (it.uid.id.as_str(), &it.attributes[0].1)).collect()
    }

    #[test]
    fn of_two_with_one_name_the_first_is_kept() {
        let mut facts = FactSet::from(vec![entity("a", 1), entity("b", 1)]);
        facts.add(&vec![entity("c", 2), entity("b", 2)].into());
        facts.add(&entity("d", 3).into());
        let one = Value::Long(1);
        assert_eq!(
            levels(&facts),
            [("a", &one), ("b", &one), ("c", &Value::Long(2)), ("d", &Value::Long(3))]
        );
        assert_eq!((facts.len(), facts.get(&name("e"))), (4, None));
    }

    #[test]
    fn a_change_stays_where_it_was_made_and_changes_the_digest() {
        let shared = FactSet::from(vec![entity("a", 1), entity("b", 1)]);
        let digest = shared.digest();
        let mut own = shared.clone();
        assert_eq!(own.digest(), digest);
        own.get_mut(&name("b")).unwrap().attributes[0].1 = Value::Long(2);
        assert_eq!(levels(&own)[1].1, &Value::Long(2));
        assert_ne!(own.digest(), digest);
        // Now it is nobody else's, and is not copied.
        own.get_mut(&name("b")).unwrap().attributes[0].1 = Value::Long(1);
        assert_eq!(own.digest(), digest);
        assert_eq!((shared.digest(), levels(&shared)[1].1), (digest, &Value::Long(1)));
    }

    #[test]
    fn what_is_pushed_stays_where_it_was_pushed_and_changes_the_digest() {
        let shared = FactSet::from(entity("a", 1));
        let digest = shared.digest();
        let mut own = shared.clone();
        own.push(entity("b", 1));
        let more = own.digest();
        own.push(entity("c", 1));
        assert_eq!((shared.len(), own.len()), (1, 3));
        assert!(digest == shared.digest() && digest != more && more != own.digest());
    }

    #[test]
    fn the_order_of_what_is_put_together_makes_no_other_digest() {
        let (one, two) = (FactSet::from(vec![entity("a", 1), entity("b", 1)]), FactSet::from(entity("c", 1)));
        let together = |first: &FactSet, second: &FactSet| {
            let mut all = first.clone();
            all.add(second);
            all.digest()
        };
        assert_eq!(together(&one, &two), together(&two, &one));
        let turned = FactSet::from(vec![entity("b", 1), entity("a", 1)]);
        assert_eq!(turned.digest(), one.digest());
    }

    #[test]
    fn what_is_left_out_is_left_out_of_a_copy() {
        let facts = FactSet::from(vec![entity("a", 1), entity("b", 1), entity("a", 2)]);
        assert_eq!(levels(&facts.without(&name("a"))), [("b", &Value::Long(1))]);
        assert_eq!(facts.without(&name("c")), facts);
        assert_eq!(facts.len(), 3);
    }
}
