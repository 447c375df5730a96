use std::time::Duration;

use palisade::app::purge_principal;
use palisade::domain::SystemRole;
use palisade::guard::actions::PurgeAccounts;
use poem::http::Method;
use serde_json::{Value, json};

use super::{ANOTHER, is_over, letters, sign_in};
use crate::on_both;
use crate::support::{Answer, Database, PASSWORD, Person, Server, Setup, role_id};

on_both!(
    an_account_is_purged_after_fourteen_days_and_not_before,
    signing_in_meanwhile_shows_it_and_allows_nothing_else,
    an_account_is_restored_in_time,
    b24_asking_for_deletion_ends_every_session,
    a_wrong_password_deletes_nothing,
    the_last_owner_hands_over_first,
    an_owner_who_is_to_be_deleted_does_not_count_as_one,
    of_two_owners_who_leave_at_once_one_is_refused,
    a_founder_who_is_purged_leaves_the_organization_to_another_owner,
    e48_a_purged_address_starts_afresh,
    a_purge_takes_everything_of_the_person_along,
    a_suspended_account_is_not_purged,
    everything_that_is_kept_is_exported,
);

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn delete(server: &Server, person: &Person, password: &str) -> Answer {
    let body = json!({ "current_password": password });
    server.send(Method::DELETE, "/api/v1/auth/me", Some(&person.access), Some(&body)).await
}

/// Runs the purge once; how many accounts it took.
async fn purge(server: &Server) -> usize {
    let caller = purge_principal();
    let ok = server.app.authorize(&caller, PurgeAccounts {}).await.expect("the purge may run");
    server.app.purge_accounts(&ok).await.expect("accounts can be purged")
}

async fn me(server: &Server, person: &Person) -> Value {
    server.get_as(person, "/api/v1/auth/me").await.expect(200)
}

async fn an_account_is_purged_after_fourteen_days_and_not_before(server: Server) {
    let ada = server.person("ada@example.com").await;
    let told = delete(&server, &ada, PASSWORD).await.expect(200);
    assert_eq!(told["deletion_due_at"], "2026-01-15T00:00:00Z");
    let mail = server.last_mail("ada@example.com").await;
    assert_eq!(letters(&server, "ada@example.com", "will be deleted").await, 1);
    assert!(
        server.mails().await.iter().any(|mail| mail.text.contains("15 January 2026 at 00:00 UTC")),
        "{mail:?}"
    );
    server.advance(14 * DAY - Duration::from_secs(1));
    assert_eq!(purge(&server).await, 0);
    sign_in(&server, "ada@example.com", PASSWORD).await.expect(200);
    server.advance(Duration::from_secs(1));
    assert_eq!(purge(&server).await, 1);
    assert_eq!(purge(&server).await, 0);
    sign_in(&server, "ada@example.com", PASSWORD).await.refused(401, "invalid-credentials");
}

async fn signing_in_meanwhile_shows_it_and_allows_nothing_else(server: Server) {
    let ada = server.person("ada@example.com").await;
    assert!(me(&server, &ada).await.get("deletion_due_at").is_none());
    let bob = server.person("bob@example.com").await;
    let acme = server.organization(&bob, "acme").await;
    server.add_member(&bob, &acme, &ada, SystemRole::Admin).await;
    delete(&server, &ada, PASSWORD).await.expect(200);
    let ada = server.login("ada@example.com").await;
    assert_eq!(me(&server, &ada).await["deletion_due_at"], "2026-01-15T00:00:00Z");
    server.get_as(&ada, &acme).await.refused(403, "account-deleting");
    server.get_as(&ada, "/api/v1/organizations").await.refused(403, "account-deleting");
    let body = json!({ "name": "Mine", "slug": "mine" });
    server.post_as(&ada, "/api/v1/organizations", body).await.refused(403, "account-deleting");
}

async fn an_account_is_restored_in_time(server: Server) {
    let ada = server.person("ada@example.com").await;
    delete(&server, &ada, PASSWORD).await.expect(200);
    server.advance(13 * DAY);
    let ada = server.login("ada@example.com").await;
    // Asking once more does not move the day.
    assert_eq!(delete(&server, &ada, PASSWORD).await.expect(200)["deletion_due_at"], "2026-01-15T00:00:00Z");
    let ada = server.login("ada@example.com").await;
    let restored = server.post_as(&ada, "/api/v1/auth/me/restore", json!({})).await.expect(200);
    assert!(restored.get("deletion_due_at").is_none());
    server.get_as(&ada, "/api/v1/organizations").await.expect(200);
    server.advance(2 * DAY);
    assert_eq!(purge(&server).await, 0);
    sign_in(&server, "ada@example.com", PASSWORD).await.expect(200);
}

async fn b24_asking_for_deletion_ends_every_session(server: Server) {
    let here = server.person("ada@example.com").await;
    let there = server.login("ada@example.com").await;
    delete(&server, &here, PASSWORD).await.expect(200);
    is_over(&server, &here).await;
    is_over(&server, &there).await;
}

async fn a_wrong_password_deletes_nothing(server: Server) {
    let ada = server.person("ada@example.com").await;
    delete(&server, &ada, ANOTHER).await.invalid("current_password", "wrong-password");
    server.delete_as(&ada, "/api/v1/auth/me").await.refused(415, "unsupported-media-type");
    assert!(me(&server, &ada).await.get("deletion_due_at").is_none());
}

async fn the_last_owner_hands_over_first(server: Server) {
    let ada = server.person("ada@example.com").await;
    let bob = server.person("bob@example.com").await;
    let acme = server.organization(&ada, "acme").await;
    let old = server.organization(&ada, "old").await;
    let membership = server.add_member(&ada, &acme, &bob, SystemRole::Admin).await;
    let told = delete(&server, &ada, PASSWORD).await.refused(409, "last-owner");
    assert!(told["detail"].as_str().is_some_and(|it| it.contains("acme, old")), "{told}");
    // Handing over, or closing what nobody needs.
    let body = json!({ "role_id": role_id(SystemRole::Owner) });
    server.patch_as(&ada, &membership, body).await.expect(200);
    delete(&server, &ada, PASSWORD).await.refused(409, "last-owner");
    server.delete_as(&ada, &old).await.expect(200);
    delete(&server, &ada, PASSWORD).await.expect(200);
}

async fn an_owner_who_is_to_be_deleted_does_not_count_as_one(server: Server) {
    let ada = server.person("ada@example.com").await;
    let bob = server.person("bob@example.com").await;
    let acme = server.organization(&ada, "acme").await;
    let membership = server.add_member(&ada, &acme, &bob, SystemRole::Owner).await;
    delete(&server, &ada, PASSWORD).await.expect(200);
    server.delete_as(&bob, &membership).await.refused(409, "last-owner");
    delete(&server, &bob, PASSWORD).await.refused(409, "last-owner");
    let ada = server.login("ada@example.com").await;
    server.post_as(&ada, "/api/v1/auth/me/restore", json!({})).await.expect(200);
    server.delete_as(&bob, &membership).await.expect(200);
}

async fn of_two_owners_who_leave_at_once_one_is_refused(server: Server) {
    let ada = server.person("ada@example.com").await;
    let bob = server.person("bob@example.com").await;
    for slug in ["one", "two"] {
        let organization = server.organization(&ada, slug).await;
        server.add_member(&ada, &organization, &bob, SystemRole::Owner).await;
    }
    let (one, other) = tokio::join!(delete(&server, &ada, PASSWORD), delete(&server, &bob, PASSWORD));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
}

async fn a_founder_who_is_purged_leaves_the_organization_to_another_owner(server: Server) {
    let ada = server.person("ada@example.com").await;
    let bob = server.person("bob@example.com").await;
    let acme = server.organization(&ada, "acme").await;
    let closed = server.organization(&ada, "closed").await;
    server.add_member(&ada, &acme, &bob, SystemRole::Owner).await;
    server.add_member(&ada, &closed, &bob, SystemRole::Viewer).await;
    server.delete_as(&ada, &closed).await.expect(200);
    delete(&server, &ada, PASSWORD).await.expect(200);
    server.advance(14 * DAY);
    assert_eq!(purge(&server).await, 1);
    let bob = server.login("bob@example.com").await;
    assert_eq!(server.get_as(&bob, &acme).await.expect(200)["owner_id"], bob.id.as_str());
    let members = server.get_as(&bob, &format!("{acme}/members")).await.expect(200);
    assert_eq!(members.as_array().map(Vec::len), Some(1), "{members}");
    // Closed, and without an owner, it can still be looked at.
    server.get_as(&bob, &closed).await.expect(200);
}

async fn e48_a_purged_address_starts_afresh(server: Server) {
    let ada = server.person("ada@example.com").await;
    let bob = server.person("bob@example.com").await;
    let acme = server.organization(&bob, "acme").await;
    server.add_member(&bob, &acme, &ada, SystemRole::Admin).await;
    delete(&server, &ada, PASSWORD).await.expect(200);
    server.advance(14 * DAY);
    assert_eq!(purge(&server).await, 1);
    let fresh = server.person("ada@example.com").await;
    assert_ne!(fresh.id, ada.id);
    server.get_as(&fresh, &acme).await.refused(404, "not-found");
    assert_eq!(server.get_as(&fresh, "/api/v1/organizations").await.expect(200), json!([]));
    // The old id is nobody's: it can be neither added nor reinstated.
    let bob = server.login("bob@example.com").await;
    let body = json!({ "user_id": ada.id, "role_id": role_id(SystemRole::Viewer) });
    let answer = server.post_as(&bob, &format!("{acme}/members"), body).await;
    assert!((400..500).contains(&answer.status), "{}", answer.body);
    let root = server.super_admin("root@example.com").await;
    let path = format!("/api/v1/users/{}/reinstate", ada.id);
    server.post_as(&root, &path, json!({})).await.refused(404, "not-found");
}

async fn a_purge_takes_everything_of_the_person_along(server: Server) {
    let bob = server.person("bob@example.com").await;
    let ada = server.person("ada@example.com").await;
    let acme = server.organization(&bob, "acme").await;
    let membership = server.add_member(&bob, &acme, &ada, SystemRole::Admin).await;
    let patch = json!({ "full_name": "Ada Lovelace", "attributes": { "theme": "dark" } });
    server.patch_as(&ada, "/api/v1/auth/me", patch).await.expect(200);
    let body = json!({ "email": "guest@example.com", "role_id": role_id(SystemRole::Viewer) });
    server.post_as(&ada, &format!("{acme}/invitations"), body).await.expect(201);
    delete(&server, &ada, PASSWORD).await.expect(200);
    server.mails().await;
    server.advance(14 * DAY);
    assert_eq!(purge(&server).await, 1);
    let bob = server.login("bob@example.com").await;
    let open = server.get_as(&bob, &format!("{acme}/invitations")).await.expect(200);
    assert_eq!(open.as_array().map(Vec::len), Some(0), "an invitation of somebody who is gone: {open}");
    server.delete_as(&bob, &membership).await.refused(404, "not-found");
    // Nothing readable is left in the file, the write-ahead log included.
    let folder = server.folder.path().to_owned();
    server.app.close().await;
    let rows = std::fs::read(folder.join("palisade.db")).unwrap_or_default();
    assert!(!contains(&rows, b"Ada Lovelace"), "the name is still there");
    assert!(!contains(&rows, b"ada@example.com"), "the address is still there");
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

async fn a_suspended_account_is_not_purged(server: Server) {
    let ada = server.person("ada@example.com").await;
    let root = server.super_admin("root@example.com").await;
    delete(&server, &ada, PASSWORD).await.expect(200);
    server.post_as(&root, &format!("/api/v1/users/{}/suspend", ada.id), json!({})).await.expect(200);
    server.advance(14 * DAY);
    assert_eq!(purge(&server).await, 0);
    let root = server.login("root@example.com").await;
    server.post_as(&root, &format!("/api/v1/users/{}/reinstate", ada.id), json!({})).await.expect(200);
    assert_eq!(purge(&server).await, 1);
}

async fn everything_that_is_kept_is_exported(server: Server) {
    let ada = server.person("ada@example.com").await;
    let bob = server.person("bob@example.com").await;
    server.organization(&ada, "acme").await;
    server.organization(&bob, "globex").await;
    let export = server.get_as(&ada, "/api/v1/auth/me/export").await.expect(200);
    assert_eq!(export["user"]["email"], "ada@example.com");
    let slugs: Vec<_> =
        export["organizations"].as_array().into_iter().flatten().map(|it| &it["slug"]).collect();
    assert_eq!(slugs, ["acme"]);
    assert_eq!(export["sessions"].as_array().map(Vec::len), Some(1));
    assert_eq!(export["devices"].as_array().map(Vec::len), Some(1));
    let actions: Vec<_> = export["events"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|event| event["action"].as_str())
        .collect();
    for action in ["Login", "CreateOrganization", "ExportMe"] {
        assert!(actions.contains(&action), "{actions:?}");
    }
    let text = export.to_string();
    for foreign in ["globex", "bob@example.com", "argon2", ada.refresh.as_str()] {
        assert!(!text.contains(foreign), "{foreign}");
    }
    server.get("/api/v1/auth/me/export").await.refused(401, "not-signed-in");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_time_to_think_again_is_the_operators_choice() {
    let mut setup = Setup::on(Database::Sqlite);
    setup.settings.push(("PALISADE_DELETION_GRACE_DAYS", "30".to_owned()));
    let server = Server::with(setup).await;
    let ada = server.person("ada@example.com").await;
    let told = delete(&server, &ada, PASSWORD).await.expect(200);
    assert_eq!(told["deletion_due_at"], "2026-01-31T00:00:00Z");
}
