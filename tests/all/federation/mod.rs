//! Signing in with others.

mod apple;
mod attacks;
mod browser;
mod certified;
mod connections;
mod domains;
mod github;
mod organizations;
mod plugged;
mod sign_in;
mod trusted;

use crate::support::{Database, Idp, Server, Setup};

/// A server with two OpenID providers, `idp` and `other`, and a GitHub that is none.
pub struct Stage {
    pub server: Server,
    pub idp: Idp,
    pub other: Idp,
    pub github: Idp,
}

impl Stage {
    /// With these files beside the shipped policies.
    pub async fn begin(database: Database, policies: &'static [(&'static str, &'static str)]) -> Self {
        let [idp, other, github] = [(); 3].map(|()| Idp::start());
        let mut setup = Setup::on(database);
        setup.policies = policies;
        setup.plugins = Box::leak(settings(&[&idp, &other, &github], "").into_boxed_str());
        for name in ["IDP", "OTHER", "GITHUB"] {
            let (id, secret) = match name {
                "IDP" => ("PALISADE_OAUTH_IDP_CLIENT_ID", "PALISADE_OAUTH_IDP_CLIENT_SECRET"),
                "OTHER" => ("PALISADE_OAUTH_OTHER_CLIENT_ID", "PALISADE_OAUTH_OTHER_CLIENT_SECRET"),
                _ => ("PALISADE_OAUTH_GITHUB_CLIENT_ID", "PALISADE_OAUTH_GITHUB_CLIENT_SECRET"),
            };
            setup.settings.extend([(id, "us".to_owned()), (secret, "hush hush".to_owned())]);
        }
        let server = Server::with(setup).await;
        Self { server, idp, other, github }
    }

    /// The same after a restart, with `more` at the end of the settings of `idp`.
    pub async fn reconfigured(self, more: &str) -> Self {
        let Self { server, idp, other, github } = self;
        let server = server.reconfigured(&settings(&[&idp, &other, &github], more)).await;
        Self { server, idp, other, github }
    }
}

fn settings(idps: &[&Idp; 3], more: &str) -> String {
    let [idp, other, github] = idps.map(|it| &it.url);
    format!(
        r#"
plugins = []
[oauth]
frontend_callback_url = "http://app.test/callback"
return_origins = ["http://other.test"]

[[oauth.providers]]
name = "other"
issuer = "{other}"
allow_private_addresses = true
scopes = ["openid", "email"]

[[oauth.providers]]
name = "github"
base_url = "{github}"
token_url = "{github}/token"
userinfo_url = "{github}/user"
emails_url = "{github}/user/emails"
revoke_url = "{github}/applications/us/token"
allow_private_addresses = true

[[oauth.providers]]
name = "idp"
issuer = "{idp}"
allow_private_addresses = true
scopes = ["openid", "email"]
connect_scopes = ["files", "mail"]
{more}
"#
    )
}

/// Makes of each function two tests, one on SQLite and one on PostgreSQL.
macro_rules! staged {
    ($($name:ident),+ $(,)?) => { staged!(under &[]; $($name),+); };
    (under $policies:expr; $($name:ident),+ $(,)?) => {$(
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                let database = $crate::support::Database::Sqlite;
                super::$name($crate::federation::Stage::begin(database, $policies).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                if let Some(database) = $crate::support::Database::postgres() {
                    super::$name($crate::federation::Stage::begin(database, $policies).await).await;
                }
            }
        }
    )+};
}
use staged;
