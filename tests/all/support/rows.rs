//! What is in the database, where no answer shows it.

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, SqliteConnection};

use super::Server;

impl Server {
    fn is_sqlite(&self) -> bool {
        self.config.database_url().expose().starts_with("sqlite:")
    }

    /// Whether the log of decisions has partitions here.
    pub fn has_partitions(&self) -> bool {
        !self.is_sqlite()
    }

    /// What a `SELECT COUNT(*) …` counts, behind the server's back.
    pub async fn count(&self, sql: &str) -> i64 {
        let url = self.config.database_url();
        let query = AssertSqlSafe(sql.to_owned());
        if self.is_sqlite() {
            let mut db = SqliteConnection::connect(url.expose()).await.expect("the file opens");
            sqlx::query_scalar(query).fetch_one(&mut db).await.expect("rows can be counted")
        } else {
            let mut db = PgConnection::connect(url.expose()).await.expect("the server answers");
            sqlx::query_scalar(query).fetch_one(&mut db).await.expect("rows can be counted")
        }
    }

    async fn texts(&self, sql: &str) -> Vec<String> {
        let url = self.config.database_url();
        let query = AssertSqlSafe(sql.to_owned());
        if self.is_sqlite() {
            let mut db = SqliteConnection::connect(url.expose()).await.expect("the file opens");
            sqlx::query_scalar(query).fetch_all(&mut db).await.expect("rows can be read")
        } else {
            let mut db = PgConnection::connect(url.expose()).await.expect("the server answers");
            sqlx::query_scalar(query).fetch_all(&mut db).await.expect("rows can be read")
        }
    }

    /// The names of our tables.
    pub async fn tables(&self) -> Vec<String> {
        self.texts(if self.is_sqlite() {
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
        } else {
            "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public' ORDER BY table_name"
        })
        .await
    }

    /// All rows of a table as text, in one order.
    pub async fn rows_of(&self, table: &str) -> String {
        let sql = if self.is_sqlite() {
            let columns = format!("SELECT 'quote(\"' || name || '\")' FROM pragma_table_info('{table}')");
            let columns = self.texts(&columns).await.join(" || ',' || ");
            format!("SELECT {columns} FROM \"{table}\" ORDER BY 1")
        } else {
            format!("SELECT t::text FROM \"{table}\" t ORDER BY 1")
        };
        self.texts(&sql).await.join("\n")
    }

    /// From now on no event can be written, or again.
    pub async fn forbid_events(&self, forbidden: bool) {
        let sql = match (self.is_sqlite(), forbidden) {
            (true, true) => {
                "CREATE TRIGGER no_events BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'no events'); END"
            }
            (true, false) => "DROP TRIGGER no_events",
            (false, true) => "ALTER TABLE events ADD CONSTRAINT no_events CHECK (false) NOT VALID",
            (false, false) => "ALTER TABLE events DROP CONSTRAINT no_events",
        };
        self.change_rows(sql, sql).await;
    }

    /// Runs a statement behind the server's back.
    pub async fn change_rows(&self, sqlite: &str, postgres: &str) {
        let url = self.config.database_url();
        if self.is_sqlite() {
            let mut db = SqliteConnection::connect(url.expose()).await.expect("the file opens");
            db.execute(AssertSqlSafe(sqlite.to_owned())).await.expect("the statement is right");
        } else {
            let mut db = PgConnection::connect(url.expose()).await.expect("the server answers");
            db.execute(AssertSqlSafe(postgres.to_owned())).await.expect("the statement is right");
        }
    }
}
