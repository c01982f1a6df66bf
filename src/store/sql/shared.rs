//! What several services share: leases, what the holder of one has learnt, lanes.

use std::time::Duration;

use async_trait::async_trait;

use super::Sql;
use super::engine::{Engine, Row};
use super::row::{self, get, get_parsed, maybe, parsed};
use super::statement::{Statement, sql};
use crate::model::failure::Failure;
use crate::model::lane::{Lane, Pause};
use crate::model::time::{Timestamp, milliseconds};
use crate::store::{
    Closing, Duty, Fact, Held, Learnt, News, Opened, Passage, Paused, Shared, StoreError,
};

/// Nobody takes a duty from another whose lease has not run out. What one has learnt is not handed on: the next one may have found a
/// database of before.
const LEAD: Statement = sql!(
    "INSERT INTO lease (name, holder, until) VALUES ($1, $2, $3 + " now ")
     ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until,
         scope = CASE WHEN lease.holder = excluded.holder THEN lease.scope END,
         audited_at = CASE WHEN lease.holder = excluded.holder THEN lease.audited_at END,
         webhooks_at = CASE WHEN lease.holder = excluded.holder THEN lease.webhooks_at END
         WHERE lease.holder = excluded.holder OR lease.until <= " now
);

/// One statement, so that all of it was true in one moment. What was learnt counts while the lease of the one who learnt it is held.
const LEARNT: Statement = sql!(
    "SELECT 'baseline' AS what, id AS value FROM source
     UNION ALL SELECT name, value FROM meta WHERE name IN ($2, $3, $4, $5)
     UNION ALL SELECT 'scope', scope FROM lease WHERE name = $1 AND until > " now " AND scope IS NOT NULL
     UNION ALL SELECT 'audited', CAST(" now " - audited_at AS TEXT) FROM lease
         WHERE name = $1 AND until > " now " AND audited_at IS NOT NULL
     UNION ALL SELECT 'webhooks', holder FROM lease WHERE name = $1 AND until > " now " AND webhooks_at IS NOT NULL"
);

/// There is a row even when nothing is closed: it tells the time.
const LANES: Statement = sql!(
    "SELECT " now " AS now, name, code, detail, since, until, failures FROM (SELECT 1 AS one) AS always LEFT JOIN lane ON true ORDER BY since, name"
);

/// Of two who close the same lane at once, or find it still closed at once, one counts: its failure is the same.
const CLOSE: Statement = sql!(
    "INSERT INTO lane (name, code, detail, since, until, failures) VALUES ($1, $2, $3, " now ", $4 + " now ", 1)
     ON CONFLICT (name) DO UPDATE SET code = excluded.code, detail = excluded.detail, failures = lane.failures + 1,
         until = $5 + " now ", trial_at = NULL
         WHERE lane.since = $6 AND lane.failures = $7 AND ($8 = 0 OR lane.trial_at IS NOT NULL)
     RETURNING since, until, failures"
);

#[async_trait]
impl<E: Engine> Shared for Sql<E> {
    async fn lead(&self, duty: Duty, holder: &str, lease: Duration) -> Result<Held, StoreError> {
        let lead = LEAD.bind(duty.as_str()).bind(holder);
        let lead = lead.bind(milliseconds(lease));
        Ok(held(self.engine.execute(lead).await?))
    }

    async fn resign(&self, duty: Duty, holder: &str) -> Result<(), StoreError> {
        let resign = sql!("DELETE FROM lease WHERE name = $1 AND holder = $2");
        let resign = resign.bind(duty.as_str()).bind(holder);
        self.engine.execute(resign).await.map(drop)
    }

    async fn announce(&self, holder: &str, news: News<'_>) -> Result<Held, StoreError> {
        let announce = match news {
            News::Scope(scope) => sql!(
                "UPDATE lease SET scope = $3 WHERE name = $1 AND holder = $2 AND until > " now
            )
            .bind(Duty::Upkeep.as_str())
            .bind(holder)
            .bind(scope),
            News::Audited => sql!(
                "UPDATE lease SET audited_at = " now " WHERE name = $1 AND holder = $2 AND until > " now
            )
            .bind(Duty::Upkeep.as_str())
            .bind(holder),
            News::WebhooksRead => sql!(
                "UPDATE lease SET webhooks_at = " now " WHERE name = $1 AND holder = $2 AND until > " now
            )
            .bind(Duty::Upkeep.as_str())
            .bind(holder),
        };
        Ok(held(self.engine.execute(announce).await?))
    }

    async fn learnt(&self) -> Result<Learnt, StoreError> {
        let learnt = LEARNT
            .bind(Duty::Upkeep.as_str())
            .bind(Fact::Since.as_str())
            .bind(Fact::Roles.as_str())
            .bind(Fact::Sweeps.as_str())
            .bind(Fact::WebhookSyncs.as_str());
        let mut learnt_by_now = Learnt::default();
        for found in &self.engine.read(learnt).await? {
            let (what, value): (String, String) = (get(found, "what")?, get(found, "value")?);
            take(&mut learnt_by_now, &what, value)?;
        }
        Ok(learnt_by_now)
    }

    async fn tell_of_roles(&self) -> Result<(), StoreError> {
        count(&self.engine, Fact::Roles).await
    }

    async fn ask_for_sweep(&self) -> Result<(), StoreError> {
        count(&self.engine, Fact::Sweeps).await
    }

    async fn ask_for_webhooks(&self) -> Result<(), StoreError> {
        count(&self.engine, Fact::WebhookSyncs).await
    }

    async fn lanes(&self) -> Result<Paused, StoreError> {
        let rows = self.engine.read(LANES).await?;
        let now = match rows.first() {
            Some(found) => get(found, "now")?,
            None => return Err(StoreError::Unreadable("the time".into())),
        };
        let mut lanes = Vec::with_capacity(rows.len());
        for found in &rows {
            if let Some(name) = maybe::<String>(found, "name")?
                && let Some(lane) = row::readable(parsed(&name))
                && let Some(pause) = row::readable(pause(found))
            {
                lanes.push((lane, pause));
            }
        }
        Ok(Paused { now, lanes })
    }

    async fn close_lane(
        &self,
        lane: Lane,
        failure: &Failure,
        closing: Closing,
    ) -> Result<Option<Pause>, StoreError> {
        let (since, failures) = closing.known.unzip();
        let close = CLOSE
            .bind(lane.as_str())
            .bind(failure.code.as_str())
            .bind(&failure.detail)
            .bind(milliseconds(closing.first))
            .bind(milliseconds(closing.again))
            .bind(since)
            .bind(failures)
            .bind(closing.on_trial);
        let rows = self.engine.write(close).await?;
        let closed = rows.first().map(|found| timed(found, failure.clone()));
        closed.transpose()
    }

    async fn open_lane(&self, lane: Lane) -> Result<Opened, StoreError> {
        let open = sql!("DELETE FROM lane WHERE name = $1").bind(lane.as_str());
        Ok(match self.engine.execute(open).await? {
            0 => Opened::Before,
            _ => Opened::Now,
        })
    }

    async fn put_on_trial(&self, gate: Lane, span: Duration) -> Result<Passage, StoreError> {
        let begin = sql!(
            "UPDATE lane SET trial_at = " now " WHERE name = $1 AND until <= " now
            " AND (trial_at IS NULL OR trial_at + $2 <= " now ")"
        );
        let begin = begin.bind(gate.as_str()).bind(milliseconds(span));
        Ok(passage(self.engine.execute(begin).await?))
    }

    async fn try_gate(&self, gate: Lane, span: Duration) -> Result<Passage, StoreError> {
        // Of two who ask at once the second finds the moment moved. A program of before closes a gate for longer and knows of no trial.
        let pass = sql!(
            "UPDATE lane SET trial_at = $2 + " now " WHERE name = $1 AND trial_at <= " now " AND until <= " now
        );
        let pass = pass.bind(gate.as_str()).bind(milliseconds(span));
        Ok(passage(self.engine.execute(pass).await?))
    }
}

/// Counts that something was told, so that others see that it was told again.
async fn count(engine: &impl Engine, fact: Fact) -> Result<(), StoreError> {
    let count = sql!(
        "INSERT INTO meta (name, value) VALUES ($1, '1') ON CONFLICT (name) DO UPDATE
             SET value = CAST(CAST(meta.value AS " {"INTEGER" | "BIGINT"} ") + 1 AS TEXT)"
    );
    engine.execute(count.bind(fact.as_str())).await.map(drop)
}

fn held(rows: u64) -> Held {
    if rows == 0 { Held::Lost } else { Held::Held }
}

fn passage(rows: u64) -> Passage {
    if rows == 0 {
        Passage::Held
    } else {
        Passage::Passed
    }
}

/// Takes one row of what is known.
fn take(learnt: &mut Learnt, what: &str, value: String) -> Result<(), StoreError> {
    match what {
        "baseline" => learnt.baselines.push(parsed(&value)?),
        "scope" => learnt.scope = Some(value),
        "audited" => {
            let age: i64 = parsed(&value)?;
            learnt.audited = Some(Duration::from_millis(u64::try_from(age).unwrap_or(0)));
        }
        "webhooks" => learnt.webhooks_read = true,
        _ if what == Fact::Since.as_str() => learnt.since = Some(Timestamp(parsed(&value)?)),
        _ if what == Fact::Roles.as_str() => learnt.roles = parsed(&value)?,
        _ if what == Fact::Sweeps.as_str() => learnt.sweeps = parsed(&value)?,
        _ if what == Fact::WebhookSyncs.as_str() => learnt.webhook_syncs = parsed(&value)?,
        _ => {}
    }
    Ok(())
}

fn pause(found: &impl Row) -> Result<Pause, StoreError> {
    let failure = Failure {
        code: get_parsed(found, "code")?,
        detail: get(found, "detail")?,
    };
    timed(found, failure)
}

fn timed(found: &impl Row, failure: Failure) -> Result<Pause, StoreError> {
    Ok(Pause {
        failure,
        since: get(found, "since")?,
        until: get(found, "until")?,
        failures: get(found, "failures")?,
    })
}
