//! What is kept of decisions.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

/// The decision log. Denials and what administrators do are always kept.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Decisions {
    /// Of other decisions that allow, how many are kept: 0 none, 1 all. Default 0.01.
    #[serde(deserialize_with = "share")]
    pub allow_share: f64,
    /// Days that decisions are kept, 1 to 3650. Default 30.
    #[serde(deserialize_with = "days")]
    pub retention_days: u32,
    /// Decisions that may wait to be written, 16 to 1000000, before requests that are refused wait. Default 8192.
    #[serde(deserialize_with = "queue")]
    pub queue: u32,
}

impl Default for Decisions {
    fn default() -> Self {
        Self { allow_share: 0.01, retention_days: 30, queue: 8_192 }
    }
}

impl Decisions {
    pub(crate) fn retention(&self) -> Duration {
        Duration::from_secs(u64::from(self.retention_days) * 24 * 60 * 60)
    }
}

/// A number in the file, a text in the environment.
fn share<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Given {
        Number(f64),
        Text(String),
    }
    let wrong = || de::Error::custom("must be 0 to 1, such as `0.01`");
    let number = match Given::deserialize(deserializer).map_err(|_| wrong())? {
        Given::Number(number) => number,
        Given::Text(text) => text.parse().map_err(|_| wrong())?,
    };
    if (0.0..=1.0).contains(&number) { Ok(number) } else { Err(wrong()) }
}

fn days<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    super::settings::within(deserializer, 1, 3_650)
}

fn queue<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    super::settings::within(deserializer, 16, 1_000_000)
}
