//! A provider of the tests' own, on loopback: says what it is told to, true or not.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use palisade::crypto::SigningKey;
use palisade::domain::{OsRandom, Random as _, Secret};
use parking_lot::Mutex;
use poem::http::StatusCode;
use poem::listener::TcpAcceptor;
use poem::{EndpointExt as _, Request, Response};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::Url;

use super::server::BEGIN;

/// What the provider says. Objects are laid over what a right one would say; `null` takes a field away.
#[derive(Debug)]
pub struct Says {
    pub key: SigningKey,
    pub metadata: Value,
    /// Claims of ID tokens.
    pub claims: Value,
    /// Instead of any ID token.
    pub id_token: Option<String>,
    /// Signs ID tokens instead, under the name of `key`.
    pub forger: Option<SigningKey>,
    pub userinfo: Value,
    pub emails: Value,
    pub token: Value,
    /// Of the token endpoint; GitHub answers errors with 200.
    pub token_status: u16,
    pub now: i64,
    codes: HashMap<String, Departure>,
    /// Tokens that were given back.
    pub revoked: Vec<String>,
    /// How often its keys were asked for.
    pub key_requests: u32,
    /// Bodies that the token endpoint got.
    pub asked: Vec<HashMap<String, String>>,
}

#[derive(Debug, Clone)]
struct Departure {
    nonce: Option<String>,
    challenge: String,
    redirect_uri: String,
}

/// RFC 8693 section 3.
const KIND: &str = "urn:ietf:params:oauth:token-type:access_token";

/// The provider.
#[derive(Debug, Clone)]
pub struct Idp {
    pub url: String,
    pub says: Arc<Mutex<Says>>,
}

impl Idp {
    /// Begins to answer; it ends with the test.
    pub fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
        listener.set_nonblocking(true).expect("a socket can wait");
        let url = format!("http://{}", listener.local_addr().expect("it has an address"));
        let says = Says {
            key: SigningKey::generate(&OsRandom),
            metadata: json!({}),
            claims: json!({}),
            id_token: None,
            forger: None,
            userinfo: json!({}),
            emails: json!([]),
            token: json!({}),
            token_status: 200,
            now: BEGIN.seconds(),
            codes: HashMap::new(),
            revoked: Vec::new(),
            key_requests: 0,
            asked: Vec::new(),
        };
        let idp = Self { url, says: Arc::new(Mutex::new(says)) };
        let answering = idp.clone();
        let endpoint = poem::endpoint::make(move |request| {
            let idp = answering.clone();
            async move { Ok::<_, poem::Error>(idp.answer(request).await) }
        });
        let acceptor = TcpAcceptor::from_std(listener).expect("it can be listened to");
        tokio::spawn(poem::Server::new_with_acceptor(acceptor).run(endpoint.boxed()));
        idp
    }

    /// Says this of the next person.
    pub fn says_of(&self, subject: &str, claims: &Value) {
        let mut says = self.says.lock();
        says.claims = laid(json!({ "sub": subject }), claims);
        says.userinfo = says.claims.clone();
    }

    /// A person goes where the address leads and agrees; the code and the state they go back with.
    pub fn visit(&self, auth_url: &str) -> (String, String) {
        let url: Url = auth_url.parse().expect("an address");
        assert!(auth_url.starts_with(&self.url), "{auth_url} is not {}", self.url);
        let query: HashMap<String, String> = url.query_pairs().into_owned().collect();
        assert_eq!(query["code_challenge_method"], "S256");
        assert_eq!(query["response_type"], "code");
        let departure = Departure {
            nonce: query.get("nonce").cloned(),
            challenge: query["code_challenge"].clone(),
            redirect_uri: query["redirect_uri"].clone(),
        };
        let code = Secret::random(&OsRandom).expose().to_owned();
        self.says.lock().codes.insert(code.clone(), departure);
        (code, query["state"].clone())
    }

    /// A page that sends whoever comes back by a form, without a word.
    fn page(&self, request: &Request) -> Response {
        let at = format!("{}{}", self.url, request.original_uri());
        let (code, state) = self.visit(&at);
        let url: Url = at.parse().expect("an address");
        let to =
            url.query_pairs().find(|(name, _)| name == "redirect_uri").expect("a way back").1.into_owned();
        Response::builder().content_type("text/html").body(format!(
            r#"<form method="post" action="{to}"><input name="code" value="{code}"><input name="state" value="{state}"></form>
<script>document.forms[0].submit()</script>"#
        ))
    }

    async fn answer(&self, mut request: Request) -> Response {
        if request.uri().path() == "/authorize" {
            return self.page(&request);
        }
        let body = request.take_body().into_string().await.unwrap_or_default();
        let mut says = self.says.lock();
        let known = says.key.clone();
        let json = |status: u16, body: Value| {
            let status = StatusCode::from_u16(status).expect("a status");
            Response::builder()
                .status(status)
                .content_type("application/json; charset=utf-8")
                .body(body.to_string())
        };
        match request.uri().path() {
            "/.well-known/openid-configuration" => {
                let right = json!({
                    "issuer": self.url,
                    "authorization_endpoint": format!("{}/authorize", self.url),
                    "token_endpoint": format!("{}/token", self.url),
                    "userinfo_endpoint": format!("{}/userinfo", self.url),
                    "jwks_uri": format!("{}/jwks", self.url),
                    "revocation_endpoint": format!("{}/revoke", self.url),
                });
                json(200, laid(right, &says.metadata))
            }
            "/jwks" => {
                says.key_requests += 1;
                json(200, json!({ "keys": [jwk(&known)] }))
            }
            "/token" => {
                let form: HashMap<String, String> =
                    url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
                says.asked.push(form.clone());
                let (status, body) = self.tokens(&mut says, &form);
                json(status, body)
            }
            "/userinfo" | "/user" => json(200, says.userinfo.clone()),
            "/user/emails" => json(200, says.emails.clone()),
            path if path == "/revoke" || path.starts_with("/applications/") => {
                says.revoked.push(body);
                json(200, json!({}))
            }
            "/redirects" => {
                Response::builder().status(StatusCode::FOUND).header("location", "/userinfo").finish()
            }
            _ => json(404, json!({})),
        }
    }

    fn tokens(&self, says: &mut Says, form: &HashMap<String, String>) -> (u16, Value) {
        if says.token_status != 200 || says.token.get("error").is_some() {
            return (says.token_status, says.token.clone());
        }
        let invalid = || (400, json!({ "error": "invalid_grant" }));
        let (mut id_token, mut exchanged) = (None, None);
        match form["grant_type"].as_str() {
            "authorization_code" => {
                let Some(departure) = says.codes.remove(&form["code"]) else { return invalid() };
                let digest = Sha256::digest(form["code_verifier"].as_bytes());
                if URL_SAFE_NO_PAD.encode(digest) != departure.challenge
                    || form["redirect_uri"] != departure.redirect_uri
                {
                    return invalid();
                }
                let right = json!({
                    "iss": self.url, "aud": "us", "iat": says.now, "exp": says.now + 300, "nonce": departure.nonce,
                });
                let claims = laid(right, &says.claims);
                id_token = Some(says.id_token.clone().unwrap_or_else(|| {
                    let key = says.forger.as_ref().unwrap_or(&says.key);
                    sign_as(says.key.kid(), key, &claims)
                }));
            }
            "refresh_token" => {}
            "urn:ietf:params:oauth:grant-type:token-exchange" => exchanged = Some(KIND),
            _ => return invalid(),
        }
        let mut tail = [0; 8];
        OsRandom.fill(&mut tail);
        let right = json!({
            "access_token": format!("access-{}", hex(&tail)),
            "refresh_token": format!("refresh-{}", hex(&tail)),
            "token_type": "Bearer",
            "expires_in": 3600,
            "id_token": id_token,
            "issued_token_type": exchanged,
        });
        (200, laid(right, &says.token))
    }
}

/// An ID token of `key`.
pub fn sign(key: &SigningKey, claims: &Value) -> String {
    sign_as(key.kid(), key, claims)
}

fn sign_as(kid: &str, key: &SigningKey, claims: &Value) -> String {
    let mut header = Header::new(Algorithm::EdDSA);
    header.kid = Some(kid.to_owned());
    let key = EncodingKey::from_ed_der(&key.to_pkcs8());
    jsonwebtoken::encode(&header, claims, &key).expect("it can be signed")
}

fn jwk(key: &SigningKey) -> Value {
    json!({ "kty": "OKP", "crv": "Ed25519", "kid": key.kid(), "use": "sig", "x": URL_SAFE_NO_PAD.encode(key.public_key()) })
}

fn laid(mut under: Value, over: &Value) -> Value {
    for (name, value) in over.as_object().into_iter().flatten() {
        let object = under.as_object_mut().expect("an object");
        if value.is_null() {
            object.shift_remove(name);
        } else {
            object.insert(name.clone(), value.clone());
        }
    }
    under
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
