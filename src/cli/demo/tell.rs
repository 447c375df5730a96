//! What the demo prints.

use std::io::{self, IsTerminal as _, Write as _};

use serde_json::Value as Json;

use super::step::Step;
use super::witness::Seen;
use crate::pdp::Pdp;

/// Writes the story down, with names instead of ids.
#[derive(Debug)]
pub(super) struct Teller {
    /// An id and what to call it.
    names: Vec<(String, String)>,
    colour: bool,
    pdp: Pdp,
    /// How the folder of the policies is shown.
    policies_dir: String,
}

#[derive(Debug, Clone, Copy)]
enum Ink {
    Bold = 1,
    Dim = 2,
    Red = 31,
    Green = 32,
}

impl Teller {
    pub(super) fn new(pdp: Pdp, policies_dir: String) -> Self {
        Self { names: Vec::new(), colour: io::stdout().is_terminal(), pdp, policies_dir }
    }

    /// From now on `id` is shown as `name`.
    pub(super) fn call(&mut self, id: &str, name: &str) {
        self.names.push((id.to_owned(), name.to_owned()));
    }

    pub(super) fn line(&self, text: &str) -> io::Result<()> {
        writeln!(io::stdout(), "{}", self.named(text))
    }

    pub(super) fn heading(&self, number: usize, title: &str) -> io::Result<()> {
        self.line(&format!("\n{} {}", self.ink(Ink::Dim, &format!("{number:2}")), self.ink(Ink::Bold, title)))
    }

    /// A request that went as announced.
    pub(super) fn step(&self, number: usize, step: &Step<'_>, body: &Json, seen: &[Seen]) -> io::Result<()> {
        let (method, path, status) = (&step.method, &step.path, step.status);
        if step.brief {
            let by = seen.last().map(|it| it.policies.join(", ")).unwrap_or_default();
            let title = step.title;
            let note = format!("{number:2} {title}: {method} {path} → {status}, by {by}");
            return self.line(&self.ink(Ink::Dim, &note));
        }
        self.heading(number, step.title)?;
        let sent = step.body.as_ref().map(|body| format!(" {}", shown(body))).unwrap_or_default();
        self.line(&format!("   → {method} {path}{sent}"))?;
        let fields: Vec<String> =
            step.fields.iter().map(|(name, _)| format!("{name}: {}", shown(field(body, name)))).collect();
        let reason = reqwest::StatusCode::from_u16(status).ok().and_then(|code| code.canonical_reason());
        self.line(&format!("   ← {status} {}  {}", reason.unwrap_or_default(), fields.join("  ")))?;
        if seen.is_empty() {
            self.line("   = no decision: the credential is dead, so there is nobody to ask about")?;
        }
        seen.iter().try_for_each(|seen| self.decision(seen))
    }

    pub(super) fn decision(&self, seen: &Seen) -> io::Result<()> {
        let word = if seen.allowed { self.ink(Ink::Green, "allow") } else { self.ink(Ink::Red, "deny ") };
        self.line(&format!("   = {word}  {} {} {}", seen.principal, seen.action, seen.resource))?;
        if seen.policies.is_empty() {
            self.line("            no policy permits it")?;
        }
        for id in &seen.policies {
            let Some(policy) = self.pdp.describe(id) else { continue };
            let place = format!("{}/{}:{}", self.policies_dir, policy.file, policy.line);
            self.line(&format!("            {id}  {}", self.ink(Ink::Dim, &place)))?;
            self.line(&format!("            {}", self.ink(Ink::Dim, &format!("“{}”", policy.why))))?;
        }
        Ok(())
    }

    fn named(&self, text: &str) -> String {
        self.names.iter().fold(text.to_owned(), |text, (id, name)| text.replace(id, name))
    }

    fn ink(&self, ink: Ink, text: &str) -> String {
        if self.colour { format!("\u{1b}[{}m{text}\u{1b}[0m", ink as u8) } else { text.to_owned() }
    }
}

/// A field of the answer, by name or as a JSON pointer (RFC 6901); `null` if it is not there.
pub(super) fn field<'b>(body: &'b Json, name: &str) -> &'b Json {
    let found = if name.starts_with('/') { body.pointer(name) } else { body.get(name) };
    found.unwrap_or(&Json::Null)
}

/// One line of JSON, without its secrets.
fn shown(json: &Json) -> String {
    let mut json = json.clone();
    for (name, value) in json.as_object_mut().into_iter().flatten() {
        if name == "password" || name.ends_with("token") {
            *value = "…".into();
        }
    }
    json.to_string()
}
