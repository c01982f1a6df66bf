//! A connection that is on loan from the pool. One that is dropped in the middle of something never goes back as it is: the next user would
//! find a transaction that is not theirs, or wait for an answer that does not come.

use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgConnection, PgRow};
use sqlx::query::Query as Bound;
use sqlx::{Executor as _, Postgres};

use crate::store::postgres::ANSWER;
use crate::store::{StoreError, said};

/// How long a transaction that was given up may take to be undone.
const UNDO: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(super) struct Connection {
    loan: Option<PoolConnection<Postgres>>,
    /// An answer is being waited for.
    busy: bool,
    /// A transaction was begun and not committed.
    open: bool,
}

impl Connection {
    pub(super) fn new(loan: PoolConnection<Postgres>) -> Self {
        Self {
            loan: Some(loan),
            busy: false,
            open: false,
        }
    }

    pub(super) async fn rows(
        &mut self,
        query: Bound<'static, Postgres, PgArguments>,
    ) -> Result<Vec<PgRow>, StoreError> {
        self.ask(async |connection| query.fetch_all(connection).await)
            .await
    }

    pub(super) async fn execute(
        &mut self,
        query: Bound<'static, Postgres, PgArguments>,
    ) -> Result<u64, StoreError> {
        let done = self.ask(async |connection| query.execute(connection).await);
        Ok(done.await?.rows_affected())
    }

    /// Not the driver's own transaction, which is not sound when it is dropped while it begins.
    pub(super) async fn begin(&mut self) -> Result<(), StoreError> {
        self.open = true;
        self.ask(async |connection| connection.execute("BEGIN").await)
            .await
            .map(drop)
    }

    pub(super) async fn commit(&mut self) -> Result<(), StoreError> {
        self.ask(async |connection| connection.execute("COMMIT").await)
            .await?;
        self.open = false;
        Ok(())
    }

    async fn ask<T>(
        &mut self,
        question: impl AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, StoreError> {
        let connection = self.loan.as_mut().expect("it is given back only by drop");
        self.busy = true;
        let answer = tokio::time::timeout(ANSWER, question(connection)).await;
        let answer = answer.map_err(|_| StoreError::Away {
            reason: format!("no answer within {ANSWER:?}"),
        })?;
        // What the server refused it has answered; after anything else nobody knows where the connection stands.
        self.busy = !matches!(answer, Ok(_) | Err(sqlx::Error::Database(_)));
        answer.map_err(away)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let Some(mut loan) = self.loan.take() else {
            return;
        };
        if !self.busy && !self.open {
            return;
        }
        let runtime = tokio::runtime::Handle::try_current();
        match runtime {
            Ok(runtime) if !self.busy => {
                runtime.spawn(async move {
                    let undone = tokio::time::timeout(UNDO, loan.execute("ROLLBACK")).await;
                    if !matches!(undone, Ok(Ok(_))) {
                        loan.close_on_drop();
                    }
                });
            }
            Ok(_) | Err(_) => loan.close_on_drop(),
        }
    }
}

/// What is worth another try as it is told from what the statement itself is to blame for.
pub(super) fn away(error: sqlx::Error) -> StoreError {
    match &error {
        sqlx::Error::PoolTimedOut => StoreError::Away {
            reason: "no connection to it could be had".into(),
        },
        sqlx::Error::Database(said) => {
            // Class 57: the server is stopping, starting or was told to end the session; 53: it is short of something; 08: the connection.
            // 25P03: it ended a session that was silent for too long in a transaction. 55P03, 57014, 40: others held what was to be written
            // for too long, or two waited for each other.
            let code = said.code().unwrap_or_default();
            let is_away = ["57P", "53", "08", "25P03", "55P03", "57014", "40"]
                .iter()
                .any(|class| code.starts_with(class));
            if is_away {
                StoreError::Away {
                    reason: said.message().to_owned(),
                }
            } else {
                StoreError::Database(error)
            }
        }
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolClosed => StoreError::Away {
            reason: error.to_string(),
        },
        _ => StoreError::Database(error),
    }
}

/// The same while connecting, where the server's refusal (a wrong password, no such database) may be mended on its side.
pub(super) fn refused(error: sqlx::Error) -> StoreError {
    match away(error) {
        StoreError::Database(error) => StoreError::Away {
            reason: said(&error),
        },
        other => other,
    }
}
