//! `palisade keys` beside a database that a server uses.

use palisade::crypto::MasterKey;
use palisade::domain::OsRandom;
use serde_json::Value;

use crate::process::{Place, in_places};

in_places!(keys_are_listed_and_rotated_by_command, the_master_key_is_changed_by_command);

async fn kids(server: &crate::process::Child) -> Vec<String> {
    let (_, set) = server.send("GET", "/.well-known/jwks.json", None, None).await.unwrap();
    let keys = set["keys"].as_array().unwrap().iter();
    keys.map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

async fn keys_are_listed_and_rotated_by_command(place: Place) {
    let list = || place.run(&["keys", "list"], "").succeeded();
    let first = list();
    assert!(first.contains("signs since 2") && first.lines().count() == 1, "{first}");
    let told = place.run(&["keys", "rotate"], "").succeeded();
    let new = told.split(' ').next().unwrap().to_owned();
    assert!(told.contains(" signs from 2"), "{told}");
    let both = list();
    assert!(
        both.starts_with(&format!("{new}  signs from 2")) && both.contains(", verifies until 2"),
        "{both}"
    );
    let again = place.run(&["keys", "rotate"], "").failed();
    assert!(again.contains("key-announced"), "{again}");

    let server = place.serve();
    assert_eq!(kids(&server).await.len(), 2);
    server.stop().succeeded();
    let told = place.run(&["keys", "rotate", "--compromised"], "").succeeded();
    let alone = list();
    assert!(alone.lines().count() == 1 && alone.starts_with(told.split(' ').next().unwrap()), "{alone}");
    assert_eq!(place.run(&["keys", "rotate", "--compromised", "--soon"], "").code, Some(2));
}

async fn the_master_key_is_changed_by_command(place: Place) {
    let old = MasterKey::generate(&OsRandom).1.expose().to_owned();
    let new = MasterKey::generate(&OsRandom).1.expose().to_owned();
    let mut place = place.set("PALISADE_MASTER_KEY", old.clone());
    let server = place.serve();
    server.register("ada@example.com").await.unwrap();
    let (access, _) = server.login("ada@example.com").await;
    server.stop().succeeded();

    place.settings.retain(|(name, _)| *name != "PALISADE_MASTER_KEY");
    place = place.set("PALISADE_MASTER_KEY", new.clone());
    assert!(place.run(&["keys", "list"], "").failed().contains("is this the master key"));
    let place = place.set("PALISADE_MASTER_KEY_PREVIOUS", old.clone());
    assert!(place.run(&["keys", "list"], "").succeeded().contains("sealed under the previous master key"));
    let told = place.run(&["keys", "reseal"], "");
    assert!(told.stdout.starts_with("1 signing keys and "), "{}{}", told.stdout, told.stderr);
    told.succeeded();

    let mut place = place;
    place.settings.retain(|(name, _)| *name != "PALISADE_MASTER_KEY_PREVIOUS");
    let server = place.serve();
    // The server listens on another port, so its issuer differs: only that the key is the same is seen here.
    assert!(access.starts_with(&header_of(&kids(&server).await[0])));
    let done = server.stop();
    for secret in [&old, &new] {
        crate::process::Child::has_said_nothing_of(&done, secret);
    }
    done.succeeded();
}

/// How a token of this key begins.
fn header_of(kid: &str) -> String {
    use base64::Engine as _;
    let header: Value = serde_json::json!({ "typ": "at+jwt", "alg": "EdDSA", "kid": kid });
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(header.to_string())
}
