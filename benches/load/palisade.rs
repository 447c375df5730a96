//! The built server on SQLite, with an organization whose product asks by a key.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use palisade::domain::SystemRole;
use serde_json::{Value, json};
use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;
use tempfile::TempDir;
use uuid::Uuid;

use super::client::{Load, Request, call};
use super::process::{Process, free_address};
use super::{Asked, BATCH, PROJECTS, project, questions, role};

const PASSWORD: &str = "seven grey herons wade";
const OWNER: &str = "owner@example.com";
/// How many people there must be to ask about each only once, and how many are asked about at most.
const MANY: usize = 100_000;
const MOST: usize = 300_000;

pub(crate) struct Palisade {
    pub(crate) process: Process,
    key: String,
    _data: TempDir,
}

fn person(number: usize) -> String {
    format!("0197f000-0000-7000-8000-{number:012}")
}

fn command(data: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_palisade"));
    command.current_dir(data.path());
    command.env("PALISADE_DATA_DIR", data.path());
    command.env("PALISADE_POLICIES_DIR", concat!(env!("CARGO_MANIFEST_DIR"), "/policies"));
    command.env("PALISADE_PLUGINS_DIR", concat!(env!("CARGO_MANIFEST_DIR"), "/plugins"));
    // All requests come from one network.
    command.env("PALISADE_RATE_LIMITS_REQUEST", "off");
    command
}

pub(crate) fn start(people: usize) -> Palisade {
    let data = tempfile::tempdir().expect("a data directory");
    let file = data.path().join("people.jsonl");
    let hash = bcrypt::hash(PASSWORD, 10).expect("a hash");
    let mut rows = json!({ "email": OWNER, "email_verified": true, "password_hash": hash }).to_string();
    for number in 0..people {
        let email = format!("person-{number}@example.com");
        let row = json!({ "id": person(number), "email": email, "email_verified": true });
        write!(rows, "\n{row}").expect("a row");
    }
    fs::write(&file, rows).expect("a file");
    let imported = command(&data).args(["import", "users"]).arg(&file).output().expect("an import");
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));

    let address = free_address();
    let mut serve = command(&data);
    serve.arg("serve").env("PALISADE_LISTEN", address.to_string());
    let process = Process::start(&mut serve, address, "/readyz");
    let post = |path: &str, key: &str, body: &Value| call(address, "POST", path, key, Some(body));
    let tokens = post("/api/v1/auth/login", "", &json!({ "email": OWNER, "password": PASSWORD }));
    let token = tokens["access_token"].as_str().expect("a token");
    let made = post("/api/v1/organizations", token, &json!({ "name": "Acme", "slug": "acme" }));
    let home = format!("/api/v1/organizations/{}", made["id"].as_str().expect("an id"));
    make_members(&data, made["id"].as_str().expect("an id"));
    let body = json!({ "name": "product", "scopes": ["access:*", "resource:*"] });
    let made = post(&format!("{home}/api-keys"), token, &body);
    let key = made["key"].as_str().expect("a key").to_owned();
    let all: Vec<usize> = (0..PROJECTS).collect();
    for some in all.chunks(500) {
        let things: Vec<Value> =
            some.iter().map(|n| json!({ "type": "Project", "id": project(*n) })).collect();
        post(&format!("{home}/resources"), &key, &json!({ "resources": things }));
    }
    Palisade { process, key, _data: data }
}

/// Everybody, by their number, in one statement: a million requests would take the better part of an hour.
fn make_members(data: &TempDir, organization: &str) {
    let [viewer, member, admin] =
        [SystemRole::Viewer, SystemRole::Member, SystemRole::Admin].map(|role| Uuid::from(role.id()));
    let work = async {
        let database = SqliteConnectOptions::new().filename(data.path().join("palisade.db"));
        let mut database = database.connect().await?;
        let members = sqlx::query(
            "INSERT INTO memberships (id, organization_id, user_id, role_id, joined_at, updated_at, version) \
             SELECT id, $1, id, CASE substr(hex(id), 21) % 3 WHEN 0 THEN $2 WHEN 1 THEN $3 ELSE $4 END, \
             created_at, created_at, 1 FROM users WHERE email LIKE 'person-%'",
        );
        let organization: Uuid = organization.parse().expect("an id");
        members.bind(organization).bind(viewer).bind(member).bind(admin).execute(&mut database).await
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(work).expect("a database with members");
}

pub(crate) fn loads(server: &Palisade, people: usize) -> Vec<(&'static str, Load)> {
    let key = server.key.as_str();
    let subject = |n: usize| json!({ "type": "User", "id": person(n) });
    let resource = |n: usize| json!({ "type": "Project", "id": project(n % PROJECTS) });
    let told = |yes: bool| if yes { "\"decision\":true" } else { "\"decision\":false" };
    let evaluation = |it: Asked| {
        let body = json!({
            "subject": subject(it.person),
            "action": { "name": it.action() },
            "resource": resource(it.project),
        });
        Request::post("/access/v1/evaluation", key, &body, (told(it.is_yes()), 1))
    };
    let one = questions(512, people).map(evaluation);
    let many = questions(64, people).map(|it| {
        let each = (0..BATCH).map(|n| json!({ "resource": resource(it.project + n) }));
        let body = json!({
            "subject": subject(it.person),
            "action": { "name": it.action() },
            "evaluations": each.collect::<Vec<_>>(),
        });
        Request::post("/access/v1/evaluations", key, &body, (told(it.is_yes()), BATCH))
    });
    let search = |writes: bool, limit: usize, found: usize| {
        let some =
            questions(512, people).filter(move |it| it.writes == writes && role(it.person) == "viewer");
        let requests = some.take(32).map(|it| {
            let body = json!({
                "subject": subject(it.person),
                "action": { "name": it.action() },
                "resource": { "type": "Project" },
                "page": { "limit": limit },
            });
            Request::post("/access/v1/search/resource", key, &body, ("\"Project\"", found))
        });
        Load::of(requests, 1)
    };
    let mut loads = vec![
        ("evaluation", Load::of(one, 1)),
        ("evaluations, 20 in a batch", Load::of(many, BATCH)),
        ("search, 100 of 10000 allowed", search(false, 100, 100)),
        ("search, 1000 of 10000 allowed", search(false, 1_000, 1_000)),
        ("search, none of 10000 allowed", search(true, 100, 0)),
    ];
    // Nobody is asked about twice, so each is read from the database.
    if people >= MANY {
        let (count, step) = (people.min(MOST), people / people.min(MOST));
        let each = (0..count).map(|n| Asked { person: n * step, project: n, writes: false });
        loads.push(("evaluation, each of somebody else", Load::of(each.map(evaluation), 1)));
    }
    loads
}
