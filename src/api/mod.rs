//! Temporary: the merger replaces this file.
pub mod body;
pub mod document;
pub mod edge;
pub mod framework;
pub mod problem;
pub mod reference;
mod request_id;
pub mod routes;
pub use request_id::RequestId;
