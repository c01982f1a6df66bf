//! What keeping a mirror true writes down. What is compared is sent as one list and changes nothing; what differs is written in chunks.

mod statements;

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;
use serde_json::json;

use super::Sql;
use super::engine::{Engine, Lock, Row, Transaction as _};
use super::row::{self, all_parsed, get, get_parsed, maybe};
use super::statement::{Query, Statement, records, sql, texts};
use crate::model::board::Record;
use crate::model::failure::{Code, Failure};
use crate::model::id::{BoardId, ModelId, RoomId, WebhookId, WorkspaceId};
use crate::model::lane::Lane;
use crate::model::time::milliseconds;
use crate::store::{Concern, Passage, Shown, StoreError, Upkeep};
use statements::{
    BACK, COMPARED, DUE, HOOKED, LISTED, MISSING, OVERHOOKED, PASS_BRAKE, RELEASE, RESCOPED, TWINS,
    UNHOOKED,
};

/// How many boards one statement writes: deliveries and looks at boards wait for it.
const CHUNK: usize = 1_000;

#[async_trait]
impl<E: Engine> Upkeep for Sql<E> {
    async fn listed(
        &self,
        workspace: Option<WorkspaceId>,
        boards: &[BoardId],
    ) -> Result<u64, StoreError> {
        let workspace = workspace.map(|workspace| workspace.to_string());
        // SQLite sorts what it compares, and is quicker at it where that is done.
        let mut listed = boards.to_vec();
        listed.sort_unstable();
        let listed = LISTED.bind(texts(listed)).bind(workspace);
        let (mut back, mut lacking) = (Vec::new(), Vec::new());
        for found in &self.engine.read(listed).await? {
            let board = get_parsed(found, "id")?;
            if get(found, "is_back")? {
                back.push(board);
            } else {
                lacking.push(board);
            }
        }
        change(&self.engine, BACK, back).await?;
        change(&self.engine, MISSING, lacking).await
    }

    async fn rescope(
        &self,
        workspaces: &[WorkspaceId],
        personal: bool,
        everything: bool,
    ) -> Result<u64, StoreError> {
        let rescoped = RESCOPED
            .bind(texts(workspaces))
            .bind(personal)
            .bind(everything);
        let rescoped = boards(&self.engine, rescoped).await?;
        change(&self.engine, DUE, rescoped).await
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
        boards(&self.engine, doubtful).await
    }

    async fn unlisted(&self, boards: &[BoardId]) -> Result<(), StoreError> {
        change(&self.engine, MISSING, boards.to_vec())
            .await
            .map(drop)
    }

    async fn compare_rooms(&self, rooms: &[Shown]) -> Result<u64, StoreError> {
        let mut rooms: Vec<_> = rooms.iter().map(Compared::from).collect();
        rooms.sort_unstable_by_key(|shown| shown.room);
        let differing = boards(&self.engine, COMPARED.bind(records(&rooms))).await?;
        change(&self.engine, DUE, differing).await
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
        boards(&self.engine, UNHOOKED.bind(most)).await
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
        let passed = write.execute(pass).await?;
        write.commit().await?;
        Ok(if passed == 0 {
            Passage::Held
        } else {
            Passage::Passed
        })
    }

    async fn release(&self) -> Result<u64, StoreError> {
        let held = sql!(
            "SELECT id FROM board WHERE status = 'waiting' AND " {"reason" | "coalesce(reason, '')"} " = 'brake'"
        );
        let held = boards(&self.engine, held).await?;
        // Boards first: without a word they would be counted again as soon as the brake is off.
        let released = change(&self.engine, RELEASE, held).await?;
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

async fn boards(
    engine: &impl Engine,
    query: impl Into<Query> + Send,
) -> Result<Vec<BoardId>, StoreError> {
    all_parsed(&engine.read(query).await?, "id")
}

/// Runs a statement on the boards of a list, so many at a time; says how many it changed.
async fn change(
    engine: &impl Engine,
    change: Statement,
    mut boards: Vec<BoardId>,
) -> Result<u64, StoreError> {
    boards.sort_unstable();
    let mut changed = 0;
    for chunk in boards.chunks(CHUNK) {
        changed += engine.execute(change.bind(texts(chunk))).await?;
    }
    Ok(changed)
}

async fn hooked(
    engine: &impl Engine,
    hooked: Statement,
) -> Result<Vec<(BoardId, WebhookId)>, StoreError> {
    let rows = engine.read(hooked).await?;
    rows.iter()
        .map(|found| Ok((get_parsed(found, "id")?, get_parsed(found, "hook")?)))
        .collect()
}

/// Twins with the board that each is kept for.
fn pairs(rows: &[impl Row]) -> Result<BTreeMap<RoomId, BoardId>, StoreError> {
    rows.iter()
        .map(|found| Ok((get(found, "room_id")?, get_parsed(found, "board")?)))
        .collect()
}

/// A room as it is sent to be compared.
#[derive(Serialize)]
struct Compared<'a> {
    room: RoomId,
    title: &'a str,
    archived: u8,
    tagged: u8,
}

impl<'a> From<&'a Shown> for Compared<'a> {
    fn from(shown: &'a Shown) -> Self {
        Self {
            room: shown.room,
            title: &shown.title,
            archived: shown.archived.into(),
            tagged: shown.tagged.into(),
        }
    }
}
