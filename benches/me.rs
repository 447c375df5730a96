//! `GET /api/v1/auth/me` over loopback, one keep-alive client, against the whole server on SQLite; beside it
//! `GET /healthz`, which asks nobody anything, so that the difference is what identity and decision cost.
//!
//! Client and server share the process and its cores. Run: `cargo bench --bench me`.
#![expect(clippy::expect_used, reason = "a benchmark that cannot begin may panic")]

use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use palisade::api;
use palisade::cli::wire::{self, World};
use palisade::config::Config;
use poem::listener::{Acceptor as _, Listener as _, TcpListener};
use serde_json::{Value, json};
use tempfile::TempDir;

/// As the program itself has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Running {
    base: String,
    client: reqwest::Client,
    token: String,
    _data: TempDir,
}

impl Running {
    async fn start() -> Self {
        let data = tempfile::tempdir().expect("a data directory");
        // All requests come from one network.
        let settings = [
            ("PALISADE_DATA_DIR", data.path().display().to_string()),
            ("PALISADE_RATE_LIMITS_REQUEST", "off".to_owned()),
        ];
        let config = Config::without_file(settings);
        let config = config.expect("the settings");
        let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await.expect("a free port");
        let bound = acceptor.local_addr().iter().find_map(|it| it.as_socket_addr().copied()).expect("a port");
        let app = Arc::new(wire::app(&config, Some(bound), World::default()).await.expect("a server"));
        tokio::spawn(poem::Server::new_with_acceptor(acceptor).run(api::routes(app, |_| {})));
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let (base, token) = (format!("http://{bound}"), String::new());
        let mut running = Self { base, client, token, _data: data };
        let person = json!({ "email": "ada@example.com", "password": "seven grey herons wade" });
        running.post("/api/v1/auth/register", &person).await;
        let tokens = running.post("/api/v1/auth/login", &person).await;
        let token = tokens.get("access_token").and_then(Value::as_str);
        token.expect("a token").clone_into(&mut running.token);
        running
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let sent = self.client.post(format!("{}{path}", self.base)).json(body).send().await;
        sent.expect("an answer").error_for_status().expect("a success").json().await.expect("JSON")
    }

    /// The whole answer, read to its end so that the connection is used again.
    async fn get(&self, path: &str) {
        let request = self.client.get(format!("{}{path}", self.base)).bearer_auth(&self.token);
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
        answer.bytes().await.expect("a body");
    }
}

fn loopback(c: &mut Criterion) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let running = runtime.block_on(Running::start());
    let mut group = c.benchmark_group("loopback");
    for (name, path) in [("healthz", "/healthz"), ("me", "/api/v1/auth/me")] {
        group.bench_function(name, |b| b.to_async(&runtime).iter(|| running.get(path)));
    }
    group.finish();
}

criterion_group!(benches, loopback);
criterion_main!(benches);
