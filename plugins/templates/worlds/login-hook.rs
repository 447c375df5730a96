use palisade_plugin_sdk::hooks::login::{Attempt, Verdict};
use palisade_plugin_sdk::{LoginHook, Plugin, PluginError, RequestContext, log, register};
---
    fn authenticated(_: Config, _: RequestContext, attempt: Attempt) -> Result<Verdict, PluginError> {
        if attempt.new_network {
            log::info("somebody comes from a new network");
        }
        Ok(Verdict::Proceed)
    }
