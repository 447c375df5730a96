//! The language of a letter, and the operator's own words.

use palisade::cli::wire;
use palisade::config::Config;
use poem::http::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Database, PASSWORD, Server, Setup};
use crate::{on_both, on_both_with};

on_both!(
    a_letter_is_in_the_language_that_was_asked_for,
    without_a_word_the_browser_says_the_language,
    a_person_changes_their_language,
    an_invitation_is_in_the_language_of_whoever_has_the_account,
);
on_both_with!(own_words; the_operators_own_letter_is_sent);

async fn register(server: &Server, email: &str, language: Option<&str>, header: Option<&str>) -> Value {
    let mut body = json!({ "email": email, "password": PASSWORD });
    if let Some(language) = language {
        body["language"] = json!(language);
    }
    let mut request = server.client.request(Method::POST, "/api/v1/auth/register".to_owned());
    if let Some(header) = header {
        request = request.header("Accept-Language", header);
    }
    Answer::read(request.content_type("application/json").body(body.to_string()).send().await)
        .await
        .expect(201)
}

/// Whether the newest letter to `email` is in German; its subject may be encoded, its HTML part says it.
async fn in_german(server: &Server, email: &str) -> bool {
    let letters = server.app.development_mail(100).await.expect("the folder can be read");
    let letter = letters.into_iter().find(|letter| letter.to == email).expect("a letter");
    letter.text.contains("Guten Tag")
}

async fn a_letter_is_in_the_language_that_was_asked_for(server: Server) {
    let user = register(&server, "a@example.com", Some("de"), Some("en")).await;
    register(&server, "b@example.com", Some("en"), Some("de")).await;
    server.mails().await;
    assert_eq!(user["language"], "de");
    assert!(in_german(&server, "a@example.com").await && !in_german(&server, "b@example.com").await);
    let wrong = json!({ "email": "c@example.com", "password": PASSWORD, "language": "xx" });
    assert_eq!(server.post("/api/v1/auth/register", wrong).await.status, 422);
}

async fn without_a_word_the_browser_says_the_language(server: Server) {
    for (number, (header, german)) in [
        (Some("de-AT,de;q=0.9,en;q=0.5"), true),
        (Some("en,de;q=0.9"), false),
        (Some("fr"), false),
        (None, false),
    ]
    .into_iter()
    .enumerate()
    {
        let email = format!("p{number}@example.com");
        register(&server, &email, None, header).await;
        server.mails().await;
        assert_eq!(in_german(&server, &email).await, german, "{header:?}");
    }
}

async fn a_person_changes_their_language(server: Server) {
    let ada = server.person("ada@example.com").await;
    let me = "/api/v1/auth/me";
    assert!(server.get_as(&ada, me).await.expect(200).get("language").is_none());
    let changed = server.patch_as(&ada, me, json!({ "language": "de" })).await.expect(200);
    assert_eq!(changed["language"], "de");
    assert_eq!(server.patch_as(&ada, me, json!({ "full_name": "Ada" })).await.expect(200)["language"], "de");
    // Somebody registers with the address again: its owner is told, in their language.
    server.advance(std::time::Duration::from_millis(1));
    register(&server, "ada@example.com", Some("en"), None).await;
    server.mails().await;
    assert!(in_german(&server, "ada@example.com").await);
    let cleared = server.patch_as(&ada, me, json!({ "language": null })).await.expect(200);
    assert!(cleared.get("language").is_none());
}

async fn an_invitation_is_in_the_language_of_whoever_has_the_account(server: Server) {
    let ada = server.person("ada@example.com").await;
    register(&server, "bob@example.com", Some("de"), None).await;
    let acme = server.organization(&ada, "acme").await;
    server.advance(std::time::Duration::from_millis(1));
    for email in ["bob@example.com", "new@example.com"] {
        let role = crate::support::role_id(palisade::domain::SystemRole::Viewer);
        let body = json!({ "email": email, "role_id": role });
        server.post_as(&ada, &format!("{acme}/invitations"), body).await.expect(201);
    }
    server.mails().await;
    assert!(in_german(&server, "bob@example.com").await && !in_german(&server, "new@example.com").await);
}

/// A folder with one letter of the operator's; it stays until the process ends.
fn own_words(setup: &mut Setup) {
    let folder = tempfile::tempdir().expect("a folder can be made").keep();
    std::fs::create_dir_all(folder.join("en")).expect("the folder can be written");
    let text = "Willkommen an Bord\n\nAhoy! {{ link }}\n";
    std::fs::write(folder.join("en/verify-email.txt"), text).expect("the folder can be written");
    setup.settings.push(("PALISADE_MAIL_TEMPLATES_DIR", folder.display().to_string()));
}

async fn the_operators_own_letter_is_sent(server: Server) {
    server.register("ada@example.com").await;
    let letter = server.last_mail("ada@example.com").await;
    assert_eq!(letter.subject, "Willkommen an Bord");
    assert!(letter.text.contains("Ahoy!") && letter.text.contains("Confirm this address"), "{}", letter.text);
    let token = letter.token();
    server.post("/api/v1/auth/verify-email", json!({ "token": token })).await.expect(200);
}

#[tokio::test]
async fn a_broken_letter_stops_the_start_with_its_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let templates = folder.path().join("letters");
    std::fs::create_dir_all(templates.join("de")).unwrap();
    std::fs::write(templates.join("de/invitation.html"), "<p>\n{{ link }}\n{{ organisation }}\n</p>\n")
        .unwrap();
    let file = folder.path().join("palisade.toml");
    std::fs::write(&file, "").unwrap();
    let settings = [
        ("PALISADE_DATA_DIR", folder.path().display().to_string()),
        ("PALISADE_POLICIES_DIR", crate::support::root().join("policies").display().to_string()),
        ("PALISADE_DATABASE_URL", Database::Sqlite.fresh(folder.path()).await),
        ("PALISADE_MAIL_TEMPLATES_DIR", templates.display().to_string()),
    ];
    let settings = settings.map(|(name, text)| (name.to_owned(), text));
    let mut config = Config::load(Some(&file), settings).unwrap();
    config.plugins_dir = crate::support::root().join("plugins");
    let error = wire::mailer(&config).unwrap_err().to_string();
    assert!(error.contains("de/invitation.html:3: "), "{error}");
    assert!(wire::app(&config, None, wire::World::default()).await.is_err());
}
