//! API keys: made by people who are signed in, for themselves, for an organization, for an agent.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use super::grants::Grantee;
use super::hooks::{calling_person, with_findings};
use super::{App, Error};
use crate::crypto::FreshKey;
use crate::domain::{ApiKey, ApiKeyId, KeyOwner, NewApiKey, Secret};
use crate::guard::{Action, Authorized, Released};
use crate::outbound::{Letter, Template};
use crate::plugins::{ActorKind, KeyWish};
use crate::store::{ListsKeys, MakesKeys, NewKey, RevokesKeys, RotatesKeys, Tx};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A key with its text, which is shown this once.
#[derive(Debug)]
pub struct ShownKey {
    pub key: ApiKey,
    pub text: Secret,
}

/// What a letter tells of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Created,
    Rotated,
}

impl App {
    /// Makes a key.
    ///
    /// # Errors
    /// [`Error::Invalid`] `unknown-scope`; [`Error::Denied`] `scope-not-held` if a scope is more than the maker or the
    /// key's owner has; [`Error::Refused`] and [`Error::Unavailable`] by a plugin.
    pub async fn create_api_key<A: MakesKeys>(
        &self,
        ok: Authorized<'_, A>,
        new: NewApiKey,
    ) -> Result<Released<A, ShownKey>, Error> {
        let grantee = match ok.action().owner() {
            KeyOwner::User(_) => Grantee::Caller,
            KeyOwner::Organization(organization) => Grantee::Service(organization),
            KeyOwner::Agent(organization, agent) => Grantee::Agent(organization, agent),
        };
        let scopes = self.grantable(&ok, grantee, new.scopes).await?;
        let now = self.now();
        let wish = KeyWish {
            owner: match ok.action().owner() {
                KeyOwner::User(_) => ActorKind::Human,
                KeyOwner::Organization(_) => ActorKind::Service,
                KeyOwner::Agent(..) => ActorKind::Agent,
            },
            issuer: ok.caller().user().map(calling_person),
            name: new.name.to_string(),
            scopes,
            expires_in_seconds: new.expires_in_days.map(|days| (DAY * u32::from(days)).as_secs()),
        };
        let organization = match ok.action().owner() {
            KeyOwner::User(_) => None,
            KeyOwner::Organization(organization) | KeyOwner::Agent(organization, _) => {
                Some(organization.to_string())
            }
        };
        let context = self.hook_context(ok.caller(), None, organization);
        let (judged, left) = self.plugins().apikey_issue(&context, &wish).await;
        let findings = self.obey(&ok, judged).await?;
        let expires_in = left.expires_in_seconds.or(wish.expires_in_seconds).map(Duration::from_secs);
        let scopes = left.scopes.unwrap_or(wish.scopes);
        let id: ApiKeyId = self.fresh();
        let fresh = FreshKey::new(id, self.settings.key_environment, &*self.random);
        let row = NewKey {
            id,
            name: new.name.into_string(),
            prefix: fresh.prefix,
            hash: fresh.hash,
            scopes,
            single_task: false,
            task: None,
            parent: None,
            created_at: now,
            expires_at: expires_in.map(|lifetime| now + lifetime),
        };
        let mut tx = self.store.begin().await?;
        let key = tx.insert_api_key(&ok, row).await?;
        self.tell_of_key(&mut tx, &ok, &key, Told::Created).await?;
        let details = json!({ "key": id.to_string(), "name": key.name, "scopes": key.scopes });
        self.note(&mut tx, &ok, with_findings(details, &findings)).await?;
        tx.commit().await?;
        self.mail_waits.notify_one();
        Ok(ok.release(ShownKey { key, text: fresh.key }))
    }

    /// The owner's keys, the revoked ones too; never a secret.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn list_api_keys<A: ListsKeys>(
        &self,
        ok: Authorized<'_, A>,
    ) -> Result<Released<A, Vec<ApiKey>>, Error> {
        let mut keys = self.store.list_api_keys(&ok).await?;
        for key in &mut keys {
            // What is not written down yet is shown all the same.
            key.last_used_at = key.last_used_at.max(self.key_uses.last(key.id));
        }
        Ok(ok.release(keys))
    }

    /// Gives a key another secret. The old one opens for `overlap` more, or until the key expires.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] `key-over` if it is revoked or expired.
    pub async fn rotate_api_key<A: RotatesKeys>(
        &self,
        ok: Authorized<'_, A>,
        overlap: Duration,
    ) -> Result<Released<A, ShownKey>, Error> {
        let now = self.now();
        let fresh = FreshKey::new(ok.action().key(), self.settings.key_environment, &*self.random);
        let mut tx = self.store.begin().await?;
        let old = tx.get_api_key(&ok).await?;
        if !old.is_active(now) {
            let detail = "this key is revoked or has expired; make another".to_owned();
            return Err(Error::Conflict { code: "key-over", detail });
        }
        let until = (now + overlap).min(old.expires_at.unwrap_or(now + overlap));
        let key = tx.rotate_api_key(&ok, fresh.hash, until).await?;
        self.tell_of_key(&mut tx, &ok, &key, Told::Rotated).await?;
        self.note(&mut tx, &ok, json!({ "key": key.id.to_string(), "overlap_seconds": overlap.as_secs() }))
            .await?;
        tx.commit().await?;
        self.mail_waits.notify_one();
        Ok(ok.release(ShownKey { key, text: fresh.key }))
    }

    /// Ends a key at once.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn revoke_api_key<A: RevokesKeys>(
        &self,
        ok: Authorized<'_, A>,
    ) -> Result<Released<A, ()>, Error> {
        let mut tx = self.store.begin().await?;
        tx.revoke_api_key(&ok, self.now()).await?;
        self.note(&mut tx, &ok, json!({ "key": ok.action().key().to_string() })).await?;
        tx.commit().await?;
        Ok(ok.release(()))
    }

    /// Writes to the person who was handed the new secret, so that one made by a thief of their session is seen.
    async fn tell_of_key<A: Action>(
        &self,
        tx: &mut Tx,
        ok: &Authorized<'_, A>,
        key: &ApiKey,
        told: Told,
    ) -> Result<(), Error> {
        // Whoever has not proved an address does not make us write to it.
        let Some(maker) = ok.caller().user().filter(|user| user.email_verified) else { return Ok(()) };
        let mut values = BTreeMap::from([
            ("key".to_owned(), key.name.clone()),
            ("prefix".to_owned(), key.prefix.clone()),
            ("time".to_owned(), self.now().to_sentence()),
            ("link".to_owned(), self.page("/reset-password")),
        ]);
        if told == Told::Rotated {
            values.insert("rotated".to_owned(), "yes".to_owned());
        }
        let to = maker.email.clone();
        self.enqueue(tx, ok, Letter { template: Template::KeyCreated, to, name: None, values }).await
    }

    /// Whose key this is, for the question whether the caller may touch it.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn owner_of_key(&self, key: ApiKeyId) -> Result<KeyOwner, Error> {
        self.store.key_owner_unguarded(key).await?.ok_or(Error::NotFound)
    }
}
