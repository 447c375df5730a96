//! An e-mail address in its one canonical spelling.

use std::fmt;
use std::str::FromStr;

use super::Invalid;

/// A canonical address: ASCII, lower case, at most 254 octets (RFC 5321 section 4.5.3.1.3), without a
/// display name, a quoted local part or an address literal.
///
/// Letters outside ASCII are refused rather than folded: `ﬀ`, `а` (Cyrillic) and the full-width `＠` each
/// look like another address, and folding them would send one person's mail to someone else. A domain
/// in another script is written in its `xn--` form.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Email(String);

impl Email {
    pub const MAX_BYTES: usize = 254;

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands after the `@`.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// What stands before the `@`.
    #[must_use]
    pub fn local_part(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(local, _)| local)
    }
}

impl FromStr for Email {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let text = text.trim_matches(' ');
        if text.len() > Self::MAX_BYTES {
            return Err(Invalid::new(
                "too-long",
                format!("an address has at most {} octets", Self::MAX_BYTES),
            ));
        }
        if !text.is_ascii() {
            return Err(Invalid::new(
                "not-ascii",
                "an address may hold ASCII letters only; write a domain in another script in its xn-- form",
            ));
        }
        let options = email_address::Options::default()
            .without_display_text()
            .without_domain_literal()
            .with_required_tld();
        let plain = !text.contains(['"', '(', ')', '\\']) && !text.ends_with('.');
        match email_address::EmailAddress::parse_with_options(text, options) {
            Ok(address) if plain => Ok(Self(address.as_str().to_ascii_lowercase())),
            _ => {
                Err(Invalid::new("not-an-email", "this is not an e-mail address such as `name@example.com`"))
            }
        }
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Email({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> &'static str {
        text.parse::<Email>().map_or_else(|invalid| invalid.code, |_| "ok")
    }

    #[test]
    fn case_is_folded_and_spaces_around_are_dropped() {
        let email: Email = " Ada.Lovelace+x@Example.COM ".parse().unwrap();
        assert_eq!(email.as_str(), "ada.lovelace+x@example.com");
        assert_eq!((email.local_part(), email.domain()), ("ada.lovelace+x", "example.com"));
    }

    #[test]
    fn look_alikes_are_refused() {
        for text in ["victim@exаmple.com", "oﬀice@example.com", "victim＠example.com", "vıctim@example.com"]
        {
            assert_eq!(code(text), "not-ascii", "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "ada",
            "ada@",
            "@example.com",
            "a b@example.com",
            "ada@example",
            "ada@example.com.",
            "ada@example.com\r\nBcc: eve@example.com",
            "Ada <ada@example.com>",
            "\"a b\"@example.com",
            "ada@[127.0.0.1]",
            "ada@@example.com",
            "ada(x)@example.com",
            "ada@example.com\0",
        ] {
            assert_eq!(code(text), "not-an-email", "{text:?}");
        }
        assert_eq!(code(&format!("{}@example.com", "a".repeat(300))), "too-long");
    }
}
