//! Both databases behind one face: statements are text with `$1` parameters, values are one of five kinds.
//!
//! sqlx's own `Any` driver knows no UUIDs, and code that is generic over the driver needs a paragraph of bounds
//! per function. The two databases agree on everything that is written here, so a thin enum is enough.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use sqlx::{AssertSqlSafe, Executor as _, PgPool, Postgres, Row as _, Sqlite, SqlitePool, Transaction};
use uuid::Uuid;

use super::Error;
use super::grants::KnownGrants;
use super::known::Known;
use super::many_rows::{ManyRows, Spelling};
use super::resource_facts::KnownResources;
use crate::domain::{Micros, TokenHash};
use crate::guard::{Action, Authorized};

/// The database, shared by everyone.
#[derive(Debug, Clone)]
pub struct Store {
    pub(super) pool: Pool,
    pub(super) count: Count,
    pub(super) resources: KnownResources,
    pub(super) grants: KnownGrants,
    pub(super) known: Known,
}

/// What all who use one store have done together.
#[derive(Debug, Clone, Default)]
pub(super) struct Count(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    /// Statements run, transactions' beginnings and ends among them.
    statements: AtomicU64,
    /// The newest revision that was committed here, or seen.
    revision: AtomicI64,
}

impl Count {
    fn one(&self) {
        self.0.statements.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn saw(&self, revision: i64) {
        self.0.revision.fetch_max(revision, Ordering::AcqRel);
    }
}

#[derive(Debug, Clone)]
pub(super) enum Pool {
    /// SQLite has one writer at a time, so it gets one connection of its own and nobody waits on a lock.
    Sqlite {
        writer: SqlitePool,
        readers: SqlitePool,
    },
    Postgres(PgPool),
}

/// A transaction. Dropped without [`Tx::commit`], it never happened.
#[derive(Debug)]
pub struct Tx {
    inner: Inner,
    count: Count,
    /// The one it makes; 0 without a change.
    revision: i64,
}

#[derive(Debug)]
enum Inner {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

/// A parameter.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Value {
    Bool(bool),
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
    Uuid(Option<Uuid>),
}

macro_rules! value_from {
    ($($type:ty => |$it:ident| $value:expr),* $(,)?) => {$(
        impl From<$type> for Value {
            fn from($it: $type) -> Self {
                $value
            }
        }
    )*};
}

value_from! {
    bool => |it| Self::Bool(it),
    i64 => |it| Self::Int(Some(it)),
    Option<i64> => |it| Self::Int(it),
    Micros => |it| Self::Int(Some(it.get())),
    Option<Micros> => |it| Self::Int(it.map(Micros::get)),
    String => |it| Self::Text(Some(it)),
    &str => |it| Self::Text(Some(it.to_owned())),
    Option<String> => |it| Self::Text(it),
    Option<&str> => |it| Self::Text(it.map(str::to_owned)),
    Vec<u8> => |it| Self::Bytes(Some(it)),
    Option<Vec<u8>> => |it| Self::Bytes(it),
    TokenHash => |it| Self::Bytes(Some(it.as_bytes().to_vec())),
    Uuid => |it| Self::Uuid(Some(it)),
    Option<Uuid> => |it| Self::Uuid(it),
}

macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::store::sql::Value::from($value)),*] };
}
pub(super) use args;

macro_rules! bound {
    ($sql:expr, $args:expr) => {{
        let mut query = sqlx::query($sql);
        for value in $args {
            query = match value {
                Value::Bool(it) => query.bind(it),
                Value::Int(it) => query.bind(it),
                Value::Text(it) => query.bind(it),
                Value::Bytes(it) => query.bind(it),
                Value::Uuid(it) => query.bind(it),
            };
        }
        query
    }};
}

/// Where a statement runs: on its own, or in a transaction.
pub(super) trait Sql {
    async fn all(&mut self, sql: &'static str, args: Vec<Value>) -> Result<Vec<Row>, Error>;
    async fn run(&mut self, sql: &'static str, args: Vec<Value>) -> Result<u64, Error>;

    async fn optional(&mut self, sql: &'static str, args: Vec<Value>) -> Result<Option<Row>, Error> {
        Ok(self.all(sql, args).await?.into_iter().next())
    }

    async fn one(&mut self, sql: &'static str, args: Vec<Value>) -> Result<Row, Error> {
        self.optional(sql, args).await?.ok_or(Error::NotFound)
    }
}

/// Reads on their own; on SQLite from the readers' pool.
impl Sql for &Store {
    async fn all(&mut self, sql: &'static str, args: Vec<Value>) -> Result<Vec<Row>, Error> {
        self.count.one();
        match &self.pool {
            Pool::Sqlite { readers, .. } => {
                Ok(readers.fetch_all(bound!(sql, args)).await?.into_iter().map(Row::Sqlite).collect())
            }
            Pool::Postgres(pool) => {
                Ok(pool.fetch_all(bound!(sql, args)).await?.into_iter().map(Row::Postgres).collect())
            }
        }
    }

    async fn run(&mut self, sql: &'static str, args: Vec<Value>) -> Result<u64, Error> {
        self.count.one();
        match &self.pool {
            Pool::Sqlite { writer, .. } => Ok(writer.execute(bound!(sql, args)).await?.rows_affected()),
            Pool::Postgres(pool) => Ok(pool.execute(bound!(sql, args)).await?.rows_affected()),
        }
    }
}

impl Sql for Tx {
    async fn all(&mut self, sql: &'static str, args: Vec<Value>) -> Result<Vec<Row>, Error> {
        self.count.one();
        match &mut self.inner {
            Inner::Sqlite(tx) => {
                Ok((**tx).fetch_all(bound!(sql, args)).await?.into_iter().map(Row::Sqlite).collect())
            }
            Inner::Postgres(tx) => {
                Ok((**tx).fetch_all(bound!(sql, args)).await?.into_iter().map(Row::Postgres).collect())
            }
        }
    }

    async fn run(&mut self, sql: &'static str, args: Vec<Value>) -> Result<u64, Error> {
        self.count.one();
        match &mut self.inner {
            Inner::Sqlite(tx) => Ok((**tx).execute(bound!(sql, args)).await?.rows_affected()),
            Inner::Postgres(tx) => Ok((**tx).execute(bound!(sql, args)).await?.rows_affected()),
        }
    }
}

impl Store {
    pub(super) fn of(pool: Pool) -> Self {
        Self {
            pool,
            count: Count::default(),
            resources: KnownResources::default(),
            grants: KnownGrants::default(),
            known: Known::default(),
        }
    }

    /// Begins a transaction that may write. On SQLite it takes the write lock at once: a transaction that
    /// began by reading could otherwise find, at its first write, that it may not go on.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if no connection is free in time.
    pub async fn begin(&self) -> Result<Tx, Error> {
        self.count.one();
        let inner = match &self.pool {
            Pool::Sqlite { writer, .. } => Inner::Sqlite(writer.begin_with("BEGIN IMMEDIATE").await?),
            Pool::Postgres(pool) => Inner::Postgres(pool.begin().await?),
        };
        Ok(Tx { inner, count: self.count.clone(), revision: 0 })
    }

    /// How many statements were run since the start: what a request costs is a promise, and that it costs the same
    /// whether or not an account exists is another.
    #[must_use]
    pub fn statements(&self) -> u64 {
        self.count.0.statements.load(Ordering::Relaxed)
    }

    /// Whether the database can keep ranges of a table apart.
    pub(super) const fn has_partitions(&self) -> bool {
        matches!(self.pool, Pool::Postgres(_))
    }

    /// The newest revision that this process has committed or seen; 0 if none. Each change makes one, in the order in
    /// which they become visible.
    #[must_use]
    pub fn revision(&self) -> i64 {
        self.count.0.revision.load(Ordering::Acquire)
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// If it does not.
    pub async fn ping(&self) -> Result<(), Error> {
        let mut db = self;
        db.all("SELECT 1", Vec::new()).await.map(|_| ())
    }

    pub async fn close(&self) {
        match &self.pool {
            Pool::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Pool::Postgres(pool) => pool.close().await,
        }
    }
}

impl Tx {
    /// # Errors
    /// If the database refuses; then nothing of the transaction happened.
    pub async fn commit(self) -> Result<(), Error> {
        self.count.one();
        match self.inner {
            Inner::Sqlite(tx) => tx.commit().await?,
            Inner::Postgres(tx) => tx.commit().await?,
        }
        self.count.saw(self.revision);
        Ok(())
    }

    /// The revision that this makes when it is committed.
    pub(super) fn makes(&mut self, revision: i64) {
        self.revision = revision;
    }

    /// Runs statements that make or drop tables, whose names and bounds no parameter can hold. Never put into them what
    /// anybody sent.
    pub(super) async fn define(&mut self, sql: String) -> Result<(), Error> {
        self.count.one();
        let sql = sqlx::raw_sql(AssertSqlSafe(sql));
        match &mut self.inner {
            Inner::Sqlite(tx) => (**tx).execute(sql).await.map(|_| ())?,
            Inner::Postgres(tx) => (**tx).execute(sql).await.map(|_| ())?,
        }
        Ok(())
    }

    /// Runs `statements` that do nothing, so that the way on which there is nothing to do takes as many as the other.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn pretend<A: Action>(
        &mut self,
        _ok: &Authorized<'_, A>,
        statements: usize,
    ) -> Result<(), Error> {
        for _ in 0..statements {
            self.run("SELECT 1", Vec::new()).await?;
        }
        Ok(())
    }

    pub(super) async fn run_for(
        &mut self,
        sql: &'static ManyRows,
        rows: Vec<Vec<Value>>,
    ) -> Result<(), Error> {
        for (sql, args) in sql.statements(self.spelling(), rows) {
            self.run(sql, args).await?;
        }
        Ok(())
    }

    pub(super) async fn all_for(
        &mut self,
        sql: &'static ManyRows,
        rows: Vec<Vec<Value>>,
    ) -> Result<Vec<Row>, Error> {
        let mut found = Vec::new();
        for (sql, args) in sql.statements(self.spelling(), rows) {
            found.extend(self.all(sql, args).await?);
        }
        Ok(found)
    }

    const fn spelling(&self) -> Spelling {
        match self.inner {
            Inner::Sqlite(_) => Spelling::Plain,
            Inner::Postgres(_) => Spelling::Numbered,
        }
    }

    /// The one of two statements that this database understands; for what they truly spell differently.
    pub(super) fn spelled(&self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        match self.inner {
            Inner::Sqlite(_) => sqlite,
            Inner::Postgres(_) => postgres,
        }
    }
}

/// A row of an answer.
#[derive(Debug)]
pub(super) enum Row {
    Sqlite(sqlx::sqlite::SqliteRow),
    Postgres(sqlx::postgres::PgRow),
}

impl Row {
    /// # Errors
    /// [`Error::Corrupt`] naming the column, if it does not hold what the schema says.
    pub(super) fn get<T: Column>(&self, column: &'static str) -> Result<T, Error> {
        T::read(self, column).map_err(|source| Error::Corrupt { column, source: source.into() })
    }

    /// Reads a text and parses it.
    pub(super) fn parse<T>(
        &self,
        column: &'static str,
        with: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, Error> {
        let text: String = self.get(column)?;
        with(&text).ok_or_else(|| Error::Corrupt { column, source: "the text cannot be read".into() })
    }
}

/// A type a column can be read as.
pub(super) trait Column: Sized {
    fn read(row: &Row, column: &str) -> Result<Self, sqlx::Error>;
}

macro_rules! columns {
    ($($type:ty),*) => {$(
        impl Column for $type {
            fn read(row: &Row, column: &str) -> Result<Self, sqlx::Error> {
                match row {
                    Row::Sqlite(row) => row.try_get(column),
                    Row::Postgres(row) => row.try_get(column),
                }
            }
        }
    )*};
}

columns!(bool, i64, Option<i64>, String, Option<String>, Vec<u8>, Option<Vec<u8>>, Uuid, Option<Uuid>);

macro_rules! converted {
    ($($type:ty : $raw:ty),* $(,)?) => {$(
        impl Column for $type {
            fn read(row: &Row, column: &str) -> Result<Self, sqlx::Error> {
                <$raw>::read(row, column).map(<$type>::from)
            }
        }
    )*};
}

converted! {
    crate::domain::UserId: Uuid,
    crate::domain::OrganizationId: Uuid,
    crate::domain::MembershipId: Uuid,
    crate::domain::RoleId: Uuid,
    crate::domain::InvitationId: Uuid,
    crate::domain::SessionId: Uuid,
    crate::domain::MessageId: Uuid,
    crate::domain::AgentId: Uuid,
    crate::domain::ApiKeyId: Uuid,
    crate::domain::DelegationId: Uuid,
    crate::domain::GrantId: Uuid,
    crate::domain::IdentityId: Uuid,
}

impl Column for Micros {
    fn read(row: &Row, column: &str) -> Result<Self, sqlx::Error> {
        i64::read(row, column).map(Self::new)
    }
}

impl Column for Option<Micros> {
    fn read(row: &Row, column: &str) -> Result<Self, sqlx::Error> {
        Ok(Option::<i64>::read(row, column)?.map(Micros::new))
    }
}
