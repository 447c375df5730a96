//! What the host does for guests, as questions to whoever has the policies, the network and the storage.
//!
//! Each is asked on each call of a guest: what a policy takes away is gone at the guest's next step.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::capabilities::HttpOrigin;

/// A plugin as policies know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub plugin: Arc<str>,
    /// SHA-256 of the component, in lower-case hexadecimal.
    pub digest: Arc<str>,
}

/// Who asks the host for something, and in the course of what.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    pub who: &'a Identity,
    pub request_id: &'a str,
    /// The organization the call is about, if it is about one.
    pub organization: Option<&'a str>,
}

/// What a plugin may or may not do, beside the storage.
#[derive(Debug, Clone, Copy)]
pub enum Ask<'a> {
    /// Be asked at this hook.
    Handle { hook: &'a str },
    /// Send a request there; `internal` if the operator lets it reach addresses that are not public.
    Fetch { to: &'a HttpOrigin, internal: bool },
    /// Have this secret put into a request to there.
    UseSecret { secret: &'a str, to: &'a HttpOrigin, internal: bool },
}

/// Why there is no answer over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchError {
    /// By the address.
    Denied(String),
    Unreachable(String),
    TooLarge,
}

/// Why the storage did not do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KvError {
    Denied,
    Quota,
    Unavailable,
}

/// Implemented by `app`. What is not implemented is refused.
#[async_trait]
pub trait Host: Send + Sync + fmt::Debug {
    /// Whether the policies let it.
    async fn permits(&self, asker: Asker<'_>, ask: Ask<'_>) -> bool;

    /// Whether a file of a plugin may be used, by the text of the signature that lies beside it, if one does.
    fn vouches(&self, file: &[u8], signature: Option<&str>) -> bool;

    /// The machine code that [`Host::keep_code`] got under this name, byte for byte. It runs as part of the server, so
    /// whatever may be anything else is not given.
    fn kept_code(&self, _plugin: &str, _name: &str) -> Option<Vec<u8>> {
        None
    }

    /// Keeps a plugin's machine code for the next start, instead of what was kept of that plugin before. If it cannot,
    /// the next start compiles again.
    fn keep_code(&self, _plugin: &str, _name: &str, _code: &[u8]) {}

    /// Sends one request; the caller bounds its time.
    ///
    /// # Errors
    /// See [`FetchError`].
    async fn fetch(
        &self,
        _request: http::Request<Vec<u8>>,
        _internal: bool,
    ) -> Result<http::Response<Vec<u8>>, FetchError> {
        Err(FetchError::Denied("there is no network here".to_owned()))
    }

    /// # Errors
    /// See [`KvError`].
    async fn kv_get(&self, _asker: Asker<'_>, _key: &str) -> Result<Option<Vec<u8>>, KvError> {
        Err(KvError::Denied)
    }

    /// # Errors
    /// See [`KvError`].
    async fn kv_set(
        &self,
        _asker: Asker<'_>,
        _key: &str,
        _value: Vec<u8>,
        _lifetime: Duration,
    ) -> Result<(), KvError> {
        Err(KvError::Denied)
    }

    /// # Errors
    /// See [`KvError`].
    async fn kv_delete(&self, _asker: Asker<'_>, _key: &str) -> Result<(), KvError> {
        Err(KvError::Denied)
    }

    /// Adds to a number, which begins at 0 and lives for `lifetime` from then; the sum.
    ///
    /// # Errors
    /// See [`KvError`].
    async fn kv_increment(
        &self,
        _asker: Asker<'_>,
        _key: &str,
        _by: i64,
        _lifetime: Duration,
    ) -> Result<i64, KvError> {
        Err(KvError::Denied)
    }
}

/// A host that does nothing for anybody but ask them: for looking at plugins without running a server.
#[derive(Debug, Clone, Copy)]
pub struct NoHost;

#[async_trait]
impl Host for NoHost {
    async fn permits(&self, _: Asker<'_>, ask: Ask<'_>) -> bool {
        matches!(ask, Ask::Handle { .. })
    }

    fn vouches(&self, _: &[u8], _: Option<&str>) -> bool {
        true
    }
}
