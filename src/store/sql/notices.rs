//! Alerts and the notices that wait to be posted.

use std::time::Duration;

use async_trait::async_trait;

use super::Sql;
use super::engine::{Engine, Transaction as _};
use super::row::{get, maybe};
use super::statement::{Query, Statement, sql};
use crate::model::time::milliseconds;
use crate::store::{Alert, Notice, Notices, StoreError, Turn, Turned};

const DUE: Statement = sql!(
    "SELECT id, cause, body, attempts, " now " - at AS age FROM notice WHERE next_at <= " now
    // What came first of a cause is told first, even when it has to be told again.
    " AND NOT EXISTS (SELECT 1 FROM notice AS older WHERE older.cause = notice.cause AND older.id < notice.id) ORDER BY id LIMIT $1"
);

#[async_trait]
impl<E: Engine> Notices for Sql<E> {
    async fn alerts(&self) -> Result<Vec<Alert>, StoreError> {
        let alerts = sql!("SELECT cause, since, told, told_at, over_at FROM alert ORDER BY cause");
        let rows = self.engine.read(alerts).await?;
        rows.iter()
            .map(|found| {
                Ok(Alert {
                    cause: get(found, "cause")?,
                    since: get(found, "since")?,
                    told: get(found, "told")?,
                    told_at: get(found, "told_at")?,
                    over_at: maybe(found, "over_at")?,
                })
            })
            .collect()
    }

    async fn turn(&self, turns: &[Turn]) -> Result<(), StoreError> {
        let queue =
            sql!("INSERT INTO notice (cause, at, body, next_at) VALUES ($1, " now ", $2, " now ")");
        let mut write = self.engine.begin().await?;
        for turn in turns {
            let turned = write.execute(change(turn)).await?;
            if let (true, Some(body)) = (turned > 0, &turn.body) {
                write.execute(queue.bind(&turn.cause).bind(body)).await?;
            }
        }
        write.commit().await
    }

    async fn due_notices(&self, most: u32) -> Result<Vec<Notice>, StoreError> {
        let rows = self.engine.read(DUE.bind(most)).await?;
        rows.iter()
            .map(|found| {
                let age: i64 = get(found, "age")?;
                Ok(Notice {
                    id: get(found, "id")?,
                    cause: get(found, "cause")?,
                    body: get(found, "body")?,
                    attempts: get(found, "attempts")?,
                    age: Duration::from_millis(u64::try_from(age).unwrap_or(0)),
                })
            })
            .collect()
    }

    async fn waiting_notices(&self) -> Result<u64, StoreError> {
        let count = sql!("SELECT count(*) AS notices FROM notice");
        let count = self.engine.one(count).await?;
        count.as_ref().map_or(Ok(0), |found| get(found, "notices"))
    }

    async fn untaken_notices(&self) -> Result<u64, StoreError> {
        let count = sql!("SELECT count(*) AS notices FROM notice WHERE attempts > 0");
        let count = self.engine.one(count).await?;
        count.as_ref().map_or(Ok(0), |found| get(found, "notices"))
    }

    async fn forget_notice(&self, id: i64) -> Result<(), StoreError> {
        let forget = sql!("DELETE FROM notice WHERE id = $1");
        self.engine.execute(forget.bind(id)).await.map(drop)
    }

    async fn defer_notice(&self, id: i64, wait: Duration) -> Result<(), StoreError> {
        let defer = sql!(
            "UPDATE notice SET attempts = attempts + 1, next_at = $2 + " now " WHERE id = $1"
        );
        let defer = defer.bind(id).bind(milliseconds(wait));
        self.engine.execute(defer).await.map(drop)
    }

    async fn hasten_notices(&self) -> Result<(), StoreError> {
        let hasten = sql!(
            "UPDATE notice SET next_at = " now " WHERE attempts > 0 AND next_at > " now
        );
        self.engine.execute(hasten).await.map(drop)
    }
}

/// Each matches a row only while the alert stands as whoever decided it saw it: of two who decide the same, one is heard.
fn change(turn: &Turn) -> Query {
    let cause = &turn.cause;
    match turn.turned {
        Turned::Begins { since, told } => {
            let begins = sql!(
                "INSERT INTO alert (cause, since, told, told_at) VALUES ($1, $2, $3, " now ") ON CONFLICT (cause) DO NOTHING"
            );
            begins.bind(cause).bind(since).bind(count(told))
        }
        Turned::Grows { before, told } => {
            let grows = sql!(
                "UPDATE alert SET told = $2, told_at = " now ", over_at = NULL WHERE cause = $1 AND told = $3"
            );
            grows.bind(cause).bind(count(told)).bind(count(before))
        }
        Turned::Rests => {
            sql!("UPDATE alert SET over_at = " now " WHERE cause = $1 AND over_at IS NULL")
                .bind(cause)
        }
        Turned::Returns => {
            sql!("UPDATE alert SET over_at = NULL WHERE cause = $1 AND over_at IS NOT NULL")
                .bind(cause)
        }
        Turned::Ends => {
            sql!("DELETE FROM alert WHERE cause = $1 AND over_at IS NOT NULL").bind(cause)
        }
    }
}

fn count(boards: u64) -> i64 {
    i64::try_from(boards).unwrap_or(i64::MAX)
}
