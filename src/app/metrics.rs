//! What this process has counted since its start: numbers under names of ours and of plugins, and nobody's data.

use super::App;
use crate::guard::actions::GetMetrics;
use crate::guard::{Authorized, Released};
use crate::plugins::Count;

/// The numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metrics {
    pub allowed: u64,
    pub denied: u64,
    /// Allows of the log's share that were not kept, because too much waited.
    pub decisions_dropped: u64,
    pub password_hashes: u64,
    pub database_statements: u64,
    /// Calls by how they ended, and limits that were met (`limit:…`).
    pub plugin_calls: Vec<PluginCount>,
    /// Plugins that are in quarantine now.
    pub quarantined: Vec<String>,
}

/// See [`Metrics::plugin_calls`].
pub type PluginCount = Count;

impl App {
    /// What was counted.
    pub fn metrics(&self, ok: Authorized<'_, GetMetrics>) -> Released<GetMetrics, Metrics> {
        let (plugins, now) = (self.plugins(), self.seconds());
        let (allowed, denied) = self.decisions.made();
        let work = self.work();
        let mut quarantined: Vec<_> = plugins
            .loaded()
            .filter(|loaded| plugins.is_quarantined(&loaded.plugin, now))
            .map(|loaded| loaded.plugin.clone())
            .collect();
        quarantined.dedup();
        ok.release(Metrics {
            allowed,
            denied,
            decisions_dropped: self.decisions.dropped(),
            password_hashes: work.hashes,
            database_statements: work.statements,
            plugin_calls: plugins.counts(),
            quarantined,
        })
    }
}
