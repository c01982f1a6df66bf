//! The queue: due times, leases and their fencing numbers, in the row of the board itself.

use std::time::Duration;

use async_trait::async_trait;

use super::engine::{Engine, Transaction as _};
use super::row::{self, get, maybe};
use super::statement::{Query, Statement, sql};
use super::{Sql, boards::note_once, waking};
use crate::model::board::{Answer, RoomRecord, Told};
use crate::model::id::BoardId;
use crate::model::status::{Apart, Status, Waiting};
use crate::model::time::{Timestamp, milliseconds};
use crate::store::history::Note;
use crate::store::{
    Claim, ClaimRequest, Fence, Held, NewIntention, Queue, Settled, Settlement, StoreError, Whose,
};

/// Takes due boards that nobody holds. Workers beside each other pass over what the others are just taking.
const CLAIM_DUE: Statement = sql!(
    "WITH taken AS MATERIALIZED (SELECT id FROM board WHERE due_at <= " now
    " AND (lease_until IS NULL OR lease_until <= " now ") ORDER BY due_at LIMIT $3" {"" | " FOR UPDATE SKIP LOCKED"} ")
     UPDATE board SET attempt = attempt + 1, holder = $1, lease_until = $2 + " now
    " WHERE id " {"IN (SELECT id FROM taken)" | "= ANY(ARRAY(SELECT id FROM taken))"} " RETURNING " record ", trace, " now " AS taken"
);
/// Takes one board, due or not, unless somebody holds it.
const CLAIM_ONE: Statement = sql!(
    "UPDATE board SET attempt = attempt + 1, holder = $1, lease_until = $2 + " now
    " WHERE id = $3 AND (lease_until IS NULL OR lease_until <= " now ") RETURNING " record ", trace, " now " AS taken"
);

/// A board that has a room, or whose earlier create may still come true, gets no second one.
const INTEND: Statement = sql!(
    "UPDATE board SET intent_title = $3, intent_stored = $4, intent_at = " now ", intent_remote_at = $5, intent_answer = 'unknown',
         lease_until = $6 + " now fenced " AND room_id IS NULL
         AND (intent_answer IS DISTINCT FROM 'unknown' OR intent_at <= " now " - $7)"
);

/// Ends a look. A person's word is obeyed once, but the one to ignore. What a look saw of the board ends what was suspected before. A hint
/// that came since the claim makes the board due at once, unless the board itself is to blame and must wait. Where a person
/// forgave the failures meanwhile, this look was begun before and is one failure at most.
const SETTLE: Statement = sql!(
    "UPDATE board SET lease_until = NULL, holder = NULL,
        since = CASE WHEN status = $3 AND reason IS NOT DISTINCT FROM $4 THEN since ELSE " now " END, status = $3, reason = $4,
        failures = CASE WHEN failures < $5 - 1 THEN 1 ELSE $5 END, failing_since = CASE WHEN $5 > 0 THEN coalesce(failing_since, " now ") END,
        due_at = CASE WHEN hints <> $6 AND ($5 = 0 OR $7 IS NULL OR failures < $5 - 1) THEN " now " ELSE $7 + " now " END,
        word = CASE WHEN ($3 = 'mirrored' OR ($3 = 'waiting' AND $4 = 'grace')) AND word IS NOT DISTINCT FROM $22
                         AND word IS DISTINCT FROM 'ignore' THEN NULL ELSE word END,
        closed_at = CASE WHEN $8 IS NULL THEN closed_at WHEN $12 = 1 THEN coalesce(closed_at, " now ") END,
        gone_at = CASE WHEN $20 = 1 THEN coalesce(gone_at, " now ")
                       WHEN $8 IS NULL AND NOT ($3 = 'mirrored' AND coalesce($4, '') = 'not_visible') THEN gone_at END,
        missing_at = CASE WHEN $8 IS NULL OR workspace IS NOT DISTINCT FROM $11 THEN missing_at END,
        trace = CASE WHEN hints = $6 THEN NULL ELSE trace END,
        kind = coalesce($8, kind),
        name = CASE WHEN $8 IS NULL THEN name ELSE $9 END,
        short_link = CASE WHEN $8 IS NULL THEN short_link ELSE $10 END,
        workspace = CASE WHEN $8 IS NULL THEN workspace ELSE $11 END,
        closed = CASE WHEN $8 IS NULL THEN closed ELSE $12 END,
        title_sent = CASE WHEN room_id = $21 THEN $17 ELSE title_sent END,
        title_returned = CASE WHEN room_id = $21 THEN $13 ELSE title_returned END,
        room_archived = CASE WHEN room_id = $21 THEN $14 ELSE room_archived END,
        tagged = CASE WHEN room_id = $21 THEN $15 ELSE tagged END,
        invited = CASE WHEN room_id = $21 THEN $16 ELSE invited END,
        drift = CASE WHEN room_id = $21 THEN $18 ELSE drift END,
        changes = CASE WHEN room_id = $21 THEN $19 ELSE changes END" fenced
    " RETURNING CASE WHEN due_at IS NOT NULL AND due_at <= " now " THEN 1 ELSE 0 END AS again"
);

/// The stored form of writes that may still come true; nothing when there are none.
fn changes(room: &RoomRecord) -> Option<String> {
    (!room.changes.is_empty()).then(|| row::text(&room.changes))
}

fn held(rows: u64) -> Held {
    if rows == 0 { Held::Lost } else { Held::Held }
}

#[async_trait]
impl<E: Engine> Queue for Sql<E> {
    async fn claim(&self, request: &ClaimRequest<'_>) -> Result<Vec<Claim>, StoreError> {
        let lease = milliseconds(request.lease);
        let claim = match request.only {
            Some(board) => CLAIM_ONE
                .bind(request.holder)
                .bind(lease)
                .bind(board.to_string()),
            None => CLAIM_DUE
                .bind(request.holder)
                .bind(lease)
                .bind(i64::try_from(request.most).unwrap_or(i64::MAX)),
        };
        let rows = self.engine.write(claim).await?;
        let mut claims = Vec::with_capacity(rows.len());
        for found in &rows {
            // One row that only another version understands must not hold up the others; its lease runs out by itself.
            let Some(record) = row::readable(row::record(found)) else {
                continue;
            };
            let taken: Timestamp = get(found, "taken")?;
            claims.push(Claim {
                fence: Fence {
                    board: record.id,
                    attempt: get(found, "attempt")?,
                },
                hints: get(found, "hints")?,
                due: maybe(found, "due_at")?.unwrap_or(taken),
                taken,
                trace: maybe(found, "trace")?,
                record,
            });
        }
        claims.sort_by_key(|claim| claim.due);
        Ok(claims)
    }

    async fn intend(
        &self,
        fence: Fence,
        intention: &NewIntention<'_>,
        lease: Duration,
    ) -> Result<Held, StoreError> {
        let intend = INTEND
            .bind(fence.board.to_string())
            .bind(fence.attempt)
            .bind(intention.title)
            .bind(intention.stored_title)
            .bind(intention.remote_at)
            .bind(milliseconds(lease))
            .bind(milliseconds(intention.window));
        Ok(held(self.engine.execute(intend).await?))
    }

    async fn hold(&self, fence: Fence, lease: Duration) -> Result<Held, StoreError> {
        let hold = sql!("UPDATE board SET lease_until = $3 + " now fenced)
            .bind(fence.board.to_string())
            .bind(fence.attempt)
            .bind(milliseconds(lease));
        Ok(held(self.engine.execute(hold).await?))
    }

    async fn count_invitees(&self, fence: Fence, invitees: u32) -> Result<Held, StoreError> {
        let count = sql!("UPDATE board SET invitees = $3" fenced)
            .bind(fence.board.to_string())
            .bind(fence.attempt)
            .bind(invitees);
        Ok(held(self.engine.execute(count).await?))
    }

    async fn amend(
        &self,
        fence: Fence,
        room: &RoomRecord,
        lease: Duration,
        note: Option<&Note>,
    ) -> Result<Held, StoreError> {
        let amend = sql!(
            "UPDATE board SET lease_until = CASE WHEN lease_until > $3 + " now " THEN lease_until ELSE $3 + " now " END,
                 title_sent = $5, title_returned = $6, room_archived = $7, tagged = $8, changes = $9" fenced " AND room_id = $4"
        );
        let amend = amend
            .bind(fence.board.to_string())
            .bind(fence.attempt)
            .bind(milliseconds(lease))
            .bind(room.id)
            .bind(room.title_sent.as_deref())
            .bind(&room.title_returned)
            .bind(room.archived)
            .bind(room.tagged)
            .bind(changes(room));
        let mut write = self.engine.begin().await?;
        let amended = write.execute(amend).await?;
        if let (1.., Some(note)) = (amended, note) {
            note_once(&mut write, fence.board, note).await?;
        }
        write.commit().await?;
        Ok(held(amended))
    }

    async fn answered(
        &self,
        board: BoardId,
        remote_at: Timestamp,
        answer: Answer,
    ) -> Result<(), StoreError> {
        let answered = sql!(
            "UPDATE board SET intent_answer = $3 WHERE id = $1 AND intent_title IS NOT NULL AND intent_remote_at = $2"
        );
        let answered = answered
            .bind(board.to_string())
            .bind(remote_at)
            .bind(answer.as_str());
        self.engine.execute(answered).await.map(drop)
    }

    async fn abandon(&self, fence: Fence) -> Result<Held, StoreError> {
        let abandon = sql!(
            "UPDATE board SET intent_title = NULL, intent_stored = NULL, intent_at = NULL, intent_remote_at = NULL,
                 intent_answer = NULL" fenced
        );
        let abandon = abandon.bind(fence.board.to_string()).bind(fence.attempt);
        Ok(held(self.engine.execute(abandon).await?))
    }

    async fn settle(&self, fence: Fence, settlement: &Settlement) -> Result<Settled, StoreError> {
        let mut write = self.engine.begin().await?;
        let settled = write.one(settle(fence, settlement)).await?;
        let Some(settled) = settled else {
            return Ok(Settled::Lost);
        };
        for note in &settlement.notes {
            note_once(&mut write, fence.board, note).await?;
        }
        write.commit().await?;
        Ok(if get(&settled, "again")? {
            Settled::DueAgain
        } else {
            Settled::Rests
        })
    }

    async fn hand_back(&self, whose: Whose<'_>) -> Result<u64, StoreError> {
        let prefix = match whose {
            Whose::Board(fence) => {
                let give_back = sql!("UPDATE board SET lease_until = NULL, holder = NULL" fenced)
                    .bind(fence.board.to_string())
                    .bind(fence.attempt);
                return self.engine.execute(give_back).await;
            }
            Whose::Holders(prefix) => prefix,
        };
        // Who takes boards by the queue has none that is not due; those that are an index has.
        let boards = sql!(
            "UPDATE board SET lease_until = NULL, holder = NULL WHERE due_at IS NOT NULL AND substr(holder, 1, length($1)) = $1"
        );
        let duties = sql!("DELETE FROM lease WHERE substr(holder, 1, length($1)) = $1");
        let mut write = self.engine.begin().await?;
        let given_back = write.execute(boards.bind(prefix)).await?;
        write.execute(duties.bind(prefix)).await?;
        write.commit().await?;
        Ok(given_back)
    }

    async fn wake(&self, waiting: Waiting, most: Option<u32>) -> Result<u64, StoreError> {
        waking::wake(&self.engine, waiting, most).await
    }

    async fn awaited(&self) -> Result<Vec<Waiting>, StoreError> {
        waking::awaited(&self.engine).await
    }
}

fn settle(fence: Fence, settlement: &Settlement) -> Query {
    let (status, reason) = settlement.status.words();
    let seen = settlement.seen.as_ref();
    let room = settlement.room.as_ref();
    let (gone, deleted) = (
        Status::Waiting(Waiting::Deletion),
        Status::Mirrored(Some(Apart::BoardDeleted)),
    );
    let is_gone = settlement.status == gone || settlement.status == deleted;
    let workspace = seen.and_then(|board| board.workspace);
    SETTLE
        .bind(fence.board.to_string())
        .bind(fence.attempt)
        .bind(status)
        .bind(reason)
        .bind(settlement.failures)
        .bind(settlement.hints)
        .bind(settlement.again.map(milliseconds))
        .bind(seen.map(|board| board.kind.as_str()))
        .bind(seen.map(|board| board.name.as_str()))
        .bind(seen.and_then(|board| board.short_link.as_deref()))
        .bind(workspace.map(|workspace| workspace.to_string()))
        .bind(seen.map(|board| board.closed))
        .bind(room.map(|room| room.title_returned.as_str()))
        .bind(room.and_then(|room| room.archived))
        .bind(room.map(|room| room.tagged))
        .bind(room.map(|room| room.invited))
        .bind(room.and_then(|room| room.title_sent.as_deref()))
        .bind(room.and_then(|room| room.drift.as_ref()).map(row::text))
        .bind(room.and_then(changes))
        .bind(is_gone)
        .bind(room.map(|room| room.id))
        .bind(settlement.told.map(Told::as_str))
}
