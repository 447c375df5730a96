//! Signing keys by command and by the calendar, and another master key.

mod commands;
pub mod master;
mod signing;
