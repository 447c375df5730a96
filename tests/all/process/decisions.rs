//! The log of decisions from the command line.

use std::fs;

use serde_json::{Value, json};

use super::{Place, in_places};
use crate::support::root;

in_places!(the_log_is_exported_and_replayed_against_other_policies);

async fn the_log_is_exported_and_replayed_against_other_policies(place: Place) {
    // Each start decides something too: of that nothing by chance.
    let place = place.set("PALISADE_DECISIONS_ALLOW_SHARE", "0");
    place.admin("root@example.com");
    let server = place.serve();
    let (access, _) = server.login("root@example.com").await;
    server.register("ada@example.com").await.unwrap();
    let (unverified, _) = server.login("ada@example.com").await;
    let body = json!({ "name": "Acme", "slug": "acme" });
    let made = server.send("POST", "/api/v1/organizations", Some(&access), Some(body.clone())).await.unwrap();
    assert_eq!(made.0, 201, "{}", made.1);
    let refused = server.send("POST", "/api/v1/organizations", Some(&unverified), Some(body)).await.unwrap();
    assert_eq!((refused.0, &refused.1["code"]), (403, &json!("email-unverified")), "{}", refused.1);
    let asked = server.send("GET", "/access/v1/forward-auth", Some(&access), None).await.unwrap();
    assert_eq!((asked.0, &asked.1["code"]), (403, &json!("untrusted-proxy")), "{}", asked.1);
    // What was decided last is written when the server stops.
    assert_eq!(server.stop().code, Some(0));

    let lines = place.run(&["decisions", "export"], "").succeeded();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let line = |action: &str, allowed: bool| {
        lines.iter().find(|line| line["action"] == action && line["allowed"] == allowed).cloned()
    };
    let denied = line("CreateOrganization", false).expect("the refusal");
    assert_eq!(denied["id"], refused.1["decision_id"]);
    assert!(denied["entities"].as_array().is_some_and(|it| !it.is_empty()), "{denied}");
    assert!(line("CreateOrganization", true).is_some());
    assert!(line("CreateAdministrator", true).is_some());

    let same = place.run(&["decisions", "replay"], "").succeeded();
    assert!(same.starts_with("0 of "), "{same}");
    assert!(same.contains("refused beside the policies, whatever they say: 1\n"), "{same}");
    assert!(!same.contains("cannot be asked"), "{same}");

    let proposed = place.folder.path().join("proposed");
    fs::create_dir(&proposed).unwrap();
    for file in fs::read_dir(root().join("policies")).unwrap() {
        let file = file.unwrap().path();
        if file.is_file() {
            fs::copy(&file, proposed.join(file.file_name().unwrap())).unwrap();
        }
    }
    let closed = r#"
        @id("closed.no-new-organizations") @code("closed") @why("None for now.")
        forbid (principal, action == Action::"CreateOrganization", resource);
    "#;
    fs::write(proposed.join("closed.cedar"), closed).unwrap();
    let folder = proposed.display().to_string();
    let told = place.run(&["decisions", "replay", "--policies", &folder], "").succeeded();
    let all = lines.len();
    // The export and the first replay are in the log too by now, if they were administration; they are not.
    assert!(told.starts_with(&format!("1 of {all} decisions would change")), "{told}");
    assert!(told.contains("denied now by closed.no-new-organizations: 1\n  User::"), "{told}");

    fs::write(proposed.join("closed.cedar"), "forbid").unwrap();
    let told = place.run(&["decisions", "replay", "--policies", &folder], "").failed();
    assert!(told.contains("closed.cedar"), "{told}");
}
