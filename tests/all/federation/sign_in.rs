//! Signing in and signing up by a provider.

use std::time::Duration;

use poem::http::Method;
use serde_json::json;

use super::{Stage, staged};
use crate::support::{Jar, PASSWORD};

staged! {
    somebody_new_gets_an_account_and_comes_back_to_it,
    the_account_follows_the_identity_and_not_its_address,
    an_address_that_nobody_vouches_for_is_proved_first,
    nobody_learns_whether_an_unproved_address_has_an_account,
    a_code_works_once_within_a_minute_in_its_own_browser,
    a_journey_takes_at_most_ten_minutes,
    the_way_on_leads_to_listed_origins_only,
    the_cookie_is_for_this_host_and_no_script,
    cookies_take_the_tokens_instead_of_the_answer,
    an_operator_may_have_tokens_in_the_fragment,
    a_name_is_taken_as_configured,
    a_person_who_said_no_is_told_so_in_our_words,
    a_session_says_how_it_began,
    a_sign_in_by_a_provider_leaves_an_event_or_does_not_happen,
    a_closed_door_is_closed_here_too,
    providers_are_listed_for_everybody,
    plugins_are_told_how_those_who_wait_came,
}

fn verified(email: &str) -> serde_json::Value {
    json!({ "email": email, "email_verified": true, "name": "Ada", "preferred_username": "ada" })
}

async fn somebody_new_gets_an_account_and_comes_back_to_it(stage: Stage) {
    let Stage { server, idp, .. } = &stage;
    idp.says_of("1", &verified("ada@example.com"));
    let first = server.sign_in_by("idp", idp).await;
    let me = server.get_as(&first, "/api/v1/auth/me").await.expect(200);
    assert_eq!((me["email"].as_str(), me["full_name"].as_str()), (Some("ada@example.com"), Some("Ada")));
    assert_eq!(me["is_verified"], true);
    assert_eq!(server.sign_in_by("idp", idp).await.id, first.id);
    let body = json!({ "email": "ada@example.com", "password": PASSWORD });
    server.post("/api/v1/auth/login", body).await.refused(401, "invalid-credentials");
    let again = json!({ "refresh_token": first.refresh });
    server.post("/api/v1/auth/refresh", again).await.expect(200);
}

async fn the_account_follows_the_identity_and_not_its_address(stage: Stage) {
    let Stage { server, idp, .. } = &stage;
    idp.says_of("1", &verified("ada@example.com"));
    let ada = server.sign_in_by("idp", idp).await;
    idp.says_of("1", &verified("ada@new.example"));
    let moved = server.sign_in_by("idp", idp).await;
    assert_eq!((moved.id.as_str(), moved.email.as_str()), (ada.id.as_str(), "ada@example.com"));
    // Whoever has the old address now is somebody else.
    idp.says_of("2", &verified("ada@example.com"));
    server.journey(&mut Jar::default(), "idp", idp).await.failed("link_required");
}

async fn an_address_that_nobody_vouches_for_is_proved_first(stage: Stage) {
    let Stage { server, idp, .. } = &stage;
    idp.says_of("1", &json!({ "email": "ada@example.com" }));
    for _ in 0..2 {
        server.journey(&mut Jar::default(), "idp", idp).await.failed("email_unverified");
    }
    let token = server.last_mail("ada@example.com").await.token();
    server.post("/api/v1/auth/verify-email", json!({ "token": token })).await.expect(200);
    assert_eq!(server.sign_in_by("idp", idp).await.email, "ada@example.com");
}

async fn nobody_learns_whether_an_unproved_address_has_an_account(stage: Stage) {
    let Stage { server, idp, .. } = &stage;
    server.person("known@example.com").await;
    let mut landed = Vec::new();
    for (subject, email) in [("1", "known@example.com"), ("2", "unknown@example.com")] {
        idp.says_of(subject, &json!({ "email": email }));
        for _ in 0..2 {
            landed.push(server.journey(&mut Jar::default(), "idp", idp).await.0);
        }
    }
    landed.dedup();
    assert_eq!(landed.len(), 1, "{landed:?}");
    let mails = server.mails().await;
    let told = mails.iter().filter(|mail| mail.to.contains("known@example.com"));
    assert_eq!(told.filter(|mail| mail.subject.contains("already have an account")).count(), 2);
}

async fn a_code_works_once_within_a_minute_in_its_own_browser(stage: Stage) {
    let Stage { server, idp, .. } = &stage;
    idp.says_of("1", &verified("ada@example.com"));
    let mut jar = Jar::default();
    let code = server.journey(&mut jar, "idp", idp).await.code();
    server.trade(&mut jar, &code).await.expect(200);
    server.trade(&mut jar, &code).await.refused(401, "code-invalid");
    let code = server.journey(&mut jar, "idp", idp).await.code();
    server.trade(&mut Jar::default(), &code).await.refused(401, "code-invalid");
    server.trade(&mut jar, &code).await.refused(401, "code-invalid");
    let code = server.journey(&mut jar, "idp", idp).await.code();
    server.advance(Duration::from_secs(60));
    server.trade(&mut jar, &code).await.refused(401, "code-invalid");
}

async fn a_journey_takes_at_most_ten_minutes(stage: Stage) {
    let Stage { server, idp, .. } = &stage;
    idp.says_of("1", &verified("ada@example.com"));
    let mut jar = Jar::default();
    let (code, state) = idp.visit(&server.depart(&mut jar, "idp").await);
    server.advance(Duration::from_secs(600));
    server.come_back(&mut jar, "idp", &[("code", &code), ("state", &state)]).await.failed("invalid_state");
}

async fn the_way_on_leads_to_listed_origins_only(stage: Stage) {
    let Stage { server, idp, .. } = &stage;
    for evil in [
        "https://evil.example/",
        "//evil.example",
        "/%5Cevil.example",
        "/\\evil.example",
        "http://app.test@evil.example/",
        "http://app.test.evil.example/",
        "https:evil.example",
        "javascript:alert(1)",
        "http://app.test:8080/",
        "https://app.test/",
    ] {
        let query =
            url::form_urlencoded::Serializer::new(String::new()).append_pair("return_to", evil).finish();
        for path in [format!("/api/v1/auth/oauth/idp/url?{query}"), format!("/api/v1/auth/oauth/idp?{query}")]
        {
            server.get(&path).await.invalid("return_to", "not-allowed");
        }
    }
    idp.says_of("1", &verified("ada@example.com"));
    for (wanted, given) in [
        ("http://other.test/tasks?id=1", "http://other.test/tasks?id=1"),
        ("/tasks", "http://app.test/tasks"),
    ] {
        let mut jar = Jar::default();
        let query =
            url::form_urlencoded::Serializer::new(String::new()).append_pair("return_to", wanted).finish();
        let path = format!("/api/v1/auth/oauth/idp?{query}");
        let away = server.browse(&mut jar, Method::GET, &path, None, None).await;
        assert_eq!(away.status, 307);
        let (code, state) = idp.visit(away.headers["location"].to_str().unwrap());
        let landed = server.come_back(&mut jar, "idp", &[("code", &code), ("state", &state)]).await;
        assert_eq!(landed.0.origin().ascii_serialization(), "http://app.test");
        assert_eq!(server.trade(&mut jar, &landed.code()).await.expect(200)["return_to"], given);
    }
}

async fn the_cookie_is_for_this_host_and_no_script(stage: Stage) {
    let answer = stage.server.get("/api/v1/auth/oauth/idp/url").await;
    let cookie = answer.headers["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.starts_with("palisade_oauth="), "{cookie}");
    for attribute in ["; Path=/;", "; HttpOnly", "; SameSite=Lax", "; Max-Age=660"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert!(!cookie.contains("Domain") && !cookie.contains("Secure"), "{cookie}");
}

async fn cookies_take_the_tokens_instead_of_the_answer(stage: Stage) {
    let Stage { server, idp, .. } = &stage;
    idp.says_of("1", &verified("ada@example.com"));
    let mut jar = Jar::default();
    let code = server.journey(&mut jar, "idp", idp).await.code();
    let body = json!({ "code": code, "cookies": true });
    let path = "/api/v1/auth/oauth/token";
    server.browse(&mut jar, Method::POST, path, None, Some(&body)).await.refused(403, "cross-site-request");
    let answer = server
        .send_from(
            "127.0.0.1",
            &[("cookie", jar.0.as_deref().unwrap()), ("sec-fetch-site", "same-origin")],
            Method::POST,
            path,
            Some(&body),
        )
        .await;
    assert_eq!(answer.headers.get_all("set-cookie").iter().count(), 2);
    let body = answer.expect(200);
    assert!(body.get("access_token").is_none() && body.get("refresh_token").is_none());
    assert_eq!(body["provider"], "idp");
}

async fn an_operator_may_have_tokens_in_the_fragment(stage: Stage) {
    let Stage { server, idp, other, github } = stage;
    let mut settings = super::settings(&[&idp, &other, &github], "");
    settings = settings.replace("[oauth]\n", "[oauth]\ntokens_in_fragment = true\n");
    let server = server.reconfigured(&settings).await;
    idp.says_of("1", &verified("ada@example.com"));
    let landed = server.journey(&mut Jar::default(), "idp", &idp).await;
    assert!(landed.0.query().is_none(), "{}", landed.0);
    let fragment = landed.0.fragment().unwrap().to_owned();
    let pairs: std::collections::HashMap<_, _> =
        url::form_urlencoded::parse(fragment.as_bytes()).into_owned().collect();
    assert_eq!(pairs["provider"], "idp");
    let me = server.send(Method::GET, "/api/v1/auth/me", Some(&pairs["access_token"]), None).await;
    assert_eq!(me.expect(200)["email"], "ada@example.com");
}

async fn a_name_is_taken_as_configured(stage: Stage) {
    stage.idp.says_of("1", &verified("ada@example.com"));
    stage.server.sign_in_by("idp", &stage.idp).await;
    let stage = stage.reconfigured("claims = { name = { from = \"name\", action = \"force\" } }").await;
    let renamed = json!({ "email": "ada@example.com", "email_verified": true, "name": "Ada Lovelace" });
    stage.idp.says_of("1", &renamed);
    let ada = stage.server.sign_in_by("idp", &stage.idp).await;
    assert_eq!(stage.server.get_as(&ada, "/api/v1/auth/me").await.expect(200)["full_name"], "Ada Lovelace");
    let stage = stage.reconfigured("claims = { name = { from = \"name\", action = \"require\" } }").await;
    stage.idp.says_of("1", &json!({ "email": "ada@example.com", "email_verified": true }));
    stage.server.journey(&mut Jar::default(), "idp", &stage.idp).await.failed("oauth_failed");
    let stage = stage.reconfigured("sign_up = false").await;
    stage.idp.says_of("2", &verified("bob@example.com"));
    stage.server.journey(&mut Jar::default(), "idp", &stage.idp).await.failed("registration_refused");
}

async fn a_person_who_said_no_is_told_so_in_our_words(stage: Stage) {
    let Stage { server, idp, .. } = &stage;
    for (said, told) in [
        ("access_denied", "access_denied"),
        ("server_error", "oauth_failed"),
        ("x&code=y#access_token=z", "oauth_failed"),
        ("<script>", "oauth_failed"),
    ] {
        let mut jar = Jar::default();
        let (_, state) = idp.visit(&server.depart(&mut jar, "idp").await);
        let query = [("error", said), ("error_description", "echo-me"), ("state", &state)];
        let landed = server.come_back(&mut jar, "idp", &query).await;
        landed.failed(told);
        assert_eq!(landed.0.query(), Some(&*format!("error={told}&provider=idp")));
    }
}

async fn a_session_says_how_it_began(stage: Stage) {
    use base64::Engine as _;
    let Stage { server, idp, .. } = &stage;
    idp.says_of("1", &verified("ada@example.com"));
    let ada = server.sign_in_by("idp", idp).await;
    let refreshed =
        server.post("/api/v1/auth/refresh", json!({ "refresh_token": ada.refresh })).await.expect(200);
    for token in [ada.access.as_str(), refreshed["access_token"].as_str().unwrap()] {
        let part = token.split('.').nth(1).unwrap();
        let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).unwrap();
        let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
        assert_eq!(claims["amr"], json!(["fed"]));
    }
    let events = server.get_as(&ada, "/api/v1/auth/me/events").await.expect(200);
    let signed_in = events.as_array().unwrap().iter().find(|it| it["action"] == "ExchangeCode");
    assert_eq!(signed_in.unwrap()["details"]["provider"], "idp");
}

async fn a_sign_in_by_a_provider_leaves_an_event_or_does_not_happen(stage: Stage) {
    let Stage { server, idp, .. } = &stage;
    idp.says_of("1", &verified("ada@example.com"));
    let told = "SELECT COUNT(*) FROM events WHERE action = 'ExchangeCode' AND failure IS NULL";
    let sessions = "SELECT COUNT(*) FROM sessions";
    server.sign_in_by("idp", idp).await;
    assert_eq!((server.count(told).await, server.count(sessions).await), (1, 1));
    let mut jar = Jar::default();
    let code = server.journey(&mut jar, "idp", idp).await.code();
    server.forbid_events(true).await;
    let answer = server.trade(&mut jar, &code).await;
    server.forbid_events(false).await;
    assert_eq!((answer.status, server.count(sessions).await), (500, 1));
}

async fn a_closed_door_is_closed_here_too(stage: Stage) {
    let Stage { server, idp, .. } = &stage;
    idp.says_of("1", &verified("ada@example.com"));
    let ada = server.sign_in_by("idp", idp).await;
    let root = server.super_admin("root@example.com").await;
    let mut jar = Jar::default();
    let code = server.journey(&mut jar, "idp", idp).await.code();
    server.post_as(&root, &format!("/api/v1/users/{}/suspend", ada.id), json!({})).await.expect(200);
    server.journey(&mut Jar::default(), "idp", idp).await.failed("account_unavailable");
    server.trade(&mut jar, &code).await.refused(403, "account-suspended");
}

async fn providers_are_listed_for_everybody(stage: Stage) {
    let listed = stage.server.get("/api/v1/auth/oauth/providers").await.expect(200);
    let names: Vec<_> =
        listed["providers"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["github", "idp", "other"]);
    assert!(!listed.to_string().contains("hush"));
    stage.server.get("/api/v1/auth/oauth/nobody/url").await.refused(404, "not-found");
}

async fn plugins_are_told_how_those_who_wait_came(stage: Stage) {
    use palisade::app::waitlist_principal;
    use palisade::domain::UserId;
    use palisade::guard::actions::ReviewRegistrations;
    let Stage { server, idp, other, github } = stage;
    let waiting = "waitlist_requires = [\"verified-email\", \"plugin\"]\n[[plugins]]\nname = \"waitlist\"\n\
                   config = { allowed_domains = [\"friends.example\"] }";
    let settings = super::settings(&[&idp, &other, &github], "").replace("plugins = []", waiting);
    let server = server.reconfigured(&settings).await;
    idp.says_of("1", &verified("ada@example.com"));
    assert_eq!(server.sign_in_by("idp", &idp).await.email, "ada@example.com");
    server.advance(Duration::from_millis(1));
    server.register("bob@example.com").await;
    let letters = server.mails().await;
    let letter = letters.iter().find(|it| it.to.contains("bob@example.com") && it.text.contains("token="));
    let body = json!({ "token": letter.unwrap().token() });
    server.post("/api/v1/auth/verify-email", body).await.expect(200);
    let caller = waitlist_principal();
    let ok = server.app.authorize(&caller, ReviewRegistrations {}).await.unwrap();
    let nobody = UserId::from(uuid::Uuid::nil());
    let told = server.app.waiting_candidates(&ok, nobody).await.unwrap();
    let told: Vec<_> = told
        .iter()
        .map(|(_, it)| (it.email.as_str(), format!("{:?}", it.method), it.provider.as_deref()))
        .collect();
    let expected = [
        ("ada@example.com", "OAuth".to_owned(), Some("idp")),
        ("bob@example.com", "Password".to_owned(), None),
    ];
    assert_eq!(told, expected);
}
