//! What `Pdp::decide` answers, through plain values.

use std::path::Path;

use palisade::pdp::{Entity, EntityRef, Error, Pdp, Question, Value};

const ORG: &str = "0197f000-0000-7000-8000-000000000001";

fn pdp() -> Pdp {
    Pdp::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("policies")).unwrap()
}

fn role(name: &str) -> EntityRef {
    EntityRef::new("Role", format!("{ORG}/{name}"))
}

fn roles() -> Vec<Entity> {
    let nested =
        [("owner", Some("admin")), ("admin", Some("member")), ("member", Some("viewer")), ("viewer", None)];
    nested
        .into_iter()
        .map(|(name, parent)| Entity {
            uid: role(name),
            attributes: vec![],
            parents: parent.map(role).into_iter().collect(),
        })
        .collect()
}

fn organization() -> Entity {
    let uid = EntityRef::new("Organization", ORG);
    let mut attributes =
        vec![("organization".into(), Value::Entity(uid.clone())), ("archived".into(), Value::Bool(false))];
    for name in ["owner", "admin", "member", "viewer", "agent_executor"] {
        attributes.push((format!("{name}s").into(), Value::Entity(role(name))));
    }
    Entity { uid, attributes, parents: vec![] }
}

fn user(id: &str, holds: &str) -> Entity {
    let flag = |name: &'static str, value| (name.into(), Value::Bool(value));
    Entity {
        uid: EntityRef::new("User", id),
        attributes: vec![
            ("email".into(), Value::Text(format!("{id}@example.com"))),
            flag("email_verified", true),
            flag("waitlisted", false),
            flag("suspended", false),
            flag("super_admin", false),
        ],
        parents: vec![role(holds)],
    }
}

fn question(action: &'static str, holds: &str) -> Question {
    let mut entities = roles();
    entities.extend([organization(), user("alice", holds)]);
    Question {
        principal: EntityRef::new("User", "alice"),
        action: action.into(),
        resource: EntityRef::new("Organization", ORG),
        context: vec![],
        entities: entities.into(),
    }
}

/// The last entity of a type.
fn the<'q>(kind: &str, question: &'q mut Question) -> &'q mut Entity {
    let all = question.entities.iter().map(|entity| entity.uid.clone());
    let name = all.filter(|uid| uid.kind == kind).last().unwrap();
    question.entities.get_mut(&name).unwrap()
}

fn set(entity: &mut Entity, name: &str, value: Value) {
    entity.attributes.iter_mut().find(|(key, _)| key == name).unwrap().1 = value;
}

#[test]
fn a_member_reads_the_organization_by_the_rule_for_viewers() {
    let decision = pdp().decide(&question("GetOrganization", "member")).unwrap();
    assert!(decision.allowed);
    assert_eq!(decision.determining[0].id, "organization_roles.viewer");
    assert_eq!(decision.determining[0].code, None);
    assert!(decision.errors.is_empty());
}

#[test]
fn a_member_does_not_change_the_organization_and_no_policy_is_to_blame() {
    let decision = pdp().decide(&question("UpdateOrganization", "member")).unwrap();
    assert!(!decision.allowed && decision.determining.is_empty() && decision.errors.is_empty());
}

#[test]
fn a_refusal_by_a_guardrail_carries_its_code_and_whom_it_is_about() {
    let mut asked = question("GetOrganization", "owner");
    set(the("User", &mut asked), "suspended", Value::Bool(true));
    let decision = pdp().decide(&asked).unwrap();
    assert!(!decision.allowed);
    assert_eq!(decision.determining.len(), 1);
    assert_eq!(decision.determining[0].code.as_deref(), Some("account-suspended"));
    assert!(decision.determining[0].about_principal);

    let mut asked = question("UpdateOrganization", "owner");
    set(the("Organization", &mut asked), "archived", Value::Bool(true));
    let decision = pdp().decide(&asked).unwrap();
    assert_eq!(decision.determining[0].code.as_deref(), Some("organization-archived"));
    assert!(!decision.determining[0].about_principal);
}

#[test]
fn a_context_reaches_the_policies() {
    let mut asked = question("CreateInvitation", "admin");
    asked.context = vec![("role".into(), Value::Entity(role("member")))];
    assert!(pdp().decide(&asked).unwrap().allowed);
    asked.context = vec![("role".into(), Value::Entity(role("owner")))];
    assert_eq!(pdp().decide(&asked).unwrap().determining[0].code.as_deref(), Some("owner-protected"));
}

#[test]
fn a_failed_evaluation_denies_what_a_permit_alone_would_allow() {
    // The organization is missing, so the rule about archived ones cannot be evaluated; Cedar would skip it and
    // let the super admin pass.
    let mut asked = question("GetOrganization", "viewer");
    asked.entities = asked.entities.without(&asked.resource);
    set(the("User", &mut asked), "super_admin", Value::Bool(true));
    let decision = pdp().decide(&asked).unwrap();
    assert!(!decision.allowed);
    assert!(decision.determining.is_empty());
    assert!(!decision.errors.is_empty());
}

#[test]
fn a_question_that_does_not_fit_the_schema_is_never_answered() {
    let pdp = pdp();
    let bad = |change: &dyn Fn(&mut Question)| {
        let mut asked = question("GetOrganization", "owner");
        change(&mut asked);
        let Err(Error::BadQuestion(text)) = pdp.decide(&asked) else { panic!("{asked:?} was answered") };
        text
    };
    assert!(bad(&|q| q.action = "GetOrganisation".into()).contains("GetOrganisation"));
    bad(&|q| q.action = "public".into());
    bad(&|q| q.principal = EntityRef::new("Person", "alice"));
    bad(&|q| q.resource = EntityRef::new("User", "alice"));
    bad(&|q| q.action = "CreateInvitation".into());
    bad(&|q| q.context = vec![("role".into(), Value::Entity(role("member")))]);
    bad(&|q| set(the("Organization", q), "archived", Value::Text("no".into())));
    bad(&|q| drop(the("Organization", q).attributes.pop()));
    bad(&|q| the("Organization", q).attributes.push(("colour".into(), Value::Long(1))));
    bad(&|q| {
        let attributes = &mut the("Organization", q).attributes;
        attributes.push(attributes[1].clone());
    });
    bad(&|q| {
        let twice = Entity { parents: vec![], ..q.entities.first().unwrap().clone() };
        q.entities.push(twice);
    });
    bad(&|q| the("Role", q).parents.push(role("owner")));
    bad(&|q| {
        q.action = "GetJwks".into();
        q.resource = EntityRef::new("Platform", "elsewhere");
    });
}

#[test]
fn an_action_that_is_for_no_principal_of_this_kind_is_denied() {
    let mut asked = question("GetOrganization", "owner");
    asked.principal = EntityRef::new("Anonymous", "anonymous");
    let decision = pdp().decide(&asked).unwrap();
    assert!(!decision.allowed && decision.determining.is_empty() && decision.errors.is_empty());
}

#[test]
fn ids_are_data_and_cannot_be_read_as_policy_text() {
    let mut asked = question("GetOrganization", "viewer");
    asked.principal = EntityRef::new("User", "alice\" || true || \"");
    assert!(!pdp().decide(&asked).unwrap().allowed);
}

#[test]
fn a_policy_is_described_by_its_reason_and_place() {
    let told = pdp().describe("guardrails.account-suspended").unwrap();
    assert_eq!(
        (told.file.as_str(), told.why.as_str()),
        ("guardrails.cedar", "A suspended account does nothing.")
    );
    assert_eq!(pdp().describe("guardrails.none"), None);
}
