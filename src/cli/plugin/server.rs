//! A running server, asked over its own API: what an administrator may do there, its policies decide.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, StatusCode};
use serde_json::Value;
use url::Url;

use crate::config::{Config, ConfigError, Remote};
use crate::outbound::{Reach, Web, WebError};

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Installing compiles the component, which takes a minute for one that holds an interpreter.
const PATIENCE: Duration = Duration::from_secs(600);
const PLUGINS: &str = "api/v1/admin/plugins";

#[derive(Debug, Args)]
pub(in crate::cli) struct ServerArgs {
    /// The server [default: PALISADE_SERVER, or where the configuration says that it listens]
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// A file with an administrator's access token, `-` for standard input [default: the text of PALISADE_TOKEN]
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

#[derive(Debug)]
pub(super) struct Server {
    web: Web,
    url: Url,
    authorization: HeaderValue,
}

impl Server {
    pub(super) fn named(
        args: &ServerArgs,
        config: impl FnOnce() -> Result<Config, ConfigError>,
    ) -> Result<Self, Error> {
        let Remote { server, token } =
            Remote::from_process(args.server.as_deref(), args.token_file.as_deref())?;
        let url = match server {
            Some(url) => url,
            None => here(&config()?)?,
        };
        let mut authorization = HeaderValue::from_str(&format!("Bearer {}", token.expose()))
            .map_err(|_| "the token holds what no token holds")?;
        authorization.set_sensitive(true);
        Ok(Self { web: Web::patient(PATIENCE)?, url, authorization })
    }

    /// Every plugin that the server sees.
    pub(super) async fn plugins(&self) -> Result<Vec<Value>, Error> {
        let mut all = self.ask(Method::GET, PLUGINS, None).await?;
        match all.get_mut("plugins").map(Value::take) {
            Some(Value::Array(plugins)) => Ok(plugins),
            _ => Err("the server answered with something else than plugins".into()),
        }
    }

    pub(super) async fn plugin(&self, name: &str) -> Result<Value, Error> {
        let found = self.plugins().await?.into_iter().find(|it| text(it, "plugin") == name);
        found.ok_or_else(|| format!("the server at {} sees no plugin `{name}`", self.url).into())
    }

    pub(super) async fn install(&self, wish: &Value) -> Result<Value, Error> {
        self.ask(Method::POST, PLUGINS, Some(wish)).await
    }

    /// `way` is `grant`, `enable`, `disable` or `recording`.
    pub(super) async fn change(&self, name: &str, way: &str, body: Option<&Value>) -> Result<Value, Error> {
        self.ask(Method::POST, &format!("{PLUGINS}/{name}/{way}"), body).await
    }

    pub(super) async fn recording(&self, name: &str) -> Result<Value, Error> {
        self.ask(Method::GET, &format!("{PLUGINS}/{name}/recording"), None).await
    }

    pub(super) async fn forget_recording(&self, name: &str) -> Result<(), Error> {
        self.ask(Method::DELETE, &format!("{PLUGINS}/{name}/recording"), None).await.map(drop)
    }

    pub(super) async fn lines(&self, name: &str) -> Result<Vec<Value>, Error> {
        let mut told = self.ask(Method::GET, &format!("{PLUGINS}/{name}/logs"), None).await?;
        match told.get_mut("lines").map(Value::take) {
            Some(Value::Array(lines)) => Ok(lines),
            _ => Err("the server answered with something else than lines".into()),
        }
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Error> {
        let url = self.url.join(path)?;
        let mut request = Request::builder()
            .method(method)
            .uri(url.as_str())
            .header(AUTHORIZATION, self.authorization.clone());
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let request = request.body(body.map(|body| body.to_string().into_bytes()).unwrap_or_default())?;
        // The operator names the server, which may be anywhere; the token goes out by https, or stays on this machine.
        let answer = self.web.send(Reach::Private, request).await.map_err(|error| match error {
            WebError::Address => {
                Error::from(format!("{} is asked by https alone: the token would be seen", self.url))
            }
            error => error.into(),
        })?;
        let told = serde_json::from_slice(answer.body()).unwrap_or(Value::Null);
        if answer.status().is_success() { Ok(told) } else { Err(problem(answer.status(), &told).into()) }
    }
}

/// Where a server of this configuration can be asked on this machine.
fn here(config: &Config) -> Result<Url, Error> {
    let mut at = config.listen;
    if at.ip().is_unspecified() {
        at.set_ip(if at.is_ipv4() {
            std::net::Ipv4Addr::LOCALHOST.into()
        } else {
            std::net::Ipv6Addr::LOCALHOST.into()
        });
    }
    Ok(format!("http://{at}/").parse()?)
}

/// What the server complains of, in its own words (RFC 9457).
fn problem(status: StatusCode, told: &Value) -> String {
    let mut all = format!("the server answered {}", status.as_u16());
    for part in [text(told, "code"), text(told, "detail")].into_iter().filter(|part| !part.is_empty()) {
        all = format!("{all}: {part}");
    }
    for wrong in told.get("errors").and_then(Value::as_array).into_iter().flatten() {
        all = format!("{all}\n  {}: {}", text(wrong, "field"), text(wrong, "message"));
    }
    if status == StatusCode::UNAUTHORIZED {
        all.push_str("\n  an access token lasts a few minutes: sign in again");
    }
    all
}

/// A text of an answer, without what a terminal would obey.
pub(super) fn text(of: &Value, key: &str) -> String {
    let text = of.get(key).and_then(Value::as_str).unwrap_or_default();
    text.chars().filter(|letter| !letter.is_control()).collect()
}

/// The texts of a list in an answer.
pub(super) fn texts(of: &Value, key: &str) -> Vec<String> {
    let list = of.get(key).and_then(Value::as_array).into_iter().flatten();
    let each = list.filter_map(Value::as_str);
    each.map(|text| text.chars().filter(|letter| !letter.is_control()).collect()).collect()
}
