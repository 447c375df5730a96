//! What came back, with the assertions that tests repeat.

use poem::http::HeaderMap;
use poem::test::TestResponse;
use serde_json::Value;

#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    /// The JSON body; null if there is none.
    pub body: Value,
}

impl Answer {
    pub async fn read(response: TestResponse) -> Self {
        let status = response.0.status().as_u16();
        let headers = response.0.headers().clone();
        let bytes = response.0.into_body().into_bytes().await.expect("the body can be read");
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Self { status, headers, body }
    }

    /// The body of an answer with this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    /// Asserts a problem document with this status and code.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Value {
        assert_eq!((self.status, self.body["code"].as_str()), (status, Some(code)), "{}", self.body);
        let kind = self.headers.get("content-type").and_then(|kind| kind.to_str().ok());
        assert_eq!(kind, Some("application/problem+json"));
        // Whoever is refused can tell an administrator which decision it was; of what is hidden there is none to tell.
        let decision = self.body["decision_id"].as_str().is_some();
        assert_eq!(decision, status == 403, "{}", self.body);
        self.body
    }

    /// Asserts 422 that names exactly this field, with this code.
    #[track_caller]
    pub fn invalid(self, field: &str, code: &str) {
        assert_eq!(self.status, 422, "{}", self.body);
        let told: Vec<_> = self.body["errors"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|error| {
                (error["field"].as_str().unwrap_or_default(), error["code"].as_str().unwrap_or_default())
            })
            .collect();
        assert_eq!(told, [(field, code)], "{}", self.body);
    }
}
