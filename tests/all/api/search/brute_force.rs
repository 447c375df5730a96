//! Policies, things and grants that nobody chose: each answer of a search is the one that asking about each alone gives.

use std::fmt::Write as _;
use std::time::Duration;

use palisade::domain::SystemRole;
use serde_json::{Value, json};

use super::{Scene, file, files, ids};
use crate::api::own_model::with_drive;
use crate::support::{Database, Server, Setup, role_id};

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
