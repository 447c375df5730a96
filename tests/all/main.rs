//! All integration tests, in one binary: each further one would be linked anew. See `tests/README.md`.

#![expect(
    unreachable_pub,
    reason = "the support modules are public to the tests, and nothing is outside them"
)]

mod api;
mod defence;
mod policies;
mod support;
