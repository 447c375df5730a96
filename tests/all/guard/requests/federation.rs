//! Rows of the operations in `src/guard/actions/federation.rs`.

use serde_json::json;

use palisade::domain::SystemRole;

use super::{Request, Row, UNKNOWN};
use crate::support::role_id;

pub(super) const ROWS: &[Row] = rows! {
    list_providers: |_, _| Request::new();
    get_redirect_uri: |_, _| Request::new().at("provider", "idp");
    get_sign_in_url: |_, _| Request::new().at("provider", "idp");
    begin_sign_in: |_, _| Request::new().at("provider", "idp");
    finish_sign_in: |_, _| Request::new().at("provider", "idp");
    return_by_form: |_, _| {
        Request::new().at("provider", "idp").form(&[("code", "none"), ("state", "none")])
    };
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
    disconnect_all: |world, _| {
        world.connect_person(&world.spare).await;
        Request::new().at("user_id", world.spare.id.clone())
    };
    disconnect_everybody: |world, _| {
        world.connect_person(&world.spare).await;
        Request::new().at("provider", "idp")
    };
    discover_provider: |world, _| {
        let domain = world.confirmed_domain().await;
        Request::new().query(format!("domain={domain}").leak())
    };
    register_provider: |world, _| {
        world.in_house().body(super::world::new_provider(&role_id(SystemRole::Viewer)))
    };
    register_provider ("that makes owners"): |world, _| {
        world.in_house().body(super::world::new_provider(&role_id(SystemRole::Owner)))
    };
    list_organization_providers: |world, _| world.in_house();
    update_provider: |world, _| world.provider().await.body(json!({ "enabled": false }));
    update_provider ("unknown"): |world, _| {
        world.in_house().at("provider_id", UNKNOWN).body(json!({ "enabled": false }))
    };
    remove_provider: |world, _| world.provider().await;
    claim_domain: |world, _| {
        let domain = format!("{}.example", world.unused("domain"));
        world.in_house().body(json!({ "domain": domain }))
    };
    prove_domain: |world, _| {
        let domain = world.domain().await;
        world.publish(&domain.path[1].1).await;
        domain
    };
    list_domains: |world, _| world.in_house();
    release_domain: |world, _| world.domain().await;
    confirm_domain: |world, _| world.domain().await;
    disconnect_user: |world, _| {
        world.connect_person(&world.spare).await;
        Request::new().at("user_id", world.spare.id.clone()).at("provider", "idp")
    };
};
