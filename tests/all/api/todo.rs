//! The public Todo interoperability scenario of AuthZEN, with the product's own types beside the shipped policies.

use poem::http::Method;
use serde_json::{Value, json};

use crate::on_both_with;
use crate::support::{Server, Setup};

on_both_with!(with_todo; every_decision_of_the_todo_scenario_is_as_published);

fn with_todo(setup: &mut Setup) {
    setup.policies = &[
        ("todo.cedarschema", include_str!("../models/todo.cedarschema")),
        ("todo.cedar", include_str!("../models/todo.cedar")),
    ];
}

/// What the scenario's page says of its people: how they are known to its identity provider, and their roles.
const PEOPLE: [(&str, &str, &[&str]); 5] = [
    (
        "CiRmZDA2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs",
        "rick@the-citadel.com",
        &["admin", "evil_genius"],
    ),
    ("CiRmZDE2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs", "morty@the-citadel.com", &["editor"]),
    ("CiRmZDI2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs", "summer@the-smiths.com", &["editor"]),
    ("CiRmZDM2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs", "beth@the-smiths.com", &["viewer"]),
    ("CiRmZDQ2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs", "jerry@the-smiths.com", &["viewer"]),
];

async fn every_decision_of_the_todo_scenario_is_as_published(server: Server) {
    let ada = server.person("ada@example.com").await;
    let home = server.organization(&ada, "citadel").await;
    let body = json!({ "name": "todo", "scopes": ["resource:*", "access:*"] });
    let key = server.post_as(&ada, &format!("{home}/api-keys"), body).await.expect(201);
    let key = key["key"].as_str().unwrap();
    let post = async |path: &str, body: &Value| server.send(Method::POST, path, Some(key), Some(body)).await;

    let mut things: Vec<Value> = ["viewer", "editor", "admin", "evil_genius"]
        .iter()
        .map(|role| json!({ "type": "role", "id": role }))
        .collect();
    for (id, email, roles) in PEOPLE {
        let parents: Vec<_> = roles.iter().map(|role| json!({ "type": "role", "id": role })).collect();
        things
            .push(json!({ "type": "user", "id": id, "attributes": { "email": email }, "parents": parents }));
        things.push(json!({ "type": "user", "id": email, "attributes": { "email": email } }));
    }
    things.push(json!({ "type": "todo", "id": "todo-1", "attributes": { "ownerID": "nobody" } }));
    let load = format!("{home}/resources");
    post(&load, &json!({ "resources": things })).await.expect(200);

    let published: Value = serde_json::from_str(include_str!("../models/todo-decisions.json")).unwrap();
    // First with todos that only the questions describe, then with registered ones.
    assert_eq!(wrong(&published, &post).await, Vec::<String>::new(), "described");
    let mut todos: Vec<Value> = Vec::new();
    for case in published["evaluation"].as_array().unwrap() {
        let resource = &case["request"]["resource"];
        if let Some(properties) = resource.get("properties")
            && !todos.iter().any(|todo| todo["id"] == resource["id"])
        {
            todos.push(json!({ "type": "todo", "id": resource["id"], "attributes": properties }));
        }
    }
    post(&load, &json!({ "resources": todos })).await.expect(200);
    assert_eq!(wrong(&published, &post).await, Vec::<String>::new(), "registered");
}

/// The cases that come out otherwise than published.
async fn wrong(
    published: &Value,
    post: &impl AsyncFn(&str, &Value) -> crate::support::Answer,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let (mut yes, mut no) = (0, 0);
    for case in published["evaluation"].as_array().unwrap() {
        let answer = post("/access/v1/evaluation", &case["request"]).await.expect(200);
        if answer["decision"] != case["expected"] {
            wrong.push(format!("{} not {}", case["request"], case["expected"]));
        }
        if case["expected"] == json!(true) { yes += 1 } else { no += 1 }
    }
    for case in published["evaluations"].as_array().unwrap() {
        let answer = post("/access/v1/evaluations", &case["request"]).await.expect(200);
        let told: Vec<Value> = answer["evaluations"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| json!({ "decision": it["decision"] }))
            .collect();
        if json!(told) != case["expected"] {
            wrong.push(format!("{} not {}", case["request"], case["expected"]));
        }
    }
    assert_eq!((yes, no), (26, 14), "the scenario has as many cases as it had");
    wrong
}
