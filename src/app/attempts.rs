//! Looks at a password: counted before, judged after. Every door that asks for it counts together, so that a stolen
//! session is no quicker way to guess than signing in. The rules are in `limits/delays.rs`.

use std::time::Duration;

use super::limits::Wait;
use super::{App, Error};
use crate::crypto::{HashingError, Verified};
use crate::domain::Email;
use crate::guard::Authorized;
use crate::store::ChecksPassword;

/// How long a network stays known after the last sign-in from it.
pub(super) const KNOWN_FOR: Duration = Duration::from_secs(90 * 24 * 60 * 60);

impl App {
    /// Counts a try for the account of `email`.
    ///
    /// # Errors
    /// [`Error::TooMany`] `too-many-attempts` with how long to wait.
    pub(super) async fn begin_attempt<A: ChecksPassword>(
        &self,
        ok: &Authorized<'_, A>,
        email: &Email,
    ) -> Result<(), Error> {
        let Some(delays) = &self.limits.delays else { return Ok(()) };
        let network = ok.caller().origin.network();
        let begun = match delays.begin(email, network, false) {
            Err(Wait::Strangers(_))
                if self.store.knows_network(ok, email, network, self.now() - KNOWN_FOR).await? =>
            {
                delays.begin(email, network, true)
            }
            begun => begun,
        };
        begun.map_err(|(Wait::Network(retry_after) | Wait::Strangers(retry_after))| Error::TooMany {
            code: "too-many-attempts",
            retry_after,
        })
    }

    /// Says what became of a try that was counted.
    pub(super) fn end_attempt<A: ChecksPassword>(
        &self,
        ok: &Authorized<'_, A>,
        email: &Email,
        verified: &Result<Verified, HashingError>,
    ) {
        let Some(delays) = &self.limits.delays else { return };
        let network = ok.caller().origin.network();
        match verified {
            Ok(Verified::Match { .. }) => delays.right(email, network),
            Ok(Verified::NoMatch) => {}
            Err(_) => delays.unseen(email, network),
        }
    }
}
