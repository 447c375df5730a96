//! Nothing that was acknowledged is lost when the process dies in the middle of its work.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use super::child::{ask, letter};
use super::{Place, in_places};
use crate::support::PASSWORD;

in_places!(what_was_acknowledged_survives_a_kill);

/// One writer: what it was told is done, until the server is gone.
async fn write(url: String, token: String, writer: usize, count: Arc<AtomicUsize>) -> (Vec<String>, Vec<String>) {
    let (mut people, mut organizations) = (Vec::new(), Vec::new());
    for number in 0.. {
        let email = format!("person-{writer}-{number}@example.com");
        let body = json!({ "email": email, "password": PASSWORD });
        match ask(&url, "POST", "/api/v1/auth/register", None, Some(body)).await {
            Some((201, _)) => people.push(email),
            Some((429 | 503, _)) => continue,
            Some(other) => panic!("{other:?}"),
            None => break,
        }
        let slug = format!("slug-{writer}-{number}");
        let body = json!({ "name": slug, "slug": slug });
        match ask(&url, "POST", "/api/v1/organizations", Some(&token), Some(body)).await {
            Some((201, made)) => organizations.push(made["id"].as_str().unwrap().to_owned()),
            Some((503, _)) => {}
            Some(other) => panic!("{other:?}"),
            None => break,
        }
        count.fetch_add(1, Ordering::SeqCst);
    }
    (people, organizations)
}

async fn what_was_acknowledged_survives_a_kill(place: Place) {
    place.admin("root@example.com");
    let (mut people, mut organizations) = (Vec::new(), Vec::new());
    for round in 0..3 {
        let server = place.serve();
        let (token, _) = server.login("root@example.com").await;
        let count = Arc::new(AtomicUsize::new(0));
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let (url, token) = (server.url.clone(), token.clone());
                tokio::spawn(write(url, token, round * 10 + writer, Arc::clone(&count)))
            })
            .collect();
        while count.load(Ordering::SeqCst) < 8 {
            tokio::task::yield_now().await;
            assert!(!writers.iter().any(tokio::task::JoinHandle::is_finished), "a writer gave up");
        }
        server.kill();
        for writer in writers {
            let (more_people, more_organizations) = writer.await.unwrap();
            people.extend(more_people);
            organizations.extend(more_organizations);
        }
    }
    assert!(people.len() >= 24 && organizations.len() >= 24);

    let server = place.serve();
    let (token, _) = server.login("root@example.com").await;
    for id in &organizations {
        let path = format!("/api/v1/organizations/{id}/members");
        let (status, members) = server.send("GET", &path, Some(&token), None).await.unwrap();
        assert_eq!((status, members[0]["role_name"].as_str()), (200, Some("owner")), "{members}");
    }
    for email in &people {
        server.login(email).await;
        // Its letter was part of the registration.
        assert!(letter(place.folder.path(), email).await.contains("/verify-email?token="));
    }
}
