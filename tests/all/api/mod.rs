//! What clients see, over HTTP, on both databases.

mod access;
mod access_tokens;
mod accounts;
mod agents;
mod api_keys;
mod audit;
mod edge;
mod garbage;
mod invitations;
mod members;
mod organizations;
mod own_model;
mod registration;
mod requests;
mod resources;
mod sessions;
mod todo;
mod tokens;
mod waitlist;
