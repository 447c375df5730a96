//! People, and what they do most.

use palisade::domain::{Secret, SystemRole};
use palisade::guard::Principal;
use palisade::guard::actions::CreateAdministrator;
use poem::http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Answer, Server};

pub const PASSWORD: &str = "correct horse battery";

/// Somebody who is signed in.
#[derive(Debug, Clone)]
pub struct Person {
    pub id: String,
    pub email: String,
    pub access: String,
    pub refresh: String,
}

impl Server {
    /// Registers somebody; the account as it was answered.
    pub async fn register(&self, email: &str) -> Value {
        self.post("/api/v1/auth/register", json!({ "email": email, "password": PASSWORD })).await.expect(201)
    }

    pub async fn login(&self, email: &str) -> Person {
        let body = json!({ "email": email, "password": PASSWORD });
        let tokens = self.post("/api/v1/auth/login", body).await.expect(200);
        let text = |key: &str| tokens[key].as_str().expect("a token").to_owned();
        let (access, refresh) = (text("access_token"), text("refresh_token"));
        let me = self.send(Method::GET, "/api/v1/auth/me", Some(&access), None).await.expect(200);
        let id = me["id"].as_str().expect("an id").to_owned();
        Person { id, email: email.to_owned(), access, refresh }
    }

    /// Somebody who registered and is signed in, the address not proved.
    pub async fn unverified(&self, email: &str) -> Person {
        self.register(email).await;
        self.login(email).await
    }

    /// Somebody who registered, proved the address and is signed in.
    pub async fn person(&self, email: &str) -> Person {
        self.register(email).await;
        let token = self.last_mail(email).await.token();
        self.post("/api/v1/auth/verify-email", json!({ "token": token })).await.expect(200);
        self.login(email).await
    }

    /// A super admin, made as the command line makes one.
    pub async fn super_admin(&self, email: &str) -> Person {
        let caller = Principal::system("cli", "test".to_owned());
        let ok = self.app.authorize(&caller, CreateAdministrator {}).await.expect("the command line may");
        let made = self.app.create_administrator(ok, email, &Secret::new(PASSWORD.to_owned())).await;
        let _ = made.expect("the administrator is made");
        self.login(email).await
    }

    pub async fn get_as(&self, person: &Person, path: &str) -> Answer {
        self.send(Method::GET, path, Some(&person.access), None).await
    }

    pub async fn post_as(&self, person: &Person, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(&person.access), Some(&body)).await
    }

    pub async fn patch_as(&self, person: &Person, path: &str, body: Value) -> Answer {
        self.send(Method::PATCH, path, Some(&person.access), Some(&body)).await
    }

    pub async fn put_as(&self, person: &Person, path: &str, body: Value) -> Answer {
        self.send(Method::PUT, path, Some(&person.access), Some(&body)).await
    }

    pub async fn delete_as(&self, person: &Person, path: &str) -> Answer {
        self.send(Method::DELETE, path, Some(&person.access), None).await
    }

    /// An organization that `owner` founds; its path.
    pub async fn organization(&self, owner: &Person, slug: &str) -> String {
        let body = json!({ "name": slug, "slug": slug });
        let made = self.post_as(owner, "/api/v1/organizations", body).await.expect(201);
        format!("/api/v1/organizations/{}", made["id"].as_str().expect("an id"))
    }

    /// Makes `person` a member; the path of the membership.
    pub async fn add_member(
        &self,
        by: &Person,
        organization: &str,
        person: &Person,
        role: SystemRole,
    ) -> String {
        let body = json!({ "user_id": person.id, "role_id": role_id(role) });
        let path = format!("{organization}/members");
        let made = self.post_as(by, &path, body).await.expect(201);
        format!("{path}/{}", made["id"].as_str().expect("an id"))
    }
}

pub fn role_id(role: SystemRole) -> String {
    Uuid::from(role.id()).to_string()
}
