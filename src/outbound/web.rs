//! HTTP to the world: bounded in time and size, no redirects, no proxy, and only to addresses that may be reached.
//!
//! Which address a name has is decided by whoever runs its DNS. So the addresses are looked at where the connection is
//! made, after the name was resolved, and the same ones are connected to.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http::{Request, Response};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use url::{Host, Url};

use super::address::{is_loopback, is_public};

const CONNECT: Duration = Duration::from_secs(5);
const WHOLE: Duration = Duration::from_secs(10);
/// Larger answers are cut off, and are no answers.
const MOST: usize = 1024 * 1024;

/// Which addresses a request may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Public addresses, by https.
    Public,
    /// Any, and plain http on this machine. The operator has said so.
    Private,
}

/// Why there is no answer; never shows a query or a body.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    #[error("this is no address that may be asked: it must be https, without a name or password")]
    Address,
    #[error("the address is not public")]
    Private,
    #[error("the answer is larger than {MOST} bytes")]
    TooLarge,
    #[error("there is no answer")]
    NoAnswer(#[source] reqwest::Error),
    #[error("no client can be made")]
    Client(#[source] reqwest::Error),
}

/// Asks others.
#[derive(Debug, Clone)]
pub struct Web {
    public: reqwest::Client,
    private: reqwest::Client,
}

impl Web {
    /// # Errors
    /// If the machine's certificates cannot be read.
    pub fn new() -> Result<Self, WebError> {
        Self::patient(WHOLE)
    }

    /// One whose requests may take as long as `whole` each.
    ///
    /// # Errors
    /// If the machine's certificates cannot be read.
    pub fn patient(whole: Duration) -> Result<Self, WebError> {
        let client = |reach| {
            reqwest::Client::builder()
                .user_agent(concat!("palisade/", env!("CARGO_PKG_VERSION")))
                .redirect(Policy::none())
                .no_proxy()
                .connect_timeout(CONNECT)
                .timeout(whole)
                .dns_resolver(Filtered(reach))
                .build()
                .map_err(WebError::Client)
        };
        Ok(Self { public: client(Reach::Public)?, private: client(Reach::Private)? })
    }

    /// Sends one request. A redirect is an answer like any other.
    ///
    /// # Errors
    /// See [`WebError`].
    pub async fn send(&self, reach: Reach, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, WebError> {
        let url: Url = request.uri().to_string().parse().map_err(|_| WebError::Address)?;
        allowed(&url, reach)?;
        let client = match reach {
            Reach::Public => &self.public,
            Reach::Private => &self.private,
        };
        let (parts, body) = request.into_parts();
        let ask = client.request(parts.method, url).headers(parts.headers).body(body);
        let mut answer = ask.send().await.map_err(no_answer)?;
        let mut whole = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(no_answer)? {
            if whole.len() + chunk.len() > MOST {
                return Err(WebError::TooLarge);
            }
            whole.extend_from_slice(&chunk);
        }
        let mut response = Response::new(whole);
        *response.status_mut() = answer.status();
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        Ok(response)
    }
}

/// Whether an address could be asked, as far as it can be told before its name is resolved.
#[must_use]
pub fn could_be_asked(url: &Url, reach: Reach) -> bool {
    allowed(url, reach).is_ok()
}

/// A query may hold a secret, and the library's errors show the address.
fn no_answer(error: reqwest::Error) -> WebError {
    WebError::NoAnswer(error.without_url())
}

/// What can be told before the name is resolved. Addresses written as numbers never come to a resolver.
fn allowed(url: &Url, reach: Reach) -> Result<(), WebError> {
    let bare = url.username().is_empty() && url.password().is_none();
    let here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => permitted(address.into(), reach).map(|()| address.is_loopback())?,
        Some(Host::Ipv6(address)) => {
            permitted(address.into(), reach).map(|()| is_loopback(address.into()))?
        }
        None => return Err(WebError::Address),
    };
    let scheme = url.scheme() == "https" || (url.scheme() == "http" && here && reach == Reach::Private);
    if bare && scheme { Ok(()) } else { Err(WebError::Address) }
}

fn permitted(address: IpAddr, reach: Reach) -> Result<(), WebError> {
    if reach == Reach::Private || is_public(address) { Ok(()) } else { Err(WebError::Private) }
}

/// Resolves as the system does, and leaves out what may not be reached.
struct Filtered(Reach);

impl Resolve for Filtered {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let fine: Vec<SocketAddr> = found.filter(|at| permitted(at.ip(), reach).is_ok()).collect();
            if fine.is_empty() {
                return Err(Box::from(WebError::Private.to_string()));
            }
            Ok::<Addrs, _>(Box::new(fine.into_iter()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(url: &str, reach: Reach) -> Result<(), WebError> {
        allowed(&url.parse().unwrap(), reach)
    }

    #[test]
    fn only_https_to_public_addresses_is_asked() {
        assert!(asked("https://idp.example.com/", Reach::Public).is_ok());
        assert!(asked("https://93.184.215.14/", Reach::Public).is_ok());
        for url in [
            "http://idp.example.com/",
            "ftp://idp.example.com/",
            "file:///etc/passwd",
            "https://user@idp.example.com/",
            "https://:x@idp.example.com/",
            "http://127.0.0.1/",
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://0177.0.0.1/",
            "https://[::1]/",
            "https://[::ffff:169.254.169.254]/",
            "https://169.254.169.254/",
            "https://10.0.0.1/",
            "https://0/",
        ] {
            assert!(asked(url, Reach::Public).is_err(), "{url}");
        }
    }

    #[test]
    fn plain_http_stays_on_this_machine() {
        for url in ["http://127.0.0.1:8080/", "http://localhost/", "http://[::1]/", "https://10.0.0.1/"] {
            assert!(asked(url, Reach::Private).is_ok(), "{url}");
        }
        for url in ["http://10.0.0.1/", "http://idp.example.com/", "http://localhost.example.com/"] {
            assert!(asked(url, Reach::Private).is_err(), "{url}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_to_a_private_address_is_not_asked() {
        let request = Request::get("https://localhost:1/").body(Vec::new()).unwrap();
        let error = Web::new().unwrap().send(Reach::Public, request).await.unwrap_err();
        let texts = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
        let told: Vec<String> = texts.map(ToString::to_string).collect();
        assert!(told.iter().any(|text| text.contains("not public")), "{told:?}");
    }
}
