//! One right request for each operation, and the world it is sent into.

use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use palisade::domain::SystemRole;
use serde_json::{Value, json};

use crate::support::{Database, PASSWORD, Person, Server, Setup, role_id};

/// Who may be found in a column of the table.
#[derive(Debug)]
pub struct Persona {
    pub name: &'static str,
    /// The role they hold in every organization of the table.
    pub role: Option<SystemRole>,
    /// Nobody is anonymous.
    pub person: Option<Person>,
}

/// A request before it is sent.
#[derive(Debug, Default)]
pub struct Request {
    /// What the parameters of the path are.
    pub path: Vec<(&'static str, String)>,
    pub body: Option<Value>,
    /// A body as OAuth sends it, instead.
    pub form: Option<String>,
    /// Another access token than the persona's own.
    pub token: Option<String>,
}

impl Request {
    fn new() -> Self {
        Self::default()
    }

    /// Sent by somebody else than the persona, if by anybody.
    fn of(person: Option<Person>) -> Self {
        Self { token: person.map(|person| person.access), ..Self::default() }
    }

    fn at(mut self, parameter: &'static str, id: impl Into<String>) -> Self {
        self.path.push((parameter, id.into()));
        self
    }

    fn form(mut self, fields: &[(&str, &str)]) -> Self {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        self.form = Some(form.extend_pairs(fields).finish());
        self
    }

    fn body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }
}

/// A row: the operation, the case if there are several, and how its request is made.
pub struct Row {
    pub operation: &'static str,
    pub case: &'static str,
    pub ask: Ask,
}

type Ask = for<'a> fn(&'a World, &'a Persona) -> Pin<Box<dyn Future<Output = Request> + Send + 'a>>;

macro_rules! rows {
    ($($operation:ident $(($case:literal))?: |$world:pat_param, $persona:pat_param| $request:expr;)*) => {
        &[$(Row {
            operation: stringify!($operation),
            case: concat!($($case)?),
            ask: |$world, $persona| Box::pin(async move { $request }),
        }),*]
    };
}

/// What is asked. Each request would be answered with 2xx if everybody might do everything.
pub const ROWS: &[Row] = rows! {
    get_jwks: |_, _| Request::new();
    register: |world, _| Request::new().body(credentials(&world.unused_email()));
    login: |_, persona| Request::new().body(credentials(persona.email()));
    refresh_session: |world, persona| {
        Request::new().body(json!({ "refresh_token": world.session_of(persona).await.refresh }))
    };
    verify_email: |world, _| {
        let email = world.unused_email();
        world.server.register(&email).await;
        Request::new().body(json!({ "token": token_sent_to(&world.server, &email).await }))
    };
    check_password_strength: |_, _| Request::new().body(json!({ "password": PASSWORD }));
    logout: |world, persona| {
        let token = persona.person.is_some().then_some(world.session_of(persona).await.access);
        Request { token, ..Request::new() }
    };
    get_me: |_, _| Request::new();
    update_me: |_, _| Request::new().body(json!({ "department": "Anvils" }));

    resend_verification: |world, _| Request::new().body(json!({ "email": world.unused_email() }));
    forgot_password: |world, _| Request::new().body(json!({ "email": world.unused_email() }));
    reset_password: |world, _| {
        let email = world.unused_email();
        world.server.register(&email).await;
        world.server.advance(Duration::from_millis(1));
        let body = json!({ "email": email });
        world.server.post("/api/v1/auth/forgot-password", body).await.expect(200);
        let token = token_sent_to(&world.server, &email).await;
        Request::new().body(json!({ "token": token, "new_password": ANOTHER }))
    };
    change_password: |world, persona| {
        let body = json!({ "current_password": PASSWORD, "new_password": ANOTHER });
        Request::of(world.stand_in(persona).await).body(body)
    };
    list_sessions: |_, _| Request::new();
    revoke_session: |world, persona| {
        let person = world.stand_in(persona).await;
        let session = world.a_session(person.as_ref()).await;
        Request::of(person).at("session_id", session)
    };
    revoke_session ("of another"): |world, _| {
        Request::new().at("session_id", world.a_session(Some(&world.founder)).await)
    };
    revoke_other_sessions: |world, persona| Request::of(world.stand_in(persona).await);
    logout_all: |world, persona| Request::of(world.stand_in(persona).await);
    change_email: |world, persona| {
        let body = json!({ "new_email": world.unused_email(), "current_password": PASSWORD });
        Request::of(world.stand_in(persona).await).body(body)
    };
    confirm_email_change: |world, persona| {
        let person = world.stand_in(persona).await;
        let token = world.email_change(persona, person.as_ref()).await;
        Request::of(person).body(json!({ "token": token }))
    };
    delete_me: |world, persona| {
        Request::of(world.stand_in(persona).await).body(json!({ "current_password": PASSWORD }))
    };
    restore_me: |_, _| Request::new();
    export_me: |_, _| Request::new();

    create_organization: |world, _| {
        let slug = world.unused("made");
        Request::new().body(json!({ "name": "Acme", "slug": slug }))
    };
    list_organizations: |_, _| Request::new();
    get_organization: |world, _| world.in_house();
    get_organization ("archived"): |world, persona| world.archived(persona).await;
    get_organization ("unknown"): |_, _| Request::new().at("organization_id", UNKNOWN);
    update_organization: |world, _| world.in_house().body(json!({ "description": "Anvils" }));
    update_organization ("archived"): |world, persona| {
        world.archived(persona).await.body(json!({ "description": "Anvils" }))
    };
    archive_organization: |world, persona| world.organization(persona).await.request();
    list_roles: |world, _| world.in_house();

    list_own_events: |_, _| Request::new();
    list_organization_events: |world, _| world.in_house();
    list_events: |_, _| Request::new();

    list_members: |world, _| world.in_house();
    add_member ("as viewer"): |world, persona| world.adding(persona, SystemRole::Viewer).await;
    add_member ("as admin"): |world, persona| world.adding(persona, SystemRole::Admin).await;
    add_member ("as owner"): |world, persona| world.adding(persona, SystemRole::Owner).await;
    change_member_role ("of a member"): |world, persona| {
        world.changing(persona, SystemRole::Member, SystemRole::Viewer).await
    };
    change_member_role ("of a member to owner"): |world, persona| {
        world.changing(persona, SystemRole::Member, SystemRole::Owner).await
    };
    change_member_role ("of an owner"): |world, persona| {
        world.changing(persona, SystemRole::Owner, SystemRole::Viewer).await
    };
    change_member_role ("their own, to admin"): |world, persona| {
        let organization = world.organization(persona).await;
        organization.of_self().body(json!({ "role_id": role_id(SystemRole::Admin) }))
    };
    change_member_role ("unknown"): |world, _| {
        let body = json!({ "role_id": role_id(SystemRole::Viewer) });
        world.in_house().at("membership_id", UNKNOWN).body(body)
    };
    remove_member ("a member"): |world, persona| world.removing(persona, SystemRole::Member).await;
    remove_member ("an owner"): |world, persona| world.removing(persona, SystemRole::Owner).await;
    remove_member ("themselves"): |world, persona| world.organization(persona).await.of_self();
    remove_member ("of another organization"): |world, persona| {
        let elsewhere = world.removing(persona, SystemRole::Member).await.path.remove(1).1;
        world.in_house().at("membership_id", elsewhere)
    };

    create_invitation ("as viewer"): |world, _| world.inviting(SystemRole::Viewer);
    create_invitation ("as owner"): |world, _| world.inviting(SystemRole::Owner);
    list_invitations: |world, _| world.in_house();
    revoke_invitation: |world, _| {
        let invitation = world.invitation(&world.house, &world.unused_email(), false).await;
        world.in_house().at("invitation_id", invitation)
    };
    accept_invitation ("sent to them"): |world, persona| world.accepting(persona.email()).await;
    accept_invitation ("sent to another"): |world, _| world.accepting(&world.unused_email()).await;

    list_waitlist: |_, _| Request::new();
    approve_registration: |world, _| Request::new().at("user_id", &*world.waiting);
    create_api_key: |_, _| Request::new().body(json!({ "name": "key", "scopes": [] }));
    create_api_key ("of an organization"): |world, _| {
        Request::new().body(json!({ "name": "key", "scopes": [], "organization_id": id_of(&world.house) }))
    };
    list_api_keys: |_, _| Request::new();
    rotate_api_key: |world, persona| world.own_key(persona).await.body(json!({}));
    revoke_api_key: |world, persona| world.own_key(persona).await;
    revoke_api_key ("of another"): |world, _| world.key_of("/api/v1/auth/api-keys").await;
    revoke_api_key ("of an organization"): |world, _| {
        world.key_of(&format!("{}/api-keys", world.house)).await
    };
    create_organization_api_key: |world, _| world.in_house().body(json!({ "name": "key" }));
    list_organization_api_keys: |world, _| world.in_house();
    rotate_organization_api_key: |world, _| {
        let key = world.key_of(&format!("{}/api-keys", world.house)).await;
        key.at("organization_id", id_of(&world.house)).body(json!({}))
    };
    revoke_organization_api_key: |world, _| {
        let key = world.key_of(&format!("{}/api-keys", world.house)).await;
        key.at("organization_id", id_of(&world.house))
    };

    create_agent: |world, _| world.in_house().body(json!({ "name": "Builder" }));
    create_agent ("as owner"): |world, _| {
        world.in_house().body(json!({ "name": "Builder", "role_id": role_id(SystemRole::Owner) }))
    };
    list_agents: |world, _| world.in_house();
    get_agent: |world, _| world.agent().await;
    get_agent ("unknown"): |world, _| world.in_house().at("agent_id", UNKNOWN);
    update_agent: |world, _| world.agent().await.body(json!({ "name": "Renamed" }));
    suspend_agent: |world, _| world.agent().await;
    resume_agent: |world, _| world.agent().await;
    terminate_agent: |world, _| world.agent().await;
    create_agent_token: |world, _| world.agent().await.body(json!({ "task_id": "t", "scopes": [] }));
    create_agent_api_key: |world, _| world.agent().await.body(json!({ "name": "key" }));
    list_agent_api_keys: |world, _| world.agent().await;
    rotate_agent_api_key: |world, _| world.agent_key().await.0.body(json!({}));
    revoke_agent_api_key: |world, _| world.agent_key().await.0;
    exchange_token: |world, persona| {
        let subject = persona.person.as_ref().map_or("none", |person| &person.access);
        let (_, key) = world.agent_key().await;
        Request::new().form(&[
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token", subject),
            ("subject_token_type", ACCESS_TOKEN),
            ("actor_token", &key),
            ("actor_token_type", ACCESS_TOKEN),
        ])
    };
    introspect_token: |_, _| Request::new().form(&[("token", "none")]);
    revoke_token: |_, _| Request::new().form(&[("token", "none")]);

    approve_all_registrations: |_, _| Request::new();
    reject_registration: |world, _| world.rejecting().await;
    list_messages: |_, _| Request::new();
    retry_message: |_, _| Request::new().at("message_id", UNKNOWN);
    suspend_user: |world, _| Request::new().at("user_id", &*world.victim.id);
    suspend_user ("unknown"): |_, _| Request::new().at("user_id", UNKNOWN);
    reinstate_user: |world, _| Request::new().at("user_id", &*world.victim.id);
};

const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// An id of nothing.
const UNKNOWN: &str = "019b76da-a800-7000-8000-00000000dead";
/// Not the password that everybody has.
const ANOTHER: &str = "an entirely different staple";
/// The waitlist plugin lets these addresses in at once.
const KNOWN: &str = "example.com";
const PLUGINS: &str = "[[plugins]]\nname = \"waitlist\"\nconfig = { allowed_domains = [\"example.com\"] }\n";

fn credentials(email: &str) -> Value {
    json!({ "email": email, "password": PASSWORD })
}

impl Persona {
    /// An account's address; anonymous callers know somebody's.
    fn email(&self) -> &str {
        self.person.as_ref().map_or("spare@example.com", |person| &person.email)
    }
}

/// A server with one of each persona.
pub struct World {
    pub server: Server,
    pub personas: Vec<Persona>,
    /// Founds every organization of the table.
    founder: Person,
    /// Does what only administrators do, to make the others.
    administrator: Person,
    /// Holds no role anywhere.
    spare: Person,
    /// Is suspended and reinstated.
    victim: Person,
    /// The account of somebody on the waitlist.
    waiting: String,
    /// The path of an organization in which every persona holds their role. No row changes who belongs to it.
    house: String,
    next: AtomicU32,
}

/// An organization that one cell may spoil.
pub struct Fresh {
    path: String,
    /// The persona's own membership.
    own: Option<String>,
}

impl World {
    pub async fn begin(database: Database) -> Self {
        let server = Server::with(Setup { plugins: PLUGINS, ..Setup::on(database) }).await;
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
            next: AtomicU32::new(0),
        };
        world.personas = world.people().await;
        world
    }

    /// The columns. Those whose account is not in order are owners: what stops them is the account.
    async fn people(&self) -> Vec<Persona> {
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

    fn unused(&self, word: &str) -> String {
        format!("{word}-{}", self.next.fetch_add(1, Ordering::Relaxed))
    }

    fn unused_email(&self) -> String {
        format!("{}@{KNOWN}", self.unused("new"))
    }

    /// A key of the persona's own; whoever may make none asks for one that is not there.
    async fn own_key(&self, persona: &Persona) -> Request {
        let made = match &persona.person {
            Some(person) => {
                self.server.post_as(person, "/api/v1/auth/api-keys", json!({ "name": "key" })).await.body
            }
            None => Value::Null,
        };
        Request::new().at("key_id", made["id"].as_str().unwrap_or(UNKNOWN))
    }

    /// A key that the founder makes at this path.
    async fn key_of(&self, path: &str) -> Request {
        let made = self.server.post_as(&self.founder, path, json!({ "name": "key" })).await.expect(201);
        Request::new().at("key_id", made["id"].as_str().expect("an id"))
    }

    /// An agent of the house that the cell may spoil.
    async fn agent(&self) -> Request {
        let path = format!("{}/agents", self.house);
        let made = self.server.post_as(&self.founder, &path, json!({ "name": "Builder" })).await.expect(201);
        self.in_house().at("agent_id", made["id"].as_str().expect("an id"))
    }

    /// A key of such an agent, and its text.
    async fn agent_key(&self) -> (Request, String) {
        let agent = self.agent().await;
        let path = format!("{}/agents/{}/api-keys", self.house, agent.path[1].1);
        let made = self.server.post_as(&self.founder, &path, json!({ "name": "key" })).await.expect(201);
        let text = |name: &str| made[name].as_str().expect("a text").to_owned();
        (agent.at("key_id", text("id")), text("key"))
    }

    fn in_house(&self) -> Request {
        Request::new().at("organization_id", id_of(&self.house))
    }

    /// A sign-in that the cell may end. Whoever cannot sign in any more brings what they had.
    async fn session_of(&self, persona: &Persona) -> Person {
        match &persona.person {
            Some(person) if persona.name == "suspended" => person.clone(),
            _ => self.server.login(persona.email()).await,
        }
    }

    /// Somebody whose account is in the persona's state, for the cell to spoil. Nobody stands in for nobody; and the
    /// suspended bring what they had.
    async fn stand_in(&self, persona: &Persona) -> Option<Person> {
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
    async fn a_session(&self, person: Option<&Person>) -> String {
        let Some(person) = person else { return UNKNOWN.to_owned() };
        let sessions = self.server.get_as(person, "/api/v1/auth/sessions").await;
        sessions.body.pointer("/0/id").and_then(Value::as_str).unwrap_or(UNKNOWN).to_owned()
    }

    /// The token that moves their account to another address.
    async fn email_change(&self, persona: &Persona, person: Option<&Person>) -> String {
        let Some(person) = person.filter(|_| persona.name != "suspended") else { return "none".to_owned() };
        let email = self.unused_email();
        let body = json!({ "new_email": email, "current_password": PASSWORD });
        self.server.post_as(person, "/api/v1/auth/me/email", body).await.expect(200);
        token_sent_to(&self.server, &email).await
    }

    async fn organization(&self, persona: &Persona) -> Fresh {
        let path = self.server.organization(&self.founder, &self.unused("fresh")).await;
        let own = match (&persona.person, persona.role) {
            (Some(person), Some(role)) => {
                Some(self.server.add_member(&self.founder, &path, person, role).await)
            }
            _ => None,
        };
        Fresh { path, own }
    }

    async fn archived(&self, persona: &Persona) -> Request {
        let organization = self.organization(persona).await;
        self.server.delete_as(&self.founder, &organization.path).await.expect(200);
        organization.request()
    }

    async fn adding(&self, persona: &Persona, role: SystemRole) -> Request {
        let organization = self.organization(persona).await;
        organization.request().body(json!({ "user_id": self.spare.id, "role_id": role_id(role) }))
    }

    async fn removing(&self, persona: &Persona, role: SystemRole) -> Request {
        let organization = self.organization(persona).await;
        let other = self.server.add_member(&self.founder, &organization.path, &self.spare, role).await;
        organization.request().at("membership_id", id_of(&other))
    }

    async fn changing(&self, persona: &Persona, from: SystemRole, to: SystemRole) -> Request {
        self.removing(persona, from).await.body(json!({ "role_id": role_id(to) }))
    }

    fn inviting(&self, role: SystemRole) -> Request {
        let body = json!({ "email": self.unused_email(), "role_id": role_id(role), "send_email": false });
        self.in_house().body(body)
    }

    async fn invitation(&self, organization: &str, email: &str, send_email: bool) -> String {
        let role_id = role_id(SystemRole::Viewer);
        let body = json!({ "email": email, "role_id": role_id, "send_email": send_email });
        let path = format!("{organization}/invitations");
        let made = self.server.post_as(&self.founder, &path, body).await.expect(201);
        made["id"].as_str().expect("an id").to_owned()
    }

    /// Somebody new on the waitlist, for one cell to turn away.
    async fn rejecting(&self) -> Request {
        let email = format!("{}@elsewhere.example", self.unused("waiting"));
        let user = self.server.register(&email).await;
        Request::new().at("user_id", user["id"].as_str().expect("an id")).body(json!({ "reason": "no" }))
    }

    /// An invitation to an organization that nobody but its founder belongs to.
    async fn accepting(&self, email: &str) -> Request {
        let organization = self.server.organization(&self.founder, &self.unused("fresh")).await;
        // Letters of one millisecond have no order.
        self.server.advance(Duration::from_millis(1));
        self.invitation(&organization, email, true).await;
        Request::new().body(json!({ "token": token_sent_to(&self.server, email).await }))
    }
}

impl Fresh {
    fn request(&self) -> Request {
        Request::new().at("organization_id", id_of(&self.path))
    }

    /// The persona's own membership; whoever has none asks for one that is not there.
    fn of_self(&self) -> Request {
        self.request().at("membership_id", self.own.as_deref().map_or(UNKNOWN, id_of))
    }
}

/// Somebody on the waitlist who has proved their address.
async fn waitlisted(server: &Server, email: &str) -> Person {
    server.register(email).await;
    let token = token_sent_to(server, email).await;
    server.post("/api/v1/auth/verify-email", json!({ "token": token })).await.expect(200);
    server.login(email).await
}

/// The token of the newest letter with a link; whoever waits gets another letter besides.
async fn token_sent_to(server: &Server, email: &str) -> String {
    let mails = server.mails().await;
    let newest = mails.iter().rfind(|mail| mail.to.contains(email) && mail.text.contains("token="));
    newest.unwrap_or_else(|| panic!("no link was sent to {email}")).token()
}

/// The last part of a path.
fn id_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}
