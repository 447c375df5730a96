//! Every error a client sees: RFC 9457 `application/problem+json`, made here and nowhere else.
//!
//! `detail` is ours to show. What went wrong inside goes to the log, under the same request id.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use poem::http::{HeaderValue, StatusCode, header};
use poem::{IntoResponse, Response};
use poem_openapi::payload::Payload;
use poem_openapi::registry::{MetaHeader, MetaMediaType, MetaResponse, MetaResponses, Registry};
use poem_openapi::types::{ToJSON as _, Type};
use poem_openapi::{ApiResponse, Object};
use uuid::Uuid;

use super::RequestId;
use crate::app;
use crate::domain::FieldError;
use crate::guard::EntityRef;

/// The media type of every error body (RFC 9457 section 3).
pub(super) const CONTENT_TYPE: &str = "application/problem+json";

/// The body of every error (RFC 9457).
#[derive(Debug, Clone, Object)]
#[oai(rename = "Problem", skip_serializing_if_is_none)]
pub(super) struct ProblemBody {
    /// A URN that names the kind of problem; it ends in `code`.
    #[oai(rename = "type")]
    kind: String,
    /// The HTTP status in words.
    title: String,
    /// The HTTP status, as in the status line.
    status: u16,
    /// A stable word for programs, in kebab-case.
    code: String,
    /// A sentence for people; it may change between releases.
    detail: String,
    /// The id of this request, as in the `X-Request-ID` header.
    request_id: String,
    /// The fields that are wrong; empty unless the status is 422.
    errors: Vec<FieldProblem>,
    /// The id of the decision that refused this, by which an administrator finds it in the decision log; only with 403.
    decision_id: Option<String>,
    /// The code as OAuth spells it (RFC 6749 section 5.2); only where a standard of OAuth is spoken.
    error: Option<String>,
}

/// One field that is wrong. It never repeats the value.
#[derive(Debug, Clone, Object)]
pub(super) struct FieldProblem {
    /// Where it is in the request, such as `email` or `items.0.name`; empty for the body as a whole.
    field: String,
    /// A stable word for programs, in kebab-case.
    code: String,
    /// A sentence for people.
    message: String,
}

/// An error on its way to the client; the `Err` of every handler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    code: Cow<'static, str>,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
    retry_after: Option<Duration>,
    allow: Option<Box<str>>,
    oauth: bool,
    refusal: Option<Box<Refusal>>,
}

/// What is known of a 403.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Refusal {
    /// The decision.
    By(Uuid),
    /// Who it is to; no policy was asked.
    To(EntityRef),
}

impl Problem {
    /// A problem of `status`, with a kebab-case code and a sentence that holds nothing secret.
    #[must_use]
    pub fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        let (code, detail) = (code.into(), detail.into());
        Self {
            status,
            code,
            detail,
            errors: Vec::new(),
            retry_after: None,
            allow: None,
            oauth: false,
            refusal: None,
        }
    }

    /// 403 to somebody who is known, before any policy was asked.
    #[must_use]
    pub fn refusing(principal: EntityRef, code: &'static str, detail: &'static str) -> Self {
        Self {
            refusal: Some(Box::new(Refusal::To(principal))),
            ..Self::new(StatusCode::FORBIDDEN, code, detail)
        }
    }

    /// The same under the id of its decision.
    #[must_use]
    pub fn decided(self, decision: Uuid) -> Self {
        Self { refusal: Some(Box::new(Refusal::By(decision))), ..self }
    }

    #[must_use]
    pub fn decision(&self) -> Option<Uuid> {
        match self.refusal.as_deref() {
            Some(Refusal::By(decision)) => Some(*decision),
            Some(Refusal::To(_)) | None => None,
        }
    }

    pub(super) fn refused(&self) -> Option<&EntityRef> {
        match self.refusal.as_deref() {
            Some(Refusal::To(principal)) => Some(principal),
            Some(Refusal::By(_)) | None => None,
        }
    }

    /// 422: the request was understood, and these fields are wrong.
    #[must_use]
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let detail: Cow<'static, str> = match errors.as_slice() {
            [] => "the request is not valid".into(),
            [one] if one.field.is_empty() => one.message.clone().into(),
            [one] => format!("`{}` is not valid: {}", one.field, one.message).into(),
            many => format!("{} fields are not valid", many.len()).into(),
        };
        Self { errors, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail) }
    }

    /// 400 in the words of OAuth (RFC 6749 section 5.2): the body also has `error`, the code as OAuth spells it.
    #[must_use]
    pub fn oauth(code: &'static str, detail: &'static str) -> Self {
        Self { oauth: true, ..Self::new(StatusCode::BAD_REQUEST, code, detail) }
    }

    /// 401 with a `WWW-Authenticate` challenge (RFC 6750 section 3).
    #[must_use]
    pub fn unauthenticated(code: &'static str) -> Self {
        let detail = match code {
            "invalid-credentials" => "the e-mail address or the password is wrong",
            "credentials-missing" | "not-signed-in" => {
                "this operation needs an access token or an API key: `Authorization: Bearer <token>`"
            }
            _ => "the credential is not valid, or no longer",
        };
        Self::new(StatusCode::UNAUTHORIZED, code, detail)
    }

    /// 404: missing, foreign and hidden things look the same.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "there is nothing here that you may see")
    }

    /// 405 with `Allow` (RFC 9110 section 15.5.6).
    #[must_use]
    pub fn method_not_allowed(allow: &str) -> Self {
        let detail = "this path does not answer to this method: see the `Allow` header";
        let problem = Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", detail);
        Self { allow: Some(allow.into()), ..problem }
    }

    /// 413: the body is over `limit` bytes.
    #[must_use]
    pub fn too_large(limit: usize) -> Self {
        let detail = format!("the body is larger than {limit} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", detail)
    }

    /// 503: asking again after `retry_after` may help.
    #[must_use]
    pub fn unavailable(code: &'static str, retry_after: Duration) -> Self {
        let detail = "the service cannot answer now: try again later";
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail);
        Self { retry_after: Some(retry_after), ..problem }
    }

    /// 500, with the one sentence that says nothing. The caller has written the cause to the log.
    #[must_use]
    pub fn internal() -> Self {
        let detail = "something went wrong on our side: give the request id to your operator";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    }

    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    #[must_use]
    pub fn errors(&self) -> &[FieldError] {
        &self.errors
    }

    fn body(&self) -> ProblemBody {
        let field = |e: &FieldError| FieldProblem {
            field: e.field.clone(),
            code: e.code.to_owned(),
            message: e.message.clone(),
        };
        ProblemBody {
            kind: format!("urn:palisade:problem:{}", self.code),
            title: self.status.canonical_reason().unwrap_or("Error").to_owned(),
            status: self.status.as_u16(),
            code: self.code.clone().into_owned(),
            detail: self.detail.clone().into_owned(),
            request_id: RequestId::current().to_string(),
            errors: self.errors.iter().map(field).collect(),
            decision_id: self.decision().map(|id| id.to_string()),
            error: self.oauth.then(|| self.code.replace('-', "_")),
        }
    }

    /// RFC 6750 section 3.1: `error` only when a token was presented.
    fn challenge(&self) -> &'static str {
        match self.code.as_ref() {
            code if code.starts_with("token-") || code.starts_with("key-") => {
                r#"Bearer realm="palisade", error="invalid_token""#
            }
            _ => r#"Bearer realm="palisade""#,
        }
    }
}

/// Whole seconds, rounded up, at least 1.
fn seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = self.body().to_json().map(|body| body.to_string()).unwrap_or_default();
        let mut response = Response::builder().status(self.status).content_type(CONTENT_TYPE).body(body);
        let headers = response.headers_mut();
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(self.challenge()));
        }
        if let Some(wait) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds(wait)));
        }
        if let Some(allow) = self.allow.as_deref().and_then(|allow| HeaderValue::from_str(allow).ok()) {
            headers.insert(header::ALLOW, allow);
        }
        response
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status.as_u16(), self.code)
    }
}

impl StdError for Problem {}

impl poem::error::ResponseError for Problem {
    fn status(&self) -> StatusCode {
        self.status
    }

    fn as_response(&self) -> Response {
        self.clone().into_response()
    }
}

impl From<app::Error> for Problem {
    fn from(error: app::Error) -> Self {
        match error {
            app::Error::Invalid(errors) => Self::invalid(errors),
            app::Error::Unauthenticated { code } => Self::unauthenticated(code),
            app::Error::Denied(denied) => Self::from(denied),
            app::Error::Refused { code, detail, field: None } => {
                Self::new(StatusCode::FORBIDDEN, code, detail)
            }
            app::Error::Refused { code, detail, field: Some(field) } => {
                let error = FieldError { field, code: "refused", message: detail };
                Self { code: code.into(), ..Self::invalid(vec![error]) }
            }
            app::Error::NotFound => Self::not_found(),
            app::Error::Conflict { code, detail } => Self::new(StatusCode::CONFLICT, code, detail),
            app::Error::TooMany { code, retry_after } => {
                let detail = match code {
                    "too-many-attempts" => {
                        "too many wrong passwords for this account: wait as long as `Retry-After` says"
                    }
                    "too-many-passwords" => {
                        "too many passwords are being checked at once: wait as long as `Retry-After` says"
                    }
                    _ => "too many requests: wait as long as `Retry-After` says",
                };
                let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, code, detail);
                Self { retry_after: Some(retry_after), ..problem }
            }
            app::Error::Unavailable { retry_after } => Self::unavailable("unavailable", retry_after),
            app::Error::Bug { context, source } => {
                tracing::error!(request_id = %RequestId::current(), error = %chain(&*source), "{context}");
                Self::internal()
            }
        }
    }
}

impl From<app::Denied> for Problem {
    fn from(denied: app::Denied) -> Self {
        let detail: Cow<'static, str> = if denied.codes.is_empty() {
            "no policy permits this".into()
        } else {
            format!("a policy forbids this: {}", denied.codes.join(", ")).into()
        };
        let problem = Self::new(StatusCode::FORBIDDEN, denied.code().to_owned(), detail);
        match denied.decision {
            Some(decision) => problem.decided(decision),
            None => problem,
        }
    }
}

/// An error with all its causes on one line, for the log.
fn chain(error: &(dyn StdError + 'static)) -> String {
    std::iter::successors(Some(error), |error| (**error).source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

impl Payload for Problem {
    const CONTENT_TYPE: &'static str = CONTENT_TYPE;

    fn schema_ref() -> poem_openapi::registry::MetaSchemaRef {
        ProblemBody::schema_ref()
    }

    fn register(registry: &mut Registry) {
        ProblemBody::register(registry);
    }
}

impl ApiResponse for Problem {
    /// All that an operation may answer; `document::clean` drops those that one operation cannot.
    fn meta() -> MetaResponses {
        let one = |(status, description): (u16, &'static str)| MetaResponse {
            description,
            status: Some(status),
            status_range: None,
            content: vec![MetaMediaType { content_type: CONTENT_TYPE, schema: ProblemBody::schema_ref() }],
            headers: match status {
                401 => vec![header_meta::<String>(
                    "WWW-Authenticate",
                    "how to authenticate (RFC 6750 section 3)",
                )],
                429 | 503 => {
                    vec![header_meta::<u32>("Retry-After", "whole seconds to wait before asking again")]
                }
                _ => vec![],
            },
        };
        let responses = [
            (400, "The body is not of the right kind."),
            (401, "There is no valid credential."),
            (403, "The policies do not allow it; `code` says why."),
            (404, "There is nothing here that the caller may see."),
            (409, "The state does not allow it; `code` says why."),
            (413, "The body is too large."),
            (415, "The body is not `application/json`."),
            (422, "Fields are not valid; `errors` names them."),
            (429, "Too many requests; `code` says of what kind."),
            (500, "Something went wrong on our side."),
            (503, "Not available now."),
        ];
        MetaResponses { responses: responses.into_iter().map(one).collect() }
    }

    fn register(registry: &mut Registry) {
        ProblemBody::register(registry);
    }
}

fn header_meta<T: Type>(name: &str, description: &str) -> MetaHeader {
    MetaHeader {
        name: name.to_owned(),
        description: Some(description.to_owned()),
        required: true,
        deprecated: false,
        schema: T::schema_ref(),
    }
}
