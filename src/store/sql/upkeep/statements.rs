//! The statements of the upkeep, with what makes them cheap however many boards there are.

use crate::store::sql::statement::{Statement, sql};

/// Boards that a list shows though they were missing, and those with a room that it lacks for the first time. These are operations on sets:
/// however long a database expects the list to be, it cannot come to go through all of it for each board.
pub(super) const LISTED: Statement = sql!(
    "SELECT id, 1 AS is_back FROM
         (SELECT id FROM board WHERE missing_at IS NOT NULL INTERSECT SELECT value FROM " (each 1) ") AS back
     UNION ALL SELECT id, 0 AS is_back FROM
         (SELECT id FROM board WHERE room_id IS NOT NULL AND missing_at IS NULL AND kind IS NOT NULL
              AND workspace IS NOT DISTINCT FROM $2 AND status <> 'ignored'
          EXCEPT SELECT value FROM " (each 1) ") AS lacking"
);

/// Changes the boards of a list.
macro_rules! of_list {
    ($($change:tt)+) => {
        sql!(
            "UPDATE board SET " $($change)+ " WHERE id IN
                 (SELECT id FROM board WHERE id IN (SELECT value FROM " (each 1) ")" (lock) ")"
        )
    };
}
pub(super) const DUE: Statement = of_list!(due);
pub(super) const MISSING: Statement = of_list!("missing_at = coalesce(missing_at, " now "), " due);
pub(super) const BACK: Statement = of_list!("missing_at = NULL");
/// Of a list those that wait for a brake still. No index serves such a condition: each would lead through all the boards that wait.
pub(super) const RELEASE: Statement = sql!(
    "UPDATE board SET word = coalesce(word, 'release'), hints = hints + 1, due_at = " now " WHERE id IN
         (SELECT id FROM board WHERE id IN (SELECT value FROM " (each 1) ")
              AND CASE WHEN status = 'waiting' THEN reason = 'brake' ELSE false END" (lock) ")"
);

/// A title that differs from what the server returned for ours, or from the one that is known to be a person's, is news; but not where the
/// board is gone, and nobody can say any more what the room should be called. A room has our tags unless it is known to lack one.
///
/// Every room is looked up by way of a hash or of an index that is made for it. SQLite needs numbers for that. PostgreSQL does not know how
/// many rooms there are, and could go through all of them for each board; for a full join it cannot. The first case leaves out what that
/// adds: rooms that are no board's.
pub(super) const COMPARED: Statement = sql!(
    "WITH shown AS MATERIALIZED (SELECT CAST(room AS BIGINT) AS room, title, archived, tagged
              FROM " (records 1 (room: bigint, title: text, archived: bigint, tagged: bigint)) "),
          kept AS (SELECT id, room_id, gone_at,
                  coalesce(" {"drift ->> 'title'" | "CAST(drift AS json) ->> 'title'"} ", title_returned) AS title,
                  coalesce(" {"drift ->> 'archived'" | "CAST(CAST(CAST(drift AS json) ->> 'archived' AS boolean) AS integer)"}
                      ", room_archived) AS archived,
                  coalesce(" {"drift ->> 'untagged'" | "CAST(CAST(CAST(drift AS json) ->> 'untagged' AS boolean) AS integer)"}
                      ", 0) AS untagged,
                  coalesce(" {"drift ->> 'deleted'" | "CAST(CAST(CAST(drift AS json) ->> 'deleted' AS boolean) AS integer)"}
                      ", 0) AS deleted
              FROM board WHERE room_id IS NOT NULL AND status = 'mirrored' AND coalesce(reason, '') IN ('', 'drift') AND due_at IS NULL)
     SELECT kept.id AS id FROM kept " {"LEFT" | "FULL"} " JOIN shown ON shown.room = kept.room_id WHERE CASE
         WHEN kept.id IS NULL THEN false
         WHEN shown.room IS NULL THEN kept.untagged = 0 AND kept.deleted = 0
         ELSE (kept.gone_at IS NULL AND shown.title <> kept.title) OR shown.archived <> coalesce(kept.archived, shown.archived)
              OR shown.tagged = kept.untagged OR kept.deleted = 1 END"
);

/// Where a board is mirrored though it lies elsewhere, or is kept for having lain elsewhere and lies there no more.
pub(super) const RESCOPED: Statement = sql!(
    "SELECT id FROM board WHERE room_id IS NOT NULL AND status = 'mirrored' AND kind IS NOT NULL AND due_at IS NULL AND ($3 = 1 OR
         CASE WHEN asked = 1 THEN 1 WHEN workspace IS NULL THEN $2 WHEN workspace IN (SELECT value FROM " (each 1) ") THEN 1 ELSE 0 END
         <> CASE WHEN coalesce(reason, '') = 'outside_workspaces' THEN 0 ELSE 1 END)"
);

/// Boards that are followed have a room, nobody said to ignore them, and they are where we can see them. In the very words of the index.
pub(super) const UNHOOKED: Statement = sql!(
    "SELECT id FROM board WHERE hook IS NULL AND room_id IS NOT NULL AND status <> 'ignored'
    AND (status <> 'mirrored' OR reason IS NULL OR reason = 'drift') ORDER BY id DESC LIMIT $1"
);
/// Those that are not, and have a webhook all the same.
pub(super) const OVERHOOKED: Statement = sql!(
    "SELECT id, hook FROM board" {" INDEXED BY board_overhooked" | ""} " WHERE hook IS NOT NULL
    AND (room_id IS NULL OR status = 'ignored' OR (status = 'mirrored' AND reason IS NOT NULL AND reason <> 'drift')) ORDER BY id"
);
pub(super) const HOOKED: Statement =
    sql!("SELECT id, hook FROM board WHERE hook IS NOT NULL ORDER BY id");

/// One that was counted within the span passes again, and is not counted twice.
pub(super) const PASS_BRAKE: Statement = sql!(
    "INSERT INTO brake (lane, board, at) SELECT $1, $2, " now "
         WHERE (SELECT count(*) FROM brake WHERE lane = $1 AND board <> $2 AND at > " now " - $4) < $3
     ON CONFLICT (lane, board) DO UPDATE SET at = CASE WHEN brake.at > " now " - $4 THEN brake.at ELSE excluded.at END"
);

pub(super) const TWINS: Statement = sql!("SELECT room_id, board FROM twin");
