//! Signing keys by command and by the calendar, and everything sealed when the master key changes.

use std::time::Duration;

use serde_json::json;
use uuid::Uuid;

use super::{App, Error, federation, mail};
use crate::crypto::{ScheduledKey, SealError, Sealer, SigningKey, TokenIssuer, verifies_until};
use crate::domain::{Clock, IdentityId, MessageId, Micros, ProviderId, Random};
use crate::guard::actions::{ListSigningKeys, ResealSecrets, RotateSigningKeys};
use crate::guard::{Authorized, Principal};
use crate::store::{SealedKey, Store};

/// Seals signing keys at rest; the word is bound into the seal.
const PURPOSE: &str = "signing-key";

/// How often a running server looks for new keys.
const RELOAD: Duration = Duration::from_secs(60);

/// How long a new key is published before it signs: longer than anybody should keep a JWKS.
pub const ANNOUNCE: Duration = Duration::from_secs(60 * 60);

/// How long at the least: until every running server has seen the key.
const PICKUP: Duration = Duration::from_secs(2 * RELOAD.as_secs());

/// How many letters are sealed anew in one transaction.
const BATCH: i64 = 200;

/// When a new key begins to sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// After [`ANNOUNCE`].
    Announced,
    /// In two minutes: every running server knows it by then, a resource server must ask for the JWKS again.
    Soon,
    /// At once, and no other key verifies any more: every access token that is out is dead. For a key that leaked.
    AloneAtOnce,
}

/// A signing key, without anything secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyInfo {
    pub kid: String,
    pub created_at: Micros,
    pub signs_from: Micros,
    /// None as long as no other key follows.
    pub verifies_until: Option<Micros>,
    pub state: KeyState,
    /// Whether the current master key seals it; if not, the previous one does.
    pub sealed_currently: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    Announced,
    Signing,
    /// Signs no more, and verifies what it signed.
    Retired,
    /// Neither; it goes with the next look of a running server.
    Over,
}

/// What [`App::reseal_secrets`] found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resealed {
    pub keys: usize,
    pub letters: usize,
    /// Tokens of providers.
    pub connections: usize,
    /// Secrets that organizations' providers gave us.
    pub client_secrets: usize,
    /// Letters, tokens and secrets that open under neither master key. They were left as they are.
    pub unreadable: usize,
}

/// The issuer of access tokens with the keys of the database; makes the first key if there is none.
///
/// # Errors
/// If the database does not answer, or a key cannot be opened.
pub async fn token_issuer(
    store: &Store,
    sealer: &Sealer,
    settings: &super::Settings,
    clock: &dyn Clock,
    random: &dyn Random,
) -> Result<TokenIssuer, Error> {
    let keys = store.signing_keys_unguarded(|| make(sealer, random, clock.now(), clock.now())).await?;
    let issuer = settings.public_url.as_str().trim_end_matches('/').to_owned();
    TokenIssuer::new(issuer.clone(), issuer, settings.access_lifetime, &open(sealer, &keys)?)
        .map_err(|error| bug("there is no signing key", error))
}

fn make(sealer: &Sealer, random: &dyn Random, created_at: Micros, signs_from: Micros) -> SealedKey {
    let key = SigningKey::generate(random);
    let sealed = sealer.seal(PURPOSE, &key.to_pkcs8());
    SealedKey { kid: key.kid().to_owned(), sealed, created_at, signs_from }
}

fn open(sealer: &Sealer, keys: &[SealedKey]) -> Result<Vec<ScheduledKey>, Error> {
    let open = |it: &SealedKey| {
        let plain = sealer.open(PURPOSE, &it.sealed).map_err(|error| {
            bug("a signing key cannot be opened: is this the master key it was sealed with?", error)
        })?;
        let key = SigningKey::from_pkcs8(&it.kid, &plain);
        let key = key.map_err(|error| bug("a signing key cannot be read", error))?;
        Ok(ScheduledKey { key, signs_from: it.signs_from })
    };
    keys.iter().map(open).collect()
}

fn bug(context: &'static str, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Bug { context, source: Box::new(error) }
}

/// `keys` as they stand at `now`, the one that signs from the latest instant first.
fn states(keys: &[SealedKey], sealer: &Sealer, ttl: Duration, now: Micros) -> Vec<KeyInfo> {
    let (mut next, mut signing) = (None, false);
    let state = |key: &SealedKey| {
        let until = next.replace(key.signs_from).map(|next| verifies_until(next, ttl));
        let state = match until {
            _ if key.signs_from > now => KeyState::Announced,
            _ if !std::mem::replace(&mut signing, true) => KeyState::Signing,
            Some(until) if until <= now => KeyState::Over,
            _ => KeyState::Retired,
        };
        KeyInfo {
            kid: key.kid.clone(),
            created_at: key.created_at,
            signs_from: key.signs_from,
            verifies_until: until,
            state,
            sealed_currently: sealer.is_current(&key.sealed),
        }
    };
    keys.iter().map(state).collect()
}

impl App {
    /// # Errors
    /// If the database does not answer.
    pub async fn list_signing_keys(
        &self,
        ok: &Authorized<'_, ListSigningKeys>,
    ) -> Result<Vec<KeyInfo>, Error> {
        let keys = self.store.signing_keys(ok).await?;
        Ok(states(&keys, &self.sealer, self.settings.access_lifetime, self.now()))
    }

    /// Makes a new key; what it replaces verifies until the last token it signed is over.
    ///
    /// # Errors
    /// [`Error::Conflict`] `key-announced` if a new key is announced already and this one would be, too.
    pub async fn rotate_signing_keys(
        &self,
        ok: &Authorized<'_, RotateSigningKeys>,
        begin: Begin,
    ) -> Result<KeyInfo, Error> {
        let now = self.now();
        let mut tx = self.store.begin().await?;
        let mut keys = tx.take_signing_keys(ok).await?;
        if begin == Begin::Announced && keys.iter().any(|key| key.signs_from > now) {
            return Err(Error::Conflict {
                code: "key-announced",
                detail: "a new signing key is announced already and will sign soon".to_owned(),
            });
        }
        let wait = match begin {
            Begin::Announced => ANNOUNCE,
            Begin::Soon => PICKUP,
            Begin::AloneAtOnce => Duration::ZERO,
        };
        let fresh = make(&self.sealer, &*self.random, now, now + wait);
        let mut dropped = Vec::new();
        if begin == Begin::AloneAtOnce {
            for key in keys.drain(..) {
                tx.delete_signing_key(ok, &key.kid).await?;
                dropped.push(key.kid);
            }
        }
        tx.insert_signing_key(ok, &fresh).await?;
        let details =
            json!({ "key": fresh.kid, "signs_from": fresh.signs_from.seconds(), "dropped": dropped });
        self.note(&mut tx, ok, details).await?;
        tx.commit().await?;
        let info = KeyInfo {
            kid: fresh.kid.clone(),
            created_at: fresh.created_at,
            signs_from: fresh.signs_from,
            verifies_until: None,
            state: if fresh.signs_from > now { KeyState::Announced } else { KeyState::Signing },
            sealed_currently: true,
        };
        keys.push(fresh);
        self.tokens
            .replace_keys(&open(&self.sealer, &keys)?)
            .map_err(|error| bug("there is no signing key", error))?;
        Ok(info)
    }

    /// Takes up the keys of the database, as other nodes or the command line left them.
    ///
    /// # Errors
    /// If the database does not answer, or a key cannot be opened; the keys in use then stay in use.
    pub async fn reload_signing_keys(&self, ok: &Authorized<'_, ListSigningKeys>) -> Result<(), Error> {
        let keys = open(&self.sealer, &self.store.signing_keys(ok).await?)?;
        self.tokens.replace_keys(&keys).map_err(|error| bug("there is no signing key", error))
    }

    /// What the calendar asks for: announces a new key when the newest has signed as long as it should, and drops
    /// those that are over. Any number of nodes may do this at once.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn keep_signing_keys(&self) -> Result<(), Error> {
        let caller = calendar();
        let ok = self.guard.authorize(&caller, ListSigningKeys {}).await?;
        let keys = self.store.signing_keys(&ok).await?;
        if self.due(&keys).is_some() {
            let ok = self.guard.authorize(&caller, RotateSigningKeys {}).await?;
            self.do_what_is_due(&ok).await?;
        }
        self.reload_signing_keys(&ok).await
    }

    /// The keys to drop, and whether to make one; none if nothing is due.
    fn due(&self, keys: &[SealedKey]) -> Option<(Vec<String>, bool)> {
        let now = self.now();
        let states = states(keys, &self.sealer, self.settings.access_lifetime, now);
        let over = states.into_iter().filter(|key| key.state == KeyState::Over);
        let over: Vec<String> = over.map(|key| key.kid).collect();
        let old =
            |every: Duration| keys.first().is_none_or(|newest| newest.signs_from + every <= now + ANNOUNCE);
        let rotate = self.settings.signing_key_rotation.is_some_and(old);
        (rotate || !over.is_empty()).then_some((over, rotate))
    }

    async fn do_what_is_due(&self, ok: &Authorized<'_, RotateSigningKeys>) -> Result<(), Error> {
        let now = self.now();
        let mut tx = self.store.begin().await?;
        // Another node may have been first: what is due is asked again under the lock.
        let Some((over, rotate)) = self.due(&tx.take_signing_keys(ok).await?) else { return Ok(()) };
        let mut details = json!({ "dropped": over });
        for kid in &over {
            tx.delete_signing_key(ok, kid).await?;
        }
        if rotate {
            let fresh = make(&self.sealer, &*self.random, now, now + ANNOUNCE);
            tx.insert_signing_key(ok, &fresh).await?;
            details = json!({ "key": fresh.kid, "signs_from": fresh.signs_from.seconds(), "dropped": over });
        }
        self.note(&mut tx, ok, details).await?;
        Ok(tx.commit().await?)
    }

    /// Seals signing keys and waiting letters anew under the current master key. Doing it twice does no harm.
    ///
    /// # Errors
    /// If the database does not answer, or a signing key opens under neither master key.
    pub async fn reseal_secrets(&self, ok: &Authorized<'_, ResealSecrets>) -> Result<Resealed, Error> {
        let mut done = Resealed::default();
        let mut after = MessageId::from(Uuid::nil());
        loop {
            let mut tx = self.store.begin().await?;
            let letters = tx.sealed_letters(ok, after, BATCH).await?;
            let Some(&(last, _)) = letters.last() else { break };
            for (id, sealed) in letters {
                match self.sealed_anew(mail::PURPOSE, &sealed) {
                    Ok(Some(anew)) => {
                        tx.reseal_letter(ok, id, anew).await?;
                        done.letters += 1;
                    }
                    Ok(None) => {}
                    Err(_) => done.unreadable += 1,
                }
            }
            tx.commit().await?;
            after = last;
        }
        let mut tx = self.store.begin().await?;
        for key in tx.take_signing_keys(ok).await? {
            let anew = self.sealed_anew(PURPOSE, &key.sealed);
            let anew = anew.map_err(|error| bug("a signing key opens under neither master key", error))?;
            if let Some(anew) = anew {
                tx.reseal_signing_key(ok, &key.kid, anew).await?;
                done.keys += 1;
            }
        }
        tx.commit().await?;
        self.reseal_connections(ok, &mut done).await?;
        self.reseal_client_secrets(ok, &mut done).await?;
        let mut tx = self.store.begin().await?;
        let details = json!({
            "keys": done.keys,
            "letters": done.letters,
            "connections": done.connections,
            "client_secrets": done.client_secrets,
            "unreadable": done.unreadable,
        });
        self.note(&mut tx, ok, details).await?;
        tx.commit().await?;
        Ok(done)
    }

    async fn reseal_connections(
        &self,
        ok: &Authorized<'_, ResealSecrets>,
        done: &mut Resealed,
    ) -> Result<(), Error> {
        let mut after = IdentityId::from(Uuid::nil());
        loop {
            let mut tx = self.store.begin().await?;
            let kept = tx.sealed_connections(ok, after, BATCH).await?;
            let Some(&(last, _)) = kept.last() else { return Ok(()) };
            for (id, sealed) in kept {
                match self.sealed_anew(federation::TOKENS, &sealed) {
                    Ok(Some(anew)) => {
                        tx.reseal_connection(ok, id, anew).await?;
                        done.connections += 1;
                    }
                    Ok(None) => {}
                    Err(_) => done.unreadable += 1,
                }
            }
            tx.commit().await?;
            after = last;
        }
    }

    async fn reseal_client_secrets(
        &self,
        ok: &Authorized<'_, ResealSecrets>,
        done: &mut Resealed,
    ) -> Result<(), Error> {
        let mut after = ProviderId::from(Uuid::nil());
        loop {
            let mut tx = self.store.begin().await?;
            let kept = tx.sealed_client_secrets(ok, after, BATCH).await?;
            let Some(&(last, _)) = kept.last() else { return Ok(()) };
            for (id, sealed) in kept {
                match self.sealed_anew(federation::CLIENT_SECRET, &sealed) {
                    Ok(Some(anew)) => {
                        tx.reseal_client_secret(ok, id, anew).await?;
                        done.client_secrets += 1;
                    }
                    Ok(None) => {}
                    Err(_) => done.unreadable += 1,
                }
            }
            tx.commit().await?;
            after = last;
        }
    }

    /// None if it is sealed under the current master key already.
    fn sealed_anew(&self, purpose: &'static str, sealed: &[u8]) -> Result<Option<Vec<u8>>, SealError> {
        let plain = self.sealer.open(purpose, sealed)?;
        Ok((!self.sealer.is_current(sealed)).then(|| self.sealer.seal(purpose, &plain)))
    }

    /// Keeps the keys until the task is dropped.
    pub async fn keep_signing_keys_forever(&self) {
        loop {
            if let Err(error) = self.keep_signing_keys().await {
                tracing::error!(error = ?error, "signing keys could not be looked after");
            }
            tokio::time::sleep(RELOAD).await;
        }
    }
}

/// Who rotates keys by the calendar.
fn calendar() -> Principal {
    Principal::system("signing-keys", "signing-keys".to_owned())
}
