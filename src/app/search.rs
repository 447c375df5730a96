//! Who may, to what, and what: the same answers as asking about each alone, a page at a time.
//!
//! A page is never silently short of an answer: it ends where all are found, where it is full, or where one request
//! has done enough work, and says so by where the next one begins.

mod page;

use serde_json::json;
use uuid::Uuid;

use self::page::Place;
use super::evaluation::{Named, Query};
use super::{App, Error};
use crate::guard::actions::{SearchActions, SearchResources, SearchSubjects, Searches};
use crate::guard::{
    Asked, Authorized, Entity, EntityRef, Known, Party, Reach, Released, Search, Sought, give_way,
};
use crate::store::Candidate;

/// About how many one request asks at most: some tenths of a second of work.
const MOST_ASKED: usize = 2_000;
/// How many are looked up at once.
const BATCH: usize = 200;

/// Which part of the answers is wanted.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Where the page before ended.
    pub token: Option<String>,
    /// At least one.
    pub limit: usize,
}

/// A page of answers.
#[derive(Debug)]
pub struct Page {
    /// Ids, or names of actions, in their order.
    pub results: Vec<String>,
    /// Where the next page begins; none if this is the last.
    pub next: Option<String>,
}

impl Page {
    const fn empty() -> Self {
        Self { results: Vec::new(), next: None }
    }
}

/// Where the candidates of a search are.
enum Source {
    Things { kind: String, reach: Reach },
    People,
    Agents,
    One(Box<Entity>),
}

/// The next candidates, and the id after which to go on, if there may be more.
struct Batch {
    candidates: Vec<Candidate>,
    more: Option<String>,
}

impl App {
    /// To which things of a type somebody may do something. The id and the properties of the query's resource are not
    /// looked at.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the context does not fit the schema, or the token is not one of this search.
    pub async fn search_resources(
        &self,
        ok: Authorized<'_, SearchResources>,
        query: &Query,
        wanted: &Wanted,
    ) -> Result<Released<SearchResources, Page>, Error> {
        let kind = query.resource.kind.clone();
        let place = place(&ok, query, [true, false]);
        let after = place.after(wanted.token.as_deref())?;
        let subject = self.subject(&ok, &query.subject, None).await?;
        let sought = subject.map(|subject| Sought::Resources { subject, kind: kind.clone() });
        let Some(mut search) = self.prepare_search(&ok, query, sought)? else {
            return Ok(ok.release(Page::empty()));
        };
        let source = match kind.as_str() {
            "Organization" => ok.object().map(|entity| Source::One(Box::new(entity.clone()))),
            "Agent" => Some(Source::Agents),
            _ => Some(Source::Things { reach: search.reach(), kind }),
        };
        let page = self.walk(&ok, &mut search, source, after, wanted.limit).await?;
        Ok(ok.release(place.page(page)))
    }

    /// Who of a type may do something to a thing. The id and the properties of the query's subject are not looked at.
    ///
    /// # Errors
    /// As [`App::search_resources`].
    pub async fn search_subjects(
        &self,
        ok: Authorized<'_, SearchSubjects>,
        query: &Query,
        wanted: &Wanted,
    ) -> Result<Released<SearchSubjects, Page>, Error> {
        let kind = query.subject.kind.clone();
        let place = place(&ok, query, [false, true]);
        let after = place.after(wanted.token.as_deref())?;
        let resource = self.resource(&ok, &query.resource, None).await?;
        let sought = resource.map(|resource| Sought::Subjects { resource, kind: kind.clone() });
        let Some(mut search) = self.prepare_search(&ok, query, sought)? else {
            return Ok(ok.release(Page::empty()));
        };
        let source = match kind.as_str() {
            "User" => Source::People,
            "Agent" => Source::Agents,
            "Service" => Source::One(Box::new(Party::Service(ok.action().organization).as_subject())),
            _ => Source::Things { kind, reach: Reach::Anything },
        };
        let page = self.walk(&ok, &mut search, Some(source), after, wanted.limit).await?;
        Ok(ok.release(place.page(page)))
    }

    /// What somebody may do to a thing: of all that can be asked about, what fits the context. The query's action is not
    /// looked at.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the token is not one of this search.
    pub async fn search_actions(
        &self,
        ok: Authorized<'_, SearchActions>,
        query: &Query,
        wanted: &Wanted,
    ) -> Result<Released<SearchActions, Page>, Error> {
        let place = place(&ok, query, [true, true]);
        let after = place.after(wanted.token.as_deref())?;
        let subject = self.subject(&ok, &query.subject, None).await?;
        let resource = self.resource(&ok, &query.resource, None).await?;
        let (Some(subject), Some(resource)) = (subject, resource) else {
            return Ok(ok.release(Page::empty()));
        };
        let mut page = Page::empty();
        let actions = self.guard.actions_between(&query.subject.kind, &query.resource.kind);
        for (number, action) in actions.into_iter().enumerate() {
            give_way(number).await;
            if action <= after || !self.may(&ok, query, (&subject, &resource), &action) {
                continue;
            }
            if page.results.len() == wanted.limit {
                page.next = page.results.last().cloned();
                break;
            }
            page.results.push(action);
        }
        Ok(ok.release(place.page(page)))
    }

    /// Whether the action would be allowed; one that wants more of the context than there is would not.
    fn may(
        &self,
        ok: &Authorized<'_, SearchActions>,
        query: &Query,
        (subject, resource): (&Known, &Known),
        action: &str,
    ) -> bool {
        let Ok(context) = self.guard.context(action, &self.said(query)) else { return false };
        let (subject, resource) = (subject.clone(), resource.clone());
        self.guard.would_allow(ok, Asked { subject, action: action.to_owned(), resource, context })
    }

    /// The search, or nothing if nobody and nothing can be found.
    fn prepare_search<A: Searches>(
        &self,
        ok: &Authorized<'_, A>,
        query: &Query,
        sought: Option<Sought>,
    ) -> Result<Option<Search>, Error> {
        if !self.guard.is_askable(&query.action) {
            return Ok(None);
        }
        let context = self.guard.context(&query.action, &self.said(query)).map_err(Error::Invalid)?;
        Ok(sought.and_then(|sought| self.guard.search(ok, sought, &query.action, context)))
    }

    async fn walk<A: Searches>(
        &self,
        ok: &Authorized<'_, A>,
        search: &mut Search,
        source: Option<Source>,
        mut after: String,
        limit: usize,
    ) -> Result<Page, Error> {
        let mut page = Page::empty();
        let Some(source) = source else { return Ok(page) };
        let around = search.around();
        let mut asked = 0;
        loop {
            // One more than fits, to see whether there is one.
            let count = limit.saturating_add(1).saturating_sub(page.results.len()).clamp(20, BATCH);
            let batch = self.batch(ok, &source, &around, &after, count).await?;
            for (number, candidate) in batch.candidates.iter().enumerate() {
                give_way(number).await;
                if !search.allows(&candidate.name, &candidate.entities) {
                    continue;
                }
                if page.results.len() == limit {
                    page.next = page.results.last().cloned();
                    return Ok(page);
                }
                page.results.push(candidate.name.id.clone());
            }
            asked += count;
            match batch.more {
                None => return Ok(page),
                Some(last) if asked >= MOST_ASKED => {
                    page.next = Some(last);
                    return Ok(page);
                }
                Some(last) => after = last,
            }
        }
    }

    async fn batch<A: Searches>(
        &self,
        ok: &Authorized<'_, A>,
        source: &Source,
        around: &[EntityRef],
        after: &str,
        count: usize,
    ) -> Result<Batch, Error> {
        let limit = i64::try_from(count).unwrap_or(i64::MAX);
        let last = |found: &[Candidate]| found.last().map(|it| it.name.id.clone());
        let mut candidates = match source {
            Source::One(one) => {
                let one = (one.uid.id.as_str() > after).then(|| Candidate::alone((**one).clone()));
                return Ok(Batch { candidates: one.into_iter().collect(), more: None });
            }
            Source::Things { kind, reach } => {
                let ids = self.store.ids_in_reach(ok, kind, reach, after, limit).await?;
                let more = if ids.len() == count { ids.last().cloned() } else { None };
                return Ok(Batch { candidates: self.store.facts_of_things(ok, kind, &ids).await?, more });
            }
            Source::People => self.store.people_of(ok, uuid(after)?, limit).await?,
            Source::Agents => self.store.agents_of(ok, uuid(after)?, limit).await?,
        };
        // Where the thing stays, somebody is in what they were given on it or on what it is in.
        if !around.is_empty() {
            self.store.enter_given_roles(ok, &mut candidates, around, self.now()).await?;
        }
        let more = if candidates.len() == count { last(&candidates) } else { None };
        Ok(Batch { candidates, more })
    }
}

fn uuid(after: &str) -> Result<Uuid, Error> {
    if after.is_empty() { Ok(Uuid::nil()) } else { Uuid::parse_str(after).map_err(|_| page::foreign()) }
}

/// What a token is bound to: the whole question but the size of the page. `[subject, resource]`: which of them is known.
fn place<A: Searches>(ok: &Authorized<'_, A>, query: &Query, [subject, resource]: [bool; 2]) -> Place {
    let named = |it: &Named, known: bool| {
        if known {
            json!({ "type": it.kind, "id": it.id, "properties": it.properties })
        } else {
            json!({ "type": it.kind })
        }
    };
    Place::of(json!({
        "search": A::NAME,
        "organization": ok.action().organization().to_string(),
        "subject": named(&query.subject, subject),
        "action": { "name": query.action, "properties": query.action_properties },
        "resource": named(&query.resource, resource),
        "context": query.context,
    }))
}
