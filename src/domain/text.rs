//! Short texts with bounds.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

use super::Invalid;

/// One line of text a person wrote: 1 to `MAX` characters after trimming, in normal form NFC (UAX #15),
/// without control characters or the invisible ones that reorder or hide text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line<const MAX: usize>(String);

impl<const MAX: usize> Line<MAX> {
    /// # Errors
    /// `empty`, `too-long` or `control-character`.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text: String = text.trim().nfc().collect();
        if text.is_empty() {
            return Err(Invalid::new("empty", "this may not be empty"));
        }
        if text.chars().count() > MAX {
            return Err(Invalid::new("too-long", format!("this has at most {MAX} characters")));
        }
        if text.chars().any(hidden) {
            return Err(Invalid::new(
                "control-character",
                "this may not hold control or invisible characters",
            ));
        }
        Ok(Self(text))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}

/// Controls, and the directional marks of UAX #9 that make a name read as another.
fn hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

impl<const MAX: usize> fmt::Display for Line<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An organization's name in URLs: 1 to 63 of `a-z`, `0-9` and `-`, with no hyphen at either end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Slug(String);

impl Slug {
    pub const MAX: usize = 63;

    /// # Errors
    /// `not-a-slug`.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let fits = (1..=Self::MAX).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !text.starts_with('-')
            && !text.ends_with('-');
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid::new(
                "not-a-slug",
                "a slug is 1 to 63 of the characters a-z, 0-9 and -, and neither starts nor ends with -",
            ))
        }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_trimmed_and_composed() {
        assert_eq!(Line::<10>::parse("  e\u{301}a ").unwrap().as_str(), "éa");
    }

    #[test]
    fn a_line_keeps_its_bounds() {
        let code = |text: &str| Line::<5>::parse(text).map_or_else(|invalid| invalid.code, |_| "ok");
        assert_eq!(code("   "), "empty");
        assert_eq!(code("123456"), "too-long");
        assert_eq!(code("12345"), "ok");
        assert_eq!(code("a\nb"), "control-character");
        assert_eq!(code("a\u{202e}b"), "control-character");
    }

    #[test]
    fn a_slug_is_plain() {
        for good in ["a", "acme-2", &"x".repeat(63)] {
            assert!(Slug::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a_b", "a b", "é", &"x".repeat(64)] {
            assert!(Slug::parse(bad).is_err(), "{bad}");
        }
    }
}
