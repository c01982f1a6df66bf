//! What arrives: a batch of hints is one transaction of three statements, whatever its length.

use std::collections::HashSet;

use async_trait::async_trait;
use serde_json::{Value, json};
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::row::parsed;
use super::{Sqlite, now};
use crate::model::delivery::{Capture, Captured, Hint, Kept, Recorded};
use crate::model::id::ActionId;
use crate::model::time::Timestamp;
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
        let kind = capture.kind.as_str();
        let mut write = self.write.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query(concat!(
            "INSERT INTO capture (at, kind, reason, body, length, signature, url) VALUES (",
            now!(),
            ", $1, $2, $3, $4, $5, $6)"
        ))
        .bind(kind)
        .bind(&capture.reason)
        .bind(&capture.body)
        .bind(i64::try_from(capture.length).unwrap_or(i64::MAX))
        .bind(capture.signature.as_deref())
        .bind(capture.url.as_deref())
        .execute(&mut *write)
        .await?;
        // Those of one kind never push out those of another.
        sqlx::query(
            "DELETE FROM capture WHERE kind = $1
                 AND id NOT IN (SELECT id FROM capture WHERE kind = $1 ORDER BY id DESC LIMIT 20)",
        )
        .bind(kind)
        .execute(&mut *write)
        .await?;
        Ok(write.commit().await?)
    }

    async fn captures(&self, kind: Captured) -> Result<Vec<Kept>, StoreError> {
        let rows = sqlx::query(
            "SELECT at, kind, reason, body, coalesce(length, length(body)) AS whole, signature, url FROM capture
                 WHERE kind = $1 ORDER BY id DESC",
        )
        .bind(kind.as_str())
        .fetch_all(&self.read)
        .await?;
        rows.iter().map(kept).collect()
    }

    async fn remembers(&self, action: ActionId) -> Result<bool, StoreError> {
        let found: i64 = sqlx::query_scalar("SELECT count(*) FROM delivery WHERE action = $1")
            .bind(action.to_string())
            .fetch_one(&self.read)
            .await?;
        Ok(found > 0)
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

fn kept(row: &SqliteRow) -> Result<Kept, StoreError> {
    let whole: i64 = row.try_get("whole")?;
    Ok(Kept {
        at: Timestamp(row.try_get("at")?),
        capture: Capture {
            kind: parsed(row.try_get("kind")?)?,
            reason: row.try_get("reason")?,
            body: row.try_get("body")?,
            length: u64::try_from(whole).unwrap_or(0),
            signature: row.try_get("signature")?,
            url: row.try_get("url")?,
        },
    })
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
