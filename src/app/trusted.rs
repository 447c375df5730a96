//! Access tokens of other issuers: for operators who come from another system, or keep one.
//!
//! Such a token is a credential of the person that it names, like a key of theirs: it carries the scopes that the operator
//! gave its issuer, and does nothing that only a person who signed in may do. Nothing is stored; it ends by itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::Value;

use super::{App, Error};
use crate::crypto::{ForeignTokenError, issuer_of, read_foreign};
use crate::domain::{
    ForeignToken, IdentityKey, Micros, Provider, ProviderName, Signed, Subjects, TokenHash, TrustedIssuer,
    UserId,
};
use crate::guard::{CredentialKind, CredentialPrincipal, Origin, Party, Principal};
use crate::outbound::{ProviderError, Providers};

/// Anybody can send a token with a key that nobody knows; so often at most is the issuer asked for its keys again.
const PATIENCE: Duration = Duration::from_secs(30);

/// The issuers, and when each was last asked for its keys.
#[derive(Debug)]
pub(super) struct Trusted {
    issuers: Vec<TrustedIssuer>,
    keys: Providers,
    asked: Mutex<BTreeMap<ProviderName, Micros>>,
}

impl Trusted {
    pub(super) fn new(issuers: Vec<TrustedIssuer>, keys: Providers) -> Self {
        Self { issuers, keys, asked: Mutex::default() }
    }

    /// Whether the issuer may be asked now; if so, it counts as asked.
    fn may_ask(&self, name: &ProviderName, now: Micros) -> bool {
        let mut asked = self.asked.lock();
        let may = asked.get(name).is_none_or(|last| now >= *last + PATIENCE);
        if may {
            asked.insert(name.clone(), now);
        }
        may
    }

    async fn read(&self, of: &TrustedIssuer, token: &str, now: Micros) -> Result<ForeignToken, Unread> {
        let Signed::Keys { at, .. } = &of.signed else { return Ok(read_foreign(of, token, None, now)?) };
        let keys = match self.keys.known_keys(at).await {
            Some(keys) => keys,
            None => self.ask(of, at, now).await?.ok_or(ForeignTokenError::UnknownKey)?,
        };
        match read_foreign(of, token, Some(&keys), now) {
            // An issuer that has a new key has it in its key set.
            Err(ForeignTokenError::UnknownKey) => {
                let keys = self.ask(of, at, now).await?.ok_or(ForeignTokenError::UnknownKey)?;
                Ok(read_foreign(of, token, Some(&keys), now)?)
            }
            read => Ok(read?),
        }
    }

    async fn ask(
        &self,
        of: &TrustedIssuer,
        at: &Provider,
        now: Micros,
    ) -> Result<Option<Arc<Value>>, ProviderError> {
        if !self.may_ask(&of.name, now) {
            return Ok(None);
        }
        self.keys.keys(at, true).await.map(Some)
    }
}

/// Why a token is not read.
#[derive(Debug, thiserror::Error)]
enum Unread {
    #[error(transparent)]
    Wrong(#[from] ForeignTokenError),
    #[error("the issuer's keys cannot be had")]
    NoKeys(#[from] ProviderError),
}

impl App {
    /// The person that a token of a trusted issuer speaks for, through the token. None: it is no such token, or not
    /// good, or of nobody here.
    pub(super) async fn foreign_principal(
        &self,
        token: &str,
        origin: Origin,
        now: Micros,
    ) -> Result<Option<Principal>, Error> {
        if self.trusted.issuers.is_empty() {
            return Ok(None);
        }
        let Some(issuer) = issuer_of(token) else { return Ok(None) };
        for of in self.trusted.issuers.iter().filter(|it| it.issuer == issuer) {
            let read = match self.trusted.read(of, token, now).await {
                Ok(read) => read,
                Err(error) => {
                    tracing::debug!(issuer = %of.name, error = %error, "a token of a trusted issuer is not taken");
                    continue;
                }
            };
            if let Some(principal) = self.foreign_subject(of, token, read, origin.clone()).await? {
                return Ok(Some(principal));
            }
        }
        Ok(None)
    }

    async fn foreign_subject(
        &self,
        of: &TrustedIssuer,
        token: &str,
        read: ForeignToken,
        origin: Origin,
    ) -> Result<Option<Principal>, Error> {
        let person = match of.subjects {
            Subjects::Identities => {
                let issuer = of.issuer.clone().unwrap_or_default();
                let key = IdentityKey { provider: of.name.clone(), issuer, subject: read.subject };
                self.store.identity_principal_unguarded(&key, read.issued_at).await?
            }
            Subjects::Users => match UserId::parse(&read.subject) {
                Some(id) => self.store.imported_principal_unguarded(id, read.issued_at).await?,
                None => None,
            },
        };
        let Some(person) = person else { return Ok(None) };
        let mut principal = Principal::of(Party::User(Box::new(person)), origin);
        principal.through = vec![Party::Credential(Box::new(CredentialPrincipal {
            id: token_id(token),
            kind: CredentialKind::Foreign,
            scopes: of.scopes.clone(),
            organization: None,
            project: None,
            task: None,
        }))];
        Ok(Some(principal))
    }
}

/// So that the audit trail tells one token from another without holding any.
fn token_id(token: &str) -> uuid::Uuid {
    let hash = TokenHash::of(token);
    let mut bytes = [0; 16];
    for (byte, of) in bytes.iter_mut().zip(hash.as_bytes()) {
        *byte = *of;
    }
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}
