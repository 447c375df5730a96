//! Asking plugins in the course of a use case, obeying them, and writing down what they decided.

use std::time::Duration;

use serde_json::{Map, Value as Json, json};

use super::{App, Error};
use crate::domain::{Email, Language, User};
use crate::guard::{Action, Authorized, Principal, UserPrincipal};
use crate::plugins::{
    Finding, Judged, LoginAttempt, PasswordOccasion, PasswordWish, Person, RequestContext, Ruling,
};
use crate::store::Note;

/// When to try again if a plugin has no answer.
const AGAIN: Duration = Duration::from_secs(30);

impl App {
    /// Where the request comes from, as plugins see it.
    pub(super) fn hook_context(
        &self,
        caller: &Principal,
        language: Option<Language>,
        organization: Option<String>,
    ) -> RequestContext {
        RequestContext {
            request_id: caller.origin.request_id.clone(),
            client_ip: caller.origin.ip,
            user_agent: caller.origin.user_agent.clone(),
            locale: language.map(|language| language.as_str().to_owned()),
            organization,
            now: self.seconds(),
        }
    }

    /// Goes on if plugins let it; else the refusal is written down and told. What is written down on the way on:
    /// see [`with_findings`].
    pub(super) async fn obey<A: Action>(
        &self,
        ok: &Authorized<'_, A>,
        judged: Judged<Ruling>,
    ) -> Result<Vec<Finding>, Error> {
        let error = match judged.verdict {
            Ruling::Keep => return Ok(judged.findings),
            Ruling::StepUp(denial) | Ruling::Deny(denial) => Error::Refused {
                code: format!("plugin:{}/{}", denial.plugin, denial.code),
                detail: denial.message,
                field: denial.field,
            },
            Ruling::Unavailable { plugin } => {
                tracing::error!(plugin, action = A::NAME, "refused because a plugin did not answer");
                Error::Unavailable { retry_after: AGAIN }
            }
        };
        self.note_refusal(ok, &judged.findings).await?;
        Err(error)
    }

    /// Writes down that plugins refused.
    pub(super) async fn note_refusal<A: Action>(
        &self,
        ok: &Authorized<'_, A>,
        findings: &[Finding],
    ) -> Result<(), Error> {
        let mut tx = self.store.begin().await?;
        let details = Map::from_iter([("plugins".to_owned(), told(findings))]);
        let note = Note { failure: Some("plugin-refused"), details, ..Note::default() };
        tx.append_event(ok, note, self.now()).await?;
        Ok(tx.commit().await?)
    }

    /// Whether plugins let this be somebody's password, too.
    pub(super) async fn password_passes<A: Action>(
        &self,
        ok: &Authorized<'_, A>,
        occasion: PasswordOccasion,
        (email, full_name): (&Email, Option<&str>),
        password: &str,
        field: &'static str,
    ) -> Result<Vec<Finding>, Error> {
        let context = self.hook_context(ok.caller(), None, None);
        let wish = PasswordWish { occasion, password, email: email.as_str(), full_name };
        let mut judged = self.plugins().password_policy(&context, wish).await;
        if let Ruling::Deny(denial) = &mut judged.verdict {
            // The plugin knows no forms.
            denial.field = Some(field.to_owned());
        }
        self.obey(ok, judged).await
    }

    /// Whether plugins let this person, whose credential was right, have a session.
    pub(super) async fn login_passes<A: Action>(
        &self,
        ok: &Authorized<'_, A>,
        user: &User,
        attempt: LoginAttempt,
    ) -> Result<Vec<Finding>, Error> {
        let context = self.hook_context(ok.caller(), user.language, None);
        // Who mends the plugins comes in whatever is wrong with them.
        let judged = self.plugins().login_authenticated(&context, &attempt, user.super_admin).await;
        self.obey(ok, judged).await
    }
}

/// `details` with what plugins decided or changed, if they did.
pub(super) fn with_findings(details: Json, findings: &[Finding]) -> Json {
    let mut details = details;
    if let Json::Object(details) = &mut details
        && !findings.is_empty()
    {
        details.insert("plugins".to_owned(), told(findings));
    }
    details
}

fn told(findings: &[Finding]) -> Json {
    let one = |it: &Finding| {
        let mut told =
            json!({ "plugin": it.plugin, "digest": it.digest, "hook": it.hook, "verdict": it.verdict });
        if let Json::Object(told) = &mut told {
            if let Some(code) = &it.code {
                told.insert("code".to_owned(), json!(code));
            }
            if it.would_have {
                told.insert("would_have".to_owned(), json!(true));
            }
        }
        told
    };
    findings.iter().map(one).collect()
}

/// A person as plugins see one.
pub(super) fn person(user: &User) -> Person {
    Person {
        id: user.id.to_string(),
        email: user.email.to_string(),
        email_verified: user.email_verified_at.is_some(),
        full_name: user.full_name.clone(),
        department: user.department.clone(),
        attributes: Json::Object(user.attributes.clone()).to_string(),
    }
}

/// The person who calls, by what the request itself shows.
pub(super) fn calling_person(user: &UserPrincipal) -> Person {
    Person {
        id: user.id.to_string(),
        email: user.email.to_string(),
        email_verified: user.email_verified,
        full_name: None,
        department: None,
        attributes: "{}".to_owned(),
    }
}
