//! The register of a product's things: held against the schema, kept apart by organization, never a circle.

use palisade::domain::SystemRole;
use poem::http::Method;
use serde_json::{Value, json};

use crate::on_both;
use crate::support::{Person, Server};

on_both!(
    a_thing_is_put_read_replaced_listed_and_struck_off,
    a_thing_is_held_against_the_schema,
    nobody_registers_what_is_palisades_own,
    a_parent_must_be_there_fit_and_never_close_a_circle,
    a_thing_in_use_is_not_struck_off,
    a_version_that_is_not_the_present_one_is_refused,
    many_things_are_loaded_all_or_none,
    a_list_has_pages,
    another_organizations_things_are_not_there,
    a_service_keeps_the_register_within_its_scopes,
    an_id_may_hold_what_a_path_may_not,
);

async fn scene(server: &Server) -> (Person, String) {
    let ada = server.person("ada@example.com").await;
    let home = server.organization(&ada, "acme").await;
    (ada, format!("{home}/resources"))
}

async fn a_thing_is_put_read_replaced_listed_and_struck_off(server: Server) {
    let (ada, things) = scene(&server).await;
    let project = format!("{things}/Project/apollo");
    let made = server.put_as(&ada, &project, json!({})).await.expect(200);
    assert_eq!(
        (&made["type"], &made["id"], &made["version"]),
        (&json!("Project"), &json!("apollo"), &json!(1))
    );
    assert_eq!((&made["attributes"], &made["parents"]), (&json!({}), &json!([])));
    let parents = json!([{ "type": "Project", "id": "apollo" }]);
    let document = format!("{things}/Document/plan");
    server.put_as(&ada, &document, json!({ "parents": parents })).await.expect(200);
    let read = server.get_as(&ada, &document).await.expect(200);
    assert_eq!(read["parents"], parents);
    let again = server.put_as(&ada, &document, json!({})).await.expect(200);
    assert_eq!((&again["version"], &again["parents"]), (&json!(2), &json!([])));
    let listed = server.get_as(&ada, &format!("{things}?type=Document")).await.expect(200);
    assert_eq!(listed, json!([again]));
    server.delete_as(&ada, &document).await.expect(200);
    server.get_as(&ada, &document).await.refused(404, "not-found");
    server.delete_as(&ada, &document).await.refused(404, "not-found");
}

async fn a_thing_is_held_against_the_schema(server: Server) {
    let (ada, things) = scene(&server).await;
    let put = async |path: &str, body: Value| server.put_as(&ada, &format!("{things}/{path}"), body).await;
    put("Spaceship/a", json!({})).await.invalid("type", "unknown-type");
    let unknown = json!({ "attributes": { "size": 1 } });
    put("Project/a", unknown).await.invalid("attributes.size", "unknown-attribute");
    let foreign = json!({ "attributes": { "organization": { "type": "Organization", "id": "x" } } });
    put("Project/a", foreign).await.invalid("attributes.organization", "set-by-platform");
    put("Project/a", json!({ "version": -1 })).await.invalid("version", "too-small");
    let path = format!("Project/{}", "x".repeat(256));
    put(&path, json!({})).await.invalid("id", "too-long");
    assert_eq!(server.get_as(&ada, &format!("{things}?type=Project")).await.expect(200), json!([]));
}

async fn nobody_registers_what_is_palisades_own(server: Server) {
    let (ada, things) = scene(&server).await;
    for kind in palisade::guard::OWN_TYPES {
        let path = format!("{things}/{kind}/{}", ada.id);
        server.put_as(&ada, &path, json!({})).await.invalid("type", "platform-type");
    }
    let parents = json!([{ "type": "Role", "id": "x/owner" }]);
    let put = server.put_as(&ada, &format!("{things}/Project/a"), json!({ "parents": parents })).await;
    put.invalid("parents.0.type", "platform-type");
}

async fn a_parent_must_be_there_fit_and_never_close_a_circle(server: Server) {
    let (ada, things) = scene(&server).await;
    let within = |kind: &str, id: &str| json!({ "parents": [{ "type": kind, "id": id }] });
    let put = async |path: &str, body: Value| server.put_as(&ada, &format!("{things}/{path}"), body).await;
    put("Document/d", within("Project", "nowhere")).await.invalid("parents.0", "not-registered");
    put("Project/p", json!({})).await.expect(200);
    put("Task/t", within("Project", "p")).await.expect(200);
    put("Document/d", within("Task", "t")).await.invalid("parents.0.type", "wrong-parent");
    let twice = json!({ "parents": [{ "type": "Project", "id": "p" }, { "type": "Project", "id": "p" }] });
    put("Document/d", twice).await.invalid("parents.1", "repeated");
    // Its own organization is implied, and no other can be named.
    let own = things.trim_end_matches("/resources").rsplit('/').next().unwrap();
    put("Project/q", within("Organization", own)).await.expect(200);
    let other = within("Organization", "019b76da-a800-7000-8000-00000000dead");
    put("Project/q", other).await.invalid("parents.0.type", "platform-type");
}

async fn a_thing_in_use_is_not_struck_off(server: Server) {
    let (ada, things) = scene(&server).await;
    let (project, task) = (format!("{things}/Project/p"), format!("{things}/Task/t"));
    server.put_as(&ada, &project, json!({})).await.expect(200);
    let within = json!({ "parents": [{ "type": "Project", "id": "p" }] });
    server.put_as(&ada, &task, within).await.expect(200);
    server.delete_as(&ada, &project).await.refused(409, "resource-in-use");
    server.get_as(&ada, &project).await.expect(200);
    server.put_as(&ada, &task, json!({})).await.expect(200);
    server.delete_as(&ada, &project).await.expect(200);
}

async fn a_version_that_is_not_the_present_one_is_refused(server: Server) {
    let (ada, things) = scene(&server).await;
    let project = format!("{things}/Project/p");
    let put = async |version: i64| server.put_as(&ada, &project, json!({ "version": version })).await;
    put(1).await.refused(409, "changed-meanwhile");
    put(0).await.expect(200);
    put(0).await.refused(409, "changed-meanwhile");
    assert_eq!(put(1).await.expect(200)["version"], 2);
    put(1).await.refused(409, "changed-meanwhile");
    server.delete_as(&ada, &format!("{project}?version=1")).await.refused(409, "changed-meanwhile");
    server.delete_as(&ada, &format!("{project}?version=2")).await.expect(200);
}

async fn many_things_are_loaded_all_or_none(server: Server) {
    let (ada, things) = scene(&server).await;
    let project = json!({ "type": "Project", "id": "p" });
    let task = |id: &str| json!({ "type": "Task", "id": id, "parents": [project] });
    let load =
        async |resources: Value| server.post_as(&ada, &things, json!({ "resources": resources })).await;
    let wrong = load(json!([project, task("t"), { "type": "Ship", "id": "s" }])).await;
    wrong.invalid("resources.2.type", "unknown-type");
    let early = load(json!([task("t"), project])).await;
    early.invalid("resources.0.parents.0", "not-registered");
    let none = server.get_as(&ada, &format!("{things}?type=Project")).await.expect(200);
    assert_eq!(none, json!([]));
    assert_eq!(load(json!([project, task("t"), task("u")])).await.expect(200)["count"], 3);
    let tasks = server.get_as(&ada, &format!("{things}?type=Task")).await.expect(200);
    assert_eq!(tasks.as_array().unwrap().len(), 2);
    load(json!([])).await.invalid("resources", "too-few");
}

async fn a_list_has_pages(server: Server) {
    let (ada, things) = scene(&server).await;
    let ids = ["a", "b", "B", "c", "ä"];
    let resources: Vec<Value> = ids.iter().map(|id| json!({ "type": "Project", "id": id })).collect();
    server.post_as(&ada, &things, json!({ "resources": resources })).await.expect(200);
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let path = format!("{things}?type=Project&limit=2&after={after}");
        let page = server.get_as(&ada, &path).await.expect(200);
        let page: Vec<String> =
            page.as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect();
        let Some(last) = page.last() else { break };
        after = url::form_urlencoded::byte_serialize(last.as_bytes()).collect();
        seen.extend(page);
    }
    assert_eq!(seen, ["B", "a", "b", "c", "ä"], "by bytes, on both databases");
}

async fn another_organizations_things_are_not_there(server: Server) {
    let (ada, things) = scene(&server).await;
    let eve = server.person("eve@example.com").await;
    let elsewhere = format!("{}/resources", server.organization(&eve, "other").await);
    server.put_as(&ada, &format!("{things}/Project/p"), json!({})).await.expect(200);
    server.get_as(&eve, &format!("{things}/Project/p")).await.refused(404, "not-found");
    server.put_as(&eve, &format!("{things}/Project/p"), json!({})).await.refused(404, "not-found");
    server.get_as(&eve, &format!("{elsewhere}/Project/p")).await.refused(404, "not-found");
    // Neither is the name taken, nor can what is there be a parent.
    let task = format!("{elsewhere}/Task/t");
    let within = json!({ "parents": [{ "type": "Project", "id": "p" }] });
    server.put_as(&eve, &task, within.clone()).await.invalid("parents.0", "not-registered");
    let own = server.put_as(&eve, &format!("{elsewhere}/Project/p"), json!({})).await.expect(200);
    assert_eq!(own["version"], 1);
    server.put_as(&eve, &task, within).await.expect(200);
    server.delete_as(&ada, &format!("{things}/Project/p")).await.expect(200);
    server.get_as(&eve, &format!("{elsewhere}/Project/p")).await.expect(200);
    let vic = server.person("vic@example.com").await;
    let home = things.trim_end_matches("/resources");
    server.add_member(&ada, home, &vic, SystemRole::Member).await;
    server.put_as(&vic, &format!("{things}/Project/p"), json!({})).await.refused(403, "not-permitted");
}

async fn a_service_keeps_the_register_within_its_scopes(server: Server) {
    let (ada, things) = scene(&server).await;
    let home = things.trim_end_matches("/resources");
    let key = async |scopes: &[&str]| {
        let body = json!({ "name": "product", "scopes": scopes });
        let made = server.post_as(&ada, &format!("{home}/api-keys"), body).await.expect(201);
        made["key"].as_str().unwrap().to_owned()
    };
    let (writer, reader) = (key(&["resource:*"]).await, key(&["resource:read"]).await);
    let path = format!("{things}/Project/p");
    let put = async |key: &str| server.send(Method::PUT, &path, Some(key), Some(&json!({}))).await;
    put(&reader).await.refused(403, "insufficient-scope");
    put(&writer).await.expect(200);
    server.send(Method::GET, &path, Some(&reader), None).await.expect(200);
}

async fn an_id_may_hold_what_a_path_may_not(server: Server) {
    let (ada, things) = scene(&server).await;
    for (sent, kept) in [("a%2Fb", "a/b"), ("%C3%A4%20%3F", "ä ?"), ("50%25", "50%"), ("x@y.z", "x@y.z")] {
        let path = format!("{things}/Project/{sent}");
        assert_eq!(server.put_as(&ada, &path, json!({})).await.expect(200)["id"], kept);
        assert_eq!(server.get_as(&ada, &path).await.expect(200)["id"], kept);
    }
    server
        .put_as(&ada, &format!("{things}/Project/a%0Ab"), json!({}))
        .await
        .invalid("id", "control-character");
}
