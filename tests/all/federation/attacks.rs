//! Attacks that worked on other systems, each by its number in the list of the project.

use poem::http::Method;
use serde_json::{Value, json};

use super::{Stage, staged};
use crate::support::{Jar, PASSWORD, Says};

staged! {
    a01_an_unverified_address_links_nothing,
    a02_whoever_was_first_at_an_unproved_address_is_out_once_it_is_proved,
    a03_what_the_client_says_of_a_person_is_ignored,
    a04_an_address_and_its_proof_come_from_one_place,
    a05_a_connection_is_of_the_account_that_was_asked_for,
    a06_an_id_token_of_another_issuer_is_refused,
    a07_an_id_token_for_another_client_is_refused,
    a08_a_return_works_once,
    a09_a_journey_ends_in_the_browser_and_at_the_provider_where_it_began,
    a10_an_answer_of_another_server_is_refused,
    a11_a_broken_provider_lets_nobody_in,
    a12_parameters_of_the_caller_do_not_reach_the_provider,
    a13_a_sign_in_by_a_provider_is_no_second_factor,
    a14_a_provider_that_is_turned_off_ends_every_journey,
    a15_nobody_makes_us_ask_private_addresses,
    a01_a_companys_provider_vouches_for_its_own_domains_only,
    an_administrators_account_is_never_linked_by_address,
}

staged! { under super::PASSWORDS_ONLY; a13_a_policy_closes_this_way_to_whom_it_names }

const PASSWORDS_ONLY: &[(&str, &str)] = &[(
    "house.cedar",
    r#"@id("house.administrators-by-password")
@code("password-required")
@about("principal")
@why("Administrators of the platform sign in with their password.")
forbid (principal is User, action in [Action::"FinishSignIn", Action::"ExchangeCode"], resource)
when { principal.super_admin };
"#,
)];

fn verified(email: &str) -> Value {
    json!({ "email": email, "email_verified": true })
}

async fn a01_an_unverified_address_links_nothing(stage: Stage) {
    let Stage { server, idp, .. } = &stage;
    let victim = server.person("victim@example.com").await;
    let lies = [
        json!(false),
        json!("false"),
        json!("true"),
        json!(0),
        json!(1),
        json!(null),
        json!([true]),
        json!({}),
    ];
    for (at, lie) in lies.into_iter().enumerate() {
        idp.says_of(&format!("evil-{at}"), &json!({ "email": "victim@example.com", "email_verified": lie }));
        server.journey(&mut Jar::default(), "idp", idp).await.failed("email_unverified");
    }
    idp.says_of("evil", &json!({ "email": "victim@example.com" }));
    server.journey(&mut Jar::default(), "idp", idp).await.failed("email_unverified");
    // Nor does it take over an account whose address nobody has proved yet.
    server.register("unproved@example.com").await;
    idp.says_of("evil", &json!({ "email": "unproved@example.com", "email_verified": false }));
    server.journey(&mut Jar::default(), "idp", idp).await.failed("email_unverified");
    server.login("unproved@example.com").await;
    // Even a provider that vouches for it proves nothing about the account that is there.
    idp.says_of("evil", &verified("victim@example.com"));
    server.journey(&mut Jar::default(), "idp", idp).await.failed("link_required");
    let connected = server.get_as(&victim, "/api/v1/auth/oauth/connected").await.expect(200);
    assert!(
        connected["providers"].as_array().unwrap().iter().all(|it| it["signs_in"] == false),
        "{connected}"
    );
    server.login("victim@example.com").await;
}

async fn a02_whoever_was_first_at_an_unproved_address_is_out_once_it_is_proved(stage: Stage) {
    let Stage { server, idp, other, .. } = &stage;
    // By password.
    let body = json!({ "email": "victim@example.com", "password": PASSWORD, "full_name": "Planted" });
    server.post("/api/v1/auth/register", body).await.expect(201);
    let attacker = server.login("victim@example.com").await;
    // What would outlive a sign-in cannot be planted.
    let key = json!({ "name": "key" });
    server.post_as(&attacker, "/api/v1/auth/api-keys", key).await.refused(403, "email-unverified");
    other.says_of("planted", &verified("attacker@example.com"));
    server.connect(&attacker, "other", other, json!({})).await.failed("email_unverified");
    let letter = server.last_mail("victim@example.com").await.token();
    idp.says_of("victim", &verified("victim@example.com"));
    let victim = server.sign_in_by("idp", idp).await;
    assert_eq!(victim.id, attacker.id);
    server.get_as(&attacker, "/api/v1/auth/me").await.refused(401, "session-ended");
    let refresh = json!({ "refresh_token": attacker.refresh });
    server.post("/api/v1/auth/refresh", refresh).await.refused(401, "refresh-token-invalid");
    let body = json!({ "email": "victim@example.com", "password": PASSWORD });
    server.post("/api/v1/auth/login", body).await.refused(401, "invalid-credentials");
    server.post("/api/v1/auth/verify-email", json!({ "token": letter })).await.refused(409, "token-invalid");
    let me = server.get_as(&victim, "/api/v1/auth/me").await.expect(200);
    assert!(me.get("full_name").is_none_or(Value::is_null), "{me}");
    // By a provider that does not vouch for the address.
    other.says_of("attacker", &json!({ "email": "second@example.com" }));
    server.journey(&mut Jar::default(), "other", other).await.failed("email_unverified");
    idp.says_of("second", &verified("second@example.com"));
    server.sign_in_by("idp", idp).await;
    other.says_of("attacker", &json!({ "email": "second@example.com", "email_verified": true }));
    server.journey(&mut Jar::default(), "other", other).await.failed("link_required");
}

async fn a03_what_the_client_says_of_a_person_is_ignored(stage: Stage) {
    let Stage { server, idp, .. } = &stage;
    idp.says_of("1", &verified("ada@example.com"));
    let mut jar = Jar::default();
    let path = "/api/v1/auth/oauth/idp/url?email=victim@example.com&email_verified=true&sub=2";
    let away = server.browse(&mut jar, Method::GET, path, None, None).await.expect(200);
    let (code, state) = idp.visit(away["auth_url"].as_str().unwrap());
    let query = [
        ("email", "victim@example.com"),
        ("user", r#"{"email":"victim@example.com"}"#),
        ("id_token", "x"),
        ("code", &code),
        ("state", &state),
    ];
    let landed = server.come_back(&mut jar, "idp", &query).await;
    let body = json!({ "code": landed.code(), "email": "victim@example.com" });
    let token = server.browse(&mut jar, Method::POST, "/api/v1/auth/oauth/token", None, Some(&body)).await;
    assert_eq!(token.status, 422);
    let tokens = server.trade(&mut jar, &landed.code()).await.expect(200);
    let me =
        server.send(Method::GET, "/api/v1/auth/me", tokens["access_token"].as_str(), None).await.expect(200);
    assert_eq!(me["email"], "ada@example.com");
}

async fn a04_an_address_and_its_proof_come_from_one_place(stage: Stage) {
    let Stage { server, idp, .. } = &stage;
    server.register("victim@example.com").await;
    // The token vouches for nothing that is in it; the user info has the address.
    idp.says_of("1", &json!({ "email_verified": true }));
    idp.says.lock().userinfo = json!({ "sub": "1", "email": "victim@example.com" });
    server.journey(&mut Jar::default(), "idp", idp).await.failed("email_unverified");
    // The token has an address, the user info another one that is verified.
    idp.says_of("2", &json!({ "email": "own@example.com", "email_verified": true }));
    idp.says.lock().userinfo = json!({ "sub": "2", "email": "victim@example.com", "email_verified": true });
    assert_eq!(server.sign_in_by("idp", idp).await.email, "own@example.com");
    // User info of somebody else.
    idp.says_of("3", &json!({}));
    idp.says.lock().userinfo = json!({ "sub": "4", "email": "new@example.com", "email_verified": true });
    server.journey(&mut Jar::default(), "idp", idp).await.failed("oauth_failed");
}

async fn a05_a_connection_is_of_the_account_that_was_asked_for(stage: Stage) {
    let Stage { server, idp, .. } = &stage;
    let ada = server.person("ada@example.com").await;
    let bob = server.person("bob@example.com").await;
    idp.says_of("1", &verified("ada@example.com"));
    assert_eq!(server.connect(&ada, "idp", idp, json!({})).await.query("connected").as_deref(), Some("true"));
    // The same account at the provider is nobody else's.
    server.connect(&bob, "idp", idp, json!({})).await.failed("identity_taken");
    // A second account there does not use up what the first one was asked for.
    let mut jar = Jar::default();
    let (code, state) = idp.visit(&server.depart_as(&mut jar, &bob, "idp", json!({})).await);
    idp.says_of("2", &verified("evil@example.com"));
    let back = [("code", code.as_str()), ("state", state.as_str())];
    let mut foreign = Jar::default();
    server.depart(&mut foreign, "idp").await;
    server.come_back(&mut foreign, "idp", &back).await.failed("invalid_state");
    server.come_back(&mut jar, "idp", &back).await.failed("invalid_state");
    // Nor does it outlive the sign-in that asked.
    let mut jar = Jar::default();
    let (code, state) = idp.visit(&server.depart_as(&mut jar, &bob, "idp", json!({})).await);
    server.post_as(&bob, "/api/v1/auth/logout", json!({})).await.expect(200);
    let back = [("code", code.as_str()), ("state", state.as_str())];
    server.come_back(&mut jar, "idp", &back).await.failed("invalid_state");
    assert_eq!(server.sign_in_by("idp", idp).await.email, "evil@example.com");
}

async fn refused(stage: &Stage, lie: impl FnOnce(&mut Says)) {
    stage.idp.says_of("1", &verified("ada@example.com"));
    lie(&mut stage.idp.says.lock());
    stage.server.journey(&mut Jar::default(), "idp", &stage.idp).await.failed("oauth_failed");
}

async fn a06_an_id_token_of_another_issuer_is_refused(stage: Stage) {
    let ours = stage.idp.url.clone();
    for issuer in
        [stage.other.url.clone(), format!("{ours}/"), ours.to_uppercase(), "https://evil.example".into()]
    {
        refused(&stage, |says| says.claims["iss"] = json!(issuer)).await;
    }
    // Signed by another's key, under the name of ours; then by one that is called otherwise, too.
    let forger = || Some(palisade::crypto::SigningKey::generate(&palisade::domain::OsRandom));
    refused(&stage, |says| says.forger = forger()).await;
    stage.idp.says.lock().forger = None;
    let claims =
        json!({ "iss": ours, "aud": "us", "sub": "1", "iat": stage.idp.says.lock().now, "exp": i64::MAX });
    let forged = crate::support::sign(&stage.other.says.lock().key, &claims);
    refused(&stage, |says| says.id_token = Some(forged)).await;
    refused(&stage, |says| says.id_token = Some("e30.e30.".into())).await;
    stage.idp.says.lock().id_token = None;
    refused(&stage, |says| says.token = json!({ "id_token": null })).await;
    stage.idp.says.lock().token = json!({});
    refused(&stage, |says| says.claims["nonce"] = json!("another")).await;
    refused(&stage, |says| says.claims["exp"] = json!("9999999999")).await;
    refused(&stage, |says| says.claims["exp"] = json!(says.now - 3600)).await;
    stage.idp.says_of("1", &verified("ada@example.com"));
    stage.server.sign_in_by("idp", &stage.idp).await;
}

async fn a07_an_id_token_for_another_client_is_refused(stage: Stage) {
    for audience in [json!("them"), json!(["them"]), json!(["us", "them"]), json!([]), json!("")] {
        refused(&stage, |says| says.claims["aud"] = audience).await;
    }
    refused(&stage, |says| says.claims["azp"] = json!("them")).await;
}

async fn a08_a_return_works_once(stage: Stage) {
    let Stage { server, idp, .. } = &stage;
    idp.says_of("1", &verified("ada@example.com"));
    let mut jar = Jar::default();
    let (code, state) = idp.visit(&server.depart(&mut jar, "idp").await);
    let back = [("code", code.as_str()), ("state", state.as_str())];
    server.come_back(&mut jar, "idp", &back).await.code();
    server.come_back(&mut jar, "idp", &back).await.failed("invalid_state");
    // Twenty at once: one.
    let (code, state) = idp.visit(&server.depart(&mut jar, "idp").await);
    let back = [("code", code.as_str()), ("state", state.as_str())];
    let all = futures_util::future::join_all((0..20).map(|_| {
        let mut jar = jar.clone();
        async move { server.come_back(&mut jar, "idp", &back).await }
    }));
    assert_eq!(all.await.iter().filter(|landed| landed.query("code").is_some()).count(), 1);
}

async fn a09_a_journey_ends_in_the_browser_and_at_the_provider_where_it_began(stage: Stage) {
    let Stage { server, idp, other, .. } = &stage;
    idp.says_of("attacker", &verified("attacker@example.com"));
    // The attacker begins, the victim ends.
    let (code, state) = idp.visit(&server.depart(&mut Jar::default(), "idp").await);
    let back = [("code", code.as_str()), ("state", state.as_str())];
    server.come_back(&mut Jar::default(), "idp", &back).await.failed("invalid_state");
    let (code, state) = idp.visit(&server.depart(&mut Jar::default(), "idp").await);
    let back = [("code", code.as_str()), ("state", state.as_str())];
    let mut victim = Jar::default();
    server.depart(&mut victim, "idp").await;
    server.come_back(&mut victim, "idp", &back).await.failed("invalid_state");
    // A forged connection: the attacker's account, the victim's browser.
    let attacker = server.person("attacker@example.com").await;
    let (code, state) = idp.visit(&server.depart_as(&mut Jar::default(), &attacker, "idp", json!({})).await);
    let back = [("code", code.as_str()), ("state", state.as_str())];
    server.come_back(&mut victim, "idp", &back).await.failed("invalid_state");
    // The state of one provider at another.
    other.says_of("1", &verified("ada@example.com"));
    let mut jar = Jar::default();
    let (_, state) = idp.visit(&server.depart(&mut jar, "idp").await);
    let (code, _) = other.visit(&server.depart(&mut jar, "other").await);
    let back = [("code", code.as_str()), ("state", state.as_str())];
    server.come_back(&mut jar, "other", &back).await.failed("invalid_state");
    for query in
        [vec![], vec![("code", "x")], vec![("code", "x"), ("state", "")], vec![("code", "x"), ("state", "y")]]
    {
        server.come_back(&mut jar, "idp", &query).await.failed("invalid_state");
    }
}

async fn a10_an_answer_of_another_server_is_refused(stage: Stage) {
    let wrong = |landed: &crate::support::Landed| landed.failed("oauth_failed");
    stage.idp.says_of("1", &verified("ada@example.com"));
    let go = async |stage: &Stage, issuer: Option<&str>| {
        let mut jar = Jar::default();
        let (code, state) = stage.idp.visit(&stage.server.depart(&mut jar, "idp").await);
        let mut query = vec![("code", code.as_str()), ("state", state.as_str())];
        query.extend(issuer.map(|issuer| ("iss", issuer)));
        stage.server.come_back(&mut jar, "idp", &query).await
    };
    wrong(&go(&stage, Some("https://evil.example")).await);
    wrong(&go(&stage, Some(&stage.other.url)).await);
    go(&stage, Some(&stage.idp.url)).await.code();
    go(&stage, None).await.code();
    // Once the provider says that it always names itself, silence is refused too.
    stage.idp.says.lock().metadata = json!({ "authorization_response_iss_parameter_supported": true });
    let stage = stage.reconfigured("").await;
    wrong(&go(&stage, None).await);
    go(&stage, Some(&stage.idp.url)).await.code();
}

async fn a11_a_broken_provider_lets_nobody_in(stage: Stage) {
    stage.idp.says_of("1", &verified("ada@example.com"));
    for broken in [
        json!({ "issuer": "https://evil.example" }),
        json!({ "token_endpoint": null }),
        json!({ "issuer": null }),
    ] {
        stage.idp.says.lock().metadata = broken;
        let server = &stage.server;
        server.get("/api/v1/auth/oauth/idp/url").await.refused(503, "unavailable");
        server.get("/api/v1/auth/oauth/idp").await.refused(503, "unavailable");
    }
    stage.server.get("/api/v1/auth/me").await.refused(401, "not-signed-in");
    stage.idp.says.lock().metadata = json!({});
    for (status, token) in [
        (500, json!({})),
        (400, json!({ "error": "invalid_client" })),
        (200, json!({ "access_token": null })),
    ] {
        refused(&stage, |says| (says.token_status, says.token) = (status, token)).await;
    }
    stage.idp.says.lock().token_status = 200;
    stage.idp.says.lock().token = json!({});
    let elsewhere = format!("userinfo_url = \"{}/redirects\"", stage.idp.url);
    let stage = stage.reconfigured(&elsewhere).await;
    // Not followed.
    stage.idp.says_of("1", &json!({}));
    stage.server.journey(&mut Jar::default(), "idp", &stage.idp).await.failed("oauth_failed");
}

async fn a12_parameters_of_the_caller_do_not_reach_the_provider(stage: Stage) {
    let smuggled = "redirect_uri=https://evil.example&state=mine&scope=admin&login_hint=v&nonce=mine\
                    &client_id=evil&response_mode=fragment&code_challenge=mine&prompt=none";
    let path = format!("/api/v1/auth/oauth/idp/url?{smuggled}");
    let answer = stage.server.get(&path).await.expect(200);
    let url: url::Url = answer["auth_url"].as_str().unwrap().parse().unwrap();
    let mut names: Vec<_> = url.query_pairs().map(|(name, _)| name.into_owned()).collect();
    names.sort();
    let expected = [
        "client_id",
        "code_challenge",
        "code_challenge_method",
        "nonce",
        "redirect_uri",
        "response_type",
        "scope",
        "state",
    ];
    assert_eq!(names, expected);
    let text = url.to_string();
    for word in ["evil", "mine", "admin", "login_hint"] {
        assert!(!text.contains(word), "{text}");
    }
    let redirect = url.query_pairs().find(|(name, _)| name == "redirect_uri").unwrap().1.into_owned();
    assert_eq!(redirect, "http://palisade.test/api/v1/auth/oauth/idp/callback");
}

/// There are no second factors here yet. So nothing of a sign-in with others may look like one, whatever the provider
/// says that it asked for; and the policy of the next test closes this way to those who would need one.
async fn a13_a_sign_in_by_a_provider_is_no_second_factor(stage: Stage) {
    use base64::Engine as _;
    let Stage { server, idp, .. } = &stage;
    let mut claims = verified("ada@example.com");
    claims["amr"] = json!(["pwd", "otp", "mfa"]);
    claims["acr"] = json!("phrh");
    idp.says_of("1", &claims);
    let ada = server.sign_in_by("idp", idp).await;
    let body = json!({ "refresh_token": ada.refresh });
    let refreshed = server.post("/api/v1/auth/refresh", body).await.expect(200);
    let house = server.organization(&ada, "acme").await;
    let agent =
        server.post_as(&ada, &format!("{house}/agents"), json!({ "name": "Builder" })).await.expect(201);
    let keys = format!("{house}/agents/{}/api-keys", agent["id"].as_str().unwrap());
    let body = json!({ "name": "key", "scopes": ["project:read"] });
    let key = server.post_as(&ada, &keys, body).await.expect(201)["key"].as_str().unwrap().to_owned();
    let kind = "urn:ietf:params:oauth:token-type:access_token";
    let form = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token", ada.access.as_str()),
            ("subject_token_type", kind),
            ("actor_token", key.as_str()),
            ("actor_token_type", kind),
        ])
        .finish();
    let delegated = server.send_form("/api/v1/auth/token", None, form).await.expect(200);
    for token in [
        ada.access.as_str(),
        refreshed["access_token"].as_str().unwrap(),
        delegated["access_token"].as_str().unwrap(),
    ] {
        let part = token.split('.').nth(1).unwrap();
        let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).unwrap();
        let claims: Value = serde_json::from_slice(&claims).unwrap();
        assert_eq!((&claims["amr"], claims.get("acr")), (&json!(["fed"]), None), "{claims}");
    }
}

async fn a13_a_policy_closes_this_way_to_whom_it_names(stage: Stage) {
    let Stage { server, idp, .. } = &stage;
    let root = server.super_admin("root@example.com").await;
    for (subject, person) in [("1", &root), ("2", &server.person("ada@example.com").await)] {
        idp.says_of(subject, &verified("elsewhere@example.com"));
        let landed = server.connect(person, "idp", idp, json!({})).await;
        assert_eq!(landed.query("connected").as_deref(), Some("true"));
    }
    assert_eq!(server.sign_in_by("idp", idp).await.email, "ada@example.com");
    idp.says_of("1", &verified("elsewhere@example.com"));
    server.journey(&mut Jar::default(), "idp", idp).await.failed("account_unavailable");
}

async fn a14_a_provider_that_is_turned_off_ends_every_journey(stage: Stage) {
    stage.idp.says_of("1", &verified("ada@example.com"));
    let (mut jar, mut traded) = (Jar::default(), Jar::default());
    let (code, state) = stage.idp.visit(&stage.server.depart(&mut jar, "idp").await);
    let unused = stage.server.journey(&mut traded, "idp", &stage.idp).await.code();
    let stage = stage.reconfigured("enabled = false").await;
    let back = [("code", code.as_str()), ("state", state.as_str())];
    let landed = stage.server.come_back(&mut jar, "idp", &back).await;
    landed.failed("provider_unavailable");
    stage.server.trade(&mut traded, &unused).await.refused(401, "code-invalid");
    stage.server.get("/api/v1/auth/oauth/idp/url").await.refused(404, "not-found");
}

async fn a15_nobody_makes_us_ask_private_addresses(stage: Stage) {
    // Providers are made by the operator's configuration only, and even that reaches nothing private unless it says so.
    let document = palisade::api::openapi(palisade::api::OpenApiVersion::V31).to_string();
    assert!(!document.contains("discovery_url") && !document.contains("issuer_url"));
    let Stage { mut server, .. } = stage;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1"] {
        let provider = |name: &str| {
            format!("[[oauth.providers]]\nname = \"{name}\"\nissuer = \"https://{host}:{port}\"\n")
        };
        let page = "plugins = []\n[oauth]\nfrontend_callback_url = \"http://app.test/callback\"\n";
        server = server.reconfigured(&format!("{page}{}{}", provider("idp"), provider("other"))).await;
        server.get("/api/v1/auth/oauth/idp/url").await.refused(503, "unavailable");
        let asked = listener.accept().map(|(_, from)| from);
        let kind = asked.as_ref().err().map(std::io::Error::kind);
        assert_eq!(kind, Some(std::io::ErrorKind::WouldBlock), "{host} was asked: {asked:?}");
    }
}

async fn an_administrators_account_is_never_linked_by_address(stage: Stage) {
    let Stage { server, idp, .. } = &stage;
    server.super_admin("root@example.com").await;
    idp.says_of("evil", &verified("root@example.com"));
    server.journey(&mut Jar::default(), "idp", idp).await.failed("link_required");
}

async fn a01_a_companys_provider_vouches_for_its_own_domains_only(stage: Stage) {
    let stage = stage.reconfigured("domains = [\"acme.example\"]").await;
    let Stage { server, idp, .. } = &stage;
    // Somebody registered here and has not proved the address yet: the company's word would take the account over.
    server.register("victim@example.com").await;
    idp.says_of("evil", &verified("victim@example.com"));
    server.journey(&mut Jar::default(), "idp", idp).await.failed("email_unverified");
    server.last_mail("victim@example.com").await;
    idp.says_of("ada", &verified("ada@acme.example"));
    assert_eq!(server.sign_in_by("idp", idp).await.email, "ada@acme.example");
}
