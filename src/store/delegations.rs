//! Tokens that agents got on behalf of people.

use uuid::Uuid;

use super::sql::{Sql as _, args};
use super::{Error, Tx};
use crate::domain::{ApiKeyId, DelegationId, Micros, SessionId};
use crate::guard::Authorized;
use crate::guard::actions::{ExchangeToken, RevokeToken};

/// A new row.
#[derive(Debug)]
pub struct NewDelegation {
    pub id: DelegationId,
    /// The person's sign-in.
    pub session: SessionId,
    /// The agent's credential.
    pub key: ApiKeyId,
    pub created_at: Micros,
    pub expires_at: Micros,
}

impl Tx {
    /// # Errors
    /// If the database does not answer.
    pub async fn insert_delegation(
        &mut self,
        ok: &Authorized<'_, ExchangeToken>,
        new: NewDelegation,
    ) -> Result<(), Error> {
        self.run(
            "INSERT INTO delegations (id, session_id, agent_id, key_id, created_at, expires_at, revoked_at) \
             VALUES ($1, $2, $3, $4, $5, $6, NULL)",
            args![
                Uuid::from(new.id),
                Uuid::from(new.session),
                Uuid::from(ok.action().agent),
                Uuid::from(new.key),
                new.created_at,
                new.expires_at,
            ],
        )
        .await?;
        Ok(())
    }

    /// Ends a delegation by its own token (RFC 7009).
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn give_up_delegation(
        &mut self,
        _ok: &Authorized<'_, RevokeToken>,
        id: DelegationId,
        now: Micros,
    ) -> Result<(), Error> {
        self.run(
            "UPDATE delegations SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL",
            args![Uuid::from(id), now],
        )
        .await?;
        Ok(())
    }
}
