//! Boards and their rooms.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use sqlx::sqlite::SqliteConnection;

use super::row::{self, parsed};
use super::{Sqlite, now};
use crate::model::board::{Listed, Record, RoomRecord, Told};
use crate::model::id::{BoardId, ModelId, RoomId};
use crate::model::status::Status;
use crate::model::time::milliseconds;
use crate::store::history::Note;
use crate::store::{Boards, Bound, Fence, Held, Newcomer, StoreError};

/// How many boards one statement compares: the text of a list of 100,000 would be held twice.
const CHUNK: usize = 1_000;

#[async_trait]
impl Boards for Sqlite {
    async fn record(&self, board: BoardId) -> Result<Option<Record>, StoreError> {
        let found = sqlx::query("SELECT * FROM board WHERE id = $1").bind(board.to_string());
        found
            .fetch_optional(&self.read)
            .await?
            .as_ref()
            .map(row::record)
            .transpose()
    }

    async fn bind(
        &self,
        board: BoardId,
        room: &RoomRecord,
        event: &Note,
    ) -> Result<Bound, StoreError> {
        let mut write = self.write.begin_with("BEGIN IMMEDIATE").await?;
        if let Some(owner) = other_owner(&mut write, room.id, board).await? {
            return Ok(Bound::Taken(owner));
        }
        let bound: Option<i64> = sqlx::query_scalar(concat!(
            "INSERT INTO board (id, status, since, due_at, hints, room_id, title_sent, title_returned, room_archived, tagged, invited)
             VALUES ($1, 'pending', ",
            now!(),
            ", ",
            now!(),
            ", 1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (id) DO UPDATE SET room_id = $2, title_sent = $3, title_returned = $4, room_archived = $5, tagged = $6,
                 invited = $7, drift = NULL, changes = NULL, intent_title = NULL, intent_stored = NULL, intent_at = NULL, intent_remote_at = NULL, intent_answer = NULL
                 WHERE room_id IS NULL
             RETURNING room_id"
        ))
        .bind(board.to_string())
        .bind(room.id.0)
        .bind(room.title_sent.as_deref())
        .bind(&room.title_returned)
        .bind(room.archived)
        .bind(room.tagged)
        .bind(room.invited)
        .fetch_optional(&mut *write)
        .await?;
        if bound.is_some() {
            note_once(&mut write, board, event).await?;
            write.commit().await?;
            return Ok(Bound::Bound);
        }
        let has: i64 = sqlx::query_scalar("SELECT room_id FROM board WHERE id = $1")
            .bind(board.to_string())
            .fetch_one(&mut *write)
            .await?;
        Ok(Bound::Has(RoomId(has)))
    }

    async fn unbind(&self, fence: Fence, event: &Note) -> Result<Held, StoreError> {
        let mut write = self.write.begin_with("BEGIN IMMEDIATE").await?;
        let done = sqlx::query(concat!(
            "UPDATE board SET room_id = NULL, title_sent = NULL, title_returned = NULL, room_archived = NULL,
                 tagged = NULL, invited = NULL, invitees = 0, drift = NULL, changes = NULL
                 WHERE id = $1 AND attempt = $2 AND lease_until > ",
            now!()
        ))
        .bind(fence.board.to_string())
        .bind(fence.attempt)
        .execute(&mut *write)
        .await?;
        if done.rows_affected() == 0 {
            return Ok(Held::Lost);
        }
        note_once(&mut write, fence.board, event).await?;
        write.commit().await?;
        Ok(Held::Held)
    }

    async fn board_of(&self, room: RoomId) -> Result<Option<BoardId>, StoreError> {
        let board: Option<String> = sqlx::query_scalar("SELECT id FROM board WHERE room_id = $1")
            .bind(room.0)
            .fetch_optional(&self.read)
            .await?;
        board.as_deref().map(parsed).transpose()
    }

    async fn rivals(
        &self,
        board: BoardId,
        stored_title: &str,
        window: Duration,
    ) -> Result<u64, StoreError> {
        let count: i64 = sqlx::query_scalar(concat!(
            "SELECT count(*) FROM board WHERE intent_stored = $1 AND id <> $2 AND intent_at > ",
            now!(),
            " - $3"
        ))
        .bind(stored_title)
        .bind(board.to_string())
        .bind(milliseconds(window))
        .fetch_one(&self.read)
        .await?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    async fn hint(&self, boards: &[BoardId]) -> Result<(), StoreError> {
        for chunk in boards.chunks(CHUNK) {
            sqlx::query(concat!(
                "INSERT INTO board (id, status, since, due_at, hints)
                 SELECT value, 'pending', ",
                now!(),
                ", ",
                now!(),
                ", 1 FROM json_each($1) WHERE true
                 ON CONFLICT (id) DO UPDATE SET hints = hints + 1,
                     due_at = CASE WHEN failures > 0 AND due_at > excluded.due_at THEN due_at
                                   ELSE min(excluded.due_at, coalesce(due_at, excluded.due_at)) END"
            ))
            .bind(json!(chunk).to_string())
            .execute(&self.write)
            .await?;
        }
        Ok(())
    }

    async fn tell(&self, board: BoardId, told: Told) -> Result<(), StoreError> {
        sqlx::query(concat!(
            "INSERT INTO board (id, word, asked, status, since, due_at, hints)
             VALUES ($1, $2, $2 = 'mirror', 'pending', ",
            now!(),
            ", ",
            now!(),
            ", 1)
             ON CONFLICT (id) DO UPDATE SET word = CASE WHEN $2 IN ('apply', 'release') AND word IN ('mirror', 'ignore') THEN word ELSE $2 END, asked = CASE $2 WHEN 'mirror' THEN 1 WHEN 'ignore' THEN 0 ELSE asked END, hints = hints + 1, failures = 0, failing_since = NULL, due_at = excluded.due_at"
        ))
        .bind(board.to_string())
        .bind(told.as_str())
        .execute(&self.write)
        .await?;
        Ok(())
    }

    async fn differing(&self, boards: &[Listed]) -> Result<Vec<BoardId>, StoreError> {
        let mut differing = Vec::new();
        for chunk in boards.chunks(CHUNK) {
            let found: Vec<String> = sqlx::query_scalar(
                "SELECT value ->> 'id' FROM json_each($1) AS listed LEFT JOIN board ON board.id = value ->> 'id'
                 WHERE board.id IS NULL OR ((due_at IS NULL OR (status = 'waiting' AND reason IN ('grace', 'deletion'))) AND
                     (name IS NOT value ->> 'name' OR workspace IS NOT value ->> 'workspace' OR closed IS NOT value ->> 'closed'
                      OR reason IN ('gone', 'board_not_found', 'board_not_visible', 'outside_workspaces', 'not_visible', 'board_deleted')))",
            )
            .bind(json!(chunk.iter().map(listed).collect::<Vec<_>>()).to_string())
            .fetch_all(&self.read)
            .await?;
            for id in found {
                differing.push(parsed(&id)?);
            }
        }
        Ok(differing)
    }

    async fn take_in(&self, source: ModelId, boards: &[Newcomer]) -> Result<(), StoreError> {
        let mut write = self.write.begin_with("BEGIN IMMEDIATE").await?;
        for chunk in boards.chunks(CHUNK) {
            let rows: Vec<_> = chunk
                .iter()
                .map(|newcomer| {
                    let (status, reason) = newcomer.status.words();
                    let mut row = listed(&newcomer.board);
                    row["status"] = json!(status);
                    row["reason"] = json!(reason);
                    row["baseline"] = json!(newcomer.baseline.then_some(source));
                    row
                })
                .collect();
            // A board that a delivery brought before the list came is looked at again, now that the baseline is known.
            sqlx::query(concat!(
                "INSERT INTO board (id, name, short_link, workspace, closed, baseline, status, reason, since, due_at)
                 SELECT value ->> 'id', value ->> 'name', value ->> 'short_link', value ->> 'workspace', value ->> 'closed',
                     value ->> 'baseline', value ->> 'status', value ->> 'reason', ",
                now!(),
                ", CASE WHEN value ->> 'status' = 'pending' THEN ",
                now!(),
                " END FROM json_each($1) WHERE true
                 ON CONFLICT (id) DO UPDATE SET baseline = excluded.baseline, hints = hints + 1,
                     due_at = CASE WHEN status = 'mirrored' THEN due_at
                                   WHEN failures > 0 AND due_at > excluded.since THEN due_at ELSE excluded.since END"
            ))
            .bind(json!(rows).to_string())
            .execute(&mut *write)
            .await?;
        }
        sqlx::query(concat!(
            "INSERT INTO source (id, baseline_at) VALUES ($1, ",
            now!(),
            ") ON CONFLICT (id) DO NOTHING"
        ))
        .bind(source.to_string())
        .execute(&mut *write)
        .await?;
        Ok(write.commit().await?)
    }

    async fn reconsider(&self, statuses: &[Status]) -> Result<u64, StoreError> {
        let mut woken = 0;
        for status in statuses {
            let (status, reason) = status.words();
            let done = sqlx::query(concat!(
                "UPDATE board SET hints = hints + 1, failures = 0, failing_since = NULL, due_at = ",
                now!(),
                " WHERE status = $1 AND reason IS $2"
            ));
            woken += done
                .bind(status)
                .bind(reason)
                .execute(&self.write)
                .await?
                .rows_affected();
        }
        Ok(woken)
    }

    async fn totals(&self) -> Result<Vec<(Status, u64)>, StoreError> {
        let rows: Vec<(String, Option<String>, i64)> =
            sqlx::query_as("SELECT status, reason, count(*) FROM board GROUP BY status, reason")
                .fetch_all(&self.read)
                .await?;
        let total = |(status, reason, count): (String, Option<String>, i64)| {
            let status = row::readable(row::status(&status, reason.as_deref()))?;
            Some((status, u64::try_from(count).unwrap_or(0)))
        };
        Ok(rows.into_iter().filter_map(total).collect())
    }

    async fn note(&self, board: BoardId, event: &Note) -> Result<(), StoreError> {
        let mut write = self.write.begin_with("BEGIN IMMEDIATE").await?;
        note_once(&mut write, board, event).await?;
        Ok(write.commit().await?)
    }
}

/// The other board that has this room already: a room belongs to one board.
pub(super) async fn other_owner(
    write: &mut SqliteConnection,
    room: RoomId,
    board: BoardId,
) -> Result<Option<BoardId>, StoreError> {
    let owner: Option<String> =
        sqlx::query_scalar("SELECT id FROM board WHERE room_id = $1 AND id <> $2")
            .bind(room.0)
            .bind(board.to_string())
            .fetch_optional(write)
            .await?;
    owner.as_deref().map(parsed).transpose()
}

fn listed(board: &Listed) -> serde_json::Value {
    json!({
        "id": board.id,
        "name": board.name,
        "short_link": board.short_link,
        "workspace": board.workspace,
        "closed": i32::from(board.closed),
    })
}

/// Notes what happened, unless that is what was noted last: a board that waits says so once.
pub(super) async fn note_once(
    write: &mut SqliteConnection,
    board: BoardId,
    event: &Note,
) -> Result<(), sqlx::Error> {
    sqlx::query(concat!(
        "INSERT INTO history (board, at, event, detail) SELECT $1, coalesce($4, ",
        now!(),
        "), $2, $3 WHERE NOT EXISTS (SELECT 1 FROM (SELECT event, detail FROM history WHERE board = $1 ORDER BY id DESC LIMIT 1)
             WHERE event = $2 AND detail = $3)"
    ))
    .bind(board.to_string())
    .bind(event.event.as_str())
    .bind(&event.detail)
    .bind(event.at.map(|at| at.0))
    .execute(write)
    .await?;
    Ok(())
}
