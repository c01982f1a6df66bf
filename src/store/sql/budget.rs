//! The shared budget: a row for what each service holds, one for each that waits, and one for what rests, with when it is free again.

use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;

use super::Sql;
use super::engine::{Engine, Lock, Transaction};
use super::row::{get, maybe};
use super::statement::{Statement, records, sql};
use crate::model::time::milliseconds;
use crate::store::StoreError;
use crate::store::budget::{Account, Before, Entry, Leased, Permits, Terms, decide};

/// Nothing is occupied for longer than its terms say and this: beyond it lies only what a clock that was set back has left there.
const SLACK: Duration = Duration::from_mins(1);

/// Forgets what is free again, and takes the holder's own rows to write them anew. `$2` is for how long a row of schema 2 counts.
const TAKE: Statement = sql!(
    "DELETE FROM budget WHERE holder = $1 OR coalesce(free_at, at + $2) <= " now "
     RETURNING CASE WHEN holder = $1 AND free_at > " now " THEN permits ELSE 0 END AS held, CASE WHEN holder = $1 THEN since END AS since"
);

/// What others have, all that rests together.
const OTHERS: Statement = sql!(
    "SELECT holder, need, since, CAST(sum(permits) AS BIGINT) AS permits,
         min(coalesce(free_at, at + $1)) - " now " AS first, max(coalesce(free_at, at + $1)) - " now " AS last
         FROM budget GROUP BY holder, need, since"
);

/// A clock that was set back must not keep the budget occupied for hours.
const CUT: Statement = sql!(
    "UPDATE budget SET free_at = " now " + $2 WHERE coalesce(free_at, at + $1) > " now " + $2"
);

/// A program of schema 2 reads a row as so many permits that were used at `at`.
const WRITE: Statement = sql!(
    "INSERT INTO budget (at, permits, holder, free_at, need, since)
     SELECT " now " + given.free - $2, given.permits, given.holder, " now " + given.free, given.need,
         CASE WHEN given.need IS NOT NULL THEN coalesce(given.since, " now ") END
         FROM " (records 1 (free: bigint, permits: bigint, holder: text, need: bigint, since: bigint))
);

#[async_trait]
impl<E: Engine> Permits for Sql<E> {
    async fn exchange_permits(
        &self,
        account: &Account<'_>,
        terms: &Terms,
    ) -> Result<Leased, StoreError> {
        let mut write = self.engine.begin().await?;
        // First: what is occupied must not change until it is written what was granted.
        write.lock(Lock::Budget).await?;
        let before = take(&mut write, account.holder, terms).await?;
        let others = others(&mut write, terms).await?;
        let (leased, entries) = decide(account, before, &others, terms);
        if !entries.is_empty() {
            let entries: Vec<_> = entries.iter().map(Given::from).collect();
            let entries = WRITE.bind(records(&entries));
            write.execute(entries.bind(milliseconds(terms.per))).await?;
        }
        write.commit().await?;
        Ok(leased)
    }

    async fn end_leases(&self, per: Duration) -> Result<(), StoreError> {
        let end = sql!(
            "UPDATE budget SET holder = NULL, need = NULL, since = NULL, at = " now ",
                 free_at = " {"min" | "least"} "(free_at, " now " + $1) WHERE holder IS NOT NULL"
        );
        // Databases count whole milliseconds, and begin them early.
        let end = end.bind(milliseconds(per + Duration::from_millis(1)));
        self.engine.execute(end).await.map(drop)
    }

    async fn occupied_permits(&self, per: Duration) -> Result<u32, StoreError> {
        let occupied = sql!(
            "SELECT CAST(coalesce(sum(permits), 0) AS BIGINT) AS permits FROM budget WHERE coalesce(free_at, at + $1) > " now
        );
        let occupied = occupied.bind(milliseconds(unheld(per)));
        let occupied = self.engine.one(occupied).await?;
        occupied.map_or(Ok(0), |found| get(&found, "permits"))
    }
}

/// How long a row of schema 2 counts, of which nobody says when it was used up: soon after it was written, while there is much to do.
fn unheld(per: Duration) -> Duration {
    per + per / 2
}

async fn take(
    write: &mut impl Transaction,
    holder: &str,
    terms: &Terms,
) -> Result<Before, StoreError> {
    let taken = TAKE.bind(holder).bind(milliseconds(unheld(terms.per)));
    let mut before = Before::default();
    for row in &write.rows(taken).await? {
        before.held += get::<u32>(row, "held")?;
        before.since = before.since.or(maybe(row, "since")?);
    }
    Ok(before)
}

async fn others(write: &mut impl Transaction, terms: &Terms) -> Result<Vec<Entry>, StoreError> {
    let unheld = milliseconds(unheld(terms.per));
    let rows = write.rows(OTHERS.bind(unheld)).await?;
    let mut others = Vec::with_capacity(rows.len());
    let mut last = 0;
    for row in &rows {
        last = last.max(get(row, "last")?);
        others.push(Entry {
            holder: maybe(row, "holder")?,
            permits: get(row, "permits")?,
            free: Duration::from_millis(u64::try_from(get::<i64>(row, "first")?).unwrap_or(0)),
            need: maybe(row, "need")?,
            since: maybe(row, "since")?,
        });
    }
    let horizon = milliseconds(terms.life + terms.longest + terms.per + SLACK);
    if last > horizon {
        write.execute(CUT.bind(unheld).bind(horizon)).await?;
    }
    Ok(others)
}

/// A row to be written.
#[derive(Debug, Serialize)]
struct Given<'a> {
    free: i64,
    permits: u32,
    holder: Option<&'a str>,
    need: Option<u32>,
    since: Option<i64>,
}

impl<'a> From<&'a Entry> for Given<'a> {
    fn from(entry: &'a Entry) -> Self {
        Self {
            free: milliseconds(entry.free),
            permits: entry.permits,
            holder: entry.holder.as_deref(),
            need: entry.need,
            since: entry.since.map(|since| since.0),
        }
    }
}
