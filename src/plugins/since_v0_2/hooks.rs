//! The hooks, each one call: the host's words in, the guest's words out, not yet believed.

use super::exported::{
    api_keys, credential_migration, events, invitations, login, mailer, password, registration, token_claims,
};
use super::offered::{oauth_types, types};
use super::{Exports, Guest, context_of, failed};
use crate::plugins::Error;
use crate::plugins::guest::Call;
use crate::plugins::hooks::{
    ActorKind, ClientAuth, Endpoints, Event, ExternalIdentity, InvitationWish, KeyWish, LegacyOutcome,
    LoginAttempt, Mint, Narrowing, OutgoingLetter, PasswordOccasion, PasswordWish, Person, TokenSet,
};
use crate::plugins::registration::{Answer, AuthMethod, Candidate};
use crate::plugins::rulings::{Said, SaidDenial};

/// What a guest says of a key.
#[derive(Debug)]
pub(in crate::plugins) enum KeySaid {
    Keep,
    Narrow(Narrowing),
    Deny(SaidDenial),
}

fn wrong_hook<T>() -> Result<T, Error> {
    Err(Error::Engine("the component does not export this hook".to_owned()))
}

impl Guest {
    pub(in crate::plugins) async fn validate(
        &self,
        call: &Call<'_>,
        candidate: &Candidate,
    ) -> Result<Answer, Error> {
        let Exports::Registration(exports) = &self.exports else { return wrong_hook() };
        let candidate = registration::Candidate {
            email: candidate.email.as_str().to_owned(),
            email_verified: candidate.email_verified,
            full_name: candidate.full_name.clone(),
            department: candidate.department.clone(),
            referral_source: candidate.referral_source.clone(),
            method: method(candidate.method),
            provider: candidate.provider.clone(),
            payload: candidate.payload.as_ref().map(ToString::to_string),
        };
        let answer = self
            .run(call, async |store, instance, left| {
                let guest = exports.load(&mut *store, instance)?;
                guest.call_validate(store, &context_of(call, left), &candidate).await
            })
            .await?;
        Ok(match answer.map_err(|error| failed(&error))? {
            registration::Verdict::Accept(patch) => Answer::Accept(patch.set),
            registration::Verdict::Waitlist(reason) => Answer::Waitlist(reason),
            registration::Verdict::Reject(denial) => {
                let SaidDenial { code, message, field } = said(denial);
                Answer::Reject { code, message, field }
            }
        })
    }

    pub(in crate::plugins) async fn authenticated(
        &self,
        call: &Call<'_>,
        attempt: &LoginAttempt,
    ) -> Result<Said, Error> {
        let Exports::Login(exports) = &self.exports else { return wrong_hook() };
        let attempt = login::Attempt {
            user: person(&attempt.person),
            method: method(attempt.method),
            provider: attempt.provider.clone(),
            amr: attempt.amr.clone(),
            new_network: attempt.new_network,
        };
        let answer = self
            .run(call, async |store, instance, left| {
                let guest = exports.load(&mut *store, instance)?;
                guest.call_authenticated(store, &context_of(call, left), &attempt).await
            })
            .await?;
        Ok(match answer.map_err(|error| failed(&error))? {
            login::Verdict::Proceed => Said::Keep,
            login::Verdict::StepUp(denial) => Said::StepUp(said(denial)),
            login::Verdict::Deny(denial) => Said::Deny(said(denial)),
        })
    }

    pub(in crate::plugins) async fn customize(&self, call: &Call<'_>, mint: &Mint) -> Result<String, Error> {
        let Exports::Claims(exports) = &self.exports else { return wrong_hook() };
        let mint = token_claims::Mint {
            user: person(&mint.person),
            actor: actor(mint.actor),
            session_id: mint.session.clone(),
            scopes: mint.scopes.clone(),
            audience: mint.audience.clone(),
        };
        let answer = self
            .run(call, async |store, instance, left| {
                let guest = exports.load(&mut *store, instance)?;
                guest.call_customize(store, &context_of(call, left), &mint).await
            })
            .await?;
        answer.map_err(|error| failed(&error))
    }

    pub(in crate::plugins) async fn check_password(
        &self,
        call: &Call<'_>,
        wish: &PasswordWish<'_>,
    ) -> Result<Said, Error> {
        let Exports::Password(exports) = &self.exports else { return wrong_hook() };
        let candidate = password::Candidate {
            occasion: match wish.occasion {
                PasswordOccasion::Registration => password::Occasion::Registration,
                PasswordOccasion::Reset => password::Occasion::Reset,
                PasswordOccasion::Change => password::Occasion::Change,
            },
            password: wish.password.to_owned(),
            email: wish.email.to_owned(),
            full_name: wish.full_name.map(str::to_owned),
        };
        let answer = self
            .run(call, async |store, instance, _| {
                exports.load(&mut *store, instance)?.call_check(store, &candidate).await
            })
            .await?;
        Ok(match answer.map_err(|error| failed(&error))? {
            password::Verdict::Accept => Said::Keep,
            password::Verdict::Reject(denial) => Said::Deny(said(denial)),
        })
    }

    pub(in crate::plugins) async fn verify_legacy(
        &self,
        call: &Call<'_>,
        identifier: &str,
        password: &str,
    ) -> Result<LegacyOutcome, Error> {
        let Exports::Migration(exports) = &self.exports else { return wrong_hook() };
        let answer = self
            .run(call, async |store, instance, left| {
                let guest = exports.load(&mut *store, instance)?;
                guest.call_verify_legacy(store, &context_of(call, left), identifier, password).await
            })
            .await?;
        Ok(match answer.map_err(|error| failed(&error))? {
            credential_migration::Outcome::NoSuchUser => LegacyOutcome::NoSuchUser,
            credential_migration::Outcome::WrongPassword => LegacyOutcome::WrongPassword,
            credential_migration::Outcome::Correct => LegacyOutcome::Correct,
        })
    }

    pub(in crate::plugins) async fn send_mail(
        &self,
        call: &Call<'_>,
        letter: &OutgoingLetter,
    ) -> Result<Option<String>, Error> {
        let Exports::Mailer(exports) = &self.exports else { return wrong_hook() };
        let message = mailer::Message {
            idempotency_key: letter.id.clone(),
            template: letter.template.clone(),
            sender: letter.sender.clone(),
            to: letter.to.clone(),
            subject: letter.subject.clone(),
            text: letter.text.clone(),
            html: letter.html.clone(),
        };
        let answer = self
            .run(call, async |store, instance, left| {
                let guest = exports.load(&mut *store, instance)?;
                guest.call_send(store, &context_of(call, left), &message).await
            })
            .await?;
        answer.map_err(|error| failed(&error))
    }

    pub(in crate::plugins) async fn deliver(&self, call: &Call<'_>, batch: &[Event]) -> Result<u32, Error> {
        let Exports::Events(exports) = &self.exports else { return wrong_hook() };
        let batch: Vec<_> = batch
            .iter()
            .map(|event| events::Event {
                id: event.id.clone(),
                sequence: event.sequence,
                kind: event.kind.clone(),
                occurred_at: event.occurred_at,
                succeeded: event.succeeded,
                org_id: event.organization.clone(),
                payload: event.payload.clone(),
            })
            .collect();
        let answer = self
            .run(call, async |store, instance, left| {
                let guest = exports.load(&mut *store, instance)?;
                guest.call_deliver(store, &context_of(call, left), &batch).await
            })
            .await?;
        answer.map_err(|error| failed(&error))
    }

    pub(in crate::plugins) async fn review_invitation(
        &self,
        call: &Call<'_>,
        wish: &InvitationWish,
    ) -> Result<Said, Error> {
        let Exports::Invitations(exports) = &self.exports else { return wrong_hook() };
        let invitation = invitations::Invitation {
            org_id: wish.organization.clone(),
            email: wish.email.clone(),
            role: wish.role.clone(),
            inviter: wish.inviter.as_ref().map(person),
        };
        let answer = self
            .run(call, async |store, instance, left| {
                let guest = exports.load(&mut *store, instance)?;
                guest.call_review(store, &context_of(call, left), &invitation).await
            })
            .await?;
        Ok(match answer.map_err(|error| failed(&error))? {
            invitations::Verdict::Keep => Said::Keep,
            invitations::Verdict::Deny(denial) => Said::Deny(said(denial)),
        })
    }

    pub(in crate::plugins) async fn review_key(
        &self,
        call: &Call<'_>,
        wish: &KeyWish,
    ) -> Result<KeySaid, Error> {
        let Exports::ApiKeys(exports) = &self.exports else { return wrong_hook() };
        let request = api_keys::Request {
            owner: actor(wish.owner),
            issuer: wish.issuer.as_ref().map(person),
            name: wish.name.clone(),
            scopes: wish.scopes.clone(),
            expires_in_seconds: wish.expires_in_seconds,
        };
        let answer = self
            .run(call, async |store, instance, left| {
                let guest = exports.load(&mut *store, instance)?;
                guest.call_review(store, &context_of(call, left), &request).await
            })
            .await?;
        Ok(match answer.map_err(|error| failed(&error))? {
            api_keys::Verdict::Keep => KeySaid::Keep,
            api_keys::Verdict::Narrow(api_keys::Narrowing { scopes, expires_in_seconds }) => {
                KeySaid::Narrow(Narrowing { scopes, expires_in_seconds })
            }
            api_keys::Verdict::Deny(denial) => KeySaid::Deny(said(denial)),
        })
    }

    pub(in crate::plugins) async fn describe_endpoints(&self, call: &Call<'_>) -> Result<Endpoints, Error> {
        let Exports::Oauth(exports, _) = &self.exports else { return wrong_hook() };
        let answer = self
            .run(call, async |store, instance, _| {
                exports.load(&mut *store, instance)?.call_describe_endpoints(store).await
            })
            .await?;
        let it = answer.map_err(|error| failed(&error))?;
        Ok(Endpoints {
            issuer: it.issuer,
            authorize: it.authorize,
            token: it.token,
            userinfo: it.userinfo,
            jwks: it.jwks,
            scopes: it.scopes,
            client_auth: match it.client_auth {
                oauth_types::ClientAuth::None => ClientAuth::None,
                oauth_types::ClientAuth::Basic => ClientAuth::Basic,
                oauth_types::ClientAuth::Post => ClientAuth::Post,
            },
            extra_authorize_params: it.extra_authorize_params,
        })
    }

    pub(in crate::plugins) async fn map_profile(
        &self,
        call: &Call<'_>,
        tokens: &TokenSet,
        userinfo: Option<&str>,
    ) -> Result<ExternalIdentity, Error> {
        let Exports::Oauth(exports, _) = &self.exports else { return wrong_hook() };
        let tokens = tokens_in(tokens);
        let answer = self
            .run(call, async |store, instance, left| {
                let guest = exports.load(&mut *store, instance)?;
                guest.call_map_profile(store, &context_of(call, left), &tokens, userinfo).await
            })
            .await?;
        let it = answer.map_err(|error| failed(&error))?;
        Ok(ExternalIdentity {
            subject: it.subject,
            email: it.email,
            email_verified: it.email_verified,
            full_name: it.full_name,
            avatar_url: it.avatar_url,
            raw: it.raw,
        })
    }

    /// Whether the plugin trades codes itself.
    pub(in crate::plugins) const fn exchanges(&self) -> bool {
        matches!(self.exports, Exports::Oauth(_, Some(_)))
    }

    pub(in crate::plugins) async fn exchange_code(
        &self,
        call: &Call<'_>,
        code: &str,
        redirect_uri: &str,
        code_verifier: &str,
    ) -> Result<TokenSet, Error> {
        let Exports::Oauth(_, Some(exports)) = &self.exports else { return wrong_hook() };
        let answer = self
            .run(call, async |store, instance, left| {
                let guest = exports.load(&mut *store, instance)?;
                let context = context_of(call, left);
                guest.call_exchange_code(store, &context, code, redirect_uri, code_verifier).await
            })
            .await?;
        let it = answer.map_err(|error| failed(&error))?;
        Ok(TokenSet { access_token: it.access_token, id_token_claims: it.id_token_claims, raw: it.raw })
    }

    pub(in crate::plugins) async fn fetch_profile(
        &self,
        call: &Call<'_>,
        tokens: &TokenSet,
    ) -> Result<Option<String>, Error> {
        let Exports::Oauth(_, Some(exports)) = &self.exports else { return wrong_hook() };
        let tokens = tokens_in(tokens);
        let answer = self
            .run(call, async |store, instance, left| {
                let guest = exports.load(&mut *store, instance)?;
                guest.call_fetch_profile(store, &context_of(call, left), &tokens).await
            })
            .await?;
        answer.map_err(|error| failed(&error))
    }
}

fn said(denial: types::Denial) -> SaidDenial {
    SaidDenial { code: denial.code, message: denial.message, field: denial.field }
}

fn method(method: AuthMethod) -> types::AuthMethod {
    match method {
        AuthMethod::Password => types::AuthMethod::Password,
        AuthMethod::OAuth => types::AuthMethod::Oauth,
    }
}

fn actor(kind: ActorKind) -> types::ActorKind {
    match kind {
        ActorKind::Human => types::ActorKind::Human,
        ActorKind::Agent => types::ActorKind::Agent,
        ActorKind::Service => types::ActorKind::Service,
    }
}

fn person(person: &Person) -> types::UserView {
    types::UserView {
        id: person.id.clone(),
        email: person.email.clone(),
        email_verified: person.email_verified,
        full_name: person.full_name.clone(),
        department: person.department.clone(),
        attributes: person.attributes.clone(),
    }
}

fn tokens_in(tokens: &TokenSet) -> oauth_types::TokenSet {
    oauth_types::TokenSet {
        access_token: tokens.access_token.clone(),
        id_token_claims: tokens.id_token_claims.clone(),
        raw: tokens.raw.clone(),
    }
}
