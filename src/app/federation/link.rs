//! Whose account it is that an identity signs in to.
//!
//! A person is known by provider, issuer and subject. An address links nothing by itself: that is asked of Cedar, as
//! `LinkIdentity`, each time.

use serde_json::Map;

use super::super::hooks::with_findings;
use super::super::sign_in::signed_in;
use super::finish::{End, Failure, details};
use super::{App, Error};
use crate::app::{Limit, Registration, letter};
use crate::domain::{
    ClaimAction, Email, FullName, OrganizationId, Provider, ProviderTokens, Secret, SessionId, Told, User,
    UserId, Waitlist,
};
use crate::guard::actions::{FinishSignIn, LinkIdentity, Register};
use crate::guard::{self, Action, Authorized, Party, Principal};
use crate::outbound::Template;
use crate::plugins::{AuthMethod, Candidate, Finding};
use crate::store::{
    self, Account, Bound, Conflict, MakesIdentities, NewUser, Note, Purpose, SealedConnection, Tx,
};

/// What came of it.
pub(super) enum Outcome {
    Done(End),
    Failed(Failure),
}

use Outcome::{Done, Failed};

impl App {
    /// Signs somebody in by an identity: to the account it belongs to, to one that it may be linked to, or to a new one.
    pub(super) async fn sign_in_as(
        &self,
        ok: &Authorized<'_, FinishSignIn>,
        provider: &Provider,
        told: &Told,
    ) -> Result<Outcome, Error> {
        if let Some((identity, account)) = self.store.find_identity(ok, &told.key).await? {
            if let Some(failure) = self.refused(ok, &account.user).await? {
                return Ok(Failed(failure));
            }
            // A domain may have gone to somebody else, or the person to another address.
            if provider.home.is_some() && !provider.vouches_for(&account.user.email) {
                return Ok(Failed(Failure::AccountUnavailable));
            }
            let forced = (provider.claims.name.action == ClaimAction::Force).then(|| name(told)).flatten();
            let mut tx = self.store.begin().await?;
            tx.use_identity(ok, &identity, told, forced.as_ref(), self.now()).await?;
            tx.commit().await?;
            return Ok(Done(End::SignedIn(Box::new(account.user))));
        }
        let Some(email) = told.email.clone() else { return Ok(Failed(Failure::EmailRequired)) };
        // An organization's provider brings its own people and nobody else.
        if provider.home.is_some() && !told.email_verified {
            return Ok(Failed(Failure::RegistrationRefused));
        }
        match self.store.find_account(ok, &email).await? {
            Some(account) => self.link_by_email(ok, provider, told, account).await,
            None => self.sign_up(ok, provider, told, email).await,
        }
    }

    /// Whether this person may not sign in, asked as this person.
    async fn refused(
        &self,
        ok: &Authorized<'_, FinishSignIn>,
        user: &User,
    ) -> Result<Option<Failure>, Error> {
        let person = signed_in(user, self.fresh(), self.now(), ok.caller());
        match self.guard.authorize(&person, FinishSignIn {}).await {
            Ok(_permit) => Ok(None),
            Err(denied) => failure(denied).map(Some),
        }
    }

    async fn link_by_email(
        &self,
        ok: &Authorized<'_, FinishSignIn>,
        provider: &Provider,
        told: &Told,
        account: Account,
    ) -> Result<Outcome, Error> {
        let user = account.user.id;
        let linking = linking(provider, told, user, &account.user.email);
        let ok_link = match self.guard.authorize(ok.caller(), linking).await {
            Ok(permit) => permit,
            Err(denied) => {
                // No decision is not a no.
                failure(denied)?;
                return self.not_linked(ok, told, &account.user).await;
            }
        };
        let now = self.now();
        let reclaimed = account.user.email_verified_at.is_none();
        let mut tx = self.store.begin().await?;
        if reclaimed && !tx.reclaim_account(&ok_link, &account, now).await? {
            return Ok(Failed(Failure::LinkRequired));
        }
        if let Err(taken) = self.add_identity(&mut tx, &ok_link, user, told).await? {
            return Ok(Failed(taken));
        }
        let opened = reclaimed && self.open_proved_registration(&mut tx, &ok_link, user).await?;
        let how = if reclaimed { "reclaimed" } else { "email" };
        let within = self.join(&mut tx, &ok_link, provider, user).await?;
        self.note_within(&mut tx, &ok_link, within, details(told, how)).await?;
        tx.commit().await?;
        if reclaimed {
            self.mail_waits.notify_one();
            self.review_waits.notify_one();
        }
        let waitlist = if opened { Waitlist::Approved } else { account.user.waitlist };
        let email_verified_at = account.user.email_verified_at.or(Some(now));
        let user = User { waitlist, email_verified_at, ..account.user };
        Ok(match self.refused(ok, &user).await? {
            Some(failure) => Failed(failure),
            None => Done(End::SignedIn(Box::new(user))),
        })
    }

    /// The account that is there stays as it is. Of an address that the provider does not vouch for nobody is told
    /// whether it has one: its owner gets a letter, as a new account would.
    async fn not_linked(
        &self,
        ok: &Authorized<'_, FinishSignIn>,
        told: &Told,
        owner: &User,
    ) -> Result<Outcome, Error> {
        if told.email_verified || self.settings.reveal_accounts {
            return Ok(Failed(Failure::LinkRequired));
        }
        // Nobody makes us flood somebody's mail box; the answer is the same.
        if self.limit(&ok.caller().origin, Limit::MailTo(owner.email.as_str())).is_err() {
            return Ok(Failed(Failure::EmailUnverified));
        }
        let home = [("link", self.settings.public_url.to_string())];
        let mut tx = self.store.begin().await?;
        self.enqueue(&mut tx, ok, letter(Template::AccountExists, owner, home)).await?;
        tx.commit().await?;
        self.mail_waits.notify_one();
        Ok(Failed(Failure::EmailUnverified))
    }

    /// The way of everybody who registers: the policy, the plugins, the waitlist. Nothing of the request counts, only
    /// what the provider says.
    async fn sign_up(
        &self,
        ok: &Authorized<'_, FinishSignIn>,
        provider: &Provider,
        told: &Told,
        email: Email,
    ) -> Result<Outcome, Error> {
        if !provider.sign_up {
            return Ok(Failed(Failure::RegistrationRefused));
        }
        let origin = &ok.caller().origin;
        self.limit(origin, Limit::Register)?;
        if !told.email_verified && self.limit(origin, Limit::MailTo(email.as_str())).is_err() {
            return Ok(Failed(Failure::EmailUnverified));
        }
        let ok_register =
            match self.guard.authorize(ok.caller(), Register { email: Some(email.clone()) }).await {
                Ok(permit) => permit,
                Err(denied) => {
                    failure(denied)?;
                    return Ok(Failed(Failure::RegistrationRefused));
                }
            };
        let full_name = name(told);
        let candidate = Candidate {
            email: email.clone(),
            email_verified: told.email_verified,
            full_name: full_name.as_ref().map(ToString::to_string),
            department: None,
            referral_source: None,
            method: AuthMethod::OAuth,
            provider: Some(provider.name.to_string()),
            payload: None,
        };
        let context = self.hook_context(ok_register.caller(), None, None);
        let judged = self.plugins().validate_registration(&context, &candidate).await;
        let wanted = Registration {
            email: email.to_string(),
            password: Secret::new(String::new()),
            full_name,
            department: None,
            referral_source: None,
            language: None,
            payload: Map::new(),
        };
        let findings = judged.findings;
        let mut user = match self.judged(email, wanted, judged.verdict) {
            Ok(user) => user,
            Err(error) => {
                self.note_refusal(&ok_register, &findings).await?;
                return match error {
                    Error::Refused { .. } => Ok(Failed(Failure::RegistrationRefused)),
                    error => Err(error),
                };
            }
        };
        user.email_verified_at = told.email_verified.then(|| self.now());
        self.make((ok, &ok_register), provider, told, (user, &findings)).await
    }

    async fn make(
        &self,
        (ok, ok_register): (&Authorized<'_, FinishSignIn>, &Authorized<'_, Register>),
        provider: &Provider,
        told: &Told,
        (user, findings): (User, &[Finding]),
    ) -> Result<Outcome, Error> {
        let now = self.now();
        let mut tx = self.store.begin().await?;
        let new = NewUser { user, password_hash: None };
        if !tx.insert_user_if_new(ok_register, &new).await? {
            return Ok(Failed(Failure::LinkRequired));
        }
        let mut user = new.user;
        if let Err(taken) = self.add_identity(&mut tx, ok_register, user.id, told).await? {
            return Ok(Failed(taken));
        }
        // Whom a plugin makes wait for a proof of the address has it already.
        if self.open_proved_registration(&mut tx, ok, user.id).await? {
            user.waitlist = Waitlist::Approved;
        }
        if user.email_verified_at.is_none() {
            let token = Secret::random(&*self.random);
            let bound = Bound {
                purpose: Purpose::VerifyEmail,
                user: user.id,
                email: &user.email,
                password_hash: None,
            };
            let lifetime = self.settings.verification_lifetime;
            tx.insert_email_token(ok_register, bound, token.hash(), lifetime, now).await?;
            let link = self.link("/verify-email", &token);
            self.enqueue(&mut tx, ok_register, letter(Template::VerifyEmail, &user, [("link", link)]))
                .await?;
        }
        if user.waitlist == Waitlist::Pending {
            let home = [("link", self.settings.public_url.to_string())];
            self.enqueue(&mut tx, ok_register, letter(Template::Waitlisted, &user, home)).await?;
        }
        let mut what = details(told, "registered");
        if let Some(what) = what.as_object_mut() {
            what.insert("user".to_owned(), user.id.to_string().into());
            what.insert("waitlist".to_owned(), user.waitlist.as_str().into());
        }
        let within = self.join(&mut tx, ok_register, provider, user.id).await?;
        self.note_within(&mut tx, ok_register, within, with_findings(what, findings)).await?;
        tx.commit().await?;
        self.mail_waits.notify_one();
        Ok(match self.refused(ok, &user).await? {
            Some(failure) => Failed(failure),
            None => Done(End::SignedIn(Box::new(user))),
        })
    }

    /// Connects an identity to the account of whoever asked for it, if they are still signed in.
    pub(super) async fn connect_as(
        &self,
        ok: &Authorized<'_, FinishSignIn>,
        provider: &Provider,
        told: &Told,
        tokens: &ProviderTokens,
        (user, session): (UserId, SessionId),
    ) -> Result<Outcome, Error> {
        let now = self.now();
        let person = self.store.session_principal_unguarded(session, now).await?;
        let Some(person) = person.filter(|person| person.id == user) else {
            return Ok(Failed(Failure::InvalidState));
        };
        let linking = linking(provider, told, user, &person.email);
        let person = Principal::of(Party::User(Box::new(person)), ok.caller().origin.clone());
        let ok_link = match self.guard.authorize(&person, linking).await {
            Ok(permit) => permit,
            Err(denied) => return Ok(Failed(failure(denied)?)),
        };
        let known = self.store.find_identity(ok, &told.key).await?;
        let mut tx = self.store.begin().await?;
        let new = known.is_none();
        let identity = match known {
            Some((_, account)) if account.user.id != user => return Ok(Failed(Failure::IdentityTaken)),
            Some((identity, _)) => {
                tx.use_identity(ok, &identity, told, None, now).await?;
                identity.id
            }
            None => match self.add_identity(&mut tx, &ok_link, user, told).await? {
                Ok(id) => id,
                Err(taken) => return Ok(Failed(taken)),
            },
        };
        let connection = SealedConnection {
            sealed: self.seal_tokens(tokens)?,
            scopes: tokens.scopes.clone().unwrap_or_default(),
            expires_at: tokens.expires_at,
        };
        tx.put_connection(&ok_link, identity, connection, now).await?;
        let within = if new && told.email_verified {
            self.join(&mut tx, &ok_link, provider, user).await?
        } else {
            None
        };
        self.note_within(&mut tx, &ok_link, within, details(told, "connected")).await?;
        tx.commit().await?;
        Ok(Done(End::Connected { username: told.username.clone() }))
    }

    /// Makes whoever comes by an organization's provider for the first time a member of it; where, if it did.
    async fn join<A: MakesIdentities>(
        &self,
        tx: &mut Tx,
        ok: &Authorized<'_, A>,
        provider: &Provider,
        user: UserId,
    ) -> Result<Option<OrganizationId>, Error> {
        let Some(home) = provider.home else { return Ok(None) };
        let joined = tx.join_by_provider(ok, self.fresh(), user, home, self.now()).await?;
        Ok(joined.then_some(home.organization))
    }

    /// Tells of it in the organization's trail too, where somebody joined one.
    async fn note_within<A: Action>(
        &self,
        tx: &mut Tx,
        ok: &Authorized<'_, A>,
        within: Option<OrganizationId>,
        details: serde_json::Value,
    ) -> Result<(), Error> {
        let mut details = match details {
            serde_json::Value::Object(details) => details,
            _ => Map::new(),
        };
        if let Some(organization) = within {
            details.insert("joined".to_owned(), organization.to_string().into());
        }
        tx.append_event(ok, Note { within, details, ..Note::default() }, self.now()).await?;
        Ok(())
    }

    async fn add_identity<A: MakesIdentities>(
        &self,
        tx: &mut Tx,
        ok: &Authorized<'_, A>,
        user: UserId,
        told: &Told,
    ) -> Result<Result<crate::domain::IdentityId, Failure>, Error> {
        let id = self.fresh();
        match tx.insert_identity(ok, id, user, told, self.now()).await {
            Ok(()) => Ok(Ok(id)),
            Err(store::Error::Conflict(Conflict::IdentityTaken)) => Ok(Err(Failure::IdentityTaken)),
            Err(error) => Err(error.into()),
        }
    }
}

fn linking(provider: &Provider, told: &Told, user: UserId, email: &Email) -> LinkIdentity {
    LinkIdentity {
        user,
        provider: provider.name.clone(),
        email_verified: told.email_verified,
        own_domain: provider.vouches_for(email),
    }
}

fn name(told: &Told) -> Option<FullName> {
    told.name.as_deref().and_then(|name| FullName::parse(name).ok())
}

/// What a page is told of a refusal; no decision at all is an error.
fn failure(denied: guard::Denied) -> Result<Failure, Error> {
    match denied {
        guard::Denied::Forbidden { codes, .. } if codes.iter().any(|code| code == "email-unverified") => {
            Ok(Failure::EmailUnverified)
        }
        guard::Denied::Forbidden { .. } | guard::Denied::Unauthenticated | guard::Denied::NotFound => {
            Ok(Failure::AccountUnavailable)
        }
        undecided @ (guard::Denied::Undecided(_) | guard::Denied::Facts(_)) => Err(undecided.into()),
    }
}
