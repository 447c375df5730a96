//! Nothing that was acknowledged is lost when the process dies in the middle of its work.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use palisade::app::mail_principal;
use palisade::cli::wire::{self, World};
use palisade::config::Config;
use palisade::domain::{Clock as _, SystemClock, TestClock};
use palisade::guard::actions::DeliverMail;
use serde_json::json;

use super::child::{ask, letter};
use super::{Place, in_places};
use crate::support::{PASSWORD, root};

in_places!(what_was_acknowledged_survives_a_kill);

/// One writer: what it was told is done, until the server is gone.
async fn write(
    url: String,
    token: String,
    writer: usize,
    count: Arc<AtomicUsize>,
) -> (Vec<String>, Vec<String>) {
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

/// Delivers mail as a process would that runs an hour from now, when no dead process holds a letter any more.
async fn deliver_later(place: &Place) {
    let settings = [
        ("PALISADE_DATA_DIR", place.folder.path().display().to_string()),
        ("PALISADE_DATABASE_URL", place.url.clone()),
        ("PALISADE_POLICIES_DIR", root().join("policies").display().to_string()),
    ];
    let settings = settings.map(|(name, value)| (name.to_owned(), value));
    let file = place.folder.path().join("palisade.toml");
    let config = Config::load(Some(&file), settings).expect("the settings are right");
    let later = SystemClock.now() + Duration::from_secs(3600);
    let world = World { clock: Arc::new(TestClock::at(later)), ..World::default() };
    let app = wire::app(&config, None, world).await.expect("it opens");
    let caller = mail_principal();
    let ok = app.authorize(&caller, DeliverMail {}).await.expect("the mail job may deliver");
    app.deliver_mail(&ok).await.expect("mail can be delivered");
    app.close().await;
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
    }
    server.stop();
    // Its letter was part of the registration: sent, or waiting, or held by a sender that died.
    deliver_later(&place).await;
    for email in &people {
        assert!(letter(place.folder.path(), email).await.contains("/verify-email?token="));
    }
}
