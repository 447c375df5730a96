//! Starting, serving, stopping.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use serde_json::json;

use super::{Child, Place, in_places};

in_places!(it_serves_and_a_second_start_keeps_everything, a_request_in_flight_is_answered_before_it_stops,);

async fn it_serves_and_a_second_start_keeps_everything(place: Place) {
    let server = place.serve();
    for (path, text) in [("/healthz", "ok"), ("/readyz", "ready")] {
        assert_eq!(server.send("GET", path, None, None).await, Some((200, json!(text))));
    }
    let (_, keys) = server.send("GET", "/.well-known/jwks.json", None, None).await.unwrap();
    assert_eq!(server.register("ada@example.com").await.unwrap().0, 201);
    let (access, refresh) = server.login("ada@example.com").await;
    let stopped = server.stop();
    assert_eq!(stopped.code, Some(0), "{}", stopped.stderr);
    assert!(stopped.stderr.contains("stopped"), "{}", stopped.stderr);
    for line in ["API reference", "/docs", "mail", "palisade admin create", "curl"] {
        assert!(stopped.stdout.contains(line), "{line} in {}", stopped.stdout);
    }

    // On another port, so without a configured public URL its tokens are another party's.
    let server = place.serve();
    let refreshed =
        server.send("POST", "/api/v1/auth/refresh", None, Some(json!({ "refresh_token": refresh }))).await;
    assert_eq!(refreshed.unwrap().0, 200);
    assert_eq!(server.send("GET", "/.well-known/jwks.json", None, None).await.unwrap().1, keys);
    server.login("ada@example.com").await;
    server.stop();

    let place = place.set("PALISADE_PUBLIC_URL", "http://id.example.com/");
    let server = place.serve();
    let foreign = server.send("GET", "/api/v1/auth/me", Some(&access), None).await.unwrap();
    assert_eq!((foreign.0, &foreign.1["code"]), (401, &json!("token-invalid")));
    let (access, _) = server.login("ada@example.com").await;
    server.stop();
    let server = place.serve();
    let me = server.send("GET", "/api/v1/auth/me", Some(&access), None).await.unwrap();
    assert_eq!((me.0, &me.1["email"]), (200, &json!("ada@example.com")));
}

async fn a_request_in_flight_is_answered_before_it_stops(place: Place) {
    let mut server = place.serve();
    let body = json!({ "email": "ada@example.com", "password": crate::support::PASSWORD }).to_string();
    let mut connection = TcpStream::connect(server.url.trim_start_matches("http://")).unwrap();
    let head = format!(
        "POST /api/v1/auth/register HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\nExpect: 100-continue\r\n\r\n",
        body.len()
    );
    connection.write_all(head.as_bytes()).unwrap();
    // The server asks for the body: from here the request is in its hands.
    let mut answer = BufReader::new(connection.try_clone().unwrap());
    let mut line = String::new();
    answer.read_line(&mut line).unwrap();
    assert!(line.starts_with("HTTP/1.1 100"), "{line}");
    server.terminate();
    server.wait_for("finishing the requests in flight");
    connection.write_all(body.as_bytes()).unwrap();
    let mut rest = String::new();
    answer.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("HTTP/1.1 201"), "{rest}");
    assert_eq!(server.finish().code, Some(0));
    place.serve().login("ada@example.com").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_starting_at_once_on_a_fresh_file_all_serve() {
    let place = Place::on_sqlite().await;
    let mut servers: Vec<Child> = (0..4).map(|_| place.starting()).collect();
    for server in &mut servers {
        server.wait_until_it_listens();
    }
    for (number, server) in servers.iter().enumerate() {
        let told = server.register(&format!("person-{number}@example.com")).await.unwrap();
        assert_eq!(told.0, 201, "{}", told.1);
    }
    let mut keys = Vec::new();
    for server in &servers {
        for number in 0..servers.len() {
            server.login(&format!("person-{number}@example.com")).await;
        }
        keys.push(server.send("GET", "/.well-known/jwks.json", None, None).await.unwrap().1);
    }
    keys.dedup();
    assert_eq!(keys.len(), 1, "each process has the same signing keys");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_taken_port_is_told() {
    let place = Place::on_sqlite().await;
    let server = place.serve();
    let address = server.url.trim_start_matches("http://").to_owned();
    let place = Place::on_sqlite().await.set("PALISADE_LISTEN", &address);
    let told = place.run(&["serve"], "").failed();
    assert!(told.contains(&format!("cannot listen on {address}")), "{told}");
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_descriptors_it_says_so_and_goes_on_when_there_are_some() {
    let place = Place::on_sqlite().await;
    let mut server = place.serve();
    server.limit_descriptors(8);
    let asked = TcpStream::connect(server.url.trim_start_matches("http://"));
    server.wait_for("a connection could not be accepted");
    server.limit_descriptors(256);
    assert_eq!(server.send("GET", "/healthz", None, None).await, Some((200, json!("ok"))));
    drop(asked);
    assert_eq!(server.stop().code, Some(0));
}
