//! `/access/v1/explain`: why a decision comes out as it does.

use poem_openapi::param::Header;
use poem_openapi::{Object, OpenApi};
use uuid::Uuid;

use super::Chapter;
use super::access::{EvaluationRequest, organization, told};
use super::authzen::Authzen;
use super::caller::Caller;
use super::reply::ApiResult;
use crate::guard::actions::ExplainDecision;
use crate::guard::{ExplainedPolicy, NearMiss, Remedy, Why};

pub(super) struct ExplainApi;

/// A policy, what it is for and where it stands.
#[derive(Object)]
#[oai(skip_serializing_if_is_none, rename = "ExplainedPolicy")]
struct PolicyView {
    /// Its `@id`.
    id: String,
    /// Its `@why`.
    why: String,
    /// The `@code` of a forbid.
    code: Option<String>,
    /// In the folder of the policies.
    file: String,
    /// Counted from 1.
    line: u64,
}

/// What a clause looked at.
#[derive(Object)]
#[oai(rename = "ExplainedValue")]
struct ValueView {
    /// As Cedar text, such as `resource.public`.
    expression: String,
    /// As Cedar text, such as `false`.
    value: String,
}

/// A permit about this action and these types that did not hold.
#[derive(Object)]
#[oai(skip_serializing_if_is_none, rename = "NearMiss")]
struct NearMissView {
    policy: PolicyView,
    /// The first clause that was false, as Cedar text.
    clause: String,
    values: Vec<ValueView>,
    /// The clause could not be evaluated: why.
    error: Option<String>,
}

/// One thing to change.
#[derive(Object)]
#[oai(skip_serializing_if_is_none, rename = "Remedy")]
struct RemedyView {
    /// `role`, `grant`, `verify-email`, `approve-account`, `reinstate` or `restore-account`.
    code: String,
    /// Of `role` and `grant`: which one.
    role: Option<String>,
    /// Of `role` and `grant`: its id, as members and grants take it.
    role_id: Option<Uuid>,
    /// Of `grant`: on what, the thing that was asked about or one that it is in.
    resource: Option<PlaceView>,
}

/// A registered thing.
#[derive(Object)]
#[oai(rename = "RemedyPlace")]
struct PlaceView {
    #[oai(rename = "type")]
    kind: String,
    id: String,
}

/// A decision and why it came out so.
#[derive(Object)]
#[oai(skip_serializing_if_is_none, rename = "DecisionExplanation")]
struct WhyView {
    decision: bool,
    decision_id: Uuid,
    /// `permitted`, `forbidden` (a policy says no), `not-permitted` (none says yes), or why nothing could be asked:
    /// `unknown-subject`, `unknown-action`, `unknown-resource`, `not-applicable`, `facts-do-not-fit`.
    outcome: String,
    policy_version: String,
    /// The policies that brought it about.
    determining: Vec<PolicyView>,
    /// On a no, the permits that might have been, with what they lacked.
    near_misses: Vec<NearMissView>,
    /// Each list, done as a whole, would make it a yes; found by asking again with the change made.
    would_allow: Vec<Vec<RemedyView>>,
    /// What went wrong while evaluating; with any error the answer is no.
    errors: Vec<String>,
}

impl From<ExplainedPolicy> for PolicyView {
    fn from(it: ExplainedPolicy) -> Self {
        let ExplainedPolicy { text, code } = it;
        Self { id: text.id, why: text.why, code, file: text.file, line: text.line as u64 }
    }
}

impl From<NearMiss> for NearMissView {
    fn from(it: NearMiss) -> Self {
        let value = |(expression, value)| ValueView { expression, value };
        Self {
            policy: it.policy.into(),
            clause: it.clause,
            values: it.values.into_iter().map(value).collect(),
            error: it.error,
        }
    }
}

impl From<Remedy> for RemedyView {
    fn from(it: Remedy) -> Self {
        let code = it.code().to_owned();
        let (role, on) = match it {
            Remedy::Role(role) => (Some(role), None),
            Remedy::Grant(role, on) => (Some(role), Some(on)),
            Remedy::VerifyEmail | Remedy::Approve | Remedy::Reinstate | Remedy::Restore => (None, None),
        };
        Self {
            code,
            role_id: role.as_ref().map(|role| role.role.id().into()),
            role: role.map(|role| role.name),
            resource: on.map(|on| PlaceView { kind: on.kind.into_owned(), id: on.id }),
        }
    }
}

impl From<Why> for WhyView {
    fn from(it: Why) -> Self {
        let outcome = match it.unknown {
            Some(code) => code,
            None if it.allowed => "permitted",
            None if it.forbidden => "forbidden",
            None => "not-permitted",
        };
        let list = |remedies: Vec<Remedy>| remedies.into_iter().map(RemedyView::from).collect();
        Self {
            decision: it.allowed,
            decision_id: it.id.into(),
            outcome: outcome.to_owned(),
            policy_version: it.policy_version,
            determining: it.determining.into_iter().map(PolicyView::from).collect(),
            near_misses: it.near_misses.into_iter().map(NearMissView::from).collect(),
            would_allow: it.remedies.into_iter().map(list).collect(),
            errors: it.errors,
        }
    }
}

#[OpenApi(tag = "Chapter::Decisions")]
impl ExplainApi {
    /// Ask why a decision comes out as it does
    ///
    /// The question is that of `evaluate`. The answer tells facts of people and things, so only administrators ask.
    #[oai(path = "/access/v1/explain", method = "post", operation_id = "explain_decision")]
    async fn explain(
        &self,
        caller: Caller,
        /// In which organization; the credential's own if left out.
        #[oai(name = "Palisade-Organization")]
        organization_id: Header<Option<Uuid>>,
        body: Authzen<EvaluationRequest>,
    ) -> ApiResult<ExplainDecision, WhyView> {
        let organization = organization(&caller, organization_id.0)?;
        let ok = caller.authorize(ExplainDecision { organization }).await?;
        let why = caller.app().explain_decision(ok, &body.0.into()).await;
        let why = why.map_err(|error| told(error.into()))?;
        Ok(why.map(WhyView::from).into())
    }
}
