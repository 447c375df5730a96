//! Sign-ins and their chains of refresh tokens.

use std::net::IpAddr;
use std::time::Duration;

use uuid::Uuid;

use super::sql::{Sql as _, args};
use super::{ChecksPassword, Error, Tx};
use crate::domain::{Micros, SessionId, TokenHash, UserId};
use crate::guard::Authorized;
use crate::guard::actions::{ExchangeCode, FinishSignIn, Login, Logout, RefreshSession, RevokeToken};

/// A new row.
#[derive(Debug)]
pub struct NewSession {
    pub id: SessionId,
    pub user: UserId,
    pub ip: Option<IpAddr>,
    pub user_agent: Option<String>,
    pub created_at: Micros,
    pub expires_at: Micros,
    pub refresh: TokenHash,
    /// The provider that the person signed in with; none: a password.
    pub provider: Option<String>,
}

/// The actions that sign somebody in.
pub trait SignsIn: ChecksPassword {}
impl SignsIn for Login {}
impl SignsIn for ExchangeCode {}
impl SignsIn for FinishSignIn {}

/// What became of a refresh token that somebody presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// It was the current one; its successor is current now.
    Rotated {
        session: SessionId,
        /// The person signed in with a provider.
        federated: bool,
    },
    /// It was used moments ago and its successor is still unused: the same successor is the answer, so that a
    /// client whose answer was lost on the way is not signed out.
    Repeated {
        session: SessionId,
        /// The successor was made under the other master key.
        from_former: bool,
        federated: bool,
    },
    /// It was used before: somebody has a copy. The session is revoked.
    Reused { session: SessionId },
    /// No such token, or it or its session is over.
    Refused,
}

impl Tx {
    /// # Errors
    /// If the database does not answer.
    pub async fn insert_session<A: SignsIn>(
        &mut self,
        _ok: &Authorized<'_, A>,
        new: NewSession,
    ) -> Result<(), Error> {
        self.run(
            "INSERT INTO sessions (id, user_id, ip, user_agent, created_at, expires_at, revoked_at, provider) \
             VALUES ($1, $2, $3, $4, $5, $6, NULL, $7)",
            args![
                Uuid::from(new.id),
                Uuid::from(new.user),
                new.ip.map(|ip| ip.to_string()),
                new.user_agent,
                new.created_at,
                new.expires_at,
                new.provider,
            ],
        )
        .await?;
        self.insert_refresh_token(new.refresh, new.id, new.created_at, new.expires_at).await
    }

    async fn insert_refresh_token(
        &mut self,
        token: TokenHash,
        session: SessionId,
        now: Micros,
        expires_at: Micros,
    ) -> Result<(), Error> {
        self.run(
            "INSERT INTO refresh_tokens (token_hash, session_id, created_at, expires_at, used_at, successor_hash) \
             VALUES ($1, $2, $3, $4, NULL, NULL)",
            args![token, Uuid::from(session), now, expires_at],
        )
        .await?;
        Ok(())
    }

    /// Spends `presented` and makes `successor` the current token of its session.
    ///
    /// One statement takes the token, so of any number of parallel calls exactly one rotates it
    /// (RFC 9700 section 4.14.2 on why reuse ends the whole family). `former` is what `presented` would have
    /// become under the other master key while masters rotate; it counts only when `presented` is repeated.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn rotate_refresh_token(
        &mut self,
        _ok: &Authorized<'_, RefreshSession>,
        presented: TokenHash,
        successor: TokenHash,
        former: Option<TokenHash>,
        grace: Duration,
        now: Micros,
    ) -> Result<Rotation, Error> {
        let taken = self
            .optional(
                "UPDATE refresh_tokens SET used_at = $2, successor_hash = $3 \
                 WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2 AND session_id IN \
                 (SELECT id FROM sessions WHERE revoked_at IS NULL AND expires_at > $2) \
                 RETURNING session_id, expires_at",
                args![presented, now, successor],
            )
            .await?;
        if let Some(row) = taken {
            let session: SessionId = row.get("session_id")?;
            self.insert_refresh_token(successor, session, now, row.get("expires_at")?).await?;
            let seen = self
                .one(
                    "UPDATE sessions SET last_seen_at = $2 WHERE id = $1 RETURNING provider",
                    args![Uuid::from(session), now],
                )
                .await?;
            let federated = seen.get::<Option<String>>("provider")?.is_some();
            return Ok(Rotation::Rotated { session, federated });
        }
        let known = self
            .optional(
                "SELECT token.session_id, token.used_at, token.successor_hash, session.revoked_at, \
                 session.provider, session.expires_at, next.used_at AS next_used_at \
                 FROM refresh_tokens token JOIN sessions session ON session.id = token.session_id \
                 LEFT JOIN refresh_tokens next ON next.token_hash = token.successor_hash \
                 WHERE token.token_hash = $1",
                args![presented],
            )
            .await?;
        let Some(row) = known else { return Ok(Rotation::Refused) };
        let session: SessionId = row.get("session_id")?;
        let over =
            row.get::<Option<Micros>>("revoked_at")?.is_some() || row.get::<Micros>("expires_at")? <= now;
        let Some(used_at) = row.get::<Option<Micros>>("used_at")? else { return Ok(Rotation::Refused) };
        if over {
            return Ok(Rotation::Refused);
        }
        let became = row.get::<Option<Vec<u8>>>("successor_hash")?;
        let is = |hash: TokenHash| became.as_deref() == Some(hash.as_bytes());
        let from_former = former.is_some_and(is);
        let same = is(successor) || from_former;
        let unused = row.get::<Option<Micros>>("next_used_at")?.is_none();
        if same && unused && now <= used_at + grace {
            let federated = row.get::<Option<String>>("provider")?.is_some();
            return Ok(Rotation::Repeated { session, from_former, federated });
        }
        self.revoke(session, now).await?;
        Ok(Rotation::Reused { session })
    }

    /// Ends the session that the request rests on; with it, every refresh token of it.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn revoke_session(&mut self, ok: &Authorized<'_, Logout>, now: Micros) -> Result<(), Error> {
        match ok.action().session {
            Some(session) => self.revoke(session, now).await,
            None => Ok(()),
        }
    }

    /// Ends a session by one of its own tokens (RFC 7009).
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn give_up_session(
        &mut self,
        _ok: &Authorized<'_, RevokeToken>,
        session: SessionId,
        now: Micros,
    ) -> Result<(), Error> {
        self.revoke(session, now).await
    }

    /// Ends the sessions of a person, all but `kept`.
    pub(super) async fn end_sessions(
        &mut self,
        user: UserId,
        kept: Option<SessionId>,
        now: Micros,
    ) -> Result<(), Error> {
        self.run(
            "UPDATE sessions SET revoked_at = $2 WHERE user_id = $1 AND revoked_at IS NULL AND id <> $3",
            args![Uuid::from(user), now, kept.map_or(Uuid::nil(), Uuid::from)],
        )
        .await?;
        Ok(())
    }

    async fn revoke(&mut self, session: SessionId, now: Micros) -> Result<(), Error> {
        self.run(
            "UPDATE sessions SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL",
            args![Uuid::from(session), now],
        )
        .await?;
        Ok(())
    }
}
