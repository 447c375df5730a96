//! A whole server in the test's process: everything real but the socket, the clock and the cost of a hash.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use palisade::api;
use palisade::app::App;
use palisade::cli::wire::{self, World, edge};
use palisade::config::Config;
use palisade::domain::{Micros, OsRandom, TestClock};
use palisade::guard::DecisionLog;
use palisade::pdp::Pdp;
use poem::endpoint::BoxEndpoint;
use poem::http::Method;
use poem::test::TestClient;
use poem::{EndpointExt as _, Response};
use serde_json::Value;
use tempfile::TempDir;

use super::{Answer, Database};

/// What a test may choose; the rest is as `palisade serve` would have it.
#[derive(Debug, Clone)]
pub struct Setup {
    pub database: Database,
    /// `PALISADE_*` settings.
    pub settings: Vec<(&'static str, String)>,
    /// Files that are put beside the shipped policies, as an operator would.
    pub policies: &'static [(&'static str, &'static str)],
    /// TOML of the `[[plugins]]`; without a word no plugin is bound.
    pub plugins: &'static str,
}

impl Setup {
    pub fn on(database: Database) -> Self {
        Self { database, settings: Vec::new(), policies: &[], plugins: "plugins = []" }
    }
}

pub struct Server {
    pub client: TestClient<Arc<BoxEndpoint<'static, Response>>>,
    /// What the client asks, for requests that it cannot make.
    pub routes: Arc<BoxEndpoint<'static, Response>>,
    pub app: Arc<App>,
    pub clock: Arc<TestClock>,
    /// The data directory; kept until the test is over.
    pub folder: TempDir,
    pub config: Config,
    settings: Vec<(String, String)>,
}

/// 2026-01-01T00:00:00Z: no test depends on it, and none on the day it runs.
pub const BEGIN: Micros = Micros::new(1_767_225_600_000_000);

impl Server {
    pub async fn start(database: Database) -> Self {
        Self::with(Setup::on(database)).await
    }

    pub async fn with(setup: Setup) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let url = setup.database.fresh(folder.path()).await;
        let file = folder.path().join("palisade.toml");
        std::fs::write(&file, setup.plugins).expect("the folder can be written");
        let mut settings = vec![
            ("PALISADE_DATA_DIR", folder.path().display().to_string()),
            ("PALISADE_DATABASE_URL", url),
            ("PALISADE_PUBLIC_URL", "http://palisade.test".to_owned()),
            ("PALISADE_POLICIES_DIR", root().join("policies").display().to_string()),
            ("PALISADE_PLUGINS_DIR", root().join("plugins").display().to_string()),
            ("PALISADE_HASHING_MEMORY_KIB", "8".to_owned()),
            ("PALISADE_HASHING_ITERATIONS", "1".to_owned()),
            // Nobody writes the log in the background, so it must not be full.
            ("PALISADE_DECISIONS_QUEUE", "100000".to_owned()),
            // So that no test owes it to the time it takes that a change is seen.
            ("PALISADE_FACTS_MAX_AGE_MS", "60000".to_owned()),
            // Tests of the limits turn them on.
            ("PALISADE_RATE_LIMITS_ENABLED", "false".to_owned()),
        ];
        if !setup.policies.is_empty() {
            let beside = folder.path().join("policies");
            copy_policies(&beside, setup.policies);
            settings.push(("PALISADE_POLICIES_DIR", beside.display().to_string()));
        }
        settings.extend(setup.settings);
        let settings: Vec<_> = settings.into_iter().map(|(name, text)| (name.to_owned(), text)).collect();
        let config = Config::load(Some(&file), settings.clone()).expect("the settings are right");
        let clock = Arc::new(TestClock::at(BEGIN));
        Self::open(folder, config, settings, clock).await
    }

    async fn open(
        folder: TempDir,
        config: Config,
        settings: Vec<(String, String)>,
        clock: Arc<TestClock>,
    ) -> Self {
        let world =
            World { clock: clock.clone(), random: Arc::new(OsRandom), recorder: Arc::new(DecisionLog) };
        let app = wire::app_with_policies(&config, None, world, policies(&config)).await;
        let app = Arc::new(app.expect("the server can start"));
        let edge = edge(&config, config.listen);
        let routes = Arc::new(api::routes(Arc::clone(&app), edge).boxed());
        Self { client: TestClient::new(Arc::clone(&routes)), routes, app, clock, folder, config, settings }
    }

    /// The same server after a restart: a new process would know no more than this.
    pub async fn restarted(self) -> Self {
        let Self { client, routes, app, clock, folder, config, settings } = self;
        drop((client, routes));
        app.close().await;
        Self::open(folder, config, settings, clock).await
    }

    /// The same server after a restart with another file of settings.
    pub async fn reconfigured(mut self, toml: &str) -> Self {
        let file = self.folder.path().join("palisade.toml");
        std::fs::write(&file, toml).expect("the folder can be written");
        let settings = self.settings.clone();
        self.config = Config::load(Some(&file), settings).expect("the settings are right");
        self.restarted().await
    }

    /// A second process on the same database, with a memory of its own. It asks the database at each read.
    pub async fn another_node(&self) -> Self {
        self.another_node_with_facts_for(0).await
    }

    /// The same, which asks the database again after so many milliseconds.
    pub async fn another_node_with_facts_for(&self, milliseconds: u32) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let mut config = self.config.clone();
        config.facts_max_age_ms = milliseconds;
        Self::open(folder, config, self.settings.clone(), Arc::clone(&self.clock)).await
    }

    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// Sends a request; `token` becomes the `Authorization` header.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> Answer {
        let mut request = self.client.request(method, path.to_owned());
        if let Some(token) = token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        if let Some(body) = body {
            request = request.content_type("application/json").body(body.to_string());
        }
        Answer::read(request.send().await).await
    }

    /// Posts a question about an organization.
    pub async fn ask_in(
        &self,
        organization: &str,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> Answer {
        let mut request = self.client.post(path.to_owned()).header("Palisade-Organization", organization);
        if let Some(token) = token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        if let Some(body) = body {
            request = request.content_type("application/json").body(body.to_string());
        }
        Answer::read(request.send().await).await
    }

    /// Posts a form, as the OAuth standards do.
    pub async fn send_form(&self, path: &str, token: Option<&str>, form: String) -> Answer {
        let mut request =
            self.client.post(path.to_owned()).content_type("application/x-www-form-urlencoded").body(form);
        if let Some(token) = token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        Answer::read(request.send().await).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, None, Some(&body)).await
    }
}

/// The shipped policies, with these files beside them.
pub fn copy_policies(to: &Path, more: &[(&str, &str)]) {
    std::fs::create_dir_all(to).expect("a folder can be made");
    for entry in std::fs::read_dir(root().join("policies")).expect("the policies can be read") {
        let path = entry.expect("the policies can be read").path();
        if path.is_file() {
            std::fs::copy(&path, to.join(path.file_name().expect("a name"))).expect("a file can be copied");
        }
    }
    for (name, text) in more {
        std::fs::write(to.join(name), text).expect("a file can be written");
    }
}

/// The policies of this folder. Those as shipped are read once for all tests: that takes longer than most of them.
fn policies(config: &Config) -> Pdp {
    static SHIPPED: LazyLock<Pdp> = LazyLock::new(|| read(&root().join("policies")));
    fn read(folder: &Path) -> Pdp {
        Pdp::load(folder).expect("the policies load")
    }
    if config.policies_dir == root().join("policies") { SHIPPED.clone() } else { read(&config.policies_dir) }
}

/// The repository.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
