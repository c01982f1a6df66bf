//! What this process counts, written down soon after it was counted and not too often: a delivery never waits for it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;
use crate::store::{Figures, Store, StoreError};

/// How often it is written down at most. A crash loses no more than what was counted in this time.
const EVERY: Duration = Duration::from_secs(10);
/// How often it is looked whether there is anything to write.
const LOOK: Duration = Duration::from_secs(1);

/// Who writes it down. Clones share what was written already.
#[derive(Debug, Clone)]
pub struct Clerk {
    store: Arc<dyn Store>,
    metrics: Arc<Metrics>,
    written: Arc<Mutex<Figures>>,
}

impl Clerk {
    #[must_use]
    pub fn new(store: Arc<dyn Store>, metrics: Arc<Metrics>) -> Self {
        Self {
            store,
            metrics,
            written: Arc::default(),
        }
    }

    /// Writes down what was counted since the last time. What could not be written comes with the next.
    pub async fn write_down(&self) -> Result<(), StoreError> {
        let mut written = self.written.lock().await;
        let counted = counted(&self.metrics);
        let new = counted.since(*written);
        if !new.is_zero() {
            self.store.count(new).await?;
            *written = counted;
        }
        Ok(())
    }

    /// What was counted and is not written down yet.
    pub async fn unwritten(&self) -> Figures {
        let written = self.written.lock().await;
        counted(&self.metrics).since(*written)
    }

    /// Writes whenever there is something to write, until it is told to stop: what comes after a while of rest soon, the rest together.
    pub async fn run(self, stop: CancellationToken) {
        let mut wait = LOOK;
        let sleep = tokio::time::sleep;
        // What is being written is not dropped: it would be counted twice.
        while stop.run_until_cancelled(sleep(wait)).await.is_some() {
            if self.unwritten().await.is_zero() {
                wait = LOOK;
                continue;
            }
            if let Err(error) = self.write_down().await {
                tracing::debug!(%error, "what was counted is written down later");
            }
            wait = EVERY;
        }
    }
}

/// Verified deliveries that were answered 200, whatever they told, and rooms that were made.
fn counted(metrics: &Metrics) -> Figures {
    let deliveries = [
        &metrics.deliveries_stored,
        &metrics.deliveries_duplicate,
        &metrics.deliveries_uninteresting,
        &metrics.deliveries_foreign,
        &metrics.deliveries_junk,
    ];
    Figures {
        deliveries: deliveries.iter().map(|counter| counter.get()).sum(),
        rooms: metrics.rooms_created.get(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Grain, Sqlite};

    #[tokio::test]
    async fn what_was_counted_is_written_down_once_and_nothing_where_nothing_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b.db");
        let store: Arc<dyn Store> = Arc::new(Sqlite::open(&path).await.unwrap());
        let metrics = Arc::new(Metrics::default());
        let clerk = Clerk::new(store.clone(), metrics.clone());
        clerk.write_down().await.unwrap();
        assert!(store.counted(Grain::Minute).await.unwrap().spans.is_empty());

        metrics.deliveries_stored.add_one();
        metrics.deliveries_uninteresting.add_one();
        metrics.deliveries_refused.add_one();
        metrics.rooms_created.add_one();
        let counted = Figures {
            deliveries: 2,
            rooms: 1,
        };
        assert_eq!(clerk.unwritten().await, counted);
        for _ in 0..3 {
            clerk.write_down().await.unwrap();
            assert!(clerk.unwritten().await.is_zero());
        }
        let mut kept = Figures::default();
        for span in store.counted(Grain::Hour).await.unwrap().spans {
            kept += span.figures;
        }
        assert_eq!(kept, counted);

        store.close().await;
        metrics.rooms_created.add_one();
        clerk.write_down().await.unwrap_err();
        assert_eq!(clerk.unwritten().await.rooms, 1, "it comes with the next");
    }
}
