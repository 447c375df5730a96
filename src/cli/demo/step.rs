//! One step of the story: what is asked, and what is announced of the answer.

use reqwest::Method;
use serde_json::Value as Json;

/// A request with everything that must come of it.
#[derive(Debug)]
pub(super) struct Step<'s> {
    pub(super) title: &'s str,
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) token: Option<&'s str>,
    pub(super) body: Option<Json>,
    pub(super) status: u16,
    /// Every decision, in order; none if Cedar must not be asked at all.
    pub(super) decisions: Vec<Announced<'s>>,
    /// Fields of the answer that are shown, and what they must hold if that is known before.
    pub(super) fields: Vec<(&'s str, Option<Json>)>,
    /// One line, for what only prepares the next step.
    pub(super) brief: bool,
}

/// The decision that a step announces.
#[derive(Debug, Clone, Copy)]
pub(super) struct Announced<'s> {
    pub(super) action: &'s str,
    pub(super) allowed: bool,
    /// Sorted; empty for a deny because nothing permits it.
    pub(super) policies: &'s [&'s str],
}

impl<'s> Step<'s> {
    fn new(title: &'s str, method: Method, path: impl Into<String>, body: Option<Json>) -> Self {
        let path = path.into();
        let (decisions, fields) = (Vec::new(), Vec::new());
        Self { title, method, path, token: None, body, status: 200, decisions, fields, brief: false }
    }

    pub(super) fn get(title: &'s str, path: impl Into<String>) -> Self {
        Self::new(title, Method::GET, path, None)
    }

    pub(super) fn post(title: &'s str, path: impl Into<String>, body: Option<Json>) -> Self {
        Self::new(title, Method::POST, path, body)
    }

    pub(super) fn patch(title: &'s str, path: impl Into<String>, body: Json) -> Self {
        Self::new(title, Method::PATCH, path, Some(body))
    }

    pub(super) fn delete(title: &'s str, path: impl Into<String>) -> Self {
        Self::new(title, Method::DELETE, path, None)
    }

    /// Sends this access token.
    pub(super) fn by(mut self, token: &'s str) -> Self {
        self.token = Some(token);
        self
    }

    /// Answered with `status` after this decision; some operations ask twice.
    pub(super) fn allowed(mut self, status: u16, action: &'s str, policies: &'s [&'s str]) -> Self {
        self.status = status;
        self.decisions.push(Announced { action, allowed: true, policies });
        self
    }

    /// Refused with a problem of this code.
    pub(super) fn denied(
        mut self,
        status: u16,
        code: &str,
        action: &'s str,
        policies: &'s [&'s str],
    ) -> Self {
        self.decisions.push(Announced { action, allowed: false, policies });
        self.unknown(status, code)
    }

    /// Turned away before there is anybody to ask about.
    pub(super) fn unknown(self, status: u16, code: &str) -> Self {
        Self { status, ..self }.holds("code", code).shows("detail")
    }

    pub(super) fn shows(mut self, field: &'s str) -> Self {
        self.fields.push((field, None));
        self
    }

    pub(super) fn holds(mut self, field: &'s str, value: impl Into<Json>) -> Self {
        self.fields.push((field, Some(value.into())));
        self
    }

    pub(super) fn brief(mut self) -> Self {
        self.brief = true;
        self
    }
}
