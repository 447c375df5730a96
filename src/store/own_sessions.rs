//! Sessions as their owners see them, and the devices they signed in from.

use uuid::Uuid;

use super::sql::{Row, Sql as _, args};
use super::{Error, SignsIn, Store, Tx};
use crate::domain::{Micros, Session, SessionId, UserId, device_name};
use crate::guard::Authorized;
use crate::guard::actions::{ListSessions, LogoutAll, RevokeOtherSessions, RevokeSession};

/// Whether an account was signed in to from a device and network before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Familiarity {
    /// No sign-in before this one is known.
    FirstEver,
    New,
    Known,
}

pub(super) fn session(row: &Row, current: Option<SessionId>) -> Result<Session, Error> {
    let id: SessionId = row.get("id")?;
    let created_at: Micros = row.get("created_at")?;
    let user_agent: Option<String> = row.get("user_agent")?;
    let ip: Option<String> = row.get("ip")?;
    Ok(Session {
        id,
        device: device_name(user_agent.as_deref()),
        ip: ip.and_then(|ip| ip.parse().ok()),
        created_at,
        last_seen_at: row.get::<Option<Micros>>("last_seen_at")?.unwrap_or(created_at),
        expires_at: row.get("expires_at")?,
        current: current == Some(id),
    })
}

impl Store {
    /// The sessions that live, newest first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn list_sessions(
        &self,
        ok: &Authorized<'_, ListSessions>,
        now: Micros,
    ) -> Result<Vec<Session>, Error> {
        let mut db = self;
        let rows = db
            .all(
                "SELECT id, ip, user_agent, created_at, last_seen_at, expires_at FROM sessions \
                 WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2 ORDER BY id DESC",
                args![Uuid::from(ok.action().user), now],
            )
            .await?;
        rows.iter().map(|row| session(row, ok.action().session)).collect()
    }
}

impl Tx {
    /// Ends one session, looked for among the person's own that live.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn revoke_own_session(
        &mut self,
        ok: &Authorized<'_, RevokeSession>,
        now: Micros,
    ) -> Result<(), Error> {
        let RevokeSession { user, session } = *ok.action();
        let ended = self
            .run(
                "UPDATE sessions SET revoked_at = $3 \
                 WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL AND expires_at > $3",
                args![Uuid::from(session), Uuid::from(user), now],
            )
            .await?;
        if ended == 1 { Ok(()) } else { Err(Error::NotFound) }
    }

    /// # Errors
    /// If the database does not answer.
    pub async fn revoke_other_sessions(
        &mut self,
        ok: &Authorized<'_, RevokeOtherSessions>,
        now: Micros,
    ) -> Result<(), Error> {
        let RevokeOtherSessions { user, session } = *ok.action();
        self.end_sessions(user, session, now).await
    }

    /// # Errors
    /// If the database does not answer.
    pub async fn revoke_all_sessions(
        &mut self,
        ok: &Authorized<'_, LogoutAll>,
        now: Micros,
    ) -> Result<(), Error> {
        self.end_sessions(ok.action().user, None, now).await
    }

    /// Remembers where a person signed in from; whether they did before.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn remember_device<A: SignsIn>(
        &mut self,
        _ok: &Authorized<'_, A>,
        user: UserId,
        (device, network): (&str, &str),
        now: Micros,
    ) -> Result<Familiarity, Error> {
        let user = Uuid::from(user);
        let known = self
            .run(
                "UPDATE known_devices SET last_seen_at = $4 WHERE user_id = $1 AND device = $2 AND network = $3",
                args![user, device, network, now],
            )
            .await?;
        if known == 1 {
            return Ok(Familiarity::Known);
        }
        let others =
            self.one("SELECT COUNT(*) AS total FROM known_devices WHERE user_id = $1", args![user]).await?;
        let added = self
            .run(
                "INSERT INTO known_devices (user_id, device, network, first_seen_at, last_seen_at) \
                 VALUES ($1, $2, $3, $4, $4) ON CONFLICT DO NOTHING",
                args![user, device, network, now],
            )
            .await?;
        // A parallel sign-in from the same place was faster.
        if added == 0 {
            return Ok(Familiarity::Known);
        }
        Ok(if others.get::<i64>("total")? == 0 { Familiarity::FirstEver } else { Familiarity::New })
    }
}
