//! Cerbos with the same roles and the same tie to an organization, told with each request, as it keeps no people.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::client::{Load, Request};
use super::process::{Process, free_address};
use super::{Asked, BATCH, PROJECTS, project, questions, role};

const POLICY: &str = r#"
apiVersion: api.cerbos.dev/v1
resourcePolicy:
  resource: project
  version: default
  rules:
    - actions: ["project:read"]
      effect: EFFECT_ALLOW
      roles: [viewer, member, admin, owner]
      condition: { match: { expr: "R.attr.organization == P.attr.organization && !P.attr.suspended" } }
    - actions: ["project:write"]
      effect: EFFECT_ALLOW
      roles: [member, admin, owner]
      condition: { match: { expr: "R.attr.organization == P.attr.organization && !P.attr.suspended" } }
"#;

pub(crate) struct Cerbos {
    pub(crate) process: Process,
    _data: TempDir,
}

pub(crate) fn start(program: &str) -> Cerbos {
    let data = tempfile::tempdir().expect("a directory");
    let policies = data.path().join("policies");
    fs::create_dir(&policies).expect("a directory");
    fs::write(policies.join("project.yaml"), POLICY).expect("a file");
    let address = free_address();
    let settings = json!({
        "server": {
            "httpListenAddr": address.to_string(),
            "grpcListenAddr": free_address().to_string(),
        },
        "storage": { "driver": "disk", "disk": { "directory": policies, "watchForChanges": false } },
        "telemetry": { "disabled": true },
        "audit": { "enabled": false },
    });
    let file = data.path().join("cerbos.json");
    fs::write(&file, settings.to_string()).expect("a file");
    let mut command = Command::new(program);
    command.args(["server", "--log-level=error", "--config"]).arg(&file);
    let process = Process::start(&mut command, address, "/_cerbos/health");
    Cerbos { process, _data: data }
}

fn request(it: Asked, count: usize) -> Request {
    let attributes = json!({ "organization": "acme", "suspended": false });
    let resources: Vec<Value> = (0..count)
        .map(|n| {
            let resource = json!({
                "kind": "project",
                "id": project((it.project + n) % PROJECTS),
                "attr": { "organization": "acme" },
            });
            json!({ "actions": [it.action()], "resource": resource })
        })
        .collect();
    let body = json!({
        "requestId": "bench",
        "principal": { "id": it.person.to_string(), "roles": [role(it.person)], "attr": attributes },
        "resources": resources,
    });
    let told = if it.is_yes() { "EFFECT_ALLOW" } else { "EFFECT_DENY" };
    Request::post("/api/check/resources", "", &body, (told, count))
}

pub(crate) fn loads(people: usize) -> Vec<(&'static str, Load)> {
    let one = questions(512, people).map(|it| request(it, 1));
    let many = questions(64, people).map(|it| request(it, BATCH));
    vec![("check", Load::of(one, 1)), ("check, 20 in a batch", Load::of(many, BATCH))]
}
