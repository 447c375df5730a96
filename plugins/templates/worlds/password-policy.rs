use palisade_plugin_sdk::hooks::password::{Candidate, Verdict};
use palisade_plugin_sdk::{PasswordPolicy, Plugin, PluginError, register};
---
    fn check_password(_: Config, candidate: Candidate) -> Result<Verdict, PluginError> {
        if candidate.password.contains("{{name}}") {
            return Ok(Verdict::reject("too-obvious", "A password does not hold the name of the product."));
        }
        Ok(Verdict::Accept)
    }
