//! In front of other services: whether a request may pass, and who makes it.

use uuid::Uuid;

use super::{App, Denied, Error};
use crate::domain::{AgentId, Door, DoorQuestion, Email, OrganizationId, Target, UserId, door};
use crate::guard::actions::ForwardAuth;
use crate::guard::{Authorized, Party, Released, Resource};

/// Who passes, for the service behind. Nothing of it is known where everybody passes.
#[derive(Debug, Clone, Default)]
pub struct Passage {
    /// The rule that opened.
    pub rule: String,
    pub decision: Uuid,
    /// Who, as Cedar writes it.
    pub principal: Option<String>,
    /// The person, or in whose name it is made.
    pub user: Option<UserId>,
    /// Theirs, if they have proved it.
    pub email: Option<Email>,
    /// That the rule asked about, or that the agent or the credential is bound to.
    pub organization: Option<OrganizationId>,
    pub agent: Option<AgentId>,
    /// What the request was made with: `session`, `key`, `task` or `delegation`.
    pub credential: Option<&'static str>,
}

impl App {
    /// The rule for a request; without one nobody passes.
    #[must_use]
    pub fn door(&self, target: &Target) -> Option<Door> {
        door(&self.settings.doors, target)
    }

    /// Asks what the rule asks.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] if nobody is signed in and the rule is not public; [`Error::Denied`] with the decision.
    pub async fn forward_auth(
        &self,
        ok: Authorized<'_, ForwardAuth>,
        door: &Door,
    ) -> Result<Released<ForwardAuth, Passage>, Error> {
        let caller = ok.caller();
        let (action, resource) = match &door.question {
            DoorQuestion::Public => {
                let decision = ok.decision().into();
                return Ok(ok.release(Passage { rule: door.rule.clone(), decision, ..Passage::default() }));
            }
            _ if caller.is_anonymous() => return Err(Error::Unauthenticated { code: "not-signed-in" }),
            DoorQuestion::Platform { action } => (action, Some(Resource::Platform)),
            DoorQuestion::Organization { action, organization } => {
                (action, Some(Resource::Organization(*organization)))
            }
            DoorQuestion::Caller { action } => (action, caller.user().map(|user| Resource::User(user.id))),
            DoorQuestion::Thing { action, organization, .. } => {
                (action, Some(Resource::Organization(*organization)))
            }
            DoorQuestion::Nothing => {
                return Err(refused(self.guard.refuse(&ok, "no-organization").await.into()));
            }
        };
        let Some(resource) = resource else {
            return Err(refused(self.guard.refuse(&ok, "human-only").await.into()));
        };
        let answer = match &door.question {
            DoorQuestion::Thing { organization, thing, .. } => {
                match self.store.door_facts(&ok, *organization, thing).await? {
                    Some(facts) => self.guard.ask_on(caller, action, *organization, &facts.entities).await?,
                    None => {
                        return Err(refused(self.guard.refuse(&ok, "unknown-resource").await.into()));
                    }
                }
            }
            _ => self.guard.ask(caller, action, resource).await?,
        };
        let decision = Uuid::from(answer.decision);
        if !answer.allowed {
            return Err(refused(decision));
        }
        let (user, agent, credential) = (caller.user(), caller.agent(), caller.credential());
        let bound = match (&caller.party, agent, credential) {
            (Party::Service(organization), ..) => Some(*organization),
            (_, Some(agent), _) => Some(agent.organization),
            (_, None, credential) => credential.and_then(|credential| credential.organization),
        };
        let passage = Passage {
            rule: door.rule.clone(),
            decision,
            principal: Some(caller.uid().to_string()),
            user: user.map(|user| user.id),
            email: user.filter(|user| user.email_verified).map(|user| user.email.clone()),
            organization: match resource {
                Resource::Organization(organization) => Some(organization),
                _ => bound,
            },
            agent: agent.map(|agent| agent.id),
            credential: Some(credential.map_or("session", |credential| credential.kind.name())),
        };
        Ok(ok.release(passage))
    }

    /// What is wrong with the operator's rules: permissions that nobody can hold on what they are asked about.
    #[must_use]
    pub fn unknown_doors(&self) -> Vec<String> {
        self.settings
            .doors
            .iter()
            .filter(|rule| !self.can_be_asked(rule))
            .map(|rule| rule.name.clone())
            .collect()
    }

    fn can_be_asked(&self, rule: &crate::domain::DoorRule) -> bool {
        use crate::domain::{DoorResource, Opens};
        let Opens::To { action, resource } = rule.opens() else { return true };
        let nobody = Uuid::nil();
        let resource = match resource {
            DoorResource::Thing { kind, .. } => return self.guard.is_about_things(action, kind),
            DoorResource::Platform => Resource::Platform,
            DoorResource::Caller => Resource::User(nobody.into()),
            DoorResource::Organization(_) | DoorResource::OrganizationIn(_) => {
                Resource::Organization(nobody.into())
            }
        };
        self.guard.is_about(action, &resource)
    }
}

/// What is missing, foreign and forbidden look the same: a proxy passes nothing on but 401 and 403.
const fn refused(decision: Uuid) -> Error {
    Error::Denied(Denied { codes: Vec::new(), decision: Some(decision) })
}
