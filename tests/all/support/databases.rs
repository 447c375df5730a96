//! A fresh, migrated database for each test.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU32, Ordering};

use palisade::store::Store;
use sqlx::{Connection as _, Executor as _, PgConnection};
use tokio::sync::Mutex;

/// Where a test's rows go.
#[derive(Debug, Clone)]
pub enum Database {
    /// A file in the test's own folder.
    Sqlite,
    /// A database of its own on this server, copied from a template that was migrated once.
    Postgres { server: String },
}

/// One copy at a time: PostgreSQL copies a template only while nobody is connected to it.
static TEMPLATE: Mutex<Option<String>> = Mutex::const_new(None);
static NEXT: AtomicU32 = AtomicU32::new(0);

thread_local! {
    /// The databases of the test that runs on this thread: gone when the test is over, else a run leaves gigabytes.
    static OF_THIS_TEST: RefCell<Vec<Dropped>> = const { RefCell::new(Vec::new()) };
}

impl Database {
    /// The PostgreSQL server of `PALISADE_TEST_POSTGRES_URL`; none if it is not set and may be missing.
    #[expect(clippy::disallowed_methods, reason = "tests are told of their server by the environment")]
    pub fn postgres() -> Option<Self> {
        match std::env::var("PALISADE_TEST_POSTGRES_URL") {
            Ok(server) => Some(Self::Postgres { server }),
            Err(_) if std::env::var("PALISADE_REQUIRE_POSTGRES").is_err() => None,
            Err(_) => panic!("PALISADE_TEST_POSTGRES_URL is not set: run the tests with scripts/test"),
        }
    }

    /// The URL of a fresh database; SQLite's lies in `folder`.
    pub async fn fresh(&self, folder: &std::path::Path) -> String {
        match self {
            Self::Sqlite => format!("sqlite://{}", folder.join("palisade.db").display()),
            Self::Postgres { server } => {
                let name = format!("test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::SeqCst));
                let mut template = TEMPLATE.lock().await;
                let from = match &*template {
                    Some(made) => made.clone(),
                    None => template.insert(make_template(server).await).clone(),
                };
                run(server, format!("CREATE DATABASE {name} TEMPLATE {from}")).await;
                let url = on_server(server, &name);
                OF_THIS_TEST.with_borrow_mut(|all| all.push(Dropped { server: server.clone(), name }));
                url
            }
        }
    }
}

struct Dropped {
    server: String,
    name: String,
}

impl Drop for Dropped {
    /// On a thread of its own: this one is ending, and can hold no runtime. What stays is only untidy.
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(run(&server, format!("DROP DATABASE {name} WITH (FORCE)")));
        });
        drop(dropping.join());
    }
}

async fn make_template(server: &str) -> String {
    let name = format!("template_{}", std::process::id());
    run(server, format!("CREATE DATABASE {name}")).await;
    let store = Store::open(&on_server(server, &name)).await.expect("the template opens and migrates");
    store.close().await;
    name
}

async fn run(server: &str, statement: String) {
    let mut connection = PgConnection::connect(server).await.expect("the test server answers");
    connection.execute(sqlx::AssertSqlSafe(statement)).await.expect("the database can be made");
    connection.close().await.expect("the connection closes");
}

/// `server`'s URL with another database's name.
fn on_server(server: &str, name: &str) -> String {
    let mut url: url::Url = server.parse().expect("PALISADE_TEST_POSTGRES_URL is a URL");
    url.set_path(name);
    url.to_string()
}
