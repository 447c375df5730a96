//! A password somebody proposes, and the rules it must keep.

use std::collections::HashSet;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;

use super::{Email, Invalid, Secret, Strength};

/// The most common passwords, lower case and sorted. See `common-passwords.README.md` beside it for its source.
const COMMON: &str = include_str!("common-passwords.txt");

static COMMON_SET: LazyLock<HashSet<&'static str>> = LazyLock::new(|| COMMON.lines().collect());

/// A password that keeps the rules: 12 to 256 characters, normal form NFC, not a common one with digits around it,
/// not made from the person's own address, not easy to guess. No rule asks for digits or signs (NIST SP 800-63B section 5.1.1.2),
/// and nothing is ever cut off.
#[derive(Clone, Debug)]
pub struct Password(Secret);

impl Password {
    pub const MIN_CHARS: usize = 12;
    pub const MAX_CHARS: usize = 256;

    /// Checks a new password for the account of `email`.
    ///
    /// # Errors
    /// As [`Password::check`].
    pub fn choose(text: &str, email: &Email) -> Result<Self, Invalid> {
        Self::check(text, Some(email))
    }

    /// Checks a password for a person of whom perhaps nothing is known yet.
    ///
    /// # Errors
    /// `too-short`, `too-long`, `common-password`, `contains-email` or `too-guessable`.
    pub fn check(text: &str, email: Option<&Email>) -> Result<Self, Invalid> {
        let text: String = text.nfc().collect();
        let chars = text.chars().count();
        if chars < Self::MIN_CHARS {
            return Err(Invalid::new(
                "too-short",
                format!("a password has at least {} characters", Self::MIN_CHARS),
            ));
        }
        if chars > Self::MAX_CHARS {
            return Err(Invalid::new(
                "too-long",
                format!("a password has at most {} characters", Self::MAX_CHARS),
            ));
        }
        let lower = text.to_lowercase();
        if is_common(&lower) {
            return Err(Invalid::new(
                "common-password",
                "this password is on the lists that attackers try first",
            ));
        }
        let local_part = email.map_or("", Email::local_part);
        if local_part.len() >= 4 && lower.contains(local_part) {
            return Err(Invalid::new(
                "contains-email",
                "a password may not contain the name in your e-mail address",
            ));
        }
        let strength = Strength::of(&text, &[local_part, email.map_or("", Email::as_str)]);
        if !strength.acceptable() {
            return Err(Invalid::new(
                "too-guessable",
                "this password is easy to guess; a few uncommon words are better",
            ));
        }
        Ok(Self(Secret::new(text)))
    }

    /// Takes what somebody typed to sign in; `None` if it cannot be anyone's password.
    #[must_use]
    pub fn attempt(text: &str) -> Option<Self> {
        if text.len() > Self::MAX_CHARS * 4 {
            return None;
        }
        Some(Self(Secret::new(text.nfc().collect())))
    }

    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// Whether `lower` is on the list, or would be without the digits and signs people put around a word,
/// or has no more than two different characters.
fn is_common(lower: &str) -> bool {
    let stem = lower.trim_matches(|c: char| !c.is_alphabetic());
    stem.is_empty()
        || COMMON_SET.contains(lower)
        || COMMON_SET.contains(stem)
        || lower.chars().collect::<HashSet<_>>().len() <= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> &'static str {
        let email: Email = "ada.lovelace@example.com".parse().unwrap();
        Password::choose(text, &email).map_or_else(|invalid| invalid.code, |_| "ok")
    }

    #[test]
    fn length_is_counted_in_characters() {
        assert_eq!(code("elevenchars"), "too-short");
        assert_eq!(code("zwölfzeichen"), "ok");
        assert_eq!(code(&"correct horse ".repeat(18)), "ok");
        assert_eq!(code(&"correct horse ".repeat(19)), "too-long");
    }

    #[test]
    fn what_attackers_try_first_is_refused() {
        for text in ["password1234", "!!Password1234", "123456789012", "qwertyuiop123", "abababababab"] {
            assert_eq!(code(text), "common-password", "{text}");
        }
        assert_eq!(code("xxAda.Lovelacexx"), "contains-email");
    }

    #[test]
    fn what_is_on_no_list_but_easy_to_guess_is_refused() {
        for text in ["catcatcatcatcat", "lmnopqrstuvwx"] {
            assert_eq!(code(text), "too-guessable", "{text}");
        }
    }

    #[test]
    fn the_list_is_lower_case_sorted_and_without_doubles() {
        assert!(COMMON_SET.len() > 18_000);
        assert!(COMMON.lines().is_sorted_by(|a, b| a < b));
        assert!(COMMON.lines().all(|line| line == line.to_lowercase()));
    }
}
