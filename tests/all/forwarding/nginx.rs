//! A real nginx with the configuration of docs/forward-auth/nginx.conf, a service behind it, and hostile requests.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use palisade::domain::SystemRole;
use poem::listener::{Acceptor as _, Listener as _, TcpListener};
use poem::{Endpoint, EndpointExt as _, Request, Response};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::task::JoinHandle;

use super::{RULES, shelf};
use crate::on_both_with;
use crate::support::{Person, Server, Setup, root};

on_both_with!(behind_nginx;
    what_passes_reaches_the_service_and_nothing_else_does,
    the_service_hears_who_it_is_from_the_proxy_alone,
    a_thing_in_the_path_is_the_one_that_the_service_is_asked_for,
    no_spelling_of_a_path_gets_past_its_rule
);

fn behind_nginx(setup: &mut Setup) {
    setup.plugins = RULES;
    setup.settings.push(("PALISADE_TRUSTED_PROXIES", "127.0.0.1".to_owned()));
}

/// The program; none if there is none and there may be none.
#[expect(
    clippy::disallowed_methods,
    reason = "scripts/test says by the environment that nginx must be there"
)]
fn program() -> Option<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    let folders = path.split(':').chain(["/usr/sbin"]).map(|folder| Path::new(folder).join("nginx"));
    let found = folders.into_iter().find(|program| program.is_file());
    assert!(
        found.is_some() || std::env::var("PALISADE_REQUIRE_NGINX").is_err(),
        "nginx is not installed: run the tests with scripts/test"
    );
    found
}

/// nginx, Palisade and a service that tells what it got; all of it ends with the test.
struct Front {
    _server: Server,
    folder: TempDir,
    nginx: Child,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for Front {
    fn drop(&mut self) {
        // SIGTERM, so that it takes its workers along; it is ours, by its id.
        let _ = Command::new("kill").arg(self.nginx.id().to_string()).status();
        let _ = self.nginx.wait();
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
    async fn before(server: Server) -> Option<Self> {
        let program = program()?;
        let folder = tempfile::tempdir().expect("a folder can be made");
        let (palisade, one) = listen(Arc::clone(&server.routes)).await;
        let (service, other) = listen(service()).await;
        let socket = folder.path().join("socket");
        let site = std::fs::read_to_string(root().join("docs/forward-auth/nginx.conf")).expect("it is there");
        for word in ["listen 80;", "http://127.0.0.1:8080/", "http://127.0.0.1:9000;"] {
            assert!(site.contains(word), "docs/forward-auth/nginx.conf has `{word}`");
        }
        let site = site
            .replace("listen 80;", &format!("listen unix:{};", socket.display()))
            .replace("http://127.0.0.1:8080/", &format!("http://{palisade}/"))
            .replace("http://127.0.0.1:9000;", &format!("http://{service};"));
        let at = folder.path().display();
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let temporary: String =
            temporary.iter().map(|kind| format!("{kind}_temp_path {at}/{kind};\n")).collect();
        let user = Command::new("id").arg("-u").output().expect("id");
        let user = if user.stdout == b"0\n" { "user root;" } else { "" };
        let main = format!(
            "{user}\ndaemon off;\nworker_processes 1;\npid {at}/pid;\nerror_log {at}/error.log;\nevents {{}}\n\
             http {{\naccess_log off;\n{temporary}{site}\n}}\n"
        );
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, main).expect("the folder can be written");
        let nginx = Command::new(program)
            .args(["-e".as_ref(), folder.path().join("error.log").as_os_str()])
            .args(["-p".as_ref(), folder.path().as_os_str(), "-c".as_ref(), file.as_os_str()])
            .stdin(Stdio::null())
            .spawn()
            .expect("nginx starts");
        let front = Self { _server: server, folder, nginx, tasks: vec![one, other] };
        let deadline = Instant::now() + Duration::from_secs(60);
        while UnixStream::connect(&socket).await.is_err() {
            let log = || std::fs::read_to_string(front.folder.path().join("error.log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "nginx does not listen: {}", log());
            tokio::task::yield_now().await;
        }
        Some(front)
    }

    /// Sends a request as it is written; status, and what the service got if it got anything.
    async fn send(&self, method: &str, uri: &str, headers: &[(&str, &str)]) -> (u16, Option<Value>) {
        let mut stream = UnixStream::connect(self.folder.path().join("socket")).await.expect("nginx listens");
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
        (status, told)
    }
}

/// Its viewer and its id.
async fn acme(server: &Server) -> (Person, String) {
    let owner = server.person("ada@example.com").await;
    let viewer = server.person("vera@example.com").await;
    let organization = server.organization(&owner, "acme").await;
    server.add_member(&owner, &organization, &viewer, SystemRole::Viewer).await;
    (viewer, organization.rsplit('/').next().expect("an id").to_owned())
}

async fn what_passes_reaches_the_service_and_nothing_else_does(server: Server) {
    let (viewer, id) = acme(&server).await;
    let Some(front) = Front::before(server).await else { return };
    let bearer = format!("Bearer {}", viewer.access);
    let me = ("Authorization", bearer.as_str());
    let uri = format!("/o/{id}/projects/7?q=%2e%2e");
    let (status, told) = front.send("GET", &uri, &[me]).await;
    assert_eq!(
        status,
        200,
        "{}",
        std::fs::read_to_string(front.folder.path().join("error.log")).unwrap_or_default()
    );
    let told = told.expect("the service was asked");
    assert_eq!((&told["method"], &told["uri"]), (&json!("GET"), &json!(uri)));
    assert_eq!(told["headers"].get("authorization"), None);
    let (status, told) = front.send("GET", "/assets/app.js", &[]).await;
    assert_eq!((status, told.is_some()), (200, true));
    for (method, uri, headers, expected) in [
        ("GET", uri.as_str(), &[][..], 401),
        ("GET", uri.as_str(), &[("Authorization", "Bearer nonsense")], 401),
        ("POST", uri.as_str(), &[me], 403),
        ("GET", "/other", &[me], 403),
        ("GET", "/_palisade", &[me], 404),
    ] {
        let (status, told) = front.send(method, uri, headers).await;
        assert_eq!((status, told), (expected, None), "{method} {uri}");
    }
}

async fn the_service_hears_who_it_is_from_the_proxy_alone(server: Server) {
    let (viewer, id) = acme(&server).await;
    let Some(front) = Front::before(server).await else { return };
    let bearer = format!("Bearer {}", viewer.access);
    let lies = [
        ("X-Palisade-User", "root"),
        ("x-palisade-principal", "User::\"root\""),
        ("X-PALISADE-AGENT", "root"),
        ("X-Original-URI", "/assets/app.js"),
        ("X-Original-Method", "GET"),
        ("X-Forwarded-Uri", "/assets/app.js"),
    ];
    let headers = [&[("Authorization", bearer.as_str())], &lies[..]].concat();
    let (status, told) = front.send("GET", &format!("/o/{id}/projects"), &headers).await;
    let told = told.expect("the service was asked")["headers"].clone();
    assert_eq!((status, &told["x-palisade-user"]), (200, &json!(viewer.id)));
    assert_eq!(told["x-palisade-principal"], format!("User::\"{}\"", viewer.id));
    assert_eq!((&told["x-palisade-organization"], told.get("x-palisade-agent")), (&json!(id), None));
    // Where nobody needs to be anybody, a lie is taken away all the same.
    let (status, told) = front.send("GET", "/assets/app.js", &lies).await;
    let told = told.expect("the service was asked")["headers"].clone();
    assert_eq!((status, told.get("x-palisade-user"), told.get("x-palisade-principal")), (200, None, None));
    // And what the client says of another request opens no door.
    let (status, told) = front.send("POST", "/operations", &headers).await;
    assert_eq!((status, told), (403, None));
}

async fn a_thing_in_the_path_is_the_one_that_the_service_is_asked_for(server: Server) {
    let (_, reader, id) = shelf(&server).await;
    let Some(front) = Front::before(server).await else { return };
    let bearer = format!("Bearer {}", reader.access);
    let me = [("Authorization", bearer.as_str())];
    for document in ["plan", "plan/pages/1?draft", "two%20words"] {
        let uri = format!("/o/{id}/documents/{document}");
        let (status, told) = front.send("GET", &uri, &me).await;
        assert_eq!(status, 200, "{uri}");
        assert_eq!(told.expect("the service was asked")["uri"], uri);
    }
    for document in [
        "memo",
        "nowhere",
        "PLAN",
        "plan/../memo",
        "plan/%2e%2e/memo",
        "plan%2f..%2fmemo",
        "./memo",
        "mem%6f",
        "memo;plan",
        "plan/..%2fmemo",
        "%70lan",
    ] {
        let uri = format!("/o/{id}/documents/{document}");
        let (status, told) = front.send("GET", &uri, &me).await;
        assert!([400, 401, 403].contains(&status), "{uri}: {status}");
        assert_eq!(told, None, "{uri}");
    }
}

async fn no_spelling_of_a_path_gets_past_its_rule(server: Server) {
    let Some(front) = Front::before(server).await else { return };
    for uri in [
        "/assets/../operations/x",
        "/assets/%2e%2e/operations/x",
        "/assets/..%2foperations/x",
        "/assets/%2e%2e%2foperations/x",
        "/assets/%252e%252e/operations/x",
        "/assets/..;/operations/x",
        "/assets/;/../operations/x",
        "/assets\\..\\operations/x",
        "//operations/x",
        "/assets//../operations/x",
        "/%6fperations/x",
        "/assets/%00/../../operations",
        "/./operations/x",
        "/operations%2fx",
        "/Operations/x",
        "/assets/..",
        "http://app.example.com/operations/x",
        "/assets#/../operations",
    ] {
        let (status, told) = front.send("GET", uri, &[]).await;
        assert!([400, 401, 403].contains(&status), "{uri}: {status}");
        assert_eq!(told, None, "{uri}");
    }
    // Whatever does reach the service is, read by the service, below the public folder.
    for uri in [
        "/assets/a",
        "/assets/a%20b",
        "/assets/%C3%A9",
        "/assets/a/b/",
        "/assets/a?../operations",
        "/assets/.a",
    ] {
        let (status, told) = front.send("GET", uri, &[]).await;
        let seen = told.expect("the service was asked")["uri"].as_str().expect("a path").to_owned();
        assert_eq!((status, seen.as_str()), (200, uri));
    }
}
