//! Rows of the operations in `src/guard/actions/roles.rs`.

use palisade::domain::SystemRole;
use serde_json::json;

use super::{Row, UNKNOWN};
use crate::support::role_id;

pub(super) const ROWS: &[Row] = rows! {
    create_role: |world, _| {
        let name = world.unused("role");
        world.in_house().body(json!({ "name": name, "permissions": ["org:read"] }))
    };
    create_role ("of an owner's rights"): |world, _| {
        let name = world.unused("role");
        world.in_house().body(json!({ "name": name, "permissions": ["org:*"] }))
    };
    create_role ("above the admin's"): |world, _| {
        let name = world.unused("role");
        world.in_house().body(json!({ "name": name, "inherits_from": role_id(SystemRole::Admin) }))
    };
    update_role: |world, _| world.role(&[]).await.body(json!({ "permissions": ["org:read"] }));
    update_role ("to an owner's rights"): |world, _| {
        world.role(&[]).await.body(json!({ "permissions": ["org:delete"] }))
    };
    update_role ("unknown"): |world, _| {
        world.in_house().at("role_id", UNKNOWN).body(json!({ "permissions": [] }))
    };
    delete_role: |world, _| world.role(&["org:billing:*"]).await;
    delete_role ("unknown"): |world, _| world.in_house().at("role_id", UNKNOWN);
    add_member ("under a role of its own"): |world, persona| {
        world.giving(persona, &["project:*"]).await
    };
    add_member ("under a role of an owner's rights"): |world, persona| {
        world.giving(persona, &["org:billing:*"]).await
    };
};
