//! One right request for each operation, and the world it is sent into.

use std::pin::Pin;

use palisade::domain::SystemRole;
use serde_json::{Value, json};

pub use self::world::World;
use self::world::{id_of, token_sent_to};
use crate::openapi::Operation;
use crate::support::{Answer, PASSWORD, Person, Server};

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
    /// What stands after the `?`.
    pub query: Option<&'static str>,
    /// What stands in the header `Palisade-Organization`.
    pub organization: Option<String>,
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

    fn query(mut self, query: &'static str) -> Self {
        self.query = Some(query);
        self
    }

    fn form(mut self, fields: &[(&str, &str)]) -> Self {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        self.form = Some(form.extend_pairs(fields).finish());
        self
    }

    /// Sends it as the persona, or whoever else it says.
    pub async fn send(self, server: &Server, operation: &Operation, persona: &Persona) -> Answer {
        let Self { path: parameters, query, organization, body, form, token } = self;
        let mut path = operation.path.clone();
        for (name, id) in parameters {
            path = path.replace(&format!("{{{name}}}"), &id);
        }
        let place = &operation.place;
        assert!(!path.contains('{'), "{place}: its row in tests/all/guard/requests/ leaves {path} open");
        if let Some(query) = query {
            path = format!("{path}?{query}");
        }
        let token = token.or_else(|| persona.person.as_ref().map(|person| person.access.clone()));
        let token = token.as_deref();
        match (form, organization) {
            (Some(form), _) => server.send_form(&path, token, form).await,
            (None, Some(organization)) => server.ask_in(&organization, &path, token, body.as_ref()).await,
            (None, None) => server.send(operation.method.clone(), &path, token, body.as_ref()).await,
        }
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

mod access;
mod credentials;
mod decisions;
mod federation;
mod forwarding;
mod grants;
mod identity;
mod organizations;
mod platform;
mod plugins;
mod resources;
mod roles;
mod search;
mod world;

/// What is asked, area by area. Each request would be answered with 2xx if everybody might do everything.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    [
        identity::ROWS,
        organizations::ROWS,
        credentials::ROWS,
        federation::ROWS,
        platform::ROWS,
        plugins::ROWS,
        resources::ROWS,
        access::ROWS,
        roles::ROWS,
        search::ROWS,
        decisions::ROWS,
        forwarding::ROWS,
        grants::ROWS,
    ]
    .into_iter()
    .flatten()
}

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
