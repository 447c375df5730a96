use palisade::domain::SystemRole;
use serde_json::{Value, json};

use crate::on_both;
use crate::support::{PASSWORD, Person, Server};

on_both!(
    a_person_sees_their_own_events_and_nobody_elses,
    an_organizations_admins_see_its_events,
    a_super_admin_sees_all_and_can_filter,
    a_page_ends_where_the_next_begins,
    a_failed_attempt_is_kept_with_its_reason,
    no_event_holds_a_secret
);

fn actions(events: &Value) -> Vec<&str> {
    events.as_array().unwrap().iter().map(|event| event["action"].as_str().unwrap()).collect()
}

async fn own(server: &Server, person: &Person, query: &str) -> Value {
    server.get_as(person, &format!("/api/v1/auth/me/events{query}")).await.expect(200)
}

async fn a_person_sees_their_own_events_and_nobody_elses(server: Server) {
    let ada = server.person("ada@example.com").await;
    let bob = server.person("bob@example.com").await;
    server.patch_as(&ada, "/api/v1/auth/me", json!({ "full_name": "Ada" })).await.expect(200);
    let events = own(&server, &ada, "").await;
    assert_eq!(actions(&events), ["UpdateMe", "Login"]);
    assert_eq!(events[0]["principal"], format!("User::\"{}\"", ada.id));
    assert!(events[0].get("failure").is_none());
    assert_eq!(actions(&own(&server, &bob, "").await), ["Login"]);

    // What an administrator does to an account, its person sees too.
    let root = server.super_admin("root@example.com").await;
    server.post_as(&root, &format!("/api/v1/users/{}/suspend", bob.id), json!({})).await.expect(200);
    server.post_as(&root, &format!("/api/v1/users/{}/reinstate", bob.id), json!({})).await.expect(200);
    let bob = server.login("bob@example.com").await;
    assert_eq!(actions(&own(&server, &bob, "").await), ["Login", "ReinstateUser", "SuspendUser", "Login"]);
}

async fn an_organizations_admins_see_its_events(server: Server) {
    let ada = server.person("ada@example.com").await;
    let acme = server.organization(&ada, "acme").await;
    let other = server.organization(&ada, "other").await;
    let (bob, eve, vic) = (
        server.person("bob@example.com").await,
        server.person("eve@example.com").await,
        server.person("vic@example.com").await,
    );
    server.add_member(&ada, &acme, &bob, SystemRole::Admin).await;
    server.add_member(&ada, &acme, &vic, SystemRole::Member).await;
    server.patch_as(&ada, &other, json!({ "name": "Other" })).await.expect(200);

    let path = format!("{acme}/events");
    for admin in [&ada, &bob] {
        let events = server.get_as(admin, &path).await.expect(200);
        assert_eq!(actions(&events), ["AddMember", "AddMember"]);
        assert_eq!(events[0]["details"]["role"], "member");
    }
    server.get_as(&vic, &path).await.refused(403, "not-permitted");
    server.get_as(&eve, &path).await.refused(404, "not-found");
}

async fn a_super_admin_sees_all_and_can_filter(server: Server) {
    let root = server.super_admin("root@example.com").await;
    let ada = server.person("ada@example.com").await;
    server.advance(std::time::Duration::from_secs(600));
    server.organization(&ada, "acme").await;
    let list = async |query: &str| server.get_as(&root, &format!("/api/v1/events{query}")).await.expect(200);

    let all = list("").await;
    assert_eq!(
        actions(&all),
        ["CreateOrganization", "Login", "VerifyEmail", "Register", "Login", "CreateAdministrator"]
    );
    assert_eq!(actions(&list("?action=Register").await), ["Register"]);
    assert_eq!(actions(&list("?since=2026-01-01T00:05:00Z").await), ["CreateOrganization"]);
    assert_eq!(actions(&list("?until=2026-01-01T00:05:00Z&limit=1").await), ["Login"]);
    let by = format!("?principal=User::%22{}%22&action=Login", ada.id);
    assert_eq!(actions(&list(&by).await), ["Login"]);
    server.get_as(&ada, "/api/v1/events").await.refused(403, "not-permitted");
}

async fn a_page_ends_where_the_next_begins(server: Server) {
    let ada = server.person("ada@example.com").await;
    for n in 0..7 {
        server
            .patch_as(&ada, "/api/v1/auth/me", json!({ "full_name": format!("Ada {n}") }))
            .await
            .expect(200);
    }
    let (mut seen, mut before) = (Vec::new(), String::new());
    loop {
        let page = own(&server, &ada, &format!("?limit=3{before}")).await;
        let page = page.as_array().unwrap();
        let Some(last) = page.last() else { break };
        before = format!("&before={}", last["seq"]);
        seen.extend(page.iter().map(|event| event["seq"].as_i64().unwrap()));
    }
    assert_eq!(seen.len(), 8);
    assert!(seen.is_sorted_by(|a, b| a > b), "{seen:?}");
    server.get_as(&ada, "/api/v1/auth/me/events?limit=0").await.invalid("limit", "bad-format");
    server.get_as(&ada, "/api/v1/auth/me/events?limit=501").await.invalid("limit", "bad-format");
}

async fn a_failed_attempt_is_kept_with_its_reason(server: Server) {
    let ada = server.person("ada@example.com").await;
    let wrong = json!({ "email": "ada@example.com", "password": "wrong horse battery" });
    server.post("/api/v1/auth/login", wrong).await.refused(401, "invalid-credentials");
    let failed = own(&server, &ada, "?failed=true").await;
    assert_eq!(actions(&failed), ["Login"]);
    assert_eq!(
        (&failed[0]["failure"], &failed[0]["principal"]),
        (&json!("invalid-credentials"), &json!("Anonymous::\"anonymous\""))
    );
    assert_eq!(actions(&own(&server, &ada, "?failed=false").await), ["Login"]);
}

async fn no_event_holds_a_secret(server: Server) {
    let root = server.super_admin("root@example.com").await;
    let ada = server.person("ada@example.com").await;
    let mails = server.mails().await;
    let again =
        server.post("/api/v1/auth/refresh", json!({ "refresh_token": ada.refresh })).await.expect(200);
    let told = server.get_as(&root, "/api/v1/events").await.expect(200).to_string();
    let refreshed = again["refresh_token"].as_str().unwrap().to_owned();
    for secret in [PASSWORD, &ada.access, &ada.refresh, &refreshed, &mails[0].token()] {
        assert!(!told.contains(secret), "{told}");
    }
}
