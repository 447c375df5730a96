//! What plugins get from us, each time by the policies: the network, their secrets' use, their storage.

use std::time::Duration;

use async_trait::async_trait;

use super::compiled_plugins::CompiledPlugins;
use crate::crypto::VerifyingKey;
use crate::domain::{Clock, Micros};
use crate::guard::actions::{ReadPluginStorage, WritePluginStorage};
use crate::guard::{Capability, Denied, Guard, HttpHost, PluginPrincipal};
use crate::outbound::{Reach, Web, WebError};
use crate::plugins::{Ask, Asker, FetchError, Host, HttpOrigin, KvError};
use crate::store::{self, Room, Store};

/// Serves guests.
#[derive(Debug)]
pub struct PluginHost {
    pub guard: Guard,
    pub store: Store,
    pub web: Web,
    pub clock: std::sync::Arc<dyn Clock>,
    pub compiled: CompiledPlugins,
    /// Who may sign plugins; nobody: a plugin needs no signature.
    pub trusted: Vec<VerifyingKey>,
}

impl PluginHost {
    fn now(&self) -> Micros {
        self.clock.now()
    }
}

fn plugin(asker: Asker<'_>) -> PluginPrincipal {
    PluginPrincipal { id: asker.who.plugin.to_string(), digest: asker.who.digest.to_string() }
}

fn host(to: &HttpOrigin, internal: bool) -> HttpHost {
    HttpHost {
        origin: to.to_string(),
        scheme: to.scheme.clone(),
        host: to.host.clone(),
        port: to.port,
        internal,
    }
}

fn unavailable(error: &store::Error) -> KvError {
    tracing::error!(target: "plugin", error = ?error, "a plugin's storage does not answer");
    KvError::Unavailable
}

fn refused(denied: &Denied) -> KvError {
    match denied {
        Denied::Facts(_) | Denied::Undecided(_) => KvError::Unavailable,
        Denied::Unauthenticated | Denied::NotFound | Denied::Forbidden { .. } => KvError::Denied,
    }
}

/// Asks for the permit of `$action` as the plugin, and goes on with it.
macro_rules! as_plugin {
    ($self:ident, $asker:ident, $action:expr, |$ok:ident| $work:expr) => {{
        let caller = plugin($asker).principal($asker.request_id.to_owned());
        let $ok = $self.guard.authorize(&caller, $action).await.map_err(|denied| refused(&denied))?;
        $work.await.map_err(|error| unavailable(&error))
    }};
}

#[async_trait]
impl Host for PluginHost {
    async fn permits(&self, asker: Asker<'_>, ask: Ask<'_>) -> bool {
        let capability = match ask {
            Ask::Handle { hook } => Capability::Handle(hook.to_owned()),
            Ask::Fetch { to, internal } => Capability::Fetch(host(to, internal)),
            Ask::UseSecret { secret, to, internal } => {
                Capability::UseSecret(secret.to_owned(), host(to, internal))
            }
        };
        self.guard.lets(&plugin(asker), &capability, asker.request_id).await
    }

    fn vouches(&self, file: &[u8], signature: Option<&str>) -> bool {
        self.trusted.is_empty()
            || signature.is_some_and(|text| self.trusted.iter().any(|key| key.verifies(file, text)))
    }

    fn kept_code(&self, plugin: &str, name: &str) -> Option<Vec<u8>> {
        self.compiled.get(plugin, name)
    }

    fn keep_code(&self, plugin: &str, name: &str, code: &[u8]) {
        self.compiled.put(plugin, name, code);
    }

    async fn fetch(
        &self,
        request: http::Request<Vec<u8>>,
        internal: bool,
    ) -> Result<http::Response<Vec<u8>>, FetchError> {
        let reach = if internal { Reach::Private } else { Reach::Public };
        self.web.send(reach, request).await.map_err(|error| match error {
            WebError::Address | WebError::Private => FetchError::Denied(error.to_string()),
            WebError::TooLarge => FetchError::TooLarge,
            WebError::NoAnswer(_) | WebError::Client(_) => {
                // A name that leads to an address that may not be reached ends here too: the connection is not made.
                FetchError::Unreachable(error.to_string())
            }
        })
    }

    async fn kv_get(&self, asker: Asker<'_>, key: &str) -> Result<Option<Vec<u8>>, KvError> {
        let space = asker.organization.unwrap_or_default();
        as_plugin!(self, asker, ReadPluginStorage {}, |ok| self.store.plugin_entry(
            &ok,
            space,
            key,
            self.now()
        ))
    }

    async fn kv_set(
        &self,
        asker: Asker<'_>,
        key: &str,
        value: Vec<u8>,
        lifetime: Duration,
    ) -> Result<(), KvError> {
        let (space, now) = (asker.organization.unwrap_or_default(), self.now());
        let room = as_plugin!(self, asker, WritePluginStorage {}, |ok| async {
            let mut tx = self.store.begin().await?;
            let room = tx.put_plugin_entry(&ok, (space, key), value, now + lifetime, now).await?;
            tx.commit().await?;
            Ok::<_, store::Error>(room)
        })?;
        if room == Room::Enough { Ok(()) } else { Err(KvError::Quota) }
    }

    async fn kv_delete(&self, asker: Asker<'_>, key: &str) -> Result<(), KvError> {
        let space = asker.organization.unwrap_or_default();
        as_plugin!(self, asker, WritePluginStorage {}, |ok| async {
            let mut tx = self.store.begin().await?;
            tx.delete_plugin_entry(&ok, space, key).await?;
            tx.commit().await
        })
    }

    async fn kv_increment(
        &self,
        asker: Asker<'_>,
        key: &str,
        by: i64,
        lifetime: Duration,
    ) -> Result<i64, KvError> {
        let (space, now) = (asker.organization.unwrap_or_default(), self.now());
        let sum = as_plugin!(self, asker, WritePluginStorage {}, |ok| async {
            let mut tx = self.store.begin().await?;
            let sum = tx.add_to_plugin_entry(&ok, (space, key), by, now + lifetime, now).await?;
            tx.commit().await?;
            Ok::<_, store::Error>(sum)
        })?;
        sum.ok_or(KvError::Quota)
    }
}
