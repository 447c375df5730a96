//! What the host does for a guest in one call, away from the guest's stack.

use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

use super::capabilities::Capabilities;
use super::host::{Asker, Host, Identity};

/// For whom, with what, and until when.
#[derive(Debug)]
pub(super) struct Errand {
    pub(super) who: Identity,
    pub(super) request_id: String,
    pub(super) organization: Option<String>,
    pub(super) capabilities: Arc<Capabilities>,
    pub(super) host: Arc<dyn Host>,
    /// The end of the call.
    pub(super) until: Instant,
    /// The limits that the call ran into and lived on, each once.
    pub(super) limits: Mutex<Vec<&'static str>>,
}

impl Errand {
    pub(super) fn asker(&self) -> Asker<'_> {
        Asker { who: &self.who, request_id: &self.request_id, organization: self.organization.as_deref() }
    }

    /// Remembers that the call ran into a limit.
    pub(super) fn count(&self, limit: &'static str) {
        let mut limits = self.limits.lock();
        if !limits.contains(&limit) {
            limits.push(limit);
        }
    }

    /// Tells the operator that the guest asked for what it may not have.
    pub(super) fn denied(&self, why: &str) {
        self.count("denied");
        let (plugin, request_id) = (&*self.who.plugin, &*self.request_id);
        tracing::warn!(target: "plugin", plugin, request_id, why, "the plugin was denied something");
    }
}

/// Runs the host's part of a call on an ordinary stack; none if it panicked. What a guest calls runs on the guest's own
/// stack, which is small, and of which Cedar, that looks how much the thread has left, believes that it is used up. The
/// work ends with the call.
pub(super) async fn outside<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Option<T> {
    AbortOnDropHandle::new(tokio::spawn(work.in_current_span())).await.ok()
}
