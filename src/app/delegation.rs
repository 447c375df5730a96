//! "An agent on behalf of a person": token exchange (RFC 8693).

use std::time::Duration;

use serde_json::json;

use super::authenticate::key_principal;
use super::grants::SCOPE_NOT_HELD;
use super::sign_in::method;
use super::{App, Error};
use crate::crypto::{Granted, NewAccess, is_api_key};
use crate::domain::{AgentId, ApiKeyId, DelegationId, Micros, OrganizationId, Secret, SessionId, UserId};
use crate::guard::actions::ExchangeToken;
use crate::guard::{Authorized, Origin, Principal, Released, Resource};

/// The two who were presented, before anybody was asked whether they may.
#[derive(Debug)]
pub struct Exchange {
    /// The person, through the agent, through the agent's credential.
    pub both: Principal,
    pub organization: OrganizationId,
    pub agent: AgentId,
    user: UserId,
    session: SessionId,
    auth_time: Micros,
    federated: bool,
    key: ApiKeyId,
    /// What the agent's credential was granted.
    scopes: Vec<String>,
    /// When the first of the two ends.
    until: Micros,
}

/// A token of both.
#[derive(Debug)]
pub struct Delegated {
    pub access: Secret,
    pub lifetime: Duration,
    pub scopes: Vec<String>,
}

impl App {
    /// Reads both tokens: `subject` is a person's own access token, `actor` a key or a task's token of an agent.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] `token-invalid` whatever is wrong with either: what is over, is of another kind, or
    /// was itself got by exchange.
    pub async fn read_exchange(
        &self,
        subject: &Secret,
        actor: &Secret,
        origin: Origin,
    ) -> Result<Exchange, Error> {
        const WRONG: Error = Error::Unauthenticated { code: "token-invalid" };
        let now = self.now();
        if is_api_key(subject.expose()) {
            return Err(WRONG);
        }
        let access = self.tokens.verify(subject.expose(), now).map_err(|_| WRONG)?;
        // Chains of actors are not built: a delegation is not delegated on.
        if access.granted.is_some() {
            return Err(WRONG);
        }
        let person = self.live_access(&access, origin.clone(), now).await?.ok_or(WRONG)?;
        let key = self.live_key(actor.expose()).await?.ok_or(WRONG)?;
        let (id, scopes, ends) = (key.id, key.scopes.clone(), key.expires_at);
        let acting = key_principal(key, origin);
        let agent = acting.agent().ok_or(WRONG)?;
        let (organization, agent) = (agent.organization, agent.id);
        self.key_uses.used(id, now);
        let until = ends.map_or(access.expires, |ends| ends.min(access.expires));
        let both = Principal {
            party: person.party,
            through: [vec![acting.party], acting.through].concat(),
            origin: person.origin,
        };
        Ok(Exchange {
            both,
            organization,
            agent,
            user: access.user,
            session: access.session,
            auth_time: access.auth_time,
            federated: access.federated,
            key: id,
            scopes,
            until,
        })
    }

    /// Makes a token of both. Its scopes are those asked for, or all that the agent's credential has and both hold.
    /// It lives no longer than either, has no refresh token, and dies with the sign-in, the agent and its key.
    ///
    /// # Errors
    /// [`Error::Denied`] `scope-not-held` if more is asked for than both hold.
    pub async fn exchange_token(
        &self,
        ok: Authorized<'_, ExchangeToken>,
        exchange: &Exchange,
        wanted: Option<Vec<String>>,
    ) -> Result<Released<ExchangeToken, Delegated>, Error> {
        let narrowed = wanted.is_some();
        let mut scopes = wanted.unwrap_or_else(|| exchange.scopes.clone());
        scopes.sort_unstable();
        scopes.dedup();
        let mut held = Vec::with_capacity(scopes.len());
        for scope in scopes {
            if self.both_hold(ok.caller(), exchange, &scope).await? {
                held.push(scope);
            } else if narrowed {
                return Err(self.refuse_permitted(&ok, SCOPE_NOT_HELD).await);
            }
        }
        let now = self.now();
        let id: DelegationId = self.fresh();
        let until = exchange.until.min(now + self.settings.access_lifetime);
        let granted =
            Granted { agent: exchange.agent, organization: exchange.organization, scopes: held.clone() };
        let claims = NewAccess {
            user: exchange.user,
            session: exchange.session,
            amr: vec![method(exchange.federated)],
            auth_time: exchange.auth_time,
            ext: serde_json::Map::new(),
        };
        let access =
            self.tokens.issue_granted(&claims, &granted, id.into(), now, until).map_err(|error| {
                Error::Bug { context: "a token could not be signed", source: Box::new(error) }
            })?;
        let mut tx = self.store.begin().await?;
        let row = crate::store::NewDelegation {
            id,
            session: exchange.session,
            key: exchange.key,
            created_at: now,
            expires_at: until,
        };
        tx.insert_delegation(&ok, row).await?;
        self.note(&mut tx, &ok, json!({ "delegation": id.to_string(), "scopes": held })).await?;
        tx.commit().await?;
        Ok(ok.release(Delegated { access, lifetime: until - now, scopes: held }))
    }

    /// Whether the person, the agent and the agent's credential all hold a permission in the agent's organization.
    async fn both_hold(&self, both: &Principal, exchange: &Exchange, scope: &str) -> Result<bool, Error> {
        let there = Resource::Organization(exchange.organization);
        let both = super::grants::without_bounds(both);
        Ok(self.guard.is_scope(scope)
            && self.guard.is_about(scope, &there)
            && self.guard.holds(&both, scope, there).await?)
    }
}
