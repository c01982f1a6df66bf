//! The store in a PostgreSQL database, which several services may share: a pool of connections, and what keeps them sound.

mod connection;
#[cfg(test)]
mod costs;
mod inspection;

use std::fmt;
use std::str::FromStr as _;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::postgres::{PgArguments, PgConnectOptions, PgConnection, PgPoolOptions, PgRow};
use sqlx::query::Query as Bound;
use sqlx::{
    ConnectOptions as _, Connection as _, Executor as _, PgPool, Row as _, SqlStr, TypeInfo as _,
    ValueRef as _,
};

use crate::store::postgres::connection::{Connection, away, refused};
use crate::store::sql::Sql;
use crate::store::sql::engine::{Engine, Lock, Row, Transaction};
use crate::store::sql::statement::{Argument, Column, Query};
use crate::store::{SCHEMA, StoreError, said};
pub use inspection::{Inspection, Tables};

/// How long a statement may wait for a free connection, or for the server to take a new one.
const CONNECT: Duration = Duration::from_secs(3);
/// After so long without an answer the server is taken to be away. The server itself gives up a little earlier, so that a statement which
/// is told to have failed does not go on there.
const ANSWER: Duration = Duration::from_secs(15);
/// A delivery is acknowledged when it is on disk, whatever the server is set to do for others. A transaction may be silent for less than others wait for what it holds: who is frozen or cut off in the middle of one must not fail
/// them.
const SERVER_LIMITS: &str = "SET statement_timeout = '14s'; SET lock_timeout = '5s'; SET idle_in_transaction_session_timeout = '3s'; \
     SET synchronous_commit = on";
/// A migration may take its time; but who is frozen or cut off in the middle of one must not hold up the others without end, nor a server
/// that says nothing any more.
const MIGRATION_LIMITS: &str = "SET lock_timeout = '10s'; SET idle_session_timeout = '15s'; SET idle_in_transaction_session_timeout = '15s'";
const MIGRATION: Duration = Duration::from_mins(10);
/// Deliveries, looks at boards and commands share these.
const CONNECTIONS: u32 = 10;
/// A connection that was idle for so long is asked whether it still lives before it is used.
const STALE: Duration = Duration::from_secs(1);

/// A store in a PostgreSQL database.
pub type Postgres = Sql<Server>;

/// The database.
#[derive(Clone)]
pub struct Server {
    options: PgConnectOptions,
    pool: PgPool,
    /// Whether tables are made where there are none.
    makes_tables: bool,
}

impl fmt::Debug for Server {
    /// Options hold the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").finish_non_exhaustive()
    }
}

impl Sql<Server> {
    /// A store at `url`, which is not connected to yet.
    pub fn new(url: &str) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(url).map_err(|_| StoreError::Away {
            reason: "its address cannot be read".into(),
        })?;
        let options = match options.get_application_name() {
            Some(_) => options,
            None => options.application_name("boardroom"),
        };
        let options = options.disable_statement_logging();
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(CONNECT)
            .test_before_acquire(false)
            // Not at the connection's start: not every pooler lets settings pass there.
            .after_connect(|connection, _| {
                Box::pin(async move { connection.execute(SERVER_LIMITS).await.map(drop) })
            })
            .before_acquire(|connection, known| {
                Box::pin(async move {
                    if known.idle_for >= STALE {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_lazy_with(options.clone());
        Ok(Self {
            engine: Server {
                options,
                pool,
                makes_tables: true,
            },
        })
    }

    /// The same, but the tables must be there already: to some commands an empty database would only hide that the address is wrong.
    pub fn existing(url: &str) -> Result<Self, StoreError> {
        let mut store = Self::new(url)?;
        store.engine.makes_tables = false;
        Ok(store)
    }
}

impl Server {
    /// A connection beside the pool; says why there is none.
    async fn connect(&self) -> Result<PgConnection, StoreError> {
        let connecting = tokio::time::timeout(CONNECT, self.options.connect()).await;
        let connecting = connecting.map_err(|_| StoreError::Away {
            reason: format!("no answer within {CONNECT:?}"),
        })?;
        connecting.map_err(refused)
    }

    /// Where the database is, without user and password.
    fn place(&self) -> String {
        let options = &self.options;
        let database = options.get_database().unwrap_or(options.get_username());
        format!("{}:{}/{database}", options.get_host(), options.get_port())
    }

    async fn connection(&self) -> Result<Connection, StoreError> {
        self.pool.acquire().await.map(Connection::new).map_err(away)
    }
}

impl Engine for Server {
    type Row = PgRow;
    type Transaction = Writing;

    async fn read(&self, query: impl Into<Query> + Send) -> Result<Vec<PgRow>, StoreError> {
        let mut connection = self.connection().await?;
        connection.rows(bound(query.into())).await
    }

    async fn write(&self, query: impl Into<Query> + Send) -> Result<Vec<PgRow>, StoreError> {
        self.read(query).await
    }

    async fn execute(&self, query: impl Into<Query> + Send) -> Result<u64, StoreError> {
        let mut connection = self.connection().await?;
        connection.execute(bound(query.into())).await
    }

    async fn begin(&self) -> Result<Writing, StoreError> {
        let mut connection = self.connection().await?;
        connection.begin().await?;
        Ok(Writing(connection))
    }

    async fn open(&self) -> Result<(), StoreError> {
        let done = tokio::time::timeout(MIGRATION, self.bring_up_to_date()).await;
        let done = done.unwrap_or_else(|_| {
            Err(StoreError::Away {
                reason: format!("no answer within {MIGRATION:?}"),
            })
        });
        done.map_err(cut_short)
    }

    async fn close(&self) {
        self.pool.close().await;
    }
}

impl Server {
    async fn bring_up_to_date(&self) -> Result<(), StoreError> {
        // One connection for itself: the pool would hide why none could be made, and a migration may take its time.
        let mut connection = self.connect().await?;
        connection.execute(MIGRATION_LIMITS).await?;
        let newest = inspection::newest(&mut connection).await?;
        if !self.makes_tables && newest.is_none() {
            return Err(StoreError::Missing {
                place: format!("{}, or no table of boardroom's in it", self.place()),
            });
        }
        // Where nothing is to be done, nobody needs the right to do it.
        if newest.is_none_or(|newest| newest < SCHEMA) {
            migrations()
                .run_direct(None, &mut connection, false)
                .await?;
        }
        // Later versions only add to the schema; one that cannot live beside this program says so here.
        let is_too_new = inspection::needs(&mut connection).await? > SCHEMA;
        let _ = connection.close().await;
        if is_too_new {
            return Err(StoreError::TooNew);
        }
        Ok(())
    }
}

/// Whether the user may not do it (42501).
fn lacks_right(error: &sqlx::Error) -> bool {
    let said = error.as_database_error();
    said.is_some_and(|said| said.code().as_deref() == Some("42501"))
}

/// A server that went away meanwhile is worth another try: a migration happens as a whole or not at all. So is one that does not let us make
/// our tables, for a person can mend that while we wait.
fn cut_short(error: StoreError) -> StoreError {
    match error {
        StoreError::Database(cause)
        | StoreError::Migrate(
            MigrateError::Execute(cause) | MigrateError::ExecuteMigration(cause, _),
        ) if lacks_right(&cause) => StoreError::Away {
            reason: format!(
                "{}; let the user make tables there: GRANT CREATE ON SCHEMA public TO the user",
                said(&cause)
            ),
        },
        StoreError::Database(cause) | StoreError::Migrate(MigrateError::Execute(cause)) => {
            away(cause)
        }
        StoreError::Migrate(MigrateError::ExecuteMigration(cause, version)) => match away(cause) {
            StoreError::Database(cause) => {
                StoreError::Migrate(MigrateError::ExecuteMigration(cause, version))
            }
            other => other,
        },
        error @ (StoreError::Refused(_)
        | StoreError::Migrate(_)
        | StoreError::Open { .. }
        | StoreError::Missing { .. }
        | StoreError::Away { .. }
        | StoreError::TooNew
        | StoreError::Unreadable(_)) => error,
    }
}

/// A transaction on a connection of its own.
#[derive(Debug)]
pub(super) struct Writing(Connection);

impl Transaction for Writing {
    type Row = PgRow;

    async fn rows(&mut self, query: impl Into<Query> + Send) -> Result<Vec<PgRow>, StoreError> {
        self.0.rows(bound(query.into())).await
    }

    async fn execute(&mut self, query: impl Into<Query> + Send) -> Result<u64, StoreError> {
        self.0.execute(bound(query.into())).await
    }

    async fn lock(&mut self, what: Lock) -> Result<(), StoreError> {
        let lock = sqlx::query("SELECT pg_advisory_xact_lock($1, $2)");
        let lock = lock.bind(LOCKS).bind(what as i32);
        self.0.execute(lock).await.map(drop)
    }

    async fn commit(mut self) -> Result<(), StoreError> {
        self.0.commit().await
    }
}

/// Our locks among those of others who may use the database.
const LOCKS: i32 = 0x00b0_a2d0;

fn bound(query: Query) -> Bound<'static, sqlx::Postgres, PgArguments> {
    let mut bound = sqlx::query(query.statement.postgres);
    for argument in query.arguments {
        bound = match argument {
            Argument::Integer(value) => bound.bind(value),
            Argument::Text(value) => bound.bind(value.map(storable)),
            Argument::Bytes(value) => bound.bind(value),
            Argument::Texts(values) => bound.bind(values),
            Argument::Records(text) => bound.bind(storable_json(text)),
            Argument::Columns(columns) => columns.into_iter().fold(bound, by_column),
        };
    }
    bound
}

fn by_column(
    bound: Bound<'static, sqlx::Postgres, PgArguments>,
    column: Column,
) -> Bound<'static, sqlx::Postgres, PgArguments> {
    match column {
        Column::Integers(cells) => bound.bind(cells),
        Column::Texts(cells) => {
            let cells = cells.into_iter().map(|cell| cell.map(storable));
            bound.bind(cells.collect::<Vec<_>>())
        }
    }
}

/// PostgreSQL's text holds every character but one.
fn storable(text: String) -> String {
    if text.contains('\0') {
        text.replace('\0', "\u{fffd}")
    } else {
        text
    }
}

/// The same within JSON, where that character is written as an escape, and an escaped backslash before the same letters is none.
fn storable_json(text: String) -> String {
    if !text.contains("\\u0000") {
        return text;
    }
    let mut storable = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find('\\') {
        storable.push_str(&rest[..at]);
        let escape = if rest[at..].starts_with("\\u0000") {
            6
        } else {
            2
        };
        let written = if escape == 6 {
            "\\ufffd"
        } else {
            &rest[at..at + 2]
        };
        storable.push_str(written);
        rest = &rest[at + escape..];
    }
    storable.push_str(rest);
    storable
}

impl Row for PgRow {
    fn integer(&self, column: &str) -> Result<Option<i64>, StoreError> {
        // Literals and lengths are 32 bits wide.
        let is_narrow = self.try_get_raw(column)?.type_info().name() == "INT4";
        if is_narrow {
            return Ok(self.try_get::<Option<i32>, _>(column)?.map(i64::from));
        }
        Ok(self.try_get(column)?)
    }

    fn text(&self, column: &str) -> Result<Option<&str>, StoreError> {
        Ok(self.try_get(column)?)
    }

    fn bytes(&self, column: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.try_get(column)?)
    }
}

/// Each runs once, in order, under a lock of the migrator's; they only ever add. The first stands where SQLite's schema stood then.
fn migrations() -> Migrator {
    let scripts = [
        (2, "base", include_str!("postgres/0002_base.sql")),
        (3, "shared", include_str!("postgres/0003_shared.sql")),
        (4, "notices", include_str!("postgres/0004_notices.sql")),
        (5, "figures", include_str!("postgres/0005_figures.sql")),
        (6, "board", include_str!("postgres/0006_board.sql")),
    ];
    let migration = |(version, name, script): (i64, &'static str, &'static str)| {
        let script = SqlStr::from_static(script);
        Migration::new(version, name.into(), MigrationType::Simple, script, false)
    };
    let mut migrator = Migrator::with_migrations(scripts.into_iter().map(migration).collect());
    migrator.set_ignore_missing(true);
    migrator
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_goes_away_during_a_migration_is_worth_another_try() {
        let migrating = |cause| StoreError::Migrate(MigrateError::ExecuteMigration(cause, 2));
        let gone = cut_short(migrating(sqlx::Error::PoolClosed));
        assert!(matches!(gone, StoreError::Away { .. }), "{gone:?}");
        let wrong = cut_short(migrating(sqlx::Error::RowNotFound));
        assert!(wrong.to_string().contains("brought up to date"), "{wrong}");
    }

    #[test]
    fn a_character_that_postgres_cannot_hold_is_replaced_and_nothing_else() {
        assert_eq!(storable("a\0b".into()), "a\u{fffd}b");
        let written = |value: &str| {
            let json = serde_json::to_string(&[value]).unwrap();
            serde_json::from_str::<Vec<String>>(&storable_json(json))
                .unwrap()
                .remove(0)
        };
        for (text, stored) in [
            ("a\0b\"\\", "a\u{fffd}b\"\\"),
            ("\\u0000", "\\u0000"),
            ("\\\0\\u0000\n\u{1}é", "\\\u{fffd}\\u0000\n\u{1}é"),
        ] {
            assert_eq!(written(text), stored);
        }
    }
}
