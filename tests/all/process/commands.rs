//! The commands beside `serve`.

use palisade::api::{OpenApiVersion, openapi};
use serde_json::{Value, json};

use super::{Place, in_places};
use crate::support::PASSWORD;

in_places!(an_administrator_is_made_at_the_machine, the_tables_are_made_once);

#[tokio::test]
async fn the_document_is_printed_without_configuration() {
    let place = Place::on_sqlite().await.set("PALISADE_LISTEN", "not an address");
    let printed: Value = serde_json::from_str(&place.run(&["openapi"], "").succeeded()).unwrap();
    assert_eq!(printed, openapi(OpenApiVersion::V31));
    let older = place.run(&["openapi", "--openapi", "3.0"], "").succeeded();
    assert_eq!(serde_json::from_str::<Value>(&older).unwrap(), openapi(OpenApiVersion::V30));
    assert!(!place.folder.path().join("palisade.db").exists());
}

#[tokio::test]
async fn the_policy_tests_run_and_a_filter_that_matches_nothing_fails() {
    let place = Place::on_sqlite().await;
    let all = place.run(&["policy", "test"], "").succeeded();
    let some = place.run(&["policy", "test", "suspended"], "").succeeded();
    assert!(all.chars().any(|c| c.is_ascii_digit()) && all != some, "{all}\n{some}");
    let told = place.run(&["policy", "test", "no such case"], "").failed();
    assert!(told.contains("no policy test matches"), "{told}");
}

#[tokio::test]
async fn help_names_every_command_and_a_wrong_one_is_told() {
    let place = Place::on_sqlite().await;
    let help = place.run(&["--help"], "").succeeded();
    for command in ["serve", "migrate", "admin", "policy", "openapi", "doctor", "demo"] {
        assert!(help.contains(&format!("\n  {command} ")), "{command} in {help}");
    }
    let wrong = place.run(&["serv"], "");
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.stderr.contains("serve"), "{}", wrong.stderr);
}

async fn the_tables_are_made_once(place: Place) {
    let first = place.run(&["migrate"], "").succeeded();
    let second = place.run(&["migrate"], "").succeeded();
    assert_eq!(first, second);
    assert!(first.starts_with("the database is at migration "), "{first}");
}

async fn an_administrator_is_made_at_the_machine(place: Place) {
    let create = |email: &str, input: &str| place.run(&["admin", "create", email], input);
    let told = create("root@example.com", "short\n").failed();
    assert!(
        told.contains("password: ") && told.contains("12 characters") && !told.contains("short\n"),
        "{told}"
    );
    assert!(create("root@example.com", "").failed().contains("password: "));
    let told = create("not an address", &format!("{PASSWORD}\n")).failed();
    assert!(told.contains("email: "), "{told}");
    let made = create("root@example.com", &format!("{PASSWORD}\r\n"));
    assert!(!made.stdout.contains(PASSWORD) && !made.stderr.contains(PASSWORD));
    assert_eq!(made.succeeded(), "root@example.com is a super admin now\n");

    let server = place.serve();
    let (access, _) = server.login("root@example.com").await;
    let (status, me) = server.send("GET", "/api/v1/auth/me", Some(&access), None).await.unwrap();
    assert_eq!((status, &me["is_super_admin"], &me["is_verified"]), (200, &json!(true), &json!(true)));

    // Beside a running server, an account that exists is raised and keeps its password.
    server.register("ada@example.com").await.unwrap();
    create("Ada@Example.com", "another password than hers\n").succeeded();
    let (access, _) = server.login("ada@example.com").await;
    let (status, list) = server.send("GET", "/api/v1/auth/waitlist", Some(&access), None).await.unwrap();
    assert_eq!(status, 200, "{list}");
}
