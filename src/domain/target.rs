//! What a request that a proxy asks about is aimed at: read in one way, or not at all.
//!
//! The server behind the proxy reads the same request again, and may decode, fold and clean it otherwise than we do. A
//! path that two readers could understand differently is therefore refused, not mended: whatever passes here has one
//! meaning to everybody (RFC 3986 section 6.2.2 has the forms, and each is a way around somebody's rules).

use std::net::Ipv6Addr;

/// The longest request target, in bytes.
const MAX_URI: usize = 8 * 1024;
/// The longest host (RFC 1035 section 2.3.4).
const MAX_HOST: usize = 253;

/// A method, a host and a path with one meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    method: String,
    host: String,
    segments: Vec<String>,
}

/// Why a request is not read; the code for the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Ambiguous {
    #[error("the method is not one word in capital letters")]
    Method,
    #[error("the host is not one plain name or address")]
    Host,
    #[error("the path could be read in more than one way")]
    Path,
}

impl Target {
    /// Reads what stands in a request: the method, the `Host`, and the path with its query, all as they were sent.
    ///
    /// # Errors
    /// [`Ambiguous`].
    pub fn parse(method: &str, host: &str, uri: &str) -> Result<Self, Ambiguous> {
        let capitals = !method.is_empty() && method.len() <= 32;
        if !capitals || !method.bytes().all(|b| b.is_ascii_uppercase() || b == b'-') {
            return Err(Ambiguous::Method);
        }
        let host = parse_host(host).ok_or(Ambiguous::Host)?;
        let printable = uri.len() <= MAX_URI && uri.bytes().all(|b| b.is_ascii_graphic());
        let path = uri.split_once('?').map_or(uri, |(path, _)| path);
        if !printable || uri.contains('#') {
            return Err(Ambiguous::Path);
        }
        let segments = parse_path(path).ok_or(Ambiguous::Path)?;
        Ok(Self { method: method.to_owned(), host, segments })
    }

    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// In lower case, without port and without the dot at the end.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Decoded; never empty, never `.` or `..`, never with a slash. One slash at the end of the path is not told.
    #[must_use]
    pub fn segments(&self) -> &[String] {
        &self.segments
    }
}

/// The segments of a path, or nothing if it could be read in more than one way.
pub(super) fn parse_path(path: &str) -> Option<Vec<String>> {
    let rest = path.strip_prefix('/')?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    // `//` alone would have become the root.
    if rest.is_empty() {
        return (path.len() == 1).then(Vec::new);
    }
    rest.split('/').map(segment).collect()
}

fn segment(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit =
                    |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                let decoded = digit(rest.next()?)? * 16 + digit(rest.next()?)?;
                if !must_be_encoded(decoded) {
                    return None;
                }
                decoded
            }
            plain if may_stand_plain(plain) => plain,
            _ => return None,
        });
    }
    let text = String::from_utf8(bytes).ok()?;
    // Dots alone mean another folder to somebody.
    let dots = text.bytes().all(|b| b == b'.');
    (!dots && !text.chars().any(hidden)).then_some(text)
}

/// What a segment may hold as it is (RFC 3986 section 3.3), without `;`: some servers cut a segment off there.
const fn may_stand_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'-' | b'.'
                | b'_'
                | b'~'
                | b'!'
                | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b','
                | b'='
                | b':'
                | b'@'
        )
}

/// What can only be sent encoded and means the same to whoever decodes it, once or twice. Not `/`, `\`, `%`, `;`, `.`,
/// a control character, nor anything that could have been sent plain: a server that does not decode would see another
/// name.
const fn must_be_encoded(byte: u8) -> bool {
    byte >= 0x80 || matches!(byte, b' ' | b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}')
}

/// Controls, look-alikes of the slash, the dot and the full-width forms that some servers fold to ASCII, and what
/// cannot be seen.
fn hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2024}'..='\u{202e}' | '\u{2044}' | '\u{2060}'..='\u{206f}'
            | '\u{2215}' | '\u{2216}' | '\u{29f5}' | '\u{29f8}' | '\u{29f9}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{fe52}' | '\u{fe68}' | '\u{feff}' | '\u{ff00}'..='\u{ffef}')
}

fn parse_host(text: &str) -> Option<String> {
    let (name, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            let address: Ipv6Addr = address.parse().ok()?;
            (format!("[{address}]"), port.strip_prefix(':').or(port.is_empty().then_some("")))
        }
        None => match text.split_once(':') {
            Some((name, port)) => (parse_name(name)?, Some(port).filter(|port| !port.is_empty())),
            None => (parse_name(text)?, Some("")),
        },
    };
    port?.bytes().all(|b| b.is_ascii_digit()).then_some(name)
}

/// Letters, digits, `-` and `_` in labels that are not empty; one dot may end it.
pub(super) fn parse_name(text: &str) -> Option<String> {
    let name = text.strip_suffix('.').unwrap_or(text);
    let label = |label: &str| {
        !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    (name.len() <= MAX_HOST && name.split('.').all(label)).then(|| name.to_ascii_lowercase())
}

#[cfg(test)]
mod tests;
