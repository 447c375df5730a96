//! Rows of the operations in `src/guard/actions/access.rs`.

use serde_json::{Value, json};

use super::{Request, Row, World, id_of};

impl World {
    /// A question about the house.
    pub(super) fn asking(&self) -> Request {
        let organization = Some(id_of(&self.house).to_owned());
        Request { organization, ..Request::new().body(self.question()) }
    }

    fn question(&self) -> Value {
        json!({
            "subject": { "type": "User", "id": self.founder.id },
            "action": { "name": "project:read" },
            "resource": { "type": "Organization", "id": id_of(&self.house) },
        })
    }
}

pub(super) const ROWS: &[Row] = rows! {
    evaluate: |world, _| world.asking();
    evaluations: |world, _| world.asking();
    explain_decision: |world, _| world.asking();
    reload_policies: |_, _| Request::new();
    get_authzen_configuration: |_, _| Request::new();
};
