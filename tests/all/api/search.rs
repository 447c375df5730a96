//! Search as a service: AuthZEN 1.0's three searches answer what asking about each alone would, all of it, page by page.

use std::fmt::Write as _;
use std::time::Duration;

use palisade::domain::SystemRole;
use poem::http::Method;
use serde_json::{Value, json};

use super::own_model::with_drive;
use crate::on_both_with;
use crate::support::{Answer, Database, Person, Server, Setup, role_id};

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

/// An organization with people in each role, an agent, and a key of the product's.
struct Scene {
    server: Server,
    ada: Person,
    home: String,
    key: String,
    people: Vec<Person>,
    agent: String,
}

impl Scene {
    async fn new(server: Server) -> Self {
        let ada = server.person("ada@example.com").await;
        let home = server.organization(&ada, "acme").await;
        let mut people = vec![ada.clone()];
        for (email, role) in [
            ("max@example.com", SystemRole::Admin),
            ("mia@example.com", SystemRole::Member),
            ("vic@example.com", SystemRole::Viewer),
        ] {
            let person = server.person(email).await;
            server.add_member(&ada, &home, &person, role).await;
            people.push(person);
        }
        let made =
            server.post_as(&ada, &format!("{home}/agents"), json!({ "name": "Runner" })).await.expect(201);
        let agent = made["id"].as_str().unwrap().to_owned();
        let body = json!({ "name": "product", "scopes": ["resource:*", "access:*"] });
        let made = server.post_as(&ada, &format!("{home}/api-keys"), body).await.expect(201);
        let key = made["key"].as_str().unwrap().to_owned();
        Self { server, ada, home, key, people, agent }
    }

    async fn load(&self, things: Vec<Value>) {
        let path = format!("{}/resources", self.home);
        for some in things.chunks(500) {
            let body = json!({ "resources": some });
            self.server.send(Method::POST, &path, Some(&self.key), Some(&body)).await.expect(200);
        }
    }

    async fn search(&self, what: &str, body: &Value) -> Answer {
        let path = format!("/access/v1/search/{what}");
        self.server.send(Method::POST, &path, Some(&self.key), Some(body)).await
    }

    /// All pages of a search, and how many there were.
    async fn all(&self, what: &str, body: &Value, limit: usize) -> (Vec<Value>, usize) {
        let (mut found, mut token, mut pages) = (Vec::new(), String::new(), 0);
        loop {
            let mut body = body.clone();
            body["page"] = json!({ "token": token, "limit": limit });
            let answer = self.search(what, &body).await.expect(200);
            let results = answer["results"].as_array().unwrap();
            assert!(results.len() <= limit, "{answer}");
            assert_eq!(answer["page"]["count"], json!(results.len()));
            found.extend(results.iter().cloned());
            pages += 1;
            answer["page"]["next_token"].as_str().unwrap().clone_into(&mut token);
            if token.is_empty() {
                return (found, pages);
            }
            assert!(pages < 100, "it never ends");
        }
    }

    /// What `evaluate` says to each of these; they go in batches.
    async fn decisions(&self, questions: &[Value]) -> Vec<bool> {
        let mut told = Vec::new();
        for some in questions.chunks(200) {
            let body = json!({ "evaluations": some });
            let answer =
                self.server.send(Method::POST, "/access/v1/evaluations", Some(&self.key), Some(&body)).await;
            let answer = answer.expect(200);
            let each = answer["evaluations"].as_array().unwrap().iter();
            told.extend(each.map(|it| {
                assert!(it["context"]["error"].is_null(), "{it}");
                it["decision"].as_bool().unwrap()
            }));
        }
        told
    }

    fn vic(&self) -> Value {
        json!({ "type": "User", "id": self.people[3].id })
    }

    fn subjects(&self) -> Vec<Value> {
        let organization = self.home.rsplit('/').next().unwrap();
        let people = self.people.iter().map(|person| json!({ "type": "User", "id": person.id }));
        let others =
            [json!({ "type": "Agent", "id": self.agent }), json!({ "type": "Service", "id": organization })];
        people.chain(others).collect()
    }
}

fn file(id: &str, mut attributes: Value, parents: &[&str]) -> Value {
    attributes["size"] = json!(1);
    if attributes["public"].is_null() {
        attributes["public"] = json!(false);
    }
    let parents: Vec<_> = parents.iter().map(|id| json!({ "type": "Folder", "id": id })).collect();
    json!({ "type": "File", "id": id, "attributes": attributes, "parents": parents })
}

fn files(subject: &Value, action: &str) -> Value {
    json!({ "subject": subject, "action": { "name": action }, "resource": { "type": "File" } })
}

fn ids(found: &[Value]) -> Vec<&str> {
    found.iter().map(|it| it["id"].as_str().unwrap()).collect()
}

/// Numbers that look drawn and are the same each time.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

/// Policies over the drive model that nobody chose.
fn drawn_policies(draw: &mut Draw, people: &str) -> String {
    let mut text = String::new();
    for n in 0..6 {
        let principal =
            draw.one(&["principal", "principal is User", "principal is Agent", "principal is Service"]);
        let person = principal == "principal is User";
        let action = draw.one(&["action == Action::\"file:read\"", "action in Action::\"file:*\""]);
        let resource =
            draw.one(&["resource is File", "resource is File in Folder::\"1\"", "resource == File::\"3\""]);
        let everybodys = [
            "resource.public",
            "resource in Folder::\"0\"",
            "principal in resource.organization.members",
            "resource has title && resource.title == \"a \\\"b\\\" ü\"",
            "resource has labels && resource.labels.contains(\"red\")",
            "resource.size == 1 && resource in [Folder::\"2\", Folder::\"3\"]",
            "context has sure && context.sure",
        ];
        let peoples = [
            "resource has owner && resource.owner == principal",
            "resource has team && resource.team.members.contains(principal)",
            "resource has team && resource.team has lead && resource.team.lead == principal",
            "principal.email like \"m*\" && resource.public",
            "resource has owner && resource.owner != principal",
        ];
        let condition = if person && draw.below(3) > 0 { draw.one(&peoples) } else { draw.one(&everybodys) };
        let forbids = draw.below(4) == 0;
        let (code, effect) = if forbids { ("@code(\"no\") ", "forbid") } else { ("", "permit") };
        writeln!(
            text,
            "@id(\"drawn.{people}{n}\") {code}@why(\"drawn\") {effect} ({principal}, {action}, {resource}) when {{ {condition} }};"
        )
        .unwrap();
    }
    text
}

/// Files in folders, of people and teams, that nobody chose.
fn drawn_things(draw: &mut Draw, scene: &Scene) -> Vec<Value> {
    let person = |draw: &mut Draw| json!({ "type": "User", "id": scene.people[draw.below(4)].id });
    let mut things: Vec<Value> = (0..4)
        .map(|n| {
            let parents = if n > 0 && draw.below(2) == 0 {
                json!([{ "type": "Folder", "id": (n - 1).to_string() }])
            } else {
                json!([])
            };
            json!({ "type": "Folder", "id": n.to_string(), "parents": parents })
        })
        .collect();
    for n in 0..3 {
        let mut attributes = json!({ "members": [person(draw)] });
        if draw.below(2) == 0 {
            attributes["lead"] = person(draw);
        }
        things.push(json!({ "type": "Team", "id": n.to_string(), "attributes": attributes }));
    }
    for n in 0..40 {
        let mut attributes = json!({ "public": draw.below(2) == 0 });
        if draw.below(2) == 0 {
            attributes["owner"] = person(draw);
        }
        if draw.below(2) == 0 {
            attributes["team"] = json!({ "type": "Team", "id": draw.below(3).to_string() });
        }
        if draw.below(2) == 0 {
            attributes["title"] = json!(draw.one(&["a \"b\" ü", "a", "A \"B\" Ü"]));
        }
        if draw.below(2) == 0 {
            attributes["labels"] = json!([draw.one(&["red", "blue"]), "all"]);
        }
        let parents: Vec<String> = (0..draw.below(3)).map(|_| draw.below(4).to_string()).collect();
        let mut parents: Vec<&str> = parents.iter().map(String::as_str).collect();
        parents.sort_unstable();
        parents.dedup();
        // Also ids whose order differs from that of their letters.
        let id = match n % 3 {
            0 => n.to_string(),
            1 => format!("É {n}"),
            _ => format!("File {n}"),
        };
        things.push(file(&id, attributes, &parents));
    }
    things
}

/// Roles on folders and files for people and the agent, that nobody chose; some of them are over when this is done.
async fn drawn_grants(draw: &mut Draw, scene: &Scene) {
    let server = &scene.server;
    let root = server.super_admin("root@example.com").await;
    let mut roles = Vec::new();
    for (name, permissions) in [("Reader", json!(["file:read"])), ("Writer", json!(["file:*"]))] {
        let mut body = json!({ "name": name, "permissions": permissions });
        if draw.below(2) == 0 {
            body["inherits_from"] = json!(role_id(SystemRole::Member));
        }
        let made = server.post_as(&root, &format!("{}/roles", scene.home), body).await.expect(201);
        roles.push(made["id"].clone());
    }
    for n in 0..12 {
        let on = if n % 2 == 0 { ("Folder", draw.below(4)) } else { ("File", draw.below(14) * 3) };
        let mut body = json!({
            "role_id": roles[draw.below(2)], "resource": { "type": on.0, "id": on.1.to_string() },
        });
        match draw.below(5) {
            0 => body["agent_id"] = json!(scene.agent),
            person => body["user_id"] = json!(scene.people[person - 1].id),
        }
        match n % 3 {
            0 => body["expires_at"] = json!("2026-01-01T00:01:00Z"),
            1 => body["expires_at"] = json!("2026-01-01T00:01:01Z"),
            _ => {}
        }
        let answer = server.post_as(&root, &format!("{}/grants", scene.home), body).await;
        assert!(answer.status == 201 || answer.body["code"] == "already-granted", "{}", answer.body);
    }
    server.advance(Duration::from_secs(60));
}

/// Takes all of them away.
async fn revoke_all(scene: &Scene) {
    let path = format!("{}/grants", scene.home);
    for grant in scene.server.get_as(&scene.ada, &path).await.expect(200).as_array().unwrap() {
        let path = format!("{path}/{}", grant["id"].as_str().unwrap());
        scene.server.delete_as(&scene.ada, &path).await.expect(200);
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

async fn compare_with_brute_force(database: fn() -> Option<Database>) {
    let (mut found_any, mut by_grants) = (0, 0);
    for seed in 1..5 {
        let Some(database) = database() else { return };
        let mut draw = Draw(seed * 7_919);
        let policies: &'static str = drawn_policies(&mut draw, "p").leak();
        let mut setup = Setup::on(database);
        with_drive(&mut setup);
        setup.policies = vec![setup.policies[0], ("drawn.cedar", policies)].leak();
        let scene = Scene::new(Server::with(setup).await).await;
        let things = drawn_things(&mut draw, &scene);
        scene.load(things.clone()).await;
        drawn_grants(&mut draw, &scene).await;
        let mut names: Vec<&str> =
            things.iter().filter(|it| it["type"] == "File").map(|it| it["id"].as_str().unwrap()).collect();
        names.sort_unstable();
        for action in ["file:read", "file:write"] {
            for (n, subject) in scene.subjects().iter().enumerate() {
                let mut question = files(subject, action);
                question["context"] = json!({ "sure": n.is_multiple_of(2) });
                let each = |id: &&str| {
                    let mut question = question.clone();
                    question["resource"]["id"] = json!(id);
                    question
                };
                let told = scene.decisions(&names.iter().map(each).collect::<Vec<_>>()).await;
                let expected: Vec<&str> =
                    names.iter().zip(told).filter(|(_, yes)| *yes).map(|(id, _)| *id).collect();
                let (found, _) = scene.all("resource", &question, 7).await;
                assert_eq!(ids(&found), expected, "{question} by\n{policies}");
                found_any += found.len();
            }
            for id in names.iter().step_by(5) {
                for kind in ["User", "Agent", "Service"] {
                    let question = json!({
                        "subject": { "type": kind },
                        "action": { "name": action },
                        "resource": { "type": "File", "id": id },
                    });
                    let mut subjects = scene.subjects();
                    subjects.retain(|it| it["type"] == kind);
                    subjects.sort_by_key(|it| it["id"].as_str().unwrap().to_owned());
                    let each = |subject: &Value| {
                        let mut question = question.clone();
                        question["subject"] = subject.clone();
                        question
                    };
                    let told = scene.decisions(&subjects.iter().map(each).collect::<Vec<_>>()).await;
                    let expected: Vec<_> =
                        subjects.into_iter().zip(told).filter(|(_, yes)| *yes).map(|(it, _)| it).collect();
                    let (found, _) = scene.all("subject", &question, 2).await;
                    assert_eq!(found, expected, "{question} by\n{policies}");
                }
            }
        }
        for (subject, id) in scene.subjects().iter().zip(&names) {
            let question = json!({ "subject": subject, "resource": { "type": "File", "id": id } });
            let (found, _) = scene.all("action", &question, 1).await;
            let mut expected = Vec::new();
            for action in ["file:*", "file:read", "file:write", "project:read"] {
                let mut one = question.clone();
                one["action"] = json!({ "name": action });
                if scene.decisions(&[one]).await == [true] {
                    expected.push(json!({ "name": action }));
                }
            }
            assert_eq!(found, expected, "{question} by\n{policies}");
        }
        let read =
            async |subject: &Value| scene.all("resource", &files(subject, "file:read"), 50).await.0.len();
        let mut before = Vec::new();
        for subject in scene.subjects() {
            before.push(read(&subject).await);
        }
        revoke_all(&scene).await;
        for (subject, before) in scene.subjects().iter().zip(before) {
            // A role that inherits can also bring one under a forbid.
            by_grants += before.saturating_sub(read(subject).await);
        }
    }
    assert!(by_grants > 20, "the grants that were drawn open next to nothing: {by_grants}");
    assert!(found_any > 100, "the policies that were drawn allow next to nothing: {found_any}");
}

mod every_answer_is_the_one_of_brute_force {
    use super::{Database, compare_with_brute_force};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn sqlite() {
        compare_with_brute_force(|| Some(Database::Sqlite)).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn postgres() {
        compare_with_brute_force(Database::postgres).await;
    }
}

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
