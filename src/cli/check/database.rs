//! Whether the database can be written, or could be made. Nothing is left behind.

use std::error::Error;
use std::path::Path;

use crate::cli::check::report::Finding;
use crate::config::{Config, Database, PostgresUrl};
use crate::store::{Deliveries as _, Inspection, Postgres, Sqlite, State as _, StoreError, Tables};

const SUBJECT: &str = "database";

pub(super) async fn check(config: &Config) -> Finding {
    match &config.database {
        Database::Sqlite { path } => check_file(path).await,
        Database::Postgres { url } => check_server(url).await,
    }
}

async fn check_file(path: &Path) -> Finding {
    let shown = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let (tried, found) = if path.exists() {
        (open_and_write(path).await, "can be written")
    } else {
        (write_beside(path).await, "can be made")
    };
    match tried {
        Ok(()) => Finding::ok(SUBJECT, format!("{} {found}", shown.display())),
        Err(error) => {
            let detail = format!("{}: {}", shown.display(), innermost(&error));
            Finding::failed(SUBJECT, detail, fix(&error))
        }
    }
}

/// Looks at the server; where our tables are usable, writes what the probe of a service writes: nothing of worth.
async fn check_server(url: &PostgresUrl) -> Finding {
    let inspected = inspect(url).await;
    let Inspection {
        version,
        tables,
        may_make_tables,
        is_read_only,
    } = match inspected {
        Ok(inspection) => inspection,
        Err(error) => {
            let detail = format!("{url}: {}", innermost(&error));
            return Finding::failed(SUBJECT, detail, fix_on_server(&error));
        }
    };
    let server = format!("{url} (PostgreSQL {version})");
    let failed = |why: &str, fix: &str| Finding::failed(SUBJECT, format!("{server}: {why}"), fix);
    if is_read_only {
        return failed(
            "it is a copy that takes no writes",
            "Let BOARDROOM_DATABASE_URL name the server that takes writes.",
        );
    }
    match tables {
        Tables::TooNew => failed(&StoreError::TooNew.to_string(), fix(&StoreError::TooNew)),
        Tables::Absent | Tables::Older if !may_make_tables => failed(
            "this user may not make tables there",
            "Let the user create tables in the schema: GRANT CREATE ON SCHEMA public TO the user.",
        ),
        Tables::Absent => Finding::ok(
            SUBJECT,
            format!("{server} is empty; the first start makes its tables"),
        ),
        Tables::Older => Finding::ok(
            SUBJECT,
            format!("{server} is of an earlier version; the next start brings it up to date"),
        ),
        Tables::Usable => Finding::ok(SUBJECT, format!("{server} can be written")),
    }
}

/// What the server says; an error if our tables are there and cannot be written.
async fn inspect(url: &PostgresUrl) -> Result<Inspection, StoreError> {
    let store = Postgres::new(url.expose())?;
    let inspection = store.inspect().await?;
    if inspection.tables == Tables::Usable && !inspection.is_read_only {
        store.probe().await?;
    }
    store.close().await;
    Ok(inspection)
}

async fn open_and_write(path: &Path) -> Result<(), StoreError> {
    let store = Sqlite::open(path).await?;
    let written = store.probe().await;
    store.close().await;
    written
}

/// Tries a database that is taken away again, in the folder or in the nearest one that is there: whoever checks may not be the user who
/// serves, and a file of the wrong owner would be in the way.
async fn write_beside(path: &Path) -> Result<(), StoreError> {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let there = absolute.ancestors().skip(1).find(|folder| folder.exists());
    let trial = there
        .unwrap_or(Path::new("/"))
        .join(format!(".boardroom-check-{:016x}", fastrand::u64(..)));
    let tried = open_and_write(&trial).await;
    for end in ["", "-wal", "-shm", "-journal"] {
        let mut file = trial.clone().into_os_string();
        file.push(end);
        // Most of them are gone already.
        let _ = std::fs::remove_file(file);
    }
    tried.map_err(|error| match error {
        StoreError::Open { reason, .. } => StoreError::Open {
            path: path.to_owned(),
            reason,
        },
        other => other,
    })
}

/// The outer ones repeat the path or say only that something failed.
fn innermost(error: &dyn Error) -> String {
    match error.source() {
        Some(source) => innermost(source),
        None => error.to_string(),
    }
}

fn fix_on_server(error: &StoreError) -> &'static str {
    match error {
        StoreError::Database(_) | StoreError::Refused(_) => {
            "Let the user of BOARDROOM_DATABASE_URL own boardroom's tables, or read and write them."
        }
        other => fix(other),
    }
}

fn fix(error: &StoreError) -> &'static str {
    match error {
        StoreError::TooNew => "Run the newer boardroom, or restore the backup from before it.",
        StoreError::Away { .. } => {
            "Start the database server, or correct BOARDROOM_DATABASE_URL; a service waits for it."
        }
        StoreError::Open { .. }
        | StoreError::Missing { .. }
        | StoreError::Database(_)
        | StoreError::Refused(_) => {
            "Let BOARDROOM_DATABASE_URL name a file in a folder that this user may write and that has space left."
        }
        StoreError::Migrate(_) | StoreError::Unreadable(_) => {
            "Let BOARDROOM_DATABASE_URL name a database of boardroom's own, or restore a backup."
        }
    }
}
