//! `/mail`, in development only: the letters of the mail folder, so that nobody has to open files to follow a link.
//!
//! It shows links that sign people in. So it is a route only in development with a mail folder, answers only callers
//! on this machine, and only under the names this machine has: a page elsewhere whose name was made to point here
//! (DNS rebinding) reads nothing.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;

use poem::http::header;
use poem::web::{Data, Html};
use poem::{IntoResponse as _, Request, Response, handler};

use super::problem::Problem;
use crate::app::{App, KeptLetter};

/// How many letters are shown.
const SHOWN: usize = 100;
/// No script, nothing loaded, nothing sent; the styles below are inline.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

#[handler]
pub(super) async fn mail(request: &Request, app: Data<&Arc<App>>) -> Response {
    let peer = request.remote_addr().as_socket_addr().map(std::net::SocketAddr::ip);
    if !local(peer, request.header(header::HOST)) {
        return Problem::not_found().into_response();
    }
    match app.development_mail(SHOWN).await {
        Ok(letters) => {
            Html(page(&letters)).with_header(header::CONTENT_SECURITY_POLICY, POLICY).into_response()
        }
        Err(error) => Problem::from(error).into_response(),
    }
}

/// Whether it comes from this machine, to a name of this machine. Without a network there is nobody else.
fn local(peer: Option<IpAddr>, host: Option<&str>) -> bool {
    if peer.is_some_and(|peer| !peer.to_canonical().is_loopback()) {
        return false;
    }
    let Some(host) = host else { return peer.is_none() };
    let name = host.rsplit_once(':').map_or(host, |(name, port)| {
        if port.bytes().all(|byte| byte.is_ascii_digit()) { name } else { host }
    });
    let address = name.trim_matches(['[', ']']).parse::<IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

fn page(letters: &[KeptLetter]) -> String {
    let mut html = String::from(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>Development mail</title>\n<style>\n\
         body { font: 1rem/1.5 system-ui, sans-serif; max-width: 48rem; margin: 2rem auto; padding: 0 1rem; }\n\
         article { border-top: 1px solid #ccc; } pre { white-space: pre-wrap; overflow-wrap: anywhere; }\n\
         </style>\n</head>\n<body>\n<h1>Development mail</h1>\n\
         <p>The newest letters of the mail folder. This page is there in development only.</p>\n",
    );
    if letters.is_empty() {
        html.push_str("<p>No letters yet.</p>\n");
    }
    for letter in letters {
        let (subject, to) = (escaped(&letter.subject), escaped(&letter.to));
        let (file, text) = (escaped(&letter.file), escaped(&letter.text));
        let _ = write!(html, "<article>\n<h2>{subject}</h2>\n<p>To {to} ({file})</p>\n<ul>\n");
        for link in letter.links.iter().map(|link| escaped(link)) {
            let _ = writeln!(html, "<li><a href=\"{link}\" rel=\"noreferrer\">{link}</a></li>");
        }
        let _ = write!(html, "</ul>\n<pre>{text}</pre>\n</article>\n");
    }
    html.push_str("</body>\n</html>\n");
    html
}

/// Safe as text and within a quoted attribute.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(peer: &str, host: &str) -> bool {
        local(Some(peer.parse().unwrap()), Some(host))
    }

    #[test]
    fn only_this_machine_under_its_own_names_is_answered() {
        for (peer, host) in [
            ("127.0.0.1", "localhost:8080"),
            ("127.0.0.1", "127.0.0.1"),
            ("::1", "[::1]:8080"),
            ("::ffff:127.0.0.1", "LOCALHOST"),
        ] {
            assert!(asked(peer, host), "{peer} {host}");
        }
        for (peer, host) in [
            ("192.0.2.1", "localhost"),
            ("10.0.0.1", "127.0.0.1"),
            ("127.0.0.1", "evil.example"),
            ("127.0.0.1", "localhost.evil.example:8080"),
            ("127.0.0.1", "10.0.0.1"),
            ("127.0.0.1", ""),
        ] {
            assert!(!asked(peer, host), "{peer} {host}");
        }
    }

    #[test]
    fn what_somebody_wrote_is_text_and_no_markup() {
        let letter = KeptLetter {
            file: "1.eml".into(),
            to: "a@example.com".into(),
            subject: "<script>alert(1)</script>".into(),
            text: "</pre><img src=x onerror='alert(1)'>".into(),
            links: vec!["https://example.com/?a=\"><b>&c".into()],
        };
        let html = page(&[letter]);
        for bad in ["<script", "<img", "\"><b>", "</pre><"] {
            assert!(!html.replace("</pre>\n</article>", "").contains(bad), "{html}");
        }
        assert!(html.contains("href=\"https://example.com/?a=&quot;&gt;&lt;b&gt;&amp;c\""));
    }
}
