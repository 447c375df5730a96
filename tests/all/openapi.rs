//! The document: checked in, without faults, and true.

use std::fs;

use palisade::api::document::lint;
use palisade::api::{self, OpenApiVersion};
use poem::http::Method;
use serde_json::Value;

use crate::support::{Database, Server, root};

/// One operation of the document.
pub struct Operation {
    /// Its `operationId`.
    pub id: String,
    pub method: Method,
    /// Such as `/api/v1/organizations/{organization_id}`.
    pub path: String,
    /// For messages.
    pub place: String,
    pub document: Value,
}

/// Every operation, in the document's order.
pub fn operations() -> Vec<Operation> {
    let document = api::openapi(OpenApiVersion::V31);
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().expect("the document has paths") {
        for (method, operation) in item.as_object().expect("a path has methods") {
            let Ok(method) = method.to_uppercase().parse::<Method>() else { continue };
            found.push(Operation {
                id: operation["operationId"].as_str().unwrap_or_default().to_owned(),
                place: format!("{method} {path}"),
                method,
                path: path.clone(),
                document: operation.clone(),
            });
        }
    }
    assert!(found.len() > 20, "the document holds only {} operations", found.len());
    found
}

#[test]
fn the_checked_in_documents_are_current() {
    let documents = [
        (OpenApiVersion::V31, "openapi.json", "cargo run -- openapi > openapi/openapi.json"),
        (
            OpenApiVersion::V30,
            "openapi-3.0.json",
            "cargo run -- openapi --openapi 3.0 > openapi/openapi-3.0.json",
        ),
    ];
    for (version, name, command) in documents {
        let made = serde_json::to_string_pretty(&api::openapi(version)).expect("a document is JSON") + "\n";
        let kept = fs::read_to_string(root().join("openapi").join(name)).unwrap_or_default();
        if let Some(line) =
            made.lines().zip(kept.lines().chain(std::iter::repeat(""))).position(|(a, b)| a != b)
        {
            panic!("openapi/{name} is not current from line {}: run `{command}`", line + 1);
        }
        assert_eq!(made.len(), kept.len(), "openapi/{name} has lines too many: run `{command}`");
    }
}

#[test]
fn neither_document_has_faults() {
    for version in [OpenApiVersion::V31, OpenApiVersion::V30] {
        assert_eq!(lint(&api::openapi(version)), Vec::<String>::new(), "{version:?}");
    }
}

/// What answers beside the document. None of it may touch a tenant's data, for none of it but `/metrics` asks.
const RAW: [(&str, &str); 14] = [
    ("/healthz", "src/api/mod.rs"),
    ("/readyz", "src/api/mod.rs"),
    ("/metrics", "src/api/mod.rs"),
    ("/openapi.json", "src/api/mod.rs"),
    ("/openapi-3.0.json", "src/api/mod.rs"),
    ("/verify-email", "src/api/mod.rs"),
    ("/accept-invitation", "src/api/mod.rs"),
    // Development only, and only for callers on this machine; it asks nobody because they own the folder.
    ("/mail", "src/api/mod.rs"),
    ("/reset-password", "src/api/mod.rs"),
    ("/confirm-email", "src/api/mod.rs"),
    ("/", "src/api/reference.rs"),
    ("/swagger-ui.css", "src/api/reference.rs"),
    ("/swagger-ui.js", "src/api/reference.rs"),
    ("/start.js", "src/api/reference.rs"),
];

#[test]
fn the_raw_routes_are_exactly_the_listed() {
    let mut found = Vec::new();
    for entry in fs::read_dir(root().join("src/api")).expect("src/api can be read") {
        let path = entry.expect("src/api can be read").path();
        if path.is_dir() {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a source file is text");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let file = format!("src/api/{}", path.file_name().unwrap_or_default().display());
        for part in code.split(".at(").skip(1) {
            // `.at("/…", handler)` makes a route; `invalid.at("field")` does not.
            if let Some((quoted, _)) = part.split_once(", ")
                && let Some(route) = quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"'))
                && route.starts_with('/')
            {
                found.push((route.to_owned(), file.clone()));
            }
        }
        let made = code.matches("Route::new()").count();
        let may = usize::from(["src/api/mod.rs", "src/api/reference.rs"].contains(&file.as_str()));
        assert!(made <= may, "{file} makes a route of its own");
    }
    found.sort();
    let mut listed: Vec<_> =
        RAW.iter().map(|(route, file)| ((*route).to_owned(), (*file).to_owned())).collect();
    listed.sort();
    assert_eq!(found, listed, "left: the routes made; right: the routes listed in tests/all/openapi.rs");
}

#[test]
fn every_operation_declares_its_problems() {
    for Operation { place, path, document, .. } in operations() {
        let responses = document["responses"].as_object().expect("an operation has responses");
        let guarded = document["security"].as_array().is_some_and(|security| !security.is_empty());
        let mut expected = vec!["403", "500", "503"];
        if guarded {
            expected.push("401");
        }
        if path.contains('{') {
            expected.push("404");
        }
        if document.get("requestBody").is_some() {
            expected.extend(["413", "415", "422"]);
        }
        for status in expected {
            let content = &responses.get(status).unwrap_or_else(|| panic!("{place}: no {status}"))["content"];
            assert!(content.get("application/problem+json").is_some(), "{place}: {status} is no problem");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_method_gets_405_and_the_right_ones() {
    let server = Server::start(Database::Sqlite).await;
    let document = api::openapi(OpenApiVersion::V31);
    for (template, item) in document["paths"].as_object().expect("the document has paths") {
        let methods = item.as_object().expect("a path has methods");
        let path: String = template
            .split('/')
            .map(|part| if part.starts_with('{') { "019b76da-a800-7000-8000-000000000001" } else { part })
            .collect::<Vec<_>>()
            .join("/");
        for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            if methods.contains_key(&method.as_str().to_lowercase()) {
                continue;
            }
            let answer = server.send(method.clone(), &path, None, None).await;
            let mut allow: Vec<String> = methods.keys().map(|name| name.to_uppercase()).collect();
            allow.push("OPTIONS".to_owned());
            if methods.contains_key("get") {
                allow.push("HEAD".to_owned());
            }
            allow.sort();
            let told = answer.headers.get("allow").and_then(|value| value.to_str().ok());
            assert_eq!(told, Some(allow.join(", ").as_str()), "{method} {path}");
            answer.refused(405, "method-not-allowed");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_served_document_is_the_checked_in_one() {
    let server = Server::start(Database::Sqlite).await;
    for name in ["openapi.json", "openapi-3.0.json"] {
        let kept = fs::read_to_string(root().join("openapi").join(name)).expect("the document can be read");
        let kept: Value = serde_json::from_str(&kept).expect("the document is JSON");
        assert_eq!(server.get(&format!("/{name}")).await.expect(200), kept);
    }
}
