use palisade_plugin_sdk::hooks::oauth::{ClientAuth, Endpoints, ExternalIdentity, TokenSet};
use palisade_plugin_sdk::{OauthConnector, Plugin, PluginError, RequestContext, from_json, register};
---
    fn describe_endpoints(_: Config) -> Result<Endpoints, PluginError> {
        Ok(Endpoints {
            issuer: None,
            authorize: "https://id.example.com/authorize".into(),
            token: "https://id.example.com/token".into(),
            userinfo: Some("https://id.example.com/me".into()),
            jwks: None,
            scopes: ["profile".into()].into(),
            client_auth: ClientAuth::Basic,
            extra_authorize_params: Vec::new(),
        })
    }

    fn map_profile(
        _: Config,
        _: RequestContext,
        _: TokenSet,
        userinfo: Option<String>,
    ) -> Result<ExternalIdentity, PluginError> {
        let raw = userinfo.unwrap_or_default();
        let profile: Profile = from_json(&raw)?;
        Ok(ExternalIdentity {
            subject: profile.id,
            email: None,
            email_verified: None,
            full_name: profile.name,
            avatar_url: None,
            raw,
        })
    }
---
/// The profile as the provider tells it.
#[derive(Deserialize)]
struct Profile {
    id: String,
    name: Option<String>,
}
