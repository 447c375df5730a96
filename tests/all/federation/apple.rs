//! Signing in with Apple, against an imitation: it answers by a form, and wants a secret that a key has signed.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use poem::http::Method;
use serde_json::{Value, json};

use crate::on_both;
use crate::support::{Answer, Idp, Jar, Landed, Server};

on_both!(
    somebody_signs_in_with_apple,
    a09_a_form_from_a_provider_ends_nothing_by_itself,
    a14_a_form_for_a_provider_that_has_none_or_is_off_leads_nowhere,
);

struct Stage {
    server: Server,
    idp: Idp,
    /// The public half of the key that signs our secrets.
    public: Vec<u8>,
}

fn settings(server: &Server, idp: &Idp, more: &str) -> String {
    let key = server.folder.path().join("apple.p8");
    format!(
        "plugins = []\n[oauth]\nfrontend_callback_url = \"http://app.test/callback\"\n\
         [[oauth.providers]]\nname = \"plain\"\nissuer = \"{url}\"\nclient_id = \"us\"\nclient_auth = \"none\"\n\
         allow_private_addresses = true\n\
         [[oauth.providers]]\nname = \"apple\"\nissuer = \"{url}\"\nclient_id = \"us\"\n\
         allow_private_addresses = true\nclient_key_file = \"{}\"\nclient_key_id = \"KEY1\"\n\
         client_key_issuer = \"TEAM1\"\n{more}",
        key.display(),
        url = idp.url,
    )
}

impl Stage {
    async fn begin(server: Server) -> Self {
        let idp = Idp::start();
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let der = pair.to_pkcs8v1().unwrap();
        let body = STANDARD.encode(der.as_ref());
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
        std::fs::write(server.folder.path().join("apple.p8"), pem).unwrap();
        let toml = settings(&server, &idp, "");
        let server = server.reconfigured(&toml).await;
        Self { server, idp, public: pair.public_key().as_ref().to_vec() }
    }

    /// What Apple's page posts, from another site: no cookie of ours comes along.
    async fn posted(&self, provider: &str, fields: &[(&str, &str)]) -> Answer {
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let path = format!("/api/v1/auth/oauth/{provider}/callback");
        let request = self.server.client.post(path).content_type("application/x-www-form-urlencoded");
        let request =
            request.header("Origin", "https://appleid.apple.com").header("Sec-Fetch-Site", "cross-site");
        Answer::read(request.body(form).send().await).await
    }

    /// Goes where the form's answer leads, as the browser does.
    async fn follow(&self, jar: &mut Jar, answer: &Answer) -> Landed {
        assert_eq!(answer.status, 303, "{}", answer.body);
        assert!(!answer.headers.contains_key("set-cookie"));
        let location = answer.headers["location"].to_str().unwrap();
        let path = location.strip_prefix("http://palisade.test").expect("it stays here");
        let landed = self.server.browse(jar, Method::GET, path, None, None).await;
        Landed(landed.headers["location"].to_str().unwrap().parse().unwrap())
    }

    /// Asserts that a secret is signed for the provider by our key, and good now.
    fn signed(&self, secret: &str) {
        let mut rules = Validation::new(Algorithm::ES256);
        rules.validate_exp = false;
        rules.set_audience(&[&self.idp.url]);
        rules.set_issuer(&["TEAM1"]);
        let key = DecodingKey::from_ec_der(&self.public);
        let read = jsonwebtoken::decode::<Value>(secret, &key, &rules).unwrap();
        assert_eq!((read.header.kid.as_deref(), &read.claims["sub"]), (Some("KEY1"), &json!("us")));
        let now = self.idp.says.lock().now;
        assert!(read.claims["iat"] == now && read.claims["exp"] == now + 300, "{}", read.claims);
    }
}

async fn somebody_signs_in_with_apple(server: Server) {
    let stage = Stage::begin(server).await;
    let Stage { server, idp, .. } = &stage;
    idp.says_of("001.abc", &json!({ "email": "ada@example.com", "email_verified": true }));
    let mut jar = Jar::default();
    let auth_url = server.depart(&mut jar, "apple").await;
    let query: std::collections::HashMap<String, String> =
        auth_url.parse::<url::Url>().unwrap().query_pairs().into_owned().collect();
    assert_eq!((query["response_mode"].as_str(), query["scope"].as_str()), ("form_post", "openid email"));
    let (code, state) = idp.visit(&auth_url);
    // What comes with the form besides went through a browser, and is nobody's word.
    let user = r#"{"name":{"firstName":"Eve","lastName":"Evil"},"email":"victim@example.com"}"#;
    let fields = [("state", &*state), ("code", &*code), ("id_token", "e30.e30."), ("user", user)];
    let answer = stage.posted("apple", &fields).await;
    let location: url::Url = answer.headers["location"].to_str().unwrap().parse().unwrap();
    let names: Vec<_> = location.query_pairs().map(|(name, _)| name.into_owned()).collect();
    assert_eq!(names, ["state", "code"]);
    let landed = stage.follow(&mut jar, &answer).await;
    let tokens = server.trade(&mut jar, &landed.code()).await.expect(200);
    let me = server.send(Method::GET, "/api/v1/auth/me", tokens["access_token"].as_str(), None).await;
    let me = me.expect(200);
    assert_eq!(
        (&me["email"], me.get("full_name").is_none_or(Value::is_null)),
        (&json!("ada@example.com"), true)
    );
    let secret = idp.says.lock().asked[0]["client_secret"].clone();
    stage.signed(&secret);
    // Giving back takes a secret of then.
    let bob = server.person("bob@example.com").await;
    idp.says_of("002.def", &json!({ "email": "bob@example.com", "email_verified": true }));
    server.connect(&bob, "apple", idp, json!({})).await;
    server.delete_as(&bob, "/api/v1/auth/oauth/apple/disconnect").await.expect(200);
    let revoked = idp.says.lock().revoked[0].clone();
    let (_, secret) =
        url::form_urlencoded::parse(revoked.as_bytes()).find(|(name, _)| name == "client_secret").unwrap();
    stage.signed(&secret);
}

async fn a09_a_form_from_a_provider_ends_nothing_by_itself(server: Server) {
    let stage = Stage::begin(server).await;
    let Stage { server, idp, .. } = &stage;
    idp.says_of("attacker", &json!({ "email": "attacker@example.com", "email_verified": true }));
    // The attacker begins, and has the victim's browser post the form.
    let (code, state) = idp.visit(&server.depart(&mut Jar::default(), "apple").await);
    let answer = stage.posted("apple", &[("state", &state), ("code", &code)]).await;
    let mut victim = Jar::default();
    server.depart(&mut victim, "apple").await;
    stage.follow(&mut victim, &answer).await.failed("invalid_state");
    assert!(idp.says.lock().asked.is_empty(), "no code was traded");
    // Posting uses nothing up, and coming back does.
    let mut jar = Jar::default();
    let (code, state) = idp.visit(&server.depart(&mut jar, "apple").await);
    let fields = [("state", state.as_str()), ("code", code.as_str())];
    stage.posted("apple", &fields).await;
    let again = stage.posted("apple", &fields).await;
    stage.follow(&mut jar, &again).await.code();
    stage.follow(&mut jar, &again).await.failed("invalid_state");
    // Who said no.
    let (_, state) = idp.visit(&server.depart(&mut jar, "apple").await);
    let answer = stage.posted("apple", &[("state", &state), ("error", "user_cancelled_authorize")]).await;
    stage.follow(&mut jar, &answer).await.failed("access_denied");
    let nothing = stage.posted("apple", &[]).await;
    stage.follow(&mut jar, &nothing).await.failed("invalid_state");
    let twice = stage.posted("apple", &[("state", "a"), ("state", "b")]).await;
    assert_eq!(twice.status, 422);
}

async fn a14_a_form_for_a_provider_that_has_none_or_is_off_leads_nowhere(server: Server) {
    let stage = Stage::begin(server).await;
    let Stage { server, idp, .. } = &stage;
    for name in ["plain", "nobody", "..%2f..%2fevil", "sso-00000000000000000000000000000000"] {
        stage.posted(name, &[("state", "x"), ("code", "y")]).await.refused(404, "not-found");
    }
    let mut jar = Jar::default();
    let (code, state) = idp.visit(&server.depart(&mut jar, "apple").await);
    let toml = settings(server, idp, "enabled = false\n");
    let Stage { server, idp, public } = stage;
    let stage = Stage { server: server.reconfigured(&toml).await, idp, public };
    let answer = stage.posted("apple", &[("state", &state), ("code", &code)]).await;
    stage.follow(&mut jar, &answer).await.failed("provider_unavailable");
}
