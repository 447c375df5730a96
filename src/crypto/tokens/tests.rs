use aws_lc_rs::hmac;
use jsonwebtoken::EncodingKey;
use serde_json::{Value, json};

use super::*;
use crate::crypto::SigningKey;
use crate::domain::SeededRandom;

const NOW: Micros = Micros::new(1_800_000_000_000_000);
const TTL: Duration = Duration::from_secs(900);
const ISSUER: &str = "https://id.example.com";

fn key(seed: u64) -> SigningKey {
    SigningKey::generate(&SeededRandom::new(seed))
}

/// The first key signs; each further one signed until a second later than the next.
fn issuer_with(keys: &[SigningKey]) -> TokenIssuer {
    let scheduled = |(seconds, key): (u64, &SigningKey)| ScheduledKey {
        key: key.clone(),
        signs_from: NOW - Duration::from_secs(seconds),
    };
    let keys: Vec<ScheduledKey> = (0..).zip(keys).map(scheduled).collect();
    TokenIssuer::new(ISSUER.into(), "palisade".into(), TTL, &keys).unwrap()
}

fn issuer() -> TokenIssuer {
    issuer_with(&[key(1)])
}

fn somebody() -> NewAccess {
    NewAccess {
        user: Uuid::from_u128(1).into(),
        session: Uuid::from_u128(2).into(),
        amr: vec!["pwd"],
        auth_time: NOW - Duration::from_secs(60),
        ext: Map::new(),
    }
}

fn issue(issuer: &TokenIssuer) -> String {
    issuer.issue(&somebody(), Uuid::from_u128(3), NOW).unwrap().expose().to_owned()
}

fn part(token: &str, at: usize) -> Value {
    let text = token.split('.').nth(at).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
}

fn encoded(header: &Value, claims: &Value) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()))
}

/// A token with any header and claims, rightly signed with `key`.
fn signed(key: &SigningKey, header: &Value, claims: &Value) -> String {
    let message = encoded(header, claims);
    let signature = jsonwebtoken::crypto::sign(
        message.as_bytes(),
        &EncodingKey::from_ed_der(key.pkcs8()),
        Algorithm::EdDSA,
    );
    format!("{message}.{}", signature.unwrap())
}

/// A good token with one member of its claims replaced, or removed with `null`, and signed anew.
fn with_claim(name: &str, value: Value) -> String {
    let good = issue(&issuer());
    let mut claims = part(&good, 1);
    let object = claims.as_object_mut().unwrap();
    if value.is_null() {
        object.remove(name).map(drop).unwrap();
    } else {
        object.insert(name.into(), value).map(drop).unwrap();
    }
    signed(&key(1), &part(&good, 0), &claims)
}

fn with_header(name: &str, value: Value) -> String {
    let good = issue(&issuer());
    let mut header = part(&good, 0);
    header.as_object_mut().unwrap().insert(name.into(), value);
    signed(&key(1), &header, &part(&good, 1))
}

#[test]
fn a_token_says_what_it_was_issued_for() {
    let issuer = issuer();
    let token = issue(&issuer);
    assert_eq!(part(&token, 0), json!({ "typ": "at+jwt", "alg": "EdDSA", "kid": key(1).kid() }));
    assert_eq!(
        part(&token, 1),
        json!({
            "iss": ISSUER, "aud": "palisade", "sub": "00000000-0000-0000-0000-000000000001",
            "exp": 1_800_000_900, "nbf": 1_800_000_000, "iat": 1_800_000_000,
            "jti": "00000000-0000-0000-0000-000000000003", "sid": "00000000-0000-0000-0000-000000000002",
            "amr": ["pwd"], "auth_time": 1_799_999_940,
        })
    );
    let access = Access {
        user: somebody().user,
        session: somebody().session,
        auth_time: somebody().auth_time,
        federated: false,
        expires: NOW + TTL,
        id: Uuid::from_u128(3),
        granted: None,
    };
    assert_eq!(issuer.verify(&token, NOW), Ok(access.clone()));
    assert_eq!(issuer.verify(&token, NOW), Ok(access), "the second time from memory");
}

#[test]
fn a_token_made_without_our_key_is_refused() {
    let good = issue(&issuer());
    let (header, claims) = (part(&good, 0), part(&good, 1));
    let with_alg = |alg: &str| {
        let mut header = header.clone();
        header["alg"] = json!(alg);
        header
    };
    for alg in ["none", "None", "HS256", "RS256", "ES256", "eddsa", "Ed25519"] {
        assert_eq!(
            issuer().verify(&signed(&key(1), &with_alg(alg), &claims), NOW),
            Err(TokenError::BadSignature),
            "{alg}, although the signature is right"
        );
    }
    let none = format!("{}.", encoded(&with_alg("none"), &claims));
    assert_eq!(issuer().verify(&none, NOW), Err(TokenError::BadSignature));
    // HMAC with the public key, which everybody has: as bytes, and as the text in the JWKS.
    let message = encoded(&with_alg("HS256"), &claims);
    let text = URL_SAFE_NO_PAD.encode(key(1).public_key());
    for public in [key(1).public_key(), text.as_bytes()] {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, public), message.as_bytes());
        let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag));
        assert_eq!(issuer().verify(&token, NOW), Err(TokenError::BadSignature));
    }
    // Another key under the name of ours, and under its own.
    assert_eq!(issuer().verify(&signed(&key(2), &header, &claims), NOW), Err(TokenError::BadSignature));
    assert_eq!(issuer().verify(&issue(&issuer_with(&[key(2)])), NOW), Err(TokenError::UnknownKey));
}

#[test]
fn a_header_that_brings_its_own_key_or_conditions_is_refused() {
    let jwk = key(2).jwk();
    for (name, value) in [
        ("jku", json!("https://evil.example/jwks.json")),
        ("x5u", json!("https://evil.example/cert.pem")),
        ("jwk", jwk),
        ("x5c", json!(["AAAA"])),
        ("crit", json!(["exp"])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
        ("extra", json!(1)),
    ] {
        assert_eq!(issuer().verify(&with_header(name, value), NOW), Err(TokenError::Malformed), "{name}");
    }
    for kid in ["", "../../etc/passwd", "' or 1=1 --", key(2).kid()] {
        assert_eq!(
            issuer().verify(&with_header("kid", json!(kid)), NOW),
            Err(TokenError::UnknownKey),
            "{kid}"
        );
    }
}

#[test]
fn a_token_of_another_type_is_refused() {
    for typ in ["JWT", "jwt", "application/at+jwt", "AT+JWT", "refresh+jwt", ""] {
        assert_eq!(
            issuer().verify(&with_header("typ", json!(typ)), NOW),
            Err(TokenError::WrongType),
            "{typ}"
        );
    }
    assert_eq!(issuer().verify(&with_header("typ", json!(null)), NOW), Err(TokenError::Malformed));
    let opaque = Secret::random(&SeededRandom::new(1));
    assert_eq!(issuer().verify(opaque.expose(), NOW), Err(TokenError::Malformed));
}

#[test]
fn every_claim_is_required() {
    for name in ["iss", "aud", "sub", "exp", "nbf", "iat", "jti", "sid", "amr", "auth_time"] {
        assert_eq!(
            issuer().verify(&with_claim(name, Value::Null), NOW),
            Err(TokenError::Malformed),
            "{name}"
        );
    }
}

#[test]
fn a_number_must_be_a_number() {
    for name in ["exp", "nbf", "iat", "auth_time"] {
        for value in [json!("9999999999"), json!(1e300), json!([1]), json!(true), json!({}), json!(i64::MAX)]
        {
            let token = with_claim(name, value.clone());
            assert_eq!(issuer().verify(&token, NOW), Err(TokenError::Malformed), "{name} {value}");
        }
    }
    for name in ["sub", "sid", "jti"] {
        for value in [json!(""), json!("admin"), json!(1)] {
            assert_eq!(issuer().verify(&with_claim(name, value), NOW), Err(TokenError::Malformed), "{name}");
        }
    }
}

#[test]
fn a_claim_written_twice_is_refused() {
    let good = issue(&issuer());
    let twice = part(&good, 1).to_string().replacen('{', r#"{"exp":9999999999,"#, 1);
    let message = format!("{}.{}", good.split('.').next().unwrap(), URL_SAFE_NO_PAD.encode(twice));
    let key = EncodingKey::from_ed_der(key(1).pkcs8());
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::EdDSA).unwrap();
    assert_eq!(issuer().verify(&format!("{message}.{signature}"), NOW), Err(TokenError::Malformed));
}

#[test]
fn a_token_of_or_for_somebody_else_is_refused() {
    for (name, value) in [
        ("iss", json!("https://evil.example")),
        ("iss", json!("https://id.example.com/")),
        ("aud", json!("other")),
        ("aud", json!("")),
    ] {
        assert_eq!(issuer().verify(&with_claim(name, value), NOW), Err(TokenError::WrongParty), "{name}");
    }
    // We never write a list, so one is not ours.
    assert_eq!(
        issuer().verify(&with_claim("aud", json!(["palisade", "other"])), NOW),
        Err(TokenError::Malformed)
    );
}

#[test]
fn a_cut_extended_or_altered_token_is_refused() {
    let issuer = issuer();
    let good = issue(&issuer);
    assert!(issuer.verify(&good, NOW).is_ok());
    for at in 0..good.len() {
        assert!(issuer.verify(&good[..at], NOW).is_err(), "cut at {at}");
        let mut altered = good.clone().into_bytes();
        altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
        assert!(issuer.verify(&String::from_utf8(altered).unwrap(), NOW).is_err(), "altered at {at}");
    }
    for tail in ["A", "=", ".", " ", "\n", "\0", ".AAAA"] {
        assert!(issuer.verify(&format!("{good}{tail}"), NOW).is_err(), "{tail:?} after");
        assert!(issuer.verify(&format!("{tail}{good}"), NOW).is_err(), "{tail:?} before");
    }
    assert_eq!(issuer.verify(&"A".repeat(MAX_BYTES + 1), NOW), Err(TokenError::Malformed));
}

#[test]
fn a_token_dies_at_its_expiry_even_when_it_is_remembered() {
    let issuer = issuer();
    let token = issue(&issuer);
    let end = NOW + TTL;
    let last = Micros::new(end.get() - 1);
    assert!(issuer.verify(&token, last).is_ok());
    assert!(issuer.remembered.contains_key(&TokenHash::of(&token)));
    assert_eq!(issuer.verify(&token, end), Err(TokenError::Expired));
    assert_eq!(self::issuer().verify(&token, end), Err(TokenError::Expired), "the same when it is new");
}

#[test]
fn a_token_from_the_future_waits_for_its_time() {
    let token = issue(&issuer());
    let early = NOW - LEEWAY;
    assert!(issuer().verify(&token, early).is_ok());
    let earlier = Micros::new(early.get() - 1);
    assert_eq!(issuer().verify(&token, earlier), Err(TokenError::NotYetValid));
    let remembering = issuer();
    assert!(remembering.verify(&token, NOW).is_ok());
    assert_eq!(remembering.verify(&token, earlier), Err(TokenError::NotYetValid));
    let later = json!(1_800_000_006);
    for name in ["iat", "nbf"] {
        assert_eq!(
            issuer().verify(&with_claim(name, later.clone()), NOW),
            Err(TokenError::NotYetValid),
            "{name}"
        );
    }
}

#[test]
fn what_is_refused_is_not_remembered() {
    let issuer = issuer();
    let token = issue(&issuer);
    assert!(issuer.verify(&token[..token.len() - 1], NOW).is_err());
    assert!(issuer.verify(&token, NOW + TTL).is_err());
    issuer.remembered.run_pending_tasks();
    assert_eq!(issuer.remembered.entry_count(), 0);
}

#[test]
fn after_a_rotation_the_new_key_signs_and_the_old_one_still_verifies() {
    let old = issue(&issuer());
    let rotated = issuer_with(&[key(2), key(1)]);
    assert!(rotated.verify(&old, NOW).is_ok());
    assert_eq!(part(&issue(&rotated), 0)["kid"], key(2).kid());
    let jwks = rotated.jwks(NOW);
    let kids: Vec<_> =
        jwks["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap()).collect();
    assert_eq!(kids, [key(2).kid(), key(1).kid()]);
    assert_eq!(issuer_with(&[key(2)]).verify(&old, NOW), Err(TokenError::UnknownKey));
    assert_eq!(TokenIssuer::new(String::new(), String::new(), TTL, &[]).unwrap_err(), TokenError::NoKey);
}

/// Two keys: the second signs from `NOW` plus an hour.
fn announced() -> TokenIssuer {
    let keys = [
        ScheduledKey { key: key(1), signs_from: NOW - TTL },
        ScheduledKey { key: key(2), signs_from: NOW + HOUR },
    ];
    TokenIssuer::new(ISSUER.into(), "palisade".into(), TTL, &keys).unwrap()
}

const HOUR: Duration = Duration::from_secs(3_600);

fn kids(issuer: &TokenIssuer, now: Micros) -> Vec<String> {
    let jwks = issuer.jwks(now);
    jwks["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_new_key_is_published_before_it_signs_and_the_old_one_until_its_last_token_is_over() {
    let issuer = announced();
    let (old, new) = (key(1).kid().to_owned(), key(2).kid().to_owned());
    let signed_at = |now| {
        let token = issuer.issue(&somebody(), Uuid::from_u128(3), now).unwrap();
        part(token.expose(), 0)["kid"].as_str().unwrap().to_owned()
    };
    let begin = NOW + HOUR;
    let just_before = begin - Duration::from_micros(1);
    assert_eq!((signed_at(NOW), kids(&issuer, NOW)), (old.clone(), vec![new.clone(), old.clone()]));
    assert_eq!((signed_at(just_before), signed_at(begin)), (old.clone(), new.clone()));
    let last = issuer.issue(&somebody(), Uuid::from_u128(3), just_before).unwrap();
    let end = just_before + TTL - Duration::from_secs(1);
    assert!(issuer.verify(last.expose(), end).is_ok());
    assert_eq!(kids(&issuer, end), [new.clone(), old]);
    let over = crate::crypto::verifies_until(begin, TTL);
    assert_eq!(kids(&issuer, over), [new]);
    assert_eq!(issuer.verify(last.expose(), over), Err(TokenError::UnknownKey));
}

#[test]
fn a_token_of_a_key_that_was_taken_out_is_refused_even_if_it_was_taken_before() {
    let issuer = issuer();
    let token = issue(&issuer);
    assert!(issuer.verify(&token, NOW).is_ok());
    issuer.replace_keys(&[ScheduledKey { key: key(2), signs_from: NOW }]).unwrap();
    assert_eq!(issuer.verify(&token, NOW), Err(TokenError::UnknownKey));
    assert!(issuer.verify(&issue(&issuer), NOW).is_ok());
    assert_eq!(issuer.replace_keys(&[]), Err(TokenError::NoKey));
    assert!(issuer.verify(&issue(&issuer), NOW).is_ok());
}
