//! What a recording keeps of a text: its shape, and nobody's words. Masking what is masked changes nothing, so that a
//! replay of what was kept comes to what was kept.

use std::net::IpAddr;

use serde_json::{Map, Value};
use url::Url;

/// What stands for a password, for another secret, and for a text of which nothing is kept.
pub(super) const PASSWORD: &str = "[password]";
pub(super) const SECRET: &str = "[secret]";
pub(super) const TEXT: &str = "[text]";
const KEY: &str = "[key]";
/// Characters of a shape, and of a name in a JSON object that is kept.
const LONGEST: usize = 100;
const LONGEST_KEY: usize = 40;
/// How deep a JSON text is kept.
const DEPTH: usize = 16;

/// Letters become `x`, digits `0`; spaces and ASCII's punctuation stay.
pub(super) fn shape(text: &str) -> String {
    let masked = text.chars().take(LONGEST).map(|c| match c {
        c if c.is_numeric() => '0',
        c if c.is_uppercase() => 'X',
        c if c.is_ascii_punctuation() => c,
        c if c.is_whitespace() => ' ',
        _ => 'x',
    });
    masked.collect()
}

/// An e-mail address keeps its domain: that is what rules are about.
pub(super) fn address(text: &str) -> String {
    let is_domain = |text: &str| {
        text.len() < LONGEST
            && text.contains('.')
            && text.split('.').all(|label| {
                !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            })
    };
    match text.rsplit_once('@').filter(|(_, domain)| is_domain(domain)) {
        Some((local, domain)) => format!("{}@{domain}", shape(local)),
        None => shape(text),
    }
}

/// The network that an address is in: the first 24 bits of IPv4, 48 of IPv6.
pub(super) fn network(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) => (u32::from(ip) >> 8 << 8).to_be_bytes().into(),
        IpAddr::V6(ip) => (u128::from(ip) >> 80 << 80).to_be_bytes().into(),
    }
}

/// Where an address leads, without what is handed over there.
pub(super) fn place(text: &str) -> String {
    let Ok(mut url) = Url::parse(text) else { return TEXT.to_owned() };
    url.set_query(None);
    url.set_fragment(None);
    if url.cannot_be_a_base() || !url.username().is_empty() || url.password().is_some() {
        return TEXT.to_owned();
    }
    url.into()
}

/// JSON of which only the sender knows what it means: its structure, true and false. What stands under a name that ends
/// in `email` is an address.
pub(super) fn json(value: &Value) -> Value {
    masked(value, false, 0)
}

/// The same of a JSON text.
pub(super) fn json_text(text: &str) -> Value {
    serde_json::from_str(text).map_or_else(|_| TEXT.into(), |value| json(&value))
}

fn masked(value: &Value, mail: bool, depth: usize) -> Value {
    match value {
        Value::Null | Value::Bool(_) => value.clone(),
        Value::Number(_) => 0.into(),
        Value::String(text) if mail && text.contains('@') => address(text).into(),
        Value::String(_) => TEXT.into(),
        Value::Array(_) | Value::Object(_) if depth >= DEPTH => TEXT.into(),
        Value::Array(values) => values.iter().map(|value| masked(value, mail, depth + 1)).collect(),
        Value::Object(values) => {
            let each = values.iter().map(|(key, value)| {
                let mail = key.to_ascii_lowercase().ends_with("email");
                (name(key), masked(value, mail, depth + 1))
            });
            Value::Object(each.collect::<Map<_, _>>())
        }
    }
}

/// A name without a digit in it is a word of whoever wrote the client; anything else may be a token or an address.
fn name(key: &str) -> String {
    let is_word = (1..=LONGEST_KEY).contains(&key.len())
        && key.bytes().all(|b| b.is_ascii_alphabetic() || matches!(b, b'_' | b'-' | b'.'));
    if is_word || key == KEY { key.to_owned() } else { KEY.to_owned() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_address_keeps_its_domain_and_a_name_its_shape() {
        assert_eq!(address("Ada.Lovelace7+x@mail.example.com"), "Xxx.Xxxxxxxx0+x@mail.example.com");
        assert_eq!(shape("Ada Zoë-Ünal 3"), "Xxx Xxx-Xxxx 0");
        // What only looks like an address may be anything.
        assert_eq!(address("p@ssw0rd"), "x@xxx0xx");
        assert_eq!(address("user@host.example/path"), "xxxx@xxxx.xxxxxxx/xxxx");
        assert_eq!(shape(&"y".repeat(5_000)).len(), LONGEST);
    }

    #[test]
    fn of_free_json_only_the_structure_is_kept() {
        let said = json!({
            "invitation_code": "open-sesame",
            "pin": 4711,
            "email": "ada@example.com",
            "tok_51H8": true,
            "more": [{ "password": "seven grey herons", "none": null }, "word"],
        });
        let kept = json!({
            "invitation_code": "[text]",
            "pin": 0,
            "email": "xxx@example.com",
            "[key]": true,
            "more": [{ "password": "[text]", "none": null }, "[text]"],
        });
        assert_eq!(json(&said), kept);
        assert_eq!(json(&kept), kept, "masking again changes nothing");
        assert_eq!(json_text("{no json"), "[text]");
        let mut deep = json!("word");
        for _ in 0..100 {
            deep = json!([deep]);
        }
        assert!(json(&deep).to_string().len() < 100);
    }

    #[test]
    fn an_ip_address_becomes_its_network_and_a_link_its_place() {
        assert_eq!(network("203.0.113.77".parse().unwrap()).to_string(), "203.0.113.0");
        assert_eq!(network("2001:db8:1:2::3".parse().unwrap()).to_string(), "2001:db8:1::");
        assert_eq!(place("https://id.example.com/cb?code=secret#x"), "https://id.example.com/cb");
        assert_eq!(place("https://u:p@id.example.com/"), "[text]");
        assert_eq!(place("data:secret"), "[text]");
    }
}
