//! Which address a request comes from, when proxies stand in between.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use poem::Request;
use poem::http::HeaderMap;

/// The client's address in its canonical form; none if the peer has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ClientAddress(pub Option<IpAddr>);

/// The networks of the proxies whose word on a client's address we take.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    #[must_use]
    pub const fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// Who sent `request`, as far as the word of trusted proxies reaches.
    pub(super) fn client(&self, request: &Request) -> ClientAddress {
        let peer = request.remote_addr().as_socket_addr().map(SocketAddr::ip);
        ClientAddress(peer.map(|peer| self.behind(peer.to_canonical(), request.headers())))
    }

    /// Whether one of them sent `request`.
    pub(super) fn sent(&self, request: &Request) -> bool {
        request.remote_addr().as_socket_addr().is_some_and(|peer| self.trusts(peer.ip().to_canonical()))
    }

    /// Each proxy appends the address it was called from, so the list is read from its right end, and only as far as
    /// the one who wrote an entry is trusted: what stands left of that is whatever the client wished to write.
    fn behind(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        if !self.trusts(peer) {
            return peer;
        }
        let told = |name| headers.contains_key(name).then_some(name);
        match (told("x-forwarded-for"), told("forwarded")) {
            (None, None) => peer,
            (Some(_), None) => self.walk(peer, &entries(headers, "x-forwarded-for"), plain),
            (None, Some(_)) => self.walk(peer, &entries(headers, "forwarded"), forwarded),
            // A proxy writes one of them and passes the other on as the client sent it. Which one, we cannot know: we
            // believe them when they agree.
            (Some(_), Some(_)) => {
                let one = self.walk(peer, &entries(headers, "x-forwarded-for"), plain);
                let other = self.walk(peer, &entries(headers, "forwarded"), forwarded);
                if one == other { one } else { peer }
            }
        }
    }

    fn walk(&self, peer: IpAddr, entries: &[&str], read: fn(&str) -> Option<IpAddr>) -> IpAddr {
        let mut client = peer;
        for entry in entries.iter().rev() {
            // An entry that is no address (`unknown`, an obfuscated name) ends what we know.
            let Some(address) = read(entry) else { return client };
            client = address;
            if !self.trusts(client) {
                return client;
            }
        }
        client
    }

    pub(super) fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// The comma-separated entries of all headers of this name, in order (RFC 9110 section 5.3).
fn entries<'h>(headers: &'h HeaderMap, name: &str) -> Vec<&'h str> {
    let lines = headers.get_all(name).iter();
    // A line that is no text is an entry that is no address.
    lines.flat_map(|line| line.to_str().unwrap_or("?").split(',')).map(str::trim).collect()
}

/// An address, perhaps with a port: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`.
fn plain(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|it| it.ip()));
    address.map(|it: IpAddr| it.to_canonical())
}

/// The `for` of one element of `Forwarded` (RFC 7239 section 4).
fn forwarded(element: &str) -> Option<IpAddr> {
    let mut pairs = element.split(';').filter_map(|pair| pair.trim().split_once('='));
    let (_, node) = pairs.find(|(name, _)| name.eq_ignore_ascii_case("for"))?;
    plain(node.trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, headers: &[(&'static str, &str)]) -> String {
        let proxies = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap());
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let peer: IpAddr = peer.parse().unwrap();
        TrustedProxies::new(proxies.to_vec()).behind(peer.to_canonical(), &map).to_string()
    }

    const XFF: &str = "x-forwarded-for";

    #[test]
    fn a_header_from_somebody_who_is_no_proxy_is_not_read() {
        assert_eq!(client("203.0.113.9", &[(XFF, "192.0.2.1")]), "203.0.113.9");
        assert_eq!(client("203.0.113.9", &[("forwarded", "for=192.0.2.1")]), "203.0.113.9");
    }

    #[test]
    fn the_rightmost_entry_that_is_no_proxy_is_the_client() {
        assert_eq!(client("10.0.0.1", &[(XFF, "192.0.2.1")]), "192.0.2.1");
        assert_eq!(client("10.0.0.1", &[(XFF, "1.1.1.1, 192.0.2.1, 10.9.9.9")]), "192.0.2.1");
        assert_eq!(client("10.0.0.1", &[(XFF, "1.1.1.1"), (XFF, "192.0.2.1")]), "192.0.2.1");
        assert_eq!(
            client("10.0.0.1", &[("forwarded", "for=1.1.1.1, FOR=192.0.2.1;proto=https")]),
            "192.0.2.1"
        );
        assert_eq!(client("10.0.0.1", &[(XFF, "10.2.2.2, 10.3.3.3")]), "10.2.2.2");
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn every_spelling_of_an_address_is_the_same_address() {
        for spelling in
            ["192.0.2.1", "192.0.2.1:4711", "::ffff:192.0.2.1", "[::ffff:192.0.2.1]:80", "::FFFF:c000:201"]
        {
            assert_eq!(client("10.0.0.1", &[(XFF, spelling)]), "192.0.2.1", "{spelling}");
        }
        assert_eq!(client("::ffff:10.0.0.1", &[(XFF, "192.0.2.1")]), "192.0.2.1");
        assert_eq!(client("fd00::1", &[("forwarded", r#"for="[2001:db8::1]:4711""#)]), "2001:db8::1");
        assert_eq!(client("10.0.0.1", &[(XFF, "2001:db8::1")]), "2001:db8::1");
    }

    #[test]
    fn what_is_no_address_ends_what_is_known() {
        for nonsense in ["", "unknown", "_hidden", "192.0.2.1.5", "localhost", "192.0.2.1 192.0.2.2"] {
            assert_eq!(client("10.0.0.1", &[(XFF, nonsense)]), "10.0.0.1", "{nonsense}");
            assert_eq!(client("10.0.0.1", &[(XFF, &format!("1.1.1.1, {nonsense}, 10.0.0.7"))]), "10.0.0.7");
        }
    }

    #[test]
    fn two_headers_that_disagree_are_not_believed() {
        let both = |xff, forwarded| client("10.0.0.1", &[(XFF, xff), ("forwarded", forwarded)]);
        assert_eq!(both("192.0.2.1", "for=192.0.2.1"), "192.0.2.1");
        assert_eq!(both("1.1.1.1", "for=192.0.2.1"), "10.0.0.1");
    }
}
