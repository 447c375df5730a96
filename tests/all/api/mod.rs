//! What clients see, over HTTP, on both databases.

mod accounts;
mod organizations;
