//! What a token is (RFC 7662), and giving it up (RFC 7009).

use serde_json::json;

use super::{App, Error};
use crate::crypto::{is_api_key, key_id};
use crate::domain::{ApiKeyId, DelegationId, KeyOwner, Micros, Secret, SessionId};
use crate::guard::actions::{IntrospectToken, RevokeToken};
use crate::guard::{Authorized, Denied, Origin, Party, Principal, Released};

/// A live token, as its owner may see it.
#[derive(Debug)]
pub struct TokenDescription {
    /// The person, the agent or the organization it speaks for.
    pub subject: String,
    /// The agent that acts on behalf of the subject.
    pub actor: Option<String>,
    /// `None`: everything the subject may do.
    pub scopes: Option<Vec<String>>,
    pub organization: Option<String>,
    pub issued_at: Option<Micros>,
    pub expires_at: Option<Micros>,
    pub id: String,
}

/// A token that was found, and what ending it takes.
struct Found {
    /// Each of these may see and end it.
    owners: Vec<KeyOwner>,
    ends: Ends,
    description: TokenDescription,
}

enum Ends {
    Key(ApiKeyId),
    Delegation(DelegationId),
    Session(SessionId),
}

impl App {
    /// What a token is; nothing if it is none of ours, is over, or the caller may not know.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn introspect_token(
        &self,
        ok: Authorized<'_, IntrospectToken>,
        token: &Secret,
    ) -> Result<Released<IntrospectToken, Option<TokenDescription>>, Error> {
        let Some(found) = self.find_token(token).await? else { return Ok(ok.release(None)) };
        for owner in found.owners {
            match self.guard.authorize(ok.caller(), IntrospectToken { of: Some(owner) }).await {
                Ok(_theirs) => return Ok(ok.release(Some(found.description))),
                Err(denied) => only_denied(denied)?,
            }
        }
        // RFC 7662 section 2.2: who may not know gets the same answer as for a token that is over.
        Ok(ok.release(None))
    }

    /// Ends a token, and for an access token the sign-in it came of, as far as the caller may. What is no token, or
    /// not the caller's to end, gets the same answer (RFC 7009 section 2.2).
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn revoke_token(
        &self,
        ok: Authorized<'_, RevokeToken>,
        token: &Secret,
    ) -> Result<Released<RevokeToken, ()>, Error> {
        let Some(found) = self.find_token(token).await? else { return Ok(ok.release(())) };
        for owner in found.owners {
            let theirs = match self.guard.authorize(ok.caller(), RevokeToken { of: Some(owner) }).await {
                Ok(theirs) => theirs,
                Err(denied) => {
                    only_denied(denied)?;
                    continue;
                }
            };
            let now = self.now();
            let mut tx = self.store.begin().await?;
            match found.ends {
                Ends::Key(key) => tx.give_up_api_key(&theirs, key, now).await?,
                Ends::Delegation(delegation) => tx.give_up_delegation(&theirs, delegation, now).await?,
                Ends::Session(session) => tx.give_up_session(&theirs, session, now).await?,
            }
            self.note(&mut tx, &theirs, json!({ "token": found.description.id })).await?;
            tx.commit().await?;
            break;
        }
        Ok(ok.release(()))
    }

    async fn find_token(&self, token: &Secret) -> Result<Option<Found>, Error> {
        let text = token.expose();
        let environment = self.settings.key_environment;
        if is_api_key(text) {
            if key_id(text, environment).is_none() {
                return Ok(None);
            }
            let Some(key) = self.live_key(text).await? else { return Ok(None) };
            let (subject, organization) = match key.owner {
                KeyOwner::User(user) => (user.to_string(), None),
                KeyOwner::Organization(organization) => (organization.to_string(), Some(organization)),
                KeyOwner::Agent(organization, agent) => (agent.to_string(), Some(organization)),
            };
            let description = TokenDescription {
                subject,
                actor: None,
                scopes: Some(key.scopes),
                organization: organization.map(|id| id.to_string()),
                issued_at: Some(key.created_at),
                expires_at: key.expires_at,
                id: key.id.to_string(),
            };
            return Ok(Some(Found { owners: vec![key.owner], ends: Ends::Key(key.id), description }));
        }
        let now = self.now();
        let Ok(access) = self.tokens.verify(text, now) else {
            return self.find_refresh_token(token, now).await;
        };
        let live = self.live_access(&access, Origin::default(), now).await?;
        let Some(Principal { party: Party::User(_), .. }) = live else { return Ok(None) };
        let granted = access.granted;
        let ends = match &granted {
            Some(_) => Ends::Delegation(DelegationId::from(access.id)),
            None => Ends::Session(access.session),
        };
        // A delegation is the person's and the agent's, so the agent's organization sees it too.
        let agent = granted.as_ref().map(|it| KeyOwner::Agent(it.organization, it.agent));
        let owners = [KeyOwner::User(access.user)].into_iter().chain(agent).collect();
        let description = TokenDescription {
            subject: access.user.to_string(),
            actor: granted.as_ref().map(|it| it.agent.to_string()),
            organization: granted.as_ref().map(|it| it.organization.to_string()),
            scopes: granted.map(|it| it.scopes),
            issued_at: None,
            expires_at: Some(access.expires),
            id: access.id.to_string(),
        };
        Ok(Some(Found { owners, ends, description }))
    }

    async fn find_refresh_token(&self, token: &Secret, now: Micros) -> Result<Option<Found>, Error> {
        let found = self.store.refresh_token_unguarded(token.hash(), now).await?;
        Ok(found.map(|(session, user, expires_at)| Found {
            owners: vec![KeyOwner::User(user)],
            ends: Ends::Session(session),
            description: TokenDescription {
                subject: user.to_string(),
                actor: None,
                scopes: None,
                organization: None,
                issued_at: None,
                expires_at: Some(expires_at),
                id: session.to_string(),
            },
        }))
    }
}

/// Nothing, if no is the answer; an error if no decision could be made.
fn only_denied(denied: Denied) -> Result<(), Error> {
    match denied {
        Denied::Unauthenticated | Denied::NotFound | Denied::Forbidden { .. } => Ok(()),
        denied @ (Denied::Undecided(_) | Denied::Facts(_)) => Err(denied.into()),
    }
}
