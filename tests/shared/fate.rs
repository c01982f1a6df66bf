//! What happens to the state of a service that does not run: it ages, is lost, copied, put back.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::storage::{Database, Storage, rule};

/// What a file's name ends with, and the names of what lies beside it.
const FILES: [&str; 3] = ["", "-wal", "-shm"];

impl Storage {
    /// Lets time pass for boards, for those for which a condition holds.
    pub(crate) async fn age(&self, span: Duration, among: &str) {
        let ms = span.as_millis();
        let changes = self.either(
            "SELECT json_group_array(json_set(value, '$.at', (value ->> 'at') - MS)) FROM json_each(changes)",
            "SELECT CAST(json_agg(jsonb_set(change, '{at}', to_jsonb(CAST(change ->> 'at' AS BIGINT) - MS)) ORDER BY place) AS text)
                 FROM jsonb_array_elements(CAST(changes AS jsonb)) WITH ORDINALITY AS one (change, place)",
        );
        // In the order in which services lock them, too.
        let boards = self.either("", "ORDER BY id FOR UPDATE");
        let changes = changes.replace("MS", &ms.to_string());
        self.execute(&format!(
            "UPDATE board SET due_at = due_at - {ms}, intent_at = intent_at - {ms}, failing_since = failing_since - {ms}, since = since - {ms},
                 closed_at = closed_at - {ms}, gone_at = gone_at - {ms}, missing_at = missing_at - {ms},
                 changes = CASE WHEN changes IS NOT NULL THEN ({changes}) END
             WHERE id IN (SELECT id FROM board WHERE {among} {boards})"
        ))
        .await;
    }

    /// Loses it: what comes after knows nothing.
    pub(crate) async fn lose(&self) {
        match self {
            Self::File(path) => remove(path),
            Self::Database(database) => {
                database.leave().await;
                database.drop_it().await;
                let create = format!("CREATE DATABASE {}", database.name);
                rule(&database.server, &create).await.unwrap();
            }
        }
    }

    /// Copies it, in place of an earlier copy.
    pub(crate) async fn back_up(&self) {
        match self {
            Self::File(path) => copy(path, &backup(path)),
            Self::Database(database) => {
                database.leave().await;
                let (name, copy) = (&database.name, database.copy());
                let drop = format!("DROP DATABASE IF EXISTS {copy}");
                rule(&database.server, &drop).await.unwrap();
                let create = format!("CREATE DATABASE {copy} TEMPLATE {name}");
                rule(&database.server, &create).await.unwrap();
            }
        }
    }

    /// Puts the copy in its place.
    pub(crate) async fn put_back(&self) {
        match self {
            Self::File(path) => copy(&backup(path), path),
            Self::Database(database) => {
                database.leave().await;
                database.drop_it().await;
                let (name, copy) = (&database.name, database.copy());
                let create = format!("CREATE DATABASE {name} TEMPLATE {copy}");
                rule(&database.server, &create).await.unwrap();
            }
        }
    }
}

impl Database {
    /// A database to which somebody is connected can be neither copied nor dropped.
    async fn leave(&self) {
        *self.connection.lock().await = None;
    }

    /// Those who are connected to it all the same are thrown out.
    async fn drop_it(&self) {
        let drop = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        rule(&self.server, &drop).await.unwrap();
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn backup(path: &Path) -> PathBuf {
    beside(path, ".backup")
}

fn remove(path: &Path) {
    for ending in FILES {
        let file = beside(path, ending);
        if file.exists() {
            fs::remove_file(file).unwrap();
        }
    }
}

fn copy(from: &Path, to: &Path) {
    remove(to);
    for ending in FILES {
        let file = beside(from, ending);
        if file.exists() {
            fs::copy(file, beside(to, ending)).unwrap();
        }
    }
}
