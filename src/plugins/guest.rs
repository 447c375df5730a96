//! What one call sees of the host, and what the host remembers of the call.

use std::sync::Arc;

use wasmtime::{ResourceLimiter, Trap};

use super::limits::Memories;
use super::registration::{Answer, Candidate, RequestContext};
use super::since_v0_1::{self, Call, Description};
use super::{Error, Limits, clean, since_v0_2};

/// Characters of one log line.
const LOG_LINE: usize = 500;

/// A component of any version of the contract.
#[derive(Debug, Clone)]
pub(super) enum Guest {
    V0_1(since_v0_1::Guest),
    V0_2(since_v0_2::Guest),
}

impl Guest {
    pub(super) async fn describe(&self, call: &Call<'_>) -> Result<Description, Error> {
        match self {
            Self::V0_1(guest) => guest.describe(call).await,
            Self::V0_2(guest) => guest.describe(call).await,
        }
    }

    /// The plugin's complaints about `call.config`; `None` when it is good.
    pub(super) async fn complaints(&self, call: &Call<'_>) -> Result<Option<Vec<String>>, Error> {
        match self {
            Self::V0_1(guest) => guest.complaints(call).await,
            Self::V0_2(guest) => guest.complaints(call).await,
        }
    }

    pub(super) async fn validate(
        &self,
        call: &Call<'_>,
        context: &RequestContext,
        candidate: &Candidate,
    ) -> Result<Answer, Error> {
        match self {
            Self::V0_1(guest) => guest.validate(call, context, candidate).await,
            Self::V0_2(guest) => guest.validate(call, context, candidate).await,
        }
    }
}

/// The data of one call's store.
pub(super) struct State {
    plugin: Arc<str>,
    request_id: String,
    config: Arc<str>,
    limits: Limits,
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

impl State {
    pub(super) const fn new(plugin: Arc<str>, request_id: String, config: Arc<str>, limits: Limits) -> Self {
        Self {
            plugin,
            request_id,
            config,
            limits,
            log_lines: 0,
            log_bytes: 0,
            log_dropped: 0,
            memories: Memories::new(limits.memory_bytes),
            memory_refused: false,
        }
    }

    pub(super) fn config(&self) -> &str {
        &self.config
    }

    /// One line in our log, or one more that was dropped.
    pub(super) fn log(&mut self, level: Level, message: &str) {
        let line = clean::line(message, LOG_LINE);
        let bytes = self.log_bytes.saturating_add(line.len());
        if self.log_lines >= self.limits.log_lines || bytes > self.limits.log_bytes {
            self.log_dropped = self.log_dropped.saturating_add(1);
            return;
        }
        self.log_lines += 1;
        self.log_bytes = bytes;
        let (plugin, request_id) = (&*self.plugin, &*self.request_id);
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
            // A guest that is refused memory stops itself with some trap.
            Some(_) if self.memory_refused => Error::OutOfMemory,
            Some(trap) => Error::Trapped(trap.to_string()),
            // The engine's type for this is private; the test of a huge answer holds the words.
            None if error.to_string().contains("fuel allocated for hostcalls") => Error::TooMuchOutput,
            None => Error::Engine(format!("{error:#}")),
        }
    }
}

impl Drop for State {
    fn drop(&mut self) {
        if self.log_dropped > 0 {
            let (plugin, dropped) = (&*self.plugin, self.log_dropped);
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
        Ok(desired <= self.limits.table_elements)
    }
}
