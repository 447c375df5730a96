//! Decisions as a service: AuthZEN 1.0's evaluation and evaluations, and what no caller can make us believe.

use palisade::domain::SystemRole;
use poem::http::Method;
use serde_json::{Value, json};

use super::own_model::with_drive;
use crate::on_both_with;
use crate::support::{Answer, Person, Server, role_id};

on_both_with!(
    with_drive;
    roles_parents_and_references_decide,
    a_person_is_named_by_id_or_address,
    what_is_not_known_is_answered_no,
    a_suspended_person_is_answered_no,
    what_is_another_organizations_looks_like_what_is_not_there,
    only_who_may_ask_is_answered,
    every_fault_of_a_question_is_a_400,
    a_batch_follows_its_semantic,
    a_batch_has_defaults_and_survives_a_bad_item,
    a_batch_of_nothing_is_one_question,
    what_is_registered_wins_over_what_is_described,
    who_may_not_describe_things_is_not_believed,
    nobody_describes_a_person,
    a_context_is_held_against_the_schema,
    agents_and_services_are_asked_about,
    a_role_of_the_organizations_own_counts,
    the_metadata_name_https_and_nothing_that_is_not_there,
);

const VIEWER: SystemRole = SystemRole::Viewer;

/// An organization with an owner, a viewer, some things, and a key of the product's.
pub(super) struct Scene {
    pub(super) server: Server,
    pub(super) ada: Person,
    pub(super) vic: Person,
    pub(super) home: String,
    pub(super) key: String,
}

impl Scene {
    pub(super) async fn new(server: Server) -> Self {
        let ada = server.person("ada@example.com").await;
        let vic = server.person("vic@example.com").await;
        let home = server.organization(&ada, "acme").await;
        server.add_member(&ada, &home, &vic, VIEWER).await;
        let key = key(&server, &ada, &home, &["resource:*", "access:*"]).await;
        let scene = Self { server, ada, vic, home, key };
        let file = |id: &str, more: Value| {
            let mut attributes = json!({ "size": 1, "public": false });
            attributes.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            json!({ "type": "File", "id": id, "attributes": attributes, "parents": [{ "type": "Folder", "id": "in" }] })
        };
        let red = json!({ "type": "Team", "id": "red" });
        scene
            .load(json!([
                { "type": "Folder", "id": "attic" },
                { "type": "Folder", "id": "in", "parents": [{ "type": "Folder", "id": "attic" }] },
                { "type": "Team", "id": "red", "attributes": { "members": [{ "type": "User", "id": scene.vic.id }] } },
                file("open", json!({ "public": true })),
                file("closed", json!({})),
                file("red", json!({ "team": red })),
                { "type": "File", "id": "loose", "attributes": { "size": 1, "public": false, "team": red } },
            ]))
            .await;
        scene
    }

    async fn load(&self, things: Value) {
        let path = format!("{}/resources", self.home);
        let body = json!({ "resources": things });
        self.server.send(Method::POST, &path, Some(&self.key), Some(&body)).await.expect(200);
    }

    pub(super) async fn ask(&self, body: &Value) -> Answer {
        self.server.send(Method::POST, "/access/v1/evaluation", Some(&self.key), Some(body)).await
    }

    async fn batch(&self, body: &Value) -> Answer {
        self.server.send(Method::POST, "/access/v1/evaluations", Some(&self.key), Some(body)).await
    }

    /// The answer and its codes.
    async fn told(&self, body: &Value) -> (bool, Vec<String>) {
        let answer = self.ask(body).await.expect(200);
        let context = &answer["context"];
        assert!(context["decision_id"].as_str().is_some(), "{answer}");
        let codes = context["codes"].as_array().into_iter().flatten();
        let codes = codes.map(|code| code.as_str().unwrap().to_owned()).collect();
        (answer["decision"].as_bool().unwrap(), codes)
    }

    async fn is_no(&self, body: &Value, code: &str) {
        assert_eq!(self.told(body).await, (false, vec![code.to_owned()]), "{body}");
    }

    async fn is_yes(&self, body: &Value) {
        assert_eq!(self.told(body).await, (true, Vec::new()), "{body}");
    }

    async fn is_plain_no(&self, body: &Value) {
        assert_eq!(self.told(body).await, (false, Vec::new()), "{body}");
    }

    fn organization(&self) -> &str {
        self.home.rsplit('/').next().unwrap()
    }
}

async fn key(server: &Server, ada: &Person, home: &str, scopes: &[&str]) -> String {
    let body = json!({ "name": "product", "scopes": scopes });
    let made = server.post_as(ada, &format!("{home}/api-keys"), body).await.expect(201);
    made["key"].as_str().unwrap().to_owned()
}

/// May this person do this to that file?
pub(super) fn about(person: &str, action: &str, file: &str) -> Value {
    json!({
        "subject": { "type": "User", "id": person },
        "action": { "name": action },
        "resource": { "type": "File", "id": file },
    })
}

async fn roles_parents_and_references_decide(server: Server) {
    let scene = Scene::new(server).await;
    let vic = scene.vic.id.as_str();
    scene.is_yes(&about(vic, "file:read", "open")).await;
    scene.is_plain_no(&about(vic, "file:read", "closed")).await;
    // By `resource.team.members`, two steps away.
    scene.is_yes(&about(vic, "file:read", "red")).await;
    scene.is_plain_no(&about(&scene.ada.id, "file:write", "loose")).await;
    scene.is_yes(&about(vic, "file:write", "loose")).await;
    // It lies in a folder that is in the attic.
    scene.is_no(&about(vic, "file:write", "red"), "in-the-attic").await;
    let on_all = json!({
        "subject": { "type": "User", "id": vic },
        "action": { "name": "project:read" },
        "resource": { "type": "Organization", "id": scene.organization() },
    });
    scene.is_yes(&on_all).await;
}

async fn a_role_of_the_organizations_own_counts(server: Server) {
    let scene = Scene::new(server).await;
    scene.load(json!([{ "type": "Project", "id": "apollo" }])).await;
    let asked = json!({
        "subject": { "type": "User", "id": scene.vic.id },
        "action": { "name": "project:delete" },
        "resource": { "type": "Project", "id": "apollo" },
    });
    scene.is_plain_no(&asked).await;
    let role =
        json!({ "name": "Sweeper", "permissions": ["project:delete"], "inherits_from": role_id(VIEWER) });
    let role = scene.server.post_as(&scene.ada, &format!("{}/roles", scene.home), role).await.expect(201);
    let members = format!("{}/members", scene.home);
    let all = scene.server.get_as(&scene.ada, &members).await.expect(200);
    let vics = all.as_array().unwrap().iter().find(|it| it["user_id"] == scene.vic.id.as_str()).unwrap();
    let path = format!("{members}/{}", vics["id"].as_str().unwrap());
    scene.server.patch_as(&scene.ada, &path, json!({ "role_id": role["id"] })).await.expect(200);
    scene.is_yes(&asked).await;
    let why = scene.server.send(Method::POST, "/access/v1/explain", Some(&scene.key), Some(&asked));
    assert!(why.await.expect(200).to_string().contains(&format!("role.{}", role["id"].as_str().unwrap())));
    // What it inherits still counts, and what it does not list is still refused.
    scene.is_yes(&about(&scene.vic.id, "file:read", "open")).await;
    scene.is_plain_no(&about(&scene.ada.id, "file:write", "loose")).await;
}

async fn a_person_is_named_by_id_or_address(server: Server) {
    let scene = Scene::new(server).await;
    for name in [
        scene.vic.id.clone(),
        scene.vic.id.to_uppercase(),
        "vic@example.com".into(),
        "VIC@example.com".into(),
    ] {
        scene.is_yes(&about(&name, "file:read", "open")).await;
    }
    scene.is_no(&about("vic", "file:read", "open"), "unknown-subject").await;
}

async fn what_is_not_known_is_answered_no(server: Server) {
    let scene = Scene::new(server).await;
    let vic = scene.vic.id.as_str();
    scene.is_no(&about(vic, "file:read", "nowhere"), "unknown-resource").await;
    scene.is_no(&about(vic, "file:shred", "open"), "unknown-action").await;
    scene.is_no(&about("nobody@example.com", "file:read", "open"), "unknown-subject").await;
    scene.is_no(&about(vic, "project:read", "open"), "not-applicable").await;
    // An operation of Palisade's own is none that a product can ask about.
    let own = json!({
        "subject": { "type": "User", "id": scene.ada.id },
        "action": { "name": "GetOrganization" },
        "resource": { "type": "Organization", "id": scene.organization() },
    });
    scene.is_no(&own, "unknown-action").await;
    for kind in ["Credential", "Role", "System", "Anonymous", "Scope", "Membership", "Nothing", ""] {
        let subject = json!({ "type": kind, "id": "cli" });
        let asked = json!({ "subject": subject, "action": { "name": "file:read" }, "resource": { "type": "File", "id": "open" } });
        scene.is_no(&asked, "unknown-subject").await;
        let asked = json!({
            "subject": { "type": "User", "id": vic }, "action": { "name": "file:read" },
            "resource": { "type": kind, "id": "cli", "properties": {} },
        });
        scene.is_no(&asked, "unknown-resource").await;
    }
}

async fn a_suspended_person_is_answered_no(server: Server) {
    let scene = Scene::new(server).await;
    let root = scene.server.super_admin("root@example.com").await;
    let asked = about(&scene.vic.id, "file:read", "open");
    scene.is_yes(&asked).await;
    let path = format!("/api/v1/users/{}/suspend", scene.vic.id);
    scene.server.post_as(&root, &path, Value::Null).await.expect(200);
    scene.is_no(&asked, "account-suspended").await;
    // A super admin who does not belong to the organization is nobody to it.
    scene.is_no(&about(&root.id, "file:read", "open"), "unknown-subject").await;
}

async fn what_is_another_organizations_looks_like_what_is_not_there(server: Server) {
    let scene = Scene::new(server).await;
    let eve = scene.server.person("eve@example.com").await;
    let other = scene.server.organization(&eve, "other").await;
    let theirs = key(&scene.server, &eve, &other, &["resource:*", "access:*"]).await;
    let ask = async |body: &Value| {
        let mut answer = scene
            .server
            .send(Method::POST, "/access/v1/evaluation", Some(&theirs), Some(body))
            .await
            .expect(200);
        answer["context"].as_object_mut().unwrap().remove("decision_id");
        answer
    };
    let missing = ask(&about(&eve.id, "file:read", "nowhere")).await;
    assert_eq!(missing, json!({ "decision": false, "context": { "codes": ["unknown-resource"] } }));
    assert_eq!(ask(&about(&eve.id, "file:read", "open")).await, missing);
    let nobody = ask(&about("019b76da-a800-7000-8000-00000000dead", "file:read", "open")).await;
    for person in [&scene.vic.id, &scene.vic.email, &scene.ada.id, "nobody@example.com"] {
        assert_eq!(ask(&about(person, "file:read", "open")).await, nobody);
    }
    let organization = |id: &str| {
        json!({
            "subject": { "type": "User", "id": eve.id }, "action": { "name": "project:read" },
            "resource": { "type": "Organization", "id": id },
        })
    };
    assert_eq!(ask(&organization(scene.organization())).await, missing);
    assert_eq!(ask(&organization("nothing")).await, missing);
    // Nor is there a way in by the header.
    let body = about(&scene.vic.id, "file:read", "open");
    let asked =
        scene.server.ask_in(scene.organization(), "/access/v1/evaluation", Some(&theirs), Some(&body)).await;
    asked.refused(404, "not-found");
}

async fn only_who_may_ask_is_answered(server: Server) {
    let scene = Scene::new(server).await;
    let Scene { server, ada, vic, home, .. } = &scene;
    let eve = server.person("eve@example.com").await;
    let body = about(&vic.id, "file:read", "open");
    for path in ["/access/v1/evaluation", "/access/v1/evaluations"] {
        let ask =
            async |token: Option<&str>| server.ask_in(scene.organization(), path, token, Some(&body)).await;
        ask(Some(&ada.access)).await.expect(200);
        ask(None).await.refused(401, "not-signed-in");
        ask(Some(&eve.access)).await.refused(404, "not-found");
        ask(Some(&vic.access)).await.refused(403, "not-permitted");
        let narrow = key(server, ada, home, &["resource:*"]).await;
        ask(Some(&narrow)).await.refused(403, "insufficient-scope");
        // A person belongs to no organization of their own.
        server.post_as(ada, path, body.clone()).await.refused(400, "organization-missing");
    }
    server.delete_as(ada, home).await.expect(200);
    let ended =
        server.ask_in(scene.organization(), "/access/v1/evaluation", Some(&ada.access), Some(&body)).await;
    ended.refused(403, "organization-archived");
}

async fn every_fault_of_a_question_is_a_400(server: Server) {
    let scene = Scene::new(server).await;
    let right = about(&scene.vic.id, "file:read", "open").to_string();
    let post = async |path: &str, kind: Option<&str>, body: &str| {
        let mut request = scene.server.client.post(path.to_owned());
        request =
            request.header("Authorization", format!("Bearer {}", scene.key)).header("X-Request-ID", "mine-1");
        if let Some(kind) = kind {
            request = request.content_type(kind);
        }
        Answer::read(request.body(body.to_owned()).send().await).await
    };
    for path in ["/access/v1/evaluation", "/access/v1/evaluations"] {
        let ok = post(path, Some("application/json; charset=utf-8"), &right).await;
        assert_eq!(ok.headers["x-request-id"], "mine-1");
        ok.expect(200);
        for kind in
            [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("application/jsonp")]
        {
            let refused = post(path, kind, &right).await;
            assert_eq!(refused.headers["x-request-id"], "mine-1");
            refused.refused(400, "wrong-content-type");
        }
        for body in ["", "{", "[]", "7", "null", "{}", r#"{"subject":{"type":"User","id":"a"}}"#] {
            assert_eq!(post(path, Some("application/json"), body).await.status, 400, "{path} {body}");
        }
        for (from, to) in [
            (r#""name":"file:read""#, r#""name":7"#),
            (r#""id":"open""#, r#""id":7"#),
            (r#""type":"User""#, r#""type":null"#),
            (r#""type":"File""#, r#""kind":"File""#),
        ] {
            let wrong = right.replace(from, to);
            assert_ne!(wrong, right);
            assert_eq!(post(path, Some("application/json"), &wrong).await.status, 400, "{path} {wrong}");
        }
        let more = right.replacen('{', r#"{"unheard":{"of":[1]},"#, 1);
        post(path, Some("application/json"), &more).await.expect(200);
    }
    let secret = right.replace("\"file:read\"", "[\"hunter2\"]");
    let told = post("/access/v1/evaluation", Some("application/json"), &secret).await;
    assert!(!told.body.to_string().contains("hunter2"), "{}", told.body);
    let bad = scene.server.ask_in("not-a-uuid", "/access/v1/evaluation", Some(&scene.key), None).await;
    assert!(bad.status == 400 || bad.status == 422, "{}", bad.status);
}

fn decisions(answer: &Value) -> Vec<bool> {
    answer["evaluations"].as_array().unwrap().iter().map(|it| it["decision"].as_bool().unwrap()).collect()
}

async fn a_batch_follows_its_semantic(server: Server) {
    let scene = Scene::new(server).await;
    let items: Vec<Value> = ["open", "closed", "red", "nowhere"]
        .iter()
        .map(|id| json!({ "resource": { "type": "File", "id": id } }))
        .collect();
    let ask = async |semantic: Option<&str>, first: &str| {
        let mut items = items.clone();
        items[0] = json!({ "resource": { "type": "File", "id": first } });
        let mut body = json!({
            "subject": { "type": "User", "id": scene.vic.id }, "action": { "name": "file:read" }, "evaluations": items,
        });
        if let Some(semantic) = semantic {
            body["options"] = json!({ "evaluations_semantic": semantic });
        }
        decisions(&scene.batch(&body).await.expect(200))
    };
    assert_eq!(ask(None, "open").await, [true, false, true, false]);
    assert_eq!(ask(Some("execute_all"), "open").await, [true, false, true, false]);
    assert_eq!(ask(Some("deny_on_first_deny"), "open").await, [true, false]);
    assert_eq!(ask(Some("permit_on_first_permit"), "open").await, [true]);
    assert_eq!(ask(Some("permit_on_first_permit"), "nowhere").await, [false, false, true]);
    let unheard = json!({ "evaluations": [{}], "options": { "evaluations_semantic": "guess" } });
    assert_eq!(scene.batch(&unheard).await.status, 400);
}

async fn a_batch_has_defaults_and_survives_a_bad_item(server: Server) {
    let scene = Scene::new(server).await;
    let body = json!({
        "subject": { "type": "User", "id": scene.vic.id },
        "action": { "name": "file:read", "properties": { "sure": true } },
        "resource": { "type": "File", "id": "open" },
        "evaluations": [
            {},
            { "resource": { "type": "File" } },
            { "action": { "name": 7 } },
            "nothing",
            { "subject": { "type": "User", "id": scene.ada.id }, "resource": { "type": "File", "id": "red" } },
            { "context": { "sure": "yes" } },
            { "unheard": 1, "action": { "name": "file:write" }, "resource": { "type": "File", "id": "loose" } },
        ],
    });
    let answer = scene.batch(&body).await.expect(200);
    // A part that an item gives replaces the default as a whole: a resource without an id has none.
    assert_eq!(decisions(&answer), [true, false, false, false, false, false, true]);
    for n in [1, 2, 3, 5] {
        let error = &answer["evaluations"][n]["context"]["error"];
        assert_eq!(error["status"], 400, "{answer}");
        assert!(error["message"].as_str().is_some_and(|text| !text.is_empty()), "{answer}");
    }
    let items: Vec<Value> = std::iter::repeat_n(json!({}), 257).collect();
    scene.batch(&json!({ "evaluations": items })).await.refused(400, "too-many");
}

async fn a_batch_of_nothing_is_one_question(server: Server) {
    let scene = Scene::new(server).await;
    let mut body = about(&scene.vic.id, "file:read", "open");
    let answer = scene.batch(&body).await.expect(200);
    assert_eq!((&answer["decision"], answer.get("evaluations")), (&json!(true), None));
    body["evaluations"] = json!([]);
    assert_eq!(scene.batch(&body).await.expect(200)["decision"], true);
    body["subject"] = Value::Null;
    assert_eq!(scene.batch(&body).await.status, 400);
}

/// The same question with what the asker says of the file.
fn described(mut asked: Value, properties: Value) -> Value {
    asked["resource"]["properties"] = properties;
    asked
}

async fn what_is_registered_wins_over_what_is_described(server: Server) {
    let scene = Scene::new(server).await;
    let vic = scene.vic.id.as_str();
    let public = json!({ "public": true, "size": 1, "unheard": {} });
    scene.is_plain_no(&described(about(vic, "file:read", "closed"), public.clone())).await;
    let new = about(vic, "file:read", "new");
    scene.is_no(&new, "unknown-resource").await;
    scene.is_yes(&described(new.clone(), public)).await;
    scene.is_plain_no(&described(new.clone(), json!({ "public": false, "size": 1 }))).await;
    // What does not fit the schema describes nothing.
    scene.is_no(&described(new.clone(), json!({ "public": true })), "unknown-resource").await;
    scene.is_no(&described(new, json!({ "public": "true", "size": 1 })), "unknown-resource").await;
    // Whose it is, only the platform says.
    let foreign = json!({ "public": true, "size": 1, "organization": { "type": "Organization", "id": "x" } });
    scene.is_yes(&described(about(vic, "file:read", "new"), foreign)).await;
    // A policy can see that the thing was only described.
    let team = json!({ "public": true, "size": 1, "team": { "type": "Team", "id": "red" } });
    scene.is_no(&described(about(vic, "file:write", "new"), team), "only-described").await;
}

async fn who_may_not_describe_things_is_not_believed(server: Server) {
    let scene = Scene::new(server).await;
    let plain = key(&scene.server, &scene.ada, &scene.home, &["access:evaluate"]).await;
    let asked = described(about(&scene.vic.id, "file:read", "new"), json!({ "public": true, "size": 1 }));
    scene.is_yes(&asked).await;
    let answer = scene
        .server
        .send(Method::POST, "/access/v1/evaluation", Some(&plain), Some(&asked))
        .await
        .expect(200);
    assert_eq!(
        (&answer["decision"], &answer["context"]["codes"]),
        (&json!(false), &json!(["unknown-resource"]))
    );
}

async fn nobody_describes_a_person(server: Server) {
    let scene = Scene::new(server).await;
    let eve = scene.server.person("eve@example.com").await;
    let mut asked = about(&scene.vic.id, "file:read", "closed");
    asked["subject"]["properties"] = json!({ "super_admin": true, "role": "admin", "email_verified": true });
    scene.is_plain_no(&asked).await;
    for id in [eve.id.as_str(), "new@example.com", "019b76da-a800-7000-8000-00000000dead"] {
        asked["subject"]["id"] = json!(id);
        scene.is_no(&asked, "unknown-subject").await;
    }
    for kind in palisade::guard::OWN_TYPES {
        let kinds = json!({ "organization": { "type": "Organization", "id": scene.organization() }, "suspended": false });
        asked["subject"] = json!({ "type": kind, "id": "made-up", "properties": kinds });
        scene.is_no(&asked, "unknown-subject").await;
    }
}

async fn a_context_is_held_against_the_schema(server: Server) {
    let scene = Scene::new(server).await;
    let mut asked = about(&scene.vic.id, "file:read", "open");
    for (context, status) in [
        (json!({ "now": "2026-01-01T00:00:00Z", "unheard": 1 }), 200),
        (json!({ "now": "today" }), 400),
        (json!({ "sure": "yes" }), 400),
        (json!([]), 400),
        (json!({ "asserted": { "subject": true, "resource": true } }), 200),
    ] {
        asked["context"] = context;
        assert_eq!(scene.ask(&asked).await.status, status, "{asked}");
    }
    // What the context does not say, the action's properties do.
    asked["context"] = json!({});
    asked["action"]["properties"] = json!({ "sure": 7 });
    assert_eq!(scene.ask(&asked).await.status, 400);
}

async fn agents_and_services_are_asked_about(server: Server) {
    let scene = Scene::new(server).await;
    let body = json!({ "name": "Builder", "role_id": role_id(VIEWER) });
    let path = format!("{}/agents", scene.home);
    let agent = scene.server.post_as(&scene.ada, &path, body).await.expect(201);
    let agent = agent["id"].as_str().unwrap();
    let asked = |kind: &str, id: &str| {
        json!({
            "subject": { "type": kind, "id": id },
            "action": { "name": "file:read" }, "resource": { "type": "File", "id": "open" },
        })
    };
    scene.is_yes(&asked("Agent", agent)).await;
    scene.is_yes(&asked("Service", scene.organization())).await;
    scene.is_no(&asked("Service", agent), "unknown-subject").await;
    let (suspend, terminate) = (format!("{path}/{agent}/suspend"), format!("{path}/{agent}/terminate"));
    scene.server.post_as(&scene.ada, &suspend, json!({})).await.expect(200);
    scene.is_no(&asked("Agent", agent), "agent-suspended").await;
    scene.server.post_as(&scene.ada, &terminate, json!({})).await.expect(200);
    scene.is_no(&asked("Agent", agent), "unknown-subject").await;
}

async fn the_metadata_name_https_and_nothing_that_is_not_there(server: Server) {
    let told = server.get("/.well-known/authzen-configuration").await.expect(200);
    assert_eq!(
        told,
        json!({
            "policy_decision_point": "https://palisade.test",
            "access_evaluation_endpoint": "https://palisade.test/access/v1/evaluation",
            "access_evaluations_endpoint": "https://palisade.test/access/v1/evaluations",
            "search_subject_endpoint": "https://palisade.test/access/v1/search/subject",
            "search_resource_endpoint": "https://palisade.test/access/v1/search/resource",
            "search_action_endpoint": "https://palisade.test/access/v1/search/action",
        })
    );
}
