//! A product's own types, put beside the shipped policies: held against, kept, walked.

use serde_json::{Value, json};

use crate::on_both_with;
use crate::support::{Person, Server, Setup};

on_both_with!(
    with_drive;
    attributes_are_held_against_their_types,
    attributes_are_read_as_they_were_put,
    what_an_attribute_refers_to_must_be_there,
    a_circle_of_parents_is_refused,
    things_are_not_too_deep_in_one_another,
    two_puts_at_once_never_make_a_circle,
);

pub(super) fn with_drive(setup: &mut Setup) {
    setup.policies = &[
        ("drive.cedarschema", include_str!("../models/drive.cedarschema")),
        ("drive.cedar", include_str!("../models/drive.cedar")),
    ];
}

async fn scene(server: &Server) -> (Person, String) {
    let ada = server.person("ada@example.com").await;
    let home = server.organization(&ada, "acme").await;
    (ada, format!("{home}/resources"))
}

fn file(more: &Value) -> Value {
    let mut attributes = json!({ "size": 1, "public": false });
    attributes.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({ "attributes": attributes })
}

async fn attributes_are_held_against_their_types(server: Server) {
    let (ada, things) = scene(&server).await;
    let put = async |more: Value| server.put_as(&ada, &format!("{things}/File/f"), file(&more)).await;
    for (more, field, code) in [
        (json!({ "size": "1" }), "size", "wrong-type"),
        (json!({ "size": 1.5 }), "size", "wrong-type"),
        (json!({ "size": null }), "size", "required"),
        (json!({ "public": 1 }), "public", "wrong-type"),
        (json!({ "title": 7 }), "title", "wrong-type"),
        (json!({ "titel": "x" }), "titel", "unknown-attribute"),
        (json!({ "owner": "ada" }), "owner", "wrong-type"),
        (json!({ "owner": { "type": "Team", "id": "t" } }), "owner", "wrong-type"),
        (json!({ "owner": { "type": "User", "id": "ada" } }), "owner", "bad-format"),
        (json!({ "owner": { "type": "User", "id": ada.id.to_uppercase() } }), "owner", "bad-format"),
        (json!({ "shared": [{ "type": "User", "id": ada.id }] }), "shared.0", "wrong-type"),
        (json!({ "expires": "tomorrow" }), "expires", "bad-format"),
        (json!({ "price": "1.23456" }), "price", "bad-format"),
        (json!({ "place": { "floor": 1 } }), "place.room", "required"),
        (json!({ "place": { "room": "a", "wing": "b" } }), "place.wing", "unknown-attribute"),
        (json!({ "labels": ["a", 1] }), "labels.1", "wrong-type"),
    ] {
        put(more).await.invalid(&format!("attributes.{field}"), code);
    }
    let loose = json!({ "attributes": { "name": "x" } });
    let put = server.put_as(&ada, &format!("{things}/Loose/l"), loose).await;
    put.invalid("type", "type-without-organization");
}

async fn attributes_are_read_as_they_were_put(server: Server) {
    let (ada, things) = scene(&server).await;
    let team = json!({ "attributes": { "members": [{ "type": "User", "id": ada.id }] } });
    server.put_as(&ada, &format!("{things}/Team/red"), team).await.expect(200);
    let given = file(&json!({
        "title": "A \"plan\" — é",
        "owner": { "type": "User", "id": ada.id },
        "team": { "type": "Team", "id": "red" },
        "expires": "2026-01-31T12:00:00Z",
        "price": "12.5",
        "place": { "room": "a", "floor": -3 },
        "labels": ["b", "a"],
    }));
    let put = server.put_as(&ada, &format!("{things}/File/f"), given.clone()).await.expect(200);
    assert_eq!(put["attributes"], given["attributes"]);
    let read = server.get_as(&ada, &format!("{things}/File/f")).await.expect(200);
    assert_eq!(read["attributes"], given["attributes"]);
}

async fn what_an_attribute_refers_to_must_be_there(server: Server) {
    let (ada, things) = scene(&server).await;
    let given = file(&json!({ "team": { "type": "Team", "id": "red" } }));
    let path = format!("{things}/File/f");
    server.put_as(&ada, &path, given.clone()).await.invalid("attributes.team", "not-registered");
    let team = json!({ "attributes": { "members": [] } });
    server.put_as(&ada, &format!("{things}/Team/red"), team).await.expect(200);
    server.put_as(&ada, &path, given).await.expect(200);
    server.delete_as(&ada, &format!("{things}/Team/red")).await.refused(409, "resource-in-use");
}

fn within(folder: &str) -> Value {
    json!({ "parents": [{ "type": "Folder", "id": folder }] })
}

async fn a_circle_of_parents_is_refused(server: Server) {
    let (ada, things) = scene(&server).await;
    let put = async |id: &str, body: Value| server.put_as(&ada, &format!("{things}/Folder/{id}"), body).await;
    put("a", json!({})).await.expect(200);
    put("b", within("a")).await.expect(200);
    put("c", within("b")).await.expect(200);
    put("a", within("a")).await.invalid("parents.0", "cycle");
    put("a", within("c")).await.invalid("parents.0", "cycle");
    put("d", within("d")).await.invalid("parents.0", "cycle");
}

async fn things_are_not_too_deep_in_one_another(server: Server) {
    let (ada, things) = scene(&server).await;
    let put = async |n: usize, body: Value| server.put_as(&ada, &format!("{things}/Folder/{n}"), body).await;
    put(0, json!({})).await.expect(200);
    for n in 1..=16 {
        put(n, within(&(n - 1).to_string())).await.expect(200);
    }
    put(17, within("16")).await.invalid("parents.0", "too-deep");
}

async fn two_puts_at_once_never_make_a_circle(server: Server) {
    let (ada, things) = scene(&server).await;
    let put = async |id: &str, body: Value| server.put_as(&ada, &format!("{things}/Folder/{id}"), body).await;
    for round in 0..8 {
        let (a, b) = (format!("a{round}"), format!("b{round}"));
        put(&a, json!({})).await.expect(200);
        put(&b, json!({})).await.expect(200);
        let (one, other) = tokio::join!(put(&a, within(&b)), put(&b, within(&a)));
        let mut told = [one.status, other.status];
        told.sort_unstable();
        assert_eq!(told, [200, 422]);
    }
}
