//! Back from a provider, and on with a session.

use serde_json::json;
use url::Url;

use super::super::sign_in::{Proved, signed_in};
use super::link::Outcome;
use super::{App, CODE, Error, FLOW, Hidden, provider_failed};
use crate::app::Tokens;
use crate::domain::{FlowPurpose, Provider, Secret, SessionId, TokenHash, User};
use crate::guard::actions::{ExchangeCode, FinishSignIn};
use crate::guard::{Authorized, Released, Resource};
use crate::outbound::ProviderError;
use crate::store::{Flow, Note, SignInCode};

/// What somebody comes back with.
#[derive(Debug, Default)]
pub struct Return {
    pub state: Option<String>,
    pub code: Option<Secret>,
    /// The provider's word for what went wrong; never repeated.
    pub error: Option<String>,
    /// Who the provider says it is (RFC 9207).
    pub issuer: Option<String>,
    /// What the browser remembers.
    pub browser: Option<Secret>,
}

/// Where somebody is sent on to: a page of the product's.
#[derive(Debug)]
pub struct Landing {
    pub url: String,
}

/// A sign-in, and where the person wanted to go.
#[derive(Debug)]
pub struct SignedIn {
    pub tokens: Tokens,
    pub provider: String,
    pub return_to: Option<String>,
}

/// Why somebody comes back without a session. These words are ours and are all that a page is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// Never begun, begun elsewhere, used, or too old.
    InvalidState,
    /// The person said no.
    AccessDenied,
    /// The provider could not be asked, or what it said is not right.
    OauthFailed,
    ProviderUnavailable,
    /// There is an account with this address: sign in to it and connect the provider.
    LinkRequired,
    /// The account at the provider belongs to another account here.
    IdentityTaken,
    /// The provider tells no address.
    EmailRequired,
    /// A letter was sent; once the address is proved, this way is open.
    EmailUnverified,
    /// A policy or a plugin does not let this person in.
    RegistrationRefused,
    /// Suspended, rejected, or gone.
    AccountUnavailable,
}

impl Failure {
    /// In the old system's spelling.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::InvalidState => "invalid_state",
            Self::AccessDenied => "access_denied",
            Self::OauthFailed => "oauth_failed",
            Self::ProviderUnavailable => "provider_unavailable",
            Self::LinkRequired => "link_required",
            Self::IdentityTaken => "identity_taken",
            Self::EmailRequired => "email_required",
            Self::EmailUnverified => "email_unverified",
            Self::RegistrationRefused => "registration_refused",
            Self::AccountUnavailable => "account_unavailable",
        }
    }
}

/// How a return ends.
pub(super) enum End {
    SignedIn(Box<User>),
    Connected { username: Option<String> },
}

impl App {
    /// Takes back somebody who was sent to a provider. Whatever comes of it is told by the address they are sent on to;
    /// it holds a code that only their own browser can trade, and never a token unless the operator wants that.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn finish_sign_in(
        &self,
        ok: Authorized<'_, FinishSignIn>,
        provider: &str,
        back: Return,
    ) -> Result<Released<FinishSignIn, Landing>, Error> {
        let browser = back.browser.as_ref().map(Secret::hash);
        let (flow, end) = match self.taken(&ok, provider, &back).await? {
            Ok(flow) => {
                let end = self.arrived(&ok, provider, &flow, back).await?;
                (Some(flow), end)
            }
            Err(failure) => (None, Err(failure)),
        };
        let mut url = self.settings.oauth.callback.clone();
        let connecting =
            flow.as_ref().is_some_and(|flow| matches!(flow.purpose, FlowPurpose::Connect { .. }));
        match end {
            Ok(End::SignedIn(user)) => {
                let return_to = flow.and_then(|flow| flow.return_to);
                let browser = browser.ok_or(Error::NotFound)?;
                self.hand_on(&ok, &mut url, (provider, return_to), &user, browser).await?;
            }
            Ok(End::Connected { username }) => {
                let mut query = url.query_pairs_mut();
                query.append_pair("connect", "true").append_pair("provider", provider);
                query.append_pair("connected", "true");
                if let Some(username) = username {
                    query.append_pair("username", &username);
                }
            }
            Err(failure) => {
                let known = self.provider(&ok, provider).await?.is_some();
                url = failed(url, Some(provider).filter(|_| known), failure, connecting);
                let mut tx = self.store.begin().await?;
                let note = Note { failure: Some(failure.word()), ..Note::default() };
                tx.append_event(&ok, note, self.now()).await?;
                tx.commit().await?;
            }
        }
        Ok(ok.release(Landing { url: url.into() }))
    }

    /// The journey that this is the end of: begun by this browser, for this provider, not ended before.
    async fn taken(
        &self,
        ok: &Authorized<'_, FinishSignIn>,
        provider: &str,
        back: &Return,
    ) -> Result<Result<Flow, Failure>, Error> {
        let Some(state) = &back.state else { return Ok(Err(Failure::InvalidState)) };
        let mut tx = self.store.begin().await?;
        let flow = tx.take_flow(ok, TokenHash::of(state), self.now()).await?;
        tx.commit().await?;
        let browser = back.browser.as_ref().map(Secret::hash);
        let right = |flow: &Flow| flow.provider == provider && browser == Some(flow.browser);
        Ok(flow.filter(right).ok_or(Failure::InvalidState))
    }

    async fn arrived(
        &self,
        ok: &Authorized<'_, FinishSignIn>,
        provider: &str,
        flow: &Flow,
        back: Return,
    ) -> Result<Result<End, Failure>, Error> {
        let Some(provider) = self.provider(ok, provider).await? else {
            return Ok(Err(Failure::ProviderUnavailable));
        };
        let provider = match self.described(&provider, ok.caller()).await {
            Ok(provider) => provider,
            Err(error) => {
                provider_failed(&provider, &error);
                return Ok(Err(Failure::ProviderUnavailable));
            }
        };
        let provider = &*provider;
        if let Err(failure) = self.answered_by(provider, &back).await {
            return Ok(Err(failure));
        }
        if let Some(error) = back.error {
            // The second is Apple's word for it.
            let denied = matches!(error.as_str(), "access_denied" | "user_cancelled_authorize");
            return Ok(Err(if denied { Failure::AccessDenied } else { Failure::OauthFailed }));
        }
        let Some(code) = back.code else { return Ok(Err(Failure::OauthFailed)) };
        let hidden: Hidden = self.open_json(FLOW, &flow.sealed)?;
        let (told, tokens) = match self.identify(provider, code, hidden, &flow.scopes, ok.caller()).await {
            Ok(identified) => identified,
            Err(error) => {
                provider_failed(provider, &error);
                let away = matches!(error, ProviderError::Unreachable(_) | ProviderError::NoPlugin(_));
                return Ok(Err(if away { Failure::ProviderUnavailable } else { Failure::OauthFailed }));
            }
        };
        let outcome = match flow.purpose {
            FlowPurpose::SignIn => self.sign_in_as(ok, provider, &told).await?,
            FlowPurpose::Connect { user, session } => {
                self.connect_as(ok, provider, &told, &tokens, (user, session)).await?
            }
        };
        Ok(match outcome {
            Outcome::Failed(failure) => Err(failure),
            Outcome::Done(end) => Ok(end),
        })
    }

    /// RFC 9207: an answer of another server's than the one that was asked is no answer. One that names itself is held
    /// to it, whether it has to or not.
    async fn answered_by(&self, provider: &Provider, back: &Return) -> Result<(), Failure> {
        let endpoints = self.providers.endpoints(provider).await.map_err(|error| {
            provider_failed(provider, &error);
            Failure::ProviderUnavailable
        })?;
        match (&back.issuer, &provider.issuer) {
            (Some(said), Some(issuer)) if said == issuer || issuer.contains("{tenantid}") => Ok(()),
            (Some(_), Some(_)) => Err(Failure::OauthFailed),
            (_, _) if endpoints.names_itself && back.issuer.is_none() => Err(Failure::OauthFailed),
            (_, _) => Ok(()),
        }
    }

    async fn hand_on(
        &self,
        ok: &Authorized<'_, FinishSignIn>,
        url: &mut Url,
        (provider, return_to): (&str, Option<String>),
        user: &User,
        browser: TokenHash,
    ) -> Result<(), Error> {
        let now = self.now();
        if self.settings.oauth.tokens_in_fragment {
            let session: SessionId = self.fresh();
            let person = signed_in(user, session, now, ok.caller());
            let ok_person = self.guard.authorize(&person, FinishSignIn {}).await?;
            let proved = Proved::Provider(provider.to_owned());
            let tokens = self.open_session(&ok_person, user, (session, now), proved).await?;
            let mut fragment = url::form_urlencoded::Serializer::new(String::new());
            fragment.append_pair("access_token", tokens.access.expose());
            fragment.append_pair("refresh_token", tokens.refresh.expose());
            fragment.append_pair("provider", provider);
            url.set_fragment(Some(&fragment.finish()));
            return Ok(());
        }
        let code = Secret::random(&*self.random);
        let what = SignInCode { browser, user: user.id, provider: provider.to_owned(), return_to };
        let mut tx = self.store.begin().await?;
        tx.insert_sign_in_code(ok, code.hash(), what, now + CODE, now).await?;
        tx.commit().await?;
        url.query_pairs_mut().append_pair("code", code.expose()).append_pair("provider", provider);
        Ok(())
    }

    /// Trades a code for a session. It works once, within a minute, in the browser that came back with it.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] `code-invalid`; [`Error::Denied`] if the person may not sign in.
    pub async fn exchange_code(
        &self,
        ok: Authorized<'_, ExchangeCode>,
        code: &Secret,
        browser: Option<&Secret>,
    ) -> Result<Released<ExchangeCode, SignedIn>, Error> {
        const WRONG: Error = Error::Unauthenticated { code: "code-invalid" };
        let now = self.now();
        let mut tx = self.store.begin().await?;
        let found = tx.take_sign_in_code(&ok, code.hash(), now).await?;
        tx.commit().await?;
        let browser = browser.map(Secret::hash);
        let found = found.filter(|it| browser == Some(it.browser));
        let served = match &found {
            Some(it) => self.provider(&ok, &it.provider).await?.is_some(),
            None => false,
        };
        let found = found.filter(|_| served);
        let account = match &found {
            Some(found) => self.store.find_code_account(&ok, found.user).await?,
            None => None,
        };
        let (Some(found), Some(account)) = (found, account) else {
            self.note_failure(&ok, None, "code-invalid").await?;
            return Err(WRONG);
        };
        let session: SessionId = self.fresh();
        let person = signed_in(&account.user, session, now, ok.caller());
        let ok_person = match self.guard.authorize(&person, ExchangeCode {}).await {
            Ok(permit) => permit,
            Err(denied) => {
                self.note_failure(&ok, Some(Resource::User(account.user.id)), "denied").await?;
                return Err(denied.into());
            }
        };
        let proved = Proved::Provider(found.provider.clone());
        let tokens = self.open_session(&ok_person, &account.user, (session, now), proved).await?;
        let SignInCode { provider, return_to, .. } = found;
        Ok(ok.release(SignedIn { tokens, provider, return_to }))
    }
}

/// `url` with what is told of a failure: our own words only, and the provider's name if it is one of ours.
fn failed(mut url: Url, provider: Option<&str>, failure: Failure, connecting: bool) -> Url {
    let mut query = url.query_pairs_mut();
    query.append_pair("error", failure.word());
    if let Some(provider) = provider {
        query.append_pair("provider", provider);
    }
    if connecting {
        query.append_pair("connect", "true").append_pair("connected", "false");
    }
    drop(query);
    url
}

/// What an event tells of an identity: enough to find it, and no address.
pub(super) fn details(told: &crate::domain::Told, how: &str) -> serde_json::Value {
    let key = &told.key;
    json!({ "provider": key.provider.as_str(), "issuer": key.issuer, "subject": key.subject, "how": how })
}
