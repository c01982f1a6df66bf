//! A person's word: written down at once, whoever holds the board.

use async_trait::async_trait;

use super::Sql;
use super::boards::{note_once, other_owner};
use super::engine::{Engine, Lock, Transaction};
use super::row::{self, get_parsed, maybe};
use super::statement::{Statement, sql, texts};
use crate::model::id::{BoardId, RoomId};
use crate::model::lane::{Lane, LaneKind};
use crate::model::room::Room;
use crate::store::history::{Event, Note};
use crate::store::{Cursor, Group, Linked, People, StoreError, Views as _, Words};

/// How many boards one transaction tries again: a running service waits for it.
const CHUNK: u32 = 1_000;

/// The room as it was found takes the place of all that was known of another one. attempt is the fencing number: a worker that holds
/// the board, and knows of another room, changes nothing any more. A board of which a person says so has been asked for by name.
const LINK: Statement = sql!(
    "INSERT INTO board (id, status, since, due_at, hints, word, asked, room_id, title_returned, tagged, invited)
     VALUES ($1, 'pending', " now ", " now ", 1, 'apply', 1, $2, $3, 0, 1)
     ON CONFLICT (id) DO UPDATE SET room_id = excluded.room_id, title_returned = excluded.title_returned, title_sent = NULL,
         room_archived = NULL, tagged = 0, invited = 1, invitees = 0, drift = NULL, changes = NULL,
         intent_title = NULL, intent_stored = NULL, intent_at = NULL, intent_remote_at = NULL, intent_answer = NULL,
         word = excluded.word, asked = 1, failures = 0, failing_since = NULL, due_at = excluded.due_at, hints = board.hints + 1,
         attempt = board.attempt + 1, lease_until = NULL, holder = NULL"
);

#[async_trait]
impl<E: Engine> People for Sql<E> {
    async fn retry(&self, boards: &[BoardId]) -> Result<u64, StoreError> {
        let retry = sql!(
            "UPDATE board SET hints = hints + 1, failures = 0, failing_since = NULL, due_at = " now "
                 WHERE id IN (SELECT id FROM board WHERE id " (among 1) (lock) ")"
        );
        let told = sql!(
            "INSERT INTO history (board, at, event, detail)
             SELECT id, " now ", $2, 'to try again' FROM board WHERE id " (among 1)
        );
        let mut write = self.engine.begin().await?;
        let retried = write.execute(retry.bind(texts(boards))).await?;
        let told = told.bind(texts(boards)).bind(Event::Told.as_str());
        write.execute(told).await?;
        write.commit().await?;
        Ok(retried)
    }

    async fn retry_all(&self) -> Result<u64, StoreError> {
        let mut tried = 0;
        for (group, _) in self.groups().await? {
            if !is_stuck(&group) {
                continue;
            }
            let mut after = Some(Cursor::default());
            while let Some(cursor) = after {
                let page = self.standings(&group, cursor, CHUNK).await?;
                after = page.next;
                let boards: Vec<_> = page.rows.iter().map(|board| board.id).collect();
                tried += self.retry(&boards).await?;
            }
        }
        Ok(tried)
    }

    async fn retry_lanes(&self) -> Result<Vec<Lane>, StoreError> {
        let is_tried = |lane: &Lane| match lane.kind() {
            LaneKind::Service | LaneKind::Gate => true,
            LaneKind::Brake => false,
        };
        let names = Lane::ALL.into_iter().filter(is_tried).map(Lane::as_str);
        // Who runs takes over an earlier moment, and tries then.
        let retry = sql!(
            "UPDATE lane SET until = 0 WHERE name IN (SELECT name FROM lane WHERE name IN (SELECT value FROM " (each 1) ")"
            {"" | " ORDER BY name FOR UPDATE"} ") RETURNING name"
        );
        let closed = self.engine.write(retry.bind(texts(names))).await?;
        let read = |found: &E::Row| row::readable(get_parsed(found, "name"));
        Ok(closed.iter().filter_map(read).collect())
    }

    async fn link(
        &self,
        board: BoardId,
        room: &Room,
        others: &[RoomId],
    ) -> Result<Linked, StoreError> {
        let mut write = self.engine.begin().await?;
        write.lock(Lock::Rooms).await?;
        if let Some(owner) = other_owner(&mut write, room.id, board).await? {
            return Ok(Linked::Taken(owner));
        }
        let before = sql!("SELECT room_id FROM board WHERE id = $1" {"" | " FOR UPDATE"});
        let before = write.one(before.bind(board.to_string())).await?;
        let before: Option<RoomId> = before.map_or(Ok(None), |found| maybe(&found, "room_id"))?;
        let link = LINK.bind(board.to_string()).bind(room.id).bind(&room.title);
        write.execute(link).await?;
        settle_twins(&mut write, board, room.id, others).await?;
        let instead = before.filter(|before| *before != room.id);
        let instead = instead.map_or(String::new(), |before| format!(" instead of room {before}"));
        let note = Note::new(Event::Linked, format!("to room {}{instead}", room.id));
        note_once(&mut write, board, &note).await?;
        write.commit().await?;
        Ok(Linked::Linked { before })
    }
}

/// Whether trying the boards of a group again may change anything.
fn is_stuck(group: &Group) -> bool {
    match group {
        Group::All | Group::Twins => false,
        Group::At(Words { status, reason }) => match status.as_str() {
            "failed" => true,
            "pending" => reason.is_some(),
            "waiting" => reason.as_deref() != Some("brake"),
            _ => false,
        },
    }
}

/// The linked room is no twin; the others may keep the tag for as long as they lie in the archive, and are not reported again.
async fn settle_twins(
    write: &mut impl Transaction,
    board: BoardId,
    room: RoomId,
    others: &[RoomId],
) -> Result<(), StoreError> {
    let linked = sql!("DELETE FROM twin WHERE room_id = $1").bind(room);
    write.execute(linked).await?;
    let known = sql!("UPDATE twin SET settled = 1 WHERE board = $1").bind(board.to_string());
    write.execute(known).await?;
    // Each room once: no statement may write one twice.
    let seen = sql!(
        "INSERT INTO twin (room_id, board, at, settled)
         SELECT DISTINCT CAST(value AS BIGINT), $2, " now ", 1 FROM " (each 1) " WHERE CAST(value AS BIGINT) <> $3
         ON CONFLICT (room_id) DO UPDATE SET settled = 1 WHERE twin.board = excluded.board"
    );
    let seen = seen.bind(texts(others)).bind(board.to_string()).bind(room);
    write.execute(seen).await.map(drop)
}
