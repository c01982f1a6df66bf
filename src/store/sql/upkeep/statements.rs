//! The statements of the upkeep, with what makes them cheap however many boards there are.

use crate::store::sql::statement::{Statement, sql};

/// Changes the boards of a list.
macro_rules! of_list {
    ($($change:tt)+) => {
        sql!(
            "UPDATE board SET " $($change)+ " WHERE id IN
                 (SELECT id FROM board WHERE id " (among 1) (lock) ")"
        )
    };
}
pub(super) const DUE: Statement = of_list!(due);
pub(super) const MISSING: Statement = of_list!("missing_at = coalesce(missing_at, " now "), " due);
pub(super) const BACK: Statement = of_list!("missing_at = NULL");
/// Of a list those that wait for a brake still. No index serves such a condition: each would lead through all the boards that wait.
pub(super) const RELEASE: Statement = sql!(
    "UPDATE board SET word = coalesce(word, 'release'), hints = hints + 1, due_at = " now " WHERE id IN
         (SELECT id FROM board WHERE id " (among 1) "
              AND CASE WHEN status = 'waiting' THEN reason = 'brake' ELSE false END" (lock) ")"
);

/// Where a board is mirrored though it lies elsewhere, or is kept for having lain elsewhere and lies there no more.
pub(super) const RESCOPED: Statement = sql!(
    "SELECT " (rows id) " FROM
         (SELECT id FROM board WHERE id > $1 AND room_id IS NOT NULL AND " {"+" | ""} "status = 'mirrored' AND kind IS NOT NULL
              AND due_at IS NULL AND ($5 = 1 OR
              CASE WHEN asked = 1 THEN 1 WHEN workspace IS NULL THEN $4 WHEN workspace IN (SELECT value FROM " (each 3) ") THEN 1 ELSE 0 END
              <> CASE WHEN coalesce(reason, '') = 'outside_workspaces' THEN 0 ELSE 1 END)
          ORDER BY id LIMIT $2) AS rescoped"
);

/// Boards that are followed have a room, nobody said to ignore them, and they are where we can see them. In the very words of the index.
pub(super) const UNHOOKED: Statement = sql!(
    "SELECT id FROM board WHERE hook IS NULL AND room_id IS NOT NULL AND status <> 'ignored'
    AND (status <> 'mirrored' OR reason IS NULL OR reason = 'drift') ORDER BY id DESC LIMIT $1"
);
/// Webhooks of boards, by the ids of these.
macro_rules! hooks {
    ($($of:tt)+) => {
        sql!("SELECT " (rows id, hook) " FROM (SELECT id, hook FROM board" $($of)+ " AND id > $1 ORDER BY id LIMIT $2) AS hooks")
    };
}
/// Those that are not, and have a webhook all the same.
pub(super) const OVERHOOKED: Statement = hooks!(
    {" INDEXED BY board_overhooked" | ""} " WHERE hook IS NOT NULL
    AND (room_id IS NULL OR status = 'ignored' OR (status = 'mirrored' AND reason IS NOT NULL AND reason <> 'drift'))"
);
pub(super) const HOOKED: Statement = hooks!(" WHERE hook IS NOT NULL");

/// One that was counted within the span passes again, and is not counted twice.
pub(super) const PASS_BRAKE: Statement = sql!(
    "INSERT INTO brake (lane, board, at) SELECT $1, $2, " now "
         WHERE (SELECT count(*) FROM brake WHERE lane = $1 AND board <> $2 AND at > " now " - $4) < $3
     ON CONFLICT (lane, board) DO UPDATE SET at = CASE WHEN brake.at > " now " - $4 THEN brake.at ELSE excluded.at END"
);

/// Boards that were counted before the span count no more. Each that passes takes some of them away, so that they do not pile up.
pub(super) const UNCOUNT: Statement = sql!(
    "DELETE FROM brake WHERE lane = $1 AND board " {"IN (" | "= ANY(ARRAY("} "
         SELECT board FROM brake WHERE lane = $1 AND at <= " now " - $2 ORDER BY at LIMIT 10" {")" | "))"}
);

pub(super) const TWINS: Statement = sql!("SELECT room_id, board FROM twin");
