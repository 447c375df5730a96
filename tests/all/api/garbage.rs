//! Garbage in every operation's body, path, query and headers: always 4xx, always a problem document, and never a
//! word of it repeated. The operations are read from the OpenAPI document, so a new one is covered from its first day.

use palisade::api::{OpenApiVersion, openapi};
use poem::http::Method;
use serde_json::{Map, Value, json};

use super::requests::raw;
use crate::on_both;
use crate::support::{Answer, Person, Server};

on_both!(
    no_body_breaks_an_operation_or_is_repeated,
    no_field_of_the_wrong_type_is_taken,
    no_path_breaks_an_operation_or_is_repeated,
    no_query_breaks_an_operation_or_is_repeated,
    no_header_breaks_an_operation,
);

/// What no answer may contain.
const CANARY: &str = "canary7f3a";

struct Operation {
    id: String,
    method: Method,
    template: String,
    /// The schema of its body, references resolved.
    body: Option<Value>,
    query: Vec<String>,
}

impl Operation {
    /// Its path, with `id` for every parameter.
    fn path(&self, id: &str) -> String {
        let filled = self.template.split('/').map(|part| if part.starts_with('{') { id } else { part });
        filled.collect::<Vec<_>>().join("/")
    }
}

fn operations() -> Vec<Operation> {
    let document = openapi(OpenApiVersion::V31);
    let mut all = Vec::new();
    for (template, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let Ok(method) = method.to_uppercase().parse::<Method>() else { continue };
            let Some(id) = operation["operationId"].as_str() else { continue };
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let query = parameters.iter().filter(|parameter| parameter["in"] == "query");
            all.push(Operation {
                id: id.to_owned(),
                method,
                template: template.clone(),
                body: schema.is_object().then(|| resolved(&document, schema)),
                query: query.map(|parameter| parameter["name"].as_str().unwrap().to_owned()).collect(),
            });
        }
    }
    assert!(all.len() >= 24, "only {} operations were found", all.len());
    assert!(all.iter().filter(|operation| operation.body.is_some()).count() >= 10);
    all
}

fn resolved(document: &Value, schema: &Value) -> Value {
    match schema["$ref"].as_str().and_then(|to| to.strip_prefix('#')) {
        Some(pointer) => document.pointer(pointer).expect("a reference leads somewhere").clone(),
        None => schema.clone(),
    }
}

#[track_caller]
fn check(answer: &Answer, what: &str) {
    let text = answer.body.to_string();
    assert!((400..500).contains(&answer.status), "{what}: {} {text}", answer.status);
    let kind = answer.headers.get("content-type").and_then(|kind| kind.to_str().ok());
    assert_eq!(kind, Some("application/problem+json"), "{what}");
    assert_eq!(answer.body["status"], answer.status, "{what}");
    for key in ["type", "title", "code", "detail", "request_id"] {
        assert!(answer.body[key].as_str().is_some_and(|text| !text.is_empty()), "{what}: {key} in {text}");
    }
    assert!(answer.body["errors"].is_array(), "{what}: {text}");
    assert!(!text.contains(CANARY), "{what}: {text}");
    for (name, value) in &answer.headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        assert!(!value.contains(CANARY), "{what}: {name}: {value}");
    }
}

/// Whoever comes back from a provider is sent on to the product's page whatever they come with, and only our own words
/// go with them.
#[track_caller]
fn went_on(operation: &Operation, answer: &Answer, what: &str) -> bool {
    if operation.id != "finish_sign_in" || answer.status != 303 {
        return false;
    }
    let location = answer.headers["location"].to_str().expect("an address");
    assert_eq!(location, "http://palisade.test/callback?error=invalid_state", "{what}");
    true
}

/// A caller whom no policy stops, so that garbage gets as far as it can.
async fn root(server: &Server) -> Person {
    server.super_admin("root@example.com").await
}

async fn send(
    server: &Server,
    by: &Person,
    operation: &Operation,
    path: &str,
    body: Option<&[u8]>,
) -> Answer {
    let bearer = format!("Bearer {}", by.access);
    let headers: [(&str, &[u8]); 2] =
        [("authorization", bearer.as_bytes()), ("content-type", b"application/json")];
    raw(server, operation.method.clone(), path, &headers, body).await
}

/// An organization that is there, so that bodies are read and not only paths.
async fn organization(server: &Server, by: &Person) -> String {
    let path = server.organization(by, "acme").await;
    path[path.rfind('/').unwrap() + 1..].to_owned()
}

fn hostile_bodies() -> Vec<(&'static str, Vec<u8>)> {
    let deep =
        |open: &str, close: &str| format!("{}{}", open.repeat(10_000), close.repeat(10_000)).into_bytes();
    let mut bodies: Vec<(&str, Vec<u8>)> = vec![
        ("empty", Vec::new()),
        ("not JSON", CANARY.into()),
        ("cut off", format!("{{\"email\":\"{CANARY}").into_bytes()),
        ("two values", b"{} {}".to_vec()),
        ("an array", format!("[\"{CANARY}\"]").into_bytes()),
        ("null", b"null".to_vec()),
        ("true", b"true".to_vec()),
        ("a text", format!("\"{CANARY}\"").into_bytes()),
        ("a number", b"1e400".to_vec()),
        ("a long number", "9".repeat(10_000).into_bytes()),
        ("deep arrays", deep("[", "]")),
        ("deep objects", deep("{\"a\":", "}")),
        ("open arrays", b"[".repeat(20_000)),
        ("an unknown field", format!("{{\"{CANARY}-<script>\":\"{CANARY}\"}}").into_bytes()),
        (
            "a field with a name of its own",
            format!("{{\"\\u0000\":1,\"__proto__\":{{\"{CANARY}<\":1}}}}").into_bytes(),
        ),
        ("a lone surrogate", format!("{{\"email\":\"{CANARY}\\ud800\"}}").into_bytes()),
        ("a raw NUL", format!("{{\"email\":\"{CANARY}\0\"}}").into_bytes()),
        ("no UTF-8", [b"{\"email\":\"", CANARY.as_bytes(), b"\xff\xfe\"}"].concat()),
        (
            "UTF-16",
            [b"\xff\xfe".to_vec(), CANARY.encode_utf16().flat_map(u16::to_le_bytes).collect()].concat(),
        ),
        ("a byte order mark", b"\xef\xbb\xbf{}x".to_vec()),
        ("a form", format!("email={CANARY}&password={CANARY}").into_bytes()),
        (
            "XML",
            format!("<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY x \"{CANARY}\">]><a>&x;</a>").into_bytes(),
        ),
        ("100 kB", format!("{{\"email\":\"{}\"}}", CANARY.repeat(10_000)).into_bytes()),
    ];
    bodies.push(("many fields", {
        let fields: Map<String, Value> = (0..3_000).map(|n| (format!("f{n}"), json!(n))).collect();
        Value::Object(fields).to_string().into_bytes()
    }));
    bodies
}

async fn no_body_breaks_an_operation_or_is_repeated(server: Server) {
    let root = root(&server).await;
    let id = organization(&server, &root).await;
    for operation in operations().iter().filter(|operation| operation.body.is_some()) {
        for (name, body) in hostile_bodies() {
            let answer = send(&server, &root, operation, &operation.path(&id), Some(&body)).await;
            check(&answer, &format!("{} with {name}", operation.id));
        }
        let path = operation.path(&id);
        check(&send(&server, &root, operation, &path, None).await, &operation.id);
        for kind in ["text/plain", "application/xml", "multipart/form-data; boundary=x", "", CANARY] {
            let bearer = format!("Bearer {}", root.access);
            let headers: [(&str, &[u8]); 2] =
                [("authorization", bearer.as_bytes()), ("content-type", kind.as_bytes())];
            let body = format!("{{\"email\":\"{CANARY}\"}}");
            let answer = raw(&server, operation.method.clone(), &path, &headers, Some(body.as_bytes())).await;
            check(&answer, &format!("{} as {kind:?}", operation.id));
        }
    }
}

/// Values that no field of a request takes, whatever its type, or takes only as what they are.
fn hostile_values() -> Vec<Value> {
    vec![
        json!(true),
        json!(-1),
        json!(1e300),
        json!(u64::MAX),
        json!([CANARY]),
        json!([[[[]]]]),
        json!({ CANARY: CANARY }),
        json!(""),
        json!("\0"),
        json!(format!("{CANARY}\r\nBcc: {CANARY}@example.com")),
        json!(format!("<script>{CANARY}</script>")),
        json!(format!("'; DROP TABLE users; -- {CANARY}")),
        json!("\u{202e}\u{feff}\u{1f600}"),
        json!(CANARY.repeat(5_000)),
    ]
}

async fn no_field_of_the_wrong_type_is_taken(server: Server) {
    let root = root(&server).await;
    let id = organization(&server, &root).await;
    for operation in operations() {
        let Some(schema) = &operation.body else { continue };
        for (field, property) in schema["properties"].as_object().unwrap() {
            for value in hostile_values() {
                // Every other field is missing, and this one is wrong.
                let body = json!({ field: value, "extra": CANARY }).to_string();
                let path = operation.path(&id);
                let answer = send(&server, &root, &operation, &path, Some(body.as_bytes())).await;
                let what = format!("{} with {field} = {value:.80}", operation.id);
                check(&answer, &what);
                // AuthZEN has one status for every fault of a question.
                if operation.template.starts_with("/access/v1/") {
                    assert_eq!(answer.status, 400, "{what}: {}", answer.body);
                    continue;
                }
                assert_eq!(answer.status, 422, "{what}: {}", answer.body);

                let of_this_type = match property["type"].as_str() {
                    Some(kind) => fits(kind, &value),
                    None => property["type"].as_array().is_none_or(|kinds| {
                        kinds.iter().any(|kind| fits(kind.as_str().unwrap_or_default(), &value))
                    }),
                };
                let told = answer.body["errors"].to_string();
                assert!(of_this_type || told.contains(&format!("\"field\":\"{field}\"")), "{what}: {told}");
            }
        }
    }
}

fn fits(kind: &str, value: &Value) -> bool {
    match kind {
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" | "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    }
}

async fn no_path_breaks_an_operation_or_is_repeated(server: Server) {
    let root = root(&server).await;
    let long = CANARY.repeat(200);
    let longer = CANARY.repeat(1_000);
    let ids = [
        CANARY,
        "0",
        "-1",
        "%00",
        "%ff%fe",
        "%F0%9F%98%80",
        "..%2f..%2fetc%2fpasswd",
        "%2e%2e",
        "%0d%0aSet-Cookie:%20x=canary7f3a",
        "'%20OR%201=1%20--canary7f3a",
        "%3Cscript%3Ecanary7f3a%3C%2Fscript%3E",
        "{}",
        "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "00000000-0000-0000-0000-00000000000g",
        "urn:uuid:00000000-0000-0000-0000-000000000000",
        &long,
        &longer,
    ];
    for operation in operations().iter().filter(|operation| operation.template.contains('{')) {
        for id in ids {
            let path = operation.path(id);
            let body = operation.body.is_some().then_some(&b"{}"[..]);
            let answer = send(&server, &root, operation, &path, body).await;
            let what = format!("{} at {id:.80}", operation.id);
            if !went_on(operation, &answer, &what) {
                check(&answer, &what);
            }
        }
    }
    for path in
        ["/", "//", "/api", "/api/v1/", "/api/v1/auth/me/canary7f3a", "/canary7f3a", "/%2e%2e/canary7f3a"]
    {
        check(&server.get_as(&root, path).await, path);
    }
}

async fn no_query_breaks_an_operation_or_is_repeated(server: Server) {
    let root = root(&server).await;
    let id = organization(&server, &root).await;
    let long = CANARY.repeat(1_000);
    let values = [
        "",
        "%00",
        "%ff",
        "canary7f3a",
        "-99999999999999999999",
        "1;canary7f3a",
        "%0d%0acanary7f3a",
        "[]",
        &long,
    ];
    let mut asked = 0;
    for operation in operations() {
        for name in &operation.query {
            for value in values {
                let path = format!("{}?{name}={value}", operation.path(&id));
                let answer = send(&server, &root, &operation, &path, None).await;
                let what = format!("{} with {name}={value:.80}", operation.id);
                asked += 1;
                // A filter may look for any word, and finds none; an empty value may count as none given.
                if went_on(&operation, &answer, &what) {
                    continue;
                }
                if answer.status == 200 && value != "%00" {
                    assert!(!answer.body.to_string().contains(CANARY), "{what}: {}", answer.body);
                } else {
                    check(&answer, &what);
                }
            }
        }
    }
    assert!(asked > 50, "only {asked} were asked");
}

async fn no_header_breaks_an_operation(server: Server) {
    let big = CANARY.repeat(1_700);
    let headers: [(&str, &[u8]); 12] = [
        ("user-agent", b"\xff\xfe canary7f3a"),
        ("x-request-id", b"canary7f3a <b>"),
        ("x-request-id", b"\xff"),
        ("accept", b"canary7f3a/\xff"),
        ("accept-language", b"\xff"),
        ("content-length", b"canary7f3a"),
        ("content-type", b"\xff"),
        ("content-encoding", b"canary7f3a"),
        ("cookie", b"\xff=canary7f3a; ; ;="),
        ("origin", b"\xffcanary7f3a"),
        ("host", b"canary7f3a\xff"),
        ("x-large", big.as_bytes()),
    ];
    for operation in operations() {
        let path = operation.path("00000000-0000-0000-0000-000000000000");
        for (name, value) in headers {
            let body = operation.body.is_some().then_some(&b"{"[..]);
            let answer = raw(&server, operation.method.clone(), &path, &[(name, value)], body).await;
            // The operations that take nothing and are open to all answer whatever they are sent.
            let open =
                ["get_jwks", "get_authzen_configuration", "list_providers"].contains(&operation.id.as_str());
            if went_on(&operation, &answer, &format!("{} with {name}", operation.id)) {
                continue;
            }
            if open && name != "x-large" {
                assert_eq!(answer.status, 200, "{name}: {}", answer.body);
            } else {
                check(&answer, &format!("{} with {name}", operation.id));
            }
        }
    }
}
