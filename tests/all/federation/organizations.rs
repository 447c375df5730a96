//! Providers of organizations: for the people of their own domains, and for nobody else.

use palisade::domain::SystemRole;
use serde_json::{Value, json};
use sqlx::Connection as _;

use crate::keys::master::{reseal, with_another_master};
use crate::support::{Idp, Jar, Person, Server, Setup, role_id};
use crate::{on_both, on_both_with};

on_both_with!(with_private_addresses; people_of_a_domain_sign_in_by_their_organizations_provider);
on_both_with!(with_private_addresses; a01_an_organizations_provider_vouches_for_confirmed_domains_only);
on_both_with!(with_private_addresses; an_organizations_provider_takes_no_account_outside_of_its_domains);
on_both_with!(with_private_addresses; a14_an_organizations_provider_that_is_turned_off_ends_every_journey);
on_both_with!(with_private_addresses; a_clients_secret_is_sealed_changed_and_never_shown);
on_both_with!(with_private_addresses; secrets_and_tokens_are_sealed_anew_under_another_master_key);
on_both!(
    a_domain_is_one_organizations,
    a15_only_who_makes_members_registers_a_provider_and_never_at_a_private_address,
);

fn with_private_addresses(setup: &mut Setup) {
    setup.settings.push(("PALISADE_OAUTH_ORGANIZATIONS_REACH_PRIVATE_ADDRESSES", "true".to_owned()));
}

/// An organization, its owner, and the provider that it registered.
struct House {
    server: Server,
    idp: Idp,
    owner: Person,
    root: Person,
    path: String,
    /// The provider, as it was answered.
    provider: Value,
}

impl House {
    /// With `acme.example` confirmed.
    async fn begin(server: Server) -> Self {
        let idp = Idp::start();
        let owner = server.person("owner@acme.example").await;
        let root = server.super_admin("root@example.com").await;
        let path = server.organization(&owner, "acme").await;
        let provider = server.post_as(&owner, &format!("{path}/providers"), new(&idp.url)).await.expect(201);
        let house = Self { server, idp, owner, root, path, provider };
        house.confirm("acme.example").await;
        house
    }

    async fn confirm(&self, domain: &str) {
        let path = format!("{}/domains", self.path);
        let claimed = self.server.post_as(&self.owner, &path, json!({ "domain": domain })).await.expect(201);
        assert_eq!(claimed["confirmed"], false);
        let confirmed = self
            .server
            .post_as(&self.root, &format!("{path}/{domain}/confirm"), Value::Null)
            .await
            .expect(200);
        assert_eq!(confirmed["confirmed"], true);
    }

    fn name(&self) -> &str {
        self.provider["name"].as_str().unwrap()
    }

    fn says(&self, subject: &str, email: &str, verified: &Value) {
        self.idp.says_of(subject, &json!({ "email": email, "email_verified": verified }));
    }

    async fn fails(&self, word: &str) {
        self.server.journey(&mut Jar::default(), self.name(), &self.idp).await.failed(word);
    }

    /// The role of somebody in the organization.
    async fn role_of(&self, id: &str) -> Option<String> {
        let members = self.server.get_as(&self.owner, &format!("{}/members", self.path)).await.expect(200);
        let found = members.as_array().unwrap().iter().find(|it| it["user_id"] == id)?;
        Some(found["role_id"].as_str().expect("a role").to_owned())
    }

    async fn update(&self, patch: Value) -> Value {
        let path = format!("{}/providers/{}", self.path, self.provider["id"].as_str().unwrap());
        self.server.patch_as(&self.owner, &path, patch).await.expect(200)
    }
}

fn new(issuer: &str) -> Value {
    json!({
        "label": "Acme",
        "issuer": issuer,
        "client_id": "us",
        "client_secret": "hush hush",
        "client_auth": "post",
        "role_id": role_id(SystemRole::Member),
    })
}

async fn people_of_a_domain_sign_in_by_their_organizations_provider(server: Server) {
    let house = House::begin(server).await;
    let House { server, idp, owner, path, .. } = &house;
    let found = server.get("/api/v1/auth/oauth/discovery?domain=ACME.example").await.expect(200);
    assert_eq!(found, json!({ "provider": house.name(), "label": "Acme" }));
    for other in ["mail.acme.example", "example.com", "acme", ""] {
        let path = format!("/api/v1/auth/oauth/discovery?domain={other}");
        server.get(&path).await.refused(404, "not-found");
    }
    let listed = server.get("/api/v1/auth/oauth/providers").await.expect(200);
    assert_eq!(listed["providers"], json!([]), "whose provider there is, is nobody else's business");
    house.says("1", "ada@acme.example", &json!(true));
    let ada = server.sign_in_by(house.name(), idp).await;
    assert_eq!(ada.email, "ada@acme.example");
    assert_eq!(house.role_of(&ada.id).await, Some(role_id(SystemRole::Member)));
    let asked = idp.says.lock().asked[0].clone();
    assert_eq!((asked["client_id"].as_str(), asked["client_secret"].as_str()), ("us", "hush hush"));
    // The trail of the organization has it.
    let events = server.get_as(owner, &format!("{path}/events?limit=100")).await.expect(200).to_string();
    assert!(events.contains("\"joined\""), "{events}");
    // Whoever was removed comes back by an invitation, not by signing in again.
    let members = server.get_as(owner, &format!("{path}/members")).await.expect(200);
    let own = members.as_array().unwrap().iter().find(|it| it["user_id"] == ada.id.as_str()).unwrap();
    let membership = format!("{path}/members/{}", own["id"].as_str().unwrap());
    server.delete_as(owner, &membership).await.expect(200);
    assert_eq!(server.sign_in_by(house.name(), idp).await.id, ada.id);
    assert_eq!(house.role_of(&ada.id).await, None);
}

async fn a01_an_organizations_provider_vouches_for_confirmed_domains_only(server: Server) {
    let house = House::begin(server).await;
    let House { server, owner, path, .. } = &house;
    server.register("victim@elsewhere.example").await;
    server.person("bob@acme.example").await;
    let claim = json!({ "domain": "elsewhere.example" });
    server.post_as(owner, &format!("{path}/domains"), claim).await.expect(201);
    for (email, verified, word) in [
        ("victim@elsewhere.example", json!(true), "registration_refused"),
        ("new@elsewhere.example", json!(true), "registration_refused"),
        ("ada@mail.acme.example", json!(true), "registration_refused"),
        ("ada@acme.example", json!(false), "registration_refused"),
        ("ada@acme.example", json!("true"), "registration_refused"),
        ("ada@acme.example", json!(null), "registration_refused"),
        ("bob@acme.example", json!(true), "link_required"),
    ] {
        house.says("evil", email, &verified);
        house.fails(word).await;
    }
    server.login("victim@elsewhere.example").await;
    // Without any confirmed domain it serves nobody, and vouches for nothing.
    server.delete_as(owner, &format!("{path}/domains/acme.example")).await.expect(200);
    let url = format!("/api/v1/auth/oauth/{}/url", house.name());
    server.get(&url).await.refused(404, "not-found");
    server.get("/api/v1/auth/oauth/discovery?domain=acme.example").await.refused(404, "not-found");
}

async fn an_organizations_provider_takes_no_account_outside_of_its_domains(server: Server) {
    let house = House::begin(server).await;
    let House { server, idp, owner, path, .. } = &house;
    // Whoever runs the provider could sign in to what is connected: so nobody connects a private account.
    let eve = server.person("eve@private.example").await;
    house.says("eve", "eve@acme.example", &json!(true));
    server.connect(&eve, house.name(), idp, json!({})).await.failed("account_unavailable");
    assert_eq!(house.role_of(&eve.id).await, None);
    // An account of the domain that was there before is connected by its owner, and is a member then.
    let bob = server.person("bob@acme.example").await;
    house.says("bob", "bob@acme.example", &json!(true));
    let landed = server.connect(&bob, house.name(), idp, json!({})).await;
    assert_eq!(landed.query("connected").as_deref(), Some("true"), "{}", landed.0);
    assert_eq!(house.role_of(&bob.id).await, Some(role_id(SystemRole::Member)));
    assert_eq!(server.sign_in_by(house.name(), idp).await.id, bob.id);
    // A domain that is given up takes its people with it, though the provider serves another one.
    house.confirm("acme.test").await;
    server.delete_as(owner, &format!("{path}/domains/acme.example")).await.expect(200);
    house.fails("account_unavailable").await;
    house.says("bob", "bob@acme.test", &json!(true));
    house.fails("account_unavailable").await;
    server.login("bob@acme.example").await;
}

async fn a14_an_organizations_provider_that_is_turned_off_ends_every_journey(server: Server) {
    let house = House::begin(server).await;
    let House { server, idp, owner, path, .. } = &house;
    house.says("1", "ada@acme.example", &json!(true));
    let url = format!("/api/v1/auth/oauth/{}/url", house.name());
    let (mut jar, mut traded) = (Jar::default(), Jar::default());
    let (code, state) = idp.visit(&server.depart(&mut jar, house.name()).await);
    let unused = server.journey(&mut traded, house.name(), idp).await.code();
    assert_eq!(house.update(json!({ "enabled": false })).await["enabled"], false);
    let back = [("code", code.as_str()), ("state", state.as_str())];
    server.come_back(&mut jar, house.name(), &back).await.failed("provider_unavailable");
    server.trade(&mut traded, &unused).await.refused(401, "code-invalid");
    server.get(&url).await.refused(404, "not-found");
    server.get("/api/v1/auth/oauth/discovery?domain=acme.example").await.refused(404, "not-found");
    house.update(json!({ "enabled": true })).await;
    server.get(&url).await.expect(200);
    // With the organization, and with the provider itself.
    let removed = format!("{path}/providers/{}", house.provider["id"].as_str().unwrap());
    server.delete_as(owner, &removed).await.expect(200);
    server.get(&url).await.refused(404, "not-found");
    let again = server.post_as(owner, &format!("{path}/providers"), new(&idp.url)).await.expect(201);
    let url = format!("/api/v1/auth/oauth/{}/url", again["name"].as_str().unwrap());
    server.get(&url).await.expect(200);
    server.delete_as(owner, path).await.expect(200);
    server.get(&url).await.refused(404, "not-found");
}

async fn a_clients_secret_is_sealed_changed_and_never_shown(server: Server) {
    let house = House::begin(server).await;
    let House { server, idp, owner, path, root, .. } = &house;
    let url = server.config.database_url();
    let select = "SELECT sealed_secret FROM organization_providers";
    let sealed: Vec<u8> = if let Some(file) = url.expose().strip_prefix("sqlite://") {
        let mut db = sqlx::SqliteConnection::connect(&format!("sqlite://{file}")).await.unwrap();
        sqlx::query_scalar(select).fetch_one(&mut db).await.unwrap()
    } else {
        let mut db = sqlx::PgConnection::connect(url.expose()).await.unwrap();
        sqlx::query_scalar(select).fetch_one(&mut db).await.unwrap()
    };
    assert!(!String::from_utf8_lossy(&sealed).contains("hush") && sealed.len() > 9);
    let changed = house.update(json!({ "client_secret": "another hush", "label": "Acme Ltd" })).await;
    assert_eq!(changed["label"], "Acme Ltd");
    house.says("1", "ada@acme.example", &json!(true));
    server.sign_in_by(house.name(), idp).await;
    assert_eq!(idp.says.lock().asked.last().unwrap()["client_secret"], "another hush");
    let listed = server.get_as(owner, &format!("{path}/providers")).await.expect(200);
    assert_eq!(listed["providers"][0]["issuer"], idp.url.as_str());
    let events = server.get_as(root, "/api/v1/events?limit=100").await.expect(200);
    for told in [changed, listed, events, house.provider.clone()] {
        assert!(!told.to_string().contains("hush"), "{told}");
    }
}

async fn secrets_and_tokens_are_sealed_anew_under_another_master_key(server: Server) {
    let House { server, idp, owner, root, path, provider } = House::begin(server).await;
    let name = provider["name"].as_str().unwrap().to_owned();
    let bob = server.person("bob@acme.example").await;
    idp.says_of("bob", &json!({ "email": "bob@acme.example", "email_verified": true }));
    server.connect(&bob, &name, &idp, json!({})).await;
    let token = format!("/api/v1/users/{}/connections/{name}/token", bob.id);
    let handed = server.post_as(&bob, &token, json!({})).await.expect(200);
    // What the key before has sealed opens while that key is there.
    let mut server = with_another_master(server).await;
    assert_eq!(server.sign_in_by(&name, &idp).await.id, bob.id);
    let done = reseal(&server).await;
    assert_eq!((done.client_secrets, done.connections, done.unreadable), (1, 1, 0));
    server.config.master_key_previous = None;
    let server = server.restarted().await;
    idp.says.lock().asked.clear();
    assert_eq!(server.sign_in_by(&name, &idp).await.id, bob.id);
    assert_eq!(idp.says.lock().asked[0]["client_secret"], "hush hush");
    let again = server.post_as(&bob, &token, json!({})).await.expect(200);
    assert_eq!(again["access_token"], handed["access_token"]);
    drop((owner, root, path));
}

async fn a_domain_is_one_organizations(server: Server) {
    let root = server.super_admin("root@example.com").await;
    let ada = server.person("ada@example.com").await;
    let [acme, other] = [server.organization(&ada, "acme").await, server.organization(&ada, "other").await];
    let claim = json!({ "domain": "Acme.Example" });
    let confirm = |path: &str| format!("{path}/domains/acme.example/confirm");
    server.post_as(&root, &confirm(&acme), Value::Null).await.refused(404, "not-found");
    for path in [&acme, &other] {
        let claimed = server.post_as(&ada, &format!("{path}/domains"), claim.clone()).await.expect(201);
        assert_eq!(claimed["domain"], "acme.example");
        server.post_as(&ada, &format!("{path}/domains"), claim.clone()).await.expect(201);
        // Nobody confirms their own.
        server.post_as(&ada, &confirm(path), Value::Null).await.refused(403, "not-permitted");
    }
    server.post_as(&root, &confirm(&acme), Value::Null).await.expect(200);
    server.post_as(&root, &confirm(&other), Value::Null).await.refused(409, "domain-taken");
    let listed = server.get_as(&ada, &format!("{other}/domains")).await.expect(200);
    assert_eq!(listed["domains"][0]["confirmed"], false);
    server.delete_as(&ada, &format!("{acme}/domains/acme.example")).await.expect(200);
    server.post_as(&root, &confirm(&other), Value::Null).await.expect(200);
    for wrong in ["", "acme", "10.0.0.1", "acme.example/x", "*.example", "ada@acme.example"] {
        let path = format!("{acme}/domains");
        server.post_as(&ada, &path, json!({ "domain": wrong })).await.invalid("domain", "not-a-domain");
    }
}

async fn a15_only_who_makes_members_registers_a_provider_and_never_at_a_private_address(server: Server) {
    let owner = server.person("owner@acme.example").await;
    let root = server.super_admin("root@example.com").await;
    let path = server.organization(&owner, "acme").await;
    let all = format!("{path}/providers");
    let inside = |address: &str| new(&format!("http://{address}/"));
    let mut people = Vec::new();
    for (email, role) in
        [("member@acme.example", SystemRole::Member), ("admin@acme.example", SystemRole::Admin)]
    {
        let person = server.person(email).await;
        server.add_member(&owner, &path, &person, role).await;
        people.push(person);
    }
    let [member, admin] = people.as_slice() else { unreachable!() };
    server.post_as(member, &all, inside("169.254.169.254")).await.refused(403, "not-permitted");
    let stranger = server.person("stranger@example.com").await;
    server.post_as(&stranger, &all, inside("169.254.169.254")).await.refused(404, "not-found");
    for issuer in [
        "http://169.254.169.254/",
        "https://169.254.169.254/",
        "https://127.0.0.1/",
        "https://[::ffff:10.0.0.1]/",
        "https://2130706433/",
        "http://id.acme.example",
        "https://us:hush@id.acme.example",
        "https://id.acme.example/?x",
        "file:///etc/passwd",
        "id.acme.example",
    ] {
        server.post_as(admin, &all, new(issuer)).await.invalid("issuer", "not-allowed");
    }
    // Nobody gives more than they may.
    let mut owning = new("https://id.acme.example");
    owning["role_id"] = json!(role_id(SystemRole::Owner));
    server.post_as(admin, &all, owning.clone()).await.refused(403, "owner-protected");
    let mut public = new("https://id.acme.example");
    public.as_object_mut().unwrap().shift_remove("client_secret");
    server.post_as(admin, &all, public).await.invalid("client_secret", "required");
    // A name that leads inside is not asked.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let made = server.post_as(admin, &all, new(&format!("https://localhost:{port}"))).await.expect(201);
    server.post_as(&owner, &format!("{path}/domains"), json!({ "domain": "acme.example" })).await.expect(201);
    let confirm = format!("{path}/domains/acme.example/confirm");
    server.post_as(&root, &confirm, Value::Null).await.expect(200);
    let url = format!("/api/v1/auth/oauth/{}/url", made["name"].as_str().unwrap());
    server.get(&url).await.refused(503, "unavailable");
    assert_eq!(listener.accept().map_err(|error| error.kind()).unwrap_err(), std::io::ErrorKind::WouldBlock);
}
