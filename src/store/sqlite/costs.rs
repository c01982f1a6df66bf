//! Costs on SQLite: the steps of its virtual machine, as the connections themselves count them.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use sqlx::sqlite::SqlitePoolOptions;
use sqlx::{AssertSqlSafe, Executor as _};

use crate::store::costs::{BOARDS, CALLS, FILL, assert_all_below};
use crate::store::sql::Sql;
use crate::store::sqlite::{File, Sqlite, migrate, options};

/// How many steps are counted at a time.
const GRAIN: i32 = 10;

/// A full store in a file of its own whose connections count their steps.
async fn counting(folder: &std::path::Path) -> (Sqlite, Arc<AtomicI64>) {
    let steps = Arc::new(AtomicI64::new(0));
    let path = folder.join("kept.db");
    let pool = |most| {
        let steps = steps.clone();
        SqlitePoolOptions::new()
            .max_connections(most)
            .after_connect(move |connection, _| {
                let steps = steps.clone();
                Box::pin(async move {
                    let mut handle = connection.lock_handle().await?;
                    handle.set_progress_handler(GRAIN, move || {
                        steps.fetch_add(GRAIN.into(), Ordering::Relaxed);
                        true
                    });
                    Ok(())
                })
            })
    };
    let options = options(&path).create_if_missing(true);
    let write = pool(1).connect_with(options.clone()).await.unwrap();
    migrate(&write).await.unwrap();
    for fill in FILL {
        let fill = sqlx::raw_sql(AssertSqlSafe(fill.sqlite));
        write.execute(fill).await.unwrap();
    }
    let read = pool(1).connect_lazy_with(options.read_only(true));
    (
        Sql {
            engine: File::new(write, read, path),
        },
        steps,
    )
}

#[tokio::test]
async fn no_call_but_those_that_must_looks_through_everything() {
    let folder = tempfile::tempdir().unwrap();
    let (store, steps) = counting(folder.path()).await;
    let mut costs = Vec::new();
    for (name, call) in CALLS {
        let before = steps.load(Ordering::Relaxed);
        call(&store).await;
        costs.push((*name, steps.load(Ordering::Relaxed) - before));
    }
    // The shortest look through all boards takes some steps for each.
    assert_all_below(BOARDS, &costs);
}
