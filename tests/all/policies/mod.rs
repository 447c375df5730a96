//! The policies as shipped, and what the loader refuses.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod asking;
mod loading;
mod own_types;
mod roles;
mod shipped;
