use palisade_plugin_sdk::hooks::migration::Outcome;
use palisade_plugin_sdk::{Migrator, Plugin, PluginError, RequestContext, http, register};
use serde_json::json;
---
    fn verify_legacy(
        _: Config,
        _: RequestContext,
        identifier: String,
        password: String,
    ) -> Result<Outcome, PluginError> {
        let body = json!({ "email": identifier, "password": password });
        let answer = http::post("https://api.example.com/hook").bearer("token").json(&body).send()?;
        match answer.status {
            200 => Ok(Outcome::Correct),
            401 => Ok(Outcome::WrongPassword),
            404 => Ok(Outcome::NoSuchUser),
            _ => Err(PluginError::Upstream("neither yes nor no".into())),
        }
    }
