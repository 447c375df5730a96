//! The built program as an operator runs it: started, asked over a socket, stopped, killed.
//!
//! Waiting is reading what the child prints, or asking again until a deadline; a child ends with its test.

mod child;
mod commands;
mod decisions;
mod killing;
mod refusals;
mod reloading;
mod secrets;
mod serving;

pub use child::{Child, Place};

/// Makes of each named function two tests, each with a place and a database of its own.
macro_rules! in_places {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$name(crate::process::Place::on(crate::support::Database::Sqlite).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                if let Some(database) = crate::support::Database::postgres() {
                    super::$name(crate::process::Place::on(database).await).await;
                }
            }
        }
    )+};
}
pub(crate) use in_places;
