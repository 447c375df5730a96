//! Where questions are answered.

use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::decision::{Decision, Error, PolicyText, PolicyVersion};
use super::index::Sum;
use super::load::Snapshot;
use super::memo::Key;
use super::overlay::{Overlay, RolePolicy};
use super::problem::LoadError;
use super::question::Question;

/// A policy decision point over one folder of policies. Share it in an `Arc`; it takes no lock.
#[derive(Debug)]
pub struct Pdp {
    current: ArcSwap<Snapshot>,
}

/// Another engine that begins with the policies this one has now; a reload of either is not seen by the other.
impl Clone for Pdp {
    fn clone(&self) -> Self {
        Self { current: ArcSwap::new(self.current.load_full()) }
    }
}

impl Pdp {
    /// Reads, parses and validates a folder. Slow (milliseconds): for start and reload.
    ///
    /// # Errors
    /// Everything that is wrong, each with its place. Warnings of the validator count.
    pub fn load(dir: &Path) -> Result<Self, LoadError> {
        Ok(Self { current: ArcSwap::from_pointee(Snapshot::read(dir)?) })
    }

    /// Takes the folder's present state. Decisions under way finish by the old one.
    ///
    /// # Errors
    /// As `load`; the old policies stay in force.
    pub fn reload(&self, dir: &Path) -> Result<(), LoadError> {
        let next = Snapshot::read(dir)?;
        self.current.store(Arc::new(next));
        Ok(())
    }

    pub(super) fn current(&self) -> arc_swap::Guard<Arc<Snapshot>> {
        self.current.load()
    }

    /// Answers one question. Forbid wins over permit; nothing said means no; an evaluation that fails means no; an
    /// action that the schema does not know for this kind of principal means no.
    ///
    /// # Errors
    /// `BadQuestion` when the question or its facts do not fit the schema.
    pub fn decide(&self, question: &Question) -> Result<Arc<Decision>, Error> {
        self.decide_with(question, None)
    }

    /// The same, by the policies of an organization's own roles too.
    ///
    /// # Errors
    /// As `decide`.
    pub fn decide_with(
        &self,
        question: &Question,
        overlay: Option<&Overlay>,
    ) -> Result<Arc<Decision>, Error> {
        let snapshot = self.current.load();
        let key = Key::of(overlay.map_or(0, Overlay::number), question);
        if let Some(decision) = snapshot.memo.get(key) {
            return Ok(decision);
        }
        let decision = Arc::new(snapshot.work_out(question, overlay)?);
        snapshot.memo.keep(key, &decision);
        Ok(decision)
    }

    /// Makes policies of roles, for [`Pdp::decide_with`]. Slow (some 20 µs each): keep it as long as the roles and
    /// [`Pdp::version`] stay what they are.
    ///
    /// # Errors
    /// `BadQuestion` if an entity's type is not in the schema.
    pub fn overlay(&self, roles: &[RolePolicy]) -> Result<Overlay, Error> {
        Overlay::build(&self.current.load().words, roles)
    }

    /// The operations of the schema (actions in PascalCase), sorted.
    #[must_use]
    pub fn operations(&self) -> Vec<String> {
        self.current.load().operations.keys().cloned().collect()
    }

    /// The permissions and wildcards of the schema (actions in lower case), sorted.
    #[must_use]
    pub fn permissions(&self) -> Vec<String> {
        self.current.load().permissions.clone()
    }

    /// Whether the schema has a permission of this name.
    #[must_use]
    pub fn is_permission(&self, name: &str) -> bool {
        self.current.load().permissions.binary_search_by(|known| known.as_str().cmp(name)).is_ok()
    }

    /// Whether a credential can be granted this permission.
    #[must_use]
    pub fn is_scope(&self, permission: &str) -> bool {
        self.current.load().scopes.iter().any(|scope| scope == permission)
    }

    /// Whether the schema lets a principal of this type do the action to a resource of that type at all. If not, no
    /// policy can allow it, and asking is a mistake.
    #[must_use]
    pub fn applies(&self, action: &str, principal: &str, resource: &str) -> bool {
        self.current.load().words.applies(action, principal, resource)
    }

    /// The permission that an operation belongs to: `org:read` for `GetOrganization`.
    #[must_use]
    pub fn permission_of(&self, operation: &str) -> Option<String> {
        self.current.load().operations.get(operation).cloned().flatten()
    }

    /// Which policies are in force.
    #[must_use]
    pub fn version(&self) -> PolicyVersion {
        self.current.load().version
    }

    /// What a policy is for and where it stands.
    #[must_use]
    pub fn describe(&self, policy_id: &str) -> Option<PolicyText> {
        let snapshot = self.current.load();
        snapshot.about.get(&cedar_policy::PolicyId::new(policy_id)).map(|about| about.text.clone())
    }
}

impl Snapshot {
    fn work_out(&self, question: &Question, overlay: Option<&Overlay>) -> Result<Decision, Error> {
        let Some((request, entities)) = self.words.ask(question)? else {
            let version = self.version;
            return Ok(Decision { allowed: false, determining: Vec::new(), errors: Vec::new(), version });
        };
        let mut sum = Sum::default();
        self.index.ask_into(&request, &entities, &mut sum);
        overlay.into_iter().for_each(|overlay| overlay.ask_into(&request, &entities, &mut sum));
        let answer = sum.answer();
        let about = |id| self.about.get(id).or_else(|| overlay?.about(id));
        let failed = !answer.errors.is_empty();
        let allowed = answer.allowed && !failed;
        // The permits that would have allowed it did not determine a deny.
        let determining = if answer.allowed && failed { Vec::new() } else { answer.reasons };
        Ok(Decision {
            allowed,
            determining: determining
                .iter()
                .filter_map(|id| about(id).map(|about| about.determining.clone()))
                .collect(),
            errors: answer.errors.into_iter().map(|(id, error)| format!("policy `{id}`: {error}")).collect(),
            version: self.version,
        })
    }
}
