//! Opening a database and bringing its tables up to date.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::time::Duration;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{PgPool, SqlSafeStr as _, SqlitePool};

use super::Store;
use super::sql::Pool;

/// Why a database could not be opened; names what to look at, never a password.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("database_url: {0}")]
    Url(&'static str),
    #[error("cannot open the database")]
    Connect(#[source] sqlx::Error),
    #[error("cannot lock `{}`", path.display())]
    Lock { path: PathBuf, source: std::io::Error },
    #[error("cannot bring the tables up to date")]
    Migrate(#[from] sqlx::migrate::MigrateError),
}

/// A migration: its number, its name, and its text for each database.
type Step = (i64, &'static str, &'static str, &'static str);

macro_rules! steps {
    ($($number:literal $name:literal),* $(,)?) => {
        [$((
            $number,
            $name,
            include_str!(concat!("../../migrations/sqlite/", $name, ".sql")),
            include_str!(concat!("../../migrations/postgres/", $name, ".sql")),
        )),*]
    };
}

/// Every migration, in order. A test holds this list against the two folders.
pub const MIGRATIONS: &[Step] = &steps![
    1 "0001_create_identity",
    2 "0002_create_tenancy",
    3 "0003_create_outbox",
    4 "0004_extend_accounts",
    5 "0005_create_api_keys",
    6 "0006_know_networks",
    7 "0007_create_audit",
    8 "0008_schedule_signing_keys",
    9 "0009_add_requests_and_languages",
    10 "0010_ask_plugins_again",
    11 "0011_index_expiry",
    12 "0012_create_resources",
    13 "0013_count_register_changes",
    14 "0014_create_roles",
    15 "0015_create_grants",
    16 "0016_create_decisions",
    18 "0018_create_plugin_storage",
    19 "0019_create_plugin_installs",
    20 "0020_add_federation",
    21 "0021_add_organization_providers",
    22 "0022_prove_domains",
    23 "0023_partition_decisions",
    24 "0024_slim_decisions",
];

fn migrator(pick: fn(&Step) -> &'static str) -> Migrator {
    let step = |step: &Step| {
        let (number, name, ..) = *step;
        Migration::new(number, name.into(), MigrationType::Simple, pick(step).into_sql_str(), false)
    };
    Migrator::with_migrations(MIGRATIONS.iter().map(step).collect())
}

const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

impl Store {
    /// Opens `url` (`sqlite:<path>`, `postgres://…`) and migrates it. Safe when several processes do so at once.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            Self::open_sqlite(Path::new(path.trim_start_matches("//"))).await
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Self::open_postgres(url).await
        } else {
            Err(OpenError::Url("must begin with `sqlite:`, `postgres://` or `postgresql://`"))
        }
    }

    async fn open_sqlite(path: &Path) -> Result<Self, OpenError> {
        // The switch to WAL on a fresh file needs the file alone and waits for nobody, so several
        // processes starting at once take turns here; the lock goes with the file handle.
        let _turn = take_turn(path).await?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // An acknowledged write survives a power cut, not only a crash of ours.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            // What is deleted is overwritten: a purged account is gone from the file too.
            .pragma("secure_delete", "ON")
            .busy_timeout(ACQUIRE_TIMEOUT);
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(options.clone())
            .await
            .map_err(OpenError::Connect)?;
        migrator(|step| step.2).run(&writer).await?;
        let readers: SqlitePool = SqlitePoolOptions::new()
            .max_connections(4)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_lazy_with(options.read_only(true));
        Ok(Self::of(Pool::Sqlite { writer, readers }))
    }

    async fn open_postgres(url: &str) -> Result<Self, OpenError> {
        let options =
            PgConnectOptions::from_str(url).map_err(|_| OpenError::Url("is not a PostgreSQL URL"))?;
        let pool: PgPool = PgPoolOptions::new()
            .max_connections(16)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(options.application_name("palisade"))
            .await
            .map_err(OpenError::Connect)?;
        migrator(|step| step.3).run(&pool).await?;
        Ok(Self::of(Pool::Postgres(pool)))
    }
}

/// Waits until no other process is opening the database at `path`.
async fn take_turn(path: &Path) -> Result<File, OpenError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let path = PathBuf::from(name);
    let at = path.clone();
    let locked = tokio::task::spawn_blocking(move || {
        let file = File::options().create(true).truncate(false).write(true).open(&at)?;
        file.lock()?;
        Ok(file)
    });
    match locked.await {
        Ok(Ok(file)) => Ok(file),
        Ok(Err(source)) => Err(OpenError::Lock { path, source }),
        Err(stopped) => Err(OpenError::Lock { path, source: std::io::Error::other(stopped) }),
    }
}
