//! What is known beside boards: baselines, watched models, single facts.

use async_trait::async_trait;

use super::Sql;
use super::engine::Engine;
use super::row::{all_parsed, get};
use super::statement::{sql, texts};
use crate::model::id::ModelId;
use crate::model::time::Timestamp;
use crate::store::{Fact, State, StoreError};

#[async_trait]
impl<E: Engine> State for Sql<E> {
    async fn baselines(&self) -> Result<Vec<ModelId>, StoreError> {
        let sources = self.engine.read(sql!("SELECT id FROM source")).await?;
        all_parsed(&sources, "id")
    }

    async fn models(&self) -> Result<Vec<ModelId>, StoreError> {
        let models = self.engine.read(sql!("SELECT model FROM webhook")).await?;
        all_parsed(&models, "model")
    }

    async fn watched(&self) -> Result<u64, StoreError> {
        let count = sql!("SELECT count(*) AS models FROM webhook");
        let found = self.engine.one(count).await?;
        found.map_or(Ok(0), |found| get(&found, "models"))
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

    async fn date(&self, name: Fact) -> Result<(), StoreError> {
        let date = sql!(
            "INSERT INTO meta (name, value) VALUES ($1, CAST(" now " AS TEXT))
             ON CONFLICT (name) DO UPDATE SET value = excluded.value"
        );
        let date = date.bind(name.as_str());
        self.engine.execute(date).await.map(drop)
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

    async fn close(&self) {
        self.engine.close().await;
    }
}
