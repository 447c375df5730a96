//! HTTP, made by the host to the addresses that the manifest names and the operator granted.
//!
//! ```ignore
//! let answer = http::post("https://captcha.example/verify")
//!     .form([("response", http::text(token)), ("secret", http::secret("captcha"))])
//!     .send()?;
//! let answer: Verified = answer.json()?;
//! ```
//! A secret is named, never held: the host puts it in, and blanks it in what comes back.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::PluginError;
use crate::bindings::palisade::plugin::http_client as wit;

pub use wit::{FieldValue, HeaderValue, HttpError as Error, Signature};

/// A request to be sent.
#[derive(Debug, Clone, PartialEq)]
#[must_use = "nothing happens before `send`"]
pub struct Request(wit::Request);

/// What came back.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

pub fn get(url: impl Into<String>) -> Request {
    Request::new("GET", url)
}

pub fn post(url: impl Into<String>) -> Request {
    Request::new("POST", url)
}

/// A form's field with this text.
#[must_use]
pub fn text(text: impl Into<String>) -> FieldValue {
    FieldValue::Text(text.into())
}

/// A form's field with the secret of this name.
#[must_use]
pub fn secret(name: impl Into<String>) -> FieldValue {
    FieldValue::Secret(name.into())
}

impl Request {
    pub fn new(method: &str, url: impl Into<String>) -> Self {
        Self(wit::Request {
            method: method.into(),
            url: url.into(),
            headers: Vec::new(),
            body: None,
            timeout_ms: 0,
        })
    }

    pub fn header(self, name: &str, value: impl Into<String>) -> Self {
        self.with(name, HeaderValue::Text(value.into()))
    }

    pub fn secret_header(self, name: &str, secret: impl Into<String>) -> Self {
        self.with(name, HeaderValue::Secret(secret.into()))
    }

    /// `Authorization: Bearer`, and the secret of this name.
    pub fn bearer(self, secret: impl Into<String>) -> Self {
        self.with("authorization", HeaderValue::BearerSecret(secret.into()))
    }

    /// `Authorization: Basic` with this user name, and the secret of this name as its password.
    pub fn basic(self, user: impl Into<String>, secret: impl Into<String>) -> Self {
        self.with("authorization", HeaderValue::BasicSecret((user.into(), secret.into())))
    }

    /// HMAC-SHA-256 over `prefix` and the body, written as `lead` and hexadecimal.
    pub fn signed(self, name: &str, secret: &str, lead: &str, prefix: &str) -> Self {
        let signature = Signature { secret: secret.into(), lead: lead.into(), prefix: prefix.into() };
        self.with(name, HeaderValue::Signed(signature))
    }

    pub fn with(mut self, name: &str, value: HeaderValue) -> Self {
        self.0.headers.push((name.into(), value));
        self
    }

    pub fn body(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.0.body = Some(wit::Body::Bytes(bytes.into()));
        self
    }

    pub fn json(self, value: &impl Serialize) -> Self {
        // What derives `Serialize` becomes JSON; a map with keys that are no texts would not.
        let text = serde_json::to_vec(value).unwrap_or_default();
        self.header("content-type", "application/json").body(text)
    }

    pub fn form<'a>(mut self, fields: impl IntoIterator<Item = (&'a str, FieldValue)>) -> Self {
        let fields = fields.into_iter().map(|(name, value)| (name.into(), value));
        self.0.body = Some(wit::Body::Form(fields.collect()));
        self
    }

    pub fn timeout(mut self, milliseconds: u32) -> Self {
        self.0.timeout_ms = milliseconds;
        self
    }

    /// # Errors
    /// What the host refused, or what went wrong on the way. An answer of any status is an answer.
    pub fn send(self) -> Result<Response, Error> {
        let wit::Response { status, headers, body } = wit::send(&self.0)?;
        Ok(Response { status, headers, body })
    }
}

impl Response {
    /// 200 to 299.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let same = |(known, _): &&(String, String)| known.eq_ignore_ascii_case(name);
        self.headers.iter().find(same).map(|(_, value)| value.as_str())
    }

    /// # Errors
    /// [`PluginError::Upstream`]: not UTF-8.
    pub fn text(&self) -> Result<&str, PluginError> {
        std::str::from_utf8(&self.body).map_err(|error| PluginError::Upstream(error.to_string()))
    }

    /// # Errors
    /// [`PluginError::Upstream`]: not JSON, or not such JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, PluginError> {
        serde_json::from_slice(&self.body).map_err(|error| PluginError::Upstream(error.to_string()))
    }
}

impl From<Error> for PluginError {
    fn from(error: Error) -> Self {
        match error {
            Error::Denied(why) => Self::Internal(["the request is denied: ", &why].concat()),
            Error::Invalid(why) => Self::Internal(["the request cannot be sent: ", &why].concat()),
            Error::Unreachable(why) => Self::Upstream(why),
            Error::Timeout => Self::Timeout,
            Error::TooLarge => Self::Upstream("the answer is too large".into()),
            Error::TooMany => Self::Internal("too many requests in one call".into()),
        }
    }
}
