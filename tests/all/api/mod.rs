//! What clients see, over HTTP, on both databases.

mod access_tokens;
mod accounts;
mod audit;
mod edge;
mod garbage;
mod invitations;
mod members;
mod organizations;
mod registration;
mod requests;
mod sessions;
mod waitlist;
