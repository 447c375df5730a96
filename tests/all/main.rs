//! All integration tests, in one binary: each further one would be linked anew. See `tests/README.md`.

#![expect(
    unreachable_pub,
    reason = "the support modules are public to the tests, and nothing is outside them"
)]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its helpers too"
)]

mod api;
mod audit;
mod decisions;
mod defence;
mod federation;
mod flood;
mod floors;
mod forwarding;
mod golden;
mod guard;
mod imports;
mod keys;
mod mail;
mod openapi;
mod plugins;
mod policies;
mod process;
mod store;
mod support;
mod waitlist;
