//! What one call sees of the host, and what the host remembers of the call.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use wasmtime::{ResourceLimiter, Trap};

use super::capabilities::Capabilities;
use super::engine::Runtime;
use super::errand::Errand;
use super::host::{Host, Identity};
use super::journal::{Journal, Line};
use super::limits::Memories;
use super::{Error, Limits, RequestContext, clean, since_v0_1, since_v0_2};

/// Characters of one log line.
const LOG_LINE: usize = 500;

/// A component of any version of the contract.
#[derive(Debug, Clone)]
pub(super) enum Guest {
    V0_1(since_v0_1::Guest),
    V0_2(Box<since_v0_2::Guest>),
    /// What was installed and cannot be loaded: it has no answer, so what it keeps out stays out.
    Absent,
}

impl Guest {
    pub(super) async fn describe(&self, call: &Call<'_>) -> Result<Description, Error> {
        match self {
            Self::V0_1(guest) => guest.describe(call).await,
            Self::V0_2(guest) => guest.describe(call).await,
            Self::Absent => Err(Error::Absent),
        }
    }

    /// The plugin's complaints about `call.config`; `None` when it is good.
    pub(super) async fn complaints(&self, call: &Call<'_>) -> Result<Option<Vec<String>>, Error> {
        match self {
            Self::V0_1(guest) => guest.complaints(call).await,
            Self::V0_2(guest) => guest.complaints(call).await,
            Self::Absent => Err(Error::Absent),
        }
    }

    /// The guest of the present contract, which has all hooks.
    pub(super) fn present(&self) -> Result<&since_v0_2::Guest, Error> {
        match self {
            Self::V0_1(_) => Err(Error::Engine("the component is of a contract without this hook".into())),
            Self::V0_2(guest) => Ok(guest),
            Self::Absent => Err(Error::Absent),
        }
    }
}

/// What a plugin says it is.
pub(super) struct Description {
    pub(super) id: String,
    pub(super) version: String,
    pub(super) hooks: Vec<String>,
}

/// What every call needs to know.
pub(super) struct Call<'a> {
    pub(super) runtime: &'a Runtime,
    pub(super) who: &'a Identity,
    pub(super) config: &'a Arc<str>,
    pub(super) capabilities: &'a Arc<Capabilities>,
    pub(super) host: &'a Arc<dyn Host>,
    pub(super) deadline: Duration,
    pub(super) hook: &'static str,
    pub(super) context: &'a RequestContext,
    /// The binding is in monitor mode.
    pub(super) dry_run: bool,
    /// A text that must not come out in a log line: the password of this call.
    pub(super) hidden: Option<&'a str>,
    pub(super) usage: &'a Mutex<Usage>,
}

/// What a call used.
#[derive(Debug, Default)]
pub(super) struct Usage {
    /// The linear memories together, in bytes.
    pub(super) memory: usize,
    /// The limits it ran into and lived on, such as `log`, each once.
    pub(super) limits: Vec<&'static str>,
}

/// The data of one call's store.
pub(super) struct State {
    /// What the host does for the guest.
    pub(super) errand: Arc<Errand>,
    config: Arc<str>,
    limits: Limits,
    journal: Arc<Journal>,
    /// The host's time of the call, in seconds since 1970.
    now: u64,
    hidden: Option<String>,
    /// HTTP requests so far.
    pub(super) requests: u32,
    /// Uses of the storage so far.
    pub(super) kept: u32,
    log_lines: u32,
    log_bytes: usize,
    log_dropped: u64,
    memories: Memories,
    memory_refused: bool,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

/// The level of a log line from a version of the contract.
macro_rules! level {
    ($log:ident, $level:expr) => {
        match $level {
            $log::Level::Trace => Level::Trace,
            $log::Level::Debug => Level::Debug,
            $log::Level::Info => Level::Info,
            $log::Level::Warn => Level::Warn,
            $log::Level::Error => Level::Error,
        }
    };
}
pub(super) use level;

impl Level {
    const fn word(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

impl State {
    pub(super) fn new(call: &Call<'_>, until: Instant) -> Self {
        Self {
            errand: Arc::new(Errand {
                who: call.who.clone(),
                request_id: call.context.request_id.clone(),
                organization: call.context.organization.clone(),
                capabilities: Arc::clone(call.capabilities),
                host: Arc::clone(call.host),
                until,
                limits: Mutex::default(),
            }),
            config: Arc::clone(call.config),
            limits: call.runtime.limits,
            journal: Arc::clone(&call.runtime.journal),
            now: call.context.now,
            hidden: call.hidden.filter(|text| !text.is_empty()).map(str::to_owned),
            requests: 0,
            kept: 0,
            log_lines: 0,
            log_bytes: 0,
            log_dropped: 0,
            memories: Memories::new(call.runtime.limits.memory_bytes),
            memory_refused: false,
        }
    }

    pub(super) fn config(&self) -> &str {
        &self.config
    }

    pub(super) fn usage(&self) -> Usage {
        // Whether it lived on or not: what it was refused, it has met.
        if self.memory_refused {
            self.errand.count("memory");
        }
        Usage { memory: self.memories.used(), limits: std::mem::take(&mut *self.errand.limits.lock()) }
    }

    /// One line in our log, or one more that was dropped.
    pub(super) fn log(&mut self, level: Level, message: &str) {
        let line = match &self.hidden {
            Some(hidden) => clean::line(&message.replace(hidden.as_str(), "[password]"), LOG_LINE),
            None => clean::line(message, LOG_LINE),
        };
        let bytes = self.log_bytes.saturating_add(line.len());
        if self.log_lines >= self.limits.log_lines || bytes > self.limits.log_bytes {
            self.log_dropped = self.log_dropped.saturating_add(1);
            self.errand.count("log");
            return;
        }
        self.log_lines += 1;
        self.log_bytes = bytes;
        let (plugin, request_id) = (&*self.errand.who.plugin, &*self.errand.request_id);
        let kept =
            Line { at: self.now, request_id: request_id.to_owned(), level: level.word(), text: line.clone() };
        self.journal.add(plugin, kept);
        match level {
            Level::Trace => tracing::trace!(target: "plugin", plugin, request_id, "{line}"),
            Level::Debug => tracing::debug!(target: "plugin", plugin, request_id, "{line}"),
            Level::Info => tracing::info!(target: "plugin", plugin, request_id, "{line}"),
            Level::Warn => tracing::warn!(target: "plugin", plugin, request_id, "{line}"),
            Level::Error => tracing::error!(target: "plugin", plugin, request_id, "{line}"),
        }
    }

    /// What a failed call means, told from the engine's error and what happened on the way.
    pub(super) fn failure(&self, error: &wasmtime::Error) -> Error {
        match error.downcast_ref::<Trap>() {
            Some(Trap::Interrupt) => Error::TimedOut,
            Some(Trap::OutOfFuel) => Error::OutOfFuel,
            // A guest that is refused memory stops itself with some trap.
            Some(_) if self.memory_refused => Error::OutOfMemory,
            Some(trap @ Trap::StackOverflow) => {
                self.errand.count("stack");
                Error::Trapped(trap.to_string())
            }
            Some(trap) => Error::Trapped(trap.to_string()),
            None => {
                // The engine's types for these are private; the tests hold the words.
                let text = format!("{error:#}");
                if text.contains("fuel allocated for hostcalls") {
                    Error::TooMuchOutput
                } else if text.contains("store handle limit exceeded") {
                    Error::TooManyHandles
                } else if text.contains("unknown import") {
                    let import = text.split('`').nth(1).unwrap_or("something");
                    Error::Trapped(format!(
                        "it called {}, which its world does not offer",
                        clean::line(import, 200)
                    ))
                } else {
                    Error::Engine(text)
                }
            }
        }
    }
}

impl Drop for State {
    fn drop(&mut self) {
        if self.log_dropped > 0 {
            let (plugin, dropped) = (&*self.errand.who.plugin, self.log_dropped);
            tracing::warn!(target: "plugin", plugin, dropped, "the plugin logged more than it may");
        }
    }
}

impl ResourceLimiter for State {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let fits = self.memories.grow(current, desired);
        self.memory_refused |= !fits;
        Ok(fits)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let fits = desired <= self.limits.table_elements;
        if !fits {
            self.errand.count("table");
        }
        Ok(fits)
    }
}
