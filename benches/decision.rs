//! One decision, warm: a member reads an organization (`GetOrganization`), with the slice of facts it needs.
//!
//! `pdp_decide` starts from plain values, as `guard` does: names, entities, schema check, index, policies, answer.
//! `cedar_authorizer` is Cedar alone on the same request and policies with everything prepared beforehand.
//! `cedar_from_values` is Cedar with the request and the entities built each time, as any caller of it must.
//!
//! `more_policies/…`: the same question, each time of somebody else so that no answer is remembered, where ten to ten
//! thousand further policies are about the same action and name other people, roles and organizations.
//! Run: `cargo bench --bench decision`.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot start should say where")]

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};

use cedar_policy::{Authorizer, Context, Entities, EntityUid, PolicySet, Request, Response, Schema};
use criterion::{Criterion, criterion_group, criterion_main};
use palisade::pdp::{Entity, EntityRef, Pdp, Question, Value};
use tempfile::TempDir;

const ORGANIZATION: &str = "0197f000-0000-7000-8000-000000000001";
const USER: &str = "0197f000-0000-7000-8000-000000000002";

fn mia() -> EntityRef {
    EntityRef::new("User", USER)
}

fn role(name: &str) -> EntityRef {
    EntityRef::new("Role", format!("{ORGANIZATION}/{name}"))
}

/// A user, the organization, and the roles between the one held and the one asked for.
fn slice(user: EntityRef) -> Vec<Entity> {
    let flag = |name: &'static str, value| (name.into(), Value::Bool(value));
    let user = Entity {
        uid: user,
        attributes: vec![
            ("email".into(), Value::Text("mia@example.com".into())),
            flag("email_verified", true),
            flag("waitlisted", false),
            flag("suspended", false),
            flag("super_admin", false),
        ],
        parents: vec![role("member")],
    };
    let itself = EntityRef::new("Organization", ORGANIZATION);
    let mut attributes =
        vec![("organization".into(), Value::Entity(itself.clone())), flag("archived", false)];
    for name in ["owner", "admin", "member", "viewer", "agent_executor"] {
        attributes.push((format!("{name}s").into(), Value::Entity(role(name))));
    }
    let organization = Entity { uid: itself, attributes, parents: vec![] };
    let member = Entity { uid: role("member"), attributes: vec![], parents: vec![role("viewer")] };
    let viewer = Entity { uid: role("viewer"), attributes: vec![], parents: vec![] };
    vec![user, organization, member, viewer]
}

fn json_name(name: &EntityRef) -> serde_json::Value {
    serde_json::json!({ "type": name.kind, "id": name.id })
}

fn json_pairs(pairs: &[(std::borrow::Cow<'static, str>, Value)]) -> serde_json::Value {
    pairs
        .iter()
        .map(|(key, value)| (key.to_string(), value.to_marked_json()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// The same facts as Cedar's own entities.
fn entities(slice: &[Entity], schema: &Schema) -> Entities {
    let json = slice.iter().map(|entity| {
        let parents: Vec<_> = entity.parents.iter().map(json_name).collect();
        let attributes = json_pairs(&entity.attributes);
        serde_json::json!({ "uid": json_name(&entity.uid), "attrs": attributes, "parents": parents })
    });
    Entities::from_json_value(json.collect(), Some(schema)).unwrap()
}

/// So many policies about the question's action, of which none holds: a third each by person, by role, by organization.
fn further(count: usize) -> String {
    let one = |n: usize| {
        let (head, scope) = match n % 3 {
            0 => (
                "permit",
                format!("principal == User::\"{n}\", action == Action::\"GetOrganization\", resource"),
            ),
            1 => (
                "permit",
                format!("principal in Role::\"{n}\", action == Action::\"GetOrganization\", resource"),
            ),
            _ => {
                let scope = "principal, action == Action::\"GetOrganization\"";
                ("forbid", format!("{scope}, resource == Organization::\"{n}\""))
            }
        };
        let code = if head == "forbid" { "@code(\"further\")\n" } else { "" };
        format!("@id(\"further.{n}\")\n@why(\"One of many.\")\n{code}{head} ({scope});\n")
    };
    (0..count).map(one).collect()
}

/// The shipped policies and `count` more, in a folder.
fn folder_with(count: usize) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(shipped()).unwrap().map(Result::unwrap) {
        if entry.path().is_file() {
            fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
        }
    }
    fs::write(folder.path().join("further.cedar"), further(count)).unwrap();
    folder
}

fn shipped() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("policies")
}

fn more_policies(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("more_policies");
    for count in [10, 100, 1_000, 10_000] {
        let folder = folder_with(count);
        let pdp = Pdp::load(folder.path()).unwrap();
        let mut asked = 0_u64;
        let mut ask = || {
            asked += 1;
            let user = EntityRef::new("User", format!("0197f000-0000-7000-8001-{asked:012}"));
            pdp.decide(&question(user)).unwrap().allowed
        };
        assert!(ask());
        group.bench_function(format!("pdp/{count}"), |bench| bench.iter(&mut ask));

        let prepared = Prepared::of(folder.path());
        assert_eq!(prepared.ask().decision(), cedar_policy::Decision::Allow);
        group.bench_function(format!("cedar/{count}"), |bench| bench.iter(|| prepared.ask()));
    }
    group.finish();
}

/// All files of one kind as one text.
fn joined(folder: &Path, extension: &str) -> String {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files
        .filter(|p| p.extension().is_some_and(|it| it == extension))
        .map(|p| fs::read_to_string(p).unwrap())
        .collect()
}

fn question(principal: EntityRef) -> Question {
    Question {
        principal: principal.clone(),
        action: "GetOrganization".into(),
        resource: EntityRef::new("Organization", ORGANIZATION),
        context: vec![],
        entities: slice(principal).into(),
    }
}

/// Cedar with everything that it takes.
struct Prepared {
    authorizer: Authorizer,
    schema: Schema,
    policies: PolicySet,
    facts: Entities,
    request: Request,
}

impl Prepared {
    fn of(folder: &Path) -> Self {
        let schema: Schema = joined(folder, "cedarschema").parse().unwrap();
        let policies = joined(folder, "cedar").parse().unwrap();
        let facts = entities(&slice(mia()), &schema);
        let request = request(&schema);
        Self { authorizer: Authorizer::new(), schema, policies, facts, request }
    }

    fn ask(&self) -> Response {
        self.authorizer.is_authorized(black_box(&self.request), &self.policies, &self.facts)
    }
}

fn request(schema: &Schema) -> Request {
    let uid = |kind: &str, id: &str| format!("{kind}::\"{id}\"").parse::<EntityUid>().unwrap();
    let (action, resource) = (uid("Action", "GetOrganization"), uid("Organization", ORGANIZATION));
    Request::new(uid("User", USER), action, resource, Context::empty(), Some(schema)).unwrap()
}

fn decision(criterion: &mut Criterion) {
    let pdp = Pdp::load(&shipped()).unwrap();
    let question = question(mia());
    let prepared = Prepared::of(&shipped());
    let actions = prepared.schema.action_entities().unwrap();
    let parts: Vec<_> =
        prepared.facts.iter().filter(|entity| actions.get(&entity.uid()).is_none()).cloned().collect();

    // Both must say the same, or the comparison means nothing.
    assert!(pdp.decide(&question).unwrap().allowed);
    assert_eq!(prepared.ask().decision(), cedar_policy::Decision::Allow);

    let mut group = criterion.benchmark_group("decision");
    group.bench_function("pdp_decide", |bench| bench.iter(|| pdp.decide(black_box(&question)).unwrap()));
    group.bench_function("cedar_authorizer", |bench| bench.iter(|| prepared.ask()));
    group.bench_function("cedar_from_values", |bench| {
        bench.iter(|| {
            let Prepared { authorizer, schema, policies, .. } = &prepared;
            let facts = Entities::from_entities(black_box(&parts).iter().cloned(), Some(schema)).unwrap();
            authorizer.is_authorized(&request(schema), policies, &facts)
        });
    });
    group.finish();
}

criterion_group!(benches, decision, more_policies);
criterion_main!(benches);
