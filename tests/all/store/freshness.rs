//! "At least as fresh as": the revision that a change tells, demanded by a reader.

use std::time::{Duration, Instant};

use palisade::domain::SystemRole;
use poem::http::Method;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};

use crate::on_both;
use crate::support::{Answer, Person, Server};

on_both!(
    a_change_tells_a_revision_and_a_reader_may_demand_it,
    another_server_of_the_same_database_is_as_fresh,
    what_another_server_changed_counts_for_who_demands_it_and_for_all_after,
    a_server_that_asks_each_time_sees_at_once_what_another_changed,
    a_database_that_was_set_back_is_not_as_fresh,
    a_demand_is_waited_for,
    what_is_no_revision_is_refused
);

fn revision(answer: &Answer) -> Option<String> {
    Some(answer.headers.get("x-palisade-revision")?.to_str().expect("a text").to_owned())
}

async fn change(server: &Server, person: &Person) -> String {
    let body = json!({ "department": "Anvils" });
    let changed = server.patch_as(person, "/api/v1/auth/me", body).await;
    let told = revision(&changed).expect("a change tells its revision");
    changed.expect(200);
    told
}

async fn read(server: &Server, person: &Person, at_least: &str) -> Answer {
    let bearer = format!("Bearer {}", person.access);
    let headers = [("authorization", bearer.as_str()), ("x-palisade-at-least", at_least)];
    server.send_from("192.0.2.1", &headers, Method::GET, "/api/v1/auth/me", None).await
}

async fn a_change_tells_a_revision_and_a_reader_may_demand_it(server: Server) {
    let ada = server.person("ada@example.com").await;
    let told = change(&server, &ada).await;
    assert_eq!(read(&server, &ada, &told).await.expect(200)["department"], "Anvils");
    assert_eq!(revision(&server.get_as(&ada, "/api/v1/auth/me").await), None);
    let refused = server.patch_as(&ada, "/api/v1/auth/me", json!({ "nothing": 1 })).await;
    assert_eq!((refused.status, revision(&refused)), (422, None));
    // A question is sent as a change is, and changes nothing.
    let acme = server.organization(&ada, "acme").await;
    let (bearer, acme) = (format!("Bearer {}", ada.access), acme.rsplit('/').next().expect("an id"));
    let headers = [("authorization", bearer.as_str()), ("palisade-organization", acme)];
    let question = json!({
        "subject": { "type": "User", "id": "ada@example.com" },
        "action": { "name": "org:read" },
        "resource": { "type": "Organization", "id": acme },
    });
    let asked =
        server.send_from("192.0.2.1", &headers, Method::POST, "/access/v1/evaluation", Some(&question)).await;
    assert_eq!(revision(&asked), None);
    assert_eq!(asked.expect(200)["decision"], true);
    // Its text tells nobody how much happened.
    let other = change(&server, &ada).await;
    assert!(told.len() == other.len() && told != other);
}

async fn another_server_of_the_same_database_is_as_fresh(server: Server) {
    let ada = server.person("ada@example.com").await;
    let told = change(&server, &ada).await;
    // It has changed and seen nothing yet.
    let server = server.restarted().await;
    assert_eq!(read(&server, &ada, &told).await.expect(200)["department"], "Anvils");
}

/// Bob reads the organization on another server and is removed on the first: what he is told there then, and the
/// revision of his removal.
async fn removed_elsewhere(server: &Server, other: &Server) -> (Person, String, String) {
    let (ada, bob) = (server.person("ada@example.com").await, server.person("bob@example.com").await);
    let acme = server.organization(&ada, "acme").await;
    let membership = server.add_member(&ada, &acme, &bob, SystemRole::Viewer).await;
    other.get_as(&bob, &acme).await.expect(200);
    let told = revision(&server.delete_as(&ada, &membership).await).expect("a change tells its revision");
    server.get_as(&bob, &acme).await.refused(404, "not-found");
    (bob, acme, told)
}

async fn what_another_server_changed_counts_for_who_demands_it_and_for_all_after(server: Server) {
    let other = server.another_node_with_facts_for(60_000).await;
    let (bob, acme, told) = removed_elsewhere(&server, &other).await;
    // It has no reason yet to ask the database again.
    other.get_as(&bob, &acme).await.expect(200);
    let bearer = format!("Bearer {}", bob.access);
    let headers = [("authorization", bearer.as_str()), ("x-palisade-at-least", told.as_str())];
    let demanding = other.send_from("192.0.2.1", &headers, Method::GET, &acme, None).await;
    demanding.refused(404, "not-found");
    other.get_as(&bob, &acme).await.refused(404, "not-found");
}

async fn a_server_that_asks_each_time_sees_at_once_what_another_changed(server: Server) {
    let other = server.another_node_with_facts_for(0).await;
    let (bob, acme, _) = removed_elsewhere(&server, &other).await;
    other.get_as(&bob, &acme).await.refused(404, "not-found");
}

async fn a_database_that_was_set_back_is_not_as_fresh(server: Server) {
    let ada = server.person("ada@example.com").await;
    let before = change(&server, &ada).await;
    let told = change(&server, &ada).await;
    let server = server.restarted().await;
    change_database(&server, "DELETE FROM events WHERE seq = (SELECT MAX(seq) FROM events)").await;
    let refused = read(&server, &ada, &told).await;
    assert!(refused.headers.contains_key("retry-after"));
    refused.refused(503, "unavailable");
    read(&server, &ada, &before).await.expect(200);
}

async fn change_database(server: &Server, sql: &str) {
    let (url, sql) = (server.config.database_url(), AssertSqlSafe(sql.to_owned()));
    if url.expose().starts_with("sqlite:") {
        sqlx::SqliteConnection::connect(url.expose()).await.unwrap().execute(sql).await.unwrap();
    } else {
        sqlx::PgConnection::connect(url.expose()).await.unwrap().execute(sql).await.unwrap();
    }
}

async fn a_demand_is_waited_for(server: Server) {
    let ada = server.person("ada@example.com").await;
    let told = change(&server, &ada).await;
    let server = server.restarted().await;
    change_database(&server, "CREATE TABLE later AS SELECT * FROM events ORDER BY seq DESC LIMIT 1").await;
    change_database(&server, "DELETE FROM events WHERE seq = (SELECT MAX(seq) FROM events)").await;
    // What this server reads lags behind: it looks again and again before it gives up.
    let began = Instant::now();
    read(&server, &ada, &told).await.refused(503, "unavailable");
    assert!(began.elapsed() >= Duration::from_millis(400), "{:?}", began.elapsed());
    // It comes up with the demand while somebody waits for it. Whoever has waited too long is told to try again.
    let mut waits = Box::pin(read(&server, &ada, &told));
    assert!(tokio::time::timeout(Duration::from_millis(1), &mut waits).await.is_err(), "it did not wait");
    change_database(&server, "INSERT INTO events SELECT * FROM later").await;
    let mut answer = waits.await;
    if answer.status == 503 {
        answer = read(&server, &ada, &told).await;
    }
    assert_eq!(answer.expect(200)["department"], "Anvils");
}

async fn what_is_no_revision_is_refused(server: Server) {
    let ada = server.person("ada@example.com").await;
    let told = change(&server, &ada).await;
    for wrong in ["", "7", "not base64!", &told[1..], &told.to_uppercase(), &ada.access] {
        read(&server, &ada, wrong).await.invalid("X-Palisade-At-Least", "unknown-revision");
    }
    let bearer = format!("Bearer {}", ada.access);
    let twice =
        [("authorization", &*bearer), ("x-palisade-at-least", &*told), ("x-palisade-at-least", &*told)];
    let refused = server.send_from("192.0.2.1", &twice, Method::GET, "/api/v1/auth/me", None).await;
    refused.invalid("X-Palisade-At-Least", "unknown-revision");
}
