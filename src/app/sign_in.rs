//! Trading a password for a session, a refresh token for the next, and ending it.

use std::time::Duration;

use serde_json::{Map, Value as Json, json};

use super::attempts::KNOWN_FOR;
use super::hooks::{person as person_of, with_findings};
use super::{App, Error};
use crate::crypto::{FEDERATED, NewAccess, Verified, refresh_successor};
use crate::domain::{Email, Micros, Password, Secret, SessionId, User, UserId, Waitlist};
use crate::guard::actions::{Login, Logout, RefreshSession};
use crate::guard::{Authorized, Party, Principal, Released, Resource, UserPrincipal};
use crate::plugins::{
    ActorKind, AuthMethod, Finding, Hook, Judged, LegacyOutcome, LoginAttempt, Mint, Person,
};
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
        /// What plugins had to do with it.
        findings: Vec<Finding>,
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
        let mut verified = self.hasher.verify(stored, attempt.clone()).await;
        let mut legacy = Vec::new();
        if let (Ok(Verified::NoMatch), Some(account), None) = (&verified, &account, stored)
            && self.verified_elsewhere(&ok, &account.user, password, &mut legacy).await?
        {
            // From now on it is ours to check: a hash of our own is made of it below.
            verified = Ok(Verified::Match { rehash: true });
        }
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
        let tokens = self
            .open_session(&ok_person, &user, (session, now), Proved::Password { rehashed, findings: legacy })
            .await?;
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
        let (rehashed, mut findings, provider, method) = match proved {
            Proved::Password { rehashed, findings } => (rehashed, findings, None, PASSWORD),
            Proved::Provider(name) => (None, Vec::new(), Some(name), FEDERATED),
        };
        findings.extend(self.asked_at_login(ok, user, provider.clone(), method).await?);
        let claims = self.claims_by_plugins(ok.caller(), person_of(user), session).await?;
        findings.extend(claims.findings);
        let ext = claims.verdict;
        let refresh = Secret::random(&*self.random);
        let origin = &ok.caller().origin;
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
        self.note(&mut tx, ok, with_findings(details, &findings)).await?;
        let tokens = self.tokens_for((user.id, session), (now, method), refresh, ext)?;
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
        let ok_person = self.guard.authorize(&person, RefreshSession {}).await?;
        let ext = if self.plugins().has(Hook::TokenClaims) {
            let email = person.user().map(|user| user.email.clone());
            let account = match &email {
                Some(email) => self.store.find_account(&ok_person, email).await?,
                None => None,
            };
            match account {
                Some(account) => {
                    let judged = self.claims_by_plugins(&person, person_of(&account.user), session).await?;
                    if !judged.findings.is_empty() {
                        let details = json!({ "session": session.to_string() });
                        self.note_alone(&ok_person, with_findings(details, &judged.findings)).await?;
                    }
                    judged.verdict
                }
                None => Map::new(),
            }
        } else {
            Map::new()
        };
        Ok(ok.release(self.tokens_for((id, session), (signed_in_at, method(federated)), successor, ext)?))
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

    /// Whether the system that the account comes from says that the password is right.
    async fn verified_elsewhere(
        &self,
        ok: &Authorized<'_, Login>,
        user: &User,
        password: &Secret,
        findings: &mut Vec<Finding>,
    ) -> Result<bool, Error> {
        let context = self.hook_context(ok.caller(), user.language, None);
        match self.plugins().verify_legacy(&context, user.email.as_str(), password.expose()).await {
            Ok(Some((LegacyOutcome::Correct, finding))) => {
                findings.push(finding);
                Ok(true)
            }
            Ok(_) => Ok(false),
            Err(plugin) => {
                tracing::error!(plugin, "a sign-in failed because a plugin did not answer");
                Err(Error::Unavailable { retry_after: Duration::from_secs(30) })
            }
        }
    }

    /// What plugins say of a person whose credential was right.
    async fn asked_at_login<A: SignsIn>(
        &self,
        ok: &Authorized<'_, A>,
        user: &User,
        provider: Option<String>,
        method: &str,
    ) -> Result<Vec<Finding>, Error> {
        if !self.plugins().has(Hook::LoginAuthenticated) {
            return Ok(Vec::new());
        }
        let since = self.now() - KNOWN_FOR;
        let known = self.store.knows_network(ok, &user.email, ok.caller().origin.network(), since).await?;
        let attempt = LoginAttempt {
            person: person_of(user),
            method: if provider.is_some() { AuthMethod::OAuth } else { AuthMethod::Password },
            provider,
            amr: vec![method.to_owned()],
            new_network: !known,
        };
        self.login_passes(ok, user, attempt).await
    }

    /// What plugins put into an access token, under `ext`.
    async fn claims_by_plugins(
        &self,
        caller: &Principal,
        person: Person,
        session: SessionId,
    ) -> Result<Judged<Map<String, Json>>, Error> {
        if !self.plugins().has(Hook::TokenClaims) {
            return Ok(Judged { verdict: Map::new(), findings: Vec::new() });
        }
        let mint = Mint {
            person,
            actor: ActorKind::Human,
            session: Some(session.to_string()),
            scopes: Vec::new(),
            audience: vec![self.settings.public_url.as_str().trim_end_matches('/').to_owned()],
        };
        let context = self.hook_context(caller, None, None);
        let mends = matches!(&caller.party, Party::User(user) if user.super_admin);
        self.plugins().token_claims(&context, &mint, mends).await.map_err(|plugin| {
            tracing::error!(plugin, "no token was made because a plugin did not answer");
            Error::Unavailable { retry_after: Duration::from_secs(30) }
        })
    }

    fn tokens_for(
        &self,
        (user, session): (UserId, SessionId),
        (auth_time, method): (Micros, &'static str),
        refresh: Secret,
        ext: Map<String, Json>,
    ) -> Result<Tokens, Error> {
        let claims = NewAccess { user, session, amr: vec![method], auth_time, ext };
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
