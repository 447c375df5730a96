//! What clients see, over HTTP, on both databases.

mod access_tokens;
mod accounts;
mod agents;
mod api_keys;
mod audit;
mod edge;
mod garbage;
mod invitations;
mod members;
mod old_clients;
mod organizations;
mod registration;
mod requests;
mod sessions;
mod tokens;
mod waitlist;
