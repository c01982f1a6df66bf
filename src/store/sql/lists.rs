//! The lists of the pages. Within a status and a reason the index holds boards in the order in which they came, so that a part of all of one
//! reason costs the same wherever it begins; of a status it is put together from those of its reasons, which are few.

use async_trait::async_trait;

use super::Sql;
use super::engine::{Engine, Row};
use super::row::{get, maybe};
use super::statement::{Query, Statement, sql};
use super::tally::tally;
use super::views::{happened, page, standing};
use crate::model::id::BoardId;
use crate::store::{
    Cursor, Entry, Filter, Happened, Lists, Page, Sought, Standing, StoreError, Words,
};

/// Boards before a cursor that a condition lets through, the latest first.
macro_rules! latest {
    ($($condition:tt)+) => {
        sql!(
            "SELECT " {"rowid" | "number"} " AS cursor, id, name, short_link, status, reason, since, due_at, failures, failing_since, room_id,
                 title_returned, room_archived, drift, (SELECT " {"json_group_array(room_id)" | "CAST(json_agg(room_id ORDER BY room_id) AS text)"} "
                     FROM twin WHERE twin.board = board.id AND settled = 0) AS twins
             FROM board WHERE " {"rowid" | "number"} " < $1 AND " $($condition)+ " ORDER BY " {"rowid" | "number"} " DESC LIMIT $2"
        )
    };
}
const ALL: Statement = latest!("true");
const AT: Statement =
    latest!("status = $3 AND " {"reason IS $4" | "coalesce(reason, '') = coalesce($4, '')"});
/// One of the spellings of a text in the name, or all of a short link.
macro_rules! sought {
    ($($condition:tt)+) => {
        latest!(
            "(" {"instr" | "strpos"} "(lower(name), $3) > 0 OR " {"instr" | "strpos"} "(lower(name), $4) > 0
              OR " {"instr" | "strpos"} "(lower(name), $5) > 0 OR short_link = $6) AND " $($condition)+
        )
    };
}
const SOUGHT: Statement = sought!("true");
const ONE: Statement = latest!("id = $3");
const SOUGHT_AT: Statement =
    sought!("status = $7 AND " {"reason IS $8" | "coalesce(reason, '') = coalesce($8, '')"});
/// The same for a text that has one spelling, which is most of them: every name is read.
macro_rules! sought_plainly {
    ($($condition:tt)+) => {
        latest!("(" {"instr" | "strpos"} "(lower(name), $3) > 0 OR short_link = $4) AND " $($condition)+)
    };
}
const PLAIN: Statement = sought_plainly!("true");
const PLAIN_AT: Statement = sought_plainly!("status = $5 AND " {"reason IS $6" | "coalesce(reason, '') = coalesce($6, '')"});

#[async_trait]
impl<E: Engine> Lists for Sql<E> {
    async fn latest(
        &self,
        filter: &Filter,
        before: Option<Cursor>,
        most: u32,
    ) -> Result<Page<Entry>, StoreError> {
        let before = before.map_or(i64::MAX, |cursor| cursor.0);
        let text = filter.text.as_deref();
        let mut rows = Vec::new();
        if let Some(id) = text.and_then(|text| text.parse::<BoardId>().ok()) {
            // Whoever names one board wants to see it, wherever it stands.
            let one = ONE.bind(before).bind(most).bind(id.to_string());
            return page(&self.engine.read(one).await?, most, entry);
        }
        match &filter.status {
            None => rows = self.engine.read(of_all(text, before, most)).await?,
            Some(status) => {
                for words in groups(self, status, filter.reason.as_deref()).await? {
                    rows.extend(self.engine.read(of(&words, text, before, most)).await?);
                }
                let mut sorted = Vec::with_capacity(rows.len());
                for row in rows {
                    sorted.push((get::<i64>(&row, "cursor")?, row));
                }
                sorted.sort_unstable_by_key(|(cursor, _)| std::cmp::Reverse(*cursor));
                sorted.truncate(most as usize);
                rows = sorted.into_iter().map(|(_, row)| row).collect();
            }
        }
        page(&rows, most, entry)
    }

    async fn latest_history(
        &self,
        board: BoardId,
        before: Option<Cursor>,
        most: u32,
    ) -> Result<Page<Happened>, StoreError> {
        let history = sql!(
            "SELECT cursor, at, event, detail FROM
                 (SELECT row_number() OVER (ORDER BY at, id) AS cursor, at, event, detail FROM history WHERE board = $1) AS ordered
             WHERE cursor < $2 ORDER BY cursor DESC LIMIT $3"
        );
        let before = before.map_or(i64::MAX, |cursor| cursor.0);
        let history = history.bind(board.to_string()).bind(before).bind(most);
        page(&self.engine.read(history).await?, most, happened)
    }

    async fn pulse(&self) -> Result<i64, StoreError> {
        let pulse = sql!("SELECT max(id) AS pulse FROM history");
        let pulse = self.engine.one(pulse).await?;
        Ok(pulse
            .map_or(Ok(None), |found| maybe(&found, "pulse"))?
            .unwrap_or(0))
    }
}

/// The reasons that boards with a status have, or the one that is asked for.
async fn groups<E: Engine>(
    store: &Sql<E>,
    status: &str,
    reason: Option<&str>,
) -> Result<Vec<Words>, StoreError> {
    let all = tally(&store.engine).await?.into_iter();
    Ok(all
        .filter(|(words, boards)| {
            *boards > 0
                && words.status == status
                && (reason.is_none() || words.reason.as_deref() == reason)
        })
        .map(|(words, _)| words)
        .collect())
}

fn of_all(text: Option<&str>, before: i64, most: u32) -> Query {
    match text {
        None => ALL.bind(before).bind(most),
        Some(text) => sought([SOUGHT, PLAIN], text, before, most),
    }
}

fn of(words: &Words, text: Option<&str>, before: i64, most: u32) -> Query {
    let query = match text {
        None => AT.bind(before).bind(most),
        Some(text) => sought([SOUGHT_AT, PLAIN_AT], text, before, most),
    };
    query.bind(&words.status).bind(words.reason.as_deref())
}

/// `statements` are for several spellings and for one.
fn sought(statements: [Statement; 2], text: &str, before: i64, most: u32) -> Query {
    let Sought { text, spellings } = Sought::new(text);
    let [several, one] = statements;
    let is_one = spellings.iter().all(|spelling| *spelling == spellings[0]);
    let statement = if is_one { one } else { several };
    let query = statement.bind(before).bind(most);
    let spellings = spellings.into_iter().take(if is_one { 1 } else { 3 });
    spellings.fold(query, Query::bind).bind(text)
}

fn entry(found: &impl Row) -> Result<Entry, StoreError> {
    let standing: Standing = standing(found)?;
    Ok(Entry {
        standing,
        is_archived: maybe(found, "room_archived")?.unwrap_or(false),
    })
}
