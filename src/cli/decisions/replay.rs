//! Recorded decisions made again by other policies: what would change, and because of which policy.

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::domain::LoggedDecision;
use crate::pdp::{Entity, EntityRef, Pdp, Question, Value};

/// How many decisions are shown of each group.
const SHOWN: usize = 10;

#[derive(Debug)]
pub(super) struct Replay {
    pdp: Pdp,
    asked: usize,
    /// Refused beside the policies: no policy changes that.
    beside: usize,
    /// What would be decided otherwise, by what would bring it about.
    changed: BTreeMap<String, Vec<String>>,
    /// What cannot be asked of these policies at all, such as an action that is gone.
    unasked: Vec<String>,
}

impl Replay {
    pub(super) const fn against(pdp: Pdp) -> Self {
        Self { pdp, asked: 0, beside: 0, changed: BTreeMap::new(), unasked: Vec::new() }
    }

    pub(super) fn ask(&mut self, it: &LoggedDecision) {
        self.asked += 1;
        if it.is_beside_policies() {
            self.beside += 1;
            return;
        }
        let place = format!("{} {} {}  ({})", it.principal, it.action, it.resource, it.id);
        let made = question(it)
            .ok_or_else(|| "the record cannot be read".to_owned())
            .and_then(|question| self.pdp.decide(&question).map_err(|error| error.to_string()));
        let made = match made {
            Ok(made) => made,
            Err(why) => return self.unasked.push(format!("{place}: {why}")),
        };
        let by: Vec<&str> = made.determining.iter().map(|policy| policy.id.as_str()).collect();
        // What a role of an organization's own permitted stands in no folder, so only a forbid would change it.
        let by_own_role = it.allowed && it.policies.iter().any(|policy| policy.starts_with("role."));
        if made.allowed == it.allowed || (by_own_role && by.is_empty()) {
            return;
        }
        let group = match (made.allowed, by.is_empty()) {
            (true, _) => format!("allowed now by {}", by.join(", ")),
            (false, false) => format!("denied now by {}", by.join(", ")),
            (false, true) if !made.errors.is_empty() => format!("denied now: {}", made.errors.join("; ")),
            (false, true) => format!("denied now: no longer allowed by {}", it.policies.join(", ")),
        };
        self.changed.entry(group).or_default().push(place);
    }

    /// # Errors
    /// If it cannot be written.
    pub(super) fn tell(&self, out: &mut impl Write) -> io::Result<()> {
        let changed: usize = self.changed.values().map(Vec::len).sum();
        writeln!(
            out,
            "{changed} of {} decisions would change under policy version {}",
            self.asked,
            self.pdp.version()
        )?;
        for (group, places) in &self.changed {
            writeln!(out, "{group}: {}", places.len())?;
            list(out, places)?;
        }
        if self.beside > 0 {
            writeln!(out, "refused beside the policies, whatever they say: {}", self.beside)?;
        }
        if !self.unasked.is_empty() {
            writeln!(out, "cannot be asked any more: {}", self.unasked.len())?;
            list(out, &self.unasked)?;
        }
        Ok(())
    }
}

fn list(out: &mut impl Write, places: &[String]) -> io::Result<()> {
    places.iter().take(SHOWN).try_for_each(|place| writeln!(out, "  {place}"))?;
    let more = places.len().saturating_sub(SHOWN);
    if more > 0 { writeln!(out, "  and {more} more") } else { Ok(()) }
}

fn question(it: &LoggedDecision) -> Option<Question> {
    Some(Question {
        principal: EntityRef::parse(&it.principal)?,
        action: it.action.clone().into(),
        resource: EntityRef::parse(&it.resource)?,
        context: Value::pairs_from_json(&it.context)?,
        entities: Entity::all_from_json(&it.entities)?.into(),
    })
}
