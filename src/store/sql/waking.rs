//! Boards that wait, and what ends that.

use super::engine::Engine;
use super::row;
use super::statement::{Statement, sql};
use super::tally::tally;
use crate::model::status::{Status, Waiting};
use crate::store::StoreError;

/// From among so many it is drawn who may go on, so that no few cursed boards can take every turn.
const LOT: u32 = 1_000;

/// Makes boards due that wait for `$1`, `$4` at most: drawn from the `$3` that come next behind a place of chance, and from those that have
/// a time. Only these are read, however many wait, and those that were just woken are not among them. What somebody is just writing is
/// passed over: whoever wakes comes again.
const WAKE: Statement = sql!(
    "WITH asleep AS NOT MATERIALIZED (SELECT " {"rowid" | "number + 0"} " AS number, id FROM board" {" INDEXED BY board_waiting" | ""} "
              WHERE status = 'waiting' AND reason = $1 AND due_at IS NULL),
          ends AS (SELECT (SELECT number FROM asleep ORDER BY number LIMIT 1) AS first,
                          (SELECT number FROM asleep ORDER BY number DESC LIMIT 1) AS last),
          start AS MATERIALIZED (SELECT first + $2 % (last - first + 1) AS number FROM ends),
          ahead AS MATERIALIZED (SELECT id FROM asleep WHERE number >= (SELECT number FROM start) ORDER BY number LIMIT $3),
          behind AS (SELECT id FROM asleep WHERE number < (SELECT number FROM start) ORDER BY number
              LIMIT $3 - (SELECT count(*) FROM ahead)),
          later AS (SELECT id FROM board" {" INDEXED BY board_waiting" | ""} "
              WHERE status = 'waiting' AND reason = $1 AND due_at > " now " ORDER BY due_at LIMIT $3)
     UPDATE board SET hints = hints + 1, due_at = " now " WHERE id " {"IN (" | "= ANY(ARRAY("} "
         SELECT id FROM board WHERE id " {"IN (" | "= ANY(ARRAY("} "
                 SELECT id FROM ahead UNION ALL SELECT id FROM behind UNION ALL SELECT id FROM later" {")" | "))"} "
             AND CASE WHEN status = 'waiting' AND reason = $1 THEN due_at IS NULL OR due_at > " now " ELSE false END
         ORDER BY random() LIMIT $4" {")" | " FOR UPDATE SKIP LOCKED))"}
);

pub(super) async fn wake(
    engine: &impl Engine,
    waiting: Waiting,
    most: Option<u32>,
) -> Result<u64, StoreError> {
    let most = most.map_or(i64::MAX, i64::from);
    let wake = WAKE
        .bind(waiting.as_str())
        .bind(fastrand::i64(0..=i64::MAX))
        .bind(most.max(LOT.into()))
        .bind(most);
    engine.execute(wake).await
}

pub(super) async fn awaited(engine: &impl Engine) -> Result<Vec<Waiting>, StoreError> {
    let mut awaited = Vec::new();
    for (words, _) in tally(engine).await? {
        if words.status != "waiting" {
            continue;
        }
        match row::readable(row::status(&words.status, words.reason.as_deref())) {
            Some(Status::Waiting(waiting)) => awaited.push(waiting),
            Some(
                Status::Pending(_) | Status::Mirrored(_) | Status::Ignored(_) | Status::Failed(_),
            )
            | None => {}
        }
    }
    Ok(awaited)
}
