//! Rows of the operations in `src/guard/actions/federation.rs`.

use serde_json::json;

use super::{Request, Row};

pub(super) const ROWS: &[Row] = rows! {
    list_providers: |_, _| Request::new();
    get_redirect_uri: |_, _| Request::new().at("provider", "idp");
    get_sign_in_url: |_, _| Request::new().at("provider", "idp");
    begin_sign_in: |_, _| Request::new().at("provider", "idp");
    finish_sign_in: |_, _| Request::new().at("provider", "idp");
    exchange_code: |_, _| Request::new().body(json!({ "code": "none" }));
    list_connections: |_, _| Request::new();
    connect_provider: |_, _| Request::new().at("provider", "idp");
    disconnect_provider: |world, persona| {
        world.connect(persona).await;
        Request::new().at("provider", "idp")
    };
    broker_token: |world, persona| {
        world.connect(persona).await;
        let user = persona.person.as_ref().map_or(world.founder.id.clone(), |person| person.id.clone());
        Request::new().at("user_id", user).at("provider", "idp")
    };
    broker_token ("of another"): |world, _| {
        world.connect_person(&world.spare).await;
        Request::new().at("user_id", world.spare.id.clone()).at("provider", "idp")
    };
    disconnect_user: |world, _| {
        world.connect_person(&world.spare).await;
        Request::new().at("user_id", world.spare.id.clone()).at("provider", "idp")
    };
};
