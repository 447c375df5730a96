//! Request bodies as AuthZEN 1.0 has them: whatever is wrong with one is a 400, and unknown fields are ignored.

use std::borrow::Cow;

use poem::http::StatusCode;
use poem::{FromRequest, Request, RequestBody};
use poem_openapi::registry::{MetaMediaType, MetaRequest, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// A body of `application/json`, read with `serde` into the type that the document describes.
#[derive(Debug)]
pub(super) struct Authzen<T>(pub T);

impl Authzen<()> {
    /// 400, with a sentence that holds nothing the client sent.
    pub(super) fn refusal(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, code, detail)
    }
}

fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    if bytes.is_empty() {
        return Err(Authzen::refusal("bad-json", "the body is empty"));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        let what = if error.is_data() { "does not fit this operation" } else { "is not JSON" };
        // Only the place: the text of the error repeats what was sent.
        let (line, column) = (error.line(), error.column());
        Authzen::refusal("bad-request", format!("the body {what}: see line {line}, column {column}"))
    })
}

impl<'a, T: Type + DeserializeOwned + 'static> ApiExtractor<'a> for Authzen<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        let json = MetaMediaType { content_type: "application/json", schema: T::schema_ref() };
        Some(MetaRequest { description: None, content: vec![json], required: true })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        if !request.content_type().is_some_and(is_json) {
            let detail = "the body must be `application/json`";
            return Err(Authzen::refusal("wrong-content-type", detail).into());
        }
        let bytes = <Vec<u8> as FromRequest>::from_request(request, body).await?;
        Ok(Self(parse(&bytes)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_was_sent_is_never_repeated() {
        let problem = parse::<String>(b"[\"hunter2\"]").expect_err("it is no text");
        assert_eq!(problem.status(), StatusCode::BAD_REQUEST);
        assert!(!format!("{problem:?}").contains("hunter2"), "{problem:?}");
    }
}
