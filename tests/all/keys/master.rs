//! Another master key: what the one before sealed still opens, and after a reseal it is not needed.

use std::time::Duration;

use palisade::app::Resealed;
use palisade::cli::wire;
use palisade::crypto::MasterKey;
use palisade::domain::{OsRandom, Secret};
use palisade::guard::Principal;
use palisade::guard::actions::{ListSigningKeys, ResealSecrets};
use serde_json::json;

use crate::on_both;
use crate::support::{Person, Server};

on_both!(
    tokens_letters_and_repeated_refreshes_outlive_the_master_key,
    the_previous_master_key_is_needed_until_the_reseal_and_not_after,
    a_second_reseal_finds_nothing_to_do,
    a_letter_that_cannot_be_opened_is_told_and_left,
);

/// What the server's own key file holds.
fn kept(server: &Server) -> Secret {
    let text = std::fs::read_to_string(server.folder.path().join("master.key")).expect("the key file");
    Secret::new(text.trim().to_owned())
}

/// The server after a restart with another master key, and the one before as the previous.
pub async fn with_another_master(mut server: Server) -> Server {
    let before = server.config.master_key.clone().unwrap_or_else(|| kept(&server));
    server.config.master_key = Some(MasterKey::generate(&OsRandom).1);
    server.config.master_key_previous = Some(before);
    server.restarted().await
}

pub async fn reseal(server: &Server) -> Resealed {
    let caller = Principal::system("cli", "test".to_owned());
    let ok = server.app.authorize(&caller, ResealSecrets {}).await.unwrap();
    server.app.reseal_secrets(&ok).await.unwrap()
}

async fn refreshed(server: &Server, person: &Person) -> String {
    let body = json!({ "refresh_token": person.refresh });
    let answer = server.post("/api/v1/auth/refresh", body).await.expect(200);
    answer["refresh_token"].as_str().unwrap().to_owned()
}

async fn tokens_letters_and_repeated_refreshes_outlive_the_master_key(server: Server) {
    let ada = server.person("ada@example.com").await;
    let next = refreshed(&server, &ada).await;
    server.register("bob@example.com").await;
    let server = with_another_master(server).await;
    server.get_as(&ada, "/api/v1/auth/me").await.expect(200);
    assert!(server.last_mail("bob@example.com").await.text.contains("token="));
    // Within the grace, the same successor; and that one goes on.
    assert_eq!(refreshed(&server, &ada).await, next);
    server.post("/api/v1/auth/refresh", json!({ "refresh_token": next })).await.expect(200);
    // The other way around: a first use under the new key, repeated.
    let eve = server.person("eve@example.com").await;
    assert_eq!(refreshed(&server, &eve).await, refreshed(&server, &eve).await);
    server.advance(Duration::from_secs(11));
    let again = server.post("/api/v1/auth/refresh", json!({ "refresh_token": ada.refresh })).await;
    again.refused(401, "refresh-token-reused");
}

async fn the_previous_master_key_is_needed_until_the_reseal_and_not_after(server: Server) {
    let ada = server.person("ada@example.com").await;
    server.register("bob@example.com").await;
    let mut server = with_another_master(server).await;
    let mut alone = server.config.clone();
    alone.master_key_previous = None;
    let refused = wire::app(&alone, None, wire::World::default()).await.map(|_| ()).unwrap_err();
    assert!(refused.to_string().contains("is this the master key"), "{refused}");

    let caller = Principal::system("cli", "test".to_owned());
    let ok = server.app.authorize(&caller, ListSigningKeys {}).await.unwrap();
    assert!(!server.app.list_signing_keys(&ok).await.unwrap()[0].sealed_currently);
    // Bob's letter waits.
    assert_eq!(
        reseal(&server).await,
        Resealed { keys: 1, letters: 1, connections: 0, client_secrets: 0, unreadable: 0 }
    );
    assert!(server.app.list_signing_keys(&ok).await.unwrap()[0].sealed_currently);
    drop(ok);

    server.config = alone;
    let server = server.restarted().await;
    server.get_as(&ada, "/api/v1/auth/me").await.expect(200);
    assert!(server.last_mail("bob@example.com").await.text.contains("token="));
}

async fn a_second_reseal_finds_nothing_to_do(server: Server) {
    server.register("bob@example.com").await;
    let server = with_another_master(server).await;
    reseal(&server).await;
    assert_eq!(reseal(&server).await, Resealed::default());
}

async fn a_letter_that_cannot_be_opened_is_told_and_left(server: Server) {
    server.register("bob@example.com").await;
    let damage = "UPDATE outbox SET sealed_payload = (SELECT sealed_key FROM signing_keys)";
    crate::store::texts(server.config.database_url().expose(), damage).await;
    let server = with_another_master(server).await;
    assert_eq!(
        reseal(&server).await,
        Resealed { keys: 1, letters: 0, connections: 0, client_secrets: 0, unreadable: 1 }
    );
    assert_eq!(
        reseal(&server).await,
        Resealed { keys: 0, letters: 0, connections: 0, client_secrets: 0, unreadable: 1 }
    );
}
