//! Where the program under test keeps its state: a file, or, when `BOARDROOM_TEST_POSTGRES` names a server, a database of its own there.
//!
//! Not a schema of one database that all share: a service that is frozen in a transaction may hold up its own neighbours, and nobody else's.

use std::path::PathBuf;
use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection as _, Decode, Executor as _, Postgres, Sqlite, Type};
use tokio::sync::Mutex;

/// How long a statement waits for another process to finish writing the file.
const BUSY: Duration = Duration::from_secs(30);
/// Names the server on which tests may make databases.
const SERVER: &str = "BOARDROOM_TEST_POSTGRES";

#[derive(Debug)]
pub(crate) enum Storage {
    File(PathBuf),
    Database(Database),
}

/// A database on a server. One that was made here goes with this value, unless the test has failed.
#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) server: String,
    pub(crate) name: String,
    is_ours: bool,
    /// Tests ask often; a connection for each question would cost more than the answer.
    pub(crate) connection: Mutex<Option<PgConnection>>,
}

/// What both kinds of databases can answer with.
pub(crate) trait Value:
    Send
    + Unpin
    + Type<Sqlite>
    + Type<Postgres>
    + for<'r> Decode<'r, Sqlite>
    + for<'r> Decode<'r, Postgres>
{
}

impl Value for i64 {}
impl Value for String {}

impl Storage {
    /// The file at `path`, which nobody has made yet; or a new database on the server of this run.
    pub(crate) async fn new(path: PathBuf) -> Self {
        match std::env::var(SERVER) {
            Ok(server) => Self::on(&server).await,
            Err(_) => Self::File(path),
        }
    }

    /// A new database on a server. `server` is the URL of one that is always there.
    pub(crate) async fn on(server: &str) -> Self {
        let name = format!("test_{:016x}", fastrand::u64(..));
        let create = format!("CREATE DATABASE {name}");
        rule(server, &create).await.unwrap();
        Self::Database(Database {
            server: server.to_owned(),
            name,
            is_ours: true,
            connection: Mutex::default(),
        })
    }

    /// The database that a server has from the beginning. The server need not be there yet.
    pub(crate) fn of(server: &str) -> Self {
        let url = url::Url::parse(server).unwrap();
        Self::Database(Database {
            server: server.to_owned(),
            name: url.path().trim_start_matches('/').to_owned(),
            is_ours: false,
            connection: Mutex::default(),
        })
    }

    /// For `BOARDROOM_DATABASE_URL`. None for a file, which is where the program keeps it by default.
    pub(crate) fn url(&self) -> Option<String> {
        match self {
            Self::File(_) => None,
            Self::Database(database) => Some(database.url()),
        }
    }

    /// The text for the kind of database that this is.
    pub(crate) fn either<'a>(&self, sqlite: &'a str, postgres: &'a str) -> &'a str {
        match self {
            Self::File(_) => sqlite,
            Self::Database(_) => postgres,
        }
    }

    /// Changes something by hand, as time or a person would.
    pub(crate) async fn execute(&self, sql: &str) {
        match self {
            Self::File(path) => {
                let mut file = open(path.clone()).await.unwrap();
                file.execute(AssertSqlSafe(sql)).await.unwrap();
                file.close().await.unwrap();
            }
            Self::Database(database) => database.execute(sql).await.unwrap(),
        }
    }

    /// The first column of all rows. None while there is no file; an error while there is no such table, or no server.
    pub(crate) async fn all<T: Value>(&self, sql: &str) -> Result<Vec<T>, sqlx::Error> {
        match self {
            Self::File(path) if !path.exists() => Ok(Vec::new()),
            Self::File(path) => {
                let mut file = open(path.clone()).await?;
                let all = sqlx::query_scalar(AssertSqlSafe(sql))
                    .fetch_all(&mut file)
                    .await;
                file.close().await?;
                all
            }
            Self::Database(database) => database.all(sql).await,
        }
    }
}

/// The file with what belongs to a connection; it must be there.
pub(crate) async fn open(path: PathBuf) -> Result<SqliteConnection, sqlx::Error> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(BUSY);
    SqliteConnection::connect_with(&options).await
}

impl Database {
    pub(crate) fn url(&self) -> String {
        let mut url = url::Url::parse(&self.server).unwrap();
        url.set_path(&self.name);
        url.into()
    }

    /// The name of the copy that may be made of it.
    pub(crate) fn copy(&self) -> String {
        format!("{}_copy", self.name)
    }

    pub(crate) async fn execute(&self, sql: &str) -> Result<(), sqlx::Error> {
        let mut place = self.connection.lock().await;
        let connection = connected(&mut place, &self.url()).await?;
        let done = connection.execute(AssertSqlSafe(sql)).await;
        kept(done.map(drop), &mut place)
    }

    async fn all<T: Value>(&self, sql: &str) -> Result<Vec<T>, sqlx::Error> {
        let mut place = self.connection.lock().await;
        let connection = connected(&mut place, &self.url()).await?;
        let all = sqlx::query_scalar(AssertSqlSafe(sql))
            .fetch_all(connection)
            .await;
        kept(all, &mut place)
    }
}

/// Runs a statement about whole databases.
pub(crate) async fn rule(server: &str, sql: &str) -> Result<(), sqlx::Error> {
    let mut server = PgConnection::connect(server).await?;
    server.execute(AssertSqlSafe(sql)).await?;
    server.close().await
}

async fn connected<'a>(
    place: &'a mut Option<PgConnection>,
    url: &str,
) -> Result<&'a mut PgConnection, sqlx::Error> {
    let connection = match place.take() {
        Some(connection) => connection,
        None => PgConnection::connect(url).await?,
    };
    Ok(place.insert(connection))
}

/// A connection on which something went wrong is not used again: the server may have been restarted.
fn kept<T>(
    result: Result<T, sqlx::Error>,
    place: &mut Option<PgConnection>,
) -> Result<T, sqlx::Error> {
    if result.is_err() {
        *place = None;
    }
    result
}

impl Drop for Database {
    fn drop(&mut self) {
        if !self.is_ours || std::thread::panicking() {
            return;
        }
        let drop = |name: &str| format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        let both = [drop(&self.name), drop(&self.copy())];
        let server = self.server.clone();
        // On a thread of its own: a runtime cannot wait for another one. A server that has gone took its databases along.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.unwrap().block_on(async {
                for drop in both {
                    let _ = rule(&server, &drop).await;
                }
            });
        });
        let _ = dropped.join();
    }
}
