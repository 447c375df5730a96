//! From a credential to a principal: the only use case without a permit, because its result is who asks for one.

use serde_json::Value;

use super::{App, Error};
use crate::crypto::{Access, TokenError, is_api_key, key_id};
use crate::domain::{DelegationId, Micros, Secret};
use crate::guard::actions::GetJwks;
use crate::guard::{Authorized, CredentialKind, CredentialPrincipal, Origin, Party, Principal, Released};
use crate::store::{KeyHolder, TokenFacts};

impl App {
    /// Who sent this request. No credential is [`Party::Anonymous`]; a bad one is an error, never anonymous. The
    /// credential is an access token or an API key; a derived token's principal has its agent and itself as links.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] `token-expired`, `token-invalid`, `session-ended` or `key-invalid`.
    pub async fn authenticate(&self, bearer: Option<&str>, origin: Origin) -> Result<Principal, Error> {
        let Some(text) = bearer else { return Ok(Principal::of(Party::Anonymous, origin)) };
        if is_api_key(text) {
            let key = self.live_key(text).await?.ok_or(Error::Unauthenticated { code: "key-invalid" })?;
            self.key_uses.used(key.id, self.now());
            return Ok(key_principal(key, origin));
        }
        let now = self.now();
        let access = match self.tokens.verify(text, now) {
            Ok(access) => access,
            Err(TokenError::Expired) => return Err(Error::Unauthenticated { code: "token-expired" }),
            Err(_) => {
                // Rare and large: in its place it would make the future of every request so large.
                let foreign = Box::pin(self.foreign_principal(text, origin, now)).await?;
                return foreign.ok_or(Error::Unauthenticated { code: "token-invalid" });
            }
        };
        let live = self.live_access(&access, origin, now).await?;
        live.ok_or(Error::Unauthenticated { code: "session-ended" })
    }

    /// What a key's text opens now; a text that cannot be a key costs no database read.
    pub(super) async fn live_key(&self, text: &str) -> Result<Option<TokenFacts>, Error> {
        let Some(id) = key_id(text, self.settings.key_environment) else { return Ok(None) };
        let hash = Secret::new(text.to_owned()).hash();
        Ok(self.store.key_principal_unguarded(id, hash, self.now()).await?)
    }

    /// The principal of an access token whose signature and time are good. The token says who; the session says
    /// whether still, and of a derived token the agent's rows too. So what is revoked is dead at once.
    pub(super) async fn live_access(
        &self,
        access: &Access,
        origin: Origin,
        now: Micros,
    ) -> Result<Option<Principal>, Error> {
        let user = self.store.session_principal_unguarded(access.session, now).await?;
        let Some(user) = user.filter(|user| user.id == access.user) else { return Ok(None) };
        let mut principal = Principal::of(Party::User(Box::new(user)), origin);
        let Some(granted) = &access.granted else { return Ok(Some(principal)) };
        let delegation = DelegationId::from(access.id);
        let found = self.store.delegation_agent_unguarded(delegation, access.session, now).await?;
        let Some((agent, task)) = found
            .filter(|(agent, _)| agent.id == granted.agent && agent.organization == granted.organization)
        else {
            return Ok(None);
        };
        let credential = CredentialPrincipal {
            id: access.id,
            kind: CredentialKind::Delegation,
            scopes: granted.scopes.clone(),
            organization: Some(granted.organization),
            project: agent.project.clone(),
            task: task.or_else(|| agent.task.clone()),
        };
        principal.through = vec![Party::Agent(Box::new(agent)), Party::Credential(Box::new(credential))];
        Ok(Some(principal))
    }

    /// The public signing keys (RFC 7517).
    pub fn jwks(&self, ok: Authorized<'_, GetJwks>) -> Released<GetJwks, Value> {
        ok.release(self.tokens.jwks(self.now()))
    }
}

/// The owner of a key, through the key.
pub(super) fn key_principal(key: TokenFacts, origin: Origin) -> Principal {
    let TokenFacts { id, holder, scopes, task, single_task, .. } = key;
    let kind = if single_task { CredentialKind::Task } else { CredentialKind::Key };
    let (party, organization, project, task) = match holder {
        KeyHolder::User(user) => (Party::User(Box::new(user)), None, None, task),
        KeyHolder::Organization(organization) => {
            (Party::Service(organization), Some(organization), None, task)
        }
        KeyHolder::Agent(agent) => {
            let (organization, project) = (agent.organization, agent.project.clone());
            let task = task.or_else(|| agent.task.clone());
            (Party::Agent(Box::new(agent)), Some(organization), project, task)
        }
    };
    let credential = CredentialPrincipal { id: id.into(), kind, scopes, organization, project, task };
    Principal { party, through: vec![Party::Credential(Box::new(credential))], origin }
}
