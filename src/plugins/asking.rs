//! The hooks as the app asks them, beside registration, claims and providers. None can widen anything.

use serde_json::json;

use super::hooks::{
    Event, InvitationWish, KeyWish, LegacyOutcome, LoginAttempt, Narrowing, OutgoingLetter, PasswordWish,
};
use super::rulings::{Finding, Judged, NO_ANSWER, Ruling, Said, without_answer};
use super::since_v0_2::KeySaid;
use super::world::Hook;
use super::{Error, FailurePolicy, Plugins, RequestContext, clean, told};

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
    /// No plugin keeps an administrator out, who has to mend it if it is broken or bad: with `mends` whatever it says is
    /// written down and nothing comes of it. What must hold for administrators too is for a policy to say.
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
            let input = || match about {
                Matter::Login(attempt) => told::attempt(attempt),
                Matter::Password(wish) => told::password(wish),
                Matter::Invitation(wish) => told::invitation(wish),
            };
            let record = (input, |said: &Said| told::ruled(said, hook.sees_password()));
            let answer = self
                .call(bound, context, hidden, record, async |guest, call| {
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
                    without_answer(bound, hook)
                }
            };
            if !bound.monitor && !mends {
                judged.verdict = judged.verdict.and(ruling);
            }
            if matches!(judged.verdict, Ruling::Deny(_)) {
                break;
            }
        }
        for finding in &mut judged.findings {
            finding.would_have |= mends;
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
                .call(
                    bound,
                    context,
                    None,
                    (|| told::key(wish), |said: &KeySaid| told::key_ruled(wish, said)),
                    async |guest, call| guest.present()?.review_key(call, wish).await,
                )
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
            let record = (|| told::legacy(identifier), |outcome: &LegacyOutcome| told::verified(*outcome));
            let answer = self
                .call(bound, context, Some(password), record, async |guest, call| {
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
            let record = (|| told::letter(letter), |_: &_| json!({ "sent": true }));
            let sent = self
                .call(bound, context, None, record, async |guest, call| {
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
        let record = (|| told::batch(batch), |taken: &u32| json!({ "taken": taken }));
        let taken = self
            .call(bound, context, None, record, async |guest, call| {
                guest.present()?.deliver(call, batch).await
            })
            .await?;
        Ok(usize::try_from(taken).unwrap_or(usize::MAX).min(batch.len()))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugins::hooks::ActorKind;

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
