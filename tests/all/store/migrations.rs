use std::collections::BTreeSet;
use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};

use palisade::store::{MIGRATIONS, Store};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, SqliteConnection};

use super::texts;
use crate::golden::compare;
use crate::support::{Database, root};

#[test]
fn both_folders_hold_the_migrations_that_are_built_in() {
    for (number, name, ..) in MIGRATIONS {
        assert_eq!(name.split('_').next().and_then(|digits| digits.parse().ok()), Some(*number), "{name}");
    }
    let built_in: BTreeSet<String> = MIGRATIONS.iter().map(|(_, name, ..)| format!("{name}.sql")).collect();
    for folder in ["sqlite", "postgres"] {
        let files = fs::read_dir(root().join("migrations").join(folder)).expect("the folder can be read");
        let files: BTreeSet<String> = files
            .map(|file| file.expect("the folder can be read").file_name().display().to_string())
            .collect();
        assert_eq!(files, built_in, "migrations/{folder}; right: MIGRATIONS in src/store/open.rs");
    }
}

#[tokio::test]
async fn a_fresh_database_has_the_schema_of_the_snapshot_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = Database::Sqlite.fresh(folder.path()).await;
    migrate(&url).await;
    compare("schema.txt", "a fresh SQLite database", &sqlite_schema(&url).await);
}

#[tokio::test]
async fn a_fresh_database_has_the_schema_of_the_snapshot_on_postgres() {
    let Some(database) = Database::postgres() else { return };
    let url = database.fresh(&root()).await;
    migrate(&url).await;
    compare("schema.txt", "a fresh PostgreSQL database", &postgres_schema(&url).await);
}

#[tokio::test]
async fn a_second_open_changes_nothing_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = Database::Sqlite.fresh(folder.path()).await;
    migrate(&url).await;
    let before = texts(&url, "SELECT sql FROM sqlite_master ORDER BY name").await;
    let applied = applied(&url).await;
    migrate(&url).await;
    assert_eq!(texts(&url, "SELECT sql FROM sqlite_master ORDER BY name").await, before);
    assert_eq!((applied.len(), self::applied(&url).await), (MIGRATIONS.len(), applied));
}

#[tokio::test]
async fn a_second_open_changes_nothing_on_postgres() {
    let Some(Database::Postgres { server }) = Database::postgres() else { return };
    let (name, url) = empty(&server).await;
    migrate(&url).await;
    let (before, applied) = (postgres_schema(&url).await, applied(&url).await);
    migrate(&url).await;
    assert_eq!(postgres_schema(&url).await, before);
    assert_eq!((applied.len(), self::applied(&url).await), (MIGRATIONS.len(), applied));
    drop_database(&server, &name).await;
}

/// What a restart and a second node do at once, on a database that is not there yet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_may_open_a_fresh_database_at_once_on_sqlite() {
    for _ in 0..10 {
        let folder = tempfile::tempdir().unwrap();
        open_by_eight(&Database::Sqlite.fresh(folder.path()).await).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_may_open_a_fresh_database_at_once_on_postgres() {
    let Some(Database::Postgres { server }) = Database::postgres() else { return };
    for _ in 0..10 {
        let (name, url) = empty(&server).await;
        open_by_eight(&url).await;
        drop_database(&server, &name).await;
    }
}

async fn open_by_eight(url: &str) {
    let openers = (0..8).map(|_| {
        let url = url.to_owned();
        tokio::spawn(async move { Store::open(&url).await })
    });
    for opened in futures_util::future::join_all(openers).await {
        let store = opened.expect("the task ends").expect("every opener succeeds");
        store.ping().await.expect("the database answers");
        store.close().await;
    }
    assert_eq!(applied(url).await.len(), MIGRATIONS.len());
}

#[tokio::test]
async fn a_migration_that_was_changed_after_it_ran_stops_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let url = Database::Sqlite.fresh(folder.path()).await;
    migrate(&url).await;
    texts(&url, "UPDATE _sqlx_migrations SET checksum = zeroblob(48) WHERE version = 2").await;
    let error = Store::open(&url).await.expect_err("another migration 2 ran here").to_string();
    assert_eq!(error, "cannot bring the tables up to date");
}

/// A decision by a policy, and one that rests on the same a day later.
const LOGGED: [&str; 4] = [
    "INSERT INTO decision_slices (hash, entities, day) VALUES (<4a>, '[1]', 20001)",
    "INSERT INTO decisions (id, day, created_at, principal, action, resource, allowed, policies, errors, policy_version, \
     request_id, context, slice) VALUES (<01>, 20000, 1, 'p', 'a', 'r', <no>, '[]', '[]', 'v', 'q', '{}', <4a>)",
    "INSERT INTO decisions (id, day, created_at, principal, action, resource, allowed, policies, errors, policy_version, \
     request_id, context, slice) VALUES (<02>, 20001, 2, 'p', 'a', 'r', <no>, '[]', '[]', 'v', 'q', '{}', <4a>)",
    "INSERT INTO decision_policies (decision_id, policy) VALUES (<01>, 'some.policy')",
];

/// The steps before the log was partitioned, some of the log, the steps since; then what is found of it.
async fn kept(
    url: &str,
    pick: fn(usize) -> &'static str,
    spelled: impl Fn(&str) -> String,
) -> Vec<Vec<String>> {
    let at = MIGRATIONS.iter().position(|(_, name, ..)| name.ends_with("partition_decisions")).unwrap();
    for step in 0..at {
        run(url, pick(step).to_owned()).await;
    }
    for statement in LOGGED {
        run(url, spelled(statement)).await;
    }
    for step in at..MIGRATIONS.len() {
        run(url, pick(step).to_owned()).await;
    }
    texts(
        url,
        "SELECT CAST(decisions.day AS TEXT), principal || action || resource, entities, COALESCE(policy, 'none') FROM decisions \
         JOIN decision_slices ON hash = slice AND decision_slices.day = decisions.day \
         LEFT JOIN decision_policies ON decision_id = decisions.id ORDER BY decisions.id",
    )
    .await
}

async fn run(url: &str, statements: String) {
    let statements = sqlx::raw_sql(AssertSqlSafe(statements));
    if url.starts_with("sqlite:") {
        let mut db = SqliteConnection::connect(&format!("{url}?mode=rwc")).await.expect("the file opens");
        db.execute(statements).await.expect("the statement is right");
    } else {
        let mut db = PgConnection::connect(url).await.expect("the server answers");
        db.execute(statements).await.expect("the statement is right");
    }
}

fn found() -> Vec<Vec<String>> {
    [["20000", "par", "[1]", "some.policy"], ["20001", "par", "[1]", "none"]]
        .map(|row| row.map(str::to_owned).to_vec())
        .to_vec()
}

#[tokio::test]
async fn what_the_log_of_decisions_held_outlives_all_steps_since_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = Database::Sqlite.fresh(folder.path()).await;
    let spelled = |sql: &str| {
        let sql = sql.replace("<4a>", "x'4a'").replace("<no>", "0");
        sql.replace("<01>", "x'01'").replace("<02>", "x'02'")
    };
    assert_eq!(kept(&url, |step| MIGRATIONS[step].2, spelled).await, found());
}

#[tokio::test]
async fn what_the_log_of_decisions_held_outlives_all_steps_since_on_postgres() {
    let Some(Database::Postgres { server }) = Database::postgres() else { return };
    let (name, url) = empty(&server).await;
    let id = |last: u8| format!("'{}'", uuid::Uuid::from_u128(last.into()));
    let spelled = |sql: &str| {
        let sql = sql.replace("<4a>", "'\\x4a'").replace("<no>", "false");
        sql.replace("<01>", &id(1)).replace("<02>", &id(2))
    };
    assert_eq!(kept(&url, |step| MIGRATIONS[step].3, spelled).await, found());
    drop_database(&server, &name).await;
}

async fn migrate(url: &str) {
    Store::open(url).await.expect("the database opens").close().await;
}

/// What ran when.
async fn applied(url: &str) -> Vec<Vec<String>> {
    let columns = "CAST(version AS TEXT), description, CAST(installed_on AS TEXT)";
    texts(url, format!("SELECT {columns} FROM _sqlx_migrations ORDER BY version")).await
}

/// A database on the server without any table; its name and URL.
async fn empty(server: &str) -> (String, String) {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("empty_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::SeqCst));
    on_server(server, format!("CREATE DATABASE {name}")).await;
    let mut url: url::Url = server.parse().expect("PALISADE_TEST_POSTGRES_URL is a URL");
    url.set_path(&name);
    (name, url.to_string())
}

async fn drop_database(server: &str, name: &str) {
    on_server(server, format!("DROP DATABASE {name} WITH (FORCE)")).await;
}

async fn on_server(server: &str, statement: String) {
    let mut connection = PgConnection::connect(server).await.expect("the test server answers");
    connection.execute(AssertSqlSafe(statement)).await.expect("the statement is right");
    connection.close().await.expect("the connection closes");
}

/// One line a table, a column, a reference and an index. Types are the kinds that both databases have.
async fn sqlite_schema(url: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\' \
        AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name";
    for table in texts(url, tables).await {
        let table = &table[0];
        lines.push(table.clone());
        let columns = format!(
            "SELECT name, type, CASE \"notnull\" WHEN 1 THEN 'not null' ELSE 'null' END, \
             CASE pk WHEN 0 THEN '' ELSE 'primary key' END FROM pragma_table_info('{table}') ORDER BY cid"
        );
        lines.extend(texts(url, columns).await.iter().map(|it| column(it)));
        let references = format!(
            "SELECT \"from\", \"table\", lower(on_delete) FROM pragma_foreign_key_list('{table}') ORDER BY 1, 2, 3"
        );
        lines.extend(texts(url, references).await.iter().map(|it| reference(it)));
        let indexes = format!(
            "SELECT CASE \"unique\" WHEN 1 THEN 'unique' ELSE 'index' END, list.name, \
             (SELECT group_concat(info.name, ', ') FROM pragma_index_info(list.name) info) \
             FROM pragma_index_list('{table}') list WHERE origin = 'c' ORDER BY list.name"
        );
        lines.extend(texts(url, indexes).await.iter().map(|it| format!("  {} {} ({})", it[0], it[1], it[2])));
    }
    lines
}

async fn postgres_schema(url: &str) -> Vec<String> {
    let mut lines = Vec::new();
    // A partition is its table's.
    let tables = "SELECT relname::TEXT FROM pg_class WHERE relnamespace = 'public'::REGNAMESPACE \
        AND relkind IN ('r', 'p') AND NOT relispartition AND relname NOT LIKE '\\_%' ORDER BY relname::TEXT COLLATE \"C\"";
    for table in texts(url, tables).await {
        let table = &table[0];
        lines.push(table.clone());
        let columns = format!(
            "SELECT attname::TEXT, format_type(atttypid, atttypmod), \
             CASE WHEN attnotnull THEN 'not null' ELSE 'null' END, \
             CASE WHEN EXISTS (SELECT 1 FROM pg_index WHERE indrelid = attrelid AND indisprimary AND attnum = ANY(indkey)) \
             THEN 'primary key' ELSE '' END \
             FROM pg_attribute WHERE attrelid = '{table}'::REGCLASS AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
        );
        lines.extend(texts(url, columns).await.iter().map(|it| column(it)));
        let references = format!(
            "SELECT attname::TEXT, confrelid::REGCLASS::TEXT, CASE confdeltype WHEN 'c' THEN 'cascade' \
             WHEN 'n' THEN 'set null' WHEN 'a' THEN 'no action' ELSE confdeltype::TEXT END \
             FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid AND attnum = ANY(conkey) \
             WHERE conrelid = '{table}'::REGCLASS AND contype = 'f' ORDER BY 1, 2, 3"
        );
        lines.extend(texts(url, references).await.iter().map(|it| reference(it)));
        let indexes = format!(
            "SELECT CASE WHEN indisunique THEN 'unique' ELSE 'index' END, relname::TEXT, \
             (SELECT string_agg(attname::TEXT, ', ' ORDER BY place) FROM unnest(indkey::INT2[]) WITH ORDINALITY AS key (number, place) \
             JOIN pg_attribute ON attrelid = indrelid AND attnum = number) \
             FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid \
             WHERE indrelid = '{table}'::REGCLASS AND NOT indisprimary ORDER BY relname::TEXT COLLATE \"C\""
        );
        lines.extend(texts(url, indexes).await.iter().map(|it| format!("  {} {} ({})", it[0], it[1], it[2])));
    }
    lines
}

/// `name kind nullability [primary key]`
fn column(it: &[String]) -> String {
    let kind = match it[1].to_lowercase().as_str() {
        "blob" | "uuid" | "bytea" => "bytes",
        "integer" | "bigint" | "boolean" => "integer",
        "text" => "text",
        other => panic!("{} is a {other}: migrations/README.md has no such type", it[0]),
    };
    format!("  {} {kind} {} {}", it[0], it[2], it[3]).trim_end().to_owned()
}

fn reference(it: &[String]) -> String {
    format!("  {} references {} on delete {}", it[0], it[1], it[2])
}
