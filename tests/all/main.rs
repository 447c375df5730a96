//! All integration tests, in one binary: each further one would be linked anew. See `tests/README.md`.

#![expect(
    unreachable_pub,
    reason = "the support modules are public to the tests, and nothing is outside them"
)]

mod api;
mod audit;
mod floors;
mod guard;
mod openapi;
mod policies;
mod support;
