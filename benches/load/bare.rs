//! A handler of the same framework that reads the same bodies and says yes: what HTTP and JSON cost.

#![expect(clippy::unused_async, reason = "the framework takes nothing else")]
use std::process::Command;

use poem::listener::TcpListener;
use poem::{Route, Server};
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi, OpenApiService};
use serde_json::{Value, json};

use super::client::{Load, Request};
use super::process::{Process, free_address};
use super::{BATCH, project, questions};

pub(crate) const FLAG: &str = "--bare-handler";

struct Bare;

#[derive(Object)]
struct Named {
    #[oai(rename = "type")]
    kind: Option<String>,
    id: Option<String>,
    name: Option<String>,
}

#[derive(Object)]
struct Evaluation {
    subject: Option<Named>,
    action: Option<Named>,
    resource: Option<Named>,
}

#[derive(Object)]
struct Evaluations {
    subject: Named,
    action: Named,
    evaluations: Vec<Evaluation>,
}

#[derive(Object)]
struct Decision {
    decision: bool,
    context: Value,
}

#[derive(Object)]
struct Decisions {
    evaluations: Vec<Decision>,
}

fn yes(about: Option<&Named>) -> Decision {
    let id = about.and_then(|it| it.id.as_deref()).unwrap_or_default();
    Decision { decision: !id.is_empty(), context: json!({ "decision_id": id }) }
}

#[OpenApi]
impl Bare {
    #[oai(path = "/access/v1/evaluation", method = "post")]
    async fn one(&self, body: Json<Evaluation>) -> Json<Decision> {
        Json(yes(body.0.resource.as_ref()))
    }

    #[oai(path = "/access/v1/evaluations", method = "post")]
    async fn many(&self, body: Json<Evaluations>) -> Json<Decisions> {
        let evaluations = body.0.evaluations.iter().map(|it| yes(it.resource.as_ref())).collect();
        Json(Decisions { evaluations })
    }

    #[oai(path = "/ready", method = "get")]
    async fn ready(&self) -> Json<bool> {
        Json(true)
    }
}

/// What the process does that `start` starts.
pub(crate) fn serve() {
    let address = std::env::args().next_back().expect("an address");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let service = OpenApiService::new(Bare, "bare", "1");
    let server = Server::new(TcpListener::bind(address)).run(Route::new().nest("/", service));
    runtime.block_on(server).expect("a server");
}

pub(crate) fn start() -> Process {
    let address = free_address();
    let itself = std::env::current_exe().expect("a path");
    Process::start(Command::new(itself).args([FLAG, &address.to_string()]), address, "/ready")
}

pub(crate) fn loads(people: usize) -> Vec<(&'static str, Load)> {
    let subject = |n: usize| json!({ "type": "User", "id": format!("0197f000-0000-7000-8000-{n:012}") });
    let resource = |n: usize| json!({ "type": "Project", "id": project(n) });
    let one = questions(512, people).map(|it| {
        let body = json!({
            "subject": subject(it.person),
            "action": { "name": it.action() },
            "resource": resource(it.project),
        });
        Request::post("/access/v1/evaluation", "", &body, ("\"decision\":true", 1))
    });
    let many = questions(64, people).map(|it| {
        let each = (0..BATCH).map(|n| json!({ "resource": resource(it.project + n) }));
        let body = json!({
            "subject": subject(it.person),
            "action": { "name": it.action() },
            "evaluations": each.collect::<Vec<_>>(),
        });
        Request::post("/access/v1/evaluations", "", &body, ("\"decision\":true", BATCH))
    });
    vec![("says yes", Load::of(one, 1)), ("says yes 20 times", Load::of(many, BATCH))]
}
