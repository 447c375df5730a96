use palisade_plugin_sdk::hooks::mail::Message;
use palisade_plugin_sdk::{MailTransport, Plugin, PluginError, RequestContext, http, register};
use serde_json::json;
---
    fn send(_: Config, _: RequestContext, message: Message) -> Result<Option<String>, PluginError> {
        let letter = json!({
            "key": message.idempotency_key,
            "to": message.to,
            "subject": message.subject,
            "text": message.text,
            "html": message.html,
        });
        let answer = http::post("https://api.example.com/hook").bearer("token").json(&letter).send()?;
        if !answer.is_success() {
            return Err(PluginError::Upstream("the letter was not taken".into()));
        }
        Ok(None)
    }
