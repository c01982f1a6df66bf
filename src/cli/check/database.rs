//! Whether the database can be written. It is made where it is absent, as `serve` would make it.

use std::error::Error;
use std::path::Path;

use crate::cli::check::report::Finding;
use crate::config::{Config, Database};
use crate::store::{Deliveries as _, Sqlite, State as _, StoreError};

const SUBJECT: &str = "database";

pub(super) async fn check(config: &Config) -> Finding {
    let Database::Sqlite { path } = &config.database;
    let shown = std::path::absolute(path).unwrap_or_else(|_| path.clone());
    let existed = path.exists();
    match open_and_write(path).await {
        Ok(()) if existed => Finding::ok(SUBJECT, format!("{} can be written", shown.display())),
        Ok(()) => Finding::ok(SUBJECT, format!("{} was made", shown.display())),
        Err(error) => {
            let detail = format!("{}: {}", shown.display(), innermost(&error));
            Finding::failed(SUBJECT, detail, fix(&error))
        }
    }
}

async fn open_and_write(path: &Path) -> Result<(), StoreError> {
    let store = Sqlite::open(path).await?;
    let written = store.probe().await;
    store.close().await;
    written
}

/// The outer ones repeat the path or say only that something failed.
fn innermost(error: &dyn Error) -> String {
    match error.source() {
        Some(source) => innermost(source),
        None => error.to_string(),
    }
}

fn fix(error: &StoreError) -> &'static str {
    match error {
        StoreError::TooNew => "Run the newer boardroom, or restore the backup from before it.",
        StoreError::Open { .. } | StoreError::Database(_) => {
            "Let BOARDROOM_DATABASE_URL name a file in a folder that this user may write and that has space left."
        }
        StoreError::Migrate(_) | StoreError::Unreadable(_) => {
            "Let BOARDROOM_DATABASE_URL name a database of boardroom's own, or restore a backup."
        }
    }
}
