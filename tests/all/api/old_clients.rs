//! The clients of OmoiOS, the system that Palisade replaces, go on working: its calls under `/api/v1/auth` as its
//! browser client makes them and reads their answers. A `null` of the old answers may be a field left out.

use poem::http::Method;
use serde_json::{Value, json};

use crate::on_both_with;
use crate::support::{Answer, PASSWORD, Server, Setup};

on_both_with!(with_a_waitlist; every_call_of_the_old_client_works_unchanged, errors_have_the_shape_the_old_client_reads);

const WAITLIST: &str = "[[plugins]]\nname = \"waitlist\"\nconfig = { allowed_domains = [\"example.com\"] }\n";

fn with_a_waitlist(setup: &mut Setup) {
    setup.plugins = WAITLIST;
}

/// The old client: `credentials: include`, the tokens in its own storage, and one refresh when it is told 401.
struct Client<'a> {
    server: &'a Server,
    access: Option<String>,
    refresh: Option<String>,
    /// What a browser would send along.
    cookies: String,
}

impl<'a> Client<'a> {
    fn new(server: &'a Server) -> Self {
        Self { server, access: None, refresh: None, cookies: String::new() }
    }

    async fn once(&mut self, method: &Method, path: &str, body: Option<&Value>) -> Answer {
        let bearer = self.access.as_ref().map(|access| format!("Bearer {access}"));
        let mut headers = vec![("accept", "application/json"), ("sec-fetch-site", "same-origin")];
        headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
        if !self.cookies.is_empty() {
            headers.push(("cookie", &self.cookies));
        }
        let path = format!("/api/v1/auth{path}");
        let answer = self.server.send_from("192.0.2.1", &headers, method.clone(), &path, body).await;
        let set = answer.headers.get_all("set-cookie").iter();
        let pairs: Vec<_> = set.map(|it| it.to_str().unwrap().split(';').next().unwrap()).collect();
        if !pairs.is_empty() {
            self.cookies = pairs.join("; ");
        }
        answer
    }

    async fn call(&mut self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let answer = self.once(&method, path, body.as_ref()).await;
        if answer.status != 401 || self.refresh.is_none() || path == "/refresh" {
            return answer;
        }
        let kept = json!({ "refresh_token": self.refresh });
        let tokens = self.once(&Method::POST, "/refresh", Some(&kept)).await.expect(200);
        self.keep(&tokens);
        self.once(&method, path, body.as_ref()).await
    }

    async fn get(&mut self, path: &str) -> Value {
        self.call(Method::GET, path, None).await.expect(200)
    }

    async fn post(&mut self, path: &str, body: Value, status: u16) -> Value {
        self.call(Method::POST, path, Some(body)).await.expect(status)
    }

    fn keep(&mut self, tokens: &Value) {
        assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("bearer"), &json!(900)));
        self.access = tokens["access_token"].as_str().map(str::to_owned);
        self.refresh = tokens["refresh_token"].as_str().map(str::to_owned);
    }

    async fn login(&mut self, email: &str, password: &str) {
        let tokens = self.post("/login", json!({ "email": email, "password": password }), 200).await;
        self.keep(&tokens);
        // It reads the end out of the token itself, with a plain base64 decoder.
        let claims = self.access.as_deref().unwrap().split('.').nth(1).unwrap();
        use base64::Engine as _;
        let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).unwrap();
        assert!(serde_json::from_slice::<Value>(&claims).unwrap()["exp"].is_number());
    }
}

/// Has these fields, of these kinds; `?` for those that may be left out.
#[track_caller]
fn shaped(value: &Value, fields: &[(&str, &str)]) {
    for (name, kind) in fields {
        let found = match value.get(name) {
            None | Some(Value::Null) if kind.ends_with('?') => continue,
            None => panic!("no `{name}` in {value}"),
            Some(Value::String(_)) => "string",
            Some(Value::Bool(_)) => "boolean",
            Some(Value::Number(_)) => "number",
            Some(Value::Array(_)) => "array",
            Some(Value::Object(_)) => "object",
            Some(Value::Null) => "null",
        };
        assert_eq!(found, kind.trim_end_matches('?'), "`{name}` of {value}");
    }
}

const USER: &[(&str, &str)] = &[
    ("id", "string"),
    ("email", "string"),
    ("full_name", "string?"),
    ("department", "string?"),
    ("is_active", "boolean"),
    ("is_verified", "boolean"),
    ("is_super_admin", "boolean"),
    ("avatar_url", "string?"),
    ("attributes", "object"),
    ("waitlist_status", "string"),
    ("created_at", "string"),
    ("last_login_at", "string?"),
];
const KEY: &[(&str, &str)] = &[
    ("id", "string"),
    ("name", "string"),
    ("key_prefix", "string"),
    ("scopes", "array"),
    ("is_active", "boolean"),
    ("last_used_at", "string?"),
    ("expires_at", "string?"),
    ("created_at", "string"),
];
const MESSAGE: &[(&str, &str)] = &[("message", "string")];

async fn every_call_of_the_old_client_works_unchanged(server: Server) {
    let mut ada = Client::new(&server);
    let body = json!({
        "email": "ada@example.com", "password": PASSWORD, "full_name": "Ada", "department": "",
        "referral_source": "a friend",
    });
    shaped(&ada.post("/register", body, 201).await, USER);
    shaped(&ada.post("/resend-verification", json!({ "email": "ada@example.com" }), 200).await, MESSAGE);
    server.advance(std::time::Duration::from_millis(1));
    let token = server.last_mail("ada@example.com").await.token();
    shaped(&ada.post("/verify-email", json!({ "token": token }), 200).await, MESSAGE);
    ada.login("ada@example.com", PASSWORD).await;

    let me = ada.get("/me").await;
    shaped(&me, USER);
    assert_eq!((&me["is_verified"], &me["waitlist_status"]), (&json!(true), &json!("approved")));
    let patch = json!({ "full_name": "Ada L.", "department": "Engines", "attributes": { "theme": "dark" } });
    let me = ada.call(Method::PATCH, "/me", Some(patch)).await.expect(200);
    assert_eq!((&me["full_name"], &me["attributes"]), (&json!("Ada L."), &json!({ "theme": "dark" })));
    shaped(&me, USER);

    // A quarter of an hour later the client is told 401, refreshes and asks again.
    server.advance(std::time::Duration::from_secs(900));
    let before = ada.refresh.clone();
    shaped(&ada.get("/me").await, USER);
    assert_ne!(ada.refresh, before);

    // Keys: the old form sends a name only.
    let made = ada.post("/api-keys", json!({ "name": "ci" }), 201).await;
    shaped(&made, KEY);
    shaped(&made, &[("key", "string")]);
    let more = json!({ "name": "ci", "scopes": ["self:read"], "expires_in_days": 30 });
    shaped(&ada.post("/api-keys", more, 201).await, KEY);
    let listed = ada.get("/api-keys").await;
    assert_eq!(listed.as_array().map(Vec::len), Some(2));
    shaped(&listed[0], KEY);
    let path = format!("/api-keys/{}", made["id"].as_str().unwrap());
    shaped(&ada.call(Method::DELETE, &path, None).await.expect(200), MESSAGE);

    let another = "an entirely different staple";
    let body = json!({ "current_password": PASSWORD, "new_password": another });
    shaped(&ada.post("/change-password", body, 200).await, MESSAGE);
    shaped(&ada.post("/forgot-password", json!({ "email": "ada@example.com" }), 200).await, MESSAGE);
    server.advance(std::time::Duration::from_millis(1));
    let mails = server.mails().await;
    let token = mails.iter().rfind(|mail| mail.subject.contains("Set a new password")).unwrap().token();
    shaped(
        &ada.post("/reset-password", json!({ "token": token, "new_password": PASSWORD }), 200).await,
        MESSAGE,
    );
    ada.login("ada@example.com", PASSWORD).await;
    let said = ada.post("/logout", json!({}), 200).await;
    assert!(said["message"].as_str().unwrap().to_lowercase().contains("logged out"), "{said}");

    the_cookies_of_the_old_client(&server).await;
    the_waitlist_of_the_old_client(&server).await;
}

/// A page that keeps its tokens in cookies: an empty body refreshes with the cookie, `{}` too.
async fn the_cookies_of_the_old_client(server: &Server) {
    let mut page = Client::new(server);
    let body = json!({ "email": "ada@example.com", "password": PASSWORD, "cookies": true });
    page.post("/login", body, 200).await;
    shaped(&page.get("/me").await, USER);
    for body in [Some(json!({})), None] {
        let before = page.cookies.clone();
        page.call(Method::POST, "/refresh", body).await.expect(200);
        assert_ne!(page.cookies, before);
        shaped(&page.get("/me").await, USER);
    }
    page.call(Method::POST, "/logout", None).await.expect(200);
    assert_eq!(page.cookies, "__Host-palisade_access=; __Host-palisade_refresh=");
    page.call(Method::GET, "/me", None).await.refused(401, "not-signed-in");
}

async fn the_waitlist_of_the_old_client(server: &Server) {
    server.super_admin("root@example.com").await;
    let mut root = Client::new(server);
    root.login("root@example.com", PASSWORD).await;
    for name in ["bob", "eve"] {
        let body = json!({ "email": format!("{name}@elsewhere.example"), "password": PASSWORD });
        assert_eq!(Client::new(server).post("/register", body, 201).await["waitlist_status"], "pending");
    }
    for query in ["", "?status_filter=pending&limit=100&offset=0"] {
        let page = root.get(&format!("/waitlist{query}")).await;
        shaped(&page, &[("users", "array"), ("total", "number"), ("limit", "number"), ("offset", "number")]);
        assert_eq!(page["total"], 2);
        shaped(&page["users"][0], USER);
    }
    let id = root.get("/waitlist").await["users"][0]["id"].as_str().unwrap().to_owned();
    let approved = root.call(Method::POST, &format!("/waitlist/{id}/approve"), None).await.expect(200);
    shaped(&approved, &[("message", "string"), ("user", "object")]);
    assert_eq!(approved["user"]["waitlist_status"], "approved");
    let all = root.call(Method::POST, "/waitlist/approve-all", None).await.expect(200);
    shaped(&all, &[("message", "string"), ("count", "number")]);
    assert_eq!(all["count"], 1);
}

async fn errors_have_the_shape_the_old_client_reads(server: Server) {
    server.person("ada@example.com").await;
    let mut anonymous = Client::new(&server);
    let mut ada = Client::new(&server);
    ada.login("ada@example.com", PASSWORD).await;
    let wrong = json!({ "email": "ada@example.com", "password": "not the password" });
    let answers = [
        (anonymous.call(Method::POST, "/login", Some(wrong)).await, 401),
        (anonymous.call(Method::POST, "/login", Some(json!({ "email": "ada@example.com" }))).await, 422),
        (anonymous.call(Method::POST, "/register", Some(json!({ "email": "x" }))).await, 422),
        (anonymous.call(Method::POST, "/refresh", Some(json!({}))).await, 422),
        (anonymous.call(Method::POST, "/refresh", Some(json!({ "refresh_token": "x" }))).await, 401),
        (anonymous.call(Method::GET, "/me", None).await, 401),
        (anonymous.call(Method::POST, "/verify-email", Some(json!({ "token": "x" }))).await, 409),
        (ada.call(Method::GET, "/waitlist", None).await, 403),
        (ada.call(Method::DELETE, "/api-keys/019b76da-a800-7000-8000-00000000dead", None).await, 404),
        (ada.call(Method::DELETE, "/api-keys/no-id", None).await, 422),
    ];
    for (answer, status) in answers {
        assert_eq!(answer.status, status, "{}", answer.body);
        shaped(&answer.body, &[("detail", "string"), ("code", "string")]);
    }
}
