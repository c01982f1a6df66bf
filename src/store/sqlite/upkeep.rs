//! What keeping a mirror true writes down. Lists come as JSON, so that each is one statement whatever its length.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;

use super::row::{self, parsed};
use super::{Sqlite, now};
use crate::model::board::Record;
use crate::model::failure::{Code, Failure};
use crate::model::id::{BoardId, ModelId, RoomId, WebhookId, WorkspaceId};
use crate::model::lane::Lane;
use crate::model::time::{Timestamp, milliseconds};
use crate::store::{Concern, Passage, Shown, StoreError, Upkeep};

/// Makes a board due, as a hint does.
macro_rules! due {
    () => {
        concat!(
            "hints = hints + 1, due_at = CASE WHEN failures > 0 AND due_at > ",
            now!(),
            " THEN due_at ELSE min(",
            now!(),
            ", coalesce(due_at, ",
            now!(),
            ")) END"
        )
    };
}

/// Boards that are followed have a room, nobody said to ignore them, and they are where we can see them. In the very words of the index.
const UNHOOKED: &str =
    "SELECT id FROM board WHERE hook IS NULL AND room_id IS NOT NULL AND status <> 'ignored'
    AND (status <> 'mirrored' OR reason IS NULL OR reason = 'drift') ORDER BY id DESC LIMIT $1";
/// Those that are not, and have a webhook all the same.
const OVERHOOKED: &str = "SELECT id, hook FROM board INDEXED BY board_overhooked WHERE hook IS NOT NULL
    AND (room_id IS NULL OR status = 'ignored' OR (status = 'mirrored' AND reason IS NOT NULL AND reason <> 'drift')) ORDER BY id";
const HOOKED: &str = "SELECT id, hook FROM board WHERE hook IS NOT NULL ORDER BY id";

#[async_trait]
impl Upkeep for Sqlite {
    async fn listed(
        &self,
        workspace: Option<WorkspaceId>,
        boards: &[BoardId],
    ) -> Result<u64, StoreError> {
        let list = json!(boards).to_string();
        let found: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM board WHERE missing_at IS NOT NULL AND id IN (SELECT value FROM json_each($1))",
        )
        .bind(&list)
        .fetch_one(&self.read)
        .await?;
        if found > 0 {
            sqlx::query("UPDATE board SET missing_at = NULL WHERE missing_at IS NOT NULL AND id IN (SELECT value FROM json_each($1))")
                .bind(&list)
                .execute(&self.write)
                .await?;
        }
        let missing: Vec<String> = sqlx::query_scalar(
            "SELECT id FROM board WHERE room_id IS NOT NULL AND missing_at IS NULL AND kind IS NOT NULL AND workspace IS $2
                 AND status <> 'ignored' AND id NOT IN (SELECT value FROM json_each($1))",
        )
        .bind(&list)
        .bind(workspace.map(|workspace| workspace.to_string()))
        .fetch_all(&self.read)
        .await?;
        if missing.is_empty() {
            return Ok(0);
        }
        let done = sqlx::query(concat!(
            "UPDATE board SET missing_at = ",
            now!(),
            ", ",
            due!(),
            " WHERE id IN (SELECT value FROM json_each($1))"
        ))
        .bind(json!(missing).to_string())
        .execute(&self.write)
        .await?;
        Ok(done.rows_affected())
    }

    async fn rescope(
        &self,
        workspaces: &[WorkspaceId],
        personal: bool,
        everything: bool,
    ) -> Result<u64, StoreError> {
        let done = sqlx::query(concat!(
            "UPDATE board SET ",
            due!(),
            " WHERE room_id IS NOT NULL AND status = 'mirrored' AND kind IS NOT NULL AND due_at IS NULL AND ($3 OR
                 (asked OR CASE WHEN workspace IS NULL THEN $2 ELSE workspace IN (SELECT value FROM json_each($1)) END)
                 <> (coalesce(reason, '') <> 'outside_workspaces'))"
        ))
        .bind(json!(workspaces).to_string())
        .bind(personal)
        .bind(everything)
        .execute(&self.write)
        .await?;
        Ok(done.rows_affected())
    }

    async fn name_sources(&self, sources: &[(ModelId, String)]) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE source SET name = given.name FROM (SELECT value ->> 0 AS id, value ->> 1 AS name FROM json_each($1)) AS given
             WHERE source.id = given.id AND source.name IS NOT given.name",
        )
        .bind(json!(sources).to_string())
        .execute(&self.write)
        .await?;
        Ok(())
    }

    async fn sources(&self) -> Result<Vec<(ModelId, Option<String>)>, StoreError> {
        let rows: Vec<(String, Option<String>)> = sqlx::query_as("SELECT id, name FROM source")
            .fetch_all(&self.read)
            .await?;
        rows.into_iter()
            .map(|(id, name)| Ok((parsed(&id)?, name)))
            .collect()
    }

    async fn records(&self, after: Option<BoardId>, most: u32) -> Result<Vec<Record>, StoreError> {
        let rows = sqlx::query("SELECT * FROM board WHERE id > $1 ORDER BY id LIMIT $2")
            .bind(after.map_or(String::new(), |after| after.to_string()))
            .bind(most)
            .fetch_all(&self.read)
            .await?;
        Ok(rows
            .iter()
            .filter_map(|row| row::readable(row::record(row)))
            .collect())
    }

    async fn doubtful(&self) -> Result<Vec<BoardId>, StoreError> {
        let ids: Vec<String> = sqlx::query_scalar(
            "SELECT id FROM board WHERE gone_at IS NOT NULL AND missing_at IS NULL",
        )
        .fetch_all(&self.read)
        .await?;
        ids.iter().map(|id| parsed(id)).collect()
    }

    async fn unlisted(&self, boards: &[BoardId]) -> Result<(), StoreError> {
        sqlx::query(concat!(
            "UPDATE board SET missing_at = coalesce(missing_at, ",
            now!(),
            "), ",
            due!(),
            " WHERE id IN (SELECT value FROM json_each($1))"
        ))
        .bind(json!(boards).to_string())
        .execute(&self.write)
        .await?;
        Ok(())
    }

    async fn compare_rooms(&self, rooms: &[Shown]) -> Result<u64, StoreError> {
        let rows: Vec<_> = rooms
            .iter()
            .map(|shown| {
                json!({
                    "room": shown.room,
                    "title": shown.title,
                    "archived": i32::from(shown.archived),
                    "tagged": i32::from(shown.tagged),
                })
            })
            .collect();
        // A title that differs from what the server returned for ours, or from the one that is known to be a person's, is news; but not where
        // the board is gone, and nobody can say any more what the room should be called.
        let differing: Vec<String> = sqlx::query_scalar(
            "WITH shown AS MATERIALIZED (SELECT CAST(value ->> 'room' AS INTEGER) AS room, value ->> 'title' AS title, value ->> 'archived' AS archived,
                     value ->> 'tagged' AS tagged FROM json_each($1))
             SELECT board.id FROM board LEFT JOIN shown ON shown.room = board.room_id
             WHERE room_id IS NOT NULL AND status = 'mirrored' AND coalesce(reason, 'drift') = 'drift' AND due_at IS NULL AND CASE
                 WHEN shown.room IS NULL THEN coalesce(drift ->> 'untagged', drift ->> 'deleted', 0) = 0
                 ELSE (gone_at IS NULL AND shown.title <> coalesce(drift ->> 'title', title_returned))
                      OR shown.archived <> coalesce(drift ->> 'archived', room_archived, shown.archived)
                      OR shown.tagged <> (coalesce(drift ->> 'untagged', 0) = 0)
                      OR coalesce(drift ->> 'deleted', 0) = 1 END",
        )
        .bind(json!(rows).to_string())
        .fetch_all(&self.read)
        .await?;
        if differing.is_empty() {
            return Ok(0);
        }
        let done = sqlx::query(concat!(
            "UPDATE board SET ",
            due!(),
            " WHERE id IN (SELECT value FROM json_each($1))"
        ))
        .bind(json!(differing).to_string())
        .execute(&self.write)
        .await?;
        Ok(done.rows_affected())
    }

    async fn set_twins(&self, twins: &[(BoardId, RoomId)]) -> Result<Vec<RoomId>, StoreError> {
        let known: Vec<(i64, String)> = sqlx::query_as("SELECT room_id, board FROM twin")
            .fetch_all(&self.read)
            .await?;
        let rows: Vec<_> = twins
            .iter()
            .map(|(board, room)| (room.0, board.to_string()))
            .collect();
        let (mut before, mut after) = (known.clone(), rows.clone());
        before.sort_unstable();
        after.sort_unstable();
        if before == after {
            return Ok(Vec::new());
        }
        let list = json!(rows).to_string();
        let mut write = self.write.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query(
            "DELETE FROM twin WHERE room_id NOT IN (SELECT value ->> 0 FROM json_each($1))",
        )
        .bind(&list)
        .execute(&mut *write)
        .await?;
        sqlx::query(concat!(
            "INSERT INTO twin (room_id, board, at) SELECT value ->> 0, value ->> 1, ",
            now!(),
            " FROM json_each($1) WHERE true ON CONFLICT (room_id) DO UPDATE SET board = excluded.board,
                 settled = CASE WHEN board = excluded.board THEN settled ELSE 0 END"
        ))
        .bind(&list)
        .execute(&mut *write)
        .await?;
        write.commit().await?;
        let is_new = |room: &RoomId| !known.iter().any(|(known, _)| *known == room.0);
        Ok(twins.iter().map(|(_, room)| *room).filter(is_new).collect())
    }

    async fn unhooked(&self, most: u32) -> Result<Vec<BoardId>, StoreError> {
        let ids: Vec<String> = sqlx::query_scalar(UNHOOKED)
            .bind(most)
            .fetch_all(&self.read)
            .await?;
        ids.iter().map(|id| parsed(id)).collect()
    }

    async fn overhooked(&self, follow: bool) -> Result<Vec<(BoardId, WebhookId)>, StoreError> {
        self.hooked(if follow { OVERHOOKED } else { HOOKED }).await
    }

    async fn hooks(&self) -> Result<Vec<(BoardId, WebhookId)>, StoreError> {
        self.hooked(HOOKED).await
    }

    async fn set_hooks(&self, hooks: &[(BoardId, Option<WebhookId>)]) -> Result<(), StoreError> {
        if hooks.is_empty() {
            return Ok(());
        }
        sqlx::query(
            "UPDATE board SET hook = given.hook FROM
                 (SELECT value ->> 0 AS id, value ->> 1 AS hook FROM json_each($1)) AS given WHERE board.id = given.id",
        )
        .bind(json!(hooks).to_string())
        .execute(&self.write)
        .await?;
        Ok(())
    }

    async fn unwatch(&self, models: &[ModelId]) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM webhook WHERE model IN (SELECT value FROM json_each($1))")
            .bind(json!(models).to_string())
            .execute(&self.write)
            .await?;
        Ok(())
    }

    async fn pass_brake(
        &self,
        brake: Lane,
        board: BoardId,
        most: u32,
        per: Duration,
    ) -> Result<Passage, StoreError> {
        // One that was counted within the span passes again, and is not counted twice.
        let done = sqlx::query(concat!(
            "INSERT INTO brake (lane, board, at) SELECT $1, $2, ",
            now!(),
            " WHERE (SELECT count(*) FROM brake WHERE lane = $1 AND board <> $2 AND at > ",
            now!(),
            " - $4) < $3 ON CONFLICT (lane, board) DO UPDATE SET at = CASE WHEN at > ",
            now!(),
            " - $4 THEN at ELSE excluded.at END"
        ))
        .bind(brake.as_str())
        .bind(board.to_string())
        .bind(most)
        .bind(milliseconds(per))
        .execute(&self.write)
        .await?;
        Ok(if done.rows_affected() == 0 {
            Passage::Held
        } else {
            Passage::Passed
        })
    }

    async fn release(&self) -> Result<u64, StoreError> {
        let mut write = self.write.begin_with("BEGIN IMMEDIATE").await?;
        let done = sqlx::query(concat!(
            "UPDATE board SET word = coalesce(word, 'release'), hints = hints + 1, due_at = ",
            now!(),
            " WHERE status = 'waiting' AND reason = 'brake'"
        ))
        .execute(&mut *write)
        .await?;
        sqlx::query("DELETE FROM brake")
            .execute(&mut *write)
            .await?;
        sqlx::query("DELETE FROM lane WHERE name IN ($1, $2)")
            .bind(Lane::CreateBrake.as_str())
            .bind(Lane::ArchiveBrake.as_str())
            .execute(&mut *write)
            .await?;
        write.commit().await?;
        Ok(done.rows_affected())
    }

    async fn set_concerns(
        &self,
        code: Code,
        concerns: &[(String, String)],
    ) -> Result<(), StoreError> {
        let before: Vec<(String, String)> =
            sqlx::query_as("SELECT subject, detail FROM concern WHERE code = $1 ORDER BY subject")
                .bind(code.as_str())
                .fetch_all(&self.read)
                .await?;
        let mut after = concerns.to_vec();
        after.sort_unstable();
        if before == after {
            return Ok(());
        }
        let mut write = self.write.begin_with("BEGIN IMMEDIATE").await?;
        let list = json!(after).to_string();
        sqlx::query("DELETE FROM concern WHERE code = $1 AND subject NOT IN (SELECT value ->> 0 FROM json_each($2))")
            .bind(code.as_str())
            .bind(&list)
            .execute(&mut *write)
            .await?;
        sqlx::query(concat!(
            "INSERT INTO concern (subject, code, detail, since) SELECT value ->> 0, $1, value ->> 1, ",
            now!(),
            " FROM json_each($2) WHERE true ON CONFLICT (subject, code) DO UPDATE SET detail = excluded.detail"
        ))
        .bind(code.as_str())
        .bind(&list)
        .execute(&mut *write)
        .await?;
        Ok(write.commit().await?)
    }

    async fn concerns(&self) -> Result<Vec<Concern>, StoreError> {
        let rows: Vec<(String, String, String, i64)> = sqlx::query_as(
            "SELECT subject, code, detail, since FROM concern ORDER BY since, subject",
        )
        .fetch_all(&self.read)
        .await?;
        let read = |(subject, code, detail, since): (String, String, String, i64)| {
            let code: Code = row::readable(parsed(&code))?;
            Some(Concern {
                subject,
                failure: Failure { code, detail },
                since: Timestamp(since),
            })
        };
        Ok(rows.into_iter().filter_map(read).collect())
    }
}

impl Sqlite {
    async fn hooked(&self, query: &'static str) -> Result<Vec<(BoardId, WebhookId)>, StoreError> {
        let rows: Vec<(String, String)> = sqlx::query_as(query).fetch_all(&self.read).await?;
        rows.iter()
            .map(|(board, hook)| Ok((parsed(board)?, parsed(hook)?)))
            .collect()
    }
}
