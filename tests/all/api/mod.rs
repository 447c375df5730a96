//! What clients see, over HTTP, on both databases.

mod access_tokens;
mod accounts;
mod organizations;
mod registration;
mod requests;
mod sessions;
