//! The spellings of secrets that must not reach a guest in an answer, and what stands in their place.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use crate::domain::Secret;

/// What stands where a secret was.
const BLANK: &[u8] = b"[secret]";

/// Every spelling of some secrets, the longest first.
#[derive(Debug, Default)]
pub(super) struct Blanks(Vec<Spelling>);

/// A text to look for.
struct Spelling {
    text: Vec<u8>,
    /// In Base64 the letter before it, and the one after it, hold bits of the secret too.
    before: bool,
    after: bool,
}

impl std::fmt::Debug for Spelling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Spelling(…)")
    }
}

impl Blanks {
    pub(super) fn of<'a>(secrets: impl Iterator<Item = &'a Secret>) -> Self {
        let mut all: Vec<_> = secrets.flat_map(|secret| spellings(secret.expose())).collect();
        all.retain(|spelling| !spelling.text.is_empty());
        all.sort_by(|one, other| (other.text.len(), &one.text).cmp(&(one.text.len(), &other.text)));
        all.dedup_by(|one, other| one.text == other.text);
        Self(all)
    }

    /// `text` with each spelling replaced.
    pub(super) fn applied(&self, mut text: Vec<u8>) -> Vec<u8> {
        for Spelling { text: blank, before, after } in &self.0 {
            let mut out = Vec::with_capacity(text.len());
            let mut rest = text.as_slice();
            while let Some(at) = rest.windows(blank.len()).position(|window| window == blank.as_slice()) {
                let (ahead, from) = rest.split_at(at);
                let ahead = match ahead.split_last() {
                    Some((last, ahead)) if *before && is_base64(*last) => ahead,
                    _ => ahead,
                };
                out.extend_from_slice(ahead);
                out.extend_from_slice(BLANK);
                rest = from.get(blank.len()..).unwrap_or_default();
                if let Some((next, behind)) = rest.split_first()
                    && *after
                    && is_base64(*next)
                {
                    rest = behind;
                }
            }
            out.extend_from_slice(rest);
            text = out;
        }
        text
    }
}

const fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

/// A secret as it is and as it may stand in a request.
fn spellings(plain: &str) -> Vec<Spelling> {
    let form: String = url::form_urlencoded::byte_serialize(plain.as_bytes()).collect();
    // As JSON writes it, with and without `\/`, and as HTML does.
    let json = serde_json::Value::from(plain).to_string().trim_matches('"').to_owned();
    let html = plain.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let texts = [
        form,
        json.replace('/', "\\/"),
        json,
        html.replace('"', "&quot;"),
        plain.replace('/', "\\/"),
        plain.to_owned(),
    ];
    let mut all: Vec<_> = texts
        .into_iter()
        .map(|text| Spelling { text: text.into_bytes(), before: false, after: false })
        .collect();
    // What precedes it in Base64 shifts the letters, so in all three shifts; of each, the letters that are the secret's alone.
    for engine in [STANDARD, URL_SAFE] {
        all.extend((0..3_usize).filter_map(|shift| {
            let text = engine.encode([&vec![0; shift], plain.as_bytes()].concat());
            let bits = (plain.len() + shift) * 8;
            let begin = (shift * 8).div_ceil(6);
            let text = text.get(begin..bits / 6).filter(|text| text.len() >= 8)?;
            Some(Spelling {
                text: text.as_bytes().to_vec(),
                before: !(shift * 8).is_multiple_of(6),
                after: !bits.is_multiple_of(6),
            })
        }));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "s3cret/of+ours&more";

    fn blanks() -> Blanks {
        Blanks::of([Secret::new(SECRET.to_owned())].iter())
    }

    #[test]
    fn no_letter_that_depends_on_the_secret_is_left_of_its_base64() {
        for before in 0..7 {
            for after in 0..4 {
                for engine in [STANDARD, URL_SAFE] {
                    let spelt = |secret: &str| {
                        let around = ["u".repeat(before), secret.to_owned(), "v".repeat(after)].concat();
                        String::from_utf8(blanks().applied(engine.encode(around).into_bytes())).unwrap()
                    };
                    let told = spelt(SECRET);
                    assert_eq!(told.matches("[secret]").count(), 1, "{before} {after}: {told}");
                    // What is left are exactly the letters of the bits before and after it.
                    let (left, right) = told.split_once("[secret]").unwrap();
                    let end = (before + SECRET.len()) * 8;
                    let letters = right.trim_end_matches('=').len();
                    assert_eq!(left.len(), before * 8 / 6, "{before} {after}: {told}");
                    assert_eq!(
                        letters,
                        (end + after * 8).div_ceil(6) - end.div_ceil(6),
                        "{before} {after}: {told}"
                    );
                }
            }
        }
    }

    #[test]
    fn each_spelling_is_blanked_wherever_it_stands() {
        for spelt in [SECRET, "s3cret%2Fof%2Bours%26more", "s3cret\\/of+ours&more", "s3cret/of+ours&amp;more"]
        {
            let told = blanks().applied(format!("<{spelt}>{spelt}").into_bytes());
            assert_eq!(String::from_utf8(told).unwrap(), "<[secret]>[secret]", "{spelt}");
        }
    }
}
