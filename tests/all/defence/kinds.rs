//! B: what one kind of token opens another does not, each opens once, and it is dead the moment its session is.

use std::time::Duration;

use futures_util::future::join_all;
use palisade::domain::SystemRole;
use poem::http::Method;
use serde_json::{Value, json};

use crate::on_both;
use crate::support::{Answer, PASSWORD, Person, Server, role_id};

on_both!(
    b18_each_kind_of_token_opens_its_own_door_only,
    b24_an_access_token_is_dead_the_moment_its_session_is,
    b25_of_twenty_parallel_uses_of_a_letter_one_counts,
    b28_a_malformed_cookie_or_key_header_is_no_error_of_ours,
    b29_no_other_grant_can_be_asked_for,
    e51_nothing_is_served_that_the_document_does_not_name,
);

const ME: &str = "/api/v1/auth/me";
const ANOTHER: &str = "an entirely different staple";

/// What a token can be handed in at, and who does.
async fn at(server: &Server, door: &str, ada: &Person, token: &str) -> Answer {
    let post = async |path: &str, body: Value| server.post(path, body).await;
    let as_ada = async |path: &str| server.post_as(ada, path, json!({ "token": token })).await;
    match door {
        "access" => server.send(Method::GET, ME, Some(token), None).await,
        "refresh" => post("/api/v1/auth/refresh", json!({ "refresh_token": token })).await,
        "verification" => post("/api/v1/auth/verify-email", json!({ "token": token })).await,
        "move" => as_ada("/api/v1/auth/me/email/confirm").await,
        "invitation" => as_ada("/api/v1/invitations/accept").await,
        "reset" => {
            let body = json!({ "token": token, "new_password": ANOTHER });
            post("/api/v1/auth/reset-password", body).await
        }
        _ => panic!("there is no door {door}"),
    }
}

async fn b18_each_kind_of_token_opens_its_own_door_only(server: Server) {
    let letter = async |to: &str| {
        server.advance(Duration::from_secs(1));
        server.last_mail(to).await.token()
    };
    server.register("bob@example.com").await;
    let verification = letter("bob@example.com").await;
    let eve = server.person("eve@example.com").await;
    let acme = server.organization(&eve, "acme").await;
    let ada = server.person("ada@example.com").await;
    let body = json!({ "new_email": "ada@new.example", "current_password": PASSWORD });
    server.post_as(&ada, "/api/v1/auth/me/email", body).await.expect(200);
    let movement = letter("ada@new.example").await;
    let body = json!({ "email": ada.email, "role_id": role_id(SystemRole::Viewer) });
    server.post_as(&eve, &format!("{acme}/invitations"), body).await.expect(201);
    let invitation = letter("ada@example.com").await;
    server.post("/api/v1/auth/forgot-password", json!({ "email": eve.email })).await.expect(200);
    let reset = letter("eve@example.com").await;
    let tokens = [
        ("access", &ada.access),
        ("refresh", &ada.refresh),
        ("verification", &verification),
        ("invitation", &invitation),
        ("move", &movement),
        ("reset", &reset),
    ];
    for (kind, token) in tokens {
        for (door, _) in tokens.iter().filter(|(door, _)| *door != kind) {
            let answer = at(&server, door, &ada, token).await;
            assert!(
                matches!(answer.status, 401 | 404 | 409 | 422),
                "{kind} at {door}: {} {}",
                answer.status,
                answer.body
            );
        }
    }
    // None of it has spent one.
    for (kind, token) in tokens {
        at(&server, kind, &ada, token).await.expect(200);
    }
}

async fn b24_an_access_token_is_dead_the_moment_its_session_is(server: Server) {
    let root = server.super_admin("root@example.com").await;
    let ways = [
        "logout",
        "logout-all",
        "revoke",
        "revoke-others",
        "give-up",
        "reuse",
        "change",
        "reset",
        "move",
        "suspend",
        "delete",
    ];
    for way in ways {
        let email = format!("{way}@example.com");
        let ada = server.person(&email).await;
        let here = server.login(&email).await;
        server.get_as(&ada, ME).await.expect(200);
        let post = async |by: &Person, path: &str, body: Value| {
            server.post_as(by, &format!("/api/v1/auth/{path}"), body).await.expect(200)
        };
        match way {
            "logout" => drop(post(&ada, "logout", Value::Null).await),
            "logout-all" => drop(post(&here, "logout-all", Value::Null).await),
            "revoke-others" => drop(post(&here, "sessions/revoke-others", Value::Null).await),
            "revoke" => {
                let listed = server.get_as(&ada, "/api/v1/auth/sessions").await.expect(200);
                let current = listed.as_array().unwrap().iter().find(|it| it["current"] == true).unwrap();
                let path = format!("/api/v1/auth/sessions/{}", current["id"].as_str().unwrap());
                server.delete_as(&here, &path).await.expect(200);
            }
            "give-up" => {
                let form = format!("token={}", ada.refresh);
                server.send_form("/api/v1/auth/revoke", Some(&here.access), form).await.expect(200);
            }
            "reuse" => {
                let refresh = async |token: &str| {
                    server.post("/api/v1/auth/refresh", json!({ "refresh_token": token })).await
                };
                let next = refresh(&ada.refresh).await.expect(200);
                refresh(next["refresh_token"].as_str().unwrap()).await.expect(200);
                refresh(&ada.refresh).await.refused(401, "refresh-token-reused");
            }
            "change" => {
                let body = json!({ "current_password": PASSWORD, "new_password": ANOTHER });
                post(&here, "change-password", body).await;
            }
            "reset" => {
                server.advance(Duration::from_millis(1));
                post(&here, "forgot-password", json!({ "email": email })).await;
                let token = server.last_mail(&email).await.token();
                post(&here, "reset-password", json!({ "token": token, "new_password": ANOTHER })).await;
            }
            "move" => {
                let body = json!({ "new_email": "moved@new.example", "current_password": PASSWORD });
                post(&here, "me/email", body).await;
                let token = server.last_mail("moved@new.example").await.token();
                post(&here, "me/email/confirm", json!({ "token": token })).await;
            }
            "suspend" => {
                let path = format!("/api/v1/users/{}/suspend", ada.id);
                server.post_as(&root, &path, Value::Null).await.expect(200);
            }
            _ => {
                let body = json!({ "current_password": PASSWORD });
                server.send(Method::DELETE, ME, Some(&here.access), Some(&body)).await.expect(200);
            }
        }
        // No instant lies between: the test's clock stands still, up to a millisecond.
        server.get_as(&ada, ME).await.refused(401, "session-ended");
        let body = json!({ "refresh_token": ada.refresh });
        assert_eq!(server.post("/api/v1/auth/refresh", body).await.status, 401, "{way}");
    }
}

async fn b25_of_twenty_parallel_uses_of_a_letter_one_counts(server: Server) {
    let eve = server.person("eve@example.com").await;
    let acme = server.organization(&eve, "acme").await;
    server.advance(Duration::from_secs(1));
    server.register("bob@example.com").await;
    let verification = server.last_mail("bob@example.com").await.token();
    let ada = server.person("ada@example.com").await;
    server.advance(Duration::from_secs(1));
    let body = json!({ "new_email": "ada@new.example", "current_password": PASSWORD });
    server.post_as(&ada, "/api/v1/auth/me/email", body).await.expect(200);
    let movement = server.last_mail("ada@new.example").await.token();
    // Word of the move went to the address that the invitation goes to: letters of one instant have no order.
    server.advance(Duration::from_secs(1));
    let body = json!({ "email": ada.email, "role_id": role_id(SystemRole::Viewer) });
    server.post_as(&eve, &format!("{acme}/invitations"), body).await.expect(201);
    let invitation = server.last_mail("ada@example.com").await.token();
    for (door, token) in [("verification", verification), ("invitation", invitation), ("move", movement)] {
        let answers = join_all((0..20).map(|_| at(&server, door, &ada, &token))).await;
        let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{door}: {statuses:?}");
        assert!(
            statuses.iter().all(|status| matches!(status, 200 | 401 | 404 | 409)),
            "{door}: {statuses:?}"
        );
    }
}

async fn b28_a_malformed_cookie_or_key_header_is_no_error_of_ours(server: Server) {
    let ada = server.unverified("ada@example.com").await;
    let good = format!("__Host-palisade_access={}", ada.access);
    for cookie in [
        "",
        ";",
        "=",
        ";;;=;",
        "__Host-palisade_access",
        "__Host-palisade_access=",
        "__Host-palisade_access=;",
        "__Host-palisade_access=\"",
        "__Host-palisade_access=a.b.c",
        "__Host-palisade_access=%00%ff",
        "__Host-palisade_refresh=x; __Host-palisade_access=y",
        &"x=y; ".repeat(500),
        &format!("{good}x"),
        &good.to_uppercase(),
    ] {
        for method in [Method::GET, Method::PATCH] {
            let headers = [("cookie", cookie), ("sec-fetch-site", "same-origin")];
            let body = (method == Method::PATCH).then(|| json!({}));
            let answer = server.send_from("192.0.2.1", &headers, method, ME, body.as_ref()).await;
            assert_eq!(answer.status, 401, "{cookie}: {}", answer.body);
        }
    }
    for key in ["psk_", "psk_test_", "psk_test_x_y_z", &"psk_".repeat(1000), "PSK_TEST_A"] {
        let answer = server.send_from("192.0.2.1", &[("x-api-key", key)], Method::GET, ME, None).await;
        answer.refused(401, "key-invalid");
    }
}

async fn b29_no_other_grant_can_be_asked_for(server: Server) {
    let ada = server.person("ada@example.com").await;
    for grant in [
        "password",
        "client_credentials",
        "implicit",
        "authorization_code",
        "refresh_token",
        "none",
        "",
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "URN:IETF:PARAMS:OAUTH:GRANT-TYPE:TOKEN-EXCHANGE",
    ] {
        let fields = [
            ("grant_type", grant),
            ("response_type", "token"),
            ("username", &ada.email),
            ("password", PASSWORD),
            ("refresh_token", &ada.refresh),
            ("subject_token", &ada.access),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("actor_token", &ada.access),
            ("actor_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ];
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let answer = server.send_form("/api/v1/auth/token", None, form).await;
        assert_eq!(
            (answer.status, answer.body["error"].as_str()),
            (400, Some("unsupported_grant_type")),
            "{grant}"
        );
    }
    for path in ["/api/v1/auth/authorize", "/oauth/authorize", "/authorize"] {
        assert_eq!(server.get(&format!("{path}?response_type=token")).await.status, 404, "{path}");
    }
}

async fn e51_nothing_is_served_that_the_document_does_not_name(server: Server) {
    let root = server.super_admin("root@example.com").await;
    let acme = server.organization(&root, "acme").await;
    for path in [
        &format!("{acme}/debug/owner-info"),
        "/debug",
        "/debug/pprof",
        "/metrics/",
        "/metrics/all",
        "/actuator",
        "/.env",
        "/.git/HEAD",
        "/server-status",
        "/admin",
        "/graphql",
        "/swagger.json",
        "/redoc",
        "/api/v1/github/repos-test",
        "/api/v1/github/repos-diagnostic",
        "/api/v1/auth/oauth/github/copy-from",
        "/api/v1/users",
        "/api/v1/auth/users",
        "/config",
        "/api/v1/debug",
    ] {
        for method in [Method::GET, Method::POST] {
            let answer = server.send(method, path, Some(&root.access), None).await;
            assert_eq!(answer.status, 404, "{path}: {}", answer.body);
        }
    }
    // Beside the document, and a decision of the policies all the same.
    server.get("/metrics").await.refused(401, "not-signed-in");
    let ada = server.person("ada@example.com").await;
    server.get_as(&ada, "/metrics").await.refused(403, "not-permitted");
}
