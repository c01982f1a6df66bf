//! Reading for people. Lists are read by row id: within a status and a reason the index holds them in this order, so that a page costs the
//! same wherever it begins.

use async_trait::async_trait;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::Sqlite;
use super::row::{self, json, parsed, time};
use crate::model::id::{BoardId, RoomId};
use crate::model::time::Timestamp;
use crate::store::{
    Candidate, Cursor, Group, Happened, Meant, Page, Standing, StoreError, Views, Words,
};

/// What is read of boards that a condition names.
macro_rules! standings {
    ($condition:literal) => {
        concat!(
            "SELECT rowid AS cursor, id, name, short_link, status, reason, since, due_at, failures, failing_since, room_id,
                 title_returned, drift, (SELECT json_group_array(room_id) FROM twin WHERE twin.board = board.id AND settled = 0) AS twins
             FROM board WHERE ",
            $condition
        )
    };
}
const ALL: &str = standings!("rowid > $1 ORDER BY rowid LIMIT $2");
const AT: &str = standings!(
    "status = $3 AND reason IS $4 AND rowid > $1
     AND NOT ($3 = 'mirrored' AND $4 IS NULL AND EXISTS (SELECT 1 FROM twin WHERE twin.board = board.id AND settled = 0))
     ORDER BY rowid LIMIT $2"
);
const TWINS: &str = standings!(
    "id IN (SELECT board FROM twin WHERE settled = 0) AND +status = 'mirrored' AND reason IS NULL AND rowid > $1
     ORDER BY rowid LIMIT $2"
);
const ONE: &str = standings!("id = $1");

#[async_trait]
impl Views for Sqlite {
    async fn groups(&self) -> Result<Vec<(Group, u64)>, StoreError> {
        let rows: Vec<(String, Option<String>, i64)> =
            sqlx::query_as("SELECT status, reason, count(*) FROM board GROUP BY status, reason")
                .fetch_all(&self.read)
                .await?;
        let twins: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM board WHERE id IN (SELECT board FROM twin WHERE settled = 0)
                 AND +status = 'mirrored' AND reason IS NULL",
        )
        .fetch_one(&self.read)
        .await?;
        let mut groups = vec![(Group::Twins, twins)];
        for (status, reason, count) in rows {
            let apart = if status == "mirrored" && reason.is_none() {
                twins
            } else {
                0
            };
            groups.push((Group::At(Words { status, reason }), count - apart));
        }
        let count = |(group, count): (Group, i64)| (group, u64::try_from(count).unwrap_or(0));
        let counted = groups.into_iter().map(count);
        Ok(counted.filter(|(_, count)| *count > 0).collect())
    }

    async fn standings(
        &self,
        group: &Group,
        after: Cursor,
        most: u32,
    ) -> Result<Page<Standing>, StoreError> {
        let query = match group {
            Group::All => sqlx::query(ALL).bind(after.0).bind(most),
            Group::Twins => sqlx::query(TWINS).bind(after.0).bind(most),
            Group::At(words) => sqlx::query(AT)
                .bind(after.0)
                .bind(most)
                .bind(&words.status)
                .bind(words.reason.as_deref()),
        };
        page(&query.fetch_all(&self.read).await?, most, standing)
    }

    async fn standing(&self, board: BoardId) -> Result<Option<Standing>, StoreError> {
        let found = sqlx::query(ONE)
            .bind(board.to_string())
            .fetch_optional(&self.read)
            .await?;
        found.as_ref().map(standing).transpose()
    }

    async fn find(&self, meant: Meant<'_>, most: u32) -> Result<Vec<Candidate>, StoreError> {
        let query = match meant {
            Meant::Id(id) => {
                sqlx::query_as("SELECT id, name, short_link FROM board WHERE id = $1 LIMIT $2")
                    .bind(id.to_string())
            }
            Meant::ShortLink(link) => sqlx::query_as(
                "SELECT id, name, short_link FROM board WHERE short_link = $1 LIMIT $2",
            )
            .bind(link.to_owned()),
            // A board whose name is its own short link is one board.
            Meant::NameOrShortLink(text) => sqlx::query_as(
                "SELECT id, name, short_link FROM board WHERE name = $1
                 UNION SELECT id, name, short_link FROM board WHERE short_link = $1 ORDER BY id LIMIT $2",
            )
            .bind(text.to_owned()),
        };
        let rows: Vec<(String, Option<String>, Option<String>)> =
            query.bind(most).fetch_all(&self.read).await?;
        let read = |(id, name, short_link): (String, Option<String>, Option<String>)| {
            Ok(Candidate {
                id: parsed(&id)?,
                name,
                short_link,
            })
        };
        rows.into_iter().map(read).collect()
    }

    async fn history(
        &self,
        board: BoardId,
        after: Cursor,
        most: u32,
    ) -> Result<Page<Happened>, StoreError> {
        let rows = sqlx::query(
            // What a look saw and did is written down when it ends, with the moments at which it happened.
            "SELECT cursor, at, event, detail FROM
                 (SELECT row_number() OVER (ORDER BY at, id) AS cursor, at, event, detail FROM history WHERE board = $1)
             WHERE cursor > $2 ORDER BY cursor LIMIT $3",
        )
        .bind(board.to_string())
        .bind(after.0)
        .bind(most)
        .fetch_all(&self.read)
        .await?;
        page(&rows, most, |row| {
            Ok(Happened {
                at: Timestamp(row.try_get("at")?),
                event: row.try_get("event")?,
                detail: row.try_get("detail")?,
            })
        })
    }
}

/// A page of what a query answered that asked for `most` rows. One that cannot be read is left out, and does not end the list.
fn page<T>(
    rows: &[SqliteRow],
    most: u32,
    read: impl Fn(&SqliteRow) -> Result<T, StoreError>,
) -> Result<Page<T>, StoreError> {
    let is_full = rows.len() >= most as usize;
    let last = rows.last().filter(|_| is_full);
    Ok(Page {
        rows: rows
            .iter()
            .filter_map(|row| row::readable(read(row)))
            .collect(),
        next: last
            .map(|row| row.try_get("cursor"))
            .transpose()?
            .map(Cursor),
    })
}

fn standing(row: &SqliteRow) -> Result<Standing, StoreError> {
    let twins: Option<Vec<RoomId>> = json(row, "twins")?;
    Ok(Standing {
        id: parsed(row.try_get("id")?)?,
        name: row.try_get("name")?,
        short_link: row.try_get("short_link")?,
        words: Words {
            status: row.try_get("status")?,
            reason: row.try_get("reason")?,
        },
        since: Timestamp(row.try_get("since")?),
        next: time(row, "due_at")?,
        failures: row.try_get("failures")?,
        failing_since: time(row, "failing_since")?,
        room: row.try_get::<Option<i64>, _>("room_id")?.map(RoomId),
        room_title: row.try_get("title_returned")?,
        drift: json(row, "drift")?,
        twins: twins.unwrap_or_default(),
    })
}
