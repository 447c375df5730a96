//! What clients see, over HTTP, on both databases.

mod organizations;
