//! Rows of the operations in `src/guard/actions/grants.rs`.

use palisade::domain::ProjectRole;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Request, Row, UNKNOWN, World};

impl World {
    /// What gives the founder a role on a new project of the house.
    async fn granting(&self, role: ProjectRole) -> Value {
        let id = self.unused("project");
        let path = format!("{}/resources/Project/{id}", self.house);
        self.server.put_as(&self.founder, &path, json!({})).await.expect(200);
        json!({
            "user_id": self.founder.id, "role_id": Uuid::from(role.id()).to_string(),
            "resource": { "type": "Project", "id": id },
        })
    }

    async fn granted(&self) -> Request {
        let body = self.granting(ProjectRole::Viewer).await;
        let made =
            self.server.post_as(&self.founder, &format!("{}/grants", self.house), body).await.expect(201);
        self.in_house().at("grant_id", made["id"].as_str().expect("an id"))
    }
}

pub(super) const ROWS: &[Row] = rows! {
    create_grant: |world, _| {
        let body = world.granting(ProjectRole::Owner).await;
        world.in_house().body(body)
    };
    create_grant ("of more than an admin holds"): |world, _| {
        let mut body = world.granting(ProjectRole::Viewer).await;
        let role = world.unused("role");
        let role = json!({ "name": role, "permissions": ["org:billing:read"] });
        let role = world.server.post_as(&world.founder, &format!("{}/roles", world.house), role).await.expect(201);
        body["role_id"] = role["id"].clone();
        world.in_house().body(body)
    };
    list_grants: |world, _| world.in_house();
    get_grant: |world, _| world.granted().await;
    get_grant ("unknown"): |world, _| world.in_house().at("grant_id", UNKNOWN);
    delete_grant: |world, _| world.granted().await;
    delete_grant ("unknown"): |world, _| world.in_house().at("grant_id", UNKNOWN);
};
