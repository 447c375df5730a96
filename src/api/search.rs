//! `/access/v1/search`: who may, to what, and what, by the OpenID AuthZEN Authorization API 1.0.

use std::collections::BTreeMap;

use poem_openapi::param::Header;
use poem_openapi::{Object, OpenApi};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::Chapter;
use super::access::{ActionName, Subject, Thing, map, organization, told};
use super::authzen::Authzen;
use super::caller::Caller;
use super::problem::Problem;
use super::reply::ApiResult;
use crate::app::{Named, Page, Query, Wanted};
use crate::guard::actions::{SearchActions, SearchResources, SearchSubjects};

/// How many answers a page holds if nobody says, and at most.
const USUAL: usize = 100;
const MOST: i64 = 1_000;

pub(super) struct SearchApi;

/// What all answers of a search have in common.
#[derive(Object, Deserialize)]
struct Sought {
    /// A type of the schema; what else is said is not looked at.
    #[oai(rename = "type")]
    #[serde(rename = "type")]
    kind: String,
}

/// Which answers.
#[derive(Object, Deserialize)]
#[oai(rename = "SearchPage")]
struct PageRequest {
    /// The `next_token` of the page before; everything else but `limit` must be as it was.
    token: Option<String>,
    /// How many at most; 100 if left out, never more than 1000.
    limit: Option<i64>,
}

/// Who may do this to that?
#[derive(Object, Deserialize)]
struct SearchSubjectsRequest {
    subject: Sought,
    action: ActionName,
    resource: Thing,
    context: Option<BTreeMap<String, Value>>,
    page: Option<PageRequest>,
}

/// To what may they do this?
#[derive(Object, Deserialize)]
struct SearchResourcesRequest {
    subject: Subject,
    action: ActionName,
    resource: Sought,
    context: Option<BTreeMap<String, Value>>,
    page: Option<PageRequest>,
}

/// What may they do to this?
#[derive(Object, Deserialize)]
struct SearchActionsRequest {
    subject: Subject,
    resource: Thing,
    context: Option<BTreeMap<String, Value>>,
    page: Option<PageRequest>,
}

/// Where to go on.
#[derive(Object)]
#[oai(rename = "NextPage")]
struct PageView {
    /// For the next page; empty if this is the last. A page may hold fewer than `limit`, even none, and not be the last.
    next_token: String,
    /// How many this page holds.
    count: u64,
}

/// One that may, or to which it may be done.
#[derive(Object)]
#[oai(rename = "FoundEntity")]
struct EntityView {
    #[oai(rename = "type")]
    kind: String,
    id: String,
}

/// A page of them, by id.
#[derive(Object)]
#[oai(rename = "FoundEntities")]
struct EntitiesView {
    page: PageView,
    results: Vec<EntityView>,
}

/// What may be done.
#[derive(Object)]
#[oai(rename = "FoundAction")]
struct ActionView {
    name: String,
}

/// A page of them, by name.
#[derive(Object)]
#[oai(rename = "FoundActions")]
struct ActionsView {
    page: PageView,
    results: Vec<ActionView>,
}

impl From<Sought> for Named {
    fn from(it: Sought) -> Self {
        Self { kind: it.kind, id: String::new(), properties: None }
    }
}

/// What is sought is left open in it.
fn query(
    subject: Named,
    action: Option<ActionName>,
    resource: Named,
    context: Option<BTreeMap<String, Value>>,
) -> Query {
    let (action, properties) = action.map_or_else(Default::default, |it| (it.name, it.properties));
    Query { subject, action, action_properties: map(properties), resource, context: map(context) }
}

/// # Errors
/// If a page of less than one is wanted.
fn wanted(page: Option<PageRequest>) -> Result<Wanted, Problem> {
    let Some(PageRequest { token, limit }) = page else { return Ok(Wanted { token: None, limit: USUAL }) };
    let limit = match limit {
        None => USUAL,
        Some(limit) if limit < 1 => {
            return Err(Authzen::refusal("bad-request", "`page.limit` must be at least 1"));
        }
        Some(limit) => usize::try_from(limit.min(MOST)).unwrap_or(USUAL),
    };
    Ok(Wanted { token, limit })
}

fn split(page: Page) -> (PageView, Vec<String>) {
    let view = PageView { next_token: page.next.unwrap_or_default(), count: page.results.len() as u64 };
    (view, page.results)
}

fn entities(page: Page, kind: &str) -> EntitiesView {
    let (page, ids) = split(page);
    let results = ids.into_iter().map(|id| EntityView { kind: kind.to_owned(), id });
    EntitiesView { page, results: results.collect() }
}

#[OpenApi(prefix_path = "/access/v1/search", tag = "Chapter::Decisions")]
impl SearchApi {
    /// Ask who may do something to a thing
    ///
    /// The Subject Search API of AuthZEN 1.0: everybody of a type about whom `evaluate` would say yes, a page at a time.
    #[oai(path = "/subject", method = "post", operation_id = "search_subjects")]
    async fn subjects(
        &self,
        caller: Caller,
        /// In which organization; the credential's own if left out.
        #[oai(name = "Palisade-Organization")]
        organization_id: Header<Option<Uuid>>,
        body: Authzen<SearchSubjectsRequest>,
    ) -> ApiResult<SearchSubjects, EntitiesView> {
        let organization = organization(&caller, organization_id.0)?;
        let ok = caller.authorize(SearchSubjects { organization }).await?;
        let SearchSubjectsRequest { subject, action, resource, context, page } = body.0;
        let query = query(subject.into(), Some(action), resource.into(), context);
        let page = caller.app().search_subjects(ok, &query, &wanted(page)?).await;
        let page = page.map_err(|error| told(error.into()))?;
        Ok(page.map(|page| entities(page, &query.subject.kind)).into())
    }

    /// Ask to which things somebody may do something
    ///
    /// The Resource Search API of AuthZEN 1.0: everything of a type about which `evaluate` would say yes, a page at a
    /// time.
    #[oai(path = "/resource", method = "post", operation_id = "search_resources")]
    async fn resources(
        &self,
        caller: Caller,
        /// In which organization; the credential's own if left out.
        #[oai(name = "Palisade-Organization")]
        organization_id: Header<Option<Uuid>>,
        body: Authzen<SearchResourcesRequest>,
    ) -> ApiResult<SearchResources, EntitiesView> {
        let organization = organization(&caller, organization_id.0)?;
        let ok = caller.authorize(SearchResources { organization }).await?;
        let SearchResourcesRequest { subject, action, resource, context, page } = body.0;
        let query = query(subject.into(), Some(action), resource.into(), context);
        let page = caller.app().search_resources(ok, &query, &wanted(page)?).await;
        let page = page.map_err(|error| told(error.into()))?;
        Ok(page.map(|page| entities(page, &query.resource.kind)).into())
    }

    /// Ask what somebody may do to a thing
    ///
    /// The Action Search API of AuthZEN 1.0: every permission about which `evaluate` would say yes. One that wants more
    /// of the context than the request says is not among them.
    #[oai(path = "/action", method = "post", operation_id = "search_actions")]
    async fn actions(
        &self,
        caller: Caller,
        /// In which organization; the credential's own if left out.
        #[oai(name = "Palisade-Organization")]
        organization_id: Header<Option<Uuid>>,
        body: Authzen<SearchActionsRequest>,
    ) -> ApiResult<SearchActions, ActionsView> {
        let organization = organization(&caller, organization_id.0)?;
        let ok = caller.authorize(SearchActions { organization }).await?;
        let SearchActionsRequest { subject, resource, context, page } = body.0;
        let query = query(subject.into(), None, resource.into(), context);
        let page = caller.app().search_actions(ok, &query, &wanted(page)?).await;
        let page = page.map_err(|error| told(error.into()))?;
        Ok(page
            .map(|page| {
                let (page, names) = split(page);
                let results = names.into_iter().map(|name| ActionView { name }).collect();
                ActionsView { page, results }
            })
            .into())
    }
}
