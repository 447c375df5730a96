//! Signing in with others, as a browser does it.

use poem::http::Method;
use serde_json::{Value, json};
use url::Url;

use super::{Answer, Idp, Person, Server};

/// What a browser remembers.
#[derive(Debug, Default, Clone)]
pub struct Jar(pub Option<String>);

/// The page of the product that a browser ends at.
#[derive(Debug, Clone)]
pub struct Landed(pub Url);

impl Landed {
    pub fn query(&self, name: &str) -> Option<String> {
        self.0.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    /// The code of a sign-in that went well.
    #[track_caller]
    pub fn code(&self) -> String {
        self.query("code").unwrap_or_else(|| panic!("no code in {}", self.0))
    }

    /// Asserts that it went wrong, and how it is told.
    #[track_caller]
    pub fn failed(&self, word: &str) {
        assert_eq!(self.query("error").as_deref(), Some(word), "{}", self.0);
        assert!(self.query("code").is_none() && self.0.fragment().is_none(), "{}", self.0);
    }
}

impl Server {
    /// Sends a request as this browser, signed in as somebody or not.
    pub async fn browse(
        &self,
        jar: &mut Jar,
        method: Method,
        path: &str,
        person: Option<&Person>,
        body: Option<&Value>,
    ) -> Answer {
        let mut request = self.client.request(method, path.to_owned());
        if let Some(cookie) = &jar.0 {
            request = request.header("Cookie", cookie.clone());
        }
        if let Some(person) = person {
            request = request.header("Authorization", format!("Bearer {}", person.access));
        }
        if let Some(body) = body {
            request = request.content_type("application/json").body(body.to_string());
        }
        let answer = Answer::read(request.send().await).await;
        if let Some(cookie) = answer.headers.get("set-cookie").and_then(|it| it.to_str().ok()) {
            let pair = cookie.split(';').next().expect("a pair");
            if pair.starts_with("palisade_oauth=") {
                jar.0 = Some(pair.to_owned());
            }
        }
        answer
    }

    /// The address of the provider to go to.
    pub async fn depart(&self, jar: &mut Jar, provider: &str) -> String {
        let path = format!("/api/v1/auth/oauth/{provider}/url");
        let answer = self.browse(jar, Method::GET, &path, None, None).await.expect(200);
        answer["auth_url"].as_str().expect("an address").to_owned()
    }

    /// The same to connect an account of `person`'s.
    pub async fn depart_as(&self, jar: &mut Jar, person: &Person, provider: &str, body: Value) -> String {
        let path = format!("/api/v1/auth/oauth/{provider}/connect");
        let answer = self.browse(jar, Method::POST, &path, Some(person), Some(&body)).await.expect(200);
        answer["auth_url"].as_str().expect("an address").to_owned()
    }

    /// Comes back from the provider.
    pub async fn come_back(&self, jar: &mut Jar, provider: &str, query: &[(&str, &str)]) -> Landed {
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
        let path = format!("/api/v1/auth/oauth/{provider}/callback?{query}");
        let answer = self.browse(jar, Method::GET, &path, None, None).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        let location = answer.headers["location"].to_str().expect("an address");
        Landed(location.parse().expect("an address"))
    }

    /// Goes to the provider `name`, which is `idp`, and comes back.
    pub async fn journey(&self, jar: &mut Jar, name: &str, idp: &Idp) -> Landed {
        let auth_url = self.depart(jar, name).await;
        let (code, state) = idp.visit(&auth_url);
        self.come_back(jar, name, &[("code", &code), ("state", &state)]).await
    }

    /// The same to connect an account of `person`'s.
    pub async fn connect(&self, person: &Person, name: &str, idp: &Idp, body: Value) -> Landed {
        let mut jar = Jar::default();
        let auth_url = self.depart_as(&mut jar, person, name, body).await;
        let (code, state) = idp.visit(&auth_url);
        self.come_back(&mut jar, name, &[("code", &code), ("state", &state)]).await
    }

    /// Trades a code.
    pub async fn trade(&self, jar: &mut Jar, code: &str) -> Answer {
        let body = json!({ "code": code });
        self.browse(jar, Method::POST, "/api/v1/auth/oauth/token", None, Some(&body)).await
    }

    /// Goes, comes back, and is signed in.
    pub async fn sign_in_by(&self, name: &str, idp: &Idp) -> Person {
        let mut jar = Jar::default();
        let landed = self.journey(&mut jar, name, idp).await;
        let tokens = self.trade(&mut jar, &landed.code()).await.expect(200);
        let text = |key: &str| tokens[key].as_str().expect("a token").to_owned();
        let (access, refresh) = (text("access_token"), text("refresh_token"));
        let me = self.send(Method::GET, "/api/v1/auth/me", Some(&access), None).await.expect(200);
        let text = |key: &str| me[key].as_str().expect("a text").to_owned();
        Person { id: text("id"), email: text("email"), access, refresh }
    }
}
