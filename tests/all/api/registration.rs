//! Getting an account: what is answered, what is refused, and what an attacker does not learn.

use std::time::Duration;

use palisade::domain::SystemRole;
use poem::http::Method;
use serde_json::{Value, json};

use super::requests::raw;
use crate::support::{PASSWORD, Server, Setup, role_id};
use crate::{on_both, on_both_with};

on_both!(
    an_account_is_shown_in_the_old_systems_shape,
    a_taken_address_gets_the_answer_of_a_free_one,
    c36_spellings_of_an_address_in_other_case_are_one_account,
    a_weak_password_is_refused_by_rule_and_never_repeated,
    what_is_no_address_is_refused_and_never_repeated,
    c37_a_name_cannot_break_out_of_its_line,
    c37_markup_in_a_name_is_text_in_the_mail,
    empty_profile_fields_of_the_old_clients_count_as_absent,
    an_account_cannot_be_given_rights_at_registration,
    c30_the_headers_of_a_request_never_reach_a_link,
);
on_both_with!(revealing; a_taken_address_is_told_if_the_operator_wants);

const PATH: &str = "/api/v1/auth/register";
/// Letters of one instant have no order.
const SECOND: Duration = Duration::from_secs(1);

async fn an_account_is_shown_in_the_old_systems_shape(server: Server) {
    let body = json!({
        "email": " Ada.Lovelace@Example.com ", "password": PASSWORD, "full_name": "Ada Lovelace",
        "department": "Engines", "referral_source": "a friend", "transient_payload": { "code": 1 },
    });
    let mut user = server.post(PATH, body).await.expect(201);
    let id = user.as_object_mut().unwrap().remove("id").expect("an id");
    assert_eq!(uuid::Uuid::parse_str(id.as_str().unwrap()).unwrap().get_version_num(), 7);
    assert_eq!(
        user,
        json!({
            "email": "ada.lovelace@example.com", "full_name": "Ada Lovelace", "department": "Engines",
            "is_active": true, "is_verified": false, "is_super_admin": false, "attributes": {},
            "waitlist_status": "approved", "created_at": "2026-01-01T00:00:00Z",
        })
    );
    let ada = server.login("ada.lovelace@example.com").await;
    let me = server.get_as(&ada, "/api/v1/auth/me").await.expect(200);
    assert_eq!((&me["id"], &me["full_name"]), (&id, &json!("Ada Lovelace")));
    assert_eq!(me["last_login_at"], "2026-01-01T00:00:00Z");
}

async fn a_taken_address_gets_the_answer_of_a_free_one(server: Server) {
    let ada = server.unverified("ada@example.com").await;
    let before = server.get_as(&ada, "/api/v1/auth/me").await.expect(200);
    server.advance(SECOND);
    let as_eve =
        |email: &str| json!({ "email": email, "password": "eve was here first", "full_name": "Eve" });
    let mut free = server.post(PATH, as_eve("eve@example.com")).await;
    let mut taken = server.post(PATH, as_eve("ada@example.com")).await;
    assert_eq!((free.status, taken.status), (201, 201));
    let names = |answer: &crate::support::Answer| {
        let mut names: Vec<_> = answer.headers.keys().map(ToString::to_string).collect();
        names.sort();
        names
    };
    assert_eq!(names(&free), names(&taken));
    for (body, email) in [(&mut free.body, "eve@example.com"), (&mut taken.body, "ada@example.com")] {
        assert_eq!(body["email"], email);
        let object = body.as_object_mut().unwrap();
        object.remove("email");
        let id = object.remove("id").unwrap();
        assert_ne!(id, ada.id, "the id of the real account would tell");
        assert_eq!(uuid::Uuid::parse_str(id.as_str().unwrap()).unwrap().get_version_num(), 7);
    }
    assert_eq!(free.body, taken.body);

    assert_eq!(server.get_as(&ada, "/api/v1/auth/me").await.expect(200), before);
    let eves = json!({ "email": "ada@example.com", "password": "eve was here first" });
    server.post("/api/v1/auth/login", eves).await.refused(401, "invalid-credentials");
    server.login("ada@example.com").await;
    let letter = server.last_mail("ada@example.com").await;
    assert!(letter.subject.starts_with("You already have an account"), "{}", letter.subject);
    assert!(!letter.text.contains("token="), "{}", letter.text);
}

async fn c36_spellings_of_an_address_in_other_case_are_one_account(server: Server) {
    server.register("ada@example.com").await;
    server.advance(SECOND);
    server.register("ADA@Example.COM").await;
    let letter = server.last_mail("ada@example.com").await;
    assert!(letter.subject.starts_with("You already have an account"), "{}", letter.subject);
    let first = server.login("ada@example.com").await;
    let second = server.login("Ada@EXAMPLE.com").await;
    assert_eq!(first.id, second.id);
}

async fn a_weak_password_is_refused_by_rule_and_never_repeated(server: Server) {
    let long = "long enough to be too long ".repeat(10);
    let cases = [
        ("elevenchars", "too-short"),
        ("", "too-short"),
        (long.as_str(), "too-long"),
        ("!!Password1234", "common-password"),
        ("aaaaaaaaaaaaaaaa", "common-password"),
        ("it is ada.lovelace here", "contains-email"),
    ];
    for (password, code) in cases {
        let body = json!({ "email": "ada.lovelace@example.com", "password": password });
        let answer = server.post(PATH, body).await;
        assert!(password.is_empty() || !answer.body.to_string().contains(password), "{}", answer.body);
        answer.invalid("password", code);
    }
    let missing = server.post(PATH, json!({ "email": "ada@example.com" })).await;
    missing.invalid("password", "required");
    assert!(server.mails().await.is_empty());
}

async fn what_is_no_address_is_refused_and_never_repeated(server: Server) {
    let long = format!("{}@example.com", "a".repeat(250));
    let cases = [
        ("", "not-an-email"),
        ("canary-7f3a", "not-an-email"),
        ("canary-7f3a@example.com\r\nBcc: eve@example.com", "not-an-email"),
        ("Canary <canary-7f3a@example.com>", "not-an-email"),
        ("canary-7f3a@[127.0.0.1]", "not-an-email"),
        ("canary-7f3a@example.com.", "not-an-email"),
        ("canary-7f3a@example.com\0", "not-an-email"),
        ("canary-7f3a@ex\u{430}mple.com", "not-ascii"),
        ("canary-7f3a\u{ff20}example.com", "not-ascii"),
        ("o\u{fb00}ice@example.com", "not-ascii"),
        (long.as_str(), "too-long"),
    ];
    for (email, code) in cases {
        let answer = server.post(PATH, json!({ "email": email, "password": PASSWORD })).await;
        assert!(email.is_empty() || !answer.body.to_string().contains(email), "{}", answer.body);
        assert!(!answer.body.to_string().contains("canary"), "{}", answer.body);
        answer.invalid("email", code);
    }
    assert!(server.mails().await.is_empty());
}

async fn c37_a_name_cannot_break_out_of_its_line(server: Server) {
    for name in ["Ada\r\nBcc: eve@example.com", "Ada\nEve", "Ada\0", "Ada \u{202e}evE", "\u{1b}[2J"] {
        for field in ["full_name", "department", "referral_source"] {
            let body = json!({ "email": "ada@example.com", "password": PASSWORD, field: name });
            server.post(PATH, body).await.invalid(field, "control-character");
        }
    }
    assert!(server.mails().await.is_empty());
}

async fn c37_markup_in_a_name_is_text_in_the_mail(server: Server) {
    let name = "<a href=http://evil.example>Ada</a>";
    let body = json!({ "email": "ada@example.com", "password": PASSWORD, "full_name": name });
    server.post(PATH, body).await.expect(201);
    let letter = server.last_mail("ada@example.com").await;
    let (_, html) = letter.text.split_once("text/html").expect("an HTML part");
    assert!(!html.contains("<a href=http://evil") && html.contains("&lt;a"), "{html}");
}

async fn empty_profile_fields_of_the_old_clients_count_as_absent(server: Server) {
    let body =
        json!({ "email": "ada@example.com", "password": PASSWORD, "full_name": "", "department": " " });
    let user = server.post(PATH, body).await.expect(201);
    assert!(user.get("full_name").is_none() && user.get("department").is_none(), "{user}");
}

async fn an_account_cannot_be_given_rights_at_registration(server: Server) {
    let cases = [
        ("is_super_admin", json!(true)),
        ("is_verified", json!(true)),
        ("waitlist_status", json!("approved")),
        ("role_id", json!(role_id(SystemRole::Owner))),
        ("id", json!("00000000-0000-7000-8000-000000000001")),
        ("attributes", json!({ "role": "owner" })),
    ];
    for (field, value) in cases {
        let body = json!({ "email": "eve@example.com", "password": PASSWORD, field: value });
        server.post(PATH, body).await.invalid(field, "unknown-field");
    }
}

async fn c30_the_headers_of_a_request_never_reach_a_link(server: Server) {
    let headers: [(&str, &[u8]); 7] = [
        ("content-type", b"application/json"),
        ("host", b"evil.example"),
        ("x-forwarded-host", b"evil.example"),
        ("x-forwarded-proto", b"https"),
        ("forwarded", b"host=evil.example;proto=https"),
        ("origin", b"https://evil.example"),
        ("referer", b"https://evil.example/"),
    ];
    let body = json!({ "email": "ada@example.com", "password": PASSWORD }).to_string();
    for _ in 0..2 {
        // First the link that proves an address, then the letter that tells of an account.
        let answer = raw(&server, Method::POST, PATH, &headers, Some(body.as_bytes())).await;
        answer.expect(201);
        let letter = server.last_mail("ada@example.com").await;
        assert!(letter.text.contains("http://palisade.test/"), "{}", letter.text);
        assert!(!letter.text.contains("evil.example") && !letter.text.contains("https:"), "{}", letter.text);
        server.advance(SECOND);
    }
}

fn revealing(setup: &mut Setup) {
    setup.settings.push(("PALISADE_REVEAL_ACCOUNTS", "true".to_owned()));
}

async fn a_taken_address_is_told_if_the_operator_wants(server: Server) {
    let made: Value = server.register("ada@example.com").await;
    assert_eq!(made["email"], "ada@example.com");
    let again = json!({ "email": "Ada@example.com", "password": PASSWORD });
    server.post(PATH, again).await.refused(409, "email-taken");
    assert_eq!(server.mails().await.len(), 1);
}
