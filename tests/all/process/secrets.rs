//! Nothing secret is printed or logged, at the loudest level, in either format; nor does it lie in the database.

use serde_json::json;

use super::child::letter;
use super::{Child, Place, in_places};
use crate::support::role_id;

in_places!(a_whole_session_at_trace_says_nothing_secret);

const PASSWORD: &str = "canary-password-7f3a9c";

fn token(letter: &str) -> String {
    let (_, rest) = letter.split_once("token=").expect("a link");
    rest.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect()
}

/// Plays a session with everything that is secret in it, and tells each secret.
async fn session(place: &Place, server: &Child, name: &str) -> Vec<String> {
    let email = format!("{name}@example.com");
    let post = async |path: &str, token: Option<&str>, body| {
        server.send("POST", path, token, Some(body)).await.expect("an answer")
    };
    let credentials = json!({ "email": email, "password": PASSWORD });
    assert_eq!(post("/api/v1/auth/register", None, credentials.clone()).await.0, 201);
    let proof = token(&letter(place.folder.path(), &email).await);
    assert_eq!(post("/api/v1/auth/verify-email", None, json!({ "token": proof })).await.0, 200);
    let wrong = format!("{PASSWORD}-mistyped");
    assert_eq!(post("/api/v1/auth/login", None, json!({ "email": email, "password": wrong })).await.0, 401);
    let (_, first) = post("/api/v1/auth/login", None, credentials).await;
    let refresh = json!({ "refresh_token": first["refresh_token"] });
    let (_, second) = post("/api/v1/auth/refresh", None, refresh).await;
    let access = second["access_token"].as_str().expect("a token");

    let founding = json!({ "name": name, "slug": name });
    let (_, organization) = post("/api/v1/organizations", Some(access), founding).await;
    let path = format!("/api/v1/organizations/{}/invitations", organization["id"].as_str().expect("an id"));
    let guest = format!("guest-{name}@example.com");
    let role = role_id(palisade::domain::SystemRole::Viewer);
    assert_eq!(post(&path, Some(access), json!({ "email": guest, "role_id": role })).await.0, 201);
    let invitation = token(&letter(place.folder.path(), &guest).await);
    assert_eq!(post("/api/v1/invitations/accept", Some(access), json!({ "token": invitation })).await.0, 403);
    // Where a secret should never be, people put it all the same.
    let strange = format!("/api/v1/auth/me?access_token={access}");
    assert_eq!(
        server.send("GET", &strange, Some("canary-bearer-7f3a"), None).await.expect("an answer").0,
        401
    );
    let lost = format!("/verify-email/{proof}?token={invitation}");
    assert_eq!(server.send("GET", &lost, None, None).await.expect("an answer").0, 404);
    assert_eq!(post("/api/v1/auth/register", None, json!({ PASSWORD: PASSWORD })).await.0, 422);
    assert_eq!(post("/api/v1/auth/logout", Some(access), json!({})).await.0, 200);

    let text = |body: &serde_json::Value, key: &str| body[key].as_str().expect("a token").to_owned();
    vec![
        PASSWORD.to_owned(),
        "canary-bearer-7f3a".to_owned(),
        proof,
        invitation,
        text(&first, "refresh_token"),
        text(&first, "access_token"),
        text(&second, "refresh_token"),
        access.to_owned(),
    ]
}

async fn a_whole_session_at_trace_says_nothing_secret(place: Place) {
    let mut place = place.set("PALISADE_LOG", "trace");
    let mut secrets = Vec::new();
    for format in ["text", "json"] {
        place = place.set("PALISADE_LOG_FORMAT", format);
        let server = place.serve();
        secrets.extend(session(&place, &server, format).await);
        let finished = server.stop();
        assert!(finished.stderr.contains("answered"), "the log was on");
        for secret in &secrets {
            Child::has_said_nothing_of(&finished, secret);
            // Of a JWT not even the signature, with which the rest could be guessed.
            Child::has_said_nothing_of(&finished, secret.rsplit('.').next().expect("a part"));
        }
        assert!(!finished.stderr.contains("token=") && !finished.stderr.contains("$argon2"));
    }
    for file in std::fs::read_dir(place.folder.path()).expect("a folder").flatten() {
        if file.path().is_file() {
            let bytes = std::fs::read(file.path()).expect("a file");
            for secret in &secrets {
                let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
                assert!(!found, "{} holds `{secret}`", file.path().display());
            }
        }
    }
}
