//! What is known of the register is kept between questions, and never older than the register.

use palisade::domain::SystemRole;
use serde_json::{Value, json};

use super::access::{Scene, about};
use super::own_model::with_drive;
use crate::on_both_with;
use crate::support::Server;

on_both_with!(with_drive; a_write_to_the_register_is_seen_by_the_next_question, what_is_known_is_not_read_again);

async fn a_write_to_the_register_is_seen_by_the_next_question(server: Server) {
    let scene = Scene::new(server).await;
    let things = format!("{}/resources", scene.home);
    let read = async || {
        let answer = scene.ask(&about(&scene.vic.id, "file:read", "closed")).await.expect(200);
        answer["decision"].as_bool().unwrap()
    };
    let put = async |path: &str, body: Value| {
        scene.server.put_as(&scene.ada, &format!("{things}/{path}"), body).await.expect(200)
    };
    let members = |people: Value| json!({ "attributes": { "members": people } });
    assert!(!read().await);
    put("File/closed", json!({ "attributes": { "size": 1, "public": true } })).await;
    assert!(read().await);
    let team = json!({ "size": 1, "public": false, "team": { "type": "Team", "id": "red" } });
    put("File/closed", json!({ "attributes": team })).await;
    assert!(read().await);
    // Not the file itself, but what it refers to.
    put("Team/red", members(json!([]))).await;
    assert!(!read().await);
    put("Team/red", members(json!([{ "type": "User", "id": scene.vic.id }]))).await;
    assert!(read().await);
    scene.server.delete_as(&scene.ada, &format!("{things}/File/closed")).await.expect(200);
    assert!(!read().await);
    let again = json!([{ "type": "File", "id": "closed", "attributes": { "size": 1, "public": true } }]);
    scene.server.post_as(&scene.ada, &things, json!({ "resources": again })).await.expect(200);
    assert!(read().await);
    // Who somebody is, is never older than what this server changed.
    let cy = scene.server.person("cy@example.com").await;
    let asked = about(&cy.id, "file:read", "closed");
    assert_eq!(scene.ask(&asked).await.expect(200)["decision"], false);
    let membership = scene.server.add_member(&scene.ada, &scene.home, &cy, SystemRole::Viewer).await;
    assert_eq!(scene.ask(&asked).await.expect(200)["decision"], true);
    scene.server.delete_as(&scene.ada, &membership).await.expect(200);
    assert_eq!(scene.ask(&asked).await.expect(200)["decision"], false);
}

async fn what_is_known_is_not_read_again(server: Server) {
    let scene = Scene::new(server).await;
    let asked = about(&scene.vic.id, "file:read", "red");
    let cost = async || {
        let before = scene.server.app.work().statements;
        scene.ask(&asked).await.expect(200);
        scene.server.app.work().statements - before
    };
    let first = cost().await;
    let second = cost().await;
    assert!(second < first, "{second} statements after {first}");
    assert_eq!(cost().await, second);
}
