//! From a credential to a principal: the only use case without a permit, because its result is who asks for one.

use serde_json::Value;

use super::{App, Error};
use crate::crypto::TokenError;
use crate::guard::actions::GetJwks;
use crate::guard::{Authorized, Origin, Party, Principal, Released};

impl App {
    /// Who sent this request. No credential is [`Party::Anonymous`]; a bad one is an error, never anonymous.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] `token-expired`, `token-invalid` or `session-ended`.
    pub async fn authenticate(&self, bearer: Option<&str>, origin: Origin) -> Result<Principal, Error> {
        let Some(token) = bearer else { return Ok(Principal { party: Party::Anonymous, origin }) };
        let now = self.now();
        let access = self.tokens.verify(token, now).map_err(|error| Error::Unauthenticated {
            code: if matches!(error, TokenError::Expired) { "token-expired" } else { "token-invalid" },
        })?;
        // The token says who; the session says whether still. So a revoked session's tokens are dead at once.
        let user = self.store.session_principal_unguarded(access.session, now).await?;
        let ended = Error::Unauthenticated { code: "session-ended" };
        let user = user.filter(|user| user.id == access.user).ok_or(ended)?;
        Ok(Principal { party: Party::User(Box::new(user)), origin })
    }

    /// The public signing keys (RFC 7517).
    pub fn jwks(&self, ok: Authorized<'_, GetJwks>) -> Released<GetJwks, Value> {
        ok.release(self.tokens.jwks(self.now()))
    }
}
