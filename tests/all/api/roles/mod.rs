//! Roles that an organization makes for itself: what they open, to whom, and how nobody gets more by them.

mod giving;
mod keeping;
mod opening;

use palisade::domain::SystemRole::{Admin, Viewer};
use serde_json::{Value, json};

use crate::support::{Answer, Person, Server};

/// `acme`, its owner Ada, its admin Vic, and Bob who belongs to it as a viewer.
struct Scene {
    server: Server,
    ada: Person,
    vic: Person,
    bob: Person,
    acme: String,
    /// The paths of their memberships.
    vics: String,
    bobs: String,
}

impl Scene {
    async fn new(server: Server) -> Self {
        let ada = server.person("ada@example.com").await;
        let vic = server.person("vic@example.com").await;
        let bob = server.person("bob@example.com").await;
        let acme = server.organization(&ada, "acme").await;
        let vics = server.add_member(&ada, &acme, &vic, Admin).await;
        let bobs = server.add_member(&ada, &acme, &bob, Viewer).await;
        Self { server, ada, vic, bob, acme, vics, bobs }
    }

    async fn make(&self, by: &Person, body: Value) -> Answer {
        self.server.post_as(by, &format!("{}/roles", self.acme), body).await
    }

    /// A role that Ada makes; its id.
    async fn role(&self, name: &str, permissions: &[&str], inherits_from: Option<&str>) -> String {
        let body = json!({ "name": name, "permissions": permissions, "inherits_from": inherits_from });
        id(&self.make(&self.ada, body).await.expect(201))
    }

    async fn patch(&self, by: &Person, role: &str, body: Value) -> Answer {
        self.server.patch_as(by, &format!("{}/roles/{role}", self.acme), body).await
    }

    async fn delete(&self, by: &Person, role: &str, reassign_to: Option<&str>) -> Answer {
        let to = reassign_to.map_or(String::new(), |id| format!("?reassign_to={id}"));
        self.server.delete_as(by, &format!("{}/roles/{role}{to}", self.acme)).await
    }

    async fn give(&self, by: &Person, membership: &str, role: &str) -> Answer {
        self.server.patch_as(by, membership, json!({ "role_id": role })).await
    }

    async fn members(&self, by: &Person) -> Answer {
        self.server.get_as(by, &format!("{}/members", self.acme)).await
    }

    async fn events(&self, by: &Person) -> Answer {
        self.server.get_as(by, &format!("{}/events", self.acme)).await
    }

    async fn key(&self, owner: &Person, scopes: &[&str]) -> String {
        let body = json!({ "name": "k", "scopes": scopes });
        let made = self.server.post_as(owner, "/api/v1/auth/api-keys", body).await.expect(201);
        made["key"].as_str().unwrap().to_owned()
    }
}

fn id(made: &Value) -> String {
    made["id"].as_str().expect("an id").to_owned()
}
