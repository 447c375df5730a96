//! Why a product's question was answered as it was, and what would change a no into a yes.

use super::actions::{ExplainDecision, role_ref};
use super::evaluation::question;
use super::grants::{around, roles_on};
use super::own_roles::OwnRoles;
use super::record::DecisionId;
use super::{Asked, Authorized, Guard, OWN_TYPES, Unknown, give_way};
use crate::domain::{HeldRole, OrganizationId, ProjectRole, RoleRef, SystemRole};
use crate::pdp::{EntityRef, Explanation, Question, Value};
pub use crate::pdp::{ExplainedPolicy, NearMiss};

/// Something that an administrator, or the person, could change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// The subject holds this role in the organization.
    Role(HeldRole),
    /// The subject is given this role on the thing, or on something that it is in.
    Grant(HeldRole, EntityRef),
    /// The person proves the address.
    VerifyEmail,
    /// The account is approved.
    Approve,
    /// The account, or the agent, is no longer suspended.
    Reinstate,
    /// The person takes back that the account be deleted.
    Restore,
}

impl Remedy {
    /// What is wrong with an account, if it is; the order is that of a person's way in.
    const STATES: [Self; 4] = [Self::VerifyEmail, Self::Approve, Self::Reinstate, Self::Restore];
    /// Of the platform's, from the least to the most.
    const ROLES: [SystemRole; 5] = [
        SystemRole::Viewer,
        SystemRole::AgentExecutor,
        SystemRole::Member,
        SystemRole::Admin,
        SystemRole::Owner,
    ];

    /// The stable word.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Role(_) => "role",
            Self::Grant(..) => "grant",
            Self::VerifyEmail => "verify-email",
            Self::Approve => "approve-account",
            Self::Reinstate => "reinstate",
            Self::Restore => "restore-account",
        }
    }

    /// The question as it would be; nothing if it would be the same.
    fn applied(
        &self,
        question: &Question,
        organization: OrganizationId,
        given: &[EntityRef],
        own: Option<&OwnRoles>,
    ) -> Option<Question> {
        let mut question = question.clone();
        let subject = question.entities.get_mut(&question.principal)?;
        match self {
            Self::Role(HeldRole { role, .. }) => {
                // An agent is never an owner, and only people and agents hold these roles.
                let may = match subject.uid.kind.as_ref() {
                    "User" => true,
                    "Agent" => *role != SystemRole::Owner.into(),
                    _ => false,
                };
                let role = role_ref(organization, *role);
                if !may || subject.parents.contains(&role) {
                    return None;
                }
                // What they were given on the thing stays theirs.
                subject.parents.retain(|parent| parent.kind != role.kind || given.contains(parent));
                subject.parents.push(role.clone());
                enter_own(&mut question, own, role);
            }
            Self::Grant(HeldRole { role, .. }, _) => {
                let role = role_ref(organization, *role);
                if !matches!(subject.uid.kind.as_ref(), "User" | "Agent") || subject.parents.contains(&role) {
                    return None;
                }
                subject.parents.push(role.clone());
                enter_own(&mut question, own, role);
            }
            Self::VerifyEmail => set(&mut subject.attributes, "email_verified", true)?,
            Self::Approve => set(&mut subject.attributes, "waitlisted", false)?,
            Self::Reinstate => set(&mut subject.attributes, "suspended", false)?,
            Self::Restore => set(&mut subject.attributes, "deleting", false)?,
        }
        Some(question)
    }
}

/// What a role of the organization's own is in is part of the question too.
fn enter_own(question: &mut Question, own: Option<&OwnRoles>, role: EntityRef) {
    if let Some(own) = own {
        own.add_to(&mut question.entities, vec![role]);
    }
}

/// Nothing if it is so already, or there is no such attribute.
fn set(attributes: &mut crate::pdp::Pairs, key: &str, to: bool) -> Option<()> {
    let (_, value) = attributes.iter_mut().find(|(name, _)| name == key)?;
    if *value == Value::Bool(to) {
        return None;
    }
    *value = Value::Bool(to);
    Some(())
}

/// An answer, and why.
#[derive(Debug, Clone)]
pub struct Why {
    pub id: DecisionId,
    pub allowed: bool,
    /// A forbid decided; else, on a no, nothing permits it.
    pub forbidden: bool,
    /// Why nothing could be asked.
    pub unknown: Option<&'static str>,
    /// What went wrong while evaluating, one sentence each.
    pub errors: Vec<String>,
    pub policy_version: String,
    pub determining: Vec<ExplainedPolicy>,
    pub near_misses: Vec<NearMiss>,
    /// Each list, done as a whole, would make it a yes; the least first.
    pub remedies: Vec<Vec<Remedy>>,
}

impl Guard {
    /// Explains; the answer is told to the recorder like every other.
    pub async fn explain(&self, ok: &Authorized<'_, ExplainDecision>, asked: Asked) -> Why {
        let named = (uid(&asked.subject), asked.action.clone(), uid(&asked.resource));
        let answer = self.evaluate(ok, asked.clone()).await;
        let unknown = |code: Option<&'static str>| Why {
            id: answer.id,
            allowed: answer.allowed,
            forbidden: false,
            unknown: code,
            errors: Vec::new(),
            policy_version: self.pdp().version().to_string(),
            determining: Vec::new(),
            near_misses: Vec::new(),
            remedies: Vec::new(),
        };
        let (Some(subject), action, Some(resource)) = named else {
            return unknown(Some(Unknown::Facts.code()));
        };
        if !self.pdp().applies(&action, &subject.kind, &resource.kind) {
            return unknown(Some(Unknown::Combination.code()));
        }
        let (given, registered) = (asked.subject.given.clone(), !asked.resource.asserted);
        let Some(question) = question(self.pdp(), ok, asked) else {
            return unknown(Some(Unknown::Facts.code()));
        };
        let given = roles_on(&given, &[&question.entities], &question.resource);
        let overlay = ok.own_roles().map(|own| &*own.overlay);
        let Ok(Explanation { decision, determining, near_misses }) = self.pdp().explain(&question, overlay)
        else {
            return unknown(Some(Unknown::Facts.code()));
        };
        let near_misses = near_misses.into_iter().filter(|miss| concerns(miss, &question)).collect();
        // Roles are given on what is registered, which is never one of ours.
        let mut places = around(&[&question.entities], &question.resource);
        places.retain(|place| registered && !OWN_TYPES.contains(&place.kind.as_ref()));
        let remedies =
            if decision.allowed { Vec::new() } else { self.remedies(ok, &question, &given, &places).await };
        Why {
            forbidden: !decision.allowed && !decision.determining.is_empty(),
            allowed: decision.allowed,
            errors: decision.errors.clone(),
            policy_version: decision.version.to_string(),
            determining,
            near_misses,
            remedies,
            ..unknown(None)
        }
    }

    /// The same for a question that cannot be asked.
    pub async fn explain_unknown(
        &self,
        ok: &Authorized<'_, ExplainDecision>,
        subject: (&str, &str),
        action: &str,
        resource: (&str, &str),
        why: Unknown,
    ) -> Why {
        let answer = self.unknown(ok, subject, action, resource, why).await;
        Why {
            id: answer.id,
            allowed: false,
            forbidden: false,
            unknown: Some(why.code()),
            errors: Vec::new(),
            policy_version: self.pdp().version().to_string(),
            determining: Vec::new(),
            near_misses: Vec::new(),
            remedies: Vec::new(),
        }
    }

    /// Tries what there is to try: an account put in order, a role in the organization or on one of `places`, then both.
    async fn remedies(
        &self,
        ok: &Authorized<'_, ExplainDecision>,
        question: &Question,
        given: &[EntityRef],
        places: &[EntityRef],
    ) -> Vec<Vec<Remedy>> {
        let organization = ok.action().organization;
        let own = ok.own_roles().map(|own| &**own);
        let overlay = own.map(|own| &*own.overlay);
        let would = |asked: &Question| self.pdp().decide_with(asked, overlay).is_ok_and(|made| made.allowed);
        let apply = |remedy: &Remedy, to: &Question| remedy.applied(to, organization, given, own);
        let mut mended = question.clone();
        let mut states = Vec::new();
        for state in Remedy::STATES {
            if let Some(next) = apply(&state, &mended) {
                mended = next;
                states.push(state);
            }
        }
        // Each alone first: of two things wrong with an account, a policy may mind only one.
        for state in &states {
            if apply(state, question).is_some_and(|asked| would(&asked)) {
                return vec![vec![state.clone()]];
            }
        }
        if states.len() > 1 && would(&mended) {
            return vec![states];
        }
        let own = own.map(OwnRoles::by_what_they_give).unwrap_or_default();
        // From the least to the most, the platform's before the organization's, and first on the thing itself.
        let held = Remedy::ROLES.into_iter().map(|role| HeldRole::new(role.into(), None));
        let held = held.chain(own.iter().cloned()).map(Remedy::Role);
        let given =
            ProjectRole::ALL.into_iter().rev().map(|role| HeldRole::new(RoleRef::Project(role), None));
        let given = given.chain(own.iter().cloned());
        // On whichever of the places, the question would be the same.
        let held = held.map(|role| vec![role]);
        let given =
            given.map(|role| places.iter().map(|on| Remedy::Grant(role.clone(), on.clone())).collect());
        let mut remedies = Vec::new();
        for (number, alike) in held.chain(given).enumerate() {
            give_way(number).await;
            let asked = alike.first().and_then(|remedy: &Remedy| apply(remedy, &mended));
            if asked.is_some_and(|asked| would(&asked)) {
                remedies.extend(alike.into_iter().map(|it| states.iter().cloned().chain([it]).collect()));
            }
        }
        remedies
    }
}

fn uid(known: &super::Known) -> Option<EntityRef> {
    known.entities.first().map(|entity| entity.uid.clone())
}

/// Whether a policy can be told: one that names another tenant, or somebody of it, is nobody's business here.
fn concerns(miss: &NearMiss, question: &Question) -> bool {
    let known = |name: &EntityRef| {
        question.principal == *name || question.resource == *name || question.entities.contains(name)
    };
    let fixed = ["Anonymous", "Platform", "Scope", "System"];
    miss.names.iter().all(|name| {
        let kind = name.kind.as_ref();
        !OWN_TYPES.contains(&kind) || fixed.contains(&kind) || known(name)
    })
}
