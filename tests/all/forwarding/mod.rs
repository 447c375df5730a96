//! In front of other services: which requests pass, and what the service behind is told.

mod caddy;
mod ext_authz;
mod front;
mod nginx;
mod rules;

use palisade::domain::ProjectRole;
use serde_json::json;

use crate::support::{Person, Server};

/// A viewer of one project by a grant alone, and no other member's right to anything; the path of its organization.
pub async fn shelf(server: &Server) -> (Person, Person, String) {
    let owner = server.person("ada@example.com").await;
    let reader = server.person("rita@example.com").await;
    let organization = server.organization(&owner, "acme").await;
    let nothing =
        server.post_as(&owner, &format!("{organization}/roles"), json!({ "name": "Nothing" })).await;
    let member = json!({ "user_id": reader.id, "role_id": nothing.expect(201)["id"] });
    server.post_as(&owner, &format!("{organization}/members"), member).await.expect(201);
    let document = |id: &str, project: &str| json!({ "type": "Document", "id": id, "parents": [{ "type": "Project", "id": project }] });
    let things = json!({ "resources": [
        { "type": "Project", "id": "apollo" }, document("plan", "apollo"), document("two words", "apollo"),
        { "type": "Project", "id": "gemini" }, document("memo", "gemini"),
    ] });
    server.post_as(&owner, &format!("{organization}/resources"), things).await.expect(200);
    let role = uuid::Uuid::from(ProjectRole::Viewer.id()).to_string();
    let on = json!({ "type": "Project", "id": "apollo" });
    let grant = json!({ "user_id": reader.id, "role_id": role, "resource": on });
    server.post_as(&owner, &format!("{organization}/grants"), grant).await.expect(201);
    (owner, reader, organization.rsplit('/').next().expect("an id").to_owned())
}

/// Rules for a service with something public, something of an organization's, a thing of its own, and something for
/// whoever is signed in.
pub const RULES: &str = r#"plugins = []

[[forward_auth.rules]]
path = "/assets/**"
methods = ["GET"]
public = true

[[forward_auth.rules]]
name = "read projects"
host = "app.example.com"
path = "/o/{organization}/projects/**"
methods = ["GET"]
action = "project:read"
resource = { type = "Organization", id = "{organization}" }

[[forward_auth.rules]]
name = "write projects"
host = "app.example.com"
path = "/o/{organization}/projects/**"
action = "project:write"
resource = { type = "Organization", id = "{organization}" }

[[forward_auth.rules]]
name = "documents"
host = "app.example.com"
path = "/o/{organization}/documents/{document}/**"
methods = ["GET"]
action = "document:read"
resource = { type = "Document", id = "{document}", organization = "{organization}" }

[[forward_auth.rules]]
name = "signed in"
path = "/me"
action = "self:read"
resource = { type = "User", id = "caller" }

[[forward_auth.rules]]
name = "platform"
path = "/operations/**"
action = "platform:events"
resource = { type = "Platform" }
"#;
