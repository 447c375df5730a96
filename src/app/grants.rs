//! What somebody may pass on: scopes that exist, and no more than the giver and the receiver have.

use super::{App, Error};
use crate::domain::{AgentId, Invalid, NewApiKey, OrganizationId};
use crate::guard::{Action, Authorized, Origin, Party, Principal, Resource};

/// Whom scopes are granted to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Grantee {
    /// The caller themselves, wherever they have rights.
    Caller,
    /// The organization's own service.
    Service(OrganizationId),
    Agent(OrganizationId, AgentId),
}

impl App {
    /// `scopes`, sorted and each once, if the caller holds every one and the grantee does too.
    ///
    /// # Errors
    /// [`Error::Invalid`] `unknown-scope` naming each; [`Error::Denied`] `scope-not-held`.
    pub(super) async fn grantable<A: Action>(
        &self,
        ok: &Authorized<'_, A>,
        grantee: Grantee,
        mut scopes: Vec<String>,
    ) -> Result<Vec<String>, Error> {
        scopes.sort_unstable();
        scopes.dedup();
        if scopes.len() > NewApiKey::MAX_SCOPES {
            let message = format!("a key has at most {} scopes", NewApiKey::MAX_SCOPES);
            return Err(Error::Invalid(vec![Invalid::new("too-many", message).at("scopes")]));
        }
        if !scopes.iter().all(|scope| self.guard.is_scope(scope)) {
            let unknown =
                Invalid::new("unknown-scope", "a scope is a permission such as `task:read` or `task:*`");
            return Err(Error::Invalid(vec![unknown.at("scopes")]));
        }
        let receiver = match grantee {
            Grantee::Caller => None,
            Grantee::Service(organization) => {
                Some(Principal::of(Party::Service(organization), Origin::default()))
            }
            Grantee::Agent(organization, agent) => {
                let agent = self.store.agent_unguarded(organization, agent).await?.ok_or(Error::NotFound)?;
                Some(Principal::of(Party::Agent(Box::new(agent)), Origin::default()))
            }
        };
        for scope in &scopes {
            let held = self.passes_on(ok.caller(), grantee, scope).await?
                && match &receiver {
                    None => true,
                    Some(receiver) => self.passes_on(receiver, grantee, scope).await?,
                };
            if !held {
                return Err(self.refuse_permitted(ok, SCOPE_NOT_HELD).await);
            }
        }
        Ok(scopes)
    }

    /// Whether `holder` has a permission where the grantee would use it. A person's own key works in every
    /// organization of theirs, so there one of them is enough; what it may do in each is asked at use.
    async fn passes_on(&self, holder: &Principal, grantee: Grantee, scope: &str) -> Result<bool, Error> {
        // Where a project-bound agent may use what it has is asked at use; here the question is whether it has it.
        let holder = &without_bounds(holder);
        if let Grantee::Service(organization) | Grantee::Agent(organization, _) = grantee {
            let there = Resource::Organization(organization);
            return Ok(self.guard.is_about(scope, &there) && self.guard.holds(holder, scope, there).await?);
        }
        let Some(user) = holder.user() else { return Ok(false) };
        for own in [Resource::User(user.id), Resource::Platform] {
            if self.guard.is_about(scope, &own) && self.guard.holds(holder, scope, own).await? {
                return Ok(true);
            }
        }
        for organization in self.store.organizations_of_unguarded(user.id).await? {
            let there = Resource::Organization(organization);
            // What they hold on a single thing counts too: the key is theirs, and opens no more than they.
            if self.guard.is_about(scope, &there)
                && self.guard.holds_somewhere(holder, scope, organization).await?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The same chain without the bounds of project and task. For asking what it has, never for asking whether it may.
pub(super) fn without_bounds(holder: &Principal) -> Principal {
    let mut holder = holder.clone();
    for link in holder.through.iter_mut().chain([&mut holder.party]) {
        match link {
            Party::Agent(agent) => (agent.project, agent.task) = (None, None),
            Party::Credential(credential) => (credential.project, credential.task) = (None, None),
            Party::Anonymous | Party::User(_) | Party::System(_) | Party::Service(_) | Party::Plugin(_) => {}
        }
    }
    holder
}

/// Nobody passes on what they do not have.
pub(super) const SCOPE_NOT_HELD: &str = "scope-not-held";
