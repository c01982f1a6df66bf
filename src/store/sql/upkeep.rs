//! What keeping a mirror true writes down.

mod statements;

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;

use super::engine::{Engine, Lock, Row, Transaction as _};
use super::many::{CHUNK, PAGE, boards, change, id_or_none, standing_at, walk};
use super::row::{self, all_parsed, get, get_parsed, maybe};
use super::statement::{Statement, records, sql, texts};
use super::{Sql, compare};
use crate::model::board::Record;
use crate::model::failure::{Code, Failure};
use crate::model::id::{BoardId, ModelId, RoomId, WebhookId, WorkspaceId};
use crate::model::lane::Lane;
use crate::model::status::{Status, Waiting};
use crate::model::time::milliseconds;
use crate::store::{Concern, Passage, Shown, StoreError, Upkeep};
use statements::{
    BACK, DUE, HOOKED, MISSING, OVERHOOKED, PASS_BRAKE, RELEASE, RESCOPED, TWINS, UNCOUNT, UNHOOKED,
};

#[async_trait]
impl<E: Engine> Upkeep for Sql<E> {
    async fn listed(
        &self,
        workspace: Option<WorkspaceId>,
        boards: &[BoardId],
    ) -> Result<u64, StoreError> {
        let (back, lacking) = compare::missing(&self.engine, workspace, boards).await?;
        change(&self.engine, |boards| BACK.bind(boards), back).await?;
        change(&self.engine, |boards| MISSING.bind(boards), lacking).await
    }

    async fn rescope(
        &self,
        workspaces: &[WorkspaceId],
        personal: bool,
        everything: bool,
    ) -> Result<u64, StoreError> {
        let rescoped = |after| {
            RESCOPED
                .bind(after)
                .bind(PAGE)
                .bind(texts(workspaces))
                .bind(personal)
                .bind(everything)
        };
        let rescoped = boards(&self.engine, rescoped).await?;
        change(&self.engine, |boards| DUE.bind(boards), rescoped).await
    }

    async fn name_sources(&self, sources: &[(ModelId, String)]) -> Result<(), StoreError> {
        let name = sql!(
            "UPDATE source SET name = found.name FROM
                 (SELECT source.id AS id, given.name AS name FROM source JOIN " (records 1 (id: text, name: text)) "
                      ON source.id = given.id WHERE source.name IS DISTINCT FROM given.name"
                  {"" | " ORDER BY source.id FOR UPDATE OF source"} ") AS found
             WHERE source.id = found.id"
        );
        let given = sources.iter();
        let given: Vec<_> = given
            .map(|(id, name)| json!({ "id": id, "name": name }))
            .collect();
        self.engine.execute(name.bind(records(&given))).await?;
        Ok(())
    }

    async fn sources(&self) -> Result<Vec<(ModelId, Option<String>)>, StoreError> {
        let rows = self
            .engine
            .read(sql!("SELECT id, name FROM source"))
            .await?;
        rows.iter()
            .map(|found| Ok((get_parsed(found, "id")?, maybe(found, "name")?)))
            .collect()
    }

    async fn records(&self, after: Option<BoardId>, most: u32) -> Result<Vec<Record>, StoreError> {
        let records = sql!("SELECT " record " FROM board WHERE id > $1 ORDER BY id LIMIT $2");
        let after = after.map_or(String::new(), |after| after.to_string());
        let rows = self.engine.read(records.bind(after).bind(most)).await?;
        Ok(rows
            .iter()
            .filter_map(|found| row::readable(row::record(found)))
            .collect())
    }

    async fn doubtful(&self) -> Result<Vec<BoardId>, StoreError> {
        let doubtful =
            sql!("SELECT id FROM board WHERE gone_at IS NOT NULL AND missing_at IS NULL");
        all_parsed(&self.engine.read(doubtful).await?, "id")
    }

    async fn unlisted(&self, boards: &[BoardId]) -> Result<(), StoreError> {
        let missing = |boards| MISSING.bind(boards);
        change(&self.engine, missing, boards.to_vec())
            .await
            .map(drop)
    }

    async fn compare_rooms(&self, rooms: &[Shown]) -> Result<u64, StoreError> {
        let moved = compare::moved(&self.engine, rooms).await?;
        change(&self.engine, |boards| DUE.bind(boards), moved).await
    }

    async fn set_twins(&self, twins: &[(BoardId, RoomId)]) -> Result<Vec<RoomId>, StoreError> {
        // A room may carry the tags of several boards: the last is the one that it is kept for.
        let after: BTreeMap<_, _> = twins.iter().map(|(board, room)| (*room, *board)).collect();
        if pairs(&self.engine.read(TWINS).await?)? == after {
            return Ok(Vec::new());
        }
        let given = after.iter();
        let given: Vec<_> = given
            .map(|(room, board)| json!({ "room": room, "board": board }))
            .collect();
        let ended = sql!(
            "DELETE FROM twin WHERE room_id NOT IN (SELECT CAST(given.room AS BIGINT) FROM " (records 1 (room: bigint)) ")"
        );
        let found = sql!(
            "INSERT INTO twin (room_id, board, at) SELECT given.room, given.board, " now "
                 FROM " (records 1 (room: bigint, board: text)) " WHERE true
             ON CONFLICT (room_id) DO UPDATE SET board = excluded.board,
                 settled = CASE WHEN twin.board = excluded.board THEN twin.settled ELSE 0 END"
        );
        let mut write = self.engine.begin().await?;
        write.lock(Lock::Rooms).await?;
        let before: BTreeMap<RoomId, BoardId> = pairs(&write.rows(TWINS).await?)?;
        write.execute(ended.bind(records(&given))).await?;
        write.execute(found.bind(records(&given))).await?;
        write.commit().await?;
        let rooms = twins.iter().map(|(_, room)| *room);
        Ok(rooms.filter(|room| !before.contains_key(room)).collect())
    }

    async fn unhooked(&self, most: u32) -> Result<Vec<BoardId>, StoreError> {
        all_parsed(&self.engine.read(UNHOOKED.bind(most)).await?, "id")
    }

    async fn overhooked(&self, follow: bool) -> Result<Vec<(BoardId, WebhookId)>, StoreError> {
        let over = if follow { OVERHOOKED } else { HOOKED };
        hooked(&self.engine, over).await
    }

    async fn hooks(&self) -> Result<Vec<(BoardId, WebhookId)>, StoreError> {
        hooked(&self.engine, HOOKED).await
    }

    async fn set_hooks(&self, hooks: &[(BoardId, Option<WebhookId>)]) -> Result<(), StoreError> {
        let set = sql!(
            "UPDATE board SET hook = found.hook FROM
                 (SELECT board.id AS id, given.hook AS hook FROM board JOIN " (records 1 (id: text, hook: text)) "
                      ON board.id = given.id" {"" | " ORDER BY board.id FOR UPDATE OF board"} ") AS found
             WHERE board.id = found.id"
        );
        for chunk in hooks.chunks(CHUNK) {
            let given = chunk.iter();
            let given: Vec<_> = given
                .map(|(id, hook)| json!({ "id": id, "hook": hook }))
                .collect();
            self.engine.execute(set.bind(records(&given))).await?;
        }
        Ok(())
    }

    async fn unwatch(&self, models: &[ModelId]) -> Result<(), StoreError> {
        let unwatch = sql!(
            "DELETE FROM webhook WHERE model IN (SELECT model FROM webhook WHERE model IN (SELECT value FROM " (each 1) ")"
            {"" | " ORDER BY model FOR UPDATE"} ")"
        );
        self.engine.execute(unwatch.bind(texts(models))).await?;
        Ok(())
    }

    async fn pass_brake(
        &self,
        brake: Lane,
        board: BoardId,
        most: u32,
        per: Duration,
    ) -> Result<Passage, StoreError> {
        let pass = PASS_BRAKE
            .bind(brake.as_str())
            .bind(board.to_string())
            .bind(most)
            .bind(milliseconds(per));
        let mut write = self.engine.begin().await?;
        write.lock(Lock::Brakes).await?;
        let uncount = UNCOUNT.bind(brake.as_str()).bind(milliseconds(per));
        write.execute(uncount).await?;
        let passed = write.execute(pass).await?;
        write.commit().await?;
        Ok(if passed == 0 {
            Passage::Held
        } else {
            Passage::Passed
        })
    }

    async fn release(&self) -> Result<u64, StoreError> {
        let held = standing_at(&self.engine, Status::Waiting(Waiting::Brake)).await?;
        // Boards first: without a word they would be counted again as soon as the brake is off.
        let released = change(&self.engine, |boards| RELEASE.bind(boards), held).await?;
        let on = sql!("DELETE FROM lane WHERE name IN ($1, $2)")
            .bind(Lane::CreateBrake.as_str())
            .bind(Lane::ArchiveBrake.as_str());
        let mut write = self.engine.begin().await?;
        write.lock(Lock::Brakes).await?;
        write.execute(sql!("DELETE FROM brake")).await?;
        write.execute(on).await?;
        write.commit().await?;
        Ok(released)
    }

    async fn set_concerns(
        &self,
        code: Code,
        concerns: &[(String, String)],
    ) -> Result<(), StoreError> {
        let before = sql!("SELECT subject, detail FROM concern WHERE code = $1");
        let before = self.engine.read(before.bind(code.as_str())).await?;
        let before = before
            .iter()
            .map(|found| Ok((get(found, "subject")?, get(found, "detail")?)))
            .collect::<Result<BTreeMap<String, String>, StoreError>>()?;
        // Two workspaces may have the same name.
        let mut after = concerns.to_vec();
        after.sort_unstable();
        let after: BTreeMap<_, _> = after.into_iter().collect();
        if before == after {
            return Ok(());
        }
        let given = after.iter();
        let given: Vec<_> = given
            .map(|(subject, detail)| json!({ "subject": subject, "detail": detail }))
            .collect();
        let over = sql!(
            "DELETE FROM concern WHERE code = $1 AND subject NOT IN (SELECT given.subject FROM " (records 2 (subject: text)) ")"
        );
        let holding = sql!(
            "INSERT INTO concern (subject, code, detail, since) SELECT given.subject, $1, given.detail, " now "
                 FROM " (records 2 (subject: text, detail: text)) " WHERE true
             ON CONFLICT (subject, code) DO UPDATE SET detail = excluded.detail"
        );
        let mut write = self.engine.begin().await?;
        write.lock(Lock::Concerns).await?;
        let (over, holding) = (over.bind(code.as_str()), holding.bind(code.as_str()));
        write.execute(over.bind(records(&given))).await?;
        write.execute(holding.bind(records(&given))).await?;
        write.commit().await
    }

    async fn concerns(&self) -> Result<Vec<Concern>, StoreError> {
        let concerns =
            sql!("SELECT subject, code, detail, since FROM concern ORDER BY since, subject");
        let rows = self.engine.read(concerns).await?;
        let mut concerns = Vec::with_capacity(rows.len());
        for found in &rows {
            let Some(code) = row::readable(get_parsed(found, "code")) else {
                continue;
            };
            concerns.push(Concern {
                subject: get(found, "subject")?,
                failure: Failure {
                    code,
                    detail: get(found, "detail")?,
                },
                since: get(found, "since")?,
            });
        }
        Ok(concerns)
    }
}

async fn hooked(
    engine: &impl Engine,
    hooked: Statement,
) -> Result<Vec<(BoardId, WebhookId)>, StoreError> {
    let mut hooks = Vec::new();
    let ask = |after: &Option<BoardId>| hooked.bind(id_or_none(*after)).bind(PAGE);
    let take = |hook: (BoardId, WebhookId)| hooks.push(hook);
    walk(engine, None, ask, |hook| Some(hook.0), take).await?;
    Ok(hooks)
}

/// Twins with the board that each is kept for.
fn pairs(rows: &[impl Row]) -> Result<BTreeMap<RoomId, BoardId>, StoreError> {
    rows.iter()
        .map(|found| Ok((get(found, "room_id")?, get_parsed(found, "board")?)))
        .collect()
}
