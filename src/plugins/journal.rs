//! The last that each plugin has said, for administrators. In memory, of this process alone; the log has all of it.

use std::collections::{BTreeMap, VecDeque};

use parking_lot::Mutex;

/// Lines of one plugin that are kept; a plugin that talks much forgets its own.
const KEPT: usize = 100;

/// One line, cleaned and redacted as in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The host's time of the call, in seconds since 1970.
    pub at: u64,
    pub request_id: String,
    pub level: &'static str,
    pub text: String,
}

#[derive(Debug, Default)]
pub(super) struct Journal(Mutex<BTreeMap<String, VecDeque<Line>>>);

impl Journal {
    pub(super) fn add(&self, plugin: &str, line: Line) {
        let mut all = self.0.lock();
        let lines = all.entry(plugin.to_owned()).or_default();
        if lines.len() >= KEPT {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    pub(super) fn of(&self, plugin: &str) -> Vec<Line> {
        self.0.lock().get(plugin).map(|lines| lines.iter().cloned().collect()).unwrap_or_default()
    }
}
