//! What both databases must do alike.

mod conflicts;
mod freshness;
mod migrations;
mod outbox;
mod owners;
mod rotation;
mod transactions;

use palisade::guard::{Origin, Party, Principal};
use palisade::store::Store;
use sqlx::{AssertSqlSafe, Column as _, Connection as _, PgConnection, Row as _, SqliteConnection};

use crate::support::Server;

/// The server's database, opened once more, as another process would.
async fn open(server: &Server) -> Store {
    Store::open(&url(server)).await.expect("the database opens a second time")
}

fn url(server: &Server) -> String {
    server.config.database_url().expose().to_owned()
}

fn anonymous() -> Principal {
    Principal::of(Party::Anonymous, Origin::default())
}

/// Every row of a query whose columns are all text; null is `-`.
pub async fn texts(url: &str, sql: impl Into<String>) -> Vec<Vec<String>> {
    macro_rules! fetch {
        ($connection:ty) => {{
            let mut connection = <$connection>::connect(url).await.expect("the database answers");
            let query = sqlx::query(AssertSqlSafe(sql.into()));
            let rows = query.fetch_all(&mut connection).await.expect("the query is right");
            connection.close().await.expect("the connection closes");
            let text = |row: &_, at| text(<_ as sqlx::Row>::try_get::<Option<String>, usize>(row, at));
            rows.iter().map(|row| row.columns().iter().map(|c| text(row, c.ordinal())).collect()).collect()
        }};
    }
    if url.starts_with("sqlite") { fetch!(SqliteConnection) } else { fetch!(PgConnection) }
}

fn text(column: Result<Option<String>, sqlx::Error>) -> String {
    column.expect("the column is text").unwrap_or_else(|| "-".to_owned())
}

/// The one number a query answers with.
async fn number(server: &Server, expression: &str, rest: &str) -> i64 {
    let rows = texts(&url(server), format!("SELECT CAST({expression} AS TEXT) {rest}")).await;
    rows[0][0].parse().expect("it is a number")
}
