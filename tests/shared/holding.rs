//! Somebody else in the same database, who holds up whoever wants to write there.

use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};

use super::storage::{Storage, open};

/// A transaction that goes on until it is told to end.
#[derive(Debug)]
pub(crate) enum Holding {
    File(SqliteConnection),
    Database(PgConnection),
}

impl Storage {
    /// Begins it, with what it does in each kind of database.
    pub(crate) async fn hold(&self, sqlite: &str, postgres: &str) -> Holding {
        let statements = AssertSqlSafe(self.either(sqlite, postgres));
        match self {
            Self::File(path) => {
                let mut other = open(path.clone()).await.unwrap();
                other.execute(statements).await.unwrap();
                Holding::File(other)
            }
            Self::Database(database) => {
                let mut other = PgConnection::connect(&database.url()).await.unwrap();
                other.execute(statements).await.unwrap();
                Holding::Database(other)
            }
        }
    }
}

impl Holding {
    pub(crate) async fn end(self) {
        match self {
            Self::File(mut other) => {
                other.execute("ROLLBACK").await.unwrap();
                other.close().await.unwrap();
            }
            Self::Database(mut other) => {
                other.execute("ROLLBACK").await.unwrap();
                other.close().await.unwrap();
            }
        }
    }
}
