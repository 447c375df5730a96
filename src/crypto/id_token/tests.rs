use jsonwebtoken::{EncodingKey, Header};
use serde_json::json;

use super::*;
use crate::crypto::SigningKey;
use crate::domain::SeededRandom;

const NOW: Micros = Micros::new(1_800_000_000_000_000);
const ISSUER: &str = "https://idp.example.com";

fn key(seed: u64) -> SigningKey {
    SigningKey::generate(&SeededRandom::new(seed))
}

fn keys() -> Value {
    json!({ "keys": [key(1).jwk(), key(2).jwk()] })
}

fn good() -> Value {
    let now = NOW.seconds();
    json!({ "iss": ISSUER, "sub": "ada", "aud": "us", "exp": now + 300, "iat": now, "nonce": "n" })
}

fn signed(by: &SigningKey, header: &Header, claims: &Value) -> String {
    jsonwebtoken::encode(header, claims, &EncodingKey::from_ed_der(by.pkcs8())).unwrap()
}

fn header(kid: Option<&str>) -> Header {
    Header { kid: kid.map(str::to_owned), ..Header::new(Algorithm::EdDSA) }
}

fn read_with(issuer: &str, token: &str, keys: &Value) -> Result<IdToken, IdTokenError> {
    let nonce = Secret::new("n".into());
    let algorithms = &[IdTokenAlgorithm::RS256, IdTokenAlgorithm::EdDSA];
    IdTokenRules { issuer, client_id: "us", nonce: &nonce, algorithms, now: NOW }.read(token, keys)
}

fn read(claims: &Value) -> Result<IdToken, IdTokenError> {
    let token = signed(&key(1), &header(Some(key(1).kid())), claims);
    read_with(ISSUER, &token, &keys())
}

fn with(changes: &Value) -> Value {
    let mut claims = good();
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

#[test]
fn a_good_token_tells_who_somebody_is() {
    let token = read(&with(&json!({ "aud": ["us"], "email": "a@b.example" }))).unwrap();
    assert_eq!((token.issuer.as_str(), token.subject.as_str()), (ISSUER, "ada"));
    assert_eq!(token.claims["email"], "a@b.example");
    assert!(read(&with(&json!({ "aud": ["us", "them"], "azp": "us" }))).is_ok());
}

#[test]
fn every_claim_must_be_right() {
    let now = NOW.seconds();
    for (changes, error) in [
        (json!({ "iss": "https://idp.example.com/" }), IdTokenError::WrongIssuer),
        (json!({ "iss": "https://evil.example" }), IdTokenError::WrongIssuer),
        (json!({ "aud": "them" }), IdTokenError::WrongAudience),
        (json!({ "aud": [] }), IdTokenError::WrongAudience),
        (json!({ "aud": ["us", "them"] }), IdTokenError::WrongAudience),
        (json!({ "azp": "them" }), IdTokenError::WrongAudience),
        (json!({ "nonce": "other" }), IdTokenError::WrongNonce),
        (json!({ "nonce": null }), IdTokenError::WrongNonce),
        (json!({ "exp": now - 60 }), IdTokenError::NotNow),
        (json!({ "iat": now + 61 }), IdTokenError::NotNow),
        (json!({ "nbf": now + 61 }), IdTokenError::NotNow),
        (json!({ "iat": now - 601 }), IdTokenError::NotNow),
        (json!({ "exp": (now + 300).to_string() }), IdTokenError::Malformed),
        (json!({ "exp": null }), IdTokenError::Malformed),
        (json!({ "iat": null }), IdTokenError::Malformed),
        (json!({ "sub": "" }), IdTokenError::Malformed),
        (json!({ "sub": "x".repeat(256) }), IdTokenError::Malformed),
        (json!({ "sub": 7 }), IdTokenError::Malformed),
    ] {
        assert_eq!(read(&with(&changes)).unwrap_err(), error, "{changes}");
    }
}

#[test]
fn only_the_issuers_keys_and_the_allowed_algorithms_count() {
    let evil = key(9);
    let forged = signed(&evil, &header(Some(key(1).kid())), &good());
    assert_eq!(read_with(ISSUER, &forged, &keys()).unwrap_err(), IdTokenError::BadSignature);
    let unknown = signed(&evil, &header(Some(evil.kid())), &good());
    assert_eq!(read_with(ISSUER, &unknown, &keys()).unwrap_err(), IdTokenError::UnknownKey);
    let mut brings = header(None);
    brings.jku = Some("https://evil.example/keys".into());
    brings.jwk = serde_json::from_value(evil.jwk()).ok();
    let own = signed(&evil, &brings, &good());
    assert_eq!(read_with(ISSUER, &own, &keys()).unwrap_err(), IdTokenError::BadSignature);
    let unnamed = signed(&key(2), &header(None), &good());
    assert!(read_with(ISSUER, &unnamed, &keys()).is_ok());

    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let none = format!("{}.{}.", part(&json!({ "alg": "none" })), part(&good()));
    assert_eq!(read_with(ISSUER, &none, &keys()).unwrap_err(), IdTokenError::Algorithm);
    let shared = Header { kid: Some(key(1).kid().into()), ..Header::new(Algorithm::HS256) };
    let confused = EncodingKey::from_secret(key(1).public_key());
    let confused = jsonwebtoken::encode(&shared, &good(), &confused).unwrap();
    assert_eq!(read_with(ISSUER, &confused, &keys()).unwrap_err(), IdTokenError::Algorithm);
    for text in ["", ".", "a.b.c", "e30.e30.e30", &"x".repeat(40_000)] {
        assert_eq!(read_with(ISSUER, text, &keys()).unwrap_err(), IdTokenError::Malformed);
    }
    let encrypting = json!({ "keys": [{ "use": "enc", "kid": key(1).kid(), "kty": "OKP", "crv": "Ed25519", "x": key(1).jwk()["x"] }] });
    let token = signed(&key(1), &header(Some(key(1).kid())), &good());
    assert_eq!(read_with(ISSUER, &token, &encrypting).unwrap_err(), IdTokenError::UnknownKey);
    for none in [json!({}), json!([]), json!({ "keys": "x" }), json!({ "keys": [7, {}] })] {
        assert_eq!(read_with(ISSUER, &token, &none).unwrap_err(), IdTokenError::UnknownKey);
    }
}

#[test]
fn an_issuer_of_many_tenants_is_the_tokens_own_tenant() {
    let many = "https://login.example.com/{tenantid}/v2.0";
    let tenant = "11111111-2222-3333-4444-555555555555";
    let token =
        |iss: String, tid: &str| signed(&key(1), &header(None), &with(&json!({ "iss": iss, "tid": tid })));
    let right = token(many.replace("{tenantid}", tenant), tenant);
    assert_eq!(read_with(many, &right, &keys()).unwrap().issuer, many.replace("{tenantid}", tenant));
    for (iss, tid) in [
        (many.replace("{tenantid}", tenant), "21111111-2222-3333-4444-555555555555"),
        (many.replace("{tenantid}", "x/../y"), "x/../y"),
        (many.to_owned(), "{tenantid}"),
    ] {
        assert_eq!(read_with(many, &token(iss, tid), &keys()).unwrap_err(), IdTokenError::WrongIssuer);
    }
}
