//! Where the story is played: a whole server of its own, its clients, and its outgoing mail.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use poem::listener::{Acceptor as _, Listener as _, TcpListener};
use serde_json::Value as Json;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::step::Step;
use super::tell::{Teller, field};
use super::witness::Witness;
use crate::api;
use crate::app::App;
use crate::cli::wire;
use crate::config::Config;
use crate::domain::Secret;
use crate::guard::Principal;
use crate::guard::actions::CreateAdministrator;
use crate::pdp::Pdp;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A letter is on its way for so long at most.
const MAIL_TIMEOUT: Duration = Duration::from_secs(10);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

#[derive(Debug)]
pub(super) struct Stage {
    pub(super) teller: Teller,
    app: Arc<App>,
    witness: Arc<Witness>,
    address: SocketAddr,
    client: reqwest::Client,
    mail: PathBuf,
    steps: usize,
    stop: oneshot::Sender<()>,
    server: JoinHandle<std::io::Result<()>>,
    postman: JoinHandle<()>,
    /// Deleted when this is dropped.
    _data: TempDir,
}

impl Stage {
    /// Starts a server on a free port, on a data directory that goes when the stage goes. Of the operator's own
    /// settings only the policies and the plugins' folder are taken.
    pub(super) async fn set(own: &Config) -> Result<Self, BoxError> {
        let data = tempfile::Builder::new().prefix("palisade-demo-").tempdir()?;
        let mut config = Config::without_file([
            ("PALISADE_LISTEN", "127.0.0.1:0".to_owned()),
            ("PALISADE_DATA_DIR", data.path().display().to_string()),
        ])?;
        config.policies_dir.clone_from(&own.policies_dir);
        config.plugins_dir.clone_from(&own.plugins_dir);
        let teller = Teller::new(Pdp::load(&own.policies_dir)?, own.policies_dir.display().to_string());
        let acceptor = TcpListener::bind(config.listen).into_acceptor().await?;
        let address = acceptor.local_addr().iter().find_map(|address| address.as_socket_addr().copied());
        let address = address.ok_or("the server has no address")?;
        let witness = Arc::new(Witness::default());
        let world = wire::World { recorder: Arc::<Witness>::clone(&witness), ..wire::World::default() };
        let app = Arc::new(wire::app(&config, Some(address), world).await?);
        let routes = api::routes(Arc::clone(&app), wire::edge(&config, address));
        let (stop, stopped) = oneshot::channel();
        let stopped = async { drop(stopped.await) };
        let server = poem::Server::new_with_acceptor(acceptor);
        let grace = Some(Duration::from_secs(1));
        let server =
            tokio::spawn(async move { server.run_with_graceful_shutdown(routes, stopped, grace).await });
        let postman = {
            let app = Arc::clone(&app);
            tokio::spawn(async move { app.deliver_mail_forever().await })
        };
        let client = reqwest::Client::builder().timeout(REQUEST_TIMEOUT).no_proxy().build()?;
        let (mail, steps) = (data.path().join("mail"), 0);
        Ok(Self { teller, app, witness, address, client, mail, steps, stop, server, postman, _data: data })
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) const fn steps(&self) -> usize {
        self.steps
    }

    /// Sends the request, compares, tells.
    ///
    /// # Errors
    /// If anything is not as the step announces.
    pub(super) async fn play(&mut self, step: Step<'_>) -> Result<Json, BoxError> {
        self.steps += 1;
        let request_id = format!("demo-{:02}", self.steps);
        let url = format!("http://{}{}", self.address, step.path);
        let mut request = self.client.request(step.method.clone(), url).header("x-request-id", &request_id);
        if let Some(token) = step.token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = &step.body {
            request = request.json(body);
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let body: Json = response.json().await?;
        let seen = self.witness.of(&request_id);

        let mut wrong = Vec::new();
        let mut compare = |what: &str, announced: String, got: String| {
            if announced != got {
                wrong.push(format!("\n  {what}: announced {announced}, got {got}"));
            }
        };
        compare("status", step.status.to_string(), status.to_string());
        for (name, value) in &step.fields {
            if let Some(value) = value {
                compare(name, value.to_string(), field(&body, name).to_string());
            }
        }
        let decision = |action: &str, allowed: bool, policies: &str| {
            format!("{action} {} by [{policies}]", if allowed { "allowed" } else { "denied" })
        };
        let announced = step.decisions.iter();
        let announced = announced.map(|it| decision(it.action, it.allowed, &it.policies.join(", ")));
        let got = seen.iter().map(|it| decision(&it.action, it.allowed, &it.policies.join(", ")));
        let joined = |all: Vec<String>| if all.is_empty() { "none".to_owned() } else { all.join("; then ") };
        compare("decision", joined(announced.collect()), joined(got.collect()));
        if !wrong.is_empty() {
            let (number, title) = (self.steps, step.title);
            let (method, path) = (&step.method, &step.path);
            return Err(format!("step {number} differs: {title}\n  {method} {path}{}", wrong.concat()).into());
        }
        self.teller.step(self.steps, &step, &body, &seen)?;
        Ok(body)
    }

    /// What `palisade admin create` does.
    pub(super) async fn create_administrator(&mut self, email: &str, password: &str) -> Result<(), BoxError> {
        self.steps += 1;
        let request_id = format!("demo-{:02}", self.steps);
        let caller = Principal::system("cli", request_id.clone());
        let ok = self.app.authorize(&caller, CreateAdministrator {}).await?;
        drop(self.app.create_administrator(ok, email, &Secret::new(password.to_owned())).await?);
        self.teller.heading(self.steps, "whoever holds the machine makes the first administrator")?;
        self.teller.line(&format!("   $ palisade admin create {email}"))?;
        self.witness.of(&request_id).iter().try_for_each(|seen| self.teller.decision(seen))?;
        Ok(())
    }

    /// The token in the newest letter to `email` whose link leads to `page`; waits for it.
    pub(super) async fn token_mailed(&self, email: &str, page: &str) -> Result<String, BoxError> {
        let found = async {
            loop {
                if let Some(token) = self.look_for(email, page)? {
                    return Ok(token);
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let late = || format!("no letter with a link to {page} came for {email}");
        tokio::time::timeout(MAIL_TIMEOUT, found).await.map_err(|_| late())?
    }

    fn look_for(&self, email: &str, page: &str) -> Result<Option<String>, BoxError> {
        let Ok(letters) = std::fs::read_dir(&self.mail) else { return Ok(None) };
        let mut files = letters.map(|letter| Ok(letter?.path())).collect::<std::io::Result<Vec<_>>>()?;
        files.retain(|path| path.extension().is_some_and(|it| it == "eml"));
        // Their names are UUIDv7, so the newest is the last.
        files.sort();
        let (to, link) = (format!("To: {email}"), format!("{page}?token="));
        for file in files.iter().rev() {
            let text = std::fs::read_to_string(file)?;
            if text.lines().any(|line| line.contains(&to) || line.contains(&format!("<{email}>")))
                && let Some((_, after)) = text.split_once(&link)
            {
                return Ok(after.split_whitespace().next().map(str::to_owned));
            }
        }
        Ok(None)
    }

    /// Stops the server and deletes its data.
    pub(super) async fn clear(self) -> Result<(), BoxError> {
        drop(self.client);
        let _ = self.stop.send(());
        self.server.await??;
        self.postman.abort();
        // A letter half sent would find the database closed.
        let _ = self.postman.await;
        self.app.close().await;
        Ok(())
    }
}
