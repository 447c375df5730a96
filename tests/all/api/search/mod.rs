//! Search as a service: AuthZEN 1.0's three searches answer what asking about each alone would, all of it, page by page.

mod answers;
mod brute_force;

use palisade::domain::SystemRole;
use poem::http::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Person, Server};

/// An organization with people in each role, an agent, and a key of the product's.
struct Scene {
    server: Server,
    ada: Person,
    home: String,
    key: String,
    people: Vec<Person>,
    agent: String,
}

impl Scene {
    async fn new(server: Server) -> Self {
        let ada = server.person("ada@example.com").await;
        let home = server.organization(&ada, "acme").await;
        let mut people = vec![ada.clone()];
        for (email, role) in [
            ("max@example.com", SystemRole::Admin),
            ("mia@example.com", SystemRole::Member),
            ("vic@example.com", SystemRole::Viewer),
        ] {
            let person = server.person(email).await;
            server.add_member(&ada, &home, &person, role).await;
            people.push(person);
        }
        let made =
            server.post_as(&ada, &format!("{home}/agents"), json!({ "name": "Runner" })).await.expect(201);
        let agent = made["id"].as_str().unwrap().to_owned();
        let body = json!({ "name": "product", "scopes": ["resource:*", "access:*"] });
        let made = server.post_as(&ada, &format!("{home}/api-keys"), body).await.expect(201);
        let key = made["key"].as_str().unwrap().to_owned();
        Self { server, ada, home, key, people, agent }
    }

    async fn load(&self, things: Vec<Value>) {
        let path = format!("{}/resources", self.home);
        for some in things.chunks(500) {
            let body = json!({ "resources": some });
            self.server.send(Method::POST, &path, Some(&self.key), Some(&body)).await.expect(200);
        }
    }

    async fn search(&self, what: &str, body: &Value) -> Answer {
        let path = format!("/access/v1/search/{what}");
        self.server.send(Method::POST, &path, Some(&self.key), Some(body)).await
    }

    /// All pages of a search, and how many there were.
    async fn all(&self, what: &str, body: &Value, limit: usize) -> (Vec<Value>, usize) {
        let (mut found, mut token, mut pages) = (Vec::new(), String::new(), 0);
        loop {
            let mut body = body.clone();
            body["page"] = json!({ "token": token, "limit": limit });
            let answer = self.search(what, &body).await.expect(200);
            let results = answer["results"].as_array().unwrap();
            assert!(results.len() <= limit, "{answer}");
            assert_eq!(answer["page"]["count"], json!(results.len()));
            found.extend(results.iter().cloned());
            pages += 1;
            answer["page"]["next_token"].as_str().unwrap().clone_into(&mut token);
            if token.is_empty() {
                return (found, pages);
            }
            assert!(pages < 100, "it never ends");
        }
    }

    /// What `evaluate` says to each of these; they go in batches.
    async fn decisions(&self, questions: &[Value]) -> Vec<bool> {
        let mut told = Vec::new();
        for some in questions.chunks(200) {
            let body = json!({ "evaluations": some });
            let answer =
                self.server.send(Method::POST, "/access/v1/evaluations", Some(&self.key), Some(&body)).await;
            let answer = answer.expect(200);
            let each = answer["evaluations"].as_array().unwrap().iter();
            told.extend(each.map(|it| {
                assert!(it["context"]["error"].is_null(), "{it}");
                it["decision"].as_bool().unwrap()
            }));
        }
        told
    }

    fn vic(&self) -> Value {
        json!({ "type": "User", "id": self.people[3].id })
    }

    fn subjects(&self) -> Vec<Value> {
        let organization = self.home.rsplit('/').next().unwrap();
        let people = self.people.iter().map(|person| json!({ "type": "User", "id": person.id }));
        let others =
            [json!({ "type": "Agent", "id": self.agent }), json!({ "type": "Service", "id": organization })];
        people.chain(others).collect()
    }
}

fn file(id: &str, mut attributes: Value, parents: &[&str]) -> Value {
    attributes["size"] = json!(1);
    if attributes["public"].is_null() {
        attributes["public"] = json!(false);
    }
    let parents: Vec<_> = parents.iter().map(|id| json!({ "type": "Folder", "id": id })).collect();
    json!({ "type": "File", "id": id, "attributes": attributes, "parents": parents })
}

fn files(subject: &Value, action: &str) -> Value {
    json!({ "subject": subject, "action": { "name": action }, "resource": { "type": "File" } })
}

fn ids(found: &[Value]) -> Vec<&str> {
    found.iter().map(|it| it["id"].as_str().unwrap()).collect()
}
