//! Putting changed policies in force without a restart.

use palisade::app::Error;
use palisade::guard::Principal;
use palisade::guard::actions::ReloadPolicies;
use poem::http::Method;
use serde_json::{Value, json};

use super::own_model::with_drive;
use crate::on_both_with;
use crate::support::{Answer, Person, Server};

on_both_with!(
    with_drive;
    a_model_that_is_put_beside_the_policies_works_after_a_reload,
    a_broken_folder_leaves_the_old_policies_in_force_and_says_where,
    only_a_super_admin_reloads,
);

const GADGETS: &str = "entity Gadget in [Organization] { organization: Organization, on: Bool };
action \"gadget:*\" appliesTo { principal: [User, Agent, Service, Credential], resource: Organization };
action \"gadget:use\" in [\"gadget:*\"] appliesTo { principal: [User, Agent, Service, Credential], resource: [Gadget, Organization] };
";
const RULES: &str = "@id(\"gadgets.use\")
@why(\"Viewers use what is on.\")
permit (principal, action == Action::\"gadget:use\", resource is Gadget)
when { resource.on && principal in resource.organization.viewers };

@id(\"gadgets.hold\")
@why(\"Admins hold it everywhere.\")
permit (principal, action in Action::\"gadget:*\", resource is Organization)
when { principal in resource.organization.admins };
";

fn write(server: &Server, name: &str, text: &str) {
    std::fs::write(server.folder.path().join("policies").join(name), text).unwrap();
}

async fn reload(server: &Server, by: &Person) -> Answer {
    server.post_as(by, "/api/v1/policies/reload", Value::Null).await
}

async fn a_model_that_is_put_beside_the_policies_works_after_a_reload(server: Server) {
    let root = server.super_admin("root@example.com").await;
    let ada = server.person("ada@example.com").await;
    let home = server.organization(&ada, "acme").await;
    let path = format!("{home}/resources/Gadget/g");
    let body = json!({ "attributes": { "on": true } });
    server.put_as(&ada, &path, body.clone()).await.invalid("type", "unknown-type");
    let key = json!({ "name": "k", "scopes": ["gadget:use"] });
    let keys = format!("{home}/api-keys");
    server.post_as(&ada, &keys, key.clone()).await.invalid("scopes", "unknown-scope");

    write(&server, "gadgets.cedarschema", GADGETS);
    write(&server, "gadgets.cedar", RULES);
    server.put_as(&ada, &path, body.clone()).await.invalid("type", "unknown-type");
    let told = reload(&server, &root).await.expect(200);
    assert_ne!(told["version"], told["version_before"]);
    let again = reload(&server, &root).await.expect(200);
    assert_eq!(again["version"], told["version"]);

    server.put_as(&ada, &path, body).await.expect(200);
    let asked = json!({
        "subject": { "type": "User", "id": ada.id }, "action": { "name": "gadget:use" },
        "resource": { "type": "Gadget", "id": "g" },
    });
    let organization = home.rsplit('/').next().unwrap();
    let ask = server.ask_in(organization, "/access/v1/evaluation", Some(&ada.access), Some(&asked)).await;
    assert_eq!(ask.expect(200)["decision"], true);
    // The scopes of keys know it too.
    server.post_as(&ada, &keys, key).await.expect(201);
    let events = server.get_as(&root, "/api/v1/events?action=ReloadPolicies").await.expect(200);
    assert!(events.to_string().contains(told["version"].as_str().unwrap()), "{events}");
}

async fn a_broken_folder_leaves_the_old_policies_in_force_and_says_where(server: Server) {
    let caller = Principal::system("cli", "test".to_owned());
    // Not over HTTP: a debug build on a busy machine validates for longer than a request may take.
    let reload = async || {
        let ok = server.app.authorize(&caller, ReloadPolicies {}).await.unwrap();
        server.app.reload_policies(ok).await.map(drop)
    };
    let ada = server.person("ada@example.com").await;
    let home = server.organization(&ada, "acme").await;
    let file = format!("{home}/resources/File/f");
    let body = json!({ "attributes": { "size": 1, "public": true } });
    for (name, text, place) in [
        (
            "zz.cedar",
            "@id(\"zz.a\")\n@why(\"A.\")\npermit (principal, action == Action::\"nothing\", resource);",
            "zz.cedar:1:",
        ),
        ("zz.cedar", "permit (principal", "zz.cedar:1:"),
        ("zz.cedarschema", "entity File;", "drive.cedarschema:"),
    ] {
        write(&server, name, text);
        match reload().await {
            Err(Error::Invalid(errors)) => assert!(errors[0].field.starts_with(place), "{errors:?}"),
            other => panic!("{text}: {other:?}"),
        }
        server.put_as(&ada, &file, body.clone()).await.expect(200);
        std::fs::remove_file(server.folder.path().join("policies").join(name)).unwrap();
    }
}

async fn only_a_super_admin_reloads(server: Server) {
    let ada = server.person("ada@example.com").await;
    let home = server.organization(&ada, "acme").await;
    reload(&server, &ada).await.refused(403, "not-permitted");
    server.post("/api/v1/policies/reload", Value::Null).await.refused(401, "not-signed-in");
    let key = json!({ "name": "k", "scopes": ["org:read"] });
    let key = server.post_as(&ada, &format!("{home}/api-keys"), key).await.expect(201);
    let key = key["key"].as_str().unwrap();
    let asked = server.send(Method::POST, "/api/v1/policies/reload", Some(key), None).await;
    assert_eq!(asked.status, 403, "{}", asked.body);
}
