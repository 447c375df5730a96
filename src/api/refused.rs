//! Every 403 names a decision: what was refused before any policy was asked is recorded here, as the denial it is.

use std::sync::Arc;

use poem::http::StatusCode;
use poem::{Endpoint, IntoResponse as _, Request, Response};
use poem_openapi::OperationId;

use super::document::pascal;
use super::problem::Problem;
use super::request_id::RequestId;
use crate::app::App;
use crate::guard::{Origin, Party, Principal};

/// Around the operations.
pub(super) async fn name<E: Endpoint>(routes: Arc<E>, request: Request) -> poem::Result<Response> {
    let app = request.data::<Arc<App>>().cloned();
    let error = match routes.call(request).await {
        Ok(response) => return Ok(response.into_response()),
        Err(error) => error,
    };
    let (Some(app), Some(problem)) = (app, error.downcast_ref::<Problem>()) else { return Err(error) };
    if !problem.is_nameless() {
        return Err(error);
    }
    let operation = error.data::<OperationId>().map_or_else(String::new, |operation| pascal(operation.0));
    let mut named = poem::Error::from(named(&app, operation, problem.clone()).await);
    if let Some(operation) = error.data::<OperationId>() {
        named.set_data(*operation);
    }
    Err(named)
}

/// The problem; if it is a refusal without a decision, with one.
pub(super) async fn named(app: &App, operation: String, problem: Problem) -> Problem {
    if !problem.is_nameless() {
        return problem;
    }
    let principal = problem.refused().cloned();
    let principal = principal.unwrap_or_else(|| Principal::of(Party::Anonymous, Origin::default()).uid());
    let request_id = RequestId::current().to_string();
    let decision = app.refuse_unasked(&request_id, principal, operation, problem.code()).await;
    problem.decided(decision)
}

impl Problem {
    fn is_nameless(&self) -> bool {
        self.status() == StatusCode::FORBIDDEN && self.decision().is_none()
    }
}
