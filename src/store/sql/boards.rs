//! Boards and their rooms.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;

use super::engine::{Engine, Lock, Transaction};
use super::many::{CHUNK, change, standing_at};
use super::row::{self, get, get_parsed};
use super::statement::{Argument, Column, Query, Statement, records, sql};
use super::tally::tally;
use super::{Sql, compare};
use crate::model::board::{Listed, Record, RoomRecord, Told};
use crate::model::id::{BoardId, ModelId, RoomId, WorkspaceId};
use crate::model::status::Status;
use crate::model::time::milliseconds;
use crate::store::history::Note;
use crate::store::{Boards, Bound, Fence, Held, Housed, Newcomer, StoreError};

/// Records a room, whoever holds the board, unless the board has one. The intention that it came of is closed.
const BIND: Statement = sql!(
    "INSERT INTO board (id, status, since, due_at, hints, room_id, title_sent, title_returned, room_archived, tagged, invited)
     VALUES ($1, 'pending', " now ", " now ", 1, $2, $3, $4, $5, $6, $7)
     ON CONFLICT (id) DO UPDATE SET room_id = $2, title_sent = $3, title_returned = $4, room_archived = $5, tagged = $6, invited = $7,
         drift = NULL, changes = NULL,
         intent_title = NULL, intent_stored = NULL, intent_at = NULL, intent_remote_at = NULL, intent_answer = NULL
         WHERE board.room_id IS NULL
     RETURNING room_id"
);

/// Makes boards due; those not known yet are taken in. A hint never shortens a backoff. Rows are written in the order in which they are
/// given.
const HINT: Statement = sql!(
    "INSERT INTO board (id, appeared, status, since, due_at, hints, trace)
     SELECT given.id, given.appeared, 'pending', " now ", " now ", given.hints, given.trace
         FROM " (columns 1 id, 2 appeared, 3 hints, 4 trace) " WHERE true
     ON CONFLICT (id) DO UPDATE SET
         hints = board.hints + excluded.hints, appeared = coalesce(excluded.appeared, board.appeared),
         trace = coalesce(excluded.trace, board.trace),
         due_at = CASE WHEN board.failures > 0 AND board.due_at > excluded.due_at THEN board.due_at
                       WHEN board.due_at < excluded.due_at THEN board.due_at ELSE excluded.due_at END"
);

/// A later word takes the place of an earlier one, but `apply` and `release` say less than `mirror` and `ignore`.
const TELL: Statement = sql!(
    "INSERT INTO board (id, word, asked, status, since, due_at, hints)
     VALUES ($1, $2, CASE WHEN $2 = 'mirror' THEN 1 ELSE 0 END, 'pending', " now ", " now ", 1)
     ON CONFLICT (id) DO UPDATE SET
         word = CASE WHEN $2 IN ('apply', 'release') AND board.word IN ('mirror', 'ignore') THEN board.word ELSE $2 END,
         asked = CASE $2 WHEN 'mirror' THEN 1 WHEN 'ignore' THEN 0 ELSE board.asked END,
         hints = board.hints + 1, failures = 0, failing_since = NULL, due_at = excluded.due_at"
);

/// What was decided of boards under another policy is decided anew.
const RECONSIDER: Statement = sql!(
    "UPDATE board SET hints = hints + 1, failures = 0, failing_since = NULL, due_at = " now "
         WHERE id IN (SELECT id FROM board WHERE id " (among 1) "
             AND CASE WHEN status = $2 THEN coalesce(reason, '') = coalesce($3, '') ELSE false END" (lock) ")"
);

/// A board that a delivery brought before the list came is looked at again, now that the baseline is known.
const TAKE_IN: Statement = sql!(
    "INSERT INTO board (id, name, short_link, workspace, closed, baseline, status, reason, since, due_at)
     SELECT given.id, given.name, given.short_link, given.workspace, given.closed, given.baseline, given.status, given.reason, " now ",
         CASE WHEN given.status = 'pending' THEN " now " END
         FROM " (records 1 (id: text, name: text, short_link: text, workspace: text, closed: bigint, baseline: text, status: text,
                            reason: text)) {" WHERE true" | " ORDER BY given.id COLLATE \"C\""} "
     ON CONFLICT (id) DO UPDATE SET baseline = excluded.baseline, hints = board.hints + 1,
         due_at = CASE WHEN board.status = 'mirrored' THEN board.due_at
                       WHEN board.failures > 0 AND board.due_at > excluded.since THEN board.due_at ELSE excluded.since END"
);

#[async_trait]
impl<E: Engine> Boards for Sql<E> {
    async fn record(&self, board: BoardId) -> Result<Option<Record>, StoreError> {
        let record = sql!("SELECT " record " FROM board WHERE id = $1").bind(board.to_string());
        let found = self.engine.one(record).await?;
        found.as_ref().map(row::record).transpose()
    }

    async fn bind(
        &self,
        board: BoardId,
        room: &RoomRecord,
        event: &Note,
    ) -> Result<Bound, StoreError> {
        let mut write = self.engine.begin().await?;
        write.lock(Lock::Rooms).await?;
        if let Some(owner) = other_owner(&mut write, room.id, board).await? {
            return Ok(Bound::Taken(owner));
        }
        let bind = BIND
            .bind(board.to_string())
            .bind(room.id)
            .bind(room.title_sent.as_deref())
            .bind(&room.title_returned)
            .bind(room.archived)
            .bind(room.tagged)
            .bind(room.invited);
        if write.one(bind).await?.is_some() {
            note_once(&mut write, board, event).await?;
            write.commit().await?;
            return Ok(Bound::Bound);
        }
        let has = sql!("SELECT room_id FROM board WHERE id = $1").bind(board.to_string());
        let has = write.one(has).await?;
        let has = has.ok_or_else(|| StoreError::Unreadable(format!("{board}: it is gone")))?;
        Ok(Bound::Has(get(&has, "room_id")?))
    }

    async fn unbind(&self, fence: Fence, event: &Note) -> Result<Held, StoreError> {
        let unbind = sql!(
            "UPDATE board SET room_id = NULL, title_sent = NULL, title_returned = NULL, room_archived = NULL,
                 tagged = NULL, invited = NULL, invitees = 0, drift = NULL, changes = NULL" fenced
        );
        let unbind = unbind.bind(fence.board.to_string()).bind(fence.attempt);
        let mut write = self.engine.begin().await?;
        if write.execute(unbind).await? == 0 {
            return Ok(Held::Lost);
        }
        note_once(&mut write, fence.board, event).await?;
        write.commit().await?;
        Ok(Held::Held)
    }

    async fn housed(&self, boards: &[BoardId]) -> Result<Vec<Housed>, StoreError> {
        compare::housed(&self.engine, boards).await
    }

    async fn board_of(&self, room: RoomId) -> Result<Option<BoardId>, StoreError> {
        let board = sql!("SELECT id FROM board WHERE room_id = $1").bind(room);
        let board = self.engine.one(board).await?;
        board.map(|found| get_parsed(&found, "id")).transpose()
    }

    async fn rivals(
        &self,
        board: BoardId,
        stored_title: &str,
        window: Duration,
    ) -> Result<u64, StoreError> {
        let rivals = sql!(
            "SELECT count(*) AS rivals FROM board WHERE intent_stored = $1 AND id <> $2 AND intent_at > " now " - $3"
        );
        let rivals = rivals
            .bind(stored_title)
            .bind(board.to_string())
            .bind(milliseconds(window));
        let rivals = self.engine.one(rivals).await?;
        rivals.map_or(Ok(0), |found| get(&found, "rivals"))
    }

    async fn hint(&self, boards: &[BoardId]) -> Result<(), StoreError> {
        for chunk in boards.chunks(CHUNK) {
            let hint = hinted(chunk.iter().map(|board| (*board, None, None)));
            self.engine.execute(hint).await?;
        }
        Ok(())
    }

    async fn tell(&self, board: BoardId, told: Told) -> Result<(), StoreError> {
        let tell = TELL.bind(board.to_string()).bind(told.as_str());
        self.engine.execute(tell).await.map(drop)
    }

    async fn differing(&self, boards: &[Listed]) -> Result<Vec<BoardId>, StoreError> {
        compare::differing(&self.engine, boards).await
    }

    async fn take_in(&self, source: ModelId, boards: &[Newcomer]) -> Result<(), StoreError> {
        // Each board once, as it came last, and in one order: no statement may write one twice, and no two services may wait for each other.
        let mut boards: Vec<_> = boards.iter().rev().collect();
        boards.sort_by_key(|newcomer| newcomer.board.id);
        boards.dedup_by_key(|newcomer| newcomer.board.id);
        let mut write = self.engine.begin().await?;
        for chunk in boards.chunks(CHUNK) {
            let given: Vec<_> = chunk
                .iter()
                .map(|newcomer| Given {
                    baseline: newcomer.baseline.then_some(source),
                    status: Some(newcomer.status.words().0),
                    reason: newcomer.status.words().1,
                    ..listed(&newcomer.board)
                })
                .collect();
            write.execute(TAKE_IN.bind(records(&given))).await?;
        }
        let known = sql!(
            "INSERT INTO source (id, baseline_at) VALUES ($1, " now ") ON CONFLICT (id) DO NOTHING"
        );
        write.execute(known.bind(source.to_string())).await?;
        write.commit().await
    }

    async fn reconsider(&self, statuses: &[Status]) -> Result<u64, StoreError> {
        let mut woken = 0;
        for status in statuses {
            let boards = standing_at(&self.engine, *status).await?;
            let (status, reason) = status.words();
            let reconsider = |boards| RECONSIDER.bind(boards).bind(status).bind(reason);
            woken += change(&self.engine, reconsider, boards).await?;
        }
        Ok(woken)
    }

    async fn totals(&self) -> Result<Vec<(Status, u64)>, StoreError> {
        let mut totals = Vec::new();
        for (words, boards) in tally(&self.engine).await? {
            let status = row::status(&words.status, words.reason.as_deref());
            totals.extend(row::readable(status).map(|status| (status, boards)));
        }
        Ok(totals)
    }

    async fn note(&self, board: BoardId, event: &Note) -> Result<(), StoreError> {
        let mut write = self.engine.begin().await?;
        // Whoever notes anything of a board holds its row: what was noted last must not change meanwhile.
        let hold = sql!("SELECT id FROM board WHERE id = $1" {"" | " FOR UPDATE"});
        write.execute(hold.bind(board.to_string())).await?;
        note_once(&mut write, board, event).await?;
        write.commit().await
    }
}

/// The other board that has this room already: a room belongs to one board.
pub(super) async fn other_owner(
    write: &mut impl Transaction,
    room: RoomId,
    board: BoardId,
) -> Result<Option<BoardId>, StoreError> {
    let owner = sql!("SELECT id FROM board WHERE room_id = $1 AND id <> $2");
    let owner = owner.bind(room).bind(board.to_string());
    let owner = write.one(owner).await?;
    owner.map(|found| get_parsed(&found, "id")).transpose()
}

/// What came for one board.
#[derive(Debug, Default)]
struct Due<'a> {
    appeared: Option<WorkspaceId>,
    hints: i64,
    trace: Option<&'a str>,
}

/// Why a board is made due: the workspace that it was added to, and the trace that tells of it.
pub(super) type Word<'a> = (BoardId, Option<WorkspaceId>, Option<&'a str>);

/// Makes boards due, each as often as it is named, with the workspace that it was last said to have been added to, and the last trace.
pub(super) fn hinted<'a>(hints: impl Iterator<Item = Word<'a>>) -> Query {
    // No statement may write a board twice; and each writes them in one order, so that no two services wait for each other.
    let mut boards = BTreeMap::<_, Due<'_>>::new();
    for (id, appeared, trace) in hints {
        let due = boards.entry(id).or_default();
        due.trace = trace.or(due.trace);
        due.appeared = appeared.or(due.appeared);
        due.hints += 1;
    }
    let texts = |text: fn((&BoardId, &Due<'_>)) -> Option<String>| {
        Column::Texts(boards.iter().map(text).collect())
    };
    let columns = vec![
        texts(|(id, _)| Some(id.to_string())),
        texts(|(_, due)| due.appeared.map(|workspace| workspace.to_string())),
        Column::Integers(boards.values().map(|due| due.hints).collect()),
        texts(|(_, due)| due.trace.map(str::to_owned)),
    ];
    HINT.bind(Argument::Columns(columns))
}

/// A board of a list, as statements read it; the last three are for one that is taken in.
#[derive(Debug, Serialize)]
struct Given<'a> {
    id: BoardId,
    name: &'a str,
    short_link: Option<&'a str>,
    workspace: Option<WorkspaceId>,
    closed: u8,
    baseline: Option<ModelId>,
    status: Option<&'a str>,
    reason: Option<&'a str>,
}

fn listed(board: &Listed) -> Given<'_> {
    Given {
        id: board.id,
        name: &board.name,
        short_link: board.short_link.as_deref(),
        workspace: board.workspace,
        closed: board.closed.into(),
        baseline: None,
        status: None,
        reason: None,
    }
}

/// Notes what happened, unless that is what was noted last: a board that waits says so once. The transaction must hold the board's row.
pub(super) async fn note_once(
    write: &mut impl Transaction,
    board: BoardId,
    event: &Note,
) -> Result<(), StoreError> {
    let note = sql!(
        "INSERT INTO history (board, at, event, detail) SELECT $1, coalesce($4, " now "), $2, $3 WHERE NOT EXISTS
             (SELECT 1 FROM (SELECT event, detail FROM history WHERE board = $1 ORDER BY id DESC LIMIT 1) AS last
              WHERE event = $2 AND detail = $3)"
    );
    let note = note
        .bind(board.to_string())
        .bind(event.event.as_str())
        .bind(&event.detail)
        .bind(event.at);
    write.execute(note).await.map(drop)
}
