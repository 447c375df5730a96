//! Accounts: passwords, sessions, addresses, deletion. Attacks carry the numbers of the list they come from.

mod deletion;
mod email_change;
mod keys;
mod passwords;
mod profile;
mod purge;
mod sessions;

use poem::http::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Person, Server};

/// Long enough, and not the one everybody has.
const ANOTHER: &str = "an entirely different staple";

/// Whether the sign-in still works: its access token, and its refresh token.
async fn lives(server: &Server, person: &Person) -> (bool, bool) {
    let access = server.get_as(person, "/api/v1/auth/me").await;
    let refresh = server.post("/api/v1/auth/refresh", json!({ "refresh_token": person.refresh })).await;
    (access.status == 200, refresh.status == 200)
}

/// Asserts that a sign-in is over in every way.
async fn is_over(server: &Server, person: &Person) {
    assert_eq!(lives(server, person).await, (false, false), "the session of {}", person.email);
}

async fn sign_in(server: &Server, email: &str, password: &str) -> Answer {
    server.post("/api/v1/auth/login", json!({ "email": email, "password": password })).await
}

/// Another sign-in of the same person, with the password they have.
async fn signed_in(server: &Server, email: &str, password: &str) -> Person {
    let tokens = sign_in(server, email, password).await.expect(200);
    with_tokens(server, email, &tokens).await
}

async fn with_tokens(server: &Server, email: &str, tokens: &Value) -> Person {
    let text = |key: &str| tokens[key].as_str().expect("a token").to_owned();
    let (access, refresh) = (text("access_token"), text("refresh_token"));
    let me = server.send(Method::GET, "/api/v1/auth/me", Some(&access), None).await.expect(200);
    Person { id: me["id"].as_str().expect("an id").to_owned(), email: email.to_owned(), access, refresh }
}

/// How many letters to `to` have a subject that contains `about`.
async fn letters(server: &Server, to: &str, about: &str) -> usize {
    let mails = server.mails().await;
    mails.iter().filter(|mail| mail.to.contains(to) && mail.subject.contains(about)).count()
}
