//! What arrives: a batch of hints is one transaction of three statements, whatever its length.

use std::collections::HashSet;

use async_trait::async_trait;

use super::Sql;
use super::boards::hinted;
use super::engine::{Engine, Row, Transaction};
use super::figures;
use super::row::{all_parsed, get, get_parsed, maybe};
use super::statement::{Argument, Column, sql, texts};
use crate::model::delivery::{Capture, Captured, Hint, Kept, Recorded};
use crate::model::id::ActionId;
use crate::store::history::Event;
use crate::store::{Deliveries, StoreError};

/// How much one call of `tidy` removes, so that deliveries never wait long behind it.
const TIDY: u32 = 2_000;

#[async_trait]
impl<E: Engine> Deliveries for Sql<E> {
    async fn accept(&self, hints: &[Hint]) -> Result<Vec<Recorded>, StoreError> {
        let mut write = self.engine.begin_in_haste().await?;
        let mut new = remember(&mut write, hints).await?;
        // Of an action that is in the batch twice, the first is the new one.
        let recorded: Vec<_> = hints
            .iter()
            .map(|hint| {
                if new.remove(&hint.action) {
                    Recorded::New
                } else {
                    Recorded::Duplicate
                }
            })
            .collect();
        let fresh = hints.iter().zip(&recorded);
        let fresh: Vec<_> = fresh
            .filter(|(_, recorded)| **recorded == Recorded::New)
            .map(|(hint, _)| hint)
            .collect();
        if !fresh.is_empty() {
            note(&mut write, &fresh).await?;
            let boards = fresh
                .iter()
                .map(|hint| (hint.board, hint.appeared, hint.trace.as_deref()));
            write.execute(hinted(boards)).await?;
        }
        write.commit().await?;
        Ok(recorded)
    }

    async fn capture(&self, capture: &Capture) -> Result<(), StoreError> {
        let kind = capture.kind.as_str();
        let keep = sql!(
            "INSERT INTO capture (at, kind, reason, body, length, signature, url) VALUES (" now ", $1, $2, $3, $4, $5, $6)"
        );
        let keep = keep
            .bind(kind)
            .bind(&capture.reason)
            .bind(capture.body.as_slice())
            .bind(i64::try_from(capture.length).unwrap_or(i64::MAX))
            .bind(capture.signature.as_deref())
            .bind(capture.url.as_deref());
        // Those of one kind never push out those of another.
        let push_out = sql!(
            "DELETE FROM capture WHERE kind = $1
                 AND id NOT IN (SELECT id FROM capture WHERE kind = $1 ORDER BY id DESC LIMIT 20)"
        );
        let mut write = self.engine.begin().await?;
        write.execute(keep).await?;
        write.execute(push_out.bind(kind)).await?;
        write.commit().await
    }

    async fn captures(&self, kind: Captured) -> Result<Vec<Kept>, StoreError> {
        let captures = sql!(
            "SELECT at, kind, reason, body, coalesce(length, length(body)) AS whole, signature, url FROM capture
                 WHERE kind = $1 ORDER BY id DESC"
        );
        let rows = self.engine.read(captures.bind(kind.as_str())).await?;
        rows.iter().map(kept).collect()
    }

    async fn remembers(&self, action: ActionId) -> Result<bool, StoreError> {
        let found = sql!("SELECT id FROM delivery WHERE action = $1");
        let found = self.engine.one(found.bind(action.to_string())).await?;
        Ok(found.is_some())
    }

    async fn probe(&self) -> Result<(), StoreError> {
        let probe = sql!(
            "INSERT INTO meta (name, value) VALUES ('probe', CAST(" now " AS TEXT))
             ON CONFLICT (name) DO UPDATE SET value = excluded.value"
        );
        let mut write = self.engine.begin_in_haste().await?;
        write.execute(probe).await?;
        write.commit().await
    }

    async fn tidy(&self) -> Result<bool, StoreError> {
        // 7 and 90 days, in milliseconds. Of an array PostgreSQL knows without statistics that each id is looked up in the index.
        let deliveries = sql!(
            "DELETE FROM delivery WHERE id " {"IN (" | "= ANY(ARRAY("} "SELECT id FROM delivery ORDER BY id LIMIT $1" {")" | "))"}
            " AND at < " now " - 604800000"
        );
        let deliveries = self.engine.execute(deliveries.bind(TIDY)).await?;
        let history = sql!(
            "DELETE FROM history WHERE id " {"IN (" | "= ANY(ARRAY("} "SELECT id FROM history ORDER BY id LIMIT $1" {")" | "))"}
            " AND at < " now " - 7776000000"
        );
        let history = self.engine.execute(history.bind(TIDY)).await?;
        figures::forget(&self.engine).await?;
        Ok(deliveries.max(history) == u64::from(TIDY))
    }
}

fn kept(row: &impl Row) -> Result<Kept, StoreError> {
    Ok(Kept {
        at: get(row, "at")?,
        capture: Capture {
            kind: get_parsed(row, "kind")?,
            reason: get(row, "reason")?,
            body: get(row, "body")?,
            length: get(row, "whole")?,
            signature: maybe(row, "signature")?,
            url: maybe(row, "url")?,
        },
    })
}

/// Remembers actions; answers which of them are new. One that another service is just storing is waited for: in one order, so that no two
/// batches wait for each other.
async fn remember(
    write: &mut impl Transaction,
    hints: &[Hint],
) -> Result<HashSet<ActionId>, StoreError> {
    let remember = sql!(
        "INSERT INTO delivery (action, at) SELECT value, " now " FROM " (each 1) " WHERE true ON CONFLICT (action) DO NOTHING RETURNING action"
    );
    let mut actions: Vec<_> = hints.iter().map(|hint| hint.action).collect();
    actions.sort_unstable();
    let new = write.rows(remember.bind(texts(actions))).await?;
    Ok(all_parsed(&new, "action")?.into_iter().collect())
}

async fn note(write: &mut impl Transaction, hints: &[&Hint]) -> Result<(), StoreError> {
    let note = sql!(
        "INSERT INTO history (board, at, event, detail) SELECT given.board, " now ", $1, given.detail
             FROM " (columns 2 board, 3 detail)
    );
    let texts = |text: fn(&Hint) -> String| {
        Column::Texts(hints.iter().map(|hint| Some(text(hint))).collect())
    };
    let columns = vec![
        texts(|hint| hint.board.to_string()),
        texts(|hint| format!("{} (action {})", hint.kind, hint.action)),
    ];
    let note = note
        .bind(Event::Delivery.as_str())
        .bind(Argument::Columns(columns));
    write.execute(note).await.map(drop)
}
