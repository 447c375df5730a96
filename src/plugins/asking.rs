//! The hooks as the app asks them, beside registration. None can widen anything.

use serde_json::{Map, Value};

use super::guest::Call;
use super::hooks::{
    Endpoints, Event, ExternalIdentity, InvitationWish, KeyWish, LegacyOutcome, LoginAttempt, Mint,
    Narrowing, OutgoingLetter, PasswordWish, TokenSet,
};
use super::rulings::{Finding, Judged, NO_ANSWER, Ruling, Said, without_answer};
use super::since_v0_2::KeySaid;
use super::world::Hook;
use super::{Bound, Error, FailurePolicy, Guest, Plugins, RequestContext, clean};

/// What a plugin may add to a token, in bytes of JSON.
const CLAIMS: usize = 1 << 10;
/// What all plugins together may, so that the token stays one that we take.
const ALL_CLAIMS: usize = 2 << 10;
/// How deep that may be.
const DEPTH: usize = 8;

/// What an identity provider's plugin is asked under; the federation's configuration names the plugin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OauthError {
    /// No plugin of this name is bound as a provider, or more than one is.
    #[error("no one plugin `{0}` is bound as an identity provider")]
    Unknown(String),
    #[error(transparent)]
    NoAnswer(#[from] Error),
}

/// What is kept or refused.
#[derive(Clone, Copy)]
enum Matter<'a> {
    Login(&'a LoginAttempt),
    Password(&'a PasswordWish<'a>),
    Invitation(&'a InvitationWish),
}

impl Plugins {
    /// Whether anybody is asked at `hook`.
    #[must_use]
    pub fn has(&self, hook: Hook) -> bool {
        self.bound_to(hook).next().is_some()
    }

    /// May this person, whose credential was right, have a session?
    ///
    /// A plugin that is broken does not keep an administrator out, who has to mend it: `mends` lets a missing answer
    /// pass. A plugin that says no is heard.
    pub async fn login_authenticated(
        &self,
        context: &RequestContext,
        attempt: &LoginAttempt,
        mends: bool,
    ) -> Judged<Ruling> {
        self.ruling(context, Matter::Login(attempt), mends).await
    }

    /// May this be somebody's password?
    pub async fn password_policy(&self, context: &RequestContext, wish: PasswordWish<'_>) -> Judged<Ruling> {
        self.ruling(context, Matter::Password(&wish), false).await
    }

    /// May somebody be invited?
    pub async fn org_invite(&self, context: &RequestContext, wish: &InvitationWish) -> Judged<Ruling> {
        self.ruling(context, Matter::Invitation(wish), false).await
    }

    async fn ruling(&self, context: &RequestContext, about: Matter<'_>, mends: bool) -> Judged<Ruling> {
        let (hook, hidden) = match about {
            Matter::Login(_) => (Hook::LoginAuthenticated, None),
            Matter::Password(wish) => (Hook::PasswordPolicy, Some(wish.password)),
            Matter::Invitation(_) => (Hook::OrgInvite, None),
        };
        let mut judged = Judged::new(Ruling::Keep);
        for bound in self.bound_to(hook) {
            let answer = self
                .call(bound, context, hidden, async |guest, call| {
                    let guest = guest.present()?;
                    match about {
                        Matter::Login(attempt) => guest.authenticated(call, attempt).await,
                        Matter::Password(wish) => guest.check_password(call, wish).await,
                        Matter::Invitation(wish) => guest.review_invitation(call, wish).await,
                    }
                })
                .await;
            let plugin = &*bound.who.plugin;
            let ruling = match answer {
                Ok(Said::Keep) => Ruling::Keep,
                Ok(Said::StepUp(said)) => {
                    let denial = said.believed(plugin, "A stronger proof is needed.");
                    judged.find(bound, hook, "step-up", Some(&denial.code));
                    Ruling::StepUp(denial)
                }
                Ok(Said::Deny(said)) => {
                    let denial = said.believed(plugin, "This was refused.");
                    judged.find(bound, hook, "deny", Some(&denial.code));
                    Ruling::Deny(denial)
                }
                Err(error) => {
                    judged.find(bound, hook, NO_ANSWER, Some(error.kind()));
                    if mends { Ruling::Keep } else { without_answer(bound, hook) }
                }
            };
            if !bound.monitor {
                judged.verdict = judged.verdict.and(ruling);
            }
            if matches!(judged.verdict, Ruling::Deny(_)) {
                break;
            }
        }
        judged
    }

    /// May this key be made? What is left of the wish: fewer scopes, a sooner end, never more.
    pub async fn apikey_issue(
        &self,
        context: &RequestContext,
        wish: &KeyWish,
    ) -> (Judged<Ruling>, Narrowing) {
        let hook = Hook::ApikeyIssue;
        let mut judged = Judged::new(Ruling::Keep);
        let mut left = Narrowing::default();
        for bound in self.bound_to(hook) {
            let answer = self
                .call(bound, context, None, async |guest, call| guest.present()?.review_key(call, wish).await)
                .await;
            let ruling = match answer {
                Ok(KeySaid::Keep) => Ruling::Keep,
                Ok(KeySaid::Narrow(narrowing)) => {
                    judged.find(bound, hook, "narrow", None);
                    if !bound.monitor {
                        left = narrower(wish, left, narrowing);
                    }
                    Ruling::Keep
                }
                Ok(KeySaid::Deny(said)) => {
                    let denial = said.believed(&bound.who.plugin, "This key was refused.");
                    judged.find(bound, hook, "deny", Some(&denial.code));
                    Ruling::Deny(denial)
                }
                Err(error) => {
                    judged.find(bound, hook, NO_ANSWER, Some(error.kind()));
                    without_answer(bound, hook)
                }
            };
            if !bound.monitor {
                judged.verdict = judged.verdict.and(ruling);
            }
            if matches!(judged.verdict, Ruling::Deny(_)) {
                break;
            }
        }
        (judged, left)
    }

    /// What stands under `ext` in an access token: an object for each plugin that had something to say. `mends` as for
    /// [`Plugins::login_authenticated`]: who mends the plugins gets a token without the claims.
    ///
    /// # Errors
    /// The plugin's id, if it has no answer and the operator wants no token without it.
    pub async fn token_claims(
        &self,
        context: &RequestContext,
        mint: &Mint,
        mends: bool,
    ) -> Result<Judged<Map<String, Value>>, String> {
        let mut judged = Judged::new(Map::new());
        for bound in self.bound_to(Hook::TokenClaims) {
            let plugin = &*bound.who.plugin;
            let answer = self
                .call(bound, context, None, async |guest, call| {
                    let text = guest.present()?.customize(call, mint).await?;
                    claims(&text).map_err(|what| Error::Failed(what.to_owned()))
                })
                .await;
            match answer {
                Ok(claims) if !claims.is_empty() => {
                    judged.find(bound, Hook::TokenClaims, "claims", None);
                    if bound.monitor {
                        continue;
                    }
                    let ext = &mut judged.verdict;
                    ext.insert(plugin.to_owned(), Value::Object(claims));
                    // A token has an end: what is beyond it is left out whole.
                    if Value::Object(ext.clone()).to_string().len() > ALL_CLAIMS {
                        ext.remove(plugin);
                        judged.find(bound, Hook::TokenClaims, "no-room", None);
                        tracing::warn!(target: "plugin", plugin, "there is no room for the plugin's claims");
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    judged.find(bound, Hook::TokenClaims, NO_ANSWER, Some(error.kind()));
                    if bound.policy(Hook::TokenClaims) != FailurePolicy::Open && !bound.monitor && !mends {
                        return Err(plugin.to_owned());
                    }
                }
            }
        }
        Ok(judged)
    }

    /// What the systems that accounts come from say of a password, the first that knows the person. In monitor mode a
    /// plugin is not asked: there is nothing to record about a password.
    ///
    /// # Errors
    /// The plugin's id, if it has no answer.
    pub async fn verify_legacy(
        &self,
        context: &RequestContext,
        identifier: &str,
        password: &str,
    ) -> Result<Option<(LegacyOutcome, Finding)>, String> {
        for bound in self.bound_to(Hook::CredentialVerifyLegacy).filter(|bound| !bound.monitor) {
            let answer = self
                .call(bound, context, Some(password), async |guest, call| {
                    guest.present()?.verify_legacy(call, identifier, password).await
                })
                .await;
            match answer {
                Ok(LegacyOutcome::NoSuchUser) => {}
                Ok(known) => {
                    let mut judged = Judged::new(());
                    judged.find(bound, Hook::CredentialVerifyLegacy, "verified", None);
                    return Ok(judged.findings.pop().map(|finding| (known, finding)));
                }
                Err(_) if bound.policy(Hook::CredentialVerifyLegacy) == FailurePolicy::Open => {}
                Err(_) => return Err(bound.who.plugin.to_string()),
            }
        }
        Ok(None)
    }

    /// Hands a letter to the first transport that takes it. `None` if no plugin carries letters.
    ///
    /// # Errors
    /// Why the last one did not take it.
    pub async fn send_mail(
        &self,
        context: &RequestContext,
        letter: &OutgoingLetter,
    ) -> Option<Result<(), Error>> {
        let mut last = None;
        for bound in self.bound_to(Hook::MailSend).filter(|bound| !bound.monitor) {
            let sent = self
                .call(bound, context, None, async |guest, call| {
                    guest.present()?.send_mail(call, letter).await
                })
                .await;
            match sent {
                Ok(id) => {
                    let id = id.map(|id| clean::line(&id, 100));
                    let (plugin, letter) = (&*bound.who.plugin, &*letter.id);
                    tracing::info!(target: "plugin", plugin, letter, id, "the plugin took the letter");
                    return Some(Ok(()));
                }
                Err(error) => last = Some(Err(error)),
            }
        }
        last
    }

    /// The ids of the plugins that are told of events.
    pub fn event_sinks(&self) -> impl Iterator<Item = &str> {
        self.bound_to(Hook::EventDeliver).map(|bound| &*bound.who.plugin)
    }

    /// Hands a batch to one sink; how many, from the first, it has taken: never more than there were.
    ///
    /// # Errors
    /// Why it has no answer.
    pub async fn deliver_events(
        &self,
        context: &RequestContext,
        plugin: &str,
        batch: &[Event],
    ) -> Result<usize, Error> {
        let bound = self.bound_to(Hook::EventDeliver).find(|bound| &*bound.who.plugin == plugin);
        let Some(bound) = bound else { return Ok(0) };
        let taken = self
            .call(bound, context, None, async |guest, call| guest.present()?.deliver(call, batch).await)
            .await?;
        Ok(usize::try_from(taken).unwrap_or(usize::MAX).min(batch.len()))
    }

    fn oauth(&self, plugin: &str) -> Result<&Bound, OauthError> {
        // In monitor mode nothing comes of a plugin: nobody signs in by it. Bound twice, it is not clear which is meant.
        let of_name = |bound: &&Bound| &*bound.who.plugin == plugin && !bound.monitor;
        let mut found = self.bound_to(Hook::OauthProvider).filter(of_name);
        let alone = found.next().filter(|_| found.next().is_none());
        alone.ok_or_else(|| OauthError::Unknown(clean::line(plugin, 64)))
    }

    /// Whether a plugin of this name is bound as an identity provider, and can be asked.
    #[must_use]
    pub fn provides(&self, plugin: &str) -> bool {
        self.oauth(plugin).is_ok_and(|bound| bound.loaded.fault.is_none())
    }

    /// Where the provider is. The guest's words: each address must be checked before it is used.
    ///
    /// # Errors
    /// See [`OauthError`].
    pub async fn describe_endpoints(
        &self,
        context: &RequestContext,
        plugin: &str,
    ) -> Result<Endpoints, OauthError> {
        let bound = self.oauth(plugin)?;
        let ask = async |guest: &Guest, call: &Call<'_>| guest.present()?.describe_endpoints(call).await;
        Ok(self.call(bound, context, None, ask).await?)
    }

    /// Who it is, by a token endpoint's answer and the profile. The guest's words: only `subject` names anybody.
    ///
    /// # Errors
    /// See [`OauthError`].
    pub async fn map_profile(
        &self,
        context: &RequestContext,
        plugin: &str,
        tokens: &TokenSet,
        userinfo: Option<&str>,
    ) -> Result<ExternalIdentity, OauthError> {
        let bound = self.oauth(plugin)?;
        let ask =
            async |guest: &Guest, call: &Call<'_>| guest.present()?.map_profile(call, tokens, userinfo).await;
        Ok(self.call(bound, context, None, ask).await?)
    }

    /// Whether the plugin trades codes and fetches profiles itself (the world `oauth-connector-full`).
    ///
    /// # Errors
    /// [`OauthError::Unknown`]
    pub fn exchanges_codes(&self, plugin: &str) -> Result<bool, OauthError> {
        Ok(self.oauth(plugin)?.guest.present()?.exchanges())
    }

    /// Trades a code, by a plugin whose provider does not speak RFC 6749.
    ///
    /// # Errors
    /// See [`OauthError`].
    pub async fn exchange_code(
        &self,
        context: &RequestContext,
        plugin: &str,
        (code, redirect_uri, code_verifier): (&str, &str, &str),
    ) -> Result<TokenSet, OauthError> {
        let bound = self.oauth(plugin)?;
        let ask = async |guest: &Guest, call: &Call<'_>| {
            guest.present()?.exchange_code(call, code, redirect_uri, code_verifier).await
        };
        Ok(self.call(bound, context, None, ask).await?)
    }

    /// The profile, fetched by such a plugin.
    ///
    /// # Errors
    /// See [`OauthError`].
    pub async fn fetch_profile(
        &self,
        context: &RequestContext,
        plugin: &str,
        tokens: &TokenSet,
    ) -> Result<Option<String>, OauthError> {
        let bound = self.oauth(plugin)?;
        let ask = async |guest: &Guest, call: &Call<'_>| guest.present()?.fetch_profile(call, tokens).await;
        Ok(self.call(bound, context, None, ask).await?)
    }
}

/// The stricter of two narrowings, and of the wish itself: nothing that was not wished for.
fn narrower(wish: &KeyWish, left: Narrowing, said: Narrowing) -> Narrowing {
    let before = left.scopes.as_ref().unwrap_or(&wish.scopes);
    let scopes = said
        .scopes
        .map(|scopes| before.iter().filter(|scope| scopes.contains(scope)).cloned().collect::<Vec<_>>());
    let ends = [left.expires_in_seconds, said.expires_in_seconds, wish.expires_in_seconds];
    let sooner = ends.into_iter().flatten().min();
    Narrowing { scopes: scopes.or(left.scopes), expires_in_seconds: sooner }
}

/// A JSON object, small and flat enough to stand in a token.
fn claims(text: &str) -> Result<Map<String, Value>, &'static str> {
    if text.len() > CLAIMS {
        return Err("the claims have more than 1024 bytes");
    }
    let value: Value = serde_json::from_str(text).map_err(|_| "the claims are not JSON")?;
    if depth(&value) > DEPTH {
        return Err("the claims are nested too deep");
    }
    match value {
        // Written by us it may be longer: what is escaped in one spelling need not be in another.
        Value::Object(claims) if Value::Object(claims.clone()).to_string().len() <= CLAIMS => Ok(claims),
        Value::Object(_) => Err("the claims have more than 1024 bytes"),
        _ => Err("the claims are not a JSON object"),
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(values) => 1 + values.iter().map(depth).max().unwrap_or(0),
        Value::Object(values) => 1 + values.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugins::hooks::ActorKind;

    #[test]
    fn f59_claims_are_a_small_object() {
        assert!(claims(r#"{"team":"red","n":[1,2]}"#).is_ok());
        for bad in ["", "[]", "null", "{", "\"x\"", &format!("{{\"a\":\"{}\"}}", "x".repeat(1100))] {
            assert!(claims(bad).is_err(), "{bad:.20}");
        }
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(20), "]".repeat(20));
        assert!(claims(&deep).is_err());
    }

    #[test]
    fn a_key_is_only_ever_narrowed() {
        let wish = KeyWish {
            owner: ActorKind::Human,
            issuer: None,
            name: String::new(),
            scopes: vec!["a".into(), "b".into()],
            expires_in_seconds: Some(100),
        };
        let said = Narrowing {
            scopes: Some(vec!["b".into(), "c".into(), "org:*".into()]),
            expires_in_seconds: Some(1_000),
        };
        let left = narrower(&wish, Narrowing::default(), said);
        assert_eq!(left, Narrowing { scopes: Some(vec!["b".into()]), expires_in_seconds: Some(100) });
        let again = Narrowing { scopes: Some(vec!["a".into(), "b".into()]), expires_in_seconds: Some(50) };
        let left = narrower(&wish, left, again);
        assert_eq!(left, Narrowing { scopes: Some(vec!["b".into()]), expires_in_seconds: Some(50) });
    }
}
