//! Forged and malformed credentials. Each answer is 401 and a problem document, never anonymous and never 500.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use palisade::crypto::{MasterKey, Sealer, SigningKey};
use palisade::domain::OsRandom;
use palisade::store::{SealedKey, Store};
use poem::http::Method;
use serde_json::{Value, json};

use super::requests::raw;
use crate::on_both;
use crate::support::{Person, Server};

on_both!(
    b16_a_header_with_another_word_in_it_is_refused,
    b17_a_claim_with_another_word_in_it_is_refused,
    b16_a_token_signed_with_anything_else_is_refused,
    b19_a_token_with_a_character_more_or_less_is_refused,
    b18_a_token_for_somebody_elses_session_is_refused,
    b28_a_malformed_authorization_header_is_refused,
);

const ME: &str = "/api/v1/auth/me";

fn encode(json: &Value) -> String {
    URL_SAFE_NO_PAD.encode(json.to_string())
}

/// Header and claims of a token.
fn parts(token: &str) -> [Value; 2] {
    let mut parts =
        token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).map(|json| serde_json::from_slice(&json)));
    let mut next = || parts.next().unwrap().unwrap().unwrap();
    [next(), next()]
}

/// The server's own signing key, as whoever stole its disk and its master key would have it.
async fn stolen_key(server: &Server) -> SigningKey {
    let store = Store::open(server.config.database_url().expose()).await.unwrap();
    let unused = || panic!("the server has made its key");
    let mut keys = store.signing_keys_unguarded(unused).await.unwrap();
    store.close().await;
    let SealedKey { kid, sealed, .. } = keys.remove(0);
    let master = MasterKey::load_or_create(&server.config.data_dir.join("master.key"), &OsRandom).unwrap();
    let plain = Sealer::new(&master).open("signing-key", &sealed).unwrap();
    SigningKey::from_pkcs8(&kid, &plain).unwrap()
}

fn sign(key: &SigningKey, header: &Value, claims: &Value) -> String {
    let message = format!("{}.{}", encode(header), encode(claims));
    let key = EncodingKey::from_ed_der(&key.to_pkcs8());
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::EdDSA).unwrap();
    format!("{message}.{signature}")
}

fn with(json: &Value, key: &str, value: Value) -> Value {
    let mut json = json.clone();
    json[key] = value;
    json
}

fn without(json: &Value, key: &str) -> Value {
    let mut json = json.clone();
    json.as_object_mut().unwrap().remove(key);
    json
}

async fn refused(server: &Server, token: &str, why: &str) {
    let answer = server.send(Method::GET, ME, Some(token), None).await;
    assert_eq!((answer.status, answer.body["status"].as_u64()), (401, Some(401)), "{why}: {}", answer.body);
    let code = answer.body["code"].as_str().unwrap().to_owned();
    assert!(code.starts_with("token-"), "{why}: {code}");
    assert!(answer.headers["www-authenticate"].to_str().unwrap().contains("invalid_token"), "{why}");
}

async fn b16_a_header_with_another_word_in_it_is_refused(server: Server) {
    let ada = server.unverified("ada@example.com").await;
    let key = stolen_key(&server).await;
    let [header, claims] = parts(&ada.access);
    // Signing anew is not what makes the others fail.
    let control = sign(&key, &header, &claims);
    server.send(Method::GET, ME, Some(&control), None).await.expect(200);

    for (name, value) in [
        ("typ", json!("JWT")),
        ("typ", json!("refresh+jwt")),
        ("typ", Value::Null),
        ("alg", json!("none")),
        ("alg", json!("HS256")),
        ("alg", json!("ES256")),
        ("alg", json!("eddsa")),
        ("kid", json!("../../etc/passwd")),
        ("kid", json!("' OR 1=1 --")),
        ("kid", json!("")),
        ("jku", json!("http://evil.example/jwks.json")),
        ("x5u", json!("http://evil.example/chain.pem")),
        ("jwk", json!({ "kty": "OKP", "crv": "Ed25519", "x": "AAAA" })),
        ("crit", json!(["exp"])),
        ("b64", json!(false)),
    ] {
        let why = format!("header {name} = {value}");
        refused(&server, &sign(&key, &with(&header, name, value), &claims), &why).await;
    }
    for name in ["typ", "alg", "kid"] {
        refused(&server, &sign(&key, &without(&header, name), &claims), name).await;
    }
}

async fn b17_a_claim_with_another_word_in_it_is_refused(server: Server) {
    let ada = server.unverified("ada@example.com").await;
    let key = stolen_key(&server).await;
    let [header, claims] = parts(&ada.access);
    let exp = claims["exp"].as_i64().unwrap();
    server.send(Method::GET, ME, Some(&sign(&key, &header, &claims)), None).await.expect(200);
    for (name, value) in [
        ("exp", json!(exp.to_string())),
        ("exp", json!("9999999999")),
        ("exp", Value::Null),
        ("exp", json!(-1)),
        ("exp", json!(i64::MAX)),
        ("exp", json!(1e300)),
        ("nbf", json!(exp)),
        ("nbf", json!("0")),
        ("iat", json!(exp)),
        ("iss", json!("http://evil.example")),
        ("iss", json!(["http://palisade.test"])),
        ("aud", json!("http://evil.example")),
        ("aud", json!(["http://palisade.test", "http://evil.example"])),
        ("sub", json!("not an id")),
        ("sub", json!("' OR 1=1 --")),
        ("sid", json!("not an id")),
        ("jti", json!("not an id")),
    ] {
        let why = format!("claim {name} = {value}");
        refused(&server, &sign(&key, &header, &with(&claims, name, value)), &why).await;
    }
    for name in ["exp", "nbf", "iat", "iss", "aud", "sub", "sid", "jti"] {
        refused(&server, &sign(&key, &header, &without(&claims, name)), name).await;
    }
}

async fn b16_a_token_signed_with_anything_else_is_refused(server: Server) {
    let ada = server.unverified("ada@example.com").await;
    let [header, claims] = parts(&ada.access);
    let jwks = server.get("/.well-known/jwks.json").await.expect(200);
    let public = jwks["keys"][0]["x"].as_str().unwrap();

    for alg in ["none", "None", "NONE", "nOnE"] {
        let header = with(&header, "alg", json!(alg));
        refused(&server, &format!("{}.{}.", encode(&header), encode(&claims)), alg).await;
        refused(&server, &format!("{}.{}", encode(&header), encode(&claims)), alg).await;
    }
    // The public key as an HMAC secret, in every form an attacker can get it.
    let raw = URL_SAFE_NO_PAD.decode(public).unwrap();
    let jwk = jwks["keys"][0].to_string().into_bytes();
    for secret in [raw, public.as_bytes().to_vec(), jwk, Vec::new()] {
        let header = with(&header, "alg", json!("HS256"));
        let message = format!("{}.{}", encode(&header), encode(&claims));
        let key = EncodingKey::from_secret(&secret);
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
        refused(&server, &format!("{message}.{signature}"), "HS256").await;
    }
    // A key of the attacker's own under our key's name.
    let own = SigningKey::generate(&OsRandom);
    refused(&server, &sign(&own, &header, &claims), "another key").await;
    refused(&server, &sign(&own, &with(&header, "kid", json!(own.kid())), &claims), "another kid").await;
    // The signature of one token under the claims of another.
    let eve = server.unverified("eve@example.com").await;
    let (_, signature) = ada.access.rsplit_once('.').unwrap();
    let (message, _) = eve.access.rsplit_once('.').unwrap();
    refused(&server, &format!("{message}.{signature}"), "mixed").await;
}

async fn b19_a_token_with_a_character_more_or_less_is_refused(server: Server) {
    let ada = server.unverified("ada@example.com").await;
    let token = &ada.access;
    for length in (0..token.len()).rev().take(40).chain([1, 10, token.find('.').unwrap()]) {
        refused(&server, &token[..length], &format!("cut to {length}")).await;
    }
    for more in ["A", "=", ".", ".A", " ", "\t", "/../x", "%00"] {
        refused(&server, &format!("{token}{more}"), &format!("followed by {more:?}")).await;
    }
    refused(&server, &format!("A{token}"), "preceded").await;
    refused(&server, &token.to_uppercase(), "in upper case").await;
    refused(&server, &token.replace('-', "+").replace('_', "/").replace('.', ".."), "in base64").await;
    server.get_as(&ada, ME).await.expect(200);
}

async fn b18_a_token_for_somebody_elses_session_is_refused(server: Server) {
    let ada = server.unverified("ada@example.com").await;
    let eve = server.unverified("eve@example.com").await;
    let key = stolen_key(&server).await;
    let [header, claims] = parts(&eve.access);
    let forged = sign(&key, &header, &with(&claims, "sub", json!(ada.id)));
    let eve = Person { access: forged, ..eve };
    server.get_as(&eve, ME).await.refused(401, "session-ended");
}

async fn b28_a_malformed_authorization_header_is_refused(server: Server) {
    let ada = server.unverified("ada@example.com").await;
    let good = format!("Bearer {}", ada.access);
    for path in [ME, "/api/v1/organizations"] {
        for header in [
            &b""[..],
            b" ",
            b"Bearer",
            b"Bearer ",
            b"Bearer  ",
            b"bearer x",
            b"Basic YWRhOmFkYQ==",
            b"Digest username=\"ada\"",
            b"Bearer \xff\xfe",
            b"\xc3\xa9 x",
            b"Bearer a b c",
            b"Bearer,Bearer",
            ada.access.as_bytes(),
            format!("Bearer{}", ada.access).as_bytes(),
            format!("Bearer  {}", ada.access).as_bytes(),
            format!("Token {}", ada.access).as_bytes(),
            format!("{good}, {good}").as_bytes(),
            &[b'x'; 15_000],
        ] {
            let answer = raw(&server, Method::GET, path, &[("authorization", header)], None).await;
            answer.refused(401, "token-invalid");
        }
        let twice = [("authorization", good.as_bytes()), ("authorization", good.as_bytes())];
        raw(&server, Method::GET, path, &twice, None).await.refused(401, "token-invalid");
        let mixed = [("authorization", good.as_bytes()), ("authorization", &b"Bearer x"[..])];
        raw(&server, Method::GET, path, &mixed, None).await.refused(401, "token-invalid");
        let huge = [b'x'; 20_000];
        let answer = raw(&server, Method::GET, path, &[("authorization", &huge[..])], None).await;
        answer.refused(431, "headers-too-large");
    }
    // The scheme's case does not count (RFC 9110 section 11.1).
    let shouted = format!("BEARER {}", ada.access);
    raw(&server, Method::GET, ME, &[("authorization", shouted.as_bytes())], None).await.expect(200);
    // A query or a cookie is no place for a token.
    server.get(&format!("{ME}?access_token={}", ada.access)).await.refused(401, "not-signed-in");
    let cookie = format!("omoios_access_token={}", ada.access);
    raw(&server, Method::GET, ME, &[("cookie", cookie.as_bytes())], None).await.refused(401, "not-signed-in");
}
