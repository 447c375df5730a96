//! A proxy, Palisade and a service behind them that tells what it got.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::Arc;
use std::time::{Duration, Instant};

use poem::listener::{Acceptor as _, Listener as _, TcpListener};
use poem::{Endpoint, EndpointExt as _, Request, Response};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::support::Server;

/// A proxy's program; none if there is none and there may be none.
#[expect(clippy::disallowed_methods, reason = "scripts/test says by the environment what must be there")]
#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
pub fn program(name: &str, required: &str) -> Option<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    let folders = path.split(':').chain(["/usr/sbin"]).map(|folder| Path::new(folder).join(name));
    let found = folders.into_iter().find(|program| program.is_file());
    assert!(
        found.is_some() || std::env::var(required).is_err(),
        "{name} is not installed: run the tests with scripts/test"
    );
    if found.is_none() {
        println!("skipped: {name} is not installed");
    }
    found
}

/// The proxy, Palisade and the service; all of it ends with the test.
pub struct Front {
    _server: Server,
    pub folder: TempDir,
    proxy: Child,
    address: SocketAddr,
    tasks: Vec<JoinHandle<()>>,
}

/// Where Palisade, the service and the proxy listen.
pub struct Places {
    pub palisade: String,
    pub service: String,
    pub proxy: SocketAddr,
}

impl Drop for Front {
    fn drop(&mut self) {
        // SIGTERM, so that it takes its workers along; it is ours, by its id.
        let _ = std::process::Command::new("kill").arg(self.proxy.id().to_string()).status();
        let _ = self.proxy.wait();
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn listen(endpoint: impl Endpoint + 'static) -> (String, JoinHandle<()>) {
    let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await.expect("a port is free");
    let address = acceptor.local_addr().remove(0);
    let address = address.as_socket_addr().expect("an address").to_string();
    let serve = poem::Server::new_with_acceptor(acceptor).run(endpoint);
    (address, tokio::spawn(async move { serve.await.expect("it serves") }))
}

/// Where the proxy can listen: it cannot be told to find a port and say which. Another test could get the same between
/// now and then, so it has an address of its own where each of 127.0.0.0/8 is the machine itself.
fn free_address() -> SocketAddr {
    let [a, b, c, ..] = Uuid::new_v4().into_bytes();
    let host = if cfg!(target_os = "linux") { Ipv4Addr::new(127, a, b, c) } else { Ipv4Addr::LOCALHOST };
    let listener = std::net::TcpListener::bind((host, 0)).expect("a port is free");
    listener.local_addr().expect("an address")
}

/// Tells what it got.
fn service() -> impl Endpoint {
    poem::endpoint::make_sync(|request: Request| {
        let headers = request.headers().iter().map(|(name, value)| {
            (name.to_string(), Value::from(String::from_utf8_lossy(value.as_bytes()).into_owned()))
        });
        let told = json!({
            "method": request.method().as_str(),
            "uri": request.original_uri().to_string(),
            "headers": headers.collect::<serde_json::Map<_, _>>(),
        });
        Response::builder().content_type("application/json").body(told.to_string())
    })
    .boxed()
}

impl Front {
    /// Starts what `run` starts, in a folder of its own, and waits until it listens. Its words are in `error.log` there.
    pub async fn with(server: Server, run: impl FnOnce(&Path, &Places) -> Child) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let (palisade, one) = listen(Arc::clone(&server.routes)).await;
        let (service, other) = listen(service()).await;
        let address = free_address();
        let proxy = run(folder.path(), &Places { palisade, service, proxy: address });
        let front = Self { _server: server, folder, proxy, address, tasks: vec![one, other] };
        let deadline = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(address).await.is_err() {
            assert!(Instant::now() < deadline, "the proxy does not listen: {}", front.told());
            tokio::task::yield_now().await;
        }
        front
    }

    /// What the proxy complains of.
    pub fn told(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("error.log")).unwrap_or_default()
    }

    /// Sends a request as it is written; status, and what the service got if it got anything.
    pub async fn send(&self, method: &str, uri: &str, headers: &[(&str, &str)]) -> (u16, Option<Value>) {
        let mut stream = TcpStream::connect(self.address).await.expect("the proxy listens");
        let mut request =
            format!("{method} {uri} HTTP/1.1\r\nHost: app.example.com\r\nConnection: close\r\n");
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        stream.write_all(format!("{request}\r\n").as_bytes()).await.expect("it takes the request");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("it answers");
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        let body = answer.split_once("\r\n\r\n").map(|(_, body)| body).unwrap_or_default();
        let told =
            body.find('{').and_then(|at| serde_json::from_str(body[at..].split("\r\n").next().unwrap()).ok());
        // A proxy may pass on what Palisade says of a refusal.
        let told = told.filter(|told: &Value| told.get("uri").is_some());
        (status, told)
    }
}
