//! Sign-in with Notion. It is not plain OAuth 2.0: the token endpoint takes JSON instead of a form, its answer tells the
//! workspace and the person, and the profile call answers with a bot whose owner is the person.

use palisade_plugin_sdk::hooks::oauth::{ClientAuth, Endpoints, ExternalIdentity, TokenSet};
use palisade_plugin_sdk::{
    OauthConnectorFull, Plugin, PluginError, RequestContext, from_json, http, register,
};
use serde::Deserialize;
use serde_json::json;

register!(OauthConnectorFull for Notion);

struct Notion;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    client_id: String,
    workspaces: Vec<String>,
    /// Notion's address, or that of somebody who stands in for it.
    api: String,
}

impl Config {
    fn at(&self, path: &str) -> String {
        [&*self.api, path].concat()
    }
}

const AUTHORIZE: &str = "/v1/oauth/authorize";
const TOKEN: &str = "/v1/oauth/token";
const PROFILE: &str = "/v1/users/me";
/// Notion asks for the version of its interface in each request.
const VERSION: (&str, &str) = ("notion-version", "2022-06-28");

/// The token endpoint's answer, as far as we read it.
#[derive(Deserialize)]
struct Token {
    access_token: String,
    workspace_id: String,
}

/// The profile call's answer: the integration's bot.
#[derive(Deserialize)]
struct Profile {
    bot: Bot,
}

#[derive(Deserialize)]
struct Bot {
    owner: Owner,
}

/// A workspace may own a bot too; that is nobody who signs in.
#[derive(Deserialize)]
struct Owner {
    user: Option<User>,
}

#[derive(Deserialize)]
struct User {
    id: String,
    name: Option<String>,
    avatar_url: Option<String>,
    person: Option<Person>,
}

#[derive(Deserialize)]
struct Person {
    email: Option<String>,
}

impl Plugin for Notion {
    type Config = Config;

    fn check(config: &Config) -> Result<(), Vec<String>> {
        if config.client_id.is_empty() { Err(["client_id: is missing".into()].into()) } else { Ok(()) }
    }
}

impl OauthConnectorFull for Notion {
    fn describe_endpoints(config: Config) -> Result<Endpoints, PluginError> {
        Ok(Endpoints {
            issuer: None,
            authorize: config.at(AUTHORIZE),
            token: config.at(TOKEN),
            userinfo: None,
            jwks: None,
            scopes: Vec::new(),
            client_auth: ClientAuth::Basic,
            extra_authorize_params: [("owner".into(), "user".into())].into(),
        })
    }

    fn exchange_code(
        config: Config,
        _: RequestContext,
        code: String,
        redirect_uri: String,
        // Notion knows no PKCE; the state that the host checks binds the answer to the browser.
        _code_verifier: String,
    ) -> Result<TokenSet, PluginError> {
        let answer = http::post(config.at(TOKEN))
            .basic(&*config.client_id, "client_secret")
            .header(VERSION.0, VERSION.1)
            .json(&json!({"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}))
            .send()?;
        if !answer.is_success() {
            return Err(PluginError::Upstream(["no token: ", &answer.status.to_string()].concat()));
        }
        token_set(&config, answer.text()?)
    }

    fn fetch_profile(
        config: Config,
        _: RequestContext,
        tokens: TokenSet,
    ) -> Result<Option<String>, PluginError> {
        let answer = http::get(config.at(PROFILE))
            .header("authorization", ["Bearer ", &tokens.access_token].concat())
            .header(VERSION.0, VERSION.1)
            .send()?;
        if !answer.is_success() {
            return Err(PluginError::Upstream(["no profile: ", &answer.status.to_string()].concat()));
        }
        Ok(Some(answer.text()?.into()))
    }

    fn map_profile(
        _: Config,
        _: RequestContext,
        _: TokenSet,
        userinfo: Option<String>,
    ) -> Result<ExternalIdentity, PluginError> {
        identity(&userinfo.ok_or_else(|| PluginError::InvalidInput("there is no profile".into()))?)
    }
}

fn token_set(config: &Config, raw: &str) -> Result<TokenSet, PluginError> {
    let token: Token = from_json(raw).map_err(|_| PluginError::Upstream("this is no token".into()))?;
    if !config.workspaces.is_empty() && !config.workspaces.contains(&token.workspace_id) {
        return Err(PluginError::InvalidInput("the person chose a workspace that is not ours".into()));
    }
    Ok(TokenSet { access_token: token.access_token, id_token_claims: None, raw: raw.into() })
}

fn identity(profile: &str) -> Result<ExternalIdentity, PluginError> {
    let Profile { bot } = from_json(profile)?;
    let Some(user) = bot.owner.user else {
        return Err(PluginError::InvalidInput("the token is a workspace's, not a person's".into()));
    };
    Ok(ExternalIdentity {
        subject: user.id,
        email: user.person.and_then(|person| person.email),
        // Notion does not say, and a guess would open somebody's account.
        email_verified: None,
        full_name: user.name,
        avatar_url: user.avatar_url,
        raw: profile.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERSON: &str = r#"{
        "object": "user", "id": "b-1", "type": "bot",
        "bot": {"owner": {"type": "user", "user": {
            "object": "user", "id": "u-1", "name": "Ada Lovelace", "avatar_url": null,
            "type": "person", "person": {"email": "ada@example.com"}
        }}}
    }"#;

    #[test]
    fn the_person_is_the_owner_of_the_bot() {
        let identity = identity(PERSON).unwrap();
        assert_eq!(identity.subject, "u-1");
        assert_eq!(identity.email.as_deref(), Some("ada@example.com"));
        assert_eq!(identity.email_verified, None);
        assert_eq!(identity.full_name.as_deref(), Some("Ada Lovelace"));
    }

    #[test]
    fn a_workspace_is_nobody() {
        let bot = r#"{"bot": {"owner": {"type": "workspace", "workspace": true}}}"#;
        assert!(matches!(identity(bot), Err(PluginError::InvalidInput(_))));
    }

    #[test]
    fn only_the_workspaces_named_come_in() {
        let raw = r#"{"access_token": "t-1", "workspace_id": "w-1", "token_type": "bearer"}"#;
        let of = |workspaces: &[&str]| Config {
            client_id: "c-1".into(),
            workspaces: workspaces.iter().map(|&id| id.to_owned()).collect(),
            api: String::new(),
        };
        assert_eq!(token_set(&of(&[]), raw).unwrap().access_token, "t-1");
        assert!(token_set(&of(&["w-1"]), raw).is_ok());
        assert!(token_set(&of(&["w-2"]), raw).is_err());
    }
}
