//! The page with the development mail.

use serde_json::json;

use crate::on_both;
use crate::support::{Database, PASSWORD, Server, Setup};

on_both!(the_page_shows_letters_with_their_links_and_runs_nothing);

async fn the_page_shows_letters_with_their_links_and_runs_nothing(server: Server) {
    let body = json!({ "email": "ada@example.com", "password": PASSWORD, "full_name": "<b>Ada</b>" });
    server.post("/api/v1/auth/register", body).await.expect(201);
    let token = server.last_mail("ada@example.com").await.token();
    let response = server.client.get("/mail").send().await.0;
    assert_eq!(response.status(), 200);
    let policy = response.header("Content-Security-Policy").expect("a policy").to_owned();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("script"), "{policy}");
    let html = response.into_body().into_string().await.expect("it is text");
    let link = format!("<a href=\"http://palisade.test/verify-email?token={token}\"");
    assert!(html.contains(&link) && html.contains("ada@example.com"), "{html}");
    assert!(html.contains("&lt;b&gt;Ada&lt;/b&gt;") && !html.contains("<b>"), "{html}");
}

#[tokio::test]
async fn there_is_no_page_when_letters_go_elsewhere() {
    let mut setup = Setup::on(Database::Sqlite);
    setup.settings.push(("PALISADE_MAIL", "smtp://127.0.0.1:9".to_owned()));
    let server = Server::with(setup).await;
    assert!(!server.config.shows_mail());
    server.get("/mail").await.refused(404, "not-found");
}

#[tokio::test]
async fn production_never_shows_letters() {
    let mut server = Server::start(Database::Sqlite).await;
    assert!(server.config.shows_mail());
    server.config.mode = palisade::config::Mode::Production;
    assert!(!server.config.shows_mail());
}
