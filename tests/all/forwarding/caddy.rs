//! A real Caddy with docs/forward-auth/Caddyfile, a service behind it, and what a client could try.

use std::fs::File;
use std::process::{Command, Stdio};

use serde_json::json;

use super::front::{Front, program};
use super::{RULES, shelf};
use crate::on_both_with;
use crate::support::{Server, Setup, root};

on_both_with!(behind_caddy; what_caddy_passes_on_is_what_was_asked_about);

fn behind_caddy(setup: &mut Setup) {
    let rules = RULES.replacen("plugins = []", "plugins = []\n[forward_auth]\nheaders = \"forwarded\"", 1);
    setup.plugins = Box::leak(rules.into_boxed_str());
    setup.settings.push(("PALISADE_TRUSTED_PROXIES", "127.0.0.1".to_owned()));
}

async fn before(server: Server) -> Option<Front> {
    let program = program("caddy", "PALISADE_REQUIRE_CADDY")?;
    let front = Front::with(server, |folder, places| {
        let site = std::fs::read_to_string(root().join("docs/forward-auth/Caddyfile")).expect("it is there");
        for word in ["\napp.example.com {", "127.0.0.1:8080 {", "reverse_proxy 127.0.0.1:9000"] {
            assert!(site.contains(word), "docs/forward-auth/Caddyfile has `{word}`");
        }
        let (host, port) = (places.proxy.ip(), places.proxy.port());
        let bind = format!("\nhttp://app.example.com:{port} {{\n\tbind {host}");
        let site = site
            .replace("\napp.example.com {", &bind)
            .replace("127.0.0.1:8080 {", &format!("{} {{", places.palisade))
            .replace("reverse_proxy 127.0.0.1:9000", &format!("reverse_proxy {}", places.service));
        let main = format!("{{\n\tadmin off\n\tauto_https off\n}}\n{site}");
        let file = folder.join("Caddyfile");
        std::fs::write(&file, main).expect("the folder can be written");
        let log = File::create(folder.join("error.log")).expect("the folder can be written");
        Command::new(program)
            .args(["run", "--adapter", "caddyfile", "--config"])
            .arg(file)
            // Whatever it would keep of itself, it keeps here.
            .env("HOME", folder)
            .env("XDG_DATA_HOME", folder)
            .env("XDG_CONFIG_HOME", folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("Caddy starts")
    });
    Some(front.await)
}

async fn what_caddy_passes_on_is_what_was_asked_about(server: Server) {
    let (_, reader, id) = shelf(&server).await;
    let Some(front) = before(server).await else { return };
    let bearer = format!("Bearer {}", reader.access);
    let lies = [
        ("X-Palisade-User", "root"),
        ("x-palisade-principal", "User::\"root\""),
        ("X-PALISADE-AGENT", "root"),
        ("X-Forwarded-Uri", "/assets/app.js"),
        ("X-Forwarded-Method", "GET"),
        ("X-Forwarded-Host", "other.example.com"),
        ("X-Original-URI", "/assets/app.js"),
    ];
    let headers = [&[("Authorization", bearer.as_str())], &lies[..]].concat();
    for document in ["plan", "plan/pages/1?draft", "two%20words"] {
        let uri = format!("/o/{id}/documents/{document}");
        let (status, told) = front.send("GET", &uri, &headers).await;
        assert_eq!(status, 200, "{uri}: {}", front.told());
        let told = told.expect("the service was asked");
        assert_eq!((&told["uri"], &told["headers"]["x-palisade-user"]), (&json!(uri), &json!(reader.id)));
        assert_eq!(told["headers"]["x-palisade-principal"], format!("User::\"{}\"", reader.id));
        let agent = told["headers"].get("x-palisade-agent");
        assert!(agent.is_none_or(|agent| agent == ""), "{agent:?}");
        assert_eq!(told["headers"].get("authorization"), None);
    }
    // Where nobody needs to be anybody, a lie is taken away all the same.
    let (status, told) = front.send("GET", "/assets/app.js", &lies).await;
    let user = told.expect("the service was asked")["headers"].get("x-palisade-user").cloned();
    assert!(status == 200 && user.is_none_or(|user| user == ""));
    for uri in [
        format!("/o/{id}/documents/memo"),
        format!("/o/{id}/documents/plan/../memo"),
        format!("/o/{id}/documents/plan/%2e%2e/memo"),
        format!("/o/{id}/documents/plan%2f..%2fmemo"),
        format!("/o/{id}/documents/mem%6f"),
        "/assets/../operations/x".to_owned(),
        "/assets/%2e%2e/operations/x".to_owned(),
        "//operations/x".to_owned(),
        "/operations/x".to_owned(),
    ] {
        let (status, told) = front.send("GET", &uri, &headers).await;
        assert!([400, 401, 403].contains(&status), "{uri}: {status}");
        assert_eq!(told, None, "{uri}");
    }
    let (status, told) = front.send("POST", &format!("/o/{id}/documents/plan"), &headers).await;
    assert_eq!((status, told), (403, None));
}
