use palisade::domain::SystemRole;
use serde_json::json;

use crate::on_both;
use crate::support::Server;

on_both!(an_owner_founds_reads_changes_and_archives, every_wrong_field_of_a_change_is_told_at_once);

async fn an_owner_founds_reads_changes_and_archives(server: Server) {
    let ada = server.person("ada@example.com").await;
    let body = json!({ "name": "Acme", "slug": "acme", "description": "Anvils" });
    let made = server.post_as(&ada, "/api/v1/organizations", body).await.expect(201);
    let path = format!("/api/v1/organizations/{}", made["id"].as_str().unwrap());
    assert_eq!(server.get_as(&ada, &path).await.expect(200), made);

    server.advance(std::time::Duration::from_secs(60));
    let patch = json!({ "name": "Acme Ltd", "description": null, "billing_email": "Bills@Example.com" });
    let changed = server.patch_as(&ada, &path, patch).await.expect(200);
    assert_eq!((&changed["name"], &changed["slug"]), (&json!("Acme Ltd"), &json!("acme")));
    assert!(changed.get("description").is_none());
    assert_eq!(changed["billing_email"], "bills@example.com");
    assert_ne!(changed["updated_at"], made["updated_at"]);

    server.delete_as(&ada, &path).await.expect(200);
    let archived = server.get_as(&ada, &path).await.expect(200);
    assert_eq!(archived["is_active"], false);
    server.patch_as(&ada, &path, json!({ "name": "x" })).await.refused(403, "organization-archived");
    server.delete_as(&ada, &path).await.refused(403, "organization-archived");
    let bob = server.person("bob@example.com").await;
    let body = json!({ "user_id": bob.id, "role_id": crate::support::role_id(SystemRole::Viewer) });
    server.post_as(&ada, &format!("{path}/members"), body).await.refused(403, "organization-archived");
}

async fn every_wrong_field_of_a_change_is_told_at_once(server: Server) {
    let ada = server.person("ada@example.com").await;
    let path = server.organization(&ada, "acme").await;
    let wrong = json!({ "name": " ", "description": "x".repeat(2000), "billing_email": "no address" });
    let told = server.patch_as(&ada, &path, wrong.clone()).await.expect(422);
    let fields = |told: &serde_json::Value| -> Vec<String> {
        let errors = told["errors"].as_array().unwrap();
        errors.iter().map(|error| error["field"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(fields(&told), ["name", "description", "billing_email"], "{told}");
    let mut made = wrong;
    made["slug"] = json!("other");
    let told = server.post_as(&ada, "/api/v1/organizations", made).await.expect(422);
    assert_eq!(fields(&told), ["name", "description", "billing_email"], "{told}");
    // An empty text clears, as `null` does.
    let patch = json!({ "description": "Anvils", "billing_email": "bills@example.com" });
    server.patch_as(&ada, &path, patch).await.expect(200);
    let patch = json!({ "description": "", "billing_email": null });
    let cleared = server.patch_as(&ada, &path, patch).await.expect(200);
    assert!(cleared.get("description").is_none() && cleared.get("billing_email").is_none(), "{cleared}");
}
