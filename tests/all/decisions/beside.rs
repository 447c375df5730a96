//! Refusals that no policy made: they have a name in the log like any other.

use palisade::domain::SystemRole;
use poem::http::Method;
use serde_json::{Value, json};

use super::{Refusal, nothing_beyond};
use crate::on_both_with;
use crate::support::{Answer, Server};

on_both_with!(nothing_beyond;
    every_refusal_is_found_under_the_id_it_names,
    what_a_product_asked_about_the_unknown_is_in_its_organizations_log
);

/// What the log has under the id that a refusal names.
async fn found(server: &Server, root: &str, refused: Answer, code: &str) -> Value {
    let refused = refused.refused(403, code);
    let id = refused["decision_id"].as_str().expect("an id").to_owned();
    let path = format!("/api/v1/decisions/{id}");
    let found = server.send(Method::GET, &path, Some(root), None).await.expect(200);
    assert_eq!((&found["id"], &found["allowed"]), (&refused["decision_id"], &json!(false)), "{found}");
    assert_eq!((&found["errors"], &found["policies"]), (&json!([code]), &json!([])), "{found}");
    found
}

async fn every_refusal_is_found_under_the_id_it_names(server: Server) {
    let Refusal { owner, viewer, organization, .. } = Refusal::on(&server).await;
    let root = server.super_admin("root@example.com").await.access;
    let person = |id: &str| format!("User::\"{id}\"");

    // A scope that one does not have.
    let body = json!({ "name": "x", "scopes": ["org:delete"] });
    let answer = server.post_as(&viewer, "/api/v1/auth/api-keys", body).await;
    let denied = found(&server, &root, answer, "scope-not-held").await;
    assert_eq!(denied["principal"], person(&viewer.id));
    assert_eq!((&denied["action"], &denied["resource"]), (&json!("CreateApiKey"), &denied["principal"]));

    // A role that one does not have, to a member and as a role of one's own.
    let admin = server.person("alan@example.com").await;
    server.add_member(&owner, &organization, &admin, SystemRole::Admin).await;
    let body = json!({ "name": "All", "permissions": ["org:*"] });
    let made = server.post_as(&owner, &format!("{organization}/roles"), body.clone()).await.expect(201);
    let body = json!({ "name": "All of it", "permissions": ["org:*"] });
    let answer = server.post_as(&admin, &format!("{organization}/roles"), body).await;
    let denied = found(&server, &root, answer, "role-not-held").await;
    assert_eq!((&denied["principal"], &denied["action"]), (&json!(person(&admin.id)), &json!("CreateRole")));
    let bob = server.person("bob@example.com").await;
    let body = json!({ "user_id": bob.id, "role_id": made["id"] });
    let answer = server.post_as(&admin, &format!("{organization}/members"), body).await;
    let denied = found(&server, &root, answer, "role-not-held").await;
    assert_eq!((&denied["principal"], &denied["action"]), (&json!(person(&admin.id)), &json!("AddMember")));
    let theirs = format!("{organization}/decisions/{}", denied["id"].as_str().expect("an id"));
    server.get_as(&owner, &theirs).await.expect(200);

    // A service where only a person can ask.
    let body = json!({ "name": "sync", "scopes": ["org:read"] });
    let made = server.post_as(&owner, &format!("{organization}/api-keys"), body).await.expect(201);
    let answer = server.send(Method::GET, "/api/v1/auth/me", made["key"].as_str(), None).await;
    let denied = found(&server, &root, answer, "human-only").await;
    let service = organization.rsplit('/').next().expect("an id");
    assert_eq!(denied["principal"], format!("Service::\"{service}\""));
    assert_eq!(denied["action"], "GetMe");

    // A foreign page with somebody's cookie, and a stranger in the place of a proxy: nobody whom we would know.
    let cookie = format!("__Host-palisade_access={}", viewer.access);
    let headers = [("cookie", cookie.as_str()), ("origin", "https://evil.example")];
    let body = json!({ "department": "Anvils" });
    let answer = server.send_from("192.0.2.1", &headers, Method::PATCH, "/api/v1/auth/me", Some(&body)).await;
    let denied = found(&server, &root, answer, "cross-site-request").await;
    assert_eq!(
        (&denied["principal"], &denied["action"]),
        (&json!("Anonymous::\"anonymous\""), &json!("UpdateMe"))
    );
    let answer = server.get("/access/v1/forward-auth").await;
    let denied = found(&server, &root, answer, "untrusted-proxy").await;
    assert_eq!(denied["action"], "ForwardAuth");
}

async fn what_a_product_asked_about_the_unknown_is_in_its_organizations_log(server: Server) {
    let Refusal { owner, viewer, organization, .. } = Refusal::on(&server).await;
    let body = json!({ "name": "product", "scopes": ["access:*"] });
    let made = server.post_as(&owner, &format!("{organization}/api-keys"), body).await.expect(201);
    let id = organization.rsplit('/').next().expect("an id").to_owned();
    let question = json!({
        "subject": { "type": "User", "id": viewer.id },
        "action": { "name": "org:fly" },
        "resource": { "type": "Organization", "id": id },
    });
    let path = "/access/v1/evaluation";
    let told = server.send(Method::POST, path, made["key"].as_str(), Some(&question)).await.expect(200);
    assert_eq!((&told["decision"], &told["context"]["codes"]), (&json!(false), &json!(["unknown-action"])));
    let decision = told["context"]["decision_id"].as_str().expect("an id");
    let found = server.get_as(&owner, &format!("{organization}/decisions/{decision}")).await.expect(200);
    assert_eq!((&found["action"], &found["errors"]), (&json!("org:fly"), &json!(["unknown-action"])));
    assert_eq!(found["organization_id"], id);
    let other = server.person("olga@example.com").await;
    let elsewhere = server.organization(&other, "globex").await;
    server.get_as(&other, &format!("{elsewhere}/decisions/{decision}")).await.refused(404, "not-found");
}
