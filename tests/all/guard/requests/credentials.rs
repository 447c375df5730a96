//! Rows of the operations in `src/guard/actions/credentials.rs`.

use palisade::domain::SystemRole;
use serde_json::json;

use super::{Request, Row, UNKNOWN, id_of};
use crate::support::role_id;

pub(super) const ROWS: &[Row] = rows! {
    create_api_key: |_, _| Request::new().body(json!({ "name": "key", "scopes": [] }));
    create_api_key ("of an organization"): |world, _| {
        Request::new().body(json!({ "name": "key", "scopes": [], "organization_id": id_of(&world.house) }))
    };
    list_api_keys: |_, _| Request::new();
    rotate_api_key: |world, persona| world.own_key(persona).await.body(json!({}));
    revoke_api_key: |world, persona| world.own_key(persona).await;
    revoke_api_key ("of another"): |world, _| world.key_of("/api/v1/auth/api-keys").await;
    revoke_api_key ("of an organization"): |world, _| {
        world.key_of(&format!("{}/api-keys", world.house)).await
    };
    create_organization_api_key: |world, _| world.in_house().body(json!({ "name": "key" }));
    list_organization_api_keys: |world, _| world.in_house();
    rotate_organization_api_key: |world, _| {
        let key = world.key_of(&format!("{}/api-keys", world.house)).await;
        key.at("organization_id", id_of(&world.house)).body(json!({}))
    };
    revoke_organization_api_key: |world, _| {
        let key = world.key_of(&format!("{}/api-keys", world.house)).await;
        key.at("organization_id", id_of(&world.house))
    };
    create_agent: |world, _| world.in_house().body(json!({ "name": "Builder" }));
    create_agent ("as owner"): |world, _| {
        world.in_house().body(json!({ "name": "Builder", "role_id": role_id(SystemRole::Owner) }))
    };
    list_agents: |world, _| world.in_house();
    get_agent: |world, _| world.agent().await;
    get_agent ("unknown"): |world, _| world.in_house().at("agent_id", UNKNOWN);
    update_agent: |world, _| world.agent().await.body(json!({ "name": "Renamed" }));
    suspend_agent: |world, _| world.agent().await;
    resume_agent: |world, _| world.agent().await;
    terminate_agent: |world, _| world.agent().await;
    create_agent_token: |world, _| world.agent().await.body(json!({ "task_id": "t", "scopes": [] }));
    create_agent_api_key: |world, _| world.agent().await.body(json!({ "name": "key" }));
    list_agent_api_keys: |world, _| world.agent().await;
    rotate_agent_api_key: |world, _| world.agent_key().await.0.body(json!({}));
    revoke_agent_api_key: |world, _| world.agent_key().await.0;
    exchange_token: |world, persona| {
        let subject = persona.person.as_ref().map_or("none", |person| &person.access);
        let (_, key) = world.agent_key().await;
        Request::new().form(&[
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token", subject),
            ("subject_token_type", ACCESS_TOKEN),
            ("actor_token", &key),
            ("actor_token_type", ACCESS_TOKEN),
        ])
    };
    introspect_token: |_, _| Request::new().form(&[("token", "none")]);
    revoke_token: |_, _| Request::new().form(&[("token", "none")]);
};

const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
