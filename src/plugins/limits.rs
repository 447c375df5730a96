//! What a guest may use. The defaults are an order of magnitude above what a Rust guest needs; Python's interpreter begins
//! with 13 MiB of memory.

/// Bounds on one call, and on calls at one time.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Linear memory of one call, in bytes.
    pub memory_bytes: usize,
    /// Stack of one call, in bytes.
    pub stack_bytes: usize,
    /// What a call may hand to the host at one time, an answer or a log line, in bytes as the host holds it.
    pub output_bytes: usize,
    /// Log lines of one call; more are dropped and counted.
    pub log_lines: u32,
    /// Log text of one call, in bytes; more is dropped.
    pub log_bytes: usize,
    /// Calls at one time; others wait within their deadline.
    pub calls: u32,
    /// Elements of a table (function pointers, in practice).
    pub table_elements: usize,
    /// Handles of the component model that a call may hold.
    pub handles: usize,
    /// Instructions of a call, about; none: only time is bounded. The same call then ends at the same place always,
    /// and every call is somewhat slower.
    pub fuel: Option<u64>,
    /// A component's file, in bytes.
    pub component_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 32 << 20,
            stack_bytes: 512 << 10,
            output_bytes: 64 << 10,
            log_lines: 32,
            log_bytes: 8 << 10,
            calls: 64,
            table_elements: 20_000,
            handles: 1_000,
            fuel: None,
            component_bytes: 32 << 20,
        }
    }
}

/// The memories of one call under one bound: a component may have several, and each may grow.
#[derive(Debug)]
pub(super) struct Memories {
    used: usize,
    most: usize,
}

impl Memories {
    pub(super) const fn new(most: usize) -> Self {
        Self { used: 0, most }
    }

    /// How much they have in all; memories never shrink.
    pub(super) const fn used(&self) -> usize {
        self.used
    }

    /// Whether one may grow from `current` to `desired`; counted if so.
    pub(super) const fn grow(&mut self, current: usize, desired: usize) -> bool {
        let used = self.used.saturating_add(desired.saturating_sub(current));
        let fits = used <= self.most;
        if fits {
            self.used = used;
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_memories_share_one_bound() {
        let mut memories = Memories::new(100);
        assert!(memories.grow(0, 60), "the first");
        assert!(!memories.grow(0, 60), "a second beside it");
        assert!(memories.grow(0, 30), "a smaller one");
        assert!(!memories.grow(60, 80), "the first, too far");
        assert!(memories.grow(60, 70), "the first, up to the bound");
        assert!(!memories.grow(30, 31));
    }
}
