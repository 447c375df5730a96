//! What a plugin keeps between calls. The manifest asks for it with `kv = true`, and the operator grants it.

use crate::PluginError;
use crate::bindings::palisade::plugin::kv;

pub use kv::KvError as Error;

/// # Errors
/// What the host refused.
pub fn get(key: &str) -> Result<Option<Vec<u8>>, Error> {
    kv::get(key)
}

/// Keeps `value` for at most `ttl_seconds`; 0 means as long as the host does.
///
/// # Errors
/// What the host refused.
pub fn set(key: &str, value: &[u8], ttl_seconds: u32) -> Result<(), Error> {
    kv::set(key, value, ttl_seconds)
}

/// # Errors
/// What the host refused.
pub fn delete(key: &str) -> Result<(), Error> {
    kv::delete(key)
}

/// Adds to a number as one step, and tells the sum.
///
/// # Errors
/// What the host refused.
pub fn increment(key: &str, by: i64, ttl_seconds: u32) -> Result<i64, Error> {
    kv::increment(key, by, ttl_seconds)
}

impl From<Error> for PluginError {
    fn from(error: Error) -> Self {
        Self::Internal(match error {
            Error::Denied(why) => ["the storage is denied: ", &why].concat(),
            Error::Invalid(why) => ["the storage cannot keep this: ", &why].concat(),
            Error::Quota => "the storage is full".into(),
            Error::Unavailable => "the storage does not answer".into(),
        })
    }
}
