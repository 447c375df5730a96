//! A series answers as whole questions do, and what is allowed is in reach.

use std::fmt::Write as _;

use proptest::collection::vec;
use proptest::prelude::*;
use tempfile::TempDir;

use super::{Fixed, Series, Shared};
use crate::pdp::{Entity, EntityRef, Pairs, Pdp, Question, Reach, Value};

const SCHEMA: &str = r#"
    entity Organization { organization: Organization, viewers: Group, editors: Group };
    entity Group in [Group];
    entity User in [Group] { level: Long };
    entity Folder in [Folder] { organization: Organization, owner: User };
    entity Doc in [Folder] {
        organization: Organization, owner: User, label: String, team?: Group, folder?: Folder,
        shared: Set<Group>, readers: Set<User>, locked: Bool,
    };
    action "doc:*" appliesTo { principal: User, resource: Organization };
    action "doc:view", "doc:edit" in ["doc:*"]
        appliesTo { principal: User, resource: [Doc, Folder], context: { label?: String } };
"#;

const CONDITIONS: [&str; 24] = [
    "resource.owner == principal",
    "principal == resource.owner && principal.level > 1",
    "!(resource.owner == principal)",
    "resource.owner != principal",
    "principal in resource.organization.viewers",
    "principal in resource.organization.editors && !resource.locked",
    "resource in Folder::\"1\"",
    "resource.owner == principal || resource in [Folder::\"0\", Folder::\"2\"]",
    "resource.label == \"a \\\"b\\\" \\\\ é\"",
    "resource.readers.contains(principal)",
    "resource has team && principal in resource.team",
    "principal in resource.shared",
    "resource.shared.contains(Group::\"1\")",
    "resource.shared.containsAny([Group::\"0\", Group::\"2\"])",
    "resource has folder && resource.folder.owner == principal",
    "resource.locked",
    "context has label && resource.label == context.label",
    "if resource.locked then resource.owner == principal else principal in resource.organization.editors",
    "[principal].contains(resource.owner)",
    "resource.organization == Organization::\"o\" && !resource.locked",
    "resource.organization == Organization::\"other\" || resource.organization.viewers == Group::\"0\"",
    "resource == Doc::\"1\" || resource.label like \"*b*\"",
    "principal.level == 2",
    "resource has team && resource.team in Group::\"2\" && principal in Group::\"0\"",
];

const LABELS: [&str; 4] = ["a", "a \"b\" \\ é", "b", ""];

fn policies() -> impl Strategy<Value = String> {
    vec((0..4u8, 0..4u8, 0..5u8, 0..CONDITIONS.len()), 0..7).prop_map(|drawn| {
        // Without any the folder would be refused.
        let mut text = "@id(\"none\") @why(\"w\") permit (principal, action == Action::\"doc:edit\", resource is Folder)
            when { resource.owner.level > 9 };\n"
            .to_owned();
        for (n, (effect, principal, resource, condition)) in drawn.into_iter().enumerate() {
            let effect = if effect == 0 { "@code(\"c\") forbid" } else { "permit" };
            let principal = ["principal", "principal is User", "principal in Group::\"1\"", "principal == User::\"0\""]
                [usize::from(principal)];
            let resource = [
                "resource is Doc",
                "resource is Doc",
                "resource is Doc in Folder::\"1\"",
                "resource == Doc::\"2\"",
                "resource is Doc in Folder::\"3\"",
            ][usize::from(resource)];
            let condition = CONDITIONS[condition];
            let action = if n % 3 == 0 { "action == Action::\"doc:view\"" } else { "action in Action::\"doc:*\"" };
            writeln!(text, "@id(\"p{n}\") @why(\"w\") {effect} ({principal}, {action}, {resource}) when {{ {condition} }};")
                .unwrap();
        }
        text
    })
}

fn uid(kind: &'static str, n: usize) -> EntityRef {
    EntityRef::new(kind, n.to_string())
}

fn organization() -> EntityRef {
    EntityRef::new("Organization", "o")
}

fn reference(kind: &'static str, n: usize) -> Value {
    Value::Entity(uid(kind, n))
}

/// Three users, three groups, four folders, five documents.
#[derive(Debug)]
struct Facts {
    shared: Vec<Entity>,
    users: Vec<Entity>,
    folders: Vec<Entity>,
    docs: Vec<Entity>,
}

/// As `n`, with one of the bits for each of `count`.
fn bits(n: u8, count: usize) -> impl Iterator<Item = usize> {
    (0..count).filter(move |bit| n >> bit & 1 == 1)
}

fn facts() -> impl Strategy<Value = Facts> {
    let numbers = (vec(0..8u8, 3), vec((0..8u8, 0..4i64), 3), vec((0..16u8, 0..3u8), 4));
    let docs = vec((any::<[u8; 8]>(), any::<bool>()), 5);
    (numbers, docs).prop_map(|((groups, users, folders), docs)| {
        let owner = || ("organization".into(), Value::Entity(organization()));
        let group = |(n, inside): (usize, u8)| Entity {
            uid: uid("Group", n),
            attributes: vec![],
            parents: bits(inside, 3).filter(|m| *m > n).map(|m| uid("Group", m)).collect(),
        };
        let mut shared: Vec<_> = groups.into_iter().enumerate().map(group).collect();
        let roles = [("viewers".into(), reference("Group", 0)), ("editors".into(), reference("Group", 1))];
        let attributes = [owner()].into_iter().chain(roles).collect();
        shared.push(Entity { uid: organization(), attributes, parents: vec![] });
        let user = |(n, (inside, level)): (usize, (u8, i64))| Entity {
            uid: uid("User", n),
            attributes: vec![("level".into(), Value::Long(level))],
            parents: bits(inside, 3).map(|m| uid("Group", m)).collect(),
        };
        let folder = |(n, (inside, by)): (usize, (u8, u8))| Entity {
            uid: uid("Folder", n),
            attributes: vec![owner(), ("owner".into(), reference("User", usize::from(by)))],
            parents: bits(inside, 4).filter(|m| *m > n).map(|m| uid("Folder", m)).collect(),
        };
        let doc = |(n, (it, locked)): (usize, ([u8; 8], bool))| {
            let [by, label, team, folder, shared, readers, inside, _] = it;
            let mut attributes = vec![
                owner(),
                ("owner".into(), reference("User", usize::from(by % 3))),
                ("label".into(), Value::Text(LABELS[usize::from(label) % 4].to_owned())),
                ("shared".into(), Value::Set(bits(shared, 3).map(|m| reference("Group", m)).collect())),
                ("readers".into(), Value::Set(bits(readers, 3).map(|m| reference("User", m)).collect())),
                ("locked".into(), Value::Bool(locked)),
            ];
            if team < 128 {
                attributes.push(("team".into(), reference("Group", usize::from(team % 3))));
            }
            if folder < 128 {
                attributes.push(("folder".into(), reference("Folder", usize::from(folder % 4))));
            }
            let parents = bits(inside, 4).map(|m| uid("Folder", m)).collect();
            Entity { uid: uid("Doc", n), attributes, parents }
        };
        Facts {
            shared,
            users: users.into_iter().enumerate().map(user).collect(),
            folders: folders.into_iter().enumerate().map(folder).collect(),
            docs: docs.into_iter().enumerate().map(doc).collect(),
        }
    })
}

fn load(policies: &str) -> (Pdp, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.cedarschema"), SCHEMA).unwrap();
    std::fs::write(folder.path().join("a.cedar"), policies).unwrap();
    (Pdp::load(folder.path()).unwrap(), folder)
}

impl Facts {
    /// Everything that a thing of the register brings with it.
    fn of_doc(&self, doc: &Entity) -> Vec<Entity> {
        [doc].into_iter().chain(&self.folders).cloned().collect()
    }

    fn is_reached(&self, reach: &Reach, doc: &Entity) -> bool {
        let Reach::Only { within, naming } = reach else { return true };
        let mut above = vec![&doc.uid];
        let mut next = 0;
        while let Some(uid) = above.get(next).copied() {
            let known = self.folders.iter().chain([doc]).find(|it| it.uid == *uid);
            above.extend(known.into_iter().flat_map(|it| &it.parents));
            next += 1;
        }
        // As the row holds it: without the organization.
        let attributes = doc.attributes.iter().filter(|(key, _)| key != "organization").cloned().collect();
        let text = Value::Record(attributes).to_marked_json().to_string();
        let quoted = |name: &String| serde_json::Value::from(name.as_str()).to_string();
        above.iter().any(|uid| within.contains(uid)) || naming.iter().any(|name| text.contains(&quoted(name)))
    }
}

/// Whether `doc` is allowed, by a series of resources, by one of subjects, and whether it is in reach.
fn searched(
    pdp: &Pdp,
    facts: &Facts,
    user: &Entity,
    action: &str,
    context: &Pairs,
    doc: &Entity,
) -> [bool; 3] {
    let series = |fixed, more: Vec<Entity>| -> Series {
        let entities = facts.shared.iter().cloned().chain(more).collect();
        let shared = Shared { fixed, action: action.to_owned(), context: context.clone(), entities };
        pdp.series(shared, None).unwrap().expect("the schema knows it")
    };
    let of_doc = facts.of_doc(doc);
    let principal = user.uid.clone();
    let resources =
        series(Fixed::Principal { principal, resource_type: "Doc".to_owned() }, vec![user.clone()]);
    let resource = doc.uid.clone();
    let subjects = series(Fixed::Resource { principal_type: "User".to_owned(), resource }, of_doc.clone());
    [
        resources.allows(&doc.uid, &of_doc.clone().into()).unwrap(),
        subjects.allows(&user.uid, &user.clone().into()).unwrap(),
        facts.is_reached(&resources.reach(&organization()), doc),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_series_answers_as_whole_questions_do_and_what_is_allowed_is_in_reach(
        policies in policies(),
        facts in facts(),
        label in 0..5usize,
    ) {
        let (pdp, _folder) = load(&policies);
        let context: Pairs =
            LABELS.get(label).map(|text| ("label".into(), Value::Text((*text).to_owned()))).into_iter().collect();
        for (user, doc) in facts.users.iter().flat_map(|user| facts.docs.iter().map(move |doc| (user, doc))) {
            for action in ["doc:view", "doc:edit"] {
                let entities = facts.shared.iter().cloned().chain([user.clone()]).chain(facts.of_doc(doc));
                let question = Question {
                    principal: user.uid.clone(),
                    action: action.into(),
                    resource: doc.uid.clone(),
                    context: context.clone(),
                    entities: entities.collect(),
                };
                let allowed = pdp.decide(&question).unwrap().allowed;
                let [by_resource, by_subject, reached] = searched(&pdp, &facts, user, action, &context, doc);
                prop_assert_eq!((by_resource, by_subject), (allowed, allowed), "{}", policies);
                prop_assert!(reached || !allowed, "{} may {} {} by\n{}", user.uid, action, doc.uid, policies);
            }
        }
    }
}

/// What one policy alone lets user 0, in group 0, reach.
fn reach_of(condition: &str) -> Reach {
    let text =
        format!("@id(\"p\") @why(\"w\") permit (principal, action, resource is Doc) when {{ {condition} }};");
    let (pdp, _folder) = load(&text);
    let group = |n| Entity { uid: uid("Group", n), attributes: vec![], parents: vec![] };
    let level = vec![("level".into(), Value::Long(1))];
    let user = Entity { uid: uid("User", 0), attributes: level, parents: vec![uid("Group", 0)] };
    let attributes = vec![
        ("organization".into(), Value::Entity(organization())),
        ("viewers".into(), reference("Group", 0)),
        ("editors".into(), reference("Group", 1)),
    ];
    let entities =
        vec![group(0), group(1), user, Entity { uid: organization(), attributes, parents: vec![] }];
    let fixed = Fixed::Principal { principal: uid("User", 0), resource_type: "Doc".to_owned() };
    let shared = Shared { fixed, action: "doc:view".to_owned(), context: vec![], entities: entities.into() };
    pdp.series(shared, None).unwrap().unwrap().reach(&organization())
}

#[test]
fn the_common_shapes_bound_the_reach() {
    let only = |within: &[EntityRef], naming: &[&str]| Reach::Only {
        within: within.iter().cloned().collect(),
        naming: naming.iter().map(|it| (*it).to_owned()).collect(),
    };
    for (condition, expected) in [
        ("principal in resource.organization.viewers", Reach::Anything),
        ("principal in resource.organization.editors", only(&[], &[])),
        ("principal.level > 1 && resource.locked", only(&[], &[])),
        ("resource.organization == Organization::\"o\"", Reach::Anything),
        ("resource.organization == Organization::\"other\"", only(&[], &[])),
        ("resource.owner == principal", only(&[], &["0"])),
        ("resource.locked && resource.owner == principal", only(&[], &["0"])),
        (
            "resource in Folder::\"7\" || resource == Doc::\"8\"",
            only(&[uid("Folder", 7), uid("Doc", 8)], &[]),
        ),
        ("resource.label == \"x\"", only(&[], &["x"])),
        ("resource.readers.contains(principal)", only(&[], &["0"])),
        ("resource.locked", Reach::Anything),
        ("resource.owner != principal", Reach::Anything),
        ("resource has folder && resource.folder.owner == principal", Reach::Anything),
    ] {
        assert_eq!(reach_of(condition), expected, "{condition}");
    }
}
