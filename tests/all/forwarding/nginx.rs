//! A real nginx with the configuration of docs/forward-auth/nginx.conf, a service behind it, and hostile requests.

use std::process::{Command, Stdio};

use palisade::domain::SystemRole;
use serde_json::json;

use super::front::{Front, program};
use super::{RULES, shelf};
use crate::on_both_with;
use crate::support::{Person, Server, Setup, root};

on_both_with!(behind_nginx;
    what_passes_reaches_the_service_and_nothing_else_does,
    the_service_hears_who_it_is_from_the_proxy_alone,
    a_thing_in_the_path_is_the_one_that_the_service_is_asked_for,
    no_spelling_of_a_path_gets_past_its_rule
);

fn behind_nginx(setup: &mut Setup) {
    setup.plugins = RULES;
    setup.settings.push(("PALISADE_TRUSTED_PROXIES", "127.0.0.1".to_owned()));
}

async fn before(server: Server) -> Option<Front> {
    let program = program("nginx", "PALISADE_REQUIRE_NGINX")?;
    let front = Front::with(server, |folder, places| {
        let site = std::fs::read_to_string(root().join("docs/forward-auth/nginx.conf")).expect("it is there");
        for word in ["listen 80;", "http://127.0.0.1:8080/", "http://127.0.0.1:9000;"] {
            assert!(site.contains(word), "docs/forward-auth/nginx.conf has `{word}`");
        }
        let site = site
            .replace("listen 80;", &format!("listen {};", places.proxy))
            .replace("http://127.0.0.1:8080/", &format!("http://{}/", places.palisade))
            .replace("http://127.0.0.1:9000;", &format!("http://{};", places.service));
        let at = folder.display();
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let temporary: String =
            temporary.iter().map(|kind| format!("{kind}_temp_path {at}/{kind};\n")).collect();
        let user = Command::new("id").arg("-u").output().expect("id");
        let user = if user.stdout == b"0\n" { "user root;" } else { "" };
        let main = format!(
            "{user}\ndaemon off;\nworker_processes 1;\npid {at}/pid;\nerror_log {at}/error.log;\nevents {{}}\n\
             http {{\naccess_log off;\n{temporary}{site}\n}}\n"
        );
        let file = folder.join("nginx.conf");
        std::fs::write(&file, main).expect("the folder can be written");
        Command::new(program)
            .args(["-e".as_ref(), folder.join("error.log").as_os_str()])
            .args(["-p".as_ref(), folder.as_os_str(), "-c".as_ref(), file.as_os_str()])
            .stdin(Stdio::null())
            .spawn()
            .expect("nginx starts")
    });
    Some(front.await)
}

/// Its viewer and its id.
async fn acme(server: &Server) -> (Person, String) {
    let owner = server.person("ada@example.com").await;
    let viewer = server.person("vera@example.com").await;
    let organization = server.organization(&owner, "acme").await;
    server.add_member(&owner, &organization, &viewer, SystemRole::Viewer).await;
    (viewer, organization.rsplit('/').next().expect("an id").to_owned())
}

async fn what_passes_reaches_the_service_and_nothing_else_does(server: Server) {
    let (viewer, id) = acme(&server).await;
    let Some(front) = before(server).await else { return };
    let bearer = format!("Bearer {}", viewer.access);
    let me = ("Authorization", bearer.as_str());
    let uri = format!("/o/{id}/projects/7?q=%2e%2e");
    let (status, told) = front.send("GET", &uri, &[me]).await;
    assert_eq!(status, 200, "{}", front.told());
    let told = told.expect("the service was asked");
    assert_eq!((&told["method"], &told["uri"]), (&json!("GET"), &json!(uri)));
    assert_eq!(told["headers"].get("authorization"), None);
    let (status, told) = front.send("GET", "/assets/app.js", &[]).await;
    assert_eq!((status, told.is_some()), (200, true));
    for (method, uri, headers, expected) in [
        ("GET", uri.as_str(), &[][..], 401),
        ("GET", uri.as_str(), &[("Authorization", "Bearer nonsense")], 401),
        ("POST", uri.as_str(), &[me], 403),
        ("GET", "/other", &[me], 403),
        ("GET", "/_palisade", &[me], 404),
    ] {
        let (status, told) = front.send(method, uri, headers).await;
        assert_eq!((status, told), (expected, None), "{method} {uri}");
    }
}

async fn the_service_hears_who_it_is_from_the_proxy_alone(server: Server) {
    let (viewer, id) = acme(&server).await;
    let Some(front) = before(server).await else { return };
    let bearer = format!("Bearer {}", viewer.access);
    let lies = [
        ("X-Palisade-User", "root"),
        ("x-palisade-principal", "User::\"root\""),
        ("X-PALISADE-AGENT", "root"),
        ("X-Original-URI", "/assets/app.js"),
        ("X-Original-Method", "GET"),
        ("X-Forwarded-Uri", "/assets/app.js"),
    ];
    let headers = [&[("Authorization", bearer.as_str())], &lies[..]].concat();
    let (status, told) = front.send("GET", &format!("/o/{id}/projects"), &headers).await;
    let told = told.expect("the service was asked")["headers"].clone();
    assert_eq!((status, &told["x-palisade-user"]), (200, &json!(viewer.id)));
    assert_eq!(told["x-palisade-principal"], format!("User::\"{}\"", viewer.id));
    assert_eq!((&told["x-palisade-organization"], told.get("x-palisade-agent")), (&json!(id), None));
    // Where nobody needs to be anybody, a lie is taken away all the same.
    let (status, told) = front.send("GET", "/assets/app.js", &lies).await;
    let told = told.expect("the service was asked")["headers"].clone();
    assert_eq!((status, told.get("x-palisade-user"), told.get("x-palisade-principal")), (200, None, None));
    // And what the client says of another request opens no door.
    let (status, told) = front.send("POST", "/operations", &headers).await;
    assert_eq!((status, told), (403, None));
}

async fn a_thing_in_the_path_is_the_one_that_the_service_is_asked_for(server: Server) {
    let (_, reader, id) = shelf(&server).await;
    let Some(front) = before(server).await else { return };
    let bearer = format!("Bearer {}", reader.access);
    let me = [("Authorization", bearer.as_str())];
    for document in ["plan", "plan/pages/1?draft", "two%20words"] {
        let uri = format!("/o/{id}/documents/{document}");
        let (status, told) = front.send("GET", &uri, &me).await;
        assert_eq!(status, 200, "{uri}");
        assert_eq!(told.expect("the service was asked")["uri"], uri);
    }
    for document in [
        "memo",
        "nowhere",
        "PLAN",
        "plan/../memo",
        "plan/%2e%2e/memo",
        "plan%2f..%2fmemo",
        "./memo",
        "mem%6f",
        "memo;plan",
        "plan/..%2fmemo",
        "%70lan",
    ] {
        let uri = format!("/o/{id}/documents/{document}");
        let (status, told) = front.send("GET", &uri, &me).await;
        assert!([400, 401, 403].contains(&status), "{uri}: {status}");
        assert_eq!(told, None, "{uri}");
    }
}

async fn no_spelling_of_a_path_gets_past_its_rule(server: Server) {
    let Some(front) = before(server).await else { return };
    for uri in [
        "/assets/../operations/x",
        "/assets/%2e%2e/operations/x",
        "/assets/..%2foperations/x",
        "/assets/%2e%2e%2foperations/x",
        "/assets/%252e%252e/operations/x",
        "/assets/..;/operations/x",
        "/assets/;/../operations/x",
        "/assets\\..\\operations/x",
        "//operations/x",
        "/assets//../operations/x",
        "/%6fperations/x",
        "/assets/%00/../../operations",
        "/./operations/x",
        "/operations%2fx",
        "/Operations/x",
        "/assets/..",
        "http://app.example.com/operations/x",
        "/assets#/../operations",
    ] {
        let (status, told) = front.send("GET", uri, &[]).await;
        assert!([400, 401, 403].contains(&status), "{uri}: {status}");
        assert_eq!(told, None, "{uri}");
    }
    // Whatever does reach the service is, read by the service, below the public folder.
    for uri in [
        "/assets/a",
        "/assets/a%20b",
        "/assets/%C3%A9",
        "/assets/a/b/",
        "/assets/a?../operations",
        "/assets/.a",
    ] {
        let (status, told) = front.send("GET", uri, &[]).await;
        let seen = told.expect("the service was asked")["uri"].as_str().expect("a path").to_owned();
        assert_eq!((status, seen.as_str()), (200, uri));
    }
}
