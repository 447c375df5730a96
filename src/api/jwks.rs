//! `/.well-known/jwks.json`.

use poem_openapi::types::Any;
use poem_openapi::{Object, OpenApi};
use serde_json::Value;

use super::Chapter;
use super::caller::Visitor;
use super::reply::ApiResult;
use crate::guard::actions::GetJwks;

pub(super) struct JwksApi;

/// A JWK set (RFC 7517 section 5).
#[derive(Object)]
struct JwkSet {
    keys: Vec<Any<Value>>,
}

#[OpenApi(tag = "Chapter::Discovery")]
impl JwksApi {
    /// Read the public signing keys
    ///
    /// A JWK set; access tokens name their key in `kid`.
    #[oai(path = "/.well-known/jwks.json", method = "get", operation_id = "get_jwks")]
    async fn jwks(&self, caller: Visitor) -> ApiResult<GetJwks, JwkSet> {
        let ok = caller.authorize(GetJwks {}).await?;
        let set = caller.app().jwks(ok);
        let keys = |set: Value| set.get("keys").and_then(Value::as_array).cloned().unwrap_or_default();
        Ok(set.map(|set| JwkSet { keys: keys(set).into_iter().map(Any).collect() }).into())
    }
}
