//! The log of decisions: what is kept, who reads it, and for how long.

use std::time::Duration;

use palisade::domain::SystemRole;
use palisade::guard::Principal;
use palisade::guard::actions::PurgeAccounts;
use poem::http::Method;
use serde_json::{Value, json};
use sqlx::{Connection as _, Row as _};

use crate::support::{PASSWORD, Person, Server, Setup, role_id};
use crate::{on_both, on_both_with};

mod beside;
mod days;
mod queue;

on_both_with!(nothing_beyond;
    a_refusal_names_the_decision_and_administrators_find_it,
    denials_and_administration_are_kept_whatever_the_share,
    a_decision_is_found_by_each_of_its_parts,
    pages_follow_each_other_without_gaps,
    an_organizations_log_ends_at_its_border,
    equal_facts_are_stored_once,
    a_batch_of_any_size_is_written_whole_by_few_statements,
    old_decisions_go_and_what_they_rested_on,
    a_purged_account_is_gone_from_the_log,
    no_password_and_no_token_is_in_the_log
);
on_both_with!(everything;
    all_that_is_allowed_is_kept_if_the_operator_wants,
    the_address_of_a_purged_account_is_nowhere_in_the_log
);
on_both!(a_refusal_that_hides_names_no_decision);

fn nothing_beyond(setup: &mut Setup) {
    setup.settings.push(("PALISADE_DECISIONS_ALLOW_SHARE", "0".to_owned()));
}

fn everything(setup: &mut Setup) {
    setup.settings.push(("PALISADE_DECISIONS_ALLOW_SHARE", "1".to_owned()));
}

/// An organization, its owner, and a viewer whom it has just refused something; the id of the decision.
struct Refusal {
    owner: Person,
    viewer: Person,
    organization: String,
    decision: String,
}

impl Refusal {
    async fn on(server: &Server) -> Self {
        let owner = server.person("ada@example.com").await;
        let viewer = server.person("vera@example.com").await;
        let organization = server.organization(&owner, "acme").await;
        server.add_member(&owner, &organization, &viewer, SystemRole::Viewer).await;
        let decision = refuse(server, &viewer, &organization).await;
        Self { owner, viewer, organization, decision }
    }
}

async fn refuse(server: &Server, viewer: &Person, organization: &str) -> String {
    let body = json!({ "description": "Anvils" });
    let refused = server.patch_as(viewer, organization, body).await.refused(403, "not-permitted");
    refused["decision_id"].as_str().expect("a decision").to_owned()
}

async fn log(server: &Server, root: &Person, query: &[(&str, &str)]) -> Vec<Value> {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    let path = format!("/api/v1/decisions?{}", form.extend_pairs(query).finish());
    server.get_as(root, &path).await.expect(200).as_array().expect("a list").clone()
}

/// Which policy decided what is not there.
const OF_NONE: &str =
    "SELECT COUNT(*) FROM decision_policies WHERE decision_id NOT IN (SELECT id FROM decisions)";

async fn count(server: &Server, sql: &'static str) -> i64 {
    let url = server.config.database_url();
    if url.expose().starts_with("sqlite:") {
        let mut db = sqlx::SqliteConnection::connect(url.expose()).await.unwrap();
        sqlx::query(sql).fetch_one(&mut db).await.unwrap().get(0)
    } else {
        let mut db = sqlx::PgConnection::connect(url.expose()).await.unwrap();
        sqlx::query(sql).fetch_one(&mut db).await.unwrap().get(0)
    }
}

async fn a_refusal_names_the_decision_and_administrators_find_it(server: Server) {
    let Refusal { owner, viewer, organization, decision } = Refusal::on(&server).await;
    let root = server.super_admin("root@example.com").await;
    let found = server.get_as(&root, &format!("/api/v1/decisions/{decision}")).await.expect(200);
    assert_eq!(found["id"], decision.as_str());
    assert_eq!(found["principal"], format!("User::\"{}\"", viewer.id));
    assert_eq!((&found["action"], &found["allowed"]), (&json!("UpdateOrganization"), &json!(false)));
    assert_eq!((&found["policies"], &found["errors"]), (&json!([]), &json!([])));
    let entities = found["entities"].as_array().expect("what it rested on");
    let them = entities.iter().find(|it| it["uid"]["id"] == viewer.id.as_str()).expect("the viewer");
    assert_eq!(them["attrs"]["email"], "vera@example.com");
    assert!(them["parents"][0]["id"].as_str().expect("a role").ends_with("/viewer"));

    let theirs = server.get_as(&owner, &format!("{organization}/decisions/{decision}")).await.expect(200);
    assert_eq!((&theirs["id"], theirs.get("entities")), (&found["id"], None));
    server
        .get_as(&viewer, &format!("{organization}/decisions/{decision}"))
        .await
        .refused(403, "not-permitted");
    server.get_as(&owner, &format!("/api/v1/decisions/{decision}")).await.refused(403, "not-permitted");
}

async fn a_refusal_that_hides_names_no_decision(server: Server) {
    let owner = server.person("ada@example.com").await;
    let stranger = server.person("bob@example.com").await;
    let organization = server.organization(&owner, "acme").await;
    let hidden = server.get_as(&stranger, &organization).await.refused(404, "not-found");
    assert_eq!(hidden.get("decision_id"), None);
    let unknown = server.get(&organization).await.refused(401, "not-signed-in");
    assert_eq!(unknown.get("decision_id"), None);
}

async fn denials_and_administration_are_kept_whatever_the_share(server: Server) {
    let Refusal { owner, viewer, organization, decision } = Refusal::on(&server).await;
    server.get_as(&owner, &organization).await.expect(200);
    server.get_as(&viewer, "/api/v1/auth/me").await.expect(200);
    server.get(&organization).await.expect(401);
    let root = server.super_admin("root@example.com").await;
    let path = format!("/api/v1/users/{}/suspend", viewer.id);
    server.post_as(&root, &path, Value::Null).await.expect(200);
    let kept: Vec<_> = log(&server, &root, &[]).await;
    let told = |it: &Value| (it["action"].as_str().unwrap_or_default().to_owned(), it["allowed"] == true);
    let mut actions: Vec<_> = kept.iter().map(told).collect();
    actions.sort();
    let expected = [
        ("AddMember", true),
        ("CreateAdministrator", true),
        ("CreateOrganization", true),
        ("GetOrganization", false),
        ("SuspendUser", true),
        ("UpdateOrganization", false),
    ];
    assert_eq!(actions, expected.map(|(action, allowed)| (action.to_owned(), allowed)));
    assert!(kept.iter().any(|it| it["id"] == decision.as_str()));
}

async fn all_that_is_allowed_is_kept_if_the_operator_wants(server: Server) {
    let owner = server.person("ada@example.com").await;
    let organization = server.organization(&owner, "acme").await;
    server.get_as(&owner, &organization).await.expect(200);
    let root = server.super_admin("root@example.com").await;
    let kept = log(&server, &root, &[("action", "GetOrganization")]).await;
    assert_eq!((kept.len(), &kept[0]["allowed"]), (1, &json!(true)));
    assert_eq!(
        kept[0]["policies"],
        json!(
            ["organization_roles.viewer", "organization_roles.owner"]
                .map(String::from)
                .into_iter()
                .rev()
                .collect::<Vec<_>>()
        )
    );
}

async fn a_decision_is_found_by_each_of_its_parts(server: Server) {
    let Refusal { owner, decision, .. } = Refusal::on(&server).await;
    let root = server.super_admin("root@example.com").await;
    let path = format!("/api/v1/decisions/{decision}");
    let found = server.get_as(&root, &path).await.expect(200);
    let text = |key: &str| found[key].as_str().expect("a text").to_owned();
    let principal = format!("User::\"{}\"", owner.id);
    for query in [
        vec![("principal", text("principal")), ("allowed", "false".to_owned())],
        vec![("action", text("action"))],
        vec![("resource", text("resource")), ("allowed", "false".to_owned())],
        vec![("since", text("at")), ("principal", text("principal")), ("allowed", "false".to_owned())],
        vec![("action", text("action")), ("resource", text("resource")), ("principal", text("principal"))],
    ] {
        let query: Vec<_> = query.iter().map(|(key, value)| (*key, value.as_str())).collect();
        let found = log(&server, &root, &query).await;
        assert_eq!(found.len(), 1, "{query:?}: {found:?}");
        assert_eq!(found[0]["id"], decision.as_str(), "{query:?}");
    }
    let by_policy = log(&server, &root, &[("policy", "organization_roles.owner")]).await;
    assert!(
        !by_policy.is_empty() && by_policy.iter().all(|it| it["principal"] == principal),
        "{by_policy:?}"
    );
    for nothing in [
        [("principal", text("principal")), ("policy", "organization_roles.owner".to_owned())],
        [("until", text("at")), ("allowed", "false".to_owned())],
        [("action", text("action")), ("allowed", "true".to_owned())],
    ] {
        let query = nothing.each_ref().map(|(key, value)| (*key, value.as_str()));
        assert_eq!(log(&server, &root, &query).await, Vec::<Value>::new(), "{query:?}");
    }
    server.get_as(&root, "/api/v1/decisions?principal=%00").await.invalid("principal", "control-character");
    server.get_as(&root, "/api/v1/decisions?viewer=x").await.expect(200);
}

async fn pages_follow_each_other_without_gaps(server: Server) {
    let Refusal { viewer, organization, decision, .. } = Refusal::on(&server).await;
    let mut expected = vec![decision];
    for _ in 0..6 {
        server.advance(Duration::from_millis(1));
        expected.push(refuse(&server, &viewer, &organization).await);
    }
    expected.reverse();
    let root = server.super_admin("root@example.com").await;
    let (mut walked, mut before) = (Vec::new(), None::<String>);
    loop {
        let mut query = vec![("allowed", "false"), ("limit", "3")];
        query.extend(before.as_deref().map(|before| ("before", before)));
        let page = log(&server, &root, &query).await;
        let Some(last) = page.last() else { break };
        before = last["id"].as_str().map(str::to_owned);
        walked.extend(page.iter().map(|it| it["id"].as_str().expect("an id").to_owned()));
    }
    assert_eq!(walked, expected);
}

async fn an_organizations_log_ends_at_its_border(server: Server) {
    let Refusal { organization, decision, owner, .. } = Refusal::on(&server).await;
    let other = server.person("olga@example.com").await;
    let elsewhere = server.organization(&other, "globex").await;
    server.get_as(&owner, &format!("{organization}/decisions")).await.expect(200);
    server.get_as(&other, &format!("{organization}/decisions")).await.refused(404, "not-found");
    server.get_as(&other, &format!("{elsewhere}/decisions/{decision}")).await.refused(404, "not-found");
    let theirs = server.get_as(&other, &format!("{elsewhere}/decisions")).await.expect(200);
    assert_eq!(theirs, json!([]));
    let own = server.get_as(&owner, &format!("{organization}/decisions?allowed=false")).await.expect(200);
    let mut ids: Vec<_> = own.as_array().expect("a list").iter().map(|it| it["action"].as_str()).collect();
    ids.sort();
    // What the other owner asked about this organization is about it too.
    assert_eq!(ids, [Some("ListOrganizationDecisions"), Some("UpdateOrganization")]);
}

async fn equal_facts_are_stored_once(server: Server) {
    let Refusal { viewer, organization, .. } = Refusal::on(&server).await;
    server.app.flush_decisions().await;
    let before = count(&server, "SELECT COUNT(*) FROM decision_slices").await;
    let decisions = count(&server, "SELECT COUNT(*) FROM decisions").await;
    for _ in 0..3 {
        refuse(&server, &viewer, &organization).await;
    }
    server.app.flush_decisions().await;
    assert_eq!(count(&server, "SELECT COUNT(*) FROM decision_slices").await, before);
    assert_eq!(count(&server, "SELECT COUNT(*) FROM decisions").await, decisions + 3);
}

async fn a_batch_of_any_size_is_written_whole_by_few_statements(server: Server) {
    let Refusal { viewer, organization, .. } = Refusal::on(&server).await;
    let root = server.super_admin("root@example.com").await;
    server.app.flush_decisions().await;
    for size in [7, 9, 75] {
        let mut ids = Vec::new();
        for _ in 0..size {
            ids.push(refuse(&server, &viewer, &organization).await);
        }
        let before = server.app.work().statements;
        server.app.flush_decisions().await;
        let statements = server.app.work().statements - before;
        assert!(statements <= 12, "{size} decisions took {statements} statements");
        let kept = log(&server, &root, &[("action", "UpdateOrganization"), ("limit", "100")]).await;
        let found = |id: &String| kept.iter().filter(|it| it["id"] == id.as_str()).count();
        assert!(ids.iter().all(|id| found(id) == 1), "{size} decisions");
        for it in &kept {
            assert_eq!(it["principal"], format!("User::\"{}\"", viewer.id));
            assert_eq!((&it["allowed"], &it["policies"]), (&json!(false), &json!([])));
        }
    }
}

async fn old_decisions_go_and_what_they_rested_on(server: Server) {
    let Refusal { viewer, organization, .. } = Refusal::on(&server).await;
    server.app.flush_decisions().await;
    server.advance(Duration::from_secs(29 * 24 * 3600));
    server.app.prune_old_decisions().await;
    let first = count(&server, "SELECT COUNT(*) FROM decisions").await;
    assert!(first > 0);
    let viewer = server.login(&viewer.email).await;
    let recent = refuse(&server, &viewer, &organization).await;
    server.app.flush_decisions().await;
    server.advance(Duration::from_secs(2 * 24 * 3600));
    server.app.prune_old_decisions().await;
    assert_eq!(count(&server, "SELECT COUNT(*) FROM decisions").await, 1);
    // The one that remains rests on facts that the first rested on too.
    assert_eq!(count(&server, "SELECT COUNT(*) FROM decision_slices").await, 1);
    assert_eq!(count(&server, "SELECT COUNT(*) FROM decision_policies").await, 0);
    let root = server.super_admin("root@example.com").await;
    server.get_as(&root, &format!("/api/v1/decisions/{recent}")).await.expect(200);
}

async fn a_purged_account_is_gone_from_the_log(server: Server) {
    let Refusal { viewer, .. } = Refusal::on(&server).await;
    server.app.flush_decisions().await;
    let about = "SELECT COUNT(*) FROM decision_slices WHERE entities LIKE '%vera@example.com%'";
    assert!(count(&server, about).await > 0);
    let wish = json!({ "current_password": PASSWORD });
    server.send(Method::DELETE, "/api/v1/auth/me", Some(&viewer.access), Some(&wish)).await.expect(200);
    server.advance(Duration::from_secs(15 * 24 * 3600));
    let purge = Principal::system("purge", "test".to_owned());
    let ok = server.app.authorize(&purge, PurgeAccounts {}).await.unwrap();
    let _ = server.app.purge_accounts(&ok).await.unwrap();
    assert_eq!(count(&server, about).await, 0);
    let by = "SELECT COUNT(*) FROM decisions WHERE action = 'UpdateOrganization'";
    assert_eq!(count(&server, by).await, 0);
    assert_eq!(count(&server, OF_NONE).await, 0);
}

async fn the_address_of_a_purged_account_is_nowhere_in_the_log(server: Server) {
    let Refusal { owner, viewer, organization, .. } = Refusal::on(&server).await;
    let body = json!({ "email": viewer.email, "role_id": role_id(SystemRole::Viewer) });
    let other = server.organization(&owner, "globex").await;
    let made = server.post_as(&owner, &format!("{other}/invitations"), body).await.expect(201);
    let path = format!("{other}/invitations/{}", made["id"].as_str().expect("an id"));
    server.get_as(&viewer, &organization).await.expect(200);
    server.delete_as(&owner, &path).await.expect(200);
    let wish = json!({ "current_password": PASSWORD });
    server.send(Method::DELETE, "/api/v1/auth/me", Some(&viewer.access), Some(&wish)).await.expect(200);
    server.advance(Duration::from_secs(15 * 24 * 3600));
    let purge = Principal::system("purge", "test".to_owned());
    let ok = server.app.authorize(&purge, PurgeAccounts {}).await.unwrap();
    // Whatever waits to be written is not written afterwards.
    let _ = server.app.purge_accounts(&ok).await.unwrap();
    server.app.flush_decisions().await;
    for sql in [
        "SELECT COUNT(*) FROM decision_slices WHERE entities LIKE '%vera@example.com%'",
        "SELECT COUNT(*) FROM decisions WHERE context LIKE '%vera@example.com%'",
    ] {
        assert_eq!(count(&server, sql).await, 0, "{sql}");
    }
    assert!(
        count(&server, "SELECT COUNT(*) FROM decisions WHERE context LIKE '%ada@example.com%'").await > 0
    );
}

async fn no_password_and_no_token_is_in_the_log(server: Server) {
    let Refusal { viewer, organization, .. } = Refusal::on(&server).await;
    let body = json!({ "email": "vera@example.com", "password": "not her password" });
    server.post("/api/v1/auth/login", body).await.expect(401);
    let root = server.super_admin("root@example.com").await;
    let mut text = String::new();
    for it in log(&server, &root, &[]).await {
        let path = format!("/api/v1/decisions/{}", it["id"].as_str().expect("an id"));
        text += &server.get_as(&root, &path).await.expect(200).to_string();
    }
    assert!(text.contains(organization.rsplit('/').next().unwrap_or_default()));
    for secret in [PASSWORD, "not her password", &viewer.access, &viewer.refresh] {
        assert!(!text.contains(secret));
    }
}
