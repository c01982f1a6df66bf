//! Many boards at a time: they are read page by page, each page as one value, for a row of its own for each would cost the driver more than
//! the database; and they are written in chunks, for deliveries and looks at boards wait for each.

use serde::de::DeserializeOwned;

use super::engine::{Engine, Row as _};
use super::statement::{Argument, Query, Statement, sql, texts};
use crate::model::id::BoardId;
use crate::model::status::Status;
use crate::store::StoreError;

/// How many rows a page has.
pub(super) const PAGE: u32 = 10_000;
/// How many boards one statement writes, or looks up.
pub(super) const CHUNK: usize = 1_000;

/// Boards at a status, in the order of the index.
const STANDING: Statement = sql!(
    "SELECT " (rows number, id) " FROM
         (SELECT " {"rowid AS number" | "number"} ", id FROM board WHERE status = $3
              AND " {"reason IS $4 AND rowid > $1" | "coalesce(reason, '') = coalesce($4, '') AND number > $1"} "
          ORDER BY " {"rowid" | "number"} " LIMIT $2) AS standing"
);

/// The rows of a statement that answers with `(rows …)`, each a tuple of its columns.
pub(super) async fn page<T: DeserializeOwned>(
    engine: &impl Engine,
    query: impl Into<Query> + Send,
) -> Result<Vec<T>, StoreError> {
    let found = engine.one(query).await?;
    let text = match &found {
        Some(found) => found.text("page")?.unwrap_or("[]"),
        None => "[]",
    };
    serde_json::from_str(text).map_err(|error| StoreError::Unreadable(format!("page: {error}")))
}

/// Reads one page after the other. `ask` asks for those behind a key, [`PAGE`] at most; `key` tells that of a row; `take` has each row.
pub(super) async fn walk<K: Ord + Send, T: DeserializeOwned + Send>(
    engine: &impl Engine,
    first: K,
    ask: impl Fn(&K) -> Query + Send,
    key: impl Fn(&T) -> K + Send,
    mut take: impl FnMut(T) + Send,
) -> Result<(), StoreError> {
    let mut after = first;
    loop {
        let rows: Vec<T> = page(engine, ask(&after)).await?;
        let is_full = rows.len() >= PAGE as usize;
        let last = rows.iter().map(&key).max();
        rows.into_iter().for_each(&mut take);
        match last {
            Some(last) if is_full => after = last,
            Some(_) | None => return Ok(()),
        }
    }
}

/// All boards of a statement that reads those behind the id that it is asked for.
pub(super) async fn boards(
    engine: &impl Engine,
    ask: impl Fn(String) -> Query + Send,
) -> Result<Vec<BoardId>, StoreError> {
    let mut boards = Vec::new();
    let ask = move |after: &Option<BoardId>| ask(id_or_none(*after));
    let take = |(board,): (BoardId,)| boards.push(board);
    walk(engine, None, ask, |row| Some(row.0), take).await?;
    Ok(boards)
}

/// An id as it is bound where reading begins behind it; the empty text comes before all.
pub(super) fn id_or_none(after: Option<BoardId>) -> String {
    after.map_or(String::new(), |after| after.to_string())
}

/// All boards at a status.
pub(super) async fn standing_at(
    engine: &impl Engine,
    status: Status,
) -> Result<Vec<BoardId>, StoreError> {
    let (status, reason) = status.words();
    let mut boards = Vec::new();
    let ask = |after: &i64| STANDING.bind(*after).bind(PAGE).bind(status).bind(reason);
    let take = |(_, board): (i64, BoardId)| boards.push(board);
    walk(engine, 0, ask, |row| row.0, take).await?;
    Ok(boards)
}

/// Changes the boards of a list, so many at a time; says how many it changed. `change` has the list as its first argument.
pub(super) async fn change(
    engine: &impl Engine,
    change: impl Fn(Argument) -> Query + Send,
    mut boards: Vec<BoardId>,
) -> Result<u64, StoreError> {
    boards.sort_unstable();
    let mut changed = 0;
    for chunk in boards.chunks(CHUNK) {
        changed += engine.execute(change(texts(chunk))).await?;
    }
    Ok(changed)
}
