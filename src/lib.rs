//! Palisade: who is this, and may they? See `README.md`.
//!
//! The floors; a folder imports only floors below its own, and `tests/all/floors.rs` holds the table:
//!
//! | floor | module | what it is |
//! |---|---|---|
//! | 6 | [`config`], [`telemetry`], [`cli`] | wire it, run it |
//! | 5 | [`api`] | HTTP |
//! | 4 | [`app`] | use cases, transactions |
//! | 3 | [`store`], [`crypto`], [`plugins`], [`outbound`] | rows; secrets; guests; mail |
//! | 2 | [`guard`] | the choke point: permits |
//! | 1 | [`pdp`] | decisions, for anyone's resources |
//! | 0 | [`domain`] | the words |
//!
//! How one request travels, here `PATCH /api/v1/organizations/{id}`: `api/edge.rs` gives it an id and bounds,
//! `api/caller.rs` reads the credential and asks `app/authenticate.rs` who that is, the handler in
//! `api/organizations.rs` asks `guard/authorized.rs` for `UpdateOrganization`, which reads facts through
//! `store/facts.rs` and lets `pdp/engine.rs` decide. The permit goes to `app/organizations.rs`, which spends it on
//! `store/organizations.rs` in one transaction and returns a released value; `api/reply.rs` makes the answer of it.

pub mod api;
pub mod app;
pub mod cli;
pub mod config;
pub mod crypto;
pub mod domain;
pub mod guard;
pub mod outbound;
pub mod pdp;
pub mod plugins;
pub mod store;
pub mod telemetry;
