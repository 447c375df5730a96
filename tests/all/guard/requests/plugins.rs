//! Rows of the operations in `src/guard/actions/plugins.rs`.

use serde_json::json;

use super::{Request, Row, World};

impl World {
    /// A plugin that is not there, so that whoever may ask gets 404 and nothing changes.
    pub(super) fn unknown_plugin() -> Request {
        Request::new().at("plugin", "nobody")
    }
}

pub(super) const ROWS: &[Row] = rows! {
    list_plugins: |_, _| Request::new();
    install_plugin: |_, _| Request::new().body(json!({ "plugin": "nobody", "digest": "0".repeat(64) }));
    grant_plugin: |_, _| World::unknown_plugin().body(json!({ "digest": "0".repeat(64) }));
    enable_plugin: |_, _| World::unknown_plugin();
    disable_plugin: |_, _| World::unknown_plugin();
    read_plugin_logs: |_, _| World::unknown_plugin();
    record_plugin: |_, _| World::unknown_plugin().body(json!({}));
    read_plugin_recording: |_, _| World::unknown_plugin();
    forget_plugin_recording: |_, _| World::unknown_plugin();
};
