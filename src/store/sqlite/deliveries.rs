//! What arrives: a batch of hints is one transaction of three statements, whatever its length.

use std::collections::HashSet;

use async_trait::async_trait;
use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnection;

use super::{Sqlite, now};
use crate::model::delivery::{Capture, Hint, Recorded};
use crate::store::history::Event;
use crate::store::{Deliveries, StoreError};

/// How much one call of `tidy` removes, so that deliveries never wait long behind it.
const TIDY: u32 = 2_000;

#[async_trait]
impl Deliveries for Sqlite {
    async fn accept(&self, hints: &[Hint]) -> Result<Vec<Recorded>, StoreError> {
        let mut write = self.write.begin_with("BEGIN IMMEDIATE").await?;
        let mut new = remember(&mut write, hints).await?;
        // Of an action that is in the batch twice, the first is the new one.
        let recorded: Vec<_> = hints
            .iter()
            .map(|hint| {
                let is_new = new.remove(&hint.action.to_string());
                if is_new {
                    Recorded::New
                } else {
                    Recorded::Duplicate
                }
            })
            .collect();
        let fresh = hints.iter().zip(&recorded);
        let fresh: Vec<_> = fresh
            .filter(|(_, recorded)| **recorded == Recorded::New)
            .map(|(hint, _)| row(hint))
            .collect();
        if !fresh.is_empty() {
            let fresh = json!(fresh).to_string();
            note(&mut write, &fresh).await?;
            make_due(&mut write, &fresh).await?;
        }
        write.commit().await?;
        Ok(recorded)
    }

    async fn capture(&self, capture: &Capture) -> Result<(), StoreError> {
        sqlx::query(concat!(
            "INSERT INTO capture (at, reason, body) VALUES (",
            now!(),
            ", $1, $2)"
        ))
        .bind(&capture.reason)
        .bind(&capture.body)
        .execute(&self.write)
        .await?;
        sqlx::query("DELETE FROM capture WHERE id NOT IN (SELECT id FROM capture ORDER BY id DESC LIMIT 20)")
            .execute(&self.write)
            .await?;
        Ok(())
    }

    async fn probe(&self) -> Result<(), StoreError> {
        sqlx::query(concat!(
            "INSERT INTO meta (name, value) VALUES ('probe', ",
            now!(),
            ") ON CONFLICT (name) DO UPDATE SET value = excluded.value"
        ))
        .execute(&self.write)
        .await?;
        Ok(())
    }

    async fn tidy(&self) -> Result<bool, StoreError> {
        let deliveries = sqlx::query(concat!(
            "DELETE FROM delivery WHERE id IN (SELECT id FROM delivery ORDER BY id LIMIT $1) AND at < ",
            now!(),
            " - 7 * 86400000"
        ));
        let deliveries = deliveries
            .bind(TIDY)
            .execute(&self.write)
            .await?
            .rows_affected();
        let history = sqlx::query(concat!(
            "DELETE FROM history WHERE id IN (SELECT id FROM history ORDER BY id LIMIT $1) AND at < ",
            now!(),
            " - 90 * 86400000"
        ));
        let history = history
            .bind(TIDY)
            .execute(&self.write)
            .await?
            .rows_affected();
        Ok(deliveries.max(history) == u64::from(TIDY))
    }
}

/// Remembers actions; answers which of them are new.
async fn remember(
    write: &mut SqliteConnection,
    hints: &[Hint],
) -> Result<HashSet<String>, sqlx::Error> {
    let actions: Vec<_> = hints.iter().map(|hint| hint.action.to_string()).collect();
    let new: Vec<String> = sqlx::query_scalar(concat!(
        "INSERT INTO delivery (action, at) SELECT value, ",
        now!(),
        " FROM json_each($1) WHERE true ON CONFLICT (action) DO NOTHING RETURNING action"
    ))
    .bind(json!(actions).to_string())
    .fetch_all(write)
    .await?;
    Ok(new.into_iter().collect())
}

fn row(hint: &Hint) -> Value {
    json!({
        "board": hint.board,
        "appeared": hint.appeared,
        "detail": format!("{} (action {})", hint.kind, hint.action),
    })
}

async fn note(write: &mut SqliteConnection, rows: &str) -> Result<(), sqlx::Error> {
    let noted = sqlx::query(concat!(
        "INSERT INTO history (board, at, event, detail) SELECT value ->> 'board', ",
        now!(),
        ", $2, value ->> 'detail' FROM json_each($1)"
    ));
    let noted = noted.bind(rows).bind(Event::Delivery.as_str());
    noted.execute(write).await.map(drop)
}

async fn make_due(write: &mut SqliteConnection, rows: &str) -> Result<(), sqlx::Error> {
    // A hint never shortens a backoff.
    let due = sqlx::query(concat!(
        "INSERT INTO board (id, appeared, status, since, due_at, hints)
         SELECT value ->> 'board', value ->> 'appeared', 'pending', ",
        now!(),
        ", ",
        now!(),
        ", 1 FROM json_each($1) WHERE true
         ON CONFLICT (id) DO UPDATE SET
             hints = hints + 1, appeared = coalesce(excluded.appeared, appeared),
             due_at = CASE WHEN failures > 0 AND due_at > excluded.due_at THEN due_at
                           ELSE min(excluded.due_at, coalesce(due_at, excluded.due_at)) END"
    ));
    due.bind(rows).execute(write).await.map(drop)
}
