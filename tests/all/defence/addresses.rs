//! C: letters go to one address, the one that was meant, and lead to us.

use std::time::Duration;

use palisade::domain::SystemRole;
use poem::http::Method;
use serde_json::json;

use crate::on_both;
use crate::support::{PASSWORD, Server, role_id};

on_both!(
    c30_no_letter_leads_to_where_a_header_says,
    c36_look_alikes_of_an_address_get_neither_account_nor_letter,
    c36_another_address_is_another_account,
);

async fn c30_no_letter_leads_to_where_a_header_says(server: Server) {
    let ada = server.person("ada@example.com").await;
    let acme = server.organization(&ada, "acme").await;
    let invitation = format!("{acme}/invitations");
    let requests = [
        ("/api/v1/auth/forgot-password", json!({ "email": "ada@example.com" }), "ada@example.com"),
        ("/api/v1/auth/resend-verification", json!({ "email": "new@example.com" }), "new@example.com"),
        (
            "/api/v1/auth/me/email",
            json!({ "new_email": "moved@example.com", "current_password": PASSWORD }),
            "moved@example.com",
        ),
        (
            &invitation,
            json!({ "email": "bob@example.com", "role_id": role_id(SystemRole::Viewer) }),
            "bob@example.com",
        ),
    ];
    server.register("new@example.com").await;
    let bearer = format!("Bearer {}", ada.access);
    let hostile = [
        ("authorization", bearer.as_str()),
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-port", "8443"),
        ("x-original-url", "https://evil.example/"),
        ("forwarded", "host=evil.example;proto=https"),
        ("origin", "https://evil.example"),
        ("referer", "https://evil.example/"),
    ];
    for (path, body, to) in &requests {
        for target in [(*path).to_owned(), format!("https://evil.example{path}")] {
            server.advance(Duration::from_secs(1));
            let answer = server.send_from("192.0.2.1", &hostile, Method::POST, &target, Some(body)).await;
            assert!(matches!(answer.status, 200 | 201), "{target}: {}", answer.body);
            let letter = server.last_mail(to).await;
            assert!(letter.text.contains("http://palisade.test/"), "{target}: {}", letter.text);
            assert!(
                letter.text.contains("token=") && !letter.text.contains("evil.example"),
                "{}",
                letter.text
            );
        }
    }
}

/// Spellings that somebody might read as `victim@example.com`, and a careless system might make into it.
const LOOK_ALIKES: [&str; 17] = [
    "victim@ex\u{430}mple.com",
    "v\u{456}ctim@example.com",
    "v\u{131}ctim@example.com",
    "\u{ff56}ictim@example.com",
    "victim\u{ff20}example.com",
    "victim@example\u{3002}com",
    "victim@example.com\u{200b}",
    "\u{feff}victim@example.com",
    "victim@example.com.",
    "\"victim\"@example.com",
    "victim@[127.0.0.1]",
    "victim(comment)@example.com",
    "Victim <victim@example.com>",
    "victim@example.com,mallory@evil.example",
    "victim@example.com\r\nBcc: mallory@evil.example",
    "victim@example.com\0@evil.example",
    "victim@example.com@evil.example",
];

async fn c36_look_alikes_of_an_address_get_neither_account_nor_letter(server: Server) {
    let victim = server.person("victim@example.com").await;
    let before = server.mails().await.len();
    for look_alike in LOOK_ALIKES {
        let body = json!({ "email": look_alike, "password": PASSWORD });
        let answer = server.post("/api/v1/auth/register", body).await;
        assert_eq!(answer.status, 422, "{look_alike:?}: {}", answer.body);
        for path in ["forgot-password", "resend-verification"] {
            let answer = server.post(&format!("/api/v1/auth/{path}"), json!({ "email": look_alike })).await;
            assert!(matches!(answer.status, 200 | 422), "{look_alike:?}: {}", answer.body);
        }
        let body = json!({ "email": look_alike, "password": PASSWORD });
        server.post("/api/v1/auth/login", body).await.refused(401, "invalid-credentials");
        let body = json!({ "new_email": look_alike, "current_password": PASSWORD });
        let answer = server.post_as(&victim, "/api/v1/auth/me/email", body).await;
        assert_eq!(answer.status, 422, "{look_alike:?}: {}", answer.body);
    }
    assert_eq!(server.mails().await.len(), before);
    assert_eq!(server.count("SELECT COUNT(*) FROM users").await, 1);
}

async fn c36_another_address_is_another_account(server: Server) {
    let victim = server.person("victim@example.com").await;
    for other in
        ["victim+tag@example.com", "vic.tim@example.com", "victim@xn--exmple-cua.com", "victim@example.co"]
    {
        server.advance(Duration::from_secs(1));
        let own = server.person(other).await;
        assert_ne!(own.id, victim.id);
        server.post("/api/v1/auth/forgot-password", json!({ "email": other })).await.expect(200);
        let letter = server.last_mail(other).await;
        assert!(letter.to.ends_with(&format!("{other}>")) || letter.to == other, "{}", letter.to);
    }
    let mails = server.mails().await;
    assert_eq!(mails.iter().filter(|mail| mail.to.contains("victim@example.com")).count(), 1);
}
