//! What the compiler cannot refuse at the choke point.

mod actions;
mod events;
mod permission_table;
mod requests;
mod unguarded;
