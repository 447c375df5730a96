//! People's accounts at providers, and what was granted to us there.

use uuid::Uuid;

use super::email_tokens::Purpose;
use super::flows::words;
use super::sql::{Row, Sql, args};
use super::users::{Account, account, select_users};
use super::{Error, FindsProviders, Store, Tx};
use crate::domain::{
    Connection, Email, FullName, Identity, IdentityId, IdentityKey, Micros, OwnKeys, ProviderName, Told,
    UserId,
};
use crate::guard::actions::{
    BrokerToken, DisconnectAll, DisconnectEverybody, DisconnectProvider, DisconnectUser, ExchangeCode,
    ExportMe, FinishSignIn, LinkIdentity, ListConnections, Register, ResealSecrets,
};
use crate::guard::{Action, Authorized};

/// The actions that read a person's identities.
pub trait ReadsIdentities: Action {
    fn user(&self) -> UserId;
}
macro_rules! reads_identities {
    ($($action:ident),*) => {$(
        impl ReadsIdentities for $action {
            fn user(&self) -> UserId {
                self.user
            }
        }
    )*};
}
reads_identities!(
    ListConnections,
    DisconnectProvider,
    DisconnectUser,
    DisconnectAll,
    BrokerToken,
    LinkIdentity,
    ExportMe
);

/// The actions that end one.
pub trait EndsIdentities: ReadsIdentities + FindsProviders {}
impl EndsIdentities for DisconnectProvider {}
impl EndsIdentities for DisconnectUser {}
impl EndsIdentities for DisconnectAll {}

/// The actions that make one: linking it to an account that is there, or making the account with it.
pub trait MakesIdentities: Action {}
impl MakesIdentities for LinkIdentity {}
impl MakesIdentities for Register {}

/// Sealed tokens, to be written.
#[derive(Debug)]
pub struct SealedConnection {
    pub sealed: Vec<u8>,
    pub scopes: Vec<String>,
    pub expires_at: Option<Micros>,
}

macro_rules! select_identities {
    ($rest:literal) => {
        concat!(
            "SELECT identities.id AS identity_id, user_id, provider, issuer, subject, identities.email AS identity_email, ",
            "username, identities.created_at AS identity_created_at, last_used_at, sealed_tokens, scopes, expires_at ",
            "FROM identities LEFT JOIN connections ON connections.identity_id = identities.id ",
            $rest
        )
    };
}

fn identity(row: &Row) -> Result<Identity, Error> {
    let connection = match row.get::<Option<String>>("scopes")? {
        Some(scopes) => Some(Connection { scopes: words(&scopes), expires_at: row.get("expires_at")? }),
        None => None,
    };
    Ok(Identity {
        id: row.get("identity_id")?,
        key: IdentityKey {
            provider: row.parse("provider", ProviderName::parse)?,
            issuer: row.get("issuer")?,
            subject: row.get("subject")?,
        },
        user: row.get("user_id")?,
        email: row.get::<Option<String>>("identity_email")?.and_then(|text| text.parse().ok()),
        username: row.get("username")?,
        created_at: row.get("identity_created_at")?,
        last_used_at: row.get("last_used_at")?,
        connection,
    })
}

impl Store {
    /// The account that an identity signs in to.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn find_identity(
        &self,
        _ok: &Authorized<'_, FinishSignIn>,
        key: &IdentityKey,
    ) -> Result<Option<(Identity, Account)>, Error> {
        let mut db = self;
        let found = db
            .optional(
                select_identities!("WHERE provider = $1 AND issuer = $2 AND subject = $3"),
                args![key.provider.as_str(), key.issuer.as_str(), key.subject.as_str()],
            )
            .await?;
        let Some(found) = found.as_ref().map(identity).transpose()? else { return Ok(None) };
        let row = db
            .optional(select_users!("WHERE id = $1 AND purged_at IS NULL"), args![Uuid::from(found.user)])
            .await?;
        row.as_ref().map(account).transpose().map(|account| account.map(|account| (found, account)))
    }

    /// The account that a code signs in to.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn find_code_account(
        &self,
        _ok: &Authorized<'_, ExchangeCode>,
        user: UserId,
    ) -> Result<Option<Account>, Error> {
        let mut db = self;
        let row = db
            .optional(select_users!("WHERE id = $1 AND purged_at IS NULL"), args![Uuid::from(user)])
            .await?;
        row.as_ref().map(account).transpose()
    }

    /// A person's, the oldest first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn list_identities<A: ReadsIdentities>(
        &self,
        ok: &Authorized<'_, A>,
    ) -> Result<Vec<Identity>, Error> {
        let mut db = self;
        list(&mut db, ok.action().user()).await
    }

    /// People with an account at a provider, at most `limit` of them.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn list_people_at(
        &self,
        _ok: &Authorized<'_, DisconnectEverybody>,
        provider: &str,
        limit: i64,
    ) -> Result<Vec<UserId>, Error> {
        let mut db = self;
        let rows = db
            .all(
                "SELECT DISTINCT user_id FROM identities WHERE provider = $1 ORDER BY user_id LIMIT $2",
                args![provider, limit],
            )
            .await?;
        rows.iter().map(|row| row.get("user_id")).collect()
    }

    /// What is sealed for an identity of the person.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn sealed_connection<A: ReadsIdentities>(
        &self,
        ok: &Authorized<'_, A>,
        identity: IdentityId,
    ) -> Result<Option<Vec<u8>>, Error> {
        let mut db = self;
        let row = db
            .optional(
                "SELECT sealed_tokens FROM connections JOIN identities ON identities.id = connections.identity_id \
                 WHERE identity_id = $1 AND user_id = $2",
                args![Uuid::from(identity), Uuid::from(ok.action().user())],
            )
            .await?;
        row.map(|row| row.get("sealed_tokens")).transpose()
    }
}

async fn list(db: &mut impl Sql, user: UserId) -> Result<Vec<Identity>, Error> {
    let rows = db
        .all(select_identities!("WHERE user_id = $1 ORDER BY identities.id"), args![Uuid::from(user)])
        .await?;
    rows.iter().map(identity).collect()
}

impl Tx {
    /// # Errors
    /// [`Conflict::IdentityTaken`](super::Conflict::IdentityTaken).
    pub async fn insert_identity<A: MakesIdentities>(
        &mut self,
        _ok: &Authorized<'_, A>,
        id: IdentityId,
        user: UserId,
        told: &Told,
        now: Micros,
    ) -> Result<(), Error> {
        self.run(
            "INSERT INTO identities (id, user_id, provider, issuer, subject, email, email_verified, username, created_at, \
             last_used_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)",
            args![
                Uuid::from(id),
                Uuid::from(user),
                told.key.provider.as_str(),
                told.key.issuer.as_str(),
                told.key.subject.as_str(),
                told.email.as_ref().map(Email::as_str),
                told.email_verified,
                told.username.as_deref(),
                now,
            ],
        )
        .await?;
        Ok(())
    }

    /// Keeps what a provider has just told of an identity. The account's own address stays as it is.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn use_identity(
        &mut self,
        _ok: &Authorized<'_, FinishSignIn>,
        identity: &Identity,
        told: &Told,
        forced_name: Option<&FullName>,
        now: Micros,
    ) -> Result<(), Error> {
        self.run(
            "UPDATE identities SET email = $2, email_verified = $3, username = $4, last_used_at = $5 WHERE id = $1",
            args![
                Uuid::from(identity.id),
                told.email.as_ref().map(Email::as_str),
                told.email_verified,
                told.username.as_deref(),
                now,
            ],
        )
        .await?;
        if let Some(name) = forced_name {
            self.run(
                "UPDATE users SET full_name = $2, updated_at = $3 WHERE id = $1",
                args![Uuid::from(identity.user), name.to_string(), now],
            )
            .await?;
        }
        Ok(())
    }

    /// Takes everything out of an account whose address nobody had proved, for whoever has proved it now: password,
    /// sessions, keys, identities, letters, profile. False if it is not as it was found any more.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn reclaim_account(
        &mut self,
        _ok: &Authorized<'_, LinkIdentity>,
        of: &Account,
        now: Micros,
    ) -> Result<bool, Error> {
        let id = Uuid::from(of.user.id);
        let reclaimed = self
            .run(
                "UPDATE users SET password_hash = NULL, full_name = NULL, department = NULL, avatar_url = NULL, \
                 attributes = '{}', email_verified_at = $3, updated_at = $3 \
                 WHERE id = $1 AND email = $2 AND email_verified_at IS NULL AND purged_at IS NULL",
                args![id, of.user.email.as_str(), now],
            )
            .await?;
        if reclaimed != 1 {
            return Ok(false);
        }
        self.end_sessions(of.user.id, None, now).await?;
        self.void_email_tokens(of.user.id, now).await?;
        self.run(
            "UPDATE email_tokens SET used_at = $2 WHERE user_id = $1 AND purpose = $3 AND used_at IS NULL",
            args![id, now, Purpose::VerifyEmail.as_str()],
        )
        .await?;
        self.end_keys_of(of.user.id, OwnKeys::Ended, now).await?;
        for statement in [
            "DELETE FROM identities WHERE user_id = $1",
            "DELETE FROM oauth_codes WHERE user_id = $1",
            "DELETE FROM oauth_flows WHERE user_id = $1",
            "DELETE FROM known_devices WHERE user_id = $1",
            "DELETE FROM known_networks WHERE user_id = $1",
        ] {
            self.run(statement, args![id]).await?;
        }
        Ok(true)
    }

    /// Keeps a provider's tokens, instead of those that were kept before.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn put_connection(
        &mut self,
        _ok: &Authorized<'_, LinkIdentity>,
        identity: IdentityId,
        connection: SealedConnection,
        now: Micros,
    ) -> Result<(), Error> {
        self.run(
            "INSERT INTO connections (identity_id, sealed_tokens, scopes, expires_at, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (identity_id) DO UPDATE \
             SET sealed_tokens = $2, scopes = $3, expires_at = $4, updated_at = $5",
            args![
                Uuid::from(identity),
                connection.sealed,
                connection.scopes.join(" "),
                connection.expires_at,
                now,
            ],
        )
        .await?;
        Ok(())
    }

    /// Keeps refreshed tokens, if those that were refreshed are still the kept ones.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn refresh_connection(
        &mut self,
        _ok: &Authorized<'_, BrokerToken>,
        identity: IdentityId,
        before: Vec<u8>,
        connection: SealedConnection,
        now: Micros,
    ) -> Result<bool, Error> {
        let changed = self
            .run(
                "UPDATE connections SET sealed_tokens = $3, scopes = $4, expires_at = $5, updated_at = $6 \
                 WHERE identity_id = $1 AND sealed_tokens = $2",
                args![
                    Uuid::from(identity),
                    before,
                    connection.sealed,
                    connection.scopes.join(" "),
                    connection.expires_at,
                    now,
                ],
            )
            .await?;
        Ok(changed == 1)
    }

    /// The person's identities, while nobody else can add or take one, and whether there is a password.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn take_identities<A: EndsIdentities>(
        &mut self,
        ok: &Authorized<'_, A>,
        now: Micros,
    ) -> Result<(Vec<Identity>, bool), Error> {
        let user = ok.action().user();
        let row = self
            .one(
                "UPDATE users SET updated_at = $2 WHERE id = $1 RETURNING password_hash",
                args![Uuid::from(user), now],
            )
            .await?;
        let password = row.get::<Option<String>>("password_hash")?.is_some();
        Ok((list(self, user).await?, password))
    }

    /// Ends one, and with it what was granted.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn delete_identity<A: EndsIdentities>(
        &mut self,
        ok: &Authorized<'_, A>,
        identity: IdentityId,
    ) -> Result<(), Error> {
        self.run(
            "DELETE FROM identities WHERE id = $1 AND user_id = $2",
            args![Uuid::from(identity), Uuid::from(ok.action().user())],
        )
        .await?;
        Ok(())
    }

    /// Sealed tokens after `after`, in the order of their ids.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn sealed_connections(
        &mut self,
        _ok: &Authorized<'_, ResealSecrets>,
        after: IdentityId,
        limit: i64,
    ) -> Result<Vec<(IdentityId, Vec<u8>)>, Error> {
        let rows = self
            .all(
                "SELECT identity_id, sealed_tokens FROM connections WHERE identity_id > $1 ORDER BY identity_id LIMIT $2",
                args![Uuid::from(after), limit],
            )
            .await?;
        rows.iter().map(|row| Ok((row.get("identity_id")?, row.get("sealed_tokens")?))).collect()
    }

    /// # Errors
    /// If the database does not answer.
    pub async fn reseal_connection(
        &mut self,
        _ok: &Authorized<'_, ResealSecrets>,
        identity: IdentityId,
        anew: Vec<u8>,
    ) -> Result<(), Error> {
        self.run(
            "UPDATE connections SET sealed_tokens = $2 WHERE identity_id = $1",
            args![Uuid::from(identity), anew],
        )
        .await?;
        Ok(())
    }
}
