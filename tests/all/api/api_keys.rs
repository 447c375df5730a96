//! API keys: made, used, bounded by their owner's rights and their scopes, ended.

use std::time::Duration;

use palisade::domain::SystemRole;
use poem::http::Method;
use serde_json::{Value, json};

use crate::on_both;
use crate::support::{Answer, Person, Server};

on_both!(
    a_key_is_shown_once_and_opens_what_its_scopes_say,
    a_key_works_in_either_header_but_two_that_differ_do_not,
    a_key_dies_at_once_when_it_is_revoked_expires_or_its_owner_falls,
    a_rotated_key_overlaps_for_as_long_as_was_said,
    last_use_is_shown_and_survives_a_restart,
    an_organizations_key_acts_as_its_service_and_nowhere_else,
    only_who_made_a_key_may_see_or_end_it,
    e45_a_key_is_nobodys_but_the_callers,
    e46_a_key_is_never_wider_than_its_maker,
    e46_a_key_out_of_scope_is_refused_everywhere,
    e46_a_key_makes_no_key,
    b18_a_key_is_no_token_of_another_kind,
    b19_a_key_that_is_cut_or_extended_is_refused,
);

const KEYS: &str = "/api/v1/auth/api-keys";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A key of `person` with these scopes: its id and its text.
async fn key(server: &Server, person: &Person, scopes: &[&str]) -> (String, String) {
    let body = json!({ "name": "a key", "scopes": scopes, "expires_in_days": 30 });
    shown(&server.post_as(person, KEYS, body).await.expect(201))
}

fn shown(made: &Value) -> (String, String) {
    let text = |name: &str| made[name].as_str().expect("a text").to_owned();
    (text("id"), text("key"))
}

async fn with_key(server: &Server, method: Method, path: &str, key: &str, body: Option<Value>) -> Answer {
    server.send(method, path, Some(key), body.as_ref()).await
}

async fn get(server: &Server, path: &str, key: &str) -> Answer {
    with_key(server, Method::GET, path, key, None).await
}

async fn in_header(server: &Server, path: &str, key: &str, bearer: Option<&str>) -> Answer {
    let mut request = server.client.get(path.to_owned()).header("X-API-Key", key);
    if let Some(bearer) = bearer {
        request = request.header("Authorization", format!("Bearer {bearer}"));
    }
    Answer::read(request.send().await).await
}

async fn a_key_is_shown_once_and_opens_what_its_scopes_say(server: Server) {
    let ada = server.person("ada@example.com").await;
    let home = server.organization(&ada, "acme").await;
    let body = json!({ "name": " ci ", "scopes": ["org:read", "org:read"], "expires_in_days": 1 });
    let made = server.post_as(&ada, KEYS, body).await.expect(201);
    let (id, text) = shown(&made);
    assert!(text.starts_with("psk_test_") && text.starts_with(made["key_prefix"].as_str().unwrap()));
    assert_eq!((&made["name"], &made["scopes"]), (&json!("ci"), &json!(["org:read"])));
    assert_eq!(made["is_active"], true);

    let listed = server.get_as(&ada, KEYS).await.expect(200);
    assert_eq!((listed.as_array().unwrap().len(), listed[0]["id"].as_str()), (1, Some(id.as_str())));
    assert!(!listed.to_string().contains(&text[40..70]), "the list shows a secret");

    get(&server, &home, &text).await.expect(200);
    let patch = json!({ "name": "x" });
    with_key(&server, Method::PATCH, &home, &text, Some(patch)).await.refused(403, "insufficient-scope");
    get(&server, "/api/v1/auth/me", &text).await.refused(403, "insufficient-scope");

    let (_, nothing) = key(&server, &ada, &[]).await;
    get(&server, &home, &nothing).await.refused(403, "insufficient-scope");
    let (_, all) = key(&server, &ada, &["org:*", "self:*"]).await;
    with_key(&server, Method::PATCH, &home, &all, Some(json!({ "name": "Acme 2" }))).await.expect(200);
    get(&server, "/api/v1/auth/me", &all).await.expect(200);
}

async fn a_key_works_in_either_header_but_two_that_differ_do_not(server: Server) {
    let ada = server.person("ada@example.com").await;
    let ((_, one), (_, two)) = (key(&server, &ada, &["self:*"]).await, key(&server, &ada, &["self:*"]).await);
    let me = "/api/v1/auth/me";
    in_header(&server, me, &one, None).await.expect(200);
    in_header(&server, me, &one, Some(&one)).await.expect(200);
    in_header(&server, me, &one, Some(&two)).await.refused(401, "key-invalid");
    in_header(&server, me, &one, Some(&ada.access)).await.refused(401, "key-invalid");
    in_header(&server, me, &ada.access, None).await.refused(401, "key-invalid");
    in_header(&server, me, "", None).await.refused(401, "key-invalid");
    let twice = server.client.get(me).header("X-API-Key", &one).header("X-API-Key", &two);
    Answer::read(twice.send().await).await.refused(401, "key-invalid");
}

async fn a_key_dies_at_once_when_it_is_revoked_expires_or_its_owner_falls(server: Server) {
    let admin = server.super_admin("root@example.com").await;
    let (ada, bob) = (server.person("ada@example.com").await, server.person("bob@example.com").await);
    let home = server.organization(&ada, "acme").await;
    let membership = server.add_member(&ada, &home, &bob, SystemRole::Viewer).await;
    let (_, text) = key(&server, &bob, &["org:read", "self:read"]).await;
    get(&server, &home, &text).await.expect(200);

    // Removed from the organization: the key is as much a stranger as its owner.
    server.delete_as(&ada, &membership).await.expect(200);
    get(&server, &home, &text).await.refused(404, "not-found");
    get(&server, "/api/v1/auth/me", &text).await.expect(200);

    let suspend = format!("/api/v1/users/{}/suspend", bob.id);
    server.post_as(&admin, &suspend, json!({})).await.expect(200);
    get(&server, "/api/v1/auth/me", &text).await.refused(403, "account-suspended");

    let (revoked, revoked_text) = key(&server, &ada, &["self:read"]).await;
    get(&server, "/api/v1/auth/me", &revoked_text).await.expect(200);
    server.delete_as(&ada, &format!("{KEYS}/{revoked}")).await.expect(200);
    get(&server, "/api/v1/auth/me", &revoked_text).await.refused(401, "key-invalid");
    server.delete_as(&ada, &format!("{KEYS}/{revoked}")).await.expect(200);
    let listed = server.get_as(&ada, KEYS).await.expect(200);
    assert_eq!(listed[0]["is_active"], false);

    let (_, org_reader) = key(&server, &ada, &["org:*"]).await;
    server.delete_as(&ada, &home).await.expect(200);
    get(&server, &home, &org_reader).await.expect(200);
    with_key(&server, Method::PATCH, &home, &org_reader, Some(json!({ "name": "x" })))
        .await
        .refused(403, "organization-archived");

    let body = json!({ "name": "short", "scopes": ["self:read"], "expires_in_days": 1 });
    let (_, short) = shown(&server.post_as(&ada, KEYS, body).await.expect(201));
    get(&server, "/api/v1/auth/me", &short).await.expect(200);
    server.advance(DAY);
    get(&server, "/api/v1/auth/me", &short).await.refused(401, "key-invalid");
}

async fn a_rotated_key_overlaps_for_as_long_as_was_said(server: Server) {
    let ada = server.person("ada@example.com").await;
    let (id, old) = key(&server, &ada, &["self:read"]).await;
    let (me, rotate) = ("/api/v1/auth/me", format!("{KEYS}/{id}/rotate"));
    let made = server.post_as(&ada, &rotate, json!({ "overlap_seconds": 60 })).await.expect(200);
    let (same, new) = shown(&made);
    assert_eq!(same, id);
    assert_ne!(new, old);
    get(&server, me, &old).await.expect(200);
    get(&server, me, &new).await.expect(200);
    server.advance(Duration::from_secs(60));
    get(&server, me, &old).await.refused(401, "key-invalid");
    get(&server, me, &new).await.expect(200);

    let (_, newest) = shown(&server.post_as(&ada, &rotate, json!({})).await.expect(200));
    get(&server, me, &new).await.refused(401, "key-invalid");
    get(&server, me, &newest).await.expect(200);
    let week = json!({ "overlap_seconds": 7 * 24 * 60 * 60 + 1 });
    server.post_as(&ada, &rotate, week).await.invalid("overlap_seconds", "too-large");
    server.delete_as(&ada, &format!("{KEYS}/{id}")).await.expect(200);
    server.post_as(&ada, &rotate, json!({})).await.refused(409, "key-over");
}

async fn last_use_is_shown_and_survives_a_restart(server: Server) {
    let ada = server.person("ada@example.com").await;
    let (_, text) = key(&server, &ada, &["self:read"]).await;
    assert!(server.get_as(&ada, KEYS).await.expect(200)[0].get("last_used_at").is_none());
    get(&server, "/api/v1/auth/me", &text).await.expect(200);
    let first = server.get_as(&ada, KEYS).await.expect(200)[0]["last_used_at"].clone();
    assert!(first.is_string());
    server.advance(Duration::from_secs(5));
    get(&server, "/api/v1/auth/me", &text).await.expect(200);
    server.app.flush_key_uses().await;
    let server = server.restarted().await;
    let second = server.get_as(&ada, KEYS).await.expect(200)[0]["last_used_at"].clone();
    assert!(second.as_str() > first.as_str(), "{second} is not after {first}");
}

async fn an_organizations_key_acts_as_its_service_and_nowhere_else(server: Server) {
    let (ada, bob) = (server.person("ada@example.com").await, server.person("bob@example.com").await);
    let (home, other) = (server.organization(&ada, "acme").await, server.organization(&ada, "other").await);
    server.add_member(&ada, &home, &bob, SystemRole::Member).await;
    let id = |path: &str| path.rsplit('/').next().unwrap().to_owned();
    let body = json!({ "name": "sync", "scopes": ["org:*"], "organization_id": id(&home) });
    // An organization's service has no billing, so nobody can hand it all of `org:*`.
    server.post_as(&ada, KEYS, body).await.refused(403, "scope-not-held");
    let scopes = ["org:read", "org:members:*"];
    let body = json!({ "name": "sync", "scopes": scopes, "organization_id": id(&home) });
    server.post_as(&bob, KEYS, body.clone()).await.refused(403, "not-permitted");
    let made = server.post_as(&ada, KEYS, body).await.expect(201);
    assert_eq!(made["organization_id"], id(&home));
    let (key_id, text) = shown(&made);

    get(&server, &format!("{home}/members"), &text).await.expect(200);
    get(&server, &home, &text).await.expect(200);
    get(&server, &other, &text).await.refused(404, "not-found");
    get(&server, "/api/v1/organizations", &text).await.refused(403, "human-only");
    let founding = json!({ "name": "Third", "slug": "third" });
    with_key(&server, Method::POST, "/api/v1/organizations", &text, Some(founding))
        .await
        .refused(403, "other-organization");
    // Owners stay out of reach, as they are for an admin.
    let members = get(&server, &format!("{home}/members"), &text).await.expect(200);
    let owner = members.as_array().unwrap().iter().find(|it| it["role_name"] == "owner").unwrap();
    let path = format!("{home}/members/{}", owner["id"].as_str().unwrap());
    with_key(&server, Method::DELETE, &path, &text, None).await.refused(403, "owner-protected");

    let list = format!("{home}/api-keys");
    assert_eq!(server.get_as(&ada, &list).await.expect(200).as_array().unwrap().len(), 1);
    server.get_as(&bob, &list).await.refused(403, "not-permitted");
    assert_eq!(server.get_as(&ada, KEYS).await.expect(200), json!([]), "it is not ada's own");
    server.delete_as(&bob, &format!("{KEYS}/{key_id}")).await.refused(403, "not-permitted");
    server.delete_as(&ada, &format!("{other}/api-keys/{key_id}")).await.refused(404, "not-found");
    server.delete_as(&ada, &format!("{KEYS}/{key_id}")).await.expect(200);
    get(&server, &home, &text).await.refused(401, "key-invalid");

    // With the organization its keys end, for reading too.
    let made =
        server.post_as(&ada, &list, json!({ "name": "last", "scopes": ["org:read"] })).await.expect(201);
    let (_, last) = shown(&made);
    get(&server, &home, &last).await.expect(200);
    server.delete_as(&ada, &home).await.expect(200);
    get(&server, &home, &last).await.refused(403, "organization-archived");
}

async fn only_who_made_a_key_may_see_or_end_it(server: Server) {
    let (ada, eve) = (server.person("ada@example.com").await, server.person("eve@example.com").await);
    let (id, text) = key(&server, &ada, &["self:read"]).await;
    assert_eq!(server.get_as(&eve, KEYS).await.expect(200), json!([]));
    server.delete_as(&eve, &format!("{KEYS}/{id}")).await.refused(404, "not-found");
    server.post_as(&eve, &format!("{KEYS}/{id}/rotate"), json!({})).await.refused(404, "not-found");
    let unknown = "019b76da-a800-7000-8000-00000000dead";
    server.delete_as(&eve, &format!("{KEYS}/{unknown}")).await.refused(404, "not-found");
    get(&server, "/api/v1/auth/me", &text).await.expect(200);
}

async fn e45_a_key_is_nobodys_but_the_callers(server: Server) {
    let (ada, eve) = (server.person("ada@example.com").await, server.person("eve@example.com").await);
    let home = server.organization(&ada, "acme").await;
    let organization = home.rsplit('/').next().unwrap();
    for field in ["user_id", "userId", "owner", "owner_id", "agent_id"] {
        let body = json!({ "name": "x", "scopes": [], field: ada.id });
        server.post_as(&eve, KEYS, body.clone()).await.invalid(field, "unknown-field");
        assert!(matches!(server.post(KEYS, body).await.status, 401 | 422));
    }
    let body = json!({ "name": "x", "scopes": [], "organization_id": organization });
    server.post_as(&eve, KEYS, body.clone()).await.refused(404, "not-found");
    server.post(KEYS, body).await.refused(401, "not-signed-in");
    server.post(KEYS, json!({ "name": "x" })).await.refused(401, "not-signed-in");
    assert_eq!(server.get_as(&ada, KEYS).await.expect(200), json!([]));
    assert_eq!(server.get_as(&ada, &format!("{home}/api-keys")).await.expect(200), json!([]));
}

async fn e46_a_key_is_never_wider_than_its_maker(server: Server) {
    let (ada, vic) = (server.person("ada@example.com").await, server.person("vic@example.com").await);
    let home = server.organization(&ada, "acme").await;
    let membership = server.add_member(&ada, &home, &vic, SystemRole::Viewer).await;
    for scope in ["org:write", "org:*", "org:members:read", "project:*", "platform:*", "platform:users"] {
        let body = json!({ "name": "x", "scopes": ["org:read", scope] });
        server.post_as(&vic, KEYS, body).await.refused(403, "scope-not-held");
    }
    for scope in ["admin", "*", "*:*", "org:", "ORG:read", "human", "public", "system", "GetOrganization", ""]
    {
        let body = json!({ "name": "x", "scopes": [scope] });
        server.post_as(&vic, KEYS, body).await.invalid("scopes", "unknown-scope");
    }
    // Nor later: what the maker loses, the key loses.
    let role = json!({ "role_id": crate::support::role_id(SystemRole::Admin) });
    server.patch_as(&ada, &membership, role).await.expect(200);
    let (_, text) = key(&server, &vic, &["org:write"]).await;
    with_key(&server, Method::PATCH, &home, &text, Some(json!({ "name": "A" }))).await.expect(200);
    let role = json!({ "role_id": crate::support::role_id(SystemRole::Viewer) });
    server.patch_as(&ada, &membership, role).await.expect(200);
    let refused = with_key(&server, Method::PATCH, &home, &text, Some(json!({ "name": "B" }))).await;
    assert!(matches!(refused.status, 403 | 404), "{}", refused.body);
}

async fn e46_a_key_out_of_scope_is_refused_everywhere(server: Server) {
    let ada = server.super_admin("ada@example.com").await;
    let home = server.organization(&ada, "acme").await;
    let (_, text) = key(&server, &ada, &["dashboard:read"]).await;
    let organization = home.rsplit('/').next().unwrap();
    for operation in crate::openapi::operations() {
        let public = ["register", "login", "refresh_session", "verify_email", "get_jwks"];
        if public.contains(&operation.id.as_str()) || operation.document["security"] == json!([]) {
            continue;
        }
        let mut path = operation.path.replace("{organization_id}", organization);
        while let (Some(from), Some(to)) = (path.find('{'), path.find('}')) {
            path.replace_range(from..=to, &ada.id);
        }
        let body = (operation.method != Method::GET && operation.method != Method::DELETE).then(|| json!({}));
        let answer = with_key(&server, operation.method.clone(), &path, &text, body).await;
        // What is malformed may be told before what is forbidden; nothing is done.
        assert!(
            matches!(answer.status, 403 | 404 | 422 | 415 | 400),
            "{} answers {} to a key without its scope: {}",
            operation.id,
            answer.status,
            answer.body
        );
    }
}

async fn e46_a_key_makes_no_key(server: Server) {
    let ada = server.person("ada@example.com").await;
    let home = server.organization(&ada, "acme").await;
    let (id, text) = key(&server, &ada, &["self:*", "org:*", "agent:*"]).await;
    let body = Some(json!({ "name": "x", "scopes": [] }));
    for path in [KEYS.to_owned(), format!("{home}/api-keys")] {
        with_key(&server, Method::POST, &path, &text, body.clone()).await.refused(403, "human-only");
        get(&server, &path, &text).await.refused(403, "human-only");
    }
    let own = format!("{KEYS}/{id}");
    with_key(&server, Method::POST, &format!("{own}/rotate"), &text, Some(json!({})))
        .await
        .refused(403, "human-only");
    with_key(&server, Method::DELETE, &own, &text, None).await.refused(403, "human-only");
    with_key(&server, Method::DELETE, &home, &text, None).await.refused(403, "human-only");
    with_key(&server, Method::POST, "/api/v1/auth/logout", &text, None).await.refused(403, "human-only");
}

async fn b18_a_key_is_no_token_of_another_kind(server: Server) {
    let ada = server.person("ada@example.com").await;
    let (_, text) = key(&server, &ada, &["self:*"]).await;
    server
        .post("/api/v1/auth/refresh", json!({ "refresh_token": text }))
        .await
        .refused(401, "refresh-token-invalid");
    let verify = server.post("/api/v1/auth/verify-email", json!({ "token": text })).await;
    assert!(matches!(verify.status, 400 | 409 | 422), "{}", verify.body);
    get(&server, "/api/v1/auth/me", &ada.refresh).await.refused(401, "token-invalid");
    // A key of production is none in development, and the reverse.
    let live = text.replacen("psk_test_", "psk_live_", 1);
    get(&server, "/api/v1/auth/me", &live).await.refused(401, "key-invalid");
}

async fn b19_a_key_that_is_cut_or_extended_is_refused(server: Server) {
    let ada = server.person("ada@example.com").await;
    let (_, text) = key(&server, &ada, &["self:read"]).await;
    for cut in [1, 2, 6, 7, 20, 60] {
        get(&server, "/api/v1/auth/me", &text[..text.len() - cut]).await.refused(401, "key-invalid");
    }
    for more in ["0", "x", "=", "%00"] {
        get(&server, "/api/v1/auth/me", &format!("{text}{more}")).await.refused(401, "key-invalid");
    }
    get(&server, "/api/v1/auth/me", &text).await.expect(200);
}
