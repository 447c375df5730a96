//! What clients see, over HTTP, on both databases.

mod audit;
mod organizations;
