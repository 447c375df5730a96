//! Rows of the operations in `src/guard/actions/decisions.rs`.

use super::{Request, Row, UNKNOWN};

pub(super) const ROWS: &[Row] = rows! {
    list_decisions: |_, _| Request::new();
    get_decision: |world, _| Request::new().at("decision_id", world.a_refusal().await);
    get_decision ("unknown"): |_, _| Request::new().at("decision_id", UNKNOWN);
    list_organization_decisions: |world, _| world.in_house();
    get_organization_decision: |world, _| {
        world.in_house().at("decision_id", world.a_refusal().await)
    };
    get_organization_decision ("of another organization"): |world, persona| {
        world.organization(persona).await.request().at("decision_id", world.a_refusal().await)
    };
};
