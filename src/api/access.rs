//! `/access/v1`: decisions, by the OpenID AuthZEN Authorization API 1.0.

use std::collections::BTreeMap;

use poem_openapi::param::Header;
use poem_openapi::{Enum, Object, OpenApi};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::Chapter;
use super::authzen::Authzen;
use super::caller::{Caller, Visitor};
use super::problem::Problem;
use super::reply::ApiResult;
use crate::app::{Evaluated, Named, Query, Semantic};
use crate::domain::{FieldError, Invalid, OrganizationId};
use crate::guard::Answer;
use crate::guard::actions::{Evaluate, Evaluations, GetAuthzenConfiguration};

/// How many questions one batch may hold.
const MOST: usize = 256;

pub(super) struct AccessApi;

/// Who would do it.
#[derive(Object, Deserialize)]
pub(super) struct Subject {
    /// `User`, `Agent`, `Service`, or a type of yours that is registered.
    #[oai(rename = "type")]
    #[serde(rename = "type")]
    kind: String,
    /// A person's id or e-mail address, an agent's id, the organization's id, or your own id.
    id: String,
    /// Looked at only if the subject is of a type of yours and not registered.
    properties: Option<BTreeMap<String, Value>>,
}

/// What would be done.
#[derive(Object, Deserialize)]
#[oai(rename = "EvaluatedAction")]
pub(super) struct ActionName {
    /// A permission of the schema, such as `project:read`.
    pub(super) name: String,
    /// What the context does not say.
    pub(super) properties: Option<BTreeMap<String, Value>>,
}

/// To what.
#[derive(Object, Deserialize)]
#[oai(rename = "EvaluatedResource")]
pub(super) struct Thing {
    /// `Organization`, `Agent`, or a type of yours.
    #[oai(rename = "type")]
    #[serde(rename = "type")]
    kind: String,
    id: String,
    /// Looked at only if the thing is not registered: then it describes it, `{}` at least.
    properties: Option<BTreeMap<String, Value>>,
}

/// One question.
#[derive(Object, Deserialize)]
pub(super) struct EvaluationRequest {
    subject: Subject,
    action: ActionName,
    resource: Thing,
    context: Option<BTreeMap<String, Value>>,
}

/// Several questions; what stands beside them stands for what one of them leaves out.
#[derive(Object, Deserialize)]
struct EvaluationsRequest {
    subject: Option<Subject>,
    action: Option<ActionName>,
    resource: Option<Thing>,
    context: Option<BTreeMap<String, Value>>,
    /// Each as in `evaluate`, every part optional; at most 256. None: the rest is one question.
    evaluations: Option<Vec<Value>>,
    options: Option<EvaluationsOptions>,
}

/// How a batch is answered.
#[derive(Object, Deserialize)]
struct EvaluationsOptions {
    /// `execute_all` if left out.
    evaluations_semantic: Option<SemanticView>,
}

/// How far a batch is answered.
#[derive(Enum, Deserialize, Clone, Copy)]
#[oai(rename_all = "snake_case", rename = "EvaluationsSemantic")]
#[serde(rename_all = "snake_case")]
enum SemanticView {
    ExecuteAll,
    DenyOnFirstDeny,
    PermitOnFirstPermit,
}

/// One question of a batch.
#[derive(Deserialize)]
struct Item {
    subject: Option<Subject>,
    action: Option<ActionName>,
    resource: Option<Thing>,
    context: Option<BTreeMap<String, Value>>,
}

/// Yes or no.
#[derive(Object)]
#[oai(skip_serializing_if_is_none, rename = "Decision")]
struct DecisionView {
    decision: bool,
    /// `decision_id`, and on a no the `codes` that say why: of the policies that forbid, or why nothing could be asked.
    /// A question of a batch that is wrong has an `error` here.
    context: Option<BTreeMap<String, Value>>,
}

/// Yes or no to each, or to the one question that the request is.
#[derive(Object)]
#[oai(skip_serializing_if_is_none, rename = "Decisions")]
struct DecisionsView {
    evaluations: Option<Vec<DecisionView>>,
    decision: Option<bool>,
    /// As in a single decision.
    context: Option<BTreeMap<String, Value>>,
}

/// Where decisions are asked for.
#[derive(Object)]
#[oai(rename = "AuthzenConfiguration")]
struct ConfigurationView {
    policy_decision_point: String,
    access_evaluation_endpoint: String,
    access_evaluations_endpoint: String,
    search_subject_endpoint: String,
    search_resource_endpoint: String,
    search_action_endpoint: String,
}

pub(super) fn map(fields: Option<BTreeMap<String, Value>>) -> Option<Map<String, Value>> {
    fields.map(|fields| fields.into_iter().collect())
}

impl From<Subject> for Named {
    fn from(it: Subject) -> Self {
        Self { kind: it.kind, id: it.id, properties: map(it.properties) }
    }
}

impl From<Thing> for Named {
    fn from(it: Thing) -> Self {
        Self { kind: it.kind, id: it.id, properties: map(it.properties) }
    }
}

impl From<EvaluationRequest> for Query {
    fn from(it: EvaluationRequest) -> Self {
        Self {
            subject: it.subject.into(),
            action: it.action.name,
            action_properties: map(it.action.properties),
            resource: it.resource.into(),
            context: map(it.context),
        }
    }
}

impl From<Answer> for DecisionView {
    fn from(it: Answer) -> Self {
        let mut context = BTreeMap::from([("decision_id".to_owned(), json!(it.id.to_string()))]);
        if !it.codes.is_empty() {
            context.insert("codes".to_owned(), json!(it.codes));
        }
        Self { decision: it.allowed, context: Some(context) }
    }
}

fn view(evaluated: Evaluated) -> DecisionView {
    match evaluated {
        Ok(answer) => answer.into(),
        Err(errors) => {
            let error = json!({ "status": 400, "message": sentence(&errors) });
            DecisionView { decision: false, context: Some(BTreeMap::from([("error".to_owned(), error)])) }
        }
    }
}

fn sentence(errors: &[FieldError]) -> String {
    let told = errors.iter().map(|error| match error.field.as_str() {
        "" => error.message.clone(),
        field => format!("`{field}` {}", error.message),
    });
    told.collect::<Vec<_>>().join("; ")
}

/// The parts of a question; each that is nowhere is named.
fn query(item: Item, defaults: &Defaults) -> Result<Query, Vec<FieldError>> {
    let subject = item.subject.map(Named::from).or_else(|| defaults.subject.clone());
    let (action, action_properties) = match item.action {
        Some(action) => (Some(action.name), map(action.properties)),
        None => defaults.action.clone().unzip_properties(),
    };
    let resource = item.resource.map(Named::from).or_else(|| defaults.resource.clone());
    let context = map(item.context).or_else(|| defaults.context.clone());
    let missing = |field: &str| Invalid::new("required", "is required").at(field);
    match (subject, action, resource) {
        (Some(subject), Some(action), Some(resource)) => {
            Ok(Query { subject, action, action_properties, resource, context })
        }
        (subject, action, resource) => {
            let parts = [
                ("subject", subject.is_none()),
                ("action", action.is_none()),
                ("resource", resource.is_none()),
            ];
            Err(parts.iter().filter(|(_, absent)| *absent).map(|(field, _)| missing(field)).collect())
        }
    }
}

type Properties = Option<Map<String, Value>>;

/// What stands for the parts that a question leaves out, each as a whole.
struct Defaults {
    subject: Option<Named>,
    action: Option<(String, Properties)>,
    resource: Option<Named>,
    context: Properties,
}

trait Unzip {
    fn unzip_properties(self) -> (Option<String>, Properties);
}

impl Unzip for Option<(String, Properties)> {
    fn unzip_properties(self) -> (Option<String>, Properties) {
        match self {
            Some((name, properties)) => (Some(name), properties),
            None => (None, None),
        }
    }
}

/// In which organization a question is asked: the header's, else the one that the credential belongs to.
pub(super) fn organization(caller: &Caller, header: Option<Uuid>) -> Result<OrganizationId, Problem> {
    let own = caller.principal().organization();
    header.map(OrganizationId::from).or(own).ok_or_else(|| {
        let detail = "say in which organization to ask: the header `Palisade-Organization`";
        Authzen::refusal("organization-missing", detail)
    })
}

/// Errors of the question itself are 400 here, by the standard.
pub(super) fn told(problem: Problem) -> Problem {
    if problem.errors().is_empty() {
        return problem;
    }
    Authzen::refusal("bad-request", sentence(problem.errors()))
}

#[OpenApi(tag = "Chapter::Decisions")]
impl AccessApi {
    /// Ask whether somebody may do something to a thing
    ///
    /// The Access Evaluation API of AuthZEN 1.0. A no is a 200 too. What is not registered in the organization that is
    /// asked about, people who do not belong to it among it, is answered no.
    #[oai(path = "/access/v1/evaluation", method = "post", operation_id = "evaluate")]
    async fn evaluate(
        &self,
        caller: Caller,
        /// In which organization; the credential's own if left out.
        #[oai(name = "Palisade-Organization")]
        organization_id: Header<Option<Uuid>>,
        body: Authzen<EvaluationRequest>,
    ) -> ApiResult<Evaluate, DecisionView> {
        let organization = organization(&caller, organization_id.0)?;
        let ok = caller.authorize(Evaluate { organization }).await?;
        let answer = caller.app().evaluate(ok, &body.0.into()).await;
        let answer = answer.map_err(|error| told(error.into()))?;
        Ok(answer.map(DecisionView::from).into())
    }

    /// Ask several questions at once
    ///
    /// The Access Evaluations API of AuthZEN 1.0. What they share is looked up once.
    #[oai(path = "/access/v1/evaluations", method = "post", operation_id = "evaluations")]
    async fn evaluations(
        &self,
        caller: Caller,
        /// In which organization; the credential's own if left out.
        #[oai(name = "Palisade-Organization")]
        organization_id: Header<Option<Uuid>>,
        body: Authzen<EvaluationsRequest>,
    ) -> ApiResult<Evaluations, DecisionsView> {
        let organization = organization(&caller, organization_id.0)?;
        let ok = caller.authorize(Evaluations { organization }).await?;
        let EvaluationsRequest { subject, action, resource, context, evaluations, options } = body.0;
        let items = evaluations.unwrap_or_default();
        if items.len() > MOST {
            let detail = format!("a batch holds at most {MOST} questions");
            return Err(Authzen::refusal("too-many", detail));
        }
        let defaults = Defaults {
            subject: subject.map(Named::from),
            action: action.map(|action| (action.name, map(action.properties))),
            resource: resource.map(Named::from),
            context: map(context),
        };
        let nothing = Item { subject: None, action: None, resource: None, context: None };
        if items.is_empty() {
            let one = query(nothing, &defaults).map_err(|errors| told(Problem::invalid(errors)))?;
            let answer = caller.app().evaluations_of_one(ok, &one).await;
            let answer = answer.map_err(|error| told(error.into()))?;
            return Ok(answer
                .map(|answer| {
                    let DecisionView { decision, context } = answer.into();
                    DecisionsView { evaluations: None, decision: Some(decision), context }
                })
                .into());
        }
        let semantic = match options.and_then(|options| options.evaluations_semantic) {
            None | Some(SemanticView::ExecuteAll) => Semantic::ExecuteAll,
            Some(SemanticView::DenyOnFirstDeny) => Semantic::DenyOnFirstDeny,
            Some(SemanticView::PermitOnFirstPermit) => Semantic::PermitOnFirstPermit,
        };
        let queries = items.into_iter().map(|item| match serde_json::from_value::<Item>(item) {
            Ok(item) => query(item, &defaults),
            // Its text would repeat what was sent.
            Err(_) => Err(vec![Invalid::new("bad-request", "the question is not of the right form").at("")]),
        });
        let answers = caller.app().evaluations(ok, queries.collect(), semantic).await?;
        Ok(answers
            .map(|answers| {
                let evaluations = Some(answers.into_iter().map(view).collect());
                DecisionsView { evaluations, decision: None, context: None }
            })
            .into())
    }

    /// Read where decisions are asked for
    ///
    /// The metadata of AuthZEN 1.0.
    #[oai(
        path = "/.well-known/authzen-configuration",
        method = "get",
        operation_id = "get_authzen_configuration"
    )]
    async fn configuration(&self, visitor: Visitor) -> ApiResult<GetAuthzenConfiguration, ConfigurationView> {
        let ok = visitor.authorize(GetAuthzenConfiguration {}).await?;
        let base = visitor.app().decision_point(ok);
        Ok(base
            .map(|base| ConfigurationView {
                access_evaluation_endpoint: format!("{base}/access/v1/evaluation"),
                access_evaluations_endpoint: format!("{base}/access/v1/evaluations"),
                search_subject_endpoint: format!("{base}/access/v1/search/subject"),
                search_resource_endpoint: format!("{base}/access/v1/search/resource"),
                search_action_endpoint: format!("{base}/access/v1/search/action"),
                policy_decision_point: base,
            })
            .into())
    }
}
