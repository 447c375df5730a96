//! The index answers as Cedar's own authorizer does: same decision, same reasons, same errors.

use cedar_policy::{Authorizer, Context, Entities, EntityUid, PolicySet, Request, Schema};
use proptest::prelude::*;
use proptest::sample::select;

use super::{Answer, Index, Sum};

const SCHEMA: &str = r#"
    entity Group in [Group];
    entity User in [Group] { level: Long };
    entity Robot in [Group];
    entity Folder in [Folder];
    entity Doc in [Folder] { size: Long, locked: Bool };
    action all;
    action rw in [all];
    action view, edit in [rw] appliesTo { principal: [User, Robot], resource: [Doc, Folder], context: { sure: Bool } };
    action destroy in [all] appliesTo { principal: User, resource: Doc, context: { sure: Bool } };
"#;

/// One of three of a type, so that policies, facts and requests often mean the same thing.
fn one_of(kind: &'static str) -> impl Strategy<Value = String> {
    (0..3u8).prop_map(move |n| format!("{kind}::\"{n}\""))
}

fn actors() -> impl Strategy<Value = String> {
    prop_oneof![one_of("User"), one_of("User"), one_of("Robot"), one_of("Group")]
}

fn things() -> impl Strategy<Value = String> {
    prop_oneof![one_of("Doc"), one_of("Doc"), one_of("Folder")]
}

fn scope(
    word: &'static str,
    kinds: [&'static str; 2],
    named: BoxedStrategy<String>,
) -> BoxedStrategy<String> {
    prop_oneof![
        Just(word.to_owned()),
        named.clone().prop_map(move |uid| format!("{word} == {uid}")),
        named.clone().prop_map(move |uid| format!("{word} in {uid}")),
        select(kinds.to_vec()).prop_map(move |kind| format!("{word} is {kind}")),
        (select(kinds.to_vec()), named).prop_map(move |(kind, uid)| format!("{word} is {kind} in {uid}")),
    ]
    .boxed()
}

fn policy() -> impl Strategy<Value = String> {
    let action = select(vec![
        "action",
        "action == Action::\"view\"",
        "action == Action::\"destroy\"",
        "action in Action::\"rw\"",
        "action in Action::\"all\"",
        "action in [Action::\"edit\", Action::\"destroy\"]",
        "action in []",
    ]);
    let condition = select(vec![
        "",
        "when { true }",
        "when { false }",
        "when { principal.level > 1 }",
        "unless { resource.locked }",
        "when { context.sure }",
        "when { principal in Group::\"1\" }",
        "when { resource in Folder::\"0\" }",
        "when { action in Action::\"rw\" }",
        "when { Action::\"edit\" in Action::\"all\" }",
        "when { resource.size + 9223372036854775807 > 0 }",
        "when { resource.locked || principal.level + 9223372036854775806 > 1 }",
        "when { principal has level && principal.level == resource.size }",
    ]);
    (
        prop_oneof![3 => Just("permit"), 1 => Just("forbid")],
        scope("principal", ["User", "Robot"], actors().boxed()),
        action,
        scope("resource", ["Doc", "Folder"], things().boxed()),
        condition,
    )
        .prop_map(|(effect, principal, action, resource, condition)| {
            format!("{effect} ({principal}, {action}, {resource}) {condition};\n")
        })
}

/// Facts on up to three of each type; parents always have a higher number, so there is no cycle.
fn facts() -> impl Strategy<Value = serde_json::Value> {
    let entity = (0..3u8, 0..5usize, 0..4i64, any::<bool>(), proptest::collection::vec(any::<bool>(), 3));
    proptest::collection::vec(entity, 0..14).prop_map(|drawn| {
        let mut seen = std::collections::HashSet::new();
        let entities = drawn.into_iter().filter_map(|(n, kind, number, flag, inside)| {
            let kind = ["User", "Robot", "Doc", "Group", "Folder"][kind];
            let parent = if matches!(kind, "Doc" | "Folder") { "Folder" } else { "Group" };
            let attributes = match kind {
                "User" => serde_json::json!({ "level": number }),
                "Doc" => serde_json::json!({ "size": number, "locked": flag }),
                _ => serde_json::json!({}),
            };
            let parents: Vec<_> = (0..3u8)
                .filter(|m| inside[usize::from(*m)] && (kind != parent || *m > n))
                .map(|m| serde_json::json!({ "type": parent, "id": m.to_string() }))
                .collect();
            let uid = serde_json::json!({ "type": kind, "id": n.to_string() });
            seen.insert((kind, n))
                .then(|| serde_json::json!({ "uid": uid, "attrs": attributes, "parents": parents }))
        });
        serde_json::Value::Array(entities.collect())
    })
}

fn plain(request: &Request, policies: &PolicySet, entities: &Entities) -> Answer {
    let mut sum = Sum::default();
    sum.add(&Authorizer::new().is_authorized(request, policies, entities));
    sum.answer()
}

type Asked = (String, &'static str, String, bool);

fn question() -> impl Strategy<Value = Asked> {
    // Also principals, actions and resources that the schema would refuse: the index must not care.
    (actors(), select(vec!["view", "edit", "destroy", "rw", "unheard-of"]), things(), any::<bool>())
}

proptest! {
    // 512 sets of policies and facts, 200 questions each: more than 100 000 of both answers held against each other.
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_index_answers_as_the_plain_authorizer(
        texts in proptest::collection::vec(policy(), 0..40),
        facts in facts(),
        questions in proptest::collection::vec(question(), 200),
    ) {
        let schema: Schema = SCHEMA.parse().unwrap();
        let policies: PolicySet = texts.concat().parse().unwrap();
        let index = Index::build(&policies, &schema).unwrap();
        let entities = Entities::from_json_value(facts, Some(&schema)).unwrap();
        for (principal, action, resource, sure) in questions {
            let uid = |text: &str| text.parse::<EntityUid>().unwrap();
            let context = Context::from_json_value(serde_json::json!({ "sure": sure }), None).unwrap();
            let action = format!("Action::\"{action}\"");
            let request = Request::new(uid(&principal), uid(&action), uid(&resource), context, None).unwrap();
            let expected = plain(&request, &policies, &entities);
            prop_assert_eq!(index.ask(&request, &entities), expected, "{} {} {}", principal, action, resource);
        }
    }
}

#[test]
fn policies_about_different_people_stand_apart() {
    let schema: Schema = SCHEMA.parse().unwrap();
    let policies: PolicySet = "permit (principal == User::\"0\", action, resource);
        permit (principal == User::\"1\", action, resource) when { principal.level > 0 };"
        .parse()
        .unwrap();
    let index = Index::build(&policies, &schema).unwrap();
    let uid = |text: &str| text.parse::<EntityUid>().unwrap();
    let one = &index.actions[&uid("Action::\"view\"")];
    assert_eq!(one.by_name.len(), 2);
    assert!(one.by_name.values().flat_map(|sets| sets.values()).all(|set| set.num_of_policies() == 1));
}
