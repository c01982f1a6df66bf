//! Reading for people. Lists are read in the order in which boards came to us: within a status and a reason the index holds them in this
//! order, so that a page costs the same wherever it begins.

use std::time::Duration;

use async_trait::async_trait;

use super::Sql;
use super::engine::{Engine, Row};
use super::many::CHUNK;
use super::row::{self, get, get_parsed, json, maybe};
use super::statement::{Statement, sql, texts};
use super::tally::tally;
use crate::model::board::Drift;
use crate::model::id::{BoardId, RoomId};
use crate::store::{
    Candidate, Cursor, Fact, Group, Happened, Load, Meant, Page, Progress, Sought, Standing,
    StoreError, Views, Words,
};

/// What is read of boards that a condition names.
macro_rules! standings {
    ($($condition:tt)+) => {
        sql!(
            "SELECT " {"rowid" | "number"} " AS cursor, id, name, short_link, status, reason, since, due_at, failures, failing_since, room_id,
                 title_returned, drift, (SELECT " {"json_group_array(room_id)" | "CAST(json_agg(room_id ORDER BY room_id) AS text)"} "
                     FROM twin WHERE twin.board = board.id AND settled = 0) AS twins
             FROM board WHERE " $($condition)+
        )
    };
}
const ALL: Statement = standings!(
    {"rowid > $1 ORDER BY rowid" | "number > $1 ORDER BY number"} " LIMIT $2"
);
/// Twins are counted: whether there are any PostgreSQL would ask of a list of all of them, made anew for each page.
const AT: Statement = standings!(
    "status = $3 AND " {"reason IS $4 AND rowid > $1" | "coalesce(reason, '') = coalesce($4, '') AND number > $1"} "
     AND NOT ($3 = 'mirrored' AND $4 IS NULL AND (SELECT count(*) FROM twin WHERE twin.board = board.id AND settled = 0) > 0)
     ORDER BY " {"rowid" | "number"} " LIMIT $2"
);
const TWINS: Statement = standings!(
    "id " {"IN (" | "= ANY(ARRAY("} "SELECT board FROM twin WHERE settled = 0" {") AND +" | ")) AND "} "status = 'mirrored' AND reason IS NULL
     AND " {"rowid > $1 ORDER BY rowid" | "number > $1 ORDER BY number"} " LIMIT $2"
);

/// Where the next 500 of a list end, and how many there are.
macro_rules! end {
    ($($condition:tt)+) => {
        sql!(
            "SELECT max(cursor) AS cursor, count(*) AS boards FROM
                 (SELECT " {"rowid" | "number"} " AS cursor FROM board WHERE " {"rowid" | "number"} " > $1 AND " $($condition)+ "
                  ORDER BY " {"rowid" | "number"} " LIMIT $2) AS next"
        )
    };
}
/// Those between two cursors whose names have one of three texts in them, or with a short link.
macro_rules! sought {
    ($($condition:tt)+) => {
        standings!(
            {"rowid" | "number"} " > $1 AND " {"rowid" | "number"} " <= $2 AND
             (" {"instr(lower(name), $3)" | "strpos(lower(name), $3)"} " > 0 OR " {"instr(lower(name), $4)" | "strpos(lower(name), $4)"} " > 0
              OR " {"instr(lower(name), $5)" | "strpos(lower(name), $5)"} " > 0 OR short_link = $6) AND " $($condition)+
            " ORDER BY " {"rowid" | "number"} " LIMIT $7"
        )
    };
}
const ALL_END: Statement = end!("true");
const AT_END: Statement =
    end!("status = $3 AND " {"reason IS $4" | "coalesce(reason, '') = coalesce($4, '')"});
const SOUGHT_IN_ALL: Statement = sought!("true");
const SOUGHT_AT: Statement = sought!(
    "status = $8 AND " {"reason IS $9" | "coalesce(reason, '') = coalesce($9, '')"} "
     AND NOT ($8 = 'mirrored' AND $9 IS NULL AND (SELECT count(*) FROM twin WHERE twin.board = board.id AND settled = 0) > 0)"
);
const SOUGHT_IN_TWINS: Statement = sought!(
    "status = 'mirrored' AND reason IS NULL AND (SELECT count(*) FROM twin WHERE twin.board = board.id AND settled = 0) > 0"
);

const ONE: Statement = standings!("id = $1");

/// How many boards one search looks through.
const LOOKED_THROUGH: u32 = 500;

const BY_ID: Statement = sql!("SELECT id, name, short_link FROM board WHERE id = $1 LIMIT $2");
const BY_SHORT_LINK: Statement =
    sql!("SELECT id, name, short_link FROM board WHERE short_link = $1 LIMIT $2");
/// A board whose name is its own short link is one board.
const BY_NAME_OR_SHORT_LINK: Statement = sql!(
    "SELECT id, name, short_link FROM board WHERE name = $1
     UNION SELECT id, name, short_link FROM board WHERE short_link = $1 ORDER BY id LIMIT $2"
);

#[async_trait]
impl<E: Engine> Views for Sql<E> {
    async fn groups(&self) -> Result<Vec<(Group, u64)>, StoreError> {
        let twins = sql!(
            "SELECT count(*) AS boards FROM board WHERE id " {"IN (" | "= ANY(ARRAY("} "SELECT board FROM twin WHERE settled = 0" {")" | "))"} "
                 AND " {"+" | ""} "status = 'mirrored' AND reason IS NULL"
        );
        let twins = self.engine.one(twins).await?;
        let twins: u64 = twins.map_or(Ok(0), |found| get(&found, "boards"))?;
        let mut groups = vec![(Group::Twins, twins)];
        for (words, count) in tally(&self.engine).await? {
            let apart = if words.status == "mirrored" && words.reason.is_none() {
                twins
            } else {
                0
            };
            groups.push((Group::At(words), count.saturating_sub(apart)));
        }
        groups.retain(|(_, count)| *count > 0);
        Ok(groups)
    }

    async fn standings(
        &self,
        group: &Group,
        after: Cursor,
        most: u32,
    ) -> Result<Page<Standing>, StoreError> {
        let standings = match group {
            Group::All => ALL.bind(after.0).bind(most),
            Group::Twins => TWINS.bind(after.0).bind(most),
            Group::At(words) => AT
                .bind(after.0)
                .bind(most)
                .bind(&words.status)
                .bind(words.reason.as_deref()),
        };
        page(&self.engine.read(standings).await?, most, standing)
    }

    async fn search(
        &self,
        group: &Group,
        after: Cursor,
        sought: &Sought,
        most: u32,
    ) -> Result<Page<Standing>, StoreError> {
        let end = match group {
            Group::All => ALL_END.bind(after.0).bind(LOOKED_THROUGH),
            Group::Twins => AT_END
                .bind(after.0)
                .bind(LOOKED_THROUGH)
                .bind("mirrored")
                .bind(None::<&str>),
            Group::At(words) => AT_END
                .bind(after.0)
                .bind(LOOKED_THROUGH)
                .bind(&words.status)
                .bind(words.reason.as_deref()),
        };
        let end = self.engine.one(end).await?;
        let (last, boards): (Option<i64>, i64) = match &end {
            Some(end) => (maybe(end, "cursor")?, get(end, "boards")?),
            None => (None, 0),
        };
        let Some(last) = last else {
            return Ok(Page {
                rows: Vec::new(),
                next: None,
            });
        };
        let search = match group {
            Group::All => SOUGHT_IN_ALL,
            Group::Twins => SOUGHT_IN_TWINS,
            Group::At(_) => SOUGHT_AT,
        };
        let [small, large, titled] = &sought.spellings;
        let search = search
            .bind(after.0)
            .bind(last)
            .bind(small)
            .bind(large)
            .bind(titled)
            .bind(&sought.text)
            .bind(most);
        let search = match group {
            Group::All | Group::Twins => search,
            Group::At(words) => search.bind(&words.status).bind(words.reason.as_deref()),
        };
        let found = page(&self.engine.read(search).await?, most, standing)?;
        let end = (boards >= i64::from(LOOKED_THROUGH)).then_some(Cursor(last));
        Ok(Page {
            // A full page ends before the boards do that were looked through.
            next: found.next.or(end),
            ..found
        })
    }

    async fn standing(&self, board: BoardId) -> Result<Option<Standing>, StoreError> {
        let found = self.engine.one(ONE.bind(board.to_string())).await?;
        found.as_ref().map(standing).transpose()
    }

    async fn find(&self, meant: Meant<'_>, most: u32) -> Result<Vec<Candidate>, StoreError> {
        let find = match meant {
            Meant::Id(id) => BY_ID.bind(id.to_string()),
            Meant::ShortLink(link) => BY_SHORT_LINK.bind(link),
            Meant::NameOrShortLink(text) => BY_NAME_OR_SHORT_LINK.bind(text),
        };
        let rows = self.engine.read(find.bind(most)).await?;
        rows.iter().map(candidate).collect()
    }

    async fn names(&self, boards: &[BoardId]) -> Result<Vec<(BoardId, String)>, StoreError> {
        let ask = sql!("SELECT id, name FROM board WHERE id " (among 1) " AND name IS NOT NULL");
        let mut names = Vec::new();
        for chunk in boards.chunks(CHUNK) {
            let rows = self.engine.read(ask.bind(texts(chunk))).await?;
            for found in &rows {
                names.push((get_parsed(found, "id")?, get(found, "name")?));
            }
        }
        Ok(names)
    }

    async fn load(&self, most: u32) -> Result<Load, StoreError> {
        let due = sql!(
            "SELECT (SELECT count(*) FROM (SELECT 1 FROM board WHERE due_at <= " now " LIMIT $1) AS counted) AS due,
                 (SELECT " now " - min(due_at) FROM board WHERE due_at <= " now ") AS oldest"
        );
        let due = self.engine.one(due.bind(most)).await?;
        let concerns = sql!(
            "SELECT code, count(*) AS subjects FROM (SELECT code FROM concern LIMIT $1) AS counted GROUP BY code ORDER BY code"
        );
        let concerns = self.engine.read(concerns.bind(most)).await?;
        let (count, oldest): (u64, Option<i64>) = match &due {
            Some(due) => (get(due, "due")?, maybe(due, "oldest")?),
            None => (0, None),
        };
        Ok(Load {
            due: count,
            oldest: Duration::from_millis(oldest.map_or(0, |age| u64::try_from(age).unwrap_or(0))),
            concerns: concerns
                .iter()
                .map(|row| Ok((get(row, "code")?, get(row, "subjects")?)))
                .collect::<Result<_, StoreError>>()?,
        })
    }

    async fn progress(&self) -> Result<Progress, StoreError> {
        let progress = sql!(
            "SELECT (SELECT min(due_at) FROM board WHERE due_at <= " now ") AS due_since,
                 (SELECT CAST(value AS " {"INTEGER" | "BIGINT"} ") FROM meta WHERE name = $1) AS swept_at,
                 (SELECT CAST(value AS " {"INTEGER" | "BIGINT"} ") FROM meta WHERE name = $2) AS audited_at,
                 (SELECT CAST(value AS " {"INTEGER" | "BIGINT"} ") FROM meta WHERE name = $3) AS webhooks_at"
        );
        let progress = progress
            .bind(Fact::SweptAt.as_str())
            .bind(Fact::AuditedAt.as_str())
            .bind(Fact::WebhooksAt.as_str());
        let Some(found) = self.engine.one(progress).await? else {
            return Ok(Progress::default());
        };
        Ok(Progress {
            due_since: maybe(&found, "due_since")?,
            swept_at: maybe(&found, "swept_at")?,
            audited_at: maybe(&found, "audited_at")?,
            webhooks_at: maybe(&found, "webhooks_at")?,
        })
    }

    async fn history(
        &self,
        board: BoardId,
        after: Cursor,
        most: u32,
    ) -> Result<Page<Happened>, StoreError> {
        // What a look saw and did is written down when it ends, with the moments at which it happened. A line after which the part begins
        // and that has gone since was before all that are left.
        let history = sql!(
            "SELECT id AS cursor, at, event, detail FROM history
             WHERE board = $1 AND (at, id) > (coalesce((SELECT at FROM history WHERE id = $2), 0), $2)
             ORDER BY at, id LIMIT $3"
        );
        let history = history.bind(board.to_string()).bind(after.0).bind(most);
        page(&self.engine.read(history).await?, most, happened)
    }
}

/// A page of what a query answered that asked for `most` rows. One that cannot be read is left out, and does not end the list.
pub(super) fn page<R: Row, T>(
    rows: &[R],
    most: u32,
    read: impl Fn(&R) -> Result<T, StoreError>,
) -> Result<Page<T>, StoreError> {
    let is_full = rows.len() >= most as usize;
    let last = rows.last().filter(|_| is_full);
    Ok(Page {
        rows: rows
            .iter()
            .filter_map(|row| row::readable(read(row)))
            .collect(),
        next: last.map(|row| get(row, "cursor")).transpose()?.map(Cursor),
    })
}

pub(super) fn standing(row: &impl Row) -> Result<Standing, StoreError> {
    let twins: Option<Vec<RoomId>> = json(row, "twins")?;
    let drift: Option<Drift> = json(row, "drift")?;
    let by_hand = drift.as_ref().and_then(|drift| drift.title.clone());
    Ok(Standing {
        id: get_parsed(row, "id")?,
        name: maybe(row, "name")?,
        short_link: maybe(row, "short_link")?,
        words: words(row)?,
        since: get(row, "since")?,
        next: maybe(row, "due_at")?,
        failures: get(row, "failures")?,
        failing_since: maybe(row, "failing_since")?,
        room: maybe(row, "room_id")?,
        room_title: by_hand.or(maybe(row, "title_returned")?),
        drift,
        twins: twins.unwrap_or_default(),
    })
}

fn words(row: &impl Row) -> Result<Words, StoreError> {
    Ok(Words {
        status: get(row, "status")?,
        reason: maybe(row, "reason")?,
    })
}

fn candidate(row: &impl Row) -> Result<Candidate, StoreError> {
    Ok(Candidate {
        id: get_parsed(row, "id")?,
        name: maybe(row, "name")?,
        short_link: maybe(row, "short_link")?,
    })
}

pub(super) fn happened(row: &impl Row) -> Result<Happened, StoreError> {
    Ok(Happened {
        at: get(row, "at")?,
        event: get(row, "event")?,
        detail: get(row, "detail")?,
    })
}
