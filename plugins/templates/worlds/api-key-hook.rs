use palisade_plugin_sdk::hooks::api_key::{Narrowing, Request, Verdict};
use palisade_plugin_sdk::{ApiKeyHook, Plugin, PluginError, RequestContext, register};
---
    fn review(_: Config, _: RequestContext, _: Request) -> Result<Verdict, PluginError> {
        // The sooner end holds: a plugin cannot make a key live longer.
        Ok(Verdict::Narrow(Narrowing { scopes: None, expires_in_seconds: Some(30 * 24 * 60 * 60) }))
    }
