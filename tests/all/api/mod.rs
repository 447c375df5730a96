//! What clients see, over HTTP, on both databases.

mod access;
mod access_tokens;
mod accounts;
mod agents;
mod api_keys;
mod audit;
mod edge;
mod explain;
mod freshness;
mod garbage;
mod invitations;
mod members;
mod old_clients;
mod organizations;
mod own_model;
mod policies;
mod registration;
mod requests;
mod resources;
mod roles;
mod search;
mod sessions;
mod todo;
mod tokens;
mod waitlist;
