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
const TWINS: Statement = latest!(
    "id " {"IN (" | "= ANY(ARRAY("} "SELECT board FROM twin WHERE settled = 0" {")" | "))"} "
     AND " {"+" | ""} "status = 'mirrored' AND reason IS NULL"
);
const ONE: Statement = latest!("id = $3");

/// Where the boards end that one search looks through, and how many they are.
macro_rules! end {
    ($($condition:tt)+) => {
        sql!(
            "SELECT min(cursor) AS cursor, count(*) AS boards FROM
                 (SELECT " {"rowid" | "number"} " AS cursor FROM board WHERE " {"rowid" | "number"} " < $1 AND " $($condition)+ "
                  ORDER BY " {"rowid" | "number"} " DESC LIMIT $2) AS next"
        )
    };
}
/// Those from an end on that have one of the spellings of a text in the name, or all of it as their short link.
macro_rules! sought {
    ($($condition:tt)+) => {
        latest!(
            {"rowid" | "number"} " >= $3 AND (" {"instr" | "strpos"} "(lower(name), $4) > 0 OR " {"instr" | "strpos"} "(lower(name), $5) > 0
              OR " {"instr" | "strpos"} "(lower(name), $6) > 0 OR short_link = $7) AND " $($condition)+
        )
    };
}
const ALL_END: Statement = end!("true");
const AT_END: Statement =
    end!("status = $3 AND " {"reason IS $4" | "coalesce(reason, '') = coalesce($4, '')"});
const SOUGHT: Statement = sought!("true");
const SOUGHT_AT: Statement =
    sought!("status = $8 AND " {"reason IS $9" | "coalesce(reason, '') = coalesce($9, '')"});
const SOUGHT_IN_TWINS: Statement = sought!(
    "status = 'mirrored' AND reason IS NULL AND (SELECT count(*) FROM twin WHERE twin.board = board.id AND settled = 0) > 0"
);

/// How many boards of each reason one search looks through.
const LOOKED_THROUGH: u32 = 500;

/// Boards that one statement reads.
#[derive(Debug)]
enum Part {
    All,
    /// With these words, whether they have twins or not.
    At(Words),
    Twins,
}

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
        if let Some(id) = text.and_then(|text| text.parse::<BoardId>().ok()) {
            // Whoever names one board wants to see it, wherever it stands.
            let one = ONE.bind(before).bind(more(most)).bind(id.to_string());
            return first(self.engine.read(one).await?, most, entry);
        }
        let parts = parts(self, filter).await?;
        let end = match text {
            None => None,
            Some(_) => end(self, &parts, before).await?,
        };
        let mut rows = Vec::new();
        for part in &parts {
            let query = match text {
                None => part.all(before, most),
                Some(text) => part.sought(&Sought::new(text), [before, end.unwrap_or(0)], most),
            };
            for row in self.engine.read(query).await? {
                rows.push((get::<i64>(&row, "cursor")?, row));
            }
        }
        rows.sort_unstable_by_key(|(cursor, _)| std::cmp::Reverse(*cursor));
        let rows = rows.into_iter().map(|(_, row)| row).collect();
        let found = first(rows, most, entry)?;
        Ok(Page {
            next: found.next.or(end.map(Cursor)),
            ..found
        })
    }

    async fn latest_history(
        &self,
        board: BoardId,
        before: Option<Cursor>,
        most: u32,
    ) -> Result<Page<Happened>, StoreError> {
        // The line before which the part begins may have gone since; then so have all before it.
        let history = sql!(
            "SELECT id AS cursor, at, event, detail FROM history
             WHERE board = $1 AND (at, id) < (coalesce((SELECT at FROM history WHERE id = $2), $3), $2)
             ORDER BY at DESC, id DESC LIMIT $4"
        );
        let [before, at] = before.map_or([i64::MAX; 2], |cursor| [cursor.0, 0]);
        let history = history.bind(board.to_string()).bind(before).bind(at);
        let history = history.bind(more(most));
        first(self.engine.read(history).await?, most, happened)
    }

    async fn pulse(&self) -> Result<i64, StoreError> {
        let pulse = sql!("SELECT max(id) AS pulse FROM history");
        let pulse = self.engine.one(pulse).await?;
        Ok(pulse
            .map_or(Ok(None), |found| maybe(&found, "pulse"))?
            .unwrap_or(0))
    }
}

/// One more than is shown, so that it is known whether there is one.
fn more(most: u32) -> u32 {
    most.saturating_add(1)
}

/// The first of the rows. If there are others, the next part begins after these.
fn first<R: Row, T>(
    mut rows: Vec<R>,
    most: u32,
    read: impl Fn(&R) -> Result<T, StoreError>,
) -> Result<Page<T>, StoreError> {
    let is_all = rows.len() <= most as usize;
    rows.truncate(most as usize);
    let found = page(&rows, most, read)?;
    Ok(Page {
        next: found.next.filter(|_| !is_all),
        ..found
    })
}

/// What to read for a filter: of a status, each reason that its boards have.
async fn parts<E: Engine>(store: &Sql<E>, filter: &Filter) -> Result<Vec<Part>, StoreError> {
    let reason = filter.reason.as_deref();
    let Some(status) = &filter.status else {
        return Ok(vec![Part::All]);
    };
    if (status.as_str(), reason) == ("mirrored", Some("twins")) {
        return Ok(vec![Part::Twins]);
    }
    let all = tally(&store.engine).await?.into_iter();
    Ok(all
        .filter(|(words, boards)| {
            *boards > 0
                && words.status == *status
                && (reason.is_none() || words.reason.as_deref() == reason)
        })
        .map(|(words, _)| Part::At(words))
        .collect())
}

/// How far one search reaches: as far as the part reaches that has the most boards there. None if that is all of them.
async fn end<E: Engine>(
    store: &Sql<E>,
    parts: &[Part],
    before: i64,
) -> Result<Option<i64>, StoreError> {
    let mut reached = None;
    for part in parts {
        let Some(end) = store.engine.one(part.end(before)).await? else {
            continue;
        };
        let boards: u64 = get(&end, "boards")?;
        if boards >= LOOKED_THROUGH.into() {
            reached = reached.max(maybe(&end, "cursor")?);
        }
    }
    Ok(reached)
}

impl Part {
    fn all(&self, before: i64, most: u32) -> Query {
        let statement = match self {
            Self::All => ALL,
            Self::At(_) => AT,
            Self::Twins => TWINS,
        };
        self.told(statement.bind(before).bind(more(most)))
    }

    fn end(&self, before: i64) -> Query {
        let query = |statement: Statement| statement.bind(before).bind(LOOKED_THROUGH);
        match self {
            Self::All => query(ALL_END),
            Self::At(_) => self.told(query(AT_END)),
            Self::Twins => query(AT_END).bind("mirrored").bind(None::<&str>),
        }
    }

    fn sought(&self, sought: &Sought, [before, end]: [i64; 2], most: u32) -> Query {
        let statement = match self {
            Self::All => SOUGHT,
            Self::At(_) => SOUGHT_AT,
            Self::Twins => SOUGHT_IN_TWINS,
        };
        let query = statement.bind(before).bind(more(most)).bind(end);
        let query = sought.spellings.iter().fold(query, Query::bind);
        self.told(query.bind(&sought.text))
    }

    /// The words last, where a statement needs them.
    fn told(&self, query: Query) -> Query {
        match self {
            Self::All | Self::Twins => query,
            Self::At(words) => query.bind(&words.status).bind(words.reason.as_deref()),
        }
    }
}

fn entry(found: &impl Row) -> Result<Entry, StoreError> {
    let standing: Standing = standing(found)?;
    Ok(Entry {
        standing,
        is_archived: maybe(found, "room_archived")?.unwrap_or(false),
    })
}
