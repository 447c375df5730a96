//! Tokens in cookies that scripts cannot read, and why a foreign page can do nothing with them.
//!
//! A browser sends cookies along with requests that other pages make it send. So whatever a cookie would prove is
//! believed, on any method that may change something, only if the browser itself says that the request comes from one
//! of our own pages: `Sec-Fetch-Site`, or `Origin`, which no page can set. The client has nothing to remember.

use std::time::Duration;

use poem::http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use super::problem::Problem;
use crate::app::Tokens;
use crate::domain::Secret;

/// The access token. `__Host-`: the browser takes it over TLS only, for this host only, for every path, so no
/// neighbouring host can plant one (RFC 6265bis section 4.1.3.2).
pub(super) const ACCESS_COOKIE: &str = "__Host-palisade_access";
/// The refresh token.
pub(super) const REFRESH_COOKIE: &str = "__Host-palisade_refresh";

/// Which browser was sent to a provider. Plain http, as on a developer's machine, has no `__Host-`.
const fn journey_cookie(secure: bool) -> &'static str {
    if secure { "__Host-palisade_oauth" } else { "palisade_oauth" }
}

/// What a request tells of the browser it comes from.
#[derive(Debug, Clone, Default)]
pub(super) struct Browser {
    /// The page that made the request is ours, or one the operator listed.
    ours: bool,
    access: Option<Secret>,
    refresh: Option<Secret>,
    /// We are reached by https, so that cookies may insist on it.
    secure: bool,
    journey: Option<Secret>,
}

impl Browser {
    /// Reads the headers. `own` is the origin of the public URL, `listed` are those the operator allows besides.
    pub(super) fn of(headers: &HeaderMap, own: Option<&str>, listed: &[String]) -> Self {
        let secure = own.is_some_and(|own| own.starts_with("https:"));
        Self {
            ours: ours(headers, own, listed),
            access: cookie(headers, ACCESS_COOKIE),
            refresh: cookie(headers, REFRESH_COOKIE),
            secure,
            journey: cookie(headers, journey_cookie(secure)),
        }
    }

    /// What it remembers of being sent to a provider; nothing that it may have made up itself.
    pub(super) fn journey(&self) -> Option<Secret> {
        let ours = |it: &&Secret| {
            let text = it.expose();
            text.len() == 43 && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        };
        self.journey.as_ref().filter(ours).cloned()
    }

    /// The `Set-Cookie` header that has it remember. `Lax`: it comes back by a link of the provider's.
    pub(super) fn remember_journey(&self, value: &Secret, lifetime: Duration) -> Option<HeaderValue> {
        let seconds = lifetime.as_secs();
        let (name, value) = (journey_cookie(self.secure), value.expose());
        let secure = if self.secure { " Secure;" } else { "" };
        let text = format!("{name}={value}; Path=/; Max-Age={seconds};{secure} HttpOnly; SameSite=Lax");
        let mut header = HeaderValue::from_str(&text).ok()?;
        header.set_sensitive(true);
        Some(header)
    }

    /// The access token of the cookie, if there is one.
    ///
    /// # Errors
    /// 403 `cross-site-request` if the method may change something and the page is not ours.
    pub(super) fn access(&self, method: &Method) -> Result<Option<&str>, Problem> {
        let Some(token) = &self.access else { return Ok(None) };
        if !method.is_safe() {
            self.refuse_foreign()?;
        }
        Ok(Some(token.expose()))
    }

    /// The refresh token of the cookie; ask [`Browser::refuse_foreign`] before it is used.
    pub(super) const fn refresh(&self) -> Option<&Secret> {
        self.refresh.as_ref()
    }

    /// Whether it holds any of our cookies.
    pub(super) const fn holds_cookies(&self) -> bool {
        self.access.is_some() || self.refresh.is_some()
    }

    /// # Errors
    /// 403 `cross-site-request` unless the request comes from a page of ours.
    pub(super) fn refuse_foreign(&self) -> Result<(), Problem> {
        let detail = "a request that sets or uses cookies must come from a page of this service: \
                      see `Sec-Fetch-Site` and `Origin`";
        self.ours.then_some(()).ok_or(Problem::new(StatusCode::FORBIDDEN, "cross-site-request", detail))
    }
}

/// Whether the browser says so (Fetch Metadata; RFC 6454 section 7). Neither header: no browser, and no cookie of ours.
fn ours(headers: &HeaderMap, own: Option<&str>, listed: &[String]) -> bool {
    let one = |name| {
        let mut values = headers.get_all(name).iter();
        values.next().filter(|_| values.next().is_none()).map(HeaderValue::as_bytes)
    };
    if matches!(one("sec-fetch-site"), Some(b"same-origin" | b"none")) {
        return true;
    }
    let allowed = || own.into_iter().chain(listed.iter().map(String::as_str));
    one("origin").is_some_and(|origin| allowed().any(|allowed| allowed.as_bytes() == origin))
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<Secret> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(it, value)| *it == name && !value.is_empty()).map(|(_, value)| Secret::new(value.to_owned()))
}

/// The `Set-Cookie` headers that hand `tokens` to a browser.
pub(super) fn hand_over(tokens: &Tokens) -> Vec<HeaderValue> {
    // A link from elsewhere may open a page signed in; only our own pages may refresh.
    let access = set(ACCESS_COOKIE, tokens.access.expose(), tokens.access_lifetime, "Lax");
    let refresh = set(REFRESH_COOKIE, tokens.refresh.expose(), tokens.refresh_lifetime, "Strict");
    access.into_iter().chain(refresh).collect()
}

/// The `Set-Cookie` headers that make a browser forget its tokens.
pub(super) fn take_back() -> Vec<HeaderValue> {
    let gone = |name, same_site| set(name, "", Duration::ZERO, same_site);
    gone(ACCESS_COOKIE, "Lax").into_iter().chain(gone(REFRESH_COOKIE, "Strict")).collect()
}

/// RFC 6265bis section 4.1. Our tokens are of characters that a cookie may hold.
fn set(name: &str, value: &str, lifetime: Duration, same_site: &str) -> Option<HeaderValue> {
    let seconds = lifetime.as_secs();
    let text = format!("{name}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite={same_site}");
    let mut header = HeaderValue::from_str(&text).ok()?;
    header.set_sensitive(true);
    Some(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, value.parse().unwrap());
        }
        map
    }

    fn allowed(pairs: &[(&'static str, &str)]) -> bool {
        ours(&headers(pairs), Some("https://id.example.com"), &["https://app.example.org".to_owned()])
    }

    #[test]
    fn only_what_the_browser_says_of_our_pages_counts() {
        assert!(allowed(&[("sec-fetch-site", "same-origin")]));
        assert!(allowed(&[("sec-fetch-site", "none")]));
        assert!(allowed(&[("origin", "https://id.example.com")]));
        assert!(allowed(&[("origin", "https://app.example.org"), ("sec-fetch-site", "cross-site")]));
    }

    #[test]
    fn every_other_page_is_foreign() {
        for origin in [
            "null",
            "",
            "https://evil.example",
            "http://id.example.com",
            "https://id.example.com:444",
            "https://id.example.com.evil.example",
            "https://ID.example.com",
        ] {
            assert!(!allowed(&[("origin", origin)]), "{origin}");
            assert!(!allowed(&[("origin", origin), ("sec-fetch-site", "same-site")]), "{origin}");
        }
        assert!(!allowed(&[]));
        assert!(!allowed(&[("sec-fetch-site", "cross-site")]));
        assert!(!allowed(&[("sec-fetch-site", "same-site")]));
        assert!(!allowed(&[("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-origin")]));
        assert!(!allowed(&[("referer", "https://id.example.com/")]));
        assert!(!ours(&headers(&[("origin", "")]), None, &[]));
    }

    #[test]
    fn a_cookie_is_found_among_others_by_its_whole_name() {
        let text = format!("a=b; x{ACCESS_COOKIE}=no; {ACCESS_COOKIE}=one.two; c=\"d\"");
        let found = cookie(&headers(&[("cookie", "z=1"), ("cookie", &text)]), ACCESS_COOKIE);
        assert_eq!(found.unwrap().expose(), "one.two");
        assert!(cookie(&headers(&[("cookie", "palisade_access=x")]), ACCESS_COOKIE).is_none());
        assert!(cookie(&headers(&[("cookie", "; ;=;==;")]), ACCESS_COOKIE).is_none());
    }
}
