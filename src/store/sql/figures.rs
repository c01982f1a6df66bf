//! What was counted: a row for each minute and each hour in which anything was, which all services add to.

use async_trait::async_trait;

use super::Sql;
use super::engine::{Engine, Row};
use super::row::get;
use super::statement::{Statement, sql};
use crate::model::time::Timestamp;
use crate::store::{Counted, Counting, Figures, Grain, Past, StoreError};

/// In one order, so that no two services wait for each other.
const COUNT: Statement = sql!(
    "INSERT INTO figure (width, at, deliveries, rooms)
     SELECT width, " now " - " now " % width, $1, $2 FROM (SELECT 60000 AS width UNION ALL SELECT 3600000) AS grain
         WHERE true ORDER BY width
     ON CONFLICT (width, at) DO UPDATE SET deliveries = figure.deliveries + excluded.deliveries, rooms = figure.rooms + excluded.rooms"
);

#[async_trait]
impl<E: Engine> Counting for Sql<E> {
    async fn count(&self, figures: Figures) -> Result<(), StoreError> {
        let stored = |number| i64::try_from(number).unwrap_or(i64::MAX);
        let count = COUNT
            .bind(stored(figures.deliveries))
            .bind(stored(figures.rooms));
        self.engine.execute(count).await.map(drop)
    }

    async fn counted(&self, grain: Grain) -> Result<Past, StoreError> {
        // The moment comes with every row, and with one of its own, for there may be none.
        let counted = sql!(
            "SELECT " now " AS now, CAST(NULL AS BIGINT) AS at, CAST(0 AS BIGINT) AS deliveries, CAST(0 AS BIGINT) AS rooms
             UNION ALL
             SELECT " now ", at, deliveries, rooms FROM figure WHERE width = $1 AND at > " now " - $2 ORDER BY at"
        );
        let counted = counted.bind(grain.width()).bind(grain.kept());
        let rows = self.engine.read(counted).await?;
        let now = rows.first().map(|row| get(row, "now")).transpose()?;
        let now = now.ok_or_else(|| StoreError::Unreadable("the database tells no time".into()))?;
        let spans: Result<Vec<_>, StoreError> = rows
            .iter()
            .filter_map(|row| row.integer("at").transpose().map(|at| (row, at)))
            .map(|(row, at)| span(row, at?))
            .collect();
        Ok(Past { now, spans: spans? })
    }
}

fn span(row: &impl Row, at: i64) -> Result<Counted, StoreError> {
    Ok(Counted {
        at: Timestamp(at),
        figures: Figures {
            deliveries: get(row, "deliveries")?,
            rooms: get(row, "rooms")?,
        },
    })
}

/// Removes what is too old to be shown.
pub(super) async fn forget(engine: &impl Engine) -> Result<(), StoreError> {
    for grain in Grain::ALL {
        let forget = sql!("DELETE FROM figure WHERE width = $1 AND at < " now " - $2");
        let forget = forget.bind(grain.width()).bind(grain.kept());
        engine.execute(forget).await?;
    }
    Ok(())
}
