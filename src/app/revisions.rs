//! "At least as fresh as": a change tells the revision it made, and a reader may demand one.
//!
//! Decisions rest on facts that are as fresh as the newest revision known here (`store/known.rs`), and the database shows
//! every change that was committed, whichever server made it: with one database the demand is met at once. It is refused
//! where it cannot be: by a database that was set back, or that lags.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{App, Error};
use crate::domain::FieldError;

/// What a revision is sealed for. Sealed, because the number tells how much happens here.
const PURPOSE: &str = "revision";
/// How often, and how far apart, a database that lags is looked at.
const LOOKS: u32 = 10;
const PAUSE: Duration = Duration::from_millis(50);

impl App {
    /// All that this server has changed is in this revision; the text means nothing to anybody else.
    #[must_use]
    pub fn revision(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.sealer.seal(PURPOSE, &self.store.revision().to_be_bytes()))
    }

    /// Returns when what is read here is at least as fresh as the revision; waits half a second at most.
    ///
    /// # Errors
    /// [`Error::Invalid`] if it is no revision of this installation; [`Error::Unavailable`] if this server is not that
    /// fresh in time.
    pub async fn at_least(&self, revision: &str, field: &str) -> Result<(), Error> {
        let unknown = || {
            let message = "this is no revision that this service has told".to_owned();
            Error::Invalid(vec![FieldError { field: field.to_owned(), code: "unknown-revision", message }])
        };
        let sealed = URL_SAFE_NO_PAD.decode(revision).map_err(|_| unknown())?;
        let opened = self.sealer.open(PURPOSE, &sealed).map_err(|_| unknown())?;
        let demanded = i64::from_be_bytes(opened.as_slice().try_into().map_err(|_| unknown())?);
        if self.store.revision() >= demanded {
            return Ok(());
        }
        for look in 1..=LOOKS {
            if self.store.read_revision_unguarded().await? >= demanded {
                return Ok(());
            }
            if look < LOOKS {
                tokio::time::sleep(PAUSE).await;
            }
        }
        Err(Error::Unavailable { retry_after: Duration::from_secs(1) })
    }
}
