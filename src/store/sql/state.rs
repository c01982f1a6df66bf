//! What is known beside boards: baselines, lanes, watched models, single facts.

use std::time::Duration;

use async_trait::async_trait;

use super::Sql;
use super::engine::{Engine, Transaction as _};
use super::row::{self, all_parsed, get, get_parsed};
use super::statement::{sql, texts};
use crate::model::failure::Failure;
use crate::model::id::ModelId;
use crate::model::lane::{Lane, Pause};
use crate::model::time::Timestamp;
use crate::store::{Fact, State, StoreError};

#[async_trait]
impl<E: Engine> State for Sql<E> {
    async fn baselines(&self) -> Result<Vec<ModelId>, StoreError> {
        let sources = self.engine.read(sql!("SELECT id FROM source")).await?;
        all_parsed(&sources, "id")
    }

    async fn lanes(&self) -> Result<Vec<(Lane, Pause)>, StoreError> {
        let lanes = sql!(
            "SELECT name, code, detail, since, until, failures FROM lane ORDER BY since, name"
        );
        let rows = self.engine.read(lanes).await?;
        let mut lanes = Vec::with_capacity(rows.len());
        for found in &rows {
            let (Some(lane), Some(code)) = (
                row::readable(get_parsed(found, "name")),
                row::readable(get_parsed(found, "code")),
            ) else {
                continue;
            };
            let pause = Pause {
                failure: Failure {
                    code,
                    detail: get(found, "detail")?,
                },
                since: get(found, "since")?,
                until: get(found, "until")?,
                failures: get(found, "failures")?,
            };
            lanes.push((lane, pause));
        }
        Ok(lanes)
    }

    async fn set_lane(&self, lane: Lane, pause: Option<&Pause>) -> Result<(), StoreError> {
        let Some(pause) = pause else {
            let open = sql!("DELETE FROM lane WHERE name = $1").bind(lane.as_str());
            return self.engine.execute(open).await.map(drop);
        };
        let set = sql!(
            "INSERT INTO lane (name, code, detail, since, until, failures) VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (name) DO UPDATE SET code = excluded.code, detail = excluded.detail, since = excluded.since,
                 until = excluded.until, failures = excluded.failures"
        );
        let set = set
            .bind(lane.as_str())
            .bind(pause.failure.code.as_str())
            .bind(&pause.failure.detail)
            .bind(pause.since)
            .bind(pause.until)
            .bind(pause.failures);
        self.engine.execute(set).await.map(drop)
    }

    async fn models(&self) -> Result<Vec<ModelId>, StoreError> {
        let models = self.engine.read(sql!("SELECT model FROM webhook")).await?;
        all_parsed(&models, "model")
    }

    async fn watches(&self, model: ModelId) -> Result<bool, StoreError> {
        let found = sql!("SELECT model FROM webhook WHERE model = $1");
        let found = self.engine.one(found.bind(model.to_string())).await?;
        Ok(found.is_some())
    }

    async fn watch(&self, models: &[ModelId]) -> Result<(), StoreError> {
        // In one order, so that no two services wait for each other.
        let watch = sql!(
            "INSERT INTO webhook (model, at) SELECT value, " now " FROM " (each 1) {" WHERE true" | " ORDER BY value COLLATE \"C\""}
            " ON CONFLICT (model) DO NOTHING"
        );
        self.engine
            .execute(watch.bind(texts(models)))
            .await
            .map(drop)
    }

    async fn fact(&self, name: Fact) -> Result<Option<String>, StoreError> {
        let fact = sql!("SELECT value FROM meta WHERE name = $1");
        let fact = self.engine.one(fact.bind(name.as_str())).await?;
        fact.as_ref().map(|fact| get(fact, "value")).transpose()
    }

    async fn set_fact(&self, name: Fact, value: &str) -> Result<(), StoreError> {
        let set = sql!(
            "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
        );
        self.engine
            .execute(set.bind(name.as_str()).bind(value))
            .await
            .map(drop)
    }

    async fn earliest(&self, name: Fact, moment: Timestamp) -> Result<Timestamp, StoreError> {
        let earliest = sql!(
            "INSERT INTO meta (name, value) VALUES ($1, CAST($2 AS TEXT)) ON CONFLICT (name) DO UPDATE
                 SET value = CAST(" {"min" | "least"} "(CAST(meta.value AS " {"INTEGER" | "BIGINT"} "), $2) AS TEXT)
             RETURNING CAST(value AS " {"INTEGER" | "BIGINT"} ") AS earliest"
        );
        let earliest = earliest.bind(name.as_str()).bind(moment);
        let rows = self.engine.write(earliest).await?;
        let kept = rows
            .first()
            .ok_or_else(|| StoreError::Unreadable(name.as_str().into()))?;
        get(kept, "earliest")
    }

    async fn reserve(&self, permits: u32) -> Result<(), StoreError> {
        let mut write = self.engine.begin().await?;
        let reserve = sql!("INSERT INTO budget (at, permits) VALUES (" now ", $1)");
        write.execute(reserve.bind(permits)).await?;
        // Services that do this at the same time pass over each other's rows.
        let forget = sql!(
            "DELETE FROM budget WHERE " {"" | "id IN (SELECT id FROM budget WHERE "} "at < " now " - 60000"
            {"" | " FOR UPDATE SKIP LOCKED)"}
        );
        write.execute(forget).await?;
        write.commit().await
    }

    async fn reservations(&self) -> Result<Vec<(u32, Duration)>, StoreError> {
        let reservations = sql!(
            "SELECT permits, " {"max" | "greatest"} "(" now " - at, 0) AS age FROM budget ORDER BY id DESC"
        );
        let rows = self.engine.read(reservations).await?;
        rows.iter()
            .map(|found| {
                let age = Duration::from_millis(get(found, "age")?);
                Ok((get(found, "permits")?, age))
            })
            .collect()
    }

    async fn close(&self) {
        self.engine.close().await;
    }
}
