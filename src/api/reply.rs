//! The only way out: a reply is made of a released value, so it was permitted.

use std::marker::PhantomData;

use poem::http::{HeaderName, HeaderValue, StatusCode, header};
use poem::{IntoResponse, Response};
use poem_openapi::payload::{Json, Payload as _};
use poem_openapi::registry::{MetaHeader, MetaMediaType, MetaResponse, MetaResponses, Registry};
use poem_openapi::types::{ToJSON, Type};
use poem_openapi::{ApiResponse, Object};

use super::document::ACTION;
use super::problem::Problem;
use crate::guard::{Action, Released};

/// What a handler of the action `A` returns.
pub(super) type ApiResult<A, T> = Result<Reply<A, T, 200>, Problem>;
/// The same, for what makes something.
pub(super) type Created<A, T> = Result<Reply<A, T, 201>, Problem>;

/// A JSON body under the permit of `A`. A [`Released`] is what it takes:
///
/// ```compile_fail,E0277
/// # use palisade::guard::{Released, actions::GetMe};
/// # fn leak(value: String) -> Released<GetMe, String> {
/// value.into()
/// # }
/// ```
pub(super) struct Reply<A, T, const STATUS: u16> {
    body: T,
    headers: Vec<(HeaderName, HeaderValue)>,
    action: PhantomData<fn() -> A>,
}

/// A released body and the `Set-Cookie` headers that go with it.
pub(super) struct WithCookies<T> {
    pub body: T,
    pub cookies: Vec<HeaderValue>,
}

impl<A: Action, T, const STATUS: u16> From<Released<A, T>> for Reply<A, T, STATUS> {
    fn from(released: Released<A, T>) -> Self {
        Self { body: released.into_inner(), headers: Vec::new(), action: PhantomData }
    }
}

impl<A: Action, T, const STATUS: u16> Reply<A, T, STATUS> {
    /// The same for a value that goes with cookies. (A second `From` would leave types to be guessed everywhere.)
    pub(super) fn with_cookies(released: Released<A, WithCookies<T>>) -> Self {
        let WithCookies { body, cookies } = released.into_inner();
        let headers = cookies.into_iter().map(|cookie| (header::SET_COOKIE, cookie)).collect();
        Self { body, headers, action: PhantomData }
    }

    /// The same for a value that goes with headers.
    pub(super) fn with_headers(released: Released<A, (T, Vec<(HeaderName, HeaderValue)>)>) -> Self {
        let (body, headers) = released.into_inner();
        Self { body, headers, action: PhantomData }
    }
}

impl<A: Action, T: ToJSON + Send, const STATUS: u16> IntoResponse for Reply<A, T, STATUS> {
    fn into_response(self) -> Response {
        let mut response = Json(self.body).into_response();
        response.set_status(StatusCode::from_u16(STATUS).unwrap_or(StatusCode::OK));
        for (name, value) in self.headers {
            response.headers_mut().append(name, value);
        }
        response
    }
}

impl<A: Action, T: ToJSON, const STATUS: u16> ApiResponse for Reply<A, T, STATUS> {
    fn meta() -> MetaResponses {
        // Not sent: `document::clean` moves it to the operation, as the name of its Cedar action.
        let action = MetaHeader {
            name: ACTION.to_owned(),
            description: Some(A::NAME.to_owned()),
            required: false,
            deprecated: false,
            schema: String::schema_ref(),
        };
        let content = MetaMediaType { content_type: Json::<T>::CONTENT_TYPE, schema: T::schema_ref() };
        MetaResponses {
            responses: vec![MetaResponse {
                description: "",
                status: Some(STATUS),
                status_range: None,
                content: vec![content],
                headers: vec![action],
            }],
        }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

/// A way on, under the permit of `A`: the browser is sent to another address.
pub(super) struct Redirect<A, const STATUS: u16> {
    url: String,
    cookies: Vec<HeaderValue>,
    action: PhantomData<fn() -> A>,
}

impl<A: Action, const STATUS: u16> From<Released<A, WithCookies<String>>> for Redirect<A, STATUS> {
    fn from(released: Released<A, WithCookies<String>>) -> Self {
        let WithCookies { body, cookies } = released.into_inner();
        Self { url: body, cookies, action: PhantomData }
    }
}

impl<A: Action, const STATUS: u16> IntoResponse for Redirect<A, STATUS> {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(STATUS).unwrap_or(StatusCode::SEE_OTHER);
        let Ok(mut location) = HeaderValue::from_str(&self.url) else {
            return Problem::internal().into_response();
        };
        // It may hold a code.
        location.set_sensitive(true);
        let mut response = Response::builder().status(status).header(header::LOCATION, location).finish();
        for cookie in self.cookies {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        response
    }
}

impl<A: Action, const STATUS: u16> ApiResponse for Redirect<A, STATUS> {
    fn meta() -> MetaResponses {
        let described = |name: &str, text: &str| MetaHeader {
            name: name.to_owned(),
            description: Some(text.to_owned()),
            required: name != ACTION,
            deprecated: false,
            schema: String::schema_ref(),
        };
        let headers = vec![described(ACTION, A::NAME), described("Location", "where to go on to")];
        let answer = MetaResponse {
            description: "",
            status: Some(STATUS),
            status_range: None,
            content: Vec::new(),
            headers,
        };
        MetaResponses { responses: vec![answer] }
    }

    fn register(_registry: &mut Registry) {}
}

/// For an answer that the document does not describe: gRPC has no types of replies to hold it, and monitoring gets a text.
pub(super) fn bare<A: Action, T>(released: Released<A, T>) -> T {
    released.into_inner()
}

/// The answer to what leaves nothing to show.
#[derive(Debug, Object)]
pub(super) struct Message {
    /// A sentence for people.
    message: String,
}

impl Message {
    pub(super) fn new(text: &str) -> Self {
        Self { message: text.to_owned() }
    }
}
