//! All integration tests, in one binary: each further one would be linked anew. See `tests/README.md`.

mod api;
mod policies;
mod support;
