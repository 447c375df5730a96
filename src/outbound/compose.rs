//! From a letter to a message on the wire (RFC 5322, MIME multipart/alternative).

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Body, Mailbox, MultiPart, SinglePart};
use lettre::{Address, Message};
use uuid::Uuid;

use super::catalogue::{Catalogue, Form};
use super::letter::Letter;
use super::mailer::MailError;
use crate::domain::{Language, MessageId, Micros};

/// Longest value that goes into a letter, in characters; a link may be longer.
const MAX_VALUE: usize = 200;

/// A letter written out, for a transport of another kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    pub template: &'static str,
    pub sender: String,
    pub to: String,
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// Fills the templates in.
pub(super) fn write(
    catalogue: &Catalogue,
    from: &Mailbox,
    letter: &Letter,
    language: Language,
) -> Result<Written, MailError> {
    let values = values(from, letter)?;
    let fill = |form: Form| {
        catalogue
            .fill(letter.template, language, form, &values)
            // The kind of error and the place in the template, never the values.
            .map_err(|error| {
                let (name, line) = (letter.template.name(), error.line().unwrap_or(0));
                let form = form.extension();
                permanent(format!("{name}.{form} cannot be filled in: {} (line {line})", error.kind()))
            })
    };
    let (text, html) = (fill(Form::Text)?, fill(Form::Html)?);
    let (subject, text) = text.split_once('\n').unwrap_or((&text, ""));
    Ok(Written {
        template: letter.template.name(),
        sender: from.to_string(),
        to: letter.to.to_string(),
        subject: subject.trim().to_owned(),
        text: text.trim_start().to_owned(),
        html,
    })
}

/// The finished message. The same id and date give the same bytes, so that one sent twice is seen as one.
pub(super) fn compose(
    catalogue: &Catalogue,
    from: &Mailbox,
    id: MessageId,
    (letter, language): (&Letter, Language),
    date: Micros,
) -> Result<Message, MailError> {
    let written = write(catalogue, from, letter, language)?;
    let to: Address =
        letter.to.as_str().parse().map_err(|_| permanent("the address cannot be written in an envelope"))?;
    let uuid = Uuid::from(id);
    Message::builder()
        .from(from.clone())
        .to(Mailbox::new(letter.name.as_deref().map(one_line), to))
        .subject(&written.subject)
        .date(SystemTime::UNIX_EPOCH + Duration::from_micros(u64::try_from(date.get()).unwrap_or(0)))
        .message_id(Some(format!("<{uuid}@{}>", from.email.domain())))
        // RFC 3834 section 5: no absence note answers this.
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".into(),
        ))
        .multipart(
            MultiPart::alternative()
                .boundary(format!("palisade-{}", uuid.simple()))
                .singlepart(part(ContentType::TEXT_PLAIN, &written.text))
                .singlepart(part(ContentType::TEXT_HTML, &written.html)),
        )
        .map_err(|error| permanent(format!("the message cannot be built: {error}")))
}

/// A line of a message, without its end, has at most 998 octets (RFC 5322 section 2.1.1).
const MAX_LINE: usize = 998;

/// ASCII goes out as it is, so that a link in a development `.eml` can be copied; lettre would break lines
/// beyond 76 characters. Everything else is encoded.
fn part(kind: ContentType, body: &str) -> SinglePart {
    let plain = body.is_ascii() && body.lines().all(|line| line.len() <= MAX_LINE);
    let body = if plain {
        let bytes = body.replace('\n', "\r\n").into_bytes();
        Body::dangerous_pre_encoded(bytes, ContentTransferEncoding::SevenBit)
    } else {
        Body::new(body.to_owned())
    };
    SinglePart::builder().header(kind).body(body)
}

/// What the templates see: the letter's values, `name` if there is one, and `service`, who writes.
fn values<'l>(from: &'l Mailbox, letter: &'l Letter) -> Result<BTreeMap<&'l str, String>, MailError> {
    let mut values: BTreeMap<&str, String> = BTreeMap::new();
    for (key, value) in &letter.values {
        values.insert(key, if key == "link" { link(value)? } else { one_line(value) });
    }
    if let Some(name) = &letter.name {
        values.insert("name", one_line(name));
    }
    values.insert("service", from.name.clone().unwrap_or_else(|| from.email.domain().to_owned()));
    Ok(values)
}

fn link(text: &str) -> Result<String, MailError> {
    match url::Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(url.into()),
        _ => Err(permanent("the link is not an absolute http(s) URL")),
    }
}

/// Text that somebody chose, made safe for a header and a line of a letter: controls, line and paragraph
/// separators and the marks that reorder text (UAX #9) become blanks, and it ends somewhere.
pub(super) fn one_line(text: &str) -> String {
    let blank = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let clean: String = text.chars().map(|c| if blank(c) { ' ' } else { c }).take(MAX_VALUE).collect();
    clean.trim().to_owned()
}

fn permanent(reason: impl Into<String>) -> MailError {
    MailError::Permanent(reason.into())
}

#[cfg(test)]
mod tests;
