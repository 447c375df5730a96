//! The framework's own errors, turned into problems. Its texts hold Rust type names and the client's values,
//! so none of them is shown: only what we can say ourselves.

use std::time::Duration;

use poem::error::{MethodNotAllowedError, NotFoundError, ParseJsonError, ReadBodyError, SizedLimitError};
use poem::http::StatusCode;
use poem::{IntoResponse as _, Response};
use poem_openapi::error::{ContentTypeError, ParseParamError, ParsePathError, ParseRequestPayloadError};

use super::problem::{CONTENT_TYPE, Problem};
use super::routes::KnownRoute;
use super::{RequestId, edge::BODY_LIMIT};
use crate::domain::Invalid;

/// Any error of the routes as a response; `route` is where the request was going, if anywhere.
#[must_use]
pub(super) fn from_poem(error: poem::Error, route: Option<&KnownRoute>) -> Response {
    if error.is::<Problem>() || error.is_from_response() {
        return tidy(error.into_response());
    }
    problem(&error, route).into_response()
}

/// A response made without a problem (a bare status from a raw route) gets one.
#[must_use]
pub(super) fn tidy(response: Response) -> Response {
    let status = response.status();
    let described =
        response.content_type().is_some_and(|kind| kind.starts_with(CONTENT_TYPE) || kind.contains("json"));
    if described || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let mut answer = by_status(status).into_response();
    for (name, value) in response.headers() {
        if name != "content-type" && name != "content-length" {
            answer.headers_mut().insert(name.clone(), value.clone());
        }
    }
    answer
}

fn problem(error: &poem::Error, route: Option<&KnownRoute>) -> Problem {
    if let Some(ParsePathError { name, .. }) = error.downcast_ref() {
        let field = route.and_then(|route| route.parameter(name)).unwrap_or("path");
        return Problem::invalid(vec![Invalid::new("bad-format", "does not have the right form").at(field)]);
    }
    if let Some(ParseParamError { name, reason }) = error.downcast_ref() {
        // After these words comes the rule as we declared it, never the value.
        let message = match reason.strip_prefix("verification failed. ") {
            Some(rule) => format!("breaks the rule {rule}"),
            None => "is missing or does not have the right form".to_owned(),
        };
        return Problem::invalid(vec![Invalid::new("bad-format", message).at(*name)]);
    }
    if let Some(ParseRequestPayloadError { reason }) = error.downcast_ref() {
        // Only bodies that are not read through `api::Body` come here.
        let parsed =
            ["Expected input type", "Type \"", "failed to parse"].iter().any(|say| reason.starts_with(say));
        return if parsed {
            Problem::invalid(vec![Invalid::new("bad-format", "the body does not fit its schema").at("")])
        } else {
            bad_json()
        };
    }
    if let Some(error) = error.downcast_ref::<ParseJsonError>() {
        return match error {
            ParseJsonError::Parse(_) => bad_json(),
            ParseJsonError::InvalidContentType(_) | ParseJsonError::ContentTypeRequired => wrong_media_type(),
        };
    }
    if error.is::<ContentTypeError>() {
        return wrong_media_type();
    }
    if error.is::<NotFoundError>() {
        return Problem::not_found();
    }
    if error.is::<MethodNotAllowedError>() {
        return Problem::method_not_allowed(route.map_or("", KnownRoute::allow));
    }
    if error.is::<SizedLimitError>() || matches!(error.downcast_ref(), Some(ReadBodyError::PayloadTooLarge)) {
        return Problem::too_large(BODY_LIMIT);
    }
    if error.status().is_server_error() {
        tracing::error!(request_id = %RequestId::current(), %error, "an endpoint failed");
    }
    by_status(error.status())
}

fn bad_json() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "bad-json", "the body is not JSON")
}

fn wrong_media_type() -> Problem {
    let detail = "send the body as `application/json`, and say so in `Content-Type`";
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", detail)
}

fn by_status(status: StatusCode) -> Problem {
    match status {
        StatusCode::UNAUTHORIZED => Problem::unauthenticated("credentials-missing"),
        StatusCode::NOT_FOUND => Problem::not_found(),
        StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large(BODY_LIMIT),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => wrong_media_type(),
        StatusCode::SERVICE_UNAVAILABLE => Problem::unavailable("unavailable", Duration::from_secs(1)),
        status if status.is_server_error() => Problem::internal(),
        status => Problem::new(status, "bad-request", "the request is not one this service understands"),
    }
}
