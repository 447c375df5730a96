//! How a test gets a server, people and their mail.
//!
//! ```ignore
//! on_both!(a_stranger_sees_nothing);
//! async fn a_stranger_sees_nothing(server: Server) {
//!     let ada = server.person("ada@example.com").await;
//!     …
//! }
//! ```
//! Each test has a server of its own, on a database of its own, with a clock that stands still.

mod answer;
mod certified;
mod databases;
mod dns;
mod idp;
mod journeys;
mod mail;
mod network;
mod people;
mod rows;
mod server;

pub use answer::Answer;
pub use certified::Certified;
pub use databases::Database;
pub use dns::{Dns, Entry};
pub use idp::{Idp, Says, sign};
pub use journeys::{Jar, Landed};
pub use people::{PASSWORD, Person, role_id};
pub use server::{BEGIN, Server, Setup, copy_policies, root};

/// Makes of each named function two tests, one on SQLite and one on PostgreSQL.
#[macro_export]
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$name($crate::support::Server::start($crate::support::Database::Sqlite).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                if let Some(database) = $crate::support::Database::postgres() {
                    super::$name($crate::support::Server::start(database).await).await;
                }
            }
        }
    )+};
}

/// [`on_both!`] for tests whose server is set up by `$change: fn(&mut Setup)`.
#[macro_export]
macro_rules! on_both_with {
    ($change:ident; $($name:ident),+ $(,)?) => {$(
        mod $name {
            async fn server(database: $crate::support::Database) -> $crate::support::Server {
                let mut setup = $crate::support::Setup::on(database);
                super::$change(&mut setup);
                $crate::support::Server::with(setup).await
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$name(server($crate::support::Database::Sqlite).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                if let Some(database) = $crate::support::Database::postgres() {
                    super::$name(server(database).await).await;
                }
            }
        }
    )+};
}
