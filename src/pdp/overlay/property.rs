//! Snapshot and overlay answer as Cedar's own authorizer does over all their policies in one set.

use std::collections::BTreeSet;

use cedar_policy::{Context, EntityUid, PolicySet, Schema};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::*;
use crate::pdp::index::{Answer, Index};

const SCHEMA: &str = r#"
    entity Organization { organization: Organization, closed: Bool };
    entity Role in [Role, Organization];
    entity User in [Role] { level: Long };
    entity Project in [Organization] { organization: Organization };
    entity Note;
    action "doc:*" appliesTo { principal: User, resource: Organization };
    action "doc:read", "doc:write" in ["doc:*"] appliesTo { principal: User, resource: [Project, Note, Organization] };
    action "team:read" appliesTo { principal: User, resource: Organization };
"#;
const ACTIONS: [&str; 5] = ["doc:*", "doc:read", "doc:write", "team:read", "gone:read"];
const FOLDER: [&str; 7] = [
    r#"permit (principal in Role::"0/owner", action, resource);"#,
    r#"permit (principal in Role::"0/1", action == Action::"team:read", resource);"#,
    r#"forbid (principal, action, resource) when { resource has organization && resource.organization.closed };"#,
    r#"forbid (principal in Role::"1/2", action == Action::"doc:write", resource);"#,
    r#"forbid (principal is User, action, resource is Project) when { principal.level > 2 };"#,
    r#"permit (principal, action, resource is Note) when { principal.level + 9223372036854775806 > 1 };"#,
    r#"permit (principal == User::"1", action in Action::"doc:*", resource);"#,
];

type Drawn = (Vec<Vec<&'static str>>, Vec<&'static str>, serde_json::Value);

/// Three roles of each of two organizations, some policies of a folder, and facts.
fn world() -> impl Strategy<Value = Drawn> {
    let roles = proptest::collection::vec(subsequence(ACTIONS.to_vec(), 0..=ACTIONS.len()), 6);
    // Who is in which role, which role above which, who is closed, at which level.
    let ties = proptest::collection::vec(any::<bool>(), 64);
    let levels = proptest::collection::vec(0..4i64, 3);
    let folder = subsequence(FOLDER.to_vec(), 0..=FOLDER.len());
    (roles, folder, ties, levels).prop_map(|(roles, folder, ties, levels)| {
        let mut ties = ties.into_iter().cycle();
        let mut tied = move || ties.next().unwrap();
        let uid = |kind: &str, id: String| json!({ "type": kind, "id": id });
        let organization =
            |o: usize| json!({ "organization": { "__entity": uid("Organization", o.to_string()) } });
        let mut entities = Vec::new();
        for o in 0..2 {
            let mut attributes = organization(o);
            attributes["closed"] = json!(tied());
            entities.push(
                json!({ "uid": uid("Organization", o.to_string()), "attrs": attributes, "parents": [] }),
            );
            let parents = [uid("Organization", o.to_string())];
            entities.push(
                json!({ "uid": uid("Project", o.to_string()), "attrs": organization(o), "parents": parents }),
            );
            for r in 0..3 {
                let mut above: Vec<_> =
                    (r + 1..3).filter(|_| tied()).map(|r| uid("Role", format!("{o}/{r}"))).collect();
                above.push(uid("Organization", o.to_string()));
                entities
                    .push(json!({ "uid": uid("Role", format!("{o}/{r}")), "attrs": {}, "parents": above }));
            }
            entities.push(json!({ "uid": uid("Role", format!("{o}/owner")), "attrs": {}, "parents": [] }));
        }
        entities.push(json!({ "uid": uid("Note", "0".to_owned()), "attrs": {}, "parents": [] }));
        for (u, level) in levels.into_iter().enumerate() {
            let names = ["0/0", "0/1", "0/2", "0/owner", "1/0", "1/1", "1/2"]
                .into_iter()
                .filter(|_| tied() && tied());
            let parents: Vec<_> = names.map(|name| uid("Role", name.to_owned())).collect();
            entities.push(
                json!({ "uid": uid("User", u.to_string()), "attrs": { "level": level }, "parents": parents }),
            );
        }
        (roles, folder, serde_json::Value::Array(entities))
    })
}

fn question() -> impl Strategy<Value = (String, &'static str, &'static str)> {
    let resources = vec![
        "Organization::\"0\"",
        "Organization::\"1\"",
        "Project::\"0\"",
        "Project::\"1\"",
        "Project::\"unknown\"",
        "Note::\"0\"",
    ];
    let users = (0..4u8).prop_map(|n| format!("User::\"{n}\""));
    (users, select(ACTIONS.to_vec()), select(resources))
}

fn role_policies(roles: &[Vec<&str>]) -> Vec<RolePolicy> {
    let one = |(n, actions): (usize, &Vec<&str>)| {
        let (o, r) = (n / 3, n % 3);
        RolePolicy {
            id: format!("role.{n}"),
            why: "\"); permit (principal, action, resource); //".to_owned(),
            role: EntityRef::new("Role", format!("{o}/{r}")),
            organization: EntityRef::new("Organization", o.to_string()),
            actions: actions.iter().map(|&it| it.to_owned()).collect(),
        }
    };
    roles.iter().enumerate().map(one).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn snapshot_and_overlay_answer_as_the_plain_authorizer_over_both(
        (roles, folder, facts) in world(),
        questions in proptest::collection::vec(question(), 24),
    ) {
        let schema: Schema = SCHEMA.parse().unwrap();
        let words = Words::new(schema.clone(), &BTreeSet::new()).unwrap();
        let policies: PolicySet = folder.concat().parse().unwrap();
        let roles = role_policies(&roles);
        let index = Index::build(&policies, &schema).unwrap();
        let overlay = Overlay::build(&words, &roles).unwrap();
        let mut all = policies;
        for role in &roles {
            all.add(policy(&words, role).unwrap()).unwrap();
        }
        let entities = Entities::from_json_value(facts, Some(&schema)).unwrap();
        for (principal, action, resource) in questions {
            let uid = |text: &str| text.parse::<EntityUid>().unwrap();
            let action = format!("Action::\"{action}\"");
            let request =
                Request::new(uid(&principal), uid(&action), uid(resource), Context::empty(), None).unwrap();
            let mut plain = Sum::default();
            plain.add(&Authorizer::new().is_authorized(&request, &all, &entities));
            let mut ours = Sum::default();
            index.ask_into(&request, &entities, &mut ours);
            overlay.ask_into(&request, &entities, &mut ours);
            let (ours, plain): (Answer, Answer) = (ours.answer(), plain.answer());
            prop_assert_eq!(ours, plain, "{} {} {}", principal, action, resource);
        }
    }
}

#[test]
fn only_the_roles_that_somebody_is_in_are_looked_at() {
    let words = Words::new(SCHEMA.parse().unwrap(), &BTreeSet::new()).unwrap();
    let overlay = Overlay::build(&words, &role_policies(&vec![vec!["doc:read"]; 6])).unwrap();
    assert_eq!(overlay.by_role.len(), 6);
    assert!(overlay.by_role.values().all(|set| set.num_of_policies() == 1));
}

#[test]
fn a_role_reaches_nothing_of_another_organization() {
    let schema: Schema = SCHEMA.parse().unwrap();
    let words = Words::new(schema.clone(), &BTreeSet::new()).unwrap();
    let overlay = Overlay::build(&words, &role_policies(&[vec!["doc:read"]])).unwrap();
    let organization = |o: &str| json!({ "__entity": { "type": "Organization", "id": o } });
    let project = |o: &str| {
        let uid = json!({ "type": "Project", "id": o });
        json!({ "uid": uid, "attrs": { "organization": organization(o) }, "parents": [] })
    };
    let user = json!({
        "uid": { "type": "User", "id": "0" }, "attrs": { "level": 0 }, "parents": [{ "type": "Role", "id": "0/0" }],
    });
    let facts = json!([project("0"), project("1"), user]);
    let entities = Entities::from_json_value(facts, Some(&schema)).unwrap();
    let ask = |resource: &str| {
        let uid = |text: &str| text.parse::<EntityUid>().unwrap();
        let (principal, action) = (uid("User::\"0\""), uid("Action::\"doc:read\""));
        let request = Request::new(principal, action, uid(resource), Context::empty(), None).unwrap();
        let mut sum = Sum::default();
        overlay.ask_into(&request, &entities, &mut sum);
        sum.answer()
    };
    assert!(ask("Project::\"0\"").allowed);
    for elsewhere in ["Project::\"1\"", "Note::\"0\""] {
        let Answer { allowed, reasons, errors } = ask(elsewhere);
        assert!(!allowed && reasons.is_empty() && errors.is_empty(), "{elsewhere}");
    }
}

#[test]
fn the_policy_made_of_a_role_is_valid_whatever_the_actions() {
    let schema: Schema = SCHEMA.parse().unwrap();
    let words = Words::new(schema.clone(), &BTreeSet::new()).unwrap();
    let roles = role_policies(&[vec!["doc:*", "team:read"], vec!["doc:write"], vec!["gone:read"]]);
    for role in &roles[..2] {
        let set = PolicySet::from_policies([policy(&words, role).unwrap()]).unwrap();
        let result =
            cedar_policy::Validator::new(schema.clone()).validate(&set, cedar_policy::ValidationMode::Strict);
        assert!(result.validation_passed_without_warnings(), "{result}");
    }
    // An action that is gone from the schema is left out.
    let text = policy(&words, &roles[2]).unwrap().to_cedar().unwrap();
    assert!(text.contains("action in []"), "{text}");
}
