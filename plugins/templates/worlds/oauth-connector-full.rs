use palisade_plugin_sdk::hooks::oauth::{ClientAuth, Endpoints, ExternalIdentity, TokenSet};
use palisade_plugin_sdk::{
    OauthConnectorFull, Plugin, PluginError, RequestContext, from_json, http, register,
};
use serde_json::json;
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

    fn exchange_code(
        _: Config,
        _: RequestContext,
        code: String,
        redirect_uri: String,
        code_verifier: String,
    ) -> Result<TokenSet, PluginError> {
        let answer = http::post("https://id.example.com/token")
            .bearer("client_secret")
            .json(&json!({ "code": code, "redirect_uri": redirect_uri, "code_verifier": code_verifier }))
            .send()?;
        let token: Token = answer.json()?;
        Ok(TokenSet { access_token: token.token, id_token_claims: None, raw: answer.text()?.into() })
    }

    fn fetch_profile(_: Config, _: RequestContext, tokens: TokenSet) -> Result<Option<String>, PluginError> {
        let answer = http::get("https://id.example.com/me")
            .header("authorization", ["Bearer ", &tokens.access_token].concat())
            .send()?;
        Ok(Some(answer.text()?.into()))
    }
---
/// The profile as the provider tells it.
#[derive(Deserialize)]
struct Profile {
    id: String,
    name: Option<String>,
}

/// What its token endpoint answers.
#[derive(Deserialize)]
struct Token {
    token: String,
}
