//! The store in a PostgreSQL database, which several services may share: a pool of connections, and what keeps them sound.

mod connection;
#[cfg(test)]
mod costs;

use std::fmt;
use std::str::FromStr as _;
use std::time::Duration;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::postgres::{PgArguments, PgConnectOptions, PgPoolOptions, PgRow};
use sqlx::query::Query as Bound;
use sqlx::{
    ConnectOptions as _, Connection as _, PgPool, Row as _, SqlStr, TypeInfo as _, ValueRef as _,
};

use crate::store::postgres::connection::{Connection, away, refused};
use crate::store::sql::Sql;
use crate::store::sql::engine::{Engine, Lock, Row, Transaction};
use crate::store::sql::statement::{Argument, Query};
use crate::store::{SCHEMA, StoreError};

/// How long a statement may wait for a free connection, or for the server to take a new one.
const CONNECT: Duration = Duration::from_secs(3);
/// After so long without an answer the server is taken to be away. The server itself gives up a little earlier, so that a statement which
/// is told to have failed does not go on there.
const ANSWER: Duration = Duration::from_secs(15);
const SERVER_LIMITS: [(&str, &str); 3] = [
    ("statement_timeout", "14s"),
    ("lock_timeout", "5s"),
    ("idle_in_transaction_session_timeout", "15s"),
];
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
        let options = options.options(SERVER_LIMITS).disable_statement_logging();
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(CONNECT)
            .test_before_acquire(false)
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
            engine: Server { options, pool },
        })
    }
}

impl Server {
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
        // One connection for itself: the pool would hide why none could be made, and a migration may take its time.
        let options = self
            .options
            .clone()
            .options([("statement_timeout", "0"), ("lock_timeout", "0")]);
        let connecting = tokio::time::timeout(CONNECT, options.connect()).await;
        let mut connection = connecting
            .map_err(|_| StoreError::Away {
                reason: format!("no answer within {CONNECT:?}"),
            })?
            .map_err(refused)?;
        migrations()
            .run_direct(None, &mut connection, false)
            .await?;
        let needs = "SELECT CAST(value AS BIGINT) FROM meta WHERE name = 'needs_schema'";
        let needs: Option<i64> = sqlx::query_scalar(needs)
            .fetch_optional(&mut connection)
            .await?;
        let _ = connection.close().await;
        // Later versions only add to the schema; one that cannot live beside this program says so here.
        if needs.is_some_and(|needs| needs > SCHEMA) {
            return Err(StoreError::TooNew);
        }
        Ok(())
    }

    async fn close(&self) {
        self.pool.close().await;
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
        };
    }
    bound
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
        ("base", include_str!("postgres/0002_base.sql")),
        ("shared", include_str!("postgres/0003_shared.sql")),
    ];
    let migration = |(version, (name, script)): (i64, (&'static str, &'static str))| {
        let script = SqlStr::from_static(script);
        Migration::new(version, name.into(), MigrationType::Simple, script, false)
    };
    let mut migrator = Migrator::with_migrations((2..).zip(scripts).map(migration).collect());
    migrator.set_ignore_missing(true);
    migrator
}

#[cfg(test)]
mod tests {
    use super::*;

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
