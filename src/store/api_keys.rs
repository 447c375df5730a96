//! API keys of people, agents and organizations, and the short tokens for one task.

use uuid::Uuid;

use super::sql::{Row, Sql as _, args};
use super::{Error, Store, Tx};
use crate::domain::{
    AgentId, ApiKey, ApiKeyId, KeyOwner, Micros, OrganizationId, OwnKeys, TokenHash, UserId,
};
use crate::guard::actions::{
    CreateAgentApiKey, CreateAgentToken, CreateApiKey, CreateOrganizationApiKey, ListAgentApiKeys,
    ListApiKeys, ListOrganizationApiKeys, RecordKeyUse, RevokeAgentApiKey, RevokeApiKey,
    RevokeOrganizationApiKey, RevokeToken, RotateAgentApiKey, RotateApiKey, RotateOrganizationApiKey,
};
use crate::guard::{Action, Authorized};

macro_rules! select_keys {
    ($rest:literal) => {
        concat!(
            "SELECT id, user_id, agent_id, organization_id, name, prefix, scopes, created_at, expires_at, ",
            "last_used_at, revoked_at FROM api_keys ",
            $rest
        )
    };
}
pub(super) use select_keys;

/// A new row.
#[derive(Debug)]
pub struct NewKey {
    pub id: ApiKeyId,
    pub name: String,
    pub prefix: String,
    pub hash: TokenHash,
    pub scopes: Vec<String>,
    /// A token for one task, not a key.
    pub single_task: bool,
    pub task: Option<String>,
    /// The key that this token was made with; it ends with it.
    pub parent: Option<ApiKeyId>,
    pub created_at: Micros,
    pub expires_at: Option<Micros>,
}

/// Whose keys an action is about.
pub trait OnKeys: Action {
    fn owner(&self) -> KeyOwner;
}
/// The actions that make a key.
pub trait MakesKeys: OnKeys {}
/// The actions that list keys.
pub trait ListsKeys: OnKeys {}
/// The actions on one key.
pub trait OnKey: OnKeys {
    fn key(&self) -> ApiKeyId;
}
/// The actions that give a key a new secret.
pub trait RotatesKeys: OnKey {}
/// The actions that end a key.
pub trait RevokesKeys: OnKey {}

macro_rules! of_users {
    ($($action:ty),*) => {$(
        impl OnKeys for $action {
            fn owner(&self) -> KeyOwner { KeyOwner::User(self.user) }
        }
    )*};
}
macro_rules! of_organizations {
    ($($action:ty),*) => {$(
        impl OnKeys for $action {
            fn owner(&self) -> KeyOwner { KeyOwner::Organization(self.organization) }
        }
    )*};
}
macro_rules! of_agents {
    ($($action:ty),*) => {$(
        impl OnKeys for $action {
            fn owner(&self) -> KeyOwner { KeyOwner::Agent(self.organization, self.agent) }
        }
    )*};
}
macro_rules! on_keys {
    ($kind:ident: $($action:ty),*) => {$(
        impl OnKey for $action {
            fn key(&self) -> ApiKeyId { self.key }
        }
        impl $kind for $action {}
    )*};
}
of_users!(CreateApiKey, ListApiKeys, RotateApiKey, RevokeApiKey);
of_organizations!(
    CreateOrganizationApiKey,
    ListOrganizationApiKeys,
    RotateOrganizationApiKey,
    RevokeOrganizationApiKey
);
of_agents!(CreateAgentApiKey, CreateAgentToken, ListAgentApiKeys, RotateAgentApiKey, RevokeAgentApiKey);
on_keys!(RotatesKeys: RotateApiKey, RotateOrganizationApiKey, RotateAgentApiKey);
on_keys!(RevokesKeys: RevokeApiKey, RevokeOrganizationApiKey, RevokeAgentApiKey);
impl MakesKeys for CreateApiKey {}
impl MakesKeys for CreateOrganizationApiKey {}
impl MakesKeys for CreateAgentApiKey {}
impl MakesKeys for CreateAgentToken {}
impl ListsKeys for ListApiKeys {}
impl ListsKeys for ListOrganizationApiKeys {}
impl ListsKeys for ListAgentApiKeys {}

/// The owner's three columns: user, agent, organization.
fn columns(owner: KeyOwner) -> (Option<Uuid>, Option<Uuid>, Option<Uuid>) {
    match owner {
        KeyOwner::User(user) => (Some(user.into()), None, None),
        KeyOwner::Organization(organization) => (None, None, Some(organization.into())),
        KeyOwner::Agent(organization, agent) => (None, Some(agent.into()), Some(organization.into())),
    }
}

/// The owner a row names.
pub(super) fn owner(row: &Row) -> Result<KeyOwner, Error> {
    let user = row.get::<Option<Uuid>>("user_id")?.map(UserId::from);
    let agent = row.get::<Option<Uuid>>("agent_id")?.map(AgentId::from);
    let organization = row.get::<Option<Uuid>>("organization_id")?.map(OrganizationId::from);
    match (user, agent, organization) {
        (Some(user), None, None) => Ok(KeyOwner::User(user)),
        (None, Some(agent), Some(organization)) => Ok(KeyOwner::Agent(organization, agent)),
        (None, None, Some(organization)) => Ok(KeyOwner::Organization(organization)),
        _ => Err(Error::Corrupt { column: "user_id", source: "the key has no owner".into() }),
    }
}

pub(super) fn scopes(row: &Row) -> Result<Vec<String>, Error> {
    row.parse("scopes", |text| serde_json::from_str(text).ok())
}

pub(super) fn key(row: &Row) -> Result<ApiKey, Error> {
    Ok(ApiKey {
        id: row.get("id")?,
        owner: owner(row)?,
        name: row.get("name")?,
        prefix: row.get("prefix")?,
        scopes: scopes(row)?,
        created_at: row.get("created_at")?,
        expires_at: row.get("expires_at")?,
        last_used_at: row.get("last_used_at")?,
        revoked_at: row.get("revoked_at")?,
    })
}

impl Store {
    /// The owner's keys, oldest first, the revoked ones too; tokens for one task are not among them.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn list_api_keys<A: ListsKeys>(&self, ok: &Authorized<'_, A>) -> Result<Vec<ApiKey>, Error> {
        let mut db = self;
        let (user, agent, organization) = columns(ok.action().owner());
        let rows = match (user, agent) {
            (Some(user), _) => {
                db.all(
                    select_keys!("WHERE user_id = $1 AND single_task = $2 ORDER BY id"),
                    args![user, false],
                )
                .await?
            }
            (None, Some(agent)) => {
                db.all(
                    select_keys!(
                        "WHERE agent_id = $1 AND organization_id = $3 AND single_task = $2 ORDER BY id"
                    ),
                    args![agent, false, organization],
                )
                .await?
            }
            (None, None) => {
                db.all(
                    select_keys!(
                        "WHERE organization_id = $1 AND agent_id IS NULL AND single_task = $2 ORDER BY id"
                    ),
                    args![organization, false],
                )
                .await?
            }
        };
        rows.iter().map(key).collect()
    }
}

impl Tx {
    /// # Errors
    /// If the database does not answer.
    pub async fn insert_api_key<A: MakesKeys>(
        &mut self,
        ok: &Authorized<'_, A>,
        new: NewKey,
    ) -> Result<ApiKey, Error> {
        let (user, agent, organization) = columns(ok.action().owner());
        let id = Uuid::from(new.id);
        self.run(
            "INSERT INTO api_keys (id, user_id, agent_id, organization_id, created_by, name, prefix, scopes, \
             single_task, task_id, secret_hash, created_at, expires_at, parent_id) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
            args![
                id,
                user,
                agent,
                organization,
                ok.caller().user().map(|by| Uuid::from(by.id)),
                new.name,
                new.prefix,
                serde_json::Value::from(new.scopes).to_string(),
                new.single_task,
                new.task,
                new.hash,
                new.created_at,
                new.expires_at,
                new.parent.map(Uuid::from),
            ],
        )
        .await?;
        key(&self.one(select_keys!("WHERE id = $1"), args![id]).await?)
    }

    /// The permit's key, held until the transaction ends, if it belongs to the permit's owner and may still be changed.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn get_api_key<A: OnKey>(&mut self, ok: &Authorized<'_, A>) -> Result<ApiKey, Error> {
        let id = Uuid::from(ok.action().key());
        // A write that changes nothing holds the row on both databases.
        self.run("UPDATE api_keys SET revoked_at = revoked_at WHERE id = $1", args![id]).await?;
        let found =
            key(&self.one(select_keys!("WHERE id = $1 AND single_task = $2"), args![id, false]).await?)?;
        if found.owner == ok.action().owner() { Ok(found) } else { Err(Error::NotFound) }
    }

    /// Gives the permit's key another secret; the old one opens until `previous_until`.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is not the owner's or is revoked.
    pub async fn rotate_api_key<A: RotatesKeys>(
        &mut self,
        ok: &Authorized<'_, A>,
        hash: TokenHash,
        previous_until: Micros,
    ) -> Result<ApiKey, Error> {
        self.get_api_key(ok).await?;
        let id = Uuid::from(ok.action().key());
        let changed = self
            .run(
                "UPDATE api_keys SET previous_hash = secret_hash, previous_until = $3, secret_hash = $2 \
                 WHERE id = $1 AND revoked_at IS NULL",
                args![id, hash, previous_until],
            )
            .await?;
        if changed != 1 {
            return Err(Error::NotFound);
        }
        key(&self.one(select_keys!("WHERE id = $1"), args![id]).await?)
    }

    /// Ends the permit's key at once, and every token that came of it; ending it twice changes nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is not the owner's.
    pub async fn revoke_api_key<A: RevokesKeys>(
        &mut self,
        ok: &Authorized<'_, A>,
        now: Micros,
    ) -> Result<(), Error> {
        self.get_api_key(ok).await?;
        self.end_key(ok.action().key(), now).await
    }

    /// Ends a key by its own text (RFC 7009).
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn give_up_api_key(
        &mut self,
        _ok: &Authorized<'_, RevokeToken>,
        key: ApiKeyId,
        now: Micros,
    ) -> Result<(), Error> {
        self.end_key(key, now).await
    }

    /// Ends every key of a person's own, and every token that came of one; how many keys that lived. Keys of
    /// organizations and agents are not the person's, whoever made them.
    pub(super) async fn end_keys_of(
        &mut self,
        user: UserId,
        keys: OwnKeys,
        now: Micros,
    ) -> Result<u64, Error> {
        if keys == OwnKeys::Kept {
            return Ok(0);
        }
        let user = Uuid::from(user);
        self.run(
            "UPDATE api_keys SET revoked_at = $2 WHERE revoked_at IS NULL AND parent_id IN \
             (SELECT id FROM api_keys WHERE user_id = $1)",
            args![user, now],
        )
        .await?;
        self.run(
            "UPDATE api_keys SET revoked_at = $2 WHERE user_id = $1 AND revoked_at IS NULL \
             AND (expires_at IS NULL OR expires_at > $2)",
            args![user, now],
        )
        .await
    }

    async fn end_key(&mut self, key: ApiKeyId, now: Micros) -> Result<(), Error> {
        self.run(
            "UPDATE api_keys SET revoked_at = $2 WHERE (id = $1 OR parent_id = $1) AND revoked_at IS NULL",
            args![Uuid::from(key), now],
        )
        .await?;
        Ok(())
    }

    /// Writes down when a key was last used; never back in time.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn record_key_use(
        &mut self,
        _ok: &Authorized<'_, RecordKeyUse>,
        key: ApiKeyId,
        at: Micros,
    ) -> Result<(), Error> {
        self.run(
            "UPDATE api_keys SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2)",
            args![Uuid::from(key), at],
        )
        .await?;
        Ok(())
    }
}
