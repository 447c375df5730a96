//! D40: whom a request is counted for.

use poem::http::Method;
use serde_json::json;

use crate::on_both_with;
use crate::support::{Server, Setup};

on_both_with!(
    behind_proxies;
    d40_spelling_an_address_in_another_way_does_not_escape_a_limit,
    d40_another_address_of_the_same_ipv6_64_does_not_escape_a_limit,
    d40_a_made_up_forwarded_address_does_not_escape_a_limit,
    d40_clients_behind_a_trusted_proxy_are_told_apart,
);

fn behind_proxies(setup: &mut Setup) {
    setup.settings.extend([
        ("PALISADE_RATE_LIMITS_ENABLED", "true".to_owned()),
        ("PALISADE_RATE_LIMITS_LOGIN", "3/1h".to_owned()),
        ("PALISADE_TRUSTED_PROXIES", "10.0.0.0/8, fd00::1".to_owned()),
    ]);
}

/// Signs in as nobody; whether it was counted out.
async fn limited(server: &Server, peer: &str, headers: &[(&str, &str)]) -> bool {
    let body = json!({ "email": "nobody@example.com", "password": "no such password" });
    let answer = server.send_from(peer, headers, Method::POST, "/api/v1/auth/login", Some(&body)).await;
    match answer.status {
        401 => false,
        _ => {
            let wait: u64 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
            assert!((1..=20 * 60).contains(&wait), "{wait}");
            answer.refused(429, "rate-limited");
            true
        }
    }
}

async fn spent(server: &Server, peer: &str, headers: &[(&str, &str)]) {
    for _ in 0..3 {
        assert!(!limited(server, peer, headers).await);
    }
}

async fn d40_spelling_an_address_in_another_way_does_not_escape_a_limit(server: Server) {
    spent(&server, "192.0.2.1", &[]).await;
    assert!(limited(&server, "192.0.2.1", &[]).await);
    assert!(limited(&server, "::ffff:192.0.2.1", &[]).await);
    for spelling in
        ["192.0.2.1", "::ffff:192.0.2.1", "::FFFF:C000:0201", "192.0.2.1:9", "[::ffff:192.0.2.1]:9"]
    {
        assert!(limited(&server, "10.0.0.1", &[("x-forwarded-for", spelling)]).await, "{spelling}");
    }
    assert!(!limited(&server, "192.0.2.2", &[]).await);
}

async fn d40_another_address_of_the_same_ipv6_64_does_not_escape_a_limit(server: Server) {
    for host in ["1", "2", "dead:beef"] {
        assert!(!limited(&server, &format!("2001:db8:0:7::{host}"), &[]).await);
    }
    assert!(limited(&server, "2001:db8:0:7:ffff:ffff:ffff:ffff", &[]).await);
    assert!(!limited(&server, "2001:db8:0:8::1", &[]).await);
}

async fn d40_a_made_up_forwarded_address_does_not_escape_a_limit(server: Server) {
    spent(&server, "203.0.113.9", &[]).await;
    // Not through a proxy: the header is not read at all.
    assert!(limited(&server, "203.0.113.9", &[("x-forwarded-for", "1.1.1.1")]).await);
    assert!(limited(&server, "203.0.113.9", &[("forwarded", "for=1.1.1.1")]).await);
    // Through one: what the client wrote stands left of what the proxy wrote.
    assert!(limited(&server, "10.0.0.1", &[("x-forwarded-for", "1.1.1.1, 203.0.113.9")]).await);
    assert!(limited(&server, "10.0.0.1", &[("x-forwarded-for", "1.1.1.1, 203.0.113.9, 10.7.7.7")]).await);
    assert!(limited(&server, "10.0.0.1", &[("forwarded", "for=1.1.1.1, for=203.0.113.9")]).await);
}

async fn d40_clients_behind_a_trusted_proxy_are_told_apart(server: Server) {
    spent(&server, "fd00::1", &[("x-forwarded-for", "192.0.2.1")]).await;
    assert!(limited(&server, "fd00::1", &[("x-forwarded-for", "192.0.2.1")]).await);
    assert!(!limited(&server, "fd00::1", &[("x-forwarded-for", "192.0.2.2")]).await);
    assert!(!limited(&server, "fd00::1", &[]).await);
}
