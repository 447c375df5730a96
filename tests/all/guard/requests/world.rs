//! The world that the requests are sent into.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use palisade::domain::SystemRole;
use serde_json::{Value, json};

use super::{KNOWN, PLUGINS, Persona, Request, UNKNOWN};
use crate::support::{Database, Dns, Idp, PASSWORD, Person, Server, Setup, role_id};

impl Persona {
    /// An account's address; anonymous callers know somebody's.
    pub(super) fn email(&self) -> &str {
        self.person.as_ref().map_or("spare@example.com", |person| &person.email)
    }
}

/// A server with one of each persona.
pub struct World {
    pub server: Server,
    pub personas: Vec<Persona>,
    /// Founds every organization of the table.
    pub(super) founder: Person,
    /// Does what only administrators do, to make the others.
    pub(super) administrator: Person,
    /// Holds no role anywhere.
    pub(super) spare: Person,
    /// Is suspended and reinstated.
    pub(super) victim: Person,
    /// The account of somebody on the waitlist.
    pub(super) waiting: String,
    /// The path of an organization in which every persona holds their role. No row changes who belongs to it.
    pub(super) house: String,
    /// The provider `idp`.
    idp: Idp,
    dns: Dns,
    next: AtomicU32,
}

/// What registers a provider of an organization's that makes whoever comes this.
pub(super) fn new_provider(role: &str) -> Value {
    json!({
        "label": "Acme", "issuer": "https://id.acme.example", "client_id": "us", "client_auth": "none", "role_id": role,
    })
}

/// The settings of a provider that needs no secret.
fn with(idp: &Idp, dns: &Dns) -> String {
    format!(
        "[oauth]\ndns_server = \"{}\"\nfrontend_callback_url = \"http://app.test/callback\"\n[[oauth.providers]]\nname = \"idp\"\n\
         client_id = \"us\"\nclient_auth = \"none\"\nissuer = \"{}\"\nallow_private_addresses = true\n\
         response_mode = \"form_post\"\n",
        dns.address, idp.url
    )
}

/// An organization that one cell may spoil.
pub struct Fresh {
    path: String,
    /// The persona's own membership.
    own: Option<String>,
}

impl World {
    pub async fn begin(database: Database) -> Self {
        let (idp, dns) = (Idp::start(), Dns::start());
        let mut setup = Setup::on(database);
        setup.plugins = Box::leak(format!("{PLUGINS}{}", with(&idp, &dns)).into_boxed_str());
        let server = Server::with(setup).await;
        let founder = server.person("founder@example.com").await;
        let administrator = server.super_admin("administrator@example.com").await;
        let spare = server.person("spare@example.com").await;
        let victim = server.person("victim@example.com").await;
        let waiting = server.register("waiting@elsewhere.example").await["id"].clone();
        let waiting = waiting.as_str().expect("an id").to_owned();
        let house = server.organization(&founder, "house").await;
        let mut world = Self {
            server,
            personas: Vec::new(),
            founder,
            administrator,
            spare,
            victim,
            waiting,
            house,
            idp,
            dns,
            next: AtomicU32::new(0),
        };
        world.personas = world.people().await;
        world
    }

    /// The columns. Those whose account is not in order are owners: what stops them is the account.
    pub(super) async fn people(&self) -> Vec<Persona> {
        let owner = Some(SystemRole::Owner);
        let anonymous = Persona { name: "anonymous", role: None, person: None };
        let mut personas = vec![anonymous];
        for (name, role) in [
            ("stranger", None),
            ("viewer", Some(SystemRole::Viewer)),
            ("member", Some(SystemRole::Member)),
            ("agent_executor", Some(SystemRole::AgentExecutor)),
            ("admin", Some(SystemRole::Admin)),
            ("owner", owner),
            ("suspended", owner),
            ("unverified", owner),
            ("waitlisted", owner),
            ("super_admin", None),
        ] {
            let email = format!("{name}@{KNOWN}");
            let person = match name {
                "unverified" => self.server.unverified(&email).await,
                "waitlisted" => waitlisted(&self.server, "waitlisted@elsewhere.example").await,
                "super_admin" => self.server.super_admin(&email).await,
                _ => self.server.person(&email).await,
            };
            if let Some(role) = role {
                self.server.add_member(&self.founder, &self.house, &person, role).await;
            }
            if name == "suspended" {
                let path = format!("/api/v1/users/{}/suspend", person.id);
                self.server.post_as(&self.administrator, &path, Value::Null).await.expect(200);
            }
            personas.push(Persona { name, role, person: Some(person) });
        }
        personas
    }

    /// Connects the persona's account at `idp`, if the account may.
    pub(super) async fn connect(&self, persona: &Persona) {
        let Some(person) = persona.person.as_ref().filter(|_| persona.name != "suspended") else { return };
        self.connect_person(person).await;
    }

    pub(super) async fn connect_person(&self, person: &Person) {
        self.idp.says_of(&person.id, &json!({}));
        self.server.connect(person, "idp", &self.idp, json!({})).await;
    }

    /// A provider of the house that the cell may spoil.
    pub(super) async fn provider(&self) -> Request {
        let body = new_provider(&role_id(SystemRole::Viewer));
        let path = format!("{}/providers", self.house);
        let made = self.server.post_as(&self.founder, &path, body).await.expect(201);
        self.in_house().at("provider_id", made["id"].as_str().expect("an id"))
    }

    /// A domain that the house claims.
    pub(super) async fn domain(&self) -> Request {
        let domain = format!("{}.example", self.unused("domain"));
        let path = format!("{}/domains", self.house);
        self.server.post_as(&self.founder, &path, json!({ "domain": domain })).await.expect(201);
        self.in_house().at("domain", domain)
    }

    /// Has DNS say that a domain which the house claims is the house's.
    pub(super) async fn publish(&self, domain: &str) {
        let path = format!("{}/domains", self.house);
        let again = self.server.post_as(&self.founder, &path, json!({ "domain": domain })).await.expect(201);
        let text = |key: &str| again["challenge"][key].as_str().expect("a text").to_owned();
        self.dns.publish(&text("name"), &text("value"));
    }

    /// One that is the house's, which has a provider.
    pub(super) async fn confirmed_domain(&self) -> String {
        self.provider().await;
        let domain = self.domain().await.path[1].1.clone();
        let path = format!("{}/domains/{domain}/confirm", self.house);
        self.server.post_as(&self.administrator, &path, Value::Null).await.expect(200);
        domain
    }

    pub(super) fn unused(&self, word: &str) -> String {
        format!("{word}-{}", self.next.fetch_add(1, Ordering::Relaxed))
    }

    pub(super) fn unused_email(&self) -> String {
        format!("{}@{KNOWN}", self.unused("new"))
    }

    /// A key of the persona's own; whoever may make none asks for one that is not there.
    pub(super) async fn own_key(&self, persona: &Persona) -> Request {
        let made = match &persona.person {
            Some(person) => {
                self.server.post_as(person, "/api/v1/auth/api-keys", json!({ "name": "key" })).await.body
            }
            None => Value::Null,
        };
        Request::new().at("key_id", made["id"].as_str().unwrap_or(UNKNOWN))
    }

    /// A key that the founder makes at this path.
    pub(super) async fn key_of(&self, path: &str) -> Request {
        let made = self.server.post_as(&self.founder, path, json!({ "name": "key" })).await.expect(201);
        Request::new().at("key_id", made["id"].as_str().expect("an id"))
    }

    /// An agent of the house that the cell may spoil.
    pub(super) async fn agent(&self) -> Request {
        let path = format!("{}/agents", self.house);
        let made = self.server.post_as(&self.founder, &path, json!({ "name": "Builder" })).await.expect(201);
        self.in_house().at("agent_id", made["id"].as_str().expect("an id"))
    }

    /// A key of such an agent, and its text.
    pub(super) async fn agent_key(&self) -> (Request, String) {
        let agent = self.agent().await;
        let path = format!("{}/agents/{}/api-keys", self.house, agent.path[1].1);
        let made = self.server.post_as(&self.founder, &path, json!({ "name": "key" })).await.expect(201);
        let text = |name: &str| made[name].as_str().expect("a text").to_owned();
        (agent.at("key_id", text("id")), text("key"))
    }

    /// The decision that refused the viewer a change of the house.
    pub(super) async fn a_refusal(&self) -> String {
        let viewer = self.personas.iter().find(|it| it.name == "viewer").and_then(|it| it.person.as_ref());
        let body = json!({ "description": "Anvils" });
        let refused = self.server.patch_as(viewer.expect("a viewer"), &self.house, body).await.expect(403);
        refused["decision_id"].as_str().expect("a refusal names its decision").to_owned()
    }

    pub(super) fn in_house(&self) -> Request {
        Request::new().at("organization_id", id_of(&self.house))
    }

    /// A sign-in that the cell may end. Whoever cannot sign in any more brings what they had.
    pub(super) async fn session_of(&self, persona: &Persona) -> Person {
        match &persona.person {
            Some(person) if persona.name == "suspended" => person.clone(),
            _ => self.server.login(persona.email()).await,
        }
    }

    /// Somebody whose account is in the persona's state, for the cell to spoil. Nobody stands in for nobody; and the
    /// suspended bring what they had.
    pub(super) async fn stand_in(&self, persona: &Persona) -> Option<Person> {
        let email = self.unused_email();
        match persona.name {
            "anonymous" => None,
            "suspended" => persona.person.clone(),
            "unverified" => Some(self.server.unverified(&email).await),
            "waitlisted" => Some(waitlisted(&self.server, &email.replace(KNOWN, "elsewhere.example")).await),
            "super_admin" => Some(self.server.super_admin(&email).await),
            _ => Some(self.server.person(&email).await),
        }
    }

    /// The id of a session of theirs.
    pub(super) async fn a_session(&self, person: Option<&Person>) -> String {
        let Some(person) = person else { return UNKNOWN.to_owned() };
        let sessions = self.server.get_as(person, "/api/v1/auth/sessions").await;
        sessions.body.pointer("/0/id").and_then(Value::as_str).unwrap_or(UNKNOWN).to_owned()
    }

    /// The token that moves their account to another address.
    pub(super) async fn email_change(&self, persona: &Persona, person: Option<&Person>) -> String {
        let Some(person) = person.filter(|_| persona.name != "suspended") else { return "none".to_owned() };
        let email = self.unused_email();
        let body = json!({ "new_email": email, "current_password": PASSWORD });
        self.server.post_as(person, "/api/v1/auth/me/email", body).await.expect(200);
        token_sent_to(&self.server, &email).await
    }

    pub(super) async fn organization(&self, persona: &Persona) -> Fresh {
        let path = self.server.organization(&self.founder, &self.unused("fresh")).await;
        let own = match (&persona.person, persona.role) {
            (Some(person), Some(role)) => {
                Some(self.server.add_member(&self.founder, &path, person, role).await)
            }
            _ => None,
        };
        Fresh { path, own }
    }

    pub(super) async fn archived(&self, persona: &Persona) -> Request {
        let organization = self.organization(persona).await;
        self.server.delete_as(&self.founder, &organization.path).await.expect(200);
        organization.request()
    }

    pub(super) async fn adding(&self, persona: &Persona, role: SystemRole) -> Request {
        let organization = self.organization(persona).await;
        organization.request().body(json!({ "user_id": self.spare.id, "role_id": role_id(role) }))
    }

    /// A role of the house that the cell may spoil.
    pub(super) async fn role(&self, permissions: &[&str]) -> Request {
        self.in_house().at("role_id", self.role_in(&self.house, permissions).await)
    }

    async fn role_in(&self, organization: &str, permissions: &[&str]) -> String {
        let body = json!({ "name": self.unused("role"), "permissions": permissions });
        let made = self.server.post_as(&self.founder, &format!("{organization}/roles"), body).await;
        made.expect(201)["id"].as_str().expect("an id").to_owned()
    }

    pub(super) async fn giving(&self, persona: &Persona, permissions: &[&str]) -> Request {
        let organization = self.organization(persona).await;
        let role = self.role_in(&organization.path, permissions).await;
        organization.request().body(json!({ "user_id": self.spare.id, "role_id": role }))
    }

    pub(super) async fn removing(&self, persona: &Persona, role: SystemRole) -> Request {
        let organization = self.organization(persona).await;
        let other = self.server.add_member(&self.founder, &organization.path, &self.spare, role).await;
        organization.request().at("membership_id", id_of(&other))
    }

    pub(super) async fn changing(&self, persona: &Persona, from: SystemRole, to: SystemRole) -> Request {
        self.removing(persona, from).await.body(json!({ "role_id": role_id(to) }))
    }

    pub(super) fn inviting(&self, role: SystemRole) -> Request {
        let body = json!({ "email": self.unused_email(), "role_id": role_id(role), "send_email": false });
        self.in_house().body(body)
    }

    pub(super) async fn invitation(&self, organization: &str, email: &str, send_email: bool) -> String {
        let role_id = role_id(SystemRole::Viewer);
        let body = json!({ "email": email, "role_id": role_id, "send_email": send_email });
        let path = format!("{organization}/invitations");
        let made = self.server.post_as(&self.founder, &path, body).await.expect(201);
        made["id"].as_str().expect("an id").to_owned()
    }

    /// Somebody new on the waitlist, for one cell to turn away.
    pub(super) async fn rejecting(&self) -> Request {
        let email = format!("{}@elsewhere.example", self.unused("waiting"));
        let user = self.server.register(&email).await;
        Request::new().at("user_id", user["id"].as_str().expect("an id")).body(json!({ "reason": "no" }))
    }

    /// An invitation to an organization that nobody but its founder belongs to.
    pub(super) async fn accepting(&self, email: &str) -> Request {
        let organization = self.server.organization(&self.founder, &self.unused("fresh")).await;
        // Letters of one millisecond have no order.
        self.server.advance(Duration::from_millis(1));
        self.invitation(&organization, email, true).await;
        Request::new().body(json!({ "token": token_sent_to(&self.server, email).await }))
    }
}

impl Fresh {
    pub(super) fn request(&self) -> Request {
        Request::new().at("organization_id", id_of(&self.path))
    }

    /// The persona's own membership; whoever has none asks for one that is not there.
    pub(super) fn of_self(&self) -> Request {
        self.request().at("membership_id", self.own.as_deref().map_or(UNKNOWN, id_of))
    }
}

/// Somebody on the waitlist who has proved their address.
pub(super) async fn waitlisted(server: &Server, email: &str) -> Person {
    server.register(email).await;
    let token = token_sent_to(server, email).await;
    server.post("/api/v1/auth/verify-email", json!({ "token": token })).await.expect(200);
    server.login(email).await
}

/// The token of the newest letter with a link; whoever waits gets another letter besides.
pub(super) async fn token_sent_to(server: &Server, email: &str) -> String {
    let mails = server.mails().await;
    let newest = mails.iter().rfind(|mail| mail.to.contains(email) && mail.text.contains("token="));
    newest.unwrap_or_else(|| panic!("no link was sent to {email}")).token()
}

/// The last part of a path.
pub(super) fn id_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}
