//! Palisade: who is this, and may they? See `README.md`.
#![forbid(unsafe_code)]

pub mod crypto;
pub mod domain;
pub mod outbound;
