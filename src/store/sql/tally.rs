//! How many boards stand where, as the tally of the schema has it: what it costs does not grow with them.

use super::engine::Engine;
use super::row::{get, maybe};
use super::statement::{Statement, sql};
use crate::store::{StoreError, Words};

/// Where some board stands. What a newer program writes is counted, too.
const TALLY: Statement = sql!(
    "SELECT status, nullif(reason, '') AS reason, CAST(sum(boards) AS BIGINT) AS boards FROM tally
         GROUP BY status, reason HAVING sum(boards) > 0 ORDER BY status, reason"
);

pub(super) async fn tally(engine: &impl Engine) -> Result<Vec<(Words, u64)>, StoreError> {
    let rows = engine.read(TALLY).await?;
    rows.iter()
        .map(|found| {
            let words = Words {
                status: get(found, "status")?,
                reason: maybe(found, "reason")?,
            };
            Ok((words, get(found, "boards")?))
        })
        .collect()
}
