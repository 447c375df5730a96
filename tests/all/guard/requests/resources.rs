//! Rows of the operations in `src/guard/actions/resources.rs`.

use serde_json::json;

use super::{Row, World};

impl World {
    /// A project of the house that the cell may spoil.
    async fn registered(&self) -> super::Request {
        let id = self.unused("project");
        let path = format!("{}/resources/Project/{id}", self.house);
        self.server.put_as(&self.founder, &path, json!({})).await.expect(200);
        self.in_house().at("type", "Project").at("resource_id", id)
    }
}

pub(super) const ROWS: &[Row] = rows! {
    put_resource: |world, _| {
        let name = world.in_house().at("type", "Project").at("resource_id", world.unused("project"));
        name.body(json!({ "attributes": {}, "parents": [] }))
    };
    get_resource: |world, _| world.registered().await;
    get_resource ("unknown"): |world, _| {
        world.in_house().at("type", "Project").at("resource_id", "nowhere")
    };
    list_resources: |world, _| world.in_house().query("type=Project");
    delete_resource: |world, _| world.registered().await;
    load_resources: |world, _| {
        world.in_house().body(json!({ "resources": [{ "type": "Project", "id": world.unused("project") }] }))
    };
};
