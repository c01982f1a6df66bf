//! What arrives: a batch of hints is one transaction of three statements, whatever its length.

use std::collections::HashSet;

use async_trait::async_trait;
use serde_json::json;

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
        let actions = json!(
            hints
                .iter()
                .map(|hint| hint.action.to_string())
                .collect::<Vec<_>>()
        );
        let new: Vec<String> = sqlx::query_scalar(concat!(
            "INSERT INTO delivery (action, at) SELECT value, ",
            now!(),
            " FROM json_each($1) WHERE true ON CONFLICT (action) DO NOTHING RETURNING action"
        ))
        .bind(actions.to_string())
        .fetch_all(&mut *write)
        .await?;
        let mut new: HashSet<_> = new.into_iter().collect();
        // Of an action that is in the batch twice, the first is the new one.
        let recorded: Vec<_> = hints
            .iter()
            .map(|hint| {
                if new.remove(&hint.action.to_string()) {
                    Recorded::New
                } else {
                    Recorded::Duplicate
                }
            })
            .collect();
        let fresh = hints
            .iter()
            .zip(&recorded)
            .filter(|(_, recorded)| **recorded == Recorded::New);
        let fresh: Vec<_> = fresh
            .map(|(hint, _)| {
                json!({
                    "board": hint.board,
                    "appeared": hint.appeared,
                    "detail": format!("{} (action {})", hint.kind, hint.action),
                })
            })
            .collect();
        if !fresh.is_empty() {
            let fresh = json!(fresh).to_string();
            sqlx::query(concat!(
                "INSERT INTO history (board, at, event, detail) SELECT value ->> 'board', ",
                now!(),
                ", $2, value ->> 'detail' FROM json_each($1)"
            ))
            .bind(&fresh)
            .bind(Event::Delivery.as_str())
            .execute(&mut *write)
            .await?;
            // A hint never shortens a backoff.
            sqlx::query(concat!(
                "INSERT INTO board (id, appeared, status, since, due_at, hints)
                 SELECT value ->> 'board', value ->> 'appeared', 'pending', ",
                now!(),
                ", ",
                now!(),
                ", 1 FROM json_each($1) WHERE true
                 ON CONFLICT (id) DO UPDATE SET hints = hints + 1, appeared = coalesce(excluded.appeared, appeared),
                     due_at = CASE WHEN failures > 0 AND due_at > excluded.due_at THEN due_at
                                   ELSE min(excluded.due_at, coalesce(due_at, excluded.due_at)) END"
            ))
            .bind(&fresh)
            .execute(&mut *write)
            .await?;
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
