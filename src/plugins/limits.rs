//! What a guest may use. The defaults are an order of magnitude above what a Rust guest needs.

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
            memory_bytes: 16 << 20,
            stack_bytes: 512 << 10,
            output_bytes: 64 << 10,
            log_lines: 32,
            log_bytes: 8 << 10,
            calls: 64,
            table_elements: 20_000,
            handles: 1_000,
            fuel: None,
            component_bytes: 16 << 20,
        }
    }
}
