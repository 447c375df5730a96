//! What is connected to an account, and its end.

use serde_json::json;

use super::{App, Error, provider_failed};
use crate::domain::{Identity, IdentityId, Micros};
use crate::guard::actions::{
    DisconnectAll, DisconnectEverybody, DisconnectProvider, DisconnectUser, ListConnections,
};
use crate::guard::{Authorized, Released};
use crate::store::EndsIdentities;

/// A provider, and one of the person's accounts there.
#[derive(Debug)]
pub struct Connected {
    pub provider: String,
    pub identity: Option<Identity>,
}

/// How many people a call disconnects at most: each may be told to the provider.
const AT_ONCE: i64 = 100;

/// How many people were disconnected, and whether there are more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disconnected {
    pub people: u32,
    pub more: bool,
}

impl App {
    /// Every provider that one may sign in with, with each account of the person's there.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn list_connections(
        &self,
        ok: Authorized<'_, ListConnections>,
    ) -> Result<Released<ListConnections, Vec<Connected>>, Error> {
        let mut identities = self.store.list_identities(&ok).await?;
        let mut listed = Vec::new();
        for provider in self.providers.list() {
            let (own, others): (Vec<_>, Vec<_>) =
                identities.into_iter().partition(|it| it.key.provider == provider.name);
            identities = others;
            let name = || provider.name.to_string();
            if own.is_empty() && provider.enabled && self.is_served(provider) {
                listed.push(Connected { provider: name(), identity: None });
            }
            listed.extend(own.into_iter().map(|it| Connected { provider: name(), identity: Some(it) }));
        }
        // Of providers that are gone.
        listed.extend(
            identities
                .into_iter()
                .map(|it| Connected { provider: it.key.provider.to_string(), identity: Some(it) }),
        );
        Ok(ok.release(listed))
    }

    /// Takes the person's accounts at a provider out of their account, or one of them, and gives its tokens back.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none; [`Error::Conflict`] `last-sign-in-method` if nothing else would sign the
    /// person in.
    pub async fn disconnect_provider(
        &self,
        ok: Authorized<'_, DisconnectProvider>,
        provider: &str,
        only: Option<IdentityId>,
    ) -> Result<Released<DisconnectProvider, ()>, Error> {
        self.disconnect(&ok, Some(provider), only, true).await?;
        Ok(ok.release(()))
    }

    /// The same for somebody else's account, whatever else signs them in: an address that is proved can have a password
    /// set by letter.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none.
    pub async fn disconnect_user(
        &self,
        ok: Authorized<'_, DisconnectUser>,
        provider: &str,
    ) -> Result<Released<DisconnectUser, ()>, Error> {
        self.disconnect(&ok, Some(provider), None, false).await?;
        Ok(ok.release(()))
    }

    /// The same at every provider.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none.
    pub async fn disconnect_all(
        &self,
        ok: Authorized<'_, DisconnectAll>,
    ) -> Result<Released<DisconnectAll, ()>, Error> {
        self.disconnect(&ok, None, None, false).await?;
        Ok(ok.release(()))
    }

    /// Takes people's accounts at a provider out of theirs, of a hundred people at once. Each is asked about and told of
    /// by itself.
    ///
    /// # Errors
    /// [`Error::NotFound`] if nobody has one.
    pub async fn disconnect_everybody(
        &self,
        ok: Authorized<'_, DisconnectEverybody>,
        provider: &str,
    ) -> Result<Released<DisconnectEverybody, Disconnected>, Error> {
        // PostgreSQL's text holds no NUL.
        if provider.contains('\0') {
            return Err(Error::NotFound);
        }
        let mut people = self.store.list_people_at(&ok, provider, AT_ONCE + 1).await?;
        if people.is_empty() {
            return Err(Error::NotFound);
        }
        let most = usize::try_from(AT_ONCE).unwrap_or(usize::MAX);
        let more = people.len() > most;
        people.truncate(most);
        let mut disconnected = 0;
        for user in people {
            let ok_user = self.guard.authorize(ok.caller(), DisconnectUser { user }).await?;
            match self.disconnect(&ok_user, Some(provider), None, false).await {
                Ok(()) => disconnected += 1,
                // Gone meanwhile.
                Err(Error::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        self.note_alone(&ok, json!({ "provider": provider, "people": disconnected })).await?;
        Ok(ok.release(Disconnected { people: disconnected, more }))
    }

    async fn disconnect<A: EndsIdentities>(
        &self,
        ok: &Authorized<'_, A>,
        provider: Option<&str>,
        only: Option<IdentityId>,
        needs_another: bool,
    ) -> Result<(), Error> {
        let mut tx = self.store.begin().await?;
        let (all, password) = tx.take_identities(ok, self.now()).await?;
        let total = all.len();
        let ending: Vec<Identity> = all
            .into_iter()
            .filter(|it| provider.is_none_or(|provider| it.key.provider.as_str() == provider))
            .filter(|it| only.is_none_or(|only| it.id == only))
            .collect();
        if ending.is_empty() {
            return Err(Error::NotFound);
        }
        if needs_another && !password && ending.len() == total {
            return Err(Error::Conflict {
                code: "last-sign-in-method",
                detail: "nothing else would sign you in: set a password first".to_owned(),
            });
        }
        let mut granted = Vec::new();
        for it in &ending {
            if let (Some(connection), Some(sealed)) =
                (&it.connection, self.store.sealed_connection(ok, it.id).await?)
            {
                granted.push((it.key.provider.to_string(), sealed, connection.expires_at));
            }
            tx.delete_identity(ok, it.id).await?;
        }
        let subjects: Vec<&str> = ending.iter().map(|it| it.key.subject.as_str()).collect();
        self.note(&mut tx, ok, json!({ "provider": provider, "subjects": subjects })).await?;
        tx.commit().await?;
        // After the end here: whether the provider hears of it or not, we no longer have them.
        for (provider, sealed, expires_at) in granted {
            self.give_back(ok, &provider, &sealed, expires_at).await;
        }
        Ok(())
    }

    async fn give_back<A: EndsIdentities>(
        &self,
        ok: &Authorized<'_, A>,
        provider: &str,
        sealed: &[u8],
        expires_at: Option<Micros>,
    ) {
        let Ok(Some(provider)) = self.provider(ok, provider).await else { return };
        let Ok(tokens) = self.open_tokens(sealed, expires_at) else {
            tracing::warn!(provider = %provider.name, "tokens that were kept could not be opened to be given back");
            return;
        };
        let given = async {
            let described = self.described(&provider, ok.caller()).await?;
            self.providers.revoke(&described, &tokens).await
        };
        if let Err(error) = given.await {
            provider_failed(&provider, &error);
        }
    }
}
