//! What a guest calls on the host.

use std::time::Duration;

use super::offered::{config, http_client, kv, log, oauth_types, types};
use crate::plugins::fetching::{Body, Got, Piece, Refused, Wish};
use crate::plugins::guest::{Level, State, level};
use crate::plugins::keeping::{Kept, KvRefused, Use};

impl types::Host for State {}

impl oauth_types::Host for State {}

impl config::Host for State {
    fn get(&mut self) -> String {
        State::config(self).to_owned()
    }
}

impl log::Host for State {
    fn write(&mut self, level: log::Level, message: String) {
        self.log(level!(log, level), &message);
    }
}

impl http_client::Host for State {
    async fn send(
        &mut self,
        request: http_client::Request,
    ) -> Result<http_client::Response, http_client::HttpError> {
        let http_client::Request { method, url, headers, body, timeout_ms } = request;
        let wish = Wish {
            method,
            url,
            headers: headers.into_iter().map(|(name, value)| (name, header(value))).collect(),
            body: match body {
                None => Body::None,
                Some(http_client::Body::Bytes(bytes)) => Body::Bytes(bytes),
                Some(http_client::Body::Form(fields)) => {
                    Body::Form(fields.into_iter().map(|(name, value)| (name, field(value))).collect())
                }
            },
            timeout: Duration::from_millis(timeout_ms.into()),
        };
        match self.fetch(wish).await {
            Ok(Got { status, headers, body }) => Ok(http_client::Response { status, headers, body }),
            Err(refused) => Err(match refused {
                Refused::Denied(why) => http_client::HttpError::Denied(why),
                Refused::Invalid(why) => http_client::HttpError::Invalid(why.to_owned()),
                Refused::Unreachable(why) => http_client::HttpError::Unreachable(why),
                Refused::Timeout => http_client::HttpError::Timeout,
                Refused::TooLarge => http_client::HttpError::TooLarge,
                Refused::TooMany => http_client::HttpError::TooMany,
            }),
        }
    }
}

fn header(value: http_client::HeaderValue) -> Piece {
    match value {
        http_client::HeaderValue::Text(text) => Piece::Text(text),
        http_client::HeaderValue::Secret(name) => Piece::Secret(name),
        http_client::HeaderValue::BearerSecret(name) => Piece::Bearer(name),
        http_client::HeaderValue::BasicSecret((user, secret)) => Piece::Basic { user, secret },
        http_client::HeaderValue::Signed(http_client::Signature { secret, lead, prefix }) => {
            Piece::Signed { secret, lead, prefix }
        }
    }
}

fn field(value: http_client::FieldValue) -> Piece {
    match value {
        http_client::FieldValue::Text(text) => Piece::Text(text),
        http_client::FieldValue::Secret(name) => Piece::Secret(name),
    }
}

impl kv::Host for State {
    async fn get(&mut self, key: String) -> Result<Option<Vec<u8>>, kv::KvError> {
        match self.keep(key, Use::Get).await.map_err(refused)? {
            Kept::Value(value) => Ok(value),
            Kept::Done | Kept::Sum(_) => Err(kv::KvError::Unavailable),
        }
    }

    async fn set(&mut self, key: String, value: Vec<u8>, ttl_seconds: u32) -> Result<(), kv::KvError> {
        self.keep(key, Use::Set { value, ttl: ttl_seconds }).await.map_err(refused).map(drop)
    }

    async fn delete(&mut self, key: String) -> Result<(), kv::KvError> {
        self.keep(key, Use::Delete).await.map_err(refused).map(drop)
    }

    async fn increment(&mut self, key: String, by: i64, ttl_seconds: u32) -> Result<i64, kv::KvError> {
        match self.keep(key, Use::Increment { by, ttl: ttl_seconds }).await.map_err(refused)? {
            Kept::Sum(sum) => Ok(sum),
            Kept::Done | Kept::Value(_) => Err(kv::KvError::Unavailable),
        }
    }
}

fn refused(why: KvRefused) -> kv::KvError {
    match why {
        KvRefused::Denied(why) => kv::KvError::Denied(why.to_owned()),
        KvRefused::Invalid(why) => kv::KvError::Invalid(why.to_owned()),
        KvRefused::Quota => kv::KvError::Quota,
        KvRefused::Unavailable => kv::KvError::Unavailable,
    }
}
