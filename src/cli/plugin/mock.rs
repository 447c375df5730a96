//! A host with nothing real behind it: HTTP out of a file, storage in memory, and a record of what a plugin did.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::plugins::{Ask, Asker, FetchError, Host, HttpOrigin, KvError};

/// `--http-mock`: a JSON list of these. Each answers one request, in order; the last one for an address answers it
/// again and again.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exchange {
    #[serde(default = "get")]
    method: String,
    url: String,
    #[serde(default = "ok")]
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// A text, or JSON.
    #[serde(default)]
    body: Value,
    /// Instead of an answer: why there is none.
    error: Option<String>,
    #[serde(skip)]
    used: bool,
}

fn get() -> String {
    "GET".to_owned()
}

const fn ok() -> u16 {
    200
}

/// What a plugin meets in a trial.
#[derive(Debug, Default)]
pub(super) struct MockHost {
    exchanges: Mutex<Vec<Exchange>>,
    sent: Mutex<Vec<Value>>,
    kept: Mutex<BTreeMap<String, Vec<u8>>>,
}

impl MockHost {
    pub(super) fn read(file: Option<&Path>) -> Result<Self, String> {
        let Some(file) = file else { return Ok(Self::default()) };
        let wrong = |what: String| format!("{}: {what}", file.display());
        let text = fs::read(file).map_err(|error| wrong(error.to_string()))?;
        let exchanges: Vec<Exchange> =
            serde_json::from_slice(&text).map_err(|error| wrong(error.to_string()))?;
        if let Some(bad) = exchanges.iter().find(|it| http::StatusCode::from_u16(it.status).is_err()) {
            return Err(wrong(format!("{} is no status", bad.status)));
        }
        Ok(Self { exchanges: Mutex::new(exchanges), ..Self::default() })
    }

    /// Where the file has answers from.
    pub(super) fn origins(&self) -> Vec<HttpOrigin> {
        let exchanges = self.exchanges.lock();
        let urls = exchanges.iter().filter_map(|it| it.url.parse().ok());
        let mut origins: Vec<_> = urls.filter_map(|url| HttpOrigin::of(&url)).collect();
        origins.sort();
        origins.dedup();
        origins
    }

    /// The requests since the last look.
    pub(super) fn sent(&self) -> Vec<Value> {
        std::mem::take(&mut *self.sent.lock())
    }
}

#[async_trait]
impl Host for MockHost {
    async fn permits(&self, _: Asker<'_>, _: Ask<'_>) -> bool {
        true
    }

    /// A trial is of what somebody has before them.
    fn vouches(&self, _: &[u8], _: Option<&str>) -> bool {
        true
    }

    async fn fetch(
        &self,
        request: http::Request<Vec<u8>>,
        _: bool,
    ) -> Result<http::Response<Vec<u8>>, FetchError> {
        let (method, url) = (request.method().to_string(), request.uri().to_string());
        let headers: BTreeMap<_, _> = request
            .headers()
            .iter()
            .map(|(name, value)| {
                let text = if value.is_sensitive() {
                    "[secret]".into()
                } else {
                    String::from_utf8_lossy(value.as_bytes())
                };
                (name.to_string(), text.into_owned())
            })
            .collect();
        let body = String::from_utf8_lossy(request.body()).into_owned();
        self.sent.lock().push(json!({ "method": method, "url": url, "headers": headers, "body": body }));
        let mut exchanges = self.exchanges.lock();
        let fits = |it: &Exchange| it.method == method && it.url == url;
        let at =
            exchanges.iter().position(|it| fits(it) && !it.used).or_else(|| exchanges.iter().rposition(fits));
        let found = at.and_then(|at| exchanges.get_mut(at));
        let Some(found) = found else {
            return Err(FetchError::Unreachable(format!(
                "there is no network here, and no answer for {method} {url}"
            )));
        };
        found.used = true;
        if let Some(why) = &found.error {
            return Err(FetchError::Unreachable(why.clone()));
        }
        let mut response = http::Response::builder().status(found.status);
        for (name, value) in &found.headers {
            response = response.header(name, value);
        }
        let body = match &found.body {
            Value::Null => Vec::new(),
            Value::String(text) => text.clone().into_bytes(),
            json => json.to_string().into_bytes(),
        };
        response.body(body).map_err(|error| FetchError::Unreachable(format!("the mock: {error}")))
    }

    async fn kv_get(&self, _: Asker<'_>, key: &str) -> Result<Option<Vec<u8>>, KvError> {
        Ok(self.kept.lock().get(key).cloned())
    }

    async fn kv_set(&self, _: Asker<'_>, key: &str, value: Vec<u8>, _: Duration) -> Result<(), KvError> {
        self.kept.lock().insert(key.to_owned(), value);
        Ok(())
    }

    async fn kv_delete(&self, _: Asker<'_>, key: &str) -> Result<(), KvError> {
        self.kept.lock().remove(key);
        Ok(())
    }

    async fn kv_increment(&self, _: Asker<'_>, key: &str, by: i64, _: Duration) -> Result<i64, KvError> {
        let mut kept = self.kept.lock();
        let before = kept.get(key).and_then(|value| std::str::from_utf8(value).ok()?.parse::<i64>().ok());
        let sum = before.unwrap_or(0).checked_add(by).ok_or(KvError::Unavailable)?;
        kept.insert(key.to_owned(), sum.to_string().into_bytes());
        Ok(sum)
    }
}
