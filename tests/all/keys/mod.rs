//! Signing keys by command and by the calendar, and another master key.

mod commands;
mod master;
mod signing;
