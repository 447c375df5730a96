//! Pages, tokens, faults, and what a search tells whom.

use palisade::domain::SystemRole;
use serde_json::{Value, json};

use super::{Scene, file, files, ids};
use crate::api::own_model::with_drive;
use crate::on_both_with;
use crate::support::{Server, role_id};

on_both_with!(
    with_drive;
    each_page_goes_on_where_the_last_one_ended,
    a_page_that_took_much_work_is_short_and_says_so,
    a_token_is_good_for_its_own_search_only,
    what_is_not_known_is_nowhere_found,
    nothing_of_another_organization_is_found,
    roles_of_the_organizations_own_count,
    only_who_may_search_is_answered,
    every_fault_of_a_search_is_a_400,
    a_page_costs_the_same_statements_however_many_it_holds,
    the_metadata_name_the_searches,
);

async fn each_page_goes_on_where_the_last_one_ended(server: Server) {
    let scene = Scene::new(server).await;
    let public = |n: usize| file(&format!("{n:02}"), json!({ "public": n.is_multiple_of(2) }), &[]);
    scene.load((0..20).map(public).collect()).await;
    let question = files(&scene.vic(), "file:read");
    let (found, pages) = scene.all("resource", &question, 4).await;
    assert_eq!(ids(&found), ["00", "02", "04", "06", "08", "10", "12", "14", "16", "18"]);
    assert_eq!(pages, 3);
    // Exactly full is not followed by an empty one.
    assert_eq!(scene.all("resource", &question, 5).await.1, 2);
    assert_eq!(scene.all("resource", &question, 10).await.1, 1);
    assert_eq!(scene.all("resource", &question, 100_000).await.1, 1);
    // What comes in between pages is found if it stands after the one before; nothing is found twice.
    let mut first = question.clone();
    first["page"] = json!({ "limit": 4 });
    let answer = scene.search("resource", &first).await.expect(200);
    scene
        .load(vec![
            public(4),
            file("03", json!({ "public": true }), &[]),
            file("99", json!({ "public": true }), &[]),
        ])
        .await;
    first["page"] = json!({ "token": answer["page"]["next_token"] });
    let answer = scene.search("resource", &first).await.expect(200);
    let found = answer["results"].as_array().unwrap();
    assert_eq!(ids(found), ["08", "10", "12", "14", "16", "18", "99"]);
}

async fn a_page_that_took_much_work_is_short_and_says_so(server: Server) {
    let scene = Scene::new(server).await;
    let mut things: Vec<Value> = (0..2_100).map(|n| file(&format!("{n:04}"), json!({}), &[])).collect();
    things.push(file("last", json!({ "public": true }), &[]));
    scene.load(things).await;
    let question = files(&scene.vic(), "file:read");
    let answer = scene.search("resource", &question).await.expect(200);
    assert_eq!(answer["results"], json!([]));
    assert_ne!(answer["page"]["next_token"], "", "{answer}");
    let (found, pages) = scene.all("resource", &question, 100).await;
    assert_eq!((ids(&found), pages), (vec!["last"], 2));
}

async fn a_token_is_good_for_its_own_search_only(server: Server) {
    let scene = Scene::new(server).await;
    scene.load((0..4).map(|n| file(&n.to_string(), json!({ "public": true }), &[])).collect()).await;
    let mut question = files(&scene.vic(), "file:read");
    question["page"] = json!({ "limit": 2 });
    let answer = scene.search("resource", &question).await.expect(200);
    question["page"]["token"] = answer["page"]["next_token"].clone();
    question["page"]["limit"] = json!(1);
    assert_eq!(
        ids(scene.search("resource", &question).await.expect(200)["results"].as_array().unwrap()),
        ["2"]
    );
    for (field, other) in [
        ("subject", json!({ "type": "User", "id": scene.ada.id })),
        ("action", json!({ "name": "file:write" })),
        ("resource", json!({ "type": "Folder" })),
        ("context", json!({ "sure": true })),
    ] {
        let mut changed = question.clone();
        changed[field] = other;
        scene.search("resource", &changed).await.refused(400, "bad-request");
    }
    for token in ["AAAA", "not a token", "\u{0}"] {
        question["page"]["token"] = json!(token);
        scene.search("resource", &question).await.refused(400, "bad-request");
    }
}

async fn what_is_not_known_is_nowhere_found(server: Server) {
    let scene = Scene::new(server).await;
    scene.load(vec![file("open", json!({ "public": true }), &[])]).await;
    let stranger = scene.server.person("stranger@example.com").await;
    let nobody = json!({ "type": "User", "id": stranger.id });
    let open = json!({ "type": "File", "id": "open" });
    let kind = |kind: &str| json!({ "type": kind });
    let read = json!({ "name": "file:read" });
    for (what, question) in [
        ("resource", files(&nobody, "file:read")),
        ("resource", files(&scene.vic(), "file:unheard-of")),
        ("resource", files(&scene.vic(), "GetOrganization")),
        ("resource", json!({ "subject": scene.vic(), "action": read, "resource": kind("Unheard") })),
        ("resource", json!({ "subject": scene.vic(), "action": read, "resource": kind("User") })),
        ("resource", json!({ "subject": scene.vic(), "action": read, "resource": kind("Team") })),
        (
            "subject",
            json!({ "subject": kind("User"), "action": read, "resource": { "type": "File", "id": "none" } }),
        ),
        ("subject", json!({ "subject": kind("Unheard"), "action": read, "resource": open })),
        ("subject", json!({ "subject": kind("Team"), "action": read, "resource": open })),
        ("action", json!({ "subject": nobody, "resource": open })),
        ("action", json!({ "subject": scene.vic(), "resource": { "type": "File", "id": "none" } })),
    ] {
        let answer = scene.search(what, &question).await.expect(200);
        assert_eq!(
            (&answer["results"], &answer["page"]["next_token"]),
            (&json!([]), &json!("")),
            "{question}"
        );
    }
    // The same question about what there is.
    assert_eq!(scene.all("resource", &files(&scene.vic(), "file:read"), 9).await.0.len(), 1);
}

async fn nothing_of_another_organization_is_found(server: Server) {
    let scene = Scene::new(server).await;
    scene.load(vec![file("ours", json!({ "public": true }), &[])]).await;
    let eve = scene.server.person("eve@example.com").await;
    let globex = scene.server.organization(&eve, "globex").await;
    // She belongs to both, and the other one has things of the same type and name.
    scene.server.add_member(&scene.ada, &scene.home, &eve, SystemRole::Viewer).await;
    let theirs = ["ours", "theirs"].map(|id| file(id, json!({ "public": true }), &[]));
    let path = format!("{globex}/resources");
    scene.server.post_as(&eve, &path, json!({ "resources": theirs })).await.expect(200);
    scene.server.post_as(&eve, &format!("{globex}/agents"), json!({ "name": "Theirs" })).await.expect(201);
    let eves = json!({ "type": "User", "id": eve.id });
    assert_eq!(ids(&scene.all("resource", &files(&eves, "file:read"), 9).await.0), ["ours"]);
    let who = |kind: &str| json!({ "subject": { "type": kind }, "action": { "name": "file:read" }, "resource": { "type": "File", "id": "ours" } });
    assert_eq!(scene.all("subject", &who("User"), 9).await.0.len(), 5);
    assert!(scene.all("subject", &who("Agent"), 9).await.0.len() <= 1);
    let whose = json!({ "subject": eves, "action": { "name": "project:read" }, "resource": { "type": "Organization" } });
    assert_eq!(ids(&scene.all("resource", &whose, 9).await.0), [scene.home.rsplit('/').next().unwrap()]);
    let what = json!({ "subject": eves, "resource": { "type": "File", "id": "theirs" } });
    assert!(scene.all("action", &what, 9).await.0.is_empty());
    // A key reaches its own organization only, whatever the header says.
    let search = "/access/v1/search/resource";
    let there = globex.rsplit('/').next().unwrap();
    let question = files(&eves, "file:read");
    let answer = scene.server.ask_in(there, search, Some(&scene.key), Some(&question)).await;
    answer.refused(404, "not-found");
    // And a token does not carry a search over to another.
    let mut paged = question.clone();
    paged["page"] = json!({ "limit": 1 });
    let answer = scene.server.ask_in(there, search, Some(&eve.access), Some(&paged)).await.expect(200);
    paged["page"]["token"] = answer["page"]["next_token"].clone();
    assert_ne!(paged["page"]["token"], "");
    scene.search("resource", &paged).await.refused(400, "bad-request");
}

async fn only_who_may_search_is_answered(server: Server) {
    let scene = Scene::new(server).await;
    let organization = scene.home.rsplit('/').next().unwrap();
    let question = json!({
        "subject": scene.vic(),
        "action": { "name": "project:read" },
        "resource": { "type": "Organization", "id": organization },
    });
    let scopes = json!({ "name": "evaluates", "scopes": ["access:evaluate"] });
    let made =
        scene.server.post_as(&scene.ada, &format!("{}/api-keys", scene.home), scopes).await.expect(201);
    let evaluates = made["key"].as_str().unwrap();
    let (max, mia) = (&scene.people[1], &scene.people[2]);
    let stranger = scene.server.person("stranger@example.com").await;
    for what in ["subject", "resource", "action"] {
        let ask = async |token: Option<&str>| {
            scene
                .server
                .ask_in(organization, &format!("/access/v1/search/{what}"), token, Some(&question))
                .await
        };
        ask(Some(&max.access)).await.expect(200);
        ask(Some(&mia.access)).await.refused(403, "not-permitted");
        ask(Some(&stranger.access)).await.refused(404, "not-found");
        ask(Some(evaluates)).await.refused(403, "insufficient-scope");
        ask(None).await.refused(401, "not-signed-in");
    }
}

async fn every_fault_of_a_search_is_a_400(server: Server) {
    let scene = Scene::new(server).await;
    let right = files(&scene.vic(), "file:read");
    for (field, wrong) in [
        ("subject", json!({ "type": "User" })),
        ("subject", Value::Null),
        ("action", json!({})),
        ("resource", json!({ "id": "x" })),
        ("context", json!({ "sure": "yes" })),
        ("page", json!({ "limit": 0 })),
        ("page", json!({ "limit": "ten" })),
        ("page", json!({ "token": 7 })),
    ] {
        let mut question = right.clone();
        question[field] = wrong;
        let answer = scene.search("resource", &question).await.expect(400);
        assert!(answer["detail"].as_str().is_some_and(|text| !text.contains("ten")), "{answer}");
    }
    let mut more = right.clone();
    more["resource"]["id"] = json!("not looked at");
    more["unheard_of"] = json!(1);
    scene.search("resource", &more).await.expect(200);
}

async fn a_page_costs_the_same_statements_however_many_it_holds(server: Server) {
    let scene = Scene::new(server).await;
    let things = (0..60).map(|n| file(&format!("{n:02}"), json!({ "public": true }), &[]));
    scene.load(things.collect()).await;
    let cost = async |limit: usize| {
        let mut question = files(&scene.vic(), "file:read");
        question["page"] = json!({ "limit": limit });
        let before = scene.server.app.work().statements;
        scene.search("resource", &question).await.expect(200);
        scene.server.app.work().statements - before
    };
    // Who asks, and where, is read once.
    cost(1).await;
    let few = cost(1).await;
    assert_eq!(cost(55).await, few);
}

async fn the_metadata_name_the_searches(server: Server) {
    let told = server.get("/.well-known/authzen-configuration").await.expect(200);
    for (name, path) in [
        ("search_subject_endpoint", "subject"),
        ("search_resource_endpoint", "resource"),
        ("search_action_endpoint", "action"),
    ] {
        assert_eq!(told[name], format!("https://palisade.test/access/v1/search/{path}"));
    }
}

async fn roles_of_the_organizations_own_count(server: Server) {
    let scene = Scene::new(server).await;
    let (server, vic) = (&scene.server, scene.vic());
    scene.load(["apollo", "gemini"].map(|id| json!({ "type": "Project", "id": id })).to_vec()).await;
    let delete = json!({ "name": "project:delete" });
    let which = json!({ "subject": vic, "action": delete, "resource": { "type": "Project" } });
    let apollo = json!({ "type": "Project", "id": "apollo" });
    let who = json!({ "subject": { "type": "User" }, "action": delete, "resource": apollo });
    let what = json!({ "subject": vic, "resource": apollo });
    assert_eq!(scene.all("resource", &which, 10).await.0, Vec::<Value>::new());

    let role = json!({ "name": "Sweeper", "permissions": ["project:delete"], "inherits_from": role_id(SystemRole::Viewer) });
    let role = server.post_as(&scene.ada, &format!("{}/roles", scene.home), role).await.expect(201);
    let members = server.get_as(&scene.ada, &format!("{}/members", scene.home)).await.expect(200);
    let vics = members.as_array().unwrap().iter().find(|it| it["user_id"] == vic["id"]).unwrap();
    let path = format!("{}/members/{}", scene.home, vics["id"].as_str().unwrap());
    server.patch_as(&scene.ada, &path, json!({ "role_id": role["id"] })).await.expect(200);

    assert_eq!(ids(&scene.all("resource", &which, 10).await.0), ["apollo", "gemini"]);
    assert!(scene.all("subject", &who, 10).await.0.contains(&vic));
    let names = scene.all("action", &what, 100).await.0;
    let held = |name: &str| names.iter().any(|it| it["name"] == name);
    // By the role itself, by what it inherits from, and not by what it does not list.
    assert_eq!([held("project:delete"), held("project:read"), held("project:archive")], [true, true, false]);
}
