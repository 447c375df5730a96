//! A sign-in as its owner sees it, and the words for where it came from.

use std::net::IpAddr;

use super::{Micros, SessionId};

/// A sign-in that lives.
#[derive(Debug, Clone)]
pub struct Session {
    pub id: SessionId,
    /// Such as `Firefox on Windows`; see [`device_name`].
    pub device: String,
    pub ip: Option<IpAddr>,
    pub created_at: Micros,
    /// The last refresh, or the sign-in itself.
    pub last_seen_at: Micros,
    /// No refresh outlives this.
    pub expires_at: Micros,
    /// Whether the request rests on it.
    pub current: bool,
}

/// What tells a browser or a tool in a `User-Agent` header (RFC 9110 section 10.1.5). The first that is there counts:
/// nearly every browser also claims to be an older one.
const PROGRAMS: [(&str, &str); 16] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Vivaldi/", "Vivaldi"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("YaBrowser/", "Yandex Browser"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("HeadlessChrome/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
    ("python-requests/", "a Python script"),
    ("Python/", "a Python script"),
    ("Go-http-client/", "a Go program"),
    ("node", "a Node.js program"),
];

const SYSTEMS: [(&str, &str); 8] = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Macintosh", "macOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
];

/// A short name for the device behind a `User-Agent`. It has no versions in it, so that an update makes no new device,
/// and none of the header's own text: anybody can write there what they like.
#[must_use]
pub fn device_name(user_agent: Option<&str>) -> String {
    let text = user_agent.unwrap_or_default();
    let first = |table: &[(&str, &'static str)]| {
        table.iter().find(|(mark, _)| text.contains(mark)).map(|(_, name)| *name)
    };
    match (first(&PROGRAMS), first(&SYSTEMS)) {
        (Some(program), Some(system)) => format!("{program} on {system}"),
        (Some(program), None) => program.to_owned(),
        (None, Some(system)) => format!("an app on {system}"),
        (None, None) => "an unknown device".to_owned(),
    }
}

/// The neighbourhood of an address, which changes seldom where the address itself changes daily: the /24 of IPv4,
/// the /48 of IPv6 (what one site is given, RFC 6177).
#[must_use]
pub fn network_name(ip: Option<IpAddr>) -> String {
    match ip.map(|ip| ip.to_canonical()) {
        Some(IpAddr::V4(ip)) => {
            let [a, b, c, _] = ip.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        Some(IpAddr::V6(ip)) => {
            let [a, b, c, ..] = ip.segments();
            format!("{}/48", std::net::Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
        }
        None => "an unknown network".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_told_by_program_and_system() {
        for (user_agent, name) in [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0",
                "Firefox on Windows",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
                "Safari on macOS",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/126.0.6478.54 Mobile/15E148 Safari/604.1",
                "Chrome on iPhone",
            ),
            (
                "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36",
                "Chrome on Android",
            ),
            ("curl/8.8.0", "curl"),
            ("<b>me</b>", "an unknown device"),
        ] {
            assert_eq!(device_name(Some(user_agent)), name, "{user_agent}");
        }
        assert_eq!(device_name(None), "an unknown device");
    }

    #[test]
    fn neighbours_share_a_network() {
        let network = |ip: &str| network_name(Some(ip.parse().unwrap()));
        assert_eq!(network("203.0.113.7"), "203.0.113.0/24");
        assert_eq!(network("::ffff:203.0.113.9"), "203.0.113.0/24");
        assert_eq!(network("2001:db8:1:2::3"), "2001:db8:1::/48");
        assert_ne!(network("2001:db8:1::1"), network("2001:db8:2::1"));
    }
}
