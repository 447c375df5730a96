//! The word that ties a response, its log lines and a support question together.

use std::fmt;
use std::future::Future;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::domain::Random;

tokio::task_local! {
    static CURRENT: RequestId;
}

/// 1 to 64 characters of `[A-Za-z0-9._-]`: safe in a header, a log line and a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(String);

impl RequestId {
    /// The client's own id, if it is one we can repeat safely.
    #[must_use]
    pub fn accept(text: &str) -> Option<Self> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        ((1..=64).contains(&text.len()) && text.bytes().all(allowed)).then(|| Self(text.to_owned()))
    }

    /// 96 random bits in base64url: 16 characters.
    #[must_use]
    pub fn fresh(random: &dyn Random) -> Self {
        let mut bytes = [0; 12];
        random.fill_name(&mut bytes);
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The id of the request being served by this task; `none` outside of one.
    #[must_use]
    pub fn current() -> Self {
        CURRENT.try_with(Clone::clone).unwrap_or_else(|_| Self("none".to_owned()))
    }

    /// Runs `work` as part of this request.
    pub fn scope<F: Future>(self, work: F) -> impl Future<Output = F::Output> {
        CURRENT.scope(self, work)
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::SeededRandom;

    #[test]
    fn a_fresh_id_is_one_we_would_accept() {
        let id = RequestId::fresh(&SeededRandom::new(1));
        assert_eq!(RequestId::accept(id.as_str()), Some(id));
    }

    #[test]
    fn an_id_that_could_break_a_header_or_a_page_is_refused() {
        for bad in ["", "a b", "a\r\nSet-Cookie: x", "<b>", "é", &"a".repeat(65)] {
            assert_eq!(RequestId::accept(bad), None, "{bad}");
        }
    }
}
