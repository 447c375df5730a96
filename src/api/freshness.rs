//! `X-Palisade-Revision` on what was changed, and `X-Palisade-At-Least` of who wants to see it.

use std::sync::Arc;

use poem::http::{HeaderName, HeaderValue};
use poem::{Endpoint, IntoResponse as _, Request, Response};

use super::problem::Problem;
use crate::app::App;

const REVISION: HeaderName = HeaderName::from_static("x-palisade-revision");
/// Where questions are sent: AuthZEN asks by `POST`, and nothing is changed by a question.
const QUESTIONS: &str = "/access/v1/";
const AT_LEAST: &str = "x-palisade-at-least";

/// Holds a request until this server is as fresh as it demands.
///
/// # Errors
/// 422 if that is no revision of ours, 503 if we are not that fresh in time.
pub(super) async fn demanded(app: &App, request: &Request) -> Result<(), Problem> {
    let mut sent = request.headers().get_all(AT_LEAST).iter();
    let Some(revision) = sent.next() else { return Ok(()) };
    // One that is no text, or one of several, is none that we have told.
    let revision = revision.to_str().ok().filter(|_| sent.next().is_none()).unwrap_or_default();
    Ok(app.at_least(revision, "X-Palisade-At-Least").await?)
}

/// Adds the revision to the answer of what may have changed something.
pub(super) async fn tell<E: Endpoint>(routes: Arc<E>, request: Request) -> poem::Result<Response> {
    let only_asks = request.method().is_safe() || request.uri().path().starts_with(QUESTIONS);
    let app = request.data::<Arc<App>>().filter(|_| !only_asks).cloned();
    let mut response = routes.call(request).await?.into_response();
    if let Some(app) = app.filter(|_| response.status().is_success())
        && let Ok(revision) = HeaderValue::from_str(&app.revision())
    {
        response.headers_mut().insert(REVISION, revision);
    }
    Ok(response)
}
