//! One HTTP request of a guest: checked, sent by the host, and blanked where a secret comes back.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderName, HeaderValue, Method};
use sha2::Sha256;
use tokio::time::timeout_at;
use url::Url;

use super::capabilities::HttpOrigin;
use super::errand::{Errand, outside};
use super::guest::State;
use super::host::{Ask, FetchError};

/// Requests of one call.
const REQUESTS: u32 = 3;
/// An answer's body, in bytes.
const ANSWER: usize = 256 << 10;
/// Headers of a request or an answer that are kept.
const HEADERS: usize = 64;
/// One header's value, in bytes.
const HEADER: usize = 4 << 10;
/// A request's address, in bytes.
const ADDRESS: usize = 4 << 10;
/// Headers that are the connection's, not the guest's.
const OURS: [&str; 9] = [
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "upgrade",
    "te",
    "trailer",
    "expect",
    "proxy-authorization",
];

/// A piece of a request as the guest says it.
#[derive(Debug)]
pub(super) enum Piece {
    Text(String),
    /// The secret of this name.
    Secret(String),
    Bearer(String),
    Basic {
        user: String,
        secret: String,
    },
    Signed {
        secret: String,
        lead: String,
        prefix: String,
    },
}

#[derive(Debug)]
pub(super) enum Body {
    None,
    Bytes(Vec<u8>),
    Form(Vec<(String, Piece)>),
}

/// A guest's wish, not yet believed.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) method: String,
    pub(super) url: String,
    pub(super) headers: Vec<(String, Piece)>,
    pub(super) body: Body,
    pub(super) timeout: Duration,
}

#[derive(Debug)]
pub(super) struct Got {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

/// Why the guest gets no answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Denied(String),
    Invalid(&'static str),
    Unreachable(String),
    Timeout,
    TooLarge,
    TooMany,
}

impl State {
    pub(super) async fn fetch(&mut self, wish: Wish) -> Result<Got, Refused> {
        if self.requests >= REQUESTS {
            self.errand.count("http-requests");
            return Err(Refused::TooMany);
        }
        self.requests += 1;
        let errand = Arc::clone(&self.errand);
        let sent = outside(async move { errand.fetch(wish).await }).await;
        sent.unwrap_or_else(|| Err(Refused::Unreachable("the host failed".to_owned())))
    }
}

impl Errand {
    async fn fetch(&self, wish: Wish) -> Result<Got, Refused> {
        let until = tokio::time::Instant::from_std(self.until);
        let until = if wish.timeout.is_zero() {
            until
        } else {
            until.min(tokio::time::Instant::now() + wish.timeout)
        };
        let (request, internal) = self.checked(wish).await?;
        let answer = match timeout_at(until, self.host.fetch(request, internal)).await {
            Err(_) => {
                self.count("http-time");
                return Err(Refused::Timeout);
            }
            Ok(Err(FetchError::Denied(why))) => return Err(self.refuse(why)),
            Ok(Err(FetchError::Unreachable(why))) => return Err(Refused::Unreachable(why)),
            Ok(Err(FetchError::TooLarge)) => {
                self.count("http-answer");
                return Err(Refused::TooLarge);
            }
            Ok(Ok(answer)) => answer,
        };
        if answer.body().len() > ANSWER {
            self.count("http-answer");
            return Err(Refused::TooLarge);
        }
        let blanks = self.capabilities.blanks();
        let headers = answer
            .headers()
            .iter()
            .filter(|(_, value)| value.len() <= HEADER)
            .take(HEADERS)
            .map(|(name, value)| {
                let value = blanks.applied(value.as_bytes().to_vec());
                (name.as_str().to_owned(), String::from_utf8_lossy(&value).into_owned())
            })
            .collect();
        Ok(Got { status: answer.status().as_u16(), headers, body: blanks.applied(answer.into_body()) })
    }

    /// The request, if the guest may send it, and whether it may reach addresses that are not public.
    async fn checked(&self, wish: Wish) -> Result<(http::Request<Vec<u8>>, bool), Refused> {
        let method = match wish.method.as_str() {
            "GET" => Method::GET,
            "POST" => Method::POST,
            "PUT" => Method::PUT,
            "PATCH" => Method::PATCH,
            "DELETE" => Method::DELETE,
            "HEAD" => Method::HEAD,
            _ => {
                return Err(Refused::Invalid("the method is not one of GET, POST, PUT, PATCH, DELETE, HEAD"));
            }
        };
        if wish.url.len() > ADDRESS || wish.headers.len() > HEADERS {
            return Err(self.too_large());
        }
        let url = Url::parse(&wish.url).map_err(|_| Refused::Invalid("the address cannot be read"))?;
        let origin = HttpOrigin::of(&url)
            .ok_or(Refused::Invalid("the address is not http or https, or names a user"))?;
        let internal = self
            .capabilities
            .internal(&origin)
            .ok_or_else(|| self.refuse(format!("{origin} is not granted")))?;
        if !self.host.permits(self.asker(), Ask::Fetch { to: &origin, internal }).await {
            return Err(self.refuse(format!("no policy permits {origin}")));
        }
        let mut builder = http::Request::builder().method(method).uri(url.as_str());
        let form = matches!(wish.body, Body::Form(_));
        let body = match wish.body {
            Body::None => Vec::new(),
            Body::Bytes(bytes) => bytes,
            Body::Form(fields) => {
                let mut pairs = Vec::with_capacity(fields.len());
                for (name, value) in fields {
                    let value = match value {
                        Piece::Text(text) => text,
                        Piece::Secret(named) => self.secret(&named, &origin, internal).await?.to_owned(),
                        Piece::Bearer(_) | Piece::Basic { .. } | Piece::Signed { .. } => {
                            return Err(Refused::Invalid("a form holds texts and secrets"));
                        }
                    };
                    pairs.push((name, value));
                }
                url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish().into_bytes()
            }
        };
        for (name, piece) in wish.headers {
            let name = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| Refused::Invalid("a header's name cannot be one"))?;
            if OURS.contains(&name.as_str()) || (form && name == http::header::CONTENT_TYPE) {
                return Err(Refused::Invalid("a header is the host's to set"));
            }
            let (text, sensitive) = match piece {
                Piece::Text(text) => (text, false),
                Piece::Secret(named) => (self.secret(&named, &origin, internal).await?.to_owned(), true),
                Piece::Bearer(named) => {
                    (format!("Bearer {}", self.secret(&named, &origin, internal).await?), true)
                }
                Piece::Basic { user, secret: named } => (
                    format!(
                        "Basic {}",
                        STANDARD.encode(format!("{user}:{}", self.secret(&named, &origin, internal).await?))
                    ),
                    true,
                ),
                Piece::Signed { secret: named, lead, prefix } => (
                    format!(
                        "{lead}{}",
                        signature(self.secret(&named, &origin, internal).await?, &prefix, &body)?
                    ),
                    false,
                ),
            };
            if text.len() > HEADER {
                return Err(self.too_large());
            }
            let mut value = HeaderValue::from_str(&text)
                .map_err(|_| Refused::Invalid("a header's value cannot be one"))?;
            value.set_sensitive(sensitive);
            builder = builder.header(name, value);
        }
        if form {
            builder = builder.header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        let request = builder.body(body).map_err(|_| Refused::Invalid("this is no request"))?;
        Ok((request, internal))
    }

    /// The text of a secret that the guest named, if it may be used there. It never enters the guest.
    async fn secret(&self, name: &str, to: &HttpOrigin, internal: bool) -> Result<&str, Refused> {
        let unknown = || self.refuse("a secret is not granted".to_owned());
        let secret = self.capabilities.secrets.get(name).ok_or_else(unknown)?;
        if !self.host.permits(self.asker(), Ask::UseSecret { secret: name, to, internal }).await {
            return Err(self.refuse(format!("no policy permits the secret `{name}` at {to}")));
        }
        Ok(secret.expose())
    }

    fn too_large(&self) -> Refused {
        self.count("http-request");
        Refused::TooLarge
    }

    fn refuse(&self, why: String) -> Refused {
        self.denied(&why);
        Refused::Denied(why)
    }
}

fn signature(secret: &str, prefix: &str, body: &[u8]) -> Result<String, Refused> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())
        .map_err(|_| Refused::Invalid("the secret cannot sign"))?;
    mac.update(prefix.as_bytes());
    mac.update(body);
    Ok(mac.finalize().into_bytes().iter().fold(String::new(), |mut hex, byte| {
        use std::fmt::Write as _;
        let _ = write!(hex, "{byte:02x}");
        hex
    }))
}
