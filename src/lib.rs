//! Palisade: who is this, and may they? See `README.md`.
#![forbid(unsafe_code)]

pub mod api;
pub mod app;
pub mod config;
pub mod domain;
pub mod telemetry;
