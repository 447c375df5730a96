//! How often somebody may ask.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

use crate::domain::Quota;

/// How often one network (an IPv4 address, or the /64 of an IPv6 address) may ask, each as `COUNT/WINDOW`: `20/5m` is
/// twenty at once and one more each fifteen seconds; `s`, `m` and `h` are the units. `off` lifts one limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RateLimits {
    /// `false` lifts all of them, and the growing delay after wrong passwords; for tests. Default `true`.
    pub enabled: bool,
    /// Requests of any kind. Default `6000/1m`.
    #[serde(deserialize_with = "quota")]
    pub request: Option<Quota>,
    /// Sign-ins, right or wrong. Default `30/5m`.
    #[serde(deserialize_with = "quota")]
    pub login: Option<Quota>,
    /// Default `20/1h`.
    #[serde(deserialize_with = "quota")]
    pub register: Option<Quota>,
    /// Refreshes, and estimates of a password, each. Default `120/1m`.
    #[serde(deserialize_with = "quota")]
    pub refresh: Option<Quota>,
    /// Requests that make us write to somebody. Default `20/1h`.
    #[serde(deserialize_with = "quota")]
    pub mail: Option<Quota>,
    /// Letters that anybody can make us write to one address, whatever networks ask. Default `5/1h`.
    #[serde(deserialize_with = "quota")]
    pub mail_to: Option<Quota>,
}

impl Default for RateLimits {
    /// Wide enough for an office behind one address, narrow enough that guessing gets nowhere.
    fn default() -> Self {
        const HOUR: u64 = 60 * 60;
        let quota = |count, seconds| Quota::new(count, Duration::from_secs(seconds));
        Self {
            enabled: true,
            request: quota(6_000, 60),
            login: quota(30, 5 * 60),
            register: quota(20, HOUR),
            refresh: quota(120, 60),
            mail: quota(20, HOUR),
            mail_to: quota(5, HOUR),
        }
    }
}

fn quota<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Quota>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text == "off" {
        return Ok(None);
    }
    let wrong = || de::Error::custom("must be `off`, or a count and a window up to a day, such as `20/5m`");
    Quota::parse(&text).map(Some).ok_or_else(wrong)
}
