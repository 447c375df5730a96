use super::super::letter::Template;
use super::*;

const DATE: Micros = Micros::new(1_800_000_000_000_000);

fn letter(template: Template) -> Letter {
    let values = [
        ("link", "https://id.example.com/verify?token=0123456789012345678901234567890123456789&next=1"),
        ("organization", "Analytical Engines"),
        ("inviter", "Charles Babbage"),
        ("role", "member"),
        ("device", "Firefox on Linux"),
        ("network", "203.0.113.0/24"),
        ("time", "15 January 2027 at 08:00 UTC"),
        ("new_email", "ada@new.example"),
        ("key", "deploy"),
        ("prefix", "psk_live_0123"),
    ];
    Letter {
        template,
        to: "ada@example.com".parse().unwrap(),
        name: Some("Ada".into()),
        values: values.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect(),
    }
}

fn from() -> Mailbox {
    "Acme <no-reply@acme.example>".parse().unwrap()
}

fn id() -> MessageId {
    Uuid::from_u128(7).into()
}

fn written(letter: &Letter) -> String {
    String::from_utf8(
        compose(&Catalogue::default(), &from(), id(), (letter, Language::En), DATE).unwrap().formatted(),
    )
    .unwrap()
}

/// The header, unfolded (RFC 5322 section 2.2.3).
fn headers(message: &str) -> Vec<String> {
    let (head, _) = message.split_once("\r\n\r\n").unwrap();
    head.replace("\r\n ", " ").replace("\r\n\t", " ").split("\r\n").map(str::to_owned).collect()
}

fn names(message: &str) -> Vec<String> {
    headers(message).iter().map(|line| line.split(':').next().unwrap().to_owned()).collect()
}

const HEADERS: [&str; 8] =
    ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"];

#[test]
fn every_template_writes_a_whole_letter() {
    for template in Template::ALL {
        let text = written(&letter(template));
        let mut names = names(&text);
        names.sort();
        let mut expected = HEADERS.to_vec();
        expected.sort_unstable();
        assert_eq!(names, expected, "{template:?}");
        for piece in ["multipart/alternative", "text/plain", "text/html", "Hello Ada,", "<!doctype html>"] {
            assert!(text.contains(piece), "{template:?} has no {piece}:\n{text}");
        }
        assert!(!text.contains("{{") && !text.contains("{%"), "{text}");
    }
}

#[test]
fn the_header_tells_who_when_and_what() {
    let text = written(&letter(Template::Invitation));
    for line in [
        "From: Acme <no-reply@acme.example>",
        "To: Ada <ada@example.com>",
        "Subject: You are invited to Analytical Engines at Acme",
        "Date: Fri, 15 Jan 2027 08:00:00 +0000",
        "Message-ID: <00000000-0000-0000-0000-000000000007@acme.example>",
        "Auto-Submitted: auto-generated",
    ] {
        assert!(headers(&text).iter().any(|header| header == line), "no `{line}` in\n{text}");
    }
}

#[test]
fn the_link_stands_whole_on_a_line_of_its_own_and_escaped_in_html() {
    let text = written(&letter(Template::VerifyEmail));
    assert!(
        text.contains(
            "\r\nhttps://id.example.com/verify?token=0123456789012345678901234567890123456789&next=1\r\n"
        ),
        "{text}"
    );
    let html = text.split_once("text/html").unwrap().1;
    assert!(
        html.contains("href=\"https:&#x2f;&#x2f;id.example.com&#x2f;verify?token=0123456789012345678901234567890123456789&amp;next=1\""),
        "{html}"
    );
}

#[test]
fn a_letter_sent_again_is_the_same_to_the_byte() {
    let letter = letter(Template::VerifyEmail);
    assert_eq!(written(&letter), written(&letter));
}

#[test]
fn no_name_writes_a_header_or_a_line() {
    for evil in [
        "Eve\r\nBcc: mallory@evil.example",
        "Eve\nBcc: mallory@evil.example\n\nHello",
        "Eve\r\n\r\n.\r\nMAIL FROM:<x@evil.example>",
        "Eve\u{2028}Bcc: mallory@evil.example",
        "Eve\u{0}\u{b}\u{c}\u{85}Bcc: mallory@evil.example",
        "\"Eve\" <mallory@evil.example>,",
        "=?utf-8?q?Eve=0D=0ABcc:_mallory@evil.example?=",
    ] {
        for template in Template::ALL {
            let mut letter = letter(template);
            letter.name = Some(evil.to_owned());
            for key in ["organization", "inviter", "role", "key"] {
                letter.values.insert(key.to_owned(), evil.to_owned());
            }
            let message =
                compose(&Catalogue::default(), &from(), id(), (&letter, Language::En), DATE).unwrap();
            let text = String::from_utf8(message.formatted()).unwrap();
            assert_eq!(names(&text).len(), HEADERS.len(), "{evil:?}:\n{text}");
            assert!(!text.contains("\r\nBcc:") && !text.contains("\nMAIL"), "{text}");
            let to: Vec<String> = message.envelope().to().iter().map(ToString::to_string).collect();
            assert_eq!(to, ["ada@example.com"], "{evil:?}");
        }
    }
}

#[test]
fn a_name_is_text_in_html_and_never_markup() {
    let evil = r#"<img src=x onerror="alert('x')">&"#;
    for template in Template::ALL {
        let mut letter = letter(template);
        letter.name = Some(evil.to_owned());
        for key in ["organization", "inviter", "role"] {
            letter.values.insert(key.to_owned(), evil.to_owned());
        }
        let text = written(&letter);
        let html = text.split_once("text/html").unwrap().1;
        assert!(!html.contains("<img"), "{html}");
        assert!(html.contains("&lt;img"), "{html}");
    }
}

#[test]
fn an_endless_name_ends() {
    let mut letter = letter(Template::Waitlisted);
    letter.name = Some("a".repeat(100_000));
    assert!(written(&letter).len() < 4_000);
}

#[test]
fn a_letter_that_lacks_a_value_or_has_a_strange_link_does_not_go_out() {
    for missing in ["link", "organization"] {
        let mut letter = letter(Template::Invitation);
        letter.values.remove(missing);
        let error = compose(&Catalogue::default(), &from(), id(), (&letter, Language::En), DATE).unwrap_err();
        assert!(matches!(&error, MailError::Permanent(text) if text.contains("invitation.txt")), "{error}");
    }
    for strange in ["", "/verify", "javascript:alert(1)", "data:text/html,x", "https://"] {
        let mut letter = letter(Template::VerifyEmail);
        letter.values.insert("link".into(), strange.into());
        assert!(
            compose(&Catalogue::default(), &from(), id(), (&letter, Language::En), DATE).is_err(),
            "{strange}"
        );
    }
}

#[test]
fn what_may_be_missing_may_be_missing() {
    for template in [Template::AccountExists, Template::Waitlisted, Template::WaitlistApproved] {
        let text = written(&Letter { name: None, values: BTreeMap::new(), ..letter(template) });
        assert!(text.contains("Hello,") && text.contains("To: ada@example.com"), "{text}");
    }
    let mut invitation = letter(Template::Invitation);
    invitation.values.retain(|key, _| key == "link" || key == "organization");
    assert!(written(&invitation).contains("you are invited to join Analytical Engines at Acme."));
}

#[test]
fn no_line_is_longer_than_a_server_must_take() {
    let mut letter = letter(Template::VerifyEmail);
    letter.values.insert("link".into(), format!("https://id.example.com/?token={}", "a".repeat(2_000)));
    assert!(written(&letter).split("\r\n").all(|line| line.len() <= 998));
}

#[test]
fn letters_outside_ascii_arrive() {
    let mut letter = letter(Template::Invitation);
    letter.name = Some("Zoë".into());
    letter.values.insert("organization".into(), "Žižkov & Söhne".into());
    let text = written(&letter);
    assert!(text.is_ascii(), "encoded for servers of any age");
    assert!(
        headers(&text).iter().any(|line| line.starts_with("Subject: You are invited to =?utf-8?b?")),
        "{text}"
    );
}
