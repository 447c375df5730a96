//! Whether a request to another service may pass, whoever asks for it and how: the one way for HTTP and gRPC.

use poem::http::{HeaderMap, HeaderName, Method, StatusCode, header};

use super::browser::Browser;
use super::caller::credential;
use super::problem::Problem;
use crate::app::{App, Passage};
use crate::domain::{DoorQuestion, Target};
use crate::guard::actions::ForwardAuth;
use crate::guard::{Origin, Party, Principal, Released};

/// Headers that make some servers take another method or path than the request has.
const OVERRIDES: [&str; 6] = [
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
    "x-original-url",
    "x-rewrite-url",
    "x-rewrite-uri",
];

/// Who passes, header by header. The proxy must set each of them, the empty ones too, over what the client sent.
const IDENTITY: [HeaderName; 8] = [
    HeaderName::from_static("x-palisade-principal"),
    HeaderName::from_static("x-palisade-user"),
    HeaderName::from_static("x-palisade-email"),
    HeaderName::from_static("x-palisade-organization"),
    HeaderName::from_static("x-palisade-agent"),
    HeaderName::from_static("x-palisade-credential"),
    HeaderName::from_static("x-palisade-decision"),
    HeaderName::from_static("x-palisade-rule"),
];

/// A request to another service.
#[derive(Debug)]
pub(super) struct Foreign<'a> {
    pub(super) method: &'a str,
    pub(super) host: &'a str,
    /// Path and query as they were sent.
    pub(super) uri: &'a str,
    pub(super) headers: &'a HeaderMap,
    pub(super) browser: &'a Browser,
    pub(super) origin: Origin,
}

impl Foreign<'_> {
    /// # Errors
    /// 401 if nobody is signed in; 403 for everything else: a proxy passes nothing else on.
    pub(super) async fn pass(self, app: &App) -> Result<Released<ForwardAuth, Passage>, Problem> {
        if let Some(name) = OVERRIDES.iter().find(|name| self.headers.contains_key(**name)) {
            return Err(ambiguous(format!("the header `{name}` could make it another request")));
        }
        // What reads headers as variables (CGI, WSGI) takes `X_Palisade_User` for ours.
        if self.headers.keys().any(|name| {
            name.as_str().replace('_', "-").starts_with("x-palisade-") && name.as_str().contains('_')
        }) {
            return Err(ambiguous("a header with `_` could be taken for one of ours".to_owned()));
        }
        let target =
            Target::parse(self.method, self.host, self.uri).map_err(|why| ambiguous(why.to_string()))?;
        let door = app.door(&target).ok_or_else(|| {
            Problem::new(StatusCode::FORBIDDEN, "no-rule", "no rule is about this host, path and method")
        })?;
        let principal = match door.question {
            DoorQuestion::Public => Principal::of(Party::Anonymous, self.origin.clone()),
            _ => app.authenticate(self.credential()?, self.origin.clone()).await?,
        };
        let (host, method) = (target.host().to_owned(), target.method().to_owned());
        let ok = app.authorize(&principal, ForwardAuth { host, method, rule: door.rule.clone() }).await?;
        Ok(app.forward_auth(ok, &door).await?)
    }

    /// The credential, as our own operations take it. What its cookie proves is believed by the method of the request
    /// that the service behind will get, not by that of the proxy's question.
    fn credential(&self) -> Result<Option<&str>, Problem> {
        if let Some(token) = credential(self.headers)? {
            return Ok(Some(token));
        }
        // A page of anybody's may open a WebSocket, and it is a GET.
        let socket = self.headers.contains_key(header::SEC_WEBSOCKET_KEY)
            || self.headers.contains_key(header::UPGRADE);
        let method = Method::from_bytes(self.method.as_bytes()).unwrap_or(Method::POST);
        self.browser.access(if socket { &Method::POST } else { &method })
    }
}

fn ambiguous(why: String) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "ambiguous-request", why)
}

/// The headers for the service behind, the empty ones too.
pub(super) fn identity(passage: &Passage) -> [(HeaderName, String); 8] {
    let email = passage.email.as_ref().map(ToString::to_string).filter(|email| email.is_ascii());
    let values = [
        passage.principal.clone(),
        passage.user.map(|id| id.to_string()),
        email,
        passage.organization.map(|id| id.to_string()),
        passage.agent.map(|id| id.to_string()),
        passage.credential.map(str::to_owned),
        Some(passage.decision.to_string()),
        Some(passage.rule.clone()).filter(|rule| rule.bytes().all(|b| b == b' ' || b.is_ascii_graphic())),
    ];
    let mut pairs = IDENTITY.map(|name| (name, String::new()));
    for ((_, slot), value) in pairs.iter_mut().zip(values) {
        *slot = value.unwrap_or_default();
    }
    pairs
}
