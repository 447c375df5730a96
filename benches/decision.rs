//! One decision, warm: a member reads an organization (`GetOrganization`), with the slice of facts it needs.
//!
//! `pdp_decide` starts from plain values, as `guard` does: names, entities, schema check, index, policies, answer.
//! `cedar_authorizer` is Cedar alone on the same request and policies with everything prepared beforehand.
//! `cedar_from_values` is Cedar with the request and the entities built each time, as any caller of it must.
//! Run: `cargo bench --bench decision`.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot start should say where")]

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};

use cedar_policy::{Authorizer, Context, Entities, EntityUid, PolicySet, Request, Schema};
use criterion::{Criterion, criterion_group, criterion_main};
use palisade::pdp::{Entity, EntityRef, FactSet, Pdp, Question, Value};

const ORGANIZATION: &str = "0197f000-0000-7000-8000-000000000001";
const USER: &str = "0197f000-0000-7000-8000-000000000002";

fn role(name: &str) -> EntityRef {
    EntityRef::new("Role", format!("{ORGANIZATION}/{name}"))
}

/// The user, the organization, and the roles between the one held and the one asked for.
fn slice() -> Vec<Entity> {
    let flag = |name: &'static str, value| (name.into(), Value::Bool(value));
    let user = Entity {
        uid: EntityRef::new("User", USER),
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
fn entities(slice: &FactSet, schema: &Schema) -> Entities {
    let json = slice.iter().map(|entity| {
        let parents: Vec<_> = entity.parents.iter().map(json_name).collect();
        let attributes = json_pairs(&entity.attributes);
        serde_json::json!({ "uid": json_name(&entity.uid), "attrs": attributes, "parents": parents })
    });
    Entities::from_json_value(json.collect(), Some(schema)).unwrap()
}

/// All files of one kind as one text.
fn joined(folder: &Path, extension: &str) -> String {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files
        .filter(|p| p.extension().is_some_and(|it| it == extension))
        .map(|p| fs::read_to_string(p).unwrap())
        .collect()
}

fn decision(criterion: &mut Criterion) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("policies");
    let pdp = Pdp::load(&folder).unwrap();
    let question = Question {
        principal: EntityRef::new("User", USER),
        action: "GetOrganization".into(),
        resource: EntityRef::new("Organization", ORGANIZATION),
        context: vec![],
        entities: slice().into(),
    };

    let schema: Schema = joined(&folder, "cedarschema").parse().unwrap();
    let policies: PolicySet = joined(&folder, "cedar").parse().unwrap();
    let facts = entities(&question.entities, &schema);
    let actions = schema.action_entities().unwrap();
    let parts: Vec<_> = facts.iter().filter(|entity| actions.get(&entity.uid()).is_none()).cloned().collect();
    let uid = |text: &str| text.parse::<EntityUid>().unwrap();
    let (principal, resource) = (uid(&question.principal.to_string()), uid(&question.resource.to_string()));
    let action = uid("Action::\"GetOrganization\"");
    let ask = || {
        let context = Context::empty();
        Request::new(principal.clone(), action.clone(), resource.clone(), context, Some(&schema)).unwrap()
    };
    let request = ask();
    let authorizer = Authorizer::new();

    // Both must say the same, or the comparison means nothing.
    assert!(pdp.decide(&question).unwrap().allowed);
    let response = authorizer.is_authorized(&request, &policies, &facts);
    assert_eq!(response.decision(), cedar_policy::Decision::Allow);

    let mut group = criterion.benchmark_group("decision");
    group.bench_function("pdp_decide", |bench| bench.iter(|| pdp.decide(black_box(&question)).unwrap()));
    group.bench_function("cedar_authorizer", |bench| {
        bench.iter(|| authorizer.is_authorized(black_box(&request), &policies, &facts));
    });
    group.bench_function("cedar_from_values", |bench| {
        bench.iter(|| {
            let facts = Entities::from_entities(black_box(&parts).iter().cloned(), Some(&schema)).unwrap();
            authorizer.is_authorized(&ask(), &policies, &facts)
        });
    });
    group.finish();
}

criterion_group!(benches, decision);
criterion_main!(benches);
