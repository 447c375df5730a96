use proptest::prelude::*;

use super::*;

fn path(uri: &str) -> Option<Vec<String>> {
    Target::parse("GET", "app.example.com", uri).ok().map(|target| target.segments)
}

#[test]
fn a_plain_path_is_read() {
    for (uri, segments) in [
        ("/", vec![]),
        ("/?a=/../%2f", vec![]),
        ("/a", vec!["a"]),
        ("/a/", vec!["a"]),
        ("/a/b?c=d?e", vec!["a", "b"]),
        ("/.well-known/x..y", vec![".well-known", "x..y"]),
        ("/my%20file/%C3%A9t%c3%a9", vec!["my file", "été"]),
        ("/a@b:c,d(e)!$&'*+=~", vec!["a@b:c,d(e)!$&'*+=~"]),
    ] {
        assert_eq!(path(uri), Some(segments.into_iter().map(str::to_owned).collect()), "{uri}");
    }
}

/// F: path normalisation.
#[test]
fn a_path_with_two_meanings_is_refused() {
    for uri in [
        "",
        "a",
        "*",
        "http://app.example.com/",
        "//",
        "///",
        "//admin",
        "/a//b",
        "/a//",
        "/.",
        "/..",
        "/a/../b",
        "/a/./b",
        "/a/..",
        "/...",
        "/%2e",
        "/%2E%2e/admin",
        "/a/%2e%2e/b",
        "/a%2fb",
        "/a%2Fb",
        "/a%5cb",
        "/a\\b",
        "/a%252fb",
        "/a%25",
        "/%61dmin",
        "/admin%2e",
        "/a%00",
        "/a%0a",
        "/a%7f",
        "/a;b",
        "/a;jsessionid=1/b",
        "/a%3bb",
        "/a%3fb",
        "/a%23b",
        "/a#b",
        "/a?b#c",
        "/%",
        "/%2",
        "/%zz",
        "/%u002f",
        "/a b",
        "/a\tb",
        "/a\r\nb",
        "/\u{e9}",
        "/%ff",
        "/%c0%af",
        "/%e0%80%af",
        "/%ed%a0%80",
        "/a%e2%88%95b",
        "/a%ef%bc%8fb",
        "/a%ef%bc%8eb",
        "/a%e2%80%8bb",
        "/a%c2%85b",
        "/a[b]",
        "/a|b",
        "/a\"b",
        "/a^b",
        "/a%40b",
        "/a%2Bb",
    ] {
        assert_eq!(path(uri), None, "{uri:?}");
    }
}

#[test]
fn a_host_has_one_spelling() {
    let host = |text| Target::parse("GET", text, "/").ok().map(|target| target.host);
    for spelling in [
        "app.example.com",
        "APP.Example.com",
        "app.example.com.",
        "app.example.com:8443",
        "app.example.com.:1",
    ] {
        assert_eq!(host(spelling).as_deref(), Some("app.example.com"), "{spelling}");
    }
    assert_eq!(host("[::FFFF:1]:80").as_deref(), host("[0:0:0:0:0:0:ffff:1]").as_deref());
    for wrong in [
        "",
        ".",
        "..",
        "a..b",
        ".a",
        "a.b..",
        "a b",
        "a,b",
        "a/b",
        "user@a",
        "a:b",
        "a:",
        "a:80:80",
        "[::1",
        "[::1]x",
        "[::1%25eth0]",
        "[]",
        "a%2e",
        "\u{e9}",
        "a\0",
    ] {
        assert_eq!(host(wrong), None, "{wrong:?}");
    }
}

#[test]
fn a_method_is_one_word_in_capitals() {
    let method = |text| Target::parse(text, "a", "/").is_ok();
    assert!(method("GET") && method("M-SEARCH"));
    for wrong in ["", "get", "Get", "GET ", "GET,POST", "GET\n", "GÉT"] {
        assert!(!method(wrong), "{wrong:?}");
    }
}

/// What servers are known to do to a path before they look for its handler.
mod upstreams {
    fn decode(text: &str) -> Vec<u8> {
        let bytes = text.as_bytes();
        let (mut out, mut at) = (Vec::new(), 0);
        while at < bytes.len() {
            let hex = |at: usize| bytes.get(at).and_then(|b| char::from(*b).to_digit(16));
            match (bytes[at], hex(at + 1), hex(at + 2)) {
                (b'%', Some(high), Some(low)) => {
                    out.push(u8::try_from(high * 16 + low).unwrap());
                    at += 3;
                }
                (plain, ..) => {
                    out.push(plain);
                    at += 1;
                }
            }
        }
        out
    }

    fn segments(path: &[u8]) -> Vec<Vec<u8>> {
        path.split(|b| *b == b'/').filter(|part| !part.is_empty()).map(<[u8]>::to_vec).collect()
    }

    fn without_dots(parts: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
        let mut kept = Vec::new();
        for part in parts {
            match part.as_slice() {
                b"." => {}
                b".." => drop(kept.pop()),
                _ => kept.push(part),
            }
        }
        kept
    }

    fn path(uri: &str) -> &str {
        uri.split(['?', '#']).next().unwrap()
    }

    /// Splits first, decodes each part: most routers.
    pub(super) fn splits_then_decodes(uri: &str) -> Vec<Vec<u8>> {
        segments(path(uri).as_bytes()).iter().map(|part| decode(str::from_utf8(part).unwrap())).collect()
    }

    /// Decodes, merges slashes, resolves dots: nginx, Apache.
    pub(super) fn decodes_then_resolves(uri: &str) -> Vec<Vec<u8>> {
        without_dots(segments(&decode(path(uri))))
    }

    /// Decodes twice: a proxy before an application.
    pub(super) fn decodes_twice(uri: &str) -> Vec<Vec<u8>> {
        let once = String::from_utf8_lossy(&decode(path(uri))).into_owned();
        without_dots(segments(&decode(&once)))
    }

    /// Cuts parameters off each part, and ends strings at NUL: Java, C.
    pub(super) fn cuts_parameters(uri: &str) -> Vec<Vec<u8>> {
        let cut = |part: Vec<u8>| part.split(|b| *b == b';' || *b == 0).next().unwrap().to_vec();
        without_dots(segments(&decode(path(uri))).into_iter().map(cut).collect())
    }

    /// Takes a backslash for a slash: Windows.
    pub(super) fn knows_backslashes(uri: &str) -> Vec<Vec<u8>> {
        let slashed: Vec<u8> =
            decode(path(uri)).iter().map(|b| if *b == b'\\' { b'/' } else { *b }).collect();
        without_dots(segments(&slashed))
    }

    /// What browsers and `fetch` make of it (WHATWG URL).
    pub(super) fn parses_as_a_browser(uri: &str) -> Vec<Vec<u8>> {
        let url = url::Url::parse(&format!("http://app.example.com{uri}")).unwrap();
        splits_then_decodes(url.path())
    }
}

const PIECES: [&str; 40] = [
    "/",
    "/",
    "/",
    "a",
    "admin",
    "organizations",
    ".",
    "..",
    "...",
    "%2e",
    "%2E",
    "%2f",
    "%2F",
    "%5c",
    "\\",
    "%25",
    "%252f",
    ";",
    ";x=y",
    "%3b",
    "%00",
    "%20",
    "%C3%A9",
    "%c0%af",
    "%ff",
    "?",
    "#",
    "%3f",
    "%23",
    "%61",
    "%zz",
    "%",
    "@",
    ":",
    "é",
    " ",
    "\t",
    "%0d%0a",
    "%ef%bc%8f",
    "~",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]

    /// F: whatever passes is the same path to every reader.
    #[test]
    fn what_a_rule_saw_is_what_every_upstream_sees(pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..9)) {
        let uri = format!("/{}", pieces.concat());
        if let Some(ours) = path(&uri) {
            let ours: Vec<Vec<u8>> = ours.into_iter().map(String::into_bytes).collect();
            prop_assert_eq!(&upstreams::splits_then_decodes(&uri), &ours);
            prop_assert_eq!(&upstreams::decodes_then_resolves(&uri), &ours);
            prop_assert_eq!(&upstreams::decodes_twice(&uri), &ours);
            prop_assert_eq!(&upstreams::cuts_parameters(&uri), &ours);
            prop_assert_eq!(&upstreams::knows_backslashes(&uri), &ours);
            prop_assert_eq!(&upstreams::parses_as_a_browser(&uri), &ours);
        }
    }

    #[test]
    fn nothing_that_is_sent_makes_it_panic(method in ".*", host in ".*", uri in ".*") {
        let _ = Target::parse(&method, &host, &uri);
    }
}
