//! What is known beside boards: baselines, lanes, watched models, single facts.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;

use super::row::{self, parsed};
use super::{Sqlite, now};
use crate::model::failure::Failure;
use crate::model::id::ModelId;
use crate::model::lane::{Lane, Pause};
use crate::model::time::Timestamp;
use crate::store::{Fact, State, StoreError};

#[async_trait]
impl State for Sqlite {
    async fn baselines(&self) -> Result<Vec<ModelId>, StoreError> {
        let ids: Vec<String> = sqlx::query_scalar("SELECT id FROM source")
            .fetch_all(&self.read)
            .await?;
        ids.iter().map(|id| parsed(id)).collect()
    }

    async fn lanes(&self) -> Result<Vec<(Lane, Pause)>, StoreError> {
        let rows: Vec<(String, String, String, i64, i64, u32)> =
            sqlx::query_as("SELECT name, code, detail, since, until, failures FROM lane")
                .fetch_all(&self.read)
                .await?;
        let mut lanes = Vec::new();
        for (name, code, detail, since, until, failures) in rows {
            let (Some(lane), Some(code)) =
                (row::readable(parsed(&name)), row::readable(parsed(&code)))
            else {
                continue;
            };
            let (since, until) = (Timestamp(since), Timestamp(until));
            lanes.push((
                lane,
                Pause {
                    failure: Failure { code, detail },
                    since,
                    until,
                    failures,
                },
            ));
        }
        Ok(lanes)
    }

    async fn set_lane(&self, lane: Lane, pause: Option<&Pause>) -> Result<(), StoreError> {
        let Some(pause) = pause else {
            sqlx::query("DELETE FROM lane WHERE name = $1")
                .bind(lane.as_str())
                .execute(&self.write)
                .await?;
            return Ok(());
        };
        sqlx::query(
            "INSERT INTO lane (name, code, detail, since, until, failures) VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (name) DO UPDATE SET code = excluded.code, detail = excluded.detail, since = excluded.since,
                 until = excluded.until, failures = excluded.failures",
        )
        .bind(lane.as_str())
        .bind(pause.failure.code.as_str())
        .bind(&pause.failure.detail)
        .bind(pause.since.0)
        .bind(pause.until.0)
        .bind(pause.failures)
        .execute(&self.write)
        .await?;
        Ok(())
    }

    async fn models(&self) -> Result<Vec<ModelId>, StoreError> {
        let ids: Vec<String> = sqlx::query_scalar("SELECT model FROM webhook")
            .fetch_all(&self.read)
            .await?;
        ids.iter().map(|id| parsed(id)).collect()
    }

    async fn watches(&self, model: ModelId) -> Result<bool, StoreError> {
        let found: i64 = sqlx::query_scalar("SELECT count(*) FROM webhook WHERE model = $1")
            .bind(model.to_string())
            .fetch_one(&self.read)
            .await?;
        Ok(found > 0)
    }

    async fn watch(&self, models: &[ModelId]) -> Result<(), StoreError> {
        sqlx::query(concat!(
            "INSERT INTO webhook (model, at) SELECT value, ",
            now!(),
            " FROM json_each($1) WHERE true ON CONFLICT (model) DO NOTHING"
        ))
        .bind(json!(models).to_string())
        .execute(&self.write)
        .await?;
        Ok(())
    }

    async fn fact(&self, name: Fact) -> Result<Option<String>, StoreError> {
        let value =
            sqlx::query_scalar("SELECT value FROM meta WHERE name = $1").bind(name.as_str());
        Ok(value.fetch_optional(&self.read).await?)
    }

    async fn set_fact(&self, name: Fact, value: &str) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value")
            .bind(name.as_str())
            .bind(value)
            .execute(&self.write)
            .await?;
        Ok(())
    }

    async fn earliest(&self, name: Fact, moment: Timestamp) -> Result<Timestamp, StoreError> {
        let earliest = sqlx::query_scalar(
            "INSERT INTO meta (name, value) VALUES ($1, CAST($2 AS TEXT)) ON CONFLICT (name) DO UPDATE
                 SET value = CAST(min(CAST(value AS INTEGER), CAST(excluded.value AS INTEGER)) AS TEXT)
             RETURNING CAST(value AS INTEGER)",
        );
        let earliest = earliest.bind(name.as_str()).bind(moment.0);
        Ok(Timestamp(earliest.fetch_one(&self.write).await?))
    }

    async fn reserve(&self, permits: u32) -> Result<(), StoreError> {
        let mut write = self.write.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query(concat!(
            "INSERT INTO budget (at, permits) VALUES (",
            now!(),
            ", $1)"
        ))
        .bind(permits)
        .execute(&mut *write)
        .await?;
        sqlx::query(concat!(
            "DELETE FROM budget WHERE at < ",
            now!(),
            " - 60000"
        ))
        .execute(&mut *write)
        .await?;
        Ok(write.commit().await?)
    }

    async fn reservations(&self) -> Result<Vec<(u32, Duration)>, StoreError> {
        let rows: Vec<(u32, i64)> = sqlx::query_as(concat!(
            "SELECT permits, max(",
            now!(),
            " - at, 0) FROM budget ORDER BY id DESC"
        ))
        .fetch_all(&self.read)
        .await?;
        let age = |age: i64| Duration::from_millis(u64::try_from(age).unwrap_or(0));
        Ok(rows
            .into_iter()
            .map(|(permits, ms)| (permits, age(ms)))
            .collect())
    }

    async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }
}
