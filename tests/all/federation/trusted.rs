//! Access tokens of other issuers, and the window in which old ones are still taken.

use std::time::Duration;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use palisade::crypto::SigningKey;
use palisade::domain::OsRandom;
use poem::http::Method;
use serde_json::{Value, json};

use super::{Stage, staged};
use crate::support::{PASSWORD, Person, Server, sign};

staged! {
    a_token_of_a_trusted_issuer_is_of_the_person_whose_identity_it_names,
    a_token_that_is_not_right_is_nobodys,
    a_token_carries_no_more_than_its_issuer_was_given,
    what_stops_a_person_stops_their_foreign_tokens,
    a_new_key_of_an_issuer_is_found_and_a_flood_of_unknown_ones_is_not_asked_about,
    old_tokens_are_taken_until_the_window_closes,
    old_tokens_of_another_kind_are_never_taken,
}

const ME: &str = "/api/v1/auth/me";
const SECRET: &str = "an old secret of more than 32 bytes, as it should be";

fn issuers(stage: &Stage, scopes: &str, more: &str) -> String {
    let (idp, other) = (&stage.idp.url, &stage.other.url);
    format!(
        r#"
[[trusted_issuers]]
name = "idp"
issuer = "{idp}"
audiences = ["api", "app"]
scopes = {scopes}
allow_private_addresses = true
{more}

[[trusted_issuers]]
name = "other"
issuer = "{other}"
audiences = ["api"]
scopes = {scopes}
allow_private_addresses = true
"#
    )
}

/// Ada, who signed in with `idp` once, and a server that trusts its tokens.
async fn trusting(stage: Stage, scopes: &str, more: &str) -> (Stage, Person) {
    stage.idp.says_of("1", &json!({ "email": "ada@example.com", "email_verified": true }));
    let ada = stage.server.sign_in_by("idp", &stage.idp).await;
    let text = issuers(&stage, scopes, more);
    let mut stage = stage.reconfigured("").await;
    let settings = super::settings(&[&stage.idp, &stage.other, &stage.github], &text);
    stage.server = stage.server.reconfigured(&settings).await;
    (stage, ada)
}

/// A good one of `idp` for Ada.
fn claims(stage: &Stage) -> Value {
    let now = stage.server.app.now().seconds();
    json!({ "iss": stage.idp.url, "aud": "api", "sub": "1", "iat": now, "exp": now + 300 })
}

fn token(stage: &Stage, change: impl FnOnce(&mut Value)) -> String {
    let mut claims = claims(stage);
    change(&mut claims);
    sign(&stage.idp.says.lock().key, &claims)
}

async fn get(server: &Server, path: &str, token: &str) -> crate::support::Answer {
    server.send(Method::GET, path, Some(token), None).await
}

async fn a_token_of_a_trusted_issuer_is_of_the_person_whose_identity_it_names(stage: Stage) {
    let (stage, ada) = trusting(stage, r#"["self:*"]"#, "").await;
    let me = get(&stage.server, ME, &token(&stage, |_| ())).await.expect(200);
    assert_eq!(me["id"], ada.id);
    let many = token(&stage, |it| it["aud"] = json!(["somebody", "app"]));
    assert_eq!(get(&stage.server, ME, &many).await.expect(200)["id"], ada.id);
}

async fn a_token_that_is_not_right_is_nobodys(stage: Stage) {
    let (stage, _) = trusting(stage, r#"["self:*"]"#, "").await;
    let now = stage.server.app.now().seconds();
    let wrong: [(&str, Value); 17] = [
        ("iss", json!(stage.other.url)),
        ("iss", json!(format!("{}/", stage.idp.url))),
        ("iss", json!([stage.idp.url])),
        ("iss", Value::Null),
        ("aud", json!("somebody")),
        ("aud", json!([])),
        ("aud", json!("API")),
        ("sub", json!("2")),
        ("sub", json!("")),
        ("sub", json!(1)),
        ("exp", json!(now)),
        ("exp", json!("9999999999")),
        ("exp", json!(-1)),
        ("iat", json!("1")),
        ("nbf", json!(now + 120)),
        ("nbf", json!("1")),
        ("exp", json!(1e300)),
    ];
    for (claim, value) in wrong {
        let told = format!("{claim} {value}");
        let bad = token(&stage, |it| it[claim] = value);
        assert_eq!(get(&stage.server, ME, &bad).await.status, 401, "{told}");
    }
    for claim in ["aud", "sub", "exp", "iat"] {
        let bad = token(&stage, |it| drop(it.as_object_mut().unwrap().shift_remove(claim)));
        get(&stage.server, ME, &bad).await.refused(401, "token-invalid");
    }
    // Right in every word, and signed by somebody else, or by nobody, or by what everybody knows.
    let right = claims(&stage);
    let encode = |header: &Header, key: &EncodingKey| jsonwebtoken::encode(header, &right, key).unwrap();
    let kid = stage.idp.says.lock().key.kid().to_owned();
    let public = stage.idp.says.lock().key.public_key().to_vec();
    let named = |algorithm, typ: Option<&str>| {
        let mut header = Header::new(algorithm);
        (header.kid, header.typ) = (Some(kid.clone()), typ.map(str::to_owned));
        header
    };
    let foreign = EncodingKey::from_ed_der(&SigningKey::generate(&OsRandom).to_pkcs8());
    let own = EncodingKey::from_ed_der(&stage.idp.says.lock().key.to_pkcs8());
    let forged = encode(&named(Algorithm::EdDSA, None), &foreign);
    let confused = encode(&named(Algorithm::HS256, None), &EncodingKey::from_secret(&public));
    let refresh = encode(&named(Algorithm::EdDSA, Some("refresh+jwt")), &own);
    let good = encode(&named(Algorithm::EdDSA, Some("at+JWT")), &own);
    let (_, body) = good.split_once('.').unwrap();
    let unsigned = format!("eyJhbGciOiJub25lIn0.{}.", body.split('.').next().unwrap());
    for bad in [forged, confused, refresh, unsigned, good.replace('.', ""), format!("{good}A")] {
        get(&stage.server, ME, &bad).await.refused(401, "token-invalid");
    }
    get(&stage.server, ME, &good).await.expect(200);
    // Once it is not trusted any more it is nothing.
    let settings = super::settings(&[&stage.idp, &stage.other, &stage.github], "");
    let server = stage.server.reconfigured(&settings).await;
    get(&server, ME, &good).await.refused(401, "token-invalid");
}

async fn a_token_carries_no_more_than_its_issuer_was_given(stage: Stage) {
    let (stage, ada) = trusting(stage, r#"["self:read", "org:read"]"#, "").await;
    let Stage { server, .. } = &stage;
    let root = server.super_admin("root@example.com").await;
    stage.idp.says_of("2", &json!({ "email": "root@elsewhere.example", "email_verified": true }));
    server.connect(&root, "idp", &stage.idp, json!({})).await;
    let house = server.organization(&ada, "acme").await;
    let own = token(&stage, |_| ());
    get(server, ME, &own).await.expect(200);
    get(server, &house, &own).await.expect(200);
    let patch = json!({ "full_name": "Eve" });
    server.send(Method::PATCH, ME, Some(&own), Some(&patch)).await.refused(403, "insufficient-scope");
    server
        .send(Method::PATCH, &house, Some(&own), Some(&json!({ "name": "Eve" })))
        .await
        .refused(403, "insufficient-scope");
    let body = json!({ "current_password": PASSWORD, "new_password": "another long sentence" });
    let changed = server.send(Method::POST, "/api/v1/auth/change-password", Some(&own), Some(&body)).await;
    assert_eq!(changed.status, 403, "{}", changed.body);
    // An administrator's is no administrator's.
    let theirs = token(&stage, |it| it["sub"] = json!("2"));
    assert_eq!(get(server, ME, &theirs).await.expect(200)["id"], root.id);
    get(server, "/api/v1/auth/waitlist", &theirs).await.refused(403, "insufficient-scope");
}

async fn what_stops_a_person_stops_their_foreign_tokens(stage: Stage) {
    let (stage, ada) = trusting(stage, r#"["self:*"]"#, "").await;
    let Stage { server, .. } = &stage;
    let root = server.super_admin("root@example.com").await;
    let own = token(&stage, |_| ());
    get(server, ME, &own).await.expect(200);
    server.post_as(&root, &format!("/api/v1/users/{}/suspend", ada.id), json!({})).await.expect(200);
    get(server, ME, &own).await.refused(403, "account-suspended");
    server.post_as(&root, &format!("/api/v1/users/{}/reinstate", ada.id), json!({})).await.expect(200);
    get(server, ME, &own).await.expect(200);
    // It is the identity that it speaks by.
    server.delete_as(&root, &format!("/api/v1/users/{}/connections/idp", ada.id)).await.expect(200);
    get(server, ME, &own).await.refused(401, "token-invalid");
}

async fn a_new_key_of_an_issuer_is_found_and_a_flood_of_unknown_ones_is_not_asked_about(stage: Stage) {
    let (stage, _) = trusting(stage, r#"["self:*"]"#, "").await;
    let before = token(&stage, |_| ());
    get(&stage.server, ME, &before).await.expect(200);
    stage.idp.says.lock().key = SigningKey::generate(&OsRandom);
    let asked = stage.idp.says.lock().key_requests;
    for _ in 0..5 {
        get(&stage.server, ME, &token(&stage, |_| ())).await.refused(401, "token-invalid");
    }
    assert_eq!(stage.idp.says.lock().key_requests, asked, "it was asked moments ago");
    stage.server.advance(Duration::from_secs(30));
    get(&stage.server, ME, &token(&stage, |_| ())).await.expect(200);
    assert_eq!(stage.idp.says.lock().key_requests, asked + 1);
    get(&stage.server, ME, &before).await.refused(401, "token-invalid");
}

/// A server that still takes the old system's tokens, for a day.
async fn with_a_window(stage: Stage) -> Stage {
    let file = stage.server.config.data_dir.join("old-secret");
    std::fs::write(&file, format!("{SECRET}\n")).unwrap();
    let until = (stage.server.app.now() + Duration::from_secs(24 * 60 * 60)).to_datetime();
    let until = until.format(&time::format_description::well_known::Rfc3339).unwrap();
    let text = format!(
        "[[trusted_issuers]]\nname = \"old\"\nsecret_file = \"{}\"\nclaims = {{ type = \"access\" }}\n\
         subjects = \"users\"\nscopes = [\"self:*\"]\nuntil = \"{until}\"\n",
        file.display()
    );
    let settings = super::settings(&[&stage.idp, &stage.other, &stage.github], &text);
    let Stage { server, idp, other, github } = stage;
    let server = server.reconfigured(&settings).await;
    Stage { server, idp, other, github }
}

/// As the old system wrote them: nobody named, instants with fractions.
#[expect(clippy::cast_precision_loss, reason = "seconds since the epoch")]
fn old(stage: &Stage, person: &Person, secret: &str, change: impl FnOnce(&mut Value)) -> String {
    let now = stage.server.app.now().seconds() as f64;
    let mut claims = json!({
        "sub": person.id, "iat": now + 0.25, "exp": now + 900.25, "type": "access",
        "jti": "7f0a3a0e-45f1-4f0c-9d39-7e8b6f3c7a10",
    });
    change(&mut claims);
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).unwrap()
}

async fn old_tokens_are_taken_until_the_window_closes(stage: Stage) {
    let stage = with_a_window(stage).await;
    let ada = stage.server.person("ada@example.com").await;
    let me = get(&stage.server, ME, &old(&stage, &ada, SECRET, |_| ())).await.expect(200);
    assert_eq!(me["id"], ada.id);
    stage.server.advance(Duration::from_secs(24 * 60 * 60 - 1));
    let last = old(&stage, &ada, SECRET, |_| ());
    get(&stage.server, ME, &last).await.expect(200);
    stage.server.advance(Duration::from_secs(1));
    get(&stage.server, ME, &last).await.refused(401, "token-invalid");
    get(&stage.server, ME, &old(&stage, &ada, SECRET, |_| ())).await.refused(401, "token-invalid");
}

async fn old_tokens_of_another_kind_are_never_taken(stage: Stage) {
    let stage = with_a_window(stage).await;
    let ada = stage.server.person("ada@example.com").await;
    let set = |claim: &'static str, value: Value| move |it: &mut Value| it[claim] = value;
    let named = json!({ "sub": ada.id, "type": "access", "iat": 0, "exp": i64::MAX });
    let keyed = sign(&stage.idp.says.lock().key, &named);
    for bad in [
        old(&stage, &ada, SECRET, set("type", json!("refresh"))),
        old(&stage, &ada, SECRET, set("type", json!("password_reset"))),
        old(&stage, &ada, SECRET, set("type", Value::Null)),
        old(&stage, &ada, SECRET, set("sub", json!("ada@example.com"))),
        old(&stage, &ada, SECRET, set("iss", json!("https://evil.example"))),
        old(&stage, &ada, SECRET, set("aud", json!("somebody"))),
        old(&stage, &ada, SECRET, set("exp", json!("9999999999"))),
        old(&stage, &ada, "another secret of more than 32 bytes, as it should be", |_| ()),
        keyed,
    ] {
        get(&stage.server, ME, &bad).await.refused(401, "token-invalid");
    }
    let expired = old(&stage, &ada, SECRET, |_| ());
    stage.server.advance(Duration::from_secs(901));
    get(&stage.server, ME, &expired).await.refused(401, "token-invalid");
}
