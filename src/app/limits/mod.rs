//! How often somebody may ask: a limiter per kind of request, keyed by network or by the address a letter goes to.
//!
//! All of it is in memory: a limit is a brake, not a record. With several machines each brakes for itself. What keeps
//! the memory bounded is in `buckets.rs`; what slows wrong passwords of one account is in `delays.rs`.

mod buckets;
mod delays;

use std::sync::Arc;
use std::time::Duration;

pub(super) use self::buckets::Buckets;
pub(super) use self::delays::{Delays, Wait};
use super::{App, Error};
use crate::domain::{Clock, Email, Network, Quota};
use crate::guard::Origin;

/// A kind of request, and who is counted for it.
#[derive(Debug, Clone, Copy)]
pub enum Limit<'a> {
    /// Anything at all, by network; coarse.
    Request,
    /// A sign-in, by network.
    Login,
    /// A new account, by network.
    Register,
    /// A fresh pair of tokens, by network.
    Refresh,
    /// An estimate of a password, by network; as often as [`Limit::Refresh`].
    Estimate,
    /// What makes us write a letter, by network.
    Mail,
    /// A letter to this address, whoever asks for it. The address is counted as given, whether or not it has an
    /// account, so the answer tells nothing.
    MailTo(&'a str),
}

/// The limits; `None` is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimits {
    pub request: Option<Quota>,
    pub login: Option<Quota>,
    pub register: Option<Quota>,
    pub refresh: Option<Quota>,
    pub mail: Option<Quota>,
    pub mail_to: Option<Quota>,
    /// Whether wrong passwords make the next try wait.
    pub growing_delay: bool,
}

impl RateLimits {
    /// No limit at all.
    pub const OFF: Self = Self {
        request: None,
        login: None,
        register: None,
        refresh: None,
        mail: None,
        mail_to: None,
        growing_delay: false,
    };
}

/// A limiter for each [`Limit`], and the delays.
#[derive(Debug)]
pub(super) struct Limits {
    request: Option<Buckets<Network>>,
    login: Option<Buckets<Network>>,
    register: Option<Buckets<Network>>,
    refresh: Option<Buckets<Network>>,
    estimate: Option<Buckets<Network>>,
    mail: Option<Buckets<Network>>,
    mail_to: Option<Buckets<Email>>,
    pub(super) delays: Option<Delays>,
}

impl Limits {
    pub(super) fn new(settings: &RateLimits, clock: &Arc<dyn Clock>) -> Self {
        let by_network = |quota: Option<Quota>| quota.and_then(|quota| Buckets::new(quota, clock));
        Self {
            request: by_network(settings.request),
            login: by_network(settings.login),
            register: by_network(settings.register),
            refresh: by_network(settings.refresh),
            estimate: by_network(settings.refresh),
            mail: by_network(settings.mail),
            mail_to: settings.mail_to.and_then(|quota| Buckets::new(quota, clock)),
            delays: settings.growing_delay.then(|| Delays::new(Arc::clone(clock))),
        }
    }

    fn take(&self, network: Network, limit: Limit<'_>) -> Result<(), Duration> {
        let by_network = match limit {
            Limit::Request => &self.request,
            Limit::Login => &self.login,
            Limit::Register => &self.register,
            Limit::Refresh => &self.refresh,
            Limit::Estimate => &self.estimate,
            Limit::Mail => &self.mail,
            Limit::MailTo(address) => {
                // To what is no address no letter goes.
                return match (&self.mail_to, address.parse::<Email>()) {
                    (Some(buckets), Ok(email)) => buckets.take(&email),
                    (None, _) | (_, Err(_)) => Ok(()),
                };
            }
        };
        by_network.as_ref().map_or(Ok(()), |buckets| buckets.take(&network))
    }
}

impl App {
    /// Counts a request from `origin`.
    ///
    /// # Errors
    /// [`Error::TooMany`] `rate-limited` with how long to wait.
    pub fn limit(&self, origin: &Origin, limit: Limit<'_>) -> Result<(), Error> {
        let taken = self.limits.take(origin.network(), limit);
        taken.map_err(|retry_after| Error::TooMany { code: "rate-limited", retry_after })
    }
}
