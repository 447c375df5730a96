//! The short list of what is read before there is a principal, or to start at all.
//!
//! Nothing else in `store` lacks a permit. `tests/snapshots/unguarded.txt` names each function here and may only shrink.

use std::sync::Arc;

use uuid::Uuid;

use super::agents::agent_role;
use super::api_keys::{owner, scopes};
use super::sql::{Row, Sql as _, args};
use super::{Error, SealedKey, Store, signing_keys, users};
use crate::domain::{
    AgentId, ApiKeyId, DelegationId, IdentityKey, InvitationId, KeyOwner, Micros, OrganizationId, SessionId,
    TokenHash, UserId,
};
use crate::guard::{AgentPrincipal, UserPrincipal};

/// Who stands behind a session that was not ended, and until when it lives.
const SESSION: &str = "SELECT users.id, users.email, users.email_verified_at, users.suspended_at, users.super_admin, \
                       users.waitlist_status, users.deletion_due_at, sessions.created_at, sessions.expires_at \
                       FROM sessions JOIN users ON users.id = sessions.user_id \
                       WHERE sessions.id = $1 AND sessions.revoked_at IS NULL";

/// Whom a key acts for.
#[derive(Debug, Clone)]
pub enum KeyHolder {
    User(UserPrincipal),
    Organization(OrganizationId),
    Agent(AgentPrincipal),
}

/// A live key, and what it opens.
#[derive(Debug, Clone)]
pub struct TokenFacts {
    pub id: ApiKeyId,
    pub owner: KeyOwner,
    pub holder: KeyHolder,
    pub scopes: Vec<String>,
    /// A token for one task, not a key.
    pub single_task: bool,
    pub task: Option<String>,
    pub created_at: Micros,
    pub expires_at: Option<Micros>,
}

impl Store {
    /// The revision of the database as it is now, which [`Store::revision`] knows from then on. Without a permit: it
    /// tells how many changes there were and nothing of anybody's.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn read_revision_unguarded(&self) -> Result<i64, Error> {
        let mut db = self;
        let revision = super::audit::head(&mut db).await?.map_or(0, |(seq, _)| seq);
        self.count.saw(revision);
        Ok(revision)
    }

    /// Who stands behind a live session. Without a permit, because the answer *is* the principal.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn session_principal_unguarded(
        &self,
        session: SessionId,
        now: Micros,
    ) -> Result<Option<UserPrincipal>, Error> {
        let args = args![Uuid::from(session)];
        let read = |row: &Row| {
            let person = user(row, row.get("id")?, Some(session), row.get("created_at")?)?;
            Ok::<_, Error>((person, row.get::<Micros>("expires_at")?))
        };
        let mut known = self.known(SESSION, args.clone(), read).await?;
        if known.as_ref().is_some_and(|known| known.1 <= now) {
            // A refresh moves the end, and makes no revision.
            let mut db = self;
            known = db.optional(SESSION, args).await?.as_ref().map(read).transpose()?.map(Arc::new);
        }
        Ok(known.filter(|known| known.1 > now).map(|known| known.0.clone()))
    }

    /// Whom a live key acts for, and how far. Without a permit, because the answer *is* the principal. A key is dead
    /// once it is revoked, expired or rotated past its overlap, and with a terminated agent.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn key_principal_unguarded(
        &self,
        key: ApiKeyId,
        hash: TokenHash,
        now: Micros,
    ) -> Result<Option<TokenFacts>, Error> {
        let known = self
            .known(
                "SELECT api_keys.user_id, api_keys.agent_id, api_keys.organization_id, api_keys.scopes, \
                 api_keys.single_task, api_keys.task_id, api_keys.created_at, api_keys.expires_at, users.email, \
                 users.email_verified_at, users.suspended_at, users.super_admin, users.waitlist_status, users.deletion_due_at, \
                 agents.role_id AS agent_role_id, agents.project_id AS agent_project_id, \
                 agents.task_id AS agent_task_id, agents.suspended_at AS agent_suspended_at, \
                 CASE WHEN api_keys.secret_hash = $2 THEN NULL ELSE COALESCE(api_keys.previous_until, 0) END AS until \
                 FROM api_keys LEFT JOIN users ON users.id = api_keys.user_id \
                 LEFT JOIN agents ON agents.id = api_keys.agent_id \
                 WHERE api_keys.id = $1 AND api_keys.revoked_at IS NULL \
                 AND (api_keys.secret_hash = $2 OR api_keys.previous_hash = $2) AND agents.terminated_at IS NULL",
                args![Uuid::from(key), hash],
                |row| Ok((token_facts(row, key)?, row.get::<Option<Micros>>("until")?)),
            )
            .await?;
        let Some(known) = known else { return Ok(None) };
        let (facts, until) = &*known;
        let over = |end: Option<Micros>| end.is_some_and(|end| end <= now);
        Ok((!over(facts.expires_at) && !over(*until)).then(|| facts.clone()))
    }

    /// Whom a token of another issuer speaks for, by the identity that is theirs there. Without a permit, because the
    /// answer *is* the principal.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn identity_principal_unguarded(
        &self,
        key: &IdentityKey,
        issued_at: Micros,
    ) -> Result<Option<UserPrincipal>, Error> {
        let mut db = self;
        let row = db
            .optional(
                "SELECT users.id, users.email, users.email_verified_at, users.suspended_at, users.super_admin, \
                 users.waitlist_status, users.deletion_due_at FROM identities JOIN users ON users.id = identities.user_id \
                 WHERE identities.provider = $1 AND identities.issuer = $2 AND identities.subject = $3 \
                 AND users.purged_at IS NULL",
                args![key.provider.as_str(), key.issuer.as_str(), key.subject.as_str()],
            )
            .await?;
        row.map(|row| user(&row, row.get("id")?, None, issued_at)).transpose()
    }

    /// The same, of an issuer whose subjects are the ids of accounts here: they were imported with them.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn imported_principal_unguarded(
        &self,
        id: UserId,
        issued_at: Micros,
    ) -> Result<Option<UserPrincipal>, Error> {
        let mut db = self;
        let row = db
            .optional(
                "SELECT users.id, users.email, users.email_verified_at, users.suspended_at, users.super_admin, \
                 users.waitlist_status, users.deletion_due_at FROM users WHERE users.id = $1 AND users.purged_at IS NULL",
                args![Uuid::from(id)],
            )
            .await?;
        row.map(|row| user(&row, id, None, issued_at)).transpose()
    }

    /// The agent behind a live delegation, and the one task it is for. Without a permit, because the answer is a link
    /// of the principal. A delegation is dead with its agent and with the agent's key; with the person's sign-in too,
    /// which is looked up beside.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn delegation_agent_unguarded(
        &self,
        delegation: DelegationId,
        session: SessionId,
        now: Micros,
    ) -> Result<Option<(AgentPrincipal, Option<String>)>, Error> {
        let known = self
            .known(
                "SELECT agents.id, agents.organization_id, agents.role_id AS agent_role_id, \
                 agents.project_id AS agent_project_id, agents.task_id AS agent_task_id, \
                 agents.suspended_at AS agent_suspended_at, api_keys.task_id, delegations.expires_at FROM delegations \
                 JOIN agents ON agents.id = delegations.agent_id JOIN api_keys ON api_keys.id = delegations.key_id \
                 WHERE delegations.id = $1 AND delegations.session_id = $2 AND delegations.revoked_at IS NULL \
                 AND agents.terminated_at IS NULL AND api_keys.revoked_at IS NULL",
                args![Uuid::from(delegation), Uuid::from(session)],
                |row| {
                    let agent = agent(row, row.get("id")?, row.get("organization_id")?)?;
                    Ok(((agent, row.get("task_id")?), row.get::<Micros>("expires_at")?))
                },
            )
            .await?;
        Ok(known.filter(|known| known.1 > now).map(|known| known.0.clone()))
    }

    /// What an agent is as a party. Without a permit, because it is asked as a principal: may *it* do what somebody
    /// wants to give it a key for?
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn agent_unguarded(
        &self,
        organization: OrganizationId,
        agent: AgentId,
    ) -> Result<Option<AgentPrincipal>, Error> {
        Ok(self.agent_principal(organization, agent).await?.map(|(agent, _)| agent))
    }

    /// Where a person belongs. Without a permit, because each is only asked about: does the person hold this there?
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn organizations_of_unguarded(&self, user: UserId) -> Result<Vec<OrganizationId>, Error> {
        let mut db = self;
        let rows = db
            .all(
                "SELECT organization_id FROM memberships WHERE user_id = $1 ORDER BY organization_id",
                args![Uuid::from(user)],
            )
            .await?;
        rows.iter().map(|row| row.get("organization_id")).collect()
    }

    /// The sign-in, the person and the end of a refresh token that is current. Without a permit, because the permit to
    /// end it names the person.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn refresh_token_unguarded(
        &self,
        token: TokenHash,
        now: Micros,
    ) -> Result<Option<(SessionId, UserId, Micros)>, Error> {
        let mut db = self;
        let row = db
            .optional(
                "SELECT sessions.id, sessions.user_id, refresh_tokens.expires_at FROM refresh_tokens \
                 JOIN sessions ON sessions.id = refresh_tokens.session_id \
                 WHERE refresh_tokens.token_hash = $1 AND refresh_tokens.used_at IS NULL \
                 AND refresh_tokens.expires_at > $2 AND sessions.revoked_at IS NULL AND sessions.expires_at > $2",
                args![token, now],
            )
            .await?;
        row.map(|row| Ok((row.get("id")?, row.get("user_id")?, row.get("expires_at")?))).transpose()
    }

    /// Whose key this is, dead or alive. Without a permit, because the permit to change it names its owner.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn key_owner_unguarded(&self, key: ApiKeyId) -> Result<Option<KeyOwner>, Error> {
        let mut db = self;
        let row = db
            .optional(
                "SELECT user_id, agent_id, organization_id FROM api_keys WHERE id = $1",
                args![Uuid::from(key)],
            )
            .await?;
        row.as_ref().map(owner).transpose()
    }

    /// Which invitation a token stands for. Without a permit, because the permit to accept it names it.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn invitation_of_token_unguarded(
        &self,
        token: TokenHash,
    ) -> Result<Option<(OrganizationId, InvitationId)>, Error> {
        let mut db = self;
        let row = db
            .optional("SELECT id, organization_id FROM invitations WHERE token_hash = $1", args![token])
            .await?;
        row.map(|row| Ok((row.get("organization_id")?, row.get("id")?))).transpose()
    }

    /// As [`Store::signing_keys`], to start at all, before there is anybody to ask about; if there are none, keeps
    /// `fresh` as the first. Of several processes that start at once on an empty database, all end with the same key.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn signing_keys_unguarded(
        &self,
        fresh: impl FnOnce() -> SealedKey,
    ) -> Result<Vec<SealedKey>, Error> {
        let mut tx = self.begin().await?;
        tx.lock_signing_keys().await?;
        let mut keys = signing_keys::list(&mut tx).await?;
        if keys.is_empty() {
            tx.keep_signing_key(&fresh()).await?;
            keys = signing_keys::list(&mut tx).await?;
        }
        tx.commit().await?;
        Ok(keys)
    }
}

fn token_facts(row: &Row, id: ApiKeyId) -> Result<TokenFacts, Error> {
    let (owner, created_at) = (owner(row)?, row.get("created_at")?);
    let holder = match owner {
        KeyOwner::User(id) => KeyHolder::User(user(row, id, None, created_at)?),
        KeyOwner::Organization(organization) => KeyHolder::Organization(organization),
        KeyOwner::Agent(organization, id) => KeyHolder::Agent(agent(row, id, organization)?),
    };
    Ok(TokenFacts {
        id,
        owner,
        holder,
        scopes: scopes(row)?,
        single_task: row.get("single_task")?,
        task: row.get("task_id")?,
        created_at,
        expires_at: row.get("expires_at")?,
    })
}

fn user(
    row: &Row,
    id: UserId,
    session: Option<SessionId>,
    signed_in_at: Micros,
) -> Result<UserPrincipal, Error> {
    Ok(UserPrincipal {
        id,
        email: users::email(row, "email")?,
        email_verified: row.get::<Option<Micros>>("email_verified_at")?.is_some(),
        waitlisted: row.get::<String>("waitlist_status")? == "pending",
        rejected: row.get::<String>("waitlist_status")? == "rejected",
        suspended: row.get::<Option<Micros>>("suspended_at")?.is_some(),
        deleting: row.get::<Option<Micros>>("deletion_due_at")?.is_some(),
        super_admin: row.get("super_admin")?,
        session,
        signed_in_at,
    })
}

fn agent(row: &Row, id: AgentId, organization: OrganizationId) -> Result<AgentPrincipal, Error> {
    Ok(AgentPrincipal {
        id,
        organization,
        role: agent_role(row, "agent_role_id")?,
        suspended: row.get::<Option<Micros>>("agent_suspended_at")?.is_some(),
        project: row.get("agent_project_id")?,
        task: row.get("agent_task_id")?,
    })
}
