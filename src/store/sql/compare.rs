//! What is compared with what is kept is compared here: a list of 100,000 boards would have to be written out for the database, and read
//! again by it, to learn that nothing has changed. So only ids are sent, and what is kept comes back in pages.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::engine::Engine;
use super::many::{CHUNK, PAGE, boards, page, walk};
use super::statement::{Statement, sql, texts};
use crate::model::board::{Drift, Listed};
use crate::model::id::{BoardId, RoomId, WorkspaceId};
use crate::store::{Housed, Shown, StoreError};

/// Of the boards of a list what a list tells, whether they rest, and whether a list that has them at all is news. Boards that are due are
/// looked at anyway, but for those whose wait may have ended.
const KEPT: Statement = sql!(
    "SELECT " (rows id, name, workspace, closed, rests, surprises) " FROM
         (SELECT id, name, workspace, closed,
              CASE WHEN due_at IS NULL OR (status = 'waiting' AND reason IN ('grace', 'deletion')) THEN 1 ELSE 0 END AS rests,
              CASE WHEN reason IN ('gone', 'board_not_found', 'board_not_visible', 'outside_workspaces', 'not_visible', 'board_deleted')
                  THEN 1 ELSE 0 END AS surprises
          FROM board WHERE id " (among 1) ") AS kept"
);

/// Boards that were missing from a complete list.
const MISSED: Statement = sql!(
    "SELECT " (rows id) " FROM (SELECT id FROM board WHERE missing_at IS NOT NULL AND id > $1 ORDER BY id LIMIT $2) AS missed"
);
/// Boards that a complete list of `$3` must have. In the very words of the index.
const EXPECTED: Statement = sql!(
    "SELECT " (rows id) " FROM
         (SELECT id FROM board WHERE " {"workspace IS $3" | "coalesce(workspace, '') = coalesce($3, '')"} " AND id > $1
              AND room_id IS NOT NULL AND missing_at IS NULL AND kind IS NOT NULL AND status <> 'ignored'
          ORDER BY id LIMIT $2) AS expected"
);

/// Quiet boards with what is known of their rooms.
const QUIET: Statement = sql!(
    "SELECT " (rows id, room_id, title_returned, room_archived, is_gone, drift) " FROM
         (SELECT id, room_id, title_returned, room_archived, CASE WHEN gone_at IS NULL THEN 0 ELSE 1 END AS is_gone, drift
          FROM board WHERE room_id > $1 AND " {"+" | ""} "status = 'mirrored' AND coalesce(reason, '') IN ('', 'drift') AND due_at IS NULL
          ORDER BY room_id LIMIT $2) AS quiet"
);

/// Of the boards of a list those that have a room.
const HOUSED: Statement = sql!(
    "SELECT " (rows id, room_id, is_made) " FROM
         (SELECT id, room_id, CASE WHEN title_sent IS NULL THEN 0 ELSE 1 END AS is_made
          FROM board WHERE id " (among 1) " AND room_id IS NOT NULL) AS housed"
);

/// A row of [`KEPT`].
#[derive(Deserialize)]
struct Kept(
    BoardId,
    Option<String>,
    Option<WorkspaceId>,
    Option<i64>,
    u8,
    u8,
);

/// A row of [`QUIET`].
#[derive(Deserialize)]
struct Quiet(
    BoardId,
    RoomId,
    String,
    Option<i64>,
    u8,
    #[serde(deserialize_with = "drift")] Option<Drift>,
);

/// Drift as it is stored: a text that is JSON.
fn drift<'de, D: Deserializer<'de>>(text: D) -> Result<Option<Drift>, D::Error> {
    let text = Option::<String>::deserialize(text)?;
    let drift = text.as_deref().map(serde_json::from_str).transpose();
    drift.map_err(D::Error::custom)
}

/// The boards of a list that are unknown, or are not as they were last seen, in the order of their ids.
pub(super) async fn differing(
    engine: &impl Engine,
    boards: &[Listed],
) -> Result<Vec<BoardId>, StoreError> {
    let mut boards: Vec<_> = boards.iter().collect();
    boards.sort_unstable_by_key(|board| board.id);
    let mut differing = Vec::new();
    for chunk in boards.chunks(CHUNK) {
        let ids = texts(chunk.iter().map(|board| board.id));
        let mut kept: Vec<Kept> = page(engine, KEPT.bind(ids)).await?;
        kept.sort_unstable_by_key(|kept| kept.0);
        let differs = |listed: &&&Listed| {
            let found = kept.binary_search_by_key(&listed.id, |kept| kept.0);
            found.map_or(true, |at| kept[at].differs_from(listed))
        };
        differing.extend(chunk.iter().filter(differs).map(|board| board.id));
    }
    Ok(differing)
}

impl Kept {
    fn differs_from(&self, listed: &Listed) -> bool {
        let Self(_, name, workspace, closed, rests, surprises) = self;
        let is_same = name
            .as_deref()
            .is_some_and(|name| is_same(name, &listed.name))
            && *workspace == listed.workspace
            && *closed == Some(listed.closed.into());
        *rests == 1 && (*surprises == 1 || !is_same)
    }
}

pub(super) async fn housed(
    engine: &impl Engine,
    boards: &[BoardId],
) -> Result<Vec<Housed>, StoreError> {
    let mut housed = Vec::new();
    for chunk in boards.chunks(CHUNK) {
        let rows: Vec<(BoardId, RoomId, u8)> = page(engine, HOUSED.bind(texts(chunk))).await?;
        housed.extend(rows.into_iter().map(|(board, room, is_made)| Housed {
            board,
            room,
            is_made: is_made == 1,
        }));
    }
    Ok(housed)
}

/// Whether a text is stored as this one. PostgreSQL stores another character in place of the one that it cannot hold.
fn is_same(stored: &str, text: &str) -> bool {
    let storable = |sign| if sign == '\0' { '\u{fffd}' } else { sign };
    stored == text || stored.chars().map(storable).eq(text.chars().map(storable))
}

/// Of a complete list of `workspace`: boards that it shows though they were missing, and those that it lacks for the first time.
pub(super) async fn missing(
    engine: &impl Engine,
    workspace: Option<WorkspaceId>,
    list: &[BoardId],
) -> Result<(Vec<BoardId>, Vec<BoardId>), StoreError> {
    let mut listed = list.to_vec();
    listed.sort_unstable();
    let is_listed = |board: &BoardId| listed.binary_search(board).is_ok();
    let workspace = workspace.map(|workspace| workspace.to_string());
    let mut back = boards(engine, |after| MISSED.bind(after).bind(PAGE)).await?;
    let expected = |after| EXPECTED.bind(after).bind(PAGE).bind(workspace.as_deref());
    let mut lacking = boards(engine, expected).await?;
    back.retain(is_listed);
    lacking.retain(|board| !is_listed(board));
    Ok((back, lacking))
}

/// The boards of which the rooms that are shown, all that there are, differ from what is known of them.
pub(super) async fn moved(
    engine: &impl Engine,
    rooms: &[Shown],
) -> Result<Vec<BoardId>, StoreError> {
    let mut rooms: Vec<_> = rooms.iter().collect();
    rooms.sort_unstable_by_key(|shown| shown.room);
    let mut moved = Vec::new();
    let ask = |after: &RoomId| QUIET.bind(*after).bind(PAGE);
    let take = |quiet: Quiet| {
        let found = rooms.binary_search_by_key(&quiet.1, |shown| shown.room);
        if quiet.differs_from(found.ok().map(|at| rooms[at])) {
            moved.push(quiet.0);
        }
    };
    walk(engine, RoomId(0), ask, |quiet| quiet.1, take).await?;
    Ok(moved)
}

impl Quiet {
    /// A title that differs from what the server returned for ours, or from the one that is known to be a person's, is news; but not where
    /// the board is gone, and nobody can say any more what the room should be called. A room has our tags unless it is known to lack one.
    fn differs_from(&self, shown: Option<&Shown>) -> bool {
        let Self(_, _, title, archived, is_gone, drift) = self;
        let drift = drift.clone().unwrap_or_default();
        let Some(shown) = shown else {
            return !drift.untagged && !drift.deleted;
        };
        let title = drift.title.as_ref().unwrap_or(title);
        let archived = drift.archived.or(archived.map(|archived| archived != 0));
        (*is_gone == 0 && !is_same(title, &shown.title))
            || archived.is_some_and(|archived| archived != shown.archived)
            || shown.tagged == drift.untagged
            || drift.deleted
    }
}
