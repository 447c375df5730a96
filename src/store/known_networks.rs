//! Networks from which a person has signed in.

use uuid::Uuid;

use super::sql::{Sql as _, args};
use super::{Error, SignsIn, Store, Tx};
use crate::domain::{Email, Micros, Network, UserId};
use crate::guard::actions::{ChangeEmail, ChangePassword, DeleteMe, ExchangeCode, FinishSignIn, Login};
use crate::guard::{Action, Authorized};

/// The actions that look at a password.
pub trait ChecksPassword: Action {}
impl ChecksPassword for Login {}
impl ChecksPassword for ChangePassword {}
impl ChecksPassword for ChangeEmail {}
impl ChecksPassword for DeleteMe {}
// Plugins are told about the network of every sign-in.
impl ChecksPassword for ExchangeCode {}
impl ChecksPassword for FinishSignIn {}

impl Store {
    /// Whether the account of `email` has signed in from `network` at or after `since`. One statement, whether or not
    /// there is such an account.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn knows_network<A: ChecksPassword>(
        &self,
        _ok: &Authorized<'_, A>,
        email: &Email,
        network: Network,
        since: Micros,
    ) -> Result<bool, Error> {
        let mut db = self;
        let row = db
            .optional(
                "SELECT known.network FROM known_networks known JOIN users ON users.id = known.user_id \
                 WHERE users.email = $1 AND known.network = $2 AND known.last_seen_at >= $3",
                args![email.as_str(), network.to_string(), since],
            )
            .await?;
        Ok(row.is_some())
    }
}

impl Tx {
    /// # Errors
    /// If the database does not answer.
    pub async fn know_network<A: SignsIn>(
        &mut self,
        _ok: &Authorized<'_, A>,
        user: UserId,
        network: Network,
        now: Micros,
    ) -> Result<(), Error> {
        self.run(
            "INSERT INTO known_networks (user_id, network, last_seen_at) VALUES ($1, $2, $3) \
             ON CONFLICT (user_id, network) DO UPDATE SET last_seen_at = excluded.last_seen_at",
            args![Uuid::from(user), network.to_string(), now],
        )
        .await?;
        Ok(())
    }
}
