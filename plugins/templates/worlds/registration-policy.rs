use palisade_plugin_sdk::hooks::registration::{Candidate, Verdict};
use palisade_plugin_sdk::{Plugin, PluginError, RegistrationPolicy, RequestContext, log, register};
---
    fn validate(_: Config, _: RequestContext, _: Candidate) -> Result<Verdict, PluginError> {
        log::info("asked about a registration");
        Ok(Verdict::accept())
    }
