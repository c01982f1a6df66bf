//! The store in one SQLite file: WAL, `synchronous=FULL`, one connection that writes and a few that read.

mod backup;
#[cfg(test)]
mod costs;
mod group;

use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::query::Query as Bound;
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions,
    SqliteRow, SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Row as _, SqlStr, SqlitePool};

pub use crate::store::sqlite::backup::{BackupError, Copied, backup};

use crate::store::sql::Sql;
use crate::store::sql::engine::{Engine, Lock, Row, Transaction};
use crate::store::sql::statement::{Argument, Query, rows};
use crate::store::sqlite::group::{Group, Part};
use crate::store::{SCHEMA, StoreError, said};

/// How long it is waited for another process to finish writing.
const BUSY: Duration = Duration::from_secs(5);
const READERS: u32 = 4;
/// How long somebody waits for the connection that writes.
const TURN: Duration = Duration::from_secs(10);

/// A store in one file.
pub type Sqlite = Sql<File>;

/// The file.
#[derive(Debug, Clone)]
pub struct File {
    group: Group,
    read: SqlitePool,
    path: PathBuf,
}

impl Sql<File> {
    /// Opens the file, makes it and its folder when absent, and brings its schema up to date.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let fault = |reason: String| StoreError::Open {
            path: path.into(),
            reason,
        };
        if let Some(folder) = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            // The group may write, for containers run as any user of one group; others may not even read.
            let made = DirBuilder::new().recursive(true).mode(0o770).create(folder);
            made.map_err(|error| fault(format!("its folder cannot be made: {error}")))?;
        }
        // A file that cannot be made here is complained of below, in SQLite's words.
        let _ = fs::File::options()
            .create_new(true)
            .write(true)
            .mode(0o660)
            .open(path);
        Self::open_made(path).await
    }

    /// Opens a file that is there already, for commands to which an empty database would only hide that the path is wrong.
    pub async fn open_existing(path: &Path) -> Result<Self, StoreError> {
        if path.exists() {
            Self::open_made(path).await
        } else {
            let path = std::path::absolute(path).unwrap_or_else(|_| path.into());
            let place = path.display().to_string();
            Err(StoreError::Missing { place })
        }
    }

    async fn open_made(path: &Path) -> Result<Self, StoreError> {
        let fault = |reason: String| StoreError::Open {
            path: path.into(),
            reason,
        };
        let options = options(path).create_if_missing(false);
        let write = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(TURN)
            .after_connect(|connection, _| Box::pin(wait_not(connection)));
        // Or every look at a board would make and remove a file of its own for what a statement keeps in between.
        let in_memory = options.clone().pragma("temp_store", "memory");
        let write = patiently(|| write.clone().connect_with(in_memory.clone()))
            .await
            .map_err(|error| fault(reason(&error)))?;
        migrate(&write).await.map_err(|error| match error {
            StoreError::Database(error) => fault(reason(&error)),
            other => other,
        })?;
        let read = SqlitePoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(BUSY);
        let read = read.connect_lazy_with(options.read_only(true));
        Ok(Self {
            engine: File::new(write, read, path.into()),
        })
    }

    /// Marks this process as the one service on this file. None when another one lives: then its leases must be waited for.
    /// The mark goes with the process, however it ends, and keeps others out until it is shared with them.
    #[must_use]
    pub fn sole_service(&self) -> Option<fs::File> {
        let file = self.mark().ok()?;
        file.try_lock().ok().map(|()| file)
    }

    /// Marks this process as one of the services on this file, so that none that starts later takes itself for the only one.
    /// One that starts just now as the only one is let finish what only that one may do. A program of before never lets others in: then
    /// the mark is left as it is, for that one lives.
    pub async fn one_of_the_services(
        &self,
        sole: Option<fs::File>,
    ) -> Result<fs::File, StoreError> {
        let fault = |error: std::io::Error| StoreError::Open {
            path: self.engine.path.clone(),
            reason: format!("it cannot be marked as served: {error}"),
        };
        if let Some(mark) = sole {
            // The lock of one file changes its kind at once.
            mark.lock_shared().map_err(fault)?;
            return Ok(mark);
        }
        let mark = self.mark().map_err(fault)?;
        let begun = Instant::now();
        while mark.try_lock_shared().is_err() && begun.elapsed() < BUSY {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(mark)
    }

    fn mark(&self) -> std::io::Result<fs::File> {
        let mut name = self.engine.path.clone().into_os_string();
        name.push(".serve-lock");
        fs::File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(name)
    }
}

impl File {
    fn new(write: SqlitePool, read: SqlitePool, path: PathBuf) -> Self {
        Self {
            group: Group::new(write),
            read,
            path,
        }
    }
}

impl Engine for File {
    type Row = SqliteRow;
    type Transaction = Part;

    async fn read(&self, query: impl Into<Query> + Send) -> Result<Vec<SqliteRow>, StoreError> {
        Ok(bound(query.into()).fetch_all(&self.read).await?)
    }

    async fn write(&self, query: impl Into<Query> + Send) -> Result<Vec<SqliteRow>, StoreError> {
        let mut part = self.group.begin().await?;
        let rows = part.rows(query).await?;
        Transaction::commit(part).await?;
        Ok(rows)
    }

    async fn execute(&self, query: impl Into<Query> + Send) -> Result<u64, StoreError> {
        let mut part = self.group.begin().await?;
        let written = Transaction::execute(&mut part, query).await?;
        Transaction::commit(part).await?;
        Ok(written)
    }

    async fn begin(&self) -> Result<Part, StoreError> {
        self.group.begin().await
    }

    async fn begin_in_haste(&self) -> Result<Part, StoreError> {
        self.group.begin_in_haste().await
    }

    /// The file was opened when this was made.
    async fn open(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn close(&self) {
        self.read.close().await;
        self.group.close().await;
    }
}

impl Transaction for Part {
    type Row = SqliteRow;

    async fn rows(&mut self, query: impl Into<Query> + Send) -> Result<Vec<SqliteRow>, StoreError> {
        Ok(bound(query.into()).fetch_all(self.connection()).await?)
    }

    async fn execute(&mut self, query: impl Into<Query> + Send) -> Result<u64, StoreError> {
        let done = bound(query.into()).execute(self.connection()).await?;
        Ok(done.rows_affected())
    }

    /// Only one of them writes at a time, whatever it is about.
    async fn lock(&mut self, _what: Lock) -> Result<(), StoreError> {
        Ok(())
    }

    async fn commit(self) -> Result<(), StoreError> {
        self.commit_with_others().await
    }
}

fn bound(query: Query) -> Bound<'static, sqlx::Sqlite, SqliteArguments> {
    let mut bound = sqlx::query(query.statement.sqlite);
    for argument in query.arguments {
        bound = match argument {
            Argument::Integer(value) => bound.bind(value),
            Argument::Text(value) => bound.bind(value),
            Argument::Bytes(value) => bound.bind(value),
            Argument::Texts(values) => bound.bind(serde_json::json!(values).to_string()),
            Argument::Records(text) => bound.bind(text),
            Argument::Columns(columns) => bound.bind(rows(&columns)),
        };
    }
    bound
}

impl Row for SqliteRow {
    fn integer(&self, column: &str) -> Result<Option<i64>, StoreError> {
        Ok(self.try_get(column)?)
    }

    fn text(&self, column: &str) -> Result<Option<&str>, StoreError> {
        Ok(self.try_get(column)?)
    }

    fn bytes(&self, column: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.try_get(column)?)
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .page_size(8192)
        .busy_timeout(BUSY)
        .foreign_keys(true)
        .disable_statement_logging()
}

/// Tries again while another process makes the same file: SQLite does not wait where both of them change it to WAL.
async fn patiently<T, F>(open: impl Fn() -> F) -> Result<T, sqlx::Error>
where
    F: Future<Output = Result<T, sqlx::Error>>,
{
    let begun = Instant::now();
    loop {
        match open().await {
            Err(error) if is_locked(&error) && begun.elapsed() < BUSY => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            opened => return opened,
        }
    }
}

fn is_locked(error: &sqlx::Error) -> bool {
    said(error).contains("locked")
}

/// SQLite's own words, which the driver's would say twice, and what mostly helps.
fn reason(error: &sqlx::Error) -> String {
    let said = said(error);
    if is_locked(error) {
        return format!("{said}: another program holds it; end that program first");
    }
    let user = fs::metadata("/proc/self").map(|process| process.uid());
    match user {
        Ok(user) if said.contains("readonly") || said.contains("unable to open") => {
            format!(
                "{said}; user {user}, as whom this runs, must be able to write the file and its folder"
            )
        }
        Ok(_) | Err(_) => said,
    }
}

/// Whoever writes waits for others by trying again; see [`Group`].
async fn wait_not(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let waits = sqlx::raw_sql("PRAGMA busy_timeout = 0");
    waits.execute(connection).await.map(drop)
}

/// Brings the schema up to date on the one connection that writes.
async fn migrate(pool: &SqlitePool) -> Result<(), StoreError> {
    let waits = format!("PRAGMA busy_timeout = {}", BUSY.as_millis());
    let waits = sqlx::raw_sql(AssertSqlSafe(waits));
    waits.execute(pool).await?;
    run_migrations(pool).await?;
    wait_not(&mut *pool.acquire().await?).await?;
    Ok(())
}

/// What SQLite says where another process makes the same schema at the same moment.
fn is_done_by_another(error: &sqlx::Error) -> bool {
    let said = said(error);
    let signs = [
        "already exists",
        "duplicate column",
        "UNIQUE constraint failed",
    ];
    is_locked(error) || signs.iter().any(|sign| said.contains(sign))
}

/// Another process may be at the same work: then a later try finds it done.
async fn run_migrations(pool: &SqlitePool) -> Result<(), StoreError> {
    let begun = Instant::now();
    loop {
        let failed = match migrations().run(pool).await {
            Ok(()) => break,
            Err(MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _)) => {
                source
            }
            Err(other) => return Err(StoreError::Migrate(other)),
        };
        if !is_done_by_another(&failed) || begun.elapsed() >= BUSY {
            return Err(StoreError::Database(failed));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Later versions only add to the schema; one that cannot live beside this program says so here.
    let needs = "SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'needs_schema'";
    let needs: Option<i64> = sqlx::query_scalar(needs).fetch_optional(pool).await?;
    if needs.is_some_and(|needs| needs > SCHEMA) {
        Err(StoreError::TooNew)
    } else {
        Ok(())
    }
}

/// Each runs once, in order; they only ever add.
fn migrations() -> Migrator {
    let scripts = [
        (1, "base", include_str!("sqlite/0001_base.sql")),
        (2, "true", include_str!("sqlite/0002_true.sql")),
        (3, "shared", include_str!("sqlite/0003_shared.sql")),
        (4, "notices", include_str!("sqlite/0004_notices.sql")),
        (5, "figures", include_str!("sqlite/0005_figures.sql")),
        (6, "board", include_str!("sqlite/0006_board.sql")),
    ];
    let migration = |(version, name, script): (i64, &'static str, &'static str)| {
        let script = SqlStr::from_static(script);
        Migration::new(version, name.into(), MigrationType::Simple, script, false)
    };
    let mut migrator = Migrator::with_migrations(scripts.into_iter().map(migration).collect());
    migrator.set_ignore_missing(true);
    migrator
}
