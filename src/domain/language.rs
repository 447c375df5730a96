//! The languages our letters are written in.

use serde::{Deserialize, Serialize};

/// A language of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    #[default]
    En,
    De,
}

impl Language {
    pub const ALL: [Self; 2] = [Self::En, Self::De];

    /// The primary subtag (RFC 5646 section 2.2.1).
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::De => "de",
        }
    }

    /// Reads a language tag such as `de` or `de-AT`; none if it is none of ours.
    #[must_use]
    pub fn parse(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next().unwrap_or_default();
        Self::ALL.into_iter().find(|language| primary.eq_ignore_ascii_case(language.as_str()))
    }

    /// The language of ours that an `Accept-Language` header likes best (RFC 9110 section 12.5.4). `*` and what
    /// cannot be read say nothing; of equals the first counts.
    #[must_use]
    pub fn accepted(header: &str) -> Option<Self> {
        let mut best: Option<(u16, Self)> = None;
        for range in header.split(',').take(32) {
            let mut parts = range.split(';').map(str::trim);
            let Some(language) = parts.next().and_then(Self::parse) else { continue };
            let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1000), thousandths);
            let Some(weight) = weight.filter(|weight| *weight > 0) else { continue };
            if best.is_none_or(|(other, _)| weight > other) {
                best = Some((weight, language));
            }
        }
        best.map(|(_, language)| language)
    }
}

/// A weight from 0 to 1 with at most three digits (RFC 9110 section 12.4.2).
fn thousandths(text: &str) -> Option<u16> {
    let (whole, digits) = text.split_once('.').unwrap_or((text, ""));
    if digits.len() > 3 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part: u16 = format!("{digits:0<3}").parse().ok()?;
    match whole {
        "0" => Some(part),
        "1" if part == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_with_the_greatest_weight_is_taken() {
        for (header, language) in [
            ("de", Some(Language::De)),
            ("DE-at, en;q=0.8", Some(Language::De)),
            ("en;q=0.2, de;q=0.9", Some(Language::De)),
            ("fr, en-GB;q=0.5, de;q=0.5", Some(Language::En)),
            ("de;q=0, en;q=0.001", Some(Language::En)),
            ("*", None),
            ("fr", None),
            ("", None),
            ("de;q=2, en;q=x", None),
            ("deutsch", None),
        ] {
            assert_eq!(Language::accepted(header), language, "{header}");
        }
    }
}
