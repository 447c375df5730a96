use palisade_plugin_sdk::hooks::claims::Mint;
use palisade_plugin_sdk::{ClaimsHook, Plugin, PluginError, RequestContext, register};
use serde_json::json;
---
    fn customize(_: Config, _: RequestContext, mint: Mint) -> Result<String, PluginError> {
        Ok(json!({ "department": mint.user.department }).to_string())
    }
