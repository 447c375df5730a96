//! Trading a password for a session, a refresh token for the next, and ending it.

use std::time::Duration;

use serde_json::{Map, json};

use super::{App, Error};
use crate::crypto::{FEDERATED, NewAccess, Verified, refresh_successor};
use crate::domain::{Email, Micros, Password, Secret, SessionId, User, UserId, Waitlist};
use crate::guard::actions::{Login, Logout, RefreshSession};
use crate::guard::{Authorized, Party, Principal, Released, Resource, UserPrincipal};
use crate::store::{NewSession, Note, Rotation, SignsIn};

/// What a sign-in gives.
#[derive(Debug, Clone)]
pub struct Tokens {
    pub access: Secret,
    pub refresh: Secret,
    pub access_lifetime: Duration,
    /// What is left of the session.
    pub refresh_lifetime: Duration,
}

/// `amr` (RFC 8176).
const PASSWORD: &str = "pwd";

/// How a person has proved who they are.
#[derive(Debug)]
pub(super) enum Proved {
    Password {
        /// A fresh hash, if the old one's parameters have changed.
        rehashed: Option<String>,
    },
    /// By the provider of this name.
    Provider(String),
}

const WRONG: Error = Error::Unauthenticated { code: "invalid-credentials" };

impl App {
    /// Signs a person in. A wrong password, an unknown address and one without a password get the same answer in the
    /// same time.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] `invalid-credentials`; [`Error::Denied`] if the person may not sign in;
    /// [`Error::TooMany`] `too-many-attempts` after wrong passwords, `too-many-passwords` if the hashing queue is full.
    pub async fn login(
        &self,
        ok: Authorized<'_, Login>,
        email: &str,
        password: &Secret,
    ) -> Result<Released<Login, Tokens>, Error> {
        // What is no address is nobody's; it takes the same way as an unknown one.
        let email = email.parse::<Email>().ok();
        let attempt = Password::attempt(password.expose()).ok_or(WRONG)?;
        if let Some(email) = &email {
            self.begin_attempt(&ok, email).await?;
        }
        let account = match &email {
            Some(email) => self.store.find_account(&ok, email).await?,
            None => None,
        };
        let stored = account.as_ref().and_then(|account| account.password_hash.as_deref());
        let verified = self.hasher.verify(stored, attempt.clone()).await;
        if let Some(email) = &email {
            self.end_attempt(&ok, email, &verified);
        }
        let known = account.as_ref().map(|account| account.user.id);
        let (Verified::Match { rehash }, Some(user)) = (verified?, account.map(|account| account.user))
        else {
            self.note_failure(&ok, known.map(Resource::User), "invalid-credentials").await?;
            return Err(WRONG);
        };
        let rehashed = if rehash { Some(self.hasher.hash(attempt).await?) } else { None };

        // Whether this person may have a session is asked as this person.
        let now = self.now();
        let session: SessionId = self.fresh();
        let person = signed_in(&user, session, now, ok.caller());
        let ok_person = self.guard.authorize(&person, Login {}).await?;

        let tokens =
            self.open_session(&ok_person, &user, (session, now), Proved::Password { rehashed }).await?;
        Ok(ok.release(tokens))
    }

    /// Makes the session that `ok` permits this person to have.
    pub(super) async fn open_session<A: SignsIn>(
        &self,
        ok: &Authorized<'_, A>,
        user: &User,
        (session, now): (SessionId, Micros),
        proved: Proved,
    ) -> Result<Tokens, Error> {
        let refresh = Secret::random(&*self.random);
        let origin = &ok.caller().origin;
        let (rehashed, provider, method) = match proved {
            Proved::Password { rehashed } => (rehashed, None, PASSWORD),
            Proved::Provider(name) => (None, Some(name), FEDERATED),
        };
        let details = match &provider {
            Some(provider) => json!({ "session": session.to_string(), "provider": provider }),
            None => json!({ "session": session.to_string() }),
        };
        let mut tx = self.store.begin().await?;
        let new = NewSession {
            id: session,
            user: user.id,
            ip: origin.ip,
            user_agent: origin.user_agent.clone(),
            created_at: now,
            expires_at: now + self.settings.session_lifetime,
            refresh: refresh.hash(),
            provider,
        };
        tx.insert_session(ok, new).await?;
        tx.signed_in(ok, user.id, rehashed.as_deref(), now).await?;
        self.greet_device(&mut tx, ok, user, now).await?;
        tx.know_network(ok, user.id, origin.network(), now).await?;
        self.note(&mut tx, ok, details).await?;
        let tokens = self.tokens_for(user.id, session, (now, method), refresh)?;
        tx.commit().await?;
        Ok(tokens)
    }

    /// Trades a refresh token for the next one and a fresh access token. Using one twice ends the session, unless the
    /// second time follows within the grace time and the answer was never used.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] `refresh-token-invalid` or `refresh-token-reused`.
    pub async fn refresh(
        &self,
        ok: Authorized<'_, RefreshSession>,
        presented: &Secret,
    ) -> Result<Released<RefreshSession, Tokens>, Error> {
        let now = self.now();
        let mut successor = refresh_successor(&self.master, presented);
        // While master keys rotate, the first answer may have been made under the other one.
        let former = self.previous_master.as_ref().map(|other| refresh_successor(other, presented));
        let mut tx = self.store.begin().await?;
        let rotation = tx
            .rotate_refresh_token(
                &ok,
                presented.hash(),
                successor.hash(),
                former.as_ref().map(Secret::hash),
                self.settings.refresh_grace,
                now,
            )
            .await?;
        let (session, federated) = match rotation {
            Rotation::Rotated { session, federated } => (session, federated),
            Rotation::Repeated { session, from_former, federated } => {
                successor = former.filter(|_| from_former).unwrap_or(successor);
                (session, federated)
            }
            Rotation::Refused => return Err(Error::Unauthenticated { code: "refresh-token-invalid" }),
            Rotation::Reused { session } => {
                let details = Map::from_iter([("session".to_owned(), json!(session.to_string()))]);
                let note = Note { failure: Some("refresh-token-reused"), details, ..Note::default() };
                tx.append_event(&ok, note, now).await?;
                tx.commit().await?;
                tracing::warn!(%session, "a refresh token was used twice; its session is over");
                return Err(Error::Unauthenticated { code: "refresh-token-reused" });
            }
        };
        tx.commit().await?;
        let principal = self.store.session_principal_unguarded(session, now).await?;
        let user = principal.ok_or(Error::Unauthenticated { code: "refresh-token-invalid" })?;
        let (id, signed_in_at) = (user.id, user.signed_in_at);
        let person = Principal::of(Party::User(Box::new(user)), ok.caller().origin.clone());
        let _ok_person = self.guard.authorize(&person, RefreshSession {}).await?;
        Ok(ok.release(self.tokens_for(id, session, (signed_in_at, method(federated)), successor)?))
    }

    /// Ends the session the request rests on, and every refresh token of it.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn logout(&self, ok: Authorized<'_, Logout>) -> Result<Released<Logout, ()>, Error> {
        let mut tx = self.store.begin().await?;
        tx.revoke_session(&ok, self.now()).await?;
        self.note(&mut tx, &ok, json!({ "session": ok.action().session.map(|id| id.to_string()) })).await?;
        tx.commit().await?;
        Ok(ok.release(()))
    }

    fn tokens_for(
        &self,
        user: UserId,
        session: SessionId,
        (auth_time, method): (Micros, &'static str),
        refresh: Secret,
    ) -> Result<Tokens, Error> {
        let claims = NewAccess { user, session, amr: vec![method], auth_time };
        let now = self.now();
        let access = self.tokens.issue(&claims, self.fresh(), now).map_err(|error| Error::Bug {
            context: "a token could not be signed",
            source: Box::new(error),
        })?;
        let left = (auth_time + self.settings.session_lifetime).get().saturating_sub(now.get());
        Ok(Tokens {
            access,
            refresh,
            access_lifetime: self.settings.access_lifetime,
            refresh_lifetime: Duration::from_micros(u64::try_from(left).unwrap_or(0)),
        })
    }
}

/// How somebody signed in. What a provider says of factors that it asked for is not taken over.
pub(super) const fn method(federated: bool) -> &'static str {
    if federated { FEDERATED } else { PASSWORD }
}

pub(super) fn signed_in(user: &User, session: SessionId, now: Micros, caller: &Principal) -> Principal {
    let party = Party::User(Box::new(UserPrincipal {
        id: user.id,
        email: user.email.clone(),
        email_verified: user.email_verified_at.is_some(),
        waitlisted: user.waitlist == Waitlist::Pending,
        rejected: user.waitlist == Waitlist::Rejected,
        suspended: user.suspended_at.is_some(),
        deleting: user.deletion_due_at.is_some(),
        super_admin: user.super_admin,
        session: Some(session),
        signed_in_at: now,
    }));
    Principal::of(party, caller.origin.clone())
}
